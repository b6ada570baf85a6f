"""A short ROI Align in NumPy, as text, with the mistakes that tests put into it."""

from __future__ import annotations

KERNEL = """\
import math
import numpy as np


def value(cells, y, x):
    rows, columns = cells.shape[-2:]
    if not (-1 <= y <= rows and -1 <= x <= columns):
        return np.zeros(len(cells), np.float32)
    y, x = min(max(y, 0), rows - 1), min(max(x, 0), columns - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
    upper = cells[:, top, left] * (left + 1 - x) + cells[:, top, right] * (x - left)
    lower = cells[:, bottom, left] * (left + 1 - x) + cells[:, bottom, right] * (x - left)
    return upper * (top + 1 - y) + lower * (y - top)


def roi_align(features, boxes, output_size, spatial_scale=1.0, sampling_ratio=0, batch_index=None):
    rows, columns = output_size
    batch_index = [0] * len(boxes) if batch_index is None else batch_index
    output = np.zeros((len(boxes), features.shape[1], rows, columns), np.float32)
    for n, box in enumerate(boxes):
        x1, y1, x2, y2 = box * np.float32(spatial_scale) - np.float32(0.5)
        height, width = (y2 - y1) / np.float32(rows), (x2 - x1) / np.float32(columns)
        along_y = sampling_ratio or math.ceil(height)
        along_x = sampling_ratio or math.ceil(width)
        for j, i, m, k in np.ndindex(rows, columns, max(along_y, 0), max(along_x, 0)):
            j32, i32, m32, k32 = np.array([j, i, m + 0.5, k + 0.5], np.float32)
            y = y1 + j32 * height + m32 * height / np.float32(along_y)
            x = x1 + i32 * width + k32 * width / np.float32(along_x)
            output[n, :, j, i] += value(features[batch_index[n]], y, x) / (along_y * along_x)
    return output
"""

FLOOR = KERNEL.replace("math.ceil(height)", "max(math.floor(height), 1)").replace(
    "math.ceil(width)", "max(math.floor(width), 1)"
)
