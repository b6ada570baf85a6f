from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from roialign_cli.analysis.points import Border, Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.point import point_figure
from roialign_cli.show.figures.sections import sections_figure
from roialign_cli.show.numbers import format_number
from tests.figure_cases import CASES, HELMET, aligned, combinations, draw, steps_figure, walkthrough
from tests.figure_checks import check_figure, check_written, drawn, drawn_on, strings


def positions(trace: Trace, points: tuple[Point, ...], border: str) -> set[tuple[float, float]]:
    if trace.convention.reads_cells:
        return set()
    return {(p.x, p.y) for p in points if p.border == border}


@pytest.fixture(scope="module")
def figure() -> Figure:
    return sections_figure(walkthrough(), section=(1, 1))


@pytest.mark.parametrize(("case", "style"), combinations("sections"))
def test_points_are_the_traces_points_and_texts_keep_apart(case: str, style: str) -> None:
    one = CASES[case]
    figure = draw("sections", case, style)
    points = one.trace.section(*one.section).points
    for border in get_args(Border):
        assert drawn(figure, f"points-{border}") == positions(one.trace, points, border)
    check_figure(figure, one.trace)
    check_written(figure.axes[0], one.trace, one.section)


@pytest.mark.parametrize(
    "section",
    [
        pytest.param(
            (i, j), marks=() if (i, j) in {(1, 1), (2, 3), (3, 3)} else pytest.mark.thorough
        )
        for i in (1, 2, 3)
        for j in (1, 2, 3)
    ],
)
def test_walkthrough_labels_every_point_and_section(section: tuple[int, int]) -> None:
    traced = walkthrough()
    figure = sections_figure(traced, section=section)
    texts = [text.get_text() for text in figure.axes[0].texts]
    written = {text.xy for text in figure.axes[0].texts if isinstance(text, Annotation)}
    for point in traced.section(*section).points:
        assert f"({point.x:g}, {point.y:g})\n{point.value:.4g}" in texts
        assert {(q.x, q.y) for q in point.neighbours} <= written
    i, j = section
    numbers = [text for text in texts if text in {"1", "2", "3", f"i = {i}", f"j = {j}"}]
    across = [f"i = {n}" if n == i else str(n) for n in (1, 2, 3)]
    down = [f"j = {n}" if n == j else str(n) for n in (1, 2, 3)]
    assert sorted(numbers) == sorted(across + down)
    assert "(9.25, 10)" in texts
    assert "3 × 3 sections of an ROI of 6.25 × 4.53 cells" in strings(figure)


@pytest.mark.parametrize("case", ["7 × 7, last section", "7 × 7, 4 × 4 points", "1 × 1, max"])
def test_labels_have_the_values_of_points_and_positions_if_they_are_few(case: str) -> None:
    """A label that has no room is left out."""
    one = CASES[case]
    points = one.trace.section(*one.section).points
    axes = draw("sections", case, "7").axes[0]
    written = {text.xy: text.get_text() for text in axes.texts if isinstance(text, Annotation)}
    labels = {(p.x, p.y): label(p, with_position=len(points) <= 6) for p in points}
    shown = written.keys() & labels.keys()
    assert bool(shown) == (len(points) <= 16)
    assert all(written[at] == labels[at] for at in shown)


def label(point: Point, *, with_position: bool) -> str:
    value = f"{point.contribution:.4g}".replace("-", "−")
    x, y = (format_number(value, 2) for value in (point.x, point.y))
    return f"({x}, {y})\n{value}" if with_position else value


def test_the_subtitle_names_convention_pooling_and_output(figure: Figure) -> None:
    for part in ("convention walkthrough", "max pooling", "feature map of 16 columns × 16 rows"):
        assert any(part in text for text in strings(figure))
    result = "section (1, 1): 2 × 2 sample points, output 0.5132"
    assert any(result in text for text in strings(figure))


def test_by_default_a_section_with_points_in_different_cells_is_drawn() -> None:
    for one in CASES.values():
        traced = one.trace
        chosen = traced.section(*traced.example)
        cells = [len(different_cells(section.points)) for section in traced.sections]
        assert (len(different_cells(chosen.points)) > 1) == (max(cells) > 1)
        assert bool(chosen.points) == any(section.points for section in traced.sections)


def test_views_start_with_that_section() -> None:
    traced = CASES["over the corner"].trace
    chosen = traced.section(*traced.example)
    assert chosen.section != (1, 1)
    positions = {(p.x, p.y) for p in chosen.points}
    assert drawn(sections_figure(traced)) == positions
    assert drawn_on(steps_figure(traced).axes[3]) == positions
    assert drawn(point_figure(traced)) == {(chosen.points[0].x, chosen.points[0].y)}


def different_cells(points: tuple[Point, ...]) -> set[tuple[float, float]]:
    """Return the first cells that points on the map read."""
    return {(p.x1, p.y1) for p in points if p.border != "out"}


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


def test_the_centres_of_cells_are_marked(figure: Figure) -> None:
    dots = [c for c in figure.axes[0].collections if c.get_gid() == "centres"]
    centres = {(x, y) for x, y in np.asarray(dots[0].get_offsets()).tolist()}
    left, right, bottom, top = map(int, figure.axes[0].images[0].get_extent())
    assert centres == {(x + 0.5, y + 0.5) for x in range(left, right) for y in range(bottom, top)}


def test_roi_pool_has_no_sample_points_but_the_cells_of_its_sections() -> None:
    figure = draw("sections", "roi-pool", "7")
    assert drawn(figure) == set()
    assert not any("sample point" in text for text in strings(figure))
    assert not any(text.startswith("(13.5,") for text in strings(figure))


def test_a_section_that_is_not_there_is_an_argument_error() -> None:
    with pytest.raises(ArgumentError) as caught:
        sections_figure(walkthrough(), section=(4, 1))
    assert caught.value.argument == "section"
