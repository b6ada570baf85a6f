"""Save outputs of TVM's roi_align, compiled for the CPU.

The environment: Python 3.11, apache-tvm 0.27.0.post1, numpy 2.4.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.peers.calls import common_calls
from tests.peers.cases import Array, inputs, write

# Without points, the operator leaves its output as it was, which may be anything.
_WITHOUT_POINTS = ("empty", "inverted")


def run(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    import tvm
    from tvm import te, topi

    rois = np.column_stack([batch_index, boxes]).astype(np.float32)
    data = te.placeholder(features.shape, "float32", name="data")
    regions = te.placeholder(rois.shape, "float32", name="regions")
    pooled = topi.vision.roi_align_nchw(
        data,
        regions,
        call["output_size"],
        call["spatial_scale"],
        call["mode"],
        call["sampling_ratio"],
        call["aligned"],
    )
    compiled = tvm.compile(te.create_prim_func([data, regions, pooled]), target="llvm")
    out = tvm.runtime.empty((len(rois), features.shape[1], *call["output_size"]), "float32")
    compiled(tvm.runtime.tensor(features), tvm.runtime.tensor(rois), out)
    return np.asarray(out.numpy())


def main() -> None:
    import tvm

    described_by = {
        "framework": "tvm",
        "version": tvm.__version__,
        "op": "topi.vision.roi_align_nchw",
    }
    calls: list[dict[str, Any]] = []
    for aligned in (False, True):
        for mode in ("avg", "max"):
            calls += common_calls(**described_by, aligned=aligned, mode=mode)
    for call in calls:
        if call["aligned"] and call["sampling_ratio"] == 0:
            call["without"] = _WITHOUT_POINTS
    write("tvm", inputs(), calls, run)


if __name__ == "__main__":
    main()
