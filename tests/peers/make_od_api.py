"""Save the outputs of multilevel_roi_align of the TensorFlow Object Detection API.

Environment: Python 3.11 with

    pip install tensorflow-cpu==2.21.0
    pip install --no-deps tf-models-research-object-detection==2.8.0.post1

The operator takes normalised boxes. It gets float32(y1 / (rows - 1)), … of the boxes in the file.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

from tests.peers.cases import Array, inputs, write

# Output size, points per section along y and x, the value of cells outside.
CALLS = [
    ((2, 3), (1, 1), 0.0),
    ((3, 2), (2, 2), 0.0),
    ((1, 1), (3, 3), -1.5),
    ((4, 4), (1, 1), 0.0),
    ((2, 3), (2, 2), 2.0),
    ((3, 2), (3, 3), 0.0),
    ((1, 1), (1, 1), 0.0),
    ((4, 4), (2, 2), 0.0),
    ((1, 4), (2, 2), -1.5),
    ((2, 2), (1, 1), 0.0),
    ((2, 3), (1, 2), 0.0),
    ((1, 3), (3, 1), 2.0),
]


PARAMETERS = (
    "num_samples_per_cell_y",
    "num_samples_per_cell_x",
    "align_corners",
    "extrapolation_value",
)


def run(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    rows, columns = features.shape[2:]
    last = np.array([rows - 1, columns - 1] * 2, np.float32)
    return pooled(features, boxes[:, [1, 0, 3, 2]] / last, batch_index, call)


def pooled(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    """Return the output for boxes as the operator reads them."""
    import tensorflow as tf
    from object_detection.utils import spatial_transform_ops

    # Every map has all boxes; the outputs of the wrong maps are dropped.
    shared = np.stack([boxes] * len(features))
    out = spatial_transform_ops.multilevel_roi_align(
        [tf.constant(features.transpose(0, 2, 3, 1))],
        tf.constant(shared),
        tf.zeros(shared.shape[:2], tf.int32),
        call["output_size"],
        **{name: call[name] for name in PARAMETERS if name in call},
    )
    kept: Array = out.numpy()[batch_index, np.arange(len(boxes))].transpose(0, 3, 1, 2)
    return kept


def main() -> None:
    package = "tf-models-research-object-detection"
    calls = [
        {
            "framework": package,
            "version": version(package),
            "op": "multilevel_roi_align",
            "output_size": size,
            "sampling_ratio": down if down == across else [down, across],
            "spatial_scale": 1.0,
            "num_samples_per_cell_y": down,
            "num_samples_per_cell_x": across,
            "align_corners": align_corners,
            "extrapolation_value": outside,
        }
        for align_corners in (False, True)
        for size, (down, across), outside in CALLS
    ]
    write("od_api", inputs(), calls, run)


if __name__ == "__main__":
    main()
