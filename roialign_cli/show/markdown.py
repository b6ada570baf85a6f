"""Documents as Markdown for code hosts, their formulas as LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from roialign_cli.show.blocks import Block, Formulas, Grid, Heading, Output, Paragraph, Verbatim
from roialign_cli.show.formulas import to_latex
from roialign_cli.show.numbers import aligned


def to_markdown(blocks: Iterable[Block]) -> str:
    """Return the blocks as one Markdown document."""
    return "\n\n".join(_render(block) for block in blocks) + "\n"


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
            headers = ("", *(f"i = {i + 1}" for i in range(values.shape[1])))
            texts = iter(aligned(values.ravel().tolist()))
            rows = tuple(
                (f"j = {j + 1}", *islice(texts, values.shape[1])) for j in range(len(values))
            )
            return _table(headers, rows, "---:")


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]], side: str) -> str:
    rule = ["---", *(side for _ in headers[1:])]
    cells = (map(_cell, row) for row in (headers, rule, *rows))
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _cell(text: str) -> str:
    """Return text that stays in its cell, and text."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
