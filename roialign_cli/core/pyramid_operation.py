"""ROI Align on a feature pyramid: pool each box from the map that a rule chooses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention, ConventionFields
from roialign_cli.core.operation import (
    Operation,
    as_features,
    in_dtype_of,
    make_operation,
    scale_of_map,
)
from roialign_cli.core.overrides import resolve
from roialign_cli.core.point_values import floating
from roialign_cli.core.pooling import pool
from roialign_cli.core.preset import Preset
from roialign_cli.core.pyramid import (
    Levels,
    assign_levels,
    checked_image_size,
    checked_scales,
    infer_scales,
)
from roialign_cli.core.pyramid_rules import LevelScale, PyramidRule, pyramid_rule
from roialign_cli.core.sampling import Plan, check_accepted
from roialign_cli.errors import ArgumentError


@dataclass(frozen=True)
class PyramidOperation:
    """Hold the validated arguments of ROI Align on a pyramid.

    Parameters
    ----------
    operations
        The operation of all R boxes on each map, from the largest map to the smallest.
    levels
        The level of each box.
    scales
        Cells per pixel of each map along y, from which the levels are numbered.
    image_size
        (height, width) of the image in pixels; None if it is not known.
    """

    operations: tuple[Operation, ...]
    levels: Levels
    scales: tuple[float, ...]
    image_size: tuple[float, float] | None = None

    @property
    def index(self) -> NDArray[np.intp]:
        """The map that each box is pooled from, (R,), from 0; `NO_LEVEL` for none."""
        return self.levels.index

    def plans(self) -> tuple[Plan, ...]:
        """Return the sampling plan of all boxes on each map; the errors are those of `plan`."""
        return tuple(map(self.plan, range(len(self.operations))))

    def plan(self, level: int) -> Plan:
        """Return the sampling plan of all boxes on a map, counted from 0.

        Raises
        ------
        ArgumentError
            If the convention rejects a box that is pooled from this map.
        """
        operation = self.operations[level]
        tolerant = replace(operation.convention, rejects="nothing")
        plan = replace(operation, convention=tolerant).plan()
        plan = replace(plan, convention=operation.convention)
        check_accepted(plan, self.index == level)
        return plan

    def with_boxes(self, boxes_given: Float) -> PyramidOperation:
        """Return the operation on other boxes, (R, 4), all of the same image as the first one.

        Raises
        ------
        ArgumentError
            If the rule rejects a box.
        """
        operations = [
            replace(
                operation,
                boxes_given=boxes_given,
                batch_index=np.repeat(operation.batch_index[:1], len(boxes_given)),
            ).with_corners()
            for operation in self.operations
        ]
        rule = self.levels.rule
        levels = _levels(operations, rule, self.scales, self.image_size)
        return replace(self, operations=tuple(operations), levels=levels)

    def for_channel(self, channel: int) -> PyramidOperation:
        """Return the operation on one output channel."""
        operations = tuple(operation.for_channel(channel) for operation in self.operations)
        return replace(self, operations=operations)

    def output_like(self) -> tuple[tuple[int, ...], np.dtype[np.floating]]:
        """Return the shape (R, C, height, width) and the dtype of the pooled output."""
        first = self.operations[0]
        kinds = (floating(operation.features.dtype) for operation in self.operations)
        shape = (len(self.index), first.channels, *first.output_size)
        return shape, np.result_type(*kinds)

    def pooled(
        self,
        plans: Sequence[Plan] | None = None,
        out: Float | None = None,
        advance: Callable[[int], object] = lambda _boxes: None,
    ) -> Float:
        """Return the outputs, (R, C, height, width); 0 for a box that is on no map.

        Parameters
        ----------
        plans
            What `plans` returned, if it is known.
        out
            Array for the outputs, with the shape and dtype of `output_like`.
        advance
            Called with the number of boxes finished since the last call.
        """
        shape, dtype = self.output_like()
        pooled = np.empty(shape, dtype) if out is None else out
        pooled[self.index < 0] = 0
        for level, plan in enumerate(self.plans() if plans is None else plans):
            rows, operation = np.flatnonzero(self.index == level), self.operations[level]
            batch_index = operation.batch_index[rows]
            pooled[rows] = pool(operation.features, plan[rows], batch_index, advance=advance)
        return pooled


class PyramidOptions(ConventionFields, total=False):
    """The optional arguments of `roi_align_pyramid`."""

    image_size: tuple[float, float] | None
    level_scales: Sequence[float] | None
    batch_index: object


def make_pyramid_operation(
    features: Sequence[object],
    boxes: object,
    output_size: int | tuple[int, int],
    *,
    pyramid: str | PyramidRule,
    convention: str | Preset | Convention,
    image_size: tuple[float, float] | None = None,
    level_scales: Sequence[float] | None = None,
    batch_index: object = None,
    **overrides: Unpack[ConventionFields],
) -> PyramidOperation:
    """Validate the arguments of `roi_align_pyramid` and bundle them."""
    rule = pyramid_rule(pyramid)
    resolved = resolve(convention, **overrides)
    maps = checked_maps(features)
    sizes = [(array.shape[2], array.shape[3]) for array in maps]
    scales, by_axis = map_scales(sizes, rule.level_scale, image_size, level_scales)
    spatial = None if resolved.normalized else by_axis[0]
    first = make_operation(
        maps[0],
        boxes,
        output_size,
        convention=resolved,
        spatial_scale=spatial,
        batch_index=batch_index,
        image_height=None if image_size is None else image_size[0],
    )
    if first.image_height is None and not resolved.normalized:
        # Where y points up, all maps measure it from the same height.
        first = replace(first, image_height=maps[0].shape[2] / scales[0])
    operations = []
    for array, scale in zip(maps, by_axis, strict=True):
        on_map = scale_of_map(None if resolved.normalized else scale, resolved, array.shape[2:])
        operations.append(replace(first, features=array, spatial_scale=on_map))
    levels = _levels(operations, rule, scales, image_size)
    return PyramidOperation(tuple(operations), levels, scales, image_size)


def _levels(
    operations: Sequence[Operation],
    rule: PyramidRule,
    scales: tuple[float, ...],
    image_size: tuple[float, float] | None,
) -> Levels:
    """Return the levels of the boxes of operations on all maps."""
    wide = all(floating(operation.features.dtype) == np.float64 for operation in operations)
    return assign_levels(
        operations[0].boxes_xyxy,
        rule,
        scales,
        image_size=image_size,
        normalized=operations[0].convention.normalized,
        dtype=np.float64 if wide else np.float32,
    )


def roi_align_pyramid(
    features: Sequence[object],
    boxes: object,
    output_size: int | tuple[int, int],
    *,
    pyramid: str | PyramidRule,
    convention: str | Preset | Convention,
    **options: Unpack[PyramidOptions],
) -> Float:
    """Pool a fixed-size output for every box from one of several feature maps of an image.

    Parameters
    ----------
    features : sequence of array_like
        The maps of the pyramid, from the largest to the smallest, each as for `roi_align`; with the
        same N and C.
    boxes : array_like
        (R, 4) in image units, in the box format and origin of the convention's library; or (R, 5)
        with the batch index in the first column.
    output_size
        Sections along both axes, or (rows, columns).
    pyramid
        The rule that chooses the map of a box: its name (see `PYRAMID_RULES`), or a `PyramidRule`.
    convention
        The name of a preset (see `PRESETS`), a `Preset` or a `Convention`. There is no default.
    image_size : (float, float), optional
        (height, width) of the image in pixels, from which the scales of the maps are inferred.
        Some rules need the size even if `level_scales` are given, as do normalised boxes.
    level_scales : sequence of float, optional
        Cells per pixel of each map, instead of the inferred scales.
    batch_index : int or (R,) integers, optional
        The image that each box is on; 0 by default.
    **options
        Any field of `Convention` to override: `pooling`, `sampling_ratio`, `box_format`, …

    Returns
    -------
    NDArray[np.floating]
        (R, C, rows, columns), in the dtype that `roi_align` returns for the maps. A box that the
        rule sends to no map has outputs of 0.

    Raises
    ------
    RoiAlignError
        If an argument is wrong; the message names it, what was given, and what is needed.

    Examples
    --------
    >>> maps = [np.full((1, 256 // stride, 256 // stride), stride) for stride in (4, 8, 16)]
    >>> boxes = [[0, 0, 100, 100], [0, 0, 120, 120], [0, 0, 240, 240]]
    >>> rule = {"pyramid": "detectron2", "convention": "detectron2", "sampling_ratio": 1}
    >>> roi_align_pyramid(maps, boxes, 1, image_size=(256, 256), **rule).ravel()
    array([ 4.,  8., 16.], dtype=float32)
    """
    operation = make_pyramid_operation(
        features, boxes, output_size, pyramid=pyramid, convention=convention, **options
    )
    return in_dtype_of(operation.operations[0].features, operation.pooled())


def checked_maps(features: Sequence[object]) -> list[NDArray[Any]]:
    """Return the maps, each (N, C, H, W), after checking that they form a pyramid."""
    if not isinstance(features, list | tuple):
        raise ArgumentError("features", "must be a list of maps, from the largest to the smallest")
    if not features:
        raise ArgumentError("features", "must have at least one map, got none")
    maps = [as_features(one) for one in features]
    for number, (before, array) in enumerate(pairwise(maps), 1):
        if array.shape[:2] != maps[0].shape[:2]:
            shapes = f"{maps[0].shape} and {array.shape}"
            problem = f"maps 0 and {number} have the shapes {shapes}; N and C must be the same"
            raise ArgumentError("features", problem)
        if array.shape[2] > before.shape[2] or array.shape[3] > before.shape[3]:
            sizes = " and ".join(f"{m.shape[2]} × {m.shape[3]}" for m in (before, array))
            problem = f"maps {number - 1} and {number} have {sizes} cells; put larger maps first"
            raise ArgumentError("features", problem)
    return maps


def map_scales(
    map_sizes: Sequence[tuple[int, int]],
    inferred: LevelScale,
    image_size: tuple[float, float] | None,
    level_scales: Sequence[float] | None,
) -> tuple[tuple[float, ...], list[tuple[float, float]]]:
    """Return the scale of each map along y, and along (y, x).

    Parameters
    ----------
    map_sizes
        (height, width) of each map in cells.
    inferred
        How scales follow from the size of the image.
    image_size
        (height, width) of the image in pixels.
    level_scales
        The scale of each map, instead of the inferred ones.

    Raises
    ------
    ArgumentError
        If neither is given, or if they do not fit the maps.
    """
    if level_scales is not None:
        scales = checked_scales(level_scales)
        if len(scales) != len(map_sizes):
            problem = f"must be as many as the maps: {len(map_sizes)}, not {len(scales)}"
            raise ArgumentError("level_scales", problem)
        return scales, [(scale, scale) for scale in scales]
    if image_size is None:
        problem = "needs the size of the image, or the scale of each map"
        raise ArgumentError("pyramid", problem, "image_size")
    height, width = checked_image_size(image_size)
    if inferred == "power-of-two":
        scales = infer_scales(map_sizes, image_size)
        return scales, [(scale, scale) for scale in scales]
    by_axis = [(size[0] / height, size[1] / width) for size in map_sizes]
    return tuple(y for y, _ in by_axis), by_axis
