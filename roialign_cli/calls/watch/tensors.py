"""Convert the tensors of any library to NumPy arrays, without importing the library."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import ArgumentError


def is_bfloat16(tensor: Any) -> bool:  # noqa: ANN401 - a tensor of any library
    """Return whether a tensor has the dtype bfloat16, which NumPy lacks."""
    return "bfloat16" in str(getattr(tensor, "dtype", ""))


def as_numpy(name: str, tensor: Any) -> NDArray[Any]:  # noqa: ANN401
    """Return the values of a tensor, as a view of its memory where that is possible.

    Parameters
    ----------
    name
        What the tensor is, for the error message.
    tensor
        A tensor of PyTorch, on any device and with a gradient or quantised; an eager tensor of
        TensorFlow; an array of CuPy; or whatever NumPy converts. bfloat16 becomes float32.

    Raises
    ------
    ArgumentError
        If the tensor has no values, as while a graph is traced or compiled.
    """
    jit = getattr(sys.modules.get("torch"), "jit", None)
    if getattr(jit, "is_tracing", lambda: False)():
        # Reading a tensor would become part of the traced model.
        raise ArgumentError(name, "torch.jit.trace was running, or an export that traces")
    try:
        return _converted(tensor)
    except Exception as error:  # noqa: BLE001 - libraries raise errors of any kind
        kind = f"a {type(tensor).__name__} cannot be read ({type(error).__name__})"
        problem = f"{kind}; tensors of a graph have no values: run the model eagerly"
        raise ArgumentError(name, problem) from None


def _converted(tensor: Any) -> NDArray[Any]:  # noqa: ANN401
    wide = is_bfloat16(tensor)
    if hasattr(tensor, "detach"):
        tensor = tensor.detach()
        if getattr(tensor, "is_quantized", False):
            tensor = tensor.dequantize()
        tensor = (tensor.float() if wide else tensor).cpu()
    convert = getattr(tensor, "numpy", None) or getattr(tensor, "get", None)
    array = np.asarray(convert() if callable(convert) else tensor)
    return array.astype(np.float32) if wide else array


def conditions(features: Any) -> set[str]:  # noqa: ANN401
    """Return under which conditions of `Operator.variants` a call with these features runs."""
    device = str(getattr(getattr(features, "device", None), "type", ""))
    found = {"cuda"} & {device}
    has_ops = getattr(sys.modules.get("torchvision.extension"), "_has_ops", lambda: True)
    torch = sys.modules.get("torch")
    ask = getattr(torch, "are_deterministic_algorithms_enabled", lambda: False)
    if not has_ops() or (device in {"cuda", "mps", "xpu"} and ask()):
        found.add("deterministic")
    return found
