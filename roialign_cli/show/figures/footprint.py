"""How much each cell of the map counts in a section's output, or in all of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from matplotlib.figure import Figure

from roialign_cli.analysis.footprint import footprint
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import (
    draw_map,
    draw_roi,
    map_panel,
    value_look,
)
from roialign_cli.show.figures.marks import draw_sections_points, section_entries
from roialign_cli.show.figures.paper import PAPER, FigureStyle, style
from roialign_cli.show.figures.sheet import colour_bar, new_sheet, outside_entries, titled, written
from roialign_cli.show.view import beyond_map, roi_view, shown_cells


def footprint_figure(
    trace: Trace, *, section: tuple[int, int] | None = None, paper: FigureStyle = PAPER
) -> Figure:
    """Draw how much each cell counts: the exact weights, and the points that they come from.

    Parameters
    ----------
    trace
        One ROI and channel.
    section
        (i, j), the section whose output is meant; the sum of all outputs if None.
    paper
        What the figure is drawn on.

    Raises
    ------
    ArgumentError
        If there is no such section.
    """
    chosen = trace.section(*section) if section is not None else None
    sections = trace.sections if chosen is None else (chosen,)
    weights = footprint(trace, sections)
    view = roi_view(trace)
    legend = section_entries(paper.theme, sections, always=True)
    legend += outside_entries(paper.theme, beyond=beyond_map(trace, view))
    with style(paper.theme):
        look = value_look(weights[shown_cells(trace, view)].round(3), view, paper)
        beside = _BAR_ROOM if look is None else 10.0
        sheet = new_sheet(
            map_panel(trace, view, paper, beside=beside),
            paper,
            title=_title(trace, chosen, float(weights.sum())),
            legend=legend,
        )
        image = draw_map(sheet, trace, weights, paper.shades("weight"))
        draw_roi(sheet, trace, chosen, tinted=False)
        size = draw_sections_points(sheet, trace, sections)
        if look is not None:
            texts = LabelPlacer(sheet)
            for point in (p for s in sections for p in s.points):
                texts.keep_clear(point.x, point.y, size / 2)
            _write_weights(texts, trace, weights, replace(look, colour="ink"))
        elif image is not None:
            colour_bar(sheet, image, 8.0)
    return sheet.figure


_BAR_ROOM = 50.0


def _title(trace: Trace, chosen: Section | None, total: float) -> list[str]:
    convention = trace.convention
    what = "all outputs" if chosen is None else "section ({}, {})".format(*chosen.section)
    in_bounds = {"avg": "weights of the cells", "max": "weights of the winners' cells"}
    weights = in_bounds[convention.pooling]
    return titled(trace, weights, f"{what}, sum {written(total, 4)}")


def _write_weights(texts: LabelPlacer, trace: Trace, weights: Float, look: TextStyle) -> None:
    """Write each weight in its cell where no point is, at the foot if it can be."""
    sheet = texts.sheet
    rows, columns = shown_cells(trace, sheet.view)
    up = (sheet.scale - look.size) / 2 - 3
    for row, column in product(range(rows.start, rows.stop), range(columns.start, columns.stop)):
        if weights[row, column]:
            at = trace.frame.x(column), trace.frame.y(row)
            label = Label(written(float(weights[row, column]), 3), at, (0.0, 0.0), look)
            width, _ = texts.size(label.string, look)
            across = max((sheet.scale - width) / 2 - 2, 0.0)
            places = product((0.0, -across, across), (-up, 0.0, up, -up / 2, up / 2))
            texts.write_first_free([[label.moved(*place)] for place in places])
