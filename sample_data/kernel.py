"""A short ROI Align in NumPy with one mistake, for `roialign probe`."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def roi_align(
    features: Array,
    rois: Array,
    output_size: tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = 0,
) -> Array:
    """Pool boxes (index, x1, y1, x2, y2) from maps (N, C, H, W)."""
    (rows, columns), (height, width) = output_size, features.shape[2:]
    output = np.zeros((len(rois), features.shape[1], rows, columns), np.float32)
    for k, (index, *box) in enumerate(rois):
        x1, y1, x2, y2 = np.float32(box) * np.float32(spatial_scale) - np.float32(0.5)
        h, w = (y2 - y1) / np.float32(rows), (x2 - x1) / np.float32(columns)
        m, n = (sampling_ratio or max(int(size), 1) for size in (h, w))  # not rounded up
        for j, i, q, p in np.ndindex(rows, columns, m, n):
            y = y1 + np.float32(j) * h + np.float32(q + 0.5) * h / np.float32(m)
            x = x1 + np.float32(i) * w + np.float32(p + 0.5) * w / np.float32(n)
            if -1 <= y <= height and -1 <= x <= width:
                y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
                top, left = int(y), int(x)
                cells = features[int(index), :, top : top + 2, left : left + 2]
                along_y = [top + 1 - y, y - top][: cells.shape[1]]
                along_x = [left + 1 - x, x - left][: cells.shape[2]]
                output[k, :, j, i] += cells @ along_x @ along_y / (m * n)
    return output
