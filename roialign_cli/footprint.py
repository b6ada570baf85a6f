"""How much each cell of the map counts in an output: the operator's gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from roialign_cli.boxes import Float
from roialign_cli.tracing import Neighbour, Section, Trace


def footprint(trace: Trace, sections: Sequence[Section] | None = None) -> Float:
    """Return how much every cell counts in the sum of some sections' outputs.

    Parameters
    ----------
    trace
        One ROI and channel.
    sections
        Some of its sections, all if None.

    Returns
    -------
    (H, W), float64: the derivative of the outputs' sum by each cell. For "avg" these are the exact
    weights; for "max" the weights of the cells behind the winners, at whose values the derivative
    is taken.

    Examples
    --------
    >>> from roialign_cli.tracing import trace
    >>> traced = trace(np.eye(3), [[0, 0, 2, 1]], 1, convention="torchvision-aligned")
    >>> footprint(traced)
    array([[0.5, 0.5, 0. ],
           [0. , 0. , 0. ],
           [0. , 0. , 0. ]])
    """
    weights = np.zeros(trace.map_size)
    for section in trace.sections if sections is None else sections:
        average = trace.convention.pooling == "avg"
        share = 1 / max(len(section.points), 1) if average else 1.0
        for neighbour in _counting(trace, section):
            weights[neighbour.row, neighbour.column] += share * neighbour.weight
    return weights


def _counting(trace: Trace, section: Section) -> list[Neighbour]:
    """Return the neighbours that the section's output is made of, some of them several times."""
    if trace.convention.pooling == "avg":
        return [n for point in section.points for n in point.neighbours]
    winner = section.winning_point
    if winner is None:
        return []
    if trace.convention.max_of == "weighted-cell":
        return [max(winner.neighbours, key=lambda n: n.weight * n.value)]
    return list(winner.neighbours)
