"""The stages of a search for exact matches: screen, refine and confirm.

Screening pools one box with every operator, reading the box in all likely ways at once.
Refining tries the presets that follow the rules of the matching operators on a few more boxes.
Confirming pools all boxes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.equivalence import coarse_rules, effective_rules
from roialign_cli.core.boxes import Float
from roialign_cli.core.channels import features_read
from roialign_cli.core.convention import Convention, Pooling
from roialign_cli.core.operation import Operation, coordinate_dtype
from roialign_cli.core.point_values import floating
from roialign_cli.errors import ArgumentError
from roialign_cli.search.candidates import BoxFields, Candidates, Operator, Scale, is_plausible
from roialign_cli.search.fit import Index, SearchTarget
from roialign_cli.search.hypothesis import Hypothesis, Layout
from roialign_cli.search.readings import Likely, Reading, read_boxes
from roialign_cli.search.result import Match

Advance = Callable[[float], object]  # called with the share of the work done since the last call

_MATCH_SHARE = 0.7  # least share of values; at thresholds libraries round differently
_MAX_SCREENED = 3  # probe boxes


@dataclass
class Trials:
    """The record of what a search has tried.

    Parameters
    ----------
    count
        How many hypotheses were tried.
    unconfirmed
        Hypotheses that reproduce a box but not the whole output, with their targets.
    """

    count: int = 0
    unconfirmed: list[tuple[SearchTarget, Hypothesis]] = field(default_factory=list)


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
    target: SearchTarget,
    candidates: Candidates,
    likely: Likely,
    pooling: Pooling,
    trials: Trials,
    advance: Advance,
) -> Iterator[list[Hypothesis]]:
    """Yield the hypotheses that reproduce a probe box, for one probe box after another."""
    boxes, (_, channels) = likely.boxes[:_MAX_SCREENED], target.probes
    operators = candidates.operators(pooling)
    convention = next((operator for operator, _ in operators), Convention())
    features = features_read(target.features, channels, convention, target.size)
    own_readings = [candidates.own_reading(operator) for operator in operators]
    for box in boxes.tolist():
        found: list[Hypothesis] = []
        readings = _readings(target, likely.readings, box)
        screener = _Screener(target, readings, features, trials)
        for operator, own_reading in zip(operators, own_readings, strict=True):
            found += screener.screen(operator, readings.read_as(own_reading))
            advance(1 / len(operators) / len(boxes))
        if found:
            yield found


def _readings(target: SearchTarget, likely: Sequence[Reading], box: int) -> _Readings:
    """Return the readings by which a box lies on the map."""
    readings: list[Reading] = []
    xyxy, batch_index = [], []
    for scale, fields, batches in likely:
        read = read_boxes(target, np.array([box]), scale, fields)[0]
        if is_plausible(read, scale, target.features.shape[2:]):
            readings.append((scale, fields, batches))
            xyxy.append(read)
            batch_index.append(target.batches[batches][box])
    scales = np.array([scale for scale, _, _ in readings]).reshape(-1, 2)
    read_as = np.array(xyxy).reshape(-1, 4), scales, np.array(batch_index, np.intp)
    return _Readings(box, readings, *read_as)


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
        return [
            _hypothesis(operator, readings.readings[chosen[k]], target.layout)
            for k in np.flatnonzero(shares >= _MATCH_SHARE)
        ]

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
    presets = candidates.by_coarse_rules(convention.pooling).get(
        coarse_rules(convention), [convention]
    )
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
            yield hypothesis, fit.share, fit.largest


def confirm(
    target: SearchTarget, hypotheses: Sequence[Hypothesis], *, verified: bool = False
) -> dict[Hypothesis, float]:
    """Return the hypotheses that reproduce the whole output, with their largest difference.

    Where the points of an operator lie does not depend on the channel. So once one hypothesis is
    `verified` on all channels, the others are compared on a few.
    """
    errors: dict[tuple[Any, ...], float | None] = {}
    confirmed: dict[Hypothesis, float] = {}
    _, few = target.sample()
    for hypothesis in sorted(hypotheses, key=lambda each: each.complexity):
        call = hypothesis.spatial_scale, hypothesis.batches, *hypothesis.box_fields.values()
        key = effective_rules(hypothesis.convention), *call
        if key not in errors:
            error = target.exact_match_error(hypothesis, few)
            if error is not None and not verified:
                error = target.exact_match_error(hypothesis)
                verified = error is not None
            errors[key] = error
        if (error := errors[key]) is not None:
            confirmed[hypothesis] = error
    return confirmed


def find_alternatives(
    target: SearchTarget,
    candidates: Candidates,
    poolings: Sequence[Pooling],
    confirmed: Mapping[Hypothesis, float],
    trials: Trials,
) -> tuple[dict[Hypothesis, float], Match | None]:
    """Return other operators that reproduce the output, and the closest that does not.

    The boxes are read as in the simplest confirmed hypothesis.
    """
    best = min(confirmed, key=lambda hypothesis: (hypothesis.complexity, confirmed[hypothesis]))
    others = [
        replace(best, convention=replace(convention, **best.box_fields), mistake=mistake)
        for pooling in poolings
        for convention, mistake in candidates.operators(pooling)
    ]
    probed = list(_probe(target, others, trials))
    alike = [hypothesis for hypothesis, share, _ in probed if share >= _MATCH_SHARE]
    errors = {hypothesis: error for hypothesis, share, error in probed if share < _MATCH_SHARE}
    presets = [preset for coarse in alike for preset in _with_presets(candidates, coarse)]
    return confirm(target, presets, verified=True), _closest(target, errors)


def _closest(target: SearchTarget, errors: Mapping[Hypothesis, float]) -> Match | None:
    """Return the hypothesis with the smallest error on the probes."""
    if not errors:
        return None
    hypothesis = min(errors, key=lambda hypothesis: (errors[hypothesis], hypothesis.complexity))
    largest = target.largest_error(hypothesis)
    return None if largest is None else Match(hypothesis, largest, ())
