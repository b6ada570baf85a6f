"""The answers to the page: functions from a session and a state to plain data or bytes."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.outlines import outlines
from roialign_cli.analysis.pitfalls import find_notes
from roialign_cli.analysis.quantisation import (
    Quantisation,
    quantise_one,
    quantised_by_roi_pool,
    with_roi_pool,
)
from roialign_cli.analysis.records import (
    Defaults,
    plain,
    point_record,
    section_record,
    trace_record,
)
from roialign_cli.analysis.rectangle import Rectangle
from roialign_cli.analysis.sections import Point, Sections
from roialign_cli.analysis.trace import Trace, trace_operation
from roialign_cli.core.boxes import Float, Frame
from roialign_cli.core.convention import Convention
from roialign_cli.core.operation import Operation
from roialign_cli.core.pooling import pool
from roialign_cli.core.presets import PRESETS
from roialign_cli.errors import ArgumentError
from roialign_cli.page.edits import edits_answer
from roialign_cli.page.lines import command_lines, remarks
from roialign_cli.page.session import Session
from roialign_cli.page.state import State
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.numbers import photo_channel
from roialign_cli.show.page.page import (
    MAX_PAGE_POINTS,
    explanation_page,
    point_texts,
    section_texts,
)
from roialign_cli.show.view import thinned

MAX_LISTED_POINTS = 2000  # sample points in the answer to a drag
MAX_LISTED_TERMS = 100  # points of a section whose formula names every point
MAX_MAP_SIDE = 1200  # cells of a map that the page draws, along each axis
MAX_IMAGE_PIXELS = 1 << 20  # of a photograph that is sent without loss
MAX_IMAGE_SIDE = 2048  # pixels of a larger photograph


def trace_answer(session: Session, state: State) -> dict[str, Any]:
    """Return the numbers of ROI Align and ROI Pool for the box of a state.

    The keys are those of `explain --format json`; the points lack their neighbours, except for
    the chosen point. `docs/explore.md` describes the other keys.
    """
    one = session.one(state)
    trace = session.trace(state, one)
    sections = sections_of(trace)
    section, point = chosen(trace, state)
    pooled, rounded = _pooled(one)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.subtract(trace.output, pooled)
    listed = outlines(sections, MAX_LISTED_POINTS, section)
    notes = find_notes(one, trace.plan, 0)
    record = trace_record(trace, notes, session.source, rounded, listed)
    record["box"] |= {"corners": one.boxes_xyxy[0].tolist(), "on_map": _edges(trace.box_on_map)}
    record["roi_pool"] |= _roi_pool(rounded, pooled)
    record["convention"] = plain(record["convention"])  # the rest is nearly always finite
    return record | {
        "output_size": list(state.output_size),
        "n_points": trace.n_points,
        "points_listed": sum(len(outline["points"]) for outline in listed),
        "difference": difference.tolist(),
        "largest_difference": _largest(difference),
        "chosen": {
            "section": list(section),
            "point": None if point is None else point_record(point),
        },
    }


def sections_of(trace: Trace) -> Sections:
    """Return the sections of the trace of an operation."""
    assert isinstance(trace.sections, Sections)  # noqa: S101 - for the type checker
    return trace.sections


def chosen(trace: Trace, state: State) -> tuple[tuple[int, int], Point | None]:
    """Return the section (i, j) and the point of a state; no point if the section has none.

    Raises
    ------
    ArgumentError
        If there is no such section or point.
    """
    sections, columns, rows = sections_of(trace), len(trace.output[0]), len(trace.output)
    i, j = state.section or trace.example
    if not (i <= columns and j <= rows):
        known = f"sections run from (1, 1) to ({columns}, {rows})"
        raise ArgumentError("section", f"there is no section ({i}, {j}); {known}")
    point = sections.point((i, j), state.point or sections.winner(i, j) or (1, 1))
    if point is None and state.point is not None:
        columns, rows = sections.grid(i, j)
        known = "the section has no sample points"
        if columns and rows:
            known = f"points run from (1, 1) to ({columns}, {rows})"
        raise ArgumentError("point", f"there is no point {state.point}; {known}")
    return (i, j), point


def _pooled(one: Operation) -> tuple[Float, Quantisation]:
    """Return the output of ROI Pool for the only box, (rows, columns), and the rounded box."""
    pooling = with_roi_pool(one)
    plan = pooling.plan()
    pooled: Float = pool(pooling.features, plan, pooling.batch_index)[0, 0].astype(np.float64)
    return pooled, quantise_one(pooling, plan)


def _largest(difference: Float) -> float:
    finite = np.abs(difference[np.isfinite(difference)])
    return float(finite.max(initial=0.0))


def _edges(rectangle: Rectangle) -> dict[str, float]:
    return {name: getattr(rectangle, name) for name in ("left", "top", "right", "bottom")}


def _roi_pool(rounded: Quantisation, pooled: Float) -> dict[str, Any]:
    names = ("left", "right", "top", "bottom")
    sides = zip(names, rounded.sides, strict=True)
    return {
        "x": rounded.rounded.x,
        "y": rounded.rounded.y,
        "gained": {
            name: {"cells": side.gained, "pixels": side.gained_pixels} for name, side in sides
        },
        "columns": [_span(rounded.frame, cells, along_x=True) for cells in rounded.columns],
        "rows": [_span(rounded.frame, cells, along_x=False) for cells in rounded.rows],
        "output": pooled.tolist(),
    }


def _span(frame: Frame, cells: range, *, along_x: bool) -> list[float] | None:
    """Return where cells begin and end, in the frame; None for no cells."""
    if not cells:
        return None
    at = frame.x if along_x else frame.y
    return [at(cells.start - 0.5), at(cells.stop - 0.5)]


def point_answer(session: Session, state: State) -> dict[str, Any]:
    """Return the chosen section and point with all their numbers, and their texts.

    Raises
    ------
    ArgumentError
        If the section has too many points.
    """
    one = session.one(state)
    trace = session.trace(state, one)
    at, point = chosen(trace, state)
    columns, rows = sections_of(trace).grid(*at)
    if columns * rows > MAX_PAGE_POINTS:
        problem = f"section {at} has {columns * rows} points, too many to explain"
        raise ArgumentError("point", f"{problem}; use fewer points or a smaller box")
    section = trace.section(*at)
    short = columns * rows <= MAX_LISTED_TERMS
    explanation = _explanation(session, one, trace, all_points=short)
    texts = None if point is None else point_texts(explanation, section, point)
    return {
        "section": section_record(section),
        "point": None if point is None else point_record(point),
        "texts": {"section": section_texts(explanation, section), "point": texts},
    }


def _explanation(
    session: Session,
    one: Operation,
    trace: Trace,
    **choices: Any,  # noqa: ANN401
) -> Explanation:
    """Return the explanation of a trace; `choices` are other fields of it."""
    exact = None
    if trace.convention.coordinate_decimals is not None:
        unrounded = replace(trace.convention, coordinate_decimals=None)
        exact = trace_operation(replace(one, convention=unrounded))
    return Explanation(
        trace,
        exact,
        session.title,
        scale_source=session.source,
        defaults=_defaults(session, trace.convention),
        **choices,
    )


def _defaults(session: Session, convention: Convention) -> Defaults:
    """Return what is left to the preset by the command that makes the same page."""
    own = PRESETS[convention.name].convention
    reading = (convention.box_format, convention.origin) == (own.box_format, own.origin)
    return replace(session.defaults, preset_of=None, output_size=False, reading=reading)


def map_answer(session: Session, state: State) -> dict[str, Any]:
    """Return the values of the chosen channel of the map; of a large map, evenly spaced ones.

    `data` is float32 in little-endian byte order, row by row from the top, in base64.
    """
    cells = session.channel_map(state.batch_index, state.channel)[0, 0]
    with np.errstate(over="ignore", invalid="ignore"):
        values = thinned(cells, MAX_MAP_SIDE).astype("<f4")
    finite = values[np.isfinite(values)]
    return {
        "batch_index": state.batch_index,
        "channel": state.channel,
        "rows": values.shape[0],
        "columns": values.shape[1],
        "min": float(finite.min()) if finite.size else None,
        "max": float(finite.max()) if finite.size else None,
        "edits": edits_answer(session, state),
        "data": base64.b64encode(values.tobytes()).decode("ascii"),
    }


def commands_answer(session: Session, state: State) -> dict[str, Any]:
    """Return the command lines that compute, explain and draw the same."""
    one = session.one(state)
    trace = session.trace(state, one)
    section, _ = chosen(trace, state)
    lines = command_lines(session, state, one.convention, section)
    return lines | remarks(session, state)


def picture_answer(session: Session, state: State) -> bytes:
    """Return the picture that `plot` draws of all steps, a PNG."""
    from roialign_cli.show.figures.saving import save_figure  # noqa: PLC0415 - slow to import
    from roialign_cli.show.figures.steps import steps_sheet  # noqa: PLC0415
    from roialign_cli.show.figures.style import FigureStyle  # noqa: PLC0415

    trace = session.trace(state, session.one(state))
    section, point = chosen(trace, state)
    sheet = steps_sheet(
        trace,
        session.image,
        stride=session.stride or 1,
        source=session.source,
        section=section if state.section or state.point else None,
        point=point.point if point is not None and state.point else None,
        style=FigureStyle(photo_channel=photo_channel(session.image, state.channel)),
    )
    file = io.BytesIO()
    save_figure(sheet.figure, file, "png")
    return file.getvalue()


def page_answer(session: Session, state: State) -> bytes:
    """Return the page that `explain` writes; if all points are too many, of the chosen section."""
    one = session.one(state)
    trace = session.trace(state, one)
    section, _ = chosen(trace, state)
    explanation = _explanation(
        session,
        one,
        trace,
        section=section if trace.n_points > MAX_PAGE_POINTS else None,
        rounded=quantised_by_roi_pool(one, 0),
    )
    return explanation_page(explanation, find_notes(one, trace.plan, 0)).encode()


def photograph(image: NDArray[np.uint8]) -> tuple[bytes, str]:
    """Return a photograph as the bytes of a file for the browser, and their media type."""
    from PIL import Image  # noqa: PLC0415 - few sessions need it

    picture = Image.fromarray(image)
    file = io.BytesIO()
    if picture.width * picture.height <= MAX_IMAGE_PIXELS:
        picture.save(file, "PNG", compress_level=2)
        return file.getvalue(), "image/png"
    picture.thumbnail((MAX_IMAGE_SIDE, MAX_IMAGE_SIDE))
    picture.save(file, "JPEG", quality=90)
    return file.getvalue(), "image/jpeg"
