"""Save outputs of the deterministic roi_align of torchvision, which is written in Python.

torchvision uses this function for roi_align when deterministic algorithms are asked for on a GPU,
or when its compiled operators are missing. It is called here without torch.compile.

Environment: Python 3.11, torch 2.14.1, torchvision 0.29.1, NumPy 2.4.6.
"""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import numpy as np

from tests.peers.cases import Array, inputs, write

OUTPUT_SIZES = [[2, 3], [3, 2], [1, 1], [4, 4], [1, 2]]
SCALES = [1.0, 0.25, 0.0625, 0.3]


def calls() -> list[dict[str, Any]]:
    """Return ten calls of each value of aligned."""
    import torchvision

    sizes, scales = itertools.cycle(OUTPUT_SIZES), itertools.cycle(SCALES)
    return [
        {
            "framework": "torchvision",
            "version": torchvision.__version__,
            "op": "_roi_align",
            "aligned": aligned,
            "output_size": next(sizes),
            "spatial_scale": next(scales),
            "sampling_ratio": ratio,
            "mode": "avg",
        }
        for aligned in (False, True)
        for ratio in (0, 1, 2, 0, 0, 3, 0, 2, 0, 1)
    ]


def run(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    """Return the outputs of torchvision."""
    import torch
    from torchvision.ops.roi_align import _roi_align

    rois = torch.from_numpy(np.column_stack([batch_index.astype(np.float32), boxes]))
    pooled = inspect.unwrap(_roi_align)(
        torch.from_numpy(features),
        rois,
        call["spatial_scale"],
        *call["output_size"],
        call["sampling_ratio"],
        call["aligned"],
    )
    return np.asarray(pooled)


if __name__ == "__main__":
    write("torchvision_deterministic", inputs(), calls(), run)
