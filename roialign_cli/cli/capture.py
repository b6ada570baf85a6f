"""`roialign capture`: record an ROI Align call in a file."""

from __future__ import annotations

import click

from roialign_cli.cli.capture_arrays import CallOptions, array_options
from roialign_cli.cli.help import command
from roialign_cli.cli.options import OperatorOptions


@command(
    "capture",
    "roialign capture --from-arrays --features map.npy --boxes boxes.csv --expected exported.npy "
    "--preset tensorrt -o call.npz",
    "roialign capture --from-arrays --features map.npy --boxes boxes.csv --output-size 7 "
    "-o call.npz --force",
)
@array_options
def capture(options: OperatorOptions, call: CallOptions) -> None:
    """Record an ROI Align call in a file that every command reads.

    The file has the features, the boxes, the output and the parameters of the call, so that other
    commands need no options: `roialign explain call.npz --roi 3`, `roialign identify call.npz`.
    Arrays are also read from the JSON files of Polygraphy and trtexec.
    """
    from roialign_cli.cli.capture_arrays import capture_arrays

    if not call.from_arrays:
        raise click.UsageError("there is nothing to record; add --from-arrays and --features FILE")
    capture_arrays(options, call)
