"""Orders in which the rows of an output may stand: sorted, reversed, in turn, repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from roialign_cli.core.boxes import Float
from roialign_cli.search.fit import Index

Kind = Literal[
    "same", "first", "padding", "reverse", "sort", "swap", "duplicates", "subset", "permutation"
]


@dataclass(frozen=True)
class SortKey:
    """A number of each box that the rows of an output may be sorted by.

    Parameters
    ----------
    name
        The number, as in "in ascending order of the …".
    expression
        Python for it, from `boxes`, of which the last four columns are the corners x1, y1, x2 and
        y2, and from `batch_index`.
    of
        The function from corners (R, 4) and batch indices (R,) to numbers (R,).
    offset
        What to add to a number to name it in a text.
    """

    name: str
    expression: str
    of: Callable[[Float, Index], Float | Index]
    offset: int = 0

    @property
    def phrase(self) -> str:
        """The name with its article; coordinates have none."""
        return self.name if self.name in {"x1", "y1", "x2", "y2"} else f"the {self.name}"


_SIDES = "boxes[:, -2:] - boxes[:, -4:-2]"
_AREA = f"np.prod({_SIDES}, axis=1)"
# Feature pyramids send a box to level 2, 3, 4 or 5 by its area, with 224 × 224 pixels for level 4.
_LEVEL_AREAS = (112**2, 224**2, 448**2)


def _sides(boxes: Float) -> Float:
    return np.asarray(boxes[:, -2:] - boxes[:, -4:-2])


def _areas(boxes: Float) -> Float:
    return np.asarray(np.prod(_sides(boxes), axis=1))


BATCH_INDEX = SortKey("batch index", "batch_index", lambda _, batch: batch)
LEVEL = SortKey(
    "pyramid level",
    f"np.digitize({_AREA}, {list(_LEVEL_AREAS)})",
    lambda boxes, _: np.digitize(_areas(boxes), _LEVEL_AREAS),
    offset=2,
)
GROUPING_KEYS = (BATCH_INDEX, LEVEL)  # keys with few different values
SORT_KEYS = (
    BATCH_INDEX,
    SortKey("box area", _AREA, lambda boxes, _: _areas(boxes)),
    LEVEL,
    SortKey("y1", "boxes[:, -3]", lambda boxes, _: boxes[:, -3]),
    SortKey("x1", "boxes[:, -4]", lambda boxes, _: boxes[:, -4]),
    SortKey("y2", "boxes[:, -1]", lambda boxes, _: boxes[:, -1]),
    SortKey("x2", "boxes[:, -2]", lambda boxes, _: boxes[:, -2]),
    SortKey("box height", f"({_SIDES})[:, 1]", lambda boxes, _: _sides(boxes)[:, 1]),
    SortKey("box width", f"({_SIDES})[:, 0]", lambda boxes, _: _sides(boxes)[:, 0]),
    SortKey(
        "longer box side", f"np.max({_SIDES}, axis=1)", lambda boxes, _: _sides(boxes).max(axis=1)
    ),
    SortKey(
        "y of the box centre",
        "boxes[:, -3] + boxes[:, -1]",
        lambda boxes, _: boxes[:, -3] + boxes[:, -1],
    ),
    SortKey(
        "x of the box centre",
        "boxes[:, -4] + boxes[:, -2]",
        lambda boxes, _: boxes[:, -4] + boxes[:, -2],
    ),
)


@dataclass(frozen=True)
class Pattern:
    """An order of rows that a rule explains.

    Parameters
    ----------
    kind
        The kind of `RowOrder`.
    order
        The box of each row; an output may hold only the first rows.
    text
        A clause for an output with all rows.
    index
        Python that takes the rows from `boxes`, if it is written in brackets after it.
    first
        The first boxes in this order, as in "the output has rows for only the first 100 …".
    """

    kind: Kind
    order: Index
    text: str
    index: str
    first: str


def patterns(boxes: Float, batch_index: Index) -> Iterator[Pattern]:
    """Yield the orders of rows that a rule explains, the simplest first.

    Parameters
    ----------
    boxes
        (R, 4), numbers: corners x1, y1, x2, y2.
    batch_index
        (R,), the map of each box.
    """
    rows = np.arange(len(boxes))
    yield Pattern("same", rows, "", "", "boxes")
    yield Pattern("reverse", rows[::-1], "the rows are in reverse order", "::-1", "boxes, reversed")
    maps = len(np.unique(batch_index))
    for key in SORT_KEYS:
        values = key.of(boxes, batch_index)
        if values.min() < values.max():
            yield from _sorted_by(key, values)
            if maps > 1 and key is not BATCH_INDEX:
                yield from _sorted_within_maps(key, values, batch_index)
    if maps > 1 and len(rows) % maps == 0:
        text = f"the rows take one box of each of {maps} equal parts of the boxes in turn"
        index = f"np.arange(len(boxes)).reshape({maps}, -1).T.ravel()"
        order = rows.reshape(maps, -1).T.ravel()
        yield Pattern("permutation", order, text, index, "boxes, taken in turn from each part")


def _sorted_by(key: SortKey, values: Float | Index) -> Iterator[Pattern]:
    """Yield the ascending and the descending order of a key, with ties in either order."""
    ascending = np.argsort(values, kind="stable")
    descending = np.argsort(-values, kind="stable")
    index = f'np.argsort({key.expression}, kind="stable")'
    orders = (
        ("ascending", ascending, index),
        ("descending", descending, f'np.argsort(-({key.expression}), kind="stable")'),
        ("descending", ascending[::-1], f"{index}[::-1]"),
    )
    for direction, order, code in orders:
        words = f"in {direction} order of {key.phrase}"
        text = f"the rows are {words}"
        if key in GROUPING_KEYS:
            text = f"the rows are grouped by {key.name}, {direction}"
        yield Pattern("sort", order, text, code, f"boxes {words}")


def _sorted_within_maps(
    key: SortKey, values: Float | Index, batch_index: Index
) -> Iterator[Pattern]:
    """Yield the orders by batch index first and then by a key."""
    for direction, sign in (("ascending", ""), ("descending", "-")):
        order = np.lexsort((-values if sign else values, batch_index))
        words = f"by batch index, and in {direction} order of {key.phrase} within each map"
        expression = f"-({key.expression})" if sign else key.expression
        index = f"np.lexsort(({expression}, batch_index))"
        yield Pattern("sort", order, f"the rows are sorted {words}", index, f"boxes {words}")


def repetitions(count: int, rows: int) -> Iterator[Pattern]:
    """Yield the orders in which each of `count` boxes has the same number of rows, at least 2."""
    times, rest = divmod(rows, count)
    if rest or times < 2:
        return
    every = "every box is repeated"
    yield Pattern(
        "duplicates",
        np.repeat(np.arange(count), times),
        f"{every} in {times} rows that follow each other",
        f"np.repeat(np.arange(len(boxes)), {times})",
        "",
    )
    yield Pattern(
        "duplicates",
        np.tile(np.arange(count), times),
        f"{every}: the rows of all boxes follow each other {times} times",
        f"np.tile(np.arange(len(boxes)), {times})",
        "",
    )
