"""Calls with the outputs that a convention gives, which together show every rule."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import Convention
from roialign_cli.measure.battery import (
    NEGATIVE_GRID_CALLS,
    Writer,
    boxes_of_size,
    measuring_calls,
)
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.calling import ANY_CALL, Calling
from roialign_cli.measure.case_traces import nearest_convention
from roialign_cli.measure.fingerprint import Fingerprint
from roialign_cli.measure.measuring import SOFT_RULES
from roialign_cli.measure.model import Model
from roialign_cli.measure.rules import RULES

TOLERANCE = 1e-4  # relative difference that counts as rounding


@dataclass(frozen=True)
class GoldenCase:
    """A call, and what a kernel must give for it.

    Parameters
    ----------
    call
        The inputs. No other case has its name.
    expected
        The output, (R, C, rows, columns).
    rules
        The names of the rules that the call shows.
    """

    call: ProbeCall
    expected: NDArray[Any]
    rules: tuple[str, ...]


def golden_cases(convention: Convention, calling: Calling = ANY_CALL) -> list[GoldenCase]:
    """Return the calls that show the rules of a convention, with its outputs.

    Boxes that the convention rejects are left out, because they have no output. So are calls for
    which libraries of the same rules give different outputs.

    Parameters
    ----------
    convention
        The rules.
    calling
        Which calls the kernel answers. The others are left out.
    """
    found, model, writer = [], Model(convention), Writer(convention)
    left_out = _undefined_calls(convention)
    calls = [(call, _rules_of(call)) for call in measuring_calls(writer)]
    for call, rules in (*calls, *_more_calls(writer)):
        if call.name in left_out or calling.unavailable(call) is not None:
            continue
        case = _answered(calling.suited(call), model)
        if case is not None:
            found.append(GoldenCase(*case, rules))
    return found


def golden_cases_of(found: Fingerprint) -> tuple[list[GoldenCase], Convention]:
    """Return the golden values of the preset that a kernel is nearest to, and its rules.

    The smallest cases in which the kernel differs come first. A kernel without a sampling ratio is
    compared with the points that it has.

    Parameters
    ----------
    found
        What was measured of the kernel.
    """
    convention, own = nearest_convention(found), found.convention
    differs = found.differs
    if "sampling_ratio" not in found.calling.parameters:
        ratios = own.sampling_ratio, own.sampling_ratio_x
        convention = replace(convention, sampling_ratio=ratios[0], sampling_ratio_x=ratios[1])
        differs = tuple(each for each in differs if each.rule != "default ratio")
    golden = [
        GoldenCase(replace(call, name=f"smallest case, {each.rule}"), output, (each.rule,))
        for each in differs
        if each.case is not None
        for call, output in [(each.case.call, each.case.expected.output)]
        if output is not None
    ] + golden_cases(convention, found.calling)
    if "default ratio" in {each.rule for each in found.unknown}:
        golden = [case for case in golden if case.call.sampling_ratio is not None]
    return golden, convention


def without_details(
    golden: Sequence[GoldenCase], found: Fingerprint, convention: Convention
) -> list[GoldenCase]:
    """Return the golden values that a kernel gives once its mistakes are corrected.

    The others show only details in which the kernel differs, such as last digits.

    Parameters
    ----------
    golden
        The golden values.
    found
        What was measured of the kernel.
    convention
        The rules that give the golden values.
    """
    if found.model is None:
        return [*golden]
    mistakes = {each.rule for each in found.differs if not each.is_minor}
    corrected = found.model
    for rule in RULES:
        if rule.name in mistakes:
            corrected = corrected.having(rule.values_in(convention))
    unknown = {each.rule for each in found.unknown} & SOFT_RULES
    return [
        case for case in golden if unknown.isdisjoint(case.rules) and _is_given(case, corrected)
    ]


def _is_given(case: GoldenCase, model: Model) -> bool:
    """Return whether a model gives the output of a case, within the tolerance of saved tests."""
    output, expected = model.answer(case.call).output, case.expected
    if output is None or output.shape != expected.shape:
        return False
    largest = np.max(np.abs(expected), initial=1, where=np.isfinite(expected))
    close = np.isclose(output, expected, TOLERANCE, TOLERANCE / 10 * largest, equal_nan=True)
    return bool(close.all())


def _rules_of(call: ProbeCall) -> tuple[str, ...]:
    """Return the names of the rules that a call of the battery shows."""
    return tuple(rule.name for rule in RULES if call.name in rule.calls)


def _undefined_calls(convention: Convention) -> Collection[str]:
    """Return the names of calls for which libraries with the rules of a convention differ."""
    names: list[str] = []
    if convention.inverted_boxes == "kept" and not convention.min_size:
        names += NEGATIVE_GRID_CALLS  # some libraries raise an error
    if convention.pooling == "max":  # a maximum with NaN depends on the order of the comparisons
        names += ["non-finite cells", "non-finite cells, ratio 2"]
    return names


def _more_calls(writer: Writer) -> Iterator[tuple[ProbeCall, tuple[str, ...]]]:
    """Yield calls that do not help to measure a rule, but that some kernels fail, and the rules."""
    tiny = boxes_of_size([(0.02, 2), (1.5, 0.02), (0.05, 0.05)])
    yield writer.call("very small boxes", tiny), ("minimum size",)
    # float16 coordinates of these boxes lie on a half of a cell, from which edges are rounded up.
    halves = [(2.4997, 1.4998, 5.4996, 4.4997), (1.4998, 2.4997, 3.4997, 6.4995)]
    yield writer.call("edges below a half", halves), ("edge rounding", "coordinates")


def _answered(call: ProbeCall, model: Model) -> tuple[ProbeCall, NDArray[Any]] | None:
    """Return a call and its output, without the boxes that have none; None without any output."""
    output = model.answer(call).output
    if output is not None:
        return call, output
    outputs = [model.answer(call.with_boxes([n])).output for n in range(len(call.boxes))]
    kept = [n for n, one in enumerate(outputs) if one is not None]
    if not kept:
        return None
    return call.with_boxes(kept), np.concatenate([one for one in outputs if one is not None])


def golden_arrays(cases: Sequence[GoldenCase]) -> dict[str, NDArray[Any]]:
    """Return cases as named arrays: those of case 0 are "0.features", "0.boxes" and so on.

    "names" has the names of the cases, "rules" the rules that each shows. A sampling ratio of -1
    stands for a call without a ratio.
    """
    arrays: dict[str, NDArray[Any]] = {
        # pytest prints other characters than ASCII as escape sequences.
        "names": np.array([case.call.name.replace("×", "x") for case in cases]),
        "rules": np.array([", ".join(case.rules) for case in cases]),
    }
    for number, case in enumerate(cases):
        call = case.call
        ratio = -1 if call.sampling_ratio is None else call.sampling_ratio
        members: dict[str, NDArray[Any]] = {
            "features": call.features,
            "boxes": call.boxes,
            "batch_index": call.batch_index,
            "output_size": np.array(call.output_size),
            "spatial_scale": np.array(call.spatial_scale),
            "sampling_ratio": np.array(ratio),
            "expected": case.expected,
        }
        arrays |= {f"{number}.{name}": array for name, array in members.items()}
    return arrays
