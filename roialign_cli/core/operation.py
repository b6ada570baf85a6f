"""ROI Align as one call: validate the arguments, make the sampling plan, pool."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import (
    Float,
    Frame,
    as_array,
    box_height,
    corners,
    index_remedy,
    split_boxes,
)
from roialign_cli.core.channels import channels_read, output_channels
from roialign_cli.core.convention import Convention, ConventionFields, Summary
from roialign_cli.core.overrides import resolve
from roialign_cli.core.point_values import floating
from roialign_cli.core.pooling import pool
from roialign_cli.core.preset import Preset
from roialign_cli.core.sampling import Plan, make_plan
from roialign_cli.errors import ArgumentError, out_of_range

# features (N, C, H, W) → (N, 1, H, W)
_SUMMARIES: dict[Summary, Callable[[Float], Float]] = {
    "mean": lambda features: features.mean(axis=1, keepdims=True),
    "max": lambda features: features.max(axis=1, keepdims=True),
    "norm": lambda features: np.sqrt(np.square(features).sum(axis=1, keepdims=True)),
}


@dataclass(frozen=True)
class Operation:
    """Hold the validated arguments of one ROI Align call.

    Parameters
    ----------
    features
        (N, C, H, W), any real dtype; may be memory-mapped.
    boxes_given
        (R, 4), float64, as the caller wrote them: in the convention's box format and origin.
    boxes_xyxy
        (R, 4), float64, the corners x1, y1, x2, y2 with y down, in image units.
    batch_index
        (R,), the map that each box lies on, from 0.
    spatial_scale
        (y, x), feature-map units per image unit.
    output_size
        (rows, columns) of sections.
    convention
        The rules.
    image_height
        Height of the image in the units of the boxes. If y points up, it is measured from this
        height; None stands for the height of the map divided by the scale.
    """

    features: NDArray[Any]
    boxes_given: Float
    boxes_xyxy: Float
    batch_index: NDArray[np.intp]
    spatial_scale: tuple[float, float]
    output_size: tuple[int, int]
    convention: Convention
    image_height: float | None = None

    @property
    def channels(self) -> int:
        """Number of channels of the output."""
        return output_channels(self.features.shape[1], self.convention, self.output_size)

    @property
    def map_size(self) -> tuple[int, int]:
        """Height and width of the feature map in cells."""
        return self.features.shape[2], self.features.shape[3]

    @property
    def frame(self) -> Frame:
        """The frame in which coordinates are read and shown."""
        rows = self.map_size[0]
        height = float(rows)
        if self.image_height is not None and not self.convention.normalized:
            height = self.image_height * self.spatial_scale[0]
            # A scale that was computed from this height may have been rounded.
            height = float(rows) if math.isclose(height, rows, rel_tol=1e-9) else height
        return Frame(self.convention.origin, height)

    def with_corners(self) -> Operation:
        """Return the operation with `boxes_xyxy` computed again from `boxes_given`."""
        rows, scale = self.map_size[0], self.spatial_scale[0]
        xyxy = _corners(self.boxes_given, self.convention, self.image_height, rows, scale)
        return replace(self, boxes_xyxy=xyxy)

    def plan(self) -> Plan:
        """Return the sampling plan of all boxes; its dtype is the dtype of all coordinates."""
        return make_plan(
            _finite(self.boxes_xyxy, coordinate_dtype(self.features.dtype, self.convention)),
            self.spatial_scale,
            self.map_size,
            self.output_size,
            self.convention,
            self.frame,
        )

    def pooled(self) -> Float:
        """Return the outputs, (R, C, height, width)."""
        return pool(self.features, self.plan(), self.batch_index)

    def for_channel(self, channel: int) -> Operation:
        """Return the operation on one output channel."""
        read = channels_read(channel, self.convention, self.output_size)
        return replace(self, features=self.features[:, read.start : read.stop])

    def for_box_and_channel(self, roi: int, channel: int | Summary) -> Operation:
        """Return the operation on one box and one output channel, or on a summary of all."""
        n = self.batch_index[roi]
        features = self.features[n : n + 1]
        if isinstance(channel, str):
            with np.errstate(invalid="ignore", over="ignore"):
                summary = _SUMMARIES[channel](features.astype(np.float64))
                # The dtype of the channels, so that the sampling plan is the same as theirs.
                features = summary.astype(floating(features.dtype))
        else:
            features = self.for_channel(channel).features[n : n + 1]
        return replace(
            self,
            features=features,
            boxes_given=self.boxes_given[roi : roi + 1],
            boxes_xyxy=self.boxes_xyxy[roi : roi + 1],
            batch_index=np.zeros(1, np.intp),
        )


def coordinate_dtype(features: np.dtype[Any], convention: Convention) -> np.dtype[np.floating]:
    """Return the dtype of all coordinates for features of a dtype."""
    fixed: dict[str, np.dtype[np.floating]] = {
        "double": np.dtype(np.float64),
        "half": np.dtype(np.float16),
    }
    return fixed.get(convention.coordinates, floating(features))


class CallOptions(ConventionFields, total=False):
    """The optional arguments of `roi_align`."""

    spatial_scale: float | tuple[float, float] | None
    batch_index: object
    image_height: float | None


def make_operation(
    features: object,
    boxes: object,
    output_size: int | tuple[int, int],
    *,
    convention: str | Preset | Convention,
    spatial_scale: float | tuple[float, float] | None = None,
    batch_index: object = None,
    image_height: float | None = None,
    **overrides: Unpack[ConventionFields],
) -> Operation:
    """Validate the arguments of `roi_align` and bundle them."""
    resolved = resolve(convention, **overrides)
    array = as_features(features)
    scale = scale_of_map(spatial_scale, resolved, (array.shape[2], array.shape[3]))
    given, index = split_boxes(boxes, batch_index)
    if len(index) and not 0 <= index.min() <= index.max() < len(array):
        wrong = index[(index < 0) | (index >= len(array))][0]
        problem = out_of_range(wrong, len(array), "map")
        if batch_index is not None:
            raise ArgumentError("batch_index", problem)
        remedy = index_remedy(np.asarray(boxes), len(array))
        raise ArgumentError("boxes", f"batch index {problem}{remedy}")
    size = checked_output_size(output_size)
    if image_height is not None:
        image_height = _pair(image_height, "image_height", float)[0]
    output_channels(array.shape[1], resolved, size)  # raises if there are too few
    xyxy = _corners(given, resolved, image_height, array.shape[2], scale[0])
    return Operation(array, given, xyxy, index, scale, size, resolved, image_height)


def checked_output_size(output_size: object) -> tuple[int, int]:
    """Return the (rows, columns) of sections; raise an error if they are not usable."""
    size: tuple[int, int] = _pair(output_size, "output_size", int)
    if max(size) > _MAX_SECTIONS:
        problem = f"{size} is too large; use at most {_MAX_SECTIONS} sections along an axis"
        raise ArgumentError("output_size", problem)
    return size


_MAX_SECTIONS = 1 << 16


def roi_align(
    features: object,
    boxes: object,
    output_size: int | tuple[int, int],
    *,
    convention: str | Preset | Convention,
    **options: Unpack[CallOptions],
) -> Float:
    """Pool a fixed-size output for every box from a feature map.

    Parameters
    ----------
    features : array_like
        Feature map, (N, C, H, W), (C, H, W) or (H, W), any real dtype. Row 0 is at the top.
    boxes : array_like
        (R, 4) in image units, in the box format and origin of the convention's library; or (R, 5)
        with the batch index in the first column.
    output_size
        Sections along both axes, or (rows, columns).
    convention
        The name of a preset (see `PRESETS`), a `Preset` or a `Convention`. There is no default.
    spatial_scale : float or (float, float), optional
        Feature-map units per image unit, or (y, x); 1 by default. Normalised boxes need none.
    batch_index : int or (R,) integers, optional
        The map that each box lies on; 0 by default.
    image_height : float, optional
        Height of the image in the units of the boxes, from which y is measured if it points up; by
        default the height of the feature map divided by the scale.
    **options
        Any field of `Convention` to override: `pooling`, `sampling_ratio`, `box_format`, …

    Returns
    -------
    NDArray[np.floating]
        (R, C, rows, columns). The dtype is that of floating-point features and float32 for integer
        features. As in the libraries, float16 features are pooled in float32, and coordinates are
        float32 unless the features are float64.

    Raises
    ------
    RoiAlignError
        If an argument is wrong; the message names it, what was given, and what is needed.

    Examples
    --------
    >>> features = np.arange(25, dtype=np.float32).reshape(5, 5)
    >>> roi_align(features, [[1, 1, 3, 3]], 2, convention="torchvision-aligned")
    array([[[[ 6.,  7.],
             [11., 12.]]]], dtype=float32)
    """
    operation = make_operation(features, boxes, output_size, convention=convention, **options)
    return in_dtype_of(operation.features, operation.pooled())


def in_dtype_of(features: NDArray[Any], pooled: Float) -> Float:
    """Return outputs in float16 if the features are, which are pooled in float32."""
    if features.dtype.kind != "f" or features.dtype.itemsize != 2:
        return pooled
    with np.errstate(over="ignore"):
        return pooled.astype(np.float16)


def as_features(features: object) -> NDArray[Any]:
    """Return features as an array (N, C, H, W); raise an `ArgumentError` if they have no map."""
    array = as_array("features", features)
    if array.dtype.kind not in "buif":
        raise ArgumentError("features", f"must be real numbers, got {array.dtype}")
    if not 2 <= array.ndim <= 4:
        raise ArgumentError(
            "features", f"must be (N, C, H, W), (C, H, W) or (H, W), got {array.shape}"
        )
    if 0 in array.shape[-2:]:
        problem = f"has shape {array.shape}; a feature map needs at least one row and one column"
        raise ArgumentError("features", problem)
    return array.reshape((1,) * (4 - array.ndim) + array.shape)


def scale_of_map(
    given: Any,  # noqa: ANN401
    convention: Convention,
    map_size: tuple[int, int],
) -> tuple[float, float]:
    """Return the spatial scale (y, x), feature-map units per unit of the boxes."""
    if not convention.normalized:
        scale: tuple[float, float] = _pair(1.0 if given is None else given, "spatial_scale", float)
        return scale
    if given is not None:
        raise ArgumentError(
            "spatial_scale",
            "cannot be used with normalised boxes; set normalized=False if the boxes are in pixels",
        )
    less = 1 if convention.normalized_by == "last-centre" else 0
    return float(map_size[0] - less), float(map_size[1] - less)


def _corners(
    given: Float, convention: Convention, image_height: float | None, rows: int, scale: float
) -> Float:
    """Return the corners of boxes, (R, 4), on a map with so many rows and a scale along y."""
    height = None
    if convention.origin == "bottom-left":
        height = box_height(image_height, rows, scale, normalized=convention.normalized)
    return corners(given, convention.box_format, height, inclusive=convention.inclusive)


def _pair(value: Any, name: str, kind: type) -> tuple[Any, Any]:  # noqa: ANN401
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    numbers = (int, np.integer) if kind is int else (int, float, np.integer, np.floating)
    usable = len(pair) == 2 and all(
        isinstance(v, numbers) and not isinstance(v, bool) and 0 < v <= _MAX_FLOAT for v in pair
    )
    if not usable:
        numbers_needed = "whole numbers" if kind is int else "numbers"
        problem = f"must be one or two {numbers_needed} above 0, got {value!r:.60}"
        raise ArgumentError(name, problem)
    return kind(pair[0]), kind(pair[1])


_MAX_FLOAT = sys.float_info.max


def _finite(boxes: Float, dtype: np.dtype[np.floating]) -> Float:
    with np.errstate(over="ignore"):
        cast = boxes.astype(dtype)
    if not np.isfinite(cast).all():
        bad = int(np.isfinite(cast).all(axis=1).argmin())
        raise ArgumentError(
            "boxes", f"box {bad} is beyond the range of {dtype}; use smaller numbers"
        )
    return cast
