from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from roialign_cli.analysis.sections import Point
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.sections import sections_figure
from roialign_cli.show.figures.style import FigureStyle
from tests.figure_cases import (
    CASES,
    HELMET,
    aligned,
    at_each_width,
    check_drawing,
    check_texts,
    drawn,
    strings,
    walkthrough,
)


def positions(points: tuple[Point, ...], border: str) -> set[tuple[float, float]]:
    return {(p.x, p.y) for p in points if p.border == border}


@pytest.fixture(scope="module")
def figure() -> Figure:
    return sections_figure(walkthrough())


@pytest.mark.parametrize(("case", "width"), at_each_width(CASES, turns=4))
def test_points_are_the_traces_points_and_texts_keep_apart(case: str, width: float) -> None:
    traced, section = CASES[case]
    figure = sections_figure(traced, section=section, style=FigureStyle(width))
    points = traced.section(*section).points
    for border in ("inside", "clamped", "out"):
        assert drawn(figure, f"points-{border}") == positions(points, border)
    check_drawing(figure)
    check_texts(figure)


@pytest.mark.parametrize("section", [(i, j) for i in (1, 2, 3) for j in (1, 2, 3)])
def test_walkthrough_labels_every_point_and_section(section: tuple[int, int]) -> None:
    traced = walkthrough()
    texts = set(strings(sections_figure(traced, section=section)))
    named = {f"({i}, {j})" for i in (1, 2, 3) for j in (1, 2, 3)}
    assert named <= texts
    for point in traced.section(*section).points:
        assert f"({point.x:g}, {point.y:g})" in texts
    assert {"width 6.25", "height 4.53", "(9.25, 10)"} <= texts


def test_title_tells_convention_pooling_and_output(figure: Figure) -> None:
    title = "walkthrough  ·  max of 2 × 2 points  ·  section (1, 1) = 0.5132"
    assert title in strings(figure)


def test_winner_is_ringed_only_for_max(figure: Figure) -> None:
    winner = next(p for p in walkthrough().section(1, 1).points if p.point == (1, 2))
    assert drawn(figure, "winner") == {(winner.x, winner.y)}
    assert not drawn(sections_figure(aligned(HELMET)), "winner")


def test_y_points_where_the_frame_says(figure: Figure) -> None:
    low, high = figure.axes[0].get_ylim()
    assert low < high
    low, high = sections_figure(aligned(HELMET)).axes[0].get_ylim()
    assert low > high


def test_cells_are_where_the_frame_says(figure: Figure) -> None:
    image = figure.axes[0].images[0]
    left, right, bottom, top = image.get_extent()
    shown = np.asarray(image.get_array())
    row, column = int(top - 9.5), int(9.5 - left)
    assert shown.shape == (top - bottom, right - left)
    assert shown[row, column] == pytest.approx(0.1)
    assert shown[row + 1, column] == pytest.approx(1.0)


def test_a_section_that_is_not_there_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError) as caught:
        sections_figure(walkthrough(), section=(4, 1))
    assert caught.value.argument == "section"
