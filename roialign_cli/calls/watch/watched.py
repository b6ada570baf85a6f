"""The functions that `record_calls` watches, one row each, and the names of their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Operator:
    """A function that is an ROI Align or a relative.

    Parameters
    ----------
    name
        The name in recordings, such as "torchvision.ops.roi_align".
    home
        "module:attribute", where the function is once its library is imported.
    preset
        Name of the preset of a call with aligned=True, or of every call if the function has no
        such parameter; None if the rules are unknown.
    unaligned
        Name of the preset of a call with aligned=False; None if the function has no such parameter.
    variants
        Condition of a call, "cuda" or "deterministic" → preset → the preset under that condition.
    channels_last
        Whether features and output are (N, H, W, C).
    """

    name: str
    home: str
    preset: str | None = None
    unaligned: str | None = None
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    channels_last: bool = False

    @property
    def framework(self) -> str:
        """The package that the function is in."""
        return self.home.partition(":")[0].partition(".")[0]


@dataclass(frozen=True)
class Pooler:
    """A method that pools each box from one of several maps by calling an `Operator` for each map.

    Parameters
    ----------
    home
        "module:class.method".
    maps, boxes, image_sizes
        Names of the parameters: the maps from the largest to the smallest, or by name; the boxes
        of all maps; the (height, width) of each image, "" if the method does not know them.
    rule
        Name of the rule that chooses the map of a box (see `PYRAMID_RULES`).
    settings
        Attribute of the object → the value with which it follows the rule.
    """

    home: str
    maps: str
    boxes: str
    rule: str
    image_sizes: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


_DETERMINISTIC = {
    "torchvision": "torchvision-deterministic",
    "torchvision-aligned": "torchvision-deterministic-aligned",
}
_MMCV_CUDA = {"mmcv": "mmcv-cuda", "mmcv-legacy": "mmcv-cuda-legacy"}

OPERATORS = (
    Operator(
        "torchvision.ops.roi_align",
        "torchvision.ops.roi_align:roi_align",
        "torchvision-aligned",
        unaligned="torchvision",
        variants={"deterministic": _DETERMINISTIC},
    ),
    Operator("torchvision.ops.roi_pool", "torchvision.ops.roi_pool:roi_pool", "roi-pool"),
    Operator(
        "torchvision.ops.ps_roi_align",
        "torchvision.ops.ps_roi_align:ps_roi_align",
        "ps-roi-align",
    ),
    Operator(
        "torchvision.ops.ps_roi_pool", "torchvision.ops.ps_roi_pool:ps_roi_pool", "ps-roi-pool"
    ),
    # Since torchvision 0.7 this is torchvision's function, which is recorded by the row above.
    Operator(
        "detectron2.layers.roi_align",
        "detectron2.layers.roi_align:roi_align",
        "torchvision-aligned",
        unaligned="torchvision",
    ),
    Operator(
        "mmcv.ops.roi_align",
        "mmcv.ops.roi_align:roi_align",
        "mmcv",
        unaligned="mmcv-legacy",
        variants={"cuda": _MMCV_CUDA},
    ),
    Operator(
        "tf.image.crop_and_resize",
        "tensorflow.python.ops.image_ops_impl:crop_and_resize_v2",
        "tensorflow",
        channels_last=True,
    ),
    Operator(
        "tf.compat.v1.image.crop_and_resize",
        "tensorflow.python.ops.image_ops_impl:crop_and_resize_v1",
        "tensorflow",
        channels_last=True,
    ),
)

_CANONICAL = {"canonical_level": 4}
POOLERS = (
    Pooler(
        "torchvision.ops.poolers:MultiScaleRoIAlign.forward",
        maps="x",
        boxes="boxes",
        image_sizes="image_shapes",
        rule="torchvision",
        settings={"canonical_scale": 224, **_CANONICAL},
    ),
    Pooler(
        "detectron2.modeling.poolers:ROIPooler.forward",
        maps="x",
        boxes="box_lists",
        rule="detectron2",
        settings={"canonical_box_size": 224, **_CANONICAL},
    ),
    Pooler(
        "mmdet.models.roi_heads.roi_extractors.single_level_roi_extractor:"
        "SingleRoIExtractor.forward",
        maps="feats",
        boxes="rois",
        rule="mmdet",
        settings={"finest_scale": 56},
    ),
)

# Meaning of a parameter → the names that it has in libraries.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "features": (
        "features", "feature", "feature_map", "feature_maps", "featuremap", "fmap", "feat", "feats",
        "input", "inputs", "x", "image", "images", "data", "bottom_data",
    ),
    "boxes": ("boxes", "rois", "roi", "bboxes", "box", "bbox", "proposals", "bottom_rois"),
    "batch_index": (
        "batch_index", "batch_indices", "box_indices", "box_index", "box_ind", "batch_ind",
        "batch_idx", "batch_id", "batch_ids", "roi_batch_index", "roi_batch_indices",
        "roi_batch_ind", "roi_batch_id", "batch_inds", "box_inds", "roi_inds",
    ),
    "output_size": ("output_size", "crop_size", "out_size", "pooled_size"),
    "rows": ("output_height", "pooled_height", "aligned_height", "pooled_h", "out_h", "height"),
    "columns": ("output_width", "pooled_width", "aligned_width", "pooled_w", "out_w", "width"),
    "spatial_scale": ("spatial_scale", "scale"),
    "sampling_ratio": (
        "sampling_ratio", "sample_num", "sampling_num", "sampling_points", "sample_ratio", "ratio",
        "sr", "samples", "num_samples", "n_samples", "samples_per_bin",
    ),
    "aligned": ("aligned",),
    "pooling": ("pooling", "pool_mode", "mode"),
    "interpolation": ("method",),
    "extrapolation_value": ("extrapolation_value",),
}  # fmt: skip

# Meaning of a parameter → what its values are called in libraries → the value of the field.
FIELD_VALUES: Mapping[str, Mapping[str, str]] = {
    "pooling": {"avg": "avg", "average": "avg", "mean": "avg", "max": "max"},
    "interpolation": {"bilinear": "linear", "nearest": "nearest"},
}

# Packages and modules that stand between a program and an operator: the place of a call is the line
# that called the first of them.
WRAPPERS = (
    "roialign_cli",
    "torch",
    "torchvision.ops",
    "detectron2.layers",
    "detectron2.modeling.poolers",
    "mmcv.ops",
    "mmdet.models.roi_heads.roi_extractors",
    "tensorflow",
    "keras",
)
