"""Arrange two pictures of a map, their outputs, and the difference of the outputs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.artist import Artist

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.output import draw_output
from roialign_cli.show.figures.page import Panel, new_page
from roialign_cli.show.figures.panels import PanelSpec
from roialign_cli.show.figures.shades import difference_shades, value_shades
from roialign_cli.show.figures.style import FigureStyle


def two_map_panels(
    rows: Sequence[Sequence[PanelSpec]],
    style: FigureStyle,
    trace: Trace,
    outputs: tuple[Float, Float, Float],
    *,
    title: str,
    subtitle: Sequence[str],
    legend: Sequence[Artist],
    chosen: tuple[int, int] | None = None,
) -> tuple[Panel, Panel]:
    """Return the panels of both pictures on a new page whose outputs are drawn.

    Parameters
    ----------
    rows
        The panels of both pictures and the three outputs, in two rows.
    style
        The style of the figure.
    trace
        A trace on the map, which decides the shades of its cells.
    outputs
        (rows, columns) of sections each: both outputs and their difference.
    title, subtitle, legend
        As in `new_page`.
    chosen
        (i, j), from 1: the section to mark in the outputs; None for no mark.
    """
    specs = [spec for row in rows for spec in row]
    one, two, change = outputs
    shades, bar = value_shades(style, trace, one, two), difference_shades(style, change)
    first, second, *others = new_page(
        [rows, [specs], [[specs[0]], [specs[1]], specs[2:]], [[spec] for spec in specs]],
        style,
        title=title,
        subtitle=subtitle,
        shades=shades,
        bars=[shades, bar],
        legend=legend,
    )
    for panel, output, used in zip(others, outputs, (shades, shades, bar), strict=True):
        draw_output(panel, output, chosen, used)
    return first, second
