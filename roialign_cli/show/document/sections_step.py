"""Explain step 2: where the sections of an ROI lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from roialign_cli.analysis.quantisation import quantise
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.document.blocks import Grid
from roialign_cli.show.numbers import format_point


def sections_grid(trace: Trace, places: Sequence[tuple[int, int]]) -> Grid:
    """Return a table of some sections (i, j): their corners and, for ROI Pool, their cells."""
    titles: tuple[str, ...] = ("section (i, j)", "top-left", "bottom-right")
    rows = [(format_point(*place), *_corners(trace, *place)) for place in places]
    if trace.convention.points == "cells":
        titles = (*titles, "columns pooled", "rows pooled")
        rows = [(*row, *cells) for row, cells in zip(rows, _pooled(trace, places), strict=True)]
    total = len(trace.output) * len(trace.output[0])
    if len(places) < total:
        rest = f"and {total - len(places)} more: --all-points"
        rows.append((rest, *("" for _ in titles[1:])))
    return Grid(titles, tuple(rows))


def _corners(trace: Trace, i: int, j: int) -> tuple[str, ...]:
    x, y = trace.corner(i, j)
    far_y = y + trace.frame.y_sign * trace.section_height
    return format_point(x, y), format_point(x + trace.section_width, far_y)


def _pooled(trace: Trace, places: Sequence[tuple[int, int]]) -> Iterator[tuple[str, str]]:
    rounded = quantise(trace)
    for i, j in places:
        yield _indices(rounded.columns[i - 1]), _indices(rounded.rows[j - 1])


def _indices(cells: range) -> str:
    """Return the first and the last index of some cells."""
    if not cells:
        return "none"
    return str(cells[0]) if len(cells) == 1 else f"{cells[0]}–{cells[-1]}"
