"""Small ONNX models with ROI Aligns in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

helper = pytest.importorskip("onnx.helper")
onnx = pytest.importorskip("onnx")

FLOAT, INT64, BOOL = 1, 7, 9
Axes = Sequence[int | str | None]
Inputs = Mapping[str, tuple[int, Axes]]

FEATURES = np.random.default_rng(1).standard_normal((2, 3, 10, 14)).astype(np.float32)
BOXES = np.array(
    [[3, 4, 90, 70], [0, 0, 110, 80], [-9, 5, 40, 100], [8, 8, 9, 9], [50, 60, 20, 10]], np.float32
)
INDEX = np.array([0, 1, 1, 0, 1], np.int64)
FEEDS: dict[str, NDArray[Any]] = {"features": FEATURES, "boxes": BOXES, "index": INDEX}
SCALE = 1 / 8

INPUTS: Inputs = {
    "features": (FLOAT, ("n", 3, 10, 14)),
    "boxes": (FLOAT, ("rois", 4)),
    "index": (INT64, ("rois",)),
}
GIVEN = {"output_height": 3, "output_width": 2, "spatial_scale": SCALE, "sampling_ratio": 2}


def value(name: str, kind: int = FLOAT, shape: Axes | None = None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name: str, number: Any, dtype: Any = np.float32) -> Any:
    tensor = onnx.numpy_helper.from_array(np.asarray(number, dtype), name)
    return helper.make_node("Constant", [], [name], value=tensor)


def roi_align(
    inputs: Sequence[str] = ("features", "boxes", "index"),
    output: str = "pooled",
    **attributes: Any,
) -> Any:
    given = {**GIVEN, **attributes}
    kept = {name: value for name, value in given.items() if value is not None}
    return helper.make_node("RoiAlign", inputs, [output], name=f"align_{output}", **kept)


def model(
    *nodes: Any,
    opset: int = 16,
    inputs: Mapping[str, tuple[int, Axes | None]] | None = None,
    outputs: Sequence[str] = ("pooled",),
    domains: dict[str, int] | None = None,
    functions: Sequence[Any] = (),
    weights: Sequence[Any] = (),
) -> Any:
    """Return a model of these nodes."""
    given = INPUTS if inputs is None else inputs
    graph = helper.make_graph(
        nodes,
        "graph",
        [value(name, *rest) for name, rest in given.items()],
        [value(name) for name in outputs],
        list(weights),
    )
    imports = [helper.make_opsetid(d, v) for d, v in {"": opset, **(domains or {})}.items()]
    return helper.make_model(
        graph, opset_imports=imports, functions=list(functions), ir_version=8, producer_name="tests"
    )


def saved(folder: Path, made: Any, name: str = "model.onnx") -> str:
    """Write a model and return its path."""
    path = folder / name
    path.write_bytes(made.SerializeToString())
    return str(path)
