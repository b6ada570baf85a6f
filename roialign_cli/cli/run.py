"""`roialign run`: pool every box, and print or write the outputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.help import command, output_option, selection_option
from roialign_cli.cli.option_types import OUTPUT_FILE, Size, WholeNumber
from roialign_cli.cli.options import (
    OperatorOptions,
    force_option,
    format_option,
    note_options,
    operator_options,
)
from roialign_cli.cli.streams import message

if TYPE_CHECKING:
    from roialign_cli.analysis.records import Result
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.core.sampling import Plan


@command(
    "run",
    "roialign run map.npy --image-size 512x512 --box 296,320,200,145",
    "roialign run photo.png --stride 32 --boxes boxes.csv --output-size 7 -o pooled.npy",
)
@operator_options
@selection_option(
    "--channel", metavar="C", type=WholeNumber(min=0), help="Pool only this channel, from 0."
)
@output_option(
    "-o",
    "--output",
    metavar="FILE",
    type=OUTPUT_FILE,
    help="Write the outputs to a .npy, .npz, .csv or .json file.",
)
@format_option("table", "csv", "json", text="Output format.  [default: table, or nothing with -o]")
@output_option(
    "--max-memory",
    type=Size(),
    help="Maximum memory for the outputs, such as 2GB.  [default: the free memory]",
)
@force_option
@note_options
def run(
    options: OperatorOptions,
    channel: int | None,
    output: Path | None,
    output_format: str | None,
    max_memory: float | None,
    *,
    force: bool,
    quiet: bool,
    strict: bool,
) -> None:
    """Pool every box and print or write the outputs."""
    from roialign_cli.cli.inputs import load
    from roialign_cli.cli.warnings import report_warnings
    from roialign_cli.files.results import check_output, write_result
    from roialign_cli.files.writing import check_writable

    if output is not None:
        check_output(output)
        check_writable(output, force=force, read=options.files)
    inputs = load(options)
    plan = inputs.operation.plan()
    notes = inputs.notes(plan)
    report_warnings(notes, quiet=quiet, strict=strict)
    _check_fits(inputs, plan, channel, output, output_format, max_memory)
    result = replace(_pool(inputs, plan, channel, output, force=force), notes=notes)
    if output is not None:
        write_result(output, result, force=force)
        shape = " × ".join(map(str, result.pooled.shape))
        message(inputs.subject)
        message(f"wrote {output}: {shape} {result.pooled.dtype}")
        output_format = output_format or "nothing"
    _print(result, inputs, output_format)


def _check_fits(
    inputs: Inputs,
    plan: Plan,
    channel: int | None,
    output: Path | None,
    output_format: str | None,
    max_memory: float | None,
) -> None:
    """Raise an error if there is no room for the outputs."""
    from roialign_cli.core.pooling import output_like
    from roialign_cli.files.results import check_output_fits, is_pooled_into

    (rois, channels, *size), dtype = output_like(inputs.operation.features, plan)
    shape = rois, channels if channel is None else 1, *size
    suffix = "" if output is None else output.suffix.lower()
    mapped = output if is_pooled_into(output) and output_format in {None, "nothing"} else None
    as_text = suffix in {".csv", ".json"} or output_format in {"csv", "json"}
    check_output_fits(shape, dtype.itemsize, mapped, max_memory, as_text=as_text)


def _pool(
    inputs: Inputs, plan: Plan, channel: int | None, output: Path | None, *, force: bool
) -> Result:
    from roialign_cli.analysis.records import Result
    from roialign_cli.analysis.trace import checked_index
    from roialign_cli.core.pooling import output_like, pool
    from roialign_cli.files.results import output_array
    from roialign_cli.show.progress import box_progress

    operation = inputs.operation
    channels = range(operation.channels)
    if channel is not None:
        checked_index("channel", channel, len(channels), "channel")
        channels = range(channel, channel + 1)
        operation = operation.for_channel(channel)
    shape, dtype = output_like(operation.features, plan)
    with output_array(output, shape, dtype, force=force) as out, box_progress(shape[0]) as advance:
        pooled = pool(operation.features, plan, operation.batch_index, out=out, advance=advance)
        inputs.file.check_unchanged()
    return Result(operation, plan, pooled, inputs.labels, channels, inputs.scores)


def _print(result: Result, inputs: Inputs, output_format: str | None) -> None:
    """Print a result as a table if no format is chosen."""
    from roialign_cli.analysis.records import result_record, to_json
    from roialign_cli.files.results import to_csv

    if output_format == "csv":
        click.echo(to_csv(result), nl=False)
    elif output_format == "json":
        click.echo(to_json(result_record(result)))
    elif output_format in {None, "table"}:
        from roialign_cli.show.document.terminal import print_result

        print_result(inputs.subject, result)
