"""`roialign explain`: every step of one ROI, with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.helping import command, option
from roialign_cli.cli.options import (
    CELL,
    OperatorOptions,
    channel_option,
    format_option,
    note_options,
    operator_options,
    roi_option,
    section_options,
)

if TYPE_CHECKING:
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.conventions import Summary
    from roialign_cli.notes import Note
    from roialign_cli.show.blocks import Block


@command(
    "explain",
    "roialign explain map.npy --image-size 512x512 --box 296,320,200,145",
    "roialign explain map.npy --box 9.25,10,6.25,4.53 --sketch",
    "roialign explain map.npy --box 9.25,10,6.25,4.53 --section 1,1 --format json",
    "roialign explain map.npy --boxes boxes.csv --cell 6,9",
)
@operator_options
@roi_option
@channel_option
@section_options
@option(
    "--cell",
    group="Selection",
    type=CELL,
    help="Tell instead which outputs of all boxes this cell of the map feeds.",
)
@format_option(
    "text", "markdown", "json", default="text", told="JSON has the whole ROI, unrounded."
)
@option(
    "--sketch",
    group="Output",
    is_flag=True,
    help="Draw the ROI and its points on the cells in text.",
)
@note_options
def explain(
    options: OperatorOptions,
    roi: int | None,
    channel: int | Summary,
    section: tuple[int, int] | None,
    point: tuple[int, int] | None,
    form: str,
    cell: tuple[int, int] | None,
    *,
    sketch: bool,
    quiet: bool,
    strict: bool,
) -> None:
    """Tell every step of one ROI, with its numbers."""
    from roialign_cli.cli.inputs import load
    from roialign_cli.cli.notes import tell
    from roialign_cli.notes import find_notes
    from roialign_cli.records import to_json, trace_record
    from roialign_cli.show.explanation import Explanation
    from roialign_cli.tracing import trace_operation

    if sketch and form == "json":
        raise click.UsageError("--sketch is text; --format json has the numbers that it draws")
    if cell is not None and (sketch or section or point or roi is not None):
        raise click.UsageError("--cell takes no --roi, --section, --point and --sketch")
    roi = roi or 0
    inputs = load(options)
    operation = inputs.operation
    notes = find_notes(operation, operation.plan(), None if cell else roi)
    tell(notes, quiet=quiet, strict=strict)
    if cell is not None:
        _tell_of_cell(inputs, cell, channel, form, notes)
        return
    trace = trace_operation(operation, roi, channel)
    exact = None
    if trace.convention.coordinate_decimals is not None:
        unrounded = replace(trace.convention, coordinate_decimals=None)
        exact = trace_operation(replace(operation, convention=unrounded), roi, channel)
    if form == "json":
        narrowed = replace(trace, sections=trace.narrowed(section, point))
        click.echo(to_json(trace_record(narrowed, notes)))
        return
    explanation = Explanation(trace, exact, inputs.file.title, section, point, sketch)
    _print(list(explanation.blocks()), form)


def _tell_of_cell(
    inputs: Inputs,
    cell: tuple[int, int],
    channel: int | Summary,
    form: str,
    notes: Sequence[Note],
) -> None:
    from roialign_cli.footprint import fed_by
    from roialign_cli.records import fed_record, to_json
    from roialign_cli.show.explanation import cell_blocks

    fed = fed_by(inputs.operation, *cell, channel)
    if form == "json":
        record = fed_record(inputs.operation, cell, fed, inputs.labels, channel, notes)
        click.echo(to_json(record))
    else:
        _print(cell_blocks(inputs.operation, cell, fed, inputs.labels, channel), form)


def _print(blocks: Sequence[Block], form: str) -> None:
    if form == "markdown":
        from roialign_cli.show.markdown import to_markdown

        click.echo(to_markdown(blocks), nl=False)
        return
    from roialign_cli.show.terminal import print_blocks

    print_blocks(blocks)
