"""The views of one point, of the output and of the footprint: what they hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from roialign_cli import PRESETS, roi_align, trace
from roialign_cli.analysis.footprint import footprint
from roialign_cli.core.convention import Pooling
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.footprint import footprint_figure
from roialign_cli.show.figures.output import output_figure
from roialign_cli.show.figures.point import point_figure
from roialign_cli.show.figures.steps import steps_figure
from roialign_cli.show.figures.style import FigureStyle
from tests.figure_cases import (
    CASES,
    HELMET,
    aligned,
    at_each_width,
    check_drawing,
    check_texts,
    drawn,
    drawn_on,
    shown_output,
    strings,
    walkthrough,
)


def _has_points(case: str) -> bool:
    traced, section = CASES[case]
    return bool(traced.section(*section).points)


def gradient(features: Any, box: list[float], **call: Any) -> Any:
    """Return the derivative of every output by every cell, (T, K, H, W), from differences."""
    step = 1e-6
    moved = np.eye(features.size).reshape(-1, *features.shape) * step
    up, down = (roi_align(features + sign * moved, [box], (2, 3), **call)[0] for sign in (1, -1))
    return ((up - down) / (2 * step)).reshape(*features.shape, 2, 3).transpose(2, 3, 0, 1)


@pytest.mark.parametrize("pooling", get_args(Pooling))
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_footprint_is_the_gradient(preset: str, pooling: Pooling) -> None:
    convention = replace(PRESETS[preset].convention, pooling=pooling)
    features = np.random.default_rng(3).uniform(0.5, 9, (6, 7))
    if convention.normalized:
        box = [0.1, 0.2, 0.7, 0.75]
    else:  # over the map's border
        box = [2.3, 1.2, 5.1, 4.4] if convention.box_format == "xywh" else [-1.2, 1.2, 4.1, 6.8]
    expected = gradient(features, box, convention=convention)
    traced = trace(features, [box], (2, 3), convention=convention)
    for section in traced.sections:
        i, j = section.section
        np.testing.assert_allclose(
            footprint(traced, [section]), expected[j - 1, i - 1], atol=1e-7, err_msg=str((i, j))
        )
    np.testing.assert_allclose(footprint(traced), expected.sum(axis=(0, 1)), atol=1e-6)


@pytest.mark.parametrize(("case", "width"), at_each_width(CASES, turns=4))
def test_points_are_the_traces_points_and_texts_keep_apart(case: str, width: float) -> None:
    traced, section = CASES[case]
    everywhere = {(p.x, p.y) for s in traced.sections for p in s.points}
    chosen = traced.section(*section)
    for figure, points in (
        (output_figure(traced, style=FigureStyle(width)), everywhere),
        (footprint_figure(traced, style=FigureStyle(width)), everywhere),
        (
            footprint_figure(traced, section=section, style=FigureStyle(width)),
            {(p.x, p.y) for p in chosen.points},
        ),
    ):
        assert drawn(figure) == points
        check_drawing(figure)
        check_texts(figure)


@pytest.mark.parametrize(("case", "width"), at_each_width(filter(_has_points, CASES)))
def test_one_point_has_its_cells_and_the_areas_that_are_their_weights(
    case: str, width: float
) -> None:
    traced, section = CASES[case]
    figure = point_figure(traced, section=section, style=FigureStyle(width))
    check_drawing(figure)
    check_texts(figure)
    chosen = traced.section(*section)
    point = chosen.winning_point or chosen.points[0]
    assert drawn(figure) == {(point.x, point.y)}
    patches = [p for p in figure.axes[0].patches if isinstance(p, Rectangle)]
    cells = {tuple(map(float, p.get_center())) for p in patches if p.get_gid() == "neighbour"}
    assert cells == {(n.x, n.y) for n in point.neighbours}
    for name, neighbour in zip(("Q11", "Q21", "Q12", "Q22"), point.neighbours, strict=True):
        named = [p for p in patches if p.get_gid() == f"area-{name}"]
        areas = [abs(p.get_width() * p.get_height()) for p in named]
        if areas:
            assert areas == pytest.approx([neighbour.weight], abs=1e-6)


# The panels of a sheet are tested as views of their own: half the cases are enough by default.
@pytest.mark.parametrize(("case", "width"), at_each_width(CASES, turns=4))
def test_the_steps_hold_the_points_the_one_point_and_the_output(case: str, width: float) -> None:
    traced, section = CASES[case]
    figure = steps_figure(traced, section=section, style=FigureStyle(width))
    check_drawing(figure)
    check_texts(figure)
    chosen = traced.section(*section)
    points, *value, output = figure.axes[3:6]
    assert drawn_on(points) == {(p.x, p.y) for p in chosen.points}
    if value:
        assert len(drawn_on(value[0])) == 1
        assert drawn_on(value[0]) <= {(p.x, p.y) for p in chosen.points}
    np.testing.assert_array_equal(
        shown_output(output), np.where(np.isfinite(traced.output), traced.output, np.nan)
    )


def test_the_steps_are_numbered_and_start_on_the_image() -> None:
    image = np.zeros((512, 512, 3), np.uint8)
    figure = steps_figure(aligned(HELMET), image, stride=32)
    headings = [t for t in strings(figure) if t[:2] in {f"{n}." for n in range(1, 6)}]
    assert [t[0] for t in headings] == ["1", "1", "2", "3", "4", "5"]
    assert figure.axes[0].images[0].get_extent() == pytest.approx((0, 16, 16, 0))


def test_a_title_of_ones_own_is_broken_over_lines() -> None:
    title = "Where the half-pixel shift of the exported model comes from, on its own feature map"
    figure = output_figure(walkthrough(), style=FigureStyle(4.5, title))
    check_texts(figure)
    assert title in " ".join(strings(figure)).replace("\n", " ")
    assert not any("walkthrough" in text for text in strings(figure))


def test_the_output_is_written_and_its_winners_ringed() -> None:
    traced = walkthrough()
    figure = output_figure(traced)
    assert {"0.513", "0.620", "0.474", "0.749"} <= set(strings(figure))
    winners = [s.winning_point for s in traced.sections]
    assert drawn(figure, "winner") == {(p.x, p.y) for p in winners if p is not None}
    shown = np.asarray(figure.axes[1].images[0].get_array())
    np.testing.assert_array_equal(shown, traced.output)
    assert not drawn(output_figure(aligned(HELMET)), "winner")


def test_cells_that_are_one_at_the_border_are_named_together() -> None:
    traced = trace(np.full((2, 2), 5.0), [[1.4, 1.4, 2, 2]], 1, convention="torchvision-aligned")
    assert "Q11 = Q21 = Q12 = Q22 = 5" in strings(point_figure(traced))


def test_the_walkthroughs_point_is_the_documents() -> None:
    figure = point_figure(walkthrough(), section=(1, 1), point=(1, 2))
    assert sum(str(p.get_gid()).startswith("area-") for p in figure.axes[0].patches) == 4
    texts = strings(figure)
    assert "P = 0.2744·0.1 + 0.2156·0.2\n   + 0.2856·1 + 0.2244·0.7 = 0.5132" in texts
    with pytest.raises(
        ArgumentError, match=r"there is no point \(3, 1\); points run from \(1, 1\) to \(2, 2\)"
    ):
        point_figure(walkthrough(), point=(3, 1))
