"""The stages of a search for exact matches that follow the screening: refine and confirm.

Refining tries the presets that follow the rules of the matching operators on a few more boxes.
Confirming pools all boxes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from roialign_cli.analysis.equivalence import coarse_rules, effective_rules
from roialign_cli.search.candidates import Candidates
from roialign_cli.search.fit import SearchTarget
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.result import Match
from roialign_cli.search.screening import MATCH_SHARE, Screened


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


def refine(
    target: SearchTarget, candidates: Candidates, screened: Sequence[Hypothesis], trials: Trials
) -> list[Hypothesis]:
    """Return the presets behind screened hypotheses that reproduce all probes."""
    presets = [preset for coarse in screened for preset in _with_presets(candidates, coarse)]
    probed = _probe(target, presets, trials)
    return [hypothesis for hypothesis, share, _ in probed if share >= MATCH_SHARE]


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
    """Return the hypotheses that reproduce the output, with their largest difference on a sample.

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
            error = target.match_error(hypothesis, few)
            if error is not None and not verified:
                verified = target.exact_match_error(hypothesis) is not None
                error = error if verified else None
            errors[key] = error
        if (error := errors[key]) is not None:
            confirmed[hypothesis] = error
    return confirmed


def find_alternatives(
    target: SearchTarget,
    candidates: Candidates,
    screened: Sequence[Screened],
    confirmed: Mapping[Hypothesis, float],
    trials: Trials,
) -> tuple[dict[Hypothesis, float], Match | None]:
    """Return other operators that reproduce the output, and the closest that does not.

    The boxes are read as in the simplest confirmed hypothesis.
    """
    best = simplest(confirmed)
    tried = [found for each in screened if (found := each.reading_as(best)) is not None]
    alike = [hypothesis for hypothesis, share, _ in tried if share >= MATCH_SHARE]
    errors = {hypothesis: error for hypothesis, share, error in tried if share < MATCH_SHARE}
    known = {(hypothesis, hypothesis.convention.name) for hypothesis in confirmed}
    refined = refine(target, candidates, alike, trials)
    presets = [each for each in refined if (each, each.convention.name) not in known]
    return confirm(target, presets, verified=True), _closest(target, errors)


def simplest(confirmed: Mapping[Hypothesis, float]) -> Hypothesis:
    """Return the simplest of some hypotheses, given with their largest differences."""
    return min(confirmed, key=lambda hypothesis: (hypothesis.complexity, confirmed[hypothesis]))


def _closest(target: SearchTarget, errors: Mapping[Hypothesis, float]) -> Match | None:
    """Return the hypothesis with the smallest error on the probes."""
    if not errors:
        return None
    least = min(errors.values())
    closest = [hypothesis for hypothesis, error in errors.items() if error == least]
    hypothesis = min(closest, key=lambda hypothesis: hypothesis.complexity)
    largest = target.largest_error(hypothesis)
    return None if largest is None else Match(hypothesis, largest, ())
