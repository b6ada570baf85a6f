"""Rank the ways to read the boxes by how similar to the output they make it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np

from roialign_cli.core.boxes import Float, box_height, corners
from roialign_cli.core.channels import features_read
from roialign_cli.core.convention import MEANINGS_OF_MAX, Convention, Pooling
from roialign_cli.core.operation import Operation
from roialign_cli.search.candidates import Candidates, Scale, is_plausible
from roialign_cli.search.fit import Index, SearchTarget
from roialign_cli.search.hypothesis import Batches
from roialign_cli.search.refine import fit_lines
from roialign_cli.search.sample import Sample, cosines, take_sample, whole_sample

Reading = tuple[Scale, dict[str, Any], Batches]  # with the box fields, and which map

# Rules between those of the common conventions.
TYPICAL = Convention(sampling_ratio=2, offset=0.25)
TYPICAL_MAXIMA = [replace(TYPICAL, pooling="max", **each) for each in MEANINGS_OF_MAX.values()]

_MAX_BOXES = 12
MANY_VALUES = 2000  # of a sample, with which chance makes no wrong reading similar
_MAX_READINGS, _MAX_UNSURE_READINGS = 8, 48
_FEW_VALUES = 200  # below, every reading is tried
_SURE = 0.5  # score of a reading that is right for most boxes
_MAX_MORE_BOXES = 96
_SIMILAR_SHARE = 0.95  # of the largest correlation
_MAX_POOLING_BOXES, _MAX_POOLING_CHANNELS = 6, 3
_SIMILAR_POOLING = 0.25  # how much closer one pooling must be for the other not to be tried
_MARGIN = 0.2  # below the best score


def all_readings(target: SearchTarget, candidates: Candidates) -> Iterator[Reading]:
    """Yield every scale with every way to read the boxes and every choice of maps."""
    for scale, implied in candidates.scales():
        for fields in candidates.readings(implied):
            yield from ((scale, fields, batches) for batches in target.batches)


def read_boxes(
    target: SearchTarget, boxes: Index, scale: Scale, reading: Mapping[str, Any]
) -> Float:
    """Return x1, y1, x2, y2 of some boxes, (r, 4), with y down."""
    height = None
    if reading["origin"] == "bottom-left":
        rows = target.features.shape[2]
        height = box_height(target.image_height, rows, scale[0], normalized=reading["normalized"])
    given, inclusive = target.boxes[boxes], reading["inclusive"]
    return corners(given, reading["box_format"], height, inclusive=inclusive)


@dataclass(frozen=True)
class Likely:
    """What a search for an exact match tries, as far as a look at a sample shows.

    Parameters
    ----------
    target, candidates
        The output, and what is tried.
    sample
        The sample; None if it has too few values to decide.
    readings
        The readings of the boxes that may have made the output, best first.
    score
        The score of the best reading, 0 to 1; 1 without a sample.
    """

    target: SearchTarget
    candidates: Candidates
    sample: Sample | None
    readings: list[Reading]
    score: float

    @cached_property
    def poolings(self) -> Sequence[Pooling]:
        """The poolings that may have made the output."""
        if self.sample is None:
            return self.candidates.poolings()
        return _poolings(self.target, self.candidates, self.sample, self.readings[0])

    @cached_property
    def boxes(self) -> Index:
        """The boxes to look at first."""
        if self.sample is None:
            return self.target.probes[0]
        return _similar_boxes(self.target, self.sample, self.readings[0])


def look(target: SearchTarget, candidates: Candidates) -> Likely:
    """Find the readings of boxes that a search for an exact match begins with."""
    readings, sample = list(all_readings(target, candidates)), take_sample(target)
    if sample is None:
        return Likely(target, candidates, None, readings, 1.0)
    scores = reading_scores(target, sample, readings, _MAX_BOXES)
    if scores.max() < _SURE and len(target.output) > len(sample.boxes):
        # Perhaps only a few boxes match.
        sample = take_sample(target, most=_MAX_MORE_BOXES) or sample
        scores = reading_scores(target, sample.of_channels(_MAX_POOLING_CHANNELS), readings)
    scores = _alike(readings, scores)
    order = np.argsort(-scores, kind="stable").tolist()
    ranked = [readings[k] for k in order]
    if sample.values.size < MANY_VALUES:
        most = _MAX_UNSURE_READINGS if sample.values.size >= _FEW_VALUES else len(ranked)
        return Likely(target, candidates, None, ranked[:most], 1.0)
    likely = [readings[k] for k in order if scores[k] >= scores.max() - _MARGIN]
    return Likely(target, candidates, sample, likely[:_MAX_READINGS], float(scores.max()))


def _alike(readings: list[Reading], scores: Float) -> Float:
    """Give readings that differ in whether the second corner is inclusive the better score."""
    best: dict[tuple[object, ...], float] = {}
    keys = []
    for (scale, fields, batches), score in zip(readings, scores.tolist(), strict=True):
        own = (value for name, value in fields.items() if name != "inclusive")
        keys.append((scale, batches, *own))
        best[keys[-1]] = max(best.get(keys[-1], 0.0), score)
    return np.array([best[key] for key in keys])


def _poolings(
    target: SearchTarget, candidates: Candidates, sample: Sample, reading: Reading
) -> list[Pooling]:
    """Return the poolings that are not much farther from a sample than the other one."""
    chosen = np.unique(np.linspace(0, len(sample.boxes) - 1, _MAX_POOLING_BOXES).round())
    few = sample.of_boxes(chosen.astype(np.intp)).of_channels(_MAX_POOLING_CHANNELS)
    scale, fields, batches = reading
    on_map = read_boxes(target, few.boxes, scale, fields) * np.tile(scale[::-1], 2)
    on_map, index = np.clip(on_map, -1e6, 1e6), target.batches[batches][few.boxes]
    errors: dict[Pooling, float] = {}
    for pooling in candidates.poolings():
        made = (pool_on_map(target, few, rules, on_map, index) for rules in _USUAL_RULES[pooling])
        errors[pooling] = min(fit_lines(values, few.values).error for values in made)
    return [p for p in errors if _SIMILAR_POOLING * errors[p] <= min(errors.values())]


# Pooling → usual rules of it. Adaptive maxima take long.
_USUAL_RULES: dict[Pooling, list[Convention]] = {
    "avg": [
        Convention(sampling_ratio=ratio, offset=offset)
        for offset, ratio in product((0.0, 0.5), (0, 2))
    ],
    "max": [
        Convention(pooling="max", sampling_ratio=2, offset=offset, **meaning)
        for offset, meaning in product((0.0, 0.5), MEANINGS_OF_MAX.values())
    ],
}


def _similar_boxes(target: SearchTarget, sample: Sample, reading: Reading) -> Index:
    """Return boxes that a reading makes similar to the output, those that vary most first."""
    whole = whole_sample(target, np.arange(len(target.output)), sample.channels)
    usable = target.finite_boxes & target.informative_boxes
    made, given = pool_reading(target, whole, reading), whole.values
    if given[0, 0].size > 1:
        # Small boxes have the level of each channel in common, but little else.
        made, given = (values - values.mean(axis=(2, 3), keepdims=True) for values in (made, given))
    similar = np.where(usable, cosines(made, given), -1.0)
    near = np.flatnonzero(similar >= _SIMILAR_SHARE * similar.max())
    spread = given[near].std(axis=(1, 2, 3))
    return near[np.argsort(-spread, kind="stable")]


def reading_scores(
    target: SearchTarget, sample: Sample, readings: list[Reading], most: int = 1 << 20
) -> Float:
    """Return the scores of readings, 0 to 1: the mean square of the correlations of boxes.

    At most so many boxes of the sample are pooled.
    """
    count = min(len(sample.boxes), most)
    few = np.unique(np.linspace(0, len(sample.boxes) - 1, count).round().astype(np.intp))
    part, boxes = sample.of_boxes(few), sample.boxes[few]
    stacked, index = [], []
    for scale, fields, batches in readings:
        stacked.append(read_boxes(target, boxes, scale, fields) * np.tile(scale[::-1], 2))
        index.append(target.batches[batches][boxes])
    scores = np.full((len(readings), len(few)), -1.0)
    cells = target.features.shape[2:]
    near = [
        k for k, on_map in enumerate(stacked)
        if any(is_plausible(box, (1.0, 1.0), cells) for box in on_map)
    ]  # fmt: skip
    if not near:
        return np.asarray(scores[:, 0])
    on_map = np.concatenate([np.clip(stacked[k], -1e6, 1e6) for k in near])
    made = pool_on_map(target, sample, TYPICAL, on_map, np.concatenate([index[k] for k in near]))
    for k, values in zip(near, made.reshape(len(near), len(few), *made.shape[1:]), strict=True):
        scores[k] = part.similarity(values)
    return np.asarray(np.square(np.maximum(scores, 0)).mean(axis=1))


def pool_on_map(
    target: SearchTarget, sample: Sample, convention: Convention, on_map: Float, index: Index
) -> Float:
    """Pool the channels of a sample for boxes on the map, (r, 4), in cells."""
    if convention.channel_map != target.channel_map:
        convention = replace(convention, channel_map=target.channel_map)
    features = features_read(target.features, sample.channels, convention, target.size)
    where = on_map, on_map, index, (1.0, 1.0), target.size
    return Operation(features, *where, convention).pooled()


def pool_reading(target: SearchTarget, sample: Sample, reading: Reading) -> Float:
    """Pool the boxes of a sample as a reading places them, by typical rules."""
    scale, fields, batches = reading
    on_map = read_boxes(target, sample.boxes, scale, fields) * np.tile(scale[::-1], 2)
    index = target.batches[batches][sample.boxes]
    return pool_on_map(target, sample, TYPICAL, np.clip(on_map, -1e6, 1e6), index)
