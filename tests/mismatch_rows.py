"""Mismatches of the rows of the output, of its axes and of the maps of its boxes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.mismatch_base import Array, Mismatch, base, pool


def ordered_rows(name: str, instance: int, rows: Array, cause: str, **truth: Any) -> Mismatch:
    """Return a mismatch whose output row k is of box `rows[k]`, or zero for -1."""
    right = base(instance)
    output = right.output[rows]
    output[rows < 0] = 0
    return right.mismatch(name, cause, {"rows": rows, **truth}, expected=output)


def permuted_rows(instance: int) -> Mismatch:
    rows = base(instance).random.permutation(180)
    cause = "The rows of the output are in another order."
    return ordered_rows("rows-permuted", instance, rows, cause)


def rows_by_score(instance: int) -> Mismatch:
    score = np.random.default_rng(7 + instance).beta(2, 5, 180)
    cause = "The rows of the output are sorted by scores, which are not given."
    return ordered_rows("rows-by-score", instance, np.argsort(-score), cause)


def rows_by_area(instance: int) -> Mismatch:
    boxes = base(instance).boxes
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    order = np.argsort((-area, area)[instance], kind="stable")
    cause = f"The rows of the output are sorted by area, {('largest', 'smallest')[instance]} first."
    return ordered_rows("rows-by-area", instance, order, cause)


def swapped_rows(instance: int) -> Mismatch:
    pair = ((0, 1), (17, 121))[instance]
    rows = np.arange(180)
    rows[list(pair)] = pair[::-1]
    cause = f"Rows {pair[0]} and {pair[1]} of the output are swapped."
    return ordered_rows("rows-swapped", instance, rows, cause, swapped_rows=pair)


def top_rows(instance: int) -> Mismatch:
    order = base(instance).random.permutation(180) if instance else np.arange(180)
    cause = ("The output has only the first 100 boxes.", "The output has the best 100 boxes.")
    return ordered_rows("rows-top-100", instance, order[:100], cause[instance])


def padded_rows(instance: int) -> Mismatch:
    count = (200, 256)[instance]
    rows = np.r_[np.arange(180), np.full(count - 180, -1)]
    cause = f"The output is padded with zeros to {count} rows."
    return ordered_rows("rows-padded", instance, rows, cause)


def duplicated_rows(instance: int) -> Mismatch:
    if instance:
        rows = np.arange(180)
        rows[5::18] = rows[4::18]
        cause = "Ten rows of the output repeat the row before them."
    else:
        rows = np.repeat(np.arange(180), 2)
        cause = "Every row of the output is there twice."
    return ordered_rows("rows-duplicated", instance, rows, cause)


def reshaped(name: str, instance: int, shape: tuple[int, ...], cause: str) -> Mismatch:
    """Return a mismatch whose output has another shape, with its values in the same order."""
    right = base(instance)
    output = right.output.reshape(shape)
    return right.mismatch(name, cause, {"shape": output.shape}, expected=output)


def flat_rows(instance: int) -> Mismatch:
    cause = "Each row of the output is one vector."
    return reshaped("shape-flat", instance, (180, 64 * 49), cause)


def flat_sections(instance: int) -> Mismatch:
    cause = "The sections of the output are on one axis."
    return reshaped("shape-flat-sections", instance, (180, 64, 49), cause)


def one_batch(instance: int) -> Mismatch:
    cause = "The output has a batch axis of length 1."
    return reshaped("shape-batch-axis", instance, (1, 180, 64, 7, 7), cause)


def batch_of_rows(instance: int) -> Mismatch:
    features, boxes, output = two_maps(instance, np.repeat([0, 1], 90))
    return base(instance).mismatch(
        "shape-two-batches",
        "The output has an axis of maps, and one of the boxes of a map.",
        {"shape": (2, 90, 64, 7, 7)},
        features=features,
        boxes=boxes,
        expected=output.reshape(2, 90, 64, 7, 7),
    )


def transposed(name: str, instance: int, layout: str, cause: str) -> Mismatch:
    """Return a mismatch whose output has its axes in another order."""
    axes = ["RCHW".index(axis) for axis in layout]
    right = base(instance)
    output = np.ascontiguousarray(right.pooled(output_size=(7, 5)).transpose(axes))
    return right.mismatch(name, cause, {"layout": layout}, expected=output)


def channels_last(instance: int) -> Mismatch:
    return transposed("layout-nhwc", instance, "RHWC", "The channels of the output are last.")


def sections_transposed(instance: int) -> Mismatch:
    cause = "The height and the width of the output are swapped."
    return transposed("layout-nchw-transposed", instance, "RCWH", cause)


def two_maps(instance: int, index: Array) -> tuple[Array, Array, Array]:
    """Return two maps, boxes (R, 5) with the map of each, and the output."""
    right = base(instance)
    turned = right.features[:, :, ::-1, ::-1] * np.float32(0.9)
    features = np.concatenate([right.features, turned])
    boxes = np.column_stack([index, right.boxes])
    return features, boxes, pool(features, boxes, spatial_scale=right.scale)


def wrong_maps(name: str, instance: int, real: Array, given: Array, cause: str) -> Mismatch:
    """Return a mismatch whose boxes are pooled from other maps than those given."""
    right = base(instance)
    features, _, output = two_maps(instance, real)
    call: dict[str, Any] = {"boxes": np.column_stack([given, right.boxes])}
    if instance:  # the index as an argument of its own
        call = {"boxes": right.boxes, "known": {"spatial_scale": right.scale, "batch_index": given}}
    return right.mismatch(
        name, cause, {"batch_index": real}, features=features, expected=output, **call
    )


def unequal_batches(instance: int) -> Mismatch:
    first = (100, 64)[instance]
    cause = f"The first map has {first} boxes, and not the first half."
    real = np.repeat([0, 1], [first, 180 - first])
    return wrong_maps("batch-unequal", instance, real, np.repeat([0, 1], 90), cause)


def interleaved_batches(instance: int) -> Mismatch:
    in_turn, in_halves = np.arange(180) % 2, np.repeat([0, 1], 90)
    real, given = ((in_turn, in_halves), (in_halves, in_turn))[instance]
    cause = ("The boxes are of the two maps in turn.", "The boxes of the first map come first.")
    return wrong_maps("batch-interleaved", instance, real, given, cause[instance])


def swapped_batches(instance: int) -> Mismatch:
    first = (90, 70)[instance]
    given = np.repeat([0, 1], [first, 180 - first])
    cause = "The two maps are swapped."
    return wrong_maps("batch-swapped", instance, 1 - given, given, cause)


def batch_in_last_column(instance: int) -> Mismatch:
    index = (np.repeat([0, 1], 90), np.arange(180) % 2)[instance]
    features, boxes, output = two_maps(instance, index)
    return base(instance).mismatch(
        "batch-last-column",
        "The map of a box is in the last column and not in the first.",
        {"columns": (4, 0, 1, 2, 3), "batch_index": index},
        features=features,
        boxes=boxes[:, [1, 2, 3, 4, 0]],
        expected=output,
    )


def rows_of_nan(instance: int) -> Mismatch:
    right = base(instance)
    rows = np.arange(180)[(0, 3)[instance] :: 10]
    output = right.output.copy()
    output[rows] = np.nan
    cause = "Every tenth row of the output is NaN."
    return right.mismatch("rows-nan", cause, {"nan_rows": rows}, expected=output)


def mixed_rows(instance: int) -> Mismatch:
    right = base(instance)
    rows = (np.arange(0, 180, 2), np.arange(90, 180))[instance]
    other = ("torchvision-aligned", "roi-pool")[instance]
    output = right.output.copy()
    output[rows] = right.pooled(right.boxes[rows], convention=other)
    cause = "Half the rows of the output are of another convention."
    truth = {"other_rows": rows, "other_convention": other}
    return right.mismatch("rows-mixed", cause, truth, expected=output)
