"""The result of a search: matches, or the call that comes closest."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from roialign_cli.core.convention import Convention
from roialign_cli.core.presets import PRESETS
from roialign_cli.presentation import Presentable
from roialign_cli.search.changes import Change
from roialign_cli.search.explanation import Closest, Verdict
from roialign_cli.search.hypothesis import Hypothesis


@dataclass(frozen=True)
class Match:
    """A hypothesis that reproduces an output.

    Parameters
    ----------
    hypothesis
        The simplest of those that differ only in the preset.
    max_difference
        The largest absolute difference from the output, in feature units.
    equivalents
        Other conventions that reproduce the output with the same boxes and scale.
    """

    hypothesis: Hypothesis
    max_difference: float
    equivalents: tuple[Convention, ...]


@dataclass(frozen=True, repr=False)
class Identification(Presentable):
    """The result of a search; it prints as the command prints it.

    Parameters
    ----------
    matches
        The hypotheses that reproduce the output, simplest first.
    closest
        The closest operator that does not reproduce the output, None without a match.
    answer
        The call that comes closest, and what was changed, if there is no match. None if all values
        of the output are equal.
    hints
        What is unusual about the inputs, as sentences.
    changes
        The changes of the shape of the output after the calls of the matches.
    searched
        How many hypotheses were tried.
    distinct_values
        How many different values other than zero the output holds.
    output_size
        (rows, columns) of sections of the output.
    """

    matches: tuple[Match, ...]
    closest: Match | None
    answer: Closest | None
    searched: int
    distinct_values: int
    output_size: tuple[int, int]
    hints: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    def __repr__(self) -> str:
        names = dict.fromkeys(match.hypothesis.convention.name for match in self.matches)
        return f"<Identification: {', '.join(names) or self.verdict}>"

    @property
    def verdict(self) -> Verdict:
        """How well the output is explained."""
        if self.matches:
            return "exact after a change" if self.changes else "exact"
        return "far" if self.answer is None else self.answer.verdict

    @property
    def doubtful(self) -> bool:
        """Whether the output has so few values that a hypothesis may match by chance."""
        chance_matches = self.searched * _CHANCE_PER_VALUE**self.distinct_values
        return chance_matches > _MAX_CHANCE_MATCHES


_CHANCE_PER_VALUE = 1e-3  # probability that a wrong hypothesis reproduces a value
_MAX_CHANCE_MATCHES = 0.01  # expected number of wrong hypotheses that reproduce an output


def grouped(confirmed: Mapping[Hypothesis, float]) -> tuple[Match, ...]:
    """Group hypotheses that differ only in the preset into one match each, simplest first.

    Parameters
    ----------
    confirmed
        Hypothesis that reproduces the output → its largest difference, in feature units.
    """
    groups: dict[tuple[Any, ...], list[Hypothesis]] = {}
    for hypothesis in sorted(
        confirmed, key=lambda h: (h.complexity, _order_of_magnitude(confirmed[h]))
    ):
        convention = hypothesis.convention
        ratio = convention.sampling_ratio if convention.points == "centred" else None
        call = hypothesis.mistake, hypothesis.layout, hypothesis.batches, hypothesis.spatial_scale
        key = (*call, convention.pooling, ratio, *hypothesis.box_fields.values())
        groups.setdefault(key, []).append(hypothesis)
    return tuple(
        Match(first, confirmed[first], _other_conventions(first, others))
        for first, *others in groups.values()
    )


def _other_conventions(first: Hypothesis, others: Sequence[Hypothesis]) -> tuple[Convention, ...]:
    """Return the conventions of other hypotheses, one for each preset name."""
    named = {
        name: replace(hypothesis.convention, name=name)
        for hypothesis in (first, *others)
        for name in _names_of_equals(hypothesis)
    }
    return tuple(convention for name, convention in named.items() if name != first.convention.name)


def _names_of_equals(hypothesis: Hypothesis) -> Iterator[str]:
    """Yield the name of the preset of a hypothesis, and of the presets with the same rules."""
    name = hypothesis.convention.name
    yield name
    if name in PRESETS and not hypothesis.mistake:
        rules = PRESETS[name].convention
        yield from (other for other, row in PRESETS.items() if row.convention == rules)


def _order_of_magnitude(difference: float) -> int:
    """Return the decimal exponent of a difference; all differences below 1e-6 count as 1e-6."""
    return math.ceil(math.log10(max(difference, 1e-6)))
