"""How points and outputs come about, each step as formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.document.formulas import Fraction, Line, TextBreak, joined
from roialign_cli.show.document.rules import starts_above
from roialign_cli.show.numbers import format_number, format_point


def position_rules(trace: Trace) -> tuple[Line, Line]:
    """Return the formulas for the x and the y of a point."""
    formula = _FORMULAS[trace.convention.points]
    rows, columns = len(trace.output), len(trace.output[0])
    along_x = formula(_Symbols("x_roi", "+", "0", "w", "k", columns, "i", "n"))
    top = format_number(trace.frame.row_edge(0))
    along_y = formula(_Symbols("y_roi", _down(trace), top, "h", "t", rows, "j", "m"))
    return ("x = ", *along_x), ("y = ", *along_y)


def positions(trace: Trace, section: Section, point: Point) -> tuple[Line, Line]:
    """Return what stands for a point's x and y once the numbers are put in."""
    (i, j), (n, m) = section.section, point.point
    substituted = _PUT_IN[trace.convention.points]
    rows, columns = len(trace.output), len(trace.output[0])
    top = trace.frame.row_edge(0)
    x = substituted(_AxisNumbers(trace.x, "+", 0.0, trace.width, columns, i, section.grid[0], n))
    y = substituted(
        _AxisNumbers(trace.y, _down(trace), top, trace.height, rows, j, section.grid[1], m)
    )
    return x, y


def _down(trace: Trace) -> str:
    """Return the sign of what lies further down."""
    return "−" if trace.frame.y_up else "+"


@dataclass(frozen=True)
class _AxisNumbers:
    """One point along one axis, as its formula needs it; all counted from 1.

    `edge` is where the map begins, seen in the direction of `sign`.
    """

    start: float
    sign: str
    edge: float
    size: float
    sections: int
    section: int
    count: int
    point: int

    @property
    def section_start(self) -> Line:
        width = Fraction(format_number(self.size, 5), str(self.sections), enclosed=True)
        return f"{format_number(self.start)} {self.sign} ", width, f"·({self.section} − 1)"

    def step(self, parts: int, steps: str) -> Line:
        part = Fraction(format_number(self.size, 5), str(self.sections * parts), enclosed=True)
        return *self.section_start, f" {self.sign} ", part, f"·{steps}"


def _corner(a: _AxisNumbers) -> Line:
    start, size = f"{format_number(a.start)} {a.sign} ", format_number(a.size, 5)
    if a.sections == 1:
        return start, Fraction(size, "2")
    return start, Fraction(size, str(a.sections - 1), enclosed=True), f"·({a.section} − 1)"


def _cell(a: _AxisNumbers) -> Line:
    first = math.floor(a.size / a.sections * (a.section - 1))
    cut = f"{_CUT[a.sign]}({format_number(a.start)} {a.sign} {first}, {format_number(a.edge)})"
    return (f"{cut} {a.sign} 0.5 {a.sign} {a.point - 1}",)


# Sign of an axis's direction → which of a position and the map's edge lies further along.
_CUT = {"+": "max", "−": "min"}


@dataclass(frozen=True)
class _Symbols:
    """What stands for the numbers of an axis in a formula; `edge` as in `_AxisNumbers`.

    `how_many` sections there really are.
    """

    start: str
    sign: str
    edge: str
    size: str
    sections: str
    how_many: int
    section: str
    point: str

    def section_start(self, sections: str) -> Line:
        width = Fraction(self.size, sections, enclosed=True)
        return f"{self.start} {self.sign} ", width, f"·({self.section} − 1)"

    def step(self, parts: str, steps: str) -> Line:
        part = Fraction(self.size, f"{self.sections}·{parts}", enclosed=True)
        return *self.section_start(self.sections), f" {self.sign} ", part, f"·{steps}"

    def corner(self) -> Line:
        if self.how_many == 1:
            return f"{self.start} {self.sign} ", Fraction(self.size, "2")
        return self.section_start(f"{self.sections} − 1")

    def cell(self) -> Line:
        width = Fraction(self.size, self.sections, enclosed=True)
        head = f"{_CUT[self.sign]}({self.start} {self.sign} floor("
        inside = f"{self.sign} 0.5 {self.sign} ({self.point} − 1)"
        return head, width, f"·({self.section} − 1)), {self.edge}) {inside}"


# A rule's formula, and the same with the numbers put in.
_FORMULAS: dict[str, Callable[[_Symbols], Line]] = {
    "centred": lambda s: s.step("g", f"({s.point} − 0.5)"),
    "dividers": lambda s: s.step("d", s.point),
    "corners": _Symbols.corner,
    "cells": _Symbols.cell,
}
_PUT_IN: dict[str, Callable[[_AxisNumbers], Line]] = {
    "centred": lambda a: a.step(a.count, format_number(a.point - 0.5)),
    "dividers": lambda a: a.step(a.count + 1, str(a.point)),
    "corners": _corner,
    "cells": _cell,
}


@dataclass(frozen=True)
class _Shares:
    """The shares that the neighbours on either side of a point have in it."""

    left: Fraction
    right: Fraction
    low: Fraction
    high: Fraction

    @classmethod
    def of(cls, x: str, x1: str, x2: str, y: str, y1: str, y2: str) -> _Shares:
        across, up = f"{x2} − {x1}", f"{y2} − {y1}"
        return cls(
            left=Fraction(f"{x2} − {x}", across),
            right=Fraction(f"{x} − {x1}", across),
            low=Fraction(f"{y2} − {y}", up),
            high=Fraction(f"{y} − {y1}", up),
        )

    @classmethod
    def at(cls, point: Point) -> _Shares | None:
        """Return those of a point, None if it is not between two different cells a way."""
        # Fractions would have no width to divide by, or not the point's own position in them.
        if point.x1 == point.x2 or point.y1 == point.y2 or point.border != "inside":
            return None
        across, up = (point.x, point.x1, point.x2), (point.y, point.y1, point.y2)
        return cls.of(*map(format_number, (*across, *up)))

    def each(self) -> Iterator[tuple[Fraction, Fraction]]:
        """Yield the two of every neighbour, in their order."""
        yield from ((x, y) for y in (self.high, self.low) for x in (self.left, self.right))


def interpolation_rule() -> tuple[Line, Line]:
    """Return the formula of the value at a point."""
    s = _Shares.of("x", "x1", "x2", "y", "y1", "y2")
    return (
        ("P = ", s.high, " · [ ", s.left, "·Q11 + ", s.right, "·Q21 ]"),
        ("  + ", s.low, " · [ ", s.left, "·Q12 + ", s.right, "·Q22 ]"),
    )


def interpolated(trace: Trace, point: Point) -> Iterator[Line]:
    """Yield how a point's value comes about from its neighbours."""
    value, shares = format_number(point.value), _Shares.at(point)
    if trace.convention.points == "cells":
        cell = point.neighbours[0]
        yield (f"P = cell at row {cell.row}, column {cell.column} = {value}",)
    elif shares is None:
        terms = (f"{format_number(q.weight)}·{format_number(q.value)}" for q in point.neighbours)
        yield (f"P = {' + '.join(terms)} = {value}",)
    else:
        yield from _weighed(point, shares)
    if (trace.convention.pooling, trace.convention.max_of) == ("max", "weighted-cell"):
        yield (f"the section takes the largest weight × cell: {format_number(point.contribution)}",)


def _weighed(point: Point, shares: _Shares) -> Iterator[Line]:
    q11, q21, q12, q22 = (format_number(q.value) for q in point.neighbours)
    rows = ("P = ", shares.high, q11, q21), ("  + ", shares.low, q12, q22)
    for head, share, first, second in rows:
        inside = TextBreak(len(f"{head}{share} · "))
        left, right = shares.left, shares.right
        yield head, share, " · [ ", left, f"·{first}", inside, "+ ", right, f"·{second} ]"
    yield (f"  = {format_number(point.value)}",)


def weighted(point: Point) -> Iterator[Line]:
    """Yield how much each of a point's neighbours weighs and adds, in their order."""
    shares = _Shares.at(point)
    products = list(shares.each()) if shares else [()] * len(point.neighbours)
    for neighbour, product in zip(point.neighbours, products, strict=True):
        weight, value = format_number(neighbour.weight), format_number(neighbour.value)
        added = format_number(neighbour.weight * neighbour.value)
        shown: Line = ("weight = ", product[0], " · ", product[1]) if product else ("weight",)
        yield *shown, f" = {weight}; it adds {weight}·{value} = {added}"


def reduction(trace: Trace, section: Section) -> Line:
    """Return how a section's output comes about from its points."""
    taken = [format_number(p.contribution) for p in section.points]
    output = format_number(section.output)
    if not taken:
        return (f"no points, which give {output}",)
    if trace.convention.pooling == "avg":
        return "(", *joined(taken, " + "), f") / {len(taken)} = {output}"
    if starts_above(trace.convention):
        taken.insert(0, format_number(trace.convention.max_start))
    won = f", point {format_point(*section.winner)}" if section.winner else ""
    return "max(", *joined(taken, ", "), f") = {output}{won}"
