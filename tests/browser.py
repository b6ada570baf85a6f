"""A headless Chromium, and what it says of a page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
ActionBuilder = pytest.importorskip(
    "selenium.webdriver.common.actions.action_builder", reason="selenium is not installed"
).ActionBuilder
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"
)


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """Give a browser that fetches nothing of its own accord, and logs what pages do."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (
        "headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run",
        "disable-background-networking", "disable-component-update", "disable-sync",
        "window-size=1280,1000", f"user-data-dir={profile}",
    ):  # fmt: skip
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def requested(driver: Any) -> list[str]:
    """Return what was asked for since this was last called, but for what a page has in itself."""
    messages = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    asked = (
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    )
    return [address for address in asked if not address.startswith(("data:", "chrome:"))]


def complaints(driver: Any) -> list[str]:
    """Return the messages on the console since this was last called."""
    return [entry["message"] for entry in driver.get_log("browser")]
