"""A trace told step by step, as blocks that every text format renders.

The five steps are numbered as the walkthrough numbers them: the box on the feature map, its
sections, their sample points, the interpolation, and the reduction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from roialign_cli.conventions import Summary
from roialign_cli.footprint import Fed
from roialign_cli.operation import Operation
from roialign_cli.show.blocks import Block, Formulas, Grid, Heading, Output, Paragraph, Verbatim
from roialign_cli.show.formulas import Fraction, Line, TextBreak, joined
from roialign_cli.show.numbers import NEIGHBOUR_NAMES, channel_of, name_of, number, pair
from roialign_cli.show.rules import offset_rule, rules, starts_above
from roialign_cli.show.sketch import sketch
from roialign_cli.tracing import Point, Section, Trace


@dataclass(frozen=True)
class Explanation:
    """What to tell of a trace.

    Parameters
    ----------
    trace
        What happened.
    exact
        The same without rounded coordinates, where the convention rounds them.
    subject
        What the features are called.
    section, point
        The only section (i, j) and point (n, m) to tell of; all of them if None.
    sketched
        Whether the ROI is drawn in text, too.
    """

    trace: Trace
    exact: Trace | None
    subject: str
    section: tuple[int, int] | None = None
    point: tuple[int, int] | None = None
    sketched: bool = False

    def blocks(self) -> Iterator[Block]:
        """Return the whole explanation from the top."""
        yield from self._title()
        if self.sketched:
            yield Verbatim(sketch(self.trace, self._narrowed))
        yield from self._box()
        yield from self._sections()
        yield from self._points()
        yield from self._interpolation()
        yield from self._reduction()

    @property
    def _narrowed(self) -> tuple[Section, ...]:
        return self.trace.narrowed(self.section, self.point)

    @property
    def _whole(self) -> tuple[Section, ...]:
        return self.trace.narrowed(self.section)

    def _title(self) -> Iterator[Block]:
        t = self.trace
        yield Heading(1, f"ROI Align of {self.subject}, step by step")
        up = "up" if t.frame.y_up else "down"
        channel = f", {channel_of(t)}" if t.channels > 1 else ""
        yield Paragraph(
            f"Convention {name_of(t.convention)}: {t.convention.summary}. The feature map has "
            f"{t.map_size[0]} rows and {t.map_size[1]} columns of cells{channel}. Positions have "
            f"their origin at the {t.frame.origin.replace('-', ' ')}, x to the right, y {up}; a "
            "cell's centre lies on .5."
        )

    def _box(self) -> Iterator[Block]:
        t = self.trace
        yield Heading(2, "1. The box on the feature map")
        names = _BOX_NAMES[t.convention.box_format]
        lines = []
        if t.scale == (1.0, 1.0):
            yield Paragraph("The box is given in feature-map units: nothing is scaled.")
            lines += [(f"{n:6} = {number(v)}",) for n, v in zip(names, t.box, strict=True)]
        else:
            for name, value in zip(names, t.box, strict=True):
                factor = t.scale[0 if name in _ALONG_X else 1]
                scaled = f"{_scaling(factor)} = {number(value * factor, 5)}"
                lines.append((f"{name:6} = {number(value)} {scaled}",))
        yield Formulas(tuple(lines))
        yield from self._placing()
        bottom = t.y - t.height if t.frame.y_up else t.y + t.height
        yield Paragraph(
            f"The ROI lies from its top-left corner {pair(t.x, t.y)} to its bottom-right corner "
            f"{pair(t.x + t.width, bottom, 5)}: {number(t.width, 5)} cells wide and "
            f"{number(t.height, 5)} high."
        )

    def _placing(self) -> Iterator[Block]:
        """Say what the convention does to the box on the map, where it does something."""
        t = self.trace
        if t.convention.offset != 0.5 or t.convention.image_offset:
            yield Paragraph(f"Offset: {offset_rule(t.convention)}")
        if t.convention.points == "cells":
            yield Paragraph(f"Points: {rules(t.convention)['points']}")
        for axis, raw, size in (
            ("width", t.raw_width, t.width),
            ("height", t.raw_height, t.height),
        ):
            if raw != size:
                yield Paragraph(
                    f"The ROI's {axis} of {number(raw, 5)} is below the smallest size that the "
                    f"convention allows, and grows to {number(size, 5)}."
                )

    def _sections(self) -> Iterator[Block]:
        t = self.trace
        rows, columns = len(t.output), len(t.output[0])
        yield Heading(2, f"2. The sections: {columns} along x × {rows} along y")
        width = f"{number(t.width, 5)} / {columns} = {number(t.section_width)}"
        height = f"{number(t.height, 5)} / {rows} = {number(t.section_height)}"
        yield Formulas(((f"width  of a section = {width}",), (f"height of a section = {height}",)))
        sign = -1 if t.frame.y_up else 1
        yield Grid(
            ("section (i, j)", "top-left", "bottom-right"),
            tuple(
                (
                    pair(*s.section),
                    pair(s.x, s.y),
                    pair(s.x + t.section_width, s.y + sign * t.section_height),
                )
                for s in self._narrowed
            ),
        )

    def _points(self) -> Iterator[Block]:
        t = self.trace
        yield Heading(2, "3. The sample points")
        yield Paragraph(rules(t.convention)["points"])
        formula = _FORMULAS[t.convention.points]
        along_x = formula(_Symbols("+", "w", "k", "i", "n"))
        along_y = formula(_Symbols(self._down, "h", "t", "j", "m"))
        yield Formulas((("x = x_roi ", *along_x), ("y = y_roi ", *along_y)))
        yield from self._grid_rule()
        if self.exact is not None:
            yield Paragraph(
                f"Coordinates are rounded to {t.convention.coordinate_decimals} decimals (→), and "
                "everything after is computed from the rounded ones."
            )
        for section in self._narrowed:
            yield Heading(3, f"Section {pair(*section.section)}")
            if not section.points:
                yield Paragraph("This section has no sample points.")
                continue
            lines = (line for p in section.points for line in self._labelled(section, p))
            yield Formulas(tuple(lines))

    def _grid_rule(self) -> Iterator[Block]:
        t = self.trace
        if t.convention.points != "centred" or t.convention.sampling_ratio:
            return
        columns, rows = t.sections[0].grid
        width, height = number(t.section_width, 6), number(t.section_height, 6)
        yield Formulas(
            ((f"g along x = ceil({width}) = {columns}",), (f"g along y = ceil({height}) = {rows}",))
        )

    @property
    def _down(self) -> str:
        """The sign of what lies further down."""
        return "−" if self.trace.frame.y_up else "+"

    def _labelled(self, section: Section, point: Point) -> tuple[Line, Line]:
        label = f"point {pair(*point.point)}"
        x, y = self.coordinates(section, point)
        return (f"{label}  ", *x), (f"{' ' * len(label)}  ", *y)

    def coordinates(self, section: Section, point: Point) -> tuple[Line, Line]:
        """Return how a point's x and y come about."""
        t = self.trace
        (i, j), (n, m) = section.section, point.point
        exact = self._exact_point(section, point)
        put_in = _PUT_IN[t.convention.points]
        x = put_in(_Along(t.x, "+", t.width, len(t.output[0]), i, section.grid[0], n))
        y = put_in(_Along(t.y, self._down, t.height, len(t.output), j, section.grid[1], m))
        return (
            ("x = ", *x, f" = {_rounded(exact.x, point.x)}"),
            ("y = ", *y, f" = {_rounded(exact.y, point.y)}"),
        )

    def _exact_point(self, section: Section, point: Point) -> Point:
        if self.exact is None:
            return point
        twin = self.exact.section(*section.section)
        return next(p for p in twin.points if p.point == point.point)

    def _interpolation(self) -> Iterator[Block]:
        if self.trace.convention.points == "cells":
            yield Heading(2, "4. The value at each point: the cell's own")
        else:
            yield from self._interpolation_rule()
        for section in self._narrowed:
            for point in section.points:
                yield from self._point(section, point)

    def _interpolation_rule(self) -> Iterator[Block]:
        yield Heading(2, "4. The value at each point: bilinear interpolation")
        low, high = Fraction("y − y1", "y2 − y1"), Fraction("y2 − y", "y2 − y1")
        left, right = Fraction("x2 − x", "x2 − x1"), Fraction("x − x1", "x2 − x1")
        yield Formulas(
            (
                ("P = ", low, " · [ ", left, "·Q11 + ", right, "·Q21 ]"),
                ("  + ", high, " · [ ", left, "·Q12 + ", right, "·Q22 ]"),
            )
        )
        yield Paragraph(
            "Q11 and Q21 are the two cells at y2, Q12 and Q22 the two at y1 (textbooks often name "
            "them the other way round). A weight is the product of its two fractions."
        )

    def _point(self, section: Section, point: Point) -> Iterator[Block]:
        yield Heading(
            3,
            f"Section {pair(*section.section)}, point {pair(*point.point)} at "
            f"{pair(point.x, point.y)}",
        )
        margin = number(self.trace.convention.border_margin)
        if point.border == "out":
            yield Paragraph(
                f"Out: the point lies more than {margin} beyond the outermost cell centres, so its "
                f"value is {number(point.value)}."
            )
            return
        if self.trace.convention.points == "cells":
            yield Formulas(tuple(self.interpolated(point)))
            return
        if point.border == "clamped":
            yield Paragraph(
                f"Clamped: the point lies beyond the outermost cell centres, by no more than "
                f"{margin}, and is moved to them."
            )
        yield Grid(
            ("cell", "row", "column", "centre", "weight", "value"),
            tuple(
                (
                    name,
                    str(q.row),
                    str(q.column),
                    pair(q.x, q.y),
                    number(q.weight),
                    number(q.value),
                )
                for name, q in zip(NEIGHBOUR_NAMES, point.neighbours, strict=True)
            ),
        )
        yield Formulas(tuple(self.interpolated(point)))

    def _reduction(self) -> Iterator[Block]:
        t = self.trace
        what = {"avg": "the average", "max": "the largest"}[t.convention.pooling]
        yield Heading(2, f"5. The output of each section: {what} of its points")
        if (t.convention.pooling, t.convention.points) != ("max", "dividers"):
            yield Paragraph(rules(t.convention)[t.convention.pooling])
        yield Formulas(tuple(line for s in self._whole for line in self._concluded(s)))
        if self.section is None and self.point is None:
            yield Paragraph("The output, section (1, 1) at the top left:")
            yield Output(np.array(t.output))

    def _concluded(self, section: Section) -> Iterator[Line]:
        head = f"section {pair(*section.section)}: "
        first, *others = self.reduced(section)
        yield (f"{head}&", *first)
        yield from ((f"{' ' * len(head)}&", *other) for other in others)

    def reduced(self, section: Section) -> Iterator[Line]:
        """Yield how a section's output comes about from its points."""
        yield _reduction(self.trace, section)
        if self.exact is not None:
            exact = self.exact.section(*section.section).output
            yield (f"exact coordinates give {number(exact)}",)

    def interpolated(self, point: Point) -> Iterator[Line]:
        """Yield how a point's value comes about from its neighbours."""
        if self.trace.convention.points == "cells":
            cell, value = point.neighbours[0], number(point.value)
            yield (f"P = cell at row {cell.row}, column {cell.column} = {value}",)
        elif point.x1 == point.x2 or point.y1 == point.y2 or point.border == "clamped":
            # The fractions have no width to divide by, or not the point's own position in them.
            terms = (f"{number(q.weight)}·{number(q.value)}" for q in point.neighbours)
            yield (f"P = {' + '.join(terms)} = {number(point.value)}",)
        else:
            yield from _interpolated(point)


def _reduction(trace: Trace, section: Section) -> Line:
    taken = [number(p.contribution) for p in section.points]
    output = number(section.output)
    if not taken:
        return (f"no points, which give {output}",)
    if trace.convention.pooling == "avg":
        return "(", *joined(taken, " + "), f") / {len(taken)} = {output}"
    if starts_above(trace.convention):
        taken.insert(0, number(trace.convention.max_start))
    won = f", point {pair(*section.winner)}" if section.winner else ""
    return "max(", *joined(taken, ", "), f") = {output}{won}"


_BOX_NAMES = {
    "xyxy": ("x1", "y1", "x2", "y2"),
    "xywh": ("x", "y", "width", "height"),
    "cxcywh": ("cx", "cy", "width", "height"),
    "yxyx": ("y1", "x1", "y2", "x2"),
}
_ALONG_X = {"x", "x1", "x2", "cx", "width"}


def _scaling(factor: float) -> str:
    """Return the step from image units to cells: a division where it is by a whole number."""
    inverse = 1 / factor if 0 < factor < 1 else 0.5
    if abs(inverse - round(inverse)) < 1e-9 * inverse:
        return f"/ {round(inverse)}"
    return f"× {factor:.6g}"


def _rounded(exact: float, shown: float) -> str:
    before, after = number(exact), number(shown)
    return before if before == after else f"{before} → {after}"


@dataclass(frozen=True)
class _Along:
    """One point along one axis, as its formula needs it; all counted from 1."""

    start: float
    sign: str
    size: float
    sections: int
    section: int
    count: int
    point: int

    @property
    def section_start(self) -> Line:
        width = Fraction(number(self.size, 5), str(self.sections), enclosed=True)
        return f"{number(self.start)} {self.sign} ", width, f"·({self.section} − 1)"

    def step(self, parts: int, steps: str) -> Line:
        part = Fraction(number(self.size, 5), str(self.sections * parts), enclosed=True)
        return *self.section_start, f" {self.sign} ", part, f"·{steps}"


def _corner(a: _Along) -> Line:
    start, size = f"{number(a.start)} {a.sign} ", number(a.size, 5)
    if a.sections == 1:
        return start, Fraction(size, "2")
    return start, Fraction(size, str(a.sections - 1), enclosed=True), f"·({a.section} − 1)"


def _cell(a: _Along) -> Line:
    # Of a section cut off by the border the first cell is not the formula's.
    first = math.floor(a.size / a.sections * (a.section - 1))
    return (f"{number(a.start)} {a.sign} {first} {a.sign} 0.5 {a.sign} {a.point - 1}",)


@dataclass(frozen=True)
class _Symbols:
    """What an axis is called in a formula, and the sign of its direction."""

    sign: str
    size: str
    sections: str
    section: str
    point: str

    def section_start(self, sections: str) -> Line:
        width = Fraction(self.size, sections, enclosed=True)
        return f"{self.sign} ", width, f"·({self.section} − 1)"

    def step(self, parts: str, steps: str) -> Line:
        part = Fraction(self.size, f"{self.sections}·{parts}", enclosed=True)
        return *self.section_start(self.sections), f" {self.sign} ", part, f"·{steps}"

    def cell(self) -> Line:
        width = Fraction(self.size, self.sections, enclosed=True)
        step = f"·({self.section} − 1)) {self.sign} 0.5 {self.sign} ({self.point} − 1)"
        return f"{self.sign} floor(", width, step


# A rule's formula, and the same with the numbers put in.
_FORMULAS: dict[str, Callable[[_Symbols], Line]] = {
    "centred": lambda s: s.step("g", f"({s.point} − 0.5)"),
    "dividers": lambda s: s.step("d", s.point),
    "corners": lambda s: s.section_start(f"{s.sections} − 1"),
    "cells": _Symbols.cell,
}
_PUT_IN: dict[str, Callable[[_Along], Line]] = {
    "centred": lambda a: a.step(a.count, number(a.point - 0.5)),
    "dividers": lambda a: a.step(a.count + 1, str(a.point)),
    "corners": _corner,
    "cells": _cell,
}


def _interpolated(point: Point) -> Iterator[Line]:
    x, y = number(point.x), number(point.y)
    x1, x2, y1, y2 = (number(v) for v in (point.x1, point.x2, point.y1, point.y2))
    q11, q21, q12, q22 = (number(q.value) for q in point.neighbours)
    left, right = Fraction(f"{x2} − {x}", f"{x2} − {x1}"), Fraction(f"{x} − {x1}", f"{x2} − {x1}")
    low, high = Fraction(f"{y} − {y1}", f"{y2} − {y1}"), Fraction(f"{y2} − {y}", f"{y2} − {y1}")
    for head, share, first, second in (("P = ", low, q11, q21), ("  + ", high, q12, q22)):
        inside = TextBreak(len(f"{head}{share} · "))
        yield head, share, " · [ ", left, f"·{first}", inside, "+ ", right, f"·{second} ]"
    yield (f"  = {number(point.value)}",)


def cell_blocks(
    operation: Operation,
    cell: tuple[int, int],
    fed: Sequence[Fed],
    labels: Sequence[str],
    channel: int | Summary,
) -> list[Block]:
    """Tell which outputs a cell of the map feeds, and with what weight."""
    row, column = cell
    at = pair(operation.frame.x(column), operation.frame.y(row))
    convention = f"{name_of(operation.convention)}, {operation.convention.pooling}"
    blocks: list[Block] = [
        Heading(1, f"The outputs that the cell at row {row}, column {column} feeds"),
        Paragraph(f"Its centre is at {at}. Convention {convention}{_on(operation, channel)}."),
    ]
    if not fed:
        return [*blocks, Paragraph("It feeds none.")]
    rows = (
        (
            f"{f.roi} {labels[f.roi]}".strip(),
            str(operation.batch_index[f.roi]),
            pair(*f.section),
            number(f.weight),
        )
        for f in fed
    )
    total = number(sum(f.weight for f in fed))
    return [
        *blocks,
        Grid(("ROI", "map", "section (i, j)", "weight"), tuple(rows)),
        Paragraph(f"{len(fed)} outputs, {total} in all."),
    ]


def _on(operation: Operation, channel: int | Summary) -> str:
    """Return on which channel winners are found, if there are several and any."""
    several = operation.features.shape[1] > 1 and operation.convention.pooling == "max"
    return f", channel {channel}" if several else ""
