"""Find the rule and the convention that produced the output of a pyramid."""

from __future__ import annotations

from typing import Any

import click
from numpy.typing import NDArray

from roialign_cli.analysis.records import to_json
from roialign_cli.cli.options import OperatorOptions
from roialign_cli.cli.pyramids import load_pyramid_search
from roialign_cli.cli.saved_output import input_words
from roialign_cli.search.pyramid_records import pyramid_identification_record
from roialign_cli.search.pyramid_result import PyramidIdentification
from roialign_cli.search.pyramid_search import identify_pyramid
from roialign_cli.show.document.pyramid_identification import (
    commands,
    pyramid_identification_blocks,
)
from roialign_cli.show.document.reproduction import InputWords
from roialign_cli.show.document.terminal import print_blocks
from roialign_cli.show.progress import share_progress


def identify_on_pyramid(
    options: OperatorOptions, expected: NDArray[Any], tolerance: float | None, output_format: str
) -> int:
    """Search, print the result, and return the exit status."""
    inputs = load_pyramid_search(options)
    with share_progress("searching") as advance:
        call = {"tolerance": tolerance, "advance": advance} | inputs.call
        found = identify_pyramid(inputs.maps, inputs.boxes, expected, **call)
    words = input_words(options, inputs.declared_by_file)
    if output_format == "json":
        click.echo(to_json(identification_record(found, words) | options.call_record))
    else:
        print_blocks(pyramid_identification_blocks(found, words))
    return 0 if found.verdict == "exact" and not found.doubtful else 1


def identification_record(found: PyramidIdentification, words: InputWords) -> dict[str, Any]:
    """Return the result of a search as the documented JSON object."""
    return pyramid_identification_record(found, commands(found, words))
