"""Sentences on where two recorded calls differ first, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from roialign_cli.analysis.comparison import Reason
from roialign_cli.analysis.equivalence import effective_rules
from roialign_cli.calls.agreement import value_text
from roialign_cli.calls.differences.kernels import Kernel, KernelCheck
from roialign_cli.calls.differences.pairing import SHIFT_TOLERANCE, CallGroup
from roialign_cli.calls.differences.result import CallDifferences, RecordingDifferences, Stage
from roialign_cli.calls.differences.shift_parameters import parameter_for, shift_parameter
from roialign_cli.show.document.answer import answer_clauses
from roialign_cli.show.document.box_change import box_change_clause, box_change_remedy
from roialign_cli.show.numbers import capitalised, format_count, format_indices, name_of

SIDES = "A", "B"
_MAX_FIELDS = 3  # in a sentence
_SAME_INPUT = "Record both with the same input."
_BEFORE_BOXES = "compare what makes the boxes (the anchors, the decoding, the NMS)"
_BEFORE_FEATURES = (
    "Compare what comes before the ROI Align: the preprocessing of the image (size, scale, mean "
    "and deviation, order of the channels), the weights and the layers."
)
_MIN_PAIRED_SHARE = 0.5  # of the boxes, below which the inputs are likely different
# Parameters that have the same name in the frameworks as in a convention or a call.
_SAME_PARAMETERS = "spatial_scale", "sampling_ratio"
MIN_SHARE = 0.005  # of the difference, below which a share is not shown


def amount(value: float) -> str:
    """Return a difference with two significant digits.

    Examples
    --------
    >>> amount(0.000964), amount(0), amount(1234.5)
    ('0.00096', '0', '1234')
    """
    if not np.isfinite(value):
        return "one not finite"
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"


def by_up_to(value: float | None) -> str:
    """Return by how much values differ at most."""
    if value is None or np.isfinite(value):
        return f"by up to {amount(value or 0.0)}"
    return "(of some values, only one is finite)"


def percent(share: float) -> str:
    """Return a share of a difference in percent."""
    return f"{100 * share:.0f} %"


def recording_sentences(found: RecordingDifferences) -> list[str]:
    """Return the verdict on two recordings, the most important sentence first."""
    call = found.first_difference
    if not found.calls:
        return ["No call of A matches a call of B: no two have the same output size or maps."]
    if call is not None:
        return [*call_sentences(call)]
    empty = sum(verdict == "empty" for verdict in found.verdicts)
    not_comparable = [one for one in found.calls if one.verdict == "not comparable"]
    if not_comparable:
        return [*call_sentences(not_comparable[0])]
    if empty == len(found.calls):
        return ["There is nothing to compare: the calls got no boxes. Record other inputs."]
    rows = sum(one.stage("output").total for one in found.calls)
    largest = amount(found.largest or 0.0)
    return [f"The recordings agree: {format_count(rows, 'row', 'rows')}, largest difference "
            f"{largest}."]  # fmt: skip


def call_sentences(call: CallDifferences) -> Iterator[str]:
    """Yield where two calls differ first, and whether the operator is at fault."""
    match call.verdict:
        case "equal":
            yield f"The outputs agree {_to(call)}."
        case "equal outputs":
            yield from _equal_outputs(call)
        case "inputs":
            yield from _inputs(call)
        case "operator":
            yield f"The ROI Align differs: {operator_clause(call, shares=True)}."
            yield from _operator_details(call)
        case "inputs and operator":
            share = _of_difference(call.inputs[0])
            yield f"There are two causes. First, {_first(call)}{share}."
            share = _of_difference(call.stage("parameters"))
            yield f"The ROI Align differs, too{share}: {operator_clause(call, shares=False)}."
            yield from _operator_details(call)
        case "unexplained":
            yield from _unexplained(call)
        case "not comparable":
            yield _not_comparable(call)
        case "empty":
            yield "The calls got no boxes."
    yield from _small(call)
    yield from _shift(call)
    if call.stage("output").differs:
        yield from box_change_remedy(call)
    yield from _few_pairs(call)


def _equal_outputs(call: CallDifferences) -> Iterator[str]:
    unpaired = call.pairs.rows.unpaired
    others = [stage.name for stage in call.stages if stage.differs and stage.different]
    yield f"The outputs of the boxes that both have agree {_to(call)}."
    if others:
        yield f"The {' and '.join(others)} differ, without an effect on the output."
    if unpaired:
        yield f"{format_count(unpaired, 'box is', 'boxes are')} in one recording only."


def _inputs(call: CallDifferences) -> Iterator[str]:
    yield f"The ROI Align is not at fault: {_first(call)}."
    yield _cross(call)
    if call.inputs[0].name == "features":
        yield _BEFORE_FEATURES


def _to(call: CallDifferences) -> str:
    largest = call.stage("output").largest
    return f"to within {amount(largest)}" if largest else "exactly"


def _first(call: CallDifferences) -> str:
    """Return the first input that explains a part of the difference, as a clause."""
    return _input(call, call.inputs[0])


def _input(call: CallDifferences, stage: Stage) -> str:
    """Return how an input differs, as a clause."""
    match stage.name:
        case "features" if stage.text:
            return f"the features have other shapes ({stage.text})"
        case "features":
            return f"the features differ {by_up_to(stage.largest)}"
        case "boxes":
            return _boxes(call, stage)
        case _:
            count = format_count(stage.different, "box is", "boxes are")
            rules = f" ({stage.text})" if stage.text else ""
            return f"{count} pooled from another map of the pyramid{rules}"


def _boxes(call: CallDifferences, stage: Stage) -> str:
    if call.box_change is not None:
        return box_change_clause(call)
    shift = moved_by(call)
    if shift is not None:
        boxes = "all boxes of B are" if stage.total > 1 else "the box of B is"
        return f"{boxes} moved by {shift_words(shift)}"
    verb = "differs" if stage.different == 1 else "differ"
    count = f"{stage.different} of {stage.total} boxes {verb}"
    return f"{count} {by_up_to(stage.largest)}"


def shift_words(shift: tuple[float, float]) -> str:
    """Return a shift along x and y in cells."""
    x, y = (f"{part:.3g}" for part in shift)
    return f"{x} cells" if x == y else f"{x} cells along x and {y} along y"


def moved_by(call: CallDifferences) -> tuple[float, float] | None:
    """Return the shift of all boxes in cells, None if there is none."""
    shift = call.pairs.shift
    return shift if shift is not None and max(map(abs, shift)) > SHIFT_TOLERANCE else None


def _cross(call: CallDifferences) -> str:
    to = f"to within {amount(call.cross)}" if call.cross else "exactly"
    return f"With the features and boxes of A, the operator of B gives the output of A {to}."


def _small(call: CallDifferences) -> Iterator[str]:
    """Yield the inputs that differ without explaining a part of the difference."""
    if call.verdict not in {"operator", "inputs", "inputs and operator"}:
        return
    for stage in call.stages[:3]:
        if stage.differs and stage.is_cause and call.is_negligible(stage):
            yield f"{capitalised(_input(call, stage))}, which explains next to nothing."


def _of_difference(stage: Stage) -> str:
    if stage.share is None:
        return ""
    return f" ({percent(stage.share)} of the difference)"


def _shift(call: CallDifferences) -> Iterator[str]:
    """Yield what a shift of all boxes and the shift of the operator do together."""
    shift, kernel = moved_by(call), call.checks[1].kernel
    if shift is None or kernel is None:
        return
    x, offset = shift[0], kernel.convention.offset
    if call.compensated:
        yield (
            f"B moves all boxes by {x:.3g} cells before its operator, which leaves out this shift; "
            "both together do the same as the operator of A."
        )
    elif offset and max(abs(part + offset) for part in shift) <= SHIFT_TOLERANCE:
        yield (
            f"The operator of B subtracts {offset:g} cells itself, so that the shift is applied "
            "twice. Remove one of the two."
        )


def operator_clause(call: CallDifferences, *, shares: bool) -> str:
    """Return the parameters in which the operators differ, as a clause.

    Parameters
    ----------
    call
        The differences.
    shares
        Whether to add what each parameter explains of the difference between the operators.
    """
    stage = call.stage("parameters")
    if stage.text:
        return stage.text
    own, other = (check.kernel for check in call.checks)
    texts = [
        f"in {side}, {change.text}"
        for side, kernel in zip(SIDES, (own, other), strict=True)
        for change in (() if kernel is None else kernel.changes)
    ]
    if own is not None and other is not None and own.factor != other.factor:
        texts.append("B uses another scale than it states")
    named = [one for one in call.fields if _is_major(one)]
    if len(named) == 1 and not texts:  # one cause explains what the stage explains
        named = [replace(named[0], share=stage.share)]
    texts += [
        field_words(reason, share=shares) for reason in (named or [*call.fields])[:_MAX_FIELDS]
    ]
    if len(named) > _MAX_FIELDS:
        texts.append(f"{len(named) - _MAX_FIELDS} more")
    return ", ".join(texts) or "its rules are not those of A"


def field_words(reason: Reason, *, share: bool) -> str:
    """Return a parameter with its two values, and its share if it is known."""
    here, there = value_text(reason.here), value_text(reason.there)
    text = f"{reason.field} is {here} in A and {there} in B"
    if not share or reason.share is None:
        return text
    return f"{text} ({percent(reason.share)} of the difference)"


def _operator_details(call: CallDifferences) -> Iterator[str]:
    """Yield the maps on which the operators differ, and the parameters to set."""
    places = [call.groups[1].on_map(index) for index in call.maps_at_fault]
    nodes = [one.description.place for one in places if one is not None and one.description.place]
    if call.maps_at_fault:
        maps = "map" if len(call.maps_at_fault) == 1 else "maps"
        of = f" ({', '.join(nodes)} in B)" if nodes else ""
        yield f"The difference is on {maps} {format_indices(call.maps_at_fault)} alone{of}."
    yield from _parameters_to_set(call)


def _parameters_to_set(call: CallDifferences) -> Iterator[str]:
    """Yield the parameters in which the frameworks differ, and their values that match A."""
    if not all(check.is_stated for check in call.checks):
        return
    at = call.maps_at_fault[0] if call.maps_at_fault else None
    members = (group.members[0] if at is None else group.on_map(at) for group in call.groups)
    own, other = (None if member is None else member.description for member in members)
    if own is None or other is None:
        return
    for reason in call.fields:
        if reason.field == "offset":
            first, second = shift_parameter(own), shift_parameter(other)
            if first and second:
                needed = parameter_for(other, reason.here)
                remedy = f" To match A, set {needed} in B." if needed else ""
                yield f"A has {first}, B has {second}.{remedy}"
        elif reason.field in _SAME_PARAMETERS and other.operator and _is_major(reason):
            node = f" ({other.place})" if other.place and not call.maps_at_fault else ""
            value = value_text(reason.here)
            yield f"To match A, set {reason.field} to {value} in B{node}."


def _is_major(reason: Reason) -> bool:
    """Return whether a parameter explains a part of the difference that counts, or may do so."""
    return reason.share is None or reason.share >= MIN_SHARE


def _unexplained(call: CallDifferences) -> Iterator[str]:
    unknown = [side for side, check in zip(SIDES, call.checks, strict=True) if check.kernel is None]
    output = call.stage("output")
    differ = f"The outputs differ {by_up_to(output.largest)} in {output.different} of "
    differ += f"{output.total} rows"
    if len(unknown) == 1:
        output_of_one = f"the output of {unknown[0]}"
        yield f"{differ}, and {output_of_one} is not what the operator makes of its inputs."
    elif unknown:
        yield f"{differ}, and neither output is what the operator makes of its inputs."
    elif call.at_fault is None:
        yield f"{differ}. It is unknown what the operator of B makes of the inputs of A."
    else:
        yield f"{differ}, although no earlier stage differs."
    if call.inputs:
        yield f"Before that, {_first(call)}."


def _few_pairs(call: CallDifferences) -> Iterator[str]:
    """Yield that most boxes are in one recording only."""
    pairs, fewer = len(call.pairs.rows), min(group.boxes for group in call.groups)
    if 0 < pairs < _MIN_PAIRED_SHARE * fewer:
        equal = call.stage("features").differs is False
        advice = f"The features agree: {_BEFORE_BOXES}." if equal else _SAME_INPUT
        yield f"Only {pairs} of {fewer} boxes are in both recordings. {advice}"


def _not_comparable(call: CallDifferences) -> str:
    parameters = call.stage("parameters")
    if parameters.text:
        return f"The outputs cannot be compared: {parameters.text}."
    for side, group in zip(SIDES, call.groups, strict=True):
        if not group.boxes:
            return f"The outputs cannot be compared: {side} has no boxes."
    if not len(call.pairs.rows):
        features = call.stage("features")
        if features.differs is False:
            return f"The features agree, and the boxes differ: {_BEFORE_BOXES}."
        also = f", and {_input(call, features)}" if features.differs else ""
        return f"The recordings have no box in common{also}. {_SAME_INPUT}"
    return "The outputs cannot be compared: they have other shapes."


def operator_lines(check: KernelCheck, side: str) -> Iterator[str]:
    """Yield how the output of a side disagrees with its stated operator."""
    if not check.rows and check.stated is not None:
        yield f"{side} has no recorded output; it is computed by the stated operator."
    if check.is_stated or not check.rows:
        return
    if check.stated is None:
        stated = f"{side} states no operator."
    else:
        stated = (
            f"{side} states {name_of(check.stated.convention)}, from which its output differs "
            f"{by_up_to(check.stated_error)} in {check.stated_wrong} of {check.rows} rows."
        )
    if check.kernel is not None:
        yield f"{stated} What its output shows: {shown_words(check.stated, check.kernel)}."
        return
    yield stated
    if check.found is not None and check.found.answer is not None:
        rows = format_count(len(check.found.answer.boxes), "row", "rows")
        yield f"A search on {rows}: {'; '.join(answer_clauses(check.found.answer))}"


def shown_words(stated: Kernel | None, kernel: Kernel) -> str:
    """Return the rules that an output shows, by what differs from the stated ones."""
    changes = [change.text for change in kernel.changes]
    if stated is None:
        return "; ".join([name_of(kernel.convention), *changes])
    here = effective_rules(stated.convention).parameters()
    there = effective_rules(kernel.convention).parameters()
    own = kernel.convention.parameters()
    fields = [f"{name}={own[name]}" for name in here if here[name] != there[name]]
    return "; ".join([*fields, *changes]) or name_of(kernel.convention)


def group_name(group: CallGroup) -> str:
    """Return what names a group for a person: its place, its operator or its file."""
    description = group.members[0].description
    place = description.place
    # The folders of a program's line are long, and those of a node are a part of its name.
    place = Path(place).name if ".py:" in place else place
    return place or description.operator or Path(group.members[0].file).name
