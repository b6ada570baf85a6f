"""Arrange a pooled output in tables, coloured by value."""

from __future__ import annotations

from collections.abc import Iterator

from rich.style import Style
from rich.table import Table
from rich.text import Text

from roialign_cli.core.boxes import Float
from roialign_cli.show.numbers import format_column, normalise
from roialign_cli.show.palette import TERMINAL, ink


def output_tables(output: Float, width: int) -> Iterator[Table]:
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
