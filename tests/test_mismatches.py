"""Every mismatch can be made and has the properties that it states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.mismatch_base import Mismatch, base, pool
from tests.mismatch_kernels import few_boxes, sampled
from tests.mismatch_values import to_bfloat16, to_tf32
from tests.mismatches import INSTANCES, MISMATCHES, mismatches

PERMUTED = ("rows-permuted", "rows-by-score", "rows-by-area", "rows-swapped")
REORDERED = (*PERMUTED, "rows-top-100", "rows-padded", "rows-duplicated")


def right_output(mismatch: Mismatch) -> Any:
    """Return the output of torchvision's roi_align for what the engineer gives."""
    boxes = mismatch.boxes
    call: dict[str, Any] = {"spatial_scale": base(mismatch.instance).scale} | mismatch.known
    if mismatch.name.startswith("kernel-"):
        call["sampling_ratio"] = mismatch.truth["sampling_ratio"]
    if mismatch.name == "batch-last-column":
        boxes = boxes[:, list(mismatch.truth["columns"])]
    return pool(mismatch.features, boxes, **call | {"convention": "torchvision"})


@pytest.mark.parametrize("name", MISMATCHES)
def test_both_instances_are_valid_and_differ(name: str) -> None:
    first, second = (MISMATCHES[name](instance) for instance in INSTANCES)
    for instance, mismatch in enumerate((first, second)):
        assert (mismatch.name, mismatch.instance) == (name, instance)
        check_inputs(mismatch)
        check_output(mismatch)
    assert not np.array_equal(first.features, second.features)
    assert not np.array_equal(first.boxes, second.boxes)


def check_inputs(mismatch: Mismatch) -> None:
    assert mismatch.features.dtype == np.float32
    assert mismatch.features.ndim == 4
    assert mismatch.boxes.shape[1] in {4, 5}
    assert mismatch.cause.endswith(".")
    assert mismatch.truth
    assert np.isfinite(mismatch.features).all()
    assert np.isfinite(mismatch.boxes).all()
    assert np.isfinite(mismatch.expected).all() == (mismatch.name != "rows-nan")


def check_output(mismatch: Mismatch) -> None:
    right = right_output(mismatch)
    if mismatch.name in {"mode-opset-11", "batch-last-column"}:  # the call is wrong
        np.testing.assert_array_equal(mismatch.expected, right)
    elif mismatch.expected.shape == right.shape:
        assert not np.allclose(mismatch.expected, right, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("instance", INSTANCES)
@pytest.mark.parametrize("name", REORDERED)
def test_rows_are_those_of_the_named_boxes(name: str, instance: int) -> None:
    mismatch, right = MISMATCHES[name](instance), base(instance).output
    rows = mismatch.truth["rows"]
    kept = rows >= 0
    np.testing.assert_array_equal(mismatch.expected[kept], right[rows[kept]])
    assert not mismatch.expected[~kept].any()
    if name in PERMUTED:
        np.testing.assert_array_equal(np.sort(rows), np.arange(180))


@pytest.mark.parametrize("instance", INSTANCES)
@pytest.mark.parametrize("name", ["channels-reversed", "channels-permuted"])
def test_channels_are_those_of_the_named_ones(name: str, instance: int) -> None:
    mismatch = MISMATCHES[name](instance)
    channels = mismatch.truth["channels"]
    np.testing.assert_array_equal(np.sort(channels), np.arange(64))
    np.testing.assert_array_equal(mismatch.expected, base(instance).output[:, channels])


# Mismatches whose truth says how to make the output from the given features and boxes.
REPRODUCED = [
    name
    for name in MISMATCHES
    if name.startswith(("scale-", "boxes-", "kernel-", "mode-", "ratio-", "gain-", "letterbox"))
    and name not in {"boxes-clipped", "kernel-exchanged-weights", "kernel-no-division"}
]


@pytest.mark.parametrize("instance", INSTANCES)
@pytest.mark.parametrize("name", REPRODUCED)
def test_the_truth_makes_the_output(name: str, instance: int) -> None:
    mismatch = MISMATCHES[name](instance)
    size = np.abs(mismatch.expected).max()
    np.testing.assert_allclose(remade(mismatch), mismatch.expected, rtol=0, atol=1e-5 * size)


def remade(mismatch: Mismatch) -> Any:
    """Pool the given features and boxes with what the truth says."""
    truth = mismatch.truth
    scale = 1.0 if mismatch.name == "gain-imagenet" else base(mismatch.instance).scale
    shift = np.array(truth.get("shift", (0, 0)))[::-1]
    end_shift = shift + np.array(truth.get("end_shift", (0, 0)))[::-1]
    boxes = mismatch.boxes + np.concatenate([shift, end_shift]) / scale
    named = {key: truth[key] for key in ("spatial_scale", "sampling_ratio") if key in truth}
    call = {"spatial_scale": scale} | named | truth.get("fields", {})
    gain, bias = np.array(truth.get("gain", 1)), np.array(truth.get("bias", 0))
    return pool(mismatch.features, boxes, **call) * gain.reshape(-1, 1, 1) + bias.reshape(-1, 1, 1)


@pytest.mark.parametrize("instance", INSTANCES)
def test_only_the_boxes_of_one_level_match(instance: int) -> None:
    mismatch = MISMATCHES["level-of-some-boxes"](instance)
    same = np.isclose(mismatch.expected, right_output(mismatch), atol=1e-3).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(np.flatnonzero(same), mismatch.truth["rows_that_match"])


@pytest.mark.parametrize("instance", INSTANCES)
@pytest.mark.parametrize("ratio", [2, 3])
def test_the_slow_operator_is_right_without_its_bug(instance: int, ratio: int) -> None:
    right = few_boxes(instance)
    output = right.pooled(sampling_ratio=ratio)
    np.testing.assert_allclose(sampled(right, ratio), output, rtol=0, atol=1e-3)


def test_values_are_rounded_to_the_nearest_short_ones() -> None:
    values = np.array([1, 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-7, 1 + 2**-9], np.float32)
    expected = [1, 1, 1 + 2**-6, -1 - 2**-7, 1]
    np.testing.assert_array_equal(to_bfloat16(values), np.array(expected, np.float32))
    np.testing.assert_array_equal(to_tf32(values), np.array(values, np.float32))


def test_mismatches_are_made_one_after_the_other() -> None:
    made_first = next(mismatches())
    assert (made_first.name, made_first.instance) == (next(iter(MISMATCHES)), 0)
