"""Save outputs of torchvision's MultiScaleRoIAlign for 1,000 boxes on two images.

Environment: Python 3.11, torch 2.14.1, torchvision 0.29.1, NumPy 2.4.6.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from tests.peers.cases import GOLDEN, Array

IMAGE_SIZE = (803, 1010)  # of the first image; the second one is smaller
STRIDES = (4, 8, 16, 32)
# Name of the output → the maps, the output size and the sampling ratio.
CALLS: dict[str, tuple[tuple[int, ...], tuple[int, int], int]] = {
    "ratio 2": ((0, 1, 2, 3), (3, 2), 2),
    "adaptive": ((0, 1, 2, 3), (2, 3), 0),
    "one map": ((1,), (2, 2), 2),
    "levels 2 and 4": ((0, 2), (2, 2), 2),  # boxes of level 4 and above are on no map
}


def inputs() -> tuple[list[Array], Array, Array]:
    """Return the maps (2, 1, H, W), float32; the boxes (1000, 4), float32; and their images."""
    rng = np.random.default_rng(8)
    height, width = IMAGE_SIZE
    maps = [
        # Small whole numbers take little space in the file.
        rng.integers(-8, 8, (2, 1, -(-height // stride), -(-width // stride))).astype(np.float32)
        for stride in STRIDES
    ]
    sides = 2.0 ** rng.uniform(3, 9.7, (1000, 1)) * 2.0 ** rng.uniform(-1, 1, (1000, 2))
    centres = rng.uniform(0, [width, height], (1000, 2))
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1)
    boxes = boxes.clip(0, [width, height, width, height]).astype(np.float32)
    return maps, boxes, np.sort(rng.integers(0, 2, 1000))


def main() -> None:
    """Write the file."""
    import torch
    from torchvision.ops import MultiScaleRoIAlign

    maps, boxes, batch_index = inputs()
    sizes = [IMAGE_SIZE, (700, 900)]
    by_image = [torch.from_numpy(boxes[batch_index == n]) for n in range(2)]
    outputs = {}
    for name, (used, output_size, ratio) in CALLS.items():
        given = OrderedDict((str(n), torch.from_numpy(maps[n])) for n in used)
        pool = MultiScaleRoIAlign([*given], output_size, ratio)
        outputs[name] = np.asarray(pool(given, by_image, sizes))
    arrays = {f"map {n}": array for n, array in enumerate(maps)}
    arrays |= {"boxes": boxes, "batch_index": batch_index, **outputs}
    folder = GOLDEN / "pyramids"
    folder.mkdir(exist_ok=True)
    np.savez_compressed(folder / "multi_scale.npz", **arrays)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
