"""Pair the boxes of two recorded calls: the nearest ones, each box once."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float

MIN_IOU = 0.9  # of two boxes that are a pair
_MARGIN = 1e-6  # of the largest coordinate, by which boxes grow: boxes without area have an IoU
_MIN_CANDIDATES = 16  # boxes that are compared with each box at a time, or more if there are few
_BLOCK = 1 << 12  # candidates that are compared together
_MAX_VALUES = 1 << 22  # of a matrix

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class RowPairs:
    """Which rows of two lists belong together.

    Parameters
    ----------
    first, second
        (P,), the rows of each pair, ascending in the first list.
    first_only, second_only
        The rows that only the first or only the second list has, ascending.
    """

    first: Rows
    second: Rows
    first_only: Rows
    second_only: Rows

    @property
    def unpaired(self) -> int:
        """The number of rows that only one of the lists has."""
        return len(self.first_only) + len(self.second_only)

    def __len__(self) -> int:
        return len(self.first)


def pair_rows(first: Float, second: Float, first_index: Rows, second_index: Rows) -> RowPairs:
    """Pair each box with the nearest one that has an IoU above `MIN_IOU` in the same image.

    Parameters
    ----------
    first, second
        (R, 4) and (S, 4), corners x1, y1, x2, y2 in the same units.
    first_index, second_index
        (R,) and (S,), the batch index of each box.

    Examples
    --------
    >>> one, other = np.array([[0.0, 0, 10, 10], [5, 5, 9, 9]]), np.array([[5.0, 5, 9, 9.1]])
    >>> pairs = pair_rows(one, other, np.zeros(2, np.intp), np.zeros(1, np.intp))
    >>> pairs.first, pairs.second, pairs.first_only
    (array([1]), array([0]), array([0]))
    """
    pairs = _equal_rows(first, second, first_index, second_index)
    left = np.setdiff1d(np.arange(len(first)), [row for row, _ in pairs])
    right = np.setdiff1d(np.arange(len(second)), [row for _, row in pairs])
    largest = max(np.abs(first).max(initial=0), np.abs(second).max(initial=0))
    grown = [_grown(boxes, _MARGIN * float(largest)) for boxes in (first, second)]
    while len(left) and len(right):
        found = _nearest(grown[0], grown[1], first_index, second_index, left, right)
        if not found:
            break
        pairs += found
        left = np.setdiff1d(left, [row for row, _ in found])
        right = np.setdiff1d(right, [row for _, row in found])
    pairs.sort()
    paired = np.array(pairs, np.intp).reshape(-1, 2)
    return RowPairs(paired[:, 0], paired[:, 1], left, right)


def _equal_rows(
    first: Float, second: Float, first_index: Rows, second_index: Rows
) -> list[tuple[int, int]]:
    """Return the rows of equal boxes; repeated boxes are paired in order."""
    rows: dict[tuple[float, ...], deque[int]] = defaultdict(deque)
    for row, (box, index) in enumerate(zip(second.tolist(), second_index.tolist(), strict=True)):
        rows[(index, *box)].append(row)
    pairs = []
    for row, (box, index) in enumerate(zip(first.tolist(), first_index.tolist(), strict=True)):
        equals = rows.get((index, *box))
        if equals:
            pairs.append((row, equals.popleft()))
    return pairs


def _grown(boxes: Float, margin: float) -> Float:
    """Return boxes with their corners in order, larger by a margin on each side."""
    low = np.minimum(boxes[:, :2], boxes[:, 2:]) - margin
    high = np.maximum(boxes[:, :2], boxes[:, 2:]) + margin
    return np.hstack([low, high])


def _nearest(
    first: Float, second: Float, first_index: Rows, second_index: Rows, left: Rows, right: Rows
) -> list[tuple[int, int]]:
    """Return pairs among the rows that are left, the nearest first."""
    parts: list[tuple[Float, Rows, Rows]] = []
    most = min(max(_MAX_VALUES // len(left), _MIN_CANDIDATES), len(right))
    step = max(_MAX_VALUES // len(right), 1)
    for start in range(0, len(left), step):
        rows = left[start : start + step]
        overlap = iou(first[rows], second[right])
        overlap[first_index[rows, None] != second_index[right]] = 0
        columns = np.argpartition(-overlap, most - 1, axis=1)[:, :most]
        shares = np.take_along_axis(overlap, columns, axis=1)
        at, column = np.nonzero(shares > MIN_IOU)
        parts.append((shares[at, column], rows[at], right[columns[at, column]]))
    share, row, other = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((other, row, -share))
    return _each_once(row[order], other[order])


def _each_once(rows: Rows, others: Rows) -> list[tuple[int, int]]:
    """Return the pairs, the first ones first, in which neither row is in a pair already."""
    free = np.ones(rows.max(initial=0) + 1, np.bool_), np.ones(others.max(initial=0) + 1, np.bool_)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK], others[start : start + _BLOCK]
        usable = free[0][block[0]] & free[1][block[1]]
        for pair in zip(block[0][usable].tolist(), block[1][usable].tolist(), strict=True):
            if free[0][pair[0]] and free[1][pair[1]]:
                pairs.append(pair)
                free[0][pair[0]] = free[1][pair[1]] = False
    return pairs


def iou(first: Float, second: Float) -> Float:
    """Return the intersection over union, (R, S), of boxes (R, 4) and (S, 4).

    Examples
    --------
    >>> iou(np.array([[0.0, 0, 2, 2]]), np.array([[0.0, 0, 2, 2], [1, 0, 3, 2]])).round(3)
    array([[1.   , 0.333]])
    """
    low = np.maximum(first[:, None, :2], second[:, :2])
    high = np.minimum(first[:, None, 2:], second[:, 2:])
    inside = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    union = areas[0][:, None] + areas[1] - inside
    return np.asarray(inside / np.where(union > 0, union, 1))
