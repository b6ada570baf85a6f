"""Say where the points of sections lie, without a record of each point."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from roialign_cli.analysis.points import Border, border_of
from roialign_cli.analysis.sections import Section, Sections
from roialign_cli.core.boxes import Float


def positions(sections: Sequence[Section]) -> dict[Border, Float]:
    """Return where the points of some sections lie: x and y, (n, 2), for each border they have.

    All sections of an ROI need no records of their points for this.
    """
    found: dict[Border, list[tuple[float, float]]] = {}
    if isinstance(sections, Sections):
        xs = [point for column in sections.along_x for point in column]
        for y in (point for row in sections.along_y for point in row):
            for x in xs:
                found.setdefault(border_of(x, y), []).append((x.coordinate, y.coordinate))
    else:
        for point in (point for section in sections for point in section.points):
            found.setdefault(point.border, []).append((point.x, point.y))
    return {border: np.array(places) for border, places in found.items()}


def winning_positions(sections: Sequence[Section]) -> Float:
    """Return where the winners of some sections lie: x and y, (n, 2)."""
    if not isinstance(sections, Sections):
        winners = (section.winning_point for section in sections)
        return np.array([(p.x, p.y) for p in winners if p is not None]).reshape(-1, 2)
    places = []
    for (i, column), (j, row) in product(
        enumerate(sections.along_x, 1), enumerate(sections.along_y, 1)
    ):
        winner = sections.winner(i, j)
        if winner is not None:
            n, m = winner
            places.append((column[n - 1].coordinate, row[m - 1].coordinate))
    return np.array(places).reshape(-1, 2)
