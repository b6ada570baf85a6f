"""docs/from-mask-rcnn.md: its commands work, and the answers to its exercises are those of torch.

These tests need torch, torchvision, onnx and onnxruntime.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from docs.generate import EXAMPLE, WITH_MODEL, example_with_output

torch = pytest.importorskip("torch")
ops = pytest.importorskip("torchvision").ops
pytest.importorskip("onnxruntime")
pytestmark = [pytest.mark.thorough, pytest.mark.peers]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the examples ran, and the page with what they printed."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "sample_data").symlink_to(WITH_MODEL.parent.parent / "sample_data")
    text = WITH_MODEL.read_text(encoding="utf-8")
    return folder, EXAMPLE.sub(lambda match: example_with_output(match, str(folder)), text)


def answer(page: tuple[Path, str], number: int) -> str:
    """Return the answer to an exercise, with what its examples printed."""
    return page[1].partition(f"<summary>Answer {number}</summary>")[2].partition("</details>")[0]


def pooled(folder: Path, *, ratio: int, aligned: bool) -> np.ndarray:
    """Return what torchvision makes of the call on the largest map with other parameters."""
    with np.load(folder / "calls" / "call-0000.npz") as call:
        features, boxes = (torch.from_numpy(call[name]) for name in ("features", "boxes"))
    options = {"sampling_ratio": ratio, "aligned": aligned}
    array: np.ndarray = ops.roi_align(features, [boxes.float()], 7, 0.25, **options).numpy()
    return array


def largest_difference(text: str) -> float:
    """Return the largest difference that `compare` printed."""
    found = re.search(r"largest difference +([\d.]+)", text)
    assert found is not None
    return float(found[1])


def test_the_exported_model_agrees_and_the_broken_one_does_not(page: tuple[Path, str]) -> None:
    exported, _, broken = page[1].partition('onnx.save(model, "broken.onnx")')
    assert "The recordings agree: 80 rows" in exported
    assert "The ROI Align differs: offset is 0.0 in A and 0.5 in B" in broken


def test_a_box_changes_level_where_torchvision_changes_it(page: tuple[Path, str]) -> None:
    assert "tensor([3, 3, 4, 4])" in answer(page, 1)
    assert "223.9998 ≤ s < 447.9997" in page[1]


@pytest.mark.parametrize(
    ("exercise", "ratio", "aligned"), [(2, -1, False), (3, 2, True)], ids=["ratio", "aligned"]
)
def test_the_answers_are_the_differences_in_torch(
    page: tuple[Path, str], exercise: int, ratio: int, *, aligned: bool
) -> None:
    as_recorded = pooled(page[0], ratio=2, aligned=False)
    changed = pooled(page[0], ratio=ratio, aligned=aligned)
    difference = np.abs(changed - as_recorded).max()
    assert largest_difference(answer(page, exercise)) == pytest.approx(difference, abs=2e-4)


def test_the_last_answer_names_the_sampling_ratio(page: tuple[Path, str]) -> None:
    assert "sampling_ratio is 2 in A and 0 in B (100 % of the" in answer(page, 4)
