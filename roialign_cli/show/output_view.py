"""The output as a heat map, beside the ROI on the map with the points that won."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from roialign_cli.show.drawing import (
    CHARACTER,
    INK,
    PAPER,
    SMALLEST_TEXT,
    Panel,
    Paper,
    Sheet,
    colour_bar,
    draw_cells,
    draw_lines,
    lattice,
    new_page,
    outside_entry,
    style,
    titled,
    written_alike,
)
from roialign_cli.show.map_area import draw_map, draw_roi
from roialign_cli.show.marks import draw_sections_points, section_entries
from roialign_cli.show.texts import Label, Look, Texts
from roialign_cli.show.view import View, beyond_map, roi_view
from roialign_cli.tracing import Trace


def output_figure(trace: Trace, *, paper: Paper = PAPER) -> Figure:
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
    legend = section_entries(trace.sections, always=True)
    if beyond_map(trace, view):
        legend.append(outside_entry())
    panels = [
        Panel(view, "cells (centres on .5)", "On the map", 1.25),
        output_panel(trace, "The output"),
    ]
    with style():
        title = titled(trace, f"{trace.convention.pooling}, {columns} × {rows} sections")
        map_sheet, output_sheet = new_page([panels], paper, title=title, legend=legend)
        draw_map(map_sheet, trace)
        draw_roi(map_sheet, trace, None)
        draw_sections_points(map_sheet, trace, trace.sections)
        draw_output(output_sheet, trace)
    return output_sheet.figure


_BAR_ROOM = 50.0


def output_panel(trace: Trace, heading: str) -> Panel:
    """Return the panel that `draw_output` draws on."""
    view = View(0, len(trace.output[0]), 0, len(trace.output), y_up=False)
    return Panel(view, "sections", heading, beside=_BAR_ROOM)


def draw_output(sheet: Sheet, trace: Trace) -> None:
    """Draw the output's sections as cells, with their values or else a bar of shades."""
    output = np.array(trace.output)
    rows, columns = output.shape
    image = draw_cells(sheet, output, (0, columns, rows, 0))
    draw_lines(sheet, lattice(range(columns + 1), range(rows + 1)), colors=INK, linewidths=0.6)
    axes = sheet.axes
    every = max(int(np.ceil(10 / sheet.scale)), 1)
    for axis, sections in ((axes.xaxis, columns), (axes.yaxis, rows)):
        numbers = range(1, sections + 1, every)
        axis.set_ticks([n - 0.5 for n in numbers], [str(n) for n in numbers])
    axes.set_xlabel("i →")
    axes.set_ylabel("← j")
    strings = written_alike(output)
    if max(map(len, strings)) * SMALLEST_TEXT * CHARACTER + 3 > sheet.scale:
        colour_bar(sheet, image, 8.0)
        return
    look = Look(min(9.0, sheet.scale / 4 + 3), INK)
    Texts(sheet).write_each_free(
        [
            Label(string, (index % columns + 0.5, index // columns + 0.5), (0.0, 0.0), look)
            for index, string in enumerate(strings)
        ]
    )
