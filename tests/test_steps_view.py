"""The steps as one story: six panels, their numbers, and the stages in which they appear."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation

from roialign_cli.analysis.scaling import ScaleSource
from roialign_cli.show.figures.stages import StagedFigure, build_up
from roialign_cli.show.figures.steps import steps_sheet
from tests.figure_cases import CASES, HELMET, aligned, combinations, draw, steps_figure, walkthrough
from tests.figure_checks import (
    cell_values,
    check_figure,
    check_values,
    check_written,
    drawn_on,
    points_of,
    shown_output,
    story,
    strings,
)

SOURCE = ScaleSource("image_size", (512, 512))


@pytest.fixture(scope="module")
def staged() -> StagedFigure:
    """Return the sheet of the worked example."""
    return steps_sheet(walkthrough(), source=SOURCE)


def panels(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_gid() != "colour-bar"]


@pytest.mark.parametrize(("case", "style"), combinations("steps"))
def test_the_steps_hold_the_points_the_one_point_and_the_output(case: str, style: str) -> None:
    one = CASES[case]
    traced, chosen = one.trace, one.trace.section(*one.section)
    figure = draw("steps", case, style)
    check_figure(figure, traced)
    _, box, _, points, *value, output = panels(figure)
    assert drawn_on(points) == points_of(traced, [chosen])
    assert len(value) == bool(chosen.points and traced.convention.points != "cells")
    on_map = cell_values(traced.on_map_of(one.section))
    check_values(box, on_map)
    if traced.convention.points == "integral":
        check_values(points, on_map)
        for axes in value:
            check_written(axes, traced, one.section)
    else:
        check_written(points, traced, one.section)
        for axes in value:
            point = chosen.winning_point or chosen.points[0]
            assert drawn_on(axes) == {(point.x, point.y)}
    numbers = np.array(traced.output)
    np.testing.assert_array_equal(
        shown_output(output), np.where(np.isfinite(numbers), numbers, np.nan)
    )
    check_values(output, {(i + 0.5, j + 0.5): v for (j, i), v in np.ndenumerate(numbers)})


def test_the_steps_are_numbered_and_start_on_the_image() -> None:
    image = np.zeros((512, 512, 3), np.uint8)
    figure = steps_figure(aligned(HELMET), image, stride=32, source=SOURCE)
    headings = [text.get_text()[0] for text in figure.texts if text.get_text()[1:3] == "  "]
    assert headings == ["1", "2", "3", "4", "5", "6"]
    assert figure.axes[0].images[0].get_extent() == pytest.approx((0, 16, 16, 0))
    assert figure.axes[0].images[0].get_array().shape == image.shape  # type: ignore[union-attr]


def test_the_story_of_the_worked_example(staged: StagedFigure) -> None:
    figure = staged.figure
    sheet = story(figure)
    for words in (
        "1 The box, in image pixels sub-sampling ratio = 512 / 16 = 32",
        "2 The ROI, in cells left = 296 / 32 = 9.25, top = 320 / 32 = 10,",
        "width = 200 / 32 = 6.25, height = 145 / 32 = 4.53125",
        "3 3 × 3 sections 6.25 / 3 = 2.0833 wide, 4.53125 / 3 = 1.5104 high",
        "4 Section (1, 1): 2 × 2 sample points max(0.144, 0.214, 0.5132, 0.4333) = 0.5132",
        "5 The value of point (1, 2) P = 0.2744·0.1 + 0.2156·0.2 + 0.2856·1 + 0.2244·0.7 = 0.5132",
        "x − x1 = 0.44, x2 − x = 0.56, y − y1 = 0.49, y2 − y = 0.51",
        "6 The output the largest value of each section: (1, 1) is 0.5132",
    ):
        assert words in sheet
    texts = set(strings(figure))
    assert {"(9.94, 9.5)\n0.144", "(10.64, 9.5)\n0.214"} <= texts
    assert {"(9.94, 8.99)\n0.5132", "(10.64, 8.99)\n0.4333"} <= texts
    assert {f"{value:.4f}" for row in walkthrough().output for value in row} <= texts


def test_sizes_have_the_decimals_of_the_box() -> None:
    sheet = story(steps_figure(aligned([170, 70, 272, 190], (3, 3)), source=SOURCE))
    assert "right = 272 / 32 = 8.5, bottom = 190 / 32 = 5.9375 so 3.1875 × 3.75 cells" in sheet
    assert "3.1875 / 3 = 1.0625 wide, 3.75 / 3 = 1.25 high" in sheet


def test_the_story_of_roi_pool_says_what_rounding_does() -> None:
    figure = draw("steps", "roi-pool", "7")
    sheet = story(figure)
    assert "How ROI Pool pools one box, step by step" in sheet
    for side in ("left 8.66 → 9 (−11 px)", "right 15.94 → 17 (+34 px)", "top 10.75 → 11 (−8 px)"):
        assert side in sheet
    assert "sample point" not in sheet
    axes = panels(figure)[3]
    assert drawn_on(axes) == set()
    # The values of the cells that the section pools are on the map, but for that in the ring.
    written = {text.xy: text.get_text() for text in axes.texts if isinstance(text, Annotation)}
    section = CASES["roi-pool"].trace.section(2, 2)
    assert all((c.x, c.y) in written for c in section.points if c.point != section.winner)
    assert not any(text.startswith("(") for text in written.values())


@pytest.mark.parametrize(
    "case", [pytest.param("normalised", marks=pytest.mark.thorough), "constant"]
)
def test_only_boxes_in_pixels_have_a_sub_sampling_ratio(case: str) -> None:
    assert "sub-sampling ratio" not in story(draw("steps", case, "7"))


# Stages and zoom lines --------------------------------------------------------------------------


def test_six_stages_with_different_artists_complete_the_figure(staged: StagedFigure) -> None:
    assert staged.count == len(staged.stages) == 6
    artists = [*chain.from_iterable(staged.stages)]
    assert len({id(artist) for artist in artists}) == len(artists)
    assert {id(axes) for axes in panels(staged.figure)} <= {id(artist) for artist in artists}
    visible = [[a.get_visible() for a in artists].count(True) for _ in build_up(staged)]
    assert visible == sorted(set(visible))
    assert visible[-1] == len(artists)
    assert all(artist.get_visible() for artist in artists)


def test_every_stage_adds_one_panel_with_its_heading(staged: StagedFigure) -> None:
    for number, stage in enumerate(staged.stages, 1):
        assert sum(isinstance(artist, Axes) for artist in stage) == 1
        texts = [artist.get_text() for artist in stage if hasattr(artist, "get_text")]
        assert texts[0].startswith(f"{number}  ")
    always = [text for text in staged.figure.texts if not in_a_stage(text, staged.stages)]
    assert always[0].get_text() == "How ROI Align pools one box, step by step"


def in_a_stage(artist: object, stages: object) -> bool:
    return any(artist is other for stage in stages for other in stage)  # type: ignore[attr-defined]


def zoom_lines(figure: Figure) -> list[Line2D]:
    """Return the lines between panels, in parts of the page."""
    return [line for line in figure.artists if isinstance(line, Line2D)]


def test_zoom_lines_lead_from_what_a_panel_shows_to_the_next_one(staged: StagedFigure) -> None:
    figure = staged.figure
    whole, box, sections, points, _, _ = panels(figure)
    lines = zoom_lines(figure)
    assert len(lines) == 4  # to panels 2 and 4; panel 5 is in the next row
    for (first, second), pair in (((whole, box), lines[:2]), ((sections, points), lines[2:])):
        ends = [np.asarray(line.get_xydata()) for line in pair]
        place = second.get_position()
        np.testing.assert_allclose(
            [e[1] for e in ends], [(place.x0, place.y1), (place.x0, place.y0)]
        )
        right = second.get_xlim()[1]
        top, bottom = sorted(second.get_ylim(), reverse=True)
        corners = first.transData.transform([(right, top), (right, bottom)])
        starts = figure.transFigure.inverted().transform(corners)
        low, high = first.get_position().min, first.get_position().max
        np.testing.assert_allclose([e[0] for e in ends], np.clip(starts, low, high))


def test_the_zoomed_part_is_outlined(staged: StagedFigure) -> None:
    figure = staged.figure
    whole, box, sections, points, _, _ = panels(figure)
    for first, second in ((whole, box), (sections, points)):
        (left, right), (low, high) = second.get_xlim(), sorted(second.get_ylim())
        outlines = [
            patch.get_extents().transformed(first.transData.inverted()) for patch in first.patches
        ]
        found = [o.extents for o in outlines if np.allclose(o.extents, (left, low, right, high))]
        assert len(found) == 1
