"""How much each cell of the map counts in the output of one section, or of all of them."""

from __future__ import annotations

from matplotlib.figure import Figure

from roialign_cli.analysis.footprint import footprint
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.drawing import outside_entries
from roialign_cli.show.figures.geometry import roi_sides, section_sides, section_view
from roialign_cli.show.figures.labels import LabelPlacer
from roialign_cli.show.figures.map_area import draw_map, draw_roi, map_panel, write_values
from roialign_cli.show.figures.marks import (
    MAX_DRAWN_POINTS,
    draw_sections_points,
    roi_entries,
    section_entries,
)
from roialign_cli.show.figures.page import new_page
from roialign_cli.show.figures.roi_labels import keep_points_clear, write_numbers
from roialign_cli.show.figures.shades import weight_shades
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.figures.wording import format_decimals, map_part, operator_parts, own_channel
from roialign_cli.show.view import roi_view


def footprint_figure(
    trace: Trace, *, section: tuple[int, int] | None = None, style: FigureStyle = DEFAULT_STYLE
) -> Figure:
    """Draw how much each cell counts: its exact weight, and the sample points if they are few.

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
    if section is not None:
        trace = trace.on_map_of(section)
    sections = trace.sections if chosen is None else (chosen,)
    weights = footprint(trace, sections)
    view = roi_view(trace) if section is None else section_view(trace, section).grown(1.0)
    shown = () if trace.n_points > MAX_DRAWN_POINTS and chosen is None else sections
    legend = roi_entries(style.theme, trace) + section_entries(style.theme, trace, shown)
    legend += outside_entries(style.theme, trace, view)
    with figure_settings(style.theme):
        panel = new_page(
            [[[map_panel(trace, view, style)]]],
            style,
            title=_title(trace, chosen),
            subtitle=[
                *operator_parts(trace),
                map_part(trace, style),
                *_channels(trace, section),
                _sum(float(weights.sum()), len(sections)),
            ],
            shades=weight_shades(style, weights),
            legend=legend,
        )[0]
        draw_map(panel, trace, weights)
        draw_roi(panel, trace, chosen)
        draw_sections_points(panel, trace, shown)
        write_numbers(panel, trace, section)
        placer = LabelPlacer(panel)
        keep_points_clear(placer, trace, shown)
        lines = roi_sides(trace), *(section_sides(trace, s.section) for s in shown)
        write_values(placer, trace, lines, weights)
    return panel.figure


def _channels(trace: Trace, section: tuple[int, int] | None) -> list[str]:
    """Return of which channels the cells are, if each section reads a channel of its own."""
    if trace.convention.channel_map == "same":
        return []
    count = len(trace.output) * len(trace.output[0])
    if section is None and count > 1:
        return [f"cells of {count} channels, one for each section"]
    return own_channel(trace, section or (1, 1))


def _sum(total: float, outputs: int) -> str:
    each = f", {format_decimals(total / outputs)} for each output" if outputs > 1 else ""
    return f"the weights add up to {format_decimals(total, 4)}{each}"


def _title(trace: Trace, chosen: Section | None) -> str:
    outputs = "all outputs" if chosen is None else f"the output of section {chosen.section}"
    if trace.convention.pooling == "max":
        return f"The weight of each cell in {outputs}: the cells of the largest values"
    return f"The weight of each cell in {outputs}"
