"""A sample point that is moved on the page of `roialign explore`, in a real browser."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.browser import needs_chromium, webdriver
from tests.test_explore_page import ALT, ARROWS, MAP, SHIFT, Page, page_of, visible

pytestmark = [pytest.mark.browser, needs_chromium]

ESCAPE = "\ue00c"
CELLS = np.load(MAP[0])
READ = ["--box-format", "xywh", "--origin", "bottom-left"]
ALIGNED = [
    *MAP,
    "--preset",
    "torchvision-aligned",
    *READ,
    "--sampling-ratio",
    "2",
    "--section",
    "2,2",
]


@pytest.fixture
def page(driver: Any) -> Iterator[Page]:
    with page_of(driver, *ALIGNED) as opened:
        yield opened


def drag_point(page: Page, x: int, y: int, *, steps: int = 8, release: bool = True) -> Any:
    """Drag the chosen point by pixels, and return the moved point."""
    page.run("document.getElementById('stage').scrollIntoView({block: 'center'})")
    actions = webdriver.ActionChains(page.driver, duration=0)
    actions.move_to_element(page.find("#grab")).click_and_hold()
    for k in range(steps):
        actions.move_by_offset(*(d * (k + 1) // steps - d * k // steps for d in (x, y)))
    if release:
        actions.release()
    actions.perform()
    return page.settle()["moved"]


def by_hand(x: float, y: float) -> tuple[list[float], float]:
    """Return the weights of Q11, Q21, Q12 and Q22, and the value between them; y points up."""
    below = len(CELLS) - y
    left, top = math.floor(x - 0.5), math.floor(below - 0.5)
    across, down = x - 0.5 - left, below - 0.5 - top
    # Q11 and Q21 are at the larger y, which is the upper row.
    rows, columns = ((top, 1 - down), (top + 1, down)), ((left, 1 - across), (left + 1, across))
    weights = [wy * wx for _, wy in rows for _, wx in columns]
    values = [float(CELLS[row, column]) for row, _ in rows for column, _ in columns]
    return weights, float(np.dot(weights, values))


def check_by_hand(page: Page, moved: Any) -> None:
    """Assert that everything that the page shows of a moved point follows from its position."""
    point = moved["point"]
    weights, value = by_hand(point["x"], point["y"])
    assert point["value"] == pytest.approx(value, abs=1e-5)
    text = page.find("#moved").text
    number = re.search(r"P = ([\d.]+)", text)
    assert number is not None
    assert float(number[1]) == pytest.approx(value, abs=1e-4)
    shown = page.driver.find_elements("css selector", "#neighbour-table tbody td:nth-of-type(4)")
    assert [float(one.text) for one in shown] == pytest.approx(weights, abs=1e-4)
    areas = page.run(
        """return [...document.querySelectorAll('#square .area')].map((area) =>
             area.getAttribute('width') * area.getAttribute('height') / 1e4)"""
    )
    assert areas == pytest.approx(weights, abs=1e-4)
    corners = page.run("return document.getElementById('neighbours').getAttribute('d').split('Z')")
    assert len(list(filter(None, corners))) == 4
    terms = page.driver.find_elements("css selector", "#interpolated span[class^=role-Q]")
    values = [float(q["value"]) for q in point["neighbours"]]
    assert [float(term.text) for term in terms] == pytest.approx(values, abs=1e-4)
    assert [term.get_attribute("class") for term in terms] == [
        "role-Q11", "role-Q21", "role-Q12", "role-Q22",
    ]  # fmt: skip


@pytest.mark.parametrize(("x", "y"), [(47, -31), (-60, 22), (5, 70)])
def test_a_drag_by_pixels_moves_the_point(page: Page, x: int, y: int) -> None:
    before, unit = page.settle()["trace"], page.cell_size()
    moved = drag_point(page, x, y)
    own = before["chosen"]["point"]
    assert moved["own"] == {"x": own["x"], "y": own["y"]}
    assert (moved["point"]["x"] - own["x"]) * unit == pytest.approx(x, abs=1)
    assert (moved["point"]["y"] - own["y"]) * unit == pytest.approx(-y, abs=1)
    check_by_hand(page, moved)
    assert page.state["trace"] == before
    assert "not used by ROI Align" in page.find("#moved").text
    position = [moved["point"]["x"], moved["point"]["y"]]
    assert page.client.ask("value", position=position)["point"] == moved["point"]


def test_each_step_shows_a_moved_point(page: Page) -> None:
    moved = drag_point(page, 20, 20)
    for step in (0, 3, 4, 5):
        page.find(f"#steps button:nth-child({step + 1})").click()
        check_by_hand(page, moved)
        assert "moved to" in page.find("#point-title").text


def test_the_point_goes_back(page: Page) -> None:
    own = page.settle()["trace"]["chosen"]["point"]
    page.find("#steps button:nth-child(5)").click()
    formula = page.find("#interpolated").text

    def is_back() -> bool:
        assert not page.find("#put-back").is_displayed()
        assert not visible(page, "#moved-point")
        return page.settle()["moved"] is None and page.find("#interpolated").text == formula

    drag_point(page, 30, 20)
    assert page.find("#interpolated").text != formula
    page.find("#put-back").click()
    assert is_back()
    drag_point(page, 30, 20)
    page.press(ESCAPE)
    assert is_back()
    drag_point(page, 30, 20, release=False)
    page.press(ESCAPE)
    webdriver.ActionChains(page.driver, duration=0).move_by_offset(9, 9).release().perform()
    assert is_back()
    drag_point(page, 30, 20)
    page.find("#points button:not([aria-pressed='true'])").click()
    state = page.settle()
    assert state["moved"] is None
    assert state["point"] != own["point"]


def test_another_section_or_a_moved_box_puts_the_point_back(page: Page) -> None:
    page.settle()
    drag_point(page, 30, 20)
    page.find("#align button").click()
    assert page.settle()["moved"] is None
    drag_point(page, 30, 20)
    assert page.drag("#hold", 15, 4)["moved"] is None


def test_the_keyboard_moves_the_point(page: Page) -> None:
    own = page.settle()["trace"]["chosen"]["point"]
    page.run("document.getElementById('grab').focus()")
    moves = [
        ((ARROWS["right"],), 0.1, 0), ((ARROWS["down"],), 0.1, -0.1),
        ((SHIFT, ARROWS["left"]), -0.9, -0.1), ((SHIFT, ALT, ARROWS["up"]), -0.9, 0.9),
    ]  # fmt: skip
    for keys, x, y in moves:
        point = page.press(*keys)["moved"]["point"]
        assert (point["x"] - own["x"], point["y"] - own["y"]) == pytest.approx((x, y), abs=1e-5)
    point = page.press(ALT, ARROWS["right"])["moved"]["point"]
    assert point["x"] - own["x"] == pytest.approx(-0.89, abs=1e-5)
    check_by_hand(page, page.state["moved"])
    label = page.find("#grab").get_attribute("aria-label")
    assert label.startswith("Sample point (1, 1) at ")
    assert page.press(ESCAPE)["moved"] is None


def test_the_rules_of_another_preset_apply_to_a_moved_point(page: Page) -> None:
    page.find("#fit").click()
    own, unit = page.settle()["trace"]["chosen"]["point"], page.cell_size()
    across = round((-0.3 - own["x"]) * unit)
    moved = drag_point(page, across, 0)
    assert moved["point"]["border"] == "clamped"
    assert page.find("#point-note").text.startswith("Clamped")
    position = [moved["point"]["x"], moved["point"]["y"]]
    for preset, border in (("tensorflow", "out"), ("torchvision", "clamped")):
        state = page.choose("#preset", preset)
        answer = page.client.ask("value", preset=preset, position=position)
        assert state["moved"]["point"] == answer["point"] | {"point": state["point"]}
        assert state["moved"]["point"]["border"] == border
    page.choose("#preset", "roi-pool")
    assert page.state["moved"] is None
    assert not visible(page, "#grab")


def test_a_point_outside_reads_no_cell(page: Page) -> None:
    page.find("#fit").click()
    own, unit = page.settle()["trace"]["chosen"]["point"], page.cell_size()
    page.find("#farther").click()
    unit = page.cell_size()
    moved = drag_point(page, round((-1 - own["x"]) * unit), 0)
    assert (moved["point"]["border"], moved["point"]["value"]) == ("out", 0)
    assert page.find("#point-note").text.startswith("Out")
    assert page.run("return document.getElementById('neighbours').getAttribute('d')") == ""
    assert not visible(page, "#square")


def test_the_last_position_wins(page: Page) -> None:
    page.settle()
    moved = drag_point(page, 90, 60, steps=60)
    text = page.find("#moved-value").text
    assert f"({moved['point']['x']:.4g}, {moved['point']['y']:.4g})" in text
    check_by_hand(page, moved)


def test_the_point_of_a_photo_can_be_moved(driver: Any) -> None:
    from tests.test_explore_page import PHOTO  # noqa: PLC0415

    with page_of(driver, *PHOTO) as photo:
        unit, own = photo.cell_size(), photo.settle()["trace"]["chosen"]["point"]
        moved = drag_point(photo, 30, 40)["point"]
        assert (moved["x"] - own["x"]) * unit == pytest.approx(30, abs=1)
        assert (moved["y"] - own["y"]) * unit == pytest.approx(40, abs=1)
