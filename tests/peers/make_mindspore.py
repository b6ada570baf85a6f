"""Save outputs of MindSpore's ROIAlign on the CPU.

The environment: Python 3.11, mindspore 2.10.0, numpy 2.4.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.peers.calls import common_calls
from tests.peers.cases import Array, inputs, write


def run(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    import mindspore

    rois = np.column_stack([batch_index, boxes]).astype(np.float32)
    height, width = call["output_size"]
    operator = mindspore.ops.ROIAlign(
        height,
        width,
        call["spatial_scale"],
        roi_end_mode=call["roi_end_mode"],
        **({"sample_num": call["sampling_ratio"]} if "sampling_ratio" in call else {}),
    )
    return np.asarray(operator(mindspore.Tensor(features), mindspore.Tensor(rois)).asnumpy())


def main() -> None:
    import mindspore

    mindspore.set_device("CPU")
    described_by = {
        "framework": "mindspore",
        "version": mindspore.__version__,
        "op": "ops.ROIAlign",
    }
    calls: list[dict[str, Any]] = []
    for roi_end_mode in (1, 0):
        calls += common_calls(**described_by, roi_end_mode=roi_end_mode)
    write("mindspore", inputs(), calls, run)


if __name__ == "__main__":
    main()
