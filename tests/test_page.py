"""The page of an explanation, in a real browser: `python -m pytest -m browser`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import trace
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.show.numbers import format_number, format_point, normalise
from roialign_cli.show.palette import AREAS, DARK, LIGHT, Theme
from tests.browser import chromium, complaints, needs_chromium, requested, webdriver

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


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


BRACKETS = str.maketrans("[]", "()", "\u2060")
ROUNDED = 0.50001e-4
# Sections of ROI Pool share cells, of which the last one drawn can be clicked.
IS_ON_TOP = """
const r = arguments[0].getBoundingClientRect();
return document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2) === arguments[0];
"""

LEAVE = """
document.querySelector('figure > svg').dispatchEvent(new PointerEvent('pointerleave'));
"""


class Page:
    """A page with its trace, as a person sees and uses it."""

    def __init__(self, driver: Any, words: str, folder: Path) -> None:
        file, *others = words.split()
        call = ["explain", str(SAMPLES / file), *others, "--quiet"]
        assert main([*call, "-o", str(folder / "roi.html")]) == 0
        assert main([*call, "-o", str(folder / "roi.json")]) == 0
        self.trace = json.loads((folder / "roi.json").read_text(encoding="utf-8"))
        self.driver = driver
        self.address = (folder / "roi.html").as_uri()
        complaints(driver)
        requested(driver)
        driver.get(self.address)

    def text(self, selector: str) -> str:
        return str(self.run(f"return document.querySelector({selector!r}).innerText"))

    def run(self, script: str, *given: Any) -> Any:
        return self.driver.execute_script(script, *given)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def at(self, kind: str, *numbers: int) -> Any:
        """Return a section or point of the drawing."""
        return self.find(f"[id='{kind}{','.join(map(str, numbers))}']")

    def press(self, *keys: str) -> None:
        """Press keys, whatever has the focus."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def points(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for section in self.trace["sections"]:
            for point in section["points"]:
                yield section, point

    def check_point(self, section: dict[str, Any], point: dict[str, Any]) -> None:
        """Assert that the page shows a point and its neighbours as the trace has them."""
        place, output = format_point(*section["section"]), format_number(section["output"])
        assert self.text("#section-title") == f"Section {place} = {output}"
        place, value = format_point(point["x"], point["y"]), format_number(point["value"])
        title = f"Point {format_point(*point['point'])} at {place} = {value}"
        assert self.text("#point-title") == title
        rows = [row.split("\t") for row in self.text("#neighbours tbody").splitlines()]
        expected = [
            [str(q["row"]), str(q["column"]), format_point(q["x"], q["y"]),
             format_number(q["weight"]), format_number(q["value"])]
            for q in point["neighbours"]
        ]  # fmt: skip
        alone = not point["in_bounds"] or self.trace["convention"]["points"] == "cells"
        assert [row[1:] for row in rows] == ([] if alone else expected)
        assert self.run("return document.querySelectorAll('#marks .neighbour').length") == len(rows)


@pytest.fixture(params=CALLS)
def page(request: pytest.FixtureRequest, driver: Any, tmp_path: Path) -> Page:
    return Page(driver, CALLS[request.param], tmp_path)


@pytest.fixture
def walkthrough(driver: Any, tmp_path: Path) -> Page:
    return Page(driver, CALLS["walkthrough"], tmp_path)


def test_a_click_shows_what_the_trace_has(page: Page) -> None:
    shown = list(page.points())[:: max(len(list(page.points())) // 12, 1)]
    clicked = 0
    for section, point in shown:
        element = page.at("p", *section["section"], *point["point"])
        page.run("arguments[0].scrollIntoView({block: 'center'})", element)
        if page.run(IS_ON_TOP, element):
            element.click()
            # What is said may change the page's length and so what is under the pointer.
            page.run(LEAVE)
            page.check_point(section, point)
            clicked += 1
    assert clicked >= len(shown) / 2
    assert complaints(page.driver) == []
    assert requested(page.driver) == [page.address]


def test_the_numbers_in_the_formula_make_the_value(walkthrough: Page) -> None:
    for section, point in walkthrough.points():
        walkthrough.at("p", *section["section"], *point["point"]).click()
        said = walkthrough.text("#interpolated")
        # The slash between the parts of a fraction is there for who reads it aloud.
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


def test_the_square_has_the_weights_for_areas(walkthrough: Page) -> None:
    areas = (
        "return [...document.querySelectorAll('#square rect')]"
        ".map(r => r.width.baseVal.value * r.height.baseVal.value / 1e4)"
    )
    for section, point in walkthrough.points():
        walkthrough.at("p", *section["section"], *point["point"]).click()
        weights = [q["weight"] for q in point["neighbours"]]
        assert walkthrough.run(areas) == pytest.approx(weights, abs=1e-7)  # SVG has float32


def test_what_is_below_and_the_legend(page: Page) -> None:
    steps = page.text(".steps")
    for section in page.trace["sections"]:
        assert format_point(section["x"], section["y"]) in steps
    borders = {point["border"] for _, point in page.points()}
    legend = page.text("figcaption ul")
    meanings = {
        "inside": "sample point",
        "clamped": "clamped to the border",
        "out": "outside, reads no cell",
    }
    assert {kind for kind, meaning in meanings.items() if meaning in legend} == borders
    assert ("largest value" in legend) == any(s["winner"] for s in page.trace["sections"])


def test_pointing_does_not_take_the_focus(walkthrough: Page) -> None:
    actions = webdriver.ActionChains
    walkthrough.find("body").send_keys("\ue004")
    walkthrough.press("\ue004")
    focus = "return document.activeElement.getAttribute('aria-label')"
    before = walkthrough.run(focus)
    assert before.startswith("point (")
    actions(walkthrough.driver).move_to_element(walkthrough.at("p", 3, 3, 1, 1)).perform()
    assert walkthrough.text("#section-title").startswith("Section (3, 3)")
    assert walkthrough.run(focus) == before
    actions(walkthrough.driver).move_to_element(walkthrough.find("h1")).perform()
    assert walkthrough.run(focus) == before
    assert walkthrough.text("#section-title").startswith("Section (1, 1)")


def test_pointing_shows_and_leaving_shows_again_what_was_chosen(walkthrough: Page) -> None:
    actions = webdriver.ActionChains
    walkthrough.at("p", 1, 1, 2, 1).click()
    before = walkthrough.text(".inspector")
    section = walkthrough.trace["sections"][4]
    target = walkthrough.at("p", 2, 2, 1, 2)
    actions(walkthrough.driver).move_to_element(target).perform()
    walkthrough.check_point(section, section["points"][2])
    actions(walkthrough.driver).move_to_element(walkthrough.find("h1")).perform()
    assert walkthrough.text(".inspector") == before
    rows = walkthrough.driver.find_elements("css selector", "#neighbours tbody tr")
    actions(walkthrough.driver).move_to_element(rows[1]).perform()
    assert "weight = " in walkthrough.text("#weighted")
    assert walkthrough.run("return document.querySelectorAll('.neighbour.shown').length") == 1


def test_the_keyboard_alone_reaches_everything(walkthrough: Page) -> None:
    tab, right, down = "\ue004", "\ue014", "\ue015"
    sections = walkthrough.trace["sections"]
    walkthrough.find("body").send_keys(tab)
    walkthrough.press(right, down)
    central, winner = sections[4], sections[4]["winner"]
    won = next(p for p in central["points"] if p["point"] == winner)
    walkthrough.check_point(central, won)
    outlined = "const m = document.querySelector('#marks .section'); const s = "
    outlined += (
        "document.getElementById('s2,2'); return m.getAttribute('x') === s.getAttribute('x')"
    )
    assert walkthrough.run(outlined)
    walkthrough.press(tab)
    here = central["points"].index(won)
    for key, step in ((right, 1), (down, 2), ("\ue012", -1), ("\ue013", -2)):
        if 0 <= here + step < 4 and (step % 2 == 0 or here // 2 == (here + step) // 2):
            walkthrough.press(key)
            here += step
        walkthrough.check_point(central, central["points"][here])
    walkthrough.press(tab)
    for k, neighbour in enumerate(central["points"][here]["neighbours"]):
        if k:
            walkthrough.press(down)
        added = format_number(neighbour["weight"] * neighbour["value"])
        assert walkthrough.text("#weighted").endswith(f"= {added}")
        said = walkthrough.run("return document.getElementById('said').textContent")
        assert walkthrough.text("#point-title") in said
        assert said.endswith(f"= {added}")
        assert (
            walkthrough.run("return document.querySelectorAll('[aria-current=true]').length") == 1
        )
    focus = "return getComputedStyle(document.activeElement).outlineStyle"
    assert walkthrough.run(focus) == "solid"
    assert complaints(walkthrough.driver) == []


def test_a_notebook_shows_the_same_page_in_a_frame(driver: Any, tmp_path: Path) -> None:
    features = np.load(SAMPLES / "walkthrough.npy")
    call: dict[str, Any] = {"convention": "walkthrough", "spatial_scale": 1 / 32}
    traced = trace(features, [296, 320, 200, 145], 3, **call)
    notebook = f"<!doctype html><meta charset=utf-8><body>{traced._repr_html_()}</body>"
    (tmp_path / "notebook.html").write_text(notebook, encoding="utf-8")
    complaints(driver)
    driver.get((tmp_path / "notebook.html").as_uri())
    assert (
        str(traced).split()
        == driver.find_element("css selector", "pre").get_attribute("textContent").split()
    )
    driver.switch_to.frame(0)
    driver.find_element("css selector", "[id='p2,3,2,1']").click()
    point = traced.section(2, 3).points[1]
    title = driver.find_element("css selector", "#point-title").text
    place = format_point(point.x, point.y)
    assert title == f"Point (2, 1) at {place} = {format_number(point.value)}"
    assert "≈ 12.72" in driver.find_element("css selector", "#coordinates").text
    assert complaints(driver) == []


def _luminance(rgb: str) -> float:
    channels = [int(n) / 255 for n in re.findall(r"\d+", rgb)[:3]]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(text: str, ground: str) -> float:
    lighter, darker = sorted((_luminance(text), _luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _rgb(colour: str) -> str:
    """Return a colour "#RRGGBB" as a browser writes it."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


THEMES = pytest.mark.parametrize(("scheme", "theme"), [("light", LIGHT), ("dark", DARK)])


def choose_scheme(page: Page, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


@THEMES
def test_values_are_readable_on_their_shades(scheme: str, theme: Theme, walkthrough: Page) -> None:
    choose_scheme(walkthrough, scheme)
    styles = (
        "return [...document.querySelectorAll(arguments[0])]"
        ".map(e => { const s = getComputedStyle(e); return arguments[1].map(name => s[name]) })"
    )
    values = walkthrough.run(styles, ".values text", ["fill"])
    cells = walkthrough.run(styles, ".cells rect", ["fill", "fillOpacity"])
    assert len(values) == len(cells) > 30
    for (ink,), (fill, share) in zip(values, cells, strict=True):
        assert fill == _rgb(theme.high)
        assert _contrast(ink, _rgb(theme.values.colour(float(share)))) >= 4.5
    outputs = walkthrough.run(styles, "#sections button", ["color"])
    shares = normalise(np.array(walkthrough.trace["output"])).ravel()
    for (ink,), share in zip(outputs, shares.tolist(), strict=True):
        assert _contrast(ink, _rgb(theme.values.colour(share))) >= 4.5


@THEMES
def test_each_neighbour_has_the_colour_of_its_area(
    scheme: str, theme: Theme, walkthrough: Page
) -> None:
    choose_scheme(walkthrough, scheme)
    colours = (
        "return [...document.querySelectorAll(arguments[0])]"
        ".map(e => getComputedStyle(e)[arguments[1]])"
    )
    expected = [_rgb(area) for area in AREAS]
    assert walkthrough.run(colours, "#square .area", "fill") == expected
    for marked in ("#neighbours button", "#interpolated span[class^=role-Q]"):
        assert walkthrough.run(colours, marked, "backgroundColor") == expected
        for ink, area in zip(walkthrough.run(colours, marked, "color"), expected, strict=True):
            assert _contrast(ink, area) >= 4.5
    ground = _rgb(theme.ground)
    (winner, *_) = walkthrough.run(colours, "#reduced .role-winner", "color")
    assert _contrast(winner, ground) >= 4.5


@THEMES
def test_light_and_dark(scheme: str, theme: Theme, walkthrough: Page) -> None:
    choose_scheme(walkthrough, scheme)
    colour = (
        "const s = getComputedStyle(document.querySelector(arguments[0])); return s[arguments[1]]"
    )
    ground = walkthrough.run(colour, "body", "backgroundColor")
    assert ground == _rgb(theme.ground)
    for selector in ("p", "header p", "figcaption", "td", "thead th", ".formula"):
        text = walkthrough.run(colour, selector, "color")
        assert _contrast(text, ground) >= 4.5, selector


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_the_page_does_not_scroll_sideways(width: int, page: Page) -> None:
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert page.run("return document.documentElement.scrollWidth") <= width
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_what_a_file_is_called_stays_text(driver: Any, tmp_path: Path) -> None:
    hostile = tmp_path / "<img src=x onerror=console.error(1)>"
    hostile.symlink_to(SAMPLES / "walkthrough.npy")
    out = tmp_path / "roi.html"
    assert main(["explain", str(hostile), "--box", "9.25,10,6.25,4.53", "-o", str(out)]) == 0
    complaints(driver)
    driver.get(out.as_uri())
    assert driver.find_elements("css selector", "img") == []
    assert "<img src=x" in driver.find_element("css selector", "h1").text
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
