"""Pool a few boxes with every operator, reading each box in all likely ways at once."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.core.boxes import Float
from roialign_cli.core.channels import features_read
from roialign_cli.core.convention import Convention, Pooling
from roialign_cli.core.operation import Operation, coordinate_dtype
from roialign_cli.core.point_values import floating
from roialign_cli.errors import ArgumentError
from roialign_cli.search.candidates import BoxFields, Candidates, Operator, Scale, is_plausible
from roialign_cli.search.fit import Index, SearchTarget
from roialign_cli.search.hypothesis import Hypothesis, Layout
from roialign_cli.search.readings import Reading, read_boxes

MATCH_SHARE = 0.7  # least share of values; at thresholds libraries round differently

Advance = Callable[[float], object]  # called with the share of the work done since the last call


@dataclass(frozen=True)
class Pairs:
    """The n pairs of a probe box and a plausible reading of it.

    Parameters
    ----------
    boxes
        (n,), indices of the boxes.
    readings
        The n readings.
    xyxy
        (n, 4), float64: the corners with y down, in box units.
    batch_index
        (n,), indices of the maps.
    """

    boxes: Index
    readings: list[Reading]
    xyxy: Float
    batch_index: Index
    # Box fields → the indices of the pairs that have them.
    _chosen: dict[BoxFields | None, Index] = field(default_factory=dict)
    # Hypothesis → which pairs read the box as it does, (n,)
    _alike: dict[Hypothesis, Mask] = field(default_factory=dict)

    @classmethod
    def of(cls, target: SearchTarget, boxes: Sequence[int], readings: Sequence[Reading]) -> Pairs:
        """Pair boxes with the readings by which they lie on the map."""
        found: list[tuple[int, Reading]] = []
        xyxy, batch_index = [], []
        for box in boxes:
            for reading in readings:
                scale, fields, batches = reading
                read = read_boxes(target, np.array([box]), scale, fields)[0]
                if is_plausible(read, scale, target.features.shape[2:]):
                    found.append((box, reading))
                    xyxy.append(read)
                    batch_index.append(target.batches[batches][box])
        return cls(
            np.array([box for box, _ in found], np.intp),
            [reading for _, reading in found],
            np.array(xyxy).reshape(-1, 4),
            np.array(batch_index, np.intp),
        )

    @functools.cached_property
    def scales(self) -> Float:
        """(n, 2), float64: (y, x) in map units per box unit."""
        return np.array([scale for scale, _, _ in self.readings]).reshape(-1, 2)

    def read_as(self, own: BoxFields | None) -> Index:
        """Return the indices of the pairs whose reading has some box fields, or of all."""
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

    def read_alike(self, other: Hypothesis) -> Mask:
        """Return which pairs read the box as a hypothesis does, (n,)."""
        if other not in self._alike:
            alike = [is_reading_of(reading, other) for reading in self.readings]
            self._alike[other] = np.array(alike, np.bool_)
        return self._alike[other]


@dataclass(frozen=True)
class Screened:
    """How well one operator reproduces the boxes.

    Parameters
    ----------
    operator
        The operator.
    pairs
        The boxes and their readings.
    chosen
        (n,), the indices of the pairs that were tried.
    layout
        The order of the output's axes.
    shares
        (n,), the share of the values that are reproduced.
    largest
        (n,), the largest difference.
    """

    operator: Operator
    pairs: Pairs
    chosen: Index
    layout: Layout
    shares: Float
    largest: Float

    @property
    def count(self) -> int:
        """How many readings were tried."""
        return len({id(self.pairs.readings[k]) for k in self.chosen.tolist()})

    def reproducing(self, box: int) -> list[Hypothesis]:
        """Return the hypotheses that reproduce a box."""
        similar = self.chosen[self.shares >= MATCH_SHARE].tolist()
        return [self._read_as(k) for k in similar if self.pairs.boxes[k] == box]

    def reading_as(self, other: Hypothesis) -> tuple[Hypothesis, float, float] | None:
        """Return the hypothesis that reads the boxes as another one, None if it was not tried.

        Beside it, the share of the values that it reproduces, and the largest difference.
        """
        alike = self.pairs.read_alike(other)[self.chosen]
        if not alike.any():
            return None
        share, largest = self.shares[alike].mean(), self.largest[alike].max()
        return self._read_as(int(self.chosen[alike][0])), float(share), float(largest)

    def _read_as(self, pair: int) -> Hypothesis:
        (convention, mistake), (scale, fields, batches) = self.operator, self.pairs.readings[pair]
        convention = replace(convention, **fields)
        return Hypothesis(convention, _own(scale, fields), self.layout, batches, mistake)


def screen(
    target: SearchTarget,
    candidates: Candidates,
    pairs: Pairs,
    pooling: Pooling,
    advance: Advance = lambda _share: None,
) -> Iterator[Screened]:
    """Yield how well each operator reproduces boxes."""
    operators = candidates.operators(pooling)
    _, channels = target.probes
    convention = next((operator for operator, _ in operators), Convention())
    features = features_read(target.features, channels, convention, target.size)
    screener = _Screener(target, pairs, features)
    for operator in operators:
        chosen = pairs.read_as(candidates.own_reading(operator))
        if len(chosen):
            yield screener.screened(operator, chosen)
        advance(1 / len(operators))


@dataclass(frozen=True)
class _Screener:
    """Pools the boxes with one operator after another.

    `features` are the channels that the probes read.
    """

    target: SearchTarget
    pairs: Pairs
    features: NDArray[Any]
    # Rules without the initial value of the maximum, pairs → output
    pooled: dict[tuple[Convention, tuple[int, ...]], Float] = field(default_factory=dict)

    def screened(self, operator: Operator, chosen: Index) -> Screened:
        """Return how well an operator reproduces some pairs."""
        target, pairs = self.target, self.pairs
        boxes, (_, channels) = pairs.boxes[chosen], target.probes
        fit = target.fit_pooled(self._pooled(operator[0], chosen), boxes, channels)
        shares = fit.fits.mean(axis=(1, 2, 3))
        largest = np.nan_to_num(np.abs(fit.differences), nan=np.inf).max(axis=(1, 2, 3))
        return Screened(operator, pairs, chosen, target.layout, shares, largest)

    def _pooled(self, convention: Convention, chosen: Index) -> Float:
        """Return the outputs of some pairs; NaN where the rules refuse them.

        Maxima that differ only in their initial value are computed once.
        """
        if convention.pooling == "avg":
            return self._output(convention, chosen)
        key = _without_start(convention), tuple(chosen.tolist())
        if key not in self.pooled:
            self.pooled[key] = self._output(key[0], chosen)
        return np.maximum(self.pooled[key], convention.max_start)

    def _output(self, convention: Convention, chosen: Index) -> Float:
        """Pool some pairs, at all scales together if the rules allow it."""
        pairs, pooled = self.pairs, None
        if not _reads_image_units(convention):
            dtype = coordinate_dtype(self.features.dtype, convention)
            scales = np.tile(pairs.scales[chosen][:, ::-1], 2).astype(dtype)
            with np.errstate(over="ignore"):
                on_map = pairs.xyxy[chosen].astype(dtype) * scales
            pooled = self._pool(convention, on_map.astype(np.float64), chosen, (1.0, 1.0))
        return self._by_scale(convention, chosen) if pooled is None else pooled

    def _by_scale(self, convention: Convention, chosen: Index) -> Float:
        """Pool some pairs, those at a scale together, or those of a box if the rules refuse some.

        The output of a pair that is refused even so is NaN.
        """
        pairs = self.pairs
        shape = len(chosen), self.target.probes[1].size, *self.target.size
        pooled = np.full(shape, np.nan, floating(self.features.dtype))
        scales: dict[Scale, list[int]] = {}
        for at, k in enumerate(chosen.tolist()):
            scales.setdefault(pairs.readings[k][0], []).append(at)
        groups = list(scales.items())
        while groups:
            scale, group = groups.pop()
            some = chosen[group]
            boxes = pairs.boxes[some]
            part = self._pool(convention, pairs.xyxy[some], some, scale)
            if part is not None:
                pooled[group] = part
            elif len(each := np.unique(boxes)) > 1:
                of_box = (np.flatnonzero(boxes == box) for box in each)
                groups += [(scale, [group[at] for at in own]) for own in of_box]
        return pooled

    def _pool(
        self, convention: Convention, xyxy: Float, chosen: Index, scale: Scale
    ) -> Float | None:
        """Return the outputs of boxes, None if the rules refuse one of them."""
        index = self.pairs.batch_index[chosen]
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


def _own(scale: Scale, fields: Mapping[str, Any]) -> Scale | None:
    """Return the scale that a call states with some box fields."""
    return None if fields["normalized"] else scale


def is_reading_of(reading: Reading, hypothesis: Hypothesis) -> bool:
    """Return whether a hypothesis reads boxes in some way."""
    scale, fields, batches = reading
    own = hypothesis.box_fields
    return (_own(scale, fields), batches) == (hypothesis.spatial_scale, hypothesis.batches) and all(
        own[name] == value for name, value in fields.items()
    )


def reading_of(hypothesis: Hypothesis, candidates: Candidates) -> Reading:
    """Return how a hypothesis reads boxes."""
    fields, scale = hypothesis.box_fields, hypothesis.spatial_scale
    if scale is None:
        scale = next(
            scale for scale, implied in candidates.scales() if implied.items() <= fields.items()
        )
    return scale, fields, hypothesis.batches
