"""Two conventions in one picture: both sets of points, the moves, the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver

from roialign_cli import PRESETS, Convention
from roialign_cli.analysis.comparison import common_shift, difference, most_different, paired_points
from roialign_cli.analysis.trace import Trace, trace_operation
from roialign_cli.cli.main import main
from roialign_cli.core.operation import make_operation, roi_align
from roialign_cli.show.figures.compare import compare_figure
from roialign_cli.show.figures.marks import MAX_DRAWN_POINTS
from tests.figure_cases import (
    CASES,
    HELMET,
    OUTSIDE,
    OVER_CORNER,
    STYLES,
    a_map,
    combinations,
    compared,
    draw,
)
from tests.figure_checks import (
    cell_values,
    check_figure,
    check_texts,
    check_values,
    drawn_on,
    points_of,
    shown_output,
    story,
    strings,
)

TWO: dict[str, Any] = {"sampling_ratio": 2}


def both(
    one: str,
    other: str,
    box: Sequence[float] = HELMET,
    output_size: int = 3,
    features: Any = None,
    **overrides: Any,
) -> tuple[Trace, Trace]:
    """Return the traces of a box on a map under two conventions, in the first one's frame."""
    scale: dict[str, Any] = {} if PRESETS[one].convention.normalized else {"spatial_scale": 1 / 32}
    cells = a_map() if features is None else features
    operation = make_operation(cells, [box], output_size, convention=one, **scale, **overrides)
    second: Convention = replace(PRESETS[other].convention, **overrides)
    traced = trace_operation(operation)
    return traced, trace_operation(replace(operation, convention=second), frame=traced.frame)


WITHOUT_NUMBERS = np.where(a_map() > 0.7, np.nan, a_map())
PAIRS = {
    "the shift": both("torchvision-aligned", "torchvision", **TWO),
    "the same": both("torchvision-aligned", "onnx-half-pixel", **TWO),
    "y up": both("walkthrough", "torchvision-aligned", [296, 320, 200, 145]),
    "the other y up": both("torchvision-aligned", "walkthrough"),
    "over the corner": both("onnx-half-pixel", "openvino-half-pixel", OVER_CORNER),
    "over the corner, max": both("mmcv", "openvino-asymmetric", OVER_CORNER, pooling="max"),
    "outside": both("torchvision-aligned", "torchvision", OUTSIDE, **TWO),
    "corner to corner": both("torchvision-aligned", "tensorflow", output_size=7),
    "normalised": both("tensorflow", "torchvision-aligned", [0.1, 0.2, 0.7, 0.9], 7),
    "cells": both("torchvision-aligned", "roi-pool", output_size=5),
    "14 × 14": both("torchvision-aligned", "torchvision", output_size=14, **TWO),
    "not numbers": both("torchvision", "mmcv", features=WITHOUT_NUMBERS, pooling="max"),
    "no area": both("torchvision-aligned", "paddle", [160, 160, 160, 160]),
}


def pairs() -> list[Any]:
    """Return (pair, style) parameters: every pair in two styles, by default some pairs in one."""
    styles = [*STYLES]
    return [
        pytest.param(name, style, marks=() if turn % 5 == 0 and is_own else pytest.mark.thorough)
        for turn, name in enumerate(PAIRS)
        for own in [styles[turn // 2 % len(styles)]]
        for style in dict.fromkeys((own, styles[turn % len(styles)]))
        for is_own in [style == own]
    ]


@pytest.mark.parametrize(("pair", "style"), pairs())
def test_both_conventions_points_are_drawn_with_their_moves(pair: str, style: str) -> None:
    one, other = PAIRS[pair]
    figure = compare_figure(one, other, style=STYLES[style])
    check_comparison(figure, one, other, most_different(one, other))


@pytest.mark.parametrize(("case", "style"), combinations("compare"))
def test_every_case_is_compared_with_another_convention(case: str, style: str) -> None:
    one, other = compared(CASES[case])
    check_comparison(draw("compare", case, style), one, other, CASES[case].section)


def check_comparison(figure: Figure, one: Trace, other: Trace, section: tuple[int, int]) -> None:
    check_figure(figure, one)
    on_map, close, *outputs = figure.axes[:5]
    few = max(one.n_points, other.n_points) <= MAX_DRAWN_POINTS
    for side, prefix in ((one, "points-"), (other, "other-")):
        assert drawn_on(on_map, prefix) == (points_of(side, side.sections) if few else set())
        assert drawn_on(close, prefix) == points_of(side, [side.section(*section)])
    for axes in (on_map, close):
        check_moves(axes, one, other)
        check_values(axes, cell_values(one))
    shown = [shown_output(axes) for axes in outputs]
    for drawn_output, side in zip(shown, (one, other), strict=False):
        output = np.array(side.output)
        np.testing.assert_array_equal(drawn_output, np.where(np.isfinite(output), output, np.nan))
    change = difference(np.array(one.output), np.array(other.output))
    np.testing.assert_array_equal(shown[2], change)


def check_moves(axes: Axes, one: Trace, other: Trace) -> None:
    """Assert that arrows lead from points of the first convention to points of the second."""
    starts, ends = (
        {(round(x, 9), round(y, 9)) for x, y in points_of(side, side.sections)}
        for side in (one, other)
    )
    for arrows in (a for a in axes.collections if isinstance(a, Quiver)):
        tails = np.asarray(arrows.get_offsets())
        heads = tails + np.stack([arrows.U, arrows.V], axis=1)
        assert {tuple(p) for p in tails.round(9)} <= starts
        assert {tuple(p) for p in heads.round(9)} <= ends


@pytest.mark.parametrize("case", ["7 × 7", "roi-pool", "walkthrough"])
def test_points_do_not_move_to_the_cells_of_roi_pool(case: str) -> None:
    one = CASES[case]
    pair = (one.trace, one.under("roi-pool" if case != "roi-pool" else "torchvision"))
    figure = compare_figure(*pair)
    arrows = [a for axes in figure.axes for a in axes.collections if isinstance(a, Quiver)]
    assert all(np.asarray(quiver.get_offsets()).size == 0 for quiver in arrows)
    assert "points move" not in story(figure)
    assert "how a point moves" not in strings(figure)


def test_the_other_trace_is_the_other_convention() -> None:
    for one, other in (PAIRS["the shift"], PAIRS["the other y up"], PAIRS["corner to corner"]):
        call: dict[str, Any] = {
            "convention": replace(other.convention, origin="top-left", normalized=False),
            "box_format": "xyxy",
            "spatial_scale": 1 / 32,
        }
        expected = roi_align(a_map(), [one.box], len(other.output), **call)[0, 0]
        np.testing.assert_allclose(other.output, expected, atol=1e-6)


def test_the_half_cell_shift_is_told() -> None:
    one, other = PAIRS["the shift"]
    texts = story(compare_figure(one, other, section=(2, 1)))
    assert "Section (2, 1) points move by (0.5, 0.5) cells" in texts
    texts = story(compare_figure(*PAIRS["the same"]))
    assert "Section (1, 1) points move by (0, 0) cells" in texts
    assert "the same output" in texts


def test_of_an_output_without_points_only_the_numbers_are_drawn() -> None:
    one, other = PAIRS["the shift"]
    bare = [replace(section, points=(), grid=(0, 0)) for section in other.sections]
    figure = compare_figure(one, replace(other, sections=tuple(bare)), section=(2, 1))
    check_texts(figure)
    assert "Section (2, 1)" in strings(figure)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert not any("of torchvision" in text and "aligned" not in text for text in legend)
    assert drawn_on(figure.axes[0], "other-") == set()
    assert "points move" not in story(figure)
    np.testing.assert_array_equal(shown_output(figure.axes[3]), other.output)


def test_points_are_paired_only_on_the_same_grid() -> None:
    one, other = PAIRS["the shift"]
    pairs = paired_points(one.section(3, 2), other.section(3, 2))
    assert [a.point for a, _ in pairs] == [b.point for _, b in pairs] == [
        (1, 1), (2, 1), (1, 2), (2, 2)
    ]  # fmt: skip
    assert common_shift(pairs) == pytest.approx((0.5, 0.5))
    assert common_shift([]) is None
    one, other = PAIRS["corner to corner"]
    assert paired_points(one.section(1, 1), other.section(1, 1)) == []


def test_a_difference_is_nothing_where_both_are_the_same_and_none_where_one_is_no_number() -> None:
    one = np.array([[1, np.nan, np.inf, -np.inf, 3]], np.float32)
    other = np.array([[1, np.nan, np.inf, 2, np.nan]], np.float32)
    np.testing.assert_array_equal(difference(one, other), [[0, 0, 0, np.nan, np.nan]])


def test_with_takes_fields_of_its_own(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", a_map())
    call = ["plot", "map.npy", "--box", "1,2,9,8", "--preset", "torchvision-aligned", "--view"]
    call += ["compare", "-o", "out.svg", "--output-size", "2", "--sampling-ratio", "2"]
    assert main([*call, "--with", "torchvision,sampling_ratio=3"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--view", "compare"], "--view compare needs a second convention; add --with PRESET"),
        (["--with", "mmcv"], "--with has no effect with --view steps; use --view compare"),
        (
            ["--view", "compare", "--with", "mmcv,colour=2"],
            "does not have the form FIELD=VALUE with a known field; choose pooling, ",
        ),
        (["--view", "compare", "--with", "mmvc"], "mmvc"),
        (
            ["--view", "sections", "--values", "always", "--width", "2.5", "--stride", "1"],
            "points wide, too small for the text; use a width of ",
        ),
        (
            ["--colormap", "virids"],
            "--colormap: 'virids' is not a colormap of Matplotlib; choose viridis",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(
    options: list[str],
    message: str,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", a_map(200, 200) / 7)
    assert main(["plot", "map.npy", "--box", "1,9,180,170", "-o", "out.png", *options]) == 2
    error = capfd.readouterr().err
    assert message in error
    assert error.count("\n") == 1
