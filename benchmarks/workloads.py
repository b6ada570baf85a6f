"""The workloads, A to I, and their random inputs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import Pooling


@dataclass(frozen=True)
class Workload:
    """One row of the benchmark; box sides in cells."""

    name: str
    channels: int
    map_size: tuple[int, int]
    boxes: int
    sides: tuple[float, float]
    output_size: int
    sampling_ratio: int
    pooling: Pooling = "avg"

    def __str__(self) -> str:
        height, width = self.map_size
        points = f"ratio {self.sampling_ratio}" if self.sampling_ratio else "adaptive"
        low, high = self.sides
        return (
            f"{self.channels} ch, {height} × {width}, {self.boxes} boxes of {low:g}–{high:g}, "
            f"{self.output_size} × {self.output_size}, {points}, {self.pooling}"
        )

    def inputs(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return features (1, C, H, W) and boxes (R, 4), all inside the map."""
        rng = np.random.default_rng(0)
        features = rng.standard_normal((1, self.channels, *self.map_size), dtype=np.float32)
        size = np.array(self.map_size[::-1], np.float64)
        sides = np.minimum(rng.uniform(*self.sides, (self.boxes, 2)), size)
        corner = rng.uniform(0, 1, (self.boxes, 2)) * (size - sides)
        return features, np.concatenate([corner, corner + sides], axis=1).astype(np.float32)


_A = Workload("A", 256, (50, 76), 1000, (2, 20), 7, 2)
_B = Workload("B", 256, (200, 304), 200, (20, 100), 7, 0)

WORKLOADS = (
    _A,
    _B,
    Workload("C", 256, (50, 50), 1000, (2, 20), 14, 0),
    Workload("D", 64, (128, 128), 2000, (5, 40), 7, 2),
    Workload("E", 3, (512, 512), 2000, (10, 100), 7, 0),
    Workload("F", 1, (16, 16), 1, (3, 10), 3, 2),
    replace(_A, name="G", pooling="max"),
    replace(_B, name="H", pooling="max"),
    Workload("I", 1, (64, 64), 5000, (3, 20), 7, 2),
)
