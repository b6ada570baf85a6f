"""The marks of sample points, and their entries in the legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from roialign_cli.analysis.sections import Border, Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.drawing import halo
from roialign_cli.show.figures.page import Panel
from roialign_cli.show.palette import Theme

_MIN_MARK_SIZE, MAX_MARK_SIZE = 0.4, 5.5  # points (1/72 inch)
_MAX_VECTOR_POINTS = 4000  # an SVG or PDF stores more sample points as an image
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
        "clamped": Mark("s", ground, colour, _HOLLOW_EDGE, "point clamped to the border"),
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
    mark = Mark("o", "none", theme.winner, (1.0, 1.8), "largest value: the section's output")
    line = mark_line(mark, size + RING_WIDTH, x, y)
    line.set(zorder=7, gid="winner")
    return line


# Sizes ------------------------------------------------------------------------------------------


def point_spacing(panel: Panel, trace: Trace, section: Section) -> tuple[float, float]:
    """Return the distances of neighbouring sample points along x and along y, in points."""
    width, height = (
        float(np.diff(np.unique(positions)).min(initial=size)) * panel.scale
        for positions, size in (
            ([p.x for p in section.points], abs(trace.section_width)),
            ([p.y for p in section.points], abs(trace.section_height)),
        )
    )
    return width, height


def mark_size(panel: Panel, trace: Trace, section: Section) -> float:
    """Return the size of a section's marks, in points, at which they do not overlap."""
    spacing = min(point_spacing(panel, trace, section))
    return float(np.clip(0.45 * spacing, _MIN_MARK_SIZE, MAX_MARK_SIZE))


# Drawing ----------------------------------------------------------------------------------------


def draw_points(
    panel: Panel,
    points: Sequence[Point],
    size: float,
    scale: tuple[float, float] = (1.0, 1.0),
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
        The sample points, in cells.
    size
        The size of a mark, in points (1/72 inch).
    scale
        Cells per data unit along x and along y.
    kinds
        The mark of each kind of point; those of the theme if None.
    gid
        The start of the marks' names in an SVG.
    """
    for border, mark in (kinds or marks(panel.theme)).items():
        chosen = [p for p in points if p.border == border]
        if chosen:
            x, y = [p.x / scale[0] for p in chosen], [p.y / scale[1] for p in chosen]
            line = mark_line(mark, size, x, y)
            line.set(gid=f"{gid}-{border}", rasterized=len(chosen) > _MAX_VECTOR_POINTS)
            panel.axes.add_line(line)


def draw_sections_points(panel: Panel, trace: Trace, sections: Sequence[Section]) -> float:
    """Draw the points of sections with rings around the winners; return the size of a mark."""
    size = min(mark_size(panel, trace, section) for section in sections)
    draw_points(panel, all_points(sections), size)
    winners = [s.winning_point for s in sections if s.winning_point is not None]
    if winners:
        x, y = [p.x for p in winners], [p.y for p in winners]
        panel.axes.add_line(winner_rings(panel.theme, size, x, y))
    return size


def all_points(sections: Sequence[Section]) -> list[Point]:
    """Return the sample points of all of these sections."""
    return [point for section in sections for point in section.points]


# Legend -----------------------------------------------------------------------------------------


def point_entries(
    kinds: Mapping[Border, Mark], sections: Sequence[Section], size: float = MAX_MARK_SIZE
) -> list[Artist]:
    """Return a legend entry for each kind of sample point that the sections have."""
    present = {point.border for point in all_points(sections)}
    return [mark_line(mark, size) for border, mark in kinds.items() if border in present]


def section_entries(theme: Theme, sections: Sequence[Section]) -> list[Artist]:
    """Return legend entries for the sample points of sections and the rings of winners."""
    entries = point_entries(marks(theme), sections)
    if any(s.winning_point is not None for s in sections):
        entries.append(winner_rings(theme, MAX_MARK_SIZE - 1))
    return entries
