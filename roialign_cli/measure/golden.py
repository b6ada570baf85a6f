"""Calls with the outputs that a convention gives, which together show every rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import Convention
from roialign_cli.measure.battery import Writer, measuring_calls
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.calling import Calling
from roialign_cli.measure.fingerprint import Case
from roialign_cli.measure.model import Model
from roialign_cli.measure.rules import RULES

_ANY_CALL = Calling()


@dataclass(frozen=True)
class GoldenCase:
    """A call, and what a kernel must give for it.

    Parameters
    ----------
    call
        The inputs; its name is unique.
    expected
        The output, (R, C, rows, columns).
    rules
        The names of the rules that the call shows.
    """

    call: ProbeCall
    expected: NDArray[Any]
    rules: tuple[str, ...]


def golden_cases(
    convention: Convention, cases: Sequence[Case] = (), calling: Calling = _ANY_CALL
) -> list[GoldenCase]:
    """Return the calls that show the rules of a convention, with its outputs.

    Calls that the convention rejects are left out, because they have no output.

    Parameters
    ----------
    convention
        The rules.
    cases
        Smaller calls in which a kernel differs from the convention; they come first.
    calling
        Which calls the kernel answers. The others are left out.
    """
    found = [
        GoldenCase(case.call, case.expected.output, (case.call.name,))
        for case in cases
        if case.expected.output is not None
    ]
    model = Model(convention)
    for usual in measuring_calls(Writer(convention)):
        call = calling.suited(usual)
        output = model.answer(call).output
        if output is not None and calling.unavailable(usual) is None:
            rules = tuple(rule.name for rule in RULES if call.name in rule.calls)
            found.append(GoldenCase(call, output, rules))
    return found


def golden_arrays(cases: Sequence[GoldenCase]) -> dict[str, NDArray[Any]]:
    """Return cases as named arrays: those of case 0 are "0.features", "0.boxes" and so on.

    "names" has the names of the cases, "rules" the rules that each shows. A sampling ratio of -1
    stands for a call without a ratio.
    """
    arrays: dict[str, NDArray[Any]] = {
        "names": np.array([case.call.name for case in cases]),
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
