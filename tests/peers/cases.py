"""The calls that every peer runs, and the file of its outputs. Needs nothing but NumPy."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

GOLDEN = Path(__file__).parents[1] / "golden"
MAP_SIZE = (17, 21)
# Boxes of each kind among every hundred.
KINDS = {
    "inside": 25,
    "across": 20,  # over one border or several
    "whole": 12,  # all coordinates are whole numbers
    "half": 8,  # all coordinates are multiples of one half
    "tiny": 10,  # smaller than a cell
    "large": 8,  # larger than the map
    "outside": 5,
    "empty": 6,  # without width, height or both
    "inverted": 6,  # along x, y or both
}


@dataclass(frozen=True)
class Inputs:
    """What a peer is given.

    Parameters
    ----------
    features
        (2, C, 17, 21), float32, from -1 to 1.
    boxes
        (R, 4), float32, x1, y1, x2, y2 on the map.
    batch_index
        (R,), 0 or 1.
    names
        (R,), the kind of each box, a key of `KINDS`.
    """

    features: Array
    boxes: Array
    batch_index: Array
    names: Array

    def take(self, rows: slice, without: Sequence[str] = ()) -> Inputs:
        """Return the inputs of some boxes, without those of some kinds."""
        kept = np.flatnonzero(~np.isin(self.names[rows], without)) + (rows.start or 0)
        return Inputs(self.features, self.boxes[kept], self.batch_index[kept], self.names[kept])


def inputs(channels: int = 2, hundreds: int = 10) -> Inputs:
    """Return features and so many hundred boxes, the same for every peer."""
    rng = np.random.default_rng(20)
    height, width = MAP_SIZE
    features = rng.uniform(-1, 1, (2, channels, height, width)).astype(np.float32)
    names = [kind for kind, count in KINDS.items() for _ in range(count)] * hundreds
    boxes = [_box(kind, number, rng) for number, kind in enumerate(names)]
    batch_index = rng.integers(0, 2, len(boxes))
    return Inputs(features, np.array(boxes, np.float32), batch_index, np.array(names))


def _box(kind: str, number: int, rng: np.random.Generator) -> list[float]:
    height, width = MAP_SIZE
    size = np.array([width, height])
    low, high = np.sort(rng.uniform(0, 1, (2, 2)), axis=0) * size
    if kind in {"across", "outside"}:
        away = (1.0 if kind == "outside" else 0.5) * (size + 2) * rng.choice([-1, 1], 2)
        away *= [[1, 1], [1, 0], [0, 1]][number % 3]
        low, high = low + away, high + away
    elif kind == "whole":
        low, high = np.floor(low), np.ceil(high)
    elif kind == "half":
        low, high = np.floor(2 * low) / 2, np.ceil(2 * high) / 2
    elif kind == "tiny":
        high = low + rng.uniform(0.01, 1, 2)
    elif kind == "large":
        low, high = low - size, high + size
    elif kind == "empty":
        high = np.where([[True, True], [True, False], [False, True]][number % 3], low, high)
    elif kind == "inverted":
        inverted = np.array([[True, True], [True, False], [False, True]][number % 3])
        low, high = np.where(inverted, high, low), np.where(inverted, low, high)
    return [*low.tolist(), *high.tolist()]


def write(
    name: str, given: Inputs, calls: Sequence[dict[str, Any]], run: Callable[..., Array]
) -> None:
    """Run every call on a hundred boxes of its own and save the outputs in tests/golden.

    Parameters
    ----------
    name
        The name of the file, without suffix.
    given
        The features and the boxes of all calls.
    calls
        What describes each call: "framework", "version", "op", "output_size", "spatial_scale",
        its parameters, and in "without" the kinds of boxes that the peer cannot take.
    run
        Called with the features, the boxes divided by the scale, the batch index and the call;
        returns (R, C, height, width), float32.
    """
    outputs: dict[str, Any] = {}
    meta = []
    for number, call in enumerate(calls):
        start = number * 100 % len(given.boxes)
        part = given.take(slice(start, start + 100), call.get("without", ()))
        boxes = part.boxes / np.float32(call["spatial_scale"])
        entry = {"key": f"y{number:03}", **call, "rows": [start, start + 100]}
        outputs[entry["key"]] = np.asarray(run(part.features, boxes, part.batch_index, call))
        meta.append(entry)
    np.savez_compressed(
        GOLDEN / f"{name}.npz",
        features=given.features,
        boxes=given.boxes,
        batch_index=given.batch_index,
        names=given.names,
        meta=np.array(json.dumps(meta)),
        **outputs,
    )
