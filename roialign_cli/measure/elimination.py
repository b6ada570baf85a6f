"""Find the values of fields with which a model gives the answers of a kernel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, product
from typing import Any

from roialign_cli.errors import RoiAlignError
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.model import Model

Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Eliminated:
    """Hold the result of an elimination.

    Parameters
    ----------
    model
        The first model that agrees with all answers, or else the one that agrees with most.
    agrees
        Whether it agrees with all.
    """

    model: Model
    agrees: bool


def by_unusualness(
    dimensions: Sequence[Sequence[Changes]], most: int = 1500
) -> Iterator[dict[str, Any]]:
    """Yield the combinations of alternatives, those that take early alternatives first.

    Parameters
    ----------
    dimensions
        Alternatives for each of several rules, likeliest first.
    most
        The most combinations to yield.
    """
    for each in islice(_indices([len(each) for each in dimensions]), most):
        merged: dict[str, Any] = {}
        for choices, index in zip(dimensions, each, strict=True):
            merged.update(choices[index])
        yield merged


def _indices(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield indices, those first of which fewest are not 0, and of those the smallest."""
    for count in range(len(lengths) + 1):
        chosen = [
            (sum(values), places, values)
            for places in combinations(range(len(lengths)), count)
            for values in product(*(range(1, lengths[place]) for place in places))
        ]
        for _, places, values in sorted(chosen):
            indices = [0] * len(lengths)
            for place, value in zip(places, values, strict=True):
                indices[place] = value
            yield indices


def alternatives(model: Model, name: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """Return alternatives for one field or law; what the model has is the first."""
    own = model.get(name)
    return [{name: own}, *({name: value} for value in values if value != own)]


def eliminate(
    evidence: Evidence,
    model: Model,
    candidates: Iterator[Changes],
    calls: Sequence[str],
    kept: Sequence[str],
) -> Eliminated:
    """Return the first candidate that agrees with the answers to some calls.

    Parameters
    ----------
    evidence
        The answers.
    model
        What is known of the kernel.
    candidates
        Changes of the model, likeliest first.
    calls
        Names of the calls that decide; those without an answer are left out.
    kept
        Names of the calls that the model agrees with, and that the result has to agree with, too.
    """
    names = [name for name in calls if name in evidence.answers]
    best, most = model, -1
    for changes in candidates:
        try:
            candidate = model.having(changes)
        except RoiAlignError:  # values that exclude each other
            continue
        needed = names if candidate == model else [*names, *kept]
        agreeing = next(
            (n for n, name in enumerate(needed) if not evidence.agree(candidate, name)), None
        )
        if agreeing is None:
            return Eliminated(candidate, agrees=True)
        if agreeing > most:
            best, most = candidate, agreeing
    return Eliminated(best, agrees=False)
