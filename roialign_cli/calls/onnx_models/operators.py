"""The ROI Aligns that ONNX files contain: their attributes, defaults and presets.

Adding an operator means adding a row to `OPERATORS`. The defaults are those of the standard, or of
the runtime or plugin that has the operator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Attributes that have no default; a model without them does not run.
REQUIRED = "required"
# Value of a mode → the fields that it sets.
Choices = Mapping[Any, Mapping[str, Any]]

_POOLINGS: Choices = {"avg": {"pooling": "avg"}, "max": {"pooling": "max"}}
_NUMBERED_POOLINGS: Choices = {1: {"pooling": "avg"}, 0: {"pooling": "max"}}
_STANDARD_DOMAIN = "ai.onnx"
_TWO_SIDES = ("output_height", "output_width")
_RATIO = {"sampling_ratio": "sampling_ratio"}


@dataclass(frozen=True)
class OnnxOperator:
    """An operator that pools boxes.

    Parameters
    ----------
    op_type
        Its name in a file.
    domains
        The domains in which files have it; "" is the standard's. Empty for any domain.
    opsets
        The first and the last version of the domain with these attributes.
    defaults
        Attribute → the value without it, or `REQUIRED`.
    presets
        Value of the attribute `aligned_by` → the name of the preset.
    aligned_by
        The attribute that chooses the preset; "" if there is only the preset of None.
    choices
        Attribute → its values and the convention fields that each sets.
    numbers
        Attribute → the convention field that has its value.
    output_size
        The attributes with the rows and the columns; or one with both or with one number for both.
    inputs
        What each input is: "features", "boxes", "batch_index", or "output_size".
    is_pyramid
        Whether the other inputs are the maps of a pyramid, all of them features.
    remark
        Why there is no preset; "" for an operator with presets.
    """

    op_type: str
    domains: tuple[str, ...] = ()
    opsets: tuple[int, int] = (1, 1 << 30)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    presets: Mapping[Any, str] = field(default_factory=dict)
    aligned_by: str = ""
    choices: Mapping[str, Choices] = field(default_factory=dict)
    numbers: Mapping[str, str] = field(default_factory=dict)
    output_size: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("features", "boxes")
    is_pyramid: bool = False
    remark: str = ""


_STANDARD = {
    "mode": "avg",
    "output_height": 1,
    "output_width": 1,
    "sampling_ratio": 0,
    "spatial_scale": 1.0,
}
_MMCV = {
    "output_height": 7,
    "output_width": 7,
    "spatial_scale": 1.0,
    "sampling_ratio": 0,
    "mode": REQUIRED,
    "aligned": 1,
}
_ROTATED = "a rotated ROI Align is not two sampling plans, one along y and one along x"
_MMLAB = ("mmcv", "mmdeploy", "mmlab")

OPERATORS = (
    OnnxOperator(
        "RoiAlign",
        ("",),
        (1, 15),
        defaults=_STANDARD,
        presets={None: "onnx-output-half-pixel"},
        choices={"mode": _POOLINGS},
        numbers=_RATIO,
        output_size=_TWO_SIDES,
        inputs=("features", "boxes", "batch_index"),
    ),
    OnnxOperator(
        "RoiAlign",
        ("",),
        (16, 1 << 30),
        defaults={"coordinate_transformation_mode": "half_pixel", **_STANDARD},
        presets={"half_pixel": "onnx-half-pixel", "output_half_pixel": "onnx-output-half-pixel"},
        aligned_by="coordinate_transformation_mode",
        choices={"mode": _POOLINGS},
        numbers=_RATIO,
        output_size=_TWO_SIDES,
        inputs=("features", "boxes", "batch_index"),
    ),
    OnnxOperator(
        "MaxRoiPool",
        ("",),
        defaults={"pooled_shape": REQUIRED, "spatial_scale": 1.0},
        presets={None: "roi-pool"},
        output_size=("pooled_shape",),
    ),
    OnnxOperator(
        "CropAndResize",
        ("com.microsoft",),
        defaults={"mode": "bilinear", "extrapolation_value": 0.0},
        presets={None: "tensorflow"},
        choices={"mode": {"bilinear": {}, "nearest": {"interpolation": "nearest"}}},
        numbers={"extrapolation_value": "extrapolation_value"},
        inputs=("features", "boxes", "batch_index", "output_size"),
    ),
    OnnxOperator(
        "RoIAlign",
        ("org.pytorch._caffe2",),
        defaults={
            "order": "NCHW",
            "spatial_scale": 1.0,
            "pooled_h": 1,
            "pooled_w": 1,
            "sampling_ratio": -1,
            "aligned": 0,
        },
        presets={0: "torchvision", 1: "torchvision-aligned"},
        aligned_by="aligned",
        choices={"order": {"NCHW": {}}},
        numbers=_RATIO,
        output_size=("pooled_h", "pooled_w"),
    ),
    OnnxOperator(
        "MMCVRoiAlign",
        _MMLAB,
        defaults=_MMCV,
        presets={1: "mmcv", 0: "mmcv-legacy"},
        aligned_by="aligned",
        choices={"mode": _POOLINGS},
        numbers=_RATIO,
        output_size=_TWO_SIDES,
    ),
    OnnxOperator(
        "MMCVMultiLevelRoiAlign",
        _MMLAB,
        defaults={
            "output_height": 7,
            "output_width": 7,
            "pool_mode": 0,
            "sampling_ratio": 2,
            "featmap_strides": REQUIRED,
            "roi_scale_factor": -1.0,
            "finest_scale": 56,
            "aligned": 0,
        },
        presets={0: "mmdeploy", 1: "mmdeploy-aligned"},
        aligned_by="aligned",
        choices={"pool_mode": _NUMBERED_POOLINGS},
        numbers=_RATIO,
        output_size=_TWO_SIDES,
        inputs=("boxes",),
        is_pyramid=True,
    ),
    OnnxOperator(
        "ROIAlign_TRT",
        defaults={**_STANDARD, "mode": 1, "coordinate_transformation_mode": 1},
        presets={1: "tensorrt", 0: "tensorrt-output-half-pixel"},
        aligned_by="coordinate_transformation_mode",
        choices={"mode": _NUMBERED_POOLINGS},
        numbers=_RATIO,
        output_size=_TWO_SIDES,
        inputs=("features", "boxes", "batch_index"),
    ),
    OnnxOperator(
        "RoIAlignDynamic_TRT",
        defaults=_MMCV,
        presets={1: "mmcv-cuda", 0: "mmcv-cuda-legacy"},
        aligned_by="aligned",
        choices={"mode": _POOLINGS},
        numbers=_RATIO,
        output_size=_TWO_SIDES,
    ),
    OnnxOperator(
        "PyramidROIAlign_TRT",
        defaults={
            "pooled_size": 7,
            "sampling_ratio": 0,
            "fpn_scale": 224,
            "image_size": (1024, 1024),
            "roi_coords_absolute": 1,
            "roi_coords_swap": 0,
            "roi_coords_plusone": 0,
            "roi_coords_transform": 2,
        },
        presets={None: "tensorrt-pyramid"},
        choices={
            "roi_coords_transform": {
                2: {},
                1: {"offset": 0.0},
                0: {"offset": 0.0, "point_in_part": 0.0},
            },
            "roi_coords_absolute": {1: {}, 0: {"normalized": True}},
            "roi_coords_swap": {0: {}, 1: {"box_format": "yxyx"}},
        },
        numbers=_RATIO,
        output_size=("pooled_size",),
        inputs=("boxes",),
        is_pyramid=True,
    ),
    OnnxOperator(
        "MultilevelCropAndResize_TRT",
        defaults={"pooled_size": 7, "image_size": REQUIRED},
        output_size=("pooled_size",),
        inputs=("boxes",),
        is_pyramid=True,
        remark="no preset has the rules of this plugin",
    ),
    OnnxOperator("MMCVRoIAlignRotated", _MMLAB, output_size=_TWO_SIDES, remark=_ROTATED),
    OnnxOperator(
        "MMCVMultiLevelRotatedRoiAlign",
        _MMLAB,
        output_size=_TWO_SIDES,
        inputs=("boxes",),
        is_pyramid=True,
        remark=_ROTATED,
    ),
    OnnxOperator(
        "ExperimentalDetectronROIFeatureExtractor",
        ("org.openvinotoolkit",),
        output_size=("output_size",),
        inputs=("boxes",),
        is_pyramid=True,
        remark="no preset has the rules of this operator",
    ),
)

# Names of operators that pool boxes, in domains that are not in the table.
_SIMILAR = re.compile(
    r"roi_?align|(ps)?roi_?pool|roi_?warp|crop_?and_?resize|roi_?extractor", re.IGNORECASE
)


def operator_title(domain: str, op_type: str, opset: int) -> str:
    """Return the name of an operator in a recorded call.

    Examples
    --------
    >>> operator_title("", "RoiAlign", 16)
    'ai.onnx::RoiAlign, opset 16'
    """
    return f"{domain or _STANDARD_DOMAIN}::{op_type}, opset {opset}"


def operator_with_title(title: str) -> OnnxOperator | None:
    """Return the row of the operator that `operator_title` names; None for another text."""
    found = re.fullmatch(r"(.+)::(.+), opset (\d+)", title)
    if found is None:
        return None
    domain, op_type, opset = found.groups()
    return operator_of("" if domain == _STANDARD_DOMAIN else domain, op_type, int(opset))


def operator_of(domain: str, op_type: str, opset: int) -> OnnxOperator | None:
    """Return the row of an operator; a row without presets if only its name is known.

    Parameters
    ----------
    domain, op_type
        The domain and the name of the operator; the domain "" is the standard's.
    opset
        The version of the domain that the file imports.

    Returns
    -------
    OnnxOperator or None
        None if the operator does not pool boxes.

    Examples
    --------
    >>> operator_of("", "RoiAlign", 11).presets
    {None: 'onnx-output-half-pixel'}
    >>> operator_of("acme", "FastRoiAlign", 1).remark
    'this operator is not known'
    """
    for row in OPERATORS:
        in_domain = not row.domains or domain in row.domains
        if row.op_type == op_type and in_domain and row.opsets[0] <= opset <= row.opsets[1]:
            return row
    if _SIMILAR.search(op_type):
        return OnnxOperator(op_type, remark="this operator is not known")
    return None
