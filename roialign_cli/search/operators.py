"""Choose the operator that makes an output most alike, whatever the place of the boxes."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from roialign_cli.analysis.equivalence import coarse_rules
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import MEANINGS_OF_MAX, Convention, Pooling
from roialign_cli.errors import ArgumentError
from roialign_cli.search.candidates import Candidates
from roialign_cli.search.fit import Index, SearchTarget
from roialign_cli.search.readings import TYPICAL, pool_on_map
from roialign_cli.search.refine import Place, fit_lines, refine
from roialign_cli.search.sample import Sample

# Pooling → the sampling ratios to try; maxima of many points take long.
RATIOS: dict[Pooling, tuple[int, ...]] = {
    "avg": (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16),
    "max": (0, 1, 2, 3, 4, 6, 8),
}
_MAX_COMMON, _MAX_REFINED = 3, 2
_MAX_TURNS, _MIN_BOXES = 4, 4
_MAX_RANKED_CHANNELS = 3
_EXACT = 1e-9  # unexplained share of the variance
_SIMILAR = 0.4  # how much closer one pooling must be for the other not to be tried


@dataclass(frozen=True)
class Fitted:
    """Rules and the place of boxes, fitted to a sample.

    Parameters
    ----------
    convention
        The rules, without shifts of the boxes: these are part of the place.
    place
        The place of the boxes.
    error
        The share of the variance of the sample that they do not explain, 0 to 1.
    """

    convention: Convention
    place: Place
    error: float


def without_shifts(convention: Convention) -> Convention:
    """Return rules that leave boxes where they are on the map, and refuse none."""
    return replace(
        convention,
        offset=0.0,
        image_offset=0.0,
        image_end_offset=0.0,
        rejects="nothing",
        normalized=False,
        inclusive=False,
        origin="top-left",
        box_format="xyxy",
    )


def shape_of(convention: Convention) -> Convention:
    """Return what rules do to boxes of at least one cell, wherever they move the boxes."""
    return coarse_rules(replace(without_shifts(convention), min_size=0.0))


@dataclass(frozen=True)
class Fitting:
    """A sample, and its boxes in box units with y down, (r, 4)."""

    target: SearchTarget
    sample: Sample
    xyxy: Float
    index: Index

    def pool(self, convention: Convention, on_map: Float) -> Float | None:
        """Pool boxes on the map, None if the rules refuse them."""
        try:
            made = pool_on_map(self.target, self.sample, convention, on_map, self.index)
        except ArgumentError:
            return None
        return made if np.isfinite(made).all() else None

    def error(self, convention: Convention, place: Place) -> float:
        """Return the share of the variance that rules do not explain, with free gain and bias."""
        made = self.pool(convention, place.on_map(self.xyxy))
        return 1.0 if made is None else self.unexplained(made)

    def unexplained(self, made: Float) -> float:
        """Return the share of the variance that pooled values do not explain."""
        wanted = self.sample.values / np.sqrt(self._variance)
        error = fit_lines(made, wanted, self.sample.weight).error / wanted.size
        return error if np.isfinite(error) else 1.0

    def refined(self, convention: Convention, place: Place) -> Fitted:
        """Return rules with the place that fits them best."""
        # Maxima take long.
        fitting = self.reduced if convention.pooling == "max" else self
        pool = functools.partial(fitting.pool, convention)
        return Fitted(convention, *refine(pool, fitting.xyxy, place, fitting.sample))

    def trimmed(self, rules: Convention, place: Place) -> tuple[Fitting, Place]:
        """Return the half of the boxes that rules explain best, and the place that fits them.

        The half and the place are found in turns, as for least trimmed squares.
        """
        fitting, kept = self, np.arange(0)
        for _ in range(_MAX_TURNS):
            place = fitting.refined(rules, place).place
            made = self.pool(rules, place.on_map(self.xyxy))
            if made is None:
                break
            part = fitting.sample
            lines = fit_lines(made[kept] if len(kept) else made, part.values, part.weight)
            residual = self.sample.values - lines.applied(made)
            errors = (np.square(residual) / self._variance).sum(axis=(1, 2, 3))
            half = np.sort(np.argsort(errors)[: max(len(errors) // 2, _MIN_BOXES)])
            if np.array_equal(half, kept):
                break
            kept = half
            fitting = self.of_boxes(kept)
        return fitting, place

    def of_boxes(self, chosen: Index) -> Fitting:
        """Return the fitting on some of its boxes."""
        sample = self.sample.of_boxes(chosen)
        return Fitting(self.target, sample, self.xyxy[chosen], self.index[chosen])

    @cached_property
    def _variance(self) -> Float:
        variance = self.sample.values.var(axis=(0, 2, 3), keepdims=True)
        return np.asarray(variance + (variance == 0))

    def common(self, candidates: Candidates, place: Place) -> list[Fitted]:
        """Return common rules that explain most of the sample, best first."""
        start = self.refined(without_shifts(TYPICAL), place)
        rules = self._with_ratios(candidates, start.place)
        found = self._climbed(rules, start.place, _MAX_COMMON)
        return sorted(found, key=lambda fitted: fitted.error)

    def with_others(self, candidates: Candidates, common: Sequence[Fitted]) -> list[Fitted]:
        """Return the rules that explain most of the sample, best first, some common ones known."""
        best = common[0]
        if best.error <= _EXACT:
            return list(common)
        tried = self._with_ratios(candidates, best.place)
        poolings = list(dict.fromkeys(rules.pooling for rules in tried))
        ratio = best.convention.sampling_ratio
        others = list(_operators(candidates, poolings, ratio, {*tried}))
        found = [*common, *self._climbed(others, best.place, _MAX_REFINED)]
        return sorted(found, key=lambda fitted: fitted.error)

    def _climbed(self, rules: Sequence[Convention], place: Place, most: int) -> list[Fitted]:
        """Refine the closest rules, and those that are the closest at the place so found."""
        found: dict[Convention, Fitted] = {}
        while len(found) < most and len(found) < len(rules):
            left = (each for each in self._ranked(rules, place) if each not in found)
            nearest = next(left)
            found[nearest] = self.refined(nearest, place)
            best = min(found.values(), key=lambda fitted: fitted.error)
            if best.error <= _EXACT:
                break
            place = best.place
        return list(found.values())

    def _ranked(self, rules: Sequence[Convention], place: Place) -> list[Convention]:
        """Return rules, the closest to the sample first."""
        few = self.reduced
        errors = {each: few.error(each, place) for each in rules}
        return sorted(rules, key=lambda each: errors[each])

    @cached_property
    def reduced(self) -> Fitting:
        """The same with fewer boxes and channels."""
        chosen = np.arange(0, len(self.sample.boxes), 2)
        few = self.of_boxes(chosen)
        return replace(few, sample=few.sample.of_channels(_MAX_RANKED_CHANNELS))

    def _with_ratios(self, candidates: Candidates, place: Place) -> list[Convention]:
        """Return the common operators with every sampling ratio, of the closest poolings."""
        fixed = candidates.fixed_fields.get("sampling_ratio")
        bases = [
            without_shifts(
                replace(
                    Convention(pooling=pooling, min_size=size),
                    channel_map=self.target.channel_map,
                    **meaning,
                )
            )
            for pooling, size in product(candidates.poolings(), (0.0, 1.0))
            for meaning in ([{}] if pooling == "avg" else MEANINGS_OF_MAX.values())
        ]
        errors = [self.reduced.error(replace(base, sampling_ratio=2), place) for base in bases]
        limit = min(errors) / _SIMILAR
        return [
            replace(base, sampling_ratio=ratio)
            for base, error in zip(bases, errors, strict=True)
            for ratio in (RATIOS[base.pooling] if fixed is None else (fixed,))
            if error <= limit
        ]


def _operators(
    candidates: Candidates, poolings: Sequence[Pooling], ratio: int, tried: set[Convention]
) -> Iterator[Convention]:
    """Yield the operators to try, each once, without the shifts of boxes.

    Maxima take long, so only those with one sampling ratio are tried.
    """
    for pooling in poolings:
        for convention, _ in candidates.operators(pooling):
            rules = without_shifts(convention)
            shape = shape_of(convention)
            other = rules.points == "centred" and rules.sampling_ratio != ratio
            if shape not in tried and not (pooling == "max" and other):
                tried.add(shape)
                yield rules
