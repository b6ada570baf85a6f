"""Build the document that lists the outputs that use a cell of the map."""

from __future__ import annotations

from collections.abc import Sequence

from roialign_cli.analysis.footprint import CellContribution
from roialign_cli.core.channels import channel_read
from roialign_cli.core.convention import Summary
from roialign_cli.core.operation import Operation
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.numbers import format_count, format_number, format_point, name_of


def cell_blocks(
    operation: Operation,
    cell: tuple[int, int],
    fed: Sequence[CellContribution],
    labels: Sequence[str],
    channel: int | Summary,
) -> list[Block]:
    """Return the document that lists the outputs that use a cell of the map.

    Parameters
    ----------
    operation
        The ROI Align of all boxes.
    cell
        The row and the column of the cell, from 0.
    fed
        The outputs that use the cell, with their weights.
    labels
        One label for each box, "" where it has none.
    channel
        The channel whose winners count in max pooling.
    """
    row, column = cell
    at = format_point(operation.frame.x(column), operation.frame.y(row))
    convention = f"{name_of(operation.convention)}, {operation.convention.pooling}"
    convention += _channel_note(operation, channel)
    blocks: list[Block] = [
        Heading(1, f"Outputs that use the cell at row {row}, column {column}"),
        Paragraph(f"The centre of the cell is at {at}. Convention: {convention}."),
    ]
    if not fed:
        return [*blocks, Paragraph("No output uses this cell.")]
    rows: list[tuple[str, ...]] = [
        (
            f"{f.roi} {labels[f.roi]}".strip(),
            str(operation.batch_index[f.roi]),
            format_point(*f.section),
            format_number(f.weight),
        )
        for f in fed
    ]
    titles: tuple[str, ...] = ("ROI", "map", "section (i, j)", "weight")
    channels = [_own_channel(operation, channel, f.section) for f in fed]
    if None not in channels:
        titles = (*titles, "in channel")
        rows = [(*row, str(own)) for row, own in zip(rows, channels, strict=True)]
    total = format_number(sum(f.weight for f in fed))
    return [
        *blocks,
        Grid(titles, tuple(rows)),
        Paragraph(f"{format_count(len(fed), 'output', 'outputs')}, total weight {total}."),
    ]


def _channel_note(operation: Operation, channel: int | Summary) -> str:
    """Return the channel whose winners count; "" without a choice of channels, or of winners."""
    several = operation.channels > 1 and operation.convention.pooling == "max"
    return f", channel {channel}" if several else ""


def _own_channel(
    operation: Operation, channel: int | Summary, section: tuple[int, int]
) -> int | None:
    """Return the channel in which a section uses the cell, if each reads a channel of its own."""
    if isinstance(channel, str):
        return None
    return channel_read(operation.convention, operation.output_size, channel, section)
