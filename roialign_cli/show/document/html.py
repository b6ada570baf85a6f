"""Render documents as HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from roialign_cli.show.document.blocks import (
    Block,
    Formulas,
    Grid,
    Heading,
    Output,
    Paragraph,
    Verbatim,
    output_grid,
)
from roialign_cli.show.document.formulas import FormulaLine, PagePart, to_page


def to_html(blocks: Iterable[Block]) -> str:
    """Return blocks as the HTML of a part of a page."""
    return "\n".join(_render(block) for block in blocks)


def _render(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Formulas(lines):
            return "".join(map(_formula, lines))
        case Verbatim(lines):
            return f"<pre>{escape(chr(10).join(lines))}</pre>"
        case Grid():
            return _table(block)
        case Output(values):
            return _render(output_grid(values))


def _table(grid: Grid) -> str:
    headers, rows = grid.headers, grid.rows
    css = ' class="prose"' if grid.prose else ""
    head = "".join(f'<th scope="col">{escape(header)}</th>' for header in headers)
    body = "\n".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in others)}</tr>"
        for first, *others in rows
    )
    # The tabindex makes a scrolling table reachable by keyboard.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(", ".join(headers))}">'
        f"<table{css}><thead><tr>"
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _formula(line: FormulaLine) -> str:
    continues = isinstance(line[0], str) and line[0].startswith("  ")
    css = "formula further" if continues else "formula"
    return f'<p class="{css}">{"".join(map(_part, to_page(line))).strip()}</p>'


def _part(part: PagePart) -> str:
    if isinstance(part, str):
        return escape(part)
    if isinstance(part, dict):
        return f'<span class="role-{part["role"]}">{escape(part["text"])}</span>'
    numerator, denominator = map(escape, part)
    # The slash is hidden; it is there for copied text and screen readers.
    return (
        f'<span class="fraction"><span>{numerator}</span>'
        f'<span class="slash">/</span><span>{denominator}</span></span>'
    )
