"""The marks of sample points: their looks, their sizes, and what the legend says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from roialign_cli.show import palette
from roialign_cli.show.drawing import Sheet, casing
from roialign_cli.tracing import Border, Point, Section, Trace

_SMALLEST_MARK, LARGEST_MARK = 1.2, 5.5  # points


@dataclass(frozen=True)
class Mark:
    """How points of one kind are drawn, and what the legend says of them."""

    marker: str
    face: str
    edge: str
    meaning: str


MARKS: dict[Border, Mark] = {
    "inside": Mark("o", palette.POINT, "#FFFFFF", "sample point"),
    "clamped": Mark("s", "#FFFFFF", palette.POINT, "point clamped to the border"),
    "out": Mark("x", "none", palette.POINT, "point outside, reads no cell"),
}


def draw_points(
    sheet: Sheet, points: Sequence[Point], size: float, scale: tuple[float, float] = (1.0, 1.0)
) -> None:
    """Draw sample points of any kind; `scale` is cells per data unit along x and y."""
    for border, mark in MARKS.items():
        some = [p for p in points if p.border == border]
        if some:
            line = mark_line(
                mark, size, [p.x / scale[0] for p in some], [p.y / scale[1] for p in some]
            )
            line.set(gid=f"points-{border}", rasterized=len(some) > _MOST_VECTORS)
            sheet.axes.add_line(line)


_MOST_VECTORS = 4000  # points that an SVG or PDF holds as shapes


def mark_line(mark: Mark, size: float, x: Sequence[float], y: Sequence[float]) -> Line2D:
    """Return marks of one kind at these positions, or none of them: a legend's entry."""
    plain = mark.edge == "#FFFFFF"
    edge = min(size / 8, 0.8) if plain else min(size / 4, 1.3)
    line = Line2D(x, y, linestyle="none", marker=mark.marker, markersize=size, label=mark.meaning)
    line.set(markerfacecolor=mark.face, markeredgecolor=mark.edge, markeredgewidth=edge)
    line.set(zorder=6)
    if mark.face == "none":
        line.set_path_effects(casing(edge, width=0.6))
    return line


def point_spacing(sheet: Sheet, trace: Trace, section: Section) -> tuple[float, float]:
    """Return how far apart a section's points are along x and y, in points of the sheet."""
    width, height = (
        float(np.diff(np.unique(positions)).min(initial=size)) * sheet.scale
        for positions, size in (
            ([p.x for p in section.points], abs(trace.section_width)),
            ([p.y for p in section.points], abs(trace.section_height)),
        )
    )
    return width, height


def mark_size(sheet: Sheet, trace: Trace, section: Section) -> float:
    """Return how large to draw a section's points so that they keep apart."""
    spacing = min(point_spacing(sheet, trace, section))
    return float(np.clip(0.45 * spacing, _SMALLEST_MARK, LARGEST_MARK))


def point_entries(sections: Sequence[Section], *, always: bool) -> list[Artist]:
    """Return legend entries for the kinds of points there are, if not all are plain."""
    kinds = {p.border for s in sections for p in s.points}
    if not always and kinds <= {"inside"}:
        return []
    return [
        mark_line(mark, LARGEST_MARK, [], []) for border, mark in MARKS.items() if border in kinds
    ]


RING = 5.0  # points by which a winner's ring is wider than its point


def ring(size: float, x: Sequence[float], y: Sequence[float]) -> Line2D:
    """Return the rings around winning points of this size, or none: a legend's entry."""
    mark = Mark("o", "none", palette.WINNER, "largest value: the section's output")
    line = mark_line(mark, size + RING, x, y)
    line.set(markeredgewidth=1.8, zorder=7, gid="winner", path_effects=None)
    return line


def section_entries(sections: Sequence[Section], *, always: bool) -> list[Artist]:
    """Return legend entries for the sections' points and for the rings around the winners."""
    entries = point_entries(sections, always=always)
    if any(s.winning_point is not None for s in sections):
        entries.append(ring(LARGEST_MARK - 1, [], []))
    return entries


def draw_sections_points(sheet: Sheet, trace: Trace, sections: Sequence[Section]) -> float:
    """Draw the points of sections with rings around the winners; return the points' size."""
    size = min(mark_size(sheet, trace, s) for s in sections)
    draw_points(sheet, [p for s in sections for p in s.points], size)
    won = [s.winning_point for s in sections if s.winning_point is not None]
    if won:
        sheet.axes.add_line(ring(size, [p.x for p in won], [p.y for p in won]))
    return size
