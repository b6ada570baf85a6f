"""Search for the convention that made an output."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Unpack

import numpy as np

from roialign_cli.core.convention import Convention, ConventionFields, Pooling
from roialign_cli.core.overrides import resolve
from roialign_cli.core.preset import Preset
from roialign_cli.search.arguments import (
    check_tolerance,
    checked_call,
    checked_output,
    count_distinct,
)
from roialign_cli.search.arrangement import Arrangement, arrangements
from roialign_cli.search.candidates import Candidates
from roialign_cli.search.changes import Change
from roialign_cli.search.explanation import Closest
from roialign_cli.search.fit import SearchTarget
from roialign_cli.search.graded import closest
from roialign_cli.search.hints import input_hints
from roialign_cli.search.hypothesis import Hypothesis, Layout
from roialign_cli.search.readings import Likely
from roialign_cli.search.result import Identification, grouped
from roialign_cli.search.screening import Advance, Pairs, Screened, reading_of, screen
from roialign_cli.search.stages import Trials, confirm, find_alternatives, refine, simplest
from roialign_cli.search.variants import Variant

_COMPARABLE = 0.85  # share of the best score, of other arrangements that are tried at first
_MAX_UNLIKELY = 2  # readings of boxes that do not look like the output
_UNLIKELY = 0.5  # share of the best score, below which an arrangement is not tried
_LOW = 0.15  # score of a reading below which a match is unlikely
_MAX_SCREENED = 3  # boxes
_SURE = 0.3  # score of a reading above which a match is likely
_CERTAIN = 0.9  # score of a reading above which no other arrangement is tried


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
    **fixed_fields: Unpack[ConventionFields],
) -> Identification:
    """Find the conventions that make an output.

    Parameters
    ----------
    features : array_like
        (N, C, H, W), (C, H, W) or (H, W), any real dtype. Row 0 is at the top.
    boxes : array_like
        (R, 4), or (R, 5) with the batch index in the first column, in any box format.
    expected : array_like
        The output: (R, C, rows, columns), or these numbers in another order or shape.
    tolerance
        The largest difference that still counts as equal, in feature units. If None, 1e-4 of the
        largest value of each channel, and 4e-3 of it for float16.
    convention
        The only preset or convention to try, None to try all presets.
    spatial_scale
        Map units per box unit, or (y, x). If None, 1, 1/2, … 1/64 and normalised boxes are tried.
    batch_index : int or (R,) integers, optional
        The map that each box lies on, from 0. Other common assignments are tried, too.
    image_height
        The height from which y is measured if it points up, in box units; the map's height over
        the scale if None.
    advance
        Called with the share of the search done since the last call.
    **fixed_fields
        Convention fields that are known and not searched: `pooling`, `box_format`, …

    Returns
    -------
    Identification
        The hypotheses that reproduce the output, simplest first, or else the call that comes
        closest and what was changed around it.

    Raises
    ------
    RoiAlignError
        If an argument is invalid or does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> from roialign_cli import roi_align
    >>> features = np.random.default_rng(0).normal(size=(2, 9, 9))
    >>> boxes = [[8, 16, 80, 96], [40, 24, 130, 120]]
    >>> call = {"convention": "torchvision", "spatial_scale": 1 / 16, "sampling_ratio": 2}
    >>> found = identify(features, boxes, roi_align(features, boxes, 3, **call))
    >>> found.matches[0].hypothesis.convention.name, found.matches[0].hypothesis.spatial_scale
    ('torchvision', (0.0625, 0.0625))
    """
    check_tolerance(tolerance)
    output = checked_output(expected)
    distinct = count_distinct(output)
    checked, batches = checked_call(
        features, boxes, batch_index, convention, spatial_scale, fixed_fields
    )
    maps, count = checked.features, len(checked.boxes_given)
    found = arrangements(output.shape, count, maps.shape[1], len(maps))
    hints = tuple(input_hints(checked, output, found, stated=spatial_scale is not None))
    if not distinct or (output.size > 1 and (output == output.flat[0]).all()):
        return Identification((), None, None, 0, 0, found[0].shape[2:], hints)
    only = None if convention is None else resolve(convention)
    scale = None if spatial_scale is None else checked.spatial_scale
    given = maps, checked.boxes_given, batches
    variants: list[Variant] = []
    for arrangement in found:
        rows, changes = arrangement.rows(output), _reshaped(arrangement, output.shape)
        # The code of a reshaped output restores the order of its axes, too.
        layout: Layout = "RCHW" if changes else arrangement.layout
        target = SearchTarget(*given, rows, layout, tolerance, image_height)
        outside = target.outside_values()
        candidates = Candidates(
            checked.map_size, scale, only, fixed_fields, outside, target.channel_map
        )
        variants.append(Variant(target, candidates, changes))
    return _Search(variants, hints, distinct, advance).result()


@dataclass(frozen=True)
class _Search:
    """A search among the arrangements of an output."""

    variants: Sequence[Variant]
    hints: tuple[str, ...]
    distinct_values: int
    advance: Advance
    trials: Trials = field(default_factory=Trials)

    def result(self) -> Identification:
        """Return exact matches, or else the call that comes closest, without NumPy's warnings."""
        # The squares of the largest numbers overflow.
        with np.errstate(all="ignore"):
            return self._result()

    def _result(self) -> Identification:
        """Return exact matches, or else the call that comes closest.

        Where the boxes look like the output, matches come first. Otherwise something was changed,
        and the call that comes closest is sought first.
        """
        likely = self._likely()
        self.trials.count += sum(len(each.readings) for _, each in likely)
        likely.sort(key=lambda pair: -pair[1].score)
        score = likely[0][1].score if likely else 0.0
        sure = [pair for pair in likely if pair[1].score >= max(_SURE, _COMPARABLE * score)]
        for pair in sure:
            if (found := self._matching(*pair, 1 / len(likely))) is not None:
                return found
        answer = closest(self.variants, self.trials.unconfirmed)
        unsure = [pair for pair in likely[len(sure) :][:1] if pair[1].score >= _UNLIKELY * score]
        unexplained = answer is None or not answer.boxes.all()
        changed = answer is not None and not answer.is_plain
        if unsure and (unexplained or (changed and score >= _LOW)):
            variant, every = unsure[0]
            few = replace(every, readings=every.readings[:_MAX_UNLIKELY])
            if (found := self._matching(variant, few, 1 / len(likely))) is not None:
                return found
            if self.trials.unconfirmed:
                answer = closest(self.variants, self.trials.unconfirmed, answer)
        if answer is None or not answer.boxes.all():
            answer = self._at_another_scale() or answer
        if answer is not None and answer.is_plain:
            poolings = [answer.hypothesis.convention.pooling]
            confirmed = confirm(answer.variant.target, [answer.hypothesis], verified=True)
            confirmed = confirmed or {answer.hypothesis: answer.largest}
            return self._found(answer.variant, poolings, confirmed)
        size = self.variants[0].target.size if answer is None else answer.variant.target.size
        return Identification(
            (), None, answer, self.trials.count, self.distinct_values, size, self.hints
        )

    def _at_another_scale(self) -> Closest | None:
        """Return the answer by a convention that matches at another scale than the stated one."""
        for variant in self.variants:
            target, candidates = variant.target, variant.candidates
            if candidates.spatial_scale is None or len(target.output) != len(target.boxes):
                continue
            free = replace(variant, candidates=replace(candidates, spatial_scale=None))
            found = self._matching(free, free.likely, 0.0)
            hypothesis = None if found is None else found.matches[0].hypothesis
            if hypothesis is not None and hypothesis.spatial_scale is not None:
                return closest([variant], [(target, hypothesis)])
        return None

    def _likely(self) -> list[tuple[Variant, Likely]]:
        """Look at the arrangements, up to one that certainly is the right one."""
        looked: list[tuple[Variant, Likely]] = []
        for variant in self.variants:
            if len(variant.target.output) == len(variant.target.boxes):
                looked.append((variant, variant.likely))
                if looked[-1][1].sample is not None and looked[-1][1].score >= _CERTAIN:
                    break
        return looked

    def _matching(self, variant: Variant, likely: Likely, part: float) -> Identification | None:
        """Return the matches in one arrangement of the output, None if there is none."""
        target, candidates, trials = variant.target, variant.candidates, self.trials
        boxes = likely.boxes[:_MAX_SCREENED].tolist()
        pairs = Pairs.of(target, boxes, likely.readings)
        done: dict[Pooling, list[Screened]] = {}
        for pooling in likely.poolings:
            advance = functools.partial(self._advance, part / len(likely.poolings))
            done[pooling] = list(screen(target, candidates, pairs, pooling, advance))
            trials.count += sum(each.count for each in done[pooling])
            for box in boxes:
                coarse = [each for one in done[pooling] for each in one.reproducing(box)]
                refined = refine(target, candidates, coarse, trials)
                if confirmed := confirm(target, refined):
                    return self._found(variant, likely.poolings, confirmed, done)
                trials.unconfirmed += [(target, each) for each in refined or coarse]
        return None

    def _found(
        self,
        variant: Variant,
        poolings: Sequence[Pooling],
        confirmed: Mapping[Hypothesis, float],
        done: Mapping[Pooling, list[Screened]] = MappingProxyType({}),
    ) -> Identification:
        """Return confirmed hypotheses, other matches and the closest operator that does not match.

        The changes of the variant are those of the shape. Screening is `done` for some poolings.
        """
        target, candidates, trials = variant.target, variant.candidates, self.trials
        boxes = target.probes[0].tolist()
        pairs = Pairs.of(target, boxes, [reading_of(simplest(confirmed), candidates)])
        screened = [
            each
            for pooling in poolings
            for each in done.get(pooling) or screen(target, candidates, pairs, pooling)
        ]
        more, other = find_alternatives(target, candidates, screened, confirmed, trials)
        # A preset gives its name to an equal combination of other rules.
        named = {
            preset: error
            for preset, error in more.items()
            if any(own == preset and preset.complexity < own.complexity for own in confirmed)
        }
        best, *others = grouped(named | dict(confirmed) | more)
        error = target.exact_match_error(best.hypothesis)
        best = best if error is None else replace(best, max_difference=error)
        matches = (best, *others)
        values, size = self.distinct_values, target.size
        return Identification(
            matches, other, None, trials.count, values, size, self.hints, variant.changes
        )

    def _advance(self, part: float, share: float) -> None:
        """Advance by a share of a part."""
        self.advance(part * share)


def _reshaped(arrangement: Arrangement, shape: tuple[int, ...]) -> tuple[Change, ...]:
    """Return the change of an output to a shape that no order of its four axes gives."""
    if arrangement.split == shape:
        return ()
    return (Change(arrangement.text, "Reshape the output.", after=arrangement.code),)
