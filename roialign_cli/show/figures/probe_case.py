"""The smallest case that shows a rule: what the preset and the kernel do, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.artist import Artist
from matplotlib.figure import Figure

from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.drawing import outside_entries
from roialign_cli.show.figures.geometry import roi_sides, section_sides
from roialign_cli.show.figures.labels import LabelPlacer
from roialign_cli.show.figures.map_area import draw_map, draw_roi, map_panel, write_values
from roialign_cli.show.figures.marks import draw_sections_points, roi_entries, section_entries
from roialign_cli.show.figures.page import Panel, new_page
from roialign_cli.show.figures.panels import PanelSpec
from roialign_cli.show.figures.phrases import Phrase
from roialign_cli.show.figures.roi_labels import keep_points_clear
from roialign_cli.show.figures.shades import value_shades
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.view import View, roi_view


@dataclass(frozen=True)
class Side:
    """What one side of a case does.

    Parameters
    ----------
    name
        The preset or the kernel.
    trace
        How it computes the output; None if that is not known, so that no points are drawn.
    lines
        Lines of text about the computation and the output.
    """

    name: str
    trace: Trace | None
    lines: Sequence[str]


def case_figure(
    sides: tuple[Side, Side],
    section: tuple[int, int],
    *,
    title: str,
    subtitle: Sequence[str],
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure | None:
    """Draw the cells twice, with the ROI and the sample points of each side.

    Parameters
    ----------
    sides
        The preset and the kernel.
    section
        (i, j), from 1: the section whose points are drawn.
    title, subtitle
        The title, and the parts of the line under it.
    style
        The style of the figure.

    Returns
    -------
    The figure; None if the computation of neither side is known.
    """
    known = [side.trace.on_map_of(section) for side in sides if side.trace is not None]
    if not known:
        return None
    view = roi_view(known[0]).joined(roi_view(known[-1]))
    with figure_settings(style.theme):
        specs = [_spec(side, known[0], view, style) for side in sides]
        panels = new_page(
            [[specs], [[spec] for spec in specs]],
            style,
            title=title,
            subtitle=subtitle,
            shades=value_shades(style, known[0]),
            legend=_legend(style, known, section, view),
        )
        for panel, side in zip(panels, sides, strict=True):
            _draw(panel, side, known[0], section)
    return panels[0].figure


def _spec(side: Side, like: Trace, view: View, style: FigureStyle) -> PanelSpec:
    story = tuple([Phrase(word) for word in line.split(" ")] for line in side.lines)
    spec = map_panel(like, view, style, side.name, story)
    return replace(spec, above=0.0, beside=4.0)  # no numbers of sections


def _draw(panel: Panel, side: Side, like: Trace, section: tuple[int, int]) -> None:
    """Draw the cells and, if they are known, the ROI and the points of a side."""
    trace = side.trace
    draw_map(panel, like)
    placer = LabelPlacer(panel)
    if trace is None:
        write_values(placer, like)
        return
    trace = trace.on_map_of(section)
    chosen = [trace.section(*section)]
    draw_roi(panel, trace, chosen[0] if len(trace.sections) > 1 else None)
    draw_sections_points(panel, trace, chosen)
    keep_points_clear(placer, trace, chosen)
    write_values(placer, trace, [roi_sides(trace), section_sides(trace, section)])


def _legend(
    style: FigureStyle, traces: Sequence[Trace], section: tuple[int, int], view: View
) -> list[Artist]:
    """Return an entry for each kind of mark that either side has."""
    entries: dict[str, Artist] = {}
    for trace in traces:
        of_roi = roi_entries(style.theme, trace)
        for entry in (
            *(of_roi if len(trace.sections) > 1 else of_roi[:-1]),  # without that of sections
            *section_entries(style.theme, trace, [trace.section(*section)]),
            *outside_entries(style.theme, trace, view),
        ):
            entries.setdefault(str(entry.get_label()), entry)
    return list(entries.values())
