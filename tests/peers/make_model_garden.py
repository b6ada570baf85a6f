"""Save the outputs of multilevel_crop_and_resize of TensorFlow Model Garden and of KerasCV.

Environment: Python 3.11 with

    pip install tensorflow-cpu==2.21.0 tf-keras==2.21.0
    pip install --no-deps tf-models-official==2.20.0 keras-cv==0.9.0

The two functions are in one file each. The packages that contain these files import many others,
which the functions do not need, so this script imports the files without running the packages'
__init__ modules.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.peers.cases import Array, inputs, write

# Package on PyPI → the module of the function, and the prefix of a level's name.
FUNCTIONS = {
    "tf-models-official": ("official.vision.ops.spatial_transform_ops", ""),
    "keras-cv": ("keras_cv.src.layers.object_detection.roi_align", "P"),
}
# Output size, level, sample_offset. The scale of level n is 1 / 2^n.
CALLS = [
    (2, 0, 0.5),
    (3, 2, 0.5),
    (1, 4, 0.5),
    (4, 0, 0.5),
    (2, 2, 0.5),
    (3, 4, 0.5),
    (1, 0, 0.5),
    (4, 2, 0.5),
    (2, 4, 0.5),
    (3, 0, 0.5),
    (2, 0, 0.0),
    (3, 2, 1.0),
]


def load(name: str) -> Any:
    """Import a module without running the packages that contain it."""
    first, *rest = name.split(".")[:-1]
    places = find_spec(first)
    assert places is not None
    assert places.submodule_search_locations is not None
    folder = Path(next(iter(places.submodule_search_locations)))
    for part in ["", *rest]:
        folder /= part
        first += f".{part}" if part else ""
        sys.modules[first] = ModuleType(first)
        sys.modules[first].__path__ = [str(folder)]
    return import_module(name)


def run(features: Array, boxes: Array, batch_index: Array, call: dict[str, Any]) -> Array:
    import tensorflow as tf

    name, prefix = FUNCTIONS[call["framework"]]
    module = sys.modules.get(name) or load(name)
    # KerasCV reads single numbers where it should read all channels of a cell.
    parts = features.shape[1] if call["framework"] == "keras-cv" else 1
    out = [
        module.multilevel_crop_and_resize(
            {f"{prefix}{call['level']}": tf.constant(part.transpose(0, 2, 3, 1))},
            # Every map has all boxes; the outputs of the wrong maps are dropped.
            tf.constant(np.stack([boxes[:, [1, 0, 3, 2]]] * len(features))),
            output_size=call["output_size"][0],
            sample_offset=call["sample_offset"],
        ).numpy()[batch_index, np.arange(len(boxes))]
        for part in np.split(features, parts, axis=1)
    ]
    return np.concatenate(out, axis=3).transpose(0, 3, 1, 2)


def main() -> None:
    calls = [
        {
            "framework": framework,
            "version": version(framework),
            "op": "multilevel_crop_and_resize",
            "output_size": [size, size],
            "spatial_scale": 1 / 2**level,
            "level": level,
            "sample_offset": sample_offset,
        }
        for framework in FUNCTIONS
        for size, level, sample_offset in CALLS
    ]
    write("model_garden", inputs(), calls, run)


if __name__ == "__main__":
    main()
