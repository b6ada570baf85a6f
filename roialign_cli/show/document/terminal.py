"""Render documents and pooled outputs in the terminal."""

from __future__ import annotations

import io
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import TextIO, cast

import numpy as np
from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from roialign_cli.analysis.results import Result
from roialign_cli.core.boxes import Float
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
from roialign_cli.show.numbers import (
    NEIGHBOUR_NAMES,
    format_column,
    format_number,
    format_point,
    normalise,
)
from roialign_cli.show.palette import AREAS, TERMINAL, ink


class PipedConsole(Console):
    """A console that raises an error when the reader of a pipe is gone."""

    def on_broken_pipe(self) -> None:
        """Raise the error of any other write to a closed pipe."""
        raise BrokenPipeError


class _TrimmedStream:
    """A text stream that writes lines without trailing spaces."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(_TRAILING_SPACES.sub("", text))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


_TRAILING_SPACES = re.compile(r" +(?=\n)")


def new_console(stream: TextIO | None = None, width: int | None = None) -> Console:
    """Return a console to print results on.

    Parameters
    ----------
    stream
        A text stream; standard output if None.
    width
        The width in columns, at least `MIN_WIDTH`; that of the terminal if None.
    """
    trimmed = cast("TextIO", _TrimmedStream(stream or sys.stdout))
    terminal = None if stream is None else False  # text has no styles, even under FORCE_COLOR
    console = PipedConsole(
        file=trimmed,
        width=width,
        force_terminal=terminal,
        highlight=False,
        emoji=False,
        markup=False,
    )
    console.width = max(console.width, MIN_WIDTH)
    return console


MIN_WIDTH = 30  # columns; narrower terminals wrap the lines


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


# Weights and values of neighbours are on the background that their areas have in figures.
_ROLE_STYLES: Mapping[Role | None, Style] = {
    None: Style(),
    "roi": Style(color=TERMINAL.roi),
    "section": Style(color=TERMINAL.section),
    "point": Style(color=TERMINAL.point),
    "neighbour": Style(color=TERMINAL.neighbour),
    "winner": Style(color=TERMINAL.winner),
    **{
        name: Style(color=ink(area), bgcolor=area)
        for name, area in zip(NEIGHBOUR_NAMES, AREAS, strict=True)
    },
}


def _renderable(block: Block, console: Console) -> Text | Padding:
    match block:
        case Heading(level, text, role):
            style = Style(bold=True) if level < 3 else Style(italic=True)
            return Text(text, style + _ROLE_STYLES[role])
        case Paragraph(text, indent):
            return Padding(Text(text), (0, 0, 0, indent), expand=False) if indent else Text(text)
        case Formulas(lines):
            return Text("\n").join(_formula(line, console.width) for line in lines)
        case Verbatim(lines, roles=roles):
            text = "\n".join(f"  {line}" for line in lines)
            return _coloured((character, roles.get(character)) for character in text)
        case Grid():
            grid = _grid(block, console)
            return Padding(grid, (0, 0, 0, 2 if block.compact else 1), expand=False)
        case Output(values):
            tables = _output_tables(values, console.width - 1)
            return Padding(Group(*tables), (1, 0, 0, 1), expand=False)


def _coloured(characters: Iterable[tuple[str, Role | None]]) -> Text:
    """Return characters, each with its role, as text in the colours of the roles."""
    runs = groupby(characters, key=itemgetter(1))
    return Text.assemble(
        *(("".join(character for character, _ in run), _ROLE_STYLES[role]) for role, run in runs)
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
    if max(map(len, text.split("\n"))) <= width:
        return text
    return textwrap.fill(
        " ".join(text.split()),
        width,
        initial_indent="  ",
        subsequent_indent="      ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _grid(grid: Grid, console: Console) -> Table | Text:
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
        table.add_row(Text(first, _ROLE_STYLES[role]), *others)
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


_MAX_OUTPUT_TABLES = 4  # more outputs are summarised, one in each row
_MAX_SUMMARY_ROWS = 40


def print_result(subject: str, result: Result) -> None:
    """Print the pooled outputs of a run, or a summary of them if there are many.

    Parameters
    ----------
    subject
        The first line, which describes the features and the convention.
    result
        The pooled outputs.
    """
    console = new_console()
    console.print(Text(subject), soft_wrap=not console.is_terminal)
    rois, channels = result.pooled.shape[:2]
    if rois * channels > _MAX_OUTPUT_TABLES:
        _print_summary(console, result)
        return
    for r in range(rois):
        for c, channel in enumerate(result.channels):
            title = _title(result, r) + (f", channel {channel}" if channel or channels > 1 else "")
            console.print(Text(title, Style(bold=True) + _ROLE_STYLES["roi"]))
            for table in _output_tables(result.pooled[r, c], console.width):
                console.print(table)


def _title(result: Result, r: int) -> str:
    roi = result.roi(r)
    label = f" {result.name(r)}" if result.name(r) else ""
    if result.pyramid is not None:
        level = result.pyramid.level(r)
        if level is None:
            return f"ROI {r}{label}: on no map"
        label += f", level {level}"
    return (
        f"ROI {r}{label}: top-left {format_point(roi['x'], roi['y'])}, "
        f"{format_number(roi['width'], 5)} × {format_number(roi['height'], 5)} cells"
    )


def _print_summary(console: Console, result: Result) -> None:
    rois, channels = result.pooled.shape[:2]
    shown = min(rois * channels, _MAX_SUMMARY_ROWS)
    rows = [_summary_row(result, *divmod(index, channels)) for index in range(shown)]
    headers = ("ROI", "label", "map", "level", "top-left", "size", "ch.", "min", "mean", "max")
    columns = [
        (header, cells)
        for header, cells in zip(headers, zip(*rows, strict=True), strict=True)
        if header not in _OPTIONAL_COLUMNS or len(set(cells)) > 1
    ]
    shown_headers, shown_cells = zip(*columns, strict=True)
    console.print(_grid(Grid(shown_headers, tuple(zip(*shown_cells, strict=True))), console))
    rest = rois * channels - shown
    more = f"{rest} more outputs are not shown. " if rest else ""
    console.print(
        f"{more}Select one box or --channel C to print values; use -o FILE or --format csv for "
        "all values."
    )


_OPTIONAL_COLUMNS = {"label", "map", "level"}  # shown if their cells differ


def _summary_row(result: Result, r: int, c: int) -> tuple[str, ...]:
    roi, output = result.roi(r), result.pooled[r, c].astype(np.float64)
    level = None if result.pyramid is None else result.pyramid.level(r)
    place = format_point(roi["x"], roi["y"], 2)
    size = f"{format_number(roi['width'], 2)} × {format_number(roi['height'], 2)}"
    if result.pyramid is not None and level is None:
        place = size = "–"
    return (
        str(r),
        result.name(r),
        str(result.operation.batch_index[r]),
        "–" if level is None else str(level),
        place,
        size,
        str(result.channels[c]),
        *format_column((output.min(), output.mean(), output.max()), 3),
    )


def _output_tables(output: Float, width: int) -> Iterator[Table]:
    """Yield tables of an output (rows, columns), coloured by value, that fit into a width."""
    rows, columns = output.shape
    cells = [
        Text(f" {value} ", style=_shade(share))
        for value, share in zip(
            format_column(output.ravel().tolist()), normalise(output.ravel()).tolist(), strict=True
        )
    ]
    label_width = max(len(f"j={rows}"), 3)
    cell_width = max(*(cell.cell_len for cell in cells), len(f"i={columns}") + 2)
    max_columns = max((width - label_width - 2) // (cell_width + 1), 1)
    for first in range(0, columns, max_columns):
        shown = range(first, min(first + max_columns, columns))
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("", style="dim", no_wrap=True)
        for i in shown:
            table.add_column(f"i={i + 1}", justify="center", no_wrap=True)
        for j in range(rows):
            table.add_row(f"j={j + 1}", *(cells[j * columns + i] for i in shown))
        yield table


def _shade(share: float) -> Style:
    background = TERMINAL.values.colour(share)
    return Style(color=ink(background), bgcolor=background)
