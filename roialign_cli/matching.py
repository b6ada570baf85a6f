"""Two conventions held against each other on the same input."""

from __future__ import annotations

import numpy as np

from roialign_cli.boxes import Float
from roialign_cli.tracing import Point, Section, Trace


def difference(outputs: Float, others: Float) -> Float:
    """Return how much others are above outputs of the same shape, in float64.

    Where both are the same, be it not a number or infinite, the difference is 0; where only one is
    a finite number there is none, which is NaN.

    Examples
    --------
    >>> difference(np.array([1.0, np.nan, np.inf]), np.array([1.5, np.nan, 2.0])).tolist()
    [0.5, 0.0, nan]
    """
    one, other = outputs.astype(np.float64), others.astype(np.float64)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        apart = other - one
    return np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.nan))


def most_different(trace: Trace, other: Trace) -> tuple[int, int]:
    """Return the section (i, j) in which two outputs differ most, (1, 1) if nowhere."""
    apart = np.abs(difference(np.array(trace.output), np.array(other.output)))
    j, i = np.unravel_index(np.argmax(np.nan_to_num(apart, nan=np.inf)), apart.shape)
    return int(i) + 1, int(j) + 1


def paired_points(section: Section, other: Section) -> list[tuple[Point, Point]]:
    """Return the points of two sections that have the same number; none if the grids differ."""
    if section.grid != other.grid:
        return []
    return list(zip(section.points, other.points, strict=True))


def common_shift(pairs: list[tuple[Point, Point]]) -> tuple[float, float] | None:
    """Return by how many cells along x and y all points move, None if not all alike."""
    moves = np.array([(other.x - one.x, other.y - one.y) for one, other in pairs])
    if not len(moves) or np.ptp(moves, axis=0).max() > _ALIKE:
        return None
    x, y = moves.mean(axis=0).tolist()
    return x, y


_ALIKE = 1e-4  # cells; coordinates in float32 on a map of a thousand cells agree to less
