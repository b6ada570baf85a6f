"""Explain one ROI step by step, as blocks that every text format renders.

The five steps are numbered as in the walkthrough: the box on the feature map, its sections, their
sample points, the interpolation, and the reduction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.presets import PRESETS
from roialign_cli.show.document.blocks import (
    Block,
    Formulas,
    Grid,
    Heading,
    Output,
    Paragraph,
    Verbatim,
)
from roialign_cli.show.document.formulas import QUAD, FormulaLine, Name, formula, number
from roialign_cli.show.document.rules import offset_rule, rules
from roialign_cli.show.document.sketch import sketch
from roialign_cli.show.document.steps import (
    adaptive_grid,
    box_lines,
    interpolated,
    interpolation_rule,
    position_rules,
    positions,
    reduction,
    section_sizes,
)
from roialign_cli.show.numbers import (
    NEIGHBOUR_NAMES,
    channel_of,
    format_number,
    format_point,
    name_of,
)


@dataclass(frozen=True)
class Explanation:
    """An explanation of one ROI.

    Parameters
    ----------
    trace
        The ROI Align of one ROI and channel.
    exact
        The same without rounded coordinates; None if the convention does not round, or if the
        exact trace is not known.
    subject
        The name of the features, for the title.
    section, point
        The only section (i, j) and the only point (n, m) to explain; all of them if None.
    sketch_columns
        The width of a drawing in text, in characters; 0 for no drawing.
    """

    trace: Trace
    exact: Trace | None
    subject: str
    section: tuple[int, int] | None = None
    point: tuple[int, int] | None = None
    sketch_columns: int = 0

    def blocks(self) -> Iterator[Block]:
        """Yield the title, the drawing and the five steps."""
        yield from self.title()
        if self.sketch_columns:
            yield Verbatim(sketch(self.trace, self.selected, self.sketch_columns))
        yield from self.steps()

    def steps(self) -> Iterator[Block]:
        """Yield the five steps."""
        yield from self._box()
        yield from self._sections()
        yield from self._points()
        yield from self._interpolation()
        yield from self._reduction()

    @property
    def selected(self) -> Sequence[Section]:
        """The sections to explain, each with only the points to explain."""
        return self.trace.select(self.section, self.point)

    def title(self) -> Iterator[Block]:
        """Yield the heading, and a paragraph about the convention and the frame."""
        t = self.trace
        yield Heading(1, f"ROI Align of {self.subject}, step by step")
        up = "up" if t.frame.y_up else "down"
        channel = f", {channel_of(t)}" if t.channels > 1 else ""
        preset = PRESETS.get(t.convention.name)
        summary = f": {preset.summary}" if preset else ""
        yield Paragraph(
            f"Convention {name_of(t.convention)}{summary}. The feature map has "
            f"{t.map_size[0]} rows and {t.map_size[1]} columns of cells{channel}. Positions have "
            f"their origin at the {t.frame.origin.replace('-', ' ')}, x to the right, y {up}; "
            f"{_centres(t)}."
        )

    def _box(self) -> Iterator[Block]:
        t = self.trace
        yield Heading(2, "1. The box on the feature map")
        if t.scale == (1.0, 1.0):
            yield Paragraph("The box is given in feature-map units: nothing is scaled.")
        if t.convention.inclusive:
            yield Paragraph(
                "The second corner is the box's last pixel, which is part of the box: the box ends "
                "one unit farther."
            )
        yield Formulas(tuple(box_lines(t)))
        yield from self._placement()
        yield Paragraph(
            f"The ROI lies from its top-left corner {format_point(t.x, t.y)} to its bottom-right "
            f"corner {format_point(t.x + t.width, t.bottom, 5)}: {format_number(t.width, 5)} "
            f"cell{_plural(t.width)} wide and {format_number(t.height, 5)} high."
        )

    def _placement(self) -> Iterator[Block]:
        """Yield what the convention changes about the box on the map."""
        t = self.trace
        if t.convention.offset != 0.5 or t.convention.image_offset:
            yield Paragraph(f"Offset: {offset_rule(t.convention)}")
        if t.convention.points == "cells":
            yield Paragraph(f"Points: {rules(t.convention)['points']}")
        elif not t.frame.y_up:
            yield from self._start_in_library_frame()
        for axis, raw, size in (
            ("width", t.unclamped_width, t.width),
            ("height", t.unclamped_height, t.height),
        ):
            if raw != size:
                yield Paragraph(
                    f"The ROI's {axis} of {format_number(raw, 5)} is below the smallest size that "
                    f"the convention allows, and grows to {format_number(size, 5)}."
                )

    def _start_in_library_frame(self) -> Iterator[Block]:
        """Yield where the ROI begins in a frame in which the centre of cell i is at i."""
        t, offset = self.trace, self.trace.convention.offset
        yield Paragraph(
            "In the library's code the centre of cell i is at i. There the ROI begins at"
        )
        before, after = (t.x - 0.5 + offset, t.y - 0.5 + offset), (t.x - 0.5, t.y - 0.5)
        yield Formulas(
            tuple(
                formula("{} = {} − {} = {}", Name(n), number(a, 5), number(offset), number(b, 5))
                for n, a, b in zip("xy", before, after, strict=True)
            )
        )
        yield Paragraph("Here cells' centres lie on .5, and every position is 0.5 more.")

    def _sections(self) -> Iterator[Block]:
        t = self.trace
        rows, columns = len(t.output), len(t.output[0])
        yield Heading(2, f"2. The sections: {columns} along x × {rows} along y")
        yield Formulas(section_sizes(t))
        sign = t.frame.y_sign
        yield Grid(
            ("section (i, j)", "top-left", "bottom-right"),
            tuple(
                (
                    format_point(*s.section),
                    format_point(s.x, s.y),
                    format_point(s.x + t.section_width, s.y + sign * t.section_height),
                )
                for s in self.selected
            ),
        )

    def _points(self) -> Iterator[Block]:
        t = self.trace
        yield Heading(2, "3. The sample points")
        yield Paragraph(rules(t.convention)["points"])
        yield Formulas(position_rules(t))
        if t.convention.points == "centred" and not t.convention.sampling_ratio:
            yield Formulas(adaptive_grid(t))
        if self.exact is not None:
            yield Paragraph(
                f"Coordinates are rounded to {t.convention.coordinate_decimals} decimals (→), and "
                "everything after is computed from the rounded ones."
            )
        for section in self.selected:
            yield Heading(3, f"Section {format_point(*section.section)}")
            if not section.points:
                yield Paragraph("This section has no sample points.")
                continue
            lines = (line for p in section.points for line in self._labelled(section, p))
            yield Formulas(tuple(lines))

    def _labelled(self, section: Section, point: Point) -> tuple[FormulaLine, FormulaLine]:
        at = format_point(*point.point)
        x, y = self.coordinates(section, point)
        return formula("<point >{}{}{}", at, QUAD, x), (" " * len(f"point {at}  "), *y)

    def coordinates(self, section: Section, point: Point) -> tuple[FormulaLine, FormulaLine]:
        """Return the lines that compute the x and the y of a sample point."""
        x, y = positions(self.trace, section, point)
        exact = self._exact_point(section, point)
        unknown = self.exact is None and self.trace.convention.coordinate_decimals is not None
        equation = "{} = {} ≈ {}" if unknown else "{} = {} = {}"
        return (
            formula(equation, Name("x"), x, _rounded(exact.x, point.x)),
            formula(equation, Name("y"), y, _rounded(exact.y, point.y)),
        )

    def _exact_point(self, section: Section, point: Point) -> Point:
        if self.exact is None:
            return point
        exact = self.exact.section(*section.section)
        return next(p for p in exact.points if p.point == point.point)

    def _interpolation(self) -> Iterator[Block]:
        if self.trace.convention.points == "cells":
            yield Heading(2, "4. The value at each point: the cell's own")
        else:
            yield from self._interpolation_rule()
        for section in self.selected:
            for point in section.points:
                yield from self._point(section, point)

    def _interpolation_rule(self) -> Iterator[Block]:
        yield Heading(2, "4. The value at each point: bilinear interpolation")
        yield Formulas(interpolation_rule())
        yield Paragraph(
            "Q11 and Q21 are the two cells at y2, Q12 and Q22 the two at y1 (textbooks often name "
            "them the other way round). A weight is the product of its two fractions."
        )

    def _point(self, section: Section, point: Point) -> Iterator[Block]:
        yield Heading(
            3,
            f"Section {format_point(*section.section)}, point {format_point(*point.point)} at "
            f"{format_point(point.x, point.y)}",
        )
        note = self.border_note(point)
        if note:
            yield Paragraph(note)
        if point.border == "out":
            return
        if self.trace.convention.points != "cells":
            yield Grid(NEIGHBOUR_COLUMNS, tuple(neighbour_rows(point)))
        yield Formulas(tuple(interpolated(self.trace, point)))

    def border_note(self, point: Point) -> str:
        """Describe how the border of the map changes a point, "" if it does not."""
        margin = format_number(self.trace.convention.border_margin)
        if point.border == "out":
            return (
                f"Out: the point lies more than {margin} beyond the outermost cell centres, so its "
                f"value is {format_number(point.value)}."
            )
        if point.border == "clamped" and self.trace.convention.points != "cells":
            return (
                "Clamped: the point lies beyond the outermost cell centres, by no more than "
                f"{margin}, and is moved to them."
            )
        return ""

    def _reduction(self) -> Iterator[Block]:
        t = self.trace
        reduction_name = {"avg": "the average", "max": "the largest"}[t.convention.pooling]
        yield Heading(2, f"5. The output of each section: {reduction_name} of its points")
        if (t.convention.pooling, t.convention.points) != ("max", "dividers"):
            yield Paragraph(rules(t.convention)[t.convention.pooling])
        sections = self.trace.select(self.section)
        yield Formulas(tuple(line for s in sections for line in self._labelled_output(s)))
        if self.section is None and self.point is None:
            yield Paragraph("The output, section (1, 1) at the top left:")
            yield Output(np.array(t.output))

    def _labelled_output(self, section: Section) -> Iterator[FormulaLine]:
        at = f"{format_point(*section.section)}: "
        first, *others = self.reduced(section)
        yield formula("<section >{}&{}", at, first)
        yield from ((f"{' ' * len(f'section {at}')}&", *other) for other in others)

    def reduced(self, section: Section) -> Iterator[FormulaLine]:
        """Yield the lines that compute a section's output from its points."""
        yield reduction(self.trace, section)
        if self.exact is not None:
            exact = self.exact.section(*section.section).output
            yield formula("<exact coordinates give >{}", number(exact))


NEIGHBOUR_COLUMNS = ("cell", "row", "column", "centre", "weight", "value")


def neighbour_rows(point: Point) -> Iterator[tuple[str, ...]]:
    """Yield a row of `NEIGHBOUR_COLUMNS` for each neighbour of a point."""
    for name, q in zip(NEIGHBOUR_NAMES, point.neighbours, strict=True):
        at = str(q.row), str(q.column), format_point(q.x, q.y)
        yield name, *at, format_number(q.weight), format_number(q.value)


def _centres(trace: Trace) -> str:
    """Describe where the centres of cells lie."""
    if trace.frame.whole:
        return "a cell's centre lies on .5"
    return (
        f"the image is {format_number(trace.frame.height)} rows of cells high, so that y of the "
        f"top row's centre is {format_number(trace.frame.y(0))}"
    )


def _plural(count: float) -> str:
    return "" if count == 1 else "s"


def _rounded(exact: float, shown: float) -> FormulaLine:
    """Return a coordinate, with an arrow to its rounded value if that looks different."""
    before, after = number(exact), number(shown)
    return (before,) if before.text == after.text else formula("{} → {}", before, after)
