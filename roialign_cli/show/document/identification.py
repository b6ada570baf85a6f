"""The result of a search for a convention, as text and as commands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain

import numpy as np
from rich.text import Text

from roialign_cli.analysis.equivalence import distinguishing_inputs
from roialign_cli.core.convention import Convention
from roialign_cli.search.hypothesis import LAYOUTS, Hypothesis
from roialign_cli.search.result import Identification, Match
from roialign_cli.show.console import new_console
from roialign_cli.show.document.answer import (
    answer_blocks,
    deviation_lines,
    reproduction_blocks,
)
from roialign_cli.show.document.blocks import Block, Heading, Paragraph, indented
from roialign_cli.show.document.reproduction import (
    InputWords,
    commands,
    operator_words,
    python_call,
    reading_words,
    with_changes,
)
from roialign_cli.show.document.terminal import blocks_text, print_blocks
from roialign_cli.show.numbers import capitalised, format_count, format_number

_MAX_OTHERS = 8  # matches that are listed beside the best one


def print_identification(
    found: Identification,
    inputs: InputWords,
    fixed_fields: Collection[str] = (),
    remarks: Sequence[str] = (),
) -> None:
    """Print the result of a search, and then remarks.

    `fixed_fields` are the keywords that the user stated.
    """
    after: list[Block] = [Heading(2, remarks[0]), *map(indented, remarks[1:])] if remarks else []
    print_blocks(chain(_blocks(found, inputs, fixed_fields), _alternatives(found), after))
    for line in _search_size(found):
        new_console().print(Text(line), style="dim")


def identification_blocks(found: Identification, inputs: InputWords) -> Iterator[Block]:
    """Yield the result of a search as a section of another document, without other matches."""
    # The options of that command do not set what the search tries.
    for number, block in enumerate(_blocks(found, inputs, {"spatial_scale", "sampling_ratio"})):
        if isinstance(block, Heading):
            yield Heading(3, block.text) if number else Paragraph(block.text)
        else:
            yield block
    others = sum(1 + len(match.equivalents) for match in found.matches) - 1
    if others > 0:
        count = format_count(others, "other match", "other matches")
        yield Paragraph(f"`roialign identify` lists {count}.")
    if found.verdict in {"partial", "near", "far"}:
        yield indented("`roialign identify` can search other scales and sampling ratios.")
    yield from map(Paragraph, _search_size(found))


def identification_lines(found: Identification) -> list[str]:
    """Return the result of a search as lines of text, without a command line."""
    blocks = chain(_blocks(found, None, ()), _alternatives(found))
    return [*blocks_text(blocks).splitlines(), *_search_size(found)]


def _blocks(
    found: Identification, inputs: InputWords | None, fixed_fields: Collection[str]
) -> Iterator[Block]:
    yield from (Paragraph(hint) for hint in found.hints)
    if found.matches:
        yield from _matched(found, inputs)
    elif found.answer is None:
        what = "row" if found.distinct_values > 1 else "output"
        yield Heading(2, _NOTHING_TO_COMPARE[what])
    else:
        yield from answer_blocks(found.answer, inputs, fixed_fields)


_NOTHING_TO_COMPARE = {
    "output": "All values of the output are equal; use a feature map with varied values.",
    "row": "No row of the output has different, finite values; use a feature map with varied "
    "values.",
}


def _search_size(found: Identification) -> list[str]:
    """Return a line with the number of combinations, which is 0 if rows were only correlated."""
    return [f"Tried {found.searched} combinations."] if found.searched else []


def _matched(found: Identification, inputs: InputWords | None) -> Iterator[Block]:
    best = found.matches[0].hypothesis
    if found.doubtful:
        values = format_count(found.distinct_values, "different value", "different values")
        yield Heading(2, "Too few different values to decide:")
        yield indented(
            f"The output has {values}, and {found.searched} "
            "combinations were tried, so a combination may match by chance. Use more boxes, "
            "channels or sections, or set known values with options. One match:"
        )
    yield Heading(2, f"{capitalised(found.verdict)}: {operator_words(best)}")
    yield indented(reading_words(best))
    yield from (indented(f"! {change.text}") for change in found.changes)
    yield indented(f"largest difference {format_number(found.matches[0].max_difference)}")
    yield from deviation_lines(best)
    size = found.output_size
    call = python_call(best, size)
    lines = [call] if inputs is None else [*filter(None, commands(best, inputs, size).values())]
    if found.changes:
        lines = with_changes(call, found.changes)
    yield from reproduction_blocks(lines)
    yield from map(indented, () if inputs is None else _command_notes(best))


def _alternatives(found: Identification) -> Iterator[Block]:
    """Yield the other matches, and the closest combination that does not match."""
    if not found.matches:
        return
    best, *others = (match.hypothesis for match in found.matches)
    if found.matches[0].equivalents or others:
        yield Heading(2, "Other matches, and inputs that would distinguish them:")
    yield from map(indented, _equivalents(found.matches[0]))
    yield from (indented(_other_words(best, other)) for other in others[:_MAX_OTHERS])
    if len(others) > _MAX_OTHERS:
        yield indented(f"and {len(others) - _MAX_OTHERS} other combinations.")
    if found.closest is not None:
        closest = found.closest.hypothesis
        mistake = f" ({closest.mistake})" if closest.mistake else ""
        error = format_number(found.closest.max_difference)
        yield Paragraph("")
        yield Paragraph(
            f"Closest combination that does not match: {operator_words(closest)}{mistake}, "
            f"largest difference {error}."
        )


def _other_words(best: Hypothesis, other: Hypothesis) -> str:
    """Describe another match by what differs from the best one, with distinguishing inputs."""
    reading = reading_words(other)
    readings = [] if reading == reading_words(best) else [reading]
    words = "; ".join([operator_words(other), *readings, *other.deviations()])
    scales = [] if other.spatial_scale == best.spatial_scale else ["other boxes"]
    return f"{words}: {_distinguishing_words(best.convention, other.convention, *scales)}"


def _distinguishing_words(one: Convention, other: Convention, *more: str) -> str:
    inputs = [*distinguishing_inputs(one, other), *more]
    return "; or ".join(inputs) or "no input (same operator)"


def _command_notes(hypothesis: Hypothesis) -> Iterator[str]:
    """Yield the steps that no option of the command line stands for."""
    if hypothesis.layout != "RCHW":
        back = tuple(np.argsort(LAYOUTS[hypothesis.layout]).tolist())
        yield f"(apply .transpose{back} to the result of the command to get the axes of the output)"
    if hypothesis.batches in {"in turn", "last column"}:
        yield "(the command needs boxes of five numbers, with the batch index first)"


def _equivalents(match: Match) -> Iterator[str]:
    """Yield the equivalent conventions that the same inputs distinguish, in one line each."""
    groups: dict[str, list[str]] = {}
    for other in match.equivalents:
        words = _distinguishing_words(match.hypothesis.convention, other)
        groups.setdefault(words, []).append(other.name)
    yield from (f"{', '.join(names)}: {words}" for words, names in groups.items())
