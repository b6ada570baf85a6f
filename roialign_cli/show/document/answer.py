"""The answer of a search without an exact match: the closest call, and what was changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from roialign_cli.core.boxes import INDEX_TO_FRONT
from roialign_cli.printable import printable
from roialign_cli.search.evidence import far_evidence, residual_places
from roialign_cli.search.explanation import Closest, Part
from roialign_cli.search.hypothesis import INDEX_IS_LAST, Hypothesis
from roialign_cli.search.mistakes import CULPRITS
from roialign_cli.search.remedies import DEVIATION_REMEDIES, check_of
from roialign_cli.show.document.abridged import abridged
from roialign_cli.show.document.blocks import Block, Heading, Paragraph, Verbatim, indented
from roialign_cli.show.document.reproduction import (
    InputWords,
    answer_code,
    answer_command,
    operator_words,
    reading_words,
)
from roialign_cli.show.numbers import format_indices, format_number

_MAX_UNCOUNTED = 6  # rows that are named without their number
_MADE = {"partial": "the matching rows", "near": "the closest output"}  # verdict → what
_SMALL = 1e-4  # what the correlation lacks, by noise or other arithmetic
_SECOND_PATH = "Check for a second code path in the model, such as one for each level or batch."


def answer_blocks(
    answer: Closest, inputs: InputWords | None, fixed_fields: Collection[str]
) -> Iterator[Block]:
    """Yield the verdict, what was changed, and how to make the output again."""
    yield Heading(2, _headline(answer))
    if answer.verdict == "far":
        yield from map(indented, far_evidence(answer))
        yield from map(indented, _tried(fixed_fields))
        return
    yield indented(reading_words(answer.hypothesis))
    yield from deviation_lines(answer.hypothesis, certain=answer.verdict != "near")
    for change in answer.changes:
        yield indented(f"! {change.text}")
        yield from _advice(change.remedy)
    yield from _difference(answer)
    for part in answer.parts:
        yield indented(_part(part))
        yield from _advice(_SECOND_PATH if part.hypothesis else check_of(part.text))
    yield from reproduction_blocks(_lines(answer, inputs), _MADE.get(answer.verdict, "the output"))


def reproduction_blocks(lines: Sequence[str], made: str = "the output") -> Iterator[Block]:
    """Yield the lines that make an output again, or what is named instead."""
    yield Paragraph("")
    yield indented(f"To reproduce {made}:")
    yield Verbatim(tuple(map(printable, lines)), to_copy=True)


def _advice(text: str) -> Iterator[Paragraph]:
    """Yield what to do about the line above, "" for nothing."""
    if text:
        yield Paragraph(printable(text), indent=4)


def _headline(answer: Closest) -> str:
    words, correlation = operator_words(answer.hypothesis), _correlation(answer)
    if answer.verdict == "exact after a change":
        return f"Exact after a change: {words}"
    if answer.verdict == "partial":
        fits, rows = np.count_nonzero(answer.boxes), len(answer.boxes)
        return f"Partial: {fits} of {rows} rows match {words}"
    if answer.verdict == "near":
        return f"Near: {words} (correlation {correlation}); the differences are unexplained"
    return f"Far: no convention comes near this output (largest correlation {correlation})"


def _correlation(answer: Closest) -> str:
    """Return the correlation, with digits up to the first that is not 9."""
    missing = max(1 - answer.correlation, 1e-12)
    return f"{answer.correlation:.{min(max(3, 1 - int(np.floor(np.log10(missing)))), 9)}f}"


def _difference(answer: Closest) -> Iterator[Paragraph]:
    """Yield the size and the place of the differences, and what to do next."""
    largest, tolerance = format_number(answer.largest), format_number(answer.tolerance)
    if answer.verdict == "exact after a change":
        yield indented(f"largest difference {largest} (tolerance {tolerance})")
    elif answer.verdict == "partial":
        yield indented(f"largest difference in the matching rows {largest} (tolerance {tolerance})")
    else:
        yield indented(f"largest difference {format_number(answer.worst)}")
        yield from _places(answer)


def _places(answer: Closest) -> Iterator[Paragraph]:
    """Yield where the differences are largest, and what to do next."""
    places = list(residual_places(answer))
    small = 1 - answer.correlation < _SMALL
    if small or not places:
        size = "are small" if small else "are not larger for any box, channel or section"
        yield indented(
            f"The differences {size}. They may be noise or other arithmetic: run both sides in "
            "float32, or allow them with --tolerance."
        )
    if not places:
        return
    listed = "; ".join(place.text for place in places)
    yield indented(f"The differences are largest in {listed}.")
    for check in dict.fromkeys(place.check for place in places if place.check):
        yield from _advice(check)
    if small:
        return
    row = int(answer.residual[0].argmax())
    yield indented(
        f"Row {row} differs most: `roialign explain … --roi {row}` prints the sample points of "
        "this box, to compare them with those of the kernel."
    )


def _part(part: Part) -> str:
    rows = np.flatnonzero(part.rows)
    name = f"Row {rows[0]}"
    if len(rows) == 2:
        name = f"Rows {rows[0]} and {rows[1]}"
    elif len(rows) > 1:
        count = f" ({len(rows)} rows)" if len(rows) > _MAX_UNCOUNTED else ""
        name = f"Rows {format_indices(rows.tolist(), _MAX_UNCOUNTED)}{count}"
    if part.hypothesis is None:
        verb = "is" if len(rows) == 1 else "are"
        return f"{name} {verb} {part.text}."
    deviations = "; ".join(part.hypothesis.deviations())
    also = f" ({deviations})" if deviations else ""
    verb = "matches" if len(rows) == 1 else "match"
    return f"{name} {verb} {operator_words(part.hypothesis)}{also}."


def deviation_lines(hypothesis: Hypothesis, *, certain: bool = True) -> Iterator[Paragraph]:
    """Yield how a call differs from the usual one; what to do and where it was seen if certain."""
    for words in hypothesis.deviations():
        yield indented(f"! {words}")
        if certain:
            yield from _advice(DEVIATION_REMEDIES.get(words, ""))
        if words == INDEX_IS_LAST:
            yield Paragraph(f"boxes = {INDEX_TO_FRONT}", indent=4)
        for culprit in CULPRITS.get(words, ()) if certain else ():
            yield Paragraph(
                printable(f"seen in {culprit.program} ({culprit.version}, {culprit.date})"),
                indent=4,
            )


def _tried(fixed_fields: Collection[str]) -> Iterator[str]:
    """Yield what was searched, and what limits the search."""
    yield (
        "Searched: scales, shifts of the boxes, box formats, flips of the map, orders of the "
        "channels and orders of the rows."
    )
    if names := ", ".join(sorted({*fixed_fields} - {"spatial_scale", "batch_index"})):
        yield f"Not searched, because an option sets them: {names}. Leave out what may be wrong."


def _lines(answer: Closest, inputs: InputWords | None) -> list[str]:
    """Return the command line and the Python, with names for long lists of numbers."""
    if inputs is None:
        return abridged(answer_code(answer))[0]
    command = answer_command(answer, inputs)
    code, _ = abridged(answer_code(answer, inputs.batch_index))
    return [*([] if command is None else [command]), *code]


def answer_clauses(answer: Closest) -> list[str]:
    """Return the verdict, what was changed and what is known of the other rows, as clauses."""
    clauses = [*answer.hypothesis.deviations(), *(change.text for change in answer.changes)]
    clauses += [_part(part) for part in answer.parts]
    if answer.verdict == "near":
        clauses += (place.text for place in residual_places(answer))
    if answer.verdict == "far":
        clauses += far_evidence(answer)
    return [_headline(answer), *clauses]


def answer_words(answer: Closest, inputs: InputWords) -> dict[str, Any]:
    """Return the explanation of an answer, its command line and its code, for JSON."""
    code = answer_code(answer, inputs.batch_index)
    return {
        "explanation": answer_clauses(answer),
        "command": answer_command(answer, inputs),
        "call": "\n".join(code),
        "arrays": abridged(code)[1],
    }
