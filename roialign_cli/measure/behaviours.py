"""Behaviours of kernels that no field of a convention expresses, as data.

Each table has a row for each behaviour: a clause that states it, and a function that does it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.point_rules import ROUNDINGS

Array = NDArray[Any]

USUAL = "usual"

# The border margin, in cells, of kernels in which a point exactly 1 cell away is outside.
NEARLY_ONE = 0.9999

# Spatial scale of a call → the scale along (y, x)
SCALE_BEHAVIOURS: Mapping[str, Callable[[float], tuple[float, float]]] = MappingProxyType(
    {
        "the scale is ignored": lambda _scale: (1.0, 1.0),
        "the scale is ignored along x": lambda scale: (scale, 1.0),
        "the scale is ignored along y": lambda scale: (1.0, scale),
        "box coordinates are divided by the scale": lambda scale: (1 / scale, 1 / scale),
        "the scale is applied twice": lambda scale: (scale**2, scale**2),
        "the scale is applied twice along x": lambda scale: (scale, scale**2),
        "the scale is applied twice along y": lambda scale: (scale**2, scale),
    }
)

# Sampling ratio of a call → the points per section along (y, x), 0 for the adaptive grid.
RATIO_BEHAVIOURS: Mapping[str, Callable[[int], tuple[int, int]]] = MappingProxyType(
    {
        "the sampling ratio is ignored": lambda _ratio: (0, 0),
        "the sampling ratio is ignored: always 1 point along each axis": lambda _ratio: (1, 1),
        "the sampling ratio is ignored: always 2 points along each axis": lambda _ratio: (2, 2),
        "a section has one point more along each axis than the ratio": lambda ratio: (
            ratio + 1,
            ratio + 1,
        ),
        "a section has one point less along each axis than the ratio": lambda ratio: (
            max(ratio - 1, 1),
            max(ratio - 1, 1),
        ),
        "the ratio is the number of all points of a section": lambda ratio: (
            (max(round(math.sqrt(ratio)), 1),) * 2
        ),
        "a section has the square of the ratio as points along each axis": lambda ratio: (
            ratio * ratio,
            ratio * ratio,
        ),
        "the ratio counts along y only; the grid along x is adaptive": lambda ratio: (ratio, 0),
        "the ratio counts along x only; the grid along y is adaptive": lambda ratio: (0, ratio),
        "the ratio counts along y only, with 1 point along x": lambda ratio: (ratio, 1),
        "the ratio counts along x only, with 1 point along y": lambda ratio: (1, ratio),
    }
)

# Section sizes along y and x (R,) → points along y and x (R,)
GRID_BEHAVIOURS: Mapping[str, Callable[[Array, Array], tuple[Array, Array]]] = MappingProxyType(
    {
        "the adaptive grid is floor(section size) + 1": lambda y, x: (
            np.floor(y) + 1,
            np.floor(x) + 1,
        ),
        "both axes have the points of the longer side of the section": lambda y, x: (
            (np.ceil(np.maximum(y, x)),) * 2
        ),
        "both axes have the points of the shorter side of the section": lambda y, x: (
            (np.ceil(np.minimum(y, x)),) * 2
        ),
        "both axes have the points of the section's width": lambda _y, x: (np.ceil(x), np.ceil(x)),
        "both axes have the points of the section's height": lambda y, _x: (np.ceil(y), np.ceil(y)),
        "each axis has the number of points of the other one": lambda y, x: (
            np.ceil(x),
            np.ceil(y),
        ),
        "the adaptive grid is ceil(2 · section size)": lambda y, x: (
            np.ceil(2 * y),
            np.ceil(2 * x),
        ),
        "a section size just above a whole number is rounded down": lambda y, x: (
            np.ceil(y - 1e-4),
            np.ceil(x - 1e-4),
        ),
        "the adaptive grid is the section size rounded half to even": lambda y, x: (
            np.round(y),
            np.round(x),
        ),
        "the adaptive grid is the section size rounded half to even, at least 1": lambda y, x: (
            np.maximum(np.round(y), 1),
            np.maximum(np.round(x), 1),
        ),
        "without a ratio there is 1 point along each axis": lambda y, x: (
            np.ones_like(y),
            np.ones_like(x),
        ),
        "without a ratio there are 2 points along each axis": lambda y, x: (
            2 * np.ones_like(y),
            2 * np.ones_like(x),
        ),
    }
)

# Points along y and x, (R, S, 1) and (R, 1, S) → by what the sum of the points is divided
DIVISOR_BEHAVIOURS: Mapping[str, Callable[[Array, Array], Array]] = MappingProxyType(
    {
        "the points are added and not divided by their number": lambda y, x: np.ones_like(y * x),
        "the sum is divided by the points along y only": lambda y, x: y * np.ones_like(x),
        "the sum is divided by the points along x only": lambda y, x: x * np.ones_like(y),
        "the sum is divided by one more than the number of points": lambda y, x: y * x + 1,
        "the sum is divided by one less than the number of points": lambda y, x: np.maximum(
            y * x - 1, 1
        ),
        "the sum is divided by the square of the points along y": lambda y, x: (
            y * y * np.ones_like(x)
        ),
        "the sum is divided by the square of the points along x": lambda y, x: (
            x * x * np.ones_like(y)
        ),
    }
)

# Values of the points of a section (…, points) → its output (…)
POOLING_BEHAVIOURS: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "the output is the median of the points": lambda values: np.median(values, axis=-1),
        "the output is the median of the points, the lower one of two": lambda values: np.sort(
            values, axis=-1
        )[..., (values.shape[-1] - 1) // 2],
        "the output is the smallest value of the points": lambda values: values.min(axis=-1),
    }
)

# How sections may be pooled, as changes of a model, likeliest first.
POOLINGS: tuple[dict[str, Any], ...] = (
    {"pooling": "avg"},
    {"pooling": "max", "max_of": "point"},
    {"pooling": "max", "max_of": "weighted-cell"},
)
OTHER_POOLINGS = tuple(
    {"pooling": "avg", "behaviour:pooling": behaviour} for behaviour in POOLING_BEHAVIOURS
)

# Box coordinates and the scale → the coordinates that the kernel uses
EDGE_BEHAVIOURS: Mapping[str, Callable[[Array, np.float32], Array]] = MappingProxyType(
    {
        "box edges are rounded after scaling, before the shift": lambda edges, scale: (
            ROUNDINGS["round"](edges * scale) / scale
        ),
        "box edges are rounded down after scaling, before the shift": lambda edges, scale: (
            ROUNDINGS["floor"](edges * scale) / scale
        ),
        "box edges are rounded half to even after scaling, before any shift": (
            lambda edges, scale: np.round(edges * scale) / scale
        ),
        "box edges are rounded half to even before scaling": lambda edges, _scale: np.round(edges),
    }
)
# Those that no rounding of a convention equals, also without a shift.
HALF_TO_EVEN = tuple(behaviour for behaviour in EDGE_BEHAVIOURS if "half to even" in behaviour)

_WHOLE: Mapping[str, Callable[[Array], Array]] = MappingProxyType(
    {
        "rounded": ROUNDINGS["round"],
        "rounded down": ROUNDINGS["floor"],
        "rounded up": ROUNDINGS["ceil"],
        "rounded half to even": np.round,
    }
)
AT_LEAST_ONE = ", at least 1"


def _whole_size(size: Array, sections: int, *, rounding: str, parts: bool, least: float) -> Array:
    """Return ROI sizes of which the sections, or else the ROIs, are whole numbers of cells."""
    count = size.dtype.type(sections if parts else 1)
    whole = _WHOLE[rounding](size / count)
    return np.asarray(np.maximum(whole, size.dtype.type(least)) * count)


# Sizes of ROIs along an axis (R,) and the number of sections → the sizes that the kernel uses
SIZE_BEHAVIOURS: Mapping[str, Callable[[Array, int], Array]] = MappingProxyType(
    {
        f"{what} sizes are {rounding}{end}": partial(
            _whole_size, rounding=rounding, parts=what == "section", least=least
        )
        for what in ("section", "ROI")
        for rounding in _WHOLE
        for end, least in (("", -math.inf), (AT_LEAST_ONE, 1.0))
    }
)
# Whether there is a minimum shows only in small boxes.
SIZES_OF_LARGE_BOXES = tuple(
    behaviour for behaviour in SIZE_BEHAVIOURS if not behaviour.endswith(AT_LEAST_ONE)
)

# Batch index of a box and number of maps → the map that is read
BATCH_BEHAVIOURS: Mapping[str, Callable[[Array, int], Array]] = MappingProxyType(
    {
        "the batch index is ignored: every box reads map 0": lambda index, _maps: np.zeros_like(
            index
        ),
        "every box reads the last map": lambda index, maps: np.full_like(index, maps - 1),
        "the batch index counts from 1": lambda index, maps: (index - 1) % maps,
        "every box reads the map after its own": lambda index, maps: (index + 1) % maps,
        "the batch index counts from the last map": lambda index, maps: maps - 1 - index,
        "the batch index is ignored: box i reads map i": lambda index, maps: (
            np.arange(len(index)) % maps
        ),
    }
)

# The interpolation that takes the weights along y for those along x, and the reverse.
EXCHANGED_WEIGHTS = "the interpolation weights along x and y are exchanged"

# Number of channels → the channel that each channel of the output reads
CHANNEL_BEHAVIOURS: Mapping[str, Callable[[int], Array]] = MappingProxyType(
    {
        "the channels are in reverse order": lambda channels: np.arange(channels)[::-1],
        "each channel reads the next one": lambda channels: np.roll(np.arange(channels), -1),
        "each channel reads the one before": lambda channels: np.roll(np.arange(channels), 1),
    }
)

# Rule → what kernels without such a behaviour do, as a clause, where no field states it.
USUAL_TEXTS: Mapping[str, str] = MappingProxyType(
    {
        "ratio": "the sampling ratio is the number of points along each axis",
        "divisor": "the sum is divided by the number of points",
        "batch": "each box reads the map of its batch index",
        "channels": "each channel of the output reads the same channel of the features",
    }
)
