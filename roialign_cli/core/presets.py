"""The convention of every known library, one row of data each.

Adding a library means adding a row to `_PRESETS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from roialign_cli.core.convention import Convention
from roialign_cli.errors import ArgumentError, alternatives

Evidence = Literal["measured", "from source", "the document"]


@dataclass(frozen=True)
class Preset:
    """A convention with a name.

    Parameters
    ----------
    convention
        The rules; its `name` is the name of the preset.
    summary
        Which operator and mode of the library it is, in one line.
    source
        The library's version and file that define the rules.
    quirks
        What surprises users of this operator.
    evidence
        How the rules are known.
    output_size
        (rows, columns) of sections that commands use without --output-size.
    """

    convention: Convention
    summary: str
    source: str
    quirks: str
    evidence: Evidence = "measured"
    output_size: tuple[int, int] = (7, 7)

    @property
    def name(self) -> str:
        """The name by which commands and calls choose the preset."""
        return self.convention.name


_FLT_MAX = 3.4028234663852886e38

_PRESETS = (
    Preset(
        Convention(
            name="walkthrough",
            pooling="max",
            points="dividers",
            tie_neighbour="upper",
            coordinate_decimals=2,
            coordinates="double",
            rejects="no-area",
            box_format="xywh",
            origin="bottom-left",
        ),
        summary="the worked example: points on the dividing lines of each section, max pooling",
        source="https://github.com/HibernationNo1/TIL (ROI Align), restated in docs/walkthrough.md",
        quirks="Points lie on the dividing lines of a section, not in the middle of its parts. "
        "Coordinates are rounded to two decimals before they are used. For a point on the centre "
        "of a cell, this cell is the upper neighbour.",
        evidence="the document",
        output_size=(3, 3),
    ),
    Preset(
        Convention(name="torchvision", offset=0.0, min_size=1.0),
        summary="aligned=False, the default: no half-cell offset, ROIs grow to 1 × 1",
        source="torchvision.ops.roi_align 0.29.1, CPU (roi_align_kernel.cpp)",
        quirks="The default of the library, kept for models that were trained this way: everything "
        "lies half a cell too far right and down, and no ROI is smaller than a cell. The library "
        "has no max pooling.",
    ),
    Preset(
        Convention(name="torchvision-aligned"),
        summary="aligned=True: coordinates shifted by half a cell, no minimum size",
        source="torchvision.ops.roi_align 0.29.1, CPU (roi_align_kernel.cpp)",
        quirks="With an adaptive grid, an empty or inverted box has no points and gives 0. The "
        "library has no max pooling.",
    ),
    Preset(
        Convention(name="onnx-half-pixel", max_of="weighted-cell"),
        summary="RoiAlign-16 and -22 with coordinate_transformation_mode=half_pixel, the default",
        source="onnxruntime 1.32.0 CPU (roialign.cc) and the onnx 1.23.2 reference evaluator",
        quirks="max takes the maximum of weight × cell, not of interpolated values, so a point "
        "in the middle of four equal cells gives a quarter of their value.",
    ),
    Preset(
        Convention(name="onnx-output-half-pixel", max_of="weighted-cell", offset=0.0, min_size=1.0),
        summary="RoiAlign-10, and -16 with coordinate_transformation_mode=output_half_pixel",
        source="onnxruntime 1.32.0 CPU (roialign.cc) and the onnx 1.23.2 reference evaluator",
        quirks="The only mode of opset 10; converting a model to opset 16 without setting the "
        "attribute shifts the boxes by half a cell. max takes the maximum of weight × cell.",
    ),
    Preset(
        Convention(
            name="mmcv",
            max_start=-10000.0,
            max_skips_nan=True,
            max_of_empty=-10000.0,
            rejects="inverted",
        ),
        summary="RoIAlign with aligned=True, its default",
        source="mmcv.ops.roi_align, CPU (csrc/pytorch/cpu/roi_align.cpp)",
        quirks="The running maximum starts at −10000, which is also the max of an empty box. An "
        "inverted box is an error. max skips NaN points.",
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
        summary="RoIAlign with aligned=False",
        source="mmcv.ops.roi_align, CPU (csrc/pytorch/cpu/roi_align.cpp)",
        quirks="Like mmcv, without the half-cell offset and with ROIs of at least one cell.",
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
        summary="ROIAlign-3, and ROIAlign-9 with aligned_mode=asymmetric, its default",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        quirks="The running maximum starts at 0, so a section of negative features gives 0.",
    ),
    Preset(
        Convention(
            name="openvino-half-pixel",
            max_start=0.0,
            image_offset=-0.5,
            position_formula="step-first",
            clamp_count=False,
        ),
        summary="ROIAlign-9 with aligned_mode=half_pixel",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        quirks="Half a pixel is added in the image before scaling, and half a cell is subtracted "
        "after scaling, so at a scale of 1/16 the shift differs from every other half_pixel. "
        "Without points, the average is NaN. max starts at 0.",
    ),
    Preset(
        Convention(
            name="openvino-half-pixel-for-nn",
            max_start=0.0,
            position_formula="step-first",
            clamp_count=False,
        ),
        summary="ROIAlign-9 with aligned_mode=half_pixel_for_nn",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        quirks="This mode matches torchvision's aligned=True, except that the average of a box "
        "without points is NaN. max starts at 0.",
    ),
    Preset(
        Convention(name="paddle", position_formula="share-first", clamp_count=False),
        summary="vision.ops.roi_align with aligned=True, its default",
        source="paddlepaddle 3.3.1, CPU (phi/kernels/cpu/roi_align_kernel.cc)",
        quirks="Without points, the average is NaN. The library has no max pooling.",
    ),
    Preset(
        Convention(
            name="paddle-legacy",
            offset=0.0,
            min_size=1.0,
            position_formula="share-first",
            clamp_count=False,
        ),
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
        summary="image.crop_and_resize: one point per section, from corner to corner",
        source="tensorflow 2.21.0, CPU (kernels/image/crop_and_resize_op.cc)",
        quirks="Boxes are y1, x1, y2, x2, normalised so that 1 is the centre of the last cell. "
        "The points reach from corner to corner. A point beyond the outermost cell centres has "
        "the extrapolation value. A box with y1 > y2 is flipped.",
    ),
    Preset(
        Convention(
            name="roi-pool",
            pooling="max",
            max_start=-_FLT_MAX,
            max_skips_nan=True,
            points="cells",
            offset=0.0,
            edge_rounding="round-map",
            end_offset=-1.0,
            min_size=1.0,
            tie_neighbour="both",
        ),
        summary="the quantised predecessor: boxes rounded to whole cells, max over each section",
        source="torchvision.ops.roi_pool 0.29.1, CPU (roi_pool_kernel.cpp)",
        quirks="Box edges are rounded half away from zero and the last cell is part of the box; "
        "every cell is a sample point, and neighbouring sections share cells. NaN cells are "
        "skipped.",
    ),
    Preset(
        Convention(name="tensorrt", max_of="weighted-cell", clamp_count=False),
        summary="the ROIAlign plugin with coordinate_transformation_mode=half_pixel",
        source="TensorRT (plugin/roiAlignPlugin)",
        quirks="Without points, the average is NaN. max takes the maximum of weight × cell.",
        evidence="from source",
    ),
    Preset(
        Convention(name="mnn", offset=0.0, min_size=1.0),
        summary="the CPU ROIAlign with aligned=false",
        source="MNN (source/backend/cpu/CPUROIAlign.cpp)",
        quirks="Like torchvision's aligned=False, and with max pooling.",
        evidence="from source",
    ),
    Preset(
        Convention(name="mnn-aligned"),
        summary="the CPU ROIAlign with aligned=true",
        source="MNN (source/backend/cpu/CPUROIAlign.cpp)",
        quirks="Like torchvision's aligned=True, and with max pooling.",
        evidence="from source",
    ),
)

# Name → preset, of every known operator; read-only.
PRESETS: Mapping[str, Preset] = MappingProxyType({row.name: row for row in _PRESETS})

# Other names of the same operators.
ALIASES: Mapping[str, str] = MappingProxyType(
    {"detectron2": "torchvision-aligned", "caffe2": "torchvision"}
)


def preset(name: str) -> Preset:
    """Return the preset with this name or alias.

    Raises
    ------
    ArgumentError
        If the name is unknown; the message suggests the most similar name.
    """
    known = {**PRESETS, **{alias: PRESETS[row] for alias, row in ALIASES.items()}}
    if name in known:
        return known[name]
    raise ArgumentError("convention", f"{name!r} is not a preset; {nearest(name, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the most similar known name and all known names, for an error message."""
    import difflib  # noqa: PLC0415 - only an error needs it

    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? Choose" if near else "choose"
    return f"{hint} {alternatives(known)}"
