"""RoiAlign of ONNX and OpenVINO as functions of NumPy arrays; see `operators`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.peers.cases import Array
from tests.peers.operators import Size, given, module


@functools.cache
def onnx_model(
    output_size: Size,
    mode: str,
    pooling: str,
    dtype: str,
    spatial_scale: float,
    sampling_ratio: int | None,
) -> Any:
    onnx = module("onnx")
    make = onnx.helper
    node = make.make_node(
        "RoiAlign",
        ["features", "boxes", "batch_index"],
        ["pooled"],
        mode=pooling,
        coordinate_transformation_mode=mode,
        output_height=output_size[0],
        output_width=output_size[1],
        spatial_scale=spatial_scale,
        **given(sampling_ratio=sampling_ratio),
    )
    number = make.np_dtype_to_tensor_dtype(np.dtype(dtype))
    index = onnx.TensorProto.INT64
    value = make.make_tensor_value_info
    graph = make.make_graph(
        [node],
        "roi_align",
        [
            value("features", number, [None] * 4),
            value("boxes", number, [None, 4]),
            value("batch_index", index, [None]),
        ],
        [value("pooled", number, [None] * 4)],
    )
    return make.make_model(graph, opset_imports=[make.make_opsetid("", 16)], ir_version=10)


@functools.cache
def _onnxruntime_session(*attributes: Any) -> Any:
    onnxruntime = module("onnxruntime")
    # Each session would warn on standard error about what mode "max" computes.
    onnxruntime.set_default_logger_severity(3)
    serialized = onnx_model(*attributes).SerializeToString()
    return onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])


@functools.cache
def _onnx_reference(*attributes: Any) -> Any:
    return module("onnx.reference").ReferenceEvaluator(onnx_model(*attributes))


_SESSIONS: dict[str, Callable[..., Any]] = {
    "onnxruntime": _onnxruntime_session,
    "onnx": _onnx_reference,
}


def onnx_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    runtime: str,
    mode: str,
    pooling: str,
    spatial_scale: float,
    sampling_ratio: int | None = None,
) -> Array:
    attributes = output_size, mode, pooling, features.dtype.str, spatial_scale, sampling_ratio
    feed = {"features": features, "boxes": boxes, "batch_index": batch_index}
    return np.asarray(_SESSIONS[runtime](*attributes).run(None, feed)[0])


@functools.cache
def _openvino_model(
    output_size: Size,
    mode: str,
    pooling: str,
    spatial_scale: float,
    sampling_ratio: int,
) -> Any:
    openvino, ops = module("openvino"), module("openvino.opset9")
    inputs = [
        ops.parameter([-1] * 4, np.float32),
        ops.parameter([-1, 4], np.float32),
        ops.parameter([-1], np.int32),
    ]
    node = ops.roi_align(*inputs, *output_size, sampling_ratio, spatial_scale, pooling, mode)
    # Without the hint it computes in bfloat16 where the processor can.
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(openvino.Model([node], inputs), "CPU", hint)


def openvino_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: Size,
    *,
    mode: str,
    pooling: str,
    spatial_scale: float,
    sampling_ratio: int,
) -> Array:
    model = _openvino_model(output_size, mode, pooling, spatial_scale, sampling_ratio)
    return np.array(model([features, boxes, batch_index.astype(np.int32)])[0])
