"""Find how the boxes of the second of two calls were written in another way, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from roialign_cli.calls.archive import read_call_array
from roialign_cli.calls.differences.pairing import (
    CallGroup,
    GroupPairs,
    GroupRows,
    in_units,
    read_rows,
    with_shift,
)
from roialign_cli.calls.differences.row_pairs import RowPairs, Rows
from roialign_cli.core.boxes import BOX_NUMBERS, Float
from roialign_cli.core.convention import BoxFormat
from roialign_cli.files.arrays import archive_shapes

_MAX_AGREEING_SHARE = 0.5  # of the boxes, from which the others are single differences
_MIN_BOXES = 2  # different ones, from which a scale or a shift is found
_EPS = float(np.finfo(np.float32).eps)
_ROUNDING = 4 * _EPS  # of the largest coordinate: a conversion in float32 takes a few steps
_MAX_SCALE = 1e6  # and the inverse of the smallest


@dataclass(frozen=True)
class BoxChange:
    """How all boxes of the second call follow from those of the first, row by row.

    Parameters
    ----------
    box_format
        The format in which they are written; None for the one that the second operator reads.
    scale
        The factors along x and y; None without a scale.
    shift
        The moves along x and y, in units of the first boxes; None without a shift.
    """

    box_format: BoxFormat | None = None
    scale: tuple[float, float] | None = None
    shift: tuple[float, float] | None = None


_Fit = Callable[[Float, Float], BoxChange | None]


def _equal(first: Float, second: Float) -> BoxChange | None:
    return BoxChange() if _is_equal(first, second, _largest(first, second)) else None


def _scaled(first: Float, second: Float) -> BoxChange | None:
    squares = np.square(first).sum(axis=0)
    scale = (first * second).sum(axis=0) / np.where(squares > 0, squares, np.nan)
    if not ((scale > 1 / _MAX_SCALE) & (scale < _MAX_SCALE)).all():
        return None
    x, y = map(_exact_factor, scale.tolist())
    x, y = (x, y) if abs(x - y) > _ROUNDING * y else (y, y)
    if not _is_equal(first * (x, y), second, _largest(second)):
        return None
    return BoxChange(scale=(x, y))


def _shifted(first: Float, second: Float) -> BoxChange | None:
    largest = _largest(first, second)
    shift = (second - first).mean(axis=0)
    whole = np.round(shift)
    shift = np.where(np.abs(shift - whole) <= _ROUNDING * largest, whole, shift)
    if not _is_equal(first + shift, second, largest):
        return None
    x, y = shift.tolist()
    return BoxChange(shift=(x, y))


# Whether the boxes are in another format, and how else they are compared; the simplest way first.
_WAYS: tuple[tuple[bool, _Fit], ...] = (
    (True, _equal),
    (False, _scaled),
    (False, _shifted),
    (True, _scaled),
)


def _exact_factor(factor: float) -> float:
    """Return a factor as n or 1 / n for a whole number n, if it is one up to rounding."""
    exact = (float(max(round(factor), 1)), 1 / max(round(1 / factor), 1))
    return next((one for one in exact if abs(one - factor) <= 2 * _EPS * factor), factor)


def _largest(*corners: Float) -> Float:
    """Return the largest coordinate along x and y."""
    return np.asarray(np.abs(np.concatenate(corners)).max(axis=0))


def _is_equal(first: Float, second: Float, largest: Float) -> bool:
    return bool((np.abs(first - second) <= _ROUNDING * largest).all())


def pair_by_change(
    groups: tuple[CallGroup, CallGroup], pairs: GroupPairs
) -> tuple[GroupPairs, BoxChange] | None:
    """Find one change that makes all boxes of the second group of those of the first.

    Parameters
    ----------
    groups
        The groups.
    pairs
        Which boxes belong together by their place.

    Returns
    -------
    The boxes in pairs row by row, and the change; None if most boxes agree already, if the numbers
    of boxes differ, or if no change reproduces all boxes up to the rounding of float32.
    """
    count = len(pairs.first.boxes)
    if len(pairs.second.boxes) != count or pairs.agreeing >= _MAX_AGREEING_SHARE * count:
        return None
    rows = _row_by_row(groups)
    if (pairs.first.batch_index[rows.first] != pairs.second.batch_index[rows.second]).any():
        return None
    own = groups[1].members[0].description.convention().box_format
    read = {name: read_rows(groups[1], name) for name in BOX_NUMBERS}
    for reformatted, fit in _WAYS:
        for name in [one for one in read if (one != own) is reformatted]:
            for by_row in _by_row(groups, replace(pairs, rows=rows), read[name]):
                found = _fitted(by_row, fit)
                if found is not None:
                    change = replace(found, box_format=name if reformatted else None)
                    return _as_read(by_row, read[own], change), change
    return None


def _row_by_row(groups: tuple[CallGroup, CallGroup]) -> RowPairs:
    """Return the n-th box of the first group with the n-th of the second.

    The boxes of a pyramid are in their order before they were distributed, if that is known.
    """
    positions = [_positions(group) for group in groups]
    known = [one for one in positions if one is not None]
    if len(known) == len(groups):
        first, second = map(np.argsort, known)
    else:
        first, second = (np.arange(group.boxes) for group in groups)
    ascending = np.argsort(first)
    none = np.array([], np.intp)
    return RowPairs(first[ascending], second[ascending], none, none)


def _positions(group: CallGroup) -> Rows | None:
    """Return the row of each box among all boxes of a pyramid; None if it is unknown."""
    if not all("rows" in archive_shapes(member.file) for member in group.members):
        return None
    parts = [read_call_array(one.file, "rows", one.description) for one in group.members]
    return np.concatenate(parts).astype(np.intp)


def _by_row(
    groups: tuple[CallGroup, CallGroup], pairs: GroupPairs, second: GroupRows
) -> Iterator[GroupPairs]:
    """Yield pairs with the boxes of the second group in its own units and in those of the first.

    Only the latter mean something if boxes are normalised on one side alone.
    """
    normalized = {group.members[0].description.convention().normalized for group in groups}
    tried = [(boxes, units) for boxes, _, units in in_units(pairs.first, second)]
    for boxes, units in tried if len(normalized) == 1 else tried[-1:]:
        yield replace(pairs, boxes=boxes, units=units)


def _fitted(pairs: GroupPairs, fit: _Fit) -> BoxChange | None:
    """Return how the boxes follow from those of the first group."""
    first, second = pairs.first.boxes[pairs.rows.first], pairs.boxes[pairs.rows.second]
    if fit is not _equal and len(np.unique(first, axis=0)) < _MIN_BOXES:
        return None
    return fit(first.reshape(-1, 2), second.reshape(-1, 2))


def _as_read(pairs: GroupPairs, second: GroupRows, change: BoxChange) -> GroupPairs:
    """Return pairs with the boxes as the second operator reads them."""
    boxes = next(boxes for boxes, _, units in in_units(pairs.first, second) if units == pairs.units)
    pairs = replace(pairs, boxes=boxes, shift=None)
    return pairs if change.shift is None else with_shift(pairs)
