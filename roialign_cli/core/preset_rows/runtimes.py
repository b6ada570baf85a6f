"""Operators of formats, compilers and runtimes for computers, to which models are exported."""

from __future__ import annotations

import math

from roialign_cli.core.convention import Convention
from roialign_cli.core.preset import FLT_MAX, Preset

RUNTIME_PRESETS = (
    Preset(
        Convention(name="onnx-half-pixel", max_of="weighted-cell"),
        framework="onnx",
        summary="RoiAlign-16 and -22 with coordinate_transformation_mode=half_pixel, the default",
        source="onnxruntime 1.32.0 CPU (roialign.cc) and the onnx 1.23.2 reference evaluator",
        quirks="max takes the maximum of weight × cell, not of interpolated values, so a point "
        "in the middle of four equal cells gives a quarter of their value.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(name="onnx-output-half-pixel", max_of="weighted-cell", offset=0.0, min_size=1.0),
        framework="onnx",
        summary="RoiAlign-10, and -16 with coordinate_transformation_mode=output_half_pixel",
        source="onnxruntime 1.32.0 CPU (roialign.cc) and the onnx 1.23.2 reference evaluator",
        quirks="The only mode of opset 10; converting a model to opset 16 without setting the "
        "attribute shifts the boxes by half a cell. max takes the maximum of weight × cell.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="openvino-asymmetric",
            max_start=0.0,
            offset=0.0,
            min_size=1.0,
            position_formula="step-first",
            clamp_count=False,
        ),
        framework="openvino",
        summary="ROIAlign-3, and ROIAlign-9 with aligned_mode=asymmetric, its default",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        quirks="The running maximum starts at 0, so a section of negative features gives 0.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="openvino-half-pixel",
            max_start=0.0,
            image_offset=-0.5,
            position_formula="step-first",
            clamp_count=False,
        ),
        framework="openvino",
        summary="ROIAlign-9 with aligned_mode=half_pixel",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        quirks="Half a pixel is added in the image before scaling, and half a cell is subtracted "
        "after scaling, so at a scale of 1/16 the shift differs from every other half_pixel. "
        "Without points, the average is NaN. max starts at 0.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="openvino-half-pixel-for-nn",
            max_start=0.0,
            position_formula="step-first",
            clamp_count=False,
        ),
        framework="openvino",
        summary="ROIAlign-9 with aligned_mode=half_pixel_for_nn",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        quirks="This mode matches torchvision's aligned=True, except that the average of a box "
        "without points is NaN. max starts at 0.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="tensorrt",
            max_of="weighted-cell",
            max_skips_nan=True,
            clamp_count=False,
            position_formula="step-first",
        ),
        framework="tensorrt",
        summary="the ROIAlign plugin with coordinate_transformation_mode 1, half_pixel, its "
        "default",
        source="TensorRT, commit 147005ff of 2024 (plugin/roiAlignPlugin/roiAlignKernel.cu)",
        quirks="Without points, the average is NaN. max takes the maximum of weight × cell. "
        "With half precision, boxes, positions and the count are float16, too: --set "
        "coordinates=half.",
        evidence="from source",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="tensorrt-output-half-pixel",
            max_of="weighted-cell",
            max_skips_nan=True,
            clamp_count=False,
            position_formula="step-first",
            offset=0.0,
            min_size=1.0,
        ),
        framework="tensorrt",
        summary="the ROIAlign plugin with coordinate_transformation_mode 0, output_half_pixel",
        source="TensorRT, commit 147005ff of 2024 (plugin/roiAlignPlugin/roiAlignKernel.cu)",
        quirks="max takes the maximum of weight × cell. With half precision, boxes and "
        "positions are float16, too: --set coordinates=half.",
        evidence="from source",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="tensorrt-pyramid",
            grid_min=1,
            inverted_boxes="sorted",
            clip_boxes=True,
            tie_neighbour="both",
            border_margin=math.inf,
        ),
        framework="tensorrt",
        summary="the PyramidROIAlign plugin with transform 2, half pixel, its default",
        source="TensorRT, commit 052281f0 of 2023 (plugin/common/kernels/maskRCNNKernels.cu)",
        quirks="The corners of a box are sorted and cut to the image. No point is outside "
        "the map, and a section has at least one point along each axis. The operator "
        "has no max pooling.",
        evidence="from source",
    ),
    Preset(
        Convention(
            name="mmdeploy",
            pooling="max",
            max_start=-FLT_MAX,
            max_skips_nan=True,
            max_of_empty=-FLT_MAX,
            sampling_ratio=2,
            offset=0.0,
            min_size=1.0,
            position_formula="step-first",
            tie_neighbour="both",
        ),
        framework="mmdeploy",
        summary="the TensorRT plugin MMCVMultiLevelRoiAlign with its defaults",
        source="mmdeploy, commit 0693dc02 (trt_multi_level_roi_align_kernel.cu)",
        quirks="The default is max pooling with sampling ratio 2 and without the half-cell "
        "shift, unlike MMCV.",
        evidence="from source",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="mmdeploy-aligned",
            pooling="max",
            max_start=-FLT_MAX,
            max_skips_nan=True,
            max_of_empty=-FLT_MAX,
            sampling_ratio=2,
            inverted_boxes="empty",
            position_formula="step-first",
            tie_neighbour="both",
        ),
        framework="mmdeploy",
        summary="the TensorRT plugin MMCVMultiLevelRoiAlign with aligned=1",
        source="mmdeploy, commit 0693dc02 (trt_multi_level_roi_align_kernel.cu)",
        quirks="An inverted box has size 0.",
        evidence="from source",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="tvm",
            max_start=-FLT_MAX,
            max_of_empty=-FLT_MAX,
            offset=0.0,
            min_size=1.0,
        ),
        framework="tvm",
        summary="vision.roi_align with aligned=False, its default",
        source="apache-tvm 0.27.0.post1, llvm (topi/vision/roi_align.py)",
        quirks="Each value is divided by the number of points before the sum. A NaN point "
        "restarts the maximum, so that only the points after it count.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="tvm-aligned",
            max_start=-FLT_MAX,
            max_of_empty=-FLT_MAX,
            offset=0.0,
        ),
        framework="tvm",
        summary="vision.roi_align with aligned=True",
        source="apache-tvm 0.27.0.post1, llvm (topi/vision/roi_align.py)",
        quirks="aligned=True only drops the minimum size and shifts nothing: the importers "
        "shift the boxes themselves. The output of a box without points is not "
        "written; here it is 0, and −FLT_MAX for max.",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="migraphx",
            max_of="weighted-cell",
            max_skips_nan=True,
            min_size=1.0,
        ),
        framework="migraphx",
        summary="the reference RoiAlign with coordinate_transformation_mode=half_pixel",
        source="MIGraphX, header of 2023 (src/include/migraphx/op/roialign.hpp)",
        quirks="The half-cell shift and the minimum size of a cell come together. The shift "
        "is subtracted from each point, and sums are double. Versions of 2022 "
        "exchange the two modes. max takes the maximum of weight × cell.",
        evidence="from source",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="migraphx-output-half-pixel",
            max_of="weighted-cell",
            max_skips_nan=True,
            offset=0.0,
            min_size=1.0,
        ),
        framework="migraphx",
        summary="the reference RoiAlign with coordinate_transformation_mode=output_half_pixel",
        source="MIGraphX, header of 2023 (src/include/migraphx/op/roialign.hpp)",
        quirks="max takes the maximum of weight × cell. Versions of 2022 exchange the two modes.",
        evidence="from source",
        poolings=("avg", "max"),
    ),
    Preset(
        Convention(
            name="directml",
            grid_min=1,
        ),
        framework="directml",
        summary="DML_OPERATOR_ROI_ALIGN, and ROI_ALIGN1 with its pixel offsets",
        source="DirectML, documentation of 2021 (ns-directml-dml_roi_align1_operator_desc.md)",
        quirks="A section has at least one point, and no minimum size applies in either "
        "mode. How the section size is rounded and how far outside a point may lie "
        "is not documented; here as in ONNX. ONNX models of opset 10 are shifted by "
        "half a cell.",
        evidence="documentation",
        poolings=("avg", "max"),
    ),
)
