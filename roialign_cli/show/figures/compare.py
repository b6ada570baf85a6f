"""Two conventions on the same box: how the sample points move, and how the outputs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from roialign_cli.analysis.comparison import common_shift, difference, most_different, paired_points
from roialign_cli.analysis.points import Border, Point
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.drawing import draw_outline, halo, outside_entries
from roialign_cli.show.figures.geometry import roi_sides, section_view
from roialign_cli.show.figures.map_area import draw_map, draw_roi, draw_sections, map_panel
from roialign_cli.show.figures.marks import (
    MAX_DRAWN_POINTS,
    Mark,
    draw_points,
    drawn_points,
    mark_size,
    marks,
    point_entries,
)
from roialign_cli.show.figures.output import output_spec
from roialign_cli.show.figures.page import Panel
from roialign_cli.show.figures.panels import PanelSpec
from roialign_cli.show.figures.phrases import Phrase
from roialign_cli.show.figures.roi_labels import write_numbers
from roialign_cli.show.figures.style import (
    DEFAULT_STYLE,
    POINTS_PER_INCH,
    FigureStyle,
    figure_settings,
)
from roialign_cli.show.figures.two_maps import two_map_panels
from roialign_cli.show.figures.wording import (
    format_decimals,
    format_significant,
    grid_words,
    map_parts,
)
from roialign_cli.show.figures.zoom import draw_zoom
from roialign_cli.show.numbers import name_of
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import roi_view

CONVENTIONS_TITLE = "Two conventions on the same box"
_MIN_ARROW_LENGTH = 5.0  # points (1/72 inch)
_OTHER_MARK_SHARE = 0.55  # of the size of the first convention's marks


def compare_figure(
    trace: Trace,
    other: Trace,
    *,
    section: tuple[int, int] | None = None,
    title: str = CONVENTIONS_TITLE,
    names: tuple[str, str] | None = None,
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure:
    """Draw the points of two conventions over the same cells, and both outputs.

    Parameters
    ----------
    trace, other
        The same ROI, channel and output size under two conventions, in the same frame. If the
        second trace has no points, only its output is drawn.
    section
        (i, j), from 1: the section to draw close up; None draws the one whose outputs differ most.
    title
        The title of the figure.
    names
        The names of both sides; None for the names of the conventions.
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If there is no such section.
    """
    named = names or (trace.convention.name, other.convention.name)
    i_j = section or most_different(trace, other)
    trace = trace.on_map_of(i_j)
    pair = trace.section(*i_j), other.section(*i_j)
    one, two = np.array(trace.output), np.array(other.output)
    change = difference(one, two)
    with figure_settings(style.theme):
        rows = _specs(style, trace, other, pair, named)
        legend = _legend(style.theme, trace, other, (pair[:1], pair[1:]), named)
        on_map, close_up = two_map_panels(
            rows,
            style,
            trace,
            (one, two, change),
            title=title,
            subtitle=_subtitle(trace, other, change, i_j, style),
            legend=legend + outside_entries(style.theme, trace, rows[0][0].view),
            chosen=i_j,
        )
        _draw_both(on_map, trace, other, *_drawn_sections(trace, other))
        write_numbers(on_map, trace, i_j)
        draw_zoom(on_map, close_up)
        _draw_both(close_up, trace, other, pair[:1], pair[1:])
        write_numbers(close_up, trace, i_j)
    return on_map.figure


def _specs(
    style: FigureStyle,
    trace: Trace,
    other: Trace,
    pair: tuple[Section, Section],
    named: tuple[str, str],
) -> list[list[PanelSpec]]:
    around = roi_view(trace).joined(roi_view(other))
    i_j = pair[0].section
    close = section_view(trace, i_j).joined(section_view(other, i_j))
    both = "Both on the map" if _has_points(other) else "On the map"
    on_map, close_up = (
        map_panel(trace, view, style, heading, story)
        for view, heading, story in (
            (around, both, ()),
            (close, f"Section {i_j}", ([*map(Phrase, _movement(trace, other, *pair))],)),
        )
    )
    first, second = named
    names = first, second, f"{second} − {first}" if first != second else "second − first"
    return [[on_map, close_up], [output_spec(np.array(trace.output), name) for name in names]]


def _has_points(trace: Trace) -> bool:
    return trace.n_points > 0


def _movement(trace: Trace, other: Trace, section: Section, other_section: Section) -> list[str]:
    """Return how the points of a section move, in words that may stand on different lines."""
    if not other_section.points:
        return []
    pairs = _moves(trace, other, [section], [other_section])
    if not pairs:
        return [f"{grid_words(trace, section)} and", grid_words(other, other_section)]
    shift = common_shift(pairs)
    if shift is not None:
        x, y = (format_decimals(distance, 3) for distance in shift)
        return ["points move by", f"({x}, {y}) cells"]
    farthest = max((np.hypot(b.x - a.x, b.y - a.y) for a, b in pairs), default=0.0)
    return ["points move by", f"up to {format_decimals(farthest, 3)} cells"]


def _moves(
    trace: Trace, other: Trace, sections: Sequence[Section], other_sections: Sequence[Section]
) -> list[tuple[Point, Point]]:
    """Return pairs of points of the same number; none if a convention has no points but cells."""
    rules = {trace.convention.points, other.convention.points}
    if "integral" in rules or rules > {"cells"}:
        return []
    both = zip(sections, other_sections, strict=True)
    return [points for pair in both for points in paired_points(*pair)]


def _subtitle(
    trace: Trace, other: Trace, change: Float, shown: tuple[int, int], style: FigureStyle
) -> list[str]:
    section = most_different(trace, other)
    if not np.isfinite(change).all():
        result = "section ({}, {}) is a number in one only".format(*section)
    elif change.any():
        largest = format_significant(float(np.abs(change).max()))
        result = "largest difference {} in section ({}, {})".format(largest, *section)
    else:
        result = "the same output"
    names = f"{_operator(trace)} and {_operator(other)}"
    return [names, *map_parts(trace, style, shown), result]


def _operator(trace: Trace) -> str:
    """Return the name of a convention, with its pooling unless the trace is a saved output."""
    convention = trace.convention
    if not _has_points(trace):
        return convention.name
    name = name_of(convention)
    return name if "pooling=" in name else f"{name}, {convention.pooling}"


def _other_marks(theme: Theme) -> Mapping[Border, Mark]:
    """Return the marks of the second convention's sample points."""
    kinds = marks(theme, theme.other)
    return {**kinds, "inside": replace(kinds["inside"], marker="D")}


def _legend(
    theme: Theme,
    trace: Trace,
    other: Trace,
    pair: tuple[Sequence[Section], Sequence[Section]],
    named: tuple[str, str],
) -> list[Artist]:
    entries: list[Artist] = []
    sides = (
        (named[0], trace, marks(theme), theme.roi, (1, 0), 2.4),
        (named[1], other, _other_marks(theme), theme.other, (3.7, 1.6), 1.6),
    )
    for name, side, kinds, colour, dashes, width in sides if _has_points(other) else sides[:1]:
        line = Line2D([], [], color=colour, dashes=dashes, linewidth=width)
        line.set_label(f"ROI of {name}")
        labelled = {
            border: replace(mark, label=f"{mark.label} of {name}") for border, mark in kinds.items()
        }
        entries += [line, *point_entries(labelled, drawn_points(side, side.sections))]
    if _moves(trace, other, *pair):
        arrow = Line2D([], [], color=theme.other, marker=r"$\rightarrow$", ls="none", ms=11)
        arrow.set_label("how a point moves")
        entries.append(arrow)
    return entries


def _draw_both(
    panel: Panel,
    trace: Trace,
    other: Trace,
    sections: Sequence[Section],
    other_sections: Sequence[Section],
) -> None:
    """Draw both ROIs on the cells, and the points of these sections of both."""
    draw_map(panel, trace)
    draw_roi(panel, trace, sections[0] if len(sections) == 1 else None)
    if _has_points(other):
        _outline_other(panel, other)
    if not sections:
        return
    size = min(
        mark_size(panel, trace, sections),
        mark_size(panel, other, other_sections),
    )
    draw_points(panel, drawn_points(trace, sections), size)
    # The smaller marks are on top, so that both are visible where a point does not move.
    kinds = _other_marks(panel.theme)
    points = drawn_points(other, other_sections)
    draw_points(panel, points, _OTHER_MARK_SHARE * size, kinds=kinds, gid="other")
    _draw_moves(panel, _moves(trace, other, sections, other_sections))


def _drawn_sections(trace: Trace, other: Trace) -> tuple[Sequence[Section], Sequence[Section]]:
    """Return the sections with points to draw on the map: all of both, or none if too many."""
    if max(trace.n_points, other.n_points) > MAX_DRAWN_POINTS:
        return (), ()
    return trace.sections, other.sections


def _outline_other(panel: Panel, other: Trace) -> None:
    """Draw the second ROI and the edges of its sections over the first."""
    colour = panel.theme.other
    draw_sections(panel, other, colour, ":", zorder=4.5)
    draw_outline(panel, roi_sides(other), colour, 1.4, zorder=4.6, linestyle=(0, (4, 2.5)))


def _draw_moves(panel: Panel, pairs: Sequence[tuple[Point, Point]]) -> None:
    """Draw arrows from points to where they move."""
    arrows = np.array([(a.x, a.y, b.x - a.x, b.y - a.y) for a, b in pairs]).reshape(-1, 4)
    lengths = np.hypot(arrows[:, 2], arrows[:, 3]) * panel.scale
    arrows = arrows[lengths >= _MIN_ARROW_LENGTH]
    quiver = panel.axes.quiver(
        *arrows.T,
        angles="xy",
        scale_units="xy",
        scale=1,
        color=panel.theme.other,
        width=0.8 / POINTS_PER_INCH,
        units="inches",
    )
    edge = halo(panel.theme.halo(panel.theme.other), width=0.6)
    quiver.set(zorder=5.5, gid="moves", path_effects=edge)
