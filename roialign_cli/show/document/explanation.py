"""Explain one ROI step by step, as blocks that every text format renders.

The five steps are: 1 the box on the feature map, 2 its sections, 3 their sample points, 4 the
values at the points, 5 the output.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.quantisation import Quantisation, quantise
from roialign_cli.analysis.records import Defaults
from roialign_cli.analysis.scaling import ScaleSource
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace, trace_operation
from roialign_cli.show.document.blocks import (
    Block,
    Formulas,
    Grid,
    Heading,
    Output,
    Paragraph,
    Verbatim,
)
from roialign_cli.show.document.box_step import box_step
from roialign_cli.show.document.formulas import QUAD, FormulaLine, Marked, Name, formula, number
from roialign_cli.show.document.integral import (
    cell_weights,
    cells_grid,
    section_edges,
    weight_rules,
)
from roialign_cli.show.document.introduction import (
    overview_blocks,
    rounding_blocks,
    symbol_blocks,
    title_blocks,
)
from roialign_cli.show.document.neighbours import (
    NEIGHBOUR_COLUMNS,
    neighbour_coordinates,
    neighbour_rows,
    neighbour_rule,
    neighbours_from_position,
)
from roialign_cli.show.document.points_step import (
    INTERPOLATIONS,
    border_note,
    neighbour_text,
    points_text,
    rounding_text,
    weights_text,
)
from roialign_cli.show.document.positions import (
    adaptive_grid,
    position_rules,
    positions,
    section_sizes,
)
from roialign_cli.show.document.rules import rules
from roialign_cli.show.document.sections_step import (
    MAX_SECTION_ROWS,
    listed_sections,
    section_name,
    section_place,
    sections_grid,
)
from roialign_cli.show.document.sketch import SKETCH_ROLES, sketch
from roialign_cli.show.document.steps import interpolated, interpolation_rule, reduction
from roialign_cli.show.numbers import NEIGHBOUR_NAMES, format_point

# Unless all points are asked for, an explanation is at most 200 lines long.
MAX_POINTS = 4  # of a section; of more points, two are explained
MAX_OUTPUT_SIDE = 8
MAX_TERMS = 12


@dataclass(frozen=True)
class Explanation:
    """An explanation of one ROI.

    Parameters
    ----------
    trace
        The ROI Align of one ROI and channel.
    subject
        The name of the features, for the title.
    section
        The section (i, j) to explain; None chooses one.
    point
        The only point (n, m) to explain; None for the points of the section.
    all_points
        Whether to explain every section and every point instead of one section and a few points.
    outline
        Whether to leave out the steps of single points.
    introduced
        Whether to begin with what rounding does, the steps in short and the symbols.
    rounded
        The box as ROI Pool rounds it; None leaves out what rounding does.
    scale_source
        What determined the scale; None if that is not known.
    sketch_columns
        The width of a drawing in text, in characters; 0 for no drawing.
    defaults
        What the command chose because nothing else decided it; None if that is not known.
    """

    trace: Trace
    subject: str
    section: tuple[int, int] | None = None
    point: tuple[int, int] | None = None
    all_points: bool = False
    outline: bool = False
    introduced: bool = True
    rounded: Quantisation | None = None
    scale_source: ScaleSource | None = None
    sketch_columns: int = 0
    defaults: Defaults | None = None

    @cached_property
    def exact(self) -> Trace | None:
        """The trace without rounded coordinates; None if the convention does not round."""
        operation = self.trace.operation
        if operation.convention.coordinate_decimals is None:
            return None
        unrounded = replace(operation.convention, coordinate_decimals=None)
        return trace_operation(replace(operation, convention=unrounded))

    def blocks(self) -> Iterator[Block]:
        """Yield the title, the drawing, the introduction and the five steps."""
        yield from self.title()
        if self.sketch_columns:
            lines = sketch(self.trace, self.selected, self.sketch_columns)
            yield Verbatim(lines, roles=SKETCH_ROLES)
        yield from self.introduction()
        yield from self.steps()

    def introduction(self) -> Iterator[Block]:
        """Yield what rounding does to the box, the steps in short, and the symbols."""
        if not self.introduced:
            if not self.all_points:
                yield section_place(self.example)
            return
        rounded = self.rounded
        if rounded is not None and min(rounded.box.width, rounded.box.height) >= 0:
            if self.trace.convention.points == "cells":
                rounded = quantise(self.trace)
            yield from rounding_blocks(self.trace, rounded)
        yield from overview_blocks(self.trace, self.example)
        choice = self._choice()
        if choice:
            yield Paragraph(choice)
        yield from symbol_blocks(self.trace, self.example)

    def steps(self) -> Iterator[Block]:
        """Yield the five steps."""
        yield Heading(2, "1. The box on the feature map", "roi")
        yield from box_step(self.trace, self.scale_source)
        yield from self._sections()
        yield from self._points()
        yield from self._interpolation()
        yield from self._reduction()

    @cached_property
    def example(self) -> Section:
        """The section to explain, with all its points."""
        if self.section is not None:
            return self.trace.section(*self.section)
        if self.point is None:
            return self.trace.section(*self.trace.example)
        candidates = self.trace.select(None, self.point)
        return self.trace.section(*next(s.section for s in candidates if s.points))

    @cached_property
    def selected(self) -> Sequence[Section]:
        """The sections to explain, each with only the points to explain."""
        if self.all_points:
            return self.trace.select(self.section, self.point)
        section = self.example
        if self.point is not None:
            return self.trace.select(section.section, self.point)
        return (replace(section, points=self._explained(section)),)

    def _explained(self, section: Section) -> tuple[Point, ...]:
        """Return all points of a small section of a small ROI, or else the two that show most."""
        is_small = self.section is not None or len(self.trace.sections) <= MAX_SECTION_ROWS
        if not section.points or (is_small and len(section.points) <= MAX_POINTS):
            return section.points
        candidates = [p for p in section.points if p.in_bounds] or list(section.points)
        first, winner = candidates[0], section.winning_point
        others = (p for p in candidates if _cells(p) != _cells(first))
        second = winner if winner not in {None, first} else next(others, None)
        return (first,) if second is None else (first, second)

    def _choice(self) -> str:
        """Name the section and the point that are explained, and how to choose others."""
        place = format_point(*self.example.section)
        if self.all_points or (len(self.trace.sections) == 1 and self.point is None):
            return ""
        if self.point is not None:
            point = format_point(*self.point)
            return f"Point {point} of section {place} is explained; choose with --section, --point."
        return f"Section {place} is explained; choose others with --section or --all-points."

    def title(self) -> Iterator[Block]:
        """Yield the heading, and paragraphs about the convention, the frame and the channels."""
        yield from title_blocks(self.trace, self.subject, self.example, self.defaults)

    def _sections(self) -> Iterator[Block]:
        t, rows, columns = self.trace, len(self.trace.output), len(self.trace.output[0])
        yield Heading(2, f"2. The sections: {columns} along x × {rows} along y", "section")
        yield Formulas(section_sizes(t))
        selected = self.example.section if self.section or self.point else None
        yield sections_grid(t, listed_sections(t, selected, all_sections=self.all_points))

    def _points(self) -> Iterator[Block]:
        t = self.trace
        title = "3. The sample points"
        if t.convention.points == "integral":
            title = "3. The cells near each section, and their weights"
        yield Heading(2, title, "point")
        yield Paragraph(points_text(t, self.example))
        if t.convention.is_adaptive:
            yield Formulas(adaptive_grid(t, self.example))
        if t.convention.points == "integral":
            yield Formulas(tuple(weight_rules(t)))
            yield Paragraph("The same holds along y. The weight of a cell is the product of both.")
        else:
            yield Formulas(position_rules(t))
        if self.exact is not None:
            yield Paragraph(rounding_text(t.convention))
        for section in () if self.outline else self.selected:
            yield Heading(3, section_name(t, section), "section")
            yield from self._points_of(section)
        total, shown = len(self.example.points), len(self.selected[0].points)
        if not self.all_points and self.point is None and shown < total:
            things = "cells near" if t.convention.points == "integral" else "points of"
            yield Paragraph(
                f"Of the {total} {things} this section, {shown} {'is' if shown == 1 else 'are'} "
                "explained; --point N,M chooses another one, and --all-points explains all."
            )

    def _points_of(self, section: Section) -> Iterator[Block]:
        """Yield where the points of a section lie, or the weights of its cells."""
        is_integral = self.trace.convention.points == "integral"
        if is_integral:
            yield Formulas(tuple(section_edges(self.trace, section)))
        if not section.points:
            yield Paragraph(f"This section has no {'cells' if is_integral else 'sample points'}.")
        elif is_integral:
            whole = self.trace.section(*section.section)
            for axis in "xy":
                yield cells_grid(self.trace, whole, axis, None if self.all_points else MAX_TERMS)
        else:
            lines = (line for p in section.points for line in self._labelled(section, p))
            yield Formulas(tuple(lines))

    def _labelled(self, section: Section, point: Point) -> tuple[FormulaLine, FormulaLine]:
        at = format_point(*point.point)
        x, y = self.coordinates(section, point)
        label = Marked(formula("<point >{}", at), "point")
        return formula("{}{}{}", label, QUAD, x), (" " * len(f"{label}  "), *y)

    def coordinates(self, section: Section, point: Point) -> tuple[FormulaLine, FormulaLine]:
        """Return the lines that compute the x and the y of a sample point.

        For a cell of an integral, these are the lines that compute its weights along x and y.
        """
        if self.trace.convention.points == "integral":
            return cell_weights(self.trace, section, point)
        x, y = positions(self.trace, section, point)
        exact = self._exact_point(section, point)
        return (
            formula("{} = {} = {}", Name("x"), x, _rounded(exact.x, point.x)),
            formula("{} = {} = {}", Name("y"), y, _rounded(exact.y, point.y)),
        )

    def _exact_point(self, section: Section, point: Point) -> Point:
        if self.exact is None:
            return point
        exact = self.exact.section(*section.section)
        return next(p for p in exact.points if p.point == point.point)

    def _interpolation(self) -> Iterator[Block]:
        title, text = "4. The value at each point", ""
        if self.trace.convention.points == "integral":
            title = "4. The value of each cell times its weight"
            text = "No value is interpolated: the weights contain the integral of the surface."
        elif self.trace.convention.points == "cells":
            title += ": the value of its cell"
            text = "A sample point is a cell, so nothing is interpolated."
        elif not self.trace.n_points:
            text = "There are no sample points, so nothing is interpolated."
        if text:
            yield Heading(2, title, "neighbour")
            yield Paragraph(text)
        else:
            yield from self._interpolation_rule()
        for section in () if self.outline else self.selected:
            for point in section.points:
                yield from self._point(section, point)

    def _interpolation_rule(self) -> Iterator[Block]:
        how = INTERPOLATIONS[self.trace.convention.interpolation]
        yield Heading(2, f"4. The value at each point: {how}", "neighbour")
        yield Paragraph(neighbour_text(self.trace))
        yield Formulas(neighbour_rule(self.trace))
        yield Paragraph(weights_text(self.trace))
        rule = interpolation_rule(self.trace.convention)
        if rule:
            yield Formulas(rule)
        weight = " A weight is the product of its two fractions." if rule else ""
        yield Paragraph(
            "Q11 and Q21 are the two cells at y2, Q12 and Q22 the two at y1 (textbooks often name "
            f"them the other way round).{weight}"
        )

    def _point(self, section: Section, point: Point) -> Iterator[Block]:
        convention = self.trace.convention
        thing = "cell" if convention.points == "integral" else "point"
        yield Heading(
            3,
            f"Section {format_point(*section.section)}, {thing} {format_point(*point.point)} at "
            f"{format_point(point.x, point.y)}",
            "point",
        )
        note = border_note(self.trace, point)
        if note:
            yield Paragraph(note)
        if point.border == "out":
            return
        lines = tuple(interpolated(self.trace, point))
        if convention.points == "integral":
            lines = (*cell_weights(self.trace, section, point), *lines)
        elif convention.points != "cells":
            yield Formulas(tuple(self.neighbours(point)))
            rows = tuple(neighbour_rows(point))
            yield Grid(NEIGHBOUR_COLUMNS, rows, compact=True, row_roles=NEIGHBOUR_NAMES)
        yield Formulas(lines)

    def neighbours(self, point: Point) -> Iterator[FormulaLine]:
        """Yield the lines that find the cell centres around a point, and their coordinates."""
        yield from neighbours_from_position(self.trace, point)
        yield neighbour_coordinates(point)

    def _reduction(self) -> Iterator[Block]:
        t = self.trace
        reduction_name = {"avg": "the average", "max": "the largest"}[t.convention.pooling]
        if (t.convention.pooling, t.convention.max_of) == ("max", "weighted-cell"):
            reduction_name = "the largest weight × cell"
        of = "its points"
        if t.convention.points == "integral":
            reduction_name, of = "the sum", "its cells times their weights"
        yield Heading(2, f"5. The output of each section: {reduction_name} of {of}", "section")
        if (t.convention.pooling, t.convention.points) != ("max", "dividers"):
            yield Paragraph(rules(t.convention)[t.convention.pooling])
        sections = t.select(self.section) if self.all_points else (self.example,)
        yield Formulas(tuple(line for s in sections for line in self._labelled_output(s)))
        output = np.array(t.output)
        side = max(output.shape) if self.all_points else MAX_OUTPUT_SIDE
        shown = output[:side, :side]
        yield Paragraph("The output of all sections:")
        yield Output(shown)
        if shown.size < output.size:
            yield Paragraph(
                f"The first {shown.shape[0]} of {output.shape[0]} rows and {shown.shape[1]} of "
                f"{output.shape[1]} columns; --all-points prints all."
            )

    def _labelled_output(self, section: Section) -> Iterator[FormulaLine]:
        label = Marked(formula("<section >{}", format_point(*section.section)), "section")
        first, *others = self.reduced(section)
        yield formula("{}: &{}", label, first)
        yield from ((f"{' ' * len(f'{label}: ')}&", *other) for other in others)

    def reduced(self, section: Section) -> Iterator[FormulaLine]:
        """Yield the lines that compute a section's output from its points."""
        yield reduction(self.trace, section, None if self.all_points else MAX_TERMS)
        if self.exact is not None:
            exact = self.exact.section(*section.section).output
            yield formula("<without rounding: >{}", number(exact))


def _cells(point: Point) -> set[tuple[int, int]]:
    return {(q.row, q.column) for q in point.neighbours}


def _rounded(exact: float, shown: float) -> FormulaLine:
    """Return a coordinate, with an arrow to its rounded value if that looks different."""
    before, after = number(exact), number(shown)
    return (before,) if before.text == after.text else formula("{} → {}", before, after)
