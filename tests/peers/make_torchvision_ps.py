"""Save outputs of torchvision's position-sensitive operators, ps_roi_align and ps_roi_pool.

Environment: Python 3.11, torch 2.14.1, torchvision 0.29.1, NumPy 2.4.6.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tests.peers.cases import Array, inputs, write

# Every product of rows and columns divides the number of channels.
CHANNELS = 12
OUTPUT_SIZES = [[2, 3], [3, 2], [1, 1], [2, 2], [1, 4], [3, 1]]
SCALES = [1.0, 0.25, 0.0625, 0.3]


def calls() -> list[dict[str, Any]]:
    """Return ten calls of each operator."""
    import torchvision

    release = {"framework": "torchvision", "version": torchvision.__version__}
    sizes, scales = itertools.cycle(OUTPUT_SIZES), itertools.cycle(SCALES)
    ratios = [0, 1, 2, 0, 3, 0, 2, 1, 0, 2]
    align = [
        {
            **release,
            "op": "ps_roi_align",
            "output_size": next(sizes),
            "spatial_scale": next(scales),
            "sampling_ratio": ratio,
            "mode": "avg",
        }
        for ratio in ratios
    ]
    pool = [
        {
            **release,
            "op": "ps_roi_pool",
            "output_size": next(sizes),
            "spatial_scale": next(scales),
            "mode": "avg",
        }
        for _ in ratios
    ]
    return align + pool


def run(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    """Return the outputs of torchvision."""
    import torch
    from torchvision import ops

    rois = torch.from_numpy(np.column_stack([batch_index.astype(np.float32), boxes]))
    ratio = (call["sampling_ratio"],) if call["op"] == "ps_roi_align" else ()
    pooled = getattr(ops, call["op"])(
        torch.from_numpy(features), rois, tuple(call["output_size"]), call["spatial_scale"], *ratio
    )
    return np.asarray(pooled)


if __name__ == "__main__":
    write("torchvision_ps", inputs(CHANNELS), calls(), run)
