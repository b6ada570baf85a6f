"""The stages of a search: screen, refine, confirm and explain.

Screening pools one box with every operator, reading the box in all plausible ways at once.
Refining tries the presets that follow the rules of the matching operators on a few more boxes.
Confirming pools all boxes. Explaining finds the closest hypothesis if none is confirmed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import box_conditions, common_conditions
from roialign_cli.analysis.equivalence import coarse_rules, effective_rules
from roialign_cli.core.boxes import Float, box_height, corners
from roialign_cli.core.channels import features_read
from roialign_cli.core.convention import Convention, Pooling
from roialign_cli.core.operation import Operation, coordinate_dtype
from roialign_cli.core.point_values import floating
from roialign_cli.errors import ArgumentError
from roialign_cli.search.candidates import BoxFields, Candidates, Operator, Scale, is_plausible
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


Reading = tuple[Scale, dict[str, Any], Batches]  # with the box fields, and which map


@dataclass(frozen=True)
class _Readings:
    """The n plausible readings of one probe box at all scales."""

    box: int  # index of the box
    readings: list[Reading]  # n
    xyxy: Float  # (n, 4), float64: corners with y down, in box units
    scales: Float  # (n, 2), float64: (y, x) in map units per box unit
    batch_index: Index  # (n,): index of the map
    # Box fields → the indices of the readings that have them.
    _chosen: dict[BoxFields | None, Index] = field(default_factory=dict)

    def read_as(self, own: BoxFields | None) -> Index:
        """Return the indices of the readings with some box fields, or of all."""
        if own not in self._chosen:
            required = dict(own or ())
            self._chosen[own] = np.array(
                [
                    k
                    for k, (_, fields, _) in enumerate(self.readings)
                    if all(value == required.get(name, value) for name, value in fields.items())
                ],
                np.intp,
            )
        return self._chosen[own]


def screen(
    target: SearchTarget, candidates: Candidates, pooling: Pooling, trials: Trials, advance: Advance
) -> Iterator[list[Hypothesis]]:
    """Yield the hypotheses that reproduce a probe box, for one probe box after another."""
    boxes, channels = target.probes
    operators = candidates.operators[pooling]
    convention = next((operator for operator, _ in operators), Convention())
    features = features_read(target.features, channels, convention, target.size)
    own_readings = [candidates.own_reading(operator) for operator in operators]
    for box in boxes.tolist():
        found: list[Hypothesis] = []
        readings = _readings(target, candidates, box)
        screener = _Screener(target, readings, features, trials)
        for operator, own_reading in zip(operators, own_readings, strict=True):
            found += screener.screen(operator, readings.read_as(own_reading))
            advance(1 / len(operators) / len(boxes))
        if found:
            yield found


def _readings(target: SearchTarget, candidates: Candidates, box: int) -> _Readings:
    """Return all readings by which a box lies on the map."""
    readings: list[Reading] = []
    xyxy, batch_index = [], []
    for scale, implied in candidates.scales():
        for fields in candidates.readings(implied):
            read = _corners(target, box, scale, fields)
            if is_plausible(read, scale, target.features.shape[2:]):
                for batches, index in target.batches.items():
                    readings.append((scale, fields, batches))
                    xyxy.append(read)
                    batch_index.append(index[box])
    scales = np.array([scale for scale, _, _ in readings]).reshape(-1, 2)
    read_as = np.array(xyxy).reshape(-1, 4), scales, np.array(batch_index, np.intp)
    return _Readings(box, readings, *read_as)


def _corners(target: SearchTarget, box: int, scale: Scale, reading: Mapping[str, Any]) -> Float:
    """Return x1, y1, x2, y2 of a box, (4,), with y down."""
    height = None
    if reading["origin"] == "bottom-left":
        rows = target.features.shape[2]
        height = box_height(target.image_height, rows, scale[0], normalized=reading["normalized"])
    given = target.boxes[box : box + 1]
    xyxy: Float = corners(given, reading["box_format"], height, inclusive=reading["inclusive"])[0]
    return xyxy


@dataclass(frozen=True)
class _Screener:
    """Pools a probe box with one operator after another, by several readings of the box at once.

    `features` are the channels that the probes read.
    """

    target: SearchTarget
    readings: _Readings
    features: NDArray[Any]
    trials: Trials
    # Rules without the initial value of the maximum, readings → output
    pooled: dict[tuple[Convention, tuple[int, ...]], Float] = field(default_factory=dict)

    def screen(self, operator: Operator, chosen: Index) -> list[Hypothesis]:
        """Return the hypotheses by which an operator reproduces the box, of some readings of it."""
        if not len(chosen):
            return []
        target, readings = self.target, self.readings
        self.trials.count += len(chosen)
        pooled = self._pooled(operator[0], chosen)
        box, (_, channels) = slice(readings.box, readings.box + 1), target.probes
        shares = target.fit_pooled(pooled, box, channels).fits.mean(axis=(1, 2, 3))
        found = []
        for k in np.flatnonzero(shares > 0):
            share, reading = float(shares[k]), readings.readings[chosen[k]]
            build = functools.partial(_hypothesis, operator, reading, target.layout)
            if share < _MATCH_SHARE:
                self.trials.below_match.append((share, build))
            else:
                found.append(build())
                self.trials.record(found[-1], share)
        return found

    def _pooled(self, convention: Convention, chosen: Index) -> Float:
        """Return the outputs of some readings of the box; NaN where the rules refuse them.

        Maxima that differ only in their initial value are computed once.
        """
        if convention.pooling == "avg":
            return self._output(convention, chosen)
        key = _without_start(convention), tuple(chosen.tolist())
        if key not in self.pooled:
            self.pooled[key] = self._output(key[0], chosen)
        return np.maximum(self.pooled[key], convention.max_start)

    def _output(self, convention: Convention, chosen: Index) -> Float:
        """Pool the box by some readings, at all scales together if the rules allow it."""
        readings, pooled = self.readings, None
        if not _reads_image_units(convention):
            dtype = coordinate_dtype(self.features.dtype, convention)
            scales = np.tile(readings.scales[chosen][:, ::-1], 2).astype(dtype)
            with np.errstate(over="ignore"):
                on_map = readings.xyxy[chosen].astype(dtype) * scales
            pooled = self._pool(convention, on_map.astype(np.float64), chosen, (1.0, 1.0))
        return self._by_scale(convention, chosen) if pooled is None else pooled

    def _by_scale(self, convention: Convention, chosen: Index) -> Float:
        readings = self.readings
        shape = len(chosen), self.target.probes[1].size, *self.target.size
        pooled = np.full(shape, np.nan, floating(self.features.dtype))
        for scale in {readings.readings[k][0] for k in chosen.tolist()}:
            at = np.flatnonzero((readings.scales[chosen] == scale).all(axis=1))
            part = self._pool(convention, readings.xyxy[chosen[at]], chosen[at], scale)
            if part is not None:
                pooled[at] = part
        return pooled

    def _pool(
        self, convention: Convention, xyxy: Float, chosen: Index, scale: Scale
    ) -> Float | None:
        """Return the outputs of boxes, None if the rules refuse one of them."""
        index = self.readings.batch_index[chosen]
        where = xyxy, xyxy, index, scale, self.target.size
        try:
            return Operation(self.features, *where, convention, self.target.image_height).pooled()
        except ArgumentError:
            return None


def _reads_image_units(convention: Convention) -> bool:
    """Return whether rules need boxes in image units, or the height of the image."""
    offsets = convention.image_offset or convention.image_end_offset
    rounded = convention.edge_rounding.endswith("image")
    return bool(offsets) or rounded or convention.coordinate_decimals is not None


@functools.lru_cache(maxsize=4096)
def _without_start(convention: Convention) -> Convention:
    return replace(convention, max_start=-math.inf)


def _hypothesis(operator: Operator, reading: Reading, layout: Layout) -> Hypothesis:
    (convention, mistake), (scale, fields, batches) = operator, reading
    own_scale = None if fields["normalized"] else scale
    return Hypothesis(replace(convention, **fields), own_scale, layout, batches, mistake)


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
    if coarse.mistake:
        return [coarse]
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
        for convention, mistake in candidates.operators[pooling]
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
