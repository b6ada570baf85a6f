"""The cells of a section that has no sample points, with the weight of each in the output.

Such a section is an integral of the bilinear surface: a weighted sum of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from roialign_cli.analysis.footprint import footprint
from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.drawing import draw_outline, outside_entries
from roialign_cli.show.figures.geometry import Line, Sides, roi_sides, section_sides, section_view
from roialign_cli.show.figures.labels import Label, LabelPlacer, TextStyle
from roialign_cli.show.figures.map_area import draw_map, draw_roi, map_panel, write_values
from roialign_cli.show.figures.marks import roi_entries
from roialign_cli.show.figures.page import Panel, new_page
from roialign_cli.show.figures.panels import MIN_TEXT_SIZE
from roialign_cli.show.figures.phrases import Phrase
from roialign_cli.show.figures.roi_labels import write_numbers
from roialign_cli.show.figures.shades import Shades, value_shades, weight_shades
from roialign_cli.show.figures.style import FigureStyle, figure_settings
from roialign_cli.show.figures.wording import (
    as_factor,
    format_alike,
    format_decimals,
    format_significant,
    grid_words,
    map_parts,
    operator_parts,
)
from roialign_cli.show.palette import Theme, ink

_MAX_TERMS = 8  # of a weighted sum
_TEXT_SIZES = 8.0, MIN_TEXT_SIZE
_MARGIN = 2.0  # points between a text and the edge of its cell


def weights_figure(
    trace: Trace, section: tuple[int, int], point: tuple[int, int] | None, style: FigureStyle
) -> Figure:
    """Draw the cells that a section reads, with their values and weights, and the weighted sum.

    Parameters
    ----------
    trace
        A trace whose sections are weighted sums of cells.
    section
        (i, j), from 1.
    point
        (n, m), from 1: the cell to outline; None for no cell.
    style
        The style of the figure.

    Raises
    ------
    ArgumentError
        If the section reads no cells, or has no such cell.
    """
    chosen = trace.section(*section)
    if not chosen.points:
        problem = f"section {section} reads no cells; choose another section"
        raise ArgumentError("section", problem)
    cell = None if point is None else trace.select(section, point)[0].points[0]
    view = section_view(trace, section)
    with figure_settings(style.theme):
        shades = value_shades(style, trace), section_shades(style, trace, chosen)
        heading = grid_words(trace, chosen) if cell is None else _cell_words(cell)
        panel = new_page(
            [[[map_panel(trace, view, style, heading, weights_story(chosen))]]],
            style,
            title=f"The weights of the cells of section {section}",
            subtitle=[*operator_parts(trace), *map_parts(trace, style, section)],
            shades=shades[0],
            bars=shades,
            legend=[
                *roi_entries(style.theme, trace),
                weights_entry(style.theme),
                *outside_entries(style.theme, trace, view),
            ],
        )[0]
        draw_map(panel, trace)
        draw_weights(panel, chosen, shades[1])
        draw_roi(panel, trace, chosen)
        if cell is not None:
            outline_cell(panel, cell)
        write_numbers(panel, trace, section)
        placer = LabelPlacer(panel)
        write_weights(placer, trace, chosen, shades[1])
        write_values(
            placer, trace, [section_sides(trace, section)], hidden=read_cells(trace, chosen)
        )
    return panel.figure


def _cell_words(cell: Point) -> str:
    position = ", ".join(format_decimals(at, 4) for at in (cell.x, cell.y))
    return f"Cell {cell.point} at ({position}): {_term(cell)} = {format_significant(cell.value)}"


def weights_story(section: Section) -> tuple[list[Phrase], ...]:
    """Return the output of a section as a weighted sum, the largest weights first."""
    cells = sorted(section.points, key=lambda cell: -_weight(cell))
    terms = [_term(cell) for cell in cells[:_MAX_TERMS]]
    if len(cells) > _MAX_TERMS:
        terms.append(f"{len(cells) - _MAX_TERMS} terms with smaller weights")
    phrases = [Phrase(term if not number else f"+ {term}") for number, term in enumerate(terms)]
    total = format_decimals(sum(map(_weight, cells)), 4)
    return (
        [*phrases, Phrase(f"= {format_significant(section.output)}")],
        [Phrase(f"the weights add up to {total}")],
    )


def _weight(cell: Point) -> float:
    return sum(neighbour.weight for neighbour in cell.neighbours)


def _term(cell: Point) -> str:
    return f"{format_decimals(_weight(cell), 4)}·{as_factor(cell.neighbours[0].value)}"


def read_cells(trace: Trace, section: Section) -> NDArray[np.bool_]:
    """Return which cells of the map a section reads, (H, W), bool."""
    cells = np.zeros(trace.map_size, np.bool_)
    for point in section.points:
        cells[point.neighbours[0].row, point.neighbours[0].column] = True
    return cells


def section_shades(style: FigureStyle, trace: Trace, section: Section) -> Shades:
    """Return the shades of the weights in a section, which differ from those of the values."""
    return weight_shades(replace(style, colormap=None), footprint(trace, [section]))


def weights_entry(theme: Theme) -> Artist:
    """Return the legend entry of the cells that a section reads."""
    return Patch(facecolor=theme.weight, label="cell of the section, with its weight")


def draw_weights(panel: Panel, section: Section, shades: Shades) -> None:
    """Shade the cells that a section reads by their weights in its output."""
    for point in section.points:
        colour = shades.colour(_weight(point))
        patch = _sides(point).patch(facecolor=colour, edgecolor=panel.theme.grid, linewidth=0.6)
        patch.set(zorder=2.1, gid="weight")
        panel.axes.add_patch(patch)


def outline_cell(panel: Panel, cell: Point) -> None:
    """Outline one of the cells that a section reads."""
    draw_outline(panel, _sides(cell), panel.theme.neighbour, 1.8, zorder=4.5, gid="neighbour")


def _sides(cell: Point) -> Sides:
    return Sides(cell.x - 0.5, cell.x + 0.5, cell.y - 0.5, cell.y + 0.5)


def write_weights(
    placer: LabelPlacer, trace: Trace, section: Section, shades: Shades, *, values: bool = True
) -> None:
    """Write the values and the weights in the cells of a section, or the weights, if they fit.

    Parameters
    ----------
    placer
        The labels of the panel.
    trace, section
        A section that is a weighted sum of cells.
    shades
        The shades of the weights.
    values
        Whether to write the values.
    """
    points = section.points
    if placer.panel.style.values == "never" or not points:
        return
    weights = format_alike(np.array([_weight(point) for point in points]))
    numbers = format_alike(np.array([point.neighbours[0].value for point in points]))
    products = [f"{number}\n× {weight}" for number, weight in zip(numbers, weights, strict=True)]
    room = placer.panel.scale - 2 * _MARGIN
    for strings in (products, weights) if values else (weights,):
        for size in _TEXT_SIZES:
            sizes = [placer.size(string, TextStyle(size, "ink")) for string in strings]
            if max(max(pair) for pair in sizes) <= room:
                rows, columns = len(trace.output), len(trace.output[0])
                edges = roi_sides(trace).grid(columns, rows)
                _write(placer, points, strings, size, shades, edges)
                return


def _write(
    placer: LabelPlacer,
    points: Sequence[Point],
    strings: Sequence[str],
    size: float,
    shades: Shades,
    edges: Sequence[Line],
) -> None:
    """Write a text in each cell, off the marks and if possible off the edges of sections."""
    horizontal = [line for line in edges if line[0][1] == line[1][1]]
    for point, string in zip(points, strings, strict=True):
        ground = shades.colour(_weight(point))
        label = Label(string, (point.x, point.y), TextStyle(size, ink(ground), halo=ground))
        right, up = (
            (placer.panel.scale - extent - _MARGIN) / 2
            for extent in placer.size(string, label.style)
        )
        places = [label.moved(x * right, y * up) for x, y in product((0, 1, -1), repeat=2)]
        # A line through a number is worse than one between its digits.
        costs = 2 * placer.crosses_line(places, horizontal) + placer.crosses_line(places, edges)
        ranked = np.argsort(costs, kind="stable").tolist()
        placer.write_first_that_fits([[places[number]] for number in ranked])
