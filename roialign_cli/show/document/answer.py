"""The answer of a search that found no exact match: the closest call and what was changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from roialign_cli.core.boxes import INDEX_TO_FRONT
from roialign_cli.printable import printable
from roialign_cli.search.evidence import far_evidence, residual_places
from roialign_cli.search.explanation import Closest, Part
from roialign_cli.search.hypothesis import INDEX_IS_LAST, Hypothesis
from roialign_cli.search.mistakes import CULPRITS
from roialign_cli.show.document.blocks import Block, Heading, Paragraph, Verbatim
from roialign_cli.show.document.reproduction import (
    InputWords,
    answer_code,
    answer_command,
    operator_words,
    reading_words,
)
from roialign_cli.show.numbers import format_indices, format_number

_MAX_UNCOUNTED = 6  # rows that are named without their number


def answer_blocks(
    answer: Closest, inputs: InputWords | None, fixed_fields: Collection[str]
) -> Iterator[Block]:
    """Yield the verdict, what was changed, and how to make the output again."""
    yield Heading(2, _headline(answer))
    if answer.verdict == "far":
        yield from map(_indented, far_evidence(answer))
        yield from map(_indented, _tried(fixed_fields))
        return
    yield _indented(reading_words(answer.hypothesis))
    yield from deviation_lines(answer.hypothesis, culprits=answer.verdict != "near")
    for change in answer.changes:
        yield _indented(f"! {change.text}")
        if change.remedy:
            yield Paragraph(printable(f"{sentence(change.remedy.removesuffix('.'))}."), indent=4)
    yield from map(_indented, _difference(answer))
    yield from (_indented(_part(part)) for part in answer.parts)
    yield Paragraph("")
    yield Verbatim(tuple(map(printable, _lines(answer, inputs))), to_copy=True)


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


def _difference(answer: Closest) -> Iterator[str]:
    """Yield the size and the place of the differences."""
    largest, tolerance = format_number(answer.largest), format_number(answer.tolerance)
    if answer.verdict == "exact after a change":
        yield f"largest difference {largest} (tolerance {tolerance})"
    elif answer.verdict == "partial":
        yield f"largest difference in the matching rows {largest} (tolerance {tolerance})"
    else:
        yield f"largest difference {format_number(answer.worst)}"
        places = "; ".join(residual_places(answer))
        if places:
            yield f"The differences are largest in {places}."
        else:
            yield (
                "No box, channel or section stands out. The differences may be noise or other "
                "arithmetic: run both sides in float32, or allow them with --tolerance."
            )


def _part(part: Part) -> str:
    rows = np.flatnonzero(part.rows)
    name = f"Row {rows[0]} is" if len(rows) == 1 else f"Rows {format_indices(rows.tolist())} are"
    if part.hypothesis is None:
        count = f" ({len(rows)} rows)" if len(rows) > _MAX_UNCOUNTED else ""
        return f"{name} {part.text}{count}."
    matches = name.removesuffix(" is").removesuffix(" are")
    deviations = "; ".join(part.hypothesis.deviations())
    also = f" ({deviations})" if deviations else ""
    verb = "matches" if len(rows) == 1 else "match"
    return f"{matches} {verb} {operator_words(part.hypothesis)}{also}."


def deviation_lines(hypothesis: Hypothesis, *, culprits: bool = True) -> Iterator[Paragraph]:
    """Yield how a call departs from the usual one, what to do, and where it was seen."""
    for words in hypothesis.deviations():
        yield _indented(f"! {words}")
        if words == INDEX_IS_LAST:
            yield Paragraph(f"boxes = {INDEX_TO_FRONT}", indent=4)
        for culprit in CULPRITS.get(words, ()) if culprits else ():
            yield Paragraph(
                printable(f"seen in {culprit.program} ({culprit.version}, {culprit.date})"),
                indent=4,
            )


def _tried(fixed_fields: Collection[str]) -> Iterator[str]:
    """Yield what was tried, and what limits the search."""
    yield (
        "Searched: scales, shifts of the boxes, box formats, flips of the map, orders of the "
        "channels and orders of the rows."
    )
    if names := ", ".join(sorted({*fixed_fields} - {"spatial_scale", "batch_index"})):
        yield f"Not searched, because an option sets them: {names}. Leave out what may be wrong."


def _lines(answer: Closest, inputs: InputWords | None) -> list[str]:
    if inputs is None:
        return answer_code(answer)
    command = answer_command(answer, inputs)
    return [*([] if command is None else [command]), *answer_code(answer, inputs.batch_index)]


def _indented(text: str) -> Paragraph:
    return Paragraph(printable(text), indent=2)


def sentence(text: str) -> str:
    """Return a clause as a sentence without a full stop, unless it has one."""
    return text[:1].upper() + text[1:]


def answer_words(answer: Closest, inputs: InputWords) -> dict[str, Any]:
    """Return the explanation of an answer, its command line and its code, for JSON."""
    clauses = [*answer.hypothesis.deviations(), *(change.text for change in answer.changes)]
    clauses += [_part(part) for part in answer.parts]
    if answer.verdict == "near":
        clauses += residual_places(answer)
    if answer.verdict == "far":
        clauses += far_evidence(answer)
    return {
        "explanation": [_headline(answer), *clauses],
        "command": answer_command(answer, inputs),
        "call": "\n".join(answer_code(answer, inputs.batch_index)),
    }
