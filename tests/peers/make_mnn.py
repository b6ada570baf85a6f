"""Save outputs of MNN's ROIAlign on the CPU, through its expression API.

Environment: Python 3.11, MNN 3.6.1, NumPy 2.4.6.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tests.peers.cases import Array, inputs, write

OUTPUT_SIZES = [[2, 3], [3, 2], [1, 1], [4, 4], [1, 2], [2, 1], [2, 2]]
SCALES = [1.0, 0.25, 0.0625, float(np.float32(0.3))]
RATIOS = [0, 1, 2, 0, 0, 3, 0, 2, 0, 1]


def calls() -> list[dict[str, Any]]:
    """Return ten calls of each value of aligned and each pooling."""
    import MNN

    sizes, scales = itertools.cycle(OUTPUT_SIZES), itertools.cycle(SCALES)
    return [
        {
            "framework": "mnn",
            "version": MNN.version(),
            "op": "ROIAlign",
            "aligned": aligned,
            "output_size": next(sizes),
            "spatial_scale": next(scales),
            "sampling_ratio": ratio,
            "mode": mode,
            # A box that is inverted along both axes ends the process.
            "without": ["inverted"] if aligned and ratio == 0 else [],
        }
        for aligned in (False, True)
        for mode in ("avg", "max")
        for ratio in RATIOS
    ]


def run(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    """Return the outputs of MNN."""
    from MNN import expr

    rois = np.column_stack([batch_index, boxes]).astype(np.float32)
    modes = {"avg": expr.Pooling_Mode.AVEPOOL, "max": expr.Pooling_Mode.MAXPOOL}
    pooled = expr.roi_align(
        expr.convert(expr.const(features, list(features.shape), expr.NCHW), expr.NC4HW4),
        expr.const(rois, list(rois.shape), expr.NCHW),
        *call["output_size"],
        call["spatial_scale"],
        call["sampling_ratio"],
        call["aligned"],
        modes[call["mode"]],
    )
    output = np.array(expr.convert(pooled, expr.NCHW).read(), np.float32)
    return output.reshape(len(rois), features.shape[1], *call["output_size"])


if __name__ == "__main__":
    write("mnn", inputs(), calls(), run)
