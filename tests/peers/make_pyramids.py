"""Save the levels that libraries choose for 100,000 boxes.

Every environment with one of the libraries adds what it can to tests/golden/pyramids/levels.npz.

Environments: Python 3.11 with

    pip install torch==2.14.1 torchvision==0.29.1
    pip install openvino==2026.4.1
    pip install paddlepaddle==3.3.1
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from tests.peers.cases import GOLDEN, Array
from tests.peers.pyramid_boxes import pyramid_boxes

FILE = GOLDEN / "pyramids" / "levels.npz"
STRIDES = (4, 8, 16, 32)
NONE = 255  # a box that is on no level


def torchvision(boxes: Array) -> Array:
    """Return the index of the map of each box, `NONE` for none."""
    import torch
    from torchvision.ops.poolers import LevelMapper

    index = np.asarray(LevelMapper(2, 5)([torch.from_numpy(boxes)]))
    return np.where((index >= 0) & (index < len(STRIDES)), index, NONE)


def torchvision_rounded(boxes: Array) -> Array:
    """Return the same as `torchvision`, with square roots that are rounded to the nearest float32.

    On x86, torch takes them from MKL, where some are off by a unit in the last place.
    """
    import torch

    root = torch.sqrt
    torch.sqrt = lambda area: root(area.double()).float()
    try:
        return torchvision(boxes)
    finally:
        torch.sqrt = root


def openvino(boxes: Array) -> Array:
    """Return the index of the map of each box, `NONE` for none; each map has its own value."""
    import openvino as ov
    from openvino import opset6
    from openvino.utils.node_factory import NodeFactory

    rois = opset6.parameter([-1, 4], np.float32)
    maps = [
        opset6.constant(np.full((1, 1, 4096 // stride, 4096 // stride), level + 1, np.float32))
        for level, stride in enumerate(STRIDES)
    ]
    pooled = NodeFactory("opset6").create(
        "ExperimentalDetectronROIFeatureExtractor",
        [rois, *maps],
        {"output_size": 1, "sampling_ratio": 1, "pyramid_scales": [*STRIDES], "aligned": False},
    )
    model = ov.compile_model(ov.Model([pooled.output(0)], [rois]), "CPU")
    values = np.rint(model(boxes)[0]).reshape(-1).astype(int)
    return np.where(values > 0, values - 1, NONE)


def paddle(boxes: Array, *, pixel_offset: bool = False) -> Array:
    """Return the index of the map of each box."""
    import paddle
    from paddle.vision.ops import distribute_fpn_proposals

    rows = paddle.to_tensor(np.array([len(boxes)], np.int32))
    made = distribute_fpn_proposals(
        paddle.to_tensor(boxes), 2, 5, 4, 224, pixel_offset=pixel_offset, rois_num=rows
    )
    by_level, restored = made[0], made[1].numpy().reshape(-1)
    index: Array = np.repeat(np.arange(len(STRIDES)), [len(level) for level in by_level])[restored]
    return index


def inferred_scales(heights: Array) -> Array:
    """Return the scale that torchvision infers for each height of a map and of an image, (N, 2)."""
    import torch
    from torchvision.ops.poolers import _infer_scale

    # The width would give another scale.
    sizes = [(torch.empty(1, 1, int(map_), 1), [int(image), 1]) for map_, image in heights]
    return np.array([_infer_scale(map_, image) for map_, image in sizes])


# Name in the file → its package, and the function that returns its levels.
PEERS: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "torchvision": ("torchvision", torchvision),
    "torchvision float64": (
        "torchvision",
        lambda boxes: torchvision(boxes.astype(np.float64)),
    ),
    "torchvision rounded": ("torchvision", torchvision_rounded),
    "openvino": ("openvino", openvino),
    "paddle": ("paddlepaddle", paddle),
    "paddle-pixel-offset": ("paddlepaddle", lambda boxes: paddle(boxes, pixel_offset=True)),
}


def main() -> None:
    """Add the levels of the libraries that are installed to the file."""
    boxes = pyramid_boxes()
    arrays: dict[str, Array] = {}
    if FILE.exists():
        with np.load(FILE) as file:
            arrays = dict(file)
    arrays["boxes_sha256"] = np.array(hashlib.sha256(boxes.tobytes()).hexdigest())
    for name, (package, levels) in PEERS.items():
        try:
            made = f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
        arrays[name] = levels(boxes).astype(np.uint8)
        arrays[f"{name} by"] = np.array(made)
        if package == "torchvision":
            rng = np.random.default_rng(5)
            arrays["heights"] = np.exp(rng.uniform(0, [6, 8], (2000, 2))).astype(np.int64)
            arrays["scales"] = inferred_scales(arrays["heights"])
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FILE, **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
