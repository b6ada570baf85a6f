"""Make the first calls of a kernel, and find how it reads boxes and what is fixed in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from roialign_cli.core.convention import Convention
from roialign_cli.measure.battery import WHOLE_CELLS, channel_call, reading_calls
from roialign_cli.measure.behaviours import USUAL
from roialign_cli.measure.blocks import FIXED_CHANNELS, Blocks
from roialign_cli.measure.call import Answer, ProbeCall
from roialign_cli.measure.calling import SCALES, fixed_size
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.model import Model
from roialign_cli.measure.reading import Axes, Reading, axes_of, channel_order, read_boxes
from roialign_cli.measure.target import ask

_GOOD_ERROR = 0.02  # of a reading; smaller errors show nothing
_REVERSED_AXES = ((True, False), (False, True), (True, True))


class UnreadableError(Exception):
    """A kernel that gives no output from which its boxes can be understood."""


@dataclass(frozen=True)
class _CallReading:
    """How the kernel reads boxes by the answer to one call."""

    call: ProbeCall
    axes: Axes
    reading: Reading
    model: Model

    @property
    def oddity(self) -> tuple[float, bool]:
        """How little the reading can be trusted.

        At one size of a box, rounded edges and nearest cells look like another box format.
        """
        is_unsure = not self.reading.is_bilinear and self.call.name != WHOLE_CELLS
        return max(self.reading.error, _GOOD_ERROR), is_unsure


def first_reading(evidence: Evidence) -> tuple[Reading, Model]:
    """Return how a kernel reads boxes, and a model that reads them like this.

    What is fixed in the kernel, and the order of the axes of its output, are kept in the evidence.

    Raises
    ------
    UnreadableError
        If the kernel gives no output, or no box format explains what it gives.
    """
    found: list[_CallReading] = []
    answered: list[tuple[ProbeCall, Axes, Answer]] = []
    problem = ""
    for first in reading_calls():
        usual, answer = _with_fixed_size(evidence, first, _first_answer(evidence, first))
        call = evidence.suited(usual)
        axes = axes_of(call, answer)
        if axes is None:
            problem = problem or _why_without_axes(call, answer)
            continue
        axes = replace(axes, channels=_channel_order(evidence, axes, call))
        evidence.axes = axes
        answered.append((call, axes, answer))
        found += _read_call(call, axes, answer) or _read_scaled(evidence, usual, call, answer)
        if found and (found[-1].oddity == (_GOOD_ERROR, False) or evidence.scale != 1):
            break
        problem = _why_unread(answer)
    if not found:
        for (call, axes, answer), turned in product(answered, _REVERSED_AXES):
            found += _read_call(call, replace(axes, reversed_axes=turned), answer)
    if not found:
        if not evidence.check_repeated():
            problem = "it gives different outputs for the same inputs"
        raise UnreadableError(f"The kernel cannot be probed: {problem}.")
    best = min(found, key=lambda each: each.oddity)
    evidence.axes = best.axes
    evidence.remarks |= dict.fromkeys(evidence.calling.remarks)
    # Whole cells do not show whether edges are rounded.
    is_bilinear = best.reading.is_bilinear and best.call.name != WHOLE_CELLS
    return replace(best.reading, is_bilinear=is_bilinear), best.model


def _read_call(call: ProbeCall, axes: Axes, answer: Answer) -> list[_CallReading]:
    """Return how the kernel reads boxes by the answer to one call; nothing if that is unclear."""
    output = axes.applied(answer, call).output
    reading = None if output is None else read_boxes(call, output)
    return [] if reading is None else [_call_reading(call, axes, answer, reading)]


def _read_scaled(
    evidence: Evidence, usual: ProbeCall, call: ProbeCall, answer: Answer
) -> list[_CallReading]:
    """Return the same for a kernel with a fixed scale, which becomes that of the evidence."""
    reading = _at_fixed_scale(evidence, usual)
    return [] if reading is None else [_call_reading(call, evidence.axes, answer, reading)]


def _call_reading(call: ProbeCall, axes: Axes, answer: Answer, reading: Reading) -> _CallReading:
    output = axes.applied(answer, call).output
    own_maps = output is not None and output.shape[1] < call.features.shape[1]
    channel_map = "position-sensitive" if own_maps else "same"
    changes = {"channel_map": channel_map, "behaviour:channels": axes.channels}
    model = Model(Convention()).having({**reading.fields, **changes})
    return _CallReading(call, axes, reading, model)


def _first_answer(evidence: Evidence, call: ProbeCall) -> Answer:
    """Return the answer to one of the first calls, for all its channels or for blocks of them."""
    answer = ask(evidence.target, call)
    evidence.calls += not answer.is_missing
    if answer.output is not None or answer.is_missing or isinstance(evidence.target, Blocks):
        return answer
    for channels in FIXED_CHANNELS:
        blocks = Blocks(evidence.target, channels)
        in_blocks = ask(blocks, call)
        if in_blocks.output is not None:
            evidence.target = blocks
            evidence.remarks[f"the kernel takes {channels} channels only"] = None
            return in_blocks
    return answer


def _with_fixed_size(
    evidence: Evidence, call: ProbeCall, answer: Answer
) -> tuple[ProbeCall, Answer]:
    """Return a reading call for the output size of a kernel with a fixed one, and the answer.

    Raises
    ------
    UnreadableError
        If boxes cannot be understood in this output size.
    """
    if evidence.output_size is None:
        size = fixed_size(evidence.target.parameters, call, answer)
        if size is None:
            return call, answer
        rows, columns = size
        if rows != columns or rows < 2:
            problem = f"its output size is fixed, {rows} × {columns}; only squares from 2 × 2 show"
            raise UnreadableError(f"The kernel cannot be probed: {problem} how it reads boxes.")
        evidence.output_size = size
    named = {each.name: each for each in reading_calls(evidence.output_size[0])}
    evidence.calls += 1
    return named[call.name], ask(evidence.target, evidence.suited(named[call.name]))


def _at_fixed_scale(evidence: Evidence, call: ProbeCall) -> Reading | None:
    """Return how a kernel of a fixed scale reads boxes; None if it has none of the usual scales."""
    if "spatial_scale" in evidence.target.parameters or call.boxes.max() < 1:
        return None
    found: dict[float, Reading] = {}
    for evidence.scale in SCALES:
        scaled = evidence.suited(call)
        output = evidence.ask(scaled).output
        reading = None if output is None else read_boxes(scaled, output)
        if reading is not None:
            found[evidence.scale] = reading
    evidence.scale = min(found, key=lambda scale: found[scale].error, default=1.0)
    return found.get(evidence.scale)


def _why_without_axes(call: ProbeCall, answer: Answer) -> str:
    """Return why an answer shows nothing."""
    if answer.output is None:
        return answer.problem
    return Axes().applied(answer, call).problem or "its output has no known order of axes"


def _why_unread(answer: Answer) -> str:
    """Return why boxes cannot be understood from an output."""
    values = np.unique(np.zeros(1) if answer.output is None else answer.output)
    if len(values) == 1:
        return f"all values of its output are {values[0]:g}, for features of 0 and 1"
    return "its output does not follow the numbers of the boxes in any known box format"


def _channel_order(evidence: Evidence, axes: Axes, like: ProbeCall) -> str:
    """Return the order of the channels of the output, with the boxes of another call."""
    call = evidence.suited(channel_call(like))
    answer = ask(evidence.target, call)
    evidence.calls += not answer.is_missing
    evidence.first = evidence.first or (call, answer)
    output = axes.applied(answer, call).output
    if output is None or output.shape[1] != call.features.shape[1]:
        return USUAL
    return channel_order(output.astype(np.float32))
