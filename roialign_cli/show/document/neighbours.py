"""Write how the neighbour cells of a sample point follow from its position."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.convention import TieNeighbour
from roialign_cli.show.document.formulas import (
    FormulaLine,
    Name,
    Number,
    formula,
    in_symbols,
    number,
    text_break,
    to_text,
)
from roialign_cli.show.numbers import DECIMALS, NEIGHBOUR_NAMES, format_number, format_point


@dataclass(frozen=True)
class _Case:
    """One case of the rule for the cell centres on either side of a position.

    Parameters
    ----------
    relation
        How the fraction f compares with 0.5.
    first, second
        What to add to the whole number for the centres on either side.
    """

    relation: str
    first: float
    second: float

    def terms(self, axis: str, whole: Number) -> tuple[FormulaLine, FormulaLine]:
        """Return the centres on either side of a position, computed from its whole number."""
        return (
            formula("{} = {} {}", Name(f"{axis}1"), whole, _added(self.first)),
            formula("{} = {} {}", Name(f"{axis}2"), whole, _added(self.second)),
        )


def _added(value: float) -> FormulaLine:
    return formula("+ {}" if value > 0 else "− {}", number(abs(value)))


_ABOVE, _BELOW = (0.5, 1.5), (-0.5, 0.5)
_MAX_LENGTH = 78  # characters; longer lines are broken

# Which neighbour a point on a cell's centre uses that cell as → the cases of the rule.
_CASES: dict[TieNeighbour, tuple[_Case, ...]] = {
    "upper": (_Case(">", *_ABOVE), _Case("≤", *_BELOW)),
    "lower": (_Case("≥", *_ABOVE), _Case("<", *_BELOW)),
    "both": (_Case(">", *_ABOVE), _Case("<", *_BELOW), _Case("=", 0.5, 0.5)),
}
_COMPARED = {
    ">": lambda f: f > 0.5,
    "≤": lambda f: f <= 0.5,
    "≥": lambda f: f >= 0.5,
    "<": lambda f: f < 0.5,
    "=": lambda f: f == 0.5,
}


def neighbour_rule(trace: Trace) -> tuple[FormulaLine, ...]:
    """Return the rule for x1 and x2, in symbols."""
    whole, fraction = _parts("x", 0.0)
    split = in_symbols(formula("{} + {}", whole, fraction))
    lines = [formula("{} = {}", Name("x"), split)]
    for case in _CASES[trace.convention.tie_neighbour]:
        first, second = map(in_symbols, case.terms("x", whole))
        condition = formula("{} {} 0.5", Name("f"), case.relation)
        lines.append(formula("<if >{}<: >{}< and >{}", condition, first, second))
    return tuple(lines)


def _parts(axis: str, position: float) -> tuple[Number, Number]:
    """Return the whole number and the fraction of a position, which know their symbols."""
    whole = math.floor(position)
    fraction = position - whole
    decimals = DECIMALS
    while format_number(fraction, decimals) in {"0.5", "1"} and fraction != 0.5 and decimals < 17:
        decimals += 1  # show on which side of the limit it lies
    symbol = formula("floor({})", Name(axis))
    return number(whole, symbol=symbol), number(fraction, decimals, (Name("f"),))


def neighbours_from_position(trace: Trace, point: Point) -> Iterator[FormulaLine]:
    """Yield the lines that find x1 and x2 from x, and y1 and y2 from y, in numbers."""
    rows, columns = trace.map_size
    frame = trace.frame
    ends = (frame.x(0), frame.x(columns - 1)), (frame.y(0), frame.y(rows - 1))
    yield from _along(trace, "x", point.x, (point.x1, point.x2), ends[0])
    yield from _along(trace, "y", point.y, (point.y1, point.y2), ends[1])


def _along(
    trace: Trace,
    axis: str,
    position: float,
    found: tuple[float, float],
    ends: tuple[float, float],
) -> Iterator[FormulaLine]:
    """Yield the lines for one axis.

    Parameters
    ----------
    trace
        The trace that the point belongs to.
    axis
        "x" or "y".
    position
        The point's coordinate.
    found
        The coordinates of the cells on either side that the trace has.
    ends
        The centres of the first and the last cell of the map.
    """
    outside = trace.convention.outside_neighbours
    centres = min(ends), max(ends)
    is_before_first = (position - ends[0]) * (ends[1] - ends[0]) < 0
    if outside == "extrapolated" and is_before_first and found[0] != found[1]:
        text = "{} = {}< is before the first cell centre, so >{} = {}< and >{} = {}"
        yield formula(text, Name(axis), number(position), *_both(axis, found))
        return
    on_map = position
    if outside != "value":
        on_map = min(max(position, centres[0]), centres[1])
    if on_map != position:
        text = "{} = {}< is beyond the outermost cell centre and becomes >{}"
        yield formula(text, Name(axis), number(position), number(on_map))
    yield from _from_position(trace, axis, on_map, found, centres)


def _both(axis: str, found: tuple[float, float]) -> tuple[Name, Number, Name, Number]:
    """Return the names and coordinates of the cells on either side, for a formula."""
    return Name(f"{axis}1"), number(found[0]), Name(f"{axis}2"), number(found[1])


def _from_position(
    trace: Trace,
    axis: str,
    on_map: float,
    found: tuple[float, float],
    centres: tuple[float, float],
) -> Iterator[FormulaLine]:
    """Yield the lines that find both cells from a coordinate that is moved onto the map.

    `centres` are those of the outermost cells, the smaller one first.
    """
    outside = trace.convention.outside_neighbours
    values = _both(axis, found)
    names = values[::2]
    whole, fraction = _parts(axis, on_map)
    cases = _CASES[trace.convention.tie_neighbour]
    case = next(case for case in cases if _COMPARED[case.relation](fraction.value))
    expected = whole.value + case.first, whole.value + case.second
    beyond = [n for n, centre in enumerate(expected) if not centres[0] <= centre <= centres[1]]
    on_halves = axis == "x" or trace.frame.whole
    if not on_halves or (expected != found and not beyond):
        text = "{} = {}< lies between the cell centres >{} = {}< and >{} = {}"
        yield formula(text, Name(axis), number(on_map), *values)
        return
    if outside == "value" and expected != found:
        text = "{} = {}< is far outside the map, like >{} = {}< and >{} = {}"
        yield formula(text, Name(axis), number(on_map), *values)
        return
    yield _by_rule(axis, on_map, case, expected)
    if beyond and outside != "value":
        text = "{} = {}< is outside the map>,< so >{} = {}< and >{} = {}"
        yield formula(text, names[beyond[0]], number(expected[beyond[0]]), *values)
    elif beyond:
        text = (
            "{}< and >{}< are outside the map>" if len(beyond) == 2 else "{}< is outside the map>"
        )
        yield formula(text, *(names[n] for n in beyond))


def _by_rule(axis: str, position: float, case: _Case, expected: tuple[float, float]) -> FormulaLine:
    """Return the line that applies a case of the rule to a position and gives two centres."""
    whole, fraction = _parts(axis, position)
    split = formula("{} = {} = {} + {}", Name(axis), number(position), whole, fraction)
    terms = (
        formula("{} = {}", term, number(centre))
        for term, centre in zip(case.terms(axis, whole), expected, strict=True)
    )
    compared = formula("{} {} 0.5,< so >{}< and >{}", fraction, case.relation, *terms)
    is_short = len(to_text(split)) + len(to_text(compared)) + 2 <= _MAX_LENGTH
    return formula("{};{}{}", split, " " if is_short else text_break(4), compared)


def neighbour_coordinates(point: Point) -> FormulaLine:
    """Return x1, x2, y1 and y2 of a point."""
    named = {"x1": point.x1, "x2": point.x2, "y1": point.y1, "y2": point.y2}
    return formula(
        "{} = {}, {} = {}, {} = {}, {} = {}",
        *(part for name, value in named.items() for part in (Name(name), number(value))),
    )


NEIGHBOUR_COLUMNS = ("cell", "row", "column", "centre", "weight", "value")


def neighbour_rows(point: Point) -> Iterator[tuple[str, ...]]:
    """Yield a row of `NEIGHBOUR_COLUMNS` for each neighbour of a point."""
    for name, q in zip(NEIGHBOUR_NAMES, point.neighbours, strict=True):
        at = str(q.row), str(q.column), format_point(q.x, q.y)
        outside = "" if q.on_map else " (outside)"
        yield name, *at, format_number(q.weight), f"{format_number(q.value)}{outside}"
