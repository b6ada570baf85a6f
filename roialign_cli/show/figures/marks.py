"""The marks of sample points, and their entries in the legend."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from roialign_cli.analysis.point_positions import positions, winning_positions
from roialign_cli.analysis.points import Border
from roialign_cli.analysis.sections import Section, Sections
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.drawing import halo
from roialign_cli.show.figures.geometry import differs_from_box
from roialign_cli.show.figures.page import Panel
from roialign_cli.show.palette import Theme

_MIN_MARK_SIZE, MAX_MARK_SIZE = 0.4, 5.5  # points (1/72 inch)
_MAX_VECTOR_POINTS = 4000  # an SVG or PDF stores more sample points as an image
MAX_DRAWN_POINTS = 250  # more points of all sections would hide the cells under them
RING_WIDTH = 5.0  # points by which the ring of a winner is wider than its mark


@dataclass(frozen=True)
class Mark:
    """How sample points of one kind are drawn, and their label in the legend.

    Parameters
    ----------
    marker
        Matplotlib's name of the shape.
    face, edge
        The colours of the shape and of its edge.
    edge_width
        The width of the edge as a share of the mark's size, and its largest width in points.
    label
        The label in the legend.
    ground
        The colour of a halo, for a mark without a face.
    """

    marker: str
    face: str
    edge: str
    edge_width: tuple[float, float]
    label: str
    ground: str | None = None


_FILLED_EDGE, _HOLLOW_EDGE = (1 / 8, 0.8), (1 / 4, 1.3)  # as `Mark.edge_width`


def marks(theme: Theme, colour: str | None = None) -> Mapping[Border, Mark]:
    """Return the mark of each kind of sample point, in the theme's colour or another one."""
    colour, ground = colour or theme.point, theme.ground
    return {
        "inside": Mark("o", colour, ground, _FILLED_EDGE, "sample point"),
        "clamped": Mark("s", ground, colour, _HOLLOW_EDGE, "point clamped to outermost centres"),
        "beyond": Mark("^", ground, colour, _HOLLOW_EDGE, "point beyond the outermost centres"),
        "out": Mark("x", "none", colour, _HOLLOW_EDGE, "point outside, reads no cell", ground),
    }


def mark_line(mark: Mark, size: float, x: Sequence[float] = (), y: Sequence[float] = ()) -> Line2D:
    """Return marks at these positions in data units; without positions, a legend entry.

    `size` is the size of a mark in points (1/72 inch).
    """
    share, max_width = mark.edge_width
    edge = min(size * share, max_width)
    line = Line2D(x, y, linestyle="none", marker=mark.marker, markersize=size, label=mark.label)
    line.set(markerfacecolor=mark.face, markeredgecolor=mark.edge, markeredgewidth=edge)
    line.set(zorder=6)
    if mark.ground is not None:
        line.set_path_effects(halo(mark.ground, edge, width=0.6))
    return line


def winner_rings(
    theme: Theme, size: float, x: Sequence[float] = (), y: Sequence[float] = ()
) -> Line2D:
    """Return rings around winning points of this size; without positions, a legend entry."""
    label = "largest value: the section's output"
    mark = Mark("o", "none", theme.winner, (1.0, 1.8), label, theme.halo(theme.winner))
    line = mark_line(mark, size + RING_WIDTH, x, y)
    line.set(zorder=7, gid="winner")
    return line


# Sizes ------------------------------------------------------------------------------------------


def point_spacing(panel: Panel, trace: Trace, sections: Sequence[Section]) -> tuple[float, float]:
    """Return the smallest distances of points of a section along x and y, in points of the page."""
    if isinstance(sections, Sections):
        columns, rows = sections.along_x, sections.along_y
        along_x = [[point.coordinate for point in column] for column in columns]
        along_y = [[point.coordinate for point in row] for row in rows]
    else:
        along_x = [[point.x for point in section.points] for section in sections]
        along_y = [[point.y for point in section.points] for section in sections]
    return (
        _smallest_gap(along_x, abs(trace.section_width)) * panel.scale,
        _smallest_gap(along_y, abs(trace.section_height)) * panel.scale,
    )


def _smallest_gap(groups: Sequence[Sequence[float]], largest: float) -> float:
    gaps = (np.diff(np.unique(group)).min(initial=largest) for group in groups)
    return min(map(float, gaps), default=largest)


def mark_size(panel: Panel, trace: Trace, sections: Sequence[Section]) -> float:
    """Return the size of the marks of sections, in points, at which they do not overlap."""
    spacing = min(point_spacing(panel, trace, sections))
    return float(np.clip(0.45 * spacing, _MIN_MARK_SIZE, MAX_MARK_SIZE))


# Drawing ----------------------------------------------------------------------------------------


def drawn_points(trace: Trace, sections: Sequence[Section]) -> dict[Border, Float]:
    """Return where sample points of these sections lie; none if the convention reads cells."""
    return {} if trace.convention.reads_cells else positions(sections)


def draw_points(
    panel: Panel,
    points: Mapping[Border, Float],
    size: float,
    *,
    kinds: Mapping[Border, Mark] | None = None,
    gid: str = "points",
) -> None:
    """Draw the marks of sample points.

    Parameters
    ----------
    panel
        The panel to draw on.
    points
        Where the points lie: x and y in cells, (n, 2), for each border.
    size
        The size of a mark, in points (1/72 inch).
    kinds
        The mark of each kind of point; those of the theme if None.
    gid
        The start of the marks' names in an SVG.
    """
    for border, mark in (kinds or marks(panel.theme)).items():
        if border in points:
            x, y = points[border].T.tolist()
            line = mark_line(mark, size, x, y)
            line.set(gid=f"{gid}-{border}", rasterized=len(x) > _MAX_VECTOR_POINTS)
            panel.axes.add_line(line)


def draw_sections_points(panel: Panel, trace: Trace, sections: Sequence[Section]) -> None:
    """Draw the points of sections with rings around the winners."""
    if not sections:
        return
    size = mark_size(panel, trace, sections)
    draw_points(panel, drawn_points(trace, sections), size)
    x, y = winning_positions(sections).T.tolist()
    if x:
        panel.axes.add_line(winner_rings(panel.theme, size, x, y))


# Legend -----------------------------------------------------------------------------------------


def point_entries(
    kinds: Mapping[Border, Mark], borders: Collection[Border], size: float = MAX_MARK_SIZE
) -> list[Artist]:
    """Return a legend entry for each of these kinds of sample point."""
    return [mark_line(mark, size) for border, mark in kinds.items() if border in borders]


def roi_entries(theme: Theme, trace: Trace) -> list[Artist]:
    """Return legend entries for the ROI, for the box if it differs, and for the sections."""
    lines: list[tuple[str, float, Any, str]] = [(theme.roi, 2.0, "-", "ROI")]
    if differs_from_box(trace):
        lines.append((theme.roi, 1.4, (0, (3, 1.5)), "the box"))
    lines.append((theme.section, 1.4, "-", "section"))
    return [
        Line2D([], [], color=colour, linewidth=width, linestyle=style, label=label)
        for colour, width, style, label in lines
    ]


def section_entries(theme: Theme, trace: Trace, sections: Sequence[Section]) -> list[Artist]:
    """Return legend entries for the sample points of sections and the rings of winners."""
    entries = point_entries(marks(theme), drawn_points(trace, sections))
    if len(winning_positions(sections)):
        entries.append(winner_rings(theme, MAX_MARK_SIZE - 1))
    return entries
