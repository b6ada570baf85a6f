"""`identify` names what is wrong with every mismatch, and what it prints makes the output."""

from __future__ import annotations

import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import identify, roi_align
from roialign_cli.cli.main import main
from tests.mismatch_answers import Answer, cause_problems, correlation, reproduction_problems
from tests.mismatch_base import Mismatch
from tests.mismatches import INSTANCES, MISMATCHES
from tests.random_mismatches import random_mismatch, seeds_judged

EXACT, CHANGED, PARTIAL, NEAR, FAR = "exact", "exact after a change", "partial", "near", "far"

# Name → the verdicts that are right, for both instances.
VERDICTS: dict[str, tuple[str, ...]] = {
    "scale-rounded": (EXACT, CHANGED),
    "scale-wrong": (CHANGED,),
    "letterbox": (CHANGED,),
    "boxes-x2-minus-1": (CHANGED,),
    "boxes-corner-minus-1": (CHANGED,),
    "boxes-half-pixel": (EXACT, CHANGED),
    "level-finer": (FAR,),
    "level-coarser": (FAR,),
    "level-at-right-scale": (FAR,),
    "level-of-some-boxes": (PARTIAL,),
    "pooled-maximum": (EXACT, CHANGED, NEAR),
    "rows-swapped": (CHANGED, PARTIAL),
    "rows-nan": (PARTIAL, CHANGED),
    "rows-mixed": (PARTIAL,),
    "batch-last-column": (EXACT,),
    "batch-interleaved": (EXACT, CHANGED),
    "half-both": (EXACT, CHANGED),
    "boxes-clipped": (EXACT, CHANGED),
    "half-kernel": (EXACT, CHANGED, PARTIAL, NEAR),
    "noise": (NEAR, PARTIAL),
    "random-output": (FAR,),
    "kernel-exchanged-weights": (NEAR, PARTIAL),
    "kernel-no-division": (CHANGED, PARTIAL, NEAR),
}
for _prefix, _verdicts in {
    "mode-": (EXACT,),
    "roi-": (EXACT,),
    "ratio-": (EXACT,),
    "pooled-": (EXACT,),
    "layout-": (EXACT,),
    "scale-": (EXACT,),
    "boxes-": (EXACT,),
    "map-": (EXACT, CHANGED),
    "rows-": (CHANGED,),
    "shape-": (CHANGED,),
    "batch-": (CHANGED, PARTIAL),
    "kernel-": (EXACT,),
}.items():
    for _name in MISMATCHES:
        if _name.startswith(_prefix):
            VERDICTS.setdefault(_name, _verdicts)
for _name in MISMATCHES:
    VERDICTS.setdefault(_name, (CHANGED,))

# One instance of these kinds runs by default.
QUICK = {
    "mode-opset-11": 0,
    "boxes-half-pixel": 0,
    "rows-top-100": 0,
    "batch-last-column": 0,
    "half-features": 1,
    "int8-raw": 1,
    "kernel-clamp": 1,
}

CASES = [
    pytest.param(name, instance, marks=() if QUICK.get(name) == instance else pytest.mark.thorough)
    for name in MISMATCHES
    for instance in INSTANCES
]


@cache
def answer_to(name: str, instance: int) -> Answer:
    mismatch = MISMATCHES[name](instance)
    found = identify(mismatch.features, mismatch.boxes, mismatch.expected, **mismatch.known)
    return Answer(found, mismatch)


@pytest.mark.parametrize(("name", "instance"), CASES)
def test_the_cause_is_named_and_the_code_makes_the_output(name: str, instance: int) -> None:
    answer = answer_to(name, instance)
    problems = [*cause_problems(answer), *reproduction_problems(answer)]
    assert not problems
    assert answer.found.verdict in VERDICTS[name]


# Name → whether a command line makes the output.
ON_THE_COMMAND_LINE = {
    "mode-opset-11": True,
    "scale-wrong": True,
    "shape-flat": False,
    "rows-swapped": False,
    "gain-255": False,
    "level-finer": True,
}
COMMANDS = [
    pytest.param(name, has, marks=() if name == "mode-opset-11" else pytest.mark.thorough)
    for name, has in ON_THE_COMMAND_LINE.items()
]
CLOSEST = {
    "preset",
    "pooling",
    "sampling_ratio",
    "spatial_scale",
    "shift",
    "correlation",
    "gain",
    "bias",
    "explanation",
    "command",
    "call",
}


@pytest.mark.parametrize(("name", "has_command"), COMMANDS)
def test_command_lines_make_the_output(
    name: str,
    has_command: bool,  # noqa: FBT001
    tmp_path: Path,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mismatch = MISMATCHES[name](0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    np.save("map.npy", mismatch.features)
    np.save("boxes.npy", mismatch.boxes)
    np.save("out.npy", mismatch.expected)
    words = ["map.npy", "--boxes", "boxes.npy", "--expected", "out.npy"]
    for option, key in (("--spatial-scale", "spatial_scale"), ("--preset", "convention")):
        words += [option, str(mismatch.known[key])] if key in mismatch.known else []
    found = answer_to(name, 0).found
    status = 0 if found.matches else 1

    assert main(["identify", *words]) == status
    printed = capsys.readouterr().out.splitlines()
    commands = [line.strip() for line in printed if line.strip().startswith("roialign run")]
    # Changes are printed as Python.
    assert bool(commands) == (has_command and found.verdict != FAR and not found.changes)

    assert main(["identify", *words, "--format", "json"]) == status
    record = json.loads(capsys.readouterr().out)
    assert record["verdict"] == found.verdict
    if found.matches:
        command, call = (record["matches"][0][key] for key in ("command", "call"))
    else:
        assert set(record["closest"]) >= CLOSEST
        for pair in ("spatial_scale", "shift"):
            assert len(record["closest"][pair]) == 2
        assert record["closest"]["gain"]
        command, call = record["closest"]["command"], record["closest"]["call"]
        assert record["closest"]["explanation"]
        assert record["closest"]["correlation"] == found.answer.correlation  # type: ignore[union-attr]
    assert (command is not None) == has_command
    if command is None:
        output = executed(call, mismatch)
    else:
        assert commands in ([], [command])
        _, *rest = shlex.split(command)
        assert main([*rest, "--output", "made.npy"]) == 0
        output = np.load("made.npy")
    check(output, mismatch, found)


def executed(code: str, mismatch: Mismatch) -> Any:
    variables: dict[str, Any] = {"np": np, "roi_align": roi_align}
    variables |= {"features": mismatch.features, "boxes": mismatch.boxes}
    exec(code, variables)  # noqa: S102 - the code is the project's own
    return variables["output"]


def check(output: Any, mismatch: Mismatch, found: Any) -> None:
    expected = mismatch.expected
    if found.verdict in {EXACT, CHANGED}:
        output = output.reshape(expected.shape)  # a command line makes four axes
        allowed = 1e-4 * np.abs(expected).max() if found.answer is None else found.answer.tolerance
        np.testing.assert_allclose(output, expected, rtol=0, atol=allowed)
    elif found.verdict in {NEAR, FAR}:
        assert correlation(output, expected) == pytest.approx(found.answer.correlation, abs=1e-3)
    else:
        rows = found.answer.boxes
        error = np.abs(output - expected)[rows]
        assert error.max() <= found.answer.tolerance


SEEDS = range(50)


@pytest.mark.thorough
def test_what_is_said_of_random_mistakes_is_true() -> None:
    judged = [(mismatch.instance, verdict) for mismatch, _, verdict, _, _ in seeds_judged(SEEDS)]
    assert [seed for seed, verdict in judged if verdict == "false"] == []
    missed = [seed for seed, verdict in judged if verdict == "missed"]
    assert len(missed) <= 0.03 * len(judged), missed


def test_random_mistakes_change_the_output() -> None:
    for seed in range(23):
        mismatch, again = random_mismatch(seed), random_mismatch(seed)
        assert mismatch.truth
        np.testing.assert_array_equal(mismatch.expected, again.expected)
