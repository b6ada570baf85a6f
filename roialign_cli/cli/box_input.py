"""Read the boxes and the batch indices that the shared options name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import click
import numpy as np
from numpy.typing import NDArray

from roialign_cli.cli.options import OperatorOptions
from roialign_cli.core.boxes import has_index_last, index_remedy
from roialign_cli.errors import ArgumentError
from roialign_cli.files.box_file import ALL_OR_NO_INDEX, BoxFile
from roialign_cli.files.reading import split_member


def read_box_options(options: OperatorOptions) -> BoxFile:
    """Return the boxes of --box or --boxes, or those of a call."""
    if options.call is not None:
        return options.call.box_file()
    check_standard_input(options, {"FEATURES": options.maps})
    if bool(options.box) == (options.boxes is not None):
        raise click.UsageError("give the boxes with either --box A,B,C,D or --boxes FILE")
    if options.image_id is not None and options.boxes is None:
        raise click.UsageError("--image-id has no effect with --box; use --boxes FILE")
    if options.boxes is not None:
        from roialign_cli.files.boxes import read_boxes

        return read_boxes(options.boxes, image_id=options.image_id)
    if len({len(box) for box in options.box}) > 1:
        problem = f"some boxes have four numbers and others five; {ALL_OR_NO_INDEX}"
        raise ArgumentError("boxes", problem)
    return BoxFile.from_array(np.array(options.box))


def read_boxes_and_format(options: OperatorOptions) -> tuple[BoxFile, OperatorOptions]:
    """Return the boxes, and the options with what the file of the boxes says about its format.

    Options take precedence over the file.
    """
    boxes = read_box_options(options)
    normalized = boxes.normalized if options.normalized is None else options.normalized
    box_format = options.box_format or boxes.box_format
    return boxes, replace(options, normalized=normalized, box_format=box_format)


def check_standard_input(options: OperatorOptions, others: Mapping[str, Sequence[str]]) -> None:
    """Raise an error if two options read standard input: of those for boxes, and of others.

    Parameters
    ----------
    options
        The shared options.
    others
        Name of another option → its files.
    """
    named = {**others, "--boxes": [options.boxes or ""]}
    named["--batch-index"] = [str(options.batch_index)]
    read = [
        option
        for option, files in named.items()
        if any(split_member(file)[0] == "-" for file in files)
    ]
    if len(read) > 1:
        problem = f"{' and '.join(read[:2])} cannot both be standard input"
        raise click.UsageError(f"{problem}; name a file for one of the two")


def box_numbers(options: OperatorOptions, boxes: BoxFile, maps: int) -> NDArray[np.float64]:
    """Return the boxes, without their batch indices if --batch-index replaces them."""
    if options.batch_index is None:
        return boxes.boxes
    if has_index_last(boxes.boxes, maps):
        problem = "the first of five numbers must be the batch index"
        raise ArgumentError("boxes", f"{problem}{index_remedy(boxes.boxes, maps)}")
    return boxes.boxes[:, -4:]


def read_batch_index_option(options: OperatorOptions) -> int | NDArray[np.int64] | None:
    """Return the map of all boxes, or the map of each from a file; None without an option."""
    if isinstance(options.batch_index, str):
        from roialign_cli.files.index_file import read_batch_index

        return read_batch_index(options.batch_index)
    return options.batch_index
