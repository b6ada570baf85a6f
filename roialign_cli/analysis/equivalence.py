"""Decide which conventions compute the same, and which inputs distinguish two of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from roialign_cli.core.convention import BOX_FIELDS, Convention

# Fields that change only last digits, or only boxes without points and non-finite cells.
_COARSE_FIELDS: dict[str, Any] = {
    "position_formula": "section-first",
    "clamp_count": True,
    "max_skips_nan": False,
    "max_of_empty": 0.0,
    "tie_neighbour": "lower",
    "coordinates": "features",
    "rejects": "nothing",
}
_PLAIN_BOXES = {name: getattr(Convention(), name) for name in BOX_FIELDS}
_MIN_MAX_START = -1000.0  # an initial maximum below any usual feature


def effective_rules(convention: Convention) -> Convention:
    """Return a convention with the fields that have no effect set to their defaults."""
    plain: dict[str, Any] = {"tie_neighbour": "lower", "rejects": "nothing"} | _PLAIN_BOXES
    if convention.pooling == "avg":
        plain |= {
            "max_of": "point",
            "max_start": -math.inf,
            "max_skips_nan": False,
            "max_of_empty": 0.0,
        }
    else:
        plain |= {"clamp_count": True}
    if convention.points == "centred" and convention.min_size > 0:
        plain |= {"clamp_count": True, "max_of_empty": 0.0}
    if convention.points != "centred":
        plain |= {"sampling_ratio": 0, "position_formula": "section-first", "min_size": 0.0}
    return replace(convention, **plain)


# Field → the input for which conventions that differ in it give different outputs.
_DISTINGUISHING: Mapping[str, str] = MappingProxyType(
    {
        "pooling": "a section with more than one point",
        "max_of": "a point between cells that are not 0",
        "max_start": "a section of negative features",
        "max_skips_nan": "a cell that is not a number",
        "max_of_empty": "a box without points: empty or inverted",
        "clamp_count": "a box without points: empty or inverted",
        "points": "another box",
        "sampling_ratio": "a box with larger or smaller sections",
        "position_formula": "a point at a rounding threshold",
        "divide": "another output size",
        "image_offset": "another scale",
        "offset": "another box",
        "min_size": "a box smaller than a cell",
        "border_margin": "a box across the border of the map",
        "extrapolation_value": "a point outside the map",
        "coordinate_decimals": "a coordinate with more decimals",
        "coordinates": "a section size that is a whole number of cells up to rounding",
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


def coarse_rules(convention: Convention) -> Convention:
    """Return a convention reduced to what it does on usual boxes, apart from last digits."""
    start = convention.max_start
    usual = _COARSE_FIELDS | {"max_start": -math.inf if start < _MIN_MAX_START else start}
    return effective_rules(replace(convention, **usual))
