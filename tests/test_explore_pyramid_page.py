"""The page of a pyramid in a real browser: `python -m pytest -m browser`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.browser import complaints, needs_chromium
from tests.explore_client import served
from tests.test_explore_page import Page

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def page(driver: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Open the page of a box of 200 px, which is on level 3."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(3)
    maps = {
        f"P{n}": random.normal(size=(1, 2, 512 >> n, 640 >> n)).astype(np.float32) for n in (3, 4)
    }
    np.savez("maps.npz", **maps)  # type: ignore[arg-type]
    call = ["maps.npz", "--pyramid", "torchvision", "--image-size", "640x512"]
    with served(*call, "--box", "100,100,300,300", "--output-size", "3") as client:
        yield Page(driver, client)
        assert complaints(driver) == []


def edges(page: Page) -> list[float]:
    """Return where the box is on the screen."""
    script = """const area = document.getElementById('hold').getBoundingClientRect();
        return [area.left, area.top]"""
    return list(page.run(script))


def test_a_drag_over_a_boundary_changes_the_level(page: Page) -> None:
    assert page.find("#level").text == "Level 3: size 200 px, of sizes to 223.9998 px"
    before, cell = edges(page), page.cell_size()
    state = page.drag("[data-handle='se']", 60, 60)
    trace = state["trace"]
    assert trace["pyramid"]["level"] == 4
    assert trace["feature_map"]["height"] == 32
    assert page.find("#level").text.startswith("Level 4: size ")
    assert page.find("#file").text == "maps.npz:P4"
    # The box stays under the pointer, and the cells become twice as large.
    np.testing.assert_allclose(edges(page), before, atol=1)
    assert page.cell_size() == pytest.approx(2 * cell, rel=0.02)
    assert page.state["trace"]["output"] == page.client.ask("trace", box=state["box"])["output"]
    drawn = page.run(
        "return [...document.querySelectorAll('#box-facts dt')].map((t) => t.textContent)"
    )
    assert "level by torchvision" in drawn
    page.drag("[data-handle='se']", -70, -70)
    assert page.find("#level").text.startswith("Level 3: size ")
    assert page.cell_size() == pytest.approx(cell, rel=0.02)


def test_a_reloaded_page_shows_the_same(page: Page) -> None:
    state = page.drag("[data-handle='se']", 60, 60)
    written = ",".join(f"{number:g}" for number in state["box"])
    page.until(lambda: f"box={written}" in page.driver.current_url)
    page.open(page.driver.current_url)
    assert page.state["box"] == state["box"]
    assert page.state["trace"]["pyramid"] == state["trace"]["pyramid"]


def picture(page: Page) -> list[int] | None:
    """Return the columns and rows of the picture of the first channel."""
    script = """const picture = document.querySelector('#channels canvas');
        return picture && [picture.width, picture.height]"""
    found: list[int] | None = page.run(script)
    return found


def test_the_pictures_of_the_channels_are_those_of_the_level(page: Page) -> None:
    page.until(lambda: picture(page) == [48, 48])  # of 80 × 64 cells
    page.drag("[data-handle='se']", 60, 60)
    page.until(lambda: picture(page) == [40, 32])
    page.drag("[data-handle='se']", -70, -70)
    page.until(lambda: picture(page) == [48, 48])
