"""The output beside the ROI on the map, with the points that determine it."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.drawing import draw_cells, draw_lines, outside_entries
from roialign_cli.show.figures.geometry import Sides
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import cell_texts, draw_map, draw_roi, map_panel
from roialign_cli.show.figures.marks import (
    MAX_DRAWN_POINTS,
    draw_sections_points,
    roi_entries,
    section_entries,
)
from roialign_cli.show.figures.page import Panel, new_page
from roialign_cli.show.figures.panels import HEADINGS_ABOVE, HEADINGS_BESIDE, PanelSpec
from roialign_cli.show.figures.roi_labels import write_numbers, write_section_numbers
from roialign_cli.show.figures.shades import Shades, value_shades
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.figures.wording import (
    map_parts,
    operator_parts,
    reduction_words,
    sections_count,
)
from roialign_cli.show.palette import ink
from roialign_cli.show.view import View, roi_view

_MAX_TEXT_SIZE = 9.0


def output_figure(trace: Trace, *, style: FigureStyle = DEFAULT_STYLE) -> Figure:
    """Draw the output of one ROI and channel, and where on the map it comes from.

    Parameters
    ----------
    trace
        The trace of one ROI and channel.
    style
        The style of the figure.
    """
    view, output = roi_view(trace), np.array(trace.output)
    specs = map_panel(trace, view, style, "On the map"), output_spec(output, "The output")
    shown = trace.sections if trace.n_points <= MAX_DRAWN_POINTS else ()
    legend = roi_entries(style.theme, trace) + section_entries(style.theme, trace, shown)
    legend += outside_entries(style.theme, trace, view)
    with figure_settings(style.theme):
        on_map, output_panel = new_page(
            [[specs], [[spec] for spec in specs]],
            style,
            title=f"The output: the {reduction_words(trace.convention)}",
            subtitle=[
                *operator_parts(trace),
                sections_count(trace),
                *map_parts(trace, style),
            ],
            shades=value_shades(style, trace, output),
            legend=legend,
        )
        draw_map(on_map, trace)
        draw_roi(on_map, trace)
        draw_sections_points(on_map, trace, shown)
        write_numbers(on_map, trace)
        draw_output(output_panel, output)
    return output_panel.figure


def output_spec(output: Float, heading: str) -> PanelSpec:
    """Return the panel that `draw_output` draws on."""
    rows, columns = output.shape
    return PanelSpec(
        View(0, columns, 0, rows, y_up=False),
        heading=heading,
        above=HEADINGS_ABOVE,
        beside=HEADINGS_BESIDE,
        fills=False,
    )


def draw_output(
    panel: Panel,
    output: Float,
    chosen: tuple[int, int] | None = None,
    shades: Shades | None = None,
) -> None:
    """Draw an output as shaded cells with their values, if they fit.

    Parameters
    ----------
    panel
        The panel to draw on.
    output
        (rows, columns) of sections, float.
    chosen
        (i, j) of a section to outline.
    shades
        The shades; those of the panel if None.
    """
    rows, columns = output.shape
    sides = Sides(0, columns, 0, rows)
    draw_cells(panel, output, sides, shades)
    draw_lines(panel, sides.grid(columns, rows), panel.theme.section, 1.0, zorder=3)
    if chosen is not None:
        i, j = chosen
        outline = Sides(i - 1, i, j - 1, j).grid(1, 1)
        draw_lines(panel, outline, panel.theme.section, 2.6, zorder=4)
    along_x, along_y = ([(float(n), n + 1.0) for n in range(count)] for count in (columns, rows))
    write_section_numbers(panel, along_x, along_y, chosen, brackets=False)
    texts = cell_texts(panel, output, _MAX_TEXT_SIZE, digits=(4, 2))
    if texts is None:
        return
    shades = shades or panel.shades
    placer = LabelPlacer(panel)
    for index, (string, value) in enumerate(zip(texts[0], output.ravel().tolist(), strict=True)):
        ground = shades.colour(value)
        middle = index % columns + 0.5, index // columns + 0.5
        placer.write([Label(string, middle, TextStyle(texts[1], ink(ground), halo=ground))])
