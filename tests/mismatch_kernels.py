"""Mismatches of the operator: its mode, its points, and kernels with one bug."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from tests.mismatch_base import SIZE, Array, Base, Mismatch, base, grown, with_boxes


def changed_call(
    name: str, instance: int, call: dict[str, Any], truth: dict[str, Any], cause: str
) -> Mismatch:
    """Return a mismatch whose output has other keywords of roi_align."""
    right = base(instance)
    return right.mismatch(name, cause, truth, expected=right.pooled(**call))


def mode_missing(instance: int) -> Mismatch:
    return changed_call(
        "mode-missing",
        instance,
        {"convention": "onnx-half-pixel"},
        {"fields": {"offset": 0.5, "min_size": 0.0}},
        "The mode is missing in opset 16, and its default shifts the boxes by half a cell.",
    )


def shift_missing(instance: int) -> Mismatch:
    right = base(instance)
    return right.mismatch(
        "mode-opset-11",
        "Opset 11 has no half-cell shift, and aligned=True is lost.",
        {"fields": {"offset": 0.0}},
        known={"spatial_scale": right.scale, "convention": "torchvision-aligned"},
    )


def ratio_omitted(instance: int) -> Mismatch:
    cause = "The sampling ratio is omitted, so that the grid is adaptive."
    truth = {"sampling_ratio": 0}
    return changed_call("ratio-omitted", instance, {"sampling_ratio": 0}, truth, cause)


def large_ratio(instance: int) -> Mismatch:
    ratio = (8, 6)[instance]
    cause = f"The sampling ratio is {ratio}."
    truth = {"sampling_ratio": ratio}
    return changed_call("ratio-8", instance, {"sampling_ratio": ratio}, truth, cause)


def max_mode(instance: int) -> Mismatch:
    fields = {"pooling": "max", "max_of": ("weighted-cell", "point")[instance]}
    return changed_call("mode-max", instance, fields, {"fields": fields}, "The mode is max.")


def roi_pool(instance: int) -> Mismatch:
    truth = {"convention": "roi-pool"}
    cause = "The operator is ROI Pool."
    return changed_call("roi-pool", instance, {"convention": "roi-pool"}, truth, cause)


def halved(instance: int, by: str) -> Mismatch:
    """Return the average or the maximum of 2 × 2 sections of an output of 14 × 14."""
    right = base(instance)
    ratio = (2, 3)[instance]
    fine = right.pooled(output_size=(14, 14), sampling_ratio=ratio)
    blocks = fine.reshape(*fine.shape[:2], *SIZE[:1], 2, *SIZE[1:], 2)
    output = blocks.mean(axis=(3, 5)) if by == "average" else blocks.max(axis=(3, 5))
    return right.mismatch(
        f"pooled-{by}",
        f"The output is the {by} of 2 × 2 sections of an output of 14 × 14.",
        {"halved": by, "sampling_ratio": ratio},
        expected=output,
    )


def halved_by_average(instance: int) -> Mismatch:
    return halved(instance, "average")


def halved_by_max(instance: int) -> Mismatch:
    return halved(instance, "maximum")


@cache
def few_boxes(instance: int) -> Base:
    """Return a call with 30 boxes and 16 channels.

    7 boxes are inside the map, 17 end at its right or bottom border, and 6 are over it.
    """
    right = base(instance)
    border = np.array(right.features.shape[:1:-1]) / right.scale  # along x, y
    room = border - right.boxes[:, 2:]
    order = np.argsort(room.min(axis=1), kind="stable")
    inside, near = order[-7:], order[:23]
    boxes = right.boxes[np.r_[inside, near]]
    is_nearest = room[near] == room[near].min(axis=1, keepdims=True)
    boxes[7:, 2:] = np.where(is_nearest, border, boxes[7:, 2:])
    boxes[-6:] = grown(boxes[-6:], 1.6)
    return with_boxes(instance, boxes, right.features[:, :16])


def with_bug(
    name: str, instance: int, fields: dict[str, Any], cause: str, ratio: int = 2
) -> Mismatch:
    """Return a mismatch whose operator has other convention fields."""
    right = few_boxes(instance)
    return right.mismatch(
        f"kernel-{name}",
        cause,
        {"sampling_ratio": ratio, "fields": fields},
        expected=right.pooled(**{"sampling_ratio": ratio} | fields),
        known={"spatial_scale": right.scale},
    )


def floor_for_ceil(instance: int) -> Mismatch:
    fields = {"grid_rounding": "floor", "grid_min": 1}
    cause = "The adaptive grid rounds the number of points down."
    return with_bug("floor", instance, fields, cause, 0)


def zero_outside(instance: int) -> Mismatch:
    cause = "Points beyond the outermost cell centres are zero."
    return with_bug("zero-outside", instance, {"border_margin": 0.0}, cause, (2, 3)[instance])


def always_clamped(instance: int) -> Mismatch:
    cause = "Points outside the map are moved to its border, however far they are."
    return with_bug("clamp", instance, {"border_margin": math.inf}, cause, (2, 3)[instance])


def divided_by_inside(instance: int) -> Mismatch:
    cause = "The sum is divided by the number of points inside the map."
    fields = {"average_over": "inside"}
    return with_bug("divide-inside", instance, fields, cause, (2, 3)[instance])


def swapped_weights(instance: int) -> Mismatch:
    cause = "Each neighbour has the weight of the other one."
    return with_bug("swapped-weights", instance, {"interpolation": "swapped"}, cause)


def nearest_neighbour(instance: int) -> Mismatch:
    cause = "The value of a point is that of the nearest cell."
    return with_bug("nearest", instance, {"interpolation": "nearest"}, cause, (2, 3)[instance])


def points_at_corners(instance: int) -> Mismatch:
    cause = "Points lie at the start of each part of a section, and not in its middle."
    return with_bug("corner-points", instance, {"point_in_part": 0.0}, cause, (2, 3)[instance])


def exchanged_weights(instance: int) -> Mismatch:
    right, ratio = few_boxes(instance), (2, 3)[instance]
    return right.mismatch(
        "kernel-exchanged-weights",
        "The weights along x and y are exchanged.",
        {"sampling_ratio": ratio, "exchanged_weights": True},
        expected=sampled(right, ratio, exchanged=True),
        known={"spatial_scale": right.scale},
    )


def not_divided(instance: int) -> Mismatch:
    """Return sums: of 4 points in a section, or of as many as the adaptive grid has."""
    right = few_boxes(instance)
    ratio = (2, 0)[instance]
    output = right.pooled(sampling_ratio=ratio)
    counts = adaptive_counts(right) if instance else np.full(len(output), 4)
    return right.mismatch(
        "kernel-no-division",
        "The sum of the points is not divided by their number.",
        {"gain": counts, "per": "box", "sampling_ratio": ratio},
        expected=(output * counts.reshape(-1, 1, 1, 1)).astype(np.float32),
        known={"spatial_scale": right.scale},
    )


def adaptive_counts(right: Base) -> Array:
    """Return the points per section of each box: (R,)."""
    sizes = np.maximum((right.boxes[:, 2:] - right.boxes[:, :2]) * right.scale, 1)
    return np.asarray(np.prod(np.ceil(sizes / 7), axis=1))


def sampled(right: Base, ratio: int, *, exchanged: bool = False) -> Array:
    """Return the output of torchvision's operator, computed box by box from the four neighbours.

    Parameters
    ----------
    right
        The call.
    ratio
        Points per section and axis.
    exchanged
        Whether the weights along x are taken along y, and those along y along x.
    """
    return np.stack([_sampled_box(right, box, ratio, exchanged=exchanged) for box in right.boxes])


def _sampled_box(right: Base, box: Array, ratio: int, *, exchanged: bool) -> Array:
    (first_y, weight_y, inside_y), (first_x, weight_x, inside_x) = (
        _neighbours(box[axis], box[axis + 2], right, axis, ratio) for axis in (1, 0)
    )
    cells = right.features[0]
    total = np.zeros((len(cells), len(first_y), len(first_x)))
    rows, columns = np.ix_(first_y, first_x)
    ly, lx = np.meshgrid(weight_y, weight_x, indexing="ij")
    if exchanged:
        ly, lx = lx, ly
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = (ly if down else 1 - ly) * (lx if across else 1 - lx)
        row = np.minimum(rows + down, cells.shape[1] - 1)
        total += share * cells[:, row, np.minimum(columns + across, cells.shape[2] - 1)]
    total *= inside_y[:, None] & inside_x
    blocks = total.reshape(len(cells), 7, ratio, 7, ratio)
    return np.asarray(blocks.mean(axis=(2, 4), dtype=np.float64), np.float32)


def _neighbours(
    start: float, end: float, right: Base, axis: int, ratio: int
) -> tuple[Array, Array, Array]:
    """Return the first neighbour, the weight of the second one, and whether points are inside."""
    count = right.features.shape[3 - axis]
    size = max((end - start) * right.scale, 1)
    at = start * right.scale + (np.arange(7 * ratio) + 0.5) * size / (7 * ratio)
    inside = (at >= -1) & (at <= count)
    at = np.clip(at, 0, count - 1)
    first = np.floor(at).astype(int)
    return first, at - first, inside
