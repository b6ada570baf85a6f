"""The rules of every known ROI Align, as data.

A `Convention` holds all that distinguishes one library's operator from another's; the code that
samples and pools reads its fields and never its name. A preset is a convention with a name, and
adding a library means adding a row to `_PRESETS`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, Literal, get_args, get_type_hints

from roialign_cli.errors import ArgumentError

Pooling = Literal["avg", "max"]
MaxOf = Literal["point", "weighted-cell"]
PointsRule = Literal["centred", "dividers", "corners", "cells"]
PositionFormula = Literal["section-first", "step-first", "share-first"]
TieNeighbour = Literal["lower", "upper", "both"]
Rejected = Literal["nothing", "inverted", "no-area"]
BoxFormat = Literal["xyxy", "xywh", "cxcywh", "yxyx"]
Origin = Literal["top-left", "bottom-left"]
# What all channels may be made one by, cell by cell.
Summary = Literal["mean", "max", "norm"]
NormalizedBy = Literal["size", "last-centre"]
Evidence = Literal["measured", "from source", "the document"]


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
    max_of_empty
        What "max" gives for a section without points.
    clamp_count
        Whether "avg" divides by at least 1; if not, a section without points is not a number.
    points
        "centred": in the middle of equal parts of the section. "dividers": on the lines between
        equal parts. "corners": one a section, spread from the ROI's first edge to its last.
        "cells": every cell of the section, its edges rounded to whole cells.
    sampling_ratio
        Points per section and axis for `points` "centred"; 0 is adaptive: ceil(section size).
    position_formula
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
    tie_neighbour
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
    rejects
        ROIs that the operator does not accept.
    box_format, origin, normalized, normalized_by, inclusive
        How the library writes its boxes; normalised ones end at 1, which is the edge of the map
        ("size") or the centre of its last cell ("last-centre"). The second corner of inclusive
        ones is a box's last pixel, so that they reach one unit farther.
    output_size
        (height, width) in sections where a caller has no wish; only commands use it.
    name, summary, evidence, source, quirks
        Documentation: no part of what is computed.

    Raises
    ------
    RoiAlignError
        For a value that is not one of a field's choices, has another type, or is out of range.
    """

    pooling: Pooling = "avg"
    max_of: MaxOf = "point"
    max_start: float = -math.inf
    max_skips_nan: bool = False
    max_of_empty: float = 0.0
    clamp_count: bool = True
    points: PointsRule = "centred"
    sampling_ratio: int = 0
    position_formula: PositionFormula = "section-first"
    divide: int = 0
    image_offset: float = 0.0
    offset: float = 0.5
    min_size: float = 0.0
    tie_neighbour: TieNeighbour = "lower"
    border_margin: float = 1.0
    extrapolation_value: float = 0.0
    coordinate_decimals: int | None = None
    double_geometry: bool = False
    rejects: Rejected = "nothing"
    box_format: BoxFormat = "xyxy"
    origin: Origin = "top-left"
    normalized: bool = False
    normalized_by: NormalizedBy = "size"
    inclusive: bool = False
    output_size: tuple[int, int] = field(default=(7, 7), compare=False)
    name: str = field(default="custom", compare=False)
    summary: str = field(default="", compare=False)
    evidence: Evidence = field(default="measured", compare=False)
    source: str = field(default="", compare=False)
    quirks: str = field(default="", compare=False)

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
                object.__setattr__(self, name, checked_kind(kind, name, value))
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


def checked_kind(kind: type, name: str, value: Any) -> Any:  # noqa: ANN401
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
BOX_FIELDS = ("box_format", "origin", "normalized", "normalized_by", "inclusive")

_CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(hint)
    for name, hint in get_type_hints(Convention).items()
    if getattr(hint, "__origin__", None) is Literal
}

# What "max" can be the largest of, as the fields that say so.
MEANINGS_OF_MAX: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "point": {"max_of": "point", "max_start": -math.inf},
        "point-or-zero": {"max_of": "point", "max_start": 0.0},
        "weighted-cell": {"max_of": "weighted-cell", "max_start": -math.inf},
    }
)
