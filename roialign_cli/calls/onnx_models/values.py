"""Read the attributes of nodes, and the constants of a graph, as plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.calls.onnx_models.damage import NodeProto
from roialign_cli.calls.onnx_models.external import is_external
from roialign_cli.calls.onnx_models.library import onnx_module
from roialign_cli.calls.onnx_models.model import Scope

_MAX_CONSTANT = 64  # numbers in a constant that is read
_MAX_STEPS = 8
_MAX_DIVISOR = 1 << 16


def attributes_of(node: NodeProto) -> dict[str, Any]:
    """Return the attributes of a node that are numbers or text.

    An attribute that a function takes from its call is the name of that attribute after "@".
    """
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        if attribute.ref_attr_name:
            values[attribute.name] = f"@{attribute.ref_attr_name}"
            continue
        if attribute.type in _READERS:
            values[attribute.name] = _READERS[attribute.type](attribute)
    return values


# Type of an attribute → how to read it. Tensors and graphs are left out.
_READERS: dict[int, Callable[[Any], Any]] = {
    1: lambda attribute: decimal(attribute.f),
    2: lambda attribute: attribute.i,
    3: lambda attribute: attribute.s.decode("utf-8", "replace"),
    6: lambda attribute: tuple(map(decimal, attribute.floats)),
    7: lambda attribute: tuple(attribute.ints),
}


def decimal(value: float) -> float:
    """Return the simplest number that is the same in float32: a fraction 1/n, or a decimal.

    Examples
    --------
    >>> decimal(float(np.float32(1 / 14))) == 1 / 14, decimal(float(np.float32(0.3)))
    (True, 0.3)
    """
    with np.errstate(over="ignore"):
        single = np.float32(value)
    if not np.isfinite(single) or single == 0:
        return float(value)
    divisor = round(min(abs(1 / float(single)), _MAX_DIVISOR))
    if divisor > 1 and single > 0 and np.float32(1 / divisor) == single:
        return 1 / divisor
    return float(str(single))


def constant(scope: Scope, name: str) -> NDArray[Any] | None:
    """Return a small constant of a graph as an array; None for any other value."""
    for _ in range(_MAX_STEPS):
        owner = scope.defining(name)
        if owner is None:
            return None
        if name in owner.initializers:
            return _array(owner.initializers[name])
        node = owner.producers.get(name)
        if node is None:
            return None
        if node.op_type == "Constant":
            return _constant_node(node)
        if node.op_type not in {"Cast", "Identity"} or not node.input:
            return None
        scope, name = owner, node.input[0]
    return None


def _constant_node(node: NodeProto) -> NDArray[Any] | None:
    for attribute in node.attribute:
        match attribute.name:
            case "value":
                return _array(attribute.t)
            case "value_float":
                return np.asarray(attribute.f, np.float32)
            case "value_int":
                return np.asarray(attribute.i)
            case "value_floats":
                return np.asarray(attribute.floats[:_MAX_CONSTANT], np.float32)
            case "value_ints":
                return np.asarray(attribute.ints[:_MAX_CONSTANT])
    return None


def _array(tensor: Any) -> NDArray[Any] | None:  # noqa: ANN401
    """Return a small tensor; None for one that is large, text or in another file."""
    if is_external(tensor) or np.prod(tensor.dims, dtype=float) > _MAX_CONSTANT:
        return None
    try:
        array: NDArray[Any] = onnx_module("onnx.numpy_helper").to_array(tensor)
    except (ValueError, TypeError, KeyError):  # a damaged tensor, or one of another kind
        return None
    return array if array.dtype.kind in "buif" else None
