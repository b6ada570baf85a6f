"""`roialign capture`: record an ROI Align call in a file."""

from __future__ import annotations

from pathlib import Path

import click

from roialign_cli.cli.capture_arrays import CallOptions, array_options
from roialign_cli.cli.help import command, output_option
from roialign_cli.cli.option_types import OUTPUT_FILE
from roialign_cli.cli.options import OperatorOptions, force_option


@command(
    "capture",
    "roialign capture --from-arrays --features map.npy --boxes boxes.csv --expected exported.npy "
    "--preset tensorrt -o call.npz",
    "roialign capture --from-arrays --features map.npy --boxes boxes.csv --output-size 7 "
    "-o call.npz --force",
)
@array_options
@output_option(
    "-o", "--output", metavar="FILE", type=OUTPUT_FILE, required=True, help="Write this .npz file."
)
@force_option
def capture(options: OperatorOptions, call: CallOptions, output: Path, *, force: bool) -> None:
    """Record an ROI Align call in a file that every command reads.

    The file has the features, the boxes, the output and the parameters of the call, so that other
    commands need no options: `roialign explain call.npz --roi 3`, `roialign identify call.npz`.
    Arrays are also read from the JSON files of Polygraphy and trtexec.
    """
    from roialign_cli.cli.capture_arrays import capture_arrays

    if not call.from_arrays:
        raise click.UsageError("there is nothing to record; add --from-arrays and --features FILE")
    capture_arrays(options, call, output, force=force)
