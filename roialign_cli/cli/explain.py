"""`roialign explain`: every step of one ROI, with its numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.options import (
    OperatorOptions,
    channel_option,
    operator_options,
    section_options,
)

if TYPE_CHECKING:
    from roialign_cli.conventions import Summary


@click.command("explain")
@operator_options
@click.option("--roi", type=click.IntRange(min=0), default=0, help="Which of the boxes, from 0.")
@channel_option
@section_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="JSON has the whole ROI, unrounded.",
)
@click.option("--sketch", is_flag=True, help="Draw the ROI and its points on the cells in text.")
def command(
    options: OperatorOptions,
    roi: int,
    channel: int | Summary,
    section: tuple[int, int] | None,
    point: tuple[int, int] | None,
    form: str,
    *,
    sketch: bool,
) -> None:
    """Tell every step of one ROI, with its numbers.

    \b
    roialign explain map.npy --image-size 512x512 --box 296,320,200,145
    roialign explain map.npy --box 9.25,10,6.25,4.53 --sketch
    roialign explain map.npy --box 9.25,10,6.25,4.53 --section 1,1 --format json
    """  # noqa: D301
    from roialign_cli.cli.inputs import load
    from roialign_cli.records import to_json, trace_record
    from roialign_cli.show.explanation import Explanation
    from roialign_cli.tracing import trace_operation

    if sketch and form == "json":
        raise click.UsageError("--sketch is text; --format json has the numbers that it draws")
    inputs = load(options)
    operation = inputs.operation
    trace = trace_operation(operation, roi, channel)
    exact = None
    if trace.convention.coordinate_decimals is not None:
        unrounded = replace(trace.convention, coordinate_decimals=None)
        exact = trace_operation(replace(operation, convention=unrounded), roi, channel)
    if form == "json":
        narrowed = replace(trace, sections=trace.narrowed(section, point))
        click.echo(to_json(trace_record(narrowed)))
        return
    explanation = Explanation(trace, exact, inputs.file.title, section, point, sketch)
    blocks = list(explanation.blocks())
    if form == "markdown":
        from roialign_cli.show.markdown import to_markdown

        click.echo(to_markdown(blocks), nl=False)
        return
    from roialign_cli.show.terminal import print_blocks

    print_blocks(blocks)
