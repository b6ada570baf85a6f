"""Photograph the page of an explanation; `python -m docs.screenshot` needs Chromium.

It is the one picture here that Matplotlib does not draw.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from docs.gallery import DOCS
from roialign_cli.cli.main import main
from tests.browser import chromium

_CALL = "explain sample_data/walkthrough.npy --image-size 512x512 --box 296,320,200,145"


def photograph() -> None:
    """Write docs/gallery/page-walkthrough.png, from the project's root."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "roi.html"
        if main([*_CALL.split(), "-o", str(page)]):
            raise SystemExit("the page was not written")
        with chromium(Path(folder) / "profile") as driver:
            driver.set_window_size(1280, 1100)
            driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
            driver.get(page.as_uri())
            driver.find_element("css selector", "#neighbours button").click()
            driver.execute_script("window.scrollTo(0, 0)")
            driver.save_screenshot(str(DOCS / "gallery" / "page-walkthrough.png"))


if __name__ == "__main__":
    photograph()
