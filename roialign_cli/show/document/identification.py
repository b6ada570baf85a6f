"""What a search for a convention found, in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.text import Text

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.analysis.equivalence import distinguishing_inputs
from roialign_cli.core.convention import BOX_FIELDS, Convention
from roialign_cli.core.overrides import changes
from roialign_cli.core.presets import PRESETS
from roialign_cli.printable import printable
from roialign_cli.search.hypothesis import LAYOUTS, Hypothesis, Identification, Match, PartialMatch
from roialign_cli.show.document.terminal import new_console
from roialign_cli.show.numbers import format_number


@dataclass(frozen=True)
class InputWords:
    """What a command line says of the features and the boxes.

    Parameters
    ----------
    words
        Its words that name them.
    declared_by_file
        What the boxes' file says of how they are read, as fields of a convention.
    batch_index
        The map that all boxes lie on, None if no option says it.
    """

    words: str
    declared_by_file: Mapping[str, Any]
    batch_index: int | None = None


def print_identification(
    found: Identification, inputs: InputWords, fixed_fields: Collection[str] = ()
) -> None:
    """Print what was found.

    Parameters
    ----------
    found
        The search's result.
    inputs
        How a command line names the features and the boxes.
    fixed_fields
        What was not searched, as keywords of `identify`.
    """
    console = new_console()
    for line in _lines(found, inputs, fixed_fields):
        console.print(_laid_out(line, console.width), soft_wrap=True)
    console.print(Text(_tried(found)), style="dim")


def identification_lines(found: Identification) -> list[str]:
    """Return what was found as lines of text, of inputs that no command line names."""
    lines = [_laid_out(line, 80).plain for line in _lines(found, None, ())]
    return [*lines, _tried(found)]


def _lines(
    found: Identification, inputs: InputWords | None, fixed_fields: Collection[str]
) -> Iterator[str]:
    return _matched(found, inputs) if found.matches else _unmatched(found, fixed_fields)


def _tried(found: Identification) -> str:
    return f"{found.searched} ways were tried."


def _laid_out(line: str, width: int) -> Text:
    """Return a line, bold if it is marked so, broken where it must be, all as far in."""
    line = printable(line)
    if line.startswith(_COPIED):
        return Text(line)
    declared_by_file = Text.from_markup(line) if line.startswith("[") else Text(line)
    indent = " " * (len(line) - len(line.lstrip()))
    filled = textwrap.fill(
        declared_by_file.plain, width, subsequent_indent=indent, break_on_hyphens=False
    )
    return Text(filled, style="bold" if declared_by_file.spans else "")


# Lines that are meant to be copied are not broken.
_COPIED = ("  roialign run", "  roi_align(")


def _matched(found: Identification, inputs: InputWords | None) -> Iterator[str]:
    best, *others = found.matches
    if found.doubtful:
        yield "[bold]Too little to tell:[/]"
        yield (
            f"  {found.distinct_values} different numbers were held against {found.searched} ways, "
            "of which some fit by chance. More boxes, channels or sections would decide, or "
            "options that say what is known. One that fits:"
        )
        yield ""
    yield f"[bold]{operator_words(best.hypothesis)}[/]"
    yield f"  {reading_words(best.hypothesis)}"
    yield f"  largest difference {format_number(best.max_difference)}"
    for words in best.hypothesis.deviations():
        yield f"  ! {words}"
    size = _output_size(best.hypothesis, found.shape)
    yield ""
    if inputs is not None:
        yield f"  {run_command(best.hypothesis, inputs, size)}"
    yield f"  {python_call(best.hypothesis, size, None if inputs is None else inputs.batch_index)}"
    if inputs is not None:
        yield from (f"  {words}" for words in _not_in_a_command(best.hypothesis))
    if best.equivalents or others:
        yield ""
        yield "[bold]The same on this input, and what would tell it apart:[/]"
    yield from _equivalents(best)
    for other in (match.hypothesis for match in others[:_MOST_OTHERS]):
        yield f"  {_other_words(best.hypothesis, other)}: {_told_apart(best.hypothesis, other)}"
    if len(others) > _MOST_OTHERS:
        yield f"  and {len(others) - _MOST_OTHERS} other ways."
    if found.closest is not None:
        closest = found.closest.hypothesis
        yield ""
        mistake = f" ({closest.mistake})" if closest.mistake else ""
        apart = format_number(found.closest.max_difference)
        yield f"Closest other: {operator_words(closest)}{mistake}, largest difference {apart}."


_MOST_OTHERS = 8


def _other_words(best: Hypothesis, hypothesis: Hypothesis) -> str:
    """Return what another way is, as far as it is not what the best one is."""
    parts = [operator_words(hypothesis)]
    if reading_words(hypothesis) != reading_words(best):
        parts.append(reading_words(hypothesis))
    return "; ".join([*parts, *hypothesis.deviations()])


def _told_apart(best: Hypothesis, hypothesis: Hypothesis) -> str:
    scales = ["other boxes"] if hypothesis.spatial_scale != best.spatial_scale else []
    return _telling(best.convention, hypothesis.convention, *scales)


def _not_in_a_command(hypothesis: Hypothesis) -> Iterator[str]:
    """Yield what the command line cannot say of a way."""
    if hypothesis.layout != "RCHW":
        back = tuple(np.argsort(LAYOUTS[hypothesis.layout]).tolist())
        yield f"(what the command writes has its axes turned by .transpose{back} in the output)"
    if hypothesis.batches == "in turn":
        yield "(the command needs each box's map as the first of five numbers)"


def _equivalents(match: Match) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    for other in match.equivalents:
        groups.setdefault(_telling(match.hypothesis.convention, other), []).append(other.name)
    for telling, names in groups.items():
        yield f"  {', '.join(names)}: {telling}"


def _telling(one: Convention, other: Convention, *more: str) -> str:
    """Return what data would tell two conventions apart."""
    telling = [*distinguishing_inputs(one, other), *more]
    return "; or ".join(telling) or "nothing, it is the same operator"


def _unmatched(found: Identification, fixed_fields: Collection[str]) -> Iterator[str]:
    if not found.distinct_values:
        yield "[bold]The output is one number throughout, which tells nothing.[/]"
        return
    yield "[bold]No convention makes this output.[/]"
    partial = found.partial
    if partial is None or not (partial.rank[0] or partial.within_rounding):
        yield "  Nothing comes near it: are these the features and the boxes that it was made of?"
        yield from _untried(fixed_fields)
        return
    closest = partial.hypothesis
    yield f"  The closest: {operator_words(closest)}; {reading_words(closest)}"
    for words in closest.deviations():
        yield f"  ! {words}"
    yield f"  largest difference {format_number(partial.max_difference)}"
    for name, mask in _parts(partial):
        yield f"  {name}: {_counted(mask)}"
    if partial.shared_conditions:
        yield f"  The boxes that it does not fit are all {' and '.join(partial.shared_conditions)}."
    if partial.within_rounding:
        yield f"  --tolerance {1.01 * partial.max_difference:.3g} would take that for rounding."
    yield from _untried(fixed_fields)


def _untried(fixed_fields: Collection[str]) -> Iterator[str]:
    """Yield what was tried of what people may have changed, and how to say more."""
    if "spatial_scale" not in fixed_fields:
        scales = "1, 1/2, 1/4, 1/8, 1/16, 1/32, 1/64"
        yield f"  Scales of {scales} and normalised boxes were tried; --spatial-scale says others."
    if "sampling_ratio" not in fixed_fields:
        yield "  Sampling ratios from 0 to 4 were tried; --sampling-ratio says others."


def _parts(partial: PartialMatch) -> Iterator[tuple[str, Mask]]:
    yield "boxes that it fits", partial.boxes
    yield "channels that it fits", partial.channels
    yield "sections that it fits in all boxes", partial.sections


_MOST_NAMED = 12


def _counted(mask: Mask) -> str:
    """Say how many are true, and which are not if they are few."""
    total, fits = mask.size, int(mask.sum())
    if fits in {0, total}:
        return f"{'all' if fits else 'none'} of {total}"
    wrong = np.argwhere(~mask)
    names = [str(at[0]) if mask.ndim == 1 else f"({at[1] + 1}, {at[0] + 1})" for at in wrong]
    listed = ", ".join(names[:_MOST_NAMED]) + (", …" if len(names) > _MOST_NAMED else "")
    return f"{fits} of {total}, not {listed}"


def operator_words(hypothesis: Hypothesis) -> str:
    """Return whose operator it is, with its pooling and its points."""
    convention = hypothesis.convention
    words = [convention.name, convention.pooling]
    if convention.points == "centred":
        ratio = convention.sampling_ratio
        words.append(f"sampling ratio {ratio}" if ratio else "adaptive sampling")
    read = {"pooling", "sampling_ratio", *BOX_FIELDS}
    changes = {k: v for k, v in _changes(convention).items() if k not in read}
    return ", ".join([*words, *(f"{name}={value}" for name, value in changes.items())])


def _changes(convention: Convention) -> dict[str, object]:
    return changes(convention) if convention.name in PRESETS else convention.parameters()


def reading_words(hypothesis: Hypothesis) -> str:
    """Return how the boxes are read."""
    convention = hypothesis.convention
    end = {"size": "the map's edge", "last-centre": "the last cell's centre"}[
        convention.normalized_by
    ]
    scale = f"normalised to {end}"
    if hypothesis.spatial_scale is not None:
        y, x = hypothesis.spatial_scale
        scale = f"spatial scale {_scale(x, y)}"
    last = ", inclusive" if convention.inclusive else ""
    return f"boxes as {convention.box_format}{last}, origin {convention.origin}, {scale}"


def _scale(x: float, y: float) -> str:
    return f"{x:.12g}" if x == y else f"{x:.12g},{y:.12g}"


def _output_size(hypothesis: Hypothesis, shape: Sequence[int]) -> tuple[int, int]:
    _, _, rows, columns = (shape[axis] for axis in LAYOUTS[hypothesis.layout])
    return rows, columns


# The fields that have an option of their own; the others are set by --set.
_OPTIONS = {
    "pooling", "points", "sampling_ratio", "divide", "offset", "min_size", "extrapolation_value",
    "box_format", "origin",
}  # fmt: skip


def run_command(hypothesis: Hypothesis, inputs: InputWords, size: tuple[int, int]) -> str:
    """Return the command line that makes the output; the inputs may already say the scale."""
    convention = hypothesis.convention
    scale_said = any(option in inputs.words.split() for option in ("--image-size", "--stride"))
    words = ["roialign run", inputs.words, "--preset", convention.name]
    index = 0 if hypothesis.batches == "first map" else inputs.batch_index
    words += [] if index is None else [f"--batch-index {index}"]
    read = {name: getattr(convention, name) for name in inputs.declared_by_file}
    unlike = {name: value for name, value in read.items() if value != inputs.declared_by_file[name]}
    for name, value in (_changes(convention) | unlike).items():
        if name == "normalized":
            words.append("--normalized" if value else "--absolute")
        elif name in _OPTIONS:
            words += [f"--{name.replace('_', '-')}", f"{value}"]
        else:
            words += ["--set", f"{name}={value}".lower()]
    if (
        hypothesis.spatial_scale is not None
        and hypothesis.spatial_scale != (1.0, 1.0)
        and not scale_said
    ):
        y, x = hypothesis.spatial_scale
        words += ["--spatial-scale", _scale(x, y)]
    return " ".join([*words, "--output-size", "{}x{}".format(*size)])


def spelled_out(hypothesis: Hypothesis, inputs: InputWords, shape: Sequence[int]) -> dict[str, str]:
    """Return the command line and the call that make the output."""
    size = _output_size(hypothesis, shape)
    call = python_call(hypothesis, size, inputs.batch_index)
    return {"command": run_command(hypothesis, inputs, size), "call": call}


def python_call(
    hypothesis: Hypothesis, size: tuple[int, int], batch_index: int | None = None
) -> str:
    """Return the call of `roi_align` that makes the output, of boxes on one map if it is given."""
    given: dict[str, object] = {
        "convention": hypothesis.convention.name,
        **_changes(hypothesis.convention),
    }
    if hypothesis.spatial_scale is not None and hypothesis.spatial_scale != (1.0, 1.0):
        y, x = hypothesis.spatial_scale
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
