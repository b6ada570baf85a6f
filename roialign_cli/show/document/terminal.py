"""Explanations and pooled outputs in the terminal."""

from __future__ import annotations

import io
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO, cast

import numpy as np
from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from roialign_cli.analysis.records import Result
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
from roialign_cli.show.document.formulas import FormulaLine, to_text
from roialign_cli.show.numbers import format_column, format_number, format_point, normalise
from roialign_cli.show.palette import ink, ramp


class PipedConsole(Console):
    """A console that leaves it to the command line what becomes of a reader who has gone."""

    def on_broken_pipe(self) -> None:
        """Raise what any other write would."""
        raise BrokenPipeError


class _Trimmed:
    """A text stream to whose lines no blanks are added at their ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(_BLANKS.sub("", text))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._stream, name)


_BLANKS = re.compile(r" +(?=\n)")


def new_console(stream: TextIO | None = None, width: int | None = None) -> Console:
    """Return a console that results are printed on, standard output's if no other."""
    trimmed = cast("TextIO", _Trimmed(stream or sys.stdout))
    console = PipedConsole(file=trimmed, width=width, highlight=False, emoji=False, markup=False)
    console.width = max(console.width, MIN_WIDTH)
    return console


MIN_WIDTH = 30  # columns; narrower terminals break the lines themselves


def print_blocks(blocks: Iterable[Block]) -> None:
    """Print an explanation."""
    _print_on(new_console(), blocks)


def blocks_text(blocks: Iterable[Block]) -> str:
    """Return an explanation as text for a page of 80 columns."""
    written = io.StringIO()
    _print_on(new_console(written, 80), blocks)
    return written.getvalue()


def _print_on(console: Console, blocks: Iterable[Block]) -> None:
    for position, block in enumerate(blocks):
        if isinstance(block, Heading) and position:
            console.print()
        console.print(_renderable(block, console))


def _renderable(block: Block, console: Console) -> Text | Padding:
    match block:
        case Heading(level, text):
            return Text(text, style="bold" if level < 3 else "italic")
        case Paragraph(text):
            return Text(text)
        case Formulas(lines):
            return Text("\n".join(_formula(line, console.width) for line in lines))
        case Verbatim(lines):
            return Text("\n".join(f"  {line}" for line in lines))
        case Grid(headers, rows, prose):
            grid = _grid(headers, rows, console, prose=prose)
            return Padding(grid, (0, 0, 0, 1), expand=False)
        case Output(values):
            tables = _output_tables(values, console.width - 1)
            return Padding(Group(*tables), (1, 0, 0, 1), expand=False)


def _formula(line: FormulaLine, width: int) -> str:
    """Return a line of formulas, broken without regard to its layout if it is too wide."""
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


def _grid(
    headers: Sequence[str], rows: Sequence[Sequence[str]], console: Console, *, prose: bool = False
) -> Table | Text:
    """Return a table, or what is in it as running text if it is too wide for the console."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for position, header in enumerate(headers):
        right = position and not prose
        table.add_column(header, justify="right" if right else "left", no_wrap=not prose)
    for row in rows:
        table.add_row(*row)
    needed = Measurement.get(console, console.options.update(max_width=_VERY_WIDE), table)
    if (needed.minimum if prose else needed.maximum) < console.width:
        return table
    return Text("\n".join(_running(headers, row, console.width - 2) for row in rows))


_VERY_WIDE = 1 << 16


def _running(headers: Sequence[str], row: Sequence[str], width: int) -> str:
    told = (f"{header} {cell}" for header, cell in zip(headers, row, strict=True) if cell)
    return textwrap.fill("; ".join(told), width, subsequent_indent="  ")


# With more outputs than this they get a row each; with more rows than this, the first ones.
_MOST_TABLES = 4
_MOST_ROWS = 40


def print_result(subject: str, result: Result) -> None:
    """Print what a run made: the outputs themselves if they are few, else a summary."""
    console = new_console()
    console.print(Text(subject), soft_wrap=not console.is_terminal)
    rois, channels = result.pooled.shape[:2]
    if rois * channels > _MOST_TABLES:
        _print_summary(console, result)
        return
    for r in range(rois):
        for c, channel in enumerate(result.channels):
            title = _title(result, r) + (f", channel {channel}" if channel or channels > 1 else "")
            console.print(Text(title, style="bold"))
            for table in _output_tables(result.pooled[r, c], console.width):
                console.print(table)


def _title(result: Result, r: int) -> str:
    roi = result.roi(r)
    label = f" {result.name(r)}" if result.name(r) else ""
    return (
        f"ROI {r}{label}: top-left {format_point(roi['x'], roi['y'])}, "
        f"{format_number(roi['width'], 5)} × {format_number(roi['height'], 5)} cells"
    )


def _print_summary(console: Console, result: Result) -> None:
    rois, channels = result.pooled.shape[:2]
    shown = min(rois * channels, _MOST_ROWS)
    rows = [_summary_row(result, *divmod(index, channels)) for index in range(shown)]
    headers = ("ROI", "label", "map", "top-left", "size", "ch.", "min", "mean", "max")
    # Without names, and with one map, there is nothing to tell in these.
    kept = [k for k, h in enumerate(headers) if h not in _AT_TIMES or len({r[k] for r in rows}) > 1]
    told = [[row[k] for k in kept] for row in rows]
    console.print(_grid([headers[k] for k in kept], told, console))
    rest = rois * channels - shown
    more = f"{rest} more outputs are not shown. " if rest else ""
    console.print(
        f"{more}One box or --channel C shows the values; -o FILE or --format csv has all of them."
    )


_AT_TIMES = {"label", "map"}


def _summary_row(result: Result, r: int, c: int) -> tuple[str, ...]:
    roi, output = result.roi(r), result.pooled[r, c].astype(np.float64)
    return (
        str(r),
        result.name(r),
        str(result.operation.batch_index[r]),
        format_point(roi["x"], roi["y"], 2),
        f"{format_number(roi['width'], 2)} × {format_number(roi['height'], 2)}",
        str(result.channels[c]),
        *format_column((output.min(), output.mean(), output.max()), 3),
    )


def _output_tables(output: Float, width: int) -> Iterator[Table]:
    """Yield an output, (height, width), each cell coloured by its value, in tables that fit."""
    rows, columns = output.shape
    text = format_column(output.ravel().tolist())
    cells = [
        Text(f" {value} ", style=_shade(share))
        for value, share in zip(text, normalise(output.ravel()).tolist(), strict=True)
    ]
    label = max(len(f"j={rows}"), 3)
    widest = max(*(cell.cell_len for cell in cells), len(f"i={columns}") + 2)
    fitting = max((width - label - 2) // (widest + 1), 1)
    for first in range(0, columns, fitting):
        shown = range(first, min(first + fitting, columns))
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column("", style="dim", no_wrap=True)
        for i in shown:
            table.add_column(f"i={i + 1}", justify="center", no_wrap=True)
        for j in range(rows):
            table.add_row(f"j={j + 1}", *(cells[j * columns + i] for i in shown))
        yield table


def _shade(share: float) -> Style:
    background = ramp(share)
    return Style(color=ink(background), bgcolor="#{:02x}{:02x}{:02x}".format(*background))
