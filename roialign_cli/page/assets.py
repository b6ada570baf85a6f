"""The files of the page: one by one for a browser that asks for them, or all in one file."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from roialign_cli.analysis.records import to_json
from roialign_cli.page.pictures import photograph
from roialign_cli.page.session import Session
from roialign_cli.page.state import State
from roialign_cli.show.document.page import style_sheet

_WEB = Path(__file__).parent / "web"
HTML, SCRIPT, STYLE = (
    f"{kind}; charset=utf-8" for kind in ("text/html", "text/javascript", "text/css")
)

# The modules of a saved page, each after those that it imports.
SAVED_SCRIPTS = (
    "state.js", "saved.js", "server.js", "shades.js", "plane.js", "cells.js", "marks.js",
    "values.js", "clicks.js", "drag.js", "focus.js", "compared.js", "table.js", "outputs.js",
    "steps.js", "choices.js", "legend.js", "main.js",
)  # fmt: skip
# These need the server.
LIVE_SCRIPTS = ("controls.js", "keys.js", "graph.js", "channels.js", "probe.js", "edits.js")
SCRIPTS = SAVED_SCRIPTS + LIVE_SCRIPTS

# A saved page has all in itself.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' data:; "
    "img-src data:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True)
class Asset:
    """The bytes of a file for the browser, and their media type."""

    content: bytes
    media_type: str


def page_assets(session: Session, start: State) -> Mapping[str, Callable[[], Asset]]:
    """Return functions that return the files of the page; each computes its file once.

    Parameters
    ----------
    session
        The features, boxes and rules.
    start
        The state that the page begins with.

    Returns
    -------
    The last part of the address → the function. The page itself has the address "".
    """
    assets: dict[str, Callable[[], Asset]] = {
        "": lambda: Asset(_live_page(session, start).encode(), HTML),
        "page.css": lambda: Asset(_style().encode(), STYLE),
    }
    for name in SCRIPTS:
        assets[name] = partial(_script, name)
    image = session.image
    if image is not None:
        assets["image"] = lambda: Asset(*photograph(image))
    return {name: cache(make) for name, make in assets.items()}


def _script(name: str) -> Asset:
    return Asset((_WEB / name).read_bytes(), SCRIPT)


def _style() -> str:
    return style_sheet((_WEB / "page.css").read_text(encoding="utf-8"))


def _live_page(session: Session, start: State) -> str:
    return _page(
        title=session.title,
        style='<link rel="stylesheet" href="page.css">',
        session=session.live_record(start),
        script='<script type="module" src="main.js"></script>',
    )


def page_in_one_file(
    *,
    title: str,
    session: Mapping[str, Any],
    answers: bytes,
    remarks: Sequence[str],
    document: str,
) -> str:
    """Return a page that needs no server.

    Parameters
    ----------
    title
        The name of the features.
    session
        What the page needs at its beginning.
    answers
        The answers to all its questions: JSON, compressed with gzip, in base64.
    remarks
        Lines that are shown above the drawing.
    document
        The explanation of the first ROI as HTML.
    """
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    return _page(
        title=title,
        style=f"{policy}\n<style>\n{_style()}\n</style>",
        session=session,
        remarks="".join(f'<p class="note">{escape(line)}</p>' for line in remarks),
        document=document,
        script=f'<script type="text/plain" id="answers">{answers.decode("ascii")}</script>\n'
        f"{_inlined_scripts()}",
    )


def _inlined_scripts() -> str:
    """Return the modules in an import map; a module in a data: address imports by bare names."""
    addresses = {}
    for name in SAVED_SCRIPTS:
        text = re.sub(r'"\./([\w-]+\.js)"', r'"\1"', (_WEB / name).read_text(encoding="utf-8"))
        encoded = base64.b64encode(text.encode()).decode("ascii")
        addresses[name] = f"data:text/javascript;base64,{encoded}"
    return (
        f'<script type="importmap">{json.dumps({"imports": addresses})}</script>\n'
        '<script type="module">import "main.js";</script>'
    )


def _page(
    *,
    title: str,
    style: str,
    session: Mapping[str, Any],
    script: str,
    remarks: str = "",
    document: str = "",
) -> str:
    template = (_WEB / "page.html").read_text(encoding="utf-8")
    kind, left_out = ("saved", "live") if session["saved"] else ("live", "saved")
    template = re.sub(rf"<!-- {left_out} -->.*?<!-- end -->\n", "", template, flags=re.DOTALL)
    template = re.sub(r"<!-- (live|saved|end) -->\n", "", template)
    return Template(template).substitute(
        kind=kind,
        no_channels=" hidden" if session["feature_map"]["channels"] == 1 else "",
        title=escape(title),
        subject=escape(session["subject"].removeprefix(f"{title}: ")),
        style=style,
        remarks=remarks,
        document=document,
        session=to_json(session, indent=None).replace("<", "\\u003c"),
        script=script,
    )
