"""Render documents as Markdown, with formulas as LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
from roialign_cli.show.document.formulas import to_latex


def to_markdown(blocks: Iterable[Block]) -> str:
    """Return blocks as a Markdown document.

    A heading or a formula is followed by its text without an empty line, which keeps documents
    with many formulas short.
    """
    parts = [
        _render(block) + ("\n" if isinstance(block, Heading | Formulas) else "\n\n")
        for block in blocks
    ]
    return "".join(parts).rstrip("\n") + "\n"


def _render(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return text
        case Formulas(lines):
            return f"```math\n{to_latex(lines)}\n```"
        case Verbatim(lines):
            return "\n".join(("```text", *lines, "```"))
        case Grid(headers, rows, prose):
            return _table(headers, rows, "---" if prose else "---:")
        case Output(values):
            return _render(output_grid(values))


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], alignment: str) -> str:
    rule = ["---", *(alignment for _ in headers[1:])]
    cells = (map(_cell, row) for row in (headers, rule, *rows))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _cell(text: str) -> str:
    """Escape text so that it does not end the cell or contain HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
