"""The output as a heat map, beside the ROI on the map with the points that won."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.labels import Label, LabelPlacer
from roialign_cli.show.figures.map_area import cell_look, draw_map, draw_roi, map_panel
from roialign_cli.show.figures.marks import draw_sections_points, section_entries
from roialign_cli.show.figures.paper import PAPER, FigureStyle, Unit, style
from roialign_cli.show.figures.sheet import (
    Panel,
    Sheet,
    colour_bar,
    draw_cells,
    draw_lines,
    lattice,
    new_page,
    outside_entries,
    titled,
    written_alike,
)
from roialign_cli.show.view import View, beyond_map, roi_view


def output_figure(trace: Trace, *, paper: FigureStyle = PAPER) -> Figure:
    """Draw the output of one ROI and channel, and where on the map it comes from.

    Parameters
    ----------
    trace
        One ROI and channel.
    paper
        What the figure is drawn on.
    """
    view = roi_view(trace)
    rows, columns = len(trace.output), len(trace.output[0])
    legend = section_entries(paper.theme, trace.sections, always=True)
    legend += outside_entries(paper.theme, beyond=beyond_map(trace, view))
    panels = [
        map_panel(trace, view, paper, heading="On the map", share=1.25),
        output_panel(trace, "The output"),
    ]
    with style(paper.theme):
        title = titled(trace, f"{trace.convention.pooling}, {columns} × {rows} sections")
        map_sheet, output_sheet = new_page([panels], paper, title=title, legend=legend)
        draw_map(map_sheet, trace)
        draw_roi(map_sheet, trace, None)
        draw_sections_points(map_sheet, trace, trace.sections)
        draw_output(output_sheet, np.array(trace.output))
    return output_sheet.figure


_BAR_ROOM = 50.0
_LARGEST_TEXT = 9.0


def output_panel(trace: Trace, heading: str) -> Panel:
    """Return the panel that `draw_output` draws on."""
    view = View(0, len(trace.output[0]), 0, len(trace.output), y_up=False)
    return Panel(view, Unit("sections"), heading=heading, beside=_BAR_ROOM)


def draw_output(
    sheet: Sheet,
    output: Float,
    colours: Colormap | None = None,
    span: tuple[float, float] | None = None,
) -> None:
    """Draw an output (T, K) as cells, with their values or else a bar of shades."""
    rows, columns = output.shape
    axes, ink = sheet.axes, sheet.theme.ink
    image = draw_cells(sheet, output, (0, columns, rows, 0), colours, span)
    draw_lines(sheet, lattice(range(columns + 1), range(rows + 1)), colors=ink, linewidths=0.6)
    every = max(int(np.ceil(10 / sheet.scale)), 1)
    for axis, sections in ((axes.xaxis, columns), (axes.yaxis, rows)):
        numbers = range(1, sections + 1, every)
        axis.set_ticks([n - 0.5 for n in numbers], [str(n) for n in numbers])
    axes.set_xlabel("i →")
    axes.set_ylabel("← j")
    for digits in (3, 2):  # two at least, so that nothing is told by a shade alone
        strings = written_alike(output, digits)
        look = cell_look(strings, sheet.scale, sheet.paper, _LARGEST_TEXT)
        if look is not None:
            break
    else:
        colour_bar(sheet, image, 8.0)
        return
    look = replace(look, colour="ink")
    LabelPlacer(sheet).write_each_free(
        [
            Label(string, (index % columns + 0.5, index // columns + 0.5), (0.0, 0.0), look)
            for index, string in enumerate(strings)
        ]
    )
