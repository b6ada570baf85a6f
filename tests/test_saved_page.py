"""The file of a saved page: what is in it, and that the one in the documents is current."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.generate import DOCS, example
from roialign_cli.cli.main import main
from tests.saved_page import page_answers, page_session

CALL = "explain sample_data/astronaut.png --stride 32 --box 170,70,272,190 --output-size 2"


def saved(words: str, folder: Path) -> str:
    """Return the page that a call saves."""
    out = folder / "roi.html"
    assert main([*words.split(), "-q", "--force", "-o", str(out)]) == 0
    return out.read_text(encoding="utf-8")


def rounded(value: Any) -> Any:
    """Return data with numbers of six significant digits, which all platforms compute alike."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def without_data(page: str) -> str:
    """Return a page without its numbers and its photograph."""
    page = re.sub(r'(id="answers">).*?(</script>)', r"\1\2", page)
    return re.sub(r"data:image/[a-z]+;base64,[\w+/=]+", "", page)


def test_the_example_in_the_documents_is_current() -> None:
    kept, made = (DOCS / "example.html").read_text(encoding="utf-8"), example()
    is_same = without_data(kept) == without_data(made)
    assert is_same, "run: python -m docs.generate"
    kept_entries, made_entries = (page_answers(page)["entries"] for page in (kept, made))
    for entry in (*kept_entries, *made_entries):
        del entry["document"]
    is_same = rounded(kept_entries) == rounded(made_entries)
    assert is_same, "run: python -m docs.generate"


def test_a_page_is_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    is_same = saved(CALL, tmp_path) == saved(CALL, tmp_path)
    assert is_same


def test_a_page_has_nothing_that_needs_the_server(tmp_path: Path) -> None:
    np.save(tmp_path / "map.npy", np.eye(8, dtype=np.float32))
    page = saved(f"explain {tmp_path}/map.npy --preset mmcv --box 1,1,6,6", tmp_path)
    for name in ("hold", "numbers", "preset", "copy", "grab", "cell-value", "channels", "changes"):
        assert f'id="{name}"' not in page
    assert "<!--" not in page
    session = page_session(page)
    assert session["saved"]
    assert "presets" not in session
    # Nothing is fetched, whatever the scripts do.
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', page)
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
