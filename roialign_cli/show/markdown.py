"""An explanation as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from roialign_cli.show.blocks import Block, Formulas, Grid, Heading, Paragraph


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
            return "\n".join(("```text", *lines, "```"))
        case Grid(headers, rows, prose):
            rule = ["---", *("---" if prose else "---:" for _ in headers[1:])]
            return "\n".join(f"| {' | '.join(row)} |" for row in (headers, rule, *rows))
