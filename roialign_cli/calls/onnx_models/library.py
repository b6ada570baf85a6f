"""Import the packages onnx and onnxruntime, which are optional, when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from roialign_cli.errors import RoiAlignError


def onnx_module(name: str = "onnx") -> Any:  # noqa: ANN401 - the package has no types
    """Return the package onnx or onnxruntime, or a module of them.

    Raises
    ------
    RoiAlignError
        If the package is not installed; the message has the command that installs it.
    """
    try:
        return import_module(name)
    except ImportError:
        problem = f"the package {name.partition('.')[0]} is needed to read a model"
        remedy = "install it with `python -m pip install onnx onnxruntime`"
        raise RoiAlignError(f"{problem}; {remedy}") from None
