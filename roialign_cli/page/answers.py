"""The answers to the page: functions from a session and a state to plain data or bytes."""

from __future__ import annotations

import io
from typing import Any

from roialign_cli.analysis.pitfalls import find_notes
from roialign_cli.analysis.quantisation import quantised_by_roi_pool
from roialign_cli.analysis.records import point_record, section_record
from roialign_cli.analysis.trace import Trace, trace_operation
from roialign_cli.errors import ArgumentError
from roialign_cli.page.edits import edits_answer
from roialign_cli.page.lines import command_lines, remarks
from roialign_cli.page.other import other_operation, other_trace
from roialign_cli.page.pictures import MAX_MAP_SIDE, map_record
from roialign_cli.page.pyramid import level_answer
from roialign_cli.page.saved import MAX_PAGE_POINTS, saved_page
from roialign_cli.page.session import Session
from roialign_cli.page.state import State
from roialign_cli.page.texts import point_texts, section_texts
from roialign_cli.page.traced import channel_drawn, chosen, sections_of, traced_record
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.numbers import photo_channel

MAX_LISTED_POINTS = 2000  # sample points in the answer to a drag
MAX_LISTED_TERMS = 100  # points of a section whose formula names every point


def trace_answer(session: Session, state: State) -> dict[str, Any]:
    """Return the numbers of ROI Align, ROI Pool and the second preset for the box of a state."""
    trace = session.trace(state)
    section, point = chosen(trace, state.section, state.point)
    record = traced_record(
        trace,
        section,
        point,
        most=MAX_LISTED_POINTS,
        notes=find_notes(trace.operation, trace.plan, 0),
        source=session.source,
        other=other_trace(session, state, trace.operation),
    )
    return record | level_answer(session)


def point_answer(session: Session, state: State) -> dict[str, Any]:
    """Return the chosen section and point with all their numbers, and their texts.

    Raises
    ------
    ArgumentError
        If the section has too many points.
    """
    trace = session.trace(state)
    at, point = chosen(trace, state.section, state.point)
    columns, rows = sections_of(trace).grid(*at)
    if columns * rows > MAX_PAGE_POINTS:
        problem = f"section {at} has {columns * rows} points, too many to explain"
        raise ArgumentError("point", f"{problem}; use fewer points or a smaller box")
    section = trace.section(*at)
    short = columns * rows <= MAX_LISTED_TERMS
    explanation = _explanation(session, trace, all_points=short)
    texts = None if point is None else point_texts(explanation, section, point)
    return {
        "section": section_record(section),
        "point": None if point is None else point_record(point),
        "texts": {"section": section_texts(explanation, section), "point": texts},
    }


def _explanation(
    session: Session,
    trace: Trace,
    **choices: Any,  # noqa: ANN401
) -> Explanation:
    """Return the explanation of a trace; `choices` are other fields of it."""
    return Explanation(
        trace,
        session.title,
        scale_source=session.source,
        defaults=session.defaults_of(trace.convention),
        **choices,
    )


def map_answer(session: Session, state: State) -> dict[str, Any]:
    """Return the values of the map that the chosen section reads."""
    trace = session.trace(state)
    section, _ = chosen(trace, state.section, None)
    channel = channel_drawn(trace, section)
    record = map_record(trace.map_of(*section), state.batch_index, channel, MAX_MAP_SIDE)
    return record | {"edits": edits_answer(session, state, channel)}


def commands_answer(session: Session, state: State) -> dict[str, Any]:
    """Return the command lines that compute, explain and draw the same."""
    trace = session.trace(state)
    section, _ = chosen(trace, state.section, state.point)
    other = other_operation(session, state, trace.operation)
    lines = command_lines(
        session, state, trace.convention, section, None if other is None else other.convention
    )
    return lines | remarks(session, state)


def picture_answer(session: Session, state: State) -> bytes:
    """Return the picture that `plot` draws of all steps, a PNG."""
    from roialign_cli.show.figures.saving import save_figure  # noqa: PLC0415 - slow to import
    from roialign_cli.show.figures.steps import steps_sheet  # noqa: PLC0415
    from roialign_cli.show.figures.style import FigureStyle  # noqa: PLC0415

    trace = session.trace(state)
    section, point = chosen(trace, state.section, state.point)
    sheet = steps_sheet(
        trace,
        session.image,
        stride=session.stride or 1,
        source=session.source,
        section=section if state.section or state.point else None,
        point=point.point if point is not None and state.point else None,
        style=FigureStyle(
            photo_channel=photo_channel(session.image, state.channel),
            level="" if session.pyramid is None else f"level {session.pyramid.level}",
        ),
    )
    file = io.BytesIO()
    save_figure(sheet.figure, file, "png")
    return file.getvalue()


def page_answer(session: Session, state: State) -> bytes:
    """Return the page that `explain` writes of the box."""
    only = session.only(state)
    trace = trace_operation(only.operation, 0, state.channel)
    explanation = _explanation(
        only,
        trace,
        section=state.section,
        point=state.point,
        rounded=quantised_by_roi_pool(trace.operation, 0),
    )
    notes = find_notes(trace.operation, trace.plan, 0)
    return saved_page(only, explanation, notes).encode()
