"""Explain an output that no convention makes as it is: what comes closest, and what was changed."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from roialign_cli.core.presets import PRESETS
from roialign_cli.search.concrete import Concrete, Concretion
from roialign_cli.search.explanation import Closest, Explanation
from roialign_cli.search.fit import SearchTarget
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.locate import (
    Located,
    corners_of,
    locate,
    locate_plain,
    locate_shifted,
    located_as,
)
from roialign_cli.search.operators import Fitted, Fitting, without_shifts
from roialign_cli.search.readings import MANY_VALUES, TYPICAL
from roialign_cli.search.refine import Place
from roialign_cli.search.rest import explain_rest, reordered
from roialign_cli.search.sample import Sample, take_sample, whole_sample
from roialign_cli.search.scales import CLOSELY, ROUGHLY, Effort
from roialign_cli.search.variants import (
    Variant,
    with_other_features,
    with_other_maps,
    with_other_rows,
)

_PLAIN = 0.9  # score above which boxes are not shifted
_SURE = 0.7  # score above which inputs are not changed
_CLEARLY_BETTER = 0.1  # in score
_WELL = 0.02  # unexplained share of the variance
_WELL_BELOW = 0.8  # one such share and another, to be clearly less
_SIMILAR = 0.85  # correlation of a box that follows the rules
_MIN_SIMILAR = 3  # boxes
_MAX_REPRODUCING = 12  # hypotheses that are compared on all boxes
_UNEVEN = 0.2  # residual of the best boxes, relative to the mean
_MAX_OTHERS = 2  # inputs that are looked at closely
_HOPELESS = 0.3  # score below which the boxes may be elsewhere
_HARDLY = 0.8  # unexplained share of the variance, above which rules are not compared
_SMALL_CHANGE = 0.2  # of the logarithm of a scale
_UNLIKE = 0.5  # correlation below which an answer explains nothing


def closest(
    variants: Sequence[Variant],
    reproducing: Sequence[tuple[SearchTarget, Hypothesis]] = (),
    known: Closest | None = None,
) -> Closest | None:
    """Return the call that comes closest to an output, None if the output is constant.

    Parameters
    ----------
    variants
        The arrangements of the output, with as many rows as they have.
    reproducing
        Hypotheses that reproduce some boxes, and their targets.
    known
        The closest call of an earlier search, which is not repeated.
    """
    partial = [_of_reproducing(variant, reproducing) for variant in variants]
    found = [explain_rest(each, each.variant.candidates) for each in partial if each is not None]
    if not any(answer.is_whole for answer in found):
        fitted = known or _fitted(variants)
        if fitted is not None and fitted is not known:
            fitted = explain_rest(fitted, fitted.variant.candidates)
        found += [] if fitted is None else [fitted]
    best = max(found, key=lambda answer: (answer.is_whole, answer.rank), default=None)
    return None if best is None else best.on_all_channels()


def _of_reproducing(
    variant: Variant, reproducing: Sequence[tuple[SearchTarget, Hypothesis]]
) -> Closest | None:
    """Return the answer by the hypothesis that reproduces most boxes."""
    target = variant.target
    hypotheses = dict.fromkeys(h for own, h in reproducing if own is target)
    boxes, (some, channels) = np.arange(len(target.output)), target.sample()
    counts = {}
    for hypothesis in sorted(hypotheses, key=lambda h: h.complexity)[:_MAX_REPRODUCING]:
        fit = target.fit(hypothesis, boxes, channels)
        if fit is not None:
            counts[hypothesis] = int(fit.boxes.sum())
    best = max(counts, key=lambda hypothesis: counts[hypothesis], default=None)
    if best is None:
        return None
    finite = np.isfinite(target.output[some]).all(axis=(1, 2, 3))
    call = Concrete(best, None, (0.0, 0.0), 0.0)
    return Explanation(variant, some[finite], call).closest() if finite.any() else None


def _fitted(variants: Sequence[Variant]) -> Closest | None:
    plain: list[_Looked] = []
    for variant in variants:
        if (looked := _Looked.at(variant)) is not None:
            plain.append(looked)
            if looked.located.score >= _SURE:
                break
    best = max(plain, key=lambda looked: looked.located.score, default=None)
    if best is not None and best.located.score < _PLAIN:
        best = best.shifted_if_better()
    if best is None or best.located.score < _SURE:
        best = _with_changed_inputs(best, plain, variants)
    if best is None:
        return None
    return best.explained() or (plain or [best])[0].unlike()


def _with_changed_inputs(
    best: _Looked | None, plain: Sequence[_Looked], variants: Sequence[Variant]
) -> _Looked | None:
    """Return the boxes with other features, maps or rows, if these look more like the output."""
    others = [other for looked in plain[:2] for other in looked.others()]
    score = max((looked.located.score for looked in [*plain, *others]), default=0.0)
    if score < _SURE:
        for variant in variants:
            maps = with_other_maps(variant)
            if maps is not None and (looked := _Looked.at(maps)) is not None:
                others.append(looked)
            rows = with_other_rows(variant)
            if rows is not None and (looked := _Looked.at(rows)) is not None:
                others.append(replace(looked, unordered=variant))
    better = max(others, key=lambda looked: looked.located.score, default=None)
    if best is None:
        return better
    if better is not None and better.located.score > best.located.score + _CLEARLY_BETTER:
        return better
    return best


@dataclass(frozen=True)
class _Looked:
    """Inputs, and where the boxes lie on their map.

    `unordered` are the inputs before the boxes were put in the order of the rows.
    """

    variant: Variant
    sample: Sample
    located: Located
    unordered: Variant | None = None

    @classmethod
    def at(cls, variant: Variant) -> _Looked | None:
        """Look at inputs with a row for each box; None without, or if the output is constant."""
        target = variant.target
        sample = take_sample(target) if len(target.output) == len(target.boxes) else None
        if sample is None:
            return None
        likely = variant.likely
        if likely.sample is not None and likely.score >= _PLAIN:
            located = located_as(target, variant.candidates, likely.readings[0], likely.score)
        else:
            located = locate(target, variant.candidates, sample)
        return cls(variant, sample, located)

    @functools.cached_property
    def typical(self) -> Fitted:
        """Typical rules with the place that fits them best near the one that was found."""
        fitting = self.fitting(self.sample)
        return fitting.refined(without_shifts(TYPICAL), self.located.place)

    def shifted_if_better(self) -> _Looked:
        """Return the same with shifted boxes if they are clearly more alike."""
        if (error := self.typical.error) < _WELL:
            return self
        scale = self.located.place.scale
        located = locate_shifted(self.variant.target, self.variant.candidates, self.sample, scale)
        shifted = replace(self, located=located)
        return shifted if shifted.typical.error < error * _WELL_BELOW else self

    def others(self) -> list[_Looked]:
        """Return the same with other features, those that look most like the output."""
        variants = list(with_other_features(self.variant, self.sample))
        rough = [self._with(variant, ROUGHLY).located.score for variant in variants]
        best = sorted(range(len(variants)), key=lambda k: -rough[k])[:_MAX_OTHERS]
        return [self._with(variants[k], CLOSELY) for k in best]

    def _with(self, variant: Variant, effort: Effort) -> _Looked:
        located = locate_plain(variant.target, variant.candidates, self.sample, effort)
        return _Looked(variant, self.sample, located)

    def fitting(self, sample: Sample) -> Fitting:
        target = self.variant.target
        xyxy, _ = corners_of(target, self.located.fields, sample.boxes)
        return Fitting(target, sample, xyxy, target.batches[self.located.batches][sample.boxes])

    def similar_sample(self) -> Sample:
        """Return a sample of boxes that look as their place on the map."""
        target = self.variant.target
        whole = whole_sample(target, np.arange(len(target.output)), self.sample.channels)
        index = target.batches[self.located.batches]
        similar = self.located.similarity(target, whole, index)
        least = min(_SIMILAR, 0.9 * float(np.quantile(similar, 0.98)))
        follows = similar >= least
        if follows.all() or np.count_nonzero(follows) < _MIN_SIMILAR:
            return self.sample
        return take_sample(target, follows) or self.sample

    def explained(self) -> Closest | None:
        """Return the call that comes closest, None if none comes near."""
        if self._is_hopeless():
            return None
        fitting = self.fitting(self.similar_sample())
        place = self.located.place
        answer = self._fitted(fitting, place)
        rows = answer.residual[0]
        uneven = float(np.quantile(rows, 0.1)) < _UNEVEN * float(rows.mean())
        uneven |= answer.verdict == "far"
        if uneven and not answer.boxes.all() and len(fitting.sample.boxes) > 2 * _MIN_SIMILAR:
            # Some boxes may follow other rules.
            part, place = fitting.trimmed(without_shifts(TYPICAL), place)
            other = self._fitted(part, place)
            answer = max(answer, other, key=lambda each: each.rank)
        if answer.verdict == "far" and answer.correlation < _UNLIKE:
            return None
        return answer if self.unordered is None else reordered(answer, self.unordered)

    def _is_hopeless(self) -> bool:
        """Return whether no small move of the boxes makes them more alike."""
        if self.located.score >= _HOPELESS or self.sample.values.size < MANY_VALUES:
            return False
        change = np.log(np.array(self.typical.place.scale) / self.located.place.scale)
        return self.typical.error > _HARDLY or bool((np.abs(change) > _SMALL_CHANGE).any())

    def unlike(self) -> Closest:
        """Return an answer for an output that nothing looks like, with boxes as they are given."""
        candidates, located = self.variant.candidates, self.located
        convention = candidates.convention or PRESETS["torchvision-aligned"].convention
        reading = next(candidates.readings({"normalized": False}))
        fields = reading | {"normalized": False, "rejects": "nothing"}
        scale = candidates.spatial_scale or located.place.scale
        layout, batches = self.variant.target.layout, located.batches
        hypothesis = Hypothesis(replace(convention, **fields), scale, layout, batches)
        call = Concrete(hypothesis, None, (0.0, 0.0), 1.0)
        return Explanation(self.variant, self.sample.boxes, call).closest()

    def _fitted(self, fitting: Fitting, place: Place) -> Closest:
        """Return the closest call, by unusual rules only if the usual ones do not explain it."""
        candidates = self.variant.candidates
        concretion = Concretion(fitting, candidates, self.located)
        fitted = fitting.common(candidates, place)
        answers = [self._called(fitting, concretion.plain(fitted))]
        if answers[0] is None or not answers[0].boxes.all():
            fitted = fitting.with_others(candidates, fitted)
            answers.append(self._called(fitting, concretion.calls(fitted)))
        found = [answer for answer in answers if answer is not None]
        return max(found, key=lambda answer: answer.rank) if found else self.unlike()

    def _called(self, fitting: Fitting, calls: Sequence[Concrete]) -> Closest | None:
        """Return the answer by the first of some calls, or by the one with the least error."""
        answer = None
        for call in dict.fromkeys((*calls[:1], *sorted(calls, key=lambda call: call.error)[:1])):
            closest = Explanation(self.variant, fitting.sample.boxes, call).closest()
            answer = closest if answer is None or closest.rank > answer.rank else answer
            if answer.boxes.all():
                break
        return answer
