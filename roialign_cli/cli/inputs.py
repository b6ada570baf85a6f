"""From the shared options to a decided operation: the files read, the scale known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.pitfalls import Note, find_notes
from roialign_cli.analysis.records import named
from roialign_cli.cli.option_types import FieldValue
from roialign_cli.cli.options import OperatorOptions
from roialign_cli.core.convention import BOX_FIELDS, MEANINGS_OF_MAX, Convention
from roialign_cli.core.operation import Operation, make_operation
from roialign_cli.core.presets import applicable_overrides, preset, resolve
from roialign_cli.core.sampling import Plan
from roialign_cli.errors import ArgumentError
from roialign_cli.files.box_file import BoxFile
from roialign_cli.files.boxes import read_boxes
from roialign_cli.files.features import FeatureFile, read_features
from roialign_cli.files.reading import split_member


@dataclass(frozen=True)
class Inputs:
    """What a command works on.

    Parameters
    ----------
    file
        The features as they were read.
    operation
        The decided operation.
    labels
        One for each box, "" where it has none.
    scores
        One for each box, NaN where it has none.
    overrides
        The fields of the convention that options set.
    unasked
        Whether the features are an image and nobody said whose ROI Align is meant.
    """

    file: FeatureFile
    operation: Operation
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    overrides: dict[str, Any]
    preset_is_assumed: bool

    def notes(self, plan: Plan, only: int | None = None) -> tuple[Note, ...]:
        """Return the traps that one box or all are in, of the plan of all."""
        found = find_notes(self.operation, plan, only)
        if not self.preset_is_assumed or self.operation.convention.origin == "top-left":
            return found
        text = (
            "y of the boxes is measured from the bottom of the image, as the default preset does; "
            "--preset says whose ROI Align is meant, --origin top-left only that"
        )
        rois = range(len(self.labels)) if only is None else [only]
        return (Note("upside-down", tuple(rois), text), *found)

    def name(self, roi: int) -> str:
        """Return what a box is called in a picture: its label and its score."""
        return named(self.labels[roi], self.scores[roi])


def with_convention(inputs: Inputs, other: str) -> Operation:
    """Return the operation under another convention, on the boxes as they were read.

    Parameters
    ----------
    inputs
        What the shared options asked for; what they say of the convention holds for the other too,
        as far as it has a meaning there.
    other
        "NAME" or "NAME,FIELD=VALUE,…", whose fields come first.
    """
    name, *fields = other.split(",")
    try:
        own = dict(FieldValue().convert(field, None, None) for field in fields)
        base = preset(name)
    except (ArgumentError, click.BadParameter) as error:
        problem = error.problem if isinstance(error, ArgumentError) else error.message
        raise ArgumentError("with", problem) from None
    for field in own.keys() & set(BOX_FIELDS):
        problem = f"{field} holds for both sides; say it with {option_of(field)}"
        raise ArgumentError("with", problem)
    shared = applicable_overrides(base, **inputs.overrides) | own
    try:
        return replace(inputs.operation, convention=resolve(base, **shared))
    except ArgumentError as error:
        if error.argument not in own:
            raise
        raise ArgumentError("with", f"{error.argument}: {error.problem}") from None


def load(options: OperatorOptions) -> Inputs:
    """Read the files that the options name and return the operation they ask for."""
    convention = preset(options.preset or "walkthrough")
    boxes = _boxes(options)
    options = _with_reading(options, boxes)
    file = _features(options)
    overrides = _overrides(options)
    size = options.output_size or convention.output_size
    operation = make_operation(
        file.array,
        _numbers(options, boxes),
        (size[0], size[-1]),
        convention=convention,
        spatial_scale=_scale(options, file, convention),
        batch_index=options.batch_index,
        image_height=_image_height(options, file),
        **overrides,
    )
    if not len(operation.boxes_given):
        raise ArgumentError("boxes", "there is no box")
    preset_is_assumed = options.preset_is_default and file.image is not None
    return Inputs(
        file,
        operation,
        boxes.labels,
        boxes.scores,
        overrides,
        preset_is_assumed=preset_is_assumed,
    )


@dataclass(frozen=True)
class SearchInputs:
    """What is known of an operation that is searched for.

    Parameters
    ----------
    file
        The features as they were read.
    boxes
        (R, 4), or (R, 5) with the batch index first.
    fixed_fields
        What the options say, as keywords of `identify`.
    declared_by_file
        What the boxes' file says of how they are read, as fields of a convention.
    """

    file: FeatureFile
    boxes: NDArray[np.float64]
    fixed_fields: dict[str, Any]
    declared_by_file: dict[str, Any]


def load_search_inputs(options: OperatorOptions) -> SearchInputs:
    """Read the files that the options name and return all that the options say.

    What a file says of its boxes is not among it: that may be what went wrong.
    """
    boxes = _boxes(options)
    file = _features(options)
    fixed_fields: dict[str, Any] = _overrides(options) | {
        "convention": options.preset,
        "spatial_scale": _scale(options, file, Convention()),
        "batch_index": options.batch_index,
        "image_height": _image_height(options, file),
    }
    declared_by_file = {"box_format": boxes.box_format, "normalized": boxes.normalized}
    return SearchInputs(
        file, _numbers(options, boxes), _drop_none(fixed_fields), _drop_none(declared_by_file)
    )


def _drop_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _features(options: OperatorOptions) -> FeatureFile:
    return read_features(
        options.features,
        layout=options.layout and options.layout.upper(),
        key=options.key,
        stride=options.stride,
    )


def _boxes(options: OperatorOptions) -> BoxFile:
    if bool(options.box) == (options.boxes is not None):
        raise click.UsageError("give the boxes either as --box A,B,C,D or as --boxes FILE")
    if options.image_id is not None and options.boxes is None:
        raise click.UsageError("--image-id is for --boxes FILE")
    if options.boxes is not None:
        if options.features == "-" == split_member(options.boxes)[0]:
            raise click.UsageError("FEATURES and --boxes cannot both be standard input")
        return read_boxes(options.boxes, image_id=options.image_id)
    if len({len(box) for box in options.box}) > 1:
        raise ArgumentError("boxes", "either all boxes have their map as a fifth number or none")
    return BoxFile.from_array(np.array(options.box))


def _numbers(options: OperatorOptions, boxes: BoxFile) -> NDArray[np.float64]:
    """Return the boxes, without their maps where an option says one for all."""
    return boxes.boxes if options.batch_index is None else boxes.boxes[:, -4:]


def _with_reading(options: OperatorOptions, boxes: BoxFile) -> OperatorOptions:
    """Return the options with what the boxes' file says of how they are read, where they do not."""
    normalized = boxes.normalized if options.normalized is None else options.normalized
    box_format = options.box_format or boxes.box_format
    return replace(options, normalized=normalized, box_format=box_format)


def _scale(
    options: OperatorOptions, file: FeatureFile, convention: Convention
) -> tuple[float, float] | None:
    """Return (y, x) feature-map units per unit of the boxes, None if no option says it."""
    given = [
        f"--{name.replace('_', '-')}"
        for name in ("image_size", "stride", "spatial_scale")
        if getattr(options, name) is not None
    ]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} say the same thing; give one of them")
    normalized = convention.normalized if options.normalized is None else options.normalized
    if normalized:
        # With an image the stride says how it is averaged, too.
        if given and not (options.stride and file.image is not None):
            problem = (
                "the boxes are read as normalised, which have no scale; leave it out, or say "
                "--absolute if they are not"
            )
            raise click.UsageError(f"{given[0]}: {problem}")
        return None
    if options.image_size is not None:
        width, height = options.image_size
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise ArgumentError("image_size", "must be above 0 and finite along both axes")
        return file.array.shape[2] / height, file.array.shape[3] / width
    if options.stride is not None:
        return 1 / options.stride, 1 / options.stride
    if options.spatial_scale is not None:
        return options.spatial_scale[-1], options.spatial_scale[0]
    return None


def _image_height(options: OperatorOptions, file: FeatureFile) -> float | None:
    if options.image_size is not None:
        return options.image_size[1]
    return None if file.image is None else float(file.image.shape[0])


# The fields of a convention that have an option of their own name.
FIELD_OPTIONS = (
    "box_format",
    "origin",
    "normalized",
    "pooling",
    "points",
    "sampling_ratio",
    "divide",
    "offset",
    "min_size",
    "extrapolation_value",
    "coordinate_decimals",
)


def _overrides(options: OperatorOptions) -> dict[str, Any]:
    given = {name: getattr(options, name) for name in FIELD_OPTIONS}
    overrides = {name: value for name, value in given.items() if value is not None}
    if overrides.get("coordinate_decimals") == "exact":
        overrides["coordinate_decimals"] = None
    if options.max_of is not None:
        overrides |= MEANINGS_OF_MAX[options.max_of]
    return overrides | dict(options.set)


def option_of(argument: str) -> str:
    """Return how a command line says what the Python API calls so."""
    if argument in _OPTIONS:
        return _OPTIONS[argument]
    only_set = argument in Convention().parameters() and argument not in FIELD_OPTIONS
    return f"--set {argument}" if only_set else "--" + argument.replace("_", "-")


# Where an option is not simply the argument's name with dashes.
_OPTIONS = {
    "boxes": "--box/--boxes",
    "convention": "--preset",
    "features": "FEATURES",
}
