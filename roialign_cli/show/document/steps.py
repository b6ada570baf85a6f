"""Write the formulas of the sections, the sample points and the outputs.

Every formula is written once, with numbers that know their symbols; `in_symbols` turns the formula
of one sample point into the rule for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.convention import Convention
from roialign_cli.show.document.formulas import (
    FormulaLine,
    Fraction,
    Marked,
    Name,
    Number,
    Part,
    formula,
    in_symbols,
    joined,
    number,
    text_break,
    to_text,
    variable,
)
from roialign_cli.show.document.rules import has_finite_max_start
from roialign_cli.show.numbers import NEIGHBOUR_NAMES, format_point


def section_sizes(trace: Trace) -> tuple[FormulaLine, FormulaLine]:
    """Return the lines that compute the width and the height of a section."""
    rows, columns = len(trace.output), len(trace.output[0])
    width = formula("{} / {}", variable("w", trace.width, 5), variable("k", columns))
    height = formula("{} / {}", variable("h", trace.height, 5), variable("t", rows))
    section = number(trace.section_width), number(trace.section_height)
    return (
        formula("<width  of a section >= {} = {} = {}", in_symbols(width), width, section[0]),
        formula("<height of a section >= {} = {} = {}", in_symbols(height), height, section[1]),
    )


def adaptive_grid(trace: Trace) -> tuple[FormulaLine, ...]:
    """Return the lines that compute how many points a section has along x and along y."""
    return tuple(
        formula(
            "{} = {} = {}",
            Name(f"g_{axis}"),
            formula("max(ceil({}), 0)" if size <= -1 else "ceil({})", number(size, 6)),
            number(count),
        )
        for axis, size, count in zip(
            "xy", (trace.section_width, trace.section_height), trace.sections[0].grid, strict=True
        )
    )


def position_rules(trace: Trace) -> tuple[FormulaLine, FormulaLine]:
    """Return the formulas of the x and the y of any sample point, in symbols."""
    x, y = _positions(trace, section=(1, 1), grid=(1, 1), point=(1, 1))
    return ("x = ", *in_symbols(x)), ("y = ", *in_symbols(y))


def positions(trace: Trace, section: Section, point: Point) -> tuple[FormulaLine, FormulaLine]:
    """Return the right-hand sides of the x and the y of one sample point, in numbers."""
    return _positions(trace, section.section, section.grid, point.point)


def _positions(
    trace: Trace, section: tuple[int, int], grid: tuple[int, int], point: tuple[int, int]
) -> tuple[FormulaLine, FormulaLine]:
    rows, columns = len(trace.output), len(trace.output[0])
    position = _POSITION_FORMULAS[trace.convention.points]
    along_x = (trace.x, trace.width, columns, section[0], point[0])
    along_y = (trace.y, trace.height, rows, section[1], point[1])
    y_sign = "−" if trace.frame.y_up else "+"
    top = trace.frame.row_edge(0)
    x_parts, y_parts = parts_symbols(trace.convention)
    return (
        position(_Axis.of("x_roi w k i n", along_x, "+", 0.0, grid[0], x_parts)),
        position(_Axis.of("y_roi h t j m", along_y, y_sign, top, grid[1], y_parts)),
    )


def parts_symbols(convention: Convention) -> tuple[str, str]:
    """Return the symbols of the number of parts of a section along x and along y."""
    if convention.points == "dividers":
        return ("d", "d") if convention.divide else ("k", "t")
    return "g_x", "g_y"


@dataclass(frozen=True)
class _Axis:
    """The numbers that place a sample point along one axis.

    Parameters
    ----------
    start, size
        Where the ROI begins, and its size, in cells.
    sections, section
        How many sections there are, and the index of one of them, from 1.
    point
        The index of the point in the section, from 1.
    sign
        The operator for moving away from the start.
    edge
        Where the map begins, seen in the direction of `sign`.
    grid
        How many points the section has.
    parts
        The symbol of the number of parts that the section is divided into.
    """

    start: Number
    size: Number
    sections: Number
    section: Number
    point: Number
    sign: str
    edge: Number
    grid: int
    parts: str

    @classmethod
    def of(
        cls,
        symbols: str,
        values: tuple[float, ...],
        sign: str,
        edge: float,
        grid: int,
        parts: str,
    ) -> _Axis:
        """Return an axis; symbols and values are those of the first five fields."""
        numbers = (
            variable(symbol, value, 5 if symbol in {"w", "h"} else 4)
            for symbol, value in zip(symbols.split(), values, strict=True)
        )
        start, size, sections, section, point = numbers
        return cls(start, size, sections, section, point, sign, number(edge), grid, parts)

    def section_start(self, steps: Number) -> FormulaLine:
        """Return the start plus (section − 1) of `steps` equal parts of the size."""
        part = Fraction((self.size,), (steps,), enclosed=True)
        return formula("{} {} {}·({} − 1)", self.start, self.sign, part, self.section)

    def point_in_section(self, parts: int, step: Number) -> FormulaLine:
        """Return the section's start plus `step` of `parts` equal parts of the section."""
        sections = self.sections
        symbol = formula("{}·{}", sections, Name(self.parts))
        if sections.symbol == (Name(self.parts),):
            symbol = formula("{}²", sections)
        part = Fraction(
            (self.size,), (number(sections.value * parts, symbol=symbol),), enclosed=True
        )
        return formula("{} {} {}·{}", self.section_start(sections), self.sign, part, step)


def _centred(a: _Axis) -> FormulaLine:
    step = number(a.point.value - 0.5, symbol=formula("({} − 0.5)", a.point))
    return a.point_in_section(a.grid, step)


def _dividers(a: _Axis) -> FormulaLine:
    return a.point_in_section(a.grid + 1, a.point)


def _corners(a: _Axis) -> FormulaLine:
    if a.sections.value == 1:
        return formula("{} {} {}", a.start, a.sign, Fraction((a.size,), ("2",)))
    return a.section_start(number(a.sections.value - 1, symbol=formula("{} − 1", a.sections)))


def _cells(a: _Axis) -> FormulaLine:
    width = Fraction((a.size,), (a.sections,), enclosed=True)
    first = number(
        math.floor(a.size.value / a.sections.value * (a.section.value - 1)),
        symbol=formula("floor({}·({} − 1))", width, a.section),
    )
    step = number(a.point.value - 1, symbol=formula("({} − 1)", a.point))
    # Whichever of a position and the map's edge lies further along.
    cut = "max" if a.sign == "+" else "min"
    corner = formula(cut + "({} {} {}, {})", a.start, a.sign, first, a.edge)
    return formula("{} {} 0.5 {} {}", corner, a.sign, a.sign, step)


# Rule for placing points → its formula along one axis.
_POSITION_FORMULAS = {
    "centred": _centred,
    "dividers": _dividers,
    "corners": _corners,
    "cells": _cells,
}


@dataclass(frozen=True)
class _LinearWeights:
    """The weights of the neighbours on either side of a point, along each axis."""

    left: Fraction
    right: Fraction
    low: Fraction
    high: Fraction

    @classmethod
    def of(cls, x: float, x1: float, x2: float, y: float, y1: float, y2: float) -> _LinearWeights:
        """Return the weights of a point at (x, y) between x1 and x2, and between y1 and y2."""
        numbers = {"x": x, "x1": x1, "x2": x2, "y": y, "y1": y1, "y2": y2}

        def difference(first: str, second: str) -> FormulaLine:
            return formula("{} − {}", *(variable(name, numbers[name]) for name in (first, second)))

        width, height = difference("x2", "x1"), difference("y2", "y1")
        return cls(
            left=Fraction(difference("x2", "x"), width),
            right=Fraction(difference("x", "x1"), width),
            low=Fraction(difference("y2", "y"), height),
            high=Fraction(difference("y", "y1"), height),
        )

    @classmethod
    def at(cls, point: Point) -> _LinearWeights | None:
        """Return the weights of a point, None if it is not between two cells along each axis."""
        # The fractions would divide by zero, or not contain the point's own position.
        if point.x1 == point.x2 or point.y1 == point.y2 or point.border != "inside":
            return None
        return cls.of(point.x, point.x1, point.x2, point.y, point.y1, point.y2)

    def products(self) -> Iterator[FormulaLine]:
        """Yield the weight of each neighbour, in the order of `NEIGHBOUR_NAMES`."""
        yield from (
            formula("{} · {}", x, y) for y in (self.high, self.low) for x in (self.left, self.right)
        )


def interpolation_rule() -> tuple[FormulaLine, ...]:
    """Return the formula of the value at a point, in symbols."""
    weights = _LinearWeights.of(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return tuple(in_symbols(line) for line in _bilinear(weights, [0.0, 0.0, 0.0, 0.0]))


def _bilinear(weights: _LinearWeights, values: list[float]) -> Iterator[FormulaLine]:
    """Yield the two rows of a bilinear interpolation; the values are Q11, Q21, Q12 and Q22."""
    q11, q21, q12, q22 = (
        Marked((variable(name, value),), name)
        for name, value in zip(NEIGHBOUR_NAMES, values, strict=True)
    )
    for start, weight, left, right in (
        ("P = {} · ", weights.high, q11, q21),
        ("  + {} · ", weights.low, q12, q22),
    ):
        factor = formula(start, weight)
        indent = text_break(len(to_text(factor)))
        terms = weights.left, left, indent, weights.right, right
        yield formula("{}[ {}·{}{}+ {}·{} ]", factor, *terms)


def interpolated(trace: Trace, point: Point) -> Iterator[FormulaLine]:
    """Yield the lines that compute the value of a point from its neighbours."""
    value, weights = number(point.value), _LinearWeights.at(point)
    if trace.convention.points == "cells":
        row, column = number(point.neighbours[0].row), number(point.neighbours[0].column)
        yield formula("P =< cell at row >{},< column >{} = {}", row, column, value)
    elif weights is None:
        terms = (
            formula("{}·{}", number(q.weight), Marked((number(q.value),), name))
            for name, q in zip(NEIGHBOUR_NAMES, point.neighbours, strict=True)
        )
        yield formula("P = {} = {}", joined(terms, " + "), value)
    else:
        yield from _bilinear(weights, [q.value for q in point.neighbours])
        yield "  = ", value
    if (trace.convention.pooling, trace.convention.max_of) == ("max", "weighted-cell"):
        largest = number(point.contribution)
        yield formula("<the section takes the largest weight >×< cell>: {}", largest)


def weighted(point: Point) -> Iterator[FormulaLine]:
    """Yield the weight and the contribution of each neighbour, in the order of the neighbours."""
    weights = _LinearWeights.at(point)
    products = weights.products() if weights else [()] * len(point.neighbours)
    for name, q, product in zip(NEIGHBOUR_NAMES, point.neighbours, products, strict=True):
        weight, value = number(q.weight), Marked((number(q.value),), name)
        computed = formula("{} = {}", product, weight) if product else (weight,)
        sides = formula("{}·{} = {}", weight, value, number(q.weight * q.value))
        yield formula("<weight >= {};< it adds >{}", computed, sides)


def reduction(trace: Trace, section: Section, limit: int | None = None) -> FormulaLine:
    """Return the right-hand side that computes a section's output from its points.

    Of more than `limit` points, only the first ones are listed.
    """
    shown = section.points[:limit]
    taken: list[Part] = [
        Marked((number(p.contribution),), "winner")
        if p.point == section.winner
        else number(p.contribution)
        for p in shown
    ]
    output = number(section.output)
    if not taken:
        return formula("<no points>,< which give >{}", output)
    maximum = trace.convention.pooling == "max"
    if maximum and has_finite_max_start(trace.convention):
        taken.insert(0, number(trace.convention.max_start))
    separator = ", " if maximum else " + "
    terms = joined(taken, separator)
    if len(shown) < len(section.points):
        terms = (*terms, separator, "...")
    if not maximum:
        return formula("({}) / {} = {}", terms, number(len(section.points)), output)
    line = formula("max({}) = {}", terms, output)
    if section.winner:
        winner = Marked(formula("< point >{}", format_point(*section.winner)), "winner")
        line += formula(",{}", winner)
    return line
