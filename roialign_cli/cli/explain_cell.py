"""`roialign explain --cell`: which outputs of all boxes a cell of the map feeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from roialign_cli.analysis.footprint import outputs_using_cell
from roialign_cli.analysis.records import cell_record
from roialign_cli.cli.document import Document
from roialign_cli.show.document.cell import cell_blocks
from roialign_cli.show.document.page import document_page
from roialign_cli.show.progress import box_progress

if TYPE_CHECKING:
    from roialign_cli.analysis.pitfalls import Note
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.cli.options import OperatorOptions
    from roialign_cli.core.convention import Summary


def cell_document(
    inputs: Inputs,
    options: OperatorOptions,
    cell: tuple[int, int],
    channel: int | Summary,
    notes: Sequence[Note],
) -> Document:
    """Return the explanation of a cell.

    Parameters
    ----------
    inputs
        The operation and its labels.
    options
        The options that name the inputs.
    cell
        (row, column), from 0.
    channel
        Index of the channel, or the summary of all channels.
    notes
        The warnings that the JSON lists.
    """
    operation, labels = inputs.operation, inputs.labels
    with box_progress(len(labels)) as advance:
        contributions = outputs_using_cell(operation, *cell, channel, advance)
    blocks = cell_blocks(operation, cell, contributions, labels, channel)
    return Document(
        lambda: blocks,
        lambda: document_page(blocks),
        lambda: (
            cell_record(operation, cell, contributions, labels, channel, notes)
            | options.call_record
        ),
    )
