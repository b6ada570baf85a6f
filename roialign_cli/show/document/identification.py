"""The result of a search for a convention, as text and as commands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.text import Text

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.analysis.equivalence import distinguishing_inputs
from roialign_cli.core.convention import BOX_FIELDS, Convention
from roialign_cli.printable import printable
from roialign_cli.search.hypothesis import LAYOUTS, Hypothesis, Identification, Match
from roialign_cli.search.mistakes import CULPRITS
from roialign_cli.show.document.blocks import Block, Heading, Paragraph, Verbatim
from roialign_cli.show.document.command_line import (
    changed_fields,
    convention_words,
    scale_text,
)
from roialign_cli.show.document.terminal import blocks_text, new_console, print_blocks
from roialign_cli.show.numbers import format_count, format_number

_MAX_OTHERS = 8  # matches that are listed beside the best one
_MAX_NAMED = 12  # boxes, channels or sections that are listed


@dataclass(frozen=True)
class InputWords:
    """The words of a command line that name the features and the boxes.

    Parameters
    ----------
    words
        The words, quoted for a shell.
    declared_by_file
        The convention fields that the box file declares.
    batch_index
        The map that an option gives for all boxes, None without the option.
    """

    words: str
    declared_by_file: Mapping[str, Any]
    batch_index: int | None = None


def print_identification(
    found: Identification, inputs: InputWords, fixed_fields: Collection[str] = ()
) -> None:
    """Print the result of a search; `fixed_fields` are the keywords that the user stated."""
    print_blocks(_blocks(found, inputs, fixed_fields))
    new_console().print(Text(_search_size(found)), style="dim")


def identification_lines(found: Identification) -> list[str]:
    """Return the result of a search as lines of text, without a command line."""
    return [*blocks_text(_blocks(found, None, ())).splitlines(), _search_size(found)]


def _blocks(
    found: Identification, inputs: InputWords | None, fixed_fields: Collection[str]
) -> Iterator[Block]:
    return _matched(found, inputs) if found.matches else _unmatched(found, fixed_fields)


def _search_size(found: Identification) -> str:
    return f"Tried {found.searched} combinations."


def _indented(text: str) -> Paragraph:
    return Paragraph(printable(text), indent=2)


def _matched(found: Identification, inputs: InputWords | None) -> Iterator[Block]:
    best, *others = (match.hypothesis for match in found.matches)
    if found.doubtful:
        values = format_count(found.distinct_values, "different value", "different values")
        yield Heading(2, "Too few different values to decide:")
        yield _indented(
            f"The output has {values}, and {found.searched} "
            "combinations were tried, so a combination may match by chance. Use more boxes, "
            "channels or sections, or set known values with options. One match:"
        )
    yield Heading(2, operator_words(best))
    yield _indented(reading_words(best))
    yield _indented(f"largest difference {format_number(found.matches[0].max_difference)}")
    for words in best.deviations():
        yield _indented(f"! {words}")
        for culprit in CULPRITS.get(words, ()):
            yield Paragraph(
                printable(f"seen in {culprit.program} ({culprit.version}, {culprit.date})"),
                indent=4,
            )
    yield Paragraph("")
    call = python_call(best, _output_size(best, found.shape))
    lines = [call] if inputs is None else commands(best, inputs, found.shape).values()
    yield Verbatim(tuple(map(printable, lines)), to_copy=True)
    yield from map(_indented, () if inputs is None else _command_notes(best))
    if found.matches[0].equivalents or others:
        yield Heading(2, "Other matches, and inputs that would distinguish them:")
    yield from map(_indented, _equivalents(found.matches[0]))
    yield from (_indented(_other_words(best, other)) for other in others[:_MAX_OTHERS])
    if len(others) > _MAX_OTHERS:
        yield _indented(f"and {len(others) - _MAX_OTHERS} other combinations.")
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
    if hypothesis.batches == "in turn":
        yield "(the command needs boxes of five numbers, with the batch index first)"


def _equivalents(match: Match) -> Iterator[str]:
    """Yield the equivalent conventions that the same inputs distinguish, in one line each."""
    groups: dict[str, list[str]] = {}
    for other in match.equivalents:
        words = _distinguishing_words(match.hypothesis.convention, other)
        groups.setdefault(words, []).append(other.name)
    yield from (f"{', '.join(names)}: {words}" for words, names in groups.items())


def _unmatched(found: Identification, fixed_fields: Collection[str]) -> Iterator[Block]:
    if not found.distinct_values:
        yield Heading(
            2, "All values of the output are equal; use a feature map with varied values."
        )
        return
    yield Heading(2, "No convention produces this output.")
    partial = found.partial
    if partial is None or not (partial.rank[0] or partial.within_rounding):
        remedy = "check that the features and the boxes belong to this output"
        yield _indented(f"No combination comes close; {remedy}.")
    else:
        closest = partial.hypothesis
        yield _indented(f"Closest combination: {operator_words(closest)}; {reading_words(closest)}")
        yield from (_indented(f"! {words}") for words in closest.deviations())
        yield _indented(f"largest difference {format_number(partial.max_difference)}")
        yield _indented(f"matching boxes: {_coverage(partial.boxes)}")
        yield _indented(f"matching channels: {_coverage(partial.channels)}")
        yield _indented(f"sections that match in all boxes: {_coverage(partial.sections)}")
        if partial.shared_conditions:
            conditions = " and ".join(partial.shared_conditions)
            yield _indented(f"All boxes that do not match are {conditions}.")
        if partial.within_rounding:
            tolerance = f"{1.01 * partial.max_difference:.3g}"
            yield _indented(f"With --tolerance {tolerance}, this combination would match.")
    if "spatial_scale" not in fixed_fields:
        scales = "1, 1/2, 1/4, 1/8, 1/16, 1/32, 1/64"
        yield _indented(
            f"Tried the scales {scales} and normalised boxes; set others with --spatial-scale."
        )
    if "sampling_ratio" not in fixed_fields:
        yield _indented("Tried sampling ratios from 0 to 4; set others with --sampling-ratio.")


def _coverage(mask: Mask) -> str:
    """Count the true elements of a mask and list the others if they are few."""
    total, fits = mask.size, int(mask.sum())
    if fits in {0, total}:
        return f"{fits} of {total}"
    wrong = np.argwhere(~mask)
    names = [str(at[0]) if mask.ndim == 1 else f"({at[1] + 1}, {at[0] + 1})" for at in wrong]
    listed = ", ".join(names[:_MAX_NAMED]) + (", …" if len(names) > _MAX_NAMED else "")
    return f"{fits} of {total}, without {listed}"


def operator_words(hypothesis: Hypothesis) -> str:
    """Return the name of the convention, its pooling, its sampling and the changed fields."""
    convention = hypothesis.convention
    words = [printable(convention.name), convention.pooling]
    if convention.points == "centred":
        ratio = convention.sampling_ratio
        words.append(f"sampling ratio {ratio}" if ratio else "adaptive sampling")
    described = {"pooling", "sampling_ratio", *BOX_FIELDS}
    changed = {k: v for k, v in changed_fields(convention).items() if k not in described}
    return ", ".join([*words, *(f"{name}={value}" for name, value in changed.items())])


def reading_words(hypothesis: Hypothesis) -> str:
    """Return the box format, the origin and the scale of the boxes."""
    convention = hypothesis.convention
    ends = {"size": "the map's edge", "last-centre": "the last cell's centre"}
    scale = f"normalised to {ends[convention.normalized_by]}"
    if hypothesis.spatial_scale is not None:
        scale = f"spatial scale {scale_text(hypothesis.spatial_scale)}"
    last = ", inclusive" if convention.inclusive else ""
    return f"boxes as {convention.box_format}{last}, origin {convention.origin}, {scale}"


def _output_size(hypothesis: Hypothesis, shape: Sequence[int]) -> tuple[int, int]:
    _, _, rows, columns = (shape[axis] for axis in LAYOUTS[hypothesis.layout])
    return rows, columns


def run_command(hypothesis: Hypothesis, inputs: InputWords, size: tuple[int, int]) -> str:
    """Return the command line that makes an output of a size (rows, columns) in sections."""
    convention = hypothesis.convention
    index = 0 if hypothesis.batches == "first map" else inputs.batch_index
    declared = inputs.declared_by_file
    undeclared = {k: v for k, v in hypothesis.box_fields.items() if v != declared.get(k, v)}
    preset, name, *rules = convention_words(convention, undeclared)
    words = ["roialign run", inputs.words, preset, name]
    words += [] if index is None else [f"--batch-index {index}"]
    words += rules
    scale_stated = {"--image-size", "--stride"} & set(inputs.words.split())
    if hypothesis.spatial_scale not in {None, (1.0, 1.0)} and not scale_stated:
        words += ["--spatial-scale", scale_text(hypothesis.spatial_scale)]
    return " ".join([*words, "--output-size", "{}x{}".format(*size)])


def commands(hypothesis: Hypothesis, inputs: InputWords, shape: Sequence[int]) -> dict[str, str]:
    """Return the command line and the Python call that make an output of some shape."""
    size = _output_size(hypothesis, shape)
    call = python_call(hypothesis, size, inputs.batch_index)
    return {"command": run_command(hypothesis, inputs, size), "call": call}


def python_call(
    hypothesis: Hypothesis, size: tuple[int, int], batch_index: int | None = None
) -> str:
    """Return the call of `roi_align` that makes an output of a size (rows, columns) in sections.

    `batch_index` is the map of all boxes, None if the boxes state their own.
    """
    convention = hypothesis.convention
    given: dict[str, object] = {"convention": convention.name, **changed_fields(convention)}
    y, x = hypothesis.spatial_scale or (1.0, 1.0)
    if (y, x) != (1.0, 1.0):
        given["spatial_scale"] = x if x == y else (y, x)
    boxes = "boxes"
    if hypothesis.batches == "first map":
        boxes, given["batch_index"] = "boxes[:, -4:]", 0
    elif batch_index is not None:
        given["batch_index"] = batch_index
    words = ", ".join(f"{name}={_literal(value)}" for name, value in given.items())
    if hypothesis.batches == "in turn":
        words += ", batch_index=np.repeat(range(len(features)), len(boxes) // len(features))"
    call = f"roi_align(features, {boxes}, {size}, {words})"
    back = np.argsort(LAYOUTS[hypothesis.layout]).tolist()
    return call if hypothesis.layout == "RCHW" else f"{call}.transpose{tuple(back)}"


def _literal(value: object) -> str:
    return f'float("{value}")' if value in {float("inf"), float("-inf")} else repr(value)
