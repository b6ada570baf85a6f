"""Read the files that the shared options name and build the operation from them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.pitfalls import Note, find_notes
from roialign_cli.analysis.records import Defaults, named
from roialign_cli.analysis.scaling import ScaledBy, ScaleSource
from roialign_cli.cli.box_input import (
    box_numbers,
    read_batch_index_option,
    read_box_options,
    read_boxes_and_format,
)
from roialign_cli.cli.option_types import FieldValue
from roialign_cli.cli.options import OperatorOptions
from roialign_cli.core.channels import check_same_channels
from roialign_cli.core.convention import BOX_FIELDS, MEANINGS_OF_MAX, Convention
from roialign_cli.core.operation import Operation, make_operation
from roialign_cli.core.overrides import applicable_overrides, resolve
from roialign_cli.core.preset import Preset
from roialign_cli.core.presets import preset
from roialign_cli.core.sampling import Plan
from roialign_cli.errors import ArgumentError
from roialign_cli.files.box_file import BoxFile
from roialign_cli.files.features import FeatureFile, read_features

if TYPE_CHECKING:
    from roialign_cli.cli.saved_output import SavedOutput


@dataclass(frozen=True)
class Inputs:
    """The inputs of a command.

    Parameters
    ----------
    file
        The features as they were read.
    operation
        The validated ROI Align call.
    labels
        One for each box, "" for a box without a label.
    scores
        One for each box, NaN for a box without a score.
    overrides
        The fields of the convention that options set.
    defaults
        What no option or file decides, in `describe`'s terms.
    numbers
        The boxes as they were read: (R, 4) float64, or (R, 5) with the batch index first.
    declared_by_file
        How to read the boxes according to their file, as fields of a convention.
    """

    file: FeatureFile
    operation: Operation
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    overrides: dict[str, Any]
    defaults: Defaults
    numbers: NDArray[np.float64]
    declared_by_file: dict[str, Any]

    def notes(self, plan: Plan, only: int | None = None) -> tuple[Note, ...]:
        """Return the warnings about one box or all.

        Parameters
        ----------
        plan
            The plan of all boxes.
        only
            Index of the box; None for all.
        """
        return find_notes(self.operation, plan, only)

    @property
    def subject(self) -> str:
        """One line that names the features, the convention and how the boxes are read."""
        from roialign_cli.show.numbers import describe

        return describe(self.file.title, self.operation, self.defaults)

    def name(self, roi: int) -> str:
        """Return the title of a box in a figure: its label and its score."""
        return named(self.labels[roi], self.scores[roi])


def with_convention(inputs: Inputs, other: str) -> Operation:
    """Return the operation with another convention and the same boxes.

    Parameters
    ----------
    inputs
        The first operation; its overrides apply to the other convention too, as far as it has the
        rules that they change.
    other
        "NAME" or "NAME,FIELD=VALUE,…"; these fields take precedence over the overrides.
    """
    name, *settings = other.split(",")
    try:
        own = dict(FieldValue().convert(field, None, None) for field in settings)
        base = preset(name).convention
    except (ArgumentError, click.BadParameter) as error:
        problem = error.problem if isinstance(error, ArgumentError) else error.message
        raise ArgumentError("with", problem) from None
    for field in own.keys() & set(BOX_FIELDS):
        problem = f"{field} applies to both sides; use {option_of(field)}"
        raise ArgumentError("with", problem)
    shared = applicable_overrides(base, **inputs.overrides) | own
    try:
        convention = resolve(base, **shared)
    except ArgumentError as error:
        if error.argument not in own:
            raise
        raise ArgumentError("with", f"{error.argument}: {error.problem}") from None
    check_same_channels(inputs.operation.convention, convention, "with")
    return replace(inputs.operation, convention=convention)


def scale_source(options: OperatorOptions, inputs: Inputs) -> ScaleSource:
    """Return which option determined the scale of the boxes, and the size of the image."""
    given: tuple[ScaledBy, ...] = ("image_size", "stride", "spatial_scale")
    scaled_by = next((name for name in given if getattr(options, name) is not None), None)
    if inputs.operation.convention.normalized:
        scaled_by = "normalized"
    size, image = options.image_size, inputs.file.image
    if size is None and image is not None:
        size = float(image.shape[1]), float(image.shape[0])
    return ScaleSource(scaled_by, size)


def load(options: OperatorOptions, saved: SavedOutput | None = None) -> Inputs:
    """Read the files that the options name and return the operation.

    Without an option for it, the output size is that of a saved output, or else of the preset.
    """
    _check_no_pyramid(options)
    if options.preset is not None:
        preset(options.preset)  # an unknown name is refused before files are read
    boxes, options = read_boxes_and_format(options)
    file = _features(options)
    default, kind = _default_preset(options, file)
    chosen = preset(options.preset or default)
    overrides = convention_overrides(options)
    numbers = box_numbers(options, boxes, len(file.array))
    size = output_size(options, chosen, overrides, file.array, len(numbers), saved)
    operation = make_operation(
        file.array,
        numbers,
        size,
        convention=chosen,
        spatial_scale=_scale(options, file, chosen.convention),
        batch_index=read_batch_index_option(options),
        image_height=_image_height(options, file),
        **overrides,
    )
    if not len(operation.boxes_given):
        raise ArgumentError("boxes", "there are no boxes; give at least one")
    cells = file.image is not None and options.stride is None
    return Inputs(
        file,
        operation,
        boxes.labels,
        boxes.scores,
        overrides,
        defaults_of(options, kind, cells=cells),
        numbers,
        declared(options, boxes),
    )


def _check_no_pyramid(options: OperatorOptions) -> None:
    """Raise an error for options that only a pyramid has."""
    if options.level_scales is not None:
        raise click.UsageError("--level-scales has no effect without --pyramid RULE")
    if len(options.maps) > 1:
        problem = "several FEATURES are the maps of a pyramid"
        raise click.UsageError(f"{problem}; add --pyramid RULE, or name one file")


def output_size(
    options: OperatorOptions,
    chosen: Preset,
    overrides: dict[str, Any],
    features: NDArray[Any],
    boxes: int,
    saved: SavedOutput | None,
) -> tuple[int, int]:
    """Return the rows and columns of sections: those of the option, a saved output or the preset.

    `boxes` is the number of boxes.
    """
    size = options.output_size
    if size is None and saved is not None:
        size = saved.output_size(features, boxes, resolve(chosen, **overrides))
    size = size or chosen.output_size
    return size[0], size[-1]


def defaults_of(options: OperatorOptions, preset_of: str, *, cells: bool) -> Defaults:
    """Return what no option decides; `preset_of` and `cells` are those of `Defaults`."""
    return Defaults(
        preset_of=None if options.preset else preset_of,
        reading=options.box_format is None and options.origin is None,
        output_size=options.output_size is None,
        cells=cells,
    )


def _default_preset(options: OperatorOptions, file: FeatureFile) -> tuple[str, str]:
    """Return the preset to use without a choice, and the kind of features that decides it."""
    if options.call is not None:
        from roialign_cli.cli.call_input import DEFAULT_PRESET

        if options.preset is None:
            options.call.note_unknown_operator()
        return DEFAULT_PRESET, "calls of an unknown operator"
    if file.image is not None:
        return "torchvision-aligned", "images"
    return "walkthrough", "arrays"


@dataclass(frozen=True)
class SearchInputs:
    """The inputs of a search for a convention.

    Parameters
    ----------
    file
        The features as they were read.
    boxes
        (R, 4) float64, or (R, 5) with the batch index first.
    fixed_fields
        The values of the options that were given, as keywords of `identify`.
    declared_by_file
        How to read the boxes according to their file, as fields of a convention.
    """

    file: FeatureFile
    boxes: NDArray[np.float64]
    fixed_fields: dict[str, Any]
    declared_by_file: dict[str, Any]


def load_search_inputs(options: OperatorOptions) -> SearchInputs:
    """Read the files that the options name and return what a search must not change.

    How the file describes its boxes is not fixed, because that may be the mistake to find.
    """
    boxes = read_box_options(options)
    file = _features(options)
    fixed_fields: dict[str, Any] = convention_overrides(options) | {
        "convention": options.preset,
        "spatial_scale": _scale(options, file, Convention()),
        "batch_index": read_batch_index_option(options),
        "image_height": _image_height(options, file),
    }
    numbers = box_numbers(options, boxes, len(file.array))
    return SearchInputs(file, numbers, _drop_none(fixed_fields), declared(options, boxes))


def search_inputs(options: OperatorOptions, inputs: Inputs) -> SearchInputs:
    """Return what a search for the cause of a difference must not change.

    The rules are not fixed, because any of them may be the cause. The scale of the boxes is fixed
    if an option sets it.
    """
    operation = inputs.operation
    if options.call is not None:
        options = options.call.given  # the parameters of the call may be the cause
    scaled = (options.image_size, options.stride, options.spatial_scale) != (None, None, None)
    normalized = operation.convention.normalized
    fixed_fields: dict[str, Any] = {
        "normalized": options.normalized,
        "spatial_scale": operation.spatial_scale if scaled and not normalized else None,
        "batch_index": None if options.batch_index is None else operation.batch_index,
        "image_height": operation.image_height,
    }
    return SearchInputs(
        inputs.file, inputs.numbers, _drop_none(fixed_fields), inputs.declared_by_file
    )


def declared(options: OperatorOptions, boxes: BoxFile) -> dict[str, Any]:
    """Return how to read boxes according to their file, as fields of a convention.

    A call states other fields, too.
    """
    if options.call is not None:
        return options.call.declared
    return _drop_none({"box_format": boxes.box_format, "normalized": boxes.normalized})


def _drop_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _features(options: OperatorOptions) -> FeatureFile:
    if options.call is not None:
        return options.call.feature_file()
    file = read_features(
        options.features,
        layout=options.layout and options.layout.upper(),
        key=options.key,
        stride=options.stride,
    )
    return as_numbers(file)


def as_numbers(file: FeatureFile) -> FeatureFile:
    """Return features with their numbers if they are those of a call in bfloat16."""
    if file.array.dtype != np.uint16:
        return file
    from roialign_cli.cli.call_input import widened_features

    return widened_features(file)


def _scale(
    options: OperatorOptions, file: FeatureFile, convention: Convention
) -> tuple[float, float] | None:
    """Return (y, x) feature-map units per unit of the boxes, None without an option for it."""
    given = [
        option_of(name)
        for name in ("image_size", "stride", "spatial_scale")
        if getattr(options, name) is not None
    ]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} set the same scale; use only one")
    normalized = convention.normalized if options.normalized is None else options.normalized
    if normalized:
        # The stride also averages an image, so it is allowed for one.
        if given and not (options.stride and file.image is not None):
            problem = "cannot be used with normalised boxes"
            remedy = "remove the option, or add --absolute if the boxes are in pixels"
            raise click.UsageError(f"{given[0]}: {problem}; {remedy}")
        return None
    if options.image_size is not None:
        width, height = options.image_size
        if not (0 < width < math.inf and 0 < height < math.inf):
            raise ArgumentError("image_size", "must be two finite numbers above 0")
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


# The fields of a convention that options of the same name set; --max-of sets more than one field.
_FIELD_OPTIONS = tuple(
    option.name
    for option in fields(OperatorOptions)
    if option.name in Convention().parameters() and option.name != "max_of"
)


def convention_overrides(options: OperatorOptions) -> dict[str, Any]:
    """Return the fields of the convention that options set."""
    overrides = _drop_none({name: getattr(options, name) for name in _FIELD_OPTIONS})
    if overrides.get("coordinate_decimals") == "exact":
        overrides["coordinate_decimals"] = None
    if options.max_of is not None:
        overrides |= MEANINGS_OF_MAX[options.max_of]
    return overrides | dict(options.set)


def option_of(argument: str) -> str:
    """Return the option that sets an argument of the Python API."""
    if argument in _OTHER_OPTION_NAMES:
        return _OTHER_OPTION_NAMES[argument]
    if argument in Convention().parameters() and argument not in _FIELD_OPTIONS:
        return f"--set {argument}"
    return "--" + argument.replace("_", "-")


# The options that do not have the name of the argument.
_OTHER_OPTION_NAMES = {
    "boxes": "--box/--boxes",
    "convention": "--preset",
    "features": "FEATURES",
    "program": "PROGRAM",
    "target": "TARGET",
}
