"""Save outputs of MXNet's ROIAlign, plain and position-sensitive.

The environment: Python 3.11, mxnet 1.9.1, numpy 1.23.5, and the system's libgomp and libquadmath
(in Debian, libgomp1 and libquadmath0).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.peers.calls import common_calls
from tests.peers.cases import Array, inputs, write

# With aligned=True, a box without area ends the process.
_WITHOUT = {False: (), True: ("empty", "inverted")}
# The 12 channels are 2 for each of 6 sections, 3 for each of 4, or 1 for each of 12.
_POSITION_SENSITIVE_SIZES = ((2, 3), (3, 2), (1, 4), (2, 2), (4, 3))


def run(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    import mxnet

    rois = np.column_stack([batch_index, boxes]).astype(np.float32)
    out = mxnet.nd.contrib.ROIAlign(
        mxnet.nd.array(features),
        mxnet.nd.array(rois),
        pooled_size=tuple(call["output_size"]),
        spatial_scale=call["spatial_scale"],
        **({"sample_ratio": call["sampling_ratio"]} if "sampling_ratio" in call else {}),
        position_sensitive=call["position_sensitive"],
        aligned=call["aligned"],
    )
    return np.asarray(out.asnumpy())


def main() -> None:
    import mxnet

    described_by = {"framework": "mxnet", "version": mxnet.__version__, "op": "contrib.ROIAlign"}
    calls: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for position_sensitive, aligned in ((False, False), (False, True), (True, False), (True, True)):
        calls[position_sensitive] += common_calls(
            **({"sizes": _POSITION_SENSITIVE_SIZES} if position_sensitive else {}),
            **described_by,
            aligned=aligned,
            position_sensitive=position_sensitive,
            without=_WITHOUT[aligned],
        )
    write("mxnet", inputs(), calls[False], run)
    write("mxnet_position_sensitive", inputs(channels=12), calls[True], run)


if __name__ == "__main__":
    main()
