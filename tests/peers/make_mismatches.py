"""Save feature maps and proposals of torchvision's fasterrcnn_resnet50_fpn with random weights.

The model sees the sample photograph. The tests of mismatches pool these maps. There is a file
tests/golden/mismatches/NUMBER.npz for each of `DETECTIONS`.

Environment: Python 3.11, torch 2.14.1, torchvision 0.29.1, NumPy 2.4.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.peers.cases import GOLDEN, Array

PHOTOGRAPH = Path(__file__).parents[2] / "sample_data" / "astronaut.png"
# Level → its name in the model, and how many channels of it are saved.
LEVELS = {"P3": ("1", 8), "P4": ("2", 64), "P5": ("3", 64)}
# torch pools the half-precision maps of so many channels with so many boxes of P4.
HALF_CHANNELS, HALF_BOXES = 16, 60
# Level → how many proposals of it are saved, if the model makes so many.
PROPOSALS = {2: 520, 3: 274, 4: 180, 5: 26}
# More proposals than by default, so that also a small picture has 180 of level 4.
MODEL = {
    "rpn_pre_nms_top_n_test": 4000,
    "rpn_post_nms_top_n_test": 8000,
    "rpn_nms_thresh": 0.85,
}


@dataclass(frozen=True)
class Detection:
    """A run of the model.

    Parameters
    ----------
    crop
        Left, top, right and bottom of the part of the photograph that the model sees, in pixels.
    flipped
        Whether the part is mirrored left to right.
    min_size
        The length of the shorter side of the model's input, in pixels.
    seed
        The seed of the random weights.
    """

    crop: tuple[int, int, int, int]
    flipped: bool
    min_size: int
    seed: int


DETECTIONS = (
    Detection(crop=(0, 60, 512, 401), flipped=False, min_size=800, seed=3),
    Detection(crop=(40, 40, 472, 472), flipped=True, min_size=640, seed=1),
)


def picture(detection: Detection) -> Array:
    """Return the model's input: (3, H, W), float32, from 0 to 1."""
    cut = Image.open(PHOTOGRAPH).convert("RGB").crop(detection.crop)
    pixels = np.asarray(cut, np.float32).transpose(2, 0, 1) / 255
    return np.ascontiguousarray(pixels[:, :, ::-1] if detection.flipped else pixels)


def recorded(detection: Detection) -> tuple[dict[str, Any], Any, tuple[int, int]]:
    """Return the maps of all levels, the proposals and the size of the resized picture."""
    import torch
    from torchvision.models.detection import fasterrcnn_resnet50_fpn

    torch.manual_seed(detection.seed)
    model = fasterrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, min_size=detection.min_size, **MODEL
    ).eval()
    calls: list[tuple[Any, ...]] = []
    pool = model.roi_heads.box_roi_pool
    pool.register_forward_pre_hook(lambda _pool, arguments: calls.append(arguments))
    with torch.no_grad():
        model([torch.from_numpy(picture(detection))])
    ((maps, (proposals,), (size,)),) = calls
    return maps, proposals, size


def saved(detection: Detection) -> dict[str, Array]:
    """Return the arrays of one file."""
    import torch
    from torchvision.ops import roi_align
    from torchvision.ops.poolers import LevelMapper

    maps, proposals, size = recorded(detection)
    levels = LevelMapper(2, 5)([proposals]) + 2
    kept = torch.cat([(levels == level).nonzero()[:n, 0] for level, n in PROPOSALS.items()])
    kept = kept.sort().values
    proposals, levels = proposals[kept], levels[kept]
    arrays = {
        name: maps[key][0, :channels].numpy().astype(np.float16)
        for name, (key, channels) in LEVELS.items()
    }
    boxes = proposals[levels == 4][:HALF_BOXES]
    features = torch.from_numpy(arrays["P4"][None, :HALF_CHANNELS])
    half = roi_align(features, [boxes.half()], 7, 1 / 16, 2)
    return {
        **arrays,
        "boxes": proposals.numpy(),
        "levels": levels.numpy().astype(np.uint8),
        "image_size": np.array(size),
        "pooled_in_half": half.numpy(),
    }


def main() -> None:
    """Write both files."""
    folder = GOLDEN / "mismatches"
    folder.mkdir(exist_ok=True)
    for number, detection in enumerate(DETECTIONS):
        np.savez_compressed(folder / f"{number}.npz", **saved(detection))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
