"""Outputs that the frameworks made, every box of every entry."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import PRESETS, roi_align
from tests.peers.cases import MAP_SIZE

GOLDEN = Path(__file__).parent / "golden"

# (framework, operator, mode) → preset. The mode is the value of the first of `MODE_KEYS` that an
# entry has.
PRESET_OF = {
    ("torchvision", "roi_align", False): "torchvision",
    ("torchvision", "roi_align", True): "torchvision-aligned",
    ("torchvision", "_roi_align", False): "torchvision-deterministic",
    ("torchvision", "_roi_align", True): "torchvision-deterministic-aligned",
    ("torchvision", "roi_pool", None): "roi-pool",
    ("torchvision", "ps_roi_align", None): "ps-roi-align",
    ("torchvision", "ps_roi_pool", None): "ps-roi-pool",
    ("onnxruntime", "RoiAlign-16", "half_pixel"): "onnx-half-pixel",
    ("onnxruntime", "RoiAlign-16", "output_half_pixel"): "onnx-output-half-pixel",
    ("onnx-reference", "RoiAlign-16", "half_pixel"): "onnx-half-pixel",
    ("onnx-reference", "RoiAlign-16", "output_half_pixel"): "onnx-output-half-pixel",
    ("openvino", "ROIAlign-9", "asymmetric"): "openvino-asymmetric",
    ("openvino", "ROIAlign-9", "half_pixel"): "openvino-half-pixel",
    ("openvino", "ROIAlign-9", "half_pixel_for_nn"): "openvino-half-pixel-for-nn",
    ("paddle", "vision.ops.roi_align", False): "paddle-legacy",
    ("paddle", "vision.ops.roi_align", True): "paddle",
    ("tensorflow", "image.crop_and_resize", None): "tensorflow",
    ("tf-models-official", "multilevel_crop_and_resize", None): "model-garden",
    ("keras-cv", "multilevel_crop_and_resize", None): "model-garden",
    ("tf-models-research-object-detection", "multilevel_roi_align", False): "od-api",
    ("tf-models-research-object-detection", "multilevel_roi_align", True): "od-api-align-corners",
    ("mxnet", "contrib.ROIAlign", False): "mxnet",
    ("mxnet", "contrib.ROIAlign", True): "mxnet-aligned",
    ("mindspore", "ops.ROIAlign", 1): "mindspore",
    ("mindspore", "ops.ROIAlign", 0): "mindspore-legacy",
    ("tvm", "topi.vision.roi_align_nchw", False): "tvm",
    ("tvm", "topi.vision.roi_align_nchw", True): "tvm-aligned",
    ("mnn", "ROIAlign", False): "mnn",
    ("mnn", "ROIAlign", True): "mnn-aligned",
    ("ncnn", "ROIAlign-0", False): "ncnn-0",
    ("ncnn", "ROIAlign-0", True): "ncnn-0-aligned",
    ("ncnn", "ROIAlign-1", False): "ncnn-1",
    ("ncnn", "ROIAlign-1", True): "ncnn-1-aligned",
    ("onnx2tf", "RoiAlign-16", "half_pixel"): "onnx2tf",
    ("onnx2tf", "RoiAlign-16", "output_half_pixel"): "onnx2tf",
}
MODE_KEYS = (
    "aligned",
    "coordinate_transformation_mode",
    "aligned_mode",
    "roi_end_mode",
    "align_corners",
)
OVERRIDES = {
    "mode": "pooling",
    "sampling_ratio": "sampling_ratio",
    "extrapolation_value": "extrapolation_value",
    "sample_offset": "point_in_part",
}
# Relative to the values, for frameworks whose own arithmetic is not as precise as the others'.
TOLERANCES = {
    "openvino": 3e-5,
    "tf-models-official": 3e-5,
    "keras-cv": 3e-5,
}


def entries() -> list[Any]:
    found = []
    for path in sorted(GOLDEN.glob("*.npz")):
        with np.load(path) as file:
            meta = json.loads(str(file["meta"]))
        found += [pytest.param(path, entry, id=f"{path.stem}-{entry['key']}") for entry in meta]
    return found


def preset_of(entry: dict[str, Any]) -> str:
    mode = next((entry[key] for key in MODE_KEYS if key in entry), None)
    mode = bool(mode) if "aligned" in entry else mode
    name = PRESET_OF[entry["framework"], entry["op"], mode]
    if entry.get("position_sensitive"):
        name = name.replace("mxnet", "mxnet-position-sensitive")
    if name == "onnx2tf" and not entry["sampling_ratio"]:
        name = "onnx2tf-adaptive"
    return name


def call_of(file: Any, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `roi_align` for an entry."""
    convention = PRESETS[preset_of(entry)].convention
    call = {name: entry[key] for key, name in OVERRIDES.items() if key in entry}
    kept = slice(*entry.get("rows", (None,)))
    used = ~np.isin(file["names"][kept], entry.get("without", []))
    boxes = file[entry.get("boxes", "boxes")][kept][used]
    if isinstance(call.get("sampling_ratio"), list):
        call["sampling_ratio"], call["sampling_ratio_x"] = call["sampling_ratio"]
    if "rows" in entry:  # the frameworks get the boxes of these files in their own format
        call["box_format"] = "xyxy"
    if convention.normalized and "rows" in entry:
        boxes = boxes / np.array([MAP_SIZE[1] - 1, MAP_SIZE[0] - 1] * 2, np.float32)
    elif entry.get("spatial_scale") is not None:
        call["spatial_scale"] = entry["spatial_scale"]
        boxes = boxes / np.float32(entry["spatial_scale"])
    call |= {"features": file["features"], "boxes": boxes}
    call["batch_index"] = file["batch_index"][kept][used]
    return call | {"convention": convention, "output_size": tuple(entry["output_size"])}


def test_there_are_all_of_them() -> None:
    assert len(entries()) == 417


def test_a_thousand_boxes_of_each_peer() -> None:
    boxes: Counter[str] = Counter()
    for path, entry in (param.values for param in entries()):
        if "rows" in entry:
            with np.load(path) as file:
                boxes[preset_of(entry)] += len(call_of(file, entry)["boxes"])
    assert len(boxes) == 23
    assert min(boxes.values()) >= 1000 - 60  # without those that a peer refuses


@pytest.mark.parametrize(("path", "entry"), entries())
def test_every_box_of_every_entry(path: Path, entry: dict[str, Any]) -> None:
    with np.load(path) as file:
        call, expected = call_of(file, entry), file[entry["key"]]
    if entry["op"] == "_roi_align":
        expected = expected.astype(np.float32)
    out = roi_align(**call)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(expected))
    tolerance = TOLERANCES.get(entry["framework"], 1e-5)
    excess = np.abs(out - expected) - tolerance * np.maximum(1, np.abs(expected))
    assert np.nanmax(excess, initial=0) <= 0
