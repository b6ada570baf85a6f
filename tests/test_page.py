"""The page that `explain` saves, in a real browser: `python -m pytest -m browser`."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from roialign_cli import trace
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.show.numbers import format_number, format_point
from roialign_cli.show.palette import AREAS, DARK, LIGHT, Theme, contrast
from tests.browser import (
    ActionBuilder,
    complaints,
    needs_chromium,
    requested,
    webdriver,
)

pytestmark = [pytest.mark.browser, needs_chromium]

SAMPLES = sample_data()
CALLS = {
    "walkthrough": "walkthrough.npy --image-size 512x512 --box 296,320,200,145",
    "over the border": "walkthrough.npy --preset torchvision-aligned --box -3,-2,9,7 "
    "--output-size 3x2",
    "weighted cells": "walkthrough.npy --preset onnx-half-pixel --pooling max --box 1,2,9,7",
    "one section": "walkthrough.npy --image-size 512x512 --box 296,320,200,145 --section 2,3",
    "cells": "walkthrough.npy --preset roi-pool --box 3,2,9,7 --output-size 3",
    "a large map": "astronaut.png --preset torchvision-aligned --sampling-ratio 2 "
    "--box 170,70,272,190",
    "no points": "walkthrough.npy --preset torchvision-aligned --box 5,5,5,9 --output-size 2",
}
FACES = "astronaut.png --stride 32 --preset torchvision-aligned --output-size 3"
RIGHT, DOWN, TAB = "\ue014", "\ue015", "\ue004"
BRACKETS = str.maketrans("[]", "()", "\u2060")
ROUNDED = 0.50001e-4


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def explained(words: str) -> dict[str, Any]:
    """Return what `explain --format json` prints about a call."""
    file, *others = words.split()
    out = Path("explained.json")
    assert main(["explain", str(SAMPLES / file), *others, "-q", "-o", str(out), "--force"]) == 0
    record: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return record


class Page:
    """A saved page, as a person sees and uses it."""

    def __init__(self, driver: Any, words: str) -> None:
        file, *others = words.split()
        out = Path("roi.html").absolute()
        assert main(["explain", str(SAMPLES / file), *others, "-q", "-o", str(out)]) == 0
        self.driver, self.address = driver, out.as_uri()
        complaints(driver)
        requested(driver)
        self.open()

    def open(self, state: str = "") -> None:
        self.driver.get("about:blank")
        self.driver.get(self.address + state)
        self.settle()

    def settle(self) -> None:
        """Wait until the page shows the numbers of its state."""
        self.until("return window.roialign?.isSettled() ?? false")

    def until(self, condition: str) -> None:
        end = time.monotonic() + 30
        while not self.run(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def run(self, script: str, *given: Any) -> Any:
        return self.driver.execute_script(script, *given)

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText)"
        return list(self.run(script, selector))

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def click(self, selector: str) -> None:
        element = self.find(selector)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()
        self.settle()

    def press(self, *keys: str) -> None:
        self.driver.switch_to.active_element.send_keys("".join(keys))
        self.settle()

    def choose(self, section: list[int], point: list[int]) -> None:
        """Choose a section and a point in the lists."""
        self.click(f"#align [data-section='{section[0]},{section[1]}']")
        self.click(f"#points [data-point='{point[0]},{point[1]}']")

    def click_drawing(self, x: float, y: float) -> None:
        """Click a place of the drawing, in pixels of the window."""
        actions = ActionBuilder(self.driver)
        actions.pointer_action.move_to_location(int(x), int(y)).click()
        actions.perform()
        self.settle()

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.run("return roialign.state()")
        return state

    def check_point(self, record: dict[str, Any], section: dict[str, Any], point: Any) -> None:
        """Assert that the page shows a point and its neighbours as `explain` does."""
        place, output = format_point(*section["section"]), format_number(section["output"])
        assert self.text("#section-title") == f"Section {place} = {output}"
        place, value = format_point(point["x"], point["y"]), format_number(point["value"])
        title = f"Point {format_point(*point['point'])} at {place} = {value}"
        assert self.text("#point-title") == title
        rows = [row.split("\t") for row in self.texts("#neighbour-table tbody tr")]
        expected = [
            [str(q["row"]), str(q["column"]), format_point(q["x"], q["y"]),
             format_number(q["weight"]), format_number(q["value"])]
            for q in point["neighbours"]
        ]  # fmt: skip
        alone = not point["in_bounds"] or record["convention"]["points"] == "cells"
        assert [row[1:] for row in rows] == ([] if alone else expected)
        assert self.state["point"] == point["point"]


def reading(record: dict[str, Any]) -> str:
    """Return the options that let another preset read the box in the same way."""
    rows, columns = len(record["output"]), len(record["output"][0])
    rules = record["convention"]
    place = "--normalized" if rules["normalized"] else "--absolute"
    return (
        f" --box-format {rules['box_format']} --origin {rules['origin']} {place} --section 1,1"
        f" --output-size {rows}x{columns}"
    )


def points_of(record: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(section, point) for section in record["sections"] for point in section["points"]]


@pytest.fixture(params=CALLS)
def call(request: pytest.FixtureRequest) -> str:
    return CALLS[request.param]


@pytest.fixture
def page(call: str, driver: Any) -> Page:
    return Page(driver, call)


@pytest.fixture
def walkthrough(driver: Any) -> Page:
    return Page(driver, CALLS["walkthrough"])


def test_the_page_has_the_numbers_of_explain(page: Page, call: str) -> None:
    record = explained(call)
    shown = points_of(record)
    for section, point in shown[:: max(len(shown) // 12, 1)]:
        page.choose(section["section"], point["point"])
        page.check_point(record, section, point)
    columns = len(record["output"][0])
    # Of a number that is shortened, the label also has the exact one.
    labels = """return [...document.querySelectorAll('#align button')]
        .map((b) => b.ariaLabel.replace(/: .*, exactly /, ': '))"""
    assert page.run(labels) == [
        f"section ({k % columns + 1}, {k // columns + 1}): {format_number(value)}"
        for k, value in enumerate(v for row in record["output"] for v in row)
    ]
    same = call.replace("--sampling-ratio 2", "")
    pooled = explained(f"{same} --preset roi-pool{reading(record)}")["output"]
    assert page.state["trace"]["roi_pool"]["output"] == pooled
    assert complaints(page.driver) == []
    assert requested(page.driver) == [page.address]


def test_what_needs_the_core_is_absent(page: Page) -> None:
    for name in ("numbers", "preset", "pooling", "rows", "ratio", "hold", "copy", "graph-title"):
        assert page.run("return document.getElementById(arguments[0])", name) is None
    assert page.run("return document.querySelectorAll('.handle, #switch-snap').length") == 0
    before = page.state["box"]
    area = page.run("const r = document.getElementById('stage').getBoundingClientRect(); "
                    "return [r.x + r.width / 2, r.y + r.height / 2]")  # fmt: skip
    actions = ActionBuilder(page.driver)
    actions.pointer_action.move_to_location(*map(int, area)).pointer_down()
    actions.pointer_action.move_by(40, 30).pointer_up()
    actions.perform()
    page.settle()
    assert page.state["box"] == before
    assert complaints(page.driver) == []


@pytest.mark.parametrize("roi", [0, 1, 2])
def test_other_rois_and_channels_can_be_chosen(roi: int, driver: Any) -> None:
    page = Page(driver, f"{FACES} --boxes {SAMPLES}/astronaut.csv --roi 1 --channel 2")
    assert page.find("#boxes").get_attribute("value") == "1"
    assert page.find("#channel").get_attribute("value") == "2"
    for channel in (2, 0):
        page.click(f"#boxes option[value='{roi}']")
        page.click(f"#channel option[value='{channel}']")
        record = explained(
            f"{FACES} --boxes {SAMPLES}/astronaut.csv --roi {roi} --channel {channel}"
        )
        outputs = [value for row in record["output"] for value in row]
        assert page.texts("#align b") == [format_number(value) for value in outputs]
        assert page.state["trace"]["roi"] == record["roi"]
        section, point = points_of(record)[5]
        page.choose(section["section"], point["point"])
        page.check_point(record, section, point)
        assert format_point(section["x"], section["y"]) in page.text("#document")
        assert f"channel {channel} of 3" in page.text("#document")
    place = "point={},{}".format(*point["point"])
    page.until(f"return location.hash.includes('roi={roi}') && location.hash.includes('{place}')")
    again = page.run("return location.hash")
    page.open(again)
    assert page.texts("#align b") == [format_number(value) for value in outputs]
    page.check_point(record, section, point)
    page.open("#roi=7")
    assert "the address does not fit this map: the page has no ROI 7" in page.text("#status")
    assert complaints(driver) == []


def test_what_is_left_out_is_named(driver: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "map.npy", np.random.default_rng(1).random((40, 9, 9), np.float32))
    lines = "".join(f"{k / 100},1,7,8\n" for k in range(300))
    (tmp_path / "boxes.csv").write_text(f"x1,y1,x2,y2\n{lines}", encoding="utf-8")
    words = "--preset mmcv --output-size 2 --sampling-ratio 2 --roi 250"
    page = Page(driver, f"{tmp_path}/map.npy --boxes {tmp_path}/boxes.csv {words}")
    # A ROI has 4 sections and 16 sample points.
    assert "The page has 50 of 300 ROIs and 1 of 40 channels" in page.text(".note")
    options = page.run("return [...document.querySelectorAll('#boxes option')].map((o) => o.value)")
    assert options[:-1] == [*map(str, range(49)), "250"]
    assert page.find("#boxes").get_attribute("value") == "250"
    assert page.find("#channel").is_displayed() is False


def test_the_photograph_is_in_the_drawing(driver: Any) -> None:
    page = Page(driver, f"{FACES} --box 170,70,272,190")
    page.click("#fit")
    photo = np.asarray(Image.open(SAMPLES / "astronaut.png"))
    places = "const r = document.getElementById('stage').getBoundingClientRect(); return [r.x, r.y]"
    left, top = page.run(places)
    sheet = np.asarray(Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGB"))
    stage = page.find("#stage").rect
    unit = min((stage["width"] - 42) / 16.5, (stage["height"] - 30) / 16.5)
    x0 = left + 34 + (stage["width"] - 42) / 2 - 8 * unit
    y0 = top + 8 + (stage["height"] - 30) / 2 - 8 * unit
    for column, row in ((12.5, 12.5), (1.5, 14.5), (13.5, 3.5)):
        x, y = int(x0 + column * unit), int(y0 + row * unit)
        px, py = int(column * 32), int(row * 32)
        shown = sheet[y - 3 : y + 4, x - 3 : x + 4].mean(axis=(0, 1))
        original = photo[py - 4 : py + 5, px - 4 : px + 5].mean(axis=(0, 1))
        assert np.abs(shown - original).max() < 30


def test_a_click_on_the_drawing_chooses_and_stays(walkthrough: Page) -> None:
    record = explained(CALLS["walkthrough"])
    section, point = next(
        (s, p) for s, p in points_of(record) if (s["section"], p["point"]) == ([2, 3], [1, 2])
    )
    walkthrough.choose([2, 3], [1, 2])
    walkthrough.run("scrollTo(0, 0)")
    ring = walkthrough.find("#ring").rect
    middle = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    walkthrough.choose([1, 1], [1, 1])
    walkthrough.run("scrollTo(0, 0)")
    walkthrough.click_drawing(*middle)
    walkthrough.check_point(record, section, point)
    # Leaving the drawing changes nothing.
    webdriver.ActionChains(walkthrough.driver).move_to_element(walkthrough.find("h1")).perform()
    walkthrough.settle()
    walkthrough.check_point(record, section, point)


def test_the_keyboard_alone_reaches_everything(walkthrough: Page) -> None:
    record = explained(CALLS["walkthrough"])
    walkthrough.run("document.body.tabIndex = -1; document.body.focus()")
    for _ in range(30):
        walkthrough.press(TAB)
        if walkthrough.run("return document.activeElement.closest('#align') !== null"):
            break
    walkthrough.press(RIGHT)
    walkthrough.press(DOWN)
    assert walkthrough.state["section"] == [2, 2]
    for _ in range(30):
        walkthrough.press(TAB)
        if walkthrough.run("return document.activeElement.closest('#points') !== null"):
            break
    central = record["sections"][4]
    here = central["points"].index(
        next(p for p in central["points"] if p["point"] == walkthrough.state["point"])
    )
    walkthrough.check_point(record, central, central["points"][here])
    for key, step in ((RIGHT, 1), (DOWN, 2)):
        if here + step < 4 and (step == 2 or here % 2 == 0):
            walkthrough.press(key)
            here += step
            walkthrough.check_point(record, central, central["points"][here])
    focus = "return getComputedStyle(document.activeElement).outlineStyle"
    assert walkthrough.run(focus) == "solid"
    assert complaints(walkthrough.driver) == []


def test_the_numbers_in_the_formula_make_the_value(walkthrough: Page) -> None:
    walkthrough.click("#steps button:nth-child(5)")
    for section, point in points_of(explained(CALLS["walkthrough"]))[::3]:
        walkthrough.choose(section["section"], point["point"])
        said = walkthrough.text("#interpolated")
        # The slash between the parts of a fraction is there for screen readers.
        formula = walkthrough.run(
            "return [...document.querySelectorAll('#interpolated .formula')].map(p => "
            "[...p.childNodes].map(n => n.nodeType === 3 ? n.textContent : "
            "'((' + n.textContent.replace('/', ')/(') + '))').join('')).join('')"
        )
        given = formula.replace("−", "-").replace("·", "*").translate(BRACKETS)
        terms, _, value = given.removeprefix("P = ").rpartition("=")
        assert re.fullmatch(r"[-+*/(). \d]+", terms), said
        assert eval(terms) == pytest.approx(float(value), abs=ROUNDED)  # noqa: S307
        assert float(value) == pytest.approx(point["value"], abs=ROUNDED)
        weights = walkthrough.texts("#weighted .formula")
        added = [format_number(q["weight"] * q["value"]) for q in point["neighbours"]]
        assert [line.rpartition(" = ")[2] for line in weights] == added


def test_the_square_has_the_weights_for_areas(walkthrough: Page) -> None:
    walkthrough.click("#steps button:nth-child(5)")
    areas = (
        "return [...document.querySelectorAll('#square rect')]"
        ".map(r => r.width.baseVal.value * r.height.baseVal.value / 1e4)"
    )
    for section, point in points_of(explained(CALLS["walkthrough"]))[::3]:
        walkthrough.choose(section["section"], point["point"])
        weights = [q["weight"] for q in point["neighbours"]]
        assert walkthrough.run(areas) == pytest.approx(weights, abs=1e-7)  # SVG has float32


def test_the_steps_are_below_without_scripts_too(page: Page, call: str) -> None:
    record = explained(call)
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.driver.get(page.address)
        steps = page.find("#document").text
        note = page.find("noscript p").text
    finally:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert "the steps are below in words" in note
    for section in record["sections"]:
        assert format_point(section["x"], section["y"]) in steps
    assert "1. The box on the feature map" in steps


def test_the_drawing_stays_in_view(walkthrough: Page) -> None:
    walkthrough.driver.set_window_size(1280, 900)
    visible = (
        "const r = document.getElementById('stage').getBoundingClientRect();"
        "return r.top >= 0 && r.bottom <= innerHeight"
    )
    for step in range(6):
        walkthrough.click(f"#steps button:nth-child({step + 1})")
        last = "[...document.querySelectorAll('.numbers [data-steps]:not([hidden])')].at(-1)"
        walkthrough.run(f"{last}.scrollIntoView({{block: 'end'}})")
        assert walkthrough.run(visible), step


def test_a_notebook_shows_the_same_page_in_a_frame(driver: Any, tmp_path: Path) -> None:
    features = np.load(SAMPLES / "walkthrough.npy")
    call: dict[str, Any] = {"convention": "walkthrough", "spatial_scale": 1 / 32}
    traced = trace(features, [[296, 320, 200, 145]] * 3, 3, roi=2, **call)
    notebook = f"<!doctype html><meta charset=utf-8><body>{traced._repr_html_()}</body>"
    (tmp_path / "notebook.html").write_text(notebook, encoding="utf-8")
    complaints(driver)
    driver.get((tmp_path / "notebook.html").as_uri())
    text = driver.find_element("css selector", "pre").get_attribute("textContent")
    assert str(traced).split() == text.split()
    driver.switch_to.frame(0)
    wait(lambda: driver.execute_script("return window.roialign?.isSettled() ?? false"))
    driver.find_element("css selector", "#align [data-section='2,3']").click()
    wait(lambda: driver.execute_script("return roialign.state().section[1] === 3"))
    driver.find_element("css selector", "#points [data-point='2,1']").click()
    point = traced.section(2, 3).points[1]
    title = f"Point (2, 1) at {format_point(point.x, point.y)} = {format_number(point.value)}"
    wait(lambda: driver.find_element("css selector", "#point-title").text == title)
    assert complaints(driver) == []


def wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def rgb(colour: str) -> str:
    """Return a colour "#RRGGBB" as a browser writes it."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def hexadecimal(colour: str) -> str:
    """Return a colour that a browser writes as "#RRGGBB"."""
    return "#{:02x}{:02x}{:02x}".format(*map(int, re.findall(r"\d+", colour)[:3]))


@pytest.mark.parametrize(("scheme", "theme"), [("light", LIGHT), ("dark", DARK)])
def test_light_and_dark(scheme: str, theme: Theme, walkthrough: Page) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    walkthrough.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    walkthrough.click("#steps button:nth-child(5)")
    colours = (
        "return [...document.querySelectorAll(arguments[0])]"
        ".map(e => getComputedStyle(e)[arguments[1]])"
    )
    expected = [rgb(area) for area in AREAS]
    assert walkthrough.run(colours, "#square .area", "fill") == expected
    for marked in ("#neighbour-table th span", "#interpolated span[class^=role-Q]"):
        assert walkthrough.run(colours, marked, "backgroundColor") == expected
        for ink, area in zip(walkthrough.run(colours, marked, "color"), AREAS, strict=True):
            assert contrast(hexadecimal(ink), area) >= 4.5
    assert walkthrough.run(colours, "body", "backgroundColor") == [rgb(theme.ground)]
    texts = ("h1", "#summary", ".legend li", "#neighbour-table td", "#neighbour-table thead th",
             "#coordinates .formula", "#document p", "#document .formula")  # fmt: skip
    for selector in texts:
        for ink in walkthrough.run(colours, selector, "color"):
            assert contrast(hexadecimal(ink), theme.ground) >= 4.5, selector


def test_the_page_does_not_scroll_sideways(page: Page) -> None:
    texts = (
        "return [...document.querySelectorAll('#marks text')].filter((t) => t.checkVisibility())"
        ".map((t) => parseFloat(getComputedStyle(t).fontSize))"
    )
    try:
        for width in (360, 800, 1600):
            metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
            page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            for step in (1, 4, 5, 6):
                page.click(f"#steps button:nth-child({step})")
                assert page.run("return document.documentElement.scrollWidth") <= width
                assert all(size >= 9 for size in page.run(texts))
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_name_of_a_file_stays_text(driver: Any, tmp_path: Path) -> None:
    hostile = tmp_path / "<img src=x onerror=console.error(1)>"
    hostile.symlink_to(SAMPLES / "walkthrough.npy")
    out = tmp_path / "roi.html"
    assert main(["explain", str(hostile), "--box", "9.25,10,6.25,4.53", "-o", str(out)]) == 0
    complaints(driver)
    driver.get(out.as_uri())
    assert driver.find_elements("css selector", "img") == []
    assert "<img src=x" in driver.find_element("css selector", ".file").text
    assert complaints(driver) == []


KATEX = Path("/usr/share/javascript/katex/katex.min.js")


@pytest.mark.skipif(not KATEX.exists(), reason="KaTeX is not installed")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_katex_renders_every_formula_of_the_markdown(
    call: str, driver: Any, tmp_path: Path
) -> None:
    file, *others = call.split()
    out = tmp_path / "roi.md"
    assert main(["explain", str(SAMPLES / file), *others, "-q", "-o", str(out)]) == 0
    formulas = re.findall(r"```math\n(.*?)\n```", out.read_text(encoding="utf-8"), re.DOTALL)
    assert len(formulas) >= 4
    (tmp_path / "empty.html").write_text("<!doctype html><title>formulas</title>")
    driver.get((tmp_path / "empty.html").as_uri())
    driver.execute_script(KATEX.read_text(encoding="utf-8") + "; window.katex = katex;")
    render = "return arguments[0].map(f => katex.renderToString(f, {strict: 'error'}).length)"
    assert all(driver.execute_script(render, formulas))
