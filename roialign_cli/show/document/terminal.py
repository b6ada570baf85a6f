"""Render documents in the terminal."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby, zip_longest
from operator import itemgetter

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from roialign_cli.show.console import ROLE_STYLES, new_console
from roialign_cli.show.document.blocks import (
    Block,
    Formulas,
    Grid,
    Heading,
    Output,
    Paragraph,
    Verbatim,
)
from roialign_cli.show.document.formulas import FormulaLine, Marked, Role, to_text
from roialign_cli.show.output_tables import output_tables


def print_blocks(blocks: Iterable[Block]) -> None:
    """Print a document on standard output."""
    _print_on(new_console(), blocks)


def blocks_text(blocks: Iterable[Block]) -> str:
    """Return a document as text of 80 columns."""
    written = io.StringIO()
    _print_on(new_console(written, 80), blocks)
    return written.getvalue()


def _print_on(console: Console, blocks: Iterable[Block]) -> None:
    ends_blank = True  # the document, or a table, so that a heading needs no blank line
    for block in blocks:
        if isinstance(block, Heading) and not ends_blank:
            console.print()
        unwrapped = isinstance(block, Verbatim) and block.to_copy
        renderable = _renderable(block, console)
        console.print(renderable, soft_wrap=unwrapped)
        ends_blank = isinstance(block, Grid) and not block.compact and _is_table(renderable)


def _is_table(renderable: Text | Padding) -> bool:
    return isinstance(renderable, Padding) and isinstance(renderable.renderable, Table)


def _renderable(block: Block, console: Console) -> Text | Padding:
    match block:
        case Heading(level, text, role):
            style = Style(bold=True) if level < 3 else Style(italic=True)
            return Text(text, style + ROLE_STYLES[role])
        case Paragraph(text, indent):
            return Padding(Text(text), (0, 0, 0, indent), expand=False) if indent else Text(text)
        case Formulas(lines):
            return Text("\n").join(_formula(line, console.width) for line in lines)
        case Verbatim(lines, roles=roles):
            text = "\n".join(f"  {line}" for line in lines)
            return _coloured((character, roles.get(character)) for character in text)
        case Grid():
            table = grid_table(block, console)
            return Padding(table, (0, 0, 0, 2 if block.compact else 1), expand=False)
        case Output(values):
            tables = output_tables(values, console.width - 1)
            return Padding(Group(*tables), (1, 0, 0, 1), expand=False)


def _coloured(characters: Iterable[tuple[str, Role | None]]) -> Text:
    """Return characters, each with its role, as text in the colours of the roles."""
    runs = groupby(characters, key=itemgetter(1))
    return Text.assemble(
        *(("".join(character for character, _ in run), ROLE_STYLES[role]) for role, run in runs)
    )


def _formula(line: FormulaLine, width: int) -> Text:
    text = _laid_out(line, width)
    if not any(isinstance(part, Marked) for part in line):
        return Text(text)
    # The layout changes only spaces, so the other characters are those of the parts, in order.
    roles = (
        part.role if isinstance(part, Marked) else None
        for part in line
        for character in to_text((part,))
        if not character.isspace()
    )
    return _coloured((c, None if c.isspace() else next(roles)) for c in text)


def _laid_out(line: FormulaLine, width: int) -> str:
    """Return a formula line as text, wrapped without its layout if it is too wide."""
    text = textwrap.indent(to_text(line), "  ")
    for layout in (text, _broken_before_bracket(text)):
        if max(map(len, layout.split("\n"))) <= width:
            return layout
    return textwrap.fill(
        " ".join(text.split()),
        width,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _broken_before_bracket(text: str) -> str:
    """Return a formula with the factor of its bracket on a line of its own."""
    factor, bracket, terms = text.partition("· [ ")
    if not bracket:
        return text
    aligned = "\n        ".join(term.strip() for term in terms.split("\n"))
    return f"{factor.rstrip()}\n      {bracket}{aligned}"


def grid_table(grid: Grid, console: Console) -> Table | Text:
    """Return a table, or its rows as running text if the table is too wide for the console."""
    lines = None if grid.compact else box.SIMPLE_HEAD
    table = Table(box=lines, pad_edge=False, padding=(0, 2 if grid.compact else 1, 0, 0))
    prose = grid.prose
    for position, header in enumerate(grid.headers):
        right = position and not prose
        whole = not (prose and position)
        table.add_column(
            header, justify="right" if right else "left", no_wrap=whole, overflow="fold"
        )
    for (first, *others), role in zip_longest(grid.rows, grid.row_roles):
        table.add_row(Text(first, ROLE_STYLES[role]), *others)
    needed = Measurement.get(console, console.options.update(max_width=_UNLIMITED_WIDTH), table)
    # A table that is nearly too narrow for its longest words would cut them.
    needed_width = needed.minimum * _PROSE_MARGIN if prose else needed.maximum
    if needed_width < console.width:
        return table
    return Text("\n".join(_running(grid.headers, row, console.width - 2) for row in grid.rows))


_PROSE_MARGIN = 1.2
_UNLIMITED_WIDTH = 1 << 16


def _running(headers: Sequence[str], row: Sequence[str], width: int) -> str:
    pairs = (f"{header} {cell}" for header, cell in zip(headers, row, strict=True) if cell)
    return textwrap.fill("; ".join(pairs), width, subsequent_indent="  ")
