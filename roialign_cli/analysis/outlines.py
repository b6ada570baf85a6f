"""Record the sections of a trace without the neighbours of their points, in little time."""

from __future__ import annotations

from typing import Any

from roialign_cli.analysis.points import AxisPoint, border_of
from roialign_cli.analysis.sections import Sections


def outlines(sections: Sections, most: int, chosen: tuple[int, int]) -> list[dict[str, Any]]:
    """Return sections as in the JSON of `explain`, without the neighbours of their points.

    Points that are cells of different weights have their weight.

    Parameters
    ----------
    sections
        The sections of one ROI.
    most
        The largest number of points to list. If there are more, only those of the chosen section
        are listed; if that has more, none are.
    chosen
        The section (i, j), from 1.
    """
    n_points = int(sections.in_y.sum() * sections.in_x.sum())
    columns, rows = sections.grid(*chosen)
    listed = {chosen} if columns * rows <= most else set()
    return [
        _outline(sections, i, j, with_points=n_points <= most or (i, j) in listed)
        for j in range(1, sections.plan.y.sections + 1)
        for i in range(1, sections.plan.x.sections + 1)
    ]


def _outline(sections: Sections, i: int, j: int, *, with_points: bool) -> dict[str, Any]:
    x, y = sections.corner(i, j)
    winner = sections.winner(i, j)
    return {
        "section": [i, j],
        "x": x,
        "y": y,
        "points": _points(sections, i, j) if with_points else [],
        "divisor": int(sections.divisor[j - 1, i - 1]),
        "winner": None if winner is None else list(winner),
        "output": float(sections.output[j - 1, i - 1]),
    }


def _points(sections: Sections, i: int, j: int) -> list[dict[str, Any]]:
    columns, rows = sections.along_x[i - 1], sections.along_y[j - 1]
    values = sections.values[j - 1, :, i - 1].tolist()
    taken = sections.contributions[j - 1, :, i - 1].tolist()
    has_weights = sections.x.cell_weight is not None
    return [
        _point((n, m), x, y, values[m - 1][n - 1], taken[m - 1][n - 1])
        | ({"weight": x.cells[0].weight * y.cells[0].weight} if has_weights else {})
        for m, y in enumerate(rows, 1)
        for n, x in enumerate(columns, 1)
    ]


def _point(
    point: tuple[int, int], x: AxisPoint, y: AxisPoint, value: float, taken: float
) -> dict[str, Any]:
    return {
        "point": list(point),
        "x": x.coordinate,
        "y": y.coordinate,
        "border": border_of(x, y),
        "value": value,
        "contribution": taken,
    }
