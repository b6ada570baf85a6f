"""Measure a kernel: how it reads boxes, then stage by stage what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import get_args

import numpy as np

from roialign_cli.core.convention import Convention, Rejected
from roialign_cli.measure.battery import (
    WHOLE_CELLS,
    Writer,
    channel_call,
    measuring_calls,
    reading_calls,
)
from roialign_cli.measure.blocks import FIXED_CHANNELS, Blocks
from roialign_cli.measure.call import Answer, ProbeCall
from roialign_cli.measure.calling import SCALES, fixed_size
from roialign_cli.measure.elimination import eliminate
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.laws import USUAL
from roialign_cli.measure.model import Model
from roialign_cli.measure.reading import Axes, Reading, axes_of, channel_order, read_boxes
from roialign_cli.measure.rules import RULES
from roialign_cli.measure.stages import STAGES
from roialign_cli.measure.substitution import Substitution
from roialign_cli.measure.target import ask

# Candidates that are tried in a stage that needs another one without a result.
_MAX_BLIND_CANDIDATES = 30
_SOFT_RULES = {"position formula"}  # rules whose failure shows nothing but other last digits


class Unreadable(Exception):  # noqa: N818 - it is shown as the result
    """A kernel that gives no output from which its boxes can be understood."""


@dataclass(frozen=True)
class Measured:
    """What was measured of a kernel.

    Parameters
    ----------
    evidence
        The answers of the kernel.
    model
        The rules with which the answers agree.
    failed
        Stage without a result → the name of the rule that is broken because no candidate agrees;
        "" if the stage could not be measured.
    """

    evidence: Evidence
    model: Model
    failed: Mapping[str, str]

    @property
    def broken(self) -> frozenset[str]:
        """Names of the rules that no model states."""
        return frozenset(filter(None, self.failed.values()))

    @property
    def unmeasured(self) -> frozenset[str]:
        """Names of the rules of which no stage has a result."""
        names = {
            rule.name for rule in RULES if rule.stages and self.failed.keys() >= {*rule.stages}
        }
        return frozenset(names - self.broken)

    def substitution(self) -> Substitution:
        """Return what compares the rules of other conventions with the measured ones."""
        return Substitution(self.evidence, self.model, self.broken, self.unmeasured)


def measure(evidence: Evidence) -> Measured:
    """Make all calls of a kernel, and measure its rules.

    Raises
    ------
    Unreadable
        If the kernel gives no output, or no box format explains what it gives.
    """
    reading, model = _read(evidence)
    evidence.collect(measuring_calls(Writer(model.convention)))
    if evidence.refused and not evidence.answers:
        _, first = next(iter(evidence.refused.values()))
        raise Unreadable(f"The kernel cannot be probed: {first.problem}.")
    evidence.is_repeatable()
    progress = _Progress(evidence, reading, model)
    for name in STAGES:
        progress.measure(name)
    is_placed = "placement" in evidence.answers and evidence.agree(progress.model, "placement")
    if is_placed or "placement" not in progress.failed:
        # A later stage may have measured what the answers to an earlier one depend on, too.
        for name in [*progress.failed]:
            progress.measure(name)
    return Measured(evidence, _with_refusals(evidence, progress.model), progress.failed)


@dataclass
class _Progress:
    """What is known of a kernel after some stages.

    Parameters
    ----------
    evidence
        The answers of the kernel.
    reading
        How it reads boxes.
    model
        The rules that were measured.
    failed
        As in `Measured`.
    kept
        Names of the calls that the model agrees with.
    """

    evidence: Evidence
    reading: Reading
    model: Model
    failed: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def measure(self, name: str) -> None:
        """Measure the rules of a stage."""
        stage = STAGES[name]
        self.failed.pop(name, None)
        calls = [call for call in stage.calls if call in self.evidence.answers]
        if not calls:
            self.failed[name] = ""
            return
        is_blind = any(needed in self.failed for needed in stage.needs)
        candidates = stage.candidates(self.evidence, self.model, self.reading)
        if is_blind:
            candidates = islice(candidates, _MAX_BLIND_CANDIDATES)
        found = eliminate(self.evidence, self.model, candidates, calls, self.kept)
        if not found.agrees and not is_blind:
            each = stage.axis_candidates(self.evidence, self.model, self.reading)
            found = eliminate(self.evidence, self.model, each, calls, self.kept)
        if found.agrees:
            self.model = found.model
            self.kept += [call for call in calls if call not in self.kept]
        elif is_blind or stage.rule in _SOFT_RULES:
            self.failed[name] = ""
        else:
            unusual = self.reading.unusual_rule if name == "placement" else ""
            self.failed[name] = unusual or stage.rule


@dataclass(frozen=True)
class _Read:
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


def _read(evidence: Evidence) -> tuple[Reading, Model]:
    """Return how the kernel reads boxes, and a model that does."""
    found: list[_Read] = []
    answered: list[tuple[ProbeCall, Axes, Answer]] = []
    problem = ""
    for usual in reading_calls():
        answer = _first_answer(evidence, usual)
        usual, answer = _with_fixed_size(evidence, usual, answer)  # noqa: PLW2901
        call = evidence.suited(usual)
        axes = axes_of(call, answer)
        if axes is None:
            problem = problem or _why(call, answer)
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
        if not evidence.is_repeatable():
            problem = "it gives different outputs for the same inputs"
        raise Unreadable(f"The kernel cannot be probed: {problem}.")
    best = min(found, key=lambda each: each.oddity)
    evidence.axes = best.axes
    evidence.remarks |= dict.fromkeys(evidence.calling.remarks)
    # Whole cells do not show whether edges are rounded.
    is_bilinear = best.reading.is_bilinear and best.call.name != WHOLE_CELLS
    return replace(best.reading, is_bilinear=is_bilinear), best.model


_GOOD_ERROR = 0.02  # of a reading; smaller errors show nothing
_REVERSED_AXES = ((True, False), (False, True), (True, True))


def _read_call(call: ProbeCall, axes: Axes, answer: Answer) -> list[_Read]:
    """Return how the kernel reads boxes by the answer to one call; nothing if that is unclear."""
    output = axes.applied(answer, call).output
    reading = None if output is None else read_boxes(call, output)
    return [] if reading is None else [_as_read(call, axes, answer, reading)]


def _read_scaled(
    evidence: Evidence, usual: ProbeCall, call: ProbeCall, answer: Answer
) -> list[_Read]:
    """Return the same for a kernel with a fixed scale, which becomes that of the evidence."""
    reading = _at_fixed_scale(evidence, usual)
    return [] if reading is None else [_as_read(call, evidence.axes, answer, reading)]


def _as_read(call: ProbeCall, axes: Axes, answer: Answer, reading: Reading) -> _Read:
    output = axes.applied(answer, call).output
    own_maps = output is not None and output.shape[1] < call.features.shape[1]
    channel_map = "position-sensitive" if own_maps else "same"
    changes = {"channel_map": channel_map, "law:channels": axes.channels}
    model = Model(Convention()).having({**reading.fields, **changes})
    return _Read(call, axes, reading, model)


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
    Unreadable
        If boxes cannot be understood in this output size.
    """
    if evidence.output_size is None:
        size = fixed_size(evidence.target.parameters, call, answer)
        if size is None:
            return call, answer
        rows, columns = size
        if rows != columns or rows < 2:
            problem = f"its output size is fixed, {rows} × {columns}; only squares from 2 × 2 show"
            raise Unreadable(f"The kernel cannot be probed: {problem} how it reads boxes.")
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


def _why(call: ProbeCall, answer: Answer) -> str:
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


def _with_refusals(evidence: Evidence, model: Model) -> Model:
    """Return the model with the boxes that the kernel rejects, if a value of the field gives them.

    The other stages leave calls without an output aside.
    """
    substitution = Substitution(evidence, model)
    for choice in get_args(Rejected):
        if not substitution.refused_otherwise(replace(model.convention, rejects=choice)):
            return model.having({"rejects": choice})
    return model
