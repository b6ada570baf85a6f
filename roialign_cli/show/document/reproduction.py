"""The command line and the Python code that make an output again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roialign_cli.analysis.scaling import scale_option, scale_text
from roialign_cli.core.boxes import INDEX_TO_FRONT
from roialign_cli.core.convention import BOX_FIELDS
from roialign_cli.core.overrides import unused_with_points
from roialign_cli.printable import printable
from roialign_cli.search.changes import Change
from roialign_cli.search.explanation import Closest
from roialign_cli.search.hypothesis import LAYOUTS, Hypothesis
from roialign_cli.show.document.command_line import changed_fields, convention_words


@dataclass(frozen=True)
class InputWords:
    """The words of a command line that name the features and the boxes.

    Parameters
    ----------
    words
        The words, quoted for a shell.
    declared_by_file
        The convention fields that the box file or the call declares.
    batch_index
        The map that an option gives for all boxes, or the file of the map of each; None without
        the option.
    scale
        (y, x), the scale of the boxes without an option for it.
    """

    words: str
    declared_by_file: Mapping[str, Any]
    batch_index: int | str | None = None
    scale: tuple[float, float] = (1.0, 1.0)


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
    return f"{box_words(hypothesis)}, {scale}"


def box_words(hypothesis: Hypothesis) -> str:
    """Return the box format and the origin of the boxes."""
    convention = hypothesis.convention
    last = ", inclusive" if convention.inclusive else ""
    return f"boxes as {convention.box_format}{last}, origin {convention.origin}"


def run_command(hypothesis: Hypothesis, inputs: InputWords, size: tuple[int, int]) -> str:
    """Return the command line that makes an output of a size (rows, columns) in sections."""
    words = _run_words(hypothesis, inputs)
    scale_stated = {"--image-size", "--stride"} & set(inputs.words.split())
    if hypothesis.spatial_scale not in {None, inputs.scale} and not scale_stated:
        words += ["--spatial-scale", scale_option(hypothesis.spatial_scale)]
    return " ".join([*words, "--output-size", "{}x{}".format(*size)])


def _run_words(hypothesis: Hypothesis, inputs: InputWords) -> list[str]:
    """Return the words of a command line except for the scale and the size of the output."""
    convention = hypothesis.convention
    index = 0 if hypothesis.batches == "first map" else inputs.batch_index
    declared = inputs.declared_by_file
    own, unused = convention.parameters(), unused_with_points(convention.points)
    undeclared = {k: own[k] for k, v in declared.items() if own[k] != v and k not in unused}
    preset, name, *rules = convention_words(convention, undeclared)
    words = ["roialign run", inputs.words, preset, name]
    words += [] if index is None else [f"--batch-index {shlex.quote(str(index))}"]
    return words + rules


def pyramid_command(
    hypothesis: Hypothesis, rule: str, inputs: InputWords, size: tuple[int, int]
) -> str | None:
    """Return the command line that makes the output of a pyramid, None if there is none."""
    if hypothesis.reduced:
        return None
    command = " ".join([*_run_words(hypothesis, inputs), f"--output-size {size[0]}x{size[1]}"])
    return command.replace(inputs.words, f"{inputs.words} --pyramid {rule}", 1)


def pyramid_call(
    hypothesis: Hypothesis, rule: str, scaled_by: Mapping[str, object], size: tuple[int, int]
) -> str:
    """Return the call of `roi_align_pyramid` that makes an output.

    `scaled_by` has the arguments that determine the scales of the maps.
    """
    call = python_call(replace(hypothesis, spatial_scale=None), size)
    given = {"pyramid": rule, **scaled_by}
    words = ", ".join(f"{name}={_literal(value)}" for name, value in given.items())
    call = call.replace("roi_align(features, ", "roi_align_pyramid(maps, ", 1)
    return call.replace("convention=", f"{words}, convention=", 1)


def commands(
    hypothesis: Hypothesis,
    inputs: InputWords,
    size: tuple[int, int],
    changes: Sequence[Change] = (),
) -> dict[str, str | None]:
    """Return the command line and the Python code that make an output of a size in sections.

    There is no command line for changes, or for sections that are reduced.
    """
    call = python_call(hypothesis, size, inputs.batch_index)
    plain = not changes and not hypothesis.reduced
    command = run_command(hypothesis, inputs, size) if plain else None
    return {"command": command, "call": "\n".join(with_changes(call, changes))}


def with_changes(call: str, changes: Sequence[Change]) -> list[str]:
    """Return a call of `roi_align` between the lines of changes."""
    # What was done first to the output was fitted last.
    before = [change.before for change in changes if change.before]
    after = [change.after for change in reversed(changes) if change.after]
    if not before and not after:
        return [call]
    blocks = [*before, f"output = {call}", *after]
    return [line for block in blocks for line in block.splitlines()]


def python_call(
    hypothesis: Hypothesis, size: tuple[int, int], batch_index: int | str | None = None
) -> str:
    """Return the call of `roi_align` that makes an output of a size (rows, columns) in sections.

    `batch_index` is the map of all boxes, None if the boxes state their own; the name of a file
    stands for an array with the map of each box, which the call names `batch_index`.
    """
    convention = hypothesis.convention
    given: dict[str, object] = {"convention": convention.name, **changed_fields(convention)}
    y, x = hypothesis.spatial_scale or (1.0, 1.0)
    if (y, x) != (1.0, 1.0):
        given["spatial_scale"] = x if x == y else (y, x)
    boxes = "boxes"
    if hypothesis.batches == "first map":
        boxes, given["batch_index"] = "boxes[:, -4:]", 0
    elif hypothesis.batches == "last column":
        boxes = INDEX_TO_FRONT
    elif isinstance(batch_index, str):
        given["batch_index"] = _Name("batch_index")
    elif batch_index is not None:
        given["batch_index"] = batch_index
    words = ", ".join(f"{name}={_literal(value)}" for name, value in given.items())
    if hypothesis.batches == "in turn":
        words += ", batch_index=np.repeat(range(len(features)), len(boxes) // len(features))"
    call = f"roi_align(features, {boxes}, {hypothesis.pooled_size(size)}, {words})"
    if hypothesis.reduced:
        rows, columns = size
        call += f".reshape(len(boxes), -1, {rows}, 2, {columns}, 2).{hypothesis.reduced}((3, 5))"
    back = np.argsort(LAYOUTS[hypothesis.layout]).tolist()
    return call if hypothesis.layout == "RCHW" else f"{call}.transpose{tuple(back)}"


class _Name(str):
    """The name of a variable."""

    __slots__ = ()
    __repr__ = str.__str__


def _literal(value: object) -> str:
    return f'float("{value}")' if value in {float("inf"), float("-inf")} else repr(value)


def answer_code(answer: Closest, batch_index: int | str | None = None) -> list[str]:
    """Return the lines of Python, with NumPy as np, that make the output of an answer.

    `batch_index` is that of `python_call`.
    """
    target = answer.variant.target
    stacked = []
    if batch_index is not None and any(change.by_row for change in answer.changes):
        index = f"np.broadcast_to({batch_index if isinstance(batch_index, int) else 'batch_index'}"
        stacked = [f"boxes = np.column_stack([{index}, len(boxes)), boxes[:, -4:]])"]
        batch_index = None
    call = python_call(answer.hypothesis, target.size, batch_index)
    return [*stacked, *with_changes(call, answer.changes)]


def answer_command(answer: Closest, inputs: InputWords) -> str | None:
    """Return the command line that makes the output of an answer, None if there is none."""
    changed = any(change.before or change.after for change in answer.changes)
    if changed or answer.hypothesis.reduced:
        return None
    return run_command(answer.hypothesis, inputs, answer.variant.target.size)
