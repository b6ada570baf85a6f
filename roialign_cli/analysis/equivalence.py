"""Decide which conventions compute the same, and which inputs distinguish two of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from roialign_cli.core.convention import BOX_FIELDS, Convention
from roialign_cli.core.overrides import unused_with_points
from roialign_cli.errors import ArgumentError

# Fields that change only last digits, or only boxes without points and non-finite cells.
_COARSE_FIELDS: dict[str, Any] = {
    "position_formula": "section-first",
    "clamp_count": True,
    "max_skips_nan": False,
    "max_of_empty": 0.0,
    "tie_neighbour": "lower",
    "inverted_boxes": "kept",
    "grid_points": "all",
    "rejects": "nothing",
}
_DEFAULTS = Convention().parameters()
_MIN_MAX_START = -1000.0  # an initial maximum below any usual feature


_MAX_FIELDS = ("max_of", "max_start", "max_skips_nan", "max_of_empty")
_ADAPTIVE_FIELDS = ("grid_rounding", "grid_min", "grid_max", "grid_points")


# Searches ask thousands of times for the same conventions.
@functools.lru_cache(maxsize=4096)
def effective_rules(convention: Convention) -> Convention:
    """Return a convention with the fields that have no effect set to their defaults."""
    unused = {"tie_neighbour", "rejects", *BOX_FIELDS}
    unused |= {*_MAX_FIELDS} if convention.pooling == "avg" else {"clamp_count", "average_over"}
    unused |= unused_with_points(convention.points)
    if _always_has_points(convention):
        unused |= {"clamp_count", "max_of_empty"}
    ratios = convention.sampling_ratios
    if 0 not in ratios:
        unused |= {"grid_from", *_ADAPTIVE_FIELDS}
    elif convention.grid_from == "output":
        unused |= {*_ADAPTIVE_FIELDS}
    if ratios[0] == ratios[1]:
        unused |= {"sampling_ratio_x"}
    if convention.border_margin == math.inf and convention.outside_neighbours != "value":
        unused |= {"extrapolation_value", "average_over"}
    return replace(convention, **{name: _DEFAULTS[name] for name in unused})


def differing_rules(one: Convention, other: Convention) -> list[str]:
    """Return the fields in which two conventions differ once both have the pooling of the first.

    Fields without an effect with this pooling do not count, and neither do those for how
    boxes are written.

    Examples
    --------
    >>> average, largest = Convention(sampling_ratio=2), Convention(pooling="max", max_start=0.0)
    >>> differing_rules(average, largest), differing_rules(largest, average)
    (['pooling', 'sampling_ratio'], ['pooling', 'max_start', 'sampling_ratio'])
    """
    first = effective_rules(one).parameters()
    try:
        second = effective_rules(replace(other, pooling=one.pooling)).parameters()
    except ArgumentError:  # the other one cannot have this pooling
        second = effective_rules(other).parameters()
    differ = {name for name in first if first[name] != second[name]}
    if one.pooling != other.pooling:
        differ.add("pooling")
    return [name for name in first if name in differ and name not in BOX_FIELDS]


def _always_has_points(convention: Convention) -> bool:
    """Return whether no section of any box lacks points, so that there is always an output."""
    if convention.points != "centred" or convention.clip_sections:
        return False
    grows = convention.min_size > 0 and convention.grid_rounding == "ceil"
    fixed = not convention.is_adaptive and convention.average_over == "points"
    return grows or fixed or convention.grid_min > 0


# Field → the input for which conventions that differ in it give different outputs.
_DISTINGUISHING: Mapping[str, str] = MappingProxyType(
    {
        "pooling": "a section with more than one point",
        "max_of": "a point between cells that are not 0",
        "max_start": "a section of negative features",
        "max_skips_nan": "a cell that is not a number",
        "max_of_empty": "a box without points: empty or inverted",
        "clamp_count": "a box without points: empty or inverted",
        "average_over": "a box across the border of the map",
        "points": "another box",
        "unread_cells": "a box on the last row or column of the map",
        "sampling_ratio": "a box with larger or smaller sections",
        "sampling_ratio_x": "a box with larger or smaller sections",
        "grid_from": "a box with larger or smaller sections",
        "grid_rounding": "a box with larger or smaller sections",
        "grid_min": "a box without area, or with small sections",
        "grid_max": "a box with larger sections",
        "grid_points": "a section that is larger than the map",
        "clip_sections": "a box across the border of the map",
        "point_in_part": "another box",
        "position_formula": "a point at a rounding threshold",
        "divide": "another output size",
        "image_offset": "another scale",
        "offset": "another box",
        "image_end_offset": "another scale",
        "end_offset": "another box",
        "inverted_boxes": "an inverted box",
        "clip_boxes": "a box across the border of the map",
        "edge_rounding": "a box whose edges are not whole numbers",
        "min_size": "a box smaller than a cell",
        "interpolation": "a point between cells",
        "outside_neighbours": "a box across the border of the map",
        "border_margin": "a box across the border of the map",
        "extrapolation_value": "a point outside the map",
        "coordinate_decimals": "a coordinate with more decimals",
        "coordinates": "a section size that is a whole number of cells up to rounding",
        "channel_map": "more channels",
        "box_format": "a box that is the same in only one of the two formats",
        "origin": "a box that is not in the vertical middle of the image",
        "normalized": "a map of another size",
        "normalized_by": "a map of another size",
        "inclusive": "another box",
    }
)


def distinguishing_inputs(one: Convention, other: Convention) -> list[str]:
    """Describe the inputs for which two conventions differ; an empty list if they are the same.

    Examples
    --------
    >>> from roialign_cli.core.presets import PRESETS
    >>> aligned = PRESETS["torchvision-aligned"].convention
    >>> distinguishing_inputs(aligned, PRESETS["onnx-half-pixel"].convention)
    []
    >>> distinguishing_inputs(aligned, PRESETS["openvino-half-pixel-for-nn"].convention)
    ['a box without points: empty or inverted', 'a point at a rounding threshold']
    """
    read = {name: (getattr(one, name), getattr(other, name)) for name in BOX_FIELDS}
    first, second = effective_rules(one).parameters(), effective_rules(other).parameters()
    used = {name: (first[name], second[name]) for name in first if name not in BOX_FIELDS}
    differing = (name for name, (a, b) in (used | read).items() if a != b)
    return list(dict.fromkeys(_DISTINGUISHING[name] for name in differing))


@functools.lru_cache(maxsize=4096)
def coarse_rules(convention: Convention) -> Convention:
    """Return a convention reduced to what it does on usual boxes, apart from last digits."""
    usual = dict(_COARSE_FIELDS)
    if convention.max_start < _MIN_MAX_START:
        usual["max_start"] = -math.inf
    if convention.coordinates == "double":
        usual["coordinates"] = "features"
    if convention.grid_min == 1 and convention.grid_rounding == "ceil":
        usual["grid_min"] = 0  # the same but for empty boxes
    return effective_rules(replace(convention, **usual))
