"""The result of a measurement: the rules that a kernel follows, and how presets differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import Convention
from roialign_cli.core.overrides import applicable_overrides
from roialign_cli.measure.call import Answer, ProbeCall
from roialign_cli.measure.calling import ANY_CALL, Calling
from roialign_cli.measure.model import Model
from roialign_cli.measure.verdict import verdict_of
from roialign_cli.presentation import Presentable

Certainty = Literal["measured", "no effect seen", "no known rule", "not measurable"]


@dataclass(frozen=True)
class Measurement:
    """What was measured of one rule.

    Parameters
    ----------
    rule
        The name of the rule.
    fields
        Field → measured value; only fields that state the rule.
    text
        What the kernel does, as a clause; or why it is not known.
    certainty
        "measured"; "no effect seen" if other values give the same answers; "no known rule" if no
        value gives the answers; "not measurable".
    calls
        Names of the calls that it was measured from.
    """

    rule: str
    fields: Mapping[str, Any]
    text: str
    certainty: Certainty
    calls: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """A small call of which a kernel and a preset give different outputs.

    Parameters
    ----------
    call
        The inputs, with one box.
    section
        (row, column) of the section that differs most, from 0.
    channel
        The channel that differs most.
    expected, given
        What the preset and the kernel give: (R, C, rows, columns), or why there is no output.
    """

    call: ProbeCall
    section: tuple[int, int]
    channel: int
    expected: Answer
    given: Answer

    def options(self, convention: Convention) -> dict[str, Any]:
        """Return the keywords with which `roi_align` and `trace` run the call by a convention."""
        call = self.call
        options: dict[str, Any] = {"convention": convention, "batch_index": call.batch_index}
        if not convention.normalized:
            options["spatial_scale"] = call.spatial_scale
        if call.sampling_ratio is not None:
            options |= applicable_overrides(convention, sampling_ratio=call.sampling_ratio)
        return options

    @property
    def values(self) -> tuple[float | str, float | str]:
        """The value of the preset and that of the kernel in the section, or its problem."""
        row, column = self.section
        one, other = (
            answer.problem
            if answer.output is None
            else float(answer.output[0, self.channel, row, column])
            for answer in (self.expected, self.given)
        )
        return one, other


@dataclass(frozen=True)
class Difference:
    """A rule in which a kernel differs from a preset.

    Parameters
    ----------
    rule
        The name of the rule.
    measured, expected
        What the kernel and the preset do, as clauses.
    fields
        Field → its value in the kernel and in the preset, where they differ.
    is_minor
        Whether it changes only last digits, or only what no usual input shows.
    case
        The smallest case found that shows the difference; None if there is none.
    """

    rule: str
    measured: str
    expected: str
    fields: Mapping[str, tuple[Any, Any]]
    is_minor: bool
    case: Case | None


def by_weight(differs: Iterable[Difference]) -> list[Difference]:
    """Return differences in their order, minor ones last."""
    return sorted(differs, key=lambda one: one.is_minor)


@dataclass(frozen=True, repr=False)
class Fingerprint(Presentable):
    """The rules that a kernel follows; it prints as the command prints it.

    Parameters
    ----------
    name
        The name of the kernel.
    convention
        The measured rules. Fields that cannot be measured have their default values. If a kernel
        does not treat both axes alike, a field has the value along y.
    measurements
        All rules.
    output_axes
        The order of the axes of the output.
    nearest
        The preset with the fewest different rules; None if the kernel could not be measured.
    equal
        Names of all presets with which the answers agree, apart from minor rules; the nearest is
        first.
    differs
        The rules in which the nearest preset differs.
    agreeing
        Rule → names of the presets that agree with the kernel in it.
    remarks
        What else was seen, as sentences without a full stop.
    matched
        What the kernel is given → the parameter that gets it, and how; empty if that is not known.
    failures
        Why there is no output → names of the calls without an output for this reason.
    is_chosen
        Whether `nearest` is the preset that the caller named. Another one may be nearer.
    is_partial
        Whether calls without an answer leave a rule unmeasured, so that the kernel equals no preset
        for certain.
    calling
        Which calls the kernel answers.
    calls
        How many calls were made.
    model
        The measured rules with the behaviours that no field of a convention expresses; None if the
        kernel could not be measured.
    problem
        Why the kernel could not be measured, as a sentence; "" if it could be.
    """

    name: str
    convention: Convention
    measurements: tuple[Measurement, ...] = ()
    output_axes: str = ""
    nearest: str | None = None
    equal: tuple[str, ...] = ()
    differs: tuple[Difference, ...] = ()
    agreeing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    matched: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_chosen: bool = False
    is_partial: bool = False
    calling: Calling = ANY_CALL
    calls: int = 0
    model: Model | None = None
    problem: str = ""

    def __repr__(self) -> str:
        return f"<Fingerprint of {self.name}: {self.verdict}>"

    @property
    def preset(self) -> str | None:
        """The preset that the kernel equals, apart from minor differences; None for none."""
        return self.equal[0] if self.equal and not self.is_partial else None

    @property
    def unknown(self) -> tuple[Measurement, ...]:
        """The rules that could not be measured."""
        return tuple(each for each in self.measurements if each.certainty == "not measurable")

    def measurement(self, rule: str) -> Measurement:
        """Return what was measured of a rule."""
        return next(each for each in self.measurements if each.rule == rule)

    @property
    def verdict(self) -> str:
        """The result in a few sentences."""
        return verdict_of(self)

    def record(self) -> dict[str, Any]:
        """Return the result as plain numbers, text, lists and dictionaries, for JSON."""
        return {
            "target": self.name,
            "matched": dict(self.matched),
            "fields": _plain(self.convention.parameters()),
            "preset": self.preset,
            "partial": self.is_partial,
            "equal": list(self.equal),
            "nearest": self.nearest,
            "pooling": self.convention.pooling,
            "output_axes": self.output_axes,
            "rules": [self._measurement_record(each) for each in self.measurements],
            "differs": [_difference_record(each) for each in self.differs],
            "unknown": [{"rule": each.rule, "reason": each.text} for each in self.unknown],
            "remarks": list(self.remarks),
            "failures": {problem: list(calls) for problem, calls in self.failures.items()},
            "calls": self.calls,
            "problem": self.problem,
        }

    def _measurement_record(self, measured: Measurement) -> dict[str, Any]:
        return {
            "rule": measured.rule,
            "measured": measured.text,
            "fields": _plain(measured.fields),
            "certainty": measured.certainty,
            "calls": list(measured.calls),
            "presets": list(self.agreeing.get(measured.rule, ())),
        }


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields without infinite numbers, which JSON does not have."""
    return {name: _plain_value(value) for name, value in fields.items()}


def _plain_value(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):  # one value for each axis
        return _plain(value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _difference_record(difference: Difference) -> dict[str, Any]:
    return {
        "rule": difference.rule,
        "measured": difference.measured,
        "expected": difference.expected,
        "fields": {
            name: [_plain_value(value) for value in values]
            for name, values in difference.fields.items()
        },
        "minor": difference.is_minor,
        "case": None if difference.case is None else _case_record(difference.case),
    }


def _case_record(case: Case) -> dict[str, Any]:
    """Return a case as plain numbers, text, lists and dictionaries."""
    call = case.call
    return {
        "features": _numbers(call.features),
        "boxes": _numbers(call.boxes),
        "batch_index": call.batch_index.tolist(),
        "output_size": list(call.output_size),
        "spatial_scale": call.spatial_scale,
        "sampling_ratio": call.sampling_ratio,
        "section": list(case.section),
        "channel": case.channel,
        "expected": _answer_record(case.expected),
        "given": _answer_record(case.given),
    }


def _answer_record(answer: Answer) -> list[Any] | float | str:
    return answer.problem if answer.output is None else _numbers(answer.output)


def _numbers(array: NDArray[Any]) -> list[Any] | float | str:
    """Return numbers as nested lists, those that are not finite as text."""
    if np.isfinite(array).all():
        numbers: list[Any] | float = array.tolist()
        return numbers
    if array.ndim:
        return [_numbers(part) for part in array]
    return str(float(array))
