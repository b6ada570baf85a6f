"""Give a model its inputs: arrays from files, or random numbers."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.calls.onnx_models.boxes import inputs_before
from roialign_cli.calls.onnx_models.damage import Model
from roialign_cli.calls.onnx_models.library import onnx_module
from roialign_cli.calls.onnx_models.shapes import Shape, shape_of
from roialign_cli.errors import ArgumentError, FileError, alternatives
from roialign_cli.memory import check_fits

if TYPE_CHECKING:
    from roialign_cli.calls.onnx_models.listing import ListedNode

_FIRST_AXIS, _BOXES, _OTHER_AXES = 1, 16, 256  # lengths of free axes of random inputs
_IMAGE_SIDE = 256.0  # units of boxes, on a map of unknown size


@dataclass(frozen=True)
class ModelInput:
    """An input of a model.

    Parameters
    ----------
    name
        Its name.
    dtype
        Its data type, one of real numbers.
    shape
        Its shape; None if even the number of axes is free.
    """

    name: str
    dtype: np.dtype[Any]
    shape: Shape | None

    def __str__(self) -> str:
        shape = "any shape" if self.shape is None else _written(self.shape)
        return f"{self.name}: {self.dtype} of shape {shape}"


def _written(shape: Sequence[object]) -> str:
    return f"({', '.join('?' if axis is None else str(axis) for axis in shape)})"


def model_inputs(path: str, model: Model) -> list[ModelInput]:
    """Return the inputs that a model needs, in their order.

    Raises
    ------
    FileError
        If an input is not a tensor, or has a data type that NumPy lacks, such as bfloat16.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    return [
        ModelInput(value.name, _dtype(path, value), shape_of(value))
        for value in model.graph.input
        if value.name not in weights
    ]


def _dtype(path: str, value: Any) -> np.dtype[Any]:  # noqa: ANN401 - a ValueInfoProto
    kind = value.type.tensor_type.elem_type
    with suppress(KeyError, TypeError, ValueError):
        dtype: np.dtype[Any] = np.dtype(onnx_module("onnx.helper").tensor_dtype_to_np_dtype(kind))
        if dtype.kind in "buif":
            return dtype
    problem = f"its input {value.name} is not a tensor of real numbers that NumPy has"
    raise FileError(path, f"{problem}; export the model with float32 inputs")


@dataclass(frozen=True)
class GivenInput:
    """An input from a file.

    Parameters
    ----------
    file
        The file, for error messages.
    array
        The array in it.
    """

    file: str
    array: NDArray[Any]


def checked_inputs(
    needed: Sequence[ModelInput], given: Mapping[str, GivenInput], *, complete: bool
) -> dict[str, NDArray[Any]]:
    """Return the arrays of inputs by name.

    Parameters
    ----------
    needed
        The inputs of the model.
    given
        Name of an input → its array.
    complete
        Whether a missing input is an error.

    Raises
    ------
    RoiAlignError
        If an input is unknown or missing, or has another dtype or shape.
    """
    known = {one.name: one for one in needed}
    for name, one in given.items():
        problem = f"{name} is not an input of the model; {_choices(known)}"
        if name in known:
            problem = _misfit(known[name], one.array)
        if problem:
            raise FileError(one.file, problem)
    missing = [one for one in needed if one.name not in given]
    if missing and complete:
        problem = f"the model also needs {'; '.join(map(str, missing))}"
        raise ArgumentError("input", f"{problem}; give NAME=FILE, or add --random")
    return {name: one.array for name, one in given.items()}


def _choices(known: Collection[str]) -> str:
    return f"choose {alternatives(known)}" if known else "the model has no inputs"


def _misfit(needed: ModelInput, array: NDArray[Any]) -> str:
    """Return why an array cannot be an input; "" if it can."""
    if array.dtype != needed.dtype:
        problem = f"the input {needed.name} is {needed.dtype}, not {array.dtype}"
        return f"{problem}; convert the array with astype"
    shape = needed.shape
    if shape is None or _fits(shape, array.shape):
        return ""
    problem = f"{needed.name} has shape {_written(array.shape)}; the model needs {_written(shape)}"
    if _has_channels_last(shape, array):
        problem += "; the channels are last: save np.transpose(array, (0, 3, 1, 2))"
    return problem


def _fits(needed: Shape, shape: Sequence[int]) -> bool:
    """Return whether a shape has the axes that an input needs."""
    return len(needed) == len(shape) and all(
        a == b for a, b in zip(needed, shape, strict=True) if isinstance(a, int)
    )


def _has_channels_last(needed: Shape, array: NDArray[Any]) -> bool:
    """Return whether an array fits if its last axis, the channels, becomes the second one."""
    if len(needed) != 4 or array.ndim != 4 or not isinstance(needed[1], int):
        return False
    return _fits(needed, np.transpose(array, (0, 3, 1, 2)).shape)


@dataclass(frozen=True)
class RandomInputs:
    """How to make random inputs.

    Parameters
    ----------
    seed
        The seed of the random numbers.
    lengths
        Name of a free axis, or "INPUT:AXIS" → its length.
    """

    seed: int = 0
    lengths: Mapping[str, int] = field(default_factory=dict)

    def make(
        self,
        inputs: Sequence[ModelInput],
        nodes: Sequence[ListedNode],
        given: Mapping[str, NDArray[Any]],
    ) -> dict[str, NDArray[Any]]:
        """Return an array for each input that is not given.

        Numbers are from 0 to 1, whole numbers are 0. Inputs that are boxes of an ROI Align lie
        inside its map. A free axis has the length of that name in the given arrays.
        """
        needed = [one for one in inputs if one.name not in given]
        if not needed:
            raise ArgumentError("random", "has no effect: every input is given; remove --random")
        self._check_lengths(needed)
        generator = np.random.default_rng(self.seed)
        boxes = _boxes_among(nodes)
        defaults = _defaults(needed, {*boxes} | _indices_among(nodes)) | _lengths(inputs, given)
        made = {}
        for one in needed:
            shape = self._shape(one, defaults)
            if one.name in boxes:
                numbers = _random_boxes(generator, shape, boxes[one.name])
            else:
                numbers = generator.random(shape) if one.dtype.kind == "f" else np.zeros(shape)
            made[one.name] = numbers.astype(one.dtype)
        return made

    def _check_lengths(self, needed: Sequence[ModelInput]) -> None:
        free = [
            name
            for one in needed
            for number, axis in enumerate(one.shape or ())
            if not isinstance(axis, int)
            for name in ([axis] if axis else []) + [f"{one.name}:{number}"]
        ]
        for name in self.lengths:
            if name not in free:
                choices = f"choose {alternatives(free)}" if free else "the inputs have none"
                raise ArgumentError("dim", f"{name} is not a free axis; {choices}")

    def _shape(self, one: ModelInput, defaults: Mapping[str, int]) -> tuple[int, ...]:
        if one.shape is None:
            problem = f"the shape of the input {one.name} is unknown; give it with --input"
            raise ArgumentError("random", problem)
        lengths = []
        for number, axis in enumerate(one.shape):
            if isinstance(axis, int):
                lengths.append(axis)
                continue
            names = [f"{one.name}:{number}", *([axis] if axis else [])]
            given = (self.lengths[name] for name in names if name in self.lengths)
            lengths.append(next(given, defaults[names[-1]]))
        needed = math.prod(lengths) * 8.0
        remedy = "set its free axes with --dim, or give it with --input"
        check_fits("random", needed, f"the input {one.name} takes", remedy)
        return tuple(lengths)


def _lengths(inputs: Sequence[ModelInput], given: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """Return the length of each named axis of the given arrays."""
    return {
        axis: length
        for one in inputs
        if one.name in given
        for axis, length in zip(one.shape or (), given[one.name].shape, strict=False)
        if isinstance(axis, str)
    }


def _defaults(needed: Sequence[ModelInput], per_box: set[str]) -> dict[str, int]:
    """Return the length of each free axis, by its name or as "INPUT:AXIS".

    Parameters
    ----------
    needed
        The inputs.
    per_box
        The names of the inputs that have a row for each box.
    """
    defaults: dict[str, int] = {}
    # An axis of boxes may have the same name in other inputs.
    for one in sorted(needed, key=lambda one: one.name not in per_box):
        for number, axis in enumerate(one.shape or ()):
            first = _BOXES if one.name in per_box else _FIRST_AXIS
            if not isinstance(axis, int):
                name = axis or f"{one.name}:{number}"
                defaults.setdefault(name, _OTHER_AXES if number else first)
    return defaults


def _indices_among(nodes: Sequence[ListedNode]) -> set[str]:
    """Return the names of the model inputs that are batch indices of boxes."""
    return {
        name
        for node in nodes
        for name in inputs_before(node.place.scope, node.tensors.get("batch_index", ""))
    }


def _boxes_among(nodes: Sequence[ListedNode]) -> dict[str, tuple[float, float]]:
    """Return the name of each model input with boxes, and the (height, width) they lie in."""
    found: dict[str, tuple[float, float]] = {}
    for node in nodes:
        if node.convention is None:
            continue
        height, width = _extent(node)
        if node.convention.box_format == "yxyx":
            height, width = width, height
        for name in inputs_before(node.place.scope, node.tensors.get("boxes", "")):
            found.setdefault(name, (height, width))
    return found


def _extent(node: ListedNode) -> tuple[float, float]:
    """Return the (height, width) of the features in units of the boxes."""
    if node.convention is not None and node.convention.normalized:
        return 1.0, 1.0
    sides = (node.shapes.get("features") or ())[-2:]
    scale = node.spatial_scale or 1.0
    if len(sides) < 2 or scale <= 0:
        return _IMAGE_SIDE, _IMAGE_SIDE
    height, width = (side / scale if isinstance(side, int) else _IMAGE_SIDE for side in sides)
    return height, width


def _random_boxes(
    generator: np.random.Generator, shape: tuple[int, ...], extent: tuple[float, float]
) -> NDArray[np.float64]:
    """Return boxes in the last axis: two corners, after a batch index of 0 if there are five."""
    height, width = extent
    *rows, columns = shape or (1,)
    corners = np.sort(generator.random((*rows, 2, 2)), axis=-2) * [width, height]
    boxes = np.zeros((*rows, columns))
    used = min(columns, 4)
    boxes[..., columns - used :] = corners.reshape(*rows, 4)[..., :used]
    return boxes.reshape(shape)
