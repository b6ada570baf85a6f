"""Recordings and models for the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.workloads import Workload
from roialign_cli import Call, roi_align
from roialign_cli.calls.recording import new_recording


def write_recording(
    folder: Path, calls: int, *, boxes: int, channels: int, sampling_ratio: int
) -> None:
    """Write a recording of calls on maps of 50 × 76 cells; only the sampling ratio can differ."""
    workload = Workload("", channels, (50, 76), boxes, (2, 20), 7, sampling_ratio)
    features, corners = workload.inputs()
    with new_recording(folder) as recording:
        for n in range(calls):
            given = features + np.float32(n)
            output = roi_align(
                given, corners, 7, convention="torchvision-aligned", sampling_ratio=sampling_ratio
            )
            recording.add(
                Call(
                    features=given,
                    boxes=corners,
                    output=output,
                    preset="torchvision-aligned",
                    fields={"sampling_ratio": sampling_ratio},
                )
            )


def write_model(path: Path, megabytes: int) -> None:
    """Write an ONNX model with one RoiAlign and weights of some size."""
    import onnx

    from benchmarks.peers import onnx_model

    model = onnx_model(Workload("", 1, (8, 8), 1, (2, 4), 7, 2))
    weights = np.zeros((megabytes, 1 << 18), np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "weights"))
    onnx.save(model, path)
