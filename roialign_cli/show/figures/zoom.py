"""Zoom lines: what part of one panel the next one shows."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from roialign_cli.show.figures.drawing import draw_outline, set_tab
from roialign_cli.show.figures.geometry import Sides
from roialign_cli.show.figures.page import Panel
from roialign_cli.show.figures.style import page_size


def draw_zoom(
    source: Panel, target: Panel, point: tuple[float, float] | None = None
) -> list[Artist]:
    """Outline on one panel what another one shows; join both if they are side by side.

    For a point that the other panel shows close up, the lines start at the point.
    """
    colour, view = source.theme.faint, target.view
    sides = Sides(view.left, view.right, view.top, view.low + view.high - view.top)
    if point is None:
        draw_outline(source, sides, colour, 0.8, zorder=4.8, linestyle=(0, (3, 2)))
    else:
        sides = Sides(point[0], point[0], point[1], point[1])
    artists: list[Artist] = []
    for label in target.axes.get_yticklabels():
        set_tab(label, source.theme.ground)
    ours, others = source.axes.get_position(), target.axes.get_position()
    if others.x0 < ours.x1 or others.y1 < ours.y0 or others.y0 > ours.y1:
        return artists
    width, height = page_size(source.figure)
    corners = source.points([(sides.right, sides.top), (sides.right, sides.bottom)])
    inside = np.clip(corners / (width, height), (ours.x0, ours.y0), (ours.x1, ours.y1))
    for (x, y), end in zip(inside.tolist(), (others.y1, others.y0), strict=True):
        # Under the labels on the panel, and between the panels.
        for parent, zorder in ((source.axes, 4.8), (source.figure, -1)):
            line = Line2D([x, others.x0], [y, end], color=colour)
            line.set(linewidth=0.7, linestyle=(0, (3, 2)), zorder=zorder, gid="guide")
            line.set_transform(source.figure.transFigure)
            parent.add_artist(line)
            artists.append(line)
    return artists
