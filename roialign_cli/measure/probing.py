"""Probe a kernel: make the calls, measure the rules, find the nearest preset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from roialign_cli.core.convention import Convention
from roialign_cli.core.presets import preset as preset_named
from roialign_cli.measure.battery import Writer, measuring_calls, reading_calls
from roialign_cli.measure.call import Answer, ProbeCall
from roialign_cli.measure.elimination import eliminate
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.fingerprint import (
    Certainty,
    Difference,
    Fingerprint,
    Measurement,
    fields_text,
)
from roialign_cli.measure.model import Model
from roialign_cli.measure.nearest import Near, ranked_presets
from roialign_cli.measure.reading import Axes, Reading, axes_of, read_boxes
from roialign_cli.measure.rules import AXES, REFUSED, RULES, Rule
from roialign_cli.measure.smallest import smallest_case
from roialign_cli.measure.stages import STAGES
from roialign_cli.measure.substitution import Substitution
from roialign_cli.measure.target import FunctionTarget, Target, ask


def probe(function: Callable[..., Any] | Target, *, preset: str | None = None) -> Fingerprint:
    """Measure the rules that a kernel follows.

    Parameters
    ----------
    function
        A function of features (N, C, H, W), boxes (R, 4) and output_size (rows, columns) that
        returns (R, C, rows, columns), with the keywords spatial_scale, sampling_ratio and
        batch_index if it has them; or a `Target`. Arrays are float32.
    preset
        The name of the preset to compare with; by default the nearest.

    Returns
    -------
    The rules, the nearest preset, and the smallest case for each rule in which it differs.

    Raises
    ------
    ArgumentError
        If the argument is no function, or the preset is unknown.

    Examples
    --------
    >>> from roialign_cli import roi_align
    >>> def kernel(features, boxes, output_size, spatial_scale, sampling_ratio, batch_index):
    ...     return roi_align(
    ...         features,
    ...         boxes,
    ...         output_size,
    ...         convention="torchvision",
    ...         spatial_scale=spatial_scale,
    ...         sampling_ratio=sampling_ratio or 0,
    ...         batch_index=batch_index,
    ...     )
    >>> probe(kernel).verdict
    'This is torchvision (avg).'
    """
    chosen = None if preset is None else preset_named(preset).name
    target = function if _is_target(function) else FunctionTarget.of(function)
    return _Probing(target).fingerprint(chosen)


def _is_target(given: object) -> bool:
    return all(hasattr(given, member) for member in ("run", "parameters", "name"))


@dataclass
class _Probing:
    """Hold what is known while a kernel is probed."""

    target: Target
    evidence: Evidence = field(init=False)
    model: Model = field(default_factory=lambda: Model(Convention()))
    failed: dict[str, str] = field(default_factory=dict)  # stage → "broken" or "unknown"

    def __post_init__(self) -> None:
        self.evidence = Evidence(self.target)

    def fingerprint(self, preset: str | None) -> Fingerprint:
        reading = self._read()
        if isinstance(reading, str):
            return Fingerprint(self.target.name, Convention(), problem=reading)
        self.evidence.collect(measuring_calls(Writer(self.model.convention)))
        self._measure(reading)
        self._measure_refusals()
        substitution = Substitution(
            self.evidence, self.model, self._rules("broken"), self._rules("unknown")
        )
        ranked = ranked_presets(substitution)
        if preset is not None:
            ranked.sort(key=lambda near: near.convention.name != preset)
        equal = [near.convention.name for near in ranked if not near.major]
        nearest = ranked[0]
        differs = [self._difference(rule, nearest, substitution) for rule in nearest.differing]
        return Fingerprint(
            self.target.name,
            self.model.convention,
            tuple(self._measurement(rule, ranked, substitution) for rule in RULES),
            self.evidence.axes.text,
            nearest.convention.name,
            tuple(equal) if not nearest.major else (),
            tuple(differs),
            {
                rule.name: tuple(n.convention.name for n in ranked if rule not in n.differing)
                for rule in RULES
            },
            tuple(self.evidence.remarks),
            self.evidence.calls,
        )

    def _read(self) -> Reading | str:
        """Return how the kernel reads boxes, or why that is unclear."""
        calls = reading_calls()
        answers = [ask(self.target, call) for call in calls]
        self.evidence.calls += len(calls)
        orders = [axes_of(call, answer) for call, answer in zip(calls, answers, strict=True)]
        known = [axes for axes in orders if axes is not None]
        if not known:
            return f"The kernel cannot be probed: {_why(calls[0], answers[0])}."
        self.evidence.axes = known[0]
        ordered = [known[0].applied(a, c) for a, c in zip(answers, calls, strict=True)]
        reading = read_boxes(calls, ordered)
        if reading is None:
            return (
                "The kernel cannot be probed: moving the numbers of a box does not move what it "
                "pools as in any box format."
            )
        own_maps = any(
            a.output is not None and a.output.shape[1] * 4 == call.features.shape[1]
            for a, call in zip(ordered, calls, strict=True)
        )
        channels = "position-sensitive" if own_maps else "same"
        self.model = self.model.having({**reading.fields, "channel_map": channels})
        return reading

    def _measure(self, reading: Reading) -> None:
        for name, stage in STAGES.items():
            if not any(call in self.evidence.answers for call in stage.calls):
                self.failed[name] = "unknown"
                continue
            found = eliminate(
                self.evidence,
                self.model,
                stage.calls,
                stage.candidates(self.evidence, self.model, reading),
            )
            if found.agrees:
                self.model = found.model
            elif stage.rule == "position formula" or any(n in self.failed for n in stage.needs):
                self.failed[name] = "unknown"
            else:
                self.failed[name] = "broken"

    def _measure_refusals(self) -> None:
        """Set which boxes the kernel rejects, if one value of the field gives all refusals."""
        substitution = Substitution(self.evidence, self.model)
        for choice in ("nothing", "inverted", "no-area", "off-map"):
            convention = replace(self.model.convention, rejects=choice)
            if not substitution.refused_otherwise(convention):
                self.model = Model(convention, self.model.laws)
                return

    def _rules(self, kind: str) -> frozenset[str]:
        """Return the rules of the stages that failed in one of two ways."""
        broken = {STAGES[name].rule for name, how in self.failed.items() if how == "broken"}
        if kind == "broken":
            return frozenset(broken)
        stages = {name for name, how in self.failed.items()}
        unknown = {rule.name for rule in RULES if rule.stages and stages.issuperset(rule.stages)}
        return frozenset(unknown - broken)

    def _measurement(
        self, rule: Rule, ranked: list[Near], substitution: Substitution
    ) -> Measurement:
        values = {name: self.model.get(name) for name in rule.fields}
        fields = {name: value for name, value in values.items() if not name.startswith("law:")}
        law = next(
            (self.model.laws[name[4:]] for name in values if name[4:] in self.model.laws), ""
        )
        calls = tuple(name for name in rule.calls if name in self.evidence.answers)
        certainty: Certainty = "measured"
        reason = ""
        if rule.name == REFUSED:
            law = self._refusal_words(substitution)
        elif rule.name == AXES:
            law = self.evidence.axes.text
        elif rule.name in substitution.broken:
            certainty = "no known rule"
        elif rule.name in substitution.unmeasured:
            certainty, reason = "not measurable", self._reason(rule)
        elif rule.needs_max and self.model.convention.pooling == "avg":
            certainty, reason = "not measurable", "only max pooling shows it"
        elif any(
            substitution.agrees(rule, near.convention)
            and any(getattr(near.convention, name) != value for name, value in fields.items())
            for near in ranked
        ):
            certainty = "no effect seen"
        return Measurement(rule.name, fields, law, certainty, reason, calls)

    def _refusal_words(self, substitution: Substitution) -> str:
        """Return which calls give no output, if that is not as the field has it."""
        if not substitution.refused_otherwise(self.model.convention):
            return ""
        problems = dict.fromkeys(answer.problem for _, answer in self.evidence.refused.values())
        names = "; ".join(self.evidence.refused)
        return f"no output for these calls: {names} ({' / '.join(problems)})"

    def _reason(self, rule: Rule) -> str:
        for call in rule.calls:
            if call in self.evidence.unavailable:
                return self.evidence.unavailable[call]
        needed = [name for stage in rule.stages for name in STAGES[stage].needs]
        broken = [STAGES[name].rule for name in needed if name in self.failed]
        return f"it cannot be separated from another rule: {broken[0]}" if broken else (
            "no known rule gives the answers, up to the last digit"
        )  # fmt: skip

    def _difference(self, rule: Rule, nearest: Near, substitution: Substitution) -> Difference:
        measured = self._measurement(rule, [], substitution)
        values = substitution.values_of(rule, nearest.convention)
        changed = {
            name: value
            for name, value in values.items()
            if not name.startswith("law:") and value != self.model.get(name)
        }
        own = {name: self.model.get(name) for name in changed}
        text = measured.text if measured.law or not own else fields_text(own)
        if rule.name in substitution.broken:
            text = measured.text
        expected = fields_text(changed) or fields_text(
            {name: value for name, value in values.items() if not name.startswith("law:")}
        ) or ("" if rule.name != AXES else Axes().text) or "as in all presets"  # fmt: skip
        case = (
            None
            if rule.name == AXES
            else smallest_case(
                self.evidence,
                self.model,
                nearest.convention,
                rule,
                is_broken=rule.name in substitution.broken,
            )
        )
        return Difference(
            rule.name, text, expected, substitution.is_minor(rule, nearest.convention), case
        )


def _why(call: ProbeCall, answer: Answer) -> str:
    if answer.output is None:
        return answer.problem
    return Axes().applied(answer, call).problem or "its output has no known order of axes"
