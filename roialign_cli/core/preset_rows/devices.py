"""Operators of runtimes for phones and small devices, to which models are exported."""

from __future__ import annotations

import math

from roialign_cli.core.convention import Convention
from roialign_cli.core.preset import FLT_MAX, Preset

DEVICE_PRESETS = (
    Preset(
        Convention(
            name="mnn",
            max_start=-FLT_MAX,
            max_of_empty=-FLT_MAX,
            clamp_count=False,
            position_formula="step-first",
            offset=0.0,
            min_size=1.0,
        ),
        framework="mnn",
        summary="the CPU ROIAlign with aligned=false",
        source="MNN 3.6.1, CPU (source/backend/cpu/CPUROIAlign.cpp)",
        quirks="A NaN point restarts the maximum, so that only the points after it count. "
        "Models that are converted from ONNX opset 10 get aligned=true.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="mnn-aligned",
            max_start=-FLT_MAX,
            max_of_empty=-FLT_MAX,
            clamp_count=False,
            position_formula="step-first",
        ),
        framework="mnn",
        summary="the CPU ROIAlign with aligned=true",
        source="MNN 3.6.1, CPU (source/backend/cpu/CPUROIAlign.cpp)",
        quirks="A NaN point restarts the maximum, so that only the points after it count. "
        "The converter from ONNX uses aligned=true unless the model asks for "
        "output_half_pixel, so that models of opset 10 are shifted. Without points, "
        "the average is NaN, and a box that is inverted along both axes ends the "
        "process.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="ncnn-0",
            clip_sections=True,
            offset=0.0,
            min_size=1.0,
            border_margin=math.inf,
        ),
        framework="ncnn",
        summary="ROIAlign with version=0, its default, and aligned=0",
        source="ncnn 1.0.20261020, CPU (roialign_x86.cpp)",
        quirks="Sections are cut to the map and count their points after the cut, at the "
        "distances of the whole section. At the right and lower border, points then "
        "lie beyond the map, where the library reads other memory; here they are "
        "clamped. With the adaptive grid, it can write more points than it has room "
        "for, which may end the process.",
    ),
    Preset(
        Convention(
            name="ncnn-0-aligned",
            clip_sections=True,
            border_margin=math.inf,
        ),
        framework="ncnn",
        summary="ROIAlign with version=0 and aligned=1",
        source="ncnn 1.0.20261020, CPU (roialign_x86.cpp)",
        quirks="Like ncnn-0, with coordinates shifted by half a cell and without a minimum size.",
    ),
    Preset(
        Convention(
            name="ncnn-1",
            offset=0.0,
            min_size=1.0,
        ),
        framework="ncnn",
        summary="ROIAlign with version=1 and aligned=0",
        source="ncnn 1.0.20261020, CPU (roialign_x86.cpp)",
        quirks="Like torchvision with aligned=False. The size of an ROI is computed with a "
        "fused multiplication, so that its last digit may differ at scales that are "
        "no power of two. The library has no max pooling.",
    ),
    Preset(
        Convention(
            name="ncnn-1-aligned",
        ),
        framework="ncnn",
        summary="ROIAlign with version=1 and aligned=1",
        source="ncnn 1.0.20261020, CPU (roialign_x86.cpp)",
        quirks="Like torchvision with aligned=True. A box that is inverted along one axis "
        "is an error with the adaptive grid. The library has no max pooling.",
    ),
    Preset(
        Convention(
            name="onnx2tf",
            max_start=-FLT_MAX,
            max_skips_nan=True,
            max_of_empty=-FLT_MAX,
            sampling_ratio=2,
            position_formula="roi-first",
            offset=0.0,
            tie_neighbour="both",
            border_margin=0.0,
        ),
        framework="onnx2tf",
        summary="the TensorFlow graph for RoiAlign with a sampling ratio above 0",
        source="onnx2tf 1.29.24, tensorflow 2.19.0, CPU (ops/RoiAlign.py)",
        quirks="coordinate_transformation_mode is read and ignored, so that the half-cell "
        "shift is missing. A point beyond the outermost cell centres is 0.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="onnx2tf-adaptive",
            max_start=-FLT_MAX,
            max_skips_nan=True,
            max_of_empty=-FLT_MAX,
            points="corners",
            grid_from="output",
            offset=0.0,
            end_offset=1.0,
            tie_neighbour="both",
            border_margin=0.0,
        ),
        framework="onnx2tf",
        summary="the TensorFlow graph for RoiAlign with sampling ratio 0",
        source="onnx2tf 1.29.24, tensorflow 2.19.0, CPU (ops/RoiAlign.py)",
        quirks="The grid does not depend on the box: (rows + columns) // 2 points per "
        "section, from the first edge to a cell before the second one.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="nnapi",
            offset=0.0,
            min_size=1.0,
            border_margin=math.inf,
            rejects="off-map",
        ),
        framework="nnapi",
        summary="Android ROI_ALIGN on the CPU",
        source="Android NNAPI, 2018 and later (operations/RoiAlign.cpp)",
        quirks="Sampling ratio and scale are given for each axis: sampling_ratio_x. A box "
        "that is inverted or reaches beyond the map is an error. No point is outside "
        "the map. The operator has no max pooling.",
        evidence="from source",
    ),
    Preset(
        Convention(
            name="coreml",
            points="corners",
            offset=0.0,
            tie_neighbour="both",
            border_margin=0.0,
            box_format="yxyx",
        ),
        framework="coreml",
        summary="crop_resize with sampling_mode ALIGN_CORNERS",
        source="coremltools 9.0 of 2025 (mil/ops/defs/iOS15/image_resizing.py), "
        "mlmodel/format/NeuralNetwork.proto",
        quirks="One point per section, from corner to corner. Boxes are y1, x1, y2, x2 in "
        "cells, or normalised so that 1 is the centre of the last cell. Inverted "
        "boxes are flipped. Which points are outside is documented for whole boxes "
        "only.",
        evidence="documentation",
    ),
    Preset(
        Convention(
            name="coreml-roi-align",
            sampling_ratio=1,
            offset=0.0,
            min_size=1.0,
            border_margin=0.0,
            box_format="yxyx",
        ),
        framework="coreml",
        summary="crop_resize with sampling_mode OFFSET_CORNERS, called ROI_ALIGN_MODE in "
        "neural networks",
        source="coremltools 9.0 of 2025 (mil/ops/defs/iOS15/image_resizing.py), "
        "mlmodel/format/NeuralNetwork.proto",
        quirks="One point per section, in its middle. A box smaller than a cell grows to "
        "one cell, but its points stay within it; here they do not.",
        evidence="documentation",
    ),
)
