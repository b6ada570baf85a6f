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
    map_spec,
    value_text_style,
)
from roialign_cli.show.figures.marks import draw_sections_points, section_entries
from roialign_cli.show.figures.sheet import (
    colour_bar,
    format_decimals,
    new_panel,
    outside_entries,
    title_parts,
)
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.view import beyond_map, roi_view, shown_cells


def footprint_figure(
    trace: Trace, *, section: tuple[int, int] | None = None, style: FigureStyle = DEFAULT_STYLE
) -> Figure:
    """Draw how much each cell counts: the exact weights, and the points that they come from.

    Parameters
    ----------
    trace
        One ROI and channel.
    section
        (i, j), the section whose output is meant; the sum of all outputs if None.
    style
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
    legend = section_entries(style.theme, sections, always=True)
    legend += outside_entries(style.theme, beyond=beyond_map(trace, view))
    with figure_settings(style.theme):
        look = value_text_style(weights[shown_cells(trace, view)].round(3), view, style)
        beside = _BAR_ROOM if look is None else 10.0
        panel = new_panel(
            map_spec(trace, view, style, beside=beside),
            style,
            title=_title(trace, chosen, float(weights.sum())),
            legend=legend,
        )
        image = draw_map(panel, trace, weights, style.shades("weight"))
        draw_roi(panel, trace, chosen, tinted=False)
        size = draw_sections_points(panel, trace, sections)
        if look is not None:
            placer = LabelPlacer(panel)
            for point in (p for s in sections for p in s.points):
                placer.keep_clear(point.x, point.y, size / 2)
            _write_weights(placer, trace, weights, replace(look, colour="ink"))
        elif image is not None:
            colour_bar(panel, image, 8.0)
    return panel.figure


_BAR_ROOM = 50.0


def _title(trace: Trace, chosen: Section | None, total: float) -> list[str]:
    convention = trace.convention
    what = "all outputs" if chosen is None else "section ({}, {})".format(*chosen.section)
    in_bounds = {"avg": "weights of the cells", "max": "weights of the winners' cells"}
    weights = in_bounds[convention.pooling]
    return title_parts(trace, weights, f"{what}, sum {format_decimals(total, 4)}")


def _write_weights(placer: LabelPlacer, trace: Trace, weights: Float, look: TextStyle) -> None:
    """Write each weight in its cell where no point is, at the foot if it can be."""
    panel = placer.panel
    rows, columns = shown_cells(trace, panel.view)
    up = (panel.scale - look.size) / 2 - 3
    for row, column in product(range(rows.start, rows.stop), range(columns.start, columns.stop)):
        if weights[row, column]:
            at = trace.frame.x(column), trace.frame.y(row)
            label = Label(format_decimals(float(weights[row, column]), 3), at, (0.0, 0.0), look)
            width, _ = placer.size(label.string, look)
            across = max((panel.scale - width) / 2 - 2, 0.0)
            places = product((0.0, -across, across), (-up, 0.0, up, -up / 2, up / 2))
            placer.write_first_that_fits([[label.moved(*place)] for place in places])
