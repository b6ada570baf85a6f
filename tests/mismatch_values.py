"""Mismatches of the values of the features and of the output, and of how they are stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.mismatch_base import Array, Mismatch, base, level_map, proposals, recording, with_boxes

PHOTOGRAPH = Path(__file__).parents[1] / "sample_data" / "astronaut.png"
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225])


def to_bfloat16(values: Array) -> Array:
    """Round float32 to the nearest bfloat16, ties to even, and return float32."""
    return without_bits(values, 16)


def to_tf32(values: Array) -> Array:
    """Round float32 to 10 binary digits after the point, ties to even, and return float32."""
    return without_bits(values, 13)


def without_bits(values: Array, count: int) -> Array:
    """Round float32 so that the last bits are 0, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.uint64)
    half = np.uint64((1 << (count - 1)) - 1)
    rounded = (bits + half + ((bits >> np.uint64(count)) & np.uint64(1))) >> np.uint64(count)
    return (rounded << np.uint64(count)).astype(np.uint32).view(np.float32)


def to_half(values: Array) -> Array:
    """Round to float16 and return float32."""
    return np.asarray(values.astype(np.float16).astype(np.float32))


def half_features(instance: int) -> Mismatch:
    return cast_features("half-features", instance, "float16", to_half)


def tf32_features(instance: int) -> Mismatch:
    """Return a mismatch that equals `half_features` for values in the range of float16."""
    return cast_features("tf32-features", instance, "tf32", to_tf32)


def cast_features(name: str, instance: int, kind: str, cast: Callable[[Array], Array]) -> Mismatch:
    """Return a mismatch whose output is pooled from features of lower precision."""
    right = base(instance)
    return right.mismatch(
        name,
        f"The features were rounded to {kind} before they were pooled.",
        {"cast": kind, "of": ("features",)},
        expected=right.pooled(features=cast(right.features)),
    )


def half_coordinates(instance: int) -> Mismatch:
    right = base(instance)
    return right.mismatch(
        "half-coordinates",
        "The boxes were rounded to float16 before they were pooled.",
        {"cast": "float16", "of": ("boxes",)},
        expected=right.pooled(right.boxes.astype(np.float16).astype(np.float64)),
    )


def half_features_and_coordinates(instance: int) -> Mismatch:
    right = base(instance)
    boxes = right.boxes.astype(np.float16).astype(np.float64)
    output = right.pooled(boxes, features=to_half(right.features))
    return right.mismatch(
        "half-both",
        "The features, the boxes and the output were rounded to float16.",
        {"cast": "float16", "of": ("features", "boxes", "output")},
        expected=output.astype(np.float16),
    )


def half_kernel(instance: int) -> Mismatch:
    """Return the output of torchvision's operator in float16, coordinates included."""
    output = recording(instance)["pooled_in_half"]
    features = recording(instance)["P4"][None, : output.shape[1]].astype(np.float32)
    right = with_boxes(instance, proposals(instance)[: len(output)], features)
    return right.mismatch(
        "half-kernel",
        "The output is of an operator that computes in float16.",
        {"cast": "float16", "of": ("features", "boxes", "arithmetic", "output")},
        expected=output,
    )


def bfloat16(instance: int) -> Mismatch:
    right = base(instance)
    of = (("output",), ("features", "output"))[instance]
    features = to_bfloat16(right.features) if instance else right.features
    return right.mismatch(
        "bfloat16",
        f"The {' and the '.join(of)} {('was', 'were')[instance]} rounded to bfloat16.",
        {"cast": "bfloat16", "of": of},
        expected=to_bfloat16(right.pooled(features=features)),
    )


def quantised(output: Array, kind: str) -> tuple[Array, float, int]:
    """Return an output as int8 (symmetric) or uint8 (from smallest to largest), scale and zero."""
    if kind == "int8":
        scale, zero = float(np.abs(output).max()) / 127, 0
    else:
        scale = float(np.ptp(output)) / 255
        zero = round(-float(output.min()) / scale)
    limits = np.iinfo(kind)
    whole = np.round(output / scale) + zero
    return whole.clip(limits.min, limits.max).astype(kind), scale, zero


def int8_raw(instance: int) -> Mismatch:
    right = base(instance)
    output, scale, zero = quantised(right.output, "int8")
    return right.mismatch(
        "int8-raw",
        "The output is the whole numbers of int8, without their scale.",
        {"quantised": ("int8", scale, zero)},
        expected=output,
    )


def int8_dequantised(instance: int) -> Mismatch:
    right = base(instance)
    output, scale, zero = quantised(right.output, "int8")
    return right.mismatch(
        "int8-dequantised",
        "The output was rounded to int8 and multiplied by its scale again.",
        {"dequantised": ("int8", scale, zero)},
        expected=output.astype(np.float32) * np.float32(scale),
    )


def uint8_zero_point(instance: int) -> Mismatch:
    right = base(instance)
    output, scale, zero = quantised(right.output, "uint8")
    return right.mismatch(
        "uint8-zero-point",
        "The output is the whole numbers of uint8, with a zero point.",
        {"quantised": ("uint8", scale, zero)},
        expected=output,
    )


def noise(instance: int) -> Mismatch:
    right = base(instance)
    share = (1 + 5e-4 * right.random.normal(size=right.output.shape)).astype(np.float32)
    cause = "The output has random noise of 5e-4 of each value."
    return right.mismatch("noise", cause, {"noise": 5e-4}, expected=right.output * share)


def random_output(instance: int) -> Mismatch:
    right = base(instance)
    random = right.random.normal(right.output.mean(), right.output.std(), right.output.shape)
    return right.mismatch(
        "random-output",
        "The output has nothing to do with the features.",
        {"unrelated": True},
        expected=random.astype(np.float32),
    )


def gain_and_bias(name: str, instance: int, gain: Array, bias: Array, cause: str) -> Mismatch:
    """Return a mismatch with output · gain + bias, one number or one for each channel."""
    right = base(instance)
    output = right.output * gain.reshape(-1, 1, 1) + bias.reshape(-1, 1, 1)
    truth = {"gain": gain, "bias": bias}
    return right.mismatch(name, cause, truth, expected=output.astype(np.float32))


def channel_gains(instance: int) -> Mismatch:
    right = base(instance)
    channels = right.features.shape[1]
    random = right.random
    gain, bias = random.uniform(0.2, 3, size=(channels,)), random.normal(0, 20, size=(channels,))
    cause = "Each channel of the output has a gain and a bias of its own."
    return gain_and_bias("gain-bias", instance, gain, bias, cause)


def divided_by_255(instance: int) -> Mismatch:
    gain = np.array((1 / 255, 255.0)[instance])
    cause = f"The output is {('divided', 'multiplied')[instance]} by 255."
    return gain_and_bias("gain-255", instance, gain, np.zeros(1), cause)


def imagenet(instance: int) -> Mismatch:
    """Return pixels pooled from a photograph that was normalised, or was not."""
    pixels = np.asarray(Image.open(PHOTOGRAPH).convert("RGB"), np.float32).transpose(2, 0, 1)
    photograph = pixels[None, :, :, :: 1 - 2 * instance] / np.float32(255)
    boxes = proposals(instance, None)[:180] * 512 / max(base(instance).image_size)
    right = with_boxes(instance, boxes, np.ascontiguousarray(photograph), 1.0)
    gain, bias = 1 / IMAGENET_DEVIATION, -IMAGENET_MEAN / IMAGENET_DEVIATION
    if instance:
        gain, bias = IMAGENET_DEVIATION, IMAGENET_MEAN
    output = right.output * gain.reshape(-1, 1, 1) + bias.reshape(-1, 1, 1)
    return right.mismatch(
        "gain-imagenet",
        f"The {('output', 'map')[instance]} is normalised by ImageNet's mean and deviation.",
        {"gain": gain, "bias": bias},
        expected=output.astype(np.float32),
    )


def relu_before(instance: int) -> Mismatch:
    right = base(instance)
    return right.mismatch(
        "relu-before",
        "Negative features were set to 0 before they were pooled.",
        {"relu": "before"},
        expected=right.pooled(features=np.maximum(right.features, 0)),
    )


def relu_after(instance: int) -> Mismatch:
    right = base(instance)
    return right.mismatch(
        "relu-after",
        "Negative outputs were set to 0.",
        {"relu": "after"},
        expected=np.maximum(right.output, 0),
    )


def ordered_channels(name: str, instance: int, channels: Array, cause: str) -> Mismatch:
    """Return a mismatch whose output channel k is the map's channel `channels[k]`."""
    right = base(instance)
    truth: dict[str, Any] = {"channels": channels}
    return right.mismatch(name, cause, truth, expected=right.output[:, channels])


def reversed_channels(instance: int) -> Mismatch:
    channels = np.arange(level_map(instance).shape[1])[::-1]
    cause = "The channels of the output are in reverse order."
    return ordered_channels("channels-reversed", instance, channels, cause)


def permuted_channels(instance: int) -> Mismatch:
    channels = base(instance).random.permutation(level_map(instance).shape[1])
    cause = "The channels of the output are in another order."
    return ordered_channels("channels-permuted", instance, channels, cause)
