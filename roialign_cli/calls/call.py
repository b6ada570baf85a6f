"""One recorded call: the inputs, parameters and output of an ROI Align that ran somewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float, split_boxes
from roialign_cli.core.convention import Convention
from roialign_cli.core.operation import (
    Operation,
    as_features,
    checked_output_size,
    make_operation,
    scale_of_map,
)
from roialign_cli.core.overrides import resolve
from roialign_cli.core.preset import Preset
from roialign_cli.core.pyramid import checked_image_size
from roialign_cli.core.pyramid_rules import pyramid_rule
from roialign_cli.errors import ArgumentError
from roialign_cli.printable import printable

_MAX_PART = 80  # characters of a name from a file
# The arrays of a call that can have the dtype bfloat16, which NumPy lacks.
BFLOAT16_ARRAYS = ("features", "boxes", "output")


@dataclass(frozen=True)
class PyramidLevel:
    """The place of a call among the calls of one pyramid.

    Parameters
    ----------
    pyramid
        The number of the pyramid in its recording, from 0.
    map_index
        The map that the call pools from, from 0 for the largest.
    maps
        The number of maps.
    rule
        Name of the rule that chooses the map of a box (see `PYRAMID_RULES`); None if unknown.
    image_size
        (height, width) of the image in pixels, as the rule uses it; None if unknown.
    """

    pyramid: int
    map_index: int
    maps: int
    rule: str | None = None
    image_size: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.map_index < self.maps:
            problem = f"map_index {self.map_index} is not from 0 to {self.maps - 1}"
            raise ArgumentError("level", problem)
        if self.rule is not None:
            pyramid_rule(self.rule)
        if self.image_size is not None:
            checked_image_size(self.image_size)


@dataclass(frozen=True, eq=False, kw_only=True)
class Description:
    """What is known about a recorded call beside its arrays.

    Parameters
    ----------
    output_size
        (rows, columns) of sections; one number for both.
    spatial_scale
        Feature-map units per unit of the boxes, or (y, x); None for 1, or if boxes are normalised.
    preset
        Name of the operator's preset; None if the operator is unknown.
    fields
        The fields of the convention in which the call differs from its preset.
    stated
        The parameters as the framework names them, such as ``{"aligned": True}``; plain data.
    framework, framework_version
        The framework that ran the operator, such as "torchvision", and its version; "" if unknown.
    operator
        The operator or function, such as "torchvision.ops.roi_align"; "" if unknown.
    place
        The node of the model or the line of the program, such as "/roi_heads/RoiAlign" or
        "poolers.py:312"; "" if unknown.
    level
        The place of the call in a pyramid; None for a call on a single map.
    bfloat16
        Names of the arrays with the dtype bfloat16, which are float32 in this object.
    """

    output_size: int | tuple[int, int] | None = None
    spatial_scale: float | tuple[float, float] | None = None
    preset: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    stated: Mapping[str, Any] = field(default_factory=dict)
    framework: str = ""
    framework_version: str = ""
    operator: str = ""
    place: str = ""
    level: PyramidLevel | None = None
    bfloat16: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        convention = self.convention()
        if self.output_size is not None:
            checked_output_size(self.output_size)
        if self.spatial_scale is not None:
            scale_of_map(self.spatial_scale, convention, (1, 1))
        if not set(self.bfloat16) <= {*BFLOAT16_ARRAYS}:
            problem = f"{self.bfloat16} are not among {', '.join(BFLOAT16_ARRAYS)}"
            raise ArgumentError("bfloat16", problem)

    @property
    def title(self) -> str:
        """The operator, the framework with its version, and the place, as far as known."""
        framework = f"{self.framework} {self.framework_version}".strip()
        parts = (self.operator, framework, self.place)
        return ", ".join(printable(part)[:_MAX_PART] for part in parts if part)

    def convention(self, default: str | Preset | Convention = "torchvision-aligned") -> Convention:
        """Return the rules of the call; those of `default` if the operator is unknown."""
        return resolve(self.preset or default, **self.fields)


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Call(Description):
    """One ROI Align that ran somewhere: its inputs, its parameters and its output.

    Parameters
    ----------
    features
        (N, C, H, W), (C, H, W) or (H, W), any real dtype; stored as (N, C, H, W).
    boxes
        (R, 4) as the operator got them, in its own format; or (R, 5) with the batch index in the
        first column. Stored as (R, 4) float64. R may be 0.
    batch_index
        The map of each box, from 0: (R,) or one for all; 0 by default. Stored as (R,).
    output
        (R, channels, rows, columns); None if it is not known.
    rows
        (R,), the row of each box in the output of the pyramid; None for a call on a single map.
    **description
        Everything else that is known; see `Description`. `output_size` may be left out if there is
        an output.

    Raises
    ------
    ArgumentError
        If an array has a wrong shape or dtype, or if the arrays do not fit together.

    Examples
    --------
    >>> call = Call(features=np.eye(4), boxes=[[0, 0, 4, 4]], output_size=2, preset="torchvision")
    >>> call.operation().pooled().shape
    (1, 1, 2, 2)
    >>> call
    <Call: 1 × 1 × 4 × 4 float64, 1 box, 2 × 2 sections, torchvision>
    """

    features: NDArray[Any]
    boxes: Float
    batch_index: NDArray[np.intp] | None = None
    output: NDArray[Any] | None = None
    rows: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        boxes, index = split_boxes(self.boxes, self.batch_index)
        for name, value in (
            ("features", as_features(self.features)),
            ("boxes", boxes),
            ("batch_index", index),
            ("output", None if self.output is None else _checked_output(self.output, len(boxes))),
            ("rows", None if self.rows is None else _checked_rows(self.rows, len(boxes))),
        ):
            object.__setattr__(self, name, value)
        if self.output_size is None:
            if self.output is None:
                problem = "is needed for a call without an output"
                raise ArgumentError("output_size", problem)
            object.__setattr__(self, "output_size", self.output.shape[2:])
        super().__post_init__()
        operation = self.operation()
        object.__setattr__(self, "output_size", operation.output_size)
        if self.output is not None:
            self._check_fits(operation, self.output.shape)

    def __repr__(self) -> str:
        shape = " × ".join(map(str, self.features.shape))
        boxes = "1 box" if len(self.boxes) == 1 else f"{len(self.boxes)} boxes"
        rows, columns = self.operation().output_size
        title = f"{self.title}; " if self.title else ""
        sizes = f"{shape} {self.features.dtype}, {boxes}, {rows} × {columns} sections"
        return f"<Call: {title}{sizes}, {self.preset or 'unknown operator'}>"

    def _check_fits(self, operation: Operation, shape: tuple[int, ...]) -> None:
        """Raise an error if an output of this shape is not one of this operation."""
        needed = (len(self.boxes), operation.channels, *operation.output_size)
        # Without a preset, the number of channels that the operator returns is unknown.
        if shape != needed and (self.preset or shape[2:] != needed[2:]):
            raise ArgumentError("output", f"has shape {shape} instead of {needed}")

    def operation(self, default: str | Preset | Convention = "torchvision-aligned") -> Operation:
        """Return the operation that the parameters describe.

        Parameters
        ----------
        default
            The preset of a call with an unknown operator.
        """
        return make_operation(
            self.features,
            self.boxes,
            self.output_size or (1, 1),
            convention=self.convention(default),
            spatial_scale=self.spatial_scale,
            batch_index=self.batch_index,
        )

    def save(self, path: str | Path, *, force: bool = False) -> None:
        """Write the call to an `.npz`, which every command reads in place of FEATURES.

        Parameters
        ----------
        path
            The file; it appears once it is complete.
        force
            Whether an existing file may be overwritten.

        Raises
        ------
        FileError
            If the file cannot be written, or exists and must not be overwritten.
        """
        from roialign_cli.calls.archive import write_call  # noqa: PLC0415 - it imports this module

        write_call(self, Path(path), force=force)

    @staticmethod
    def load(path: str | Path) -> Call:
        """Read a call from the `.npz` that `save` or `roialign capture` wrote.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        FileError
            If the file is missing, damaged, or not a call of a known version.
        """
        from roialign_cli.calls.archive import read_call  # noqa: PLC0415 - it imports this module

        return read_call(str(path))


def _checked_output(output: object, boxes: int) -> NDArray[Any]:
    array = np.asarray(output)
    if array.dtype.kind not in "buif":
        raise ArgumentError("output", f"must be real numbers, got {array.dtype}")
    if array.ndim != 4:
        problem = f"must be (R, channels, rows, columns), got {array.shape}"
        raise ArgumentError("output", problem)
    if len(array) != boxes:
        raise ArgumentError("output", f"has {len(array)} rows for {boxes} boxes")
    return array


def _checked_rows(rows: object, boxes: int) -> NDArray[np.intp]:
    array = np.asarray(rows)
    if array.shape != (boxes,) or (boxes and array.dtype.kind not in "iu"):
        problem = f"must be {boxes} whole numbers, got {array.dtype} of shape {array.shape}"
        raise ArgumentError("rows", problem)
    return array.astype(np.intp)
