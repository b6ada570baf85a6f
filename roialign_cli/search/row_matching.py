"""Find the box that each row of an output was pooled from, by correlation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.core.boxes import Float
from roialign_cli.search.fit import Index

_MAX_CORRELATIONS_PER_PIECE = 1 << 21
_MAX_ROUNDS = 3
_MIN_ROWS = 8  # from which the mean and deviation of a column are computed
_PROVISIONAL_SHARE = 0.75  # of the least correlation, for rows whose statistics are used
_EXACT_SLACK = 1e-6  # distance of a correlation from 1
_DEAD_SHARE = 1e-6  # smallest deviation of a column in use, as a share of its largest value
# Boxes are equally good if they are so close to a correlation of 1, compared with the best box.
_EQUAL_RATIO, _EQUAL_SLACK = 1.1, 1e-12
# If so many rows are in their place, their usual error limits that of the others.
_MIN_SHARE_IN_PLACE, _USUAL_SHARE, _POOR_RATIO, _POOR_SLACK = 0.25, 0.5, 100.0, 1e-4

# Row of the output → the boxes that are equally good; only for rows with more than one.
_Ties = Mapping[int, Index]


def match_rows(made: Float, given: Float, least: float = 0.95) -> Index:
    """Find the box that each row of an output was pooled from.

    Rows are compared by their correlation, after each column of both arrays has been standardised.
    A gain and an offset of each column thus do not matter if there are at least 8 rows. If the rows
    hold only some boxes, or hold boxes more than once, the columns are standardised again over the
    boxes that were found.

    Parameters
    ----------
    made
        (R, D), numbers: the values that each box gives.
    given
        (n, D), numbers: the rows of the output, in the same columns.
    least
        The smallest correlation of a row with its box.

    Returns
    -------
    (n,), the index of the box of each row. It is −1 for a row that correlates with no box or is not
    finite. A row with a single value throughout has a box only if a box gives such a row, too. Of
    several boxes that are equally good, the one that keeps the order of the rows is returned.

    Examples
    --------
    >>> made = np.random.default_rng(0).normal(size=(9, 20))
    >>> match_rows(made, 3 * made[::-1] - 2)
    array([8, 7, 6, 5, 4, 3, 2, 1, 0])
    """
    made, given = (np.asarray(rows, np.float64) for rows in (made, given))
    made_rows, given_rows = (np.flatnonzero(_is_varied(rows)) for rows in (made, given))
    order = np.full(len(given), -1, np.intp)
    if len(made_rows) and len(given_rows):
        largest = max(float(np.abs(made[made_rows]).max()), float(np.abs(given[given_rows]).max()))
        pair = made[made_rows] / largest, given[given_rows] / largest  # squares may overflow
        found = _matched(*pair, least)
        order[given_rows] = np.where(found.close, made_rows[found.boxes], -1)
        close_ties = {row: boxes for row, boxes in found.ties.items() if found.close[row]}
        tied = {int(given_rows[row]): made_rows[boxes] for row, boxes in close_ties.items()}
        _resolve(order, tied, len(made))
        order[given_rows] = _without_poor(order[given_rows], given_rows, 1 - found.correlation)
    _match_constant(order, *(np.flatnonzero(_is_constant(rows)) for rows in (given, made)))
    return order


def _is_constant(rows: Float) -> Mask:
    """Return which rows hold one finite value throughout."""
    same = (rows == rows[:, :1]).all(axis=1)
    return np.asarray(same & np.isfinite(rows).all(axis=1), np.bool_)


def _is_varied(rows: Float) -> Mask:
    """Return which rows are finite and hold more than one value."""
    return np.asarray(np.isfinite(rows).all(axis=1) & (rows != rows[:, :1]).any(axis=1), np.bool_)


@dataclass(frozen=True)
class _Matched:
    """The best boxes of some rows.

    Parameters
    ----------
    boxes
        (n,), the best box of each row.
    correlation
        (n,), the correlation of each row with its best box.
    ties
        The rows with several boxes that are equally good.
    least
        The smallest correlation of a row that matches.
    """

    boxes: Index
    correlation: Float
    ties: _Ties
    least: float

    @cached_property
    def close(self) -> Mask:
        """(n,), bool: the rows that match."""
        return np.asarray(self.correlation >= self.least, np.bool_)

    @cached_property
    def quality(self) -> tuple[int, float]:
        """How many boxes match a row, and how well they do."""
        usual = float(np.median(self.correlation[self.close])) if self.close.any() else 0.0
        return len(np.unique(self.boxes[self.close])), usual

    @property
    def is_perfect(self) -> bool:
        """Whether every row matches a box of its own almost exactly."""
        count, usual = self.quality
        return count == len(self.boxes) and usual > 1 - _EXACT_SLACK

    @property
    def near(self) -> Index:
        """The rows that may match after their columns are standardised in another way."""
        return np.flatnonzero(self.correlation >= _PROVISIONAL_SHARE * self.least)

    def best_half(self) -> Index:
        """Return the near rows without those that may match the wrong one of similar boxes."""
        correlation = self.correlation[self.near]
        return self.near[correlation >= np.median(correlation)]


def _matched(made: Float, given: Float, least: float) -> _Matched:
    """Match rows in the same unit, and then in any unit of each column; return the better match."""
    same_unit = _best_boxes(*_standardised(made, given, *[_statistics(made)] * 2), least)
    if same_unit.is_perfect or min(len(made), len(given)) < _MIN_ROWS:
        return same_unit
    any_unit = _matched_in_any_unit(made, given, least)
    return max(same_unit, any_unit, key=lambda matched: matched.quality)


def _matched_in_any_unit(made: Float, given: Float, least: float) -> _Matched:
    """Match rows, and standardise the columns again over the rows that match best."""
    best = found = _best_boxes(
        *_standardised(made, given, _statistics(made), _statistics(given)), least
    )
    for _ in range(_MAX_ROUNDS - 1):
        every_box = np.array_equal(np.sort(found.boxes[found.near]), np.arange(len(made)))
        if every_box or len(np.unique(found.boxes[found.near])) < _MIN_ROWS:
            break
        rows = found.best_half()
        statistics = _statistics(made[found.boxes[rows]]), _statistics(given[rows])
        found = _best_boxes(*_standardised(made, given, *statistics), least)
        if 2 * found.close.sum() >= best.close.sum():  # fewer match if some were matched wrongly
            best = found
    return best


_Statistics = tuple[Float, Float, Mask]  # the mean and deviation of each column, and if it varies


def _standardised(
    made: Float, given: Float, first: _Statistics, second: _Statistics
) -> tuple[Float, Float]:
    """Standardise the columns with the statistics of each array, then scale rows to length 1."""
    alive = first[2] & second[2]
    if not alive.any():
        return _unit(made), _unit(given)
    pair = (made, first), (given, second)
    one, other = (
        _unit((values[:, alive] - mean[alive]) / deviation[alive])
        for values, (mean, deviation, _) in pair
    )
    return one, other


def _statistics(rows: Float) -> _Statistics:
    """Return the mean and deviation of each column, and which columns are not constant."""
    deviation = rows.std(axis=0)
    largest = np.abs(rows).max(axis=0)
    alive = deviation > _DEAD_SHARE * largest
    return rows.mean(axis=0), np.where(alive, deviation, 1.0), np.asarray(alive, np.bool_)


def _unit(rows: Float) -> Float:
    """Subtract the mean of each row and scale the row to a length of 1, or leave it at 0."""
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return np.asarray(rows / np.where(length > 0, length, 1.0))


def _best_boxes(made: Float, given: Float, least: float) -> _Matched:
    """Return the best box of each row, by one product of matrices for many rows."""
    found = np.empty(len(given), np.intp)
    correlation = np.empty(len(given))
    ties: dict[int, Index] = {}
    step = max(_MAX_CORRELATIONS_PER_PIECE // len(made), 1)
    for start in range(0, len(given), step):
        products = given[start : start + step] @ made.T
        piece = slice(start, start + len(products))
        found[piece] = products.argmax(axis=1)
        correlation[piece] = best = products.max(axis=1)
        equal = products >= (1 - _EQUAL_RATIO * np.maximum(1 - best, 0) - _EQUAL_SLACK)[:, None]
        for row in np.flatnonzero(equal.sum(axis=1) > 1):
            ties[start + int(row)] = np.flatnonzero(equal[row])
    return _Matched(found, correlation, ties, least)


def _resolve(order: Index, ties: Mapping[int, Index], boxes: int) -> None:
    """Choose one of several equally good boxes for each row, in place.

    A row k keeps box k. The other rows take the boxes that have no row yet, in order.
    """
    used = np.zeros(boxes, np.bool_)
    own = [row for row, tied in ties.items() if (tied == row).any()]
    order[list(ties)] = -1
    order[own] = own
    used[order[order >= 0]] = True
    for row, tied in ties.items():
        if order[row] < 0:
            free = tied[~used[tied]]
            order[row] = free[0] if len(free) else tied[0]
            used[order[row]] = True


def _without_poor(boxes: Index, rows: Index, errors: Float) -> Index:
    """Reject boxes that are not in their place and fit much worse than those that are.

    If many rows are in their place, such rows were rather pooled in another way.
    """
    in_place = boxes == rows
    if in_place.mean() < _MIN_SHARE_IN_PLACE:
        return boxes
    usual = float(np.quantile(errors[in_place], _USUAL_SHARE))
    poor = errors > _POOR_RATIO * usual + _POOR_SLACK
    return np.where(poor & ~in_place, -1, boxes)


def _match_constant(order: Index, rows: Index, boxes: Index) -> None:
    """Give the rows with a single value the boxes that give such rows, each box once, in place."""
    own = np.intersect1d(rows, boxes)
    order[own] = own
    matched = np.flatnonzero(order >= 0)
    if len(rows) and (order[matched] != matched).any():
        free, rest = np.setdiff1d(boxes, order), np.setdiff1d(rows, own)
        count = min(len(free), len(rest))
        order[rest[:count]] = free[:count]
