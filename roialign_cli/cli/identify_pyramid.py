"""Find the rule and the convention that produced the output of a pyramid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.pitfalls import numbered
from roialign_cli.analysis.records import to_json
from roialign_cli.calls.agreement import Agreement, bfloat16_tolerance, stated_agreement
from roialign_cli.calls.archive import read_call
from roialign_cli.cli.options import OperatorOptions
from roialign_cli.cli.pyramid_input import RecordedPyramid
from roialign_cli.cli.pyramids import load_pyramid_search
from roialign_cli.cli.saved_output import input_words
from roialign_cli.files.reading import split_member
from roialign_cli.search.pyramid_records import pyramid_identification_record
from roialign_cli.search.pyramid_result import PyramidIdentification, RuleFit
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
    if options.call is not None and tolerance is None:
        tolerance = bfloat16_tolerance(options.call.call, expected)
    with share_progress("searching") as advance:
        call = {"tolerance": tolerance, "advance": advance} | inputs.call
        found = identify_pyramid(inputs.maps, inputs.boxes, expected, **call)
    words = input_words(options, inputs.declared_by_file)
    stated = None
    if isinstance(options.call, RecordedPyramid):
        files = [split_member(name)[0] for name in options.maps]
        stated = _stated(files, options.call, found, expected, tolerance)
    if output_format == "json":
        own = options.call_record
        if options.call is not None:
            own |= {"stated": None if stated is None else stated.record()}
        click.echo(to_json(identification_record(found, words) | own))
    else:
        remarks = () if stated is None else stated.sentences()
        print_blocks(pyramid_identification_blocks(found, words, remarks))
    return 0 if found.verdict == "exact" and not found.doubtful else 1


def identification_record(found: PyramidIdentification, words: InputWords) -> dict[str, Any]:
    """Return the result of a search as the documented JSON object."""
    return pyramid_identification_record(found, commands(found, words))


@dataclass(frozen=True)
class _Stated:
    """Whether the parameters and the rule that a recording states explain an output.

    `agreement` is None if the calls state no operator, and `rule` if they state no rule.
    """

    agreement: Agreement | None
    rule: RuleFit | None

    def sentences(self) -> list[str]:
        """Return the agreement of the parameters, and the boxes that the rule does not explain."""
        lines = [] if self.agreement is None else [*self.agreement.sentences()]
        if self.rule is not None:
            name, broken = self.rule.rule.name, self.rule.broken.tolist()
            verb = f"does not explain the level of {numbered(broken)}"
            verb = verb if broken else "explains the level of every box that matches"
            lines.append(f"The recorded rule, {name}, {verb}.")
        return lines

    def record(self) -> dict[str, Any]:
        """Return the agreement and the rule as plain data."""
        found = {} if self.agreement is None else self.agreement.record()
        rule = self.rule
        named = None if rule is None else {"name": rule.rule.name, "broken": rule.broken.tolist()}
        return found | {"pyramid": named}


def _stated(
    files: Sequence[str],
    recorded: RecordedPyramid,
    found: PyramidIdentification,
    output: NDArray[Any],
    tolerance: float | None,
) -> _Stated | None:
    """Compare what the files of a recording state with an output; None if they state nothing."""
    level = recorded.call.level
    known = (fit for fit in found.rules if level is not None and fit.rule.name == level.rule)
    rule = next((fit for fit in known if fit.levels is not None and found.fits.any()), None)
    agreement = None
    if output.shape[:1] == recorded.maps.shape:
        agreement = _agreement(files, recorded, output, tolerance)
    return None if agreement is None and rule is None else _Stated(agreement, rule)


def _agreement(
    files: Sequence[str],
    recorded: RecordedPyramid,
    output: NDArray[Any],
    tolerance: float | None,
) -> Agreement | None:
    """Return the agreement of all calls; None if one of them cannot be compared."""
    found = []
    for level, file in enumerate(files):
        call = read_call(file)
        rows = np.flatnonzero(recorded.maps == level) if call.rows is None else call.rows
        if len(rows):
            agreement = stated_agreement(call, output[rows], tolerance)
            if agreement is None:
                return None
            found.append(agreement)
    largest = float(np.max([one.max_difference for one in found]))
    return Agreement(sum(one.rows for one in found), sum(one.count for one in found), largest)
