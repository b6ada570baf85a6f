"""Print pooled outputs as tables, or a summary of many outputs."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.style import Style
from rich.text import Text

from roialign_cli.analysis.results import Result
from roialign_cli.show.console import ROLE_STYLES, new_console
from roialign_cli.show.numbers import format_column, format_number, format_point
from roialign_cli.show.output_tables import output_tables

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
