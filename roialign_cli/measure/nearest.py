"""Which presets a kernel equals, and which is nearest to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from roialign_cli.core.convention import Convention, Pooling
from roialign_cli.core.preset import Preset
from roialign_cli.core.presets import PRESETS
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.model import Model
from roialign_cli.measure.rules import RULES, Rule
from roialign_cli.measure.substitution import Substitution


@dataclass(frozen=True)
class Near:
    """A preset and the rules in which a kernel differs from it.

    `unusual` is the number of rules that could not be measured and that are unusual in the preset.
    """

    convention: Convention
    differing: list[Rule]
    major: list[Rule]
    unusual: int

    @property
    def distance(self) -> tuple[int, bool, int]:
        """The number of major rules that differ, whether the pooling is one, and the minor ones.

        A kernel that pools by max has more in common with a preset that does. The number of minor
        rules counts only among presets that the kernel equals apart from them.
        """
        pooling = any(rule.name == "pooling" for rule in self.major)
        return len(self.major), pooling, 0 if self.major else len(self.differing)


def ranked_presets(substitution: Substitution) -> list[Near]:
    """Return all presets, with the pooling of the kernel where they have it, nearest first."""
    near = []
    for row in PRESETS.values():
        convention = with_pooling(row, substitution.model.convention.pooling)
        differing = substitution.differing(convention)
        major = [rule for rule in differing if not substitution.is_minor(rule, convention)]
        near.append(Near(convention, differing, major, _unusual(convention, substitution)))
    near.sort(key=lambda each: (each.distance, each.unusual))
    if not substitution.broken:
        return near
    # What is broken may hide other rules, so that the answers decide among presets that are as far.
    best = [each for each in near if each.distance == near[0].distance]
    best.sort(key=lambda each: _distance(each.convention, substitution.evidence))
    return best + near[len(best) :]


def _distance(convention: Convention, evidence: Evidence) -> float:
    """Return how far the answers of a convention are from those of the kernel, 0 to 1."""
    model, answers = Model(convention), [*evidence.answers.values()]
    few = answers[:: max(len(answers) // _MAX_DECIDING_CALLS, 1)]
    return sum(evidence.distance(model.answer(call), given) for call, given in few) / len(few)


_MAX_DECIDING_CALLS = 12


def _unusual(convention: Convention, substitution: Substitution) -> int:
    """Return how many rules of a convention could not be measured and have unusual values."""
    usual = Convention()
    return sum(
        rule.values_in(convention) != rule.values_in(usual)
        for rule in RULES
        if rule.name in substitution.unmeasured
    )


def with_pooling(row: Preset, pooling: Pooling) -> Convention:
    """Return the rules of a preset, with a pooling if the preset has it."""
    return replace(row.convention, pooling=pooling) if pooling in row.poolings else row.convention
