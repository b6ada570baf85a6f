"""Find the smallest call that shows in which rule a kernel differs from a preset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.errors import RoiAlignError
from roialign_cli.measure.battery import Box, Writer
from roialign_cli.measure.call import Answer, ProbeCall
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.fingerprint import Case
from roialign_cli.measure.measuring import Measured
from roialign_cli.measure.model import Model
from roialign_cli.measure.rules import REFUSED, Rule

_SHAPES = ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (2, 2), (1, 4), (2, 3), (3, 2), (3, 3), (4, 4),
           (5, 5), (6, 6), (8, 8), (12, 12))  # fmt: skip
_FIRST_EDGES = (-2.0, -1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75)  # cells
_CLEAR = 0.02  # share of the largest feature above which a difference is clear
_MAX_BOXES = 400  # of a call with many boxes
_MAX_LARGE_CALLS = 6  # calls with many boxes that may be made of the kernel for one rule
_MAX_SINGLE_BOXES = 40  # boxes that are tried one by one where a model refuses some


@dataclass(frozen=True)
class _Kind:
    """Which small calls may show a rule."""

    features: str = "usual"
    ratios: tuple[int | None, ...] = (1, 2)
    sizes: tuple[tuple[int, int], ...] = ((1, 1), (2, 2))
    scales: tuple[float, ...] = (1.0,)
    without_area: bool = False


# Rule → the small calls that may show it.
_KINDS = {
    "scale and shift": _Kind(scales=(1.0, 0.5)),
    "box end": _Kind(scales=(1.0, 0.5)),
    "edge rounding": _Kind(scales=(1.0, 0.5)),
    "minimum size": _Kind(ratios=(1, 2, 0)),
    "adaptive grid": _Kind(ratios=(0,)),
    "clipping": _Kind(ratios=(1, 0)),
    "boxes without area": _Kind(ratios=(0, 1), without_area=True),
    "default ratio": _Kind(ratios=(None,)),
    "negative features": _Kind("negative"),
    "non-finite cells": _Kind("not finite"),
    "cell centres": _Kind("not finite"),
    "output axes": _Kind(sizes=((2, 2),)),
    "batch index": _Kind("two maps"),
    "channel map": _Kind("two channels", sizes=((1, 2),)),
}


def smallest_case(
    measured: Measured, preset: Convention, rule: Rule, refused: Sequence[str]
) -> Case | None:
    """Return the smallest case found in which a kernel differs from a preset by one rule.

    Parameters
    ----------
    measured
        What was measured; more calls are made to find and check the case.
    preset
        The rules of the preset.
    rule
        The rule that differs.
    refused
        Names of the calls that only one of the two has no output for.
    """
    evidence, expected = measured.evidence, Model(preset)
    if rule.name == REFUSED:
        return _from_battery(measured, expected, refused)
    budget, healed = _MAX_LARGE_CALLS, None
    with suppress(RoiAlignError):
        healed = measured.model.having(rule.values_in(preset))
        asks_kernel = rule.name in measured.broken or evidence.is_reordered(rule.name)
        for small in _small_calls(evidence, measured.model, rule):
            call = small.with_boxes(slice(_MAX_SINGLE_BOXES)) if asks_kernel else small
            if asks_kernel:
                own, budget = evidence.ask_for(rule.name, call), budget - 1
            else:
                own = measured.model.answer(call)
            found = _clearest(evidence, call, own, (measured.model, healed, expected))
            case = None if found is None else _checked(evidence, found, expected)
            if case is not None:
                return case
            if budget == 0:
                break
    alone = None if healed is None else _from_battery(measured, expected, rule.calls, healed)
    return alone or _from_battery(measured, expected, rule.calls)


def _small_calls(evidence: Evidence, model: Model, rule: Rule) -> Iterator[ProbeCall]:
    """Yield calls with many boxes on maps of growing size."""
    kind, writer = _KINDS.get(rule.name, _Kind()), Writer(model.convention)
    for size, shape in product(kind.sizes, _SHAPES):
        if model.convention.normalized and 1 in shape:
            continue
        features = _features(kind.features, shape)
        boxes = _simple_boxes(shape, without_area=kind.without_area)
        index = np.full(len(boxes), len(features) - 1)
        for ratio, scale in product(kind.ratios, kind.scales):
            call = writer.call(
                rule.name,
                boxes,
                features=features,
                scale=scale,
                output_size=size,
                ratio=ratio,
                batch_index=index,
            )
            call = replace(call, features=features) if kind.features == "two channels" else call
            yield evidence.suited(call)


def _features(kind: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return features (N, C, H, W) of a kind."""
    cells = shape[0] * shape[1]
    plain = np.arange(1, cells + 1, dtype=np.float32).reshape(1, 1, *shape)
    if kind == "negative":
        return np.asarray(-plain)
    if kind == "not finite":
        plain[0, 0, -1, -1] = np.nan
    if kind == "two maps":
        return np.concatenate([plain, plain + 10 * cells])
    if kind == "two channels":
        return np.concatenate([plain, plain + 10 * cells], axis=1)
    return plain


def _simple_boxes(shape: tuple[int, int], *, without_area: bool) -> list[Box]:
    """Return boxes in cells that change along one axis, those of the simplest numbers first."""
    rows, columns = map(float, shape)
    along_x, along_y = (_spans(cells, without_area=without_area) for cells in reversed(shape))
    boxes: list[Box] = [(first, 0.0, last, rows) for first, last in along_x]
    boxes += [(0.0, first, columns, last) for first, last in along_y]
    return sorted(dict.fromkeys(boxes), key=_complexity)[:_MAX_BOXES]


def _spans(cells: int, *, without_area: bool) -> list[tuple[float, float]]:
    """Return the first and the last edge of boxes along an axis of some cells."""
    edges = (*_FIRST_EDGES, *np.arange(1, cells + 3, 0.5).tolist())
    return [(first, last) for first, last in product(edges, edges) if first < last or without_area]


def _complexity(box: Box) -> float:
    """Return how hard the numbers of a box are to read."""
    return sum(0.2 * abs(n) + (n < 0) + 2 * (n % 1 != 0) + 2 * (n % 0.5 != 0) for n in box)


def _clearest(
    evidence: Evidence, call: ProbeCall, own: Answer, models: tuple[Model, Model, Model]
) -> ProbeCall | None:
    """Return the call with the first box that shows a rule clearly, and no other rule.

    `own` is what the kernel gives. `models` are the kernel, the kernel with the rule of the preset,
    and the preset; the last two give the same for the box.
    """
    answers = [own, *(model.answer(call) for model in models[1:])]
    if any(answer.output is None for answer in answers):
        return _clearest_alone(evidence, call, models)
    given, healed, expected = (np.asarray(answer.output) for answer in answers)
    if not given.shape == healed.shape == expected.shape:
        return call.with_boxes([0])
    differs = _clearly_differs(given, healed, call)
    same = ~evidence.differing(healed, expected).any(axis=(1, 2, 3))
    boxes = np.flatnonzero(differs & same)
    return call.with_boxes([int(boxes[0])]) if len(boxes) else None


def _clearest_alone(
    evidence: Evidence, call: ProbeCall, models: tuple[Model, Model, Model]
) -> ProbeCall | None:
    """Return the call with the first box that shows a rule, where a model refuses some boxes."""
    for box in range(min(len(call.boxes), _MAX_SINGLE_BOXES)):
        alone = call.with_boxes([box])
        own, healed, expected = (model.answer(alone) for model in models)
        if evidence.equal(healed, expected) and not evidence.equal(own, healed):
            return alone
    return None


def _clearly_differs(one: Float, other: Float, call: ProbeCall) -> NDArray[np.bool_]:
    """Return which boxes have clearly different outputs, (R,)."""
    sizes = np.abs(call.features)
    largest = float(np.max(sizes, initial=0, where=np.isfinite(sizes)))
    with np.errstate(invalid="ignore"):
        apart = np.abs(one.astype(np.float64) - other) > _CLEAR * largest
    apart |= np.isnan(one) != np.isnan(other)
    return np.asarray(apart.any(axis=(1, 2, 3)))


def _checked(evidence: Evidence, call: ProbeCall, expected: Model) -> Case | None:
    """Return the case of a call if the kernel differs from what is expected there."""
    return _case(evidence, call, evidence.ask_for(call.name, call), expected)


def _case(evidence: Evidence, call: ProbeCall, given: Answer, expected: Model) -> Case | None:
    """Return the case of a call and its answer; None if that is what is expected, or missing."""
    predicted = expected.answer(call)
    if given.is_missing or evidence.equal(predicted, given):
        return None
    if given.output is None or predicted.output is None:
        return Case(call, (0, 0), 0, predicted, given)
    # Outputs with other numbers of channels are compared as far as both go.
    sizes = zip(given.output.shape, predicted.output.shape, strict=True)
    both = tuple(slice(min(pair)) for pair in sizes)
    places = np.argwhere(evidence.differing(predicted.output[both], given.output[both]))
    _, channel, row, column = places[0].tolist() if len(places) else (0, 0, 0, 0)
    return Case(call, (row, column), channel, predicted, given)


def _from_battery(
    measured: Measured, expected: Model, names: Sequence[str], healed: Model | None = None
) -> Case | None:
    """Return a case from calls that show a rule: one box, one channel, a part of the map.

    With `healed`, the kernel with the rule of the preset, the case shows no other rule.
    """
    evidence = measured.evidence
    calls = {**evidence.refused, **evidence.answers}
    for call, given in (calls[name] for name in names if name in calls):
        if healed is None:
            box = _unexplained_box(evidence, call, given, (expected, measured.model))
        else:
            box = _box_of_one_rule(evidence, call, given, (expected, healed))
        if box is None:
            continue
        alone = given
        if given.output is not None:
            alone = replace(given, output=given.output[box : box + 1])
        # Another name, because it is no longer a call of the battery.
        one = replace(call.with_boxes([box]), name=f"{call.name}, box {box}")
        case = _case(evidence, one, alone, expected)
        if case is not None:
            return _smaller(evidence, case, expected, healed)
    return None


def _box_of_one_rule(
    evidence: Evidence, call: ProbeCall, given: Answer, models: tuple[Model, Model]
) -> int | None:
    """Return a box that shows a rule and no other one, as `_clearest` does; None without one."""
    expected, healed = (model.answer(call).output for model in models)
    if given.output is None or expected is None or healed is None:
        return None
    if not expected.shape == healed.shape == given.output.shape:
        return None
    shows = evidence.differing(expected, given.output).any(axis=(1, 2, 3))
    shows &= ~evidence.differing(healed, expected).any(axis=(1, 2, 3))
    return int(shows.argmax()) if shows.any() else None


def _unexplained_box(
    evidence: Evidence, call: ProbeCall, given: Answer, models: tuple[Model, Model]
) -> int | None:
    """Return a box for which no model gives what the kernel gives; None if there is none."""
    predicted = [model.answer(call) for model in models]
    if given.output is None or predicted[0].output is None:
        return None if evidence.equal(given, predicted[0]) else 0
    wrong = evidence.differing(predicted[0].output, given.output)
    unexplained = wrong
    if predicted[1].output is not None:
        unexplained = wrong & evidence.differing(predicted[1].output, given.output)
    for each in (unexplained, wrong):
        boxes = np.flatnonzero(each.any(axis=(1, 2, 3)))
        if len(boxes):
            return int(boxes[0]) if len(each) > 1 else 0
    return None


def _smaller(evidence: Evidence, case: Case, expected: Model, healed: Model | None) -> Case:
    """Return a case with fewer channels, sections and cells that shows the same."""

    def shown(call: ProbeCall) -> Case | None:
        if healed and not evidence.equal(healed.answer(call), expected.answer(call)):
            return None  # it shows another rule, too
        return _checked(evidence, call, expected)

    call, rules = case.call, expected.convention
    if rules.channel_map == "same" and case.channel < call.features.shape[1]:
        features = call.features[:, case.channel : case.channel + 1]
        case = shown(replace(call, features=features)) or case
    case = shown(evidence.suited(replace(case.call, output_size=(1, 1)))) or case
    if rules.normalized or rules.origin != "top-left":
        return case
    for side in (2, 3, 4, 6, 8):
        call = case.call
        if side < call.features.shape[-1]:
            smaller = replace(call, features=call.features[:, :, :side, :side].copy())
            if (found := shown(smaller)) is not None:
                return found
    return case
