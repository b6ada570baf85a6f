"""The marks of sample points: their looks, their sizes, and what the legend says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from roialign_cli.analysis.sections import Border, Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.sheet import Panel, halo
from roialign_cli.show.palette import Theme

_MIN_MARK_SIZE, MAX_MARK_SIZE = 0.4, 5.5  # points


@dataclass(frozen=True)
class Mark:
    """How points of one kind are drawn, and what the legend says of them.

    An edge is a share of the mark's size wide, and at most so many points.
    """

    marker: str
    face: str
    edge: str
    edge_width: tuple[float, float]
    meaning: str
    ground: str | None = None  # what sets it off, if it has no face


_FILLED_EDGE, _HOLLOW_EDGE = (1 / 8, 0.8), (1 / 4, 1.3)


def marks(theme: Theme, colour: str | None = None) -> Mapping[Border, Mark]:
    """Return the marks of sample points in their colour, or in another."""
    colour, ground = colour or theme.point, theme.ground
    return {
        "inside": Mark("o", colour, ground, _FILLED_EDGE, "sample point"),
        "clamped": Mark("s", ground, colour, _HOLLOW_EDGE, "point clamped to the border"),
        "out": Mark("x", "none", colour, _HOLLOW_EDGE, "point outside, reads no cell", ground),
    }


def draw_points(
    panel: Panel,
    points: Sequence[Point],
    size: float,
    scale: tuple[float, float] = (1.0, 1.0),
    *,
    kinds: Mapping[Border, Mark] | None = None,
    gid: str = "points",
) -> None:
    """Draw sample points of any kind; `scale` is cells per data unit along x and y."""
    for border, mark in (kinds or marks(panel.theme)).items():
        some = [p for p in points if p.border == border]
        if some:
            line = mark_line(
                mark, size, [p.x / scale[0] for p in some], [p.y / scale[1] for p in some]
            )
            line.set(gid=f"{gid}-{border}", rasterized=len(some) > _MAX_VECTOR_POINTS)
            panel.axes.add_line(line)


_MAX_VECTOR_POINTS = 4000  # points that an SVG or PDF holds as shapes


def mark_line(mark: Mark, size: float, x: Sequence[float], y: Sequence[float]) -> Line2D:
    """Return marks of one kind at these positions, or none of them: a legend's entry."""
    share, most = mark.edge_width
    edge = min(size * share, most)
    line = Line2D(x, y, linestyle="none", marker=mark.marker, markersize=size, label=mark.meaning)
    line.set(markerfacecolor=mark.face, markeredgecolor=mark.edge, markeredgewidth=edge)
    line.set(zorder=6)
    if mark.ground is not None:
        line.set_path_effects(halo(mark.ground, edge, width=0.6))
    return line


def point_spacing(panel: Panel, trace: Trace, section: Section) -> tuple[float, float]:
    """Return how far apart a section's points are along x and y, in points of the panel."""
    width, height = (
        float(np.diff(np.unique(positions)).min(initial=size)) * panel.scale
        for positions, size in (
            ([p.x for p in section.points], abs(trace.section_width)),
            ([p.y for p in section.points], abs(trace.section_height)),
        )
    )
    return width, height


def mark_size(panel: Panel, trace: Trace, section: Section) -> float:
    """Return how large to draw a section's points so that they keep apart."""
    spacing = min(point_spacing(panel, trace, section))
    return float(np.clip(0.45 * spacing, _MIN_MARK_SIZE, MAX_MARK_SIZE))


def point_entries(theme: Theme, sections: Sequence[Section], *, always: bool) -> list[Artist]:
    """Return legend entries for the kinds of points there are, if not all are plain."""
    kinds = {p.border for s in sections for p in s.points}
    if not always and kinds <= {"inside"}:
        return []
    return [
        mark_line(mark, MAX_MARK_SIZE, [], [])
        for border, mark in marks(theme).items()
        if border in kinds
    ]


RING_WIDTH = 5.0  # points by which a winner's ring is wider than its point


def ring(theme: Theme, size: float, x: Sequence[float], y: Sequence[float]) -> Line2D:
    """Return the rings around winning points of this size, or none: a legend's entry."""
    mark = Mark("o", "none", theme.winner, (1.0, 1.8), "largest value: the section's output")
    line = mark_line(mark, size + RING_WIDTH, x, y)
    line.set(zorder=7, gid="winner")
    return line


def section_entries(theme: Theme, sections: Sequence[Section], *, always: bool) -> list[Artist]:
    """Return legend entries for the sections' points and for the rings around the winners."""
    entries = point_entries(theme, sections, always=always)
    if any(s.winning_point is not None for s in sections):
        entries.append(ring(theme, MAX_MARK_SIZE - 1, [], []))
    return entries


def draw_sections_points(panel: Panel, trace: Trace, sections: Sequence[Section]) -> float:
    """Draw the points of sections with rings around the winners; return the points' size."""
    size = min(mark_size(panel, trace, s) for s in sections)
    draw_points(panel, [p for s in sections for p in s.points], size)
    won = [s.winning_point for s in sections if s.winning_point is not None]
    if won:
        panel.axes.add_line(ring(panel.theme, size, [p.x for p in won], [p.y for p in won]))
    return size
