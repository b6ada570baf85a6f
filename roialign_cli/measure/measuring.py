"""Measure a kernel stage by stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import get_args

from roialign_cli.core.convention import Rejected
from roialign_cli.measure.battery import Writer, measuring_calls
from roialign_cli.measure.elimination import eliminate
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.first_reading import UnreadableError, first_reading
from roialign_cli.measure.model import Model
from roialign_cli.measure.reading import Reading
from roialign_cli.measure.rules import RATIO, RULES
from roialign_cli.measure.stages import STAGES
from roialign_cli.measure.substitution import Substitution

# Candidates that are tried in a stage that needs another one without a result.
_MAX_BLIND_CANDIDATES = 30
SOFT_RULES = {"position formula"}  # rules whose failure shows nothing but other last digits


@dataclass(frozen=True)
class Measured:
    """What was measured of a kernel.

    Parameters
    ----------
    evidence
        The answers of the kernel.
    model
        The rules with which the answers agree.
    failed
        Stage without a result → the name of the rule that is broken because no candidate agrees;
        "" if the stage could not be measured.
    """

    evidence: Evidence
    model: Model
    failed: Mapping[str, str]

    @property
    def broken(self) -> frozenset[str]:
        """Names of the rules that no model states."""
        return frozenset(filter(None, self.failed.values()))

    @property
    def unmeasured(self) -> frozenset[str]:
        """Names of the rules of which no stage has a result, or that no parameter shows."""
        names = {
            rule.name for rule in RULES if rule.stages and self.failed.keys() >= {*rule.stages}
        }
        takes_ratio = "sampling_ratio" in self.evidence.target.parameters
        if not takes_ratio and self.model.convention.points == "centred":
            names.add(RATIO)
        return frozenset(names - self.broken)

    def substitution(self) -> Substitution:
        """Return what compares the rules of other conventions with the measured ones."""
        return Substitution(self.evidence, self.model, self.broken, self.unmeasured)


def measure(evidence: Evidence) -> Measured:
    """Make all calls of a kernel, and measure its rules.

    Raises
    ------
    UnreadableError
        If the kernel gives no output, or no box format explains what it gives.
    """
    reading, model = first_reading(evidence)
    evidence.collect(measuring_calls(Writer(model.convention)))
    if evidence.refused and not evidence.answers:
        _, first = next(iter(evidence.refused.values()))
        raise UnreadableError(f"The kernel cannot be probed: {first.problem}.")
    evidence.check_repeated()
    progress = _Progress(evidence, reading, model)
    for name in STAGES:
        progress.measure(name)
    is_placed = "placement" in evidence.answers and evidence.agree(progress.model, "placement")
    if is_placed or "placement" not in progress.failed:
        # A later stage may have measured what the answers to an earlier one depend on, too.
        for name in [*progress.failed]:
            progress.measure(name)
    return Measured(evidence, _with_refusals(evidence, progress.model), progress.failed)


@dataclass
class _Progress:
    """What is known of a kernel after some stages.

    Parameters
    ----------
    evidence
        The answers of the kernel.
    reading
        How it reads boxes.
    model
        The rules that were measured.
    failed
        As in `Measured`.
    kept
        Names of the calls that the model agrees with.
    """

    evidence: Evidence
    reading: Reading
    model: Model
    failed: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def measure(self, name: str) -> None:
        """Measure the rules of a stage."""
        stage = STAGES[name]
        self.failed.pop(name, None)
        calls = [call for call in stage.calls if call in self.evidence.answers]
        if not calls:
            self.failed[name] = ""
            return
        is_blind = any(needed in self.failed for needed in stage.needs)
        candidates = stage.candidates(self.evidence, self.model, self.reading)
        if is_blind:
            candidates = islice(candidates, _MAX_BLIND_CANDIDATES)
        found = eliminate(self.evidence, self.model, candidates, calls, self.kept)
        if not found.agrees and not is_blind:
            each = stage.axis_candidates(self.evidence, self.model, self.reading)
            found = eliminate(self.evidence, self.model, each, calls, self.kept)
        if found.agrees:
            self.model = found.model
            self.kept += [call for call in calls if call not in self.kept]
        elif is_blind or stage.rule in SOFT_RULES:
            self.failed[name] = ""
        else:
            unusual = self.reading.unusual_rule if name == "placement" else ""
            self.failed[name] = unusual or stage.rule


def _with_refusals(evidence: Evidence, model: Model) -> Model:
    """Return the model with the boxes that the kernel rejects, if a value of the field gives them.

    The other stages leave calls without an output aside.
    """
    substitution = Substitution(evidence, model)
    for choice in get_args(Rejected):
        if not substitution.refused_otherwise(replace(model.convention, rejects=choice)):
            return model.having({"rejects": choice})
    return model
