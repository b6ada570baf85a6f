"""Choose the level of a feature pyramid that each box is pooled from.

A pyramid is several maps of one image. Every library sends a box to one of them by the size of the
box; `core/pyramid_rules.py` has the rules as data, and this module computes with them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.pyramid_rules import PyramidRule
from roialign_cli.errors import ArgumentError

# Index of the map of a box that is pooled from none; its output is 0.
NO_LEVEL = -1


@dataclass(frozen=True)
class Levels:
    """The levels of some boxes, and the numbers that they follow from.

    Parameters
    ----------
    rule
        The rule.
    first, last
        The lowest and the highest level, as the rule numbers them.
    canonical_level
        The level of a box of the canonical size, as the rule numbers them.
    size
        (R,), the square root of the area of each box as the rule computes it, in pixels of the
        image; NaN for a negative area.
    number
        (R,), the level of each box before rounding. −inf without area, NaN for a negative area. For
        thresholds, which need no logarithm: the number that it would be.
    rounded
        (R,), the number as a whole level before it is limited to `first` and `last`.
    index
        (R,), the map that each box is pooled from, from 0; `NO_LEVEL` for none.
    """

    rule: PyramidRule
    first: int
    last: int
    canonical_level: int
    size: Float
    number: Float
    rounded: Float
    index: NDArray[np.intp]

    def start(self, level: int) -> float:
        """Return the size in pixels from which boxes are on a level, before it is limited."""
        steps = float(level - self.canonical_level)
        if self.rule.rounding in {"half-even", "half-away"}:
            return self.rule.canonical_size * math.pow(2, steps - 0.5)
        in_level = self.rule.epsilon if self.rule.epsilon_added_to == "level" else 0.0
        in_ratio = self.rule.epsilon - in_level
        return self.rule.canonical_size * (math.pow(2, steps - in_level) - in_ratio)

    def size_range(self, level: int) -> tuple[float, float]:
        """Return the sizes in pixels between which boxes are on a level.

        The first level begins at 0, and the last one has no end.
        """
        start = 0.0 if level <= self.first else self.start(level)
        return start, math.inf if level >= self.last else self.start(level + 1)


def infer_scales(
    map_sizes: Sequence[tuple[int, int]], image_size: tuple[float, float]
) -> tuple[float, ...]:
    """Return the scale of each map, as torchvision's MultiScaleRoIAlign infers it.

    A scale is 2 to the power of round(log2(height of the map / height of the image)). The width has
    no influence. The quotient and the logarithm are float32, and a half rounds to the even number.

    Parameters
    ----------
    map_sizes
        (height, width) of each map in cells.
    image_size
        (height, width) of the image in pixels; of several images, the largest height.

    Returns
    -------
    Cells per pixel of each map.

    Raises
    ------
    ArgumentError
        If the size of the image is not positive and finite.

    Examples
    --------
    >>> infer_scales([(200, 304), (100, 152), (50, 76)], (800, 1216))
    (0.25, 0.125, 0.0625)
    """
    height = checked_image_size(image_size)[0]
    heights = np.array([size[0] for size in map_sizes]) / height
    powers = np.rint(_log2(heights.astype(np.float32)))
    return tuple((2.0 ** powers.astype(np.float64)).tolist())


class LevelOptions(TypedDict, total=False):
    """The optional arguments of `levels`."""

    image_size: tuple[float, float] | None
    normalized: bool
    dtype: np.dtype[np.floating] | type[np.floating]


def levels(
    boxes: Float, rule: PyramidRule, scales: Sequence[float], **options: Unpack[LevelOptions]
) -> NDArray[np.intp]:
    """Return the index of the map that each box is pooled from.

    Parameters
    ----------
    boxes
        (R, 4), x1, y1, x2, y2 in pixels of the image.
    rule
        The rule.
    scales
        Cells per pixel of each map, from the largest map to the smallest.
    image_size : (float, float), optional
        (height, width) of the image in pixels. Needed for normalised boxes, and if
        `rule.needs_image_size`.
    normalized : bool, optional
        Whether the boxes are fractions of the image instead; False by default.
    dtype : dtype, optional
        The dtype of the boxes, in which the rule computes unless its arithmetic is float32; float32
        by default.

    Returns
    -------
    (R,), from 0; `NO_LEVEL` for a box whose output is 0 because it is on no map.

    Raises
    ------
    ArgumentError
        If the image size is missing, if the scales are not those of a pyramid, or for a box that
        the rule rejects.

    Examples
    --------
    >>> from roialign_cli.core.pyramid_rules import PYRAMID_RULES
    >>> boxes = np.array([[0.0, 0, 223, 223], [0, 0, 224, 224], [0, 0, 900, 900]])
    >>> levels(boxes, PYRAMID_RULES["torchvision"], [1 / 4, 1 / 8, 1 / 16, 1 / 32])
    array([1, 2, 3])
    """
    return assign_levels(boxes, rule, scales, **options).index


def assign_levels(
    boxes: Float,
    rule: PyramidRule,
    scales: Sequence[float],
    *,
    image_size: tuple[float, float] | None = None,
    normalized: bool = False,
    dtype: np.dtype[np.floating] | type[np.floating] = np.float32,
) -> Levels:
    """Return the level of each box with the numbers that it follows from; as for `levels`."""
    first, last = _level_range(rule, scales)
    canonical = rule.canonical_level + (len(scales) if rule.canonical_level < 0 else 0)
    image_size = _checked(image_size, rule, normalized=normalized)
    kind = np.dtype(np.float32 if rule.arithmetic == "float32" else dtype).type
    # The area of the image, without which no rule that needs it gets here.
    image_area = kind(math.nan if image_size is None else image_size[0] * image_size[1])
    area = _areas(_corners(boxes.astype(kind), rule, image_size, normalized=normalized), rule)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        size = np.sqrt(area)
        logarithm = _logarithm(_ratio(size, rule, image_area), rule)
        number = _number(logarithm, rule, canonical)
    if rule.rounding == "thresholds":
        rounded = first + _exceeded(area, rule, image_area, canonical - first, last - first)
    else:
        rounded = _rounded(number if rule.rounds_sum else logarithm, rule)
        rounded = rounded if rule.rounds_sum else rounded + canonical
    index = _index(rounded, area, rule, np.array([first, last, len(scales)]))
    pixels = size * np.sqrt(image_area) if rule.needs_image_size else size
    return Levels(rule, first, last, canonical, pixels, number, rounded, index)


def _corners(
    corners: Float, rule: PyramidRule, image_size: tuple[float, float] | None, *, normalized: bool
) -> Float:
    """Return the corners whose area a rule takes: in pixels, or as fractions of the image."""
    if normalized is not rule.needs_image_size and image_size is not None:
        height, width = image_size
        extent = np.array([width, height, width, height], corners.dtype)
        corners = corners / extent if rule.needs_image_size else corners * extent
    if rule.inverted_boxes == "sorted":
        corners = np.sort(corners.reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    return np.clip(corners, 0, 1) if rule.clip_boxes else corners


def _areas(corners: Float, rule: PyramidRule) -> Float:
    """Return the area of each box, negative for a box that is inverted along one axis."""
    sides = corners[:, 2:] - corners[:, :2]
    inverted = (sides < 0).any(axis=1)
    if rule.side_offset:
        sides = sides + corners.dtype.type(rule.side_offset)
    with np.errstate(over="ignore"):
        area: Float = sides[:, 0] * sides[:, 1]
    return np.where(inverted, 0, area) if rule.inverted_boxes == "empty" else area


def _ratio(size: Float, rule: PyramidRule, image_area: np.floating) -> Float:
    """Return the size of each box in relation to the canonical size, with the epsilon."""
    kind = size.dtype.type
    canonical = kind(rule.canonical_size)
    if rule.ratio == "multiplied":
        ratio = size * (kind(1) / canonical)
    elif rule.ratio == "image-over-size":
        ratio = size * (np.sqrt(image_area) / canonical)
    elif rule.ratio == "size-over-image":
        ratio = size / (canonical / np.sqrt(image_area))
    else:
        ratio = size / canonical
    if not rule.epsilon or rule.epsilon_added_to == "level":
        return ratio
    if rule.epsilon_in_double:
        return (ratio.astype(np.float64) + rule.epsilon).astype(kind)
    return ratio + kind(rule.epsilon)


def _logarithm(ratio: Float, rule: PyramidRule) -> Float:
    """Return the logarithm to base 2 as the rule computes it, from a rounded log2 or ln."""
    if rule.logarithm == "log2":
        return _log2(ratio)
    kind = ratio.dtype.type
    natural = np.log(ratio.astype(np.float64)).astype(kind)
    if rule.logarithm == "ln-divided":
        return natural / kind(math.log(2))
    return natural * kind(1 / math.log(2))


def _log2(ratio: Float) -> Float:
    """Return the logarithm to base 2, computed in float64 and rounded once to the dtype."""
    return np.log2(ratio.astype(np.float64)).astype(ratio.dtype)


def _number(logarithm: Float, rule: PyramidRule, canonical: int) -> Float:
    """Return the level of each box before it is rounded."""
    number = canonical + logarithm
    if rule.epsilon_added_to == "level":
        number = number + logarithm.dtype.type(rule.epsilon)
    return number


def _rounded(number: Float, rule: PyramidRule) -> Float:
    if rule.rounding == "floor":
        return np.floor(number)
    if rule.rounding == "half-even":
        return np.rint(number)
    return np.trunc(number + np.copysign(number.dtype.type(0.5), number))


def _exceeded(
    area: Float, rule: PyramidRule, image_area: np.floating, steps: int, count: int
) -> Float:
    """Return how many thresholds each area exceeds.

    Parameters
    ----------
    area
        (R,), as fractions of the image's area.
    rule
        The rule.
    image_area
        The area of the image in square pixels.
    steps
        How many levels the canonical level is above the first.
    count
        How many thresholds there are.
    """
    kind = area.dtype.type
    canonical = kind(rule.canonical_size)
    size = np.sqrt(canonical * canonical / image_area)
    thresholds = size * size * kind(4) ** (np.arange(count).astype(kind) + kind(1 - steps))
    exceeded: Float = (area[:, None] > thresholds).sum(axis=1).astype(kind)
    return exceeded


def _index(
    rounded: Float, area: Float, rule: PyramidRule, limits: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the map of each box; `limits` are the first level, the last one and their number."""
    first, last, maps = limits.tolist()
    if maps == 1 and rule.skipped_for_one_map:
        return np.zeros(len(area), np.intp)
    # As in torch, the upper limit wins if the levels are in reverse order.
    place = np.minimum(np.maximum(rounded, first), last) - first
    on_a_map = (place >= 0) & (place < maps)
    index = np.where(on_a_map, place, NO_LEVEL).astype(np.intp)
    for chosen, boxes in ((rule.no_area, area == 0), (rule.negative_area, area < 0)):
        if chosen == "rejected" and boxes.any():
            problem = f"has a negative area, which {rule.name} rejects; remove the box"
            raise ArgumentError("boxes", f"box {int(boxes.argmax())} {problem}")
        index[boxes] = 0 if chosen == "first" else NO_LEVEL
    return index


def _level_range(rule: PyramidRule, scales: Sequence[float]) -> tuple[int, int]:
    """Return the levels of the first and of the last map."""
    scales = checked_scales(scales)
    if rule.first_level is not None:
        return rule.first_level, rule.first_level + len(scales) - 1
    ends = scales[0], scales[-1]
    first, last = (-math.log2(scale) for scale in ends)
    for scale, level in zip(ends, (first, last), strict=True):
        if not level.is_integer():
            problem = f"{scale:g} is not a power of two; {rule.name} numbers levels by their stride"
            raise ArgumentError("level_scales", problem)
    return int(first), int(last)


def checked_scales(scales: object) -> tuple[float, ...]:
    """Return the scales of some maps; raise an error if they are not positive and finite."""
    given = tuple(scales) if isinstance(scales, list | tuple | np.ndarray) else (scales,)
    if not given:
        raise ArgumentError("level_scales", "must have a scale for each map, got none")
    bad = [scale for scale in given if not _is_positive(scale)]
    if bad:
        raise ArgumentError("level_scales", f"must be finite numbers above 0, got {bad[0]!r:.60}")
    return tuple(map(float, given))


def _is_positive(value: object) -> bool:
    """Return whether a value is a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return 0 < float(value) < math.inf
    except OverflowError:  # a whole number beyond the largest float
        return False


def _checked(
    image_size: tuple[float, float] | None, rule: PyramidRule, *, normalized: bool
) -> tuple[float, float] | None:
    if image_size is not None:
        return checked_image_size(image_size)
    if rule.needs_image_size:
        problem = f"is needed, because the levels of {rule.name} depend on it"
        raise ArgumentError("image_size", problem)
    if normalized:
        raise ArgumentError("image_size", "is needed for the levels of normalised boxes")
    return None


def checked_image_size(image_size: object) -> tuple[float, float]:
    """Return the (height, width) of an image; raise an error if it is not positive and finite."""
    given = tuple(image_size) if isinstance(image_size, list | tuple | np.ndarray) else ()
    if len(given) != 2 or not all(map(_is_positive, given)):
        raise ArgumentError("image_size", "must be two finite numbers above 0")
    return float(given[0]), float(given[1])
