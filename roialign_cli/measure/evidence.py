"""The answers of a kernel, and whether a model agrees with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.measure.behaviours import USUAL
from roialign_cli.measure.call import Answer, ProbeCall
from roialign_cli.measure.calling import Calling
from roialign_cli.measure.model import Model
from roialign_cli.measure.reading import Axes
from roialign_cli.measure.target import Target, ask

Array = NDArray[Any]

# Relative differences that count as rounding, by the bits that float32 outputs leave unused.
_FULL_TOLERANCE = 2e-5
_COARSE_TOLERANCES = ((16, 2.0**-7), (13, 2.0**-9))  # bfloat16; float16 and TF32

_REPEATED = 1e-3  # difference of repeated outputs, as a share of the largest value
_MIN_STEP = 1 / 128  # of outputs that are quantised, in units of the features


@dataclass
class Evidence:
    """Collect the answers of a kernel to calls.

    Parameters
    ----------
    target
        The kernel.
    axes
        How the kernel orders the axes of its outputs.
    answers
        Name of a call → the call and its answer, which has an output.
    refused
        Name of a call that the kernel gave no output for → the call and why.
    unavailable
        Name of a call that cannot be made of this kernel → the reason.
    remarks
        What else was seen, as clauses; the keys, in the order of their discovery.
    calls
        How many calls were made, blocks of channels apart.
    tolerance
        The difference that counts as rounding, as a share of the largest value of a channel.
    step
        The distance between neighbouring values of an output that was quantised to integers; 0 for
        any other.
    output_size, scale
        What is fixed in the kernel, as in `Calling`.
    first
        The first call with few channels, and its answer as the kernel gave it.
    """

    target: Target
    axes: Axes = field(default_factory=Axes)
    answers: dict[str, tuple[ProbeCall, Answer]] = field(default_factory=dict)
    refused: dict[str, tuple[ProbeCall, Answer]] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)
    calls: int = 0
    tolerance: float = _FULL_TOLERANCE
    step: float = 0.0
    output_size: tuple[int, int] | None = None
    scale: float = 1.0
    first: tuple[ProbeCall, Answer] | None = None

    def ask(self, call: ProbeCall) -> Answer:
        """Return the answer of the kernel to one call, in the usual order of axes and channels."""
        return self._ask(call, self.axes)

    def ask_for(self, rule: str, call: ProbeCall) -> Answer:
        """Return the answer as the kernel orders it if a rule is about the order."""
        axes = self.axes
        if rule == "channel map":
            axes = replace(axes, channels=USUAL)
        return self._ask(call, Axes(channels=axes.channels) if rule == "output axes" else axes)

    def is_reordered(self, rule: str) -> bool:
        """Return whether a rule is about an order of the output in which the kernel differs."""
        own = replace(Axes(), channels=self.axes.channels)
        if rule == "channel map":
            return self.axes.channels != USUAL
        return rule == "output axes" and self.axes != own

    def _ask(self, call: ProbeCall, axes: Axes) -> Answer:
        answer = axes.applied(ask(self.target, call), call)
        self.calls += not answer.is_missing
        if answer.remark:
            self.remarks[answer.remark] = None
        return answer

    def collect(self, calls: Iterable[ProbeCall]) -> None:
        """Make calls, and keep the answers."""
        for usual in calls:
            if (reason := self.calling.unavailable(usual)) is not None:
                self.unavailable[usual.name] = reason
                continue
            call = self.suited(usual)
            answer = self.ask(call)
            if answer.is_missing:
                self.unavailable[call.name] = answer.problem
                continue
            kept = self.refused if answer.output is None else self.answers
            kept[call.name] = call, answer
        outputs = [a.output for _, a in self.answers.values() if a.output is not None]
        self.tolerance = _relative_tolerance(outputs)
        self.step = _quantisation_step(outputs)

    def check_repeated(self) -> bool:
        """Make the first call again; return whether its output is the same, or remark on it."""
        if self.first is None:
            return True
        call, answer = self.first
        again = ask(self.target, call)
        self.calls += not again.is_missing
        if _are_near(answer.output, again.output):
            return True
        self.remarks["the kernel gives different outputs for the same inputs"] = None
        return False

    @property
    def calling(self) -> Calling:
        """Which calls the kernel answers."""
        return Calling(self.target.parameters, self.output_size, self.scale)

    @property
    def has_only_raised(self) -> bool:
        """Whether every call without an output is one for which the kernel raised an error."""
        return all(answer.failure == "raised" for _, answer in self.refused.values())

    @property
    def failures(self) -> dict[str, tuple[str, ...]]:
        """Why there is no output → the names of the calls without one for this reason."""
        problems = dict.fromkeys(answer.problem for _, answer in self.refused.values())
        return {
            problem: tuple(name for name, (_, a) in self.refused.items() if a.problem == problem)
            for problem in problems
        }

    def suited(self, call: ProbeCall) -> ProbeCall:
        """Return a call with what is fixed in the kernel."""
        return self.calling.suited(call)

    def agree(self, model: Model, name: str) -> bool:
        """Return whether a model gives the answer of the kernel to a call."""
        call, answer = self.answers[name]
        return self.equal(model.answer(call), answer)

    def equal(self, one: Answer, other: Answer) -> bool:
        """Return whether two answers are the same up to rounding."""
        if one.output is None or other.output is None:
            return one.output is None and other.output is None
        return bool(not self.differing(one.output, other.output).any())

    def distance(self, one: Answer, other: Answer) -> float:
        """Return how far two answers are apart on average, as a share of a channel's values."""
        if one.output is None or other.output is None or one.output.shape != other.output.shape:
            return 1.0
        differs = self.differing(one.output, other.output)
        with np.errstate(invalid="ignore"):
            apart = np.abs(one.output.astype(np.float64) - other.output)
        share = apart / np.maximum(_largest(one.output), 1e-9)
        return float(np.where(differs, 0.5 + np.where(share < 1, share, 1) / 2, 0).mean())

    def differing(self, one: Array, other: Array) -> NDArray[np.bool_]:
        """Return where two outputs (R, C, rows, columns) differ by more than rounding."""
        if one.shape != other.shape:
            return np.ones((1, 1, 1, 1), np.bool_)
        one, other = one.astype(np.float64), other.astype(np.float64)
        size = _largest(one)
        allowed = self.tolerance * np.where(size > 0, size, 1)
        allowed = np.maximum(allowed, self.step)
        with np.errstate(invalid="ignore"):
            near = np.abs(one - other) <= allowed
        same = near | (one == other) | (np.isnan(one) & np.isnan(other))
        return np.asarray(~same)


def _are_near(one: Array | None, other: Array | None) -> bool:
    """Return whether two outputs are the same apart from the last digits."""
    if one is None or other is None or one.shape != other.shape:
        return one is None and other is None
    size = np.abs(np.where(np.isfinite(one), one, 0)).max(initial=0)
    return np.allclose(one, other, rtol=0, atol=_REPEATED * size, equal_nan=True)


def _largest(output: Array) -> Array:
    """Return the largest finite value of each channel of an output, (C, 1, 1)."""
    finite = np.where(np.isfinite(output), output, 0).astype(np.float64)
    largest: Array = np.abs(finite).max(axis=(0, 2, 3), initial=0)[:, None, None]
    return largest


def _relative_tolerance(outputs: list[Array]) -> float:
    """Return the relative difference that counts as rounding, from the precision of outputs."""
    if not outputs:
        return _FULL_TOLERANCE
    if all(output.dtype.kind == "f" and output.dtype.itemsize == 2 for output in outputs):
        return 2.0**-9
    values = np.concatenate([output.astype(np.float32).ravel() for output in outputs])
    bits = np.bitwise_or.reduce(values[np.isfinite(values)].view(np.uint32), initial=0)
    unused = next((n for n in range(23) if int(bits) >> n & 1), 23)
    return next((share for n, share in _COARSE_TOLERANCES if unused >= n), _FULL_TOLERANCE)


def _quantisation_step(outputs: list[Array]) -> float:
    """Return the step of which all values of some outputs are multiples, 0 if it is small."""
    values = np.concatenate([np.zeros(0), *(output.ravel() for output in outputs)])
    values = np.unique(np.abs(values[np.isfinite(values)]))
    apart = np.diff(values)
    apart = apart[apart > _MIN_STEP / 10]
    if not len(apart) or apart.min() < _MIN_STEP:
        return 0.0
    step = float(apart.min())
    multiples = apart[apart < 100 * step] / step
    return step if np.abs(multiples - np.round(multiples)).max() < 0.05 else 0.0
