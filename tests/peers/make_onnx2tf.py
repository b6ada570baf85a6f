"""Save the outputs of the TensorFlow models that onnx2tf makes of RoiAlign.

Environment: Python 3.11 with

    pip install onnx2tf==1.29.24

which pins tensorflow 2.19.0 and onnx 1.19.1.
"""

from __future__ import annotations

from importlib.metadata import version
from itertools import cycle
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.peers.cases import Array, inputs, write

# Output size, spatial scale, mode.
CALLS = [
    ((2, 3), 1.0, "avg"),
    ((3, 2), 0.25, "max"),
    ((1, 1), 0.0625, "avg"),
    ((4, 4), 0.3, "avg"),
    ((2, 3), 0.0625, "max"),
    ((3, 2), 1.0, "avg"),
    ((1, 1), 0.3, "max"),
    ((4, 4), 0.25, "max"),
    ((1, 2), 1.0, "avg"),
    ((2, 1), 0.25, "avg"),
]
RATIOS = {"given": [1, 2, 3], "adaptive": [0]}
COORDINATES = ["half_pixel", "output_half_pixel"]


def convert(shapes: list[tuple[int, ...]], call: dict[str, Any]) -> Any:
    """Return the Keras model that onnx2tf makes of a RoiAlign node."""
    import onnx2tf
    from onnx import TensorProto, helper

    rows, columns = call["output_size"]
    node = helper.make_node(
        "RoiAlign",
        ["features", "rois", "batch_indices"],
        ["output"],
        name="roi_align",
        mode=call["mode"],
        output_height=rows,
        output_width=columns,
        coordinate_transformation_mode=call["coordinate_transformation_mode"],
        sampling_ratio=call["sampling_ratio"],
        spatial_scale=call["spatial_scale"],
    )
    types = [TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT64, TensorProto.FLOAT]
    named = zip(["features", "rois", "batch_indices", "output"], types, shapes, strict=True)
    values = [helper.make_tensor_value_info(*value) for value in named]
    graph = helper.make_graph([node], "roi_align", values[:3], values[3:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    with TemporaryDirectory() as folder:
        return onnx2tf.convert(
            onnx_graph=model,
            output_folder_path=folder,
            not_use_onnxsim=True,
            non_verbose=True,
        )


def run(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    output = (len(boxes), features.shape[1], *call["output_size"])
    model = convert([features.shape, boxes.shape, batch_index.shape, output], call)
    # The model takes and returns channels last.
    kept: Array = model([features.transpose(0, 2, 3, 1), boxes, batch_index]).numpy()
    return np.ascontiguousarray(kept.transpose(0, 3, 1, 2))


def main() -> None:
    calls = []
    for ratios in RATIOS.values():
        ratio, coordinates = cycle(ratios), cycle(COORDINATES)
        calls += [
            {
                "framework": "onnx2tf",
                "version": version("onnx2tf"),
                "op": "RoiAlign-16",
                "coordinate_transformation_mode": next(coordinates),
                "output_size": size,
                "sampling_ratio": next(ratio),
                "spatial_scale": scale,
                "mode": mode,
            }
            for size, scale, mode in CALLS
        ]
    write("onnx2tf", inputs(), calls, run)


if __name__ == "__main__":
    main()
