"""Make what the documents show of the page; `python -m docs.pages` needs Chromium.

Writes a picture of a saved page, and an animation of a box that is dragged on a live one.
"""

from __future__ import annotations

import io
import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageColor

from docs.gallery import DOCS
from roialign_cli.cli.main import main
from roialign_cli.show.palette import AREAS, LIGHT
from tests.browser import ActionBuilder, chromium
from tests.explore_client import served

_FILM = DOCS / "gallery" / "drag.gif"
_WALKTHROUGH = "explain sample_data/walkthrough.npy --image-size 512x512 --box 296,320,200,145"
_PHOTO = (
    "sample_data/astronaut.png", "--stride", "32", "--output-size", "3", "--box", "176,70,278,190",
)  # fmt: skip

_WIDTH, _HEIGHT = 1000, 545  # of the animation, in pixels
_MOVES = 36
_MILLISECONDS = 110  # of a frame
_COLOURS = 80
_MAX_BYTES = 1_000_000


@contextmanager
def browser() -> Iterator[Any]:
    """Open a browser without scroll bars."""
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium(Path(folder) / "profile") as driver,
    ):
        driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        yield driver


def settle(driver: Any) -> None:  # noqa: ANN401
    """Wait until the page shows the numbers of its state."""
    end = time.monotonic() + 30
    while not driver.execute_script("return window.roialign?.isSettled() ?? false"):
        if time.monotonic() > end:
            raise SystemExit("the page does not settle")
        time.sleep(0.05)


def photograph(driver: Any) -> None:  # noqa: ANN401
    """Write docs/gallery/page-walkthrough.png."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "roi.html"
        if main([*_WALKTHROUGH.split(), "-o", str(page)]):
            raise SystemExit("the page was not written")
        driver.set_window_size(1280, 1000)
        driver.get(page.as_uri())
        settle(driver)
        driver.find_element("css selector", "#steps button:nth-child(5)").click()
        driver.execute_script("window.scrollTo(0, 0)")
        driver.save_screenshot(str(DOCS / "gallery" / "page-walkthrough.png"))


def film(driver: Any) -> None:  # noqa: ANN401
    """Write docs/gallery/drag.gif."""
    driver.set_window_size(_WIDTH, 1060)
    with served(*_PHOTO) as client:
        driver.get(client.server.address)
        settle(driver)
        frames = list(_drag(driver))
    palette = _palette(frames[0])
    images = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    images[0].save(
        _FILM,
        save_all=True,
        append_images=images[1:],
        duration=_MILLISECONDS,
        loop=0,
        optimize=True,
        disposal=1,
    )
    if (size := _FILM.stat().st_size) > _MAX_BYTES:
        raise SystemExit(f"{_FILM} has {size} bytes; make fewer moves")


def _palette(frame: Image.Image) -> Image.Image:
    """Return an image with the colours of the marks and the most common ones of a frame."""
    theme = [colour for colour in vars(LIGHT).values() if isinstance(colour, str)]
    marks = [ImageColor.getrgb(colour) for colour in dict.fromkeys([*theme, *AREAS])]
    common = frame.quantize(_COLOURS - len(marks), Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*(part for mark in marks for part in mark), *common])
    return palette


def _drag(driver: Any) -> Iterator[Image.Image]:  # noqa: ANN401
    """Drag the box once along a closed path, and yield a picture of the page after each move."""
    top = driver.execute_script("document.querySelector('main').scrollIntoView(); return scrollY;")
    area = driver.find_element("css selector", "#hold").rect
    x, y = area["x"] + area["width"] / 2, area["y"] - top + area["height"] / 2
    actions = ActionBuilder(driver)
    actions.pointer_action.move_to_location(int(x), int(y)).pointer_down()
    actions.perform()
    for k in range(_MOVES):
        angle = 2 * math.pi * k / _MOVES
        to = x + 48 * math.sin(angle), y + 20 * math.sin(2 * angle)
        actions = ActionBuilder(driver, duration=0)
        actions.pointer_action.move_to_location(*map(round, to))
        actions.perform()
        settle(driver)
        sheet = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
        yield sheet.crop((0, 0, _WIDTH, _HEIGHT))


if __name__ == "__main__":
    with browser() as opened:
        photograph(opened)
        film(opened)
