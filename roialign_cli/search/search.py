"""Which convention made an output: a search through all that libraries do and people get wrong.

A hypothesis is a reading of the boxes, a scale, a convention and a layout of the output. The
hypotheses are tried on one box whose output varies, on a few channels and with all readings at
once; those that fit it are tried on more boxes, and those that fit these on everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import box_conditions, common_conditions
from roialign_cli.analysis.equivalence import coarse_rules, effective_rules
from roialign_cli.core.boxes import Float, box_height, corners
from roialign_cli.core.convention import BOX_FIELDS, Convention, Pooling
from roialign_cli.core.operation import Operation
from roialign_cli.core.overrides import resolve
from roialign_cli.core.presets import Preset
from roialign_cli.errors import ArgumentError
from roialign_cli.search.arguments import (
    check_tolerance,
    checked_call,
    checked_output,
    count_distinct,
    possible_layouts,
)
from roialign_cli.search.candidates import Candidates, is_plausible
from roialign_cli.search.fit import ALL, Index, Report, SearchTarget, Selection
from roialign_cli.search.hypothesis import (
    LAYOUTS,
    Batches,
    Hypothesis,
    Identification,
    Layout,
    Match,
    PartialMatch,
    grouped,
)


def identify(
    features: object,
    boxes: object,
    expected: object,
    *,
    tolerance: float | None = None,
    convention: str | Preset | Convention | None = None,
    spatial_scale: float | tuple[float, float] | None = None,
    batch_index: object = None,
    image_height: float | None = None,
    advance: Callable[[float], object] = lambda _share: None,
    **fixed_fields: Any,  # noqa: ANN401
) -> Identification:
    """Find the ROI Aligns that make an output.

    Parameters
    ----------
    features
        (N, C, H, W), (C, H, W) or (H, W), numbers.
    boxes
        (R, 4), or (R, 5) with the batch index first, however they are meant.
    expected
        The output: (R, C, height, width), or with these axes in another order of `LAYOUTS`.
    tolerance
        The largest difference that is none, in the features' units; a ten-thousandth of each
        channel's largest value if None, and 40 times that for float16.
    convention
        The only preset or convention to try, all presets if None.
    spatial_scale
        Feature-map units per unit of the boxes, or (y, x); if None 1, 1/2, … 1/64 and normalised
        boxes are tried.
    batch_index
        (R,): the map that each box lies on.
    image_height
        In the boxes' units: from which y is measured where it points up; the map's height over the
        scale if None.
    advance
        Called with the share of the search that was done since the last call.
    **stated
        Fields of the convention that are known and not searched: `pooling`, `box_format`, …

    Returns
    -------
    The ways that make the output, best first, each with what would tell it from its like; or what
    the closest one does fit.

    Raises
    ------
    RoiAlignError
        For arguments that do not fit each other.

    Examples
    --------
    >>> from roialign_cli.core.operation import roi_align
    >>> features = np.random.default_rng(0).normal(size=(2, 9, 9))
    >>> boxes = [[8, 16, 80, 96], [40, 24, 130, 120]]
    >>> call = {"convention": "torchvision", "spatial_scale": 1 / 16, "sampling_ratio": 2}
    >>> found = identify(features, boxes, roi_align(features, boxes, 3, **call))
    >>> found.matches[0].hypothesis.convention.name, found.matches[0].hypothesis.spatial_scale
    ('torchvision', (0.0625, 0.0625))
    """
    check_tolerance(tolerance)
    output = checked_output(expected, boxes)
    distinct = count_distinct(output)
    checked, batches = checked_call(
        features, boxes, batch_index, convention, spatial_scale, fixed_fields
    )
    layouts = possible_layouts(output, checked.features.shape[1])
    if not distinct or (output.size > 1 and (output == output.flat[0]).all()):
        return Identification((), None, None, 0, 0, output.shape)
    only = None if convention is None else resolve(convention)
    scale = None if spatial_scale is None else checked.spatial_scale
    given = checked.features, checked.boxes_given, batches
    searches: list[_Search] = []
    for layout in layouts:
        target = SearchTarget(*given, output.transpose(LAYOUTS[layout]), tolerance, image_height)
        outside = target.outside_values()
        candidates = Candidates(checked.map_size, scale, only, fixed_fields, outside)
        search = _Search(target, candidates, layout, lambda share: advance(share / len(layouts)))
        searches.append(search)
        matches, closest = search.matches()
        if matches:
            return Identification(matches, closest, None, _tried(searches), distinct, output.shape)
    nearest = _nearest_of(searches)
    return Identification((), None, nearest, _tried(searches), distinct, output.shape)


def _tried(searches: Sequence[_Search]) -> int:
    return sum(search.searched for search in searches)


def _nearest_of(searches: Sequence[_Search]) -> PartialMatch | None:
    """Return what fits most boxes, or else makes the output but for few digits."""
    known = [partial for search in searches if (partial := search.partial()) is not None]
    best = max(known, key=lambda partial: partial.rank, default=None)
    if best is not None and best.rank[0]:
        return best
    return next((near for search in searches if (near := search.nearest())), best)


# An operator, its export mistake, a scale, a reading of the boxes, and the maps they lie on.
_Parts = tuple[Convention, str, tuple[float, float], dict[str, Any], Batches]


@dataclass
class _Search:
    """The search for one layout of the output."""

    target: SearchTarget
    candidates: Candidates
    layout: Layout
    advance: Callable[[float], object]
    searched: int = field(default=0, init=False)
    # How much of a telling box the ways fit that fit much of it, and what the others are made of:
    # there are thousands, of which few are ever asked for.
    _near: dict[Hypothesis, float] = field(default_factory=dict, init=False)
    _partly: list[tuple[float, _Parts]] = field(default_factory=list, init=False)

    def matches(self) -> tuple[tuple[Match, ...], Match | None]:
        """Return the ways that make the output, and the closest that does not if there are some."""
        poolings = self.candidates.poolings()
        for pooling in poolings:
            for survivors in self._survivors(pooling, 1 / len(poolings)):
                matches, closest = self._settle(survivors)
                if matches:
                    return matches, closest
        return (), None

    def partial(self) -> PartialMatch | None:
        """Return what the way that fits most does fit, None if none fits any of a telling box."""
        sample = self.target.sampled(_SAMPLED)
        least = sorted((share for share, _ in self._partly), reverse=True)[:_MOST_PARTIAL][-1:]
        for share, parts in self._partly:
            if share >= least[0]:
                self._remember(self._way(*parts), share)
        most = sorted(
            self._near, key=lambda hypothesis: (-self._near[hypothesis], hypothesis.complexity)
        )
        fits = (
            (hypothesis, self.target.fit(hypothesis, *sample))
            for hypothesis in most[:_MOST_PARTIAL]
        )
        ranked = {
            hypothesis: self._rank(fit.report(), sample[0])
            for hypothesis, fit in fits
            if fit is not None
        }
        if not ranked:
            return None
        return self._told(max(ranked, key=lambda hypothesis: ranked[hypothesis]))

    def nearest(self) -> PartialMatch | None:
        """Return the way that makes the output but for few digits, None if none does."""
        loose = replace(self.target, tolerance=_NEARLY * self.target.spread)
        matches, _ = _Search(loose, self.candidates, self.layout, lambda _share: None).matches()
        return self._told(matches[0].hypothesis) if matches else None

    def _told(self, hypothesis: Hypothesis) -> PartialMatch | None:
        """Return what a way fits of everything, None if it refuses the boxes."""
        report = self.target.report(hypothesis)
        if report is None:
            return None
        rank = self._rank(report)
        conditions = box_conditions(self.target.operation(hypothesis).plan()) | {
            "with negative values": report.negative,
            "with values that are not finite": report.not_finite,
        }
        shared_conditions = tuple(common_conditions(conditions, ~report.boxes)) if rank[0] else ()
        parts = report.boxes, report.channels, report.sections
        within_rounding = report.largest <= _NEARLY * self.target.spread
        return PartialMatch(
            hypothesis, report.largest, *parts, shared_conditions, rank, within_rounding
        )

    def _rank(self, report: Report, boxes: Selection = ALL) -> tuple[int, int]:
        """Return how many boxes fit whose output tells something, and how many numbers."""
        return int((report.boxes & self.target.informative_boxes[boxes]).sum()), report.count

    @cached_property
    def _probes(self) -> tuple[Index, Index]:
        """Some boxes and channels that tell most."""
        return self.target.probes(_PROBE_BOXES, _PROBE_CHANNELS)

    @cached_property
    def _probe_features(self) -> NDArray[Any]:
        """(N, c, H, W), the channels that tell most."""
        return self.target.features[:, self._probes[1]]

    def _survivors(self, pooling: Pooling, share: float) -> Iterator[list[Hypothesis]]:
        """Yield the ways that fit a telling box, one box after another."""
        probes, _ = self._probes
        operators = list(self.candidates.operators(pooling))
        scales = self.candidates.scales()
        for probe in probes.tolist():
            found: list[Hypothesis] = []
            for scale, scaled in scales:
                read, xyxy, index = self._variants(probe, scale, scaled)
                for operator, mistake in operators if read else ():
                    found += self._fitting(operator, mistake, probe, scale, read, xyxy, index)
                self.advance(share / len(scales) / len(probes))
            if found:
                yield found

    def _variants(
        self, probe: int, scale: tuple[float, float], scaled: Mapping[str, Any]
    ) -> tuple[list[tuple[dict[str, Any], Batches]], Float, NDArray[np.intp]]:
        """Return all readings of a box that lie on the map, their corners and their maps."""
        read: list[tuple[dict[str, Any], Batches]] = []
        xyxy, index = [], []
        for reading in self.candidates.readings(scaled):
            box = self._corners(probe, scale, reading)
            if is_plausible(box, scale, self.target.features.shape[2:]):
                for batches, maps in self.target.batches.items():
                    read.append((reading, batches))
                    xyxy.append(box)
                    index.append(maps[probe])
        return read, np.array(xyxy).reshape(-1, 4), np.array(index, np.intp)

    def _corners(self, probe: int, scale: tuple[float, float], reading: Mapping[str, Any]) -> Float:
        height = None
        if reading["origin"] == "bottom-left":
            rows = self.target.features.shape[2]
            height = box_height(
                self.target.image_height, rows, scale[0], normalized=reading["normalized"]
            )
        one = self.target.boxes[probe : probe + 1]
        box: Float = corners(one, reading["box_format"], height, inclusive=reading["inclusive"])[0]
        return box

    def _fitting(
        self,
        operator: Convention,
        mistake: str,
        probe: int,
        scale: tuple[float, float],
        read: list[tuple[dict[str, Any], Batches]],
        xyxy: Float,
        index: Index,
    ) -> list[Hypothesis]:
        """Return the ways to read a box by which an operator makes its output."""
        self.searched += len(read)
        _, channels = self._probes
        convention = replace(operator, rejects="nothing")
        operation = Operation(
            self._probe_features,
            xyxy,
            xyxy,
            index,
            scale,
            self.target.size,
            convention,
            self.target.image_height,
        )
        try:
            pooled = operation.pooled()
        except ArgumentError:
            return []
        fit = self.target.fit_of(pooled, slice(probe, probe + 1), channels)
        shares = fit.fits.mean(axis=(1, 2, 3))
        found = []
        for k in np.flatnonzero(shares > 0):
            share, parts = float(shares[k]), (operator, mistake, scale, *read[k])
            if share >= _MOSTLY:
                found.append(self._way(*parts))
                self._remember(found[-1], share)
            else:
                self._partly.append((share, parts))
        return found

    def _way(
        self,
        operator: Convention,
        mistake: str,
        scale: tuple[float, float],
        reading: dict[str, Any],
        batches: Batches,
    ) -> Hypothesis:
        fixed_fields = None if reading["normalized"] else scale
        return Hypothesis(replace(operator, **reading), fixed_fields, self.layout, batches, mistake)

    def _remember(self, hypothesis: Hypothesis, share: float) -> None:
        self._near[hypothesis] = max(self._near.get(hypothesis, 0.0), share)

    def _settle(self, survivors: list[Hypothesis]) -> tuple[tuple[Match, ...], Match | None]:
        """Return the matches among ways that fit a box and their like, and the closest other."""
        refined = [named for hypothesis in survivors for named in self._refined(hypothesis)]
        fitting = [hypothesis for hypothesis, share, _ in self._probed(refined) if share >= _MOSTLY]
        made = self._whole(fitting)
        if not made:
            return (), None
        best = min(made, key=lambda hypothesis: (hypothesis.complexity, made[hypothesis]))
        reading = {name: getattr(best.convention, name) for name in BOX_FIELDS}
        like = [
            replace(best, convention=replace(operator, **reading), mistake=mistake)
            for pooling in self.candidates.poolings()
            for operator, mistake in self.candidates.operators(pooling)
        ]
        probed = list(self._probed(like))
        alike = [hypothesis for hypothesis, share, _ in probed if share >= _MOSTLY]
        made |= self._whole([named for hypothesis in alike for named in self._refined(hypothesis)])
        others = {hypothesis: largest for hypothesis, share, largest in probed if share < _MOSTLY}
        return grouped(made), self._closest(others)

    def _probed(
        self, hypotheses: Sequence[Hypothesis]
    ) -> Iterator[tuple[Hypothesis, float, float]]:
        """Yield ways with the share of the probes that they make and their largest difference."""
        for hypothesis in hypotheses:
            self.searched += 1
            fit = self.target.fit(hypothesis, *self._probes)
            if fit is not None:
                self._remember(hypothesis, fit.share)
                yield hypothesis, fit.share, fit.largest

    def _refined(self, hypothesis: Hypothesis) -> list[Hypothesis]:
        """Return the presets that do roughly what a way does, or else the way itself."""
        named = self.candidates.named.get(
            coarse_rules(hypothesis.convention), [hypothesis.convention]
        )
        reading = {name: getattr(hypothesis.convention, name) for name in BOX_FIELDS}
        distinct = {(effective_rules(c), c.name): c for c in named}
        return [replace(hypothesis, convention=replace(c, **reading)) for c in distinct.values()]

    def _whole(self, hypotheses: Sequence[Hypothesis]) -> dict[Hypothesis, float]:
        """Return those of the ways that make the whole output, with their largest difference."""
        made: dict[Hypothesis, float] = {}
        computed: dict[tuple[Any, ...], float | None] = {}
        for hypothesis in hypotheses:
            reading = (getattr(hypothesis.convention, name) for name in BOX_FIELDS)
            key = (
                effective_rules(hypothesis.convention),
                hypothesis.spatial_scale,
                hypothesis.batches,
                *reading,
            )
            if key not in computed:
                computed[key] = self.target.exact_match_error(hypothesis)
            largest = computed[key]
            if largest is not None:
                made[hypothesis] = largest
        return made

    def _closest(self, others: Mapping[Hypothesis, float]) -> Match | None:
        """Return the way whose largest difference on the probes is least."""
        if not others:
            return None
        hypothesis = min(others, key=lambda w: (others[w], w.complexity))
        report = self.target.report(hypothesis)
        return None if report is None else Match(hypothesis, report.largest, ())


_PROBE_BOXES, _PROBE_CHANNELS = 4, 4
_NEARLY = 0.02  # of the output's range: what is left when it is rounded to few digits
_MOSTLY = 0.7  # share of sections; at a threshold libraries round differently
_MOST_PARTIAL = 12
_SAMPLED = 64, 8  # boxes and channels on which ways that do not fit everything are ranked
