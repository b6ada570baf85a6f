"""What `roialign explain` says where a box, a map or an image is out of the ordinary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from roialign_cli.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", np.arange(100, dtype=np.float32).reshape(10, 10))
    Image.new("RGB", (100, 100), "grey").save("image.png")


def explained(words: str, capture: Capture) -> list[str]:
    assert main(["explain", *words.split(), "--quiet"]) == 0
    return [line.strip() for line in capture.readouterr().out.splitlines()]


def test_a_last_pixel_is_added_where_the_box_includes_it(capfd: Capture) -> None:
    lines = explained("map.npy --preset torchvision --set inclusive=true --box 1,1,4,4", capfd)
    assert {"left   = 1", "right  = 4 + 1 = 5", "bottom = 4 + 1 = 5"} <= {*lines}
    assert "(5.5, 5.5): 4 cells wide and 4 high." in lines
    scaled = "map.npy --set inclusive=true --spatial-scale 0.5 --box 2,9,5,7"
    lines = explained(scaled, capfd)
    # With y up the edge above the last pixel is the upper one: 9 + 1 pixels, 5 cells.
    assert {"top    = (9 + 1) / 2 = 5", "height = (7 + 1) / 2 = 4"} <= {*lines}
    assert "3 cells wide and 4 high." in lines


def test_an_inverted_box_has_a_true_equation_for_its_points(capfd: Capture) -> None:
    call = "map.npy --preset torchvision-aligned --output-size 2 --box"
    lines = explained(f"{call} 5,1,1,4", capfd)
    assert {"g_x = max(ceil(-2), 0) = 0", "g_y = ceil(1.5) = 2"} <= {*lines}


def test_y_is_measured_from_the_bottom_of_the_image_not_of_the_padded_map(capfd: Capture) -> None:
    lines = explained("image.png --stride 32 --box 10,90,60,60 --sketch", capfd)
    assert "top    = 90 / 32 = 2.8125" in lines
    assert "The ROI lies from its top-left corner (0.3125, 2.8125) to its bottom-right" in lines
    assert "is 2.625." in lines  # the top row's centre, 3.125 − 0.5


def test_coordinates_are_rounded_once_in_the_frame_in_which_they_are_read(capfd: Capture) -> None:
    call = "map.npy --preset torchvision --coordinate-decimals 0 --pooling max --output-size 1"
    lines = explained(f"{call} --box 2,2,4,4.2 --section 1,1 --point 1,1", capfd)
    # x = 2.5 + 2/4 = 3; between the centres at 2.5 and 3.5 of rows and columns 2 and 3.
    assert any("x = 2.5 + (2/1)·(1 − 1) + (2/2)·0.5 = 3" in line for line in lines)
    neighbours = [
        line.split()[-2] for line in lines if line[:5] in {"Q11  ", "Q21  ", "Q12  ", "Q22  "}
    ]
    assert neighbours == ["0.25"] * 4
    assert "= 27.5" in lines
