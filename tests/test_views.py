"""The views of one point, of the output and of the footprint: they show what the trace holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from roialign_cli import PRESETS, roi_align, trace
from roialign_cli.analysis.footprint import footprint
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.channels import maps_per_channel
from roialign_cli.core.convention import Pooling
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.cells_used import UsedCell, is_far, used_cells
from roialign_cli.show.figures.marks import MAX_DRAWN_POINTS
from roialign_cli.show.figures.output import output_figure
from roialign_cli.show.figures.point import point_figure
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.palette import AREAS
from tests.figure_cases import CASES, HELMET, aligned, combinations, draw, walkthrough
from tests.figure_checks import (
    cell_values,
    check_figure,
    check_texts,
    check_values,
    check_written,
    drawn,
    points_of,
    shown_output,
    story,
    strings,
)


def gradient(features: Any, box: list[float], **call: Any) -> Any:
    """Return the derivative of every output by every cell, (T, K, H, W), from differences.

    A cell is moved in all of the maps (M, H, W) that the sections read.
    """
    step, size = 1e-6, features.shape[1:]
    moved = np.eye(features[0].size).reshape(-1, 1, *size) * step
    up, down = (
        roi_align((features + sign * moved).reshape(-1, *size), [box], (2, 3), **call)[0]
        for sign in (1, -1)
    )
    return ((up - down) / (2 * step)).reshape(*size, 2, 3).transpose(2, 3, 0, 1)


def poolings() -> list[Any]:
    """Return (preset, pooling) parameters; integral weights have no maximum."""
    return [
        (name, pooling)
        for name in sorted(PRESETS)
        for pooling in get_args(Pooling)
        if (PRESETS[name].convention.points, pooling) != ("integral", "max")
    ]


@pytest.mark.parametrize(("preset", "pooling"), poolings())
def test_the_footprint_is_the_gradient(preset: str, pooling: Pooling) -> None:
    convention = replace(PRESETS[preset].convention, pooling=pooling)
    maps = maps_per_channel(convention, (2, 3))
    features = np.random.default_rng(3).uniform(0.5, 9, (maps, 6, 7))
    if convention.normalized:
        box = [0.1, 0.2, 0.7, 0.75]
    elif convention.rejects == "off-map":
        box = [1.2, 1.2, 5.1, 4.8]
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


# All combinations -------------------------------------------------------------------------------


@pytest.mark.parametrize(("case", "style"), combinations("output"))
def test_the_output_view_has_all_points_and_the_output(case: str, style: str) -> None:
    traced = CASES[case].trace
    figure = draw("output", case, style)
    check_figure(figure, traced)
    few = traced.n_points <= MAX_DRAWN_POINTS
    assert drawn(figure) == (points_of(traced, traced.sections) if few else set())
    output = np.array(traced.output)
    np.testing.assert_array_equal(
        shown_output(figure.axes[1]), np.where(np.isfinite(output), output, np.nan)
    )
    check_values(figure.axes[1], {(i + 0.5, j + 0.5): v for (j, i), v in np.ndenumerate(output)})


@pytest.mark.parametrize(("case", "style"), combinations("footprint"))
def test_a_footprint_has_the_points_of_its_section(case: str, style: str) -> None:
    one = CASES[case]
    section = one.trace.section(*one.section)
    figure = draw("footprint", case, style)
    check_figure(figure, one.trace)
    assert drawn(figure) == points_of(one.trace, [section])
    check_values(figure.axes[0], cell_values(one.trace, footprint(one.trace, [section])))


@pytest.mark.parametrize(("case", "style"), combinations("all footprints"))
def test_the_footprint_of_all_sections_has_all_points_if_they_are_few(
    case: str, style: str
) -> None:
    traced = CASES[case].trace
    figure = draw("all footprints", case, style)
    check_figure(figure, traced)
    few = traced.n_points <= MAX_DRAWN_POINTS
    assert drawn(figure) == (points_of(traced, traced.sections) if few else set())
    check_values(figure.axes[0], cell_values(traced, footprint(traced, traced.sections)))


def rectangles(figure: Figure, prefix: str) -> list[Rectangle]:
    """Return the rectangles on the first axes with a name that starts like this."""
    patches = figure.axes[0].patches
    return [p for p in patches if isinstance(p, Rectangle) and str(p.get_gid()).startswith(prefix)]


def check_weights(figure: Figure, cells: list[UsedCell]) -> None:
    """Assert that areas, or the lengths between two cells, are the weights of the cells."""
    areas = {to_hex(a.get_facecolor()).upper(): a for a in rectangles(figure, "area-")}
    assert len(areas) == (len(cells) if len(cells) > 1 else 0)
    along_x = len({cell.x for cell in cells}) > 1
    for cell in cells if areas else ():
        area = areas[cell.colour]
        sizes = abs(area.get_width()), abs(area.get_height())
        size = sizes[0] * sizes[1] if len(cells) == 4 else sizes[not along_x]
        assert size == pytest.approx(abs(cell.weight), abs=1e-6)
        assert bool(area.get_hatch()) == (cell.weight < 0)


@pytest.mark.parametrize(("case", "style"), combinations("point"))
def test_one_point_has_its_cells_and_areas_that_are_their_weights(case: str, style: str) -> None:
    one = CASES[case]
    figure = draw("point", case, style)
    check_figure(figure, one.trace)
    chosen = one.trace.section(*one.section)
    if one.trace.convention.points == "integral":
        check_written(figure.axes[0], one.trace, one.section)
        return
    point = chosen.winning_point or chosen.points[0]
    assert drawn(figure) == {(point.x, point.y)}
    cells = used_cells(point)
    outlined = [tuple(map(float, p.get_center())) for p in rectangles(figure, "neighbour")]
    assert outlined == [(cell.x, cell.y) for cell in cells]
    assert {(c.x, c.y) for c in cells} <= {(n.x, n.y) for n in point.neighbours}
    check_weights(figure, cells)


# The cells that a point uses --------------------------------------------------------------------


def one_point(x: float, y: float) -> Trace:
    """Trace a box with one sample point at this position on a map of 4 × 5 cells."""
    features = np.arange(1.0, 21.0).reshape(4, 5)
    box = [x - 0.25, y - 0.25, x + 0.25, y + 0.25]
    return trace(features, [box], 1, convention="torchvision-aligned", sampling_ratio=1)


@pytest.mark.parametrize(
    ("x", "y", "count", "border"),
    [
        (2.25, 1.75, 4, "inside"),
        (1.5, 2.75, 2, "inside"),  # on a column of centres: the weight of the other column is 0
        (1.25, 2.5, 2, "inside"),
        (2.5, 1.5, 1, "inside"),  # on the centre of a cell
        (4.5, 2.25, 2, "inside"),
        (0.25, 2.25, 2, "clamped"),
        (2.25, -0.25, 2, "clamped"),
        (2.25, 4.25, 2, "clamped"),
        (5.25, 1.5, 1, "clamped"),
        (0.25, 0.25, 1, "clamped"),  # at a corner
        (5.25, 4.25, 1, "clamped"),
        (-2.0, 1.0, 0, "out"),
        (2.0, 9.0, 0, "out"),
    ],
)
def test_a_point_uses_the_cells_that_count(x: float, y: float, count: int, border: str) -> None:
    point = one_point(x, y).section(1, 1).points[0]
    cells = used_cells(point)
    assert (point.border, len(cells)) == (border, count)
    assert len({(cell.x, cell.y) for cell in cells}) == count
    if count:
        assert sum(cell.weight for cell in cells) == pytest.approx(1)
        assert all(cell.weight > 0 for cell in cells)
    assert sum(cell.weight * cell.value for cell in cells) == pytest.approx(point.value)
    assert [cell.name for cell in cells] == (
        ["Q11", "Q21", "Q12", "Q22"] if count == 4 else [""] * count
    )
    assert [cell.colour for cell in cells] == list(AREAS[:count])


@pytest.mark.parametrize("case", CASES)
def test_the_used_cells_of_every_point_give_its_value(case: str) -> None:
    one = CASES[case]
    if one.trace.convention.reads_cells:
        return
    for point in one.trace.section(*one.section).points:
        cells = used_cells(point)
        assert len(cells) in ({0} if point.border == "out" or is_far(point) else {1, 2, 4})
        if cells:
            assert sum(cell.weight for cell in cells) == pytest.approx(1)
            value = sum(cell.weight * cell.value for cell in cells)
            assert value == pytest.approx(point.value, rel=1e-5, nan_ok=True)


def test_a_cell_that_is_not_finite_is_used_even_without_a_weight() -> None:
    features = np.array([[1.0, np.nan], [3.0, 4.0]])
    traced = trace(features, [[0.25, 0.25, 0.75, 0.75]], 1, convention="torchvision-aligned")
    point = traced.section(1, 1).points[0]
    assert [cell.weight for cell in used_cells(point)] == [1, 0]
    assert np.isnan(point.value)


@pytest.mark.parametrize("at", [(2.25, 1.75), (1.5, 2.75), (2.5, 1.5), (0.25, 0.25), (9.0, 1.0)])
def test_the_point_view_names_the_number_of_cells(at: tuple[float, float]) -> None:
    traced = one_point(*at)
    figure = point_figure(traced)
    words = {0: "outside the map", 1: "on one cell", 2: "between two cells"}
    count = len(used_cells(traced.section(1, 1).points[0]))
    assert words.get(count, "between four cells") in story(figure)
    assert f"({at[0]:g}, {at[1]:g})" in story(figure)


# The worked example -----------------------------------------------------------------------------


def test_a_title_of_ones_own_is_broken_over_lines() -> None:
    title = "Where the half-pixel shift of the exported model comes from, on its own feature map"
    figure = output_figure(walkthrough(), style=FigureStyle(4.5, title))
    check_texts(figure)
    assert title in story(figure)
    assert not any("walkthrough" in text for text in strings(figure))


def test_the_output_is_written_and_its_winners_ringed() -> None:
    traced = walkthrough()
    figure = output_figure(traced)
    assert {f"{value:.4f}" for row in traced.output for value in row} <= set(strings(figure))
    winners = [s.winning_point for s in traced.sections]
    assert drawn(figure, "winner") == {(p.x, p.y) for p in winners if p is not None}
    shown = np.asarray(figure.axes[1].images[0].get_array())
    np.testing.assert_array_equal(shown, traced.output)
    assert not drawn(output_figure(aligned(HELMET)), "winner")


def test_cells_that_are_one_at_the_border_are_drawn_as_one() -> None:
    traced = trace(np.full((2, 2), 5.0), [[1.4, 1.4, 2, 2]], 1, convention="torchvision-aligned")
    figure = point_figure(traced)
    assert len(rectangles(figure, "neighbour")) == 1
    assert "A point on one cell at (1.7, 1.7)" in story(figure)
    assert "P = 1·5 = 5" in story(figure)
    assert not any("Q" in text for text in strings(figure))


def test_the_walkthroughs_point_is_the_documents() -> None:
    figure = point_figure(walkthrough(), section=(1, 1), point=(1, 2))
    assert len(rectangles(figure, "area-")) == 4
    assert "P = 0.2744·0.1 + 0.2156·0.2 + 0.2856·1 + 0.2244·0.7 = 0.5132" in story(figure)
    assert "x − x1 = 0.44, x2 − x = 0.56, y − y1 = 0.49, y2 − y = 0.51" in story(figure)
    grounds = {}
    for text in figure.texts:
        tab = text.get_bbox_patch()
        if tab is not None:
            grounds[text.get_text()] = to_hex(tab.get_facecolor()).upper()
    terms = ["0.2744·0.1", "0.2156·0.2", "0.2856·1", "0.2244·0.7"]
    assert grounds == dict(zip(terms, AREAS, strict=True))
    assert {"Q11 = 0.1", "Q21 = 0.2", "Q12 = 1.0", "Q22 = 0.7"} <= set(strings(figure))
    assert {"x1 = 9.5", "x2 = 10.5", "y1\n8.5", "y2\n9.5", "x = 9.94", "y\n8.99"} <= set(
        strings(figure)
    )


def test_a_point_that_is_not_there_is_an_argument_error() -> None:
    with pytest.raises(
        ArgumentError, match=r"there is no point \(3, 1\); points run from \(1, 1\) to \(2, 2\)"
    ):
        point_figure(walkthrough(), point=(3, 1))
