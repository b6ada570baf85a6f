"""What may have been done to features, boxes and outputs around a ROI Align."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.search.remedies import CLIP_ALIKE, KEEP_FRACTIONS

Numbers = NDArray[Any]


def _unchanged(array: Numbers) -> Numbers:
    return array


@dataclass(frozen=True)
class Change:
    """A step before or after a call of `roi_align`, in words, as a function and as code.

    Parameters
    ----------
    text
        What is different, as a clause.
    remedy
        What to change in the exporter or in the calling code, in sentences; "" for nothing.
    before, after
        Lines of Python with NumPy as np that change `features`, `boxes` or `output`, before and
        after the call; "" for none.
    features, boxes, output
        The functions that do the same.
    size
        The factor of the output size of the call.
    tolerance
        By how much values may differ where the change decides by the last digit.
    per_channel
        Whether the change has numbers for each channel.
    by_row
        Whether the change puts boxes into another order, or on other maps.
    """

    text: str
    remedy: str = ""
    before: str = ""
    after: str = ""
    features: Callable[[Numbers], Numbers] = _unchanged
    boxes: Callable[[Numbers], Numbers] = _unchanged
    output: Callable[[Numbers], Numbers] = _unchanged
    size: int = 1
    tolerance: float = 0.0
    per_channel: bool = False
    by_row: bool = False


def bfloat16(values: Numbers) -> Numbers:
    """Round to 8 significant bits, halves to even, as float32."""
    return _with_bits(values, 8)


def tf32(values: Numbers) -> Numbers:
    """Round to 11 significant bits, halves to even, as float32."""
    return _with_bits(values, 11)


def _with_bits(values: Numbers, bits: int) -> Numbers:
    dropped = np.uint32(24 - bits)
    raw = np.ascontiguousarray(values, np.float32).view(np.uint32)
    half = (np.uint32(1) << (dropped - np.uint32(1))) - np.uint32(1)
    even = (raw >> dropped) & np.uint32(1)
    rounded = (raw + half + even) >> dropped << dropped
    return np.asarray(rounded.view(np.float32))


def half(values: Numbers) -> Numbers:
    """Round to float16, as float32."""
    with np.errstate(over="ignore"):
        return values.astype(np.float16).astype(np.float32)


_BFLOAT16 = (
    "(({0}.astype(np.float32).view(np.uint32) + 0x7FFF + "
    "({0}.astype(np.float32).view(np.uint32) >> 16 & 1)) >> 16 << 16).view(np.float32)"
)
_TF32 = (
    "(({0}.astype(np.float32).view(np.uint32) + 0xFFF + "
    "({0}.astype(np.float32).view(np.uint32) >> 13 & 1)) >> 13 << 13).view(np.float32)"
)
_HALF = "{0}.astype(np.float16).astype(np.float32)"

# Name → how it rounds, and the code for it.
ROUNDINGS: dict[str, tuple[Callable[[Numbers], Numbers], str]] = {
    "float16": (half, _HALF),
    "bfloat16": (bfloat16, _BFLOAT16),
    "TF32": (tf32, _TF32),
}

# Name → the largest step between neighbouring numbers, relative to the number.
ROUNDING_STEPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "TF32": 2.0**-10}

# Changes of the features that keep their channels and their size, to try one by one.
FEATURE_CHANGES: tuple[Change, ...] = (
    Change(
        "the channels are reversed",
        "Reverse the channels of the features on one side, for example from BGR to RGB.",
        before="features = features[..., ::-1, :, :]",
        features=lambda maps: maps[:, ::-1],
    ),
    Change(
        "the feature map is flipped left to right",
        "Remove the horizontal flip, or flip the boxes as well.",
        before="features = features[..., ::-1]",
        features=lambda maps: maps[..., ::-1],
    ),
    Change(
        "the feature map is flipped top to bottom",
        "Flip the rows of the features on one side.",
        before="features = features[..., ::-1, :]",
        features=lambda maps: maps[..., ::-1, :],
    ),
    Change(
        "the feature map is transposed",
        "Swap the height and width axes of the features on one side.",
        before="features = np.swapaxes(features, -1, -2)",
        features=lambda maps: np.swapaxes(maps, -1, -2),
    ),
)

# Changes of boxes that no field of a convention expresses, to try one by one.
BOX_CHANGES: tuple[Change, ...] = tuple(
    Change(text, remedy, before=f"boxes = {code}", boxes=function)
    for text, remedy, code, function in (
        (
            "the boxes are rounded to float16",
            "Keep boxes in float32: float16 has steps of half a pixel above 512.",
            _HALF.format("boxes"),
            half,
        ),
        (
            "the boxes are rounded to bfloat16",
            "Keep boxes in float32: bfloat16 has steps of four pixels above 512.",
            _BFLOAT16.format("np.asarray(boxes)"),
            bfloat16,
        ),
        (
            "the boxes are rounded to whole numbers",
            KEEP_FRACTIONS,
            "np.round(boxes)",
            np.round,
        ),
        (
            "the boxes are rounded down to whole numbers",
            KEEP_FRACTIONS,
            "np.floor(boxes)",
            np.floor,
        ),
    )
)

RELU_BEFORE = Change(
    "a ReLU is applied to the features before the ROI Align",
    "Pass the features after the ReLU to both sides.",
    before="features = np.maximum(features, 0)",
    features=lambda maps: np.maximum(maps, 0),
)
RELU_AFTER = Change(
    "a ReLU is applied to the output",
    "Compare with the output before the ReLU, or apply a ReLU to both outputs.",
    after="output = np.maximum(output, 0)",
    output=lambda output: np.maximum(output, 0),
)


def rounded_features(name: str) -> Change:
    """Return the change of features that were rounded to a type."""
    rounding, code = ROUNDINGS[name]
    return Change(
        f"the features are rounded to {name}",
        "Give the same features to both sides, or allow the rounding error of "
        f"{name} (--tolerance).",
        before=f"features = {code.format('features')}",
        features=rounding,
    )


def rounded_output(name: str, largest: float) -> Change:
    """Return the change of an output with a largest value that was rounded to a type."""
    rounding, code = ROUNDINGS[name]
    return Change(
        f"the output is rounded to {name}",
        f"Keep the output in float32, or allow the rounding error of {name} (--tolerance).",
        after=f"output = {code.format('output')}",
        output=rounding,
        tolerance=largest * ROUNDING_STEPS[name],
    )


def moved_boxes(step: tuple[float, float, float, float], text: str, remedy: str) -> Change:
    """Return the change of boxes whose four numbers are moved by four steps."""
    code = ", ".join(f"{number:.9g}" for number in step)
    return Change(
        text,
        remedy,
        before=f"boxes = boxes + [{code}]",
        boxes=lambda boxes: boxes + np.array(step),
    )


def clipped_boxes(width: float, height: float) -> Change:
    """Return the change of boxes as corners that are clipped to an image."""
    limits = ", ".join(f"{limit:.9g}" for limit in (width, height) * 2)
    return Change(
        f"the boxes are clipped to an image of {width:g} × {height:g} pixels (width × height)",
        CLIP_ALIKE,
        before=f"boxes = np.clip(boxes, 0, [{limits}])",
        boxes=lambda boxes: np.clip(boxes, 0, [width, height, width, height]),
    )


def linear(gain: Float, bias: Float, text: str, remedy: str) -> Change:
    """Return the change of an output by a gain and a bias, for all channels or for each."""
    code = "output"
    if (gain != 1).any():
        code += f" * {_code(gain)}"
    if bias.any():
        code += f" + {_code(bias)}"
    scale, shift = gain.reshape(-1, 1, 1), bias.reshape(-1, 1, 1)
    return Change(
        text,
        remedy,
        after=f"output = {code}",
        output=lambda output: output * scale + shift,
        per_channel=max(gain.size, bias.size) > 1,
    )


def _code(numbers: Float) -> str:
    """Return code for one number, or for a number for each channel."""
    if len(numbers) == 1:
        return f"{numbers[0]:.9g}" if numbers[0] >= 0 else f"({numbers[0]:.9g})"
    listed = ", ".join(f"{number:.9g}" for number in numbers.tolist())
    return f"np.array([{listed}])[:, None, None]"


def quantised(step: float, zero_point: int, low: int, high: int, *, raw: bool) -> Change:
    """Return the change of an output that was rounded to integers from low to high."""
    kind = "uint8" if low == 0 else "int8"
    text = f"the output is quantised to {kind} with scale {step:.6g} and zero point {zero_point}"
    zero, back = (f" {sign} {zero_point}" if zero_point else "" for sign in "+-")
    integers = f"np.clip(np.round(output / {step:.9g}){zero}, {low}, {high})"

    def apply(output: Numbers) -> Numbers:
        whole = np.clip(np.round(output / step) + zero_point, low, high)
        return whole if raw else (whole - zero_point) * step

    code = integers if raw else f"({integers}{back}) * {step:.9g}"
    centred = f"(output{back})" if zero_point else "output"
    remedy = f"Dequantise the output: {centred} * {step:.6g}."
    if not raw:
        remedy = f"Allow differences of half a quantisation step ({step / 2:.6g})."
    step_out = 1.0 if raw else step
    return Change(text, remedy, after=f"output = {code}", output=apply, tolerance=1.001 * step_out)
