"""Measure a kernel: how it reads boxes, then stage by stage what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import get_args

import numpy as np

from roialign_cli.core.convention import Convention, Rejected
from roialign_cli.measure.battery import Writer, channel_call, measuring_calls, reading_calls
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
    failed: dict[str, str] = {}
    kept: list[str] = []  # calls that the model agrees with
    for name, stage in STAGES.items():
        if not any(call in evidence.answers for call in stage.calls):
            failed[name] = ""
            continue
        is_blind = any(needed in failed for needed in stage.needs)
        candidates = stage.candidates(evidence, model, reading)
        if is_blind:
            candidates = islice(candidates, _MAX_BLIND_CANDIDATES)
        found = eliminate(evidence, model, candidates, stage.calls, kept)
        if found.agrees:
            model = found.model
            kept += [call for call in stage.calls if call in evidence.answers]
        else:
            soft = is_blind or stage.rule in _SOFT_RULES
            rule = reading.unusual_rule or stage.rule if name == "placement" else stage.rule
            failed[name] = "" if soft else rule
    return Measured(evidence, _with_refusals(evidence, model), failed)


def _read(evidence: Evidence) -> tuple[Reading, Model]:
    """Return how the kernel reads boxes, and a model that does."""
    problem = ""
    for usual in reading_calls():
        answer = _first_answer(evidence, usual)
        usual, answer = _with_fixed_size(evidence, usual, answer)  # noqa: PLW2901
        call = evidence.suited(usual)
        axes = axes_of(call, answer)
        if axes is None:
            problem = problem or _why(call, answer)
            continue
        problem = _why_unread(answer)
        channels = _channel_order(evidence, axes, call)
        evidence.axes = replace(axes, channels=channels)
        ordered = evidence.axes.applied(answer, call)
        reading = None if ordered.output is None else read_boxes(call, ordered.output)
        reading = reading or _at_fixed_scale(evidence, usual)
        if reading is not None and ordered.output is not None:
            evidence.remarks |= dict.fromkeys(evidence.calling.remarks)
            own_maps = ordered.output.shape[1] < call.features.shape[1]
            channel_map = "position-sensitive" if own_maps else "same"
            changes = {"channel_map": channel_map, "law:channels": channels}
            return reading, Model(Convention()).having({**reading.fields, **changes})
    if not evidence.is_repeatable():
        problem = "it gives different outputs for the same inputs"
    raise Unreadable(f"The kernel cannot be probed: {problem}.")


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
        convention = replace(model.convention, rejects=choice)
        if not substitution.refused_otherwise(convention):
            return Model(convention, model.laws)
    return model
