"""The output as a heat map, beside the ROI on the map with the points that won."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.labels import Label, LabelPlacer
from roialign_cli.show.figures.map_area import cell_text_style, draw_map, draw_roi, map_spec
from roialign_cli.show.figures.marks import draw_sections_points, section_entries
from roialign_cli.show.figures.sheet import (
    Panel,
    PanelSpec,
    colour_bar,
    draw_cells,
    draw_lines,
    format_alike,
    lattice,
    new_page,
    outside_entries,
    title_parts,
)
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, Unit, figure_settings
from roialign_cli.show.view import View, beyond_map, roi_view


def output_figure(trace: Trace, *, style: FigureStyle = DEFAULT_STYLE) -> Figure:
    """Draw the output of one ROI and channel, and where on the map it comes from.

    Parameters
    ----------
    trace
        One ROI and channel.
    style
        What the figure is drawn on.
    """
    view = roi_view(trace)
    rows, columns = len(trace.output), len(trace.output[0])
    legend = section_entries(style.theme, trace.sections, always=True)
    legend += outside_entries(style.theme, beyond=beyond_map(trace, view))
    specs = [
        map_spec(trace, view, style, heading="On the map", share=1.25),
        output_spec(trace, "The output"),
    ]
    with figure_settings(style.theme):
        title = title_parts(trace, f"{trace.convention.pooling}, {columns} × {rows} sections")
        map_panel, output_panel = new_page([specs], style, title=title, legend=legend)
        draw_map(map_panel, trace)
        draw_roi(map_panel, trace, None)
        draw_sections_points(map_panel, trace, trace.sections)
        draw_output(output_panel, np.array(trace.output))
    return output_panel.figure


_BAR_ROOM = 50.0
_MAX_TEXT_SIZE = 9.0


def output_spec(trace: Trace, heading: str) -> PanelSpec:
    """Return the spec that `draw_output` draws on."""
    view = View(0, len(trace.output[0]), 0, len(trace.output), y_up=False)
    return PanelSpec(view, Unit("sections"), heading=heading, beside=_BAR_ROOM)


def draw_output(
    panel: Panel,
    output: Float,
    colours: Colormap | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw an output (T, K) as cells, with their values or else a bar of shades."""
    rows, columns = output.shape
    axes, ink = panel.axes, panel.theme.ink
    image = draw_cells(panel, output, (0, columns, rows, 0), colours, limits)
    draw_lines(panel, lattice(range(columns + 1), range(rows + 1)), colors=ink, linewidths=0.6)
    every = max(int(np.ceil(10 / panel.scale)), 1)
    for axis, sections in ((axes.xaxis, columns), (axes.yaxis, rows)):
        numbers = range(1, sections + 1, every)
        axis.set_ticks([n - 0.5 for n in numbers], [str(n) for n in numbers])
    axes.set_xlabel("i →")
    axes.set_ylabel("← j")
    for digits in (3, 2):  # two at least, so that nothing is told by a shade alone
        strings = format_alike(output, digits)
        look = cell_text_style(strings, panel.scale, panel.style, _MAX_TEXT_SIZE)
        if look is not None:
            break
    else:
        colour_bar(panel, image, 8.0)
        return
    look = replace(look, colour="ink")
    LabelPlacer(panel).write_those_that_fit(
        [
            Label(string, (index % columns + 0.5, index // columns + 0.5), (0.0, 0.0), look)
            for index, string in enumerate(strings)
        ]
    )
