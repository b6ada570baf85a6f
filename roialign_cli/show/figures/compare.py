"""Two conventions on the same box: how the sample points move, and how the outputs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from roialign_cli.analysis.comparison import common_shift, difference, most_different, paired_points
from roialign_cli.analysis.sections import Border, Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.drawing import draw_lines, outside_entries, value_range
from roialign_cli.show.figures.geometry import roi_sides, section_lines
from roialign_cli.show.figures.map_area import draw_map, draw_roi
from roialign_cli.show.figures.marks import (
    Mark,
    all_points,
    draw_points,
    mark_size,
    marks,
    point_entries,
)
from roialign_cli.show.figures.output import draw_output, output_spec
from roialign_cli.show.figures.page import (
    POINTS_PER_INCH,
    Panel,
    PanelSpec,
    in_columns,
    max_half_height,
    new_page,
)
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.figures.wording import format_decimals, format_significant, title_parts
from roialign_cli.show.numbers import name_of
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import roi_view, section_view, zoom_note

_MIN_ARROW_LENGTH = 5.0  # points (1/72 inch)
_MAX_ARROWS = 400
_OTHER_MARK_SHARE = 0.55  # of the size of the first convention's marks


def compare_figure(
    trace: Trace,
    other: Trace,
    *,
    section: tuple[int, int] | None = None,
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
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If there is no such section.
    """
    i_j = section or most_different(trace, other)
    pair = trace.section(*i_j), other.section(*i_j)
    one, two = np.array(trace.output), np.array(other.output)
    change = difference(one, two)
    rows = in_columns(_specs(style, trace, other, pair), style)
    title, legend = _title(trace, other, change), _legend(style.theme, trace, other)
    legend += outside_entries(style.theme, trace, rows[0][0].view)
    with figure_settings(style.theme):
        panels = new_page(rows, style, title=title, legend=legend)
        on_map, close_up, first, second, changes = panels
        _draw_both(on_map, trace, other, trace.sections, other.sections)
        _draw_both(close_up, trace, other, pair[:1], pair[1:])
        limits = value_range(np.stack([one, two]))
        draw_output(first, one, limits=limits)
        draw_output(second, two, limits=limits)
        largest = max(map(abs, value_range(change))) or 1.0
        draw_output(changes, change, _difference_colours(style.theme), (-largest, largest))
    return changes.figure


def _specs(
    style: FigureStyle, trace: Trace, other: Trace, pair: tuple[Section, Section]
) -> list[list[PanelSpec]]:
    around = roi_view(trace).joined(roi_view(other))
    close = section_view(trace, pair[0]).joined(section_view(other, pair[1]))
    both = "Both on the map" if _has_points(other) else "On the map"
    on_map, close_up = (
        PanelSpec(
            view,
            style.unit(trace),
            zoom_note(trace, view),
            heading,
            max_height=max_half_height(style),
        )
        for view, heading in ((around, both), (close, _movement(*pair)))
    )
    names = _name(trace), _name(other), "second − first"
    return [[on_map, close_up], [output_spec(trace, name) for name in names]]


def _name(trace: Trace) -> str:
    pooling = f", {trace.convention.pooling}" if _has_points(trace) else ""
    return f"{trace.convention.name}{pooling}"


def _has_points(trace: Trace) -> bool:
    return any(section.points for section in trace.sections)


def _movement(section: Section, other: Section) -> str:
    """Return the heading of a section close up: how its points move."""
    heading = f"Section {section.section}"
    if not other.points:
        return heading
    if section.grid != other.grid:
        grids = " and ".join("{} × {}".format(*s.grid) for s in (section, other))
        return f"{heading}: {grids} points"
    pairs = paired_points(section, other)
    shift = common_shift(pairs)
    if shift is not None:
        x, y = (format_decimals(distance, 3) for distance in shift)
        return f"{heading}: points move by ({x}, {y}) cells"
    farthest = max((np.hypot(b.x - a.x, b.y - a.y) for a, b in pairs), default=0.0)
    return f"{heading}: points move by up to {format_decimals(farthest, 3)} cells"


def _title(trace: Trace, other: Trace, change: Float) -> list[str]:
    section = most_different(trace, other)
    if not np.isfinite(change).all():
        result = "section ({}, {}) is a number in one only".format(*section)
    elif change.any():
        largest = format_significant(float(np.abs(change).max()))
        result = "largest difference {} in section ({}, {})".format(largest, *section)
    else:
        result = "the same output"
    return title_parts(trace, f"with {name_of(other.convention)}", result)


def _other_marks(theme: Theme) -> Mapping[Border, Mark]:
    """Return the marks of the second convention's sample points."""
    kinds = marks(theme, theme.other)
    return {**kinds, "inside": replace(kinds["inside"], marker="D")}


def _legend(theme: Theme, trace: Trace, other: Trace) -> list[Artist]:
    entries: list[Artist] = []
    sides = (
        (trace, marks(theme), theme.roi, (1, 0), 2.4),
        (other, _other_marks(theme), theme.other, (3.7, 1.6), 1.6),
    )
    for side, kinds, colour, dashes, width in sides if _has_points(other) else sides[:1]:
        name = side.convention.name
        line = Line2D([], [], color=colour, dashes=dashes, linewidth=width)
        line.set_label(f"ROI of {name}")
        named = {
            border: replace(mark, label=f"{mark.label} of {name}") for border, mark in kinds.items()
        }
        entries += [line, *point_entries(named, side.sections)]
    pairs = zip(trace.sections, other.sections, strict=True)
    if any(paired_points(*pair) for pair in pairs):
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
    draw_map(panel, trace, shade_by_whole_map=True)
    draw_roi(panel, trace, sections[0] if len(sections) == 1 else None)
    if _has_points(other):
        _outline_other(panel, other)
    size = min(
        *(mark_size(panel, trace, section) for section in sections),
        *(mark_size(panel, other, section) for section in other_sections),
    )
    draw_points(panel, all_points(sections), size)
    # The smaller marks are on top, so that both are visible where a point does not move.
    kinds = _other_marks(panel.theme)
    points = all_points(other_sections)
    draw_points(panel, points, _OTHER_MARK_SHARE * size, kinds=kinds, gid="other")
    both = zip(sections, other_sections, strict=True)
    _draw_moves(panel, [points for pair in both for points in paired_points(*pair)])


def _outline_other(panel: Panel, other: Trace) -> None:
    """Draw the second ROI and the edges of its sections over the first."""
    colour = panel.theme.other
    draw_lines(panel, section_lines(other), colour, 0.7, linestyle=":", zorder=4.5)
    outline = roi_sides(other).patch(fill=False, edgecolor=colour, linewidth=1.6, zorder=4.6)
    outline.set(linestyle="--", joinstyle="miter")
    panel.axes.add_patch(outline)


def _draw_moves(panel: Panel, pairs: Sequence[tuple[Point, Point]]) -> None:
    """Draw arrows from points to where they move, unless the arrows are too many."""
    arrows = np.array([(a.x, a.y, b.x - a.x, b.y - a.y) for a, b in pairs]).reshape(-1, 4)
    lengths = np.hypot(arrows[:, 2], arrows[:, 3]) * panel.scale
    arrows = arrows[lengths >= _MIN_ARROW_LENGTH]
    if len(arrows) > _MAX_ARROWS:
        return
    quiver = panel.axes.quiver(
        *arrows.T,
        angles="xy",
        scale_units="xy",
        scale=1,
        color=panel.theme.other,
        width=0.8 / POINTS_PER_INCH,
        units="inches",
    )
    quiver.set(zorder=5.5, gid="moves")


def _difference_colours(theme: Theme) -> Colormap:
    ends = [theme.less, theme.low, theme.more]
    colours = LinearSegmentedColormap.from_list("difference", ends)
    return colours.with_extremes(bad=theme.not_a_number)
