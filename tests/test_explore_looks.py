"""What of the page of `roialign explore` is in sight: marks, legend and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli.cli.main import main
from roialign_cli.show.numbers import format_number
from tests.browser import needs_chromium
from tests.test_explore_page import MAP, PHOTO, Page, page_of

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def photo(driver: Any) -> Iterator[Page]:
    with page_of(driver, *PHOTO) as opened:
        yield opened


def resize(driver: Any, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    # Two frames: one for the size, and one for what is drawn in it.
    frames = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done));"
    driver.execute_async_script(frames)


def legend(page: Page) -> set[str]:
    script = """return [...document.querySelectorAll('.legend li')]
        .filter((entry) => entry.checkVisibility()).map((entry) => entry.textContent)"""
    return set(page.run(script)) - set(
        page.run(script.replace(".legend li", ".legend li:last-child"))
    )


def test_the_legend_names_what_is_drawn(photo: Page) -> None:
    always = {"box", "section", "sample point"}
    assert legend(photo) == always | {"rounded by ROI Pool", "neighbour cell"}
    photo.choose("#pooling", "max")
    assert legend(photo) == always | {
        "rounded by ROI Pool", "neighbour cell", "largest of a section",
    }  # fmt: skip
    photo.find("#steps button:nth-child(2)").click()
    assert legend(photo) == {"box", "rounded by ROI Pool"}
    photo.find("#switch-pool").click()
    assert legend(photo) == {"box"}
    photo.find("#switch-pool").click()
    photo.find("#steps button:nth-child(1)").click()
    photo.choose("#with", "mmcv")
    assert {"ROI of mmcv", "sample point of mmcv"} <= legend(photo)
    assert "rounded by ROI Pool" not in legend(photo)


def test_numbers_fit_their_cells(photo: Page) -> None:
    try:
        for width, columns in (
            (1280, "4"),
            (1280, "3"),
            (1000, "4"),
            (360, "3"),
            (360, "4"),
            (360, "7"),
        ):
            resize(photo.driver, width, 900)
            photo.choose("#columns", columns)
            photo.drag("#hold", 9, 5)
            wider = photo.run(
                """const range = document.createRange();
                   return [...document.querySelectorAll('#align b, #align i, #other b, #other i')]
                     .filter((text) => {
                       if (!text.textContent) return false;
                       range.selectNodeContents(text);
                       const cell = text.parentElement.getBoundingClientRect();
                       const { left, right, height } = range.getBoundingClientRect();
                       return height > 22 || left < cell.left || right > cell.right;
                     }).map((text) => text.textContent)"""
            )
            assert not wider, (width, columns)
    finally:
        photo.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_box_and_what_it_is_compared_with_are_in_view_in_every_size(driver: Any) -> None:
    with page_of(driver, *MAP) as page:
        try:
            sizes: list[float] = []
            for width, height in ((1280, 900), (400, 800), (900, 300), (60, 60), (1280, 900)):
                resize(driver, width, height)
                if width > 60:
                    stage, *marks = page.run(
                        """return ['stage', 'pool-box', 'hold'].map((id) =>
                             document.getElementById(id).getBoundingClientRect().toJSON())"""
                    )
                    for mark in marks:
                        assert stage["left"] + 30 < mark["left"]
                        assert mark["right"] < stage["right"]
                        assert stage["top"] < mark["top"]
                        assert mark["bottom"] < stage["bottom"] - 20
                sizes.append(page.cell_size())
            assert all(size > 0 for size in sizes)
            assert sizes[0] == pytest.approx(sizes[-1])
        finally:
            driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_very_small_numbers_are_those_of_explain(driver: Any, tmp_path: Path) -> None:
    values = np.array([[4.13612e-6, 2.9634e-5, 1.23456e15, -3e-12]], np.float64)
    np.save(tmp_path / "map.npy", values)
    call = [
        f"{tmp_path}/map.npy",
        "--preset",
        "roi-pool",
        "--box",
        "0,0,3,0",
        "--output-size",
        "1x4",
    ]
    with page_of(driver, *call) as page:
        assert page.state["trace"]["output"] == values.tolist()
        labels = """return [...document.querySelectorAll('#align button')]
            .map((b) => b.ariaLabel.replace(/: .*, exactly /, ': '))"""
        assert page.run(labels) == [
            f"section ({i}, 1): {format_number(value)}" for i, value in enumerate(values[0], 1)
        ]


def test_a_saved_page_without_scripts_has_only_its_words(driver: Any, tmp_path: Path) -> None:
    file = tmp_path / "roi.html"
    assert main(["explain", *MAP, "-o", str(file)]) == 0
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        driver.get(file.as_uri())
        for selector in ("main", "#rules", "#status"):
            assert not driver.find_element("css selector", selector).is_displayed()
        assert driver.find_element("css selector", "#document h2").is_displayed()
    finally:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
