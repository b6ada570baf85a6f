"""The pyramid rules as data: from which level each library pools a box.

Adding a library means adding a row to `PYRAMID_RULES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from roialign_cli.core.convention import InvertedBoxes
from roialign_cli.core.preset import Evidence
from roialign_cli.errors import ArgumentError, nearest

Ratio = Literal["divided", "multiplied", "image-over-size", "size-over-image"]
EpsilonAddedTo = Literal["ratio", "level"]
Logarithm = Literal["log2", "ln-divided", "ln-multiplied"]
Rounding = Literal["floor", "half-even", "half-away", "thresholds"]
Arithmetic = Literal["boxes", "float32"]
WithoutArea = Literal["first", "none"]
NegativeArea = Literal["first", "none", "rejected"]
LevelScale = Literal["power-of-two", "map-size"]


@dataclass(frozen=True, kw_only=True)
class PyramidRule:
    """Describe how one library chooses the level that a box is pooled from.

    Nearly all rules are forms of level = floor(canonical level + log2(size / canonical size)). The
    size is the square root of the area of the box. The level is limited to the levels that there
    are.

    Parameters
    ----------
    name
        The name by which commands and calls choose the rule.
    canonical_size
        The size of a box for which the logarithm is 0, in pixels of the image.
    canonical_level
        The level of such a box. A negative number counts from the number of maps: −2 is the last
        map but one.
    first_level
        The number of the first map; None if level n is the map with stride 2^n.
    side_offset
        Added to the width and the height of a box, in pixels: 1 for boxes with inclusive corners.
    inverted_boxes
        A box with x2 < x1 or y2 < y1 is "kept" with negative sides, has its corners "sorted", or is
        "empty", with area 0.
    clip_boxes
        Whether boxes are cut to the image.
    ratio
        How the size of the box is related to the canonical size. "divided": size / canonical.
        "multiplied": size · (1 / canonical). The other two take the size from box coordinates that
        are fractions of the image. "image-over-size": size · (image / canonical).
        "size-over-image": size / (canonical / image). image is the square root of the image's area.
    epsilon, epsilon_added_to
        A small number that is added to the "ratio" before the logarithm, or to the "level" before
        it is rounded.
    epsilon_in_double
        Whether the epsilon is added in float64. The sum is then rounded to the arithmetic's dtype.
    logarithm
        How the logarithm to base 2 is computed: "log2"; natural logarithms "ln-divided" by ln 2; or
        "ln-multiplied" by 1 / ln 2.
    rounding
        "floor"; to the nearest whole number, with a half to the even one ("half-even") or away from
        0 ("half-away"); or "thresholds": no logarithm is computed, and each level starts above an
        area, which is 4 times that of the level before.
    rounds_sum
        Whether the canonical level is added before rounding. If not, it is added to the rounded
        logarithm.
    arithmetic
        The dtype of the computation: that of the "boxes", or always "float32".
    no_area, negative_area
        The level of a box with area 0, and of a box with a negative area, of which there is no
        square root: the "first"; "none", so that its output is 0; or the box is "rejected".
    skipped_for_one_map
        Whether all boxes are pooled from the map if there is only one, whatever their area.
    level_scale
        How the scale of a map follows from the size of the image: a "power-of-two" near height of
        the map / height of the image, for both axes; or the "map-size" / size of the image, for
        each axis.
    framework
        The library or runtime that the rule is from, in lower case.
    source
        The version and the file that define the rule.
    evidence
        How the rule is known: the levels of the library were "measured", or the rule was read in
        its source code.
    quirks
        What surprises users of the rule; "" for nothing.
    preset
        The name of the preset that the library pools with; None if no preset is the same.
    """

    name: str
    canonical_size: float = 224.0
    canonical_level: int = 4
    first_level: int | None = None
    side_offset: float = 0.0
    inverted_boxes: InvertedBoxes = "kept"
    clip_boxes: bool = False
    ratio: Ratio = "divided"
    epsilon: float = 0.0
    epsilon_added_to: EpsilonAddedTo = "ratio"
    epsilon_in_double: bool = False
    logarithm: Logarithm = "log2"
    rounding: Rounding = "floor"
    rounds_sum: bool = True
    arithmetic: Arithmetic = "boxes"
    no_area: WithoutArea = "first"
    negative_area: NegativeArea = "none"
    skipped_for_one_map: bool = False
    level_scale: LevelScale = "power-of-two"
    framework: str
    source: str
    evidence: Evidence = "from source"
    quirks: str = ""
    preset: str | None = None

    @property
    def needs_image_size(self) -> bool:
        """Whether the level depends on the size of the image."""
        return self.ratio in {"image-over-size", "size-over-image"}

    def parameters(self) -> dict[str, Any]:
        """Return the fields that decide the levels, in declaration order."""
        described = {"name", "framework", "source", "evidence", "quirks", "preset"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in described}


_ROWS = (
    PyramidRule(
        name="torchvision",
        epsilon=1e-6,
        epsilon_added_to="level",
        skipped_for_one_map=True,
        framework="torchvision",
        source="torchvision 0.29.1 (ops/poolers.py, LevelMapper), CPU",
        evidence="measured",
        quirks="If the maps skip a level, boxes of the skipped level are pooled from the next map, "
        "and the outputs of boxes beyond the last map are 0. The library never passes aligned, "
        "which is False by default. On x86, some square roots of torch are off by a unit in the "
        "last place, so that a box within 0.0002 pixels of a boundary may have another level.",
        preset="torchvision",
    ),
    PyramidRule(
        name="torchvision-legacy",
        epsilon=1e-6,
        skipped_for_one_map=True,
        framework="torchvision",
        source="torchvision, commit 06177eec of 2019 (ops/poolers.py, LevelMapper)",
        quirks="Adds the epsilon before the logarithm.",
        preset="torchvision",
    ),
    PyramidRule(
        name="maskrcnn-benchmark",
        epsilon=1e-6,
        skipped_for_one_map=True,
        framework="maskrcnn-benchmark",
        source="maskrcnn-benchmark, commit 05129e74 (modeling/poolers.py, LevelMapper)",
        preset="torchvision",
    ),
    PyramidRule(
        name="detectron2",
        epsilon=1e-8,
        skipped_for_one_map=True,
        framework="detectron2",
        source="detectron2, commit 2bd05b42 (modeling/poolers.py, assign_boxes_to_levels)",
        quirks="In float32, the epsilon is too small to change a ratio near 1.",
        preset="torchvision-aligned",
    ),
    PyramidRule(
        name="detectron",
        side_offset=1.0,
        epsilon=1e-6,
        negative_area="rejected",
        framework="detectron",
        source="Detectron, commit 23cebbac (modeling/FPN.py, map_rois_to_fpn_levels)",
        quirks="A box of 223 × 223 counts as 224 × 224.",
        preset="torchvision",
    ),
    PyramidRule(
        name="caffe2",
        side_offset=1.0,
        epsilon=1e-6,
        logarithm="ln-divided",
        arithmetic="float32",
        negative_area="rejected",
        framework="caffe2",
        source="pytorch, commit 051e2a50 (caffe2/operators/"
        "collect_and_distribute_fpn_rpn_proposals_op.cc)",
        quirks="A box of 223 × 223 counts as 224 × 224.",
        preset="torchvision",
    ),
    PyramidRule(
        name="mmdet",
        canonical_size=56.0,
        canonical_level=0,
        first_level=0,
        epsilon=1e-6,
        skipped_for_one_map=True,
        framework="mmdetection",
        source="mmdetection, commit 5adf822f (roi_extractors/single_level_roi_extractor.py)",
        quirks="Counts the levels from the first map, whatever its stride. Only a first map with "
        "stride 4 gives the levels of the other libraries.",
        preset="mmcv",
    ),
    PyramidRule(
        name="mmdet-1",
        canonical_size=56.0,
        canonical_level=0,
        first_level=0,
        side_offset=1.0,
        epsilon=1e-6,
        skipped_for_one_map=True,
        framework="mmdetection",
        source="mmdetection 1, commit 0be588f2 (roi_extractors/single_level.py)",
        quirks="A box of 223 × 223 counts as 224 × 224. Counts the levels from the first map.",
    ),
    PyramidRule(
        name="mmdeploy",
        canonical_size=56.0,
        canonical_level=0,
        first_level=0,
        epsilon=1e-6,
        epsilon_in_double=True,
        arithmetic="float32",
        negative_area="first",
        framework="mmdeploy",
        source="mmdeploy, commit 0693dc02 (trt_multi_level_roi_align_kernel.cu)",
        preset="mmdeploy",
    ),
    PyramidRule(
        name="paddle",
        inverted_boxes="empty",
        epsilon=1e-6,
        framework="paddle",
        source="paddlepaddle 3.3.1, CPU (phi/kernels/cpu/distribute_fpn_proposals_kernel.cc)",
        evidence="measured",
        quirks="The kernel for GPUs has the epsilon 1e-8: see paddle-gpu.",
        preset="paddle",
    ),
    PyramidRule(
        name="paddle-pixel-offset",
        side_offset=1.0,
        inverted_boxes="empty",
        epsilon=1e-6,
        framework="paddle",
        source="paddlepaddle 3.3.1, CPU (phi/kernels/cpu/distribute_fpn_proposals_kernel.cc) with "
        "pixel_offset=True",
        evidence="measured",
        quirks="A box of 223 × 223 counts as 224 × 224.",
        preset="paddle-legacy",
    ),
    PyramidRule(
        name="paddle-gpu",
        inverted_boxes="empty",
        epsilon=1e-8,
        framework="paddle",
        source="Paddle, commit 02a5e4e0 (phi/kernels/gpu/distribute_fpn_proposals_kernel.cu)",
        quirks="A box just below a threshold may have another level than on the CPU.",
        preset="paddle",
    ),
    PyramidRule(
        name="model-garden",
        logarithm="ln-divided",
        rounds_sum=False,
        arithmetic="float32",
        negative_area="first",
        framework="tensorflow",
        source="tf-models-official 2.20.0 (official/vision/ops/spatial_transform_ops.py) and "
        "keras-cv 0.9.0 (object_detection/roi_align.py)",
        preset="model-garden",
    ),
    PyramidRule(
        name="od-api",
        canonical_level=-2,
        first_level=0,
        ratio="image-over-size",
        logarithm="ln-divided",
        rounds_sum=False,
        negative_area="first",
        framework="tensorflow",
        source="tf-models-research-object-detection 2.8.0.post1 (utils/ops.py, fpn_feature_levels, "
        "and meta_architectures/faster_rcnn_meta_arch.py)",
        quirks="A box of 224 × 224 is pooled from the last map but one, whatever its stride. Only "
        "maps of which the last has stride 32 give the levels of the other libraries.",
        preset="od-api",
    ),
    PyramidRule(
        name="tensorpack",
        first_level=2,
        ratio="multiplied",
        epsilon=1e-6,
        logarithm="ln-multiplied",
        arithmetic="float32",
        negative_area="first",
        framework="tensorpack",
        source="tensorpack, commit 2c6af2d1 (examples/FasterRCNN/modeling/model_fpn.py)",
        quirks="Has four maps, levels 2 to 5. The preset needs --sampling-ratio 2.",
        preset="torchvision-aligned",
    ),
    PyramidRule(
        name="matterport",
        first_level=2,
        ratio="size-over-image",
        logarithm="ln-divided",
        rounding="half-even",
        rounds_sum=False,
        arithmetic="float32",
        negative_area="first",
        framework="mask_rcnn",
        source="matterport/Mask_RCNN, commit 0038efff (mrcnn/model.py, PyramidROIAlign)",
        quirks="Rounds to the nearest level, so that levels change at 79.2, 158.4 and 316.8 "
        "pixels. Has four maps, levels 2 to 5.",
        preset="tensorflow",
    ),
    PyramidRule(
        name="tensorrt-pyramid",
        first_level=2,
        inverted_boxes="sorted",
        clip_boxes=True,
        ratio="size-over-image",
        rounding="thresholds",
        arithmetic="float32",
        level_scale="map-size",
        framework="tensorrt",
        source="TensorRT, commit 922d13f5 (plugin/pyramidROIAlignPlugin) and "
        "maskRCNNKernels.cu (roiAlign_kernel)",
        quirks="A level starts above its threshold, so that boxes of exactly 112, 224 and 448 "
        "pixels are one level lower than elsewhere. Has four maps, levels 2 to 5. With legacy=1, "
        "the thresholds are 79.2, 158.4 and 316.8 pixels.",
        preset="tensorrt-pyramid",
    ),
    PyramidRule(
        name="openvino",
        canonical_level=2,
        first_level=0,
        epsilon=1e-6,
        arithmetic="float32",
        no_area="none",
        framework="openvino",
        source="openvino 2026.4.1, CPU (intel_cpu/src/nodes/"
        "experimental_detectron_roifeatureextractor.cpp)",
        evidence="measured",
        quirks="Counts the levels from the first map, whatever its stride. The output of a box "
        "without area is 0. The kernel for GPUs rounds otherwise: see openvino-gpu.",
        preset="torchvision",
    ),
    PyramidRule(
        name="openvino-gpu",
        canonical_level=2,
        first_level=0,
        rounding="half-away",
        arithmetic="float32",
        no_area="none",
        framework="openvino",
        source="OpenVINO, commit 106be494 (intel_gpu/…/cl_kernels/"
        "experimental_detectron_roi_feature_extractor_ref.cl)",
        quirks="Rounds to the nearest level, unlike the CPU kernel of the same operator: levels "
        "change at 79.2, 158.4 and 316.8 pixels. A box without area is read from beyond the last "
        "map.",
        preset="torchvision",
    ),
)

PYRAMID_RULES: Mapping[str, PyramidRule] = MappingProxyType({row.name: row for row in _ROWS})
"""Name → `PyramidRule`, of every known library; read-only."""


def pyramid_rule(name: object) -> PyramidRule:
    """Return the rule with this name; return a `PyramidRule` as it is.

    Raises
    ------
    ArgumentError
        If it is neither a rule nor a known name; the message suggests the most similar name.
    """
    if isinstance(name, PyramidRule):
        return name
    if not isinstance(name, str):
        problem = f"must be the name of a rule or a PyramidRule, got {name!r:.60}"
        raise ArgumentError("pyramid", problem)
    if name in PYRAMID_RULES:
        return PYRAMID_RULES[name]
    near = nearest(name, PYRAMID_RULES, "`roialign presets --pyramids` lists all")
    raise ArgumentError("pyramid", f"{name!r} is not a pyramid rule; {near}")
