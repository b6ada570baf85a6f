"""Write the formulas of the values at sample points, and of the outputs.

Every formula is written once, with numbers that know their symbols; `in_symbols` turns the formula
of one sample point into the rule for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.convention import Convention
from roialign_cli.show.document.formulas import (
    FormulaLine,
    Fraction,
    Marked,
    Part,
    Words,
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
        """Return the weights of a point, None if they are not the weights of its neighbours."""
        # The fractions would divide by zero, or not contain the point's own position.
        if point.x1 == point.x2 or point.y1 == point.y2 or point.border in {"clamped", "out"}:
            return None
        linear = cls.of(point.x, point.x1, point.x2, point.y, point.y1, point.y2)
        shares = _shares(point)
        # The shares in reverse order are those with the neighbours along each axis exchanged.
        away, away_swapped = (_distance(point, given) for given in (shares, shares[::-1]))
        if min(away, away_swapped) > _MAX_DISTANCE:
            return None
        return linear if away <= away_swapped else linear.swapped()

    def swapped(self) -> _LinearWeights:
        """Return the weights in which each neighbour along an axis has that of the other."""
        return _LinearWeights(self.right, self.left, self.high, self.low)

    def products(self) -> Iterator[FormulaLine]:
        """Yield the weight of each neighbour, in the order of `NEIGHBOUR_NAMES`."""
        yield from (
            formula("{} · {}", x, y) for y in (self.high, self.low) for x in (self.left, self.right)
        )


# Coordinates that are rounded to some decimals differ from those in float32.
_MAX_DISTANCE = 1e-3


def _shares(point: Point) -> list[float]:
    """Return the linear weights of the neighbours of a point, in the order of the neighbours."""
    right = (point.x - point.x1) / (point.x2 - point.x1)
    high = (point.y - point.y1) / (point.y2 - point.y1)
    return [(1 - right) * high, right * high, (1 - right) * (1 - high), right * (1 - high)]


def _distance(point: Point, shares: list[float]) -> float:
    """Return the largest difference of the weights of a point's neighbours from some shares."""
    return max(abs(q.weight - share) for q, share in zip(point.neighbours, shares, strict=True))


def interpolation_rule(convention: Convention) -> tuple[FormulaLine, ...]:
    """Return the formula of the value at a point, in symbols; no lines for the nearest cell."""
    if convention.interpolation == "nearest":
        return ()
    weights = _LinearWeights.of(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    if convention.interpolation == "swapped":
        weights = weights.swapped()
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
    cell = point.neighbours[0]
    if trace.convention.reads_cells:
        row, column = number(cell.row), number(cell.column)
        if trace.convention.points == "integral":
            weight = number(sum(q.weight for q in point.neighbours))
            text = "P =< weight × cell at row >{},< column >{} = {}·{} = {}"
            yield formula(text, row, column, weight, number(cell.value), value)
        else:
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
    pooled = averaged_points(trace.convention, section)
    shown = pooled[:limit]
    taken: list[Part] = [
        Marked((number(p.contribution),), "winner")
        if p.point == section.winner
        else number(p.contribution)
        for p in shown
    ]
    output = number(section.output)
    if not taken:
        return formula("{},< which give >{}", Words(nothing_to_pool(trace, section)), output)
    maximum = trace.convention.pooling == "max"
    if maximum and has_finite_max_start(trace.convention):
        taken.insert(0, number(trace.convention.max_start))
    separator = ", " if maximum else " + "
    terms = joined(taken, separator)
    if len(shown) < len(pooled):
        terms = (*terms, separator, "...")
    if trace.convention.points == "integral":
        return formula("{} = {}", terms, output)
    if not maximum:
        return formula("({}) / {} = {}", terms, number(section.divisor), output)
    line = formula("max({}) = {}", terms, output)
    if section.winner:
        winner = Marked(formula("< point >{}", format_point(*section.winner)), "winner")
        line += formula(",{}", winner)
    return line


def averaged_points(convention: Convention, section: Section) -> tuple[Point, ...]:
    """Return the points that the output of a section is computed from."""
    if (convention.pooling, convention.average_over) == ("avg", "inside"):
        return tuple(point for point in section.points if point.in_bounds)
    return section.points


def nothing_to_pool(trace: Trace, section: Section) -> str:
    """Describe what a section lacks if its output is not computed from points."""
    if trace.convention.points == "integral":
        return "no cells"
    return "no points inside the map" if section.points else "no points"
