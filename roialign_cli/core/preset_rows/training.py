"""Operators of the libraries that models are trained with."""

from __future__ import annotations

import math

from roialign_cli.core.convention import Convention
from roialign_cli.core.preset import FLT_MAX, Preset

TRAINING_PRESETS = (
    Preset(
        Convention(name="torchvision", offset=0.0, min_size=1.0),
        framework="torchvision",
        summary="aligned=False, the default: no half-cell offset, ROIs grow to 1 × 1",
        source="torchvision.ops.roi_align 0.29.1, CPU (roi_align_kernel.cpp)",
        quirks="The default of the library, kept for models that were trained this way: everything "
        "lies half a cell too far right and down, and no ROI is smaller than a cell. The library "
        "has no max pooling.",
    ),
    Preset(
        Convention(name="torchvision-aligned"),
        framework="torchvision",
        summary="aligned=True: coordinates shifted by half a cell, no minimum size",
        source="torchvision.ops.roi_align 0.29.1, CPU (roi_align_kernel.cpp)",
        quirks="With an adaptive grid, an empty or inverted box has no points and gives 0. The "
        "library has no max pooling.",
    ),
    Preset(
        Convention(
            name="torchvision-deterministic",
            offset=0.0,
            min_size=1.0,
            grid_points="cells",
            position_formula="step-first",
            border_margin=math.inf,
        ),
        framework="torchvision",
        summary="aligned=False, the path without the compiled operator, as with "
        "deterministic algorithms",
        source="torchvision.ops.roi_align._roi_align 0.29.1, CPU",
        quirks="No point is outside the map: all are clamped to it. With the adaptive grid, "
        "a section has at most as many points along an axis as the map has cells, "
        "the first ones, but the sum is divided by the number of all. Positions far "
        "beyond the map lose digits: at 1000 cells the library is off by 0.003.",
    ),
    Preset(
        Convention(
            name="torchvision-deterministic-aligned",
            grid_points="cells",
            position_formula="step-first",
            border_margin=math.inf,
        ),
        framework="torchvision",
        summary="aligned=True, the path without the compiled operator, as with deterministic "
        "algorithms",
        source="torchvision.ops.roi_align._roi_align 0.29.1, CPU",
        quirks="Like torchvision-deterministic, with coordinates shifted by half a cell and "
        "without a minimum size.",
    ),
    Preset(
        Convention(
            name="mmcv",
            max_start=-10000.0,
            max_skips_nan=True,
            max_of_empty=-10000.0,
            rejects="inverted",
        ),
        framework="mmcv",
        summary="RoIAlign with aligned=True, its default",
        source="mmcv.ops.roi_align, CPU (csrc/pytorch/cpu/roi_align.cpp)",
        quirks="The running maximum starts at −10000, which is also the max of an empty box. An "
        "inverted box is an error. max skips NaN points.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="mmcv-legacy",
            max_start=-10000.0,
            max_skips_nan=True,
            max_of_empty=-10000.0,
            offset=0.0,
            min_size=1.0,
        ),
        framework="mmcv",
        summary="RoIAlign with aligned=False",
        source="mmcv.ops.roi_align, CPU (csrc/pytorch/cpu/roi_align.cpp)",
        quirks="Like mmcv, without the half-cell offset and with ROIs of at least one cell.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="mmcv-cuda",
            max_start=-FLT_MAX,
            max_skips_nan=True,
            max_of_empty=-FLT_MAX,
        ),
        framework="mmcv",
        summary="RoIAlign on CUDA with aligned=True, its default",
        source="mmcv, CUDA (csrc/common/cuda/roi_align_cuda_kernel.cuh, commit 469a21c0)",
        quirks="Unlike on the CPU, the running maximum starts at −FLT_MAX, and inverted "
        "boxes are accepted.",
        evidence="from source",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="mmcv-cuda-legacy",
            max_start=-FLT_MAX,
            max_skips_nan=True,
            max_of_empty=-FLT_MAX,
            offset=0.0,
            min_size=1.0,
        ),
        framework="mmcv",
        summary="RoIAlign on CUDA with aligned=False",
        source="mmcv, CUDA (csrc/common/cuda/roi_align_cuda_kernel.cuh, commit 469a21c0)",
        quirks="Unlike on the CPU, the running maximum starts at −FLT_MAX.",
        evidence="from source",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(name="paddle", position_formula="share-first", clamp_count=False),
        framework="paddle",
        summary="vision.ops.roi_align with aligned=True, its default",
        source="paddlepaddle 3.3.1, CPU (phi/kernels/cpu/roi_align_kernel.cc)",
        quirks="Without points, the average is NaN. With the adaptive grid, an inverted box ends "
        "the process. The library has no max pooling.",
    ),
    Preset(
        Convention(
            name="paddle-legacy",
            offset=0.0,
            min_size=1.0,
            position_formula="share-first",
            clamp_count=False,
        ),
        framework="paddle",
        summary="vision.ops.roi_align with aligned=False",
        source="paddlepaddle 3.3.1, CPU (phi/kernels/cpu/roi_align_kernel.cc)",
        quirks="Like torchvision's aligned=False, except for the order of rounding. The library "
        "has no max pooling.",
    ),
    Preset(
        Convention(
            name="tensorflow",
            points="corners",
            offset=0.0,
            tie_neighbour="both",
            border_margin=0.0,
            box_format="yxyx",
            normalized=True,
            normalized_by="last-centre",
        ),
        framework="tensorflow",
        summary="image.crop_and_resize: one point per section, from corner to corner",
        source="tensorflow 2.21.0, CPU (kernels/image/crop_and_resize_op.cc)",
        quirks="Boxes are y1, x1, y2, x2, normalised so that 1 is the centre of the last cell. "
        "The points reach from corner to corner. A point beyond the outermost cell centres has "
        "the extrapolation value. A box with y1 > y2 is flipped. An infinite cell makes a point "
        "NaN, because the library adds a share of the difference of two neighbours.",
    ),
    Preset(
        Convention(
            name="model-garden",
            sampling_ratio=1,
            position_formula="roi-first",
            offset=0.0,
            outside_neighbours="extrapolated",
            border_margin=math.inf,
            box_format="yxyx",
        ),
        framework="tensorflow",
        summary="multilevel_crop_and_resize: one point per section",
        source="tf-models-official 2.20.0 (official/vision/ops/spatial_transform_ops.py) "
        "and keras-cv 0.9.0 (object_detection/roi_align.py), CPU",
        quirks="Before the first cell, values are extrapolated from the first two cells; "
        "beyond the last, it is repeated. Boxes are y1, x1, y2, x2 in pixels, "
        "without any offset. The library has no max pooling.",
    ),
    Preset(
        Convention(
            name="od-api",
            sampling_ratio=1,
            position_formula="roi-first",
            offset=0.0,
            outside_neighbours="value",
            border_margin=math.inf,
            box_format="yxyx",
            normalized=True,
            normalized_by="last-centre",
        ),
        framework="tensorflow",
        summary="Object Detection API: multilevel_roi_align",
        source="tf-models-research-object-detection 2.8.0.post1, CPU "
        "(object_detection/utils/spatial_transform_ops.py)",
        quirks="Boxes are y1, x1, y2, x2, normalised so that 1 is the centre of the last "
        "cell. Each neighbour outside the map has the extrapolation value, so that "
        "values fade to it within a cell. The library has no max pooling.",
    ),
    Preset(
        Convention(
            name="od-api-align-corners",
            points="corners",
            offset=0.0,
            outside_neighbours="value",
            border_margin=math.inf,
            box_format="yxyx",
            normalized=True,
            normalized_by="last-centre",
        ),
        framework="tensorflow",
        summary="Object Detection API: multilevel_roi_align with align_corners=True",
        source="tf-models-research-object-detection 2.8.0.post1, CPU "
        "(object_detection/utils/spatial_transform_ops.py)",
        quirks="Like od-api, with points that reach from corner to corner.",
    ),
    Preset(
        Convention(
            name="mxnet",
            offset=0.0,
            min_size=1.0,
            clamp_count=False,
        ),
        framework="mxnet",
        summary="contrib.ROIAlign with aligned=False, its default",
        source="mxnet 1.9.1, CPU (operator/contrib/roi_align.cc)",
        quirks="Like torchvision with aligned=False. A point outside the map reads cell (0, "
        "0) with weight 0, so a NaN in it makes such a section NaN. The output for a "
        "negative batch index is not written. The library has no max pooling.",
    ),
    Preset(
        Convention(
            name="mxnet-aligned",
            clamp_count=False,
            rejects="no-area",
        ),
        framework="mxnet",
        summary="contrib.ROIAlign with aligned=True",
        source="mxnet 1.9.1, CPU (operator/contrib/roi_align.cc)",
        quirks="A box without width or height ends the process. The library has no max pooling.",
    ),
    Preset(
        Convention(
            name="mxnet-position-sensitive",
            offset=0.0,
            min_size=1.0,
            clamp_count=False,
            channel_map="position-sensitive",
        ),
        framework="mxnet",
        summary="contrib.ROIAlign with position_sensitive=True and aligned=False",
        source="mxnet 1.9.1, CPU (operator/contrib/roi_align.cc)",
        quirks="Like mxnet, with a channel of its own for each section. The features need a "
        "multiple of rows × columns channels.",
    ),
    Preset(
        Convention(
            name="mxnet-position-sensitive-aligned",
            clamp_count=False,
            rejects="no-area",
            channel_map="position-sensitive",
        ),
        framework="mxnet",
        summary="contrib.ROIAlign with position_sensitive=True and aligned=True",
        source="mxnet 1.9.1, CPU (operator/contrib/roi_align.cc)",
        quirks="Like mxnet-aligned, with a channel of its own for each section.",
    ),
    Preset(
        Convention(
            name="mindspore",
            clamp_count=False,
            sampling_ratio=2,
            grid_rounding="floor",
            offset=0.0,
            image_end_offset=-1.0,
        ),
        framework="mindspore",
        summary="ops.ROIAlign with roi_end_mode=1, its default",
        source="mindspore 2.10.0, CPU (roi_align_cpu_kernel.cc)",
        quirks="The last pixel is part of the box: 1 is added to x2 and y2 before scaling. "
        "The adaptive grid rounds down, so a section smaller than a cell has no "
        "points and gives NaN. The sampling ratio is 2 by default. The output of a "
        "box with both x below 0.001 is not written.",
    ),
    Preset(
        Convention(
            name="mindspore-legacy",
            clamp_count=False,
            sampling_ratio=2,
            grid_rounding="floor",
            offset=0.0,
            min_size=1.0,
        ),
        framework="mindspore",
        summary="ops.ROIAlign with roi_end_mode=0",
        source="mindspore 2.10.0, CPU (roi_align_cpu_kernel.cc)",
        quirks="The adaptive grid rounds down, so a section smaller than a cell has no "
        "points and gives NaN, in spite of the minimum size. The sampling ratio is 2 "
        "by default.",
    ),
)
