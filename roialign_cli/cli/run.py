"""`roialign run`: pool every box, and print or write the outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from roialign_cli.errors import checked_index

if TYPE_CHECKING:
    import numpy as np

    from roialign_cli.analysis.results import Result

Shape = tuple[int, ...]


@command(
    "run",
    "roialign run map.npy --image-size 512x512 --box 296,320,200,145",
    "roialign run photo.png --stride 32 --boxes boxes.csv --output-size 7 -o pooled.npy",
    "roialign run pyramid.npz --pyramid torchvision --image-size 64x64 --boxes boxes.csv",
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
    from roialign_cli.files.results import check_output, write_result
    from roialign_cli.files.writing import check_writable

    if output is not None:
        check_output(output)
        check_writable(output, force=force, read=options.files)
    target = Target(output, output_format, max_memory, force)
    pool = _pool if options.pyramid is None else _pool_pyramid
    result, subject = pool(options, channel, target, quiet=quiet, strict=strict)
    if output is not None:
        write_result(output, result, force=force)
        shape = " × ".join(map(str, result.pooled.shape))
        message(subject)
        message(f"wrote {output}: {shape} {result.pooled.dtype}")
        output_format = output_format or "nothing"
    _print(result, subject, output_format)


@dataclass(frozen=True)
class Target:
    """Where the outputs go, and how much memory they may take.

    Parameters
    ----------
    output
        The file to write; None for standard output.
    output_format
        The format on standard output; None for the default.
    max_memory
        Bytes of memory for the outputs; None for the free memory.
    force
        Whether an existing file may be overwritten.
    """

    output: Path | None
    output_format: str | None
    max_memory: float | None
    force: bool

    def check_fits(self, shape: Shape, dtype: np.dtype[np.floating]) -> None:
        """Raise an error if there is no room for outputs of this shape and dtype."""
        from roialign_cli.files.results import check_output_fits, is_pooled_into

        output, output_format = self.output, self.output_format
        suffix = "" if output is None else output.suffix.lower()
        into_file = is_pooled_into(output) and output_format in {None, "nothing"}
        mapped = output if into_file else None
        as_text = suffix in {".csv", ".json"} or output_format in {"csv", "json"}
        check_output_fits(shape, dtype.itemsize, mapped, self.max_memory, as_text=as_text)


def _channels(channel: int | None, count: int) -> range:
    """Return the channels to pool; raise an error if there is no such channel."""
    if channel is None:
        return range(count)
    checked_index("channel", channel, count, "channel")
    return range(channel, channel + 1)


def _pool(
    options: OperatorOptions, channel: int | None, target: Target, *, quiet: bool, strict: bool
) -> tuple[Result, str]:
    """Return the outputs of a single map, and the line that describes the run."""
    from roialign_cli.analysis.results import Result
    from roialign_cli.cli.inputs import load
    from roialign_cli.cli.warnings import report_warnings
    from roialign_cli.core.pooling import output_like, pool
    from roialign_cli.files.results import output_array
    from roialign_cli.show.progress import box_progress

    inputs = load(options)
    operation = inputs.operation
    plan = operation.plan()
    notes = inputs.notes(plan)
    report_warnings(notes, quiet=quiet, strict=strict)
    (rois, all_channels, *size), dtype = output_like(operation.features, plan)
    target.check_fits((rois, all_channels if channel is None else 1, *size), dtype)
    channels = _channels(channel, operation.channels)
    if channel is not None:
        operation = operation.for_channel(channel)
    shape = rois, len(channels), *size
    with (
        output_array(target.output, shape, dtype, force=target.force) as out,
        box_progress(rois) as advance,
    ):
        pooled = pool(operation.features, plan, operation.batch_index, out=out, advance=advance)
        inputs.file.check_unchanged()
    result = Result(operation, plan, pooled, inputs.labels, channels, inputs.scores, notes)
    return replace(result, call=options.call_record), inputs.subject


def _pool_pyramid(
    options: OperatorOptions, channel: int | None, target: Target, *, quiet: bool, strict: bool
) -> tuple[Result, str]:
    """Return the outputs of a pyramid, and the line that describes the run."""
    from roialign_cli.analysis.results import Result
    from roialign_cli.cli.pyramids import load_pyramid, notes_on
    from roialign_cli.cli.warnings import report_warnings
    from roialign_cli.files.results import output_array
    from roialign_cli.show.progress import box_progress

    inputs = load_pyramid(options)
    on_pyramid = inputs.on_pyramid()
    notes = notes_on(on_pyramid)
    report_warnings(notes, quiet=quiet, strict=strict)
    channels = _channels(channel, inputs.operation.operations[0].channels)
    operation = inputs.operation
    if channel is not None:
        operation = operation.for_channel(channel)
        on_pyramid = replace(on_pyramid, operation=operation)
    shape, dtype = operation.output_like()
    target.check_fits(shape, dtype)
    with (
        output_array(target.output, shape, dtype, force=target.force) as out,
        box_progress(shape[0]) as advance,
    ):
        pooled = operation.pooled(on_pyramid.plans, out, advance)
        inputs.check_unchanged()
    first, plan = operation.operations[0], on_pyramid.plans[0]
    result = Result(first, plan, pooled, inputs.labels, channels, inputs.scores, notes, on_pyramid)
    return replace(result, call=options.call_record), inputs.subject


def _print(result: Result, subject: str, output_format: str | None) -> None:
    """Print a result as a table if no format is chosen."""
    from roialign_cli.analysis.records import to_json
    from roialign_cli.analysis.results import result_record
    from roialign_cli.files.results import to_csv

    if output_format == "csv":
        click.echo(to_csv(result), nl=False)
    elif output_format == "json":
        click.echo(to_json(result_record(result)))
    elif output_format in {None, "table"}:
        from roialign_cli.show.outputs import print_result

        print_result(subject, result)
