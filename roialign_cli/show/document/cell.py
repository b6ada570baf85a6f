"""Which outputs use a cell of the map, as blocks."""

from __future__ import annotations

from collections.abc import Sequence

from roialign_cli.analysis.footprint import CellContribution
from roialign_cli.core.convention import Summary
from roialign_cli.core.operation import Operation
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.numbers import format_number, format_point, name_of


def cell_blocks(
    operation: Operation,
    cell: tuple[int, int],
    fed: Sequence[CellContribution],
    labels: Sequence[str],
    channel: int | Summary,
) -> list[Block]:
    """Return which outputs use a cell of the map, and with what weight."""
    row, column = cell
    at = format_point(operation.frame.x(column), operation.frame.y(row))
    convention = f"{name_of(operation.convention)}, {operation.convention.pooling}"
    blocks: list[Block] = [
        Heading(1, f"The outputs that the cell at row {row}, column {column} feeds"),
        Paragraph(f"Its centre is at {at}. Convention {convention}{_on(operation, channel)}."),
    ]
    if not fed:
        return [*blocks, Paragraph("It feeds none.")]
    rows = (
        (
            f"{f.roi} {labels[f.roi]}".strip(),
            str(operation.batch_index[f.roi]),
            format_point(*f.section),
            format_number(f.weight),
        )
        for f in fed
    )
    total = format_number(sum(f.weight for f in fed))
    return [
        *blocks,
        Grid(("ROI", "map", "section (i, j)", "weight"), tuple(rows)),
        Paragraph(f"{len(fed)} output{'' if len(fed) == 1 else 's'}, {total} in all."),
    ]


def _on(operation: Operation, channel: int | Summary) -> str:
    """Return on which channel winners are found, if there are several and any."""
    several = operation.features.shape[1] > 1 and operation.convention.pooling == "max"
    return f", channel {channel}" if several else ""
