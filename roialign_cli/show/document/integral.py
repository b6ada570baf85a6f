"""Write the weights of cells in a section that is integrated, for points="integral"."""

from __future__ import annotations

from collections.abc import Iterator

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import Section, Sections
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.document.blocks import Grid
from roialign_cli.show.document.formulas import (
    FormulaLine,
    Fraction,
    Name,
    formula,
    in_symbols,
    number,
    variable,
)
from roialign_cli.show.numbers import format_number


def hat_integral() -> FormulaLine:
    """Return the integral H(d) of the hat of a cell, from its centre to a distance d."""
    return formula("H(d) = d − d·|d| / 2< for >−1 ≤ d ≤ 1;< beyond, >0.5< or >−0.5")


def weight_rules(trace: Trace) -> Iterator[FormulaLine]:
    """Yield where a section begins and ends, and the weight of a cell along x, in symbols."""
    (start, end), _ = _edges(trace, (1, 1))
    yield formula("{} = {}", Name("x_from"), in_symbols(start))
    yield formula("{}   = {}", Name("x_to"), in_symbols(end))
    yield hat_integral()
    yield formula("<weight along x >= {}", in_symbols(_weight("x", 0.0, 0.0, 1.0)))


def section_edges(trace: Trace, section: Section) -> Iterator[FormulaLine]:
    """Yield where a section begins and ends along x and y, in numbers."""
    for axis, lines, ends in zip(
        "xy", _edges(trace, section.section), _ends(trace, section), strict=True
    ):
        for name, line, end in zip(("from", "to"), lines, ends, strict=True):
            padding = " " * (4 - len(name))
            yield formula(f"{{}}{padding} = {{}} = {{}}", Name(f"{axis}_{name}"), line, number(end))


def cell_weights(trace: Trace, section: Section, point: Point) -> tuple[FormulaLine, FormulaLine]:
    """Return the lines that compute the weights of a cell along x and y."""
    (x_from, x_to), (y_from, y_to) = _ends(trace, section)
    (i, j), (n, m) = section.section, point.point
    x, y = _along(trace, i, j)
    return (
        _weight_line("x", point.x, x_from, x_to, x[n - 1]),
        _weight_line("y", point.y, y_from, y_to, y[m - 1]),
    )


def cells_grid(trace: Trace, section: Section, axis: str, limit: int | None) -> Grid:
    """Return a table of the cells of a section along "x" or "y" and their weights.

    Of more than `limit` cells, only the first ones are listed.
    """
    i, j = section.section
    along_x, along_y = _along(trace, i, j)
    first = section.points[0]
    name, weights = ("column", along_x) if axis == "x" else ("row", along_y)
    cells = [p for p in section.points if (p.y == first.y if axis == "x" else p.x == first.x)]
    rows = [
        (
            str(getattr(cell.neighbours[0], name)),
            format_number(getattr(cell, axis)),
            format_number(weight),
        )
        for cell, weight in zip(cells, weights, strict=True)
    ]
    if limit is not None and len(rows) > limit:
        rows = [*rows[:limit], ("...", "", "")]
    return Grid((name, f"centre {axis}", f"weight along {axis}"), tuple(rows), compact=True)


def _along(trace: Trace, i: int, j: int) -> tuple[list[float], list[float]]:
    """Return the weights of the cells of section (i, j) along x and along y."""
    sections = trace.sections
    assert isinstance(sections, Sections)  # noqa: S101 - for the type checker
    return (
        [point.cells[0].weight for point in sections.along_x[i - 1]],
        [point.cells[0].weight for point in sections.along_y[j - 1]],
    )


def _edges(
    trace: Trace, section: tuple[int, int]
) -> tuple[tuple[FormulaLine, FormulaLine], tuple[FormulaLine, FormulaLine]]:
    """Return the formulas of the two edges of a section along x and along y."""
    columns, rows = len(trace.output[0]), len(trace.output)
    y_sign = "−" if trace.frame.y_up else "+"
    return (
        _edges_along("x_roi w k i", (trace.x, trace.width, columns, section[0]), "+"),
        _edges_along("y_roi h t j", (trace.y, trace.height, rows, section[1]), y_sign),
    )


def _edges_along(
    symbols: str, values: tuple[float, ...], sign: str
) -> tuple[FormulaLine, FormulaLine]:
    start, size, sections, section = (
        variable(symbol, value, 5 if symbol in {"w", "h"} else 4)
        for symbol, value in zip(symbols.split(), values, strict=True)
    )
    part = Fraction((size,), (sections,), enclosed=True)
    return (
        formula("{} {} {}·({} − 1)", start, sign, part, section),
        formula("{} {} {}·{}", start, sign, part, section),
    )


def _ends(trace: Trace, section: Section) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where a section begins and ends along x and along y."""
    far_y = section.y + trace.frame.y_sign * trace.section_height
    return (section.x, section.x + trace.section_width), (section.y, far_y)


def _weight(axis: str, centre: float, start: float, end: float) -> FormulaLine:
    at, first, last = (
        variable(name, value)
        for name, value in ((axis, centre), (f"{axis}_from", start), (f"{axis}_to", end))
    )
    return formula("(H({} − {}) − H({} − {})) / ({} − {})", last, at, first, at, last, first)


def _weight_line(axis: str, centre: float, start: float, end: float, weight: float) -> FormulaLine:
    line = _weight(axis, centre, start, end)
    return formula(f"<weight along {axis} >= {{}} = {{}}", line, number(weight))
