"""Compute the weight of each cell of the map in an output: the gradient of the operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.points import AxisPoint, Neighbour
from roialign_cli.analysis.sections import Section, Sections
from roialign_cli.analysis.trace import Trace, checked_channel, trace_operation
from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention, Summary
from roialign_cli.core.operation import Operation
from roialign_cli.core.sampling import AxisSamples
from roialign_cli.core.windows import reach
from roialign_cli.errors import ArgumentError


def footprint(trace: Trace, sections: Sequence[Section] | None = None) -> Float:
    """Return the weight of every cell in the sum of the outputs of some sections.

    Parameters
    ----------
    trace
        One ROI and channel.
    sections
        Some of its sections; all if None.

    Returns
    -------
    (H, W), float64, the derivative of the sum with respect to each cell. For "avg" these are the
    exact weights, for "max" the weights of the neighbours of the winning points.

    Examples
    --------
    >>> from roialign_cli.analysis.trace import trace
    >>> traced = trace(np.eye(3), [[0, 0, 2, 1]], 1, convention="torchvision-aligned")
    >>> footprint(traced)
    array([[0.5, 0.5, 0. ],
           [0. , 0. , 0. ],
           [0. , 0. , 0. ]])
    """
    sections = trace.sections if sections is None else sections
    if isinstance(sections, Sections) and trace.convention.pooling == "avg":
        return _average_weights(sections, trace.map_size)
    weights = np.zeros(trace.map_size)
    for section in sections:
        for neighbour, weight in _weights(trace, section):
            if neighbour.on_map:
                weights[neighbour.row, neighbour.column] += weight
    return weights


def _average_weights(sections: Sections, map_size: tuple[int, int]) -> Float:
    """Return the weights of all sections of "avg", from those along x and along y, (H, W)."""
    rows, columns = map_size
    along_y = _average_along(sections.along_y, sections.y, rows)
    along_x = _average_along(sections.along_x, sections.x, columns)
    return np.outer(along_y, along_x)


def _average_along(
    groups: Sequence[Sequence[AxisPoint]], samples: AxisSamples, cells: int
) -> Float:
    """Return the weight of each cell along an axis in the averages of all groups of points."""
    weights = np.zeros(cells)
    divisors = np.broadcast_to(samples.divisor[0], len(groups)).tolist()
    for points, divisor in zip(groups, divisors, strict=True):
        for point in points:
            for cell in point.cells if point.border != "out" else ():
                if cell.on_map:
                    weights[cell.cell] += cell.weight / divisor
    return weights


@dataclass(frozen=True)
class CellContribution:
    """Name a section (i, j) of an ROI that uses a cell of the map, and the weight of the cell."""

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
    """Find the outputs that use a cell; for every box, the cell of its own map.

    Parameters
    ----------
    operation
        The operation with all its boxes.
    row, column
        The cell, counted from 0.
    channel
        The channel in which "max" selects its points.
    advance
        Called with the number of boxes finished since the last call.

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
    near = np.flatnonzero(
        _may_use(plan.y, row, plan.convention) & _may_use(plan.x, column, plan.convention)
    )
    advance(len(operation.boxes_xyxy) - len(near))
    found: list[CellContribution] = []
    for roi in near.tolist():
        trace = trace_operation(operation, roi, channel)
        y, x = plan[np.array([roi])].samples()
        for j, i in product(_sections_using(y, row), _sections_using(x, column)):
            section = trace.section(i + 1, j + 1)
            weights = _weights(trace, section)
            weight = sum(w for n, w in weights if (n.row, n.column) == (row, column))
            found += [CellContribution(roi, section.section, weight)] if weight else []
        advance(1)
    return found


def _may_use(axis: RoiAxis, cell: int, convention: Convention) -> NDArray[np.bool_]:
    """Return which regions can use a cell along an axis, (R,), bool."""
    first, stop = reach(axis, convention)
    return np.asarray((first <= cell) & (cell < stop), dtype=np.bool_)


def _sections_using(samples: AxisSamples, cell: int) -> list[int]:
    """Return the sections of one region with a point inside the map next to the cell."""
    among = ((samples.lower == cell) | (samples.upper == cell)) & samples.in_bounds & samples.valid
    sections: list[int] = np.flatnonzero(among[0].any(axis=1)).tolist()
    return sections


def _weights(trace: Trace, section: Section) -> list[tuple[Neighbour, float]]:
    """Return the neighbours that make up the output of a section, with their weights in it.

    A cell may occur several times.
    """
    points = section.points
    if trace.convention.pooling == "avg":
        inside = (point for point in points if point.in_bounds)
        return [(n, n.weight / section.divisor) for point in inside for n in point.neighbours]
    winner = section.winning_point
    if winner is None:
        return []
    if trace.convention.max_of == "weighted-cell":
        largest = max(winner.neighbours, key=lambda n: n.weight * n.value)
        return [(largest, largest.weight)]
    return [(neighbour, neighbour.weight) for neighbour in winner.neighbours]
