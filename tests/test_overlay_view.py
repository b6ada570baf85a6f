from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from roialign_cli.analysis.sections import Point
from roialign_cli.analysis.trace import Trace, trace
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures import saving
from roialign_cli.show.figures.overlay import overlay_figure
from tests.figure_cases import (
    ALIGNED,
    CASES,
    HELMET,
    OUTSIDE,
    OVER_CORNER,
    a_map,
    aligned,
    check_drawing,
    check_texts,
    drawn,
    strings,
    walkthrough,
)

FACE, PATCH = [170, 70, 272, 190], [132, 346, 210, 424]


def neighbours(figure: Figure) -> set[tuple[float, float]]:
    """Return the middles of the cells that are drawn as a point's neighbours."""
    cells = [p for p in figure.axes[0].patches if p.get_gid() == "neighbour"]
    return {tuple(c.get_center()) for c in cells if isinstance(c, Rectangle)}


def marked(traced: Trace, section: tuple[int, int], point: tuple[int, int]) -> Point:
    return next(p for p in traced.section(*section).points if p.point == point)


@pytest.mark.parametrize("case", CASES)
def test_all_points_are_in_image_pixels(case: str) -> None:
    traced, section = CASES[case]
    figure = overlay_figure([traced], None, section=section)
    sx, sy = traced.scale
    expected = {(p.x / sx, p.y / sy) for s in traced.sections for p in s.points}
    assert drawn(figure) == expected
    check_drawing(figure)
    check_texts(figure)


def test_several_boxes_on_an_image() -> None:
    boxes = [HELMET, FACE, OVER_CORNER, OUTSIDE]
    traces = [trace(a_map(), boxes, 7, roi=roi, **ALIGNED) for roi in range(4)]
    names = ["helmet", "face", "$corner", "얼굴"]
    image = np.zeros((512, 512, 3), np.uint8)
    figure = overlay_figure(traces, image, labels=names, section=(2, 3), point=(2, 1))
    assert set(names) <= set(strings(figure))
    check_texts(figure)
    point = marked(traces[0], (2, 3), (2, 1))
    assert drawn(figure, "marked") == {(point.x * 32, point.y * 32)}
    assert neighbours(figure) == {(n.x * 32, n.y * 32) for n in point.neighbours}


@pytest.mark.parametrize(
    ("roi", "box", "names"),
    [
        ("0", FACE, ["face", "patch", "helmet"]),
        ("1", PATCH, ["patch", "face", "helmet"]),
        ("2", HELMET, ["helmet", "face", "patch"]),
    ],
)
def test_the_command_marks_the_chosen_box_and_names_each_once(
    roi: str, box: list[int], names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Figure] = []
    monkeypatch.setattr(saving, "save_figure", lambda figure, *_: saved.append(figure))
    samples = sample_data()
    call = ["plot", f"{samples}/astronaut.png", "--stride", "32", "--boxes"]
    call += [f"{samples}/astronaut.csv", "--preset", "torchvision-aligned", "--output-size", "7"]
    call += ["--view", "overlay", "--section", "2,3"]
    assert main([*call, "--roi", roi, "-o", str(tmp_path / "out.png")]) == 0
    (figure,) = saved
    assert [text.get_text() for text in figure.axes[0].texts] == names
    traced = trace(np.zeros((16, 16), np.float32), box, 7, **ALIGNED)
    point = marked(traced, (2, 3), (1, 1))
    assert drawn(figure, "marked") == {(point.x * 32, point.y * 32)}
    assert neighbours(figure) == {(n.x * 32, n.y * 32) for n in point.neighbours}


@pytest.mark.parametrize(("traced", "y_up"), [(walkthrough(), True), (aligned(HELMET), False)])
def test_y_points_where_the_frame_says(traced: Trace, *, y_up: bool) -> None:
    low, high = overlay_figure([traced], None).axes[0].get_ylim()
    assert (low < high) == y_up


def test_the_images_top_is_on_the_maps_with_y_up() -> None:
    image = np.zeros((500, 512), np.uint8)
    figure = overlay_figure([walkthrough()], image)
    assert tuple(figure.axes[0].images[0].get_extent()) == (0, 512, 12, 512)


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("section", lambda: overlay_figure([walkthrough()], None, section=(1, 0))),
        ("point", lambda: overlay_figure([walkthrough()], None, point=(3, 1))),
        ("boxes", lambda: overlay_figure([], None)),
        ("image", lambda: overlay_figure([walkthrough()], np.zeros((3, 4, 4), np.uint8))),
    ],
)
def test_what_is_not_there_is_an_argument_error(argument: str, call: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        call()
    assert caught.value.argument == argument


def test_normalised_boxes_are_drawn_on_the_images_pixels() -> None:
    # y1, x1, y2, x2, where 1 is the centre of the last of 16 cells of 32 pixels.
    image = np.zeros((512, 512), np.uint8)
    traced = trace(np.zeros((16, 16)), [[0.2, 0.4, 0.6, 0.8]], 3, convention="tensorflow")
    figure = overlay_figure([traced], image, stride=32)
    expected = {(p.x * 32, p.y * 32) for s in traced.sections for p in s.points}
    assert drawn(figure) | drawn(figure, "marked") == expected
    corner = traced.section(1, 1).points[0]
    assert (corner.x, corner.y) == (0.4 * 15 + 0.5, 0.2 * 15 + 0.5)


def test_only_boxes_on_the_same_map_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("maps.npy", np.zeros((2, 1, 10, 10)))
    drawn_rois: list[int] = []

    def figure_of(traces: list[Trace], *_: Any, **__: Any) -> Figure:
        drawn_rois.extend(t.roi for t in traces)
        return Figure()

    monkeypatch.setattr("roialign_cli.show.figures.overlay.overlay_figure", figure_of)
    boxes = [f"--box={n},1,1,4,4" for n in (0, 1, 0)]
    call = ["plot", "maps.npy", "--preset", "torchvision", *boxes, "--view", "overlay"]
    assert main([*call, "-o", "0.png"]) == main([*call, "--roi", "1", "-o", "1.png"]) == 0
    assert drawn_rois == [0, 2, 1]
    assert "note: ROI 1: not drawn, because on another feature map" in capfd.readouterr().err


def test_an_image_that_ends_above_the_map_is_drawn_from_its_own_bottom() -> None:
    # 100 pixels are 3.125 of 4 rows of 32: a box from 90 pixels up to 30 stays there.
    call: dict[str, Any] = {"convention": "walkthrough", "spatial_scale": 1 / 32}
    traced = trace(np.zeros((4, 4)), [10, 90, 60, 60], 3, image_height=100, **call)
    figure = overlay_figure([traced], np.zeros((100, 100), np.uint8), stride=32)
    assert figure.axes[0].images[0].get_extent() == pytest.approx((0, 100, 0, 100))
    assert (traced.y * 32, traced.bottom * 32) == pytest.approx((90, 30))
