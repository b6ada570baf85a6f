"""`record_calls` on torchvision itself, where it is installed: its operators and whole models."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from roialign_cli import Call, RoiAlignError, record_calls, roi_align_pyramid
from roialign_cli.calls.archive import read_call
from roialign_cli.calls.recording import read_recording

torch = pytest.importorskip("torch")
ops = pytest.importorskip("torchvision.ops")
detection = pytest.importorskip("torchvision.models.detection")
pytestmark = pytest.mark.peers

PHOTO = Path(__file__).parent.parent / "sample_data" / "astronaut.png"
MAP = torch.randn(2, 8, 32, 40, generator=torch.Generator().manual_seed(1))
ROIS = torch.tensor([[0, 1.0, 1, 20, 18], [1, 4, 0, 30, 28], [0, 2, 2, 9, 9]])


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def recorded() -> list[Call]:
    return [read_call(file) for file in read_recording("calls").files]


def difference(call: Call) -> float:
    """Return the largest difference, as a share of the largest feature."""
    assert call.output is not None
    if not len(call.boxes):
        return 0.0
    largest = np.abs(call.features.astype(np.float64)).max()
    return float(np.abs(call.operation().pooled() - call.output).max() / largest)


def align(features: Any, rois: Any) -> Any:
    return ops.roi_align(features, rois, 3, 0.5, 2, aligned=True) * 2


RUNS: dict[str, tuple[Callable[[], Any], str]] = {
    "roi_align": (lambda: ops.roi_align(MAP, ROIS, (3, 2), 0.5), "torchvision"),
    "RoIAlign": (lambda: ops.RoIAlign(3, 0.5, 2, aligned=True)(MAP, ROIS), "torchvision-aligned"),
    "lists": (lambda: ops.roi_align(MAP, [ROIS[:2, 1:], ROIS[2:, 1:]], 3), "torchvision"),
    "RoIPool": (lambda: ops.RoIPool(3, 0.5)(MAP, ROIS), "roi-pool"),
    "PSRoIAlign": (lambda: ops.PSRoIAlign(2, 0.5, 2)(MAP, ROIS), "ps-roi-align"),
    "PSRoIPool": (lambda: ops.PSRoIPool(2, 0.5)(MAP, ROIS), "ps-roi-pool"),
    "float64": (lambda: ops.roi_align(MAP.double(), ROIS.double(), 3), "torchvision"),
    "gradient": (
        lambda: align(MAP.clone().requires_grad_(), ROIS).sum().backward(),
        "torchvision-aligned",
    ),
    "compiled": (
        lambda: torch.compile(align, backend="eager")(MAP, ROIS),
        "torchvision-aligned",
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_call_gives_its_output_again(name: str) -> None:
    run, preset = RUNS[name]
    with record_calls("calls"):
        run()
    (call,) = recorded()
    assert call.preset == preset
    assert call.framework_version
    assert difference(call) < 1e-6


def test_half_precision_keeps_its_dtype() -> None:
    with record_calls("calls"):
        align(MAP.half(), ROIS.half())
        with torch.autocast("cpu", torch.bfloat16):
            align(MAP.bfloat16(), ROIS.bfloat16())
    half, brain = recorded()
    assert half.output is not None
    assert half.features.dtype == half.output.dtype == np.float16
    assert brain.bfloat16 == ("features", "boxes", "output")
    np.testing.assert_array_equal(brain.features, MAP.bfloat16().float().numpy())
    assert difference(half) < 1e-2
    assert difference(brain) < 1e-2


def test_a_model_compiled_before_is_recorded_and_stays_compiled() -> None:
    compiled = torch.compile(align, backend="eager")
    expected = compiled(MAP, ROIS)
    frames = torch._dynamo.utils.counters["frames"]  # noqa: SLF001
    with record_calls("calls") as recorder:
        assert torch.equal(compiled(MAP, ROIS), expected)
        within = frames["total"]
        assert torch.equal(compiled(MAP, ROIS), expected)
    assert torch.equal(compiled(MAP, ROIS), expected)
    assert recorder.count == 2
    assert frames["total"] == within  # nothing of the recorder is compiled


@pytest.mark.filterwarnings("ignore")
def test_graphs_are_not_recorded() -> None:
    traced = torch.jit.trace(align, (MAP, ROIS))
    with pytest.raises(RoiAlignError, match="called no watched function"), record_calls("calls"):
        traced(MAP, ROIS)
    with pytest.raises(RoiAlignError, match="run the model eagerly"), record_calls("calls"):
        torch.export.export(ops.RoIAlign(3, 0.5, 2), (MAP, ROIS))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("fasterrcnn_resnet50_fpn", {}),
        ("maskrcnn_resnet50_fpn", {}),
        ("fasterrcnn_resnet50_fpn", {"min_size": 640}),
    ],
)
def test_a_model_gives_its_pyramids_again(name: str, settings: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = getattr(detection, name)(weights=None, weights_backbone=None, **settings).eval()
    merged: list[Any] = []
    for pool in (model.roi_heads.box_roi_pool, model.roi_heads.mask_roi_pool):
        if pool is not None:
            pool.register_forward_hook(lambda _module, _given, out: merged.append(out.numpy()))
    pixels = np.asarray(Image.open(PHOTO).convert("RGB"), np.float32) / 255
    before = sys.modules["torchvision.ops.poolers"].roi_align
    with torch.no_grad(), record_calls("calls"):
        model([torch.from_numpy(pixels).permute(2, 0, 1)])
    assert sys.modules["torchvision.ops.poolers"].roi_align is before
    calls = recorded()
    groups = read_recording("calls").pyramids()
    assert [len(group) for group in groups] == [4] * len(merged)
    for group, expected in zip(groups, merged, strict=True):
        levels = [calls[index] for index in group]
        assert max(map(difference, levels)) < 1e-5
        check_pyramid(levels, expected)


def check_pyramid(levels: list[Call], expected: Any) -> None:
    """Assert that the calls of a pyramid, and the rule for its levels, give the merged output."""
    boxes, index = np.zeros((len(expected), 4)), np.zeros(len(expected), int)
    output = np.zeros_like(expected)
    for call in levels:
        boxes[call.rows], index[call.rows] = call.boxes, call.batch_index
        output[call.rows] = call.output
    np.testing.assert_array_equal(output, expected)
    first = levels[0]
    assert first.level is not None
    again = roi_align_pyramid(
        [call.features for call in levels], boxes, first.output_size or 1, batch_index=index,
        pyramid=first.level.rule or "", convention=first.convention(),
        image_size=first.level.image_size,
    )  # fmt: skip
    largest = np.abs(first.features).max()
    np.testing.assert_allclose(again / largest, expected / largest, rtol=0, atol=1e-5)
