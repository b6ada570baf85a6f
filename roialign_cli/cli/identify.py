"""`roialign identify`: find the convention that produced an output."""

from __future__ import annotations

import shlex

import click

from roialign_cli.cli.help import command, input_option, operator_option
from roialign_cli.cli.option_types import INPUT_FILE, NumberInRange
from roialign_cli.cli.options import OperatorOptions, format_option, search_options


@command(
    "identify",
    "roialign identify map.npy --boxes boxes.csv --expected exported.npy",
    "roialign identify map.npy --boxes boxes.csv --expected exported.npy --spatial-scale 1 "
    "--format json",
)
@search_options
@input_option(
    "--expected",
    metavar="FILE",
    type=INPUT_FILE,
    required=True,
    help="Saved output: a .npy or .npz file; FILE.npz:NAME selects an array.",
)
@operator_option(
    "--tolerance",
    metavar="D",
    type=NumberInRange(min=0),
    help="Largest difference that still counts as a match.  [default: 1e-4 of a channel's "
    "largest value]",
)
@format_option("table", "json", default="table", text="Output format.")
def identify(
    options: OperatorOptions, expected: str, tolerance: float | None, output_format: str
) -> int:
    """Find the convention that produced an output.

    Tries conventions, sampling ratios, box formats, scales and known export mistakes; what an
    option sets is not searched. Exits with status 1 if no combination reproduces the output, or if
    the output has so few different values that a combination may match by chance.
    """
    from roialign_cli.cli.inputs import load_search_inputs
    from roialign_cli.files.arrays import read_array
    from roialign_cli.search.search import identify
    from roialign_cli.show.document import identification as document
    from roialign_cli.show.progress import share_progress

    loaded = load_search_inputs(options)
    array = read_array(expected, "output")
    with share_progress("searching") as advance:
        call = {"tolerance": tolerance, "advance": advance} | loaded.fixed_fields
        found = identify(loaded.file.array, loaded.boxes, array, **call)
    inputs = document.InputWords(_words(options), loaded.declared_by_file, options.batch_index)
    if output_format == "json":
        from roialign_cli.analysis.records import to_json
        from roialign_cli.search.records import identification_record

        commands = [document.commands(m.hypothesis, inputs, found.shape) for m in found.matches]
        click.echo(to_json(identification_record(found, commands)))
    else:
        document.print_identification(found, inputs, loaded.fixed_fields)
    return 0 if found.matches and not found.doubtful else 1


def _words(options: OperatorOptions) -> str:
    """Return the words of a command line that name the features and the boxes."""
    words = options.feature_words
    for name in ("boxes", "image_id"):
        value = getattr(options, name)
        words += [f"--{name.replace('_', '-')}", value] if value else []
    for box in options.box:
        words += ["--box", ",".join(f"{number:.17g}" for number in box)]
    return shlex.join([*words, *options.scale_words])
