"""Who roialign is measured against: the libraries that are installed, and a plain NumPy gather."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.workloads import Workload

THREADS = 2

Features = NDArray[np.floating[Any]]
Call = Callable[[], NDArray[Any]]


def onnx_model(workload: Workload) -> Any:
    """Return the workload as an ONNX model; its max is the largest weighted cell."""
    import onnx

    size = workload.output_size
    node = onnx.helper.make_node(
        "RoiAlign",
        ["X", "rois", "batch"],
        ["Y"],
        mode=workload.pooling,
        coordinate_transformation_mode="half_pixel",
        output_height=size,
        output_width=size,
        sampling_ratio=workload.sampling_ratio,
    )
    kinds = {"X": (1, 4), "rois": (1, 2), "batch": (7, 1), "Y": (1, 4)}
    values = {
        name: onnx.helper.make_tensor_value_info(name, kind, [None] * rank)
        for name, (kind, rank) in kinds.items()
    }
    graph = onnx.helper.make_graph(
        [node], "roi_align", [values[n] for n in ("X", "rois", "batch")], [values["Y"]]
    )
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 16)], ir_version=8
    )


def onnxruntime(workload: Workload, features: Features, boxes: Features) -> Call:
    """Return a call of onnxruntime's RoiAlign."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    session = ort.InferenceSession(
        onnx_model(workload).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    feed = {"X": features, "rois": boxes, "batch": np.zeros(len(boxes), np.int64)}
    return lambda: session.run(None, feed)[0]


def torchvision(workload: Workload, features: Features, boxes: Features) -> Call | None:
    """Return a call of torchvision's roi_align, which has no max."""
    # Threads that wait for work without spinning, as those of onnxruntime here.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import torch
    import torchvision.ops

    if workload.pooling == "max":
        return None
    torch.set_num_threads(THREADS)
    given = torch.from_numpy(features)
    rois = torch.cat([torch.zeros(len(boxes), 1), torch.from_numpy(boxes)], dim=1)
    size = (workload.output_size, workload.output_size)
    return lambda: torchvision.ops.roi_align(
        given, rois, size, 1.0, workload.sampling_ratio or -1, aligned=True
    ).numpy()


_PEERS = {"onnxruntime": onnxruntime, "torchvision": torchvision}


def installed(workload: Workload, features: Features, boxes: Features) -> dict[str, Call]:
    """Return a call of every peer that is installed and has the workload's pooling."""
    calls = {
        name: make(workload, features, boxes)
        for name, make in _PEERS.items()
        if importlib.util.find_spec(name)
    }
    return {name: call for name, call in calls.items() if call is not None}


def gather(workload: Workload, features: Features, boxes: Features) -> NDArray[Any]:
    """Pool by gathering four cells for every point, straight from the rules, in few lines.

    Its dtype is that of the features, coordinates included: in float64 it is the oracle.
    """
    boxes = boxes.astype(features.dtype)
    parts = [_gather(workload, features[0], box) for box in boxes]
    return np.stack(parts)


def _gather(workload: Workload, features: Features, box: Features) -> NDArray[Any]:
    height, width = features.shape[1:]
    size = workload.output_size
    y, y0, y1, wy = _axis(box[1], box[3], size, workload.sampling_ratio, height)
    x, x0, x1, wx = _axis(box[0], box[2], size, workload.sampling_ratio, width)
    wy, wx = wy[:, None], wx[None, :]
    values = (
        features[:, y0[:, None], x0] * (1 - wy) * (1 - wx)
        + features[:, y0[:, None], x1] * (1 - wy) * wx
        + features[:, y1[:, None], x0] * wy * (1 - wx)
        + features[:, y1[:, None], x1] * wy * wx
    )
    sections = values.reshape(len(values), size, y // size, size, x // size)
    if workload.pooling == "max":
        return np.asarray(sections.max(axis=(2, 4)))
    return np.asarray(sections.mean(axis=(2, 4)))


def _axis(
    start: Any, stop: Any, sections: int, ratio: int, cells: int
) -> tuple[int, NDArray[Any], NDArray[Any], Features]:
    number = type(start)
    start = start - number(0.5)
    section = (stop - number(0.5) - start) / number(sections)
    grid = ratio or int(np.ceil(section))
    i, q = np.divmod(np.arange(sections * grid), grid)
    position = (
        start + i.astype(number) * section + (q + 0.5).astype(number) * section / number(grid)
    )
    position = np.clip(position, 0, cells - 1)
    lower = position.astype(int)
    return sections * grid, lower, np.minimum(lower + 1, cells - 1), position - lower
