"""How much each cell of the map counts in the output of one section, or of all of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from matplotlib.figure import Figure

from roialign_cli.analysis.footprint import footprint
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.drawing import COLOUR_BAR_ROOM, draw_colour_bar, outside_entries
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import draw_map, draw_roi, value_text_style
from roialign_cli.show.figures.marks import all_points, draw_sections_points, section_entries
from roialign_cli.show.figures.page import PanelSpec, new_panel
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.figures.wording import format_decimals, title_parts
from roialign_cli.show.view import roi_view, shown_cells, zoom_note


def footprint_figure(
    trace: Trace, *, section: tuple[int, int] | None = None, style: FigureStyle = DEFAULT_STYLE
) -> Figure:
    """Draw how much each cell counts: its exact weight, and the sample points around it.

    Parameters
    ----------
    trace
        The trace of one ROI and channel.
    section
        (i, j): the section of the output; None draws the sum over all sections.
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If there is no such section.
    """
    chosen = trace.section(*section) if section is not None else None
    sections = trace.sections if chosen is None else (chosen,)
    weights = footprint(trace, sections)
    view = roi_view(trace)
    legend = section_entries(style.theme, sections) + outside_entries(style.theme, trace, view)
    with figure_settings(style.theme):
        text_style = value_text_style(weights[shown_cells(trace, view)].round(3), view, style)
        beside = COLOUR_BAR_ROOM if text_style is None else 10.0
        panel = new_panel(
            PanelSpec(view, style.unit(trace), zoom_note(trace, view), beside=beside),
            style,
            title=_title(trace, chosen, float(weights.sum())),
            legend=legend,
        )
        image = draw_map(panel, trace, weights, style.shades("weight"))
        draw_roi(panel, trace, chosen, tinted=False)
        size = draw_sections_points(panel, trace, sections)
        if text_style is not None:
            placer = LabelPlacer(panel)
            for point in all_points(sections):
                placer.keep_clear(point.x, point.y, size / 2)
            _write_weights(placer, trace, weights, replace(text_style, colour="ink"))
        elif image is not None:
            draw_colour_bar(panel, image, 8.0)
    return panel.figure


_WEIGHTS = {"avg": "weights of the cells", "max": "weights of the winners' cells"}


def _title(trace: Trace, chosen: Section | None, total: float) -> list[str]:
    outputs = "all outputs" if chosen is None else f"section {chosen.section}"
    weights = _WEIGHTS[trace.convention.pooling]
    return title_parts(trace, weights, f"{outputs}, sum {format_decimals(total, 4)}")


def _write_weights(placer: LabelPlacer, trace: Trace, weights: Float, style: TextStyle) -> None:
    """Write the weight of each cell where no point is, at the foot of the cell if possible."""
    scale = placer.panel.scale
    rows, columns = shown_cells(trace, placer.panel.view)
    up = (scale - style.size) / 2 - 3
    for row, column in product(range(rows.start, rows.stop), range(columns.start, columns.stop)):
        if weights[row, column]:
            centre = trace.frame.x(column), trace.frame.y(row)
            string = format_decimals(float(weights[row, column]), 3)
            width, _ = placer.size(string, style)
            right = max((scale - width) / 2 - 2, 0.0)
            offsets = product((0.0, -right, right), (-up, 0.0, up, -up / 2, up / 2))
            placer.write_at_first_offset(Label(string, centre, style), offsets)
