"""The conventions of every known library, each a row of data, and how one is named and changed."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from roialign_cli.core.convention import FIELD_KINDS, Convention, PointsRule, checked_kind
from roialign_cli.errors import ArgumentError

_DEFAULTS = Convention().parameters()
_FLT_MAX = 3.4028234663852886e38

_PRESETS = (
    Convention(
        name="walkthrough",
        summary="the worked example: the interior dividing points of each section, and their max",
        evidence="the document",
        source="https://github.com/HibernationNo1/TIL (ROI Align), restated in docs/walkthrough.md",
        quirks="Points lie on the dividers of a section, not in the middle of its parts; their "
        "coordinates are rounded to two decimals and all else is computed from those; a point on a "
        "cell's centre takes it for its upper neighbour.",
        pooling="max",
        points="dividers",
        tie_neighbour="upper",
        coordinate_decimals=2,
        double_geometry=True,
        rejects="no-area",
        box_format="xywh",
        origin="bottom-left",
        output_size=(3, 3),
    ),
    Convention(
        name="torchvision",
        summary="aligned=False, the default there: no half-cell offset, ROIs grow to 1 × 1",
        source="torchvision.ops.roi_align 0.29.1, CPU (roi_align_kernel.cpp)",
        quirks="The default of the library, kept for models trained with it: everything lies "
        "half a cell too far right and down, and no ROI is smaller than a cell. It has no max.",
        offset=0.0,
        min_size=1.0,
    ),
    Convention(
        name="torchvision-aligned",
        summary="aligned=True: coordinates shifted by half a cell, no smallest size",
        source="torchvision.ops.roi_align 0.29.1, CPU (roi_align_kernel.cpp)",
        quirks="An empty or inverted box has no points with an adaptive grid, and gives 0. It "
        "has no max.",
    ),
    Convention(
        name="onnx-half-pixel",
        summary="RoiAlign-16 and -22 with coordinate_transformation_mode=half_pixel, the default",
        source="onnxruntime 1.32.0 CPU (roialign.cc) and the onnx 1.23.2 reference evaluator",
        quirks="max is the largest weight × cell, not the largest interpolated value, so a point "
        "in the middle of four equal cells gives a quarter of their value.",
        max_of="weighted-cell",
    ),
    Convention(
        name="onnx-output-half-pixel",
        summary="RoiAlign-10, and -16 with coordinate_transformation_mode=output_half_pixel",
        source="onnxruntime 1.32.0 CPU (roialign.cc) and the onnx 1.23.2 reference evaluator",
        quirks="The only mode of opset 10; converting a model to opset 16 without setting the "
        "attribute shifts it by half a cell. max is the largest weight × cell.",
        max_of="weighted-cell",
        offset=0.0,
        min_size=1.0,
    ),
    Convention(
        name="mmcv",
        summary="RoIAlign with aligned=True, its default",
        source="mmcv.ops.roi_align, CPU (csrc/pytorch/cpu/roi_align.cpp)",
        quirks="The running maximum starts at −10000, which is also what an empty box gives; an "
        "inverted box aborts; max passes over points that are not numbers.",
        max_start=-10000.0,
        max_skips_nan=True,
        max_of_empty=-10000.0,
        rejects="inverted",
    ),
    Convention(
        name="mmcv-legacy",
        summary="RoIAlign with aligned=False",
        source="mmcv.ops.roi_align, CPU (csrc/pytorch/cpu/roi_align.cpp)",
        quirks="As mmcv, without the half-cell offset and with ROIs of at least one cell.",
        max_start=-10000.0,
        max_skips_nan=True,
        max_of_empty=-10000.0,
        offset=0.0,
        min_size=1.0,
    ),
    Convention(
        name="openvino-asymmetric",
        summary="ROIAlign-3, and ROIAlign-9 with aligned_mode=asymmetric, its default",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        quirks="The running maximum starts at 0, so a section of negative features gives 0.",
        max_start=0.0,
        offset=0.0,
        min_size=1.0,
        position_formula="step-first",
        clamp_count=False,
    ),
    Convention(
        name="openvino-half-pixel",
        summary="ROIAlign-9 with aligned_mode=half_pixel",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        quirks="Half a pixel is added in the image before the scale and half a cell taken off "
        "after it, so at a scale of 1/16 the shift differs from every other half_pixel. The "
        "average of no points is not a number; max starts at 0.",
        max_start=0.0,
        image_offset=-0.5,
        position_formula="step-first",
        clamp_count=False,
    ),
    Convention(
        name="openvino-half-pixel-for-nn",
        summary="ROIAlign-9 with aligned_mode=half_pixel_for_nn",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        quirks="The mode that matches torchvision's aligned=True, but for boxes without points: "
        "their average is not a number. max starts at 0.",
        max_start=0.0,
        position_formula="step-first",
        clamp_count=False,
    ),
    Convention(
        name="paddle",
        summary="vision.ops.roi_align with aligned=True, its default",
        source="paddlepaddle 3.3.1, CPU (phi/kernels/cpu/roi_align_kernel.cc)",
        quirks="The average of no points is not a number. It has no max.",
        position_formula="share-first",
        clamp_count=False,
    ),
    Convention(
        name="paddle-legacy",
        summary="vision.ops.roi_align with aligned=False",
        source="paddlepaddle 3.3.1, CPU (phi/kernels/cpu/roi_align_kernel.cc)",
        quirks="As torchvision's aligned=False, but for the order of rounding. It has no max.",
        offset=0.0,
        min_size=1.0,
        position_formula="share-first",
        clamp_count=False,
    ),
    Convention(
        name="tensorflow",
        summary="image.crop_and_resize: one point a section, from corner to corner",
        source="tensorflow 2.21.0, CPU (kernels/image/crop_and_resize_op.cc)",
        quirks="Boxes are y1, x1, y2, x2, normalised so that 1 is the centre of the last cell. "
        "The points reach from corner to corner, and one that leaves the cells' centres at all "
        "has the extrapolation value. A box with y1 > y2 is flipped.",
        points="corners",
        offset=0.0,
        tie_neighbour="both",
        border_margin=0.0,
        box_format="yxyx",
        normalized=True,
        normalized_by="last-centre",
    ),
    Convention(
        name="roi-pool",
        summary="the quantised ancestor: boxes rounded to whole cells, the max of each section's",
        source="torchvision.ops.roi_pool 0.29.1, CPU (roi_pool_kernel.cpp)",
        quirks="Box edges are rounded half away from zero and the last cell is part of the box; "
        "every cell is its own sample point, and neighbouring sections share cells. A cell that is "
        "not a number is passed over.",
        pooling="max",
        max_start=-_FLT_MAX,
        max_skips_nan=True,
        points="cells",
        offset=0.0,
        tie_neighbour="both",
    ),
    Convention(
        name="tensorrt",
        summary="the ROIAlign plugin with coordinate_transformation_mode=half_pixel",
        evidence="from source",
        source="TensorRT (plugin/roiAlignPlugin)",
        quirks="The average of no points is not a number; max is the largest weight × cell.",
        max_of="weighted-cell",
        clamp_count=False,
    ),
    Convention(
        name="mnn",
        summary="the CPU ROIAlign with aligned=false",
        evidence="from source",
        source="MNN (source/backend/cpu/CPUROIAlign.cpp)",
        quirks="As torchvision's aligned=False, and with a max of the points.",
        offset=0.0,
        min_size=1.0,
    ),
    Convention(
        name="mnn-aligned",
        summary="the CPU ROIAlign with aligned=true",
        evidence="from source",
        source="MNN (source/backend/cpu/CPUROIAlign.cpp)",
        quirks="As torchvision's aligned=True, and with a max of the points.",
    ),
)

# Name → convention, of every operator that is known; read-only.
PRESETS: Mapping[str, Convention] = MappingProxyType({row.name: row for row in _PRESETS})

# Other names of the same operator.
ALIASES: Mapping[str, str] = MappingProxyType(
    {"detectron2": "torchvision-aligned", "caffe2": "torchvision"}
)


def preset(name: str) -> Convention:
    """Return the preset of that name or alias, or raise an error that suggests the nearest."""
    known = {**PRESETS, **{alias: PRESETS[row] for alias, row in ALIASES.items()}}
    if name in known:
        return known[name]
    raise ArgumentError("convention", f"no preset {name!r}; {_nearest(name, known)}")


def resolve(convention: str | Convention, **overrides: Any) -> Convention:  # noqa: ANN401
    """Return the convention meant, with fields replaced.

    Parameters
    ----------
    convention
        A preset's name or a convention.
    overrides
        Any field of `Convention`.

    Raises
    ------
    ArgumentError
        For an unknown preset or field, a value out of range, or a field that the convention's
        rule for its points does not use.

    Examples
    --------
    >>> resolve("torchvision-aligned", pooling="max", sampling_ratio=2).pooling
    'max'
    """
    base = _base(convention)
    for name, value in overrides.items():
        if name not in _DEFAULTS:
            raise ArgumentError(name, f"no such field; {_nearest(name, _DEFAULTS)}")
        if name in FIELD_KINDS:  # before True is taken for the 1 that was asked for before
            checked_kind(FIELD_KINDS[name], name, value)
        elif not isinstance(value, str):
            raise ArgumentError(name, f"cannot be {value!r:.60}")
    if not overrides:
        return base
    if base is PRESETS.get(base.name):
        return _resolve_preset(base.name, frozenset(overrides.items()))
    return _resolve(base, overrides)


def _base(convention: object) -> Convention:
    if isinstance(convention, str):
        return preset(convention)
    if isinstance(convention, Convention):
        return convention
    needed = "must be a preset's name or a Convention"
    raise ArgumentError("convention", f"{needed}, got {convention!r}")


def applicable_overrides(base: Convention, **overrides: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return those of the fields to replace that a convention's rule for its points uses."""
    points = overrides.get("points", base.points)
    return {k: v for k, v in overrides.items() if points in _ONLY_WITH_POINTS.get(k, (points,))}


# Small operations are called by the thousand with the same few presets.
@functools.lru_cache(maxsize=256)
def _resolve_preset(name: str, overrides: frozenset[tuple[str, Any]]) -> Convention:
    return _resolve(PRESETS[name], dict(overrides))


def _resolve(base: Convention, changed: Mapping[str, Any]) -> Convention:
    parameters = base.parameters()
    resolved = replace(base, **changed)
    for name, users in _ONLY_WITH_POINTS.items():
        unused = resolved.points not in users
        if unused and getattr(resolved, name) not in {parameters[name], _DEFAULTS[name]}:
            used = [n for n, rules in _ONLY_WITH_POINTS.items() if rules == (resolved.points,)]
            hint = f", set by {used[0]}" if used else ""
            raise ArgumentError(
                name, f"{base.name} places its points by the rule {resolved.points}{hint}"
            )
    return resolved


def _nearest(name: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only an error needs it

    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}known: {', '.join(known)}"


# Field → the rules for the points that use it; under another it has no meaning.
_ONLY_WITH_POINTS: Mapping[str, tuple[PointsRule, ...]] = {
    "sampling_ratio": ("centred",),
    "position_formula": ("centred",),
    "divide": ("dividers",),
    "coordinate_decimals": ("centred", "dividers", "corners"),
}


def changes(convention: Convention) -> dict[str, Any]:
    """Return the fields in which a convention differs from the preset whose name it has."""
    original = PRESETS.get(convention.name, Convention()).parameters()
    own = convention.parameters()
    return {name: value for name, value in own.items() if value != original[name]}
