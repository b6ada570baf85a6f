"""Write a document as an HTML page, and the style sheet that all pages share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from html import escape
from pathlib import Path
from string import Template

from roialign_cli.show.document.blocks import Block, Heading
from roialign_cli.show.document.html import to_html
from roialign_cli.show.numbers import NEIGHBOUR_NAMES
from roialign_cli.show.palette import AREAS, DARK, LIGHT, Theme

_HERE = Path(__file__).parent


def document_page(blocks: Iterable[Block]) -> str:
    """Return a document, which must begin with a heading, as an HTML page."""
    head, *others = blocks
    assert isinstance(head, Heading)  # noqa: S101 - for the type checker
    template = Template((_HERE / "document.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=escape(head.text),
        style=style_sheet(),
        head=to_html([head]),
        body=to_html(others),
    )


def style_sheet(more: str = "") -> str:
    """Return the style sheet of documents, with the colours of both themes as variables.

    Parameters
    ----------
    more
        Rules that are appended.
    """
    style = (_HERE / "document.css").read_text(encoding="utf-8") + more
    light, dark = (_variables(theme, style) for theme in (LIGHT, DARK))
    themes = f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
    return themes + style


def _variables(theme: Theme, style: str) -> str:
    """Return CSS variables for the colours of areas and of a theme that a style sheet uses."""
    variables = {f"--{f.name.replace('_', '-')}": getattr(theme, f.name) for f in fields(theme)}
    variables |= {f"--{name}": area for name, area in zip(NEIGHBOUR_NAMES, AREAS, strict=True)}
    used = (name for name in variables if f"var({name})" in style)
    return "".join(f"{name}:{variables[name]};" for name in used)
