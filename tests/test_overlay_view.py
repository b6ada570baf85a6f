from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.trace import Trace, trace
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures import saving
from roialign_cli.show.figures.cells_used import used_cells
from roialign_cli.show.figures.overlay import overlay_figure
from tests.figure_cases import (
    ALIGNED,
    CASES,
    HELMET,
    OUTSIDE,
    OVER_CORNER,
    a_map,
    aligned,
    combinations,
    draw,
    walkthrough,
)
from tests.figure_checks import check_figure, check_texts, drawn, points_of, strings

FACE, PATCH = [170, 70, 272, 190], [132, 346, 210, 424]


def neighbours(figure: Figure) -> set[tuple[float, float]]:
    """Return the middles of the cells that are drawn as a point's neighbours."""
    cells = [p for p in figure.axes[0].patches if p.get_gid() == "neighbour"]
    return {tuple(c.get_center()) for c in cells if isinstance(c, Rectangle)}


def marked(traced: Trace, section: tuple[int, int], point: tuple[int, int]) -> Point:
    return next(p for p in traced.section(*section).points if p.point == point)


@pytest.mark.parametrize(("case", "style"), combinations("overlay"))
def test_all_points_are_drawn_in_cells(case: str, style: str) -> None:
    one = CASES[case]
    figure = draw("overlay", case, style)
    check_figure(figure, one.trace)
    assert drawn(figure) == points_of(one.trace, one.trace.sections)
    chosen = one.trace.section(*one.section)
    point = chosen.winning_point or next(iter(chosen.points), None)
    if point is None or one.trace.convention.reads_cells:
        assert drawn(figure, "marked") == neighbours(figure) == set()
    else:
        assert drawn(figure, "marked") == {(point.x, point.y)}
        assert neighbours(figure) == {(cell.x, cell.y) for cell in used_cells(point)}
    check_name(figure, one.trace)


def check_name(figure: Figure, traced: Trace) -> None:
    """Assert that the name of the only box is not wider than the box, or has a line to the box."""
    for text in figure.axes[0].texts:
        assert isinstance(text, Annotation)
        tab = text.get_bbox_patch()
        assert tab is not None
        scale = figure.axes[0].bbox.width / np.ptp(figure.axes[0].get_xlim())
        is_wider = tab.get_window_extent().width > abs(traced.width) * scale + 1
        assert text.arrow_patch is not None or not is_wider


@pytest.mark.parametrize("traced", [aligned(HELMET), walkthrough()])
def test_the_ticks_are_in_pixels(traced: Trace) -> None:
    axes = overlay_figure([traced], None).axes[0]
    for axis in (axes.xaxis, axes.yaxis):
        labels = [float(label.get_text()) for label in axis.get_ticklabels()]
        assert labels == pytest.approx([32 * at for at in axis.get_ticklocs()])
        assert max(labels) > 400
    assert "image pixels" in axes.get_xlabel()


def test_several_boxes_on_an_image() -> None:
    boxes = [HELMET, FACE, OVER_CORNER, OUTSIDE]
    traces = [trace(a_map(), boxes, 7, roi=roi, **ALIGNED) for roi in range(4)]
    names = ["helmet", "face", "$corner", "얼굴"]
    image = np.zeros((512, 512, 3), np.uint8)
    figure = overlay_figure(traces, image, labels=names, section=(2, 3), point=(2, 1))
    assert set(names) <= set(strings(figure))
    check_texts(figure)
    point = marked(traces[0], (2, 3), (2, 1))
    assert drawn(figure, "marked") == {(point.x, point.y)}
    assert neighbours(figure) == {(n.x, n.y) for n in point.neighbours}


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
    assert drawn(figure, "marked") == {(point.x, point.y)}
    assert neighbours(figure) == {(n.x, n.y) for n in point.neighbours}


@pytest.mark.parametrize(("traced", "y_up"), [(walkthrough(), True), (aligned(HELMET), False)])
def test_y_points_where_the_frame_says(traced: Trace, *, y_up: bool) -> None:
    low, high = overlay_figure([traced], None).axes[0].get_ylim()
    assert (low < high) == y_up


def test_the_images_top_is_on_the_maps_with_y_up() -> None:
    image = np.zeros((500, 512), np.uint8)
    figure = overlay_figure([walkthrough()], image)
    assert tuple(figure.axes[0].images[0].get_extent()) == (0, 16, 12 / 32, 16)


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


def test_normalised_boxes_are_drawn_on_the_image() -> None:
    # y1, x1, y2, x2, where 1 is the centre of the last of 16 cells of 32 pixels.
    image = np.zeros((512, 512), np.uint8)
    traced = trace(np.zeros((16, 16)), [[0.2, 0.4, 0.6, 0.8]], 3, convention="tensorflow")
    figure = overlay_figure([traced], image, stride=32)
    expected = {(p.x, p.y) for s in traced.sections for p in s.points}
    assert drawn(figure) | drawn(figure, "marked") == expected
    assert figure.axes[0].images[0].get_extent() == pytest.approx((0, 16, 16, 0))
    assert "image pixels" in figure.axes[0].get_xlabel()
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
    assert "note: not drawn: ROI 1 on another feature map" in capfd.readouterr().err


def test_an_image_that_ends_above_the_map_is_drawn_from_its_own_bottom() -> None:
    # 100 pixels are 3.125 of 4 rows of 32: a box from 90 pixels up to 30 stays there.
    call: dict[str, Any] = {"convention": "walkthrough", "spatial_scale": 1 / 32}
    traced = trace(np.zeros((4, 4)), [10, 90, 60, 60], 3, image_height=100, **call)
    figure = overlay_figure([traced], np.zeros((100, 100), np.uint8), stride=32)
    assert figure.axes[0].images[0].get_extent() == pytest.approx((0, 3.125, 0, 3.125))
    assert (traced.y * 32, traced.bottom * 32) == pytest.approx((90, 30))


def test_roi_pool_is_drawn_with_its_box_and_without_points() -> None:
    one = CASES["roi-pool"]
    figure = overlay_figure([one.trace], np.zeros((512, 512), np.uint8))
    assert drawn(figure) == set()
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    outlines = [patch.get_bbox().extents for patch in patches]
    box = one.trace.box_on_map
    corners = box.left, box.top, box.right, box.bottom
    assert sum(np.allclose(outline, corners) for outline in outlines) == 1
