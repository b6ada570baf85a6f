"""An ROI on the cells: its sections, the sample points of one of them, the cells' values.

Positions are those of the trace; only the places of labels are computed here.
"""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.cell_weights import (
    draw_weights,
    read_cells,
    section_shades,
    weights_entry,
    write_weights,
)
from roialign_cli.show.figures.drawing import outside_entries
from roialign_cli.show.figures.geometry import roi_sides, section_sides, section_view
from roialign_cli.show.figures.labels import LabelPlacer
from roialign_cli.show.figures.map_area import draw_map, draw_roi, map_panel, write_values
from roialign_cli.show.figures.marks import draw_sections_points, roi_entries, section_entries
from roialign_cli.show.figures.page import new_page
from roialign_cli.show.figures.roi_labels import (
    keep_points_clear,
    write_corner,
    write_numbers,
    write_points,
)
from roialign_cli.show.figures.shades import Shades, value_shades
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.figures.wording import (
    format_decimals,
    format_significant,
    grid_words,
    map_parts,
    operator_parts,
    sections_count,
)
from roialign_cli.show.view import View, roi_view, shown_cells


def sections_figure(
    trace: Trace,
    *,
    section: tuple[int, int] | None = None,
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure:
    """Draw an ROI on the cells, with its sections and the sample points of one of them.

    Parameters
    ----------
    trace
        The trace of one ROI and channel.
    section
        (i, j), from 1: the section whose points are drawn; if None, one whose points lie between
        different cells.
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If there is no such section.

    Examples
    --------
    >>> from roialign_cli.analysis.trace import trace
    >>> traced = trace(np.eye(4), [[0, 0, 4, 4]], 2, convention="torchvision-aligned")
    >>> sections_figure(traced).axes[0].get_xlabel()
    'x →  y ↓  in cells (centres on .5)'
    """
    chosen = trace.section(*(section or trace.example))
    trace = trace.on_map_of(chosen.section)
    is_integral = trace.convention.points == "integral"
    weights = section_shades(style, trace, chosen) if is_integral else None
    view = roi_view(trace)
    if is_integral:
        view = view.joined(section_view(trace, chosen.section))
    size = f"{format_decimals(trace.width)} × {format_decimals(trace.height)} cells"
    with figure_settings(style.theme):
        shades = value_shades(style, trace)
        panel = new_page(
            [[[map_panel(trace, view, style)]]],
            style,
            title=f"{sections_count(trace)} of an ROI of {size}",
            subtitle=[
                *operator_parts(trace),
                *map_parts(trace, style, chosen.section),
                _result(trace, chosen),
            ],
            shades=shades,
            bars=None if weights is None else [shades, weights],
            legend=_legend(style, trace, chosen, view),
        )[0]
        draw_map(panel, trace)
        if weights is not None:
            draw_weights(panel, chosen, weights)
        draw_roi(panel, trace, chosen)
        draw_sections_points(panel, trace, [chosen])
        write_numbers(panel, trace, chosen.section)
        _write_labels(LabelPlacer(panel), trace, chosen, weights)
    return panel.figure


def _write_labels(
    placer: LabelPlacer, trace: Trace, chosen: Section, weights: Shades | None
) -> None:
    """Write the corner of the ROI, the points of a section or its weights, and the values."""
    keep_points_clear(placer, trace, [chosen])
    write_corner(placer, trace)
    write_points(placer, trace, chosen)
    hidden = None
    if weights is not None:
        write_weights(placer, trace, chosen, weights)
        hidden = read_cells(trace, chosen)
    lines = [roi_sides(trace), section_sides(trace, chosen.section)]
    write_values(placer, trace, lines, hidden=hidden)


def _result(trace: Trace, chosen: Section) -> str:
    output = format_significant(chosen.output)
    return f"section {chosen.section}: {grid_words(trace, chosen)}, output {output}"


def _legend(style: FigureStyle, trace: Trace, chosen: Section, view: View) -> list[Artist]:
    entries = roi_entries(style.theme, trace) + section_entries(style.theme, trace, [chosen])
    if trace.convention.points == "integral" and chosen.points:
        entries.append(weights_entry(style.theme))
    entries += outside_entries(style.theme, trace, view)
    if not np.isfinite(trace.cells[shown_cells(trace, view)]).all():
        entries.append(Patch(facecolor=style.theme.not_a_number, label="not a finite number"))
    return entries
