"""A slow, obvious ROI Align: scalar Python straight from the rules, one convention field a line.

It shares no code with the package. Coordinates are float32 where the rule says so, through
np.float32 scalars.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.conventions import Convention


def roi_align_oracle(
    features: NDArray[Any],
    boxes_xyxy: NDArray[Any],
    output_size: tuple[int, int],
    convention: Convention,
    scale: float = 1.0,
) -> NDArray[np.float64]:
    """Pool (C, H, W) features for (R, 4) boxes with y down; returns (R, C, height, width)."""
    double = convention.double_geometry or features.dtype == np.float64
    number = np.float64 if double else np.float32
    channels, height, width = features.shape
    out = np.empty((len(boxes_xyxy), channels, *output_size))
    for r, box in enumerate(boxes_xyxy):
        x1, y1, x2, y2 = (number(v) for v in box)
        ys = axis_points(y1, y2, number(scale), output_size[0], convention)
        xs = axis_points(x1, x2, number(scale), output_size[1], convention)
        for c in range(channels):
            for j in range(output_size[0]):
                for i in range(output_size[1]):
                    values = [
                        value_at(features[c], py, px, height, width) for py in ys[j] for px in xs[i]
                    ]
                    out[r, c, j, i] = reduced(values, convention)
    return out


def axis_points(a: Any, b: Any, scale: Any, sections: int, convention: Convention) -> Any:
    number = type(a)
    start = number(a * scale) - number(convention.offset)
    size = number(b * scale) - number(convention.offset) - start
    if convention.min_size:
        size = max(size, number(convention.min_size))
    section = number(size / number(sections))
    points = []
    for i in range(sections):
        if convention.points == "dividers":
            parts = convention.divide or sections
            steps = [number(number(n) * section) / number(parts) for n in range(1, parts)]
        else:
            grid = convention.sampling_ratio or math.ceil(section)
            steps = [number(number(q + 0.5) * section) / number(grid) for q in range(grid)]
        along = [number(number(start + number(i) * section) + step) for step in steps]
        if convention.coordinate_decimals is not None:
            along = [number(round(float(p), convention.coordinate_decimals)) for p in along]
        points.append(along)
    return points


def value_at(cells: NDArray[Any], y: Any, x: Any, height: int, width: int) -> float:
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y0, y1, wy = neighbours(y, height)
    x0, x1, wx = neighbours(x, width)
    return float(
        (1 - wy) * (1 - wx) * float(cells[y0, x0])
        + (1 - wy) * wx * float(cells[y0, x1])
        + wy * (1 - wx) * float(cells[y1, x0])
        + wy * wx * float(cells[y1, x1])
    )


def neighbours(position: Any, cells: int) -> tuple[int, int, float]:
    p = max(float(position), 0.0)
    lower = math.floor(p)
    if lower >= cells - 1:
        return cells - 1, cells - 1, 0.0
    return lower, lower + 1, p - lower


def reduced(values: list[float], convention: Convention) -> float:
    if convention.pooling == "max":
        return max(values, default=0.0)
    return math.fsum(values) / max(len(values), 1)
