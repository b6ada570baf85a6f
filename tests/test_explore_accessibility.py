"""axe-core finds no violation on the page of `roialign explore`: `python -m pytest -m browser`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser import complaints, needs_chromium
from tests.node_packages import NODE_MODULES, needs_node_packages
from tests.test_explore_page import MAP, PHOTO, Page, page_of, set_width

pytestmark = [pytest.mark.browser, pytest.mark.node, needs_chromium, needs_node_packages]


def violations(page: Page) -> list[str]:
    """Return what axe finds with its default rules: the impact, the rule and some elements."""
    if not page.run("return 'axe' in window"):
        page.run((NODE_MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = page.run("return axe.run()")
    assert found["passes"]
    return [
        f"{rule['impact']}: {rule['help']}: {node['target']}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"][:3]
    ]


@pytest.mark.parametrize(
    ("call", "theme", "width"),
    [(MAP, "light", 400), (MAP, "dark", 1280), (PHOTO, "dark", 400), (PHOTO, "light", 1280)],
    ids=["map-light-400", "map-dark-1280", "photo-dark-400", "photo-light-1280"],
)
def test_axe_finds_nothing(driver: Any, call: list[str], theme: str, width: int) -> None:
    set_width(driver, width)
    feature = {"name": "prefers-color-scheme", "value": theme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    with page_of(driver, *call) as page:
        for step in range(6):
            page.find(f"#steps button:nth-child({step + 1})").click()
            assert violations(page) == [], f"step {step}"
        page.find("#copy").click()
        page.until(lambda: page.run("return document.getElementById('commands').open"))
        assert violations(page) == [], "the commands"
        page.find("#close").click()
        page.find("#steps button:first-child").click()
        page.run("document.getElementById('differences').open = true")
        for name in ("rows", "columns"):
            page.choose(f"#{name}", "12")
        assert violations(page) == [], "tables that scroll"
        page.choose("#columns", "5000")
        assert "too many" in page.status
        assert violations(page) == [], "an error"
        assert all("422" in message for message in complaints(driver))
