"""The inputs and the right outputs that every mismatch starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli import roi_align

Array = NDArray[Any]

FILES = Path(__file__).parent / "golden" / "mismatches"
SIZE = (7, 7)
STRIDES = {"P3": 8, "P4": 16, "P5": 32}
# The files hold float16. Their product with this number needs the precision of float32.
FEATURE_GAIN = np.float32(1.0371)


@dataclass(frozen=True)
class Mismatch:
    """A call of `identify` whose output was made with one thing wrong.

    Parameters
    ----------
    name
        What is wrong, in a few words.
    instance
        0 or 1: the model's run that the features are from, and the numbers of the mistake.
    features
        (N, C, H, W), float32.
    boxes
        (R, 4), or (R, 5) with the batch index, as an engineer would give them.
    expected
        The output with the one thing wrong.
    known
        Keywords that the engineer would give to `identify`.
    truth
        What is wrong, in numbers. "shift" of the boxes and "end_shift" of their
        second corner are (y, x) in cells; "rows" holds the box of each row of
        the output, -1 for none; "channels" holds the map channel of each output channel; "columns"
        holds the given column of the batch index, x1, y1, x2 and y2.
    cause
        What is wrong, in one sentence.
    """

    name: str
    instance: int
    features: Array
    boxes: Array
    expected: Array
    known: dict[str, Any]
    truth: dict[str, Any]
    cause: str


@dataclass(frozen=True)
class Base:
    """A call of torchvision's roi_align and its right output.

    Parameters
    ----------
    features
        (1, C, H, W), float32.
    boxes
        (R, 4), float64: corners in pixels of the model's input.
    output
        (R, C, 7, 7), float32, with a sampling ratio of 2.
    image_size
        Height and width of the model's input, in pixels.
    scale
        Cells per pixel.
    instance
        0 or 1.
    """

    features: Array
    boxes: Array
    output: Array
    image_size: tuple[int, int]
    scale: float
    instance: int

    @property
    def random(self) -> np.random.Generator:
        """A new generator of the instance's random numbers."""
        return np.random.default_rng(31 + self.instance)

    def pooled(self, boxes: Array | None = None, **changed: Any) -> Array:
        """Pool with other boxes or other keywords of roi_align."""
        call: dict[str, Any] = {"features": self.features, "spatial_scale": self.scale} | changed
        return pool(call.pop("features"), self.boxes if boxes is None else boxes, **call)

    def mismatch(self, name: str, cause: str, truth: dict[str, Any], **changed: Any) -> Mismatch:
        """Return a mismatch of this call: only what is `changed` differs from the right call.

        The scale is known in instance 0; in instance 1 it must be found.
        """
        call: dict[str, Any] = {
            "features": self.features,
            "boxes": self.boxes,
            "expected": self.output,
            "known": {} if self.instance else {"spatial_scale": self.scale},
        } | changed
        return Mismatch(name=name, instance=self.instance, truth=truth, cause=cause, **call)


def pool(features: Array, boxes: Array, output_size: Any = SIZE, **changed: Any) -> Array:
    """Return the output of torchvision's roi_align with some keywords changed."""
    call: dict[str, Any] = {"convention": "torchvision", "sampling_ratio": 2} | changed
    if call["convention"] == "roi-pool":
        del call["sampling_ratio"]
    return np.asarray(roi_align(features, boxes, output_size, **call))


@cache
def recording(instance: int) -> dict[str, Array]:
    """Return the arrays of one run of the model."""
    with np.load(FILES / f"{instance}.npz") as file:
        return {name: file[name] for name in file.files}


@cache
def level_map(instance: int, level: str = "P4") -> Array:
    """Return the map of a level: (1, C, H, W), float32."""
    return recording(instance)[level][None].astype(np.float32) * FEATURE_GAIN


def proposals(instance: int, level: int | None = 4) -> Array:
    """Return the boxes of a level, or of all levels for None: (R, 4), float64."""
    arrays = recording(instance)
    chosen = slice(None) if level is None else arrays["levels"] == level
    return arrays["boxes"][chosen].astype(np.float64)


@cache
def base(instance: int) -> Base:
    """Return the call with 180 boxes and 64 channels of P4."""
    return with_boxes(instance, proposals(instance)[:180])


def with_boxes(
    instance: int, boxes: Array, features: Array | None = None, scale: float = 1 / STRIDES["P4"]
) -> Base:
    """Return a call with other boxes, and with P4 or another map."""
    features = level_map(instance) if features is None else features
    output = pool(features, boxes, spatial_scale=scale)
    height, width = recording(instance)["image_size"].tolist()
    return Base(features, boxes, output, (height, width), scale, instance)


def grown(boxes: Array, factor: float) -> Array:
    """Return boxes that are larger by a factor around their centres."""
    corners = boxes.reshape(-1, 2, 2)
    centres = corners.mean(axis=1, keepdims=True)
    return np.asarray((centres + factor * (corners - centres)).reshape(-1, 4))
