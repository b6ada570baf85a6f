"""The combinations of parameters that operators like ROI Align run with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# The sampling ratio, 0 for the adaptive one, and the spatial scale of every call.
_RATIOS_AND_SCALES = (
    (0, 1.0),
    (0, 0.25),
    (0, 1 / 16),
    (0, 0.3),
    (2, 0.3),
    (1, 1 / 16),
    (3, 0.25),
    (2, 1.0),
    (0, 0.3),
    (3, 0.25),
    (0, 1 / 16),
    (0, 1.0),
)
_SIZES = ((2, 3), (3, 2), (1, 1), (4, 4))


def common_calls(
    sizes: Sequence[tuple[int, int]] = _SIZES, **described_by: Any
) -> list[dict[str, Any]]:
    """Return the entries of twelve calls, a hundred boxes each.

    Parameters
    ----------
    sizes
        The output sizes, used in turn.
    described_by
        What else describes every call, such as the framework and its parameters.
    """
    return [
        {
            **described_by,
            "output_size": list(sizes[number % len(sizes)]),
            "sampling_ratio": ratio,
            "spatial_scale": scale,
        }
        for number, (ratio, scale) in enumerate(_RATIOS_AND_SCALES)
    ]
