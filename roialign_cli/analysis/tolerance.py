"""The largest difference between two outputs that still counts as equal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float

# Both outputs are computed here from the same features, with the same arithmetic.
CONVENTIONS_TOLERANCE = 1e-5  # as a share of a channel's largest value
# Another library sums in another order, and rounds to the data type of its tensors.
_HALF_TOLERANCE, _FULL_TOLERANCE = 4e-3, 1e-4  # float16; wider and whole numbers
BFLOAT16_TOLERANCE = 2**-7  # it has 8 bits of precision


def output_tolerance(*dtypes: np.dtype[Any], bfloat16: bool = False) -> float:
    """Return the tolerance for a saved output, as a share of a channel's largest value.

    Parameters
    ----------
    dtypes
        The data types of the features and of the output; the least precise one decides.
    bfloat16
        Whether the features or the output have this type, which NumPy lacks.

    Examples
    --------
    >>> output_tolerance(np.dtype(np.float32), np.dtype(np.float16))
    0.004
    """
    if bfloat16:
        return BFLOAT16_TOLERANCE
    half = any(dtype.kind == "f" and dtype.itemsize == 2 for dtype in dtypes)
    return _HALF_TOLERANCE if half else _FULL_TOLERANCE


def allowed_differences(output: NDArray[Any], share: float) -> Float:
    """Return the largest difference of each channel that still counts as equal.

    Parameters
    ----------
    output
        (R, C, height, width), numbers; values that are not finite are ignored.
    share
        The difference as a share of the channel's largest absolute value.

    Returns
    -------
    (C, 1, 1), float64, in units of the output. A channel without a value other than 0 allows
    `share` itself.
    """
    high, low = _extremes(output)
    if not (np.isfinite(high) & np.isfinite(low)).all():
        high, low = _extremes(np.where(np.isfinite(output), output, 0))
    largest = np.maximum(high, -low)
    return np.asarray(share * np.where(largest > 0, largest, 1.0))[:, None, None]


def _extremes(output: NDArray[Any]) -> tuple[Float, Float]:
    """Return the largest and the smallest value of each channel or 0, (C,) each, float64."""
    # Row after row is much faster than all axes at once.
    high, low = output.max(axis=0, initial=0), output.min(axis=0, initial=0)
    return high.max(axis=(1, 2)).astype(np.float64), low.min(axis=(1, 2)).astype(np.float64)
