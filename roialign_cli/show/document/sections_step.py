"""Explain step 2: where the sections of an ROI lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from roialign_cli.analysis.quantisation import quantise
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.convention import Convention
from roialign_cli.core.point_rules import clipped_sections
from roialign_cli.show.document.blocks import Grid, Paragraph
from roialign_cli.show.numbers import format_number, format_point

MAX_SECTION_ROWS = 10
SHOWN_SECTION_ROWS = 3  # if there are more than `MAX_SECTION_ROWS`


def listed_sections(
    trace: Trace, selected: tuple[int, int] | None, *, all_sections: bool
) -> list[tuple[int, int]]:
    """Return the sections (i, j) to list: all, the selected one, or the first ones of many."""
    if selected is not None and not all_sections:
        return [selected]
    rows, columns = len(trace.output), len(trace.output[0])
    total = rows * columns
    shown = total if all_sections or total <= MAX_SECTION_ROWS else SHOWN_SECTION_ROWS
    return [(index % columns + 1, index // columns + 1) for index in range(shown)]


def sections_grid(trace: Trace, places: Sequence[tuple[int, int]]) -> Grid:
    """Return a table of some sections (i, j): their corners and what is special about them."""
    titles: tuple[str, ...] = ("section (i, j)", "top-left", "bottom-right")
    rows = [(format_point(*place), *_corners(trace, *place)) for place in places]
    for more_titles, cells_of in _more_columns(trace.convention):
        titles = (*titles, *more_titles)
        rows = [(*row, *cells) for row, cells in zip(rows, cells_of(trace, places), strict=True)]
    total = len(trace.output) * len(trace.output[0])
    if len(places) < total:
        rest = f"and {total - len(places)} more: --all-points"
        rows.append((rest, *("" for _ in titles[1:])))
    return Grid(titles, tuple(rows))


Places = Sequence[tuple[int, int]]
_CellsOf = Callable[[Trace, Places], Iterator[tuple[str, ...]]]


def _more_columns(convention: Convention) -> Iterator[tuple[tuple[str, ...], _CellsOf]]:
    """Yield the titles of columns that a convention needs, and the function of their cells."""
    if convention.points == "cells":
        yield ("columns pooled", "rows pooled"), _pooled
    if convention.points == "centred" and convention.clip_sections:
        yield ("cut along x", "cut along y"), _clipped
    if convention.channel_map == "position-sensitive":
        yield ("channel",), _channels


def _corners(trace: Trace, i: int, j: int) -> tuple[str, ...]:
    x, y = trace.corner(i, j)
    far_y = y + trace.frame.y_sign * trace.section_height
    return format_point(x, y), format_point(x + trace.section_width, far_y)


def _channels(trace: Trace, places: Places) -> Iterator[tuple[str]]:
    yield from ((str(trace.channel_read(i, j)),) for i, j in places)


def _clipped(trace: Trace, places: Places) -> Iterator[tuple[str, str]]:
    """Yield where each section begins and ends after it is cut to the map."""
    (left, right), (top, bottom) = (
        (first[0].tolist(), last[0].tolist())
        for first, last in map(clipped_sections, (trace.plan.x, trace.plan.y))
    )
    x, y = trace.frame.x, trace.frame.y
    for i, j in places:
        yield (
            _interval(x(left[i - 1]), x(right[i - 1])),
            _interval(y(top[j - 1]), y(bottom[j - 1])),
        )


def _interval(first: float, last: float) -> str:
    return "none" if first == last else f"{format_number(first)} to {format_number(last)}"


def _pooled(trace: Trace, places: Places) -> Iterator[tuple[str, str]]:
    rounded = quantise(trace)
    for i, j in places:
        yield _indices(rounded.columns[i - 1]), _indices(rounded.rows[j - 1])


def _indices(cells: range) -> str:
    """Return the first and the last index of some cells."""
    if not cells:
        return "none"
    return str(cells[0]) if len(cells) == 1 else f"{cells[0]}–{cells[-1]}"


def section_place(section: Section) -> Paragraph:
    """Return what the numbers of a section mean, for an explanation without a list of symbols."""
    (i, j), name = section.section, format_point(*section.section)
    return Paragraph(
        f"Section {name} is number {i} from the left and number {j} from the top. --intro explains "
        "the symbols."
    )


def section_name(trace: Trace, section: Section) -> str:
    """Return the name of a section, and the channel that it reads if each reads its own."""
    channel = trace.channel_read(*section.section)
    reads = "" if channel is None else f", which reads channel {channel}"
    return f"Section {format_point(*section.section)}{reads}"
