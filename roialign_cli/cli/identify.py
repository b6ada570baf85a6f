"""`roialign identify`: find the convention that produced an output."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from roialign_cli.cli.help import command, input_option, missing_option, operator_option
from roialign_cli.cli.option_types import INPUT_FILE, NumberInRange
from roialign_cli.cli.options import OperatorOptions, format_option, search_options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from roialign_cli.calls.agreement import Agreement
    from roialign_cli.cli.inputs import SearchInputs
    from roialign_cli.cli.saved_output import SavedOutput
    from roialign_cli.search.result import Identification


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
    help="Saved output: a .npy, .npz or .json file; FILE:NAME selects an array.  [default: the "
    "output of a recorded call]",
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
    options: OperatorOptions, expected: str | None, tolerance: float | None, output_format: str
) -> int:
    """Find the convention that produced an output.

    Tries conventions, sampling ratios, box formats, scales and known export mistakes; what an
    option sets is not searched. The parameters of a recorded call are compared with those found.
    Exits with status 1 if no combination reproduces the output, or if the output has so few
    different values that a combination may match by chance.

    Of several maps, finds the map that each box was pooled from, and the pyramid rules that explain
    the levels of all boxes.
    """
    from roialign_cli.cli.inputs import load_search_inputs
    from roialign_cli.cli.pyramids import is_pyramid
    from roialign_cli.cli.saved_output import identification_record, input_words
    from roialign_cli.show.document.identification import print_identification

    output = _expected_output(options, expected).array
    if is_pyramid(options):
        from roialign_cli.cli.identify_pyramid import identify_on_pyramid

        return identify_on_pyramid(options, output, tolerance, output_format)
    inputs = load_search_inputs(options)
    found, agreement = _search(options, inputs, output, tolerance)
    words = input_words(options, inputs.declared_by_file)
    if output_format == "json":
        from roialign_cli.analysis.records import to_json

        stated = None if agreement is None else agreement.record()
        own = options.call_record | ({"stated": stated} if options.call else {})
        click.echo(to_json(identification_record(found, words) | own))
    else:
        remarks = [] if agreement is None else [*agreement.sentences()]
        print_identification(found, words, inputs.fixed_fields, remarks)
    return 0 if found.matches and not found.doubtful else 1


def _expected_output(options: OperatorOptions, expected: str | None) -> SavedOutput:
    """Return the output in a file, or that of a call."""
    from roialign_cli.cli.saved_output import SavedOutput

    if expected is not None:
        return SavedOutput.read(expected)
    if options.call is None:
        raise missing_option("expected")
    return options.call.saved_output("name one with --expected")


def _search(
    options: OperatorOptions,
    inputs: SearchInputs,
    output: NDArray[Any],
    tolerance: float | None,
) -> tuple[Identification, Agreement | None]:
    """Return what a search finds, and whether it agrees with the parameters of a call."""
    from roialign_cli.calls.agreement import (
        bfloat16_tolerance,
        stated_agreement,
        with_differences,
    )
    from roialign_cli.cli.saved_output import search

    if options.call is None:
        return search(inputs, output, tolerance), None
    call = options.call.call
    tolerance = bfloat16_tolerance(call, output) if tolerance is None else tolerance
    agreement = stated_agreement(call, output, tolerance)
    found = search(inputs, output, tolerance)
    if agreement is None:
        return found, None
    if not agreement.agrees:
        return found, with_differences(call, agreement, found)
    if not found.matches and not inputs.fixed_fields:  # rules that the search does not combine
        stated = call.operation()
        scale = None if stated.convention.normalized else stated.spatial_scale
        only = {"convention": stated.convention, "spatial_scale": scale}
        found = search(replace(inputs, fixed_fields=only), output, tolerance)
    return found, agreement
