"""`roialign plot --pyramid`: boxes coloured by level, and one box on its map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from roialign_cli.cli.main import main
from roialign_cli.core.pyramid_operation import PyramidOperation, make_pyramid_operation
from roialign_cli.show.figures.levels import levels_figure
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.palette import DARK, LEVELS, LIGHT
from tests.figure_checks import check_texts, strings

Capture = pytest.CaptureFixture[str]
RANDOM = np.random.default_rng(21)
MAPS = {
    f"P{level}": RANDOM.normal(size=(2, 2, 512 >> level, 640 >> level)).astype(np.float32)
    for level in (2, 3, 4, 5)
}
# Levels 2, 3, 3, 4, 5 and none by the rule of torchvision; boundaries are 112, 224 and 448 px.
BOXES = [
    [0, 0, 111, 111],
    [20, 30, 132, 142],
    [5, 6, 228, 229],
    [300, 200, 524, 424],
    [10, 20, 458, 468],
    [60, 9, 5, 70],
]
LEVEL_OF = [0, 1, 1, 2, 3, -1]
IMAGE = ["--pyramid", "torchvision", "--image-size", "640x512", "-q"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with the maps in an archive, the boxes and a photograph."""
    monkeypatch.chdir(tmp_path)
    np.savez("maps.npz", **MAPS)  # type: ignore[arg-type]
    np.save("boxes.npy", np.array(BOXES, dtype=float))
    pixels = RANDOM.integers(0, 255, (128, 160, 3), np.uint8)
    Image.fromarray(pixels).save("photo.png")


def operation(boxes: object = BOXES, rule: str = "torchvision") -> PyramidOperation:
    size = (512, 640)
    return make_pyramid_operation(
        [*MAPS.values()], boxes, 7, pyramid=rule, convention="torchvision", image_size=size
    )


def outlines(figure: Figure) -> dict[tuple[float, ...], str]:
    """Return the colour of each box that is drawn, by its corners in pixels of the image."""
    axes = figure.axes[0]
    found: dict[tuple[float, ...], str] = {}
    for patch in axes.patches:
        assert isinstance(patch, Rectangle)
        if 4 <= patch.get_zorder() < 5:
            x, y, width, height = (4 * v for v in (*patch.get_xy(), *_size(patch)))
            found[(x, y, x + width, y + height)] = to_hex(patch.get_edgecolor()).upper()
    return found


def _size(patch: Rectangle) -> tuple[float, float]:
    return patch.get_width(), patch.get_height()


@pytest.mark.parametrize(
    ("theme", "width"),
    [
        (LIGHT, 3.5),
        (DARK, 7.0),
        pytest.param(LIGHT, 7.0, marks=pytest.mark.thorough),
        pytest.param(DARK, 3.5, marks=pytest.mark.thorough),
    ],
)
def test_boxes_have_the_colours_of_their_levels(theme: object, width: float) -> None:
    assert theme in (LIGHT, DARK)
    style = FigureStyle(width, theme=LIGHT if theme is LIGHT else DARK)
    figure = levels_figure(operation(), range(6), style=style)
    check_texts(figure)
    colours = [style.theme.faint.upper() if n < 0 else LEVELS[n].upper() for n in LEVEL_OF]
    assert outlines(figure) == {
        tuple(map(float, box)): colour for box, colour in zip(BOXES, colours, strict=True)
    }
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        "level 2: 128 × 160 cells, scale 1/4, 1 box",
        "level 3: 64 × 80 cells, scale 1/8, 2 boxes",
        "level 4: 32 × 40 cells, scale 1/16, 1 box",
        "level 5: 16 × 20 cells, scale 1/32, 1 box",
        "on no map, 1 box",
    ]
    assert {"0", "1", "2", "3", "4", "5"} <= set(strings(figure))


def test_the_colours_of_levels_differ_in_grey_too() -> None:
    assert len(set(LEVELS)) == 6
    assert len({round(_grey(colour)) for colour in LEVELS}) == 6


def _grey(colour: str) -> float:
    red, green, blue = bytes.fromhex(colour[1:])
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_many_boxes_have_no_names() -> None:
    corners = np.repeat(RANDOM.uniform(0, 300, (200, 1)), 4, axis=1) + [0, 0, 90, 130]
    figure = levels_figure(operation(corners), range(200))
    assert len(outlines(figure)) == 200
    assert not figure.axes[0].texts


@pytest.mark.parametrize("options", [[], ["--image", "photo.png"], ["--theme", "dark"]])
def test_the_overlay_of_a_pyramid(options: list[str], capfd: Capture) -> None:
    call = ["plot", "maps.npz", *IMAGE, "--boxes", "boxes.npy", "--view", "overlay"]
    assert main([*call, *options, "-o", "out.svg"]) == 0, capfd.readouterr().err
    text = Path("out.svg").read_text(encoding="utf-8")
    assert "6 boxes on 4 levels" in text
    assert "levels by the rule torchvision" in text
    assert ("feature map of" in text) is ("--image" not in options)


def test_the_image_is_as_large_as_the_boxes_read_it() -> None:
    image = np.zeros((128, 160, 3), np.uint8)
    figure = levels_figure(operation(), range(6), image=image)
    (drawn,) = figure.axes[0].images
    assert [*drawn.get_extent()] == [0, 160, 128, 0]  # in cells of the largest map


def test_only_the_boxes_of_one_image_are_drawn(capfd: Capture) -> None:
    boxes = [[0, *BOXES[0]], [1, *BOXES[1]], [1, *BOXES[3]]]
    np.save("boxes.npy", np.array(boxes, dtype=float))
    call = ["plot", "maps.npz", *IMAGE[:-1], "--boxes", "boxes.npy", "--view", "overlay"]
    assert main([*call, "--roi", "2", "-o", "out.svg"]) == 0
    assert "note: not drawn: ROI 0 on another image" in capfd.readouterr().err
    assert "2 boxes on 2 of 4 levels" in Path("out.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "view",
    [
        *("steps", "output"),
        *(
            pytest.param(view, marks=pytest.mark.thorough)
            for view in ("sections", "point", "footprint", "pool")
        ),
    ],
)
def test_the_other_views_draw_a_box_on_its_map(view: str) -> None:
    call = ["plot", "maps.npz", *IMAGE, "--boxes", "boxes.npy", "--roi", "3", "--view", view]
    assert main([*call, "-o", "out.svg"]) == 0
    # Level 4 has 32 rows; no view draws the cells of another map.
    text = Path("out.svg").read_text(encoding="utf-8")
    assert "level 4: feature map of 40 columns × 32 rows" in text


def test_two_conventions_on_the_map_of_a_box() -> None:
    call = ["plot", "maps.npz", *IMAGE, "--boxes", "boxes.npy", "--roi", "1", "--view", "compare"]
    assert main([*call, "--with", "torchvision-aligned", "-o", "out.png"]) == 0


def test_fractions_of_the_image_are_drawn_in_pixels() -> None:
    fractions = np.array(BOXES[:5]) / [640, 512, 640, 512]
    options = {"pyramid": "matterport", "convention": "torchvision", "normalized": True}
    found = make_pyramid_operation(
        [*MAPS.values()],
        fractions,
        7,
        image_size=(512, 640),
        **options,  # type: ignore[arg-type]
    )
    figure = levels_figure(found, range(5))
    for drawn, box in zip(sorted(outlines(figure)), sorted(BOXES[:5]), strict=True):
        assert drawn == pytest.approx(box)
    labels = figure.axes[0].get_xticklabels()
    assert float(labels[-1].get_text()) > 500
