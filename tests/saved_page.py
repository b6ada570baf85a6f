"""Read the data of a saved page."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any


def page_session(page: str) -> dict[str, Any]:
    """Return what a page needs at its beginning."""
    session: dict[str, Any] = json.loads(_element(page, "session"))
    return session


def page_answers(page: str) -> dict[str, Any]:
    """Return the answers of a saved page: its "entries" and its "maps"."""
    answers: dict[str, Any] = json.loads(
        gzip.decompress(base64.b64decode(_element(page, "answers")))
    )
    return answers


def _element(page: str, name: str) -> str:
    return page.partition(f'id="{name}">')[2].partition("</script>")[0]
