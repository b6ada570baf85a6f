"""All kinds of presets on the page of `roialign explore`, in a real browser."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli.cli.main import main
from roialign_cli.core.presets import PRESETS
from tests.browser import complaints, needs_chromium
from tests.test_explore_edits_page import click_cell, type_value
from tests.test_explore_family import maps
from tests.test_explore_page import ARROWS, MAP, Page, page_of, visible

pytestmark = [pytest.mark.browser, needs_chromium]


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Write twelve channels, the ranges of which do not overlap."""
    np.save(tmp_path / "maps.npy", maps())
    return str(tmp_path / "maps.npy")


@pytest.fixture
def page(driver: Any, file: str) -> Iterator[Page]:
    box = ["--box=1.3,2.1,9.2,8.4", "--output-size", "2x3"]
    with page_of(driver, file, "--preset", "torchvision-aligned", *box) as opened:
        yield opened


def drawn(page: Page) -> int:
    """Return the channel whose values are drawn, from the ends of the legend's ramp."""
    low, high = (float(page.find(f"#ramp-{end}").text) for end in ("low", "high"))
    ranges = [(float(cells.min()), float(cells.max())) for cells in maps()]
    return next(k for k, ends in enumerate(ranges) if ends == pytest.approx((low, high), abs=1e-3))


def test_the_menus_group_the_presets_by_framework(page: Page) -> None:
    script = """return [...document.querySelectorAll(`#${arguments[0]} optgroup`)].map((group) =>
      [group.label, [...group.children].map((one) => one.value)])"""
    expected: dict[str, list[str]] = {}
    for preset in PRESETS.values():
        expected.setdefault(preset.framework, []).append(preset.name)
    for menu in ("preset", "with"):
        assert page.run(script, menu) == [[label, names] for label, names in expected.items()]
    page.run("document.getElementById('preset').focus()")
    assert page.press("tensorrt-p")["preset"] == "tensorrt-pyramid"
    names = [name for group in expected.values() for name in group]
    before = names[names.index("tensorrt-pyramid") - 1]
    assert page.press(ARROWS["up"])["preset"] == before
    page.choose("#with", "ncnn-0")
    assert page.state["other"] == "ncnn-0"


def test_the_map_is_that_of_the_chosen_section(page: Page) -> None:
    page.choose("#channel", "1")
    assert drawn(page) == 1
    assert not page.find("#reads").is_displayed()
    page.choose("#preset", "ps-roi-align")
    options = "return [...document.getElementById('channel').options].map((one) => one.text)"
    assert page.run(options) == ["0", "1"]
    pressed = "return document.querySelector('#channels [aria-checked=true]').dataset.channel"
    for k, (i, j) in enumerate([(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2)]):
        page.find(f"#align button[data-section='{i},{j}']").click()
        assert page.settle()["section"] == [i, j]
        assert drawn(page) == 6 + k == int(page.run(pressed))
        said = f"Section ({i}, {j}) reads channel {6 + k}, which is drawn."
        assert page.find("#reads").text == said
    # A picture chooses the section that reads the channel, and its output channel.
    page.find("#channels button[data-channel='4']").click()
    state = page.settle()
    assert (state["channel"], state["section"], drawn(page)) == (0, [2, 2], 4)
    page.choose("#preset", "torchvision-aligned")
    assert len(page.run(options)) == 12 + 3


def test_a_channel_that_a_preset_does_not_have_becomes_the_first(page: Page) -> None:
    for channel in ("7", "mean"):
        page.choose("#channel", channel)
        state = page.choose("#preset", "ps-roi-pool")
        assert (state["channel"], state["preset"], page.status) == (0, "ps-roi-pool", "")
        page.choose("#preset", "torchvision")
    complaints(page.driver)  # about the refused channels


def test_a_preset_that_does_not_fit_the_map_says_so_and_the_page_recovers(driver: Any) -> None:
    with page_of(driver, *MAP) as page:
        before = page.settle()["trace"]
        page.choose("#preset", "ps-roi-align")
        assert "cannot be divided among 3 × 3 sections" in page.status
        assert page.status.endswith("choose another preset or output size")
        assert page.state["trace"] == before
        state = page.choose("#preset", "torchvision")
        assert (state["trace"]["preset"], page.status) == ("torchvision", "")
        page.choose("#pooling", "max")
        page.choose("#preset", "prroi-pool")
        assert page.status.endswith("use avg")
        state = page.choose("#pooling", "avg")
        assert (state["trace"]["preset"], page.status) == ("prroi-pool", "")
        assert all("422" in message for message in complaints(driver) if "api/trace" in message)


def test_an_edit_belongs_to_the_map_that_is_drawn(page: Page) -> None:
    page.choose("#preset", "ps-roi-align")
    page.find("#align button[data-section='2,1']").click()
    before = page.settle()["trace"]["output"]
    cell = page.state["trace"]["chosen"]["point"]["neighbours"][0]
    page.find("#switch-edit").click()
    click_cell(page, cell["row"], cell["column"])
    shown = float(page.find("#cell-value").get_attribute("value"))
    assert shown == pytest.approx(float(maps()[1, cell["row"], cell["column"]]))
    state = type_value(page, "50")
    assert state["edits"] == [[0, 1, cell["row"], cell["column"], 50]]
    changed = np.not_equal(state["trace"]["output"], before)
    assert np.argwhere(changed).tolist() == [[0, 1]]
    page.find("#align button[data-section='1,1']").click()
    page.settle()
    assert "1 of them in other channels" in page.find("#edits-text").text
    assert page.run("return document.getElementById('edited').getAttribute('d')") == ""


def test_cells_of_an_integral_are_drawn_with_their_weights(page: Page) -> None:
    state = page.choose("#preset", "prroi-pool")
    sections = state["trace"]["sections"]
    points = [point for section in sections for point in section["points"]]
    path = "return document.getElementById(arguments[0]).getAttribute('d')"
    radii = [float(r) for r in re.findall(r"a(\S+) \S+ 0 1 0 \S+ 0a", page.run(path, "weighted"))]
    weights = np.array([point["weight"] for point in points])
    assert np.square(radii) / max(radii) ** 2 == pytest.approx(weights / weights.max(), abs=0.02)
    assert page.run(path, "inside") == ""
    assert not visible(page, "#grab")
    page.find("#around").click()
    while page.cell_size() < 44:
        page.find("#closer").click()
    texts = "return [...document.querySelectorAll('#weights text')].map((one) => one.textContent)"
    written = page.run(texts)
    chosen = next(s for s in sections if s["section"] == state["section"])
    own = [point["weight"] for point in chosen["points"]]
    assert written
    for text in written:
        assert min(abs(float(text) - weight) for weight in own) < 1e-4
    assert "weight × value" in page.find("#points-title").text
    legend = page.find(".legend").text
    assert "larger for a larger weight" in legend
    assert "sample point" not in legend


def square_areas(page: Page) -> list[tuple[float, float, bool]]:
    """Return width, height and sign of the areas of the square."""
    script = """return [...document.querySelectorAll('#square .area')].map((one) => [
      one.getAttribute('width'), one.getAttribute('height'), one.classList.contains('negative')])"""
    return [(float(w), float(h), negative) for w, h, negative in page.run(script)]


def test_an_extrapolated_point_has_negative_areas(page: Page) -> None:
    page.choose("#preset", "model-garden")
    for k, number in enumerate([-2.5, -3, 5, 6]):
        page.choose(f"#numbers label:nth-child({k + 1}) input", str(number))
    page.find("#align button[data-section='1,1']").click()
    page.find("#steps button:nth-child(5)").click()
    trace = page.settle()["trace"]
    point = trace["chosen"]["point"]
    assert point["border"] == "beyond"
    weights = [q["weight"] for q in point["neighbours"]]
    assert min(weights) < 0
    areas = square_areas(page)
    assert min(min(w, h) for w, h, _ in areas) >= 0
    signed = [(-1 if negative else 1) * w * h / 1e4 for w, h, negative in areas]
    assert sorted(signed) == pytest.approx(sorted(weights), abs=1e-4)
    assert sum(signed) == pytest.approx(1, abs=1e-6)
    path = page.run("return document.getElementById('beyond').getAttribute('d')")
    points = [p for s in trace["sections"] for p in s["points"]]
    assert path.count("Z") == sum(p["border"] == "beyond" for p in points) > 0
    assert "extrapolated point" in page.find(".legend").text


def test_neighbours_outside_are_dashed_outside_the_map(page: Page) -> None:
    page.choose("#preset", "od-api")
    for k, number in enumerate([-1.75, 0.2, 5, 6]):
        page.choose(f"#numbers label:nth-child({k + 1}) input", str(number))
    page.find("#align button[data-section='1,1']").click()
    point = page.settle()["trace"]["chosen"]["point"]
    outside = [q for q in point["neighbours"] if not q["on_map"]]
    assert outside
    paths = [
        page.run("return document.getElementById(arguments[0]).getAttribute('d')", name)
        for name in ("neighbours", "neighbours-off")
    ]
    assert [path.count("Z") for path in paths] == [4 - len(outside), len(outside)]
    dashes = "return getComputedStyle(document.getElementById('neighbours-off')).strokeDasharray"
    assert page.run(dashes) != "none"
    assert page.find("#neighbour-table").text.count("(outside)") == len(outside)
    legend = page.find(".legend").text
    assert "neighbour cell outside the map" in legend
    assert "point with neighbours outside the map" in legend


def test_the_sampling_ratio_of_each_preset(page: Page, tmp_path: Path) -> None:
    hints = {"mindspore": "2 (preset)", "model-garden": "1 (preset)", "tensorflow": "0 (preset)"}
    for name, hint in hints.items():
        page.choose("#preset", name)
        assert page.find("#ratio").is_enabled()
        assert page.find("#ratio").get_attribute("placeholder") == hint
    for name in ("walkthrough", "roi-pool", "prroi-pool"):
        page.choose("#preset", name)
        assert not page.find("#ratio").is_enabled()
    page.choose("#preset", "torchvision")
    page.choose("#with", "mindspore")
    assert page.find("#ratio").get_attribute("placeholder") == "0, 2 (preset)"
    assert not page.find("#ratio-x").is_displayed()
    page.choose("#with", "")
    page.open(f"{page.client.server.address}#preset=nnapi&ratio=2&ratio-x=3&size=2x2")
    assert page.find("#ratio-x").is_displayed()
    assert page.state["trace"]["n_points"] == 4 * 2 * 3
    page.until(lambda: "ratio-x=3" in page.run("return location.hash"))
    command = page.commands()["explain"]
    out = tmp_path / "roi.json"
    assert main([*shlex.split(command)[1:], "-q", "-o", str(out)]) == 0
    assert json.loads(out.read_text())["output"] == page.state["trace"]["output"]
    assert page.choose("#ratio-x", "4")["trace"]["n_points"] == 4 * 2 * 4


def test_every_preset_is_shown_without_an_error(page: Page) -> None:
    for name in PRESETS:
        state = page.choose("#preset", name)
        assert (state["trace"]["preset"], page.status) == (name, ""), name
        assert page.run("return document.getElementById('section-title').textContent").startswith(
            "Section ("
        ), name


def test_a_saved_page_draws_the_map_of_the_chosen_section(
    driver: Any, file: str, tmp_path: Path
) -> None:
    out = tmp_path / "roi.html"
    words = ["--preset", "ps-roi-align", "--box=1.3,2.1,9.2,8.4", "--output-size", "2x3"]
    assert main(["explain", file, *words, "--channel", "1", "-q", "-o", str(out)]) == 0
    driver.get(out.as_uri())
    page = Page.__new__(Page)
    page.driver = driver
    page.settle()
    page.choose("#channel", "0")
    page.find("#align button[data-section='3,2']").click()
    page.settle()
    assert drawn(page) == 5
    assert page.find("#reads").text == "Section (3, 2) reads channel 5, which is drawn."
    page.choose("#channel", "1")
    assert drawn(page) == 6 + 5
    assert complaints(driver) == []
