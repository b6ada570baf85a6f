"""Write the formulas of the sections and of where their sample points lie.

Every formula is written once, with numbers that know their symbols; `in_symbols` turns the formula
of one sample point into the rule for all of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.convention import Convention
from roialign_cli.core.point_rules import ROUNDINGS, clipped_sections
from roialign_cli.show.document.formulas import (
    FormulaLine,
    Fraction,
    Name,
    Number,
    formula,
    in_symbols,
    number,
    variable,
)
from roialign_cli.show.document.point_rules import has_one_corner_point


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


def adaptive_grid(trace: Trace, section: Section) -> tuple[FormulaLine, ...]:
    """Return the lines that compute how many points a section has along x and along y."""
    convention, (i, j) = trace.convention, section.section
    sizes = [trace.section_width, trace.section_height]
    if convention.clip_sections:
        for axis, (along, index) in enumerate(((trace.plan.x, i), (trace.plan.y, j))):
            first, last = clipped_sections(along)
            sizes[axis] = float(last[0, index - 1] - first[0, index - 1])
    ratios = reversed(convention.sampling_ratios)
    return tuple(
        formula("{} = {} = {}", Name(f"g_{axis}"), _rounded_size(convention, size), number(count))
        for axis, ratio, size, count in zip("xy", ratios, sizes, trace.grid(i, j), strict=True)
        if not ratio
        for count in (max(count, 0),)
    )


def _rounded_size(convention: Convention, size: float) -> FormulaLine:
    """Return the formula of the adaptive grid along one axis."""
    line = formula(f"{convention.grid_rounding}({{}})", number(size, 6))
    if convention.grid_min or convention.grid_max is not None:
        line = formula("max({}, {})", line, number(convention.grid_min))
        if convention.grid_max is not None:
            line = formula("min({}, {})", line, number(convention.grid_max))
    elif ROUNDINGS[convention.grid_rounding](np.array([size]))[0] < 0:
        line = formula("max({}, 0)", line)
    return line


def position_rules(trace: Trace) -> tuple[FormulaLine, FormulaLine]:
    """Return the formulas of the x and the y of any sample point, in symbols."""
    x, y = _positions(trace, section=(1, 1), point=(1, 1))
    return ("x = ", *in_symbols(x)), ("y = ", *in_symbols(y))


def positions(trace: Trace, section: Section, point: Point) -> tuple[FormulaLine, FormulaLine]:
    """Return the right-hand sides of the x and the y of one sample point, in numbers."""
    return _positions(trace, section.section, point.point)


def _positions(
    trace: Trace, section: tuple[int, int], point: tuple[int, int]
) -> tuple[FormulaLine, FormulaLine]:
    convention, frame = trace.convention, trace.frame
    rows, columns = len(trace.output), len(trace.output[0])
    position = _POSITION_FORMULAS[convention.points]
    along_x = (trace.x, trace.width, columns, section[0], point[0])
    along_y = (trace.y, trace.height, rows, section[1], point[1])
    y_sign = "−" if frame.y_up else "+"
    # The map begins at the edge of the first cell; sections are cut at its centre.
    left, top = (
        (0.0, frame.row_edge(0)) if convention.points == "cells" else (frame.x(0), frame.y(0))
    )
    grid = [max(count, 1) for count in trace.grid(*section)]
    x_parts, y_parts = parts_symbols(convention)
    return (
        position(_Axis.of("x_roi w k i n", along_x, "+", left, grid[0], x_parts), convention),
        position(_Axis.of("y_roi h t j m", along_y, y_sign, top, grid[1], y_parts), convention),
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
        Where sections are cut at the beginning of the map, seen in the direction of `sign`.
    grid
        How many points the convention counts in the section.
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

    def cut(self, position: FormulaLine) -> FormulaLine:
        """Return a position or the map's edge, whichever lies farther along."""
        extreme = "max" if self.sign == "+" else "min"
        return formula(extreme + "({}, {})", position, self.edge)

    def point_in_section(self, parts: int, step: FormulaLine, *, cut: bool = False) -> FormulaLine:
        """Return the section's start plus `step` of `parts` equal parts of the section.

        With `cut`, the section is cut to the map.
        """
        sections, start = self.sections, self.section_start(self.sections)
        symbol = formula("{}·{}", sections, Name(self.parts))
        if sections.symbol == (Name(self.parts),):
            symbol = formula("{}²", sections)
        part = Fraction(
            (self.size,), (number(sections.value * parts, symbol=symbol),), enclosed=True
        )
        return formula("{} {} {}·{}", self.cut(start) if cut else start, self.sign, part, step)


def _centred(a: _Axis, convention: Convention) -> FormulaLine:
    before = 1 - convention.point_in_part
    step = a.point
    if before:
        symbol = formula("({} − {})", a.point, number(before))
        step = number(a.point.value - before, symbol=symbol)
    return a.point_in_section(a.grid, (step,), cut=convention.clip_sections)


def _dividers(a: _Axis, _convention: Convention) -> FormulaLine:
    return a.point_in_section(a.grid + 1, (a.point,))


def _corners(a: _Axis, convention: Convention) -> FormulaLine:
    if a.sections.value * a.grid == 1:
        return formula("{} {} {}", a.start, a.sign, Fraction((a.size,), ("2",)))
    if has_one_corner_point(convention):
        return a.section_start(number(a.sections.value - 1, symbol=formula("{} − 1", a.sections)))
    grid = variable(a.parts, a.grid)
    steps = number(a.sections.value * a.grid - 1, symbol=formula("{}·{} − 1", a.sections, grid))
    before = formula("(({} − 1)·{} + {} − 1)", a.section, grid, a.point)
    part = Fraction((a.size,), (steps,), enclosed=True)
    return formula("{} {} {}·{}", a.start, a.sign, part, before)


def _cells(a: _Axis, _convention: Convention) -> FormulaLine:
    width = Fraction((a.size,), (a.sections,), enclosed=True)
    first = number(
        math.floor(a.size.value / a.sections.value * (a.section.value - 1)),
        symbol=formula("floor({}·({} − 1))", width, a.section),
    )
    step = number(a.point.value - 1, symbol=formula("({} − 1)", a.point))
    corner = a.cut(formula("{} {} {}", a.start, a.sign, first))
    return formula("{} {} 0.5 {} {}", corner, a.sign, a.sign, step)


# Rule for placing points → its formula along one axis.
_POSITION_FORMULAS = {
    "centred": _centred,
    "dividers": _dividers,
    "corners": _corners,
    "cells": _cells,
}
