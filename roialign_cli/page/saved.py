"""Write the page as one file that needs no server: its numbers are computed beforehand."""

from __future__ import annotations

import base64
import gzip
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.pitfalls import Note, find_notes
from roialign_cli.analysis.quantisation import quantised_by_roi_pool
from roialign_cli.analysis.records import point_record, to_json
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace, trace_operation
from roialign_cli.core.channels import channels_read, maps_per_channel
from roialign_cli.core.convention import Summary
from roialign_cli.core.operation import Operation
from roialign_cli.errors import ArgumentError
from roialign_cli.page.assets import page_in_one_file
from roialign_cli.page.pictures import map_record, photograph
from roialign_cli.page.pyramid import level_answer, level_blocks
from roialign_cli.page.session import Session
from roialign_cli.page.state import MAX_PAGE_SECTIONS, State
from roialign_cli.page.texts import point_texts, section_texts
from roialign_cli.page.traced import channel_drawn, chosen, traced_record
from roialign_cli.show.document.blocks import Block, Heading
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.document.html import to_html
from roialign_cli.show.numbers import format_point

MAX_PAGE_POINTS = 5000  # sample points of the first ROI
MAX_EXPORTED = 1000  # sections and sample points of all ROIs and channels, if there are several
_MAX_MAP_SIDE = 400  # cells
_MAX_MAP_VALUES = 1_000_000  # of all channels
_MAX_LOSSLESS_PIXELS = 1 << 16  # of a photograph
_MAX_IMAGE_SIDE = 1024  # pixels


def saved_page(session: Session, explanation: Explanation, notes: Sequence[Note] = ()) -> str:
    """Return an explanation as an HTML page.

    The page also has other ROIs and channels of the call, unless there are too many.

    Parameters
    ----------
    session
        The call on all boxes and channels, its names and the photograph.
    explanation
        The explanation of the ROI and channel that the page begins with.
    notes
        The warnings about its box.

    Raises
    ------
    ArgumentError
        If there are too many sections for a page, or one section has too many points.
    """
    operation = session.operation
    if len(explanation.trace.sections) > MAX_PAGE_SECTIONS:
        problem = f"{len(explanation.trace.sections)} sections are too many for a page; take fewer"
        raise ArgumentError("output_size", problem)
    first, remark = _first_entry(session, explanation, notes)
    rois, channels = _rois_and_channels(session, explanation)
    others = (
        _other_entry(session, explanation, roi, channel)
        for roi in rois
        for channel in channels
        if (roi, channel) != (explanation.trace.roi, explanation.trace.channel)
    )
    maps = list(_maps(operation, explanation.trace, channels))
    answers = {"entries": [first, *others], "maps": maps}
    return page_in_one_file(
        title=session.title,
        session=_session_record(session, explanation, rois, channels),
        answers=base64.b64encode(gzip.compress(to_json(answers, indent=None).encode(), mtime=0)),
        remarks=[line for line in (remark, _left_out(operation, rois, channels)) if line],
        document=first["document"],
    )


def _first_entry(
    session: Session, explanation: Explanation, notes: Sequence[Note]
) -> tuple[dict[str, Any], str]:
    """Return the record of the first ROI, and a remark if it lacks points.

    It has all points, or those of one section if all are too many.
    """
    trace, point = explanation.trace, explanation.point
    if trace.n_points <= MAX_PAGE_POINTS:
        return _entry_record(session, explanation, trace.sections, notes), ""
    problem = f"{trace.n_points} points are too many for a page"
    if explanation.all_points:
        raise ArgumentError("all_points", f"{problem}; leave it out to show one section")
    section = explanation.example
    place, count = format_point(*section.section), len(section.points)
    sections: Sequence[Section] = (section,)
    remark = f"{problem}: only those of section {place} are shown"
    if count > MAX_PAGE_POINTS:
        if point is None:
            problem = f"section {place} has {count} points, too many for a page"
            raise ArgumentError("point", f"{problem}; choose one with --point N,M")
        sections = trace.select(section.section, point)
        remark = f"{problem}: only point {format_point(*point)} of section {place} is shown"
    explanation = replace(explanation, section=section.section)
    record = _entry_record(session, explanation, sections, notes)
    record["trace"]["only_section"] = section.section
    return record, f"{remark}; --section I,J chooses another one."


def _other_entry(
    session: Session,
    explanation: Explanation,
    roi: int,
    channel: int | Summary,
) -> dict[str, Any]:
    """Return the record of another ROI or channel, explained in the same way."""
    trace = trace_operation(session.operation, roi, channel)
    trace = replace(trace, channels=explanation.trace.channels)
    rounded = explanation.rounded and quantised_by_roi_pool(trace.operation, 0)
    explanation = replace(explanation, trace=trace, rounded=rounded, section=None, point=None)
    notes = find_notes(trace.operation, trace.plan, 0)
    return _entry_record(session, explanation, trace.sections, notes)


def _entry_record(
    session: Session,
    explanation: Explanation,
    sections: Sequence[Section],
    notes: Sequence[Note],
) -> dict[str, Any]:
    """Return the answers about one ROI and channel, and its explanation as HTML."""
    trace = explanation.trace
    section, point = chosen(trace, explanation.section, explanation.point)
    traced = traced_record(
        trace, section, point, most=MAX_PAGE_POINTS, notes=notes, source=session.source
    )
    traced |= level_answer(session, trace.roi)
    complete = replace(explanation, all_points=True, outline=True)
    level = level_blocks(session, trace.roi)
    blocks = [*complete.title(), *level, *complete.introduction(), *complete.steps()]
    return {
        "trace": traced,
        "sections": {_key(s.section): _section_record(complete, s) for s in sections},
        "document": to_html(_one_level_down(blocks)),
    }


def _key(numbers: tuple[int, int]) -> str:
    return "{},{}".format(*numbers)


def _section_record(explanation: Explanation, section: Section) -> dict[str, Any]:
    return {
        "channel": channel_drawn(explanation.trace, section.section),
        "texts": section_texts(explanation, section),
        "points": {
            _key(point.point): {
                "point": point_record(point),
                "texts": point_texts(explanation, section, point),
            }
            for point in section.points
        },
    }


def _one_level_down(blocks: Iterable[Block]) -> Iterator[Block]:
    """Yield blocks with headings below the title of the page."""
    for block in blocks:
        yield replace(block, level=block.level + 1) if isinstance(block, Heading) else block


def _rois_and_channels(
    session: Session, explanation: Explanation
) -> tuple[list[int], list[int | Summary]]:
    """Return the ROIs and the channels of the page, in their order.

    The ROIs are on the map of the first one. As many as have room in one channel are on the page,
    and then as many channels as have room.
    """
    operation = session.operation
    first, channel = explanation.trace.roi, explanation.trace.channel
    if operation is explanation.trace.operation:  # which has no others
        return [first], [channel]
    same_map = operation.batch_index == operation.batch_index[first]
    if session.pyramid is not None:
        index = session.pyramid.operation.index
        same_map &= index == index[first]
    on_map = np.flatnonzero(same_map)
    order = np.array([first, *on_map[on_map != first]])
    plan = operation.plan()
    sections = plan.y.sections * plan.x.sections
    costs = plan.y.points[order].astype(np.float64) * plan.x.points[order] + sections
    total = np.cumsum(costs)
    count = max(int(np.searchsorted(total, MAX_EXPORTED, "right")), 1)
    maps = maps_per_channel(operation.convention, operation.output_size)
    values = maps * np.prod([min(side, _max_map_side(maps)) for side in operation.map_size])
    room = int(min(MAX_EXPORTED // total[count - 1], _MAX_MAP_VALUES // values))
    others = [c for c in range(operation.channels) if c != channel]
    shown = [channel, *others[: max(room - 1, 0)]]
    return sorted(order[:count].tolist()), sorted(shown, key=lambda c: (isinstance(c, str), c))


def _max_map_side(maps: int) -> int:
    """Return how long the maps of one output channel may be, in cells, so that all have room."""
    return min(_MAX_MAP_SIDE, math.isqrt(_MAX_MAP_VALUES // maps))


def _left_out(operation: Operation, rois: Sequence[int], channels: Sequence[int | Summary]) -> str:
    """Describe what of the call is not on the page; "" if everything is."""
    fewer = {
        f"{len(shown)} of {count} {name}": option
        for shown, count, name, option in (
            (rois, len(operation.boxes_given), "ROIs", "--roi"),
            (channels, operation.channels, "channels", "--channel"),
        )
        if len(shown) < count
    }
    if not fewer:
        return ""
    return f"The page has {' and '.join(fewer)}; choose others with {' and '.join(fewer.values())}."


def _maps(
    operation: Operation, first: Trace, channels: Sequence[int | Summary]
) -> Iterator[dict[str, Any]]:
    """Yield the values of the map, one channel that is read after another."""
    batch_index = int(operation.batch_index[first.roi])
    for channel in channels:
        one = first.operation
        if channel != first.channel:
            one = operation.for_box_and_channel(first.roi, channel)
        read: Sequence[int | Summary] = [channel]
        if not isinstance(channel, str):
            read = channels_read(channel, one.convention, one.output_size)
        side = _max_map_side(len(read))
        for name, cells in zip(read, one.features[0], strict=True):
            yield map_record(cells, batch_index, name, side) | {"edits": []}


def _session_record(
    session: Session,
    explanation: Explanation,
    rois: Sequence[int],
    channels: Sequence[int | Summary],
) -> dict[str, Any]:
    """Return what the page needs at its beginning."""
    trace, operation, record = explanation.trace, session.operation, session.record()
    section = explanation.example.section if explanation.section or explanation.point else None
    state = dict.fromkeys(field.name for field in fields(State)) | {
        "box": list(trace.box),
        "preset": trace.convention.name,
        "output_size": list(operation.output_size),
        "roi": trace.roi,
        "batch_index": int(operation.batch_index[trace.roi]),
        "channel": trace.channel,
        "section": section,
        "point": explanation.point,
        "edits": [],
    }
    return record | {
        "saved": True,
        "channels": channels,
        "boxes": [record["boxes"][roi] for roi in rois],
        "image": None if session.image is None else record["image"] | _image(session.image),
        "state": state,
    }


def _image(image: NDArray[np.uint8]) -> dict[str, str]:
    content, media_type = photograph(image, _MAX_LOSSLESS_PIXELS, _MAX_IMAGE_SIDE)
    return {"address": f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"}
