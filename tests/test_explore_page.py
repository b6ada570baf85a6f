"""The page of `roialign explore` in a real browser: `python -m pytest -m browser`."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.show.palette import DARK, LIGHT, contrast
from tests.browser import complaints, needs_chromium, requested, webdriver
from tests.explore_client import Client, served

pytestmark = [pytest.mark.browser, needs_chromium]

SAMPLES = sample_data()
MAP = [f"{SAMPLES}/walkthrough.npy", "--image-size", "512x512", "--box", "200,250,200,145"]
PHOTO = [
    f"{SAMPLES}/astronaut.png", "--stride", "32", "--output-size", "3",
    "--box", "170,70,272,190", "--box", "40,300,200,420",
]  # fmt: skip
CALLS = {"map": MAP, "photo": PHOTO}
ARROWS = {"left": "\ue012", "up": "\ue013", "right": "\ue014", "down": "\ue015"}
SHIFT, ALT, TAB = "\ue008", "\ue00a", "\ue004"


class Page:
    """A page of a running server, as a person sees and uses it."""

    def __init__(self, driver: Any, client: Client) -> None:
        self.driver, self.client = driver, client
        complaints(driver)
        requested(driver)
        self.open(client.server.address)

    def open(self, address: str) -> None:
        self.driver.get("about:blank")
        self.driver.get(address)
        self.settle()

    def run(self, script: str, *given: Any) -> Any:
        return self.driver.execute_script(script, *given)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def until(self, condition: Callable[[], Any]) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, self.status
            time.sleep(0.02)

    def settle(self) -> dict[str, Any]:
        """Wait until the page shows the numbers of its state, and return the state."""
        self.until(lambda: self.run("return window.roialign?.isSettled() ?? false"))
        return self.state

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.run("return roialign.state()")
        return state

    @property
    def status(self) -> str:
        return str(self.run("return document.getElementById('status')?.textContent"))

    def cells(self, table: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((b) => b.textContent)"
        return list(self.run(script, f"#{table} b"))

    def numbers(self, table: str) -> list[str]:
        """Return the numbers of a table; a number that is shortened has the exact one as title."""
        script = """return [...document.querySelectorAll(arguments[0])]
            .map((b) => b.parentElement.title || b.textContent)"""
        return list(self.run(script, f"#{table} b"))

    def drag(self, selector: str, x: int, y: int, *, steps: int = 10) -> dict[str, Any]:
        """Drag an element of the drawing by pixels."""
        self.run("document.getElementById('stage').scrollIntoView({block: 'center'})")
        element = self.find(selector)
        actions = webdriver.ActionChains(self.driver, duration=0)
        across, down = (int(element.rect[side] / 2) for side in ("width", "height"))
        inside = (0, 0) if "handle" in selector else (9 - across, 13 - down)
        actions.move_to_element_with_offset(element, *inside).click_and_hold()
        for k in range(steps):
            actions.move_by_offset(*(d * (k + 1) // steps - d * k // steps for d in (x, y)))
        actions.release().perform()
        return self.settle()

    def cell_size(self) -> float:
        """Return the pixels per cell, from the width of the box."""
        edges = self.state["trace"]["box"]["on_map"]
        width = self.run("return document.getElementById('hold').getBoundingClientRect().width")
        return float(width / (edges["right"] - edges["left"]))

    def choose(self, selector: str, value: str) -> dict[str, Any]:
        """Choose a value of a control, with the keyboard for numbers."""
        element = self.find(selector)
        if element.tag_name == "select":
            self.find(f"{selector} option[value='{value}']").click()
        else:
            element.clear()
            element.send_keys(value)
        return self.settle()

    def press(self, *keys: str) -> dict[str, Any]:
        self.driver.switch_to.active_element.send_keys("".join(keys))
        return self.settle()

    def commands(self) -> dict[str, str]:
        """Open the dialog with the commands, and return them."""
        self.find("#copy").click()
        self.until(lambda: self.run("return document.getElementById('commands').open"))
        names = ("run", "explain", "plot", "page")
        lines = {name: self.find(f"#command-{name}").text for name in names}
        self.find("#close").click()
        return lines

    def check(self, folder: Path) -> None:
        """Assert that `explain` and `explain --preset roi-pool` give the numbers on the page."""
        trace = self.settle()["trace"]
        words = shlex.split(self.commands()["explain"])[1:]
        expected = explained(words, folder)
        assert trace["output"] == expected["output"]
        assert trace["box"]["values"] == expected["box"]["values"]
        shown = [float(text) for text in self.numbers("align")]
        np.testing.assert_allclose(shown, np.ravel(expected["output"]), atol=0.6e-4)
        pooled = explained(as_roi_pool(words, expected["convention"]), folder)
        assert trace["roi_pool"]["output"] == pooled["output"]
        shown = [float(text) for text in self.numbers("other")]
        np.testing.assert_allclose(shown, np.ravel(pooled["output"]), atol=0.6e-4)


def explained(words: list[str], folder: Path) -> dict[str, Any]:
    """Return the JSON of `explain` with these words."""
    file = folder / "explained.json"
    assert main([*words, "--quiet", "--force", "-o", str(file)]) == 0
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return record


def as_roi_pool(words: list[str], convention: dict[str, Any]) -> list[str]:
    """Return the words of `explain` for ROI Pool on the same box, without section and point."""
    kept = ("--box", "--output-size", "--channel", "--stride", "--image-size")
    reading = ["--box-format", convention["box_format"], "--origin", convention["origin"]]
    given = [
        word for name in kept if name in words for word in (name, words[words.index(name) + 1])
    ]
    return [*words[:2], *given, "--preset", "roi-pool", *reading]


@contextmanager
def page_of(driver: Any, *words: str) -> Iterator[Page]:
    """Open a page; its console must stay empty, and it may ask only its server."""
    with served(*words) as client:
        page = Page(driver, client)
        yield page
        assert complaints(driver) == []
        address = client.server.address
        assert all(url.startswith((address, "blob:", "about:")) for url in requested(driver))
        driver.get("about:blank")  # a late request would fail without the server


@pytest.fixture(params=CALLS)
def page(request: pytest.FixtureRequest, driver: Any) -> Iterator[Page]:
    with page_of(driver, *CALLS[request.param]) as opened:
        yield opened


@pytest.fixture
def photo(driver: Any) -> Iterator[Page]:
    with page_of(driver, *PHOTO) as opened:
        yield opened


def test_the_outputs_are_those_of_explain(page: Page, tmp_path: Path) -> None:
    page.check(tmp_path)
    trace = page.client.ask("trace")
    assert page.state["trace"]["output"] == trace["output"]


def test_a_drag_by_pixels_moves_the_box(page: Page, tmp_path: Path) -> None:
    before, unit = page.settle()["trace"], page.cell_size()
    after = page.drag("#hold", 47, -31)["trace"]
    for side, pixels in (("left", 47), ("right", 47), ("top", -31), ("bottom", -31)):
        up = -1 if before["frame"]["origin"] == "bottom-left" and side in {"top", "bottom"} else 1
        moved = (after["box"]["on_map"][side] - before["box"]["on_map"][side]) * up
        assert moved * unit == pytest.approx(pixels, abs=1)
    page.check(tmp_path)


@pytest.mark.parametrize("handle", ["nw", "n", "ne", "e", "se", "s", "sw", "w"])
def test_each_handle_resizes_its_sides(photo: Page, handle: str) -> None:
    left, top, right, bottom = photo.settle()["trace"]["box"]["corners"]
    after = photo.drag(f"#handle-{handle}", 12, 17)["trace"]["box"]["corners"]
    across = 12 * 32 / photo_unit(photo, after)
    down = 17 * 32 / photo_unit(photo, after)
    expected = [
        left + across * ("w" in handle), top + down * ("n" in handle),
        right + across * ("e" in handle), bottom + down * ("s" in handle),
    ]  # fmt: skip
    assert after == pytest.approx(expected, abs=1)


def photo_unit(page: Page, corners: list[float]) -> float:
    width = page.run("return document.getElementById('hold').getBoundingClientRect().width")
    return float(width / (corners[2] - corners[0]) * 32)


def test_roi_pool_stays_while_roi_align_moves_less_than_a_cell(photo: Page) -> None:
    before = photo.choose("#numbers label:nth-child(1) input", "171")["trace"]
    after = photo.choose("#numbers label:nth-child(1) input", "172")["trace"]
    assert before["roi_pool"]["output"] == after["roi_pool"]["output"]
    assert before["output"] != after["output"]
    text = photo.find("#changes").text
    align, pool = re.findall(r"ROI (?:Align|Pool) ([\d.]+)", text)
    largest = np.abs(np.subtract(after["output"], before["output"])).max()
    assert float(align) == pytest.approx(largest, abs=1e-4)
    assert float(pool) == 0


def test_the_keyboard_alone_moves_resizes_and_chooses(page: Page, tmp_path: Path) -> None:
    page.run("document.activeElement.blur()")
    for _ in range(40):
        page.driver.switch_to.active_element.send_keys(TAB)
        if page.run("return document.activeElement.id") == "hold":
            break
    else:
        pytest.fail("Tab does not reach the box")
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert page.run(outline) == "solid"
    left, top, right, bottom = page.state["trace"]["box"]["corners"]
    moved = page.press(ARROWS["right"])["trace"]["box"]["corners"]
    assert moved == pytest.approx([left + 1, top, right + 1, bottom])
    moved = page.press(SHIFT, ARROWS["down"])["trace"]["box"]["corners"]
    assert moved == pytest.approx([left + 1, top + 10, right + 1, bottom + 10])
    resized = page.press(ALT, ARROWS["left"])["trace"]["box"]["corners"]
    assert resized == pytest.approx([left + 1, top + 10, right, bottom + 10])
    page.run("document.querySelector('#align button[tabindex=\"0\"]').focus()")
    i, j = page.state["section"]
    key, expected = ("right", [i + 1, j]) if i < 3 else ("left", [i - 1, j])
    assert page.press(ARROWS[key])["section"] == expected
    page.run("document.querySelector('#points button[tabindex=\"0\"]').focus()")
    n, m = page.state["point"]
    key, expected = ("right", [n + 1, m]) if n < 2 else ("left", [n - 1, m])
    assert page.press(ARROWS[key])["point"] == expected
    page.check(tmp_path)


def test_a_box_without_an_area_can_be_dragged(photo: Page) -> None:
    for k in range(4):
        photo.choose(f"#numbers label:nth-child({k + 1}) input", "200")
    actions = webdriver.ActionChains(photo.driver, duration=0)
    actions.move_to_element_with_offset(photo.find("#hold"), -9, -9).click_and_hold()
    actions.move_by_offset(10, 10).release().perform()
    left, top, right, bottom = photo.settle()["box"]
    assert (left, top) == (right, bottom)
    assert left > 200
    assert top > 200


def test_a_drag_beside_the_box_moves_the_map(photo: Page) -> None:
    box, before = photo.settle()["box"], photo.find("#hold").rect
    actions = webdriver.ActionChains(photo.driver, duration=0)
    beside = -round(before["width"] / 2) - 20, 0
    actions.move_to_element_with_offset(photo.find("#hold"), *beside).click_and_hold()
    actions.move_by_offset(15, 0).move_by_offset(15, -10).release().perform()
    after = photo.find("#hold").rect
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((30, -10), abs=1)
    assert photo.settle()["box"] == box


def test_a_finger_drags_the_box(photo: Page) -> None:
    before = photo.settle()["box"]
    x, y = photo.run(
        """const area = document.getElementById('hold').getBoundingClientRect();
           return [area.x + area.width / 2 + 9, area.y + area.height / 2 + 13]"""
    )
    touch = "Input.dispatchTouchEvent"
    for k in range(6):
        points = [{"x": x + 5 * k, "y": y + 4 * k}]
        kind = "touchMove" if k else "touchStart"
        photo.driver.execute_cdp_cmd(touch, {"type": kind, "touchPoints": points})
    photo.driver.execute_cdp_cmd(touch, {"type": "touchEnd", "touchPoints": []})
    moved = np.subtract(photo.settle()["box"], before) * photo.cell_size() / 32
    assert moved == pytest.approx([25, 20, 25, 20], abs=1)


def test_a_point_outside_has_no_neighbours(driver: Any) -> None:
    box = ["--preset", "torchvision-aligned", "--box=-4,-4,9,7", "--section", "1,1"]
    with page_of(driver, MAP[0], *box) as page:
        point = page.settle()["trace"]["chosen"]["point"]
        assert point["border"] == "out"
        assert page.run("return document.getElementById('neighbours').getAttribute('d')") == ""
        assert not page.driver.find_elements("css selector", "#neighbour-table tbody tr")


def test_typed_numbers_are_the_box(page: Page, tmp_path: Path) -> None:
    typed = [60.5, 70, 301.25, 250]
    for k, number in enumerate(typed):
        page.choose(f"#numbers label:nth-child({k + 1}) input", f"{number}")
    assert page.state["box"] == typed
    page.check(tmp_path)


def test_each_rule_has_an_effect_that_explain_confirms(page: Page, tmp_path: Path) -> None:
    assert page.choose("#preset", "torchvision")["preset"] == "torchvision"
    assert page.choose("#rows", "2")["trace"]["output_size"] == [2, 3]
    assert page.choose("#columns", "4")["trace"]["output_size"] == [2, 4]
    assert page.choose("#ratio", "3")["trace"]["convention"]["sampling_ratio"] == 3
    assert page.choose("#pooling", "max")["trace"]["convention"]["pooling"] == "max"
    page.check(tmp_path)
    assert page.find("#ratio").is_enabled()
    page.choose("#preset", "walkthrough")
    assert not page.find("#ratio").is_enabled()
    page.check(tmp_path)
    page.choose("#with", "mmcv")  # which has the sampling ratio
    assert page.choose("#ratio", "2")["trace"]["other"]["convention"]["sampling_ratio"] == 2


@pytest.mark.parametrize("channel", ["2", "mean", "max", "norm"])
def test_channels(photo: Page, channel: str, tmp_path: Path) -> None:
    assert f"{photo.choose('#channel', channel)['channel']}" == channel
    photo.check(tmp_path)


@pytest.fixture
def many_channels(driver: Any, tmp_path: Path) -> Iterator[Page]:
    """Open a page of two maps with 256 channels."""
    maps = np.random.default_rng(8).random((2, 256, 9, 12), np.float32)
    maps[0, 255, 0, 0], maps[0, 255, 8, 11] = -1, 2
    np.save(tmp_path / "maps.npy", maps)
    box = ["--preset", "torchvision", "--box", "0,1,2,7,8", "--output-size", "3"]
    with page_of(driver, str(tmp_path / "maps.npy"), *box) as opened:
        yield opened


def pictured(page: Page) -> list[int]:
    """Return the channels that have a picture."""
    script = """return [...document.querySelectorAll('#channels button:has(canvas)')]
                  .map((button) => Number(button.dataset.channel))"""
    return list(page.run(script))


def corner_colours(page: Page, channel: int) -> list[tuple[int, ...]]:
    """Return the colours of the first and the last cell in the picture of a channel."""
    script = """return document.querySelector(
      `#channels button[data-channel="${arguments[0]}"] canvas`).toDataURL()"""
    content = base64.b64decode(page.run(script, channel).partition(",")[2])
    with Image.open(io.BytesIO(content)) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return [tuple(map(int, pixels[k, k])) for k in (0, -1)]


def test_pictures_of_channels_come_after_the_numbers_and_in_sight(many_channels: Page) -> None:
    page = many_channels
    asked = [url.rpartition("/")[2] for url in requested(page.driver) if "/api/" in url]
    assert asked.index("trace") < asked.index("channels")
    assert asked.count("channels") == 1
    assert pictured(page) == list(range(32))
    page.run(
        "const row = document.getElementById('channels'); row.scrollLeft = row.scrollWidth / 2"
    )
    page.until(lambda: len(pictured(page)) > 32 and page.settle())
    assert {0, 128} <= set(pictured(page)) <= {*range(32), *range(96, 160)}
    # A drag asks for no pictures.
    requested(page.driver)
    page.drag("#hold", 12, 9)
    assert not [url for url in requested(page.driver) if url.endswith("channels")]


def test_the_keyboard_chooses_among_the_pictures(many_channels: Page, tmp_path: Path) -> None:
    page = many_channels
    chosen = """return [...document.querySelectorAll('#channels [aria-checked=true]')]
                  .map((button) => button.innerText)"""
    stops = "return document.querySelectorAll('#channels [tabindex=\"0\"]').length"
    page.run("document.querySelector('#channels [tabindex=\"0\"]').focus()")
    for keys, channel in ((["right"], 1), (["down", "right"], 3), (["left"], 2), (["up"], 1)):
        for key in keys:
            state = page.press(ARROWS[key])
        assert state["channel"] == channel
        assert page.run(chosen) == [str(channel)]
        assert page.run(stops) == 1
    assert page.press("\ue010")["channel"] == 255  # End
    assert page.run("return document.activeElement.dataset.channel") == "255"
    area, row = page.run(
        """return ['#channels [aria-checked=true]', '#channels']
             .map((one) => document.querySelector(one).getBoundingClientRect().toJSON())"""
    )
    assert row["left"] <= area["left"] < area["right"] <= row["right"] + 1
    assert page.press(ARROWS["right"])["channel"] == 255
    assert page.press("\ue011")["channel"] == 0  # Home
    assert page.press(ARROWS["right"])["channel"] == 1
    page.check(tmp_path)
    page.choose("#channel", "mean")
    assert page.run(chosen) == []
    assert page.run(stops) == 1


def test_pictures_have_the_shades_of_the_map(many_channels: Page) -> None:
    page = many_channels
    page.choose("#channel", "255")
    for theme, colours in (("light", LIGHT), ("dark", DARK)):
        feature = {"name": "prefers-color-scheme", "value": theme}
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        ends = [colours.values.rgb(share) for share in (0, 1)]
        page.until(lambda: corner_colours(page, 255) == ends)  # noqa: B023
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    page.choose("#batch", "1")
    assert 255 in pictured(page)
    assert corner_colours(page, 255) != ends


def test_the_channels_of_a_photograph_are_named(photo: Page) -> None:
    names = photo.run("return document.getElementById('channels').innerText")
    assert names.split() == ["red", "green", "blue"]
    photo.find("#channels button:nth-child(2)").click()
    assert photo.settle()["channel"] == 1
    assert photo.find("#channel").get_attribute("value") == "1"


def test_one_channel_has_no_pictures(driver: Any) -> None:
    with page_of(driver, *MAP) as page:
        assert not page.find("#channels").is_displayed()
        assert not [url for url in requested(driver) if url.endswith("channels")]


def test_the_boxes_of_the_call(photo: Page) -> None:
    assert photo.choose("#boxes", "1")["box"] == [40, 300, 200, 420]
    assert photo.choose("#boxes", "0")["box"] == [170, 70, 272, 190]
    assert photo.drag("#hold", 8, 5)["box"] != [170, 70, 272, 190]
    assert photo.run("return document.getElementById('boxes').selectedOptions[0].text") == "moved"
    assert photo.choose("#boxes", "0")["box"] == [170, 70, 272, 190]


def ghosts(page: Page) -> list[list[float]]:
    """Return where the sample points of the second preset are drawn, in cells of the frame."""
    trace, unit = page.state["trace"], page.cell_size()
    edges = trace["box"]["on_map"]
    up = -1 if trace["frame"]["origin"] == "bottom-left" else 1
    left, top, *paths = page.run(
        """return ['hold x', 'hold y', 'other-points d', 'other-out d'].map((one) => {
             const [id, name] = one.split(' ');
             return document.getElementById(id).getAttribute(name);
           })"""
    )
    # A diamond begins at its top: its radius is the first step.
    tops = re.findall(r"M(\S+) (\S+)l(\S+) ", "".join(paths))
    return [
        [edges["left"] + (x - float(left)) / unit, edges["top"] + up * (y + r - float(top)) / unit]
        for x, y, r in (map(float, numbers) for numbers in tops)
    ]


@pytest.mark.parametrize("other", ["torchvision", "walkthrough"])
def test_a_second_preset_is_compared(page: Page, other: str, tmp_path: Path) -> None:
    page.choose("#preset", "onnx-half-pixel")
    page.choose("#with", other)
    page.find("#differences summary").click()
    trace = page.drag("#hold", 31, -18)["trace"]
    words = {"box": trace["box"]["values"], "roi": None, "output_size": [3, 3]}
    alone = page.client.ask("commands", **words, preset=other)["explain"]
    expected = explained(shlex.split(alone)[1:], tmp_path)
    points = [point for section in expected["sections"] for point in section["points"]]
    np.testing.assert_allclose(ghosts(page), [[p["x"], p["y"]] for p in points], atol=0.02)
    shown = [float(text) for text in page.cells("other")]
    np.testing.assert_allclose(shown, np.ravel(expected["output"]), atol=0.6e-4)
    difference = np.subtract(trace["output"], expected["output"])
    shown = [float(text) for text in page.cells("difference")]
    np.testing.assert_allclose(shown, difference.ravel(), atol=0.6e-4)
    assert float(page.find("#largest").text) == pytest.approx(np.abs(difference).max(), abs=1e-4)
    assert not page.run("return document.getElementById('pool-box').getAttribute('d')")


def test_every_part_names_the_second_preset(photo: Page) -> None:
    parts = """return [...document.querySelectorAll(
        '#outputs h2, figure .key, #differences summary, .legend, label.switch, #changes')]
        .map((one) => one.innerText).join(' ')
      + [...document.querySelectorAll('.grid')].map((one) => one.ariaLabel).join(' ')"""
    photo.drag("#hold", 9, 9)
    before = photo.run(parts)
    photo.choose("#with", "mmcv")
    photo.drag("#hold", 9, 9)
    after = photo.run(parts)
    assert before.count("ROI Pool") == after.count("mmcv") - 1  # two entries of the legend
    assert after.count("torchvision-aligned") == before.count("ROI Align") > 3
    for name in ("ROI Pool", "ROI Align"):
        assert name not in after
    photo.choose("#with", "")
    photo.drag("#hold", 9, 9)
    assert photo.run(parts).count("ROI Pool") == before.count("ROI Pool")
    assert ghosts(photo) == []


def test_ghosts_are_drawn_in_their_steps(photo: Page) -> None:
    photo.choose("#with", "torchvision")
    marks = {"#other-roi": "01235", "#other-sections": "0235", "#other-points": "035"}
    for step in "012345":
        photo.find(f"#steps button:nth-child({int(step) + 1})").click()
        for selector, steps in marks.items():
            assert visible(photo, selector) == (step in steps), (selector, step)
    photo.find("#switch-pool").click()
    assert not visible(photo, "#other-roi")


def test_a_click_chooses_a_section_and_a_point_that_stay(photo: Page) -> None:
    sections = photo.settle()["trace"]["sections"]
    wanted = next(s for s in sections if s["section"] == [2, 1])
    point = wanted["points"][3]
    edges, unit = photo.state["trace"]["box"]["on_map"], photo.cell_size()
    hold = photo.find("#hold")
    x = (point["x"] - edges["left"]) * unit - hold.rect["width"] / 2
    y = (point["y"] - edges["top"]) * unit - hold.rect["height"] / 2
    actions = webdriver.ActionChains(photo.driver, duration=0)
    actions.move_to_element_with_offset(hold, round(x), round(y)).click().perform()
    state = photo.settle()
    assert (state["section"], state["point"]) == ([2, 1], point["point"])
    state = photo.drag("#hold", 9, 6)
    assert (state["section"], state["point"]) == ([2, 1], point["point"])
    cells = photo.driver.find_elements("css selector", "#neighbour-table tbody tr")
    assert len(cells) == len(state["trace"]["chosen"]["point"]["neighbours"])


def test_snapping_puts_the_edges_between_cells(page: Page, tmp_path: Path) -> None:
    page.find("#switch-snap").click()
    edges = page.drag("#hold", 21, 33)["trace"]["box"]["on_map"]
    assert all(math.isclose(edge, round(edge), abs_tol=1e-9) for edge in edges.values())
    page.check(tmp_path)


def visible(page: Page, selector: str) -> bool:
    script = "return getComputedStyle(document.querySelector(arguments[0])).display !== 'none'"
    return bool(page.run(script, selector))


def test_the_switches_show_and_hide(photo: Page) -> None:
    assert visible(photo, "#pool-box")
    photo.find("#switch-pool").click()
    assert not visible(photo, "#pool-box")
    picture = "return document.getElementById('cells').toDataURL()"
    photo.run("return new Promise(requestAnimationFrame)")
    before = photo.run(picture)
    photo.find("#switch-photo").click()
    photo.until(lambda: photo.run(picture) != before)


def test_zoom(photo: Page) -> None:
    sizes = []
    for button in ("fit", "closer", "farther", "around"):
        photo.find(f"#{button}").click()
        sizes.append(photo.cell_size())
    assert sizes[1] == pytest.approx(1.4 * sizes[0], rel=1e-3)
    assert sizes[2] == pytest.approx(sizes[0], rel=1e-3)
    assert sizes[3] > sizes[0]
    origin = webdriver.common.actions.wheel_input.ScrollOrigin.from_element(photo.find("#hold"))
    webdriver.ActionChains(photo.driver).scroll_from_origin(origin, 0, -200).perform()
    photo.until(lambda: photo.cell_size() > sizes[3])


def test_each_step_draws_and_tells_only_what_it_is_about(photo: Page) -> None:
    marks = {"#sections": "02345", "#inside": "0345", "#neighbours": "04"}
    texts = {"#box-facts": "1", "#section-facts": "2", "#coordinates": "3", "#interpolated": "4",
             "#reduced": "05"}  # fmt: skip
    for step in "012345":
        shown = photo.run("return document.getElementById('marks').dataset.step")
        assert shown == step
        for selector, steps in marks.items():
            assert visible(photo, selector) == (step in steps), selector
        for selector, steps in texts.items():
            assert bool(photo.find(selector).text) == (step in steps), selector
        if step < "5":
            photo.find("#next").click()
    assert not photo.find("#next").is_enabled()
    photo.find("#back").click()
    assert photo.run("return document.getElementById('marks').dataset.step") == "4"
    texts_of = photo.client.ask("point", section=[1, 3], point=[1, 1])["texts"]["point"]
    flat = "".join(p if isinstance(p, str) else p["text"] if isinstance(p, dict) else "/".join(p)
                   for line in texts_of["interpolated"] for p in line)  # fmt: skip
    said = photo.run("return document.getElementById('interpolated').textContent")
    assert said.replace(" ", "") == flat.replace(" ", "")
    photo.find("#steps button:first-child").click()
    photo.find("#play").click()
    photo.until(lambda: photo.run("return document.getElementById('marks').dataset.step") == "2")
    photo.find("#play").click()
    assert photo.find("#play").text == "Play"


def test_the_address_restores_the_state_also_on_another_server(driver: Any) -> None:
    with page_of(driver, *PHOTO) as page:
        page.drag("#hold", 25, 14)
        page.choose("#preset", "mmcv")
        page.choose("#with", "walkthrough")
        page.choose("#ratio", "2")
        page.choose("#channel", "mean")
        page.find("#align button:nth-child(1)").click()
        page.find("#switch-pool").click()
        page.find("#next").click()
        before = page.settle()
        page.until(lambda: "step=1" in page.driver.current_url)
        time.sleep(0.4)
        hash_of = page.driver.current_url.partition("#")[2]
        page.driver.refresh()
        assert page.settle() == before
    with page_of(driver, *PHOTO) as page:
        page.open(f"{page.client.server.address}#{hash_of}")
        assert page.state == before
        assert page.find("#with").get_attribute("value") == before["other"] == "walkthrough"
        assert not visible(page, "#other-roi")
        assert page.run("return document.getElementById('marks').dataset.step") == "1"


def test_an_address_that_does_not_fit_is_reported(photo: Page) -> None:
    photo.open(f"{photo.client.server.address}#preset=nothing&section=9,9&size=3x3")
    assert photo.status.startswith("the address does not fit this map")
    assert photo.state["preset"] == "torchvision-aligned"
    errors = [message for message in complaints(photo.driver) if "422" not in message]
    assert errors == []


def test_an_error_keeps_the_last_numbers(photo: Page) -> None:
    before = photo.settle()["trace"]
    # At once, because typed digits are answered one by one.
    photo.run(
        """const rows = document.getElementById('rows');
           rows.value = 5000;
           rows.dispatchEvent(new Event('input'))"""
    )
    photo.settle()
    assert "too many" in photo.status
    assert photo.find("#status").get_attribute("role") == "status"
    assert photo.state["trace"] == before
    outdated = "return document.body.classList.contains('outdated')"
    assert photo.run(outdated)
    photo.choose("#rows", "2")
    assert photo.status == ""
    assert not photo.run(outdated)
    assert all("422" in message for message in complaints(photo.driver))


def test_the_copied_command_gives_the_same_numbers(
    page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    page.driver.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    output = page.drag("#hold", 13, 8)["trace"]["output"]
    page.find("#copy").click()
    page.until(lambda: page.run("return document.getElementById('commands').open"))
    button = page.find("#command-list .command:first-child button")
    button.click()
    page.until(lambda: button.text == "Copied")
    copied = page.driver.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)))"
    )
    page.find("#close").click()
    capsys.readouterr()
    assert main([*shlex.split(copied)[1:], "--quiet", "--format", "json"]) == 0
    printed = np.ravel(json.loads(capsys.readouterr().out)["rois"][0]["output"])
    np.testing.assert_allclose(printed, np.ravel(output), rtol=1e-6)


def test_files_are_saved(photo: Page, tmp_path: Path) -> None:
    photo.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    for button, name, start in (("picture", "roi.png", b"\x89PNG"), ("page", "roi.html", b"<!do")):
        photo.find(f"#{button}").click()
        file = tmp_path / name
        photo.until(lambda: any(found.stat().st_size for found in tmp_path.glob(name)))  # noqa: B023
        assert file.read_bytes().startswith(start)
        photo.until(photo.find(f"#{button}").is_enabled)


def set_width(driver: Any, width: int) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.mark.parametrize("width", [360, 700, 1600])
def test_the_page_fits_its_window(photo: Page, width: int) -> None:
    try:
        set_width(photo.driver, width)
        for size in ("3", "9"):
            photo.choose("#rows", size)
            photo.choose("#columns", size)
            for step in range(6):
                photo.find(f"#steps button:nth-child({step + 1})").click()
                wide = photo.run("return document.documentElement.scrollWidth - innerWidth")
                assert wide <= 0
        photo.run("scrollTo(0, document.body.scrollHeight)")
        area = photo.run("return document.getElementById('stage').getBoundingClientRect().toJSON()")
        assert area["bottom"] > 100
        assert area["top"] < 700
    finally:
        photo.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_texts_can_be_read(page: Page, theme: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": theme}
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        query = f"return matchMedia('(prefers-color-scheme: {theme})').matches"
        page.until(lambda: page.run(query))
        pairs = page.run(
            """return [...document.querySelectorAll(
                 'h1, .file, .key span, #align button, #other span, dt, label, #steps button, '
                 + 'thead th, td, .role-Q11, .role-Q22, figcaption')].map((one) => {
              let ground = one;
              const shade = (e) => getComputedStyle(e).backgroundColor;
              while (ground && shade(ground) === 'rgba(0, 0, 0, 0)') ground = ground.parentElement;
              return [getComputedStyle(one).color, ground ? shade(ground) : 'rgb(255, 255, 255)'];
            })"""
        )
        for pair in pairs:
            assert contrast(*map(hexadecimal, pair)) >= 4.5
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def hexadecimal(colour: str) -> str:
    return "#{:02X}{:02X}{:02X}".format(*(int(part) for part in re.findall(r"\d+", colour)[:3]))


def test_every_control_has_a_name(page: Page) -> None:
    nameless = page.run(
        """const controls = document.querySelectorAll('button, input, select, [tabindex]');
           return [...controls].filter((one) => !one.closest('dialog') && !one.ariaLabel
             && !one.labels?.[0]?.textContent.trim() && !one.textContent.trim())
             .map((one) => one.outerHTML)"""
    )
    assert nameless == []


LARGE = [
    *MAP, "--preset", "torchvision-aligned", "--box-format", "xywh", "--sampling-ratio", "2",
    "--output-size", "50x40",
]  # fmt: skip


def visible_cells(page: Page, table: str) -> dict[str, str]:
    """Return section → text of the cells that can be seen without scrolling their table."""
    script = """const grid = document.getElementById(arguments[0]);
        const area = grid.getBoundingClientRect();
        return Object.fromEntries([...grid.querySelectorAll('[data-section]')].filter((cell) => {
          const { left, top, right, bottom } = cell.getBoundingClientRect();
          return right > area.left && left < area.right && bottom > area.top && top < area.bottom;
        }).map((cell) => [cell.dataset.section, cell.querySelector('b').textContent]))"""
    return dict(page.run(script, table))


def test_a_large_output_has_elements_for_what_is_seen(driver: Any) -> None:
    with page_of(driver, *LARGE) as page:
        page.drag("#hold", 9, 6)
        for scroll in ([0, 0], [0, 700], [900, 1500], [9999, 9999]):
            page.run(
                """for (const id of ['align', 'other']) {
                     document.getElementById(id).scrollTo(...arguments[0]);
                   }
                   return new Promise((done) => {
                     requestAnimationFrame(() => setTimeout(done));
                   })""",
                scroll,
            )
            trace = page.settle()["trace"]
            outputs = {"align": trace["output"], "other": trace["roi_pool"]["output"]}
            for table, output in outputs.items():
                cells = visible_cells(page, table)
                assert len(cells) > 50
                for section, text in cells.items():
                    i, j = map(int, section.split(","))
                    assert float(text) == pytest.approx(output[j - 1][i - 1], abs=1e-3)
        assert "40,50" in cells
        assert len(page.cells("align")) < 1000  # of 2000
        # Arrow keys leave the cells that were seen, and the focus stays on the chosen one.
        page.run("document.querySelector('#align [tabindex=\"0\"]').focus()")
        i, j = page.state["section"]
        for k in range(1, 31):
            focus = "return document.activeElement.dataset.section"
            assert page.press(ARROWS["down"])["section"] == [i, j + k]
            assert page.run(focus) == f"{i},{j + k}"
            assert f"{i},{j + k}" in visible_cells(page, "align")


def test_the_differences_have_the_size_of_the_output_when_they_are_opened(driver: Any) -> None:
    with page_of(driver, *LARGE) as page:
        page.settle()
        for rows in ("50", "3", "20"):
            page.choose("#rows", rows)
            page.find("#differences summary").click()
            page.until(lambda: visible_cells(page, "difference"))
            difference = page.settle()["trace"]["difference"]
            for section, text in visible_cells(page, "difference").items():
                i, j = map(int, section.split(","))
                assert float(text) == pytest.approx(difference[j - 1][i - 1], abs=1e-3)
            page.find("#differences summary").click()
