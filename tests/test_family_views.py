"""Other operators in figures, against the oracle: weights, channels, cells outside, cuts."""

from __future__ import annotations

from itertools import cycle, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from roialign_cli import PRESETS
from roialign_cli.cli.main import main
from roialign_cli.cli.plot_views import VIEWS
from roialign_cli.core.channels import maps_per_channel
from roialign_cli.show.palette import LIGHT
from tests import oracle
from tests.figure_cases import CASES, draw
from tests.figure_checks import (
    check_figure,
    check_written,
    drawn,
    drawn_on,
    shown_output,
    story,
    strings,
)
from tests.kinds import KINDS

Capture = pytest.CaptureFixture[str]


def of_oracle(case: str) -> oracle.Call:
    """Return the same call for the slow computation; a box in the fractions or pixels of a case."""
    operation = CASES[case].operation
    features, rules = operation.features[0], operation.convention
    maps = maps_per_channel(rules, operation.output_size)
    cells = features[:maps] if maps > 1 else features[0]
    box = tuple(operation.boxes_given[0].tolist())
    scale = operation.spatial_scale
    return oracle.Call(cells, box, operation.output_size, rules, scale)


def section_of(case: str) -> oracle.Section:
    return of_oracle(case).sections()[CASES[case].section]


def patches(figure: Figure, gid: str) -> list[Rectangle]:
    """Return the rectangles with a name on the first axes."""
    return [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and p.get_gid() == gid]


def middle(patch: Rectangle) -> tuple[float, float]:
    x, y = map(float, patch.get_center())
    return x, y


# Cells with weights -----------------------------------------------------------------------------


THOROUGH = pytest.mark.thorough
INTEGRAL = ["prroi-pool", "prroi-pool over the corner", "prroi-pool, small"]


def weights_of(case: str) -> dict[tuple[float, float], float]:
    """Return the weight of each cell of a section by its centre."""
    points = section_of(case).points.values()
    return {(p.x, p.y): sum(weight for _, _, weight in p.neighbours) for p in points}


@pytest.mark.parametrize("view", ["sections", "point"])
@pytest.mark.parametrize(
    "case",
    [INTEGRAL[0], *(pytest.param(name, marks=pytest.mark.thorough) for name in INTEGRAL[1:])],
)
def test_cells_are_shaded_by_their_weights(case: str, view: str) -> None:
    figure = draw(view, case, "7")
    weights = weights_of(case)
    shaded = {middle(patch): to_hex(patch.get_facecolor()) for patch in patches(figure, "weight")}
    assert shaded.keys() == weights.keys()
    largest = max(weights, key=lambda cell: weights[cell])
    assert shaded[largest] == LIGHT.weight.lower()
    lightness = [
        sum(bytes.fromhex(shaded[at][1:])) for at in sorted(weights, key=weights.__getitem__)
    ]
    assert lightness == sorted(lightness, reverse=True)
    check_written(figure.axes[0], CASES[case].trace, CASES[case].section)
    assert sum("× " in text for text in strings(figure)) >= len(weights) / 2


@pytest.mark.parametrize(
    "view", [pytest.param("steps", marks=pytest.mark.thorough), "sections", "point"]
)
def test_nothing_calls_cells_sample_points(view: str) -> None:
    figure = draw(view, "prroi-pool", "7")
    check_figure(figure, CASES["prroi-pool"].trace)
    assert not any("point" in text for text in strings(figure))
    assert not any(drawn_on(axes) for axes in figure.axes)
    assert "cell of the section, with its weight" in strings(figure)


def test_the_output_is_a_weighted_sum() -> None:
    case = "prroi-pool, small"
    call, section = of_oracle(case), section_of(case)
    sheet = story(draw("steps", case, "7"))
    weights = weights_of(case)
    terms = {
        f"{weights[p.x, p.y]:.4f}".rstrip("0") + f"·{call.cells[p.neighbours[0][:2]]:g}"
        for p in section.points.values()
    }
    assert all(term in sheet for term in terms)
    assert f"= {call.reduced(section):.4g}" in sheet
    assert f"the weights add up to {sum(weights.values()):.4g}" in sheet
    assert "the weighted sum of the cells of each section" in sheet


# A channel for each section ---------------------------------------------------------------------


@pytest.mark.parametrize("view", ["sections", "steps"])
@pytest.mark.parametrize("case", ["ps-roi-align", "ps-roi-pool"])
def test_the_map_is_that_of_the_section(case: str, view: str) -> None:
    one = CASES[case]
    (i, j), features = one.section, one.operation.features[0]
    channel = (j - 1) * 3 + i - 1
    figure = draw(view, case, "7")
    for axes in figure.axes[: 1 if view == "sections" else 4]:
        image = axes.images[0]
        left, right, bottom, top = map(int, image.get_extent())
        np.testing.assert_array_equal(
            np.asarray(image.get_array()), features[channel, top:bottom, left:right]
        )
    assert f"map of section ({i}, {j}): channel {channel} of 18" in story(figure)
    assert "output channel 0 of 2" in story(figure)


def test_a_footprint_of_all_sections_has_cells_of_several_channels() -> None:
    assert "cells of 9 channels, one for each section" in story(
        draw("all footprints", "ps-roi-align", "7")
    )
    figure = draw("footprint", "ps-roi-align", "7")
    assert "map of section (3, 1): channel 2 of 18" in story(figure)


def test_the_last_row_and_column_of_the_map_are_not_pooled() -> None:
    sheet = story(draw("steps", "ps-roi-pool", "7"))
    # 8.66, 10.75, 15.94 and 16 are rounded; the edge at 16 is where the box ends.
    assert "left 8.66 → 9 (−11 px), right 15.94 → 16 (+2 px), top 10.75 → 11 (−8 px)" in sheet
    assert "the last cell is not part of the ROI" in sheet
    assert "the last row and column of the map are never read" in sheet
    assert "Position-sensitive ROI Pool" in sheet


# Beyond the outermost centres -------------------------------------------------------------------


@pytest.mark.parametrize("case", ["model-garden over the corner", "model-garden over the edge"])
def test_a_negative_weight_is_a_hatched_area_with_its_number(case: str) -> None:
    figure = draw("point", case, "7")
    point = section_of(case).points[1, 1]
    expected = sorted(weight for _, _, weight in point.neighbours)
    assert expected[0] < 0
    areas = [p for p in figure.axes[0].patches if str(p.get_gid()).startswith("area-")]
    found = [
        (-1 if p.get_hatch() else 1) * abs(p.get_width() * p.get_height())
        for p in areas
        if isinstance(p, Rectangle)
    ]
    np.testing.assert_allclose(sorted(found), expected, atol=1e-6)
    written = {text.split("\n")[-1].replace("−", "-") for text in strings(figure)}
    assert {f"{weight:.4f}".rstrip("0").rstrip(".") for weight in expected} <= written
    assert drawn(figure, "points-beyond") == {(point.x, point.y)}
    assert {"point beyond the outermost centres", "a negative weight"} <= set(strings(figure))


def test_a_far_extrapolated_point_says_that_its_areas_are_cut() -> None:
    sheet = story(draw("point", "model-garden, far outside", "7"))
    assert "the point lies beyond the picture, where the areas end" in sheet


def test_a_neighbour_outside_the_map_is_a_dashed_cell_with_its_value() -> None:
    case = "od-api over the corner"
    figure = draw("point", case, "7")
    point = section_of(case).points[1, 1]
    outlines = patches(figure, "neighbour")
    dashed = {middle(patch) for patch in outlines if patch.get_linestyle() not in {"-", "solid"}}
    outside = {(c + 0.5, r + 0.5) for r, c, _ in point.neighbours if r < 0 or c < 0}
    assert outside
    assert dashed == outside == {middle(patch) for patch in patches(figure, "outside-cell")}
    assert len(outlines) == 4
    texts = {
        text.xy: text.get_text() for text in figure.axes[0].texts if isinstance(text, Annotation)
    }
    assert all(texts[at].endswith("= 0.5") for at in outside)
    assert "cell outside the map, with its value" in strings(figure)
    assert "a cell outside the map has the value 0.5" in story(figure)


def test_a_point_far_from_the_map_is_in_its_picture() -> None:
    figure = draw("point", "od-api, far outside", "7")
    point = section_of("od-api, far outside").points[1, 1]
    assert drawn(figure) == {(point.x, point.y)}
    (left, right), (low, high) = figure.axes[0].get_xlim(), sorted(figure.axes[0].get_ylim())
    assert left < point.x < right
    assert low < point.y < high
    assert "all its neighbours are outside the map and have the value 0.5" in story(figure)


# What happens to a box --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "words"),
    [
        # 15 and 6.25 are exchanged; 18.75 is beyond the 16 rows.
        (
            "tensorrt-pyramid, inverted",
            "edges exchanged: the box is inverted, cut to the map "
            "left 15 → 6.25, right 6.25 → 15, bottom 18.75 → 16",
        ),
        # 8.65625, 15.9375, 10.75 and 16 are rounded to 9, 16, 11 and 16, where 0 is a centre.
        (
            "roi-warp",
            "edges rounded on the map, offset 0 left 8.66 → 9.5, right 15.94 → 16.5, "
            "top 10.75 → 11.5, bottom 16 → 16.5",
        ),
        pytest.param("roi-warp, inverted", "a negative size becomes 0", marks=THOROUGH),
        # A pixel more is 1 / 32 of a cell.
        pytest.param("mindspore", "the last pixel is part of the box, offset 0", marks=THOROUGH),
        pytest.param("onnx2tf-adaptive", "second edge moved by −1 cell, offset 0", marks=THOROUGH),
        ("ncnn-0 beyond", "each is cut to the map, points keep their distance"),
    ],
)
def test_the_steps_say_what_happens_to_the_box(case: str, words: str) -> None:
    assert words in story(draw("steps", case, "7"))


@pytest.mark.parametrize(
    "case",
    [
        "ncnn-0 beyond",
        *(
            pytest.param(name, marks=pytest.mark.thorough)
            for name in (
                "ncnn-0 over the corner", "onnx2tf-adaptive", "deterministic", "roi-warp",
                "tensorrt-pyramid, inverted", "mindspore",
            )
        ),
    ],
)  # fmt: skip
def test_points_are_drawn_where_the_oracle_has_them(case: str) -> None:
    figure = draw("sections", case, "7")
    expected = sorted((p.x, p.y) for p in section_of(case).points.values())
    np.testing.assert_allclose(sorted(drawn(figure)), expected, rtol=1e-6)
    close = draw("steps", case, "7").axes[3]
    (left, right), (low, high) = close.get_xlim(), sorted(close.get_ylim())
    assert all(left <= x <= right and low <= y <= high for x, y in drawn_on(close))


# Other interpolations ---------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["nearest", "swapped"])
def test_the_point_view_has_the_weights_that_are_used(case: str) -> None:
    figure = draw("point", case, "7")
    call, point = of_oracle(case), section_of(case).points[1, 1]
    used = {(c + 0.5, r + 0.5): weight for r, c, weight in point.neighbours if weight}
    assert {middle(patch) for patch in patches(figure, "neighbour")} == used.keys()
    areas = [
        p
        for p in figure.axes[0].patches
        if isinstance(p, Rectangle) and str(p.get_gid()).startswith("area-")
    ]
    assert len(areas) == (0 if case == "nearest" else 4)
    for area in areas:
        # Each area is beside its own cell: its corner is the centre of the cell.
        x, y = area.get_corners()[2]
        size = abs(area.get_width() * area.get_height())
        assert size == pytest.approx(used[float(x), float(y)], abs=1e-6)
    assert f"{case} interpolation" in story(figure)
    assert f"= {call.value(point):.4g}" in story(figure)


# The command ------------------------------------------------------------------------------------


BOXES = {
    "inside": (150, 120, 420, 300),
    "over the corner": (-60, -50, 110, 90),
    "beyond": (400, 400, 640, 620),
    "inverted": (300, 250, 100, 60),
    "outside": (700, 600, 800, 760),
}


def call_of(preset: str, view: str, box: str) -> list[str]:
    """Return the arguments that draw a view of a box under a preset."""
    rules = PRESETS[preset].convention
    x1, y1, x2, y2 = (n / 512 if rules.normalized else n for n in BOXES[box])
    if rules.origin == "bottom-left":
        y1 = 512 - y1
    numbers = {"xyxy": (x1, y1, x2, y2), "yxyx": (y1, x1, y2, x2)}.get(
        rules.box_format, (x1, y1, abs(x2 - x1), abs(y2 - y1))
    )
    own = maps_per_channel(rules, (2, 3)) > 1
    scale = [] if rules.normalized else ["--image-size", "512x512"]
    other = "torchvision" + (",channel_map=position-sensitive" if own else "")
    second = ["--with", other] if view == "compare" else []
    return [
        "plot", "own.npy" if own else "map.npy", "--preset", preset, "--box="
        + ",".join(map(str, numbers)), "--output-size", "2x3", "--view", view, "--dpi", "40",
        *scale, *second, "-q", "-o", "out.png", "--force",
    ]  # fmt: skip


def calls() -> list[Any]:
    """Return (preset, view, box) parameters: by default, one for each kind of rule.

    The boxes take turns over the presets and views.
    """
    quick = {
        ("prroi-pool", "pool", "over the corner"),
        ("ps-roi-align", "compare", "over the corner"),
        ("od-api", "overlay", "over the corner"),
    }
    turns = zip(product(KINDS, VIEWS), cycle(BOXES), strict=False)
    thorough = [(*call, box) for call, box in turns if (*call, box) not in quick]
    return [
        *sorted(quick),
        *(pytest.param(*call, marks=pytest.mark.thorough) for call in thorough),
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROIALIGN_PRESET", raising=False)
    random = np.random.default_rng(8)
    np.save("map.npy", random.integers(0, 10, (16, 16)) / 10)
    np.save("own.npy", random.integers(0, 10, (12, 16, 16)) / 10)
    return tmp_path


@pytest.mark.parametrize(("preset", "view", "box"), calls())
def test_every_preset_is_drawn_or_refused_in_one_line(
    preset: str, view: str, box: str, folder: Path, capfd: Capture
) -> None:
    status = main(call_of(preset, view, box))
    error = capfd.readouterr().err
    if status == 0:
        assert (folder / "out.png").stat().st_size
        return
    assert (status, error.count("\n")) == (2, 1)
    # The preset refuses the box, or the section has nothing to draw close up.
    assert "rejects" in error or (view == "point" and "choose another section" in error)


def test_channels_of_the_sections_are_not_compared_with_one_channel(
    folder: Path, capfd: Capture
) -> None:
    call = call_of("ps-roi-align", "compare", "inside")
    call[call.index("--with") + 1] = "torchvision"
    assert main(call) == 2
    assert capfd.readouterr().err == (
        "roialign: --with: torchvision has the channel map 'same', ps-roi-align has "
        "'position-sensitive'; add ,channel_map=position-sensitive or choose another preset\n"
    )
    assert not (folder / "out.png").exists()


def test_a_cell_that_is_not_read_has_no_picture(folder: Path, capfd: Capture) -> None:
    call = call_of("prroi-pool", "point", "outside")
    assert main([*call, "--point", "1,1"]) == 2
    assert "section (1, 1) reads no cells; choose another section" in capfd.readouterr().err
    assert not (folder / "out.png").exists()


def test_the_output_view_draws_the_output_of_weighted_sums() -> None:
    figure = draw("output", "prroi-pool", "7")
    np.testing.assert_allclose(
        shown_output(figure.axes[1]), of_oracle("prroi-pool").output(), rtol=1e-6
    )
    assert "The output: the weighted sum of the cells of each section" in story(figure)
