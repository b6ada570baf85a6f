"""Numbers, and what was read, as text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.core.overrides import changes

DECIMALS = 4

# In the order of `Point.neighbours`.
NEIGHBOUR_NAMES = ("Q11", "Q21", "Q12", "Q22")


def format_number(value: float, decimals: int = DECIMALS) -> str:
    """Return a number with up to `decimals` decimals and without trailing zeros.

    Examples
    --------
    >>> [format_number(value) for value in (9.25, 2.0833333, 10.0, -0.0, 0.0000123)]
    ['9.25', '2.0833', '10', '0', '1.23e-05']
    >>> format_number(123456789.0), format_number(float("nan"))
    ('123456789', 'nan')
    """
    if not math.isfinite(value):
        return str(float(value))
    if abs(value) >= 1e15 or 0 < abs(value) < 0.5 * 10**-decimals:
        return f"{value:.{decimals}g}"
    text = f"{value:.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def format_column(values: Iterable[float], decimals: int = DECIMALS) -> list[str]:
    """Return numbers as text with the same count of decimals, fewer where they are large.

    Examples
    --------
    >>> format_column([0.14, 0.2149]), format_column([1234.5678, 2.0]), format_column([3.0, 4.0])
    (['0.1400', '0.2149'], ['1234.6', '2.0'], ['3', '4'])
    """
    values = list(values)
    finite = [abs(v) for v in values if math.isfinite(v)]
    largest = max(finite, default=0.0)
    if largest >= 1e9 or 0 < largest < 10**-decimals:
        return [f"{v:.{decimals}g}" for v in values]
    if all(v == int(v) for v in finite):
        decimals = 0
    else:
        decimals = max(1, min(decimals, decimals + 1 - len(str(int(largest)))))
    return [f"{v:.{decimals}f}" for v in values]


def normalise(values: Float) -> Float:
    """Place each value in the range of the finite ones, from 0 to 1; 0 where it is not finite.

    Examples
    --------
    >>> normalise(np.array([2.0, 3.0, np.nan, 4.0])).tolist(), normalise(np.array([7.0])).tolist()
    ([0.0, 0.5, 0.0, 1.0], [0.0])
    """
    wide = values.astype(np.float64)
    finite = np.isfinite(wide)
    low, high = (wide[finite].min(), wide[finite].max()) if finite.any() else (0.0, 0.0)
    # Halves, so that the range of the largest numbers does not overflow.
    within = (np.where(finite, wide, low) / 2 - low / 2) / (high / 2 - low / 2 or 1.0)
    return np.asarray(within)


def format_point(x: float, y: float, decimals: int = DECIMALS) -> str:
    """Return a position as text: (x, y)."""
    return f"({format_number(x, decimals)}, {format_number(y, decimals)})"


def name_of(convention: Convention) -> str:
    """Return a convention's name, with what was changed of it."""
    changed = ", ".join(f"{field}={value}" for field, value in changes(convention).items())
    return f"{convention.name} ({changed})" if changed else convention.name


def describe(name: str, features: NDArray[Any], convention: Convention) -> str:
    """Say in one line what was read and by which rules it is pooled."""
    shape = " × ".join(map(str, features.shape))
    return (
        f"{name}: {shape} {features.dtype}{_range(features)}; convention {name_of(convention)}, "
        f"{convention.pooling}; boxes read as {reading_of(convention)}"
    )


def reading_of(convention: Convention) -> str:
    """Return how boxes are read, as text."""
    normalized = " normalised" if convention.normalized else ""
    return f"{convention.box_format}{normalized}, origin {convention.origin}"


# Reading more than this only to tell its range would be most of a run.
_MOST_BYTES = 1 << 27


def _range(features: NDArray[Any]) -> str:
    if features.nbytes > _MOST_BYTES:
        return ""
    finite = features[np.isfinite(features)]
    others = features.size - finite.size
    not_finite = f", {others} not finite" if others else ""
    if not finite.size:
        return not_finite
    low, high = (format_number(float(end)) for end in (finite.min(), finite.max()))
    return f", {low} to {high}{not_finite}"


def channel_of(trace: Trace) -> str:
    """Return which of several channels a trace is of, as text; "" if there is but one."""
    if trace.channels == 1:
        return ""
    if isinstance(trace.channel, str):
        return f"{trace.channel} of {trace.channels} channels"
    return f"channel {trace.channel} of {trace.channels}"
