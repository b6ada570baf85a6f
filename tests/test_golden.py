"""Outputs that the frameworks made, every box of every entry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import roi_align

GOLDEN = Path(__file__).parent / "golden"

# What of an entry decides the preset.
PRESET_OF = {
    ("torchvision", "roi_align", False): "torchvision",
    ("torchvision", "roi_align", True): "torchvision-aligned",
    ("torchvision", "roi_pool", None): "roi-pool",
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
}
MODE_KEYS = ("aligned", "coordinate_transformation_mode", "aligned_mode")
OVERRIDES = {
    "mode": "pooling",
    "sampling_ratio": "sampling_ratio",
    "extrapolation_value": "extrapolation_value",
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
    return PRESET_OF[entry["framework"], entry["op"], mode]


def test_there_are_all_of_them() -> None:
    assert len(entries()) == 97


@pytest.mark.parametrize(("path", "entry"), entries())
def test_every_box_of_every_entry(path: Path, entry: dict[str, Any]) -> None:
    with np.load(path) as file:
        features, batch_index, expected = file["features"], file["batch_index"], file[entry["key"]]
        boxes = file[entry.get("boxes", "boxes")]
    call = {name: entry[key] for key, name in OVERRIDES.items() if key in entry}
    scale = entry.get("spatial_scale")
    if scale is not None:
        call["spatial_scale"] = scale
        boxes = boxes / np.float32(scale)
    out = roi_align(
        features,
        boxes,
        tuple(entry["output_size"]),
        convention=preset_of(entry),
        batch_index=batch_index,
        **call,
    )
    np.testing.assert_array_equal(np.isnan(out), np.isnan(expected))
    tolerance = 3e-5 if entry["framework"] == "openvino" else 1e-5
    excess = np.abs(out - expected) - tolerance * np.maximum(1, np.abs(expected))
    assert np.nanmax(excess, initial=0) <= 0
