"""How much each cell of the map counts in an output: the operator's gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.sections import Neighbour, Section
from roialign_cli.analysis.trace import Trace, checked_channel, trace_operation
from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Summary
from roialign_cli.core.operation import Operation
from roialign_cli.core.sampling import AxisSamples
from roialign_cli.core.windows import reach
from roialign_cli.errors import ArgumentError


def footprint(trace: Trace, sections: Sequence[Section] | None = None) -> Float:
    """Return how much every cell counts in the sum of some sections' outputs.

    Parameters
    ----------
    trace
        One ROI and channel.
    sections
        Some of its sections, all if None.

    Returns
    -------
    (H, W), float64: the derivative of the outputs' sum by each cell. For "avg" these are the exact
    weights; for "max" the weights of the cells behind the winners, at whose values the derivative
    is taken.

    Examples
    --------
    >>> from roialign_cli.analysis.trace import trace
    >>> traced = trace(np.eye(3), [[0, 0, 2, 1]], 1, convention="torchvision-aligned")
    >>> footprint(traced)
    array([[0.5, 0.5, 0. ],
           [0. , 0. , 0. ],
           [0. , 0. , 0. ]])
    """
    weights = np.zeros(trace.map_size)
    for section in trace.sections if sections is None else sections:
        for neighbour, weight in _counting(trace, section):
            weights[neighbour.row, neighbour.column] += weight
    return weights


@dataclass(frozen=True)
class CellContribution:
    """A section (i, j) of an ROI that a cell of the map feeds, and the cell's weight in it."""

    roi: int
    section: tuple[int, int]
    weight: float


def outputs_using_cell(
    operation: Operation,
    row: int,
    column: int,
    channel: int | Summary = 0,
    advance: Callable[[int], object] = lambda _boxes: None,
) -> list[CellContribution]:
    """Return the outputs that a cell of the map feeds; of every box, the cell of its own map.

    Parameters
    ----------
    operation
        All boxes.
    row, column
        The cell, from 0.
    channel
        On which "max" finds its winners.
    advance
        Called with a number of boxes each time so many more are done.

    Raises
    ------
    ArgumentError
        If there is no such cell or channel.
    """
    rows, columns = operation.map_size
    if not (0 <= row < rows and 0 <= column < columns):
        known = f"cells run from (0, 0) to ({rows - 1}, {columns - 1})"
        raise ArgumentError("cell", f"there is no cell ({row}, {column}); {known}")
    channel = checked_channel(operation, channel)
    plan = operation.plan()
    near = np.flatnonzero(_may_reach(plan.y, row) & _may_reach(plan.x, column))
    advance(len(operation.boxes_xyxy) - len(near))
    fed: list[CellContribution] = []
    for roi in near.tolist():
        trace = trace_operation(operation, roi, channel)
        y, x = plan[np.array([roi])].samples()
        for j, i in product(_reached(y, row), _reached(x, column)):
            section = trace.section(i + 1, j + 1)
            counting = _counting(trace, section)
            weight = sum(w for n, w in counting if (n.row, n.column) == (row, column))
            fed += [CellContribution(roi, section.section, weight)] if weight else []
        advance(1)
    return fed


def _may_reach(axis: RoiAxis, cell: int) -> NDArray[np.bool_]:
    """Return which regions are near a cell along an axis, (R,)."""
    first, stop = reach(axis)
    return np.asarray((first <= cell) & (cell < stop), dtype=np.bool_)


def _reached(samples: AxisSamples, cell: int) -> list[int]:
    """Return the sections of one region that have a counted point with the cell for a neighbour."""
    among = ((samples.lower == cell) | (samples.upper == cell)) & samples.in_bounds & samples.valid
    sections: list[int] = np.flatnonzero(among[0].any(axis=1)).tolist()
    return sections


def _counting(trace: Trace, section: Section) -> list[tuple[Neighbour, float]]:
    """Return the neighbours that the section's output is made of, with their weights in it.

    The same cell may be there several times.
    """
    points = section.points
    if trace.convention.pooling == "avg":
        return [(n, n.weight / len(points)) for point in points for n in point.neighbours]
    winner = section.winning_point
    if winner is None:
        return []
    if trace.convention.max_of == "weighted-cell":
        largest = max(winner.neighbours, key=lambda n: n.weight * n.value)
        return [(largest, largest.weight)]
    return [(neighbour, neighbour.weight) for neighbour in winner.neighbours]
