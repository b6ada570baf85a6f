"""The page and its files, made once and kept in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from html import escape
from pathlib import Path
from string import Template

from roialign_cli.analysis.records import to_json
from roialign_cli.page.answers import photograph
from roialign_cli.page.session import Session
from roialign_cli.page.state import State
from roialign_cli.show.page.page import css_variables
from roialign_cli.show.palette import DARK, LIGHT

_WEB = Path(__file__).parent / "web"
HTML, SCRIPT, STYLE = (
    f"{kind}; charset=utf-8" for kind in ("text/html", "text/javascript", "text/css")
)

# The modules of the page; main.js imports the others.
SCRIPTS = (
    "main.js", "state.js", "server.js", "shades.js", "plane.js", "cells.js", "marks.js",
    "values.js", "clicks.js", "drag.js", "keys.js", "focus.js", "table.js", "outputs.js",
    "steps.js", "controls.js",
)  # fmt: skip


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
        "": lambda: Asset(explore_page(session, start).encode(), HTML),
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
    """Return the style sheet, with the colours of the light and the dark theme as variables."""
    style = (_WEB / "page.css").read_text(encoding="utf-8")
    light, dark = css_variables(LIGHT, style), css_variables(DARK, style)
    themes = f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    return themes + style


def explore_page(session: Session, start: State) -> str:
    """Return the page, with what it needs once as JSON in the element with the id "session"."""
    template = Template((_WEB / "page.html").read_text(encoding="utf-8"))
    record = to_json(session.record(start), indent=None).replace("<", "\\u003c")
    return template.substitute(title=escape(session.title), session=record)
