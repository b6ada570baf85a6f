"""The sentences of `roialign probe` about kernels that equal a preset, differ, or are not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from roialign_cli import trace
from roialign_cli.core.convention import Convention
from roialign_cli.measure.fingerprint import Certainty, Difference, Fingerprint, Measurement
from roialign_cli.show.document.probe import fingerprint_text
from roialign_cli.show.document.probe_case import decimals_of_points

CERTAINTIES: dict[str, Certainty] = {"curves": "no known rule"}


def measurement(rule: str, certainty: Certainty) -> Measurement:
    return Measurement(rule, {}, f"the {rule} is odd", certainty, ())


def fingerprint(
    major: tuple[str, ...] = (), minor: tuple[str, ...] = (), unknown: tuple[str, ...] = ()
) -> Fingerprint:
    """Return the result for a kernel that differs by some rules, while others are unknown."""
    differs = [
        Difference(rule, f"the {rule} is odd", f"the {rule} is usual", {}, rule in minor, None)
        for rule in major + minor
    ]
    measurements = [
        measurement(rule, CERTAINTIES.get(rule, "measured")) for rule in major + minor
    ] + [measurement(rule, "not measurable") for rule in unknown]
    return Fingerprint(
        "kernel",
        Convention(),
        tuple(measurements),
        nearest="mmcv",
        equal=() if major else ("mmcv", "mmcv-cuda"),
        differs=tuple(differs),
    )


SENTENCES = {
    "This is mmcv (avg).": fingerprint(),
    "This is mmcv (avg), except for a detail: the end is odd.": fingerprint(minor=("end",)),
    "This is mmcv (avg), except for 2 details: the end is odd; the start is odd.": fingerprint(
        minor=("end", "start")
    ),
    "This is mmcv (avg). Not measured: end, start.": fingerprint(unknown=("end", "start")),
    "This is mmcv (avg). Not measured: grid.": fingerprint(unknown=("position formula", "grid")),
    "This is mmcv (avg). 4 rules could not be measured.": fingerprint(unknown=tuple("abcd")),
    "The answers so far agree with mmcv (avg). Not measured: end.": replace(
        fingerprint(unknown=("end",)), is_partial=True
    ),
    "Nearest: mmcv. 1 rule differs: the grid is odd.": fingerprint(("grid",)),
    "Nearest: mmcv. 2 rules differ: the grid is odd; curves (no known rule).": fingerprint(
        ("grid", "curves")
    ),
    "Nearest: mmcv. 5 rules differ: a, b, c, d, e.": fingerprint(tuple("abcde")),
    "Nearest: mmcv. 1 rule differs: the grid is odd. A detail differs, too: the end is odd.": (
        fingerprint(("grid",), ("end",))
    ),
    "Nearest: mmcv. 1 rule differs: the grid is odd. 4 details differ, too: a, b, c, d. "
    "Not measured: end.": fingerprint(("grid",), tuple("abcd"), ("end",)),
    "This is not mmcv (avg). 1 rule differs: the grid is odd.": replace(
        fingerprint(("grid",)), is_chosen=True
    ),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_verdict(sentence: str) -> None:
    found = SENTENCES[sentence]
    assert found.verdict == sentence
    assert (found.preset == "mmcv") == sentence.startswith("This is mmcv")


def test_a_rule_that_the_calls_cannot_distinguish_is_marked() -> None:
    found = replace(
        fingerprint(),
        measurements=(measurement("grid", "no effect seen"),),
        agreeing={"grid": ("mmcv",)},
    )
    text = " ".join(fingerprint_text(found).split())
    assert "the grid is odd†" in text
    assert "† The calls cannot distinguish this rule from another one: the outputs are the" in text


def test_points_that_differ_in_the_last_digit_are_shown_with_it() -> None:
    # In float32, -4.6 + 2.4 + 1.5 · 2.4 / 3 is -1.0000001, beyond the margin of 1 cell, and
    # -4.6 + 2.4 · (1 + 1.5 / 3) is -1. Positions have cell centres on .5.
    call: dict[str, Any] = {"convention": "torchvision-aligned", "sampling_ratio": 3}
    box, features = [[-4.1, 2, 0.7, 4]], np.ones((9, 9), np.float32)
    first, second = (
        trace(features, box, 2, **call | {"position_formula": formula}).section(2, 1)
        for formula in ("section-first", "share-first")
    )
    assert [round(one.points[1].x, 7) for one in (first, second)] == [-0.5000001, -0.5]
    assert decimals_of_points(first, second) == 8
    assert decimals_of_points(first, first) == 4
