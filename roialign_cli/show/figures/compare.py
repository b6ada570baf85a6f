"""Two conventions on the same box: how the points move, and what that does to the output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from roialign_cli.analysis.comparison import common_shift, difference, most_different, paired_points
from roialign_cli.analysis.sections import Border, Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.map_area import draw_map, draw_roi, map_spec, roi_lattice
from roialign_cli.show.figures.marks import Mark, draw_points, mark_line, mark_size, marks
from roialign_cli.show.figures.output import draw_output, output_spec
from roialign_cli.show.figures.sheet import (
    POINTS_PER_INCH,
    Panel,
    PanelSpec,
    draw_lines,
    format_decimals,
    format_significant,
    new_page,
    outside_entries,
    title_parts,
    value_range,
)
from roialign_cli.show.figures.style import DEFAULT_STYLE, FigureStyle, figure_settings
from roialign_cli.show.numbers import name_of
from roialign_cli.show.palette import Theme
from roialign_cli.show.view import beyond_map, roi_view, section_view

_MAX_HEIGHT = 0.46  # a spec's height, in sheet widths
_MIN_TWO_COLUMN_WIDTH = 6.0  # inches; on a narrower sheet the specs stand one above another


def compare_figure(
    trace: Trace,
    other: Trace,
    *,
    section: tuple[int, int] | None = None,
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure:
    """Draw two conventions' points over the same cells, and both outputs with their difference.

    Parameters
    ----------
    trace, other
        The same ROI, channel and output size under two conventions, in the same frame. Of a
        second one without points only the output is drawn.
    section
        (i, j), the section seen close up; the one whose outputs differ most if None.
    style
        What the figure is drawn on.

    Raises
    ------
    ArgumentError
        If there is no such section.
    """
    where = section or most_different(trace, other)
    pair = trace.section(*where), other.section(*where)
    one, two = np.array(trace.output), np.array(other.output)
    apart = difference(one, two)
    rows = _specs(style, trace, other, pair)
    if style.width < _MIN_TWO_COLUMN_WIDTH:
        rows = [[spec] for row in rows for spec in row]
    with figure_settings(style.theme):
        panels = new_page(
            rows,
            style,
            title=_title(trace, other, apart),
            legend=_legend(style.theme, trace, other, beyond=beyond_map(trace, rows[0][0].view)),
        )
        on_map, close, first, second, less = panels
        _draw_both(on_map, trace, other, trace.sections, other.sections)
        _draw_both(close, trace, other, pair[:1], pair[1:])
        limits = value_range(np.stack([one, two]))
        draw_output(first, one, limits=limits)
        draw_output(second, two, limits=limits)
        most = max(map(abs, value_range(apart))) or 1.0
        draw_output(less, apart, _below_and_above(style.theme), (-most, most))
    return less.figure


def _specs(
    style: FigureStyle, trace: Trace, other: Trace, pair: tuple[Section, Section]
) -> list[list[PanelSpec]]:
    max_height = _MAX_HEIGHT * style.width * POINTS_PER_INCH
    around = roi_view(trace).joined(roi_view(other))
    close = section_view(trace, pair[0]).joined(section_view(other, pair[1]))
    both = "Both on the map" if _has_points(other) else "On the map"
    return [
        [
            map_spec(trace, around, style, heading=both, max_height=max_height),
            map_spec(trace, close, style, heading=_moved(*pair), max_height=max_height),
        ],
        [
            output_spec(trace, _name(trace)),
            output_spec(trace, _name(other)),
            output_spec(trace, "second − first"),
        ],
    ]


def _name(trace: Trace) -> str:
    pooling = f", {trace.convention.pooling}" if _has_points(trace) else ""
    return f"{trace.convention.name}{pooling}"


def _moved(section: Section, other: Section) -> str:
    """Return what is said of a section close up: how its points move."""
    where = "Section ({}, {})".format(*section.section)
    if not other.points:
        return where
    if section.grid != other.grid:
        grids = " and ".join("{} × {}".format(*s.grid) for s in (section, other))
        return f"{where}: {grids} points"
    pairs = paired_points(section, other)
    shift = common_shift(pairs)
    if shift is not None:
        x, y = (format_decimals(move, 3) for move in shift)
        return f"{where}: points move by ({x}, {y}) cells"
    farthest = max((np.hypot(b.x - a.x, b.y - a.y) for a, b in pairs), default=0.0)
    return f"{where}: points move by up to {format_decimals(farthest, 3)} cells"


def _title(trace: Trace, other: Trace, apart: Float) -> list[str]:
    i_j = "({}, {})".format(*most_different(trace, other))
    if not np.isfinite(apart).all():
        told = f"section {i_j} is a number in one only"
    elif apart.any():
        told = (
            f"largest difference {format_significant(float(np.abs(apart).max()))} in section {i_j}"
        )
    else:
        told = "the same output"
    return title_parts(trace, f"with {name_of(other.convention)}", told)


_OTHER_SHAPE = "D"


def _other_marks(theme: Theme) -> Mapping[Border, Mark]:
    kinds = dict(marks(theme, theme.other))
    kinds["inside"] = replace(kinds["inside"], marker=_OTHER_SHAPE)
    return kinds


def _legend(theme: Theme, trace: Trace, other: Trace, *, beyond: bool) -> list[Artist]:
    entries: list[Artist] = []
    sides = (
        (trace, marks(theme), theme.roi, (1, 0), 2.4),
        (other, _other_marks(theme), theme.other, (3.7, 1.6), 1.6),
    )
    for side, kinds, colour, dashes, width in sides if _has_points(other) else sides[:1]:
        name = side.convention.name
        line = Line2D([], [], color=colour, dashes=dashes, linewidth=width)
        line.set_label(f"ROI of {name}")
        entries.append(line)
        valid = {p.border for s in side.sections for p in s.points}
        entries += [
            mark_line(replace(mark, meaning=f"{mark.meaning} of {name}"), 5.5, [], [])
            for border, mark in kinds.items()
            if border in valid
        ]
    arrow = Line2D([], [], color=theme.other, marker=r"$\rightarrow$", ls="none", ms=11)
    arrow.set_label("how a point moves")
    pairs = zip(trace.sections, other.sections, strict=True)
    entries += [arrow] if any(paired_points(*pair) for pair in pairs) else []
    return entries + outside_entries(theme, beyond=beyond)


def _has_points(trace: Trace) -> bool:
    return any(section.points for section in trace.sections)


def _draw_both(
    panel: Panel,
    trace: Trace,
    other: Trace,
    sections: Sequence[Section],
    others: Sequence[Section],
) -> None:
    """Draw both ROIs on the cells, and the points of these sections of both."""
    draw_map(panel, trace, shade_by_whole_map=True)
    draw_roi(panel, trace, sections[0] if len(sections) == 1 else None)
    if _has_points(other):
        _outline_other(panel, other)
    size = min(
        mark_size(panel, side, s)
        for side, some in ((trace, sections), (other, others))
        for s in some
    )
    draw_points(panel, [p for s in sections for p in s.points], size)
    # The smaller marks are on top, so that both are seen where a point does not move.
    points = [p for s in others for p in s.points]
    draw_points(panel, points, 0.55 * size, kinds=_other_marks(panel.theme), gid="other")
    pairs = [pair for both in zip(sections, others, strict=True) for pair in paired_points(*both)]
    _draw_moves(panel, pairs)


def _outline_other(panel: Panel, other: Trace) -> None:
    """Draw the second ROI and its sections' edges over the first."""
    colour = panel.theme.other
    draw_lines(panel, roi_lattice(other), colors=colour, linewidths=0.7, linestyles=":", zorder=4.5)
    corner, extent = (other.x, other.y), (other.width, other.bottom - other.y)
    outline = Rectangle(corner, *extent, fill=False, edgecolor=colour, zorder=4.6)
    outline.set(linewidth=1.6, linestyle="--", joinstyle="miter")
    panel.axes.add_patch(outline)


_MIN_ARROW_LENGTH = 5.0  # points on the sheet
_MAX_ARROWS = 400


def _draw_moves(panel: Panel, pairs: Sequence[tuple[Point, Point]]) -> None:
    """Draw arrows from points to where they move, if they are few and far enough apart."""
    ends = np.array([(a.x, a.y, b.x - a.x, b.y - a.y) for a, b in pairs]).reshape(-1, 4)
    ends = ends[np.hypot(ends[:, 2], ends[:, 3]) * panel.scale >= _MIN_ARROW_LENGTH]
    if len(ends) > _MAX_ARROWS:
        return
    look: dict[str, Any] = {
        "color": panel.theme.other,
        "width": 0.8 / POINTS_PER_INCH,
        "units": "inches",
    }
    arrows = panel.axes.quiver(*ends.T, angles="xy", scale_units="xy", scale=1, **look)
    arrows.set(zorder=5.5, gid="moves")


def _below_and_above(theme: Theme) -> Colormap:
    shades = LinearSegmentedColormap.from_list("apart", [theme.less, theme.low, theme.more])
    return shades.with_extremes(bad=theme.not_a_number)
