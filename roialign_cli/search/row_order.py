"""Describe in which order the rows of an output stand, and how to reproduce it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.core.boxes import Float
from roialign_cli.search.fit import Index
from roialign_cli.search.row_patterns import (
    BATCH_INDEX,
    GROUPING_KEYS,
    SORT_KEYS,
    Kind,
    Pattern,
    patterns,
    repetitions,
)
from roialign_cli.search.row_words import (
    blank_text,
    code_after,
    common_value,
    hold_one_value,
    index_code,
    named,
)

_MIN_SORTED_ROWS = 4  # fewer rows are in some order by chance
_MIN_SELECTIONS = 10**5  # fewer selections of boxes are explained by some key by chance
_MAX_EXCHANGES = 3
_MAX_LISTED = 6  # boxes in a text
_MAX_REPEATED = 3  # repeated boxes in a text
_TIE_SHARE = 1e-6  # difference of two sort keys that rounding may exchange
_MAX_TIED_SHARE = 0.1  # of the rows
_UNSORTED = "they are not sorted by area, coordinates, level or batch index"

_REMEDIES: Mapping[Kind, str] = MappingProxyType(
    {
        "same": "Leave these rows out of the comparison, or find out which code wrote them.",
        "first": "Compare the output with these boxes only, or export more boxes (top-k).",
        "padding": "Remove the padding from the output before you use it.",
        "reverse": "Reverse the boxes, or the rows of the output.",
        "sort": "Sort the boxes in the same way, or sort the rows of the output back.",
        "swap": "Exchange these rows of the output, or these boxes.",
        "duplicates": "Remove the repeated rows from the output, or repeat the boxes.",
        "subset": "Select the same boxes before the call.",
        "permutation": (
            "Save the boxes in the order in which the model pools them. A model often sorts them "
            "by score."
        ),
    }
)


@dataclass(frozen=True)
class RowOrder:
    """The order of the rows of an output.

    Parameters
    ----------
    boxes
        (n,), the index of the box of each row, −1 for a row that matches no box.
    kind
        What is unusual about the rows; "same" if all rows that match a box are in its place.
    text
        The order in words; "" if every row matches the box in its place.
    remedy
        What to do, as a sentence; "" if there is nothing to do.
    index
        Python that takes the rows from `boxes` and from `batch_index` if it is written in brackets
        after their names; "" to take all. Corners are read from the last four columns of `boxes`.
    after
        A line of Python that adds to `output` the rows that match no box; "" if there are none.
    """

    boxes: Index
    kind: Kind
    text: str
    remedy: str
    index: str
    after: str

    @property
    def code(self) -> str:
        """A line of Python that puts `boxes` into the order of the rows; "" to leave them."""
        return f"boxes = boxes[{self.index}]" if self.index else ""


def describe_rows(
    order: Index, boxes: Float, batch_index: Index, given_rows: NDArray[Any]
) -> RowOrder:
    """Describe the order of the rows of an output.

    Parameters
    ----------
    order
        (n,), the index of the box of each row, −1 for a row that matches no box.
    boxes
        (R, 4), numbers: corners x1, y1, x2, y2.
    batch_index
        (R,), integers: the map of each box.
    given_rows
        (n, D), numbers: the rows of the output, or some columns of them.

    Examples
    --------
    >>> boxes = np.array([[0, 0, 2, 2], [4, 1, 9, 5], [3, 2, 6, 9.0]])
    >>> rows = describe_rows(np.array([1, 0, 2]), boxes, np.zeros(3, int), np.eye(3))
    >>> rows.text, rows.code
    ('rows 0 and 1 are exchanged', 'boxes = boxes[[1, 0, 2]]')
    """
    blank = np.asarray((order < 0) & hold_one_value(given_rows), np.bool_)
    with np.errstate(all="ignore"):  # areas of the largest boxes
        found = _find_rule(order, blank, _Boxes(boxes, batch_index))
    is_compared = np.isfinite(given_rows).all(axis=1)
    unmatched = np.flatnonzero((order < 0) & ~blank & is_compared)
    value = common_value(given_rows[blank])
    clauses = [
        found.text,
        blank_text(blank, value, is_padding=bool(found.padding.any())),
        f"{named(unmatched, 'row')} match{'' if len(unmatched) > 1 else 'es'} no box"
        if len(unmatched)
        else "",
    ]
    text = "; ".join(filter(None, clauses))
    kind = found.kind
    if found.padding.any() and kind in {"same", "first"}:
        kind = "padding"
    after = code_after(blank, value, is_padding=bool(found.padding.any()))
    return RowOrder(order, kind, text, _REMEDIES[kind] if text else "", found.index, after)


@dataclass(frozen=True)
class _Rule:
    """What explains the rows apart from the padding: as in `RowOrder`."""

    kind: Kind
    text: str
    index: str
    padding: Mask  # (n,), the rows that are left out of the call


class _Boxes:
    """The boxes, and a number for each that equal boxes share."""

    def __init__(self, boxes: Float, batch_index: Index) -> None:
        self.boxes = boxes
        self.batch_index = np.asarray(batch_index, np.intp)
        table = np.column_stack([self.batch_index, boxes])
        self.ids = np.unique(table, axis=0, return_inverse=True)[1].reshape(-1)
        self.count = len(boxes)

    def equal(self, rows: Index, others: Index) -> Mask:
        """Return which rows have the same box, or no box on the left."""
        return np.asarray((rows < 0) | (self.ids[rows] == self.ids[others]), np.bool_)


def _find_rule(order: Index, blank: Mask, boxes: _Boxes) -> _Rule:
    """Return the simplest rule that explains the rows, or a list of rows if there is none."""
    choices = list(_paddings(blank, len(order) > boxes.count))
    for padding in choices:
        kept = order[~padding]
        for explain in (_by_pattern, _by_exchange, _by_selection, _by_near_ties):
            rule = explain(kept, boxes)
            if rule is not None:
                return _Rule(*rule, padding)
    kept = order[~choices[0]]
    return _Rule(*_by_list(kept, boxes), choices[0])


def _paddings(blank: Mask, more_rows: bool) -> Iterator[Mask]:  # noqa: FBT001
    """Yield which rows may have been added to those of the boxes, the likeliest first.

    Other rows with one value are in the place of a box.
    """
    in_place = np.zeros_like(blank)
    if not blank.any() or more_rows:
        yield blank
    elif blank[int(blank.argmax()) :].all():
        yield from (blank, in_place)
    else:
        yield from (in_place, blank)


_Explained = tuple[Kind, str, str]  # kind, text and index


def _by_pattern(kept: Index, boxes: _Boxes) -> _Explained | None:
    """Explain rows by a rule for all boxes, of which the output may hold the first ones."""
    count, matched = len(kept), int((kept >= 0).sum())
    every = chain(patterns(boxes.boxes, boxes.batch_index), repetitions(boxes.count, count))
    for pattern in every:
        if not matched or count > len(pattern.order):
            continue
        if pattern.kind != "same" and (matched < _MIN_SORTED_ROWS or _is_selection(kept, boxes)):
            break
        if boxes.equal(kept, pattern.order[:count]).all():
            if count == len(pattern.order):
                return pattern.kind, pattern.text, pattern.index
            return _first_rows(pattern, count)
    return None


def _first_rows(pattern: Pattern, count: int) -> _Explained:
    """Return what explains the first rows of a pattern."""
    text = f"the output has rows for only the first {count} {pattern.first}"
    if pattern.kind == "same":
        return "first", text, f":{count}"
    if pattern.kind == "reverse":
        return "reverse", text, f":-{count + 1}:-1"
    return pattern.kind, text, f"{pattern.index}[:{count}]"


def _by_exchange(kept: Index, boxes: _Boxes) -> _Explained | None:
    """Explain rows by a few exchanges of two."""
    if len(kept) != boxes.count or (kept < 0).any():
        return None
    moved = np.flatnonzero(~boxes.equal(kept, np.arange(boxes.count)))
    partners = kept[moved]
    is_exchange = np.array_equal(kept[partners], moved) and (partners != moved).all()
    if not is_exchange or len(moved) > 2 * _MAX_EXCHANGES:
        return None
    pairs = [f"rows {row} and {kept[row]}" for row in moved if row < kept[row]]
    return "swap", f"{', '.join(pairs)} are exchanged", index_code(kept)


def _is_selection(kept: Index, boxes: _Boxes) -> bool:
    """Return whether rows are some of the boxes, in the order of the boxes."""
    in_order = bool((kept >= 0).all() and (np.diff(kept) > 0).all())
    return in_order and 0 < len(kept) < boxes.count


def _by_selection(kept: Index, boxes: _Boxes) -> _Explained | None:
    """Explain rows that are some of the boxes, in the order of the boxes."""
    count = len(kept)
    if not _is_selection(kept, boxes):
        return None
    for key in GROUPING_KEYS:
        values = key.of(boxes.boxes, boxes.batch_index)
        value = values[kept[0]]
        if np.array_equal(np.flatnonzero(values == value), kept):
            text = f"the output has rows for only the boxes of {key.name} {value + key.offset}"
            return "subset", text, f"np.flatnonzero({key.expression} == {value})"
    by_chance = math.comb(boxes.count, count) < _MIN_SELECTIONS
    for pattern in () if by_chance else patterns(boxes.boxes, boxes.batch_index):
        if pattern.kind == "sort" and np.array_equal(np.sort(pattern.order[:count]), kept):
            text = f"the output has rows for only the first {count} {pattern.first}"
            index = f"np.sort({pattern.index}[:{count}])"
            return "subset", f"{text}; its rows keep the order of the boxes", index
    missing = named(np.setdiff1d(np.arange(boxes.count), kept), "box")
    text = f"the output has rows for {count} of the {boxes.count} boxes, in their order"
    return "subset", f"{text}, without {missing}", index_code(kept)


def _by_near_ties(kept: Index, boxes: _Boxes) -> _Explained | None:
    """Explain rows that are sorted except for ties, which stand in another order."""
    if len(kept) < _MIN_SORTED_ROWS or (kept < 0).any() or len(np.unique(kept)) < len(kept):
        return None
    whole = "" if len(kept) == boxes.count else f"the output has rows for {len(kept)} boxes and "
    for key in SORT_KEYS:
        steps = np.diff(key.of(boxes.boxes, boxes.batch_index)[kept])
        slack = _TIE_SHARE * float(np.abs(steps).max())
        rising, falling = bool((steps >= -slack).all()), bool((steps <= slack).all())
        if not rising ^ falling:
            continue
        words = "ascending" if rising else "descending"
        if key is BATCH_INDEX:
            text = f"the rows are grouped by batch index, {words}, and within a map in another"
            return "permutation", f"{whole}{text} order", index_code(kept)
        if (np.abs(steps) <= slack).mean() <= _MAX_TIED_SHARE:
            text = f"the rows are in {words} order of {key.phrase}, with ties in another order"
            return "sort", f"{whole}{text}", index_code(kept)
    return None


def _by_list(kept: Index, boxes: _Boxes) -> _Explained:
    """Return the list of the boxes of rows that no rule explains."""
    matched = kept[kept >= 0]
    if not len(matched):
        return "permutation", "no row of the output matches a box", ""
    index = index_code(_filled(kept, boxes.count))
    listed = ", ".join(map(str, matched[:_MAX_LISTED])) + ", …" * (len(matched) > _MAX_LISTED)
    another = f"in another order: {listed} ({_UNSORTED})"
    repeated = _repeated(kept, boxes)
    if repeated:
        in_order = (np.diff(matched) >= 0).all()
        return "duplicates", repeated + ("" if in_order else f"; the rows are {another}"), index
    if len(kept) < boxes.count:
        text = f"the output has rows for {len(kept)} of the {boxes.count} boxes, {another}"
        return "permutation", text, index
    return "permutation", f"the rows are {another}", index


def _repeated(kept: Index, boxes: _Boxes) -> str:
    """Name the boxes that have more rows than there are boxes like them; "" if there are none."""
    matched = kept[kept >= 0]
    uses, available = (np.bincount(boxes.ids[rows], minlength=boxes.count) for rows in
                       (matched, np.arange(boxes.count)))  # fmt: skip
    names = []
    for identity in np.flatnonzero(uses > available):
        rows = np.flatnonzero((kept >= 0) & (boxes.ids[kept] == identity))
        names.append((int(rows[0]), f"box {kept[rows[0]]} is repeated in {named(rows, 'row')}"))
    shown = [name for _, name in sorted(names)]
    more = len(shown) - _MAX_REPEATED
    return "; ".join([*shown[:_MAX_REPEATED], *([f"{more} more boxes are repeated"] * (more > 0))])


def _filled(kept: Index, count: int) -> Index:
    """Give each row without a box one that has no row yet, or else the box in its place."""
    filled, holes = kept.copy(), np.flatnonzero(kept < 0)
    unused = np.setdiff1d(np.arange(count), kept)[: len(holes)]
    filled[holes] = np.minimum(holes, count - 1)
    filled[holes[: len(unused)]] = unused
    return filled
