"""A trace told step by step, as blocks that every text format renders.

The five steps are numbered as the walkthrough numbers them: the box on the feature map, its
sections, their sample points, the interpolation, and the reduction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from roialign_cli.show.numbers import aligned, number, pair
from roialign_cli.tracing import Point, Section, Trace

_NEIGHBOUR_NAMES = ("Q11", "Q21", "Q12", "Q22")

_POINT_RULES = {
    "centred": (
        "Each section is cut into g equal parts along each axis; the points lie in their middles.",
        "(n − 0.5)",
        "g",
    ),
    "dividers": (
        (
            "Each section is cut into d equal parts along each axis; the points lie on the lines "
            "between them."
        ),
        "n",
        "d",
    ),
}


@dataclass(frozen=True)
class Heading:
    """A title; level 1 is the document's."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Formulas:
    """Lines of formulas with their numbers put in."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table; every row has as many cells as there are headers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Formulas | Grid


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
    """

    trace: Trace
    exact: Trace | None
    subject: str
    section: tuple[int, int] | None = None
    point: tuple[int, int] | None = None

    def blocks(self) -> Iterator[Block]:
        """Return the whole explanation from the top."""
        yield from self._title()
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
        channel = f", channel {t.channel} of {t.channels}" if t.channels > 1 else ""
        yield Paragraph(
            f"Convention {t.convention.name} ({t.convention.summary}). The feature map has "
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
            lines += [f"{n:6} = {number(v)}" for n, v in zip(names, t.box, strict=True)]
        else:
            for name, value in zip(names, t.box, strict=True):
                factor = t.scale[0 if name in _ALONG_X else 1]
                lines.append(
                    f"{name:6} = {number(value)} {_scaling(factor)} = {number(value * factor, 5)}"
                )
        yield Formulas(tuple(lines))
        yield from self._shift()
        bottom = t.y - t.height if t.frame.y_up else t.y + t.height
        yield Paragraph(
            f"The ROI lies from its top-left corner {pair(t.x, t.y)} to its bottom-right corner "
            f"{pair(t.x + t.width, bottom, 5)}: {number(t.width, 5)} cells wide and "
            f"{number(t.height, 5)} high."
        )

    def _shift(self) -> Iterator[Block]:
        shift = 0.5 - self.trace.convention.offset
        if shift:
            yield Paragraph(
                f"This convention takes a coordinate for a cell's index, so 0 is the centre of "
                f"the first cell and not its edge: the ROI lies {number(abs(shift))} of a cell "
                f"further {'right and down' if shift > 0 else 'left and up'}."
            )

    def _sections(self) -> Iterator[Block]:
        t = self.trace
        rows, columns = len(t.output), len(t.output[0])
        yield Heading(2, f"2. The sections: {columns} along x × {rows} along y")
        yield Formulas(
            (
                (
                    f"width  of a section = {number(t.width, 5)} / {columns} = "
                    f"{number(t.section_width)}"
                ),
                (
                    f"height of a section = {number(t.height, 5)} / {rows} = "
                    f"{number(t.section_height)}"
                ),
            )
        )
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
        text, step, parts = _POINT_RULES[t.convention.points]
        yield Paragraph(text)
        sign = "−" if t.frame.y_up else "+"
        yield Formulas(
            (
                f"x = x_roi + (w/k)·(i − 1) + (w/(k·{parts}))·{step}",
                f"y = y_roi {sign} (h/t)·(j − 1) {sign} (h/(t·{parts}))·{step.replace('n', 'm')}",
            )
        )
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
            lines = [line for point in section.points for line in self._coordinates(section, point)]
            yield Formulas(tuple(lines))

    def _coordinates(self, section: Section, point: Point) -> tuple[str, str]:
        t = self.trace
        (i, j), (n, m) = section.section, point.point
        exact = self._exact_point(section, point)
        sign = "−" if t.frame.y_up else "+"
        x = _position_formula(
            t.x, "+", t.width, len(t.output[0]), i, _step(t, section.grid[0], n), exact.x, point.x
        )
        y = _position_formula(
            t.y, sign, t.height, len(t.output), j, _step(t, section.grid[1], m), exact.y, point.y
        )
        label = pair(*point.point)
        return f"point {label}  x = {x}", f"{' ' * len(f'point {label}')}  y = {y}"

    def _exact_point(self, section: Section, point: Point) -> Point:
        if self.exact is None:
            return point
        twin = self.exact.section(*section.section)
        return next(p for p in twin.points if p.point == point.point)

    def _interpolation(self) -> Iterator[Block]:
        yield Heading(2, "4. The value at each point: bilinear interpolation")
        yield Formulas(
            (
                "P = (y − y1)/(y2 − y1) · [ (x2 − x)/(x2 − x1)·Q11 + (x − x1)/(x2 − x1)·Q21 ]",
                "  + (y2 − y)/(y2 − y1) · [ (x2 − x)/(x2 − x1)·Q12 + (x − x1)/(x2 − x1)·Q22 ]",
            )
        )
        yield Paragraph(
            "Q11 and Q21 are the two cells at y2, Q12 and Q22 the two at y1 (textbooks often name "
            "them the other way round). A weight is the product of its two fractions."
        )
        for section in self._narrowed:
            for point in section.points:
                yield from self._point(section, point)

    def _point(self, section: Section, point: Point) -> Iterator[Block]:
        yield Heading(
            3,
            f"Section {pair(*section.section)}, point {pair(*point.point)} at "
            f"{pair(point.x, point.y)}",
        )
        if point.border == "out":
            yield Paragraph(
                "The point lies more than the convention allows outside the map: it is not "
                f"counted in, and its value is {number(point.value)}."
            )
            return
        if point.border == "clamped":
            yield Paragraph("The point lies beyond the outermost cell centres: clamped to them.")
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
                for name, q in zip(_NEIGHBOUR_NAMES, point.neighbours, strict=True)
            ),
        )
        yield Formulas(tuple(_interpolated(point)))

    def _reduction(self) -> Iterator[Block]:
        t = self.trace
        rule = {"avg": "average", "max": "largest value"}[t.convention.pooling]
        yield Heading(2, f"5. The output of each section: the {rule} of its points")
        yield Formulas(tuple(line for s in self._whole for line in self._reduced(s)))
        if self.section is None and self.point is None:
            columns = len(t.output[0])
            text = aligned(v for row in t.output for v in row)
            yield Paragraph("The output, section (1, 1) at the top left:")
            yield Grid(
                ("", *(f"i = {i + 1}" for i in range(columns))),
                tuple(
                    (f"j = {j + 1}", *text[j * columns : (j + 1) * columns])
                    for j in range(len(t.output))
                ),
            )

    def _reduced(self, section: Section) -> Iterator[str]:
        values = [number(p.value) for p in section.points]
        head = f"section {pair(*section.section)}: "
        output = number(section.output)
        if self.trace.convention.pooling == "max":
            won = f", point {pair(*section.winner)}" if section.winner else ""
            yield f"{head}max({', '.join(values)}) = {output}{won}"
        else:
            yield f"{head}({' + '.join(values)}) / {max(len(values), 1)} = {output}"
        if self.exact is not None:
            exact = self.exact.section(*section.section).output
            yield f"{' ' * len(head)}exact coordinates give {number(exact)}"


_BOX_NAMES = {
    "xyxy": ("x1", "y1", "x2", "y2"),
    "xywh": ("x", "y", "width", "height"),
    "cxcywh": ("cx", "cy", "width", "height"),
    "yxyx": ("y1", "x1", "y2", "x2"),
}
_ALONG_X = {"x", "x1", "x2", "cx", "width"}


def _scaling(factor: float) -> str:
    inverse = 1 / factor
    if abs(inverse - round(inverse)) < 1e-9 * inverse:
        return f"/ {round(inverse)}"
    return f"× {factor:.6g}"


def _step(trace: Trace, count: int, point: int) -> tuple[str, int]:
    """Return how many parts of the section a point is from its edge, and the number of parts."""
    if trace.convention.points == "centred":
        return number(point - 0.5), count
    return str(point), count + 1


def _position_formula(
    start: float,
    sign: str,
    size: float,
    sections: int,
    section: int,
    step: tuple[str, int],
    exact: float,
    shown: float,
) -> str:
    extent = number(size, 5)
    text = (
        f"{number(start)} {sign} ({extent}/{sections})·({section} − 1) "
        f"{sign} ({extent}/{sections * step[1]})·{step[0]} = {number(exact)}"
    )
    return text if number(exact) == number(shown) else f"{text} → {number(shown)}"


def _interpolated(point: Point) -> Iterator[str]:
    if point.x1 == point.x2 or point.y1 == point.y2 or point.border == "clamped":
        # The fractions have no width to divide by, or not the point's own position in them.
        terms = (f"{number(q.weight)}·{number(q.value)}" for q in point.neighbours)
        yield f"P = {' + '.join(terms)} = {number(point.value)}"
        return
    x, y = number(point.x), number(point.y)
    x1, x2, y1, y2 = (number(v) for v in (point.x1, point.x2, point.y1, point.y2))
    q11, q21, q12, q22 = (number(q.value) for q in point.neighbours)
    left, right = f"({x2} − {x})/({x2} − {x1})", f"({x} − {x1})/({x2} − {x1})"
    for head, first, second in (
        (f"P = ({y} − {y1})/({y2} − {y1}) · [ ", q11, q21),
        (f"  + ({y2} − {y})/({y2} − {y1}) · [ ", q12, q22),
    ):
        yield f"{head}{left}·{first}"
        yield f"{' ' * (len(head) - 2)}+ {right}·{second} ]"
    yield f"  = {number(point.value)}"
