"""Read the maps that the options name and build the operation on their pyramid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.pitfalls import Note, find_notes_of, numbered
from roialign_cli.analysis.records import Defaults
from roialign_cli.analysis.results import OnPyramid
from roialign_cli.cli.box_input import (
    box_numbers,
    read_batch_index_option,
    read_box_options,
    read_boxes_and_format,
)
from roialign_cli.cli.inputs import (
    Inputs,
    as_numbers,
    convention_overrides,
    declared,
    defaults_of,
    output_size,
)
from roialign_cli.cli.options import OperatorOptions
from roialign_cli.core.presets import preset
from roialign_cli.core.pyramid import NO_LEVEL
from roialign_cli.core.pyramid_operation import PyramidOperation, make_pyramid_operation
from roialign_cli.core.pyramid_rules import PyramidRule, pyramid_rule
from roialign_cli.errors import ArgumentError, checked_index
from roialign_cli.files.arrays import archive_shapes
from roialign_cli.files.features import FeatureFile, read_maps
from roialign_cli.files.reading import split_member
from roialign_cli.printable import printable

if TYPE_CHECKING:
    from roialign_cli.cli.saved_output import SavedOutput


@dataclass(frozen=True)
class PyramidInputs:
    """The inputs of a command on a pyramid.

    Parameters
    ----------
    files
        The maps as they were read.
    operation
        The validated call.
    labels
        One for each box, "" for a box without a label.
    scores
        One for each box, NaN for a box without a score.
    defaults
        What no option or file decides.
    declared_by_file
        How to read the boxes according to their file, as fields of a convention.
    """

    files: tuple[FeatureFile, ...]
    operation: PyramidOperation
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    defaults: Defaults
    declared_by_file: dict[str, Any]

    def on_pyramid(self) -> OnPyramid:
        """Return the operation with the plans of all boxes on each map."""
        return OnPyramid(self.operation, self.operation.plans())

    @property
    def subject(self) -> str:
        """One line that names the maps, the rule, the convention and how the boxes are read."""
        from roialign_cli.show.numbers import describe_pyramid

        names = [printable(file.name) for file in self.files]
        return describe_pyramid(names, self.operation, self.defaults)

    def check_unchanged(self) -> None:
        """Raise an error if a file has changed since it was opened."""
        for file in self.files:
            file.check_unchanged()


def notes_on(pyramid: OnPyramid) -> tuple[Note, ...]:
    """Return the warnings about all boxes, each on its map."""
    maps = zip(pyramid.operation.operations, pyramid.plans, strict=True)
    index = np.asarray(pyramid.operation.index)
    notes = [
        note
        for level, (operation, plan) in enumerate(maps)
        for note in find_notes_of(operation, plan, index == level, advise=False)
    ]
    on_no_map = np.flatnonzero(index == NO_LEVEL).tolist()
    if on_no_map:
        rule = pyramid.operation.levels.rule.name
        text = f"{numbered(on_no_map)}: on no map, by the rule {rule}; the outputs are 0"
        notes.append(Note("no-level", tuple(on_no_map), text))
    return tuple(notes)


def inputs_on_level(
    pyramid: PyramidInputs, options: OperatorOptions, roi: int
) -> tuple[Inputs, tuple[Note, ...]]:
    """Return the inputs of the map that a box is pooled from, and the warnings about the box.

    Raises
    ------
    ArgumentError
        If there is no such box, or if it is on no map.
    """
    operation = pyramid.operation
    checked_index("roi", roi, len(operation.index), "box")
    level = int(operation.index[roi])
    if level == NO_LEVEL:
        rule = operation.levels.rule.name
        problem = f"box {roi} is on no map by the rule {rule}, so that its outputs are 0"
        raise ArgumentError("roi", f"{problem}; choose another box")
    requested = np.arange(len(operation.index)) == roi
    plan = operation.plan(level)
    notes = find_notes_of(operation.operations[level], plan, requested, advise=False)
    return inputs_on_map(pyramid, options, level), notes


def inputs_on_map(pyramid: PyramidInputs, options: OperatorOptions, level: int) -> Inputs:
    """Return the inputs of all boxes on one of the maps, counted from 0."""
    on_map = pyramid.operation.operations[level]
    return Inputs(
        pyramid.files[level],
        on_map,
        pyramid.labels,
        pyramid.scores,
        convention_overrides(options),
        pyramid.defaults,
        np.asarray(on_map.boxes_given, dtype=np.float64),
        {},
    )


def load_pyramid(options: OperatorOptions, saved: SavedOutput | None = None) -> PyramidInputs:
    """Read the files that the options name and return the operation on the pyramid.

    Without an option for it, the output size is that of a saved output, or else of the preset.
    """
    rule = pyramid_rule(options.pyramid or "")
    chosen = preset(options.preset or _preset_of(rule))
    _check_options(options)
    boxes, options = read_boxes_and_format(options)
    files = _files(options)
    numbers = box_numbers(options, boxes, len(files[0].array))
    overrides = convention_overrides(options)
    size = output_size(options, chosen, overrides, files[0].array, len(numbers), saved)
    operation = make_pyramid_operation(
        [file.array for file in files],
        numbers,
        size,
        pyramid=rule,
        convention=chosen,
        image_size=_image_size(options),
        level_scales=options.level_scales,
        batch_index=read_batch_index_option(options),
        **overrides,
    )
    if not len(operation.index):
        raise ArgumentError("boxes", "there are no boxes; give at least one")
    if options.call is not None:
        options.call.report_levels(operation.index, rule.name)
    defaults = defaults_of(options, f"--pyramid {rule.name}", cells=False)
    return PyramidInputs(
        tuple(files), operation, boxes.labels, boxes.scores, defaults, declared(options, boxes)
    )


def is_pyramid(options: OperatorOptions) -> bool:
    """Return whether the options name a pyramid: several maps, or an option that only one has.

    An `.npz` with an array "features" is a single map, which `read_features` reads.
    """
    names = options.maps
    if len(names) > 1 or (options.pyramid, options.level_scales) != (None, None):
        return True
    path, member = split_member(names[0])
    if path == "-" or member is not None or options.key is not None:
        return False
    if not path.lower().endswith(".npz"):
        return False
    shapes = archive_shapes(path)
    maps = [shape for shape in shapes.values() if len(shape) in {3, 4}]
    return len(maps) > 1 and len({shape[:-2] for shape in maps}) == 1 and "features" not in shapes


@dataclass(frozen=True)
class PyramidSearchInputs:
    """The inputs of a search on a pyramid.

    Parameters
    ----------
    maps
        The maps, each (N, C, H, W).
    boxes
        (R, 4) float64, or (R, 5) with the batch index first.
    call
        The values of the options that were given, as keywords of `identify_pyramid`.
    declared_by_file
        How to read the boxes according to their file, as fields of a convention.
    """

    maps: list[NDArray[Any]]
    boxes: NDArray[np.float64]
    call: dict[str, Any]
    declared_by_file: dict[str, Any]


def load_pyramid_search(options: OperatorOptions) -> PyramidSearchInputs:
    """Read the files that the options name and return what a search must not change."""
    _check_options(options)
    boxes = read_box_options(options)
    files = _files(options)
    # A recorded rule may be the mistake to find.
    given = options if options.call is None else options.call.given
    call: dict[str, Any] = convention_overrides(options) | {
        "pyramid": given.pyramid,
        "image_size": _image_size(options),
        "level_scales": options.level_scales,
        "convention": options.preset,
        "batch_index": read_batch_index_option(options),
    }
    numbers = box_numbers(options, boxes, len(files[0].array))
    return PyramidSearchInputs(
        [file.array for file in files], numbers, call, declared(options, boxes)
    )


def _files(options: OperatorOptions) -> list[FeatureFile]:
    """Return the maps that the options name."""
    return [as_numbers(file) for file in read_maps(options.maps, layout=options.layout)]


def with_rule(inputs: PyramidInputs, options: OperatorOptions, rule: str) -> PyramidOperation:
    """Return the operation with another pyramid rule, and the same convention and boxes."""
    first = inputs.operation.operations[0]
    try:
        other = pyramid_rule(rule)
    except ArgumentError as error:
        raise ArgumentError("with_pyramid", error.problem) from None
    return make_pyramid_operation(
        [file.array for file in inputs.files],
        first.boxes_given,
        first.output_size,
        pyramid=other,
        convention=first.convention,
        image_size=inputs.operation.image_size,
        level_scales=options.level_scales,
        batch_index=first.batch_index,
    )


def _image_size(options: OperatorOptions) -> tuple[float, float] | None:
    """Return the (height, width) of the image, None if it is not given."""
    size = options.image_size
    return None if size is None else (size[1], size[0])


def _preset_of(rule: PyramidRule) -> str:
    if rule.preset is None:
        problem = f"{rule.name} has no preset of its own; choose one with --preset"
        raise ArgumentError("pyramid", problem)
    return rule.preset


def _check_options(options: OperatorOptions) -> None:
    """Raise an error for options that have no effect on a pyramid."""
    if options.key is not None:
        problem = "--key reads one array; name each map as FILE.npz:NAME"
        raise click.UsageError(problem)
    for option, value in (("--stride", options.stride), ("--spatial-scale", options.spatial_scale)):
        if value is not None:
            problem = "sets the scale of one map; use --image-size or --level-scales"
            raise click.UsageError(f"{option} {problem}")
