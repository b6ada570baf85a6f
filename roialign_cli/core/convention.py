"""The rules of every known ROI Align, as data.

A `Convention` holds all that distinguishes one library's operator from another's; the code that
samples and pools reads its fields and never its name. A preset is a convention with a name, and
adding a library means adding a row to `_ROWS`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, Literal, get_args, get_type_hints

from roialign_cli.errors import ArgumentError

Pooling = Literal["avg", "max"]
MaxOf = Literal["point", "weighted-cell"]
PointsRule = Literal["centred", "dividers", "corners", "cells"]
Stepping = Literal["section-first", "step-first", "share-first"]
OnCentre = Literal["lower", "upper", "both"]
Refused = Literal["nothing", "inverted", "no-area"]
BoxFormat = Literal["xyxy", "xywh", "cxcywh", "yxyx"]
Origin = Literal["top-left", "bottom-left"]
# What all channels may be made one by, cell by cell.
Summary = Literal["mean", "max", "norm"]
NormalizedBy = Literal["size", "last-centre"]
Standing = Literal["measured", "from source", "the document"]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """One library's exact rules.

    Two conventions are equal when they compute the same, whatever they are called.

    Parameters
    ----------
    pooling
        How the points of a section become one number.
    max_of
        What "max" is the largest of: the points' interpolated values, or the four products
        weight × cell of every point, never summed.
    max_start
        The running maximum starts here: no output is smaller.
    max_skips_nan
        Whether a point that is not a number is passed over by "max" instead of spoiling it.
    empty_max
        What "max" gives for a section without points.
    guards_count
        Whether "avg" divides by at least 1; if not, a section without points is not a number.
    points
        "centred": in the middle of equal parts of the section. "dividers": on the lines between
        equal parts. "corners": one a section, spread from the ROI's first edge to its last.
        "cells": every cell of the section, its edges rounded to whole cells.
    sampling_ratio
        Points per section and axis for `points` "centred"; 0 is adaptive: ceil(section size).
    stepping
        In what order the position of point q of section i is computed, which decides its last
        digit and so, on a threshold, whether it is counted in. "section-first": start + i·section
        + (q + 0.5)·section / grid; "step-first": start + i·section + section / grid·(q + 0.5);
        "share-first": start + section·(i + (q + 0.5) / grid). For `points` "centred".
    divide
        For `points` "dividers": into how many parts a section is cut along each axis; 0 means as
        many as there are sections along that axis.
    image_offset
        Image units subtracted from a box edge before the scale.
    offset
        Cells subtracted from a box edge after the scale. 0.5 puts the edge of the map at the edge
        of its first cell; 0 puts it in that cell's centre.
    min_size
        An ROI narrower or lower than this many cells grows to it; 0 leaves it alone.
    on_centre
        Which of its two neighbours along an axis a point exactly on a cell's centre takes that
        cell for, in the direction in which the coordinates of `origin` grow; "both" takes it twice.
    border_margin
        How far, in cells, a point may lie beyond the outermost cell centres and still be counted
        in, clamped to them.
    extrapolation_value
        The value of a point farther out, in the features' units.
    coordinate_decimals
        Decimals to which a point's coordinates are rounded before anything is computed from them.
    double_geometry
        Whether coordinates are float64 even where the features are float32.
    refuses
        ROIs that the operator does not accept.
    box_format, origin, normalized, normalized_by, inclusive
        How the library writes its boxes; normalised ones end at 1, which is the edge of the map
        ("size") or the centre of its last cell ("last-centre"). The second corner of inclusive
        ones is a box's last pixel, so that they reach one unit farther.
    output_size
        (height, width) in sections where a caller has no wish; only commands use it.
    name, summary, standing, source, peculiar
        Documentation: no part of what is computed.

    Raises
    ------
    RoiAlignError
        For a value that is none of a field's choices, of another type, or out of range.
    """

    pooling: Pooling = "avg"
    max_of: MaxOf = "point"
    max_start: float = -math.inf
    max_skips_nan: bool = False
    empty_max: float = 0.0
    guards_count: bool = True
    points: PointsRule = "centred"
    sampling_ratio: int = 0
    stepping: Stepping = "section-first"
    divide: int = 0
    image_offset: float = 0.0
    offset: float = 0.5
    min_size: float = 0.0
    on_centre: OnCentre = "lower"
    border_margin: float = 1.0
    extrapolation_value: float = 0.0
    coordinate_decimals: int | None = None
    double_geometry: bool = False
    refuses: Refused = "nothing"
    box_format: BoxFormat = "xyxy"
    origin: Origin = "top-left"
    normalized: bool = False
    normalized_by: NormalizedBy = "size"
    inclusive: bool = False
    output_size: tuple[int, int] = field(default=(7, 7), compare=False)
    name: str = field(default="custom", compare=False)
    summary: str = field(default="", compare=False)
    standing: Standing = field(default="measured", compare=False)
    source: str = field(default="", compare=False)
    peculiar: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                known = ", ".join(choices)
                raise ArgumentError(name, f"{getattr(self, name)!r} is not one of {known}")
        for name, kind in FIELD_KINDS.items():
            value: Any = getattr(self, name)
            # A search makes thousands of conventions, nearly all of plain values.
            is_plain = type(value) is kind
            if not is_plain or value < 0:
                object.__setattr__(self, name, _of_kind(kind, name, value))
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                problem = f"must be from {low:g} to {high:g}, got {value:g}"
                raise ArgumentError(name, problem)
        if math.isnan(self.max_start):
            raise ArgumentError("max_start", "must be a number, got nan")
        if self.divide == 1:
            raise ArgumentError("divide", "1 leaves a section undivided; 2 gives it one point")

    def parameters(self) -> dict[str, Any]:
        """Return the fields that decide what is computed, in declaration order."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.compare}

    def changes(self) -> dict[str, Any]:
        """Return the fields in which this differs from the preset whose name it has."""
        original = PRESETS.get(self.name, Convention()).parameters()
        return {name: value for name, value in self.parameters().items() if value != original[name]}


# Field → of what type its values are, for those that are no choice among words.
FIELD_KINDS: dict[str, type] = {
    name: kind
    for name, hint in get_type_hints(Convention).items()
    for kind in (bool, int, float)
    if hint in {kind, kind | None}
}


# Field → the least and the largest value that its arithmetic is made for.
_LIMITS = {
    "sampling_ratio": (0, 100_000),
    "divide": (0, 100_000),
    "coordinate_decimals": (0, 15),
    "image_offset": (-1e9, 1e9),
    "offset": (-1e9, 1e9),
    "min_size": (0, 1e9),
    "border_margin": (0, 1e9),
}


def _of_kind(kind: type, name: str, value: Any) -> Any:  # noqa: ANN401
    """Return a field's value as a plain bool, int or float, or raise an error if it is none."""
    if value is None and name in _MAY_BE_NONE:
        return None
    number, needed = {
        bool: (bool, "True or False"),
        int: (Integral, "a whole number from 0 up"),
        float: (Real, "a number"),
    }[kind]
    plain = None
    if isinstance(value, number) and isinstance(value, bool) is (kind is bool):
        with suppress(OverflowError):  # of a whole number beyond all floats
            plain = kind(value)
    if plain is None or (kind is int and plain < 0):
        raise ArgumentError(name, f"must be {needed}, got {value!r:.60}")
    return plain


_MAY_BE_NONE = {"coordinate_decimals"}

# The fields that say how boxes are written, and nothing of what is then done with them.
READING = ("box_format", "origin", "normalized", "normalized_by", "inclusive")

_CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(hint)
    for name, hint in get_type_hints(Convention).items()
    if getattr(hint, "__origin__", None) is Literal
}

# Field → the rules for the points that use it; under another it has no meaning.
_ONLY_WITH_POINTS: Mapping[str, tuple[PointsRule, ...]] = {
    "sampling_ratio": ("centred",),
    "stepping": ("centred",),
    "divide": ("dividers",),
    "coordinate_decimals": ("centred", "dividers", "corners"),
}

# What "max" can be the largest of, as the fields that say so.
MEANINGS_OF_MAX: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "point": {"max_of": "point", "max_start": -math.inf},
        "point-or-zero": {"max_of": "point", "max_start": 0.0},
        "weighted-cell": {"max_of": "weighted-cell", "max_start": -math.inf},
    }
)

_DEFAULTS = Convention().parameters()
_FLT_MAX = 3.4028234663852886e38

_ROWS = (
    Convention(
        name="walkthrough",
        summary="the worked example: the interior dividing points of each section, and their max",
        standing="the document",
        source="https://github.com/HibernationNo1/TIL (ROI Align), restated in docs/walkthrough.md",
        peculiar="Points lie on the dividers of a section, not in the middle of its parts; their "
        "coordinates are rounded to two decimals and all else is computed from those; a point on a "
        "cell's centre takes it for its upper neighbour.",
        pooling="max",
        points="dividers",
        on_centre="upper",
        coordinate_decimals=2,
        double_geometry=True,
        refuses="no-area",
        box_format="xywh",
        origin="bottom-left",
        output_size=(3, 3),
    ),
    Convention(
        name="torchvision",
        summary="aligned=False, the default there: no half-cell offset, ROIs grow to 1 × 1",
        source="torchvision.ops.roi_align 0.29.1, CPU (roi_align_kernel.cpp)",
        peculiar="The default of the library, kept for models trained with it: everything lies "
        "half a cell too far right and down, and no ROI is smaller than a cell. It has no max.",
        offset=0.0,
        min_size=1.0,
    ),
    Convention(
        name="torchvision-aligned",
        summary="aligned=True: coordinates shifted by half a cell, no smallest size",
        source="torchvision.ops.roi_align 0.29.1, CPU (roi_align_kernel.cpp)",
        peculiar="An empty or inverted box has no points with an adaptive grid, and gives 0. It "
        "has no max.",
    ),
    Convention(
        name="onnx-half-pixel",
        summary="RoiAlign-16 and -22 with coordinate_transformation_mode=half_pixel, the default",
        source="onnxruntime 1.32.0 CPU (roialign.cc) and the onnx 1.23.2 reference evaluator",
        peculiar="max is the largest weight × cell, not the largest interpolated value, so a point "
        "in the middle of four equal cells gives a quarter of their value.",
        max_of="weighted-cell",
    ),
    Convention(
        name="onnx-output-half-pixel",
        summary="RoiAlign-10, and -16 with coordinate_transformation_mode=output_half_pixel",
        source="onnxruntime 1.32.0 CPU (roialign.cc) and the onnx 1.23.2 reference evaluator",
        peculiar="The only mode of opset 10; converting a model to opset 16 without setting the "
        "attribute shifts it by half a cell. max is the largest weight × cell.",
        max_of="weighted-cell",
        offset=0.0,
        min_size=1.0,
    ),
    Convention(
        name="mmcv",
        summary="RoIAlign with aligned=True, its default",
        source="mmcv.ops.roi_align, CPU (csrc/pytorch/cpu/roi_align.cpp)",
        peculiar="The running maximum starts at −10000, which is also what an empty box gives; an "
        "inverted box aborts; max passes over points that are not numbers.",
        max_start=-10000.0,
        max_skips_nan=True,
        empty_max=-10000.0,
        refuses="inverted",
    ),
    Convention(
        name="mmcv-legacy",
        summary="RoIAlign with aligned=False",
        source="mmcv.ops.roi_align, CPU (csrc/pytorch/cpu/roi_align.cpp)",
        peculiar="As mmcv, without the half-cell offset and with ROIs of at least one cell.",
        max_start=-10000.0,
        max_skips_nan=True,
        empty_max=-10000.0,
        offset=0.0,
        min_size=1.0,
    ),
    Convention(
        name="openvino-asymmetric",
        summary="ROIAlign-3, and ROIAlign-9 with aligned_mode=asymmetric, its default",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        peculiar="The running maximum starts at 0, so a section of negative features gives 0.",
        max_start=0.0,
        offset=0.0,
        min_size=1.0,
        stepping="step-first",
        guards_count=False,
    ),
    Convention(
        name="openvino-half-pixel",
        summary="ROIAlign-9 with aligned_mode=half_pixel",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        peculiar="Half a pixel is added in the image before the scale and half a cell taken off "
        "after it, so at a scale of 1/16 the shift differs from every other half_pixel. The "
        "average of no points is not a number; max starts at 0.",
        max_start=0.0,
        image_offset=-0.5,
        stepping="step-first",
        guards_count=False,
    ),
    Convention(
        name="openvino-half-pixel-for-nn",
        summary="ROIAlign-9 with aligned_mode=half_pixel_for_nn",
        source="openvino 2026.4.1, CPU (nodes/roi_align.cpp)",
        peculiar="The mode that matches torchvision's aligned=True, but for boxes without points: "
        "their average is not a number. max starts at 0.",
        max_start=0.0,
        stepping="step-first",
        guards_count=False,
    ),
    Convention(
        name="paddle",
        summary="vision.ops.roi_align with aligned=True, its default",
        source="paddlepaddle 3.3.1, CPU (phi/kernels/cpu/roi_align_kernel.cc)",
        peculiar="The average of no points is not a number. It has no max.",
        stepping="share-first",
        guards_count=False,
    ),
    Convention(
        name="paddle-legacy",
        summary="vision.ops.roi_align with aligned=False",
        source="paddlepaddle 3.3.1, CPU (phi/kernels/cpu/roi_align_kernel.cc)",
        peculiar="As torchvision's aligned=False, but for the order of rounding. It has no max.",
        offset=0.0,
        min_size=1.0,
        stepping="share-first",
        guards_count=False,
    ),
    Convention(
        name="tensorflow",
        summary="image.crop_and_resize: one point a section, from corner to corner",
        source="tensorflow 2.21.0, CPU (kernels/image/crop_and_resize_op.cc)",
        peculiar="Boxes are y1, x1, y2, x2, normalised so that 1 is the centre of the last cell. "
        "The points reach from corner to corner, and one that leaves the cells' centres at all "
        "has the extrapolation value. A box with y1 > y2 is flipped.",
        points="corners",
        offset=0.0,
        on_centre="both",
        border_margin=0.0,
        box_format="yxyx",
        normalized=True,
        normalized_by="last-centre",
    ),
    Convention(
        name="roi-pool",
        summary="the quantised ancestor: boxes rounded to whole cells, the max of each section's",
        source="torchvision.ops.roi_pool 0.29.1, CPU (roi_pool_kernel.cpp)",
        peculiar="Box edges are rounded half away from zero and the last cell is part of the box; "
        "every cell is its own sample point, and neighbouring sections share cells. A cell that is "
        "not a number is passed over.",
        pooling="max",
        max_start=-_FLT_MAX,
        max_skips_nan=True,
        points="cells",
        offset=0.0,
        on_centre="both",
    ),
    Convention(
        name="tensorrt",
        summary="the ROIAlign plugin with coordinate_transformation_mode=half_pixel",
        standing="from source",
        source="TensorRT (plugin/roiAlignPlugin)",
        peculiar="The average of no points is not a number; max is the largest weight × cell.",
        max_of="weighted-cell",
        guards_count=False,
    ),
    Convention(
        name="mnn",
        summary="the CPU ROIAlign with aligned=false",
        standing="from source",
        source="MNN (source/backend/cpu/CPUROIAlign.cpp)",
        peculiar="As torchvision's aligned=False, and with a max of the points.",
        offset=0.0,
        min_size=1.0,
    ),
    Convention(
        name="mnn-aligned",
        summary="the CPU ROIAlign with aligned=true",
        standing="from source",
        source="MNN (source/backend/cpu/CPUROIAlign.cpp)",
        peculiar="As torchvision's aligned=True, and with a max of the points.",
    ),
)

# Name → convention, of every operator that is known; read-only.
PRESETS: Mapping[str, Convention] = MappingProxyType({row.name: row for row in _ROWS})

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
            _of_kind(FIELD_KINDS[name], name, value)
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


def meaningful(base: Convention, **overrides: Any) -> dict[str, Any]:  # noqa: ANN401
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
