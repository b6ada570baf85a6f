"""The stages of a search: screen, refine, confirm and explain.

Screening pools one box with every operator, reading the box in all plausible ways at once.
Refining tries the presets that follow the rules of the matching operators on a few more boxes.
Confirming pools all boxes. Explaining finds the closest hypothesis if none is confirmed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from roialign_cli.analysis.box_conditions import box_conditions, common_conditions
from roialign_cli.analysis.equivalence import coarse_rules, effective_rules
from roialign_cli.core.boxes import Float, box_height, corners
from roialign_cli.core.convention import Pooling
from roialign_cli.core.operation import Operation
from roialign_cli.errors import ArgumentError
from roialign_cli.search.candidates import Candidates, Operator, Scale, is_plausible
from roialign_cli.search.fit import ALL, Index, Report, SearchTarget, Selection
from roialign_cli.search.hypothesis import Batches, Hypothesis, Layout, Match, PartialMatch

Advance = Callable[[float], object]  # called with the share of the work done since the last call

_MATCH_SHARE = 0.7  # least share of values; at thresholds libraries round differently
_MAX_PARTIAL_CANDIDATES = 12


@dataclass
class Trials:
    """The record of what a search has tried.

    Parameters
    ----------
    count
        How many hypotheses were tried.
    shares
        Hypothesis → the largest share of probe values that it reproduced, 0 to 1.
    below_match
        The shares below a match in the first stage, each with a function that builds the
        hypothesis: there are thousands, and few are needed.
    """

    count: int = 0
    shares: dict[Hypothesis, float] = field(default_factory=dict)
    below_match: list[tuple[float, Callable[[], Hypothesis]]] = field(default_factory=list)

    def record(self, hypothesis: Hypothesis, share: float) -> None:
        """Keep the largest share of a hypothesis."""
        self.shares[hypothesis] = max(self.shares.get(hypothesis, 0.0), share)

    def best(self) -> list[Hypothesis]:
        """Return the hypotheses that reproduced most of the probes, best first."""
        largest = sorted((share for share, _ in self.below_match), reverse=True)
        least = largest[:_MAX_PARTIAL_CANDIDATES][-1:]
        for share, build in self.below_match:
            if share >= least[0]:
                self.record(build(), share)
        order = sorted(self.shares, key=lambda tried: (-self.shares[tried], tried.complexity))
        return order[:_MAX_PARTIAL_CANDIDATES]


@dataclass(frozen=True)
class _Readings:
    """The n plausible readings of one probe box at one scale."""

    box: int  # index of the box
    scale: Scale
    fields: list[tuple[dict[str, Any], Batches]]  # n: convention fields, and which map
    xyxy: Float  # (n, 4), float64: corners with y down, in box units
    batch_index: Index  # (n,): index of the map


def screen(
    target: SearchTarget, candidates: Candidates, pooling: Pooling, trials: Trials, advance: Advance
) -> Iterator[list[Hypothesis]]:
    """Yield the hypotheses that reproduce a probe box, for one probe box after another."""
    boxes, _ = target.probes
    operators = list(candidates.operators(pooling))
    scales = candidates.scales()
    for box in boxes.tolist():
        found: list[Hypothesis] = []
        for scale, scale_fields in scales:
            readings = _readings(target, candidates, box, scale, scale_fields)
            for operator in operators if readings.fields else ():
                found += _screen_operator(target, operator, readings, trials)
            advance(1 / len(scales) / len(boxes))
        if found:
            yield found


def _readings(
    target: SearchTarget, candidates: Candidates, box: int, scale: Scale, implied: dict[str, Any]
) -> _Readings:
    """Return all readings by which a box lies on the map."""
    fields: list[tuple[dict[str, Any], Batches]] = []
    xyxy, batch_index = [], []
    for reading in candidates.readings(implied):
        read = _corners(target, box, scale, reading)
        if is_plausible(read, scale, target.features.shape[2:]):
            for batches, index in target.batches.items():
                fields.append((reading, batches))
                xyxy.append(read)
                batch_index.append(index[box])
    read_as = np.array(xyxy).reshape(-1, 4), np.array(batch_index, np.intp)
    return _Readings(box, scale, fields, *read_as)


def _corners(target: SearchTarget, box: int, scale: Scale, reading: Mapping[str, Any]) -> Float:
    """Return x1, y1, x2, y2 of a box, (4,), with y down."""
    height = None
    if reading["origin"] == "bottom-left":
        rows = target.features.shape[2]
        height = box_height(target.image_height, rows, scale[0], normalized=reading["normalized"])
    given = target.boxes[box : box + 1]
    xyxy: Float = corners(given, reading["box_format"], height, inclusive=reading["inclusive"])[0]
    return xyxy


def _screen_operator(
    target: SearchTarget, operator: Operator, readings: _Readings, trials: Trials
) -> list[Hypothesis]:
    """Return the hypotheses by which one operator reproduces a box, of all readings of the box."""
    trials.count += len(readings.fields)
    convention = replace(operator[0], rejects="nothing")
    where = readings.xyxy, readings.xyxy, readings.batch_index, readings.scale, target.size
    operation = Operation(target.probe_features, *where, convention, target.image_height)
    try:
        pooled = operation.pooled()
    except ArgumentError:
        return []
    box, (_, channels) = slice(readings.box, readings.box + 1), target.probes
    shares = target.fit_pooled(pooled, box, channels).fits.mean(axis=(1, 2, 3))
    found = []
    for k in np.flatnonzero(shares > 0):
        share, reading = float(shares[k]), readings.fields[k]
        build = functools.partial(_hypothesis, operator, readings.scale, *reading, target.layout)
        if share < _MATCH_SHARE:
            trials.below_match.append((share, build))
        else:
            found.append(build())
            trials.record(found[-1], share)
    return found


def _hypothesis(
    operator: Operator, scale: Scale, reading: dict[str, Any], batches: Batches, layout: Layout
) -> Hypothesis:
    convention, mistake = operator
    own_scale = None if reading["normalized"] else scale
    return Hypothesis(replace(convention, **reading), own_scale, layout, batches, mistake)


def refine(
    target: SearchTarget, candidates: Candidates, screened: Sequence[Hypothesis], trials: Trials
) -> list[Hypothesis]:
    """Return the presets behind screened hypotheses that reproduce all probes."""
    presets = [preset for coarse in screened for preset in _with_presets(candidates, coarse)]
    probed = _probe(target, presets, trials)
    return [hypothesis for hypothesis, share, _ in probed if share >= _MATCH_SHARE]


def _with_presets(candidates: Candidates, coarse: Hypothesis) -> list[Hypothesis]:
    """Return a hypothesis for each preset with the same coarse rules, else the hypothesis."""
    convention = coarse.convention
    presets = candidates.by_coarse_rules.get(coarse_rules(convention), [convention])
    distinct = {(effective_rules(preset), preset.name): preset for preset in presets}
    return [
        replace(coarse, convention=replace(preset, **coarse.box_fields))
        for preset in distinct.values()
    ]


def _probe(
    target: SearchTarget, hypotheses: Sequence[Hypothesis], trials: Trials
) -> Iterator[tuple[Hypothesis, float, float]]:
    """Yield each hypothesis with the share of probe values it reproduces and the largest error."""
    for hypothesis in hypotheses:
        trials.count += 1
        fit = target.fit(hypothesis, *target.probes)
        if fit is not None:
            trials.record(hypothesis, fit.share)
            yield hypothesis, fit.share, fit.largest


def confirm(target: SearchTarget, hypotheses: Sequence[Hypothesis]) -> dict[Hypothesis, float]:
    """Return the hypotheses that reproduce the whole output, with their largest difference."""
    errors: dict[tuple[Any, ...], float | None] = {}
    confirmed: dict[Hypothesis, float] = {}
    for hypothesis in hypotheses:
        call = hypothesis.spatial_scale, hypothesis.batches, *hypothesis.box_fields.values()
        key = effective_rules(hypothesis.convention), *call
        if key not in errors:
            errors[key] = target.exact_match_error(hypothesis)
        if (error := errors[key]) is not None:
            confirmed[hypothesis] = error
    return confirmed


def find_alternatives(
    target: SearchTarget, candidates: Candidates, confirmed: dict[Hypothesis, float], trials: Trials
) -> tuple[dict[Hypothesis, float], Match | None]:
    """Return other operators that reproduce the output, and the closest that does not.

    The boxes are read as in the simplest confirmed hypothesis.
    """
    best = min(confirmed, key=lambda hypothesis: (hypothesis.complexity, confirmed[hypothesis]))
    others = [
        replace(best, convention=replace(convention, **best.box_fields), mistake=mistake)
        for pooling in candidates.poolings()
        for convention, mistake in candidates.operators(pooling)
    ]
    probed = list(_probe(target, others, trials))
    alike = [hypothesis for hypothesis, share, _ in probed if share >= _MATCH_SHARE]
    errors = {hypothesis: error for hypothesis, share, error in probed if share < _MATCH_SHARE}
    presets = [preset for coarse in alike for preset in _with_presets(candidates, coarse)]
    return confirm(target, presets), _closest(target, errors)


def _closest(target: SearchTarget, errors: Mapping[Hypothesis, float]) -> Match | None:
    """Return the hypothesis with the smallest error on the probes."""
    if not errors:
        return None
    hypothesis = min(errors, key=lambda hypothesis: (errors[hypothesis], hypothesis.complexity))
    report = target.report(hypothesis)
    return None if report is None else Match(hypothesis, report.largest, ())


def explain(target: SearchTarget, trials: Trials) -> PartialMatch | None:
    """Return the closest of all hypotheses that were tried, None if none fits any value."""
    boxes, channels = target.sample()
    ranks = {}
    for hypothesis in trials.best():
        fit = target.fit(hypothesis, boxes, channels)
        if fit is not None:
            ranks[hypothesis] = _rank(target, fit.report(), boxes)
    if not ranks:
        return None
    return partial_match(target, max(ranks, key=lambda hypothesis: ranks[hypothesis]))


def partial_match(target: SearchTarget, hypothesis: Hypothesis) -> PartialMatch | None:
    """Return how a hypothesis fits the whole output, None if it rejects the boxes."""
    report = target.report(hypothesis)
    if report is None:
        return None
    rank = _rank(target, report)
    conditions = box_conditions(target.operation(hypothesis).plan()) | {
        "with negative values": report.negative,
        "with values that are not finite": report.not_finite,
    }
    shared = tuple(common_conditions(conditions, ~report.boxes)) if rank[0] else ()
    fitting = report.boxes, report.channels, report.sections
    rounded = report.largest <= target.rounded_error
    return PartialMatch(hypothesis, report.largest, *fitting, shared, rank, rounded)


def _rank(target: SearchTarget, report: Report, boxes: Selection = ALL) -> tuple[int, int]:
    """Return how many informative boxes and how many values are reproduced."""
    return int((report.boxes & target.informative_boxes[boxes]).sum()), report.count
