"""Find the rules that made the output of a recorded call: the stated ones, or others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.equivalence import coarse_rules
from roialign_cli.analysis.tolerance import allowed_differences
from roialign_cli.calls.agreement import bfloat16_tolerance
from roialign_cli.calls.call import Call
from roialign_cli.calls.row_differences import RowDifferences, row_differences, tolerance_of
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import BOX_FIELDS, Convention
from roialign_cli.core.operation import Operation
from roialign_cli.errors import ArgumentError
from roialign_cli.search.changes import Change
from roialign_cli.search.explanation import Verdict
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.result import Identification
from roialign_cli.search.search import identify

_MAX_TRIED = 3  # matches that are expressed as changes of the stated rules


@dataclass(frozen=True)
class Kernel:
    """The rules that make an output.

    Parameters
    ----------
    convention
        The rules.
    factor
        The scale (y, x) that the output shows, relative to the stated scale.
    changes
        What is done to the features, the boxes and the output besides.
    """

    convention: Convention
    factor: tuple[float, float] = (1.0, 1.0)
    changes: tuple[Change, ...] = ()

    def applied(self, operation: Operation) -> Operation:
        """Return an operation with these rules: before the changes of its output."""
        features, boxes = operation.features, operation.boxes_xyxy
        for change in self.changes:
            features, boxes = change.features(features), change.boxes(boxes)
        y, x = operation.spatial_scale
        return replace(
            operation,
            features=features,
            boxes_xyxy=boxes,
            spatial_scale=(y * self.factor[0], x * self.factor[1]),
            convention=self.convention,
        )

    def pooled(self, operation: Operation) -> Float:
        """Return the output for the features, the corners and the scale of an operation.

        Raises
        ------
        ArgumentError
            If the convention rejects the boxes, or if a change does not fit the output.
        """
        output = self.applied(operation).pooled()
        try:
            for change in self.changes:
                output = np.asarray(change.output(output))
        except ValueError:  # a change of each channel, and another number of channels
            problem = "have another number of channels than the change of the output"
            raise ArgumentError("features", problem) from None
        return output

    def shifted(self, cells: float) -> Kernel:
        """Return the rules for boxes that are not moved by so many cells before the operator."""
        offset = self.convention.offset - cells
        return replace(self, convention=replace(self.convention, offset=offset))


@dataclass
class KernelCheck:
    """Check the stated operator of calls by their outputs, one call after another.

    Parameters
    ----------
    search
        Whether to search for the rules behind an output that the stated operator does not make.
    stated
        The rules that the first call states; None if it states no operator.
    stated_error, stated_wrong
        By how much, and in how many rows, the outputs differ from those of the rules that their
        own calls state.
    rows
        The number of rows with a recorded output.
    wrong
        The number of rows that differ from those of the rules that a search found.
    found, verdict
        What a search found, and its verdict; None if the stated rules make the outputs.
    """

    search: bool
    stated: Kernel | None = None
    stated_error: float = 0.0
    stated_wrong: int = 0
    rows: int = 0
    wrong: int = 0
    found: Identification | None = None
    verdict: Verdict | None = None
    _kernel: Kernel | None = field(default=None)

    def check(self, call: Call) -> Kernel | None:
        """Check a call, and return the rules that make its output; None if they are unknown."""
        operation = call.operation()
        stated = self._stated_by(call)
        self.stated = self.stated or stated
        if call.output is None:
            return stated
        if not call.output.size:
            return self.kernel_of(call)
        self.rows += len(call.output)
        if stated is not None:
            result = _checked(stated, operation, call, call.output)
            self.stated_error = max(self.stated_error, result.largest)
            self.stated_wrong += int(result.wrong.sum())
            if not result.wrong.any():
                return stated
        if self.verdict is None and self.search:
            self._search(call, operation, call.output)
        if self._kernel is None:
            self.wrong += len(call.output)
            return None
        result = _checked(self._kernel, operation, call, call.output)
        self.wrong += int(result.wrong.sum())
        return None if result.wrong.any() else self._kernel

    def _search(self, call: Call, operation: Operation, output: NDArray[Any]) -> None:
        """Search for the rules behind an output."""
        try:
            self.found = _identified(call, output)
        except ArgumentError:  # the output has another number of channels than the features
            self.verdict = "far"
            return
        self.verdict = self.found.verdict
        self._kernel = _kernel_of(self.found, operation, call, output)

    def _stated_by(self, call: Call) -> Kernel | None:
        """Return the rules that a call states, or those of the calls before it."""
        return self.stated if call.preset is None else Kernel(call.convention())

    def kernel_of(self, call: Call) -> Kernel | None:
        """Return the rules that make the output of a call, None if they are unknown.

        The calls of a pyramid may state different rules.
        """
        return self._stated_by(call) if self.is_stated else self.kernel

    def release(self) -> None:
        """Drop what a search found, which holds the features; keep its verdict and the rules."""
        self.found = None

    @property
    def is_stated(self) -> bool:
        """Whether the operators that the calls state make all outputs."""
        return self.stated is not None and not self.stated_wrong

    @property
    def kernel(self) -> Kernel | None:
        """The rules that make all outputs, None if they are unknown."""
        if self.is_stated:
            return self.stated
        return None if self.wrong else self._kernel


def _checked(
    kernel: Kernel, operation: Operation, call: Call, output: NDArray[Any]
) -> RowDifferences:
    """Compare the output of a call with the output of other rules for the same inputs."""
    try:
        made = kernel.pooled(operation)
    except ArgumentError:  # the stated convention rejects a box that the operator pooled
        made = None
    if made is None or made.shape != output.shape:
        nothing = np.full(len(output), np.inf)
        return RowDifferences(nothing, nothing, np.isinf(nothing))
    return row_differences(made, output, allowed_differences(output, tolerance_of(call)))


def _identified(call: Call, output: NDArray[Any]) -> Identification:
    """Search for the rules behind the output of a call."""
    fixed: dict[str, Any] = {}
    convention = call.convention()
    if call.preset is not None:
        fixed = {name: getattr(convention, name) for name in BOX_FIELDS}
    scale = None if convention.normalized else call.operation().spatial_scale
    return identify(
        call.features,
        call.boxes,
        output,
        spatial_scale=scale,
        batch_index=call.batch_index,
        tolerance=bfloat16_tolerance(call, output),
        **fixed,
    )


def _kernel_of(
    found: Identification, operation: Operation, call: Call, output: NDArray[Any]
) -> Kernel | None:
    """Return the rules that a search found, if they can be applied to other boxes."""
    answer = found.answer
    if found.matches:
        hypothesis, changes = found.matches[0].hypothesis, found.changes
        usable = not (found.doubtful or changes)
    elif answer is not None and answer.verdict == "exact after a change":
        hypothesis, changes = answer.hypothesis, answer.changes
        usable = not any(change.by_row or change.size != 1 for change in changes)
    else:
        return None
    if not (usable and _is_usual(hypothesis)):
        return None
    if found.matches and call.preset is not None:
        return _nearest_to(found, operation, call, output)
    factor = _factor(hypothesis, operation)
    return Kernel(_with_reading(hypothesis.convention, operation), factor, changes)


def _is_usual(hypothesis: Hypothesis) -> bool:
    """Return whether the layout and the maps of a hypothesis are those of the call."""
    usual = hypothesis.layout == "RCHW" and hypothesis.batches == "given"
    return usual and not hypothesis.reduced


def _factor(hypothesis: Hypothesis, operation: Operation) -> tuple[float, float]:
    if hypothesis.spatial_scale is None:
        return 1.0, 1.0
    (y, x), stated = hypothesis.spatial_scale, operation.spatial_scale
    return y / stated[0], x / stated[1]


def _with_reading(convention: Convention, operation: Operation) -> Convention:
    """Return a convention that reads boxes as an operation does."""
    return replace(convention, **{name: getattr(operation.convention, name) for name in BOX_FIELDS})


def _nearest_to(
    found: Identification, operation: Operation, call: Call, output: NDArray[Any]
) -> Kernel:
    """Return the match that differs least from the stated rules, as a change of these rules."""
    stated = operation.convention
    best = found.matches[0].hypothesis
    own = coarse_rules(stated).parameters()
    options = []
    for match in found.matches:
        for convention in (match.hypothesis.convention, *match.equivalents):
            rules = coarse_rules(convention).parameters()
            options.append({name: value for name, value in rules.items() if value != own[name]})
    for fields in sorted(options, key=len)[:_MAX_TRIED]:
        try:
            kernel = Kernel(replace(stated, **fields))
            if not _checked(kernel, operation, call, output).wrong.any():
                return kernel
        except ArgumentError:
            continue
    return Kernel(_with_reading(best.convention, operation), _factor(best, operation))
