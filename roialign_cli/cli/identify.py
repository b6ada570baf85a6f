"""`roialign identify`: find the convention that produced an output."""

from __future__ import annotations

import click

from roialign_cli.cli.help import command, input_option, operator_option
from roialign_cli.cli.option_types import INPUT_FILE, NumberInRange
from roialign_cli.cli.options import OperatorOptions, format_option, search_options


@command(
    "identify",
    "roialign identify map.npy --boxes boxes.csv --expected exported.npy",
    "roialign identify map.npy --boxes boxes.csv --expected exported.npy --spatial-scale 1 "
    "--format json",
    "roialign identify pyramid.npz --image-size 64x64 --boxes boxes.csv --expected levels.npy",
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
    "largest value, 4e-3 for float16]",
)
@format_option("table", "json", default="table", text="Output format.")
def identify(
    options: OperatorOptions, expected: str, tolerance: float | None, output_format: str
) -> int:
    """Find the convention that produced an output.

    Tries conventions, sampling ratios, box formats, scales and known export mistakes; what an
    option sets is not searched. Exits with status 1 if no combination reproduces the output, or if
    the output has so few different values that a combination may match by chance.

    Of several maps, finds the map that each box was pooled from, and the pyramid rules that explain
    the levels of all boxes.
    """
    from roialign_cli.cli.inputs import load_search_inputs
    from roialign_cli.cli.pyramids import is_pyramid
    from roialign_cli.cli.saved_output import (
        SavedOutput,
        identification_record,
        input_words,
        search,
    )
    from roialign_cli.show.document.identification import print_identification

    if is_pyramid(options):
        from roialign_cli.cli.identify_pyramid import identify_on_pyramid

        output = SavedOutput.read(expected).array
        return identify_on_pyramid(options, output, tolerance, output_format)
    inputs = load_search_inputs(options)
    found = search(inputs, SavedOutput.read(expected).array, tolerance)
    words = input_words(options, inputs.declared_by_file)
    if output_format == "json":
        from roialign_cli.analysis.records import to_json

        click.echo(to_json(identification_record(found, words)))
    else:
        print_identification(found, words, inputs.fixed_fields)
    return 0 if found.matches and not found.doubtful else 1
