"""Compare two rules, two conventions or a saved output on the same pyramid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.comparison import (
    Differences,
    check_output,
    difference,
    differing_boxes,
)
from roialign_cli.analysis.tolerance import CONVENTIONS_TOLERANCE, output_tolerance
from roialign_cli.core.boxes import Float
from roialign_cli.core.pyramid import NO_LEVEL, Levels
from roialign_cli.core.pyramid_operation import PyramidOperation


@dataclass(frozen=True)
class BoxLevel:
    """The level of a box by one rule.

    Parameters
    ----------
    map_index
        The map that the box is pooled from, from 0; None for none.
    level
        Its level as the rule numbers levels; None for none.
    size
        The size of the box in pixels, as the rule computes it.
    number
        The level before it is rounded and limited to the levels that there are.
    distance
        How many pixels the size is from the size at which the level of the other rule begins or
        ends, by this rule; None if one of the rules sends the box to no map.
    """

    map_index: int | None
    level: int | None
    size: float
    number: float
    distance: float | None


@dataclass(frozen=True)
class LevelChange:
    """A box that two rules send to different maps, with its level by each of them."""

    roi: int
    first: BoxLevel
    second: BoxLevel


@dataclass(frozen=True, repr=False)
class PyramidComparison(Differences):
    """Compare two outputs of the same boxes on a pyramid.

    The other fields are those of `Differences`.

    Parameters
    ----------
    operation
        The first side.
    other
        The second side; None if it is a saved output.
    changes
        The boxes that the two rules send to different maps; none for a saved output.
    """

    operation: PyramidOperation
    other: PyramidOperation | None
    changes: tuple[LevelChange, ...]


def compare_pyramids(operation: PyramidOperation, other: PyramidOperation) -> PyramidComparison:
    """Compare the outputs of two operations on the same maps and boxes."""
    sides = operation.pooled(), other.pooled()
    changes = tuple(level_changes(operation.levels, other.levels))
    return _compared(operation, other, sides, CONVENTIONS_TOLERANCE, changes)


def compare_pyramid_output(operation: PyramidOperation, given: NDArray[Any]) -> PyramidComparison:
    """Compare the output of an operation with a saved one, (R, C, height, width)."""
    outputs = operation.pooled()
    check_output(given, outputs.shape)
    kinds = (on_map.features.dtype for on_map in operation.operations)
    tolerance = output_tolerance(*kinds, given.dtype)
    return _compared(operation, None, (outputs, given), tolerance, ())


def _compared(
    operation: PyramidOperation,
    other: PyramidOperation | None,
    sides: tuple[Float, NDArray[Any]],
    tolerance: float,
    changes: tuple[LevelChange, ...],
) -> PyramidComparison:
    differences = difference(*sides)
    differing = differing_boxes(differences, sides[0 if other is not None else 1], tolerance)
    return PyramidComparison(*sides, differences, tolerance, differing, operation, other, changes)


def level_changes(first: Levels, second: Levels) -> Iterator[LevelChange]:
    """Yield the boxes that two rules send to different maps."""
    for roi in np.flatnonzero(first.index != second.index).tolist():
        maps = int(first.index[roi]), int(second.index[roi])
        yield LevelChange(roi, box_level(first, roi, maps[1]), box_level(second, roi, maps[0]))


def box_level(levels: Levels, roi: int, other_map: int = NO_LEVEL) -> BoxLevel:
    """Return the level of a box.

    Parameters
    ----------
    levels
        The levels of all boxes by a rule.
    roi
        The index of the box.
    other_map
        Another map, to which `distance` is measured; `NO_LEVEL` for none.
    """
    index, size = int(levels.index[roi]), float(levels.size[roi])
    on_map = index != NO_LEVEL
    distance = None
    if on_map and other_map not in {NO_LEVEL, index}:
        upward = other_map > index
        limit = levels.start(levels.first + (index + 1 if upward else index))
        distance = max(limit - size if upward else size - limit, 0.0)  # rounding in float32
    return BoxLevel(
        index if on_map else None,
        levels.first + index if on_map else None,
        size,
        float(levels.number[roi]),
        distance,
    )
