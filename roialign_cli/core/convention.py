"""The rules of an ROI Align as data.

A `Convention` holds everything that distinguishes one library's operator from another's. The code
that samples and pools branches on its fields and never on its name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, Literal, TypedDict, get_args, get_type_hints

from roialign_cli.errors import ArgumentError, alternatives

Pooling = Literal["avg", "max"]
MaxOf = Literal["point", "weighted-cell"]
PointsRule = Literal["centred", "dividers", "corners", "cells", "integral"]
GridFrom = Literal["section", "output"]
GridRounding = Literal["ceil", "floor", "round"]
GridPoints = Literal["all", "cells"]
AverageOver = Literal["points", "inside"]
OutsideNeighbours = Literal["clamped", "value", "extrapolated"]
Interpolation = Literal["linear", "nearest", "swapped"]
EdgeRounding = Literal["none", "round-image", "floor-image", "round-map", "floor-map"]
Coordinates = Literal["features", "double", "half"]
InvertedBoxes = Literal["kept", "sorted", "empty"]
ChannelMap = Literal["same", "position-sensitive"]
PositionFormula = Literal["section-first", "step-first", "share-first", "roi-first"]
TieNeighbour = Literal["lower", "upper", "both"]
Rejected = Literal["nothing", "inverted", "no-area", "off-map"]
BoxFormat = Literal["xyxy", "xywh", "cxcywh", "yxyx"]
Origin = Literal["top-left", "bottom-left"]
NormalizedBy = Literal["size", "last-centre"]
# How to combine all channels into one, cell by cell.
Summary = Literal["mean", "max", "norm"]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """Describe one library's exact rules.

    Two conventions are equal if they compute the same, whatever their names.

    Parameters
    ----------
    pooling
        How to combine the sample points of a section.
    max_of
        What "max" takes the maximum of: the interpolated values of the points, or the four
        products weight × cell of every point before they are summed.
    max_start
        The initial value of the running maximum; no output is smaller.
    max_skips_nan
        Whether "max" skips points whose value is NaN. If not, one such point makes the output NaN.
    max_of_empty
        The output of "max" for a section without points.
    clamp_count
        Whether "avg" divides by at least 1. If not, a section without points gives NaN.
    average_over
        Which points "avg" divides by the number of: "points" for all, "inside" for those that are
        not outside the map; the others are left out of the sum.
    points
        Where the points of a section lie. "centred": in the middle of equal parts of the section.
        "dividers": on the lines between equal parts. "corners": the points of all sections are
        spread from the first edge of the ROI to its last. "cells": on every cell of the section,
        whose edges are rounded to whole cells. "integral": no points; "avg" is the integral of the
        bilinear surface over the section, divided by the area of the section. The surface falls to
        0 within a cell beyond the outermost cell centres.
    unread_cells
        How many rows at the bottom and columns at the right of the map are never read, for "cells".
    sampling_ratio
        Points per section and axis, for "centred" points and "corners". 0 is adaptive for
        "centred" points, and one point per section for "corners".
    sampling_ratio_x
        Points per section along x, if they differ from those along y; None for `sampling_ratio`.
    grid_from
        What the adaptive grid takes the number of points from: the size of the "section" along each
        axis, in cells; or the "output" size, (rows + columns) // 2 for both axes.
    grid_rounding
        How the adaptive grid rounds the section size to a number of points.
    grid_min, grid_max
        The fewest and the most points per section and axis of the adaptive grid; None for no
        maximum. With a minimum of 0, an empty box has no points.
    grid_points
        Which points of the grid are computed: "all", or along each axis only the first ones, as
        many as the map has "cells". "avg" divides by the number of all.
    clip_sections
        Whether each section is cut to the map before its points are counted and placed, for
        "centred" points. Their distance is not changed by the cut.
    point_in_part
        Where a point lies in its part of the section, for "centred" points: 0.5 for the middle, 0
        for the start.
    position_formula
        The order in which the position of point q of section i is computed. The order decides the
        last digit, and at a threshold whether the point is inside. "section-first":
        start + i·section + (q + 0.5)·section / grid. "step-first":
        start + i·section + section / grid·(q + 0.5). "share-first":
        start + section·(i + (q + 0.5) / grid). "roi-first":
        start + (i·grid + q + 0.5)·roi / (sections·grid). For "centred" points; 0.5 is
        `point_in_part`.
    divide
        Into how many parts to cut a section along each axis, for "dividers" points; 0 means the
        number of sections along that axis.
    image_offset
        Image units to subtract from box coordinates before scaling.
    offset
        Cells to subtract from box coordinates after scaling. With 0.5, coordinate 0 is the edge of
        the first cell; with 0, it is the centre of the first cell.
    image_end_offset, end_offset
        Image units to subtract from the second edge only, before scaling; cells to subtract from
        it, after scaling and rounding. With -1, the pixel or the cell that it names is part of the
        ROI.
    inverted_boxes
        What happens to a box whose second edge lies before the first. "kept": its size is negative.
        "sorted": its edges are exchanged. "empty": its size is 0.
    clip_boxes
        Whether boxes are cut to the map before `offset` is subtracted.
    edge_rounding
        How box edges are rounded to whole numbers (halves away from zero, or down), and where: in
        the image before scaling, or on the map after the offset.
    min_size
        Minimum width and height of an ROI, in cells; 0 for no minimum.
    tie_neighbour
        Which neighbour along an axis a point exactly on a cell's centre uses that cell as, in the
        direction in which the coordinates of `origin` grow. "both" uses the cell twice.
    interpolation
        The weights of the two neighbours along an axis. "linear": by the distance to the other one.
        "nearest": 1 for the nearer one, and for the upper one if both are as near. "swapped": each
        has the linear weight of the other, a mistake of some kernels.
    outside_neighbours
        What a point beyond the outermost cell centres is interpolated from. "clamped": the point is
        moved to the nearest outermost centre. "value": a neighbour outside the map has the
        extrapolation value. "extrapolated": the line through the first two cells is extended below
        the first centre; above the last centre, the last cell is repeated.
    border_margin
        How far beyond the outermost cell centres a point may lie, in cells, before it is outside.
    extrapolation_value
        The value of points outside the map, in units of the features.
    coordinate_decimals
        Decimals to which point coordinates are rounded before they are used; None for no rounding.
    coordinates
        The dtype of coordinates: that of the "features" (float64 or else float32), "double" for
        float64, "half" for float16.
    rejects
        Which ROIs the operator refuses: "nothing", those that are "inverted", those with "no-area",
        or those that are inverted or reach "off-map".
    channel_map
        Which channel of the features a section of an output channel reads: the "same", or a channel
        of its own ("position-sensitive"): c·rows·columns + j·columns + i for output channel c and
        the section in row j and column i, all from 0.
    box_format
        The meaning of the four numbers of a box.
    origin
        Where (0, 0) is: "top-left" with y down, or "bottom-left" with y up.
    normalized
        Whether box coordinates are fractions of the image, 0 to 1.
    normalized_by
        Where 1 is, if `normalized`: at the edge of the map ("size") or at the centre of its last
        cell ("last-centre").
    inclusive
        Whether the second corner of a box is its last pixel; the box then extends one unit farther.
    name
        The preset that the rules come from. It does not count in comparisons.

    Raises
    ------
    ArgumentError
        If a value is not one of the choices, has the wrong type, or is out of range.
    """

    pooling: Pooling = "avg"
    max_of: MaxOf = "point"
    max_start: float = -math.inf
    max_skips_nan: bool = False
    max_of_empty: float = 0.0
    clamp_count: bool = True
    average_over: AverageOver = "points"
    points: PointsRule = "centred"
    unread_cells: int = 0
    sampling_ratio: int = 0
    sampling_ratio_x: int | None = None
    grid_from: GridFrom = "section"
    grid_rounding: GridRounding = "ceil"
    grid_min: int = 0
    grid_max: int | None = None
    grid_points: GridPoints = "all"
    clip_sections: bool = False
    point_in_part: float = 0.5
    position_formula: PositionFormula = "section-first"
    divide: int = 0
    image_offset: float = 0.0
    offset: float = 0.5
    image_end_offset: float = 0.0
    end_offset: float = 0.0
    inverted_boxes: InvertedBoxes = "kept"
    clip_boxes: bool = False
    edge_rounding: EdgeRounding = "none"
    min_size: float = 0.0
    tie_neighbour: TieNeighbour = "lower"
    interpolation: Interpolation = "linear"
    outside_neighbours: OutsideNeighbours = "clamped"
    border_margin: float = 1.0
    extrapolation_value: float = 0.0
    coordinate_decimals: int | None = None
    coordinates: Coordinates = "features"
    rejects: Rejected = "nothing"
    channel_map: ChannelMap = "same"
    box_format: BoxFormat = "xyxy"
    origin: Origin = "top-left"
    normalized: bool = False
    normalized_by: NormalizedBy = "size"
    inclusive: bool = False
    name: str = field(default="custom", compare=False)

    def __post_init__(self) -> None:
        # A search creates thousands of conventions, in which most fields have their defaults.
        stated = {name: v for name, v in vars(self).items() if v is not _DEFAULTS[name]}
        for name, value in stated.items():
            if name in _CHOICES and value not in (choices := _CHOICES[name]):
                problem = f"{value!r} is not valid; choose {alternatives(choices)}"
                raise ArgumentError(name, problem)
        for name, value in stated.items():
            kind = FIELD_KINDS.get(name)
            is_plain = type(value) is kind
            if kind is not None and (not is_plain or value < 0):
                stated[name] = checked_kind(kind, name, value)
                object.__setattr__(self, name, stated[name])
        for name, (low, high) in _LIMITS.items():
            value = stated.get(name)  # a default is within its limits
            is_unlimited = name in _MAY_BE_INFINITE and value == math.inf
            if value is not None and not is_unlimited and not low <= value <= high:
                got = f"{value:g}" if isinstance(value, float) else f"{value!r:.60}"
                problem = f"must be from {low:g} to {high:g}, got {got}"
                raise ArgumentError(name, problem)
        self._check_combinations()

    def _check_combinations(self) -> None:
        if math.isnan(self.max_start):
            raise ArgumentError("max_start", "must be a number, got nan")
        if self.points == "cells" and not self.edge_rounding.endswith("map"):
            problem = "'cells' needs edges that are rounded on the map; set edge_rounding"
            raise ArgumentError("points", problem)
        if self.points == "integral" and self.pooling == "max":
            raise ArgumentError("pooling", "integral weights have no maximum; use avg")
        if self.divide == 1:
            raise ArgumentError("divide", "1 part has no dividing lines; use 0, or 2 or more")

    @property
    def sampling_ratios(self) -> tuple[int, int]:
        """Points per section along y and along x, 0 for the adaptive grid."""
        along_x = self.sampling_ratio_x
        return self.sampling_ratio, self.sampling_ratio if along_x is None else along_x

    @property
    def reads_cells(self) -> bool:
        """Whether points are cells, so that nothing is interpolated."""
        return self.points in {"cells", "integral"}

    @property
    def is_adaptive(self) -> bool:
        """Whether the number of points along an axis depends on the size of the sections."""
        by_section = self.points == "centred" and self.grid_from == "section"
        return by_section and 0 in self.sampling_ratios

    def parameters(self) -> dict[str, Any]:
        """Return the fields that decide the numbers, in declaration order."""
        return {name: value for name, value in vars(self).items() if name != "name"}


class ConventionFields(TypedDict, total=False):
    """The fields of a `Convention` that a call may override."""

    pooling: Pooling
    max_of: MaxOf
    max_start: float
    max_skips_nan: bool
    max_of_empty: float
    clamp_count: bool
    average_over: AverageOver
    points: PointsRule
    unread_cells: int
    sampling_ratio: int
    sampling_ratio_x: int | None
    grid_from: GridFrom
    grid_rounding: GridRounding
    grid_min: int
    grid_max: int | None
    grid_points: GridPoints
    clip_sections: bool
    point_in_part: float
    position_formula: PositionFormula
    divide: int
    image_offset: float
    offset: float
    image_end_offset: float
    end_offset: float
    inverted_boxes: InvertedBoxes
    clip_boxes: bool
    edge_rounding: EdgeRounding
    min_size: float
    tie_neighbour: TieNeighbour
    interpolation: Interpolation
    outside_neighbours: OutsideNeighbours
    border_margin: float
    extrapolation_value: float
    coordinate_decimals: int | None
    coordinates: Coordinates
    rejects: Rejected
    channel_map: ChannelMap
    box_format: BoxFormat
    origin: Origin
    normalized: bool
    normalized_by: NormalizedBy
    inclusive: bool


_DEFAULTS: dict[str, Any] = {each.name: each.default for each in fields(Convention)}

# Field → the type of its values, for fields that are not a choice among words.
FIELD_KINDS: dict[str, type] = {
    name: kind
    for name, hint in get_type_hints(Convention).items()
    for kind in (bool, int, float)
    if hint in {kind, kind | None}
}


# Field → the smallest and the largest value for which the arithmetic is exact enough.
_LIMITS = {
    "sampling_ratio": (0, 100_000),
    "sampling_ratio_x": (0, 100_000),
    "grid_min": (0, 100_000),
    "grid_max": (1, 100_000),
    "point_in_part": (0, 1),
    "divide": (0, 100_000),
    "coordinate_decimals": (0, 15),
    "image_offset": (-1e9, 1e9),
    "offset": (-1e9, 1e9),
    "image_end_offset": (-1e9, 1e9),
    "end_offset": (-1e9, 1e9),
    "min_size": (0, 1e9),
    "border_margin": (0, 1e9),
}


def checked_kind(kind: type, name: str, value: Any) -> Any:  # noqa: ANN401
    """Return the value of a field as a plain bool, int or float.

    Raises
    ------
    ArgumentError
        If the value has another type, or is a negative whole number.
    """
    if value is None and name in _MAY_BE_NONE:
        return None
    number, needed = {
        bool: (bool, "True or False"),
        int: (Integral, "a whole number of at least 0"),
        float: (Real, "a number"),
    }[kind]
    plain = None
    if isinstance(value, number) and isinstance(value, bool) is (kind is bool):
        with suppress(OverflowError):  # of a whole number beyond all floats
            plain = kind(value)
    if plain is None or (kind is int and plain < 0):
        raise ArgumentError(name, f"must be {needed}, got {value!r:.60}")
    return plain


_MAY_BE_INFINITE = {"border_margin"}
_MAY_BE_NONE = {"coordinate_decimals", "sampling_ratio_x", "grid_max"}

# The fields that describe how boxes are written; the others describe what is done with them.
BOX_FIELDS = ("box_format", "origin", "normalized", "normalized_by", "inclusive")

_CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(hint)
    for name, hint in get_type_hints(Convention).items()
    if getattr(hint, "__origin__", None) is Literal
}

# Choice of --max-of → the fields it stands for.
MEANINGS_OF_MAX: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "point": {"max_of": "point", "max_start": -math.inf},
        "point-or-zero": {"max_of": "point", "max_start": 0.0},
        "weighted-cell": {"max_of": "weighted-cell", "max_start": -math.inf},
    }
)
