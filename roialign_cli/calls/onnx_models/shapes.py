"""Infer the shapes of the values of a model, quickly: without the numbers of its weights."""

from __future__ import annotations

from typing import Any

from roialign_cli.calls.onnx_models.damage import Model
from roialign_cli.calls.onnx_models.library import onnx_module
from roialign_cli.calls.onnx_models.model import Scope, expanded_size

# An axis is a number, the name of a free dimension, or None if nothing is known.
Axis = int | str | None
Shape = tuple[Axis, ...]

_MAX_KEPT_BYTES = 1 << 12  # of a weight; constants for Reshape and Slice are small
_MAX_INFERRED_NODES = 200_000


def drop_weights(model: Model) -> None:
    """Replace the large weights of the main graph by inputs with their shapes."""
    graph = model.graph
    kept: list[Any] = []
    dropped: list[Any] = []
    for tensor in graph.initializer:
        (dropped if tensor.ByteSize() > _MAX_KEPT_BYTES else kept).append(tensor)
    known = {value.name for value in graph.input}
    make = onnx_module("onnx.helper").make_tensor_value_info
    inputs = [
        make(tensor.name, tensor.data_type, list(tensor.dims))
        for tensor in dropped
        if tensor.name not in known
    ]
    copies = [onnx_module().TensorProto.FromString(tensor.SerializeToString()) for tensor in kept]
    del graph.initializer[:]
    graph.initializer.extend(copies)
    graph.input.extend(inputs)


def infer_shapes(model: Model) -> Model:
    """Return a model with the shapes of its values, as far as they are known.

    The shapes stay unknown in a model that is too large, or in which functions call themselves.
    """
    if expanded_size(model, _MAX_INFERRED_NODES) is None:
        return model
    inference = onnx_module("onnx.shape_inference")
    try:
        return inference.infer_shapes(model, data_prop=True)
    except (inference.InferenceError, ValueError, RuntimeError, TypeError):
        return model


class Shapes:
    """The shapes of the values of some graphs."""

    def __init__(self) -> None:
        self._of_scope: dict[Scope, dict[str, tuple[Shape, int]]] = {}

    def of(self, scope: Scope, name: str) -> Shape | None:
        """Return the shape of a value; None if not even the number of axes is known."""
        found = self._find(scope, name)
        return None if found is None else found[0]

    def element_type(self, scope: Scope, name: str) -> int:
        """Return the number of the data type of a value, as in ONNX files; 0 if unknown."""
        found = self._find(scope, name)
        return 0 if found is None else found[1]

    def _find(self, scope: Scope, name: str) -> tuple[Shape, int] | None:
        around: Scope | None = scope
        while around is not None:
            if around not in self._of_scope:
                self._of_scope[around] = _shapes_in(around)
            if name in self._of_scope[around]:
                return self._of_scope[around][name]
            around = around.parent
        return None


def _shapes_in(scope: Scope) -> dict[str, tuple[Shape, int]]:
    found: dict[str, tuple[Shape, int]] = {}
    values = [*scope.graph.value_info]
    if scope.kind != "function":
        values += [*scope.graph.input, *scope.graph.output]
        for tensor in scope.graph.initializer:
            found[tensor.name] = tuple(tensor.dims), tensor.data_type
    for value in values:
        shape = shape_of(value)
        if shape is not None:
            found[value.name] = shape, value.type.tensor_type.elem_type
    return found


def shape_of(value: Any) -> Shape | None:  # noqa: ANN401 - a ValueInfoProto
    """Return the shape of a declared value; None if it is unknown or the value is not a tensor."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(map(_axis, tensor.shape.dim))


def _axis(axis: Any) -> Axis:  # noqa: ANN401 - a Dimension
    """Return a dimension; some exporters write a free one as -1."""
    if axis.HasField("dim_value"):
        return int(axis.dim_value) if axis.dim_value >= 0 else None
    return _named(axis.dim_param)


def _named(name: str) -> str | None:
    """Return the name of a free dimension; None for one that shape inference invented."""
    return None if not name or name.startswith("unk__") else name
