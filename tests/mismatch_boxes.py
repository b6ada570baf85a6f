"""Mismatches of the scale, of the boxes and of the map that they lie on."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.mismatch_base import (
    STRIDES,
    Array,
    Base,
    Mismatch,
    base,
    grown,
    level_map,
    pool,
    proposals,
    with_boxes,
)


def scaled(
    name: str, instance: int, cells: tuple[float, float], known: dict[str, Any], cause: str
) -> Mismatch:
    """Return a mismatch with boxes in other units: so many (along y, x) to a cell."""
    right = base(instance)
    along_y, along_x = (1 / cells[0], 1 / cells[1])
    units = np.array([cells[1], cells[0]] * 2) * right.scale
    return right.mismatch(
        name, cause, {"spatial_scale": (along_y, along_x)}, boxes=right.boxes * units, known=known
    )


def whole_scale(instance: int) -> Mismatch:
    size = (14, 13)[instance]
    return scaled("scale-whole", instance, (size, size), {}, f"The spatial scale is 1/{size}.")


def rounded_scale(instance: int) -> Mismatch:
    size, stated = ((14, 0.0714), (13, 0.0769))[instance]
    cause = f"The spatial scale is 1/{size}, and the given one is rounded to {stated}."
    return scaled("scale-rounded", instance, (size, size), {"spatial_scale": stated}, cause)


def wrong_scale(instance: int) -> Mismatch:
    size, stated = ((14, 1 / 16), (16, 1 / 32))[instance]
    cause = f"The spatial scale is 1/{size} and not the given 1/{1 / stated:g}."
    return scaled("scale-wrong", instance, (size, size), {"spatial_scale": stated}, cause)


def fractional_scale(instance: int) -> Mismatch:
    size = (12.5, 11.7)[instance]
    return scaled("scale-fraction", instance, (size, size), {}, f"The spatial scale is 1/{size}.")


def resized_image(instance: int) -> Mismatch:
    given, seen = ((512, 800), (375, 640))[instance]
    size = 16 * given / seen
    cause = f"The boxes are of a {given}-pixel image, and the map is of one of {seen} pixels."
    return scaled("scale-resized-image", instance, (size, size), {}, cause)


def anisotropic_scale(instance: int) -> Mismatch:
    sizes = ((14.0, 12.5), (10.24, 17.5))[instance]
    cause = f"The spatial scale is 1/{sizes[0]} along y and 1/{sizes[1]} along x."
    return scaled("scale-two-axes", instance, sizes, {}, cause)


def letterbox(instance: int) -> Mismatch:
    axis, shift = ((1, 100), (0, 60))[instance]
    boxes = proposals(instance, None)
    right = with_boxes(instance, boxes[boxes[:, axis] >= shift][:180])
    given = right.boxes.copy()
    given[:, [axis, axis + 2]] -= shift
    cells = [0.0, 0.0]
    cells[1 - axis] = shift / 16
    return right.mismatch(
        "letterbox",
        f"The map is of an image with {shift} pixels of padding along {'xy'[axis]} before it.",
        {"shift": tuple(cells)},
        boxes=given,
    )


def changed_boxes(
    name: str, instance: int, pooled: Array, truth: dict[str, Any], cause: str
) -> Mismatch:
    """Return a mismatch whose output has other boxes than those given."""
    right = base(instance)
    return right.mismatch(name, cause, truth, expected=right.pooled(pooled))


def rounded_in_image(instance: int) -> Mismatch:
    boxes = np.floor(base(instance).boxes + 0.5)
    truth = {"fields": {"edge_rounding": "round-image"}}
    cause = "The boxes are rounded to whole pixels."
    return changed_boxes("boxes-rounded", instance, boxes, truth, cause)


def floored_in_image(instance: int) -> Mismatch:
    boxes = np.floor(base(instance).boxes)
    truth = {"fields": {"edge_rounding": "floor-image"}}
    cause = "The boxes are rounded down to whole pixels."
    return changed_boxes("boxes-floored", instance, boxes, truth, cause)


def rounded_on_map(instance: int) -> Mismatch:
    right = base(instance)
    boxes = np.floor(right.boxes * right.scale + 0.5) / right.scale
    truth = {"fields": {"edge_rounding": "round-map"}}
    cause = "The boxes are rounded to whole cells."
    return changed_boxes("boxes-rounded-on-map", instance, boxes, truth, cause)


def floored_on_map(instance: int) -> Mismatch:
    right = base(instance)
    boxes = np.floor(right.boxes * right.scale) / right.scale
    truth = {"fields": {"edge_rounding": "floor-map"}}
    cause = "The boxes are rounded down to whole cells."
    return changed_boxes("boxes-floored-on-map", instance, boxes, truth, cause)


def shorter_along_x(instance: int) -> Mismatch:
    pixels = (1.0, 2.0)[instance]
    boxes = base(instance).boxes - [0, 0, pixels, 0]
    cause = f"{pixels:g} is subtracted from x2 of the boxes."
    truth = {"end_shift": (0.0, -pixels / 16)}
    return changed_boxes("boxes-x2-minus-1", instance, boxes, truth, cause)


def shorter_along_both(instance: int) -> Mismatch:
    pixels = (1.0, 2.0)[instance]
    boxes = base(instance).boxes - [0, 0, pixels, pixels]
    cause = f"{pixels:g} is subtracted from x2 and y2 of the boxes."
    truth = {"end_shift": (-pixels / 16, -pixels / 16)}
    return changed_boxes("boxes-corner-minus-1", instance, boxes, truth, cause)


def shifted(instance: int) -> Mismatch:
    pixels = (0.5, -0.8)[instance]
    boxes = base(instance).boxes + pixels
    cause = f"The boxes are shifted by {pixels} pixels along both axes."
    truth = {"shift": (pixels / 16, pixels / 16)}
    return changed_boxes("boxes-half-pixel", instance, boxes, truth, cause)


def clipped(instance: int) -> Mismatch:
    boxes = base(instance).boxes.copy()
    boxes[::2] = grown(boxes[::2], (1.3, 1.15)[instance])
    right = with_boxes(instance, boxes)
    height, width = right.image_size
    boxes = np.clip(right.boxes, 0, [width, height, width, height])
    return right.mismatch(
        "boxes-clipped",
        "The boxes are clipped to the image before they are pooled.",
        {"clipped": right.image_size},
        expected=right.pooled(boxes),
    )


def given_map(name: str, right: Base, features: Array, truth: str, cause: str) -> Mismatch:
    """Return a mismatch whose given map is not the one that was pooled."""
    return right.mismatch(name, cause, {"map": truth}, features=np.ascontiguousarray(features))


def mirrored_map(instance: int) -> Mismatch:
    right = base(instance)
    cause = "The given map is mirrored left to right."
    return given_map("map-left-right", right, right.features[..., ::-1], "left-right", cause)


def inverted_map(instance: int) -> Mismatch:
    right = base(instance)
    cause = "The given map is mirrored up to down."
    return given_map("map-up-down", right, right.features[:, :, ::-1], "up-down", cause)


def transposed_map(instance: int) -> Mismatch:
    side = min(base(instance).features.shape[2:])
    square = level_map(instance)[..., :side, :side]
    boxes = base(instance).boxes
    right = with_boxes(instance, boxes[boxes[:, 2] <= side * STRIDES["P4"]], square)
    cause = "The height and the width of the given map are swapped."
    return given_map("map-transposed", right, square.swapaxes(2, 3), "transposed", cause)


def other_level(name: str, instance: int, given: str, scale: float, cause: str) -> Mismatch:
    """Return a mismatch whose output is of P4, and the given map is of another level."""
    features = level_map(instance, given)
    right = base(instance)
    return right.mismatch(
        name,
        cause,
        {"level": "P4", "given_level": given},
        features=features,
        expected=right.output[:, : features.shape[1]],
        known={"spatial_scale": scale},
    )


def finer_level(instance: int) -> Mismatch:
    cause = "The given map is the next finer level, at the scale of that level."
    return other_level("level-finer", instance, "P3", 1 / STRIDES["P3"], cause)


def coarser_level(instance: int) -> Mismatch:
    cause = "The given map is the next coarser level, at the scale of that level."
    return other_level("level-coarser", instance, "P5", 1 / STRIDES["P5"], cause)


def level_at_scale(instance: int) -> Mismatch:
    given = ("P5", "P3")[instance]
    cause = "The given map is another level, at the scale of the right one."
    return other_level("level-at-right-scale", instance, given, 1 / STRIDES["P4"], cause)


def all_levels(instance: int) -> Mismatch:
    """Return one map with the boxes of four levels.

    P2 is too large to be saved. An enlarged P3 stands for it.
    """
    boxes = proposals(instance, None)
    maps = {number: level_map(instance, f"P{number}")[:, :8] for number in (3, 4, 5)}
    maps[2] = np.kron(maps[3], np.ones((1, 1, 2, 2), np.float32))
    level = np.clip(np.floor(4 + np.log2(box_size(boxes) / 224 + 1e-6)), 2, 5)
    output = np.empty((len(boxes), 8, 7, 7), np.float32)
    for number, features in maps.items():
        output[level == number] = pool(
            features, boxes[level == number], spatial_scale=1 / 2**number
        )
    shown = (4, 3)[instance]
    return Mismatch(
        name="level-of-some-boxes",
        instance=instance,
        features=maps[shown],
        boxes=boxes,
        expected=output,
        known={"spatial_scale": 1 / 2**shown},
        truth={"rows_that_match": np.flatnonzero(level == shown)},
        cause="The boxes are of four levels, and the given map is of one of them.",
    )


def box_size(boxes: Array) -> Array:
    """Return the square root of the area of each box, in pixels."""
    return np.asarray(np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)))
