"""How the page of `roialign explore` feels and survives, in a real browser."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli.serve import api
from roialign_cli.show.palette import contrast
from tests.browser import complaints, needs_chromium, webdriver
from tests.test_explore_page import ALT, ARROWS, MAP, PHOTO, SHIFT, Page, hexadecimal, page_of

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def photo(driver: Any) -> Iterator[Page]:
    with page_of(driver, *PHOTO) as opened:
        yield opened


# The focus after a click ----------------------------------------------------------------------


def click_at(page: Page, x: float, y: float) -> dict[str, Any]:
    """Click at a position of the map, in cells, and return the state."""
    edges, unit = page.state["trace"]["box"]["on_map"], page.cell_size()
    hold = page.find("#hold")
    across = (x - edges["left"]) * unit - hold.rect["width"] / 2
    down = (y - edges["top"]) * unit - hold.rect["height"] / 2
    actions = webdriver.ActionChains(page.driver, duration=0)
    actions.move_to_element_with_offset(hold, round(across), round(down)).click().perform()
    return page.settle()


def focused(page: Page) -> dict[str, str]:
    """Return the data of the focused element: its section, or its point."""
    return dict(page.run("return {...document.activeElement.dataset}"))


def middle_of(page: Page, section: list[int]) -> tuple[float, float]:
    trace = page.settle()["trace"]
    found = next(one for one in trace["sections"] if one["section"] == section)
    size = trace["section_size"]
    return found["x"] + size["width"] / 2, found["y"] + size["height"] / 2


def test_arrow_keys_go_on_from_a_clicked_section(driver: Any) -> None:
    with page_of(driver, *PHOTO, "--sampling-ratio", "1") as page:
        x, y = middle_of(page, [2, 2])
        page.run("scrollTo(0, 40)")
        size = page.state["trace"]["section_size"]
        assert click_at(page, x + size["width"] / 3, y)["section"] == [2, 2]
        assert focused(page) == {"section": "2,2"}
        assert page.run("return scrollY") == 40
        assert page.press(ARROWS["right"])["section"] == [3, 2]
        assert page.press(ARROWS["up"])["section"] == [3, 1]
        # A drag leaves the focus on the box.
        box = page.drag("#hold", 30, 20)["box"]
        assert page.press(ARROWS["right"])["box"] != box
        assert page.state["section"] == [3, 1]


@pytest.mark.parametrize("step", range(6))
def test_a_click_on_a_point_focuses_a_list_that_is_shown(driver: Any, step: int) -> None:
    with page_of(driver, *PHOTO, "--sampling-ratio", "2", "--section", "1,1") as page:
        page.find(f"#steps button:nth-child({step + 1})").click()
        sections = page.settle()["trace"]["sections"]
        point = next(one for one in sections if one["section"] == [3, 2])["points"][2]
        state = click_at(page, point["x"], point["y"])
        if step == 1:  # no sections are drawn
            assert state["section"] == [1, 1]
            assert page.run("return document.activeElement.id") == "hold"
        elif step == 2:  # no points are drawn
            assert (state["section"], focused(page)) == ([3, 2], {"section": "3,2"})
        else:
            assert (state["section"], state["point"]) == ([3, 2], [1, 2])
            assert focused(page) == {"point": "1,2"}
            assert page.press(ARROWS["up"])["point"] == [1, 1]


# The values of cells --------------------------------------------------------------------------


def test_values_are_those_of_the_map_and_above_the_lines(driver: Any) -> None:
    with page_of(driver, *MAP) as page:
        cells = np.load(MAP[0]).squeeze()
        page.find("#around").click()
        page.settle()
        written = page.run(
            """const stage = document.getElementById('stage').getBoundingClientRect();
               return [...document.querySelectorAll('#values text')].map((text) => {
                 const { x, y, width, height } = text.getBoundingClientRect();
                 return [text.textContent, x + width / 2, y + height / 2, width];
               })"""
        )
        hold = page.find("#hold").rect
        edges, unit = page.state["trace"]["box"]["on_map"], page.cell_size()
        box_top = max(edges["top"], edges["bottom"])  # y points up on this map
        top = page.run("return document.getElementById('hold').getBoundingClientRect().top")
        for text, x, y, width in written:
            column = (x - hold["x"]) / unit + edges["left"]
            up = box_top - (y - top) / unit
            row = len(cells) - 1 - math.floor(up)
            value = cells[row, math.floor(column)]
            assert float(text) == pytest.approx(value, rel=5e-3)
            assert column % 1 == pytest.approx(0.5, abs=0.02)
            assert width < unit
        assert len(written) >= 20
        # The lines that a text could be behind come before it.
        order = page.run("return [...document.getElementById('lines').children].map((e) => e.id)")
        for line in ("pool-box", "pool-bins", "sections", "section", "neighbours", "ties", "roi"):
            assert order.index(line) < order.index("value-halos") < order.index("values")
        assert order.index("value-halos") < order.index("inside") < order.index("values")
        # A drag of the box writes no text.
        page.run(
            """window.changes = 0;
               new MutationObserver((found) => { window.changes += found.length; }).observe(
                 document.getElementById('values'),
                 { subtree: true, childList: true, attributes: true, characterData: true });"""
        )
        page.drag("#hold", 20, 10)
        assert page.run("return window.changes") == 0
        page.find("#fit").click()
        assert page.run("return document.querySelectorAll('#values text').length") == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.123456, "0.123"), (-1234.5, "-1235"), (99.96, "100"), (3e-5, "3.0e-5"),
        (-2.5e7, "-2.5e7"), (math.nan, "nan"), (-math.inf, "-inf"), (12.345, "12.3"),
    ],
)  # fmt: skip
def test_values_have_three_digits_in_small_cells(
    driver: Any, tmp_path: Path, value: float, text: str
) -> None:
    cells = np.zeros((12, 12), np.float32)
    cells[5, 5] = value
    np.save(tmp_path / "map.npy", cells)
    call = [str(tmp_path / "map.npy"), "--preset", "torchvision", "--box", "2,2,9,9"]
    with page_of(driver, *call) as page:
        page.find("#fit").click()
        zoom = "while (!document.querySelector('#values text')) { closer.click(); }"
        page.run(f"const closer = document.getElementById('closer'); {zoom}")
        texts = page.run(
            "return [...document.querySelectorAll('#values text')].map((e) => e.textContent)"
        )
        assert {text, "0"} == set(texts)


# Fingers --------------------------------------------------------------------------------------


class Fingers:
    """Fingers on the screen, which the browser takes for those of a person."""

    def __init__(self, page: Page) -> None:
        self.driver = page.driver

    def send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        given = {"type": kind, "touchPoints": touches}
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", given)

    def drag(self, start: tuple[float, float], x: float, y: float) -> None:
        """Drag one finger."""
        for k in range(11):
            at = start[0] + x * k / 10, start[1] + y * k / 10
            self.send("touchMove" if k else "touchStart", at)
        self.send("touchEnd")


@pytest.fixture
def phone(photo: Page) -> Iterator[Page]:
    metrics = {"width": 400, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    photo.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    photo.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    photo.settle()
    yield photo
    photo.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    photo.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def rect(page: Page, name: str) -> dict[str, float]:
    script = "return document.getElementById(arguments[0]).getBoundingClientRect().toJSON()"
    return dict(page.run(script, name))


def scrolled(page: Page) -> float:
    """Return how far the page is scrolled, once two frames have the same place."""
    return float(
        page.driver.execute_async_script(
            """const done = arguments[0];
               const look = (last, times) => requestAnimationFrame(() => {
                 if (times > 5 && scrollY === last) done(scrollY);
                 else look(scrollY, times + 1);
               });
               look(scrollY, 0);"""
        )
    )


def test_a_finger_beside_the_box_scrolls_if_the_whole_map_is_seen(phone: Page) -> None:
    phone.find("#fit").click()
    box, before = phone.settle()["box"], rect(phone, "hold")
    stage = rect(phone, "stage")
    Fingers(phone).drag((stage["right"] - 20, stage["bottom"] - 40), 0, -120)
    assert scrolled(phone) > 50
    assert phone.settle()["box"] == box
    assert rect(phone, "hold")["width"] == before["width"]
    assert rect(phone, "hold")["x"] == before["x"]


def test_a_finger_beside_the_box_moves_a_map_that_is_zoomed(phone: Page) -> None:
    phone.find("#around").click()
    box = phone.settle()["box"]
    for _ in range(2):
        phone.find("#farther").click()
    before, stage = rect(phone, "hold"), rect(phone, "stage")
    beside = stage["left"] + 50, stage["bottom"] - 40
    assert not before["left"] <= beside[0] <= before["right"]
    Fingers(phone).drag(beside, 20, -50)
    assert scrolled(phone) == 0
    after = rect(phone, "hold")
    moved = after["x"] - before["x"], after["y"] - before["y"]
    assert moved == pytest.approx((20, -50), abs=1)
    assert phone.settle()["box"] == box


@pytest.mark.parametrize("view", ["fit", "around"])
def test_a_finger_on_the_box_never_scrolls(phone: Page, view: str) -> None:
    phone.find(f"#{view}").click()
    before, hold = phone.settle()["box"], rect(phone, "hold")
    inside = hold["x"] + hold["width"] / 2 - 9, hold["y"] + hold["height"] / 2 + 11
    Fingers(phone).drag(inside, 5, -60)
    assert scrolled(phone) == 0
    moved = np.subtract(phone.settle()["box"], before) * phone.cell_size() / 32
    assert moved == pytest.approx([5, -60, 5, -60], abs=1)


@pytest.mark.parametrize("view", ["fit", "around"])
def test_two_fingers_zoom_the_map(phone: Page, view: str) -> None:
    phone.find(f"#{view}").click()
    box, unit = phone.settle()["box"], phone.cell_size()
    stage = rect(phone, "stage")
    x, y = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    fingers = Fingers(phone)
    fingers.send("touchStart", (x - 30, y - 20))
    fingers.send("touchStart", (x - 30, y - 20), (x + 30, y + 20))
    for k in range(11):
        dx, dy = 30 + 3 * k, 20 + 2 * k
        fingers.send("touchMove", (x - dx, y - dy), (x + dx, y + dy))
    fingers.send("touchEnd")
    assert phone.cell_size() == pytest.approx(2 * unit, rel=0.02)
    assert phone.settle()["box"] == box
    assert scrolled(phone) == 0
    assert phone.run("return visualViewport.scale") == 1


# The keyboard ---------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [MAP, PHOTO])
def test_with_snap_the_arrow_keys_go_from_cell_to_cell(driver: Any, call: list[str]) -> None:
    with page_of(driver, *call) as page:
        page.find("#switch-snap").click()
        page.run("document.getElementById('hold').focus()")

        def corners() -> Any:
            trace = page.settle()["trace"]
            scale = trace["box"]["spatial_scale"]
            return np.multiply(trace["box"]["corners"], [scale["x"], scale["y"]] * 2)

        start = corners()
        page.press(ARROWS["right"])
        width = round(start[2] - start[0])
        left = math.floor(start[0]) + 1
        assert corners() == pytest.approx([left, start[1], left + width, start[3]])
        page.press(ARROWS["right"])
        assert corners() == pytest.approx([left + 1, start[1], left + 1 + width, start[3]])
        page.press(SHIFT, ARROWS["left"])
        assert corners() == pytest.approx([left - 9, start[1], left - 9 + width, start[3]])
        page.press(ARROWS["up"])
        height, top = round(start[3] - start[1]), math.ceil(start[1]) - 1
        assert corners() == pytest.approx([left - 9, top, left - 9 + width, top + height])
        page.press(ALT, ARROWS["down"])
        page.press(ALT, ARROWS["left"])
        assert corners() == pytest.approx([left - 9, top, left - 10 + width, top + height + 1])


def test_with_snap_a_box_smaller_than_a_cell_keeps_one(photo: Page) -> None:
    for k, number in enumerate([100, 100, 105, 105]):
        photo.choose(f"#numbers label:nth-child({k + 1}) input", f"{number}")
    photo.find("#switch-snap").click()
    photo.run("document.getElementById('hold').focus()")
    assert photo.press(ARROWS["right"])["box"] == [128, 100, 160, 105]
    assert photo.press(ARROWS["left"])["box"] == [96, 100, 128, 105]


# After an error -------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_numbers_before_an_error_are_marked_and_can_be_read(photo: Page, theme: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": theme}
    photo.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        photo.choose("#rows", "5000")
        assert "too many" in photo.status
        found = photo.run(
            """const shown = [...document.querySelectorAll('.numbers *, #status')]
                 .filter((one) => one.checkVisibility() && one.textContent.trim());
               const mark = document.querySelector('.numbers > section');
               return [[...shown.map((one) => [one, '']), [mark, '::before']].map(([one, part]) => {
                 let ground = one;
                 const shade = (e) => getComputedStyle(e).backgroundColor;
                 while (shade(ground) === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
                 let opacity = 1;
                 for (let e = one; e; e = e.parentElement) opacity *= getComputedStyle(e).opacity;
                 return [getComputedStyle(one, part).color, shade(ground), opacity];
               }), getComputedStyle(mark, '::before').content]"""
        )
        assert found[1] == '"from before the error"'
        assert len(found[0]) > 50
        for colour, ground, opacity in found[0]:
            assert opacity == 1
            assert contrast(hexadecimal(colour), hexadecimal(ground)) >= 4.5
        photo.choose("#rows", "2")
        assert photo.run("return document.body.classList.contains('outdated')") is False
    finally:
        photo.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        complaints(photo.driver)


# The first frame ------------------------------------------------------------------------------

# Note, in each frame in which the drawing has another size, the size of the picture of the cells
# and the size that it is drawn with. The observers of the page are called first.
SIZES = """
window.sizes = [];
document.addEventListener('DOMContentLoaded', () => {
  const canvas = document.getElementById('cells');
  if (canvas) new ResizeObserver(() => {
    const { width, height } = canvas.getBoundingClientRect();
    window.sizes.push([canvas.width, canvas.height, width, height]);
  }).observe(canvas);
});
"""


def test_no_frame_is_stretched(photo: Page) -> None:
    run = photo.driver.execute_cdp_cmd
    added = run("Page.addScriptToEvaluateOnNewDocument", {"source": SIZES})
    widths = (900, 1200, 500)
    try:
        photo.open(photo.client.server.address)
        for count, width in enumerate(widths):
            metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
            run("Emulation.setDeviceMetricsOverride", metrics)
            photo.until(lambda: len(photo.run("return window.sizes")) > count + 1)  # noqa: B023
        sizes = photo.run("return window.sizes")
    finally:
        run("Emulation.clearDeviceMetricsOverride", {})
        run("Page.removeScriptToEvaluateOnNewDocument", added)
    for *picture, width, height in sizes:
        assert picture == pytest.approx([width, height], abs=1)
    assert len({width for *_, width, _ in sizes}) == len(widths) + 1


# Long use -------------------------------------------------------------------------------------


def test_many_drags_keep_the_numbers_and_the_memory(photo: Page, tmp_path: Path) -> None:
    run = photo.driver.execute_cdp_cmd
    run("Performance.enable", {})

    def used() -> dict[str, float]:
        run("HeapProfiler.collectGarbage", {})
        found = run("Performance.getMetrics", {})["metrics"]
        return {one["name"]: one["value"] for one in found}

    hold = rect(photo, "hold")
    at = np.add([hold["x"], hold["y"]], np.divide([hold["width"], hold["height"]], 2) - 9)

    def drag(times: int) -> None:
        for k in range(times):
            move = np.array(((9, 4), (-7, 6), (-9, -4), (7, -6))[k % 4])
            for kind, share in (("Pressed", 0), ("Moved", 0.5), ("Moved", 0.5), ("Released", 0)):
                at[:] += share * move
                mouse = {"button": "left", "buttons": 1, "clickCount": 1, "x": at[0], "y": at[1]}
                run("Input.dispatchMouseEvent", {"type": f"mouse{kind}"} | mouse)

    drag(260)  # the browser compiles the scripts and fills its caches in about 250 drags
    start, before = photo.settle()["box"], used()
    drag(100)
    assert photo.settle()["box"] == pytest.approx(start, abs=1)
    after = used()
    photo.check(tmp_path)
    # Lists have as many rows as the last answer, and those differ by a few elements and texts.
    assert after["Nodes"] - before["Nodes"] < 50  # one node of every second drag
    assert after["JSEventListeners"] == before["JSEventListeners"]
    # A tenth of the answers to the drags, of which each has two or more.
    size = len(photo.client.raw("trace"))
    assert after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 0.1 * 100 * 2 * size


# A server that does not answer ----------------------------------------------------------------


def test_the_page_recovers_from_a_server_that_did_not_answer(driver: Any, tmp_path: Path) -> None:
    with page_of(driver, *PHOTO) as page:
        offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        network = "Network.emulateNetworkConditions"
        page.driver.execute_cdp_cmd("Network.enable", {})
        page.driver.execute_cdp_cmd(network, {"offline": True, **offline})
        before = page.settle()["trace"]
        page.choose("#channel", "1")
        assert page.status.startswith("the server does not answer; ")
        assert page.state["trace"] == before
        page.driver.execute_cdp_cmd(network, {"offline": False, **offline})
        # The next action asks for everything that is missing, the map of the channel, too.
        page.drag("#hold", 10, 10)
        assert page.status == ""
        page.check(tmp_path)
        shown = page.run("return document.getElementById('ramp-high').textContent")
        assert float(shown) == pytest.approx(page.client.ask("map", channel=1)["max"], abs=1e-4)
        complaints(page.driver)


def test_an_answer_that_never_comes_does_not_block_the_page(driver: Any, tmp_path: Path) -> None:
    with page_of(driver, *PHOTO) as page:
        page.run("const limit = AbortSignal.timeout.bind(AbortSignal);"
                 "AbortSignal.timeout = () => limit(500)")  # fmt: skip
        page.settle()
        with api._ONE_RECORD_AT_A_TIME:  # noqa: SLF001 - no answer can be computed
            page.choose("#rows", "2")
            assert page.status.startswith("the server does not answer; ")
        page.choose("#columns", "4")
        assert page.status == ""
        assert page.state["output_size"] == [2, 4]
        page.check(tmp_path)
        complaints(page.driver)
