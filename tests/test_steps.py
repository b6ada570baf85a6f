"""What an explanation puts in adds up: its formulas, evaluated, give the numbers beside them."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from roialign_cli import PRESETS, RoiAlignError, trace
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.channels import maps_per_channel
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.document.formulas import FormulaLine, to_text
from roialign_cli.show.document.steps import interpolated, reduction, weighted

FEATURES = np.random.default_rng(3).integers(-20, 20, (9, 8)) / 8
BOXES = {
    "inside": [1.25, 0.5, 6.25, 5.5],
    "over the first corner": [-3, -2.5, 4, 4.5],
    "over the last corner": [4.5, 5.25, 12.5, 11.25],
    "sub-cell": [2.25, 2.25, 2.5, 2.75],
    "inverted": [6.5, 5.25, 2.5, 1.25],
}
CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "max": {"pooling": "max"},
    "another offset": {"offset": 0.25},
    "one section": {"output_size": 1},
    "grown": {"min_size": 2.0},
}
# What stands before the factors of a cell that is integrated.
WORDS = re.compile(r"weight × cell at row \d+, column \d+ = ")
# As many digits as are shown; sizes are divided and multiplied before they are shown.
SHOWN = 2e-3


def evaluated(line: FormulaLine) -> tuple[float, float]:
    """Return what the terms of a line make, and what it says that they make."""
    text = WORDS.sub("", to_text(line).replace("≈", "="))
    terms, result = text.partition(" = ")[2].rsplit(" = ", 1)
    result = result.rpartition("→ ")[2].partition(",")[0]
    plain = terms.translate(str.maketrans("·−[]", "*-()", "\n"))
    assert re.fullmatch(r"(?:max|min|H|[-+*/(),. \de])+", plain), plain
    functions: dict[str, Any] = {
        "max": lambda *values: max(values),
        "min": lambda *values: min(values),
        # The area of a trapezoid with sides 1 and 1 − |d|, or of the whole triangle.
        "H": lambda d: math.copysign((2 - min(abs(d), 1)) / 2 * min(abs(d), 1), d),
    }
    return float(eval(plain, functions)), float(result)  # noqa: S307


def traced(name: str, box: list[float], changes: dict[str, Any]) -> Trace | None:
    call: dict[str, Any] = {"box_format": "xyxy", "origin": "top-left", "normalized": False}
    if PRESETS[name].convention.points == "dividers":
        call |= {"divide": 4, "origin": "bottom-left", "coordinate_decimals": None}
    call |= {k: v for k, v in changes.items() if k != "output_size"}
    size = changes.get("output_size", (2, 4))
    rules, rows_and_columns = PRESETS[name].convention, (1, 1) if size == 1 else size
    maps = maps_per_channel(rules, rows_and_columns)
    features = np.array([np.roll(FEATURES, turn) for turn in range(maps)])
    try:
        return trace(features, box, size, convention=name, **call)
    except RoiAlignError:
        integral_maximum = rules.points == "integral" and call.get("pooling") == "max"
        assert rules.rejects != "nothing" or integral_maximum
        return None


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", PRESETS)
def test_formulas_add_up(name: str, change: str) -> None:
    for box in BOXES.values():
        one = traced(name, box, CHANGES[change])
        for section in one.sections if one else ():
            assert one is not None
            if section.points:
                made, said = evaluated(("S = ", *reduction(one, section)))
                assert made == pytest.approx(said, abs=SHOWN)
            for point in section.points:
                lines = list(Explanation(one, "").coordinates(section, point))
                whole: FormulaLine = tuple(
                    part for line in interpolated(one, point) for part in line
                    if not to_text(line).startswith("the section takes")
                )  # fmt: skip
                shown = one.convention.points != "cells" and point.in_bounds
                lines += [whole] if shown else []
                for line in lines:
                    made, said = evaluated(line)
                    assert made == pytest.approx(said, abs=SHOWN), to_text(line)


def test_what_neighbours_add_makes_the_value() -> None:
    one = trace(FEATURES, BOXES["inside"], 2, convention="torchvision-aligned")
    for section in one.sections:
        for point in section.points:
            added = [float(to_text(line).rpartition("= ")[2]) for line in weighted(point)]
            assert sum(added) == pytest.approx(point.value, abs=4 * 0.5e-4)


@pytest.mark.parametrize(
    ("name", "pooling", "said"),
    [("torchvision", "avg", 0), ("mmcv", "max", 0), ("onnx-half-pixel", "avg", 0),
     ("onnx-half-pixel", "max", 1)],
)  # fmt: skip
@pytest.mark.parametrize("value", [1.5, np.nan])
def test_only_where_products_count_they_are_named(
    name: str, pooling: Any, said: int, value: float
) -> None:
    features = np.full((4, 4), value)
    one = trace(features, [0.5, 0.5, 3, 3], 1, convention=name, pooling=pooling, sampling_ratio=1)
    lines = [to_text(line) for line in interpolated(one, one.sections[0].points[0])]
    assert sum("largest weight × cell" in line for line in lines) == said
