"""Which values of a rule give the same answers, and which presets agree in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from roialign_cli.core.convention import Convention
from roialign_cli.errors import RoiAlignError
from roialign_cli.measure.battery import NEGATIVE_GRID_CALLS
from roialign_cli.measure.behaviours import USUAL
from roialign_cli.measure.call import Answer
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.model import Model
from roialign_cli.measure.reading import Axes
from roialign_cli.measure.rules import AXES, REFUSED, RULES, Rule


@dataclass
class Substitution:
    """Replace one rule of a model by that of another convention, and compare the answers.

    Parameters
    ----------
    evidence
        The answers of the kernel.
    model
        What was measured.
    broken
        Names of rules that no model states; every other convention differs in them.
    unmeasured
        Names of rules that could not be measured; no convention differs in them.
    """

    evidence: Evidence
    model: Model
    broken: frozenset[str] = frozenset()
    unmeasured: frozenset[str] = frozenset()
    _own: dict[str, Answer] = field(default_factory=dict)
    _refusals: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _known: dict[tuple[Any, ...], bool] = field(default_factory=dict)

    def agrees(self, rule: Rule, convention: Convention) -> bool:
        """Return whether a convention gives the answers of the kernel as far as a rule goes."""
        if rule.name in self.broken:
            return False
        if rule.name in self.unmeasured:
            return True
        if rule.name == REFUSED:
            return not self.refused_otherwise(convention)
        if rule.name == AXES:
            return replace(self.evidence.axes, channels=USUAL) == Axes()
        if "behaviour:channels" in rule.fields and self.evidence.axes.channels != USUAL:
            return False
        values = rule.values_in(convention)
        key = (rule.name, *values.values())
        if key not in self._known:
            self._known[key] = self._same_answers(rule, values)
        return self._known[key]

    def refused_otherwise(self, convention: Convention) -> tuple[str, ...]:
        """Return the calls that only one of the kernel and a convention gives no output for.

        The convention counts with the measured rules, apart from the boxes that it rejects.
        """
        if convention.rejects not in self._refusals:
            model = self.model.having({"rejects": convention.rejects})
            calls = {**self.evidence.answers, **self.evidence.refused}
            self._refusals[convention.rejects] = tuple(
                name
                for name, (call, answer) in calls.items()
                if answer.failure == "unusable" or (answer.output is None) != model.refuses(call)
            )
        return self._refusals[convention.rejects]

    def is_minor(self, rule: Rule, convention: Convention) -> bool:
        """Return whether a rule in which a convention differs changes only what is unusual."""
        if rule.name == REFUSED:
            others = self.refused_otherwise(convention)
            return self.evidence.has_only_raised and all(map(self._is_minor_refusal, others))
        if rule.name == AXES:
            return self.evidence.axes.is_layout
        if rule.name == "coordinates":
            own = self.model.convention
            single = {convention.coordinates, own.coordinates} <= {"features", "double"}
            return single and convention.coordinate_decimals == own.coordinate_decimals
        return rule.is_minor

    def _is_minor_refusal(self, name: str) -> bool:
        """Return whether it is a detail that only one side has an output for a call.

        No library documents an output for inverted boxes, so that one may be given where a preset
        rejects them. Where the adaptive grid would have a negative number of points, some kernels
        compute a negative size and raise an error, for example onnxruntime. If the kernel crashes
        in some call, nothing counts as a detail.
        """
        if name not in self.evidence.refused:
            return name.startswith("inverted")
        return name in NEGATIVE_GRID_CALLS

    def _same_answers(self, rule: Rule, values: Mapping[str, Any]) -> bool:
        if all(self.model.get(name) == value for name, value in values.items()):
            return True
        try:
            other = self.model.having(values)
        except RoiAlignError:  # values that exclude each other
            return False
        names = [name for name in rule.calls if name in self.evidence.answers]
        return all(self._same(other, name) for name in names)

    def _same(self, other: Model, name: str) -> bool:
        call, _ = self.evidence.answers[name]
        if name not in self._own:
            self._own[name] = self.model.answer(call)
        return self.evidence.equal(self._own[name], other.answer(call))

    def differing(self, convention: Convention) -> list[Rule]:
        """Return the rules in which a convention does not give the answers of the kernel."""
        return [rule for rule in RULES if not self.agrees(rule, convention)]
