"""Numbers and titles as figures write them."""

from __future__ import annotations

import math

import numpy as np

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.numbers import channel_of, format_number


def format_decimals(value: float, decimals: int = 2) -> str:
    """Return a number with at most this many decimals and a typographic minus sign.

    Examples
    --------
    >>> format_decimals(-0.50), format_decimals(2.0833333, 3)
    ('−0.5', '2.083')
    """
    return format_number(value, decimals).replace("-", "−")


def format_significant(value: float) -> str:
    """Return a number with four significant digits and a typographic minus sign."""
    return f"{value:.4g}".replace("-", "−")


def format_alike(values: Float, digits: int = 3) -> list[str]:
    """Return numbers as text, all with the same number of decimals.

    Parameters
    ----------
    values
        (...), float; flattened row by row.
    digits
        How many significant digits of the largest value to write, without trailing zeros.

    Examples
    --------
    >>> format_alike(np.array([0.1234, -0.5])), format_alike(np.array([1.0, 20.0]))
    (['0.123', '−0.500'], ['1', '20'])
    """
    flat = values.ravel().astype(float)
    finite = flat[np.isfinite(flat)]
    largest = float(np.abs(finite).max(initial=0.0))
    if largest and not 1e-3 <= largest < 1e5:
        return [f"{v:.2g}".replace("-", "−") for v in flat.tolist()]
    max_decimals = max(digits - 1 - math.floor(math.log10(largest)), 0) if largest else 0
    exact = (
        d for d in range(max_decimals) if np.allclose(finite.round(d), finite, 0, largest * 1e-6)
    )
    decimals = next(exact, max_decimals)
    return [f"{v:.{decimals}f}".replace("-", "−") for v in (flat + 0.0).tolist()]


def title_parts(trace: Trace, *parts: str) -> list[str]:
    """Return the parts of a figure's title: the convention, the channel, and what is shown."""
    channel = channel_of(trace)
    return [trace.convention.name, *([channel] if channel else []), *parts]


def sections_count(trace: Trace) -> str:
    """Return how many sections an ROI has along x and along y."""
    return f"{len(trace.output[0])} × {len(trace.output)} sections"
