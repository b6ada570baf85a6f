"""Print pooled outputs as tables, coloured by value, or a summary of many."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from roialign_cli.analysis.results import Result
from roialign_cli.core.boxes import Float
from roialign_cli.show.console import ROLE_STYLES, new_console
from roialign_cli.show.numbers import format_column, format_number, format_point, normalise
from roialign_cli.show.palette import TERMINAL, ink

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
            console.print(Text(title, Style(bold=True) + ROLE_STYLES["roi"]))
            for table in output_tables(result.pooled[r, c], console.width):
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
    from roialign_cli.show.document.blocks import Grid  # noqa: PLC0415 - slow to import
    from roialign_cli.show.document.terminal import grid_table  # noqa: PLC0415

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
    grid = Grid(shown_headers, tuple(zip(*shown_cells, strict=True)))
    console.print(grid_table(grid, console))
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
