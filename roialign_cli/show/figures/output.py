"""The output as a heat map, beside the ROI on the map with the points that won."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.drawing import (
    COLOUR_BAR_ROOM,
    draw_cells,
    draw_colour_bar,
    draw_lines,
    outside_entries,
)
from roialign_cli.show.figures.geometry import Sides
from roialign_cli.show.figures.labels import Label, LabelPlacer
from roialign_cli.show.figures.map_area import cell_text_style, draw_map, draw_roi
from roialign_cli.show.figures.marks import draw_sections_points, section_entries
from roialign_cli.show.figures.page import Panel, PanelSpec, new_page
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, Unit, figure_settings
from roialign_cli.show.figures.wording import format_alike, sections_count, title_parts
from roialign_cli.show.view import View, roi_view, zoom_note

_MAX_TEXT_SIZE = 9.0
_MIN_NUMBER_SPACING = 10.0  # points between the numbers of two sections on an axis


def output_figure(trace: Trace, *, style: FigureStyle = DEFAULT_STYLE) -> Figure:
    """Draw the output of one ROI and channel, and where on the map it comes from.

    Parameters
    ----------
    trace
        The trace of one ROI and channel.
    style
        The style of the figure.
    """
    view = roi_view(trace)
    note = zoom_note(trace, view)
    specs = [
        PanelSpec(view, style.unit(trace), note, heading="On the map", share=1.25),
        output_spec(trace, "The output"),
    ]
    legend = section_entries(style.theme, trace.sections)
    legend += outside_entries(style.theme, trace, view)
    with figure_settings(style.theme):
        title = title_parts(trace, f"{trace.convention.pooling}, {sections_count(trace)}")
        map_panel, output_panel = new_page([specs], style, title=title, legend=legend)
        draw_map(map_panel, trace)
        draw_roi(map_panel, trace, None)
        draw_sections_points(map_panel, trace, trace.sections)
        draw_output(output_panel, np.array(trace.output))
    return output_panel.figure


def output_spec(trace: Trace, heading: str) -> PanelSpec:
    """Return the panel that `draw_output` draws on."""
    view = View(0, len(trace.output[0]), 0, len(trace.output), y_up=False)
    return PanelSpec(view, Unit("sections"), heading=heading, beside=COLOUR_BAR_ROOM)


def draw_output(
    panel: Panel,
    output: Float,
    colours: Colormap | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw an output as shaded cells with their values, or with a colour bar if they do not fit.

    Parameters
    ----------
    panel
        The panel to draw on.
    output
        (rows, columns) of sections, float.
    colours
        The colormap; the style's if None.
    limits
        The values of the first and the last colour; the smallest and the largest value if None.
    """
    rows, columns = output.shape
    axes, sides = panel.axes, Sides(0, columns, 0, rows)
    image = draw_cells(panel, output, sides, colours, limits)
    draw_lines(panel, sides.grid(columns, rows), panel.theme.ink, 0.6, zorder=2)
    step = max(int(np.ceil(_MIN_NUMBER_SPACING / panel.scale)), 1)
    for axis, sections in ((axes.xaxis, columns), (axes.yaxis, rows)):
        numbers = range(1, sections + 1, step)
        axis.set_ticks([n - 0.5 for n in numbers], [str(n) for n in numbers])
    axes.set_xlabel("i →")
    axes.set_ylabel("← j")
    for digits in (3, 2):  # never fewer, so that values do not differ by their shade alone
        strings = format_alike(output, digits)
        style = cell_text_style(strings, panel.scale, panel.style, _MAX_TEXT_SIZE)
        if style is not None:
            break
    else:
        draw_colour_bar(panel, image, 8.0)
        return
    style = replace(style, colour="ink")
    LabelPlacer(panel).write_those_that_fit(
        [
            Label(string, (index % columns + 0.5, index // columns + 0.5), style)
            for index, string in enumerate(strings)
        ]
    )
