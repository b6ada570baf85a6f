"""The answer to a sample point that the user has moved: its cells, its weights and its value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.records import point_record
from roialign_cli.analysis.sections import point_at
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.page.session import Session
from roialign_cli.page.state import State
from roialign_cli.page.texts import value_texts
from roialign_cli.page.traced import chosen
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.numbers import format_number, format_point


def value_answer(session: Session, state: State) -> dict[str, Any]:
    """Return the chosen point at the position of the state, with its texts.

    The rules of the preset apply to the point, but no output uses it.

    Raises
    ------
    ArgumentError
        If the section has no sample points, or its points are cells, which cannot be moved.
    """
    trace = session.trace(state)
    section, own = chosen(trace, state.section, state.point)
    if own is None:
        problem = "the section has no sample points; choose another section or a larger box"
        raise ArgumentError("point", problem)
    point = own if state.position is None else _moved(trace, section, own, state.position)
    texts = value_texts(Explanation(trace, session.title), point)
    if state.position is not None:
        texts |= {
            "title": f"Point {format_point(*own.point)}, moved to {format_point(point.x, point.y)} "
            f"= {format_number(point.value)}"
        }
    return {
        "section": list(section),
        "own": {"x": own.x, "y": own.y},
        "point": point_record(point),
        "texts": {"point": texts},
    }


def _moved(
    trace: Trace, section: tuple[int, int], own: Point, position: tuple[float, float]
) -> Point:
    if trace.convention.reads_cells:
        problem = f"the points of {trace.convention.name} are cells; choose another preset"
        raise ArgumentError("position", problem)
    cells = trace.map_of(*section)
    with np.errstate(invalid="ignore", over="ignore"):
        return replace(point_at(trace.plan, cells, *position), point=own.point)
