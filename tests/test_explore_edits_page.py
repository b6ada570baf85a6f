"""Cells that are edited on the page of `roialign explore`, in a real browser."""

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
from tests.browser import complaints, needs_chromium, webdriver
from tests.test_explore_page import ARROWS, MAP, PHOTO, TAB, Page, page_of

pytestmark = [pytest.mark.browser, needs_chromium]

ENTER, ESCAPE, DELETE = "\ue007", "\ue00c", "\ue017"
Patch = pytest.MonkeyPatch


@pytest.fixture
def page(driver: Any, tmp_path: Path, monkeypatch: Patch) -> Iterator[Page]:
    monkeypatch.chdir(tmp_path)
    with page_of(driver, *MAP) as opened:
        yield opened


def click_cell(page: Page, row: int, column: int, *, twice: bool = False) -> None:
    """Click a cell of the map with the mouse."""
    page.run("document.getElementById('stage').scrollIntoView({block: 'center'})")
    edges, unit = page.state["trace"]["box"]["on_map"], page.cell_size()
    y_up = page.state["trace"]["frame"]["origin"] == "bottom-left"
    rows = page.state["trace"]["feature_map"]["height"]
    top = rows - edges["top"] if y_up else edges["top"]
    hold = page.find("#hold")
    x = (column + 0.5 - edges["left"]) * unit - hold.rect["width"] / 2
    y = (row + 0.5 - top) * unit - hold.rect["height"] / 2
    actions = webdriver.ActionChains(page.driver, duration=0)
    actions.move_to_element_with_offset(hold, round(x), round(y))
    (actions.double_click if twice else actions.click)().perform()


def type_value(page: Page, text: str) -> dict[str, Any]:
    assert page.run("return document.activeElement.id") == "cell-value"
    return page.press(text, ENTER)


def save_map(
    page: Page, folder: Path, name: str = "walkthrough-edited.npy"
) -> np.ndarray[Any, Any]:
    """Save the map, and return it as an array."""
    page.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)}
    )
    page.find("#array").click()
    page.until(lambda: (folder / name).exists() and page.find("#array").is_enabled())
    page.until(lambda: (folder / name).stat().st_size > 0)
    array: np.ndarray[Any, Any] = np.load(folder / name)
    return array


def test_a_cell_is_edited_by_mouse(page: Page, tmp_path: Path) -> None:
    before = page.settle()["trace"]
    cells = np.load(MAP[0])
    page.find("#switch-edit").click()
    click_cell(page, 9, 7)
    value = page.find("#cell-value").get_attribute("value")
    assert float(value) == pytest.approx(cells[9, 7])
    state = type_value(page, "2.5")
    assert state["edits"] == [[0, 0, 9, 7, 2.5]]
    assert state["trace"]["output"] != before["output"]
    assert "1 cell edited" in page.find("#edits").text
    largest = np.abs(np.subtract(state["trace"]["output"], before["output"])).max()
    said = re.search(r"the last edit: ROI Align ([\d.]+)", page.find("#changes").text)
    assert said is not None
    assert float(said[1]) == pytest.approx(largest, abs=1e-4)
    expected = cells.copy()
    expected[9, 7] = 2.5
    saved = save_map(page, tmp_path)
    np.testing.assert_array_equal(saved, expected)
    assert saved.dtype == cells.dtype
    page.check(tmp_path)


def test_a_cell_is_edited_by_keyboard(page: Page, tmp_path: Path) -> None:
    page.settle()
    page.run("document.getElementById('switch-edit').focus()")
    page.press(" ")
    for _ in range(30):
        page.press(TAB)
        if page.run("return document.activeElement.id") == "cell":
            break
    else:
        pytest.fail("Tab does not reach the cells")
    label = "return document.activeElement.getAttribute('aria-label')"
    place = re.match(r"Cell in row (\d+), column (\d+): ", page.run(label))
    assert place is not None
    row, column = int(place[1]), int(place[2])
    page.press(ARROWS["right"])
    page.press(ARROWS["down"])
    assert page.run(label).startswith(f"Cell in row {row + 1}, column {column + 1}: ")
    page.press(ENTER)
    state = type_value(page, "-3")
    assert state["edits"] == [[0, 0, row + 1, column + 1, -3]]
    assert page.run("return document.activeElement.id") == "cell"
    page.press(ARROWS["left"])
    page.press("4")  # a digit begins the new value
    assert type_value(page, "2")["edits"][1] == [0, 0, row + 1, column, 42]
    page.press(ENTER)
    assert page.press("7", ESCAPE)["edits"][1][4] == 42
    edited = np.load(MAP[0])
    edited[row + 1, column : column + 2] = 42, -3
    np.testing.assert_array_equal(save_map(page, tmp_path), edited)
    page.check(tmp_path)
    page.run("document.getElementById('cell').focus()")
    page.press(ENTER)
    page.run("document.activeElement.select()")
    state = type_value(page, DELETE)  # an empty value restores the cell
    assert state["edits"] == [[0, 0, row + 1, column + 1, -3]]


def test_a_double_click_edits_a_cell(page: Page) -> None:
    page.settle()
    click_cell(page, 12, 12, twice=True)
    assert type_value(page, "1.25")["edits"] == [[0, 0, 12, 12, 1.25]]
    click_cell(page, 12, 12)
    assert not page.find("#cell-value").is_displayed()


def test_a_reload_keeps_edits_and_undo_removes_them(page: Page) -> None:
    original = page.settle()["trace"]["output"]
    page.find("#switch-edit").click()
    for row, column, value in ((9, 7, "0.123456789"), (10, 8, "-2e-7")):
        click_cell(page, row, column)
        type_value(page, value)
    before = page.settle()
    page.until(lambda: "-2e-7" in page.driver.current_url)
    marks = "return document.getElementById('edited').getAttribute('d').split('M').length - 1"
    assert page.run(marks) == 2
    page.driver.refresh()
    after = page.settle()
    assert after["trace"] == before["trace"]
    assert after["edits"] == [[0, 0, 9, 7, 0.123456789], [0, 0, 10, 8, -2e-7]]
    assert page.run(marks) == 2
    assert page.find("#legend-edited").is_displayed()
    page.find("#undo").click()
    state = page.settle()
    assert (state["edits"], state["trace"]["output"]) == ([], original)
    assert page.run(marks) == 0
    for hidden in ("#edits", "#array", "#legend-edited"):
        assert not page.find(hidden).is_displayed()
    page.until(lambda: "edits" not in page.driver.current_url)


def test_the_copied_command_reads_the_saved_map(
    page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page.settle()
    page.find("#switch-edit").click()
    click_cell(page, 8, 6)
    output = type_value(page, "9")["trace"]["output"]
    page.find("#copy").click()
    page.until(lambda: page.run("return document.getElementById('commands').open"))
    assert "walkthrough-edited.npy" in page.find("#command-remark").text
    lines = "return [...document.querySelectorAll('#command-list code')].map((c) => c.innerText)"
    assert all(line.startswith("roialign ") for line in page.run(lines))
    command = page.find("#command-run").text
    page.find("#close").click()
    save_map(page, tmp_path)
    capsys.readouterr()
    assert main([*shlex.split(command)[1:], "--quiet", "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)["rois"][0]["output"]
    np.testing.assert_allclose(np.ravel(printed), np.ravel(output), rtol=1e-6)


def test_edits_belong_to_their_map_and_channel(
    driver: Any, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.chdir(tmp_path)
    maps = np.random.default_rng(1).integers(0, 200, (2, 3, 12, 12)).astype(np.uint8)
    np.save(tmp_path / "maps.npy", maps)
    with page_of(driver, "maps.npy", "--preset", "mmcv", "--box", "0,2,2,9,9") as page:
        original = page.settle()["trace"]["output"]
        page.find("#switch-edit").click()
        click_cell(page, 4, 4)
        edited = type_value(page, "99.7")["trace"]["output"]
        assert "rounded to uint8: row 4, column 4 is 100" in page.find("#edits").text
        page.choose("#channel", "1")
        click_cell(page, 5, 5)
        type_value(page, "7")
        assert "2 cells edited, 1 of them in other channels" in page.find("#edits").text
        assert page.choose("#channel", "0")["trace"]["output"] == edited
        page.choose("#batch", "1")
        page.choose("#batch", "0")
        maps[0, 0, 4, 4], maps[0, 1, 5, 5] = 100, 7
        np.testing.assert_array_equal(save_map(page, tmp_path, "maps-edited.npy"), maps)
        page.choose("#channel", "mean")
        assert not page.find("#switch-edit").is_enabled()
        explain = shlex.split(page.commands()["explain"])[1:]
        assert main([*explain, "-q", "--format", "json", "-o", "explained.json"]) == 0
        explained = json.loads((tmp_path / "explained.json").read_text(encoding="utf-8"))
        assert page.state["trace"]["output"] == explained["output"]
        page.choose("#channel", "0")
        click_cell(page, 4, 4)
        page.press("300", ENTER)
        assert page.find("#cell-value").is_displayed()  # out of range
        page.press(ESCAPE)
        assert page.state["trace"]["output"] == edited != original


def test_a_photo_has_no_cells_to_edit(driver: Any) -> None:
    with page_of(driver, *PHOTO) as photo:
        photo.settle()
        assert not photo.find("#switch-edit").is_displayed()
        click_cell(photo, 4, 8, twice=True)
        assert not photo.find("#cell-value").is_displayed()
        photo.open(f"{photo.client.server.address}#edits=0,0,1,1,5")
        assert "only arrays of at most 32 × 32 cells can be edited" in photo.status
        assert photo.state["edits"] == []
        assert all("422" in message for message in complaints(driver))


def test_a_click_on_a_cell_leaves_the_box_where_it_is(page: Page) -> None:
    box = page.settle()["box"]
    page.find("#switch-edit").click()
    click_cell(page, 10, 9)
    page.press(ESCAPE)
    assert page.state["box"] == box
    assert page.drag("#hold", 20, 10)["box"] != box  # the box can be dragged all the same
