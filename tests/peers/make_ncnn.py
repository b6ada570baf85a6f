"""Save outputs of ncnn's ROIAlign on the CPU.

Built for a processor with fused multiply-add, ncnn does not round the second corner before it
subtracts the first. The scales are powers of 2 where this could decide the number of points.

Environment: Python 3.11, ncnn 1.0.20261020, NumPy 2.4.6.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np

from tests.peers.cases import MAP_SIZE, Array, Inputs, inputs, write

# Output size, spatial scale and sampling ratio.
# With one section along an axis and an adaptive grid, version 0 can write more points than it has
# room for.
CALLS = [
    ([2, 3], 1.0, 0),
    ([3, 2], 0.25, 0),
    ([1, 1], 0.3, 2),
    ([4, 4], 0.0625, 0),
    ([2, 2], 0.5, 0),
    ([1, 2], 1.0, 1),
    ([2, 3], 0.25, 3),
    ([3, 1], 0.3, 1),
    ([3, 3], 0.125, 0),
    ([2, 3], 0.0625, 0),
    ([3, 2], 0.3, 2),
    ([2, 2], 1.0, 0),
    ([2, 3], 0.25, 2),
]
PAST = "past the end, "


def given() -> Inputs:
    """Return the inputs, the boxes that end beyond the last row or column under names of their own.

    For these, version 0 reads memory outside of the map.
    """
    plain = inputs()
    first, last = plain.boxes[:, :2], plain.boxes[:, 2:]
    past = (np.maximum(first + 1, last) > np.array(MAP_SIZE[::-1])).any(axis=1)
    names = np.where(past, np.char.add(PAST, plain.names), plain.names)
    return dataclasses.replace(plain, names=names)


def calls(names: Array) -> list[dict[str, Any]]:
    """Return the calls of each version and each value of aligned."""
    import ncnn

    past = sorted({str(name) for name in names if name.startswith(PAST)})
    inverted = ["inverted", PAST + "inverted"]
    return [
        {
            "framework": "ncnn",
            "version": ncnn.__version__,
            "op": f"ROIAlign-{version}",
            "aligned": aligned,
            "output_size": size,
            "spatial_scale": float(np.float32(scale)),
            "sampling_ratio": ratio,
            "mode": "avg",
            # A box that is inverted along one axis is an error. Unrounded products leave an empty
            # box a width of 1e-7 of a cell at scales that are no power of 2.
            "without": [
                *(past if version == 0 else []),
                *(inverted if aligned and ratio == 0 else []),
                *(["empty"] if version == 0 and aligned and scale == 0.3 else []),
            ],
        }
        for version, aligned in itertools.product((0, 1), (False, True))
        for size, scale, ratio in CALLS
    ]


def run(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    """Return the outputs of ncnn, which takes one map and one box at a time."""
    import ncnn

    net = ncnn.Net()
    for option in dir(net.opt):
        if option.startswith("use_"):  # half precision, packing and the like
            setattr(net.opt, option, False)
    rows, columns = call["output_size"]
    scale, version = f"{call['spatial_scale']:.9e}", call["op"][-1]
    parameters = f"0={columns} 1={rows} 2={scale}"
    parameters += f" 3={call['sampling_ratio']}" if "sampling_ratio" in call else ""
    parameters += f" 4={int(call['aligned'])} 5={version}"
    inlets = "Input data 0 1 data\nInput rois 0 1 rois"
    net.load_param_mem(f"7767517\n3 3\n{inlets}\nROIAlign out 2 1 data rois out {parameters}\n")
    outputs = []
    for box, index in zip(boxes, batch_index, strict=True):
        extractor = net.create_extractor()
        extractor.input("data", ncnn.Mat(features[index]))
        extractor.input("rois", ncnn.Mat(box))
        code, output = extractor.extract("out")
        assert code == 0
        outputs.append(np.array(output))
    return np.array(outputs)


if __name__ == "__main__":
    parts = given()
    write("ncnn", parts, calls(parts.names), run)
