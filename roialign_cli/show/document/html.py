"""Documents as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from roialign_cli.show.document.formulas import Fraction, Line, Part, on_a_page


def to_html(blocks: Iterable[Block]) -> str:
    """Return the blocks as part of an HTML page."""
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
        case Grid(headers, rows):
            return _table(headers, rows)
        case Output(values):
            return _render(output_grid(values))


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(header)}</th>' for header in headers)
    body = "\n".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in others)}</tr>"
        for first, *others in rows
    )
    # A scrolling part of a page must be reachable by keyboard.
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(", ".join(headers))}">'
        "<table><thead><tr>"
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _formula(line: Line) -> str:
    kind = "formula further" if _goes_on(line) else "formula"
    return f'<p class="{kind}">{"".join(map(_part, line)).strip()}</p>'


def _goes_on(line: Line) -> bool:
    """Return whether a line goes on with the one before it."""
    return isinstance(line[0], str) and line[0].startswith("  ")


def _part(part: Part) -> str:
    match part:
        case Fraction():
            numerator, denominator = (
                escape(on_a_page(term)) for term in (part.numerator, part.denominator)
            )
            # What is copied or read aloud has the slash that is not seen.
            return (
                f'<span class="fraction"><span>{numerator}</span>'
                f'<span class="slash">/</span><span>{denominator}</span></span>'
            )
        case str():
            return escape(on_a_page(part))
        case _:
            return " "


def line_record(line: Line) -> list[str | list[str]]:
    """Return a line as plain data: strings, and fractions as pairs of them."""
    parts: list[str | list[str]] = []
    for part in line:
        if isinstance(part, Fraction):
            parts.append([on_a_page(part.numerator), on_a_page(part.denominator)])
            continue
        text = on_a_page(part) if isinstance(part, str) else " "
        if parts and isinstance(parts[-1], str):
            parts[-1] += text
        elif text:
            parts.append(text)
    return parts
