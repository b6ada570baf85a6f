"""Sentences on where two recorded calls differ first, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from roialign_cli.calls.differences.pairing import SHIFT_TOLERANCE, CallGroup
from roialign_cli.calls.differences.result import CallDifferences, RecordingDifferences, Stage
from roialign_cli.show.document.box_change import box_change_clause, box_change_remedy
from roialign_cli.show.document.difference_words import (
    SIDES,
    amount,
    by_up_to,
    joined,
    of_difference,
)
from roialign_cli.show.document.recording_operator import operator_clause, operator_details
from roialign_cli.show.numbers import capitalised, format_count

_SAME_INPUT = "Record both with the same input."
_BEFORE_BOXES = "compare what makes the boxes (the anchors, the decoding, the NMS)"
_BEFORE_FEATURES = (
    "Compare what comes before the ROI Align: the preprocessing of the image (size, scale, mean "
    "and deviation, order of the channels), the weights and the layers."
)
_MIN_PAIRED_SHARE = 0.5  # of the boxes, below which the inputs are likely different


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
            share = _share(call, call.stage("parameters"))
            yield f"The ROI Align differs: {operator_clause(call)}{share}."
            yield from operator_details(call)
        case "inputs and operator":
            yield from _two_causes(call)
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


def _two_causes(call: CallDifferences) -> Iterator[str]:
    share = _share(call, call.inputs[0])
    yield f"There are two causes. First, {_first(call)}{share}."
    share = _share(call, call.stage("parameters"))
    yield f"The ROI Align differs, too{share}: {operator_clause(call)}."
    if not share and call.cross is not None and np.isfinite(call.cross):
        names = joined([stage.name for stage in call.inputs])
        yield f"With the {names} of A, a difference of {amount(call.cross)} remains."
    yield from operator_details(call)


def _share(call: CallDifferences, stage: Stage) -> str:
    """Return what a stage explains, in brackets; "" if that has no meaning."""
    return of_difference(stage.share) if call.shares_add_up else ""


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


def group_name(group: CallGroup) -> str:
    """Return what names a group for a person: its place, its operator or its file."""
    description = group.members[0].description
    place = description.place
    # The folders of a program's line are long, and those of a node are a part of its name.
    place = Path(place).name if ".py:" in place else place
    return place or description.operator or Path(group.members[0].file).name
