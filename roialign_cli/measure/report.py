"""State what was measured: every rule, the nearest preset, and how it differs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from roialign_cli.core.convention import Convention
from roialign_cli.measure.behaviours import USUAL
from roialign_cli.measure.clauses import clause
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.fingerprint import Certainty, Difference, Fingerprint, Measurement
from roialign_cli.measure.measuring import Measured
from roialign_cli.measure.model import Model
from roialign_cli.measure.nearest import Near, ranked_presets
from roialign_cli.measure.rules import AXES, RATIO, REFUSED, RULES, Rule
from roialign_cli.measure.smallest import smallest_case
from roialign_cli.measure.stages import STAGES
from roialign_cli.measure.substitution import Substitution
from roialign_cli.measure.target import NO_ANSWER


def fingerprint_of(measured: Measured, preset: str | None) -> Fingerprint:
    """Return the result of a measurement, compared with a preset, or else with the nearest."""
    evidence, substitution = measured.evidence, measured.substitution()
    ranked = ranked_presets(substitution)
    if preset is not None:
        ranked.sort(key=lambda near: near.convention.name != preset)
    nearest = ranked[0]
    measurements = {rule.name: _measurement(rule, measured, substitution) for rule in RULES}
    differs = tuple(
        _difference(rule, measurements[rule.name], nearest.convention, measured, substitution)
        for rule in nearest.differing
    )
    equal = tuple(near.convention.name for near in ranked if not near.major)
    return Fingerprint(
        name=evidence.target.name,
        convention=measured.model.convention,
        measurements=tuple(
            _with_certainty(measurements[rule.name], ranked, substitution)
            for rule in RULES
            if not rule.needs_max
            or measured.model.convention.pooling == "max"
            or rule.name in measured.broken
        ),
        output_axes=evidence.axes.text,
        nearest=nearest.convention.name,
        equal=() if nearest.major else equal,
        differs=differs,
        agreeing={
            rule.name: tuple(n.convention.name for n in ranked if rule not in n.differing)
            for rule in RULES
        },
        remarks=tuple(evidence.remarks),
        failures=evidence.failures,
        is_chosen=preset is not None,
        is_partial=any(_lacks_answers(rule, measured) for rule in RULES if not rule.is_minor),
        calling=evidence.calling,
        calls=max(evidence.calls, getattr(evidence.target, "calls", 0)),
        model=measured.model,
    )


def _measurement(rule: Rule, measured: Measured, substitution: Substitution) -> Measurement:
    model, evidence = measured.model, measured.evidence
    fields = {name: model.get(name) for name in rule.convention_fields}
    behaviours = (model.get(name) for name in rule.fields if name not in fields)
    behaviour = next((behaviour for behaviour in behaviours if behaviour != USUAL), "")
    along_x = {name: value for name, value in model.along_x.items() if name in fields}
    fields |= {name: {"x": value, "y": fields[name]} for name, value in along_x.items()}
    certainty: Certainty = "measured"
    if along_x:
        other = clause(rule.name, replace(model.convention, **along_x))
        behaviour = f"along x, {other}; along y, {clause(rule.name, model.convention)}"
    text = behaviour or clause(rule.name, model.convention)
    if rule.name == REFUSED:
        text = _refusal_words(evidence, model, substitution) or text
    elif rule.name == AXES:
        text = f"the axes of the output are {evidence.axes.text}"
    elif rule.name in measured.broken:
        certainty, text = "no known rule", _what_was_seen(rule, measured)
    elif rule.name in measured.unmeasured:
        certainty, text = "not measurable", _why_unmeasured(rule, measured)
    calls = tuple(name for name in rule.calls if name in evidence.answers)
    return Measurement(rule.name, fields, text, certainty, calls)


def _with_certainty(
    measured: Measurement, ranked: list[Near], substitution: Substitution
) -> Measurement:
    """Return a measurement with the certainty lowered if another preset's values do the same."""
    if measured.certainty != "measured" or not measured.fields:
        return measured
    rule = next(rule for rule in RULES if rule.name == measured.rule)
    for near in ranked:
        own = {name: getattr(near.convention, name) for name in measured.fields}
        if own != dict(measured.fields) and substitution.agrees(rule, near.convention):
            return replace(measured, certainty="no effect seen")
    return measured


def _refusal_words(evidence: Evidence, model: Model, substitution: Substitution) -> str:
    """Return which calls have no output, if a value of the field does not state it as an error."""
    if evidence.has_only_raised and not substitution.refused_otherwise(model.convention):
        return ""
    first, count = next(iter(evidence.refused)), len(evidence.refused)
    calls = f"the call {first!r}" if count == 1 else f"{count} calls, such as {first!r}"
    return f"there is no output for {calls}: {' / '.join(evidence.failures)}"


def _why_unmeasured(rule: Rule, measured: Measured) -> str:
    if rule.name == RATIO and "sampling_ratio" not in measured.evidence.target.parameters:
        return "the kernel takes no parameter with a usual name for it, such as sampling_ratio"
    for call in rule.calls:
        if call in measured.evidence.unavailable:
            return measured.evidence.unavailable[call]
        if call in measured.evidence.refused:
            return f"there is no output for the call {call!r}"
    needed = [name for stage in rule.stages for name in (stage, *STAGES[stage].needs)]
    failed = [
        measured.failed[name] or STAGES[name].rule for name in needed if name in measured.failed
    ]
    other = next((name for name in failed if name != rule.name), None)
    if other is not None:
        return f"another rule has to be known first: {other}"
    return "no known rule gives the outputs up to the last digit"


def _lacks_answers(rule: Rule, measured: Measured) -> bool:
    """Return whether a rule is not measured because its calls have no answer yet."""
    unavailable = measured.evidence.unavailable
    reasons = [unavailable.get(call, "") for call in rule.calls]
    return rule.name in measured.unmeasured and any(r.startswith(NO_ANSWER) for r in reasons)


def _what_was_seen(rule: Rule, measured: Measured) -> str:
    """Return in which calls no known rule gives the answers, or the points of the grid."""
    evidence, model = measured.evidence, measured.model
    names = dict.fromkeys(
        name
        for stage, broken in measured.failed.items()
        if broken == rule.name
        for name in STAGES[stage].calls
        if name in evidence.answers and not evidence.agree(model, name)
    )
    shown = [*names][:2]
    calls = f"call{'s' * (len(shown) > 1)} {' and '.join(map(repr, shown))}" if shown else "calls"
    text = f"no known rule gives the outputs of the {calls}"
    if rule.name == "adaptive grid" and "grid" in measured.failed:
        return _measured_grid(evidence, model) or text
    return text


def _measured_grid(evidence: Evidence, model: Model) -> str:
    """Return how many points sections of several widths and heights have, as a clause.

    Each number is found by pooling with every number of points up to 8 along both axes.
    """
    call, answer = evidence.answers["grid"]
    x1, y1, x2, y2 = call.boxes.T * call.spatial_scale
    rows, columns = call.output_size
    found: dict[str, str] = {}
    unset = replace(call, sampling_ratio=None)
    for along_y, along_x in np.ndindex(8, 8):
        points = {"sampling_ratio": along_y + 1, "sampling_ratio_x": along_x + 1}
        output = model.having(points).answer(unset).output
        if output is None or answer.output is None or output.shape != answer.output.shape:
            return ""
        same = ~evidence.differing(output, answer.output).any(axis=(1, 2, 3))
        for box in np.flatnonzero(same):
            size = f"{(x2 - x1)[box] / columns:.4g} × {(y2 - y1)[box] / rows:.4g}"
            found.setdefault(size, f"{along_x + 1} × {along_y + 1}")
    pairs = ", ".join(f"{size} cells: {points}" for size, points in found.items())
    return f"points by section size, along x × y: {pairs}" if found else ""


def _difference(
    rule: Rule,
    own: Measurement,
    preset: Convention,
    measured: Measured,
    substitution: Substitution,
) -> Difference:
    """Return in what a kernel differs from a preset by one rule."""
    values = ((name, own.fields[name], getattr(preset, name)) for name in own.fields)
    case = None
    if rule.name != AXES or not measured.evidence.axes.is_layout:
        case = smallest_case(measured, preset, rule, substitution.refused_otherwise(preset))
    return Difference(
        rule.name,
        own.text,
        clause(rule.name, preset),
        {name: (value, other) for name, value, other in values if value != other},
        substitution.is_minor(rule, preset),
        case,
    )
