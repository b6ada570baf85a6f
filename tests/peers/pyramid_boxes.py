"""The boxes of which libraries choose the level of a pyramid. Needs nothing but NumPy."""

from __future__ import annotations

import numpy as np

from tests.peers.cases import Array

# The sizes in pixels at which levels change, with and without rounding to the nearest level.
BOUNDARIES = (56, 79.19596, 112, 158.39192, 224, 316.78384, 448)
# How many float32 numbers below and above each boundary are the side of a square box.
NEIGHBOURS = 300
# The number of boxes of each kind.
KINDS = {
    "random": 40_000,  # anywhere, of any size and shape
    "near": 40_000,  # of any shape, with an area near a boundary
    "whole": 11_000,  # all coordinates are whole numbers
    "inverted": 3_000,  # along x, y or both
    "empty": 1_793,  # without width, height or both
}


def pyramid_boxes() -> Array:
    """Return 100,000 boxes, x1, y1, x2, y2 in pixels, (R, 4), float32."""
    rng = np.random.default_rng(224)
    made = [_square(), *(_boxes(kind, count, rng) for kind, count in KINDS.items())]
    return np.concatenate(made)


def _square() -> Array:
    """Return square boxes at (0, 0), with all sides within some float32 numbers of a boundary."""
    steps = np.arange(-NEIGHBOURS, NEIGHBOURS + 1)
    bits = np.array(BOUNDARIES, np.float32).view(np.int32)[:, None] + steps
    side = bits.astype(np.int32).view(np.float32).reshape(-1)
    return np.stack([0 * side, 0 * side, side, side], axis=1)


def _boxes(kind: str, count: int, rng: np.random.Generator) -> Array:
    size = 2.0 ** rng.uniform(2, 10.5, count)
    if kind == "near":
        size = rng.choice(BOUNDARIES, count) * (1 + 1e-6 * rng.normal(size=count))
    shape = 2.0 ** rng.uniform(-1.5, 1.5, count)
    sides = np.stack([size * shape, size / shape], axis=1)
    start = rng.uniform(0, 600, (count, 2))
    if kind == "whole":
        start, sides = np.floor(start), np.maximum(np.rint(sides), 1)
    turns = np.array([[1, 1], [1, 0], [0, 1]])[np.arange(count) % 3]
    if kind == "inverted":
        sides = np.where(turns, -sides, sides)
    if kind == "empty":
        sides = np.where(turns, 0, sides)
    return np.concatenate([start, start + sides], axis=1).astype(np.float32)
