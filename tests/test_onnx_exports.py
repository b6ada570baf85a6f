"""Models that PyTorch exports: what is listed, and what is recorded beside PyTorch's outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli.calls.archive import read_call
from roialign_cli.calls.call import Call
from roialign_cli.calls.onnx_models.listing import list_nodes
from roialign_cli.calls.recording import read_recording
from roialign_cli.cli.main import main

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

# The exporter warns about its own future.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

EXPORTERS = [11, 16, 17, "dynamo"]
BOXES = np.array([[0, 0, 30, 40], [10, 10, 200, 220], [5, 5, 300, 310], [50, 60, 170, 200]])


def export(module: Any, inputs: dict[str, Any], path: Path, exporter: int | str) -> str:
    """Export a module, by the old exporter at an opset or by the new one, and save its inputs."""
    if exporter == "dynamo":
        pytest.importorskip("onnxscript")
        options: dict[str, Any] = {"dynamo": True, "verbose": False}
    else:
        options = {"dynamo": False, "opset_version": exporter}
    torch.onnx.export(module.eval(), (*inputs.values(),), path, input_names=[*inputs], **options)
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in inputs.items()}
    np.savez(path.with_suffix(".npz"), **arrays)
    return str(path)


def record(path: str) -> list[Call]:
    folder = Path(path).with_suffix("")
    arrays = str(Path(path).with_suffix(".npz"))
    assert main(["capture", path, "--inputs", arrays, "-o", str(folder)]) == 0
    return [read_call(file) for file in read_recording(str(folder)).files]


def check(call: Call, atol: float = 1e-5) -> None:
    assert call.output is not None
    np.testing.assert_allclose(call.operation().pooled(), call.output, rtol=0, atol=atol)


class OneMap(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    def __init__(self, *, aligned: bool) -> None:
        super().__init__()
        self.aligned = aligned

    def forward(self, features: Any, rois: Any) -> Any:
        return torchvision.ops.roi_align(features, rois, 7, 1 / 16, 2, self.aligned)


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("aligned", [True, False])
def test_one_map(tmp_path: Path, exporter: int | str, *, aligned: bool) -> None:
    torch.manual_seed(0)
    rois = torch.tensor(np.insert(BOXES, 0, 0, axis=1), dtype=torch.float32)
    inputs = {"features": torch.randn(1, 3, 20, 20), "rois": rois}
    module = OneMap(aligned=aligned)
    path = export(module, inputs, tmp_path / "model.onnx", exporter)
    (node,) = list_nodes(path).nodes
    (call,) = record(path)
    check(call)
    # An aligned model loses its half-cell shift at opset 11.
    is_shifted = aligned and exporter != 11
    assert call.preset == ("onnx-half-pixel" if is_shifted else "onnx-output-half-pixel")
    assert ({trap.kind for trap in node.traps} == {"no-mode-before-opset-16"}) is (exporter == 11)
    expected = module(**inputs).numpy()
    differs = np.abs(expected - call.output).max() > 0.01
    assert differs is np.bool_(aligned and exporter == 11)


class Pyramid(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    def __init__(self) -> None:
        super().__init__()
        self.pool = torchvision.ops.MultiScaleRoIAlign(["0", "1", "2"], 7, 2)

    def forward(self, large: Any, middle: Any, small: Any, boxes: Any) -> Any:
        return self.pool({"0": large, "1": middle, "2": small}, [boxes], [(320, 320)])


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_pyramid(tmp_path: Path, exporter: int | str) -> None:
    torch.manual_seed(0)
    maps = {n: torch.randn(1, 3, s, s) for n, s in (("large", 80), ("middle", 40), ("small", 20))}
    inputs = {**maps, "boxes": torch.tensor(BOXES, dtype=torch.float32)}
    module = Pyramid()
    path = export(module, inputs, tmp_path / "model.onnx", exporter)
    assert list_nodes(path).pyramids == [[0, 1, 2]]
    calls = record(path)
    merged = np.empty((4, 3, 7, 7), np.float32)
    for call in calls:
        check(call)
        merged[call.rows] = call.output
    np.testing.assert_allclose(merged, module(**inputs).numpy(), rtol=0, atol=1e-5)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["fasterrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn"])
@pytest.mark.parametrize("opset", [11, 16, 17])
def test_a_detection_model(tmp_path: Path, name: str, opset: int) -> None:
    torch.manual_seed(0)
    module = getattr(torchvision.models.detection, name)(
        weights=None, weights_backbone=None, num_classes=3, min_size=128, max_size=128,
        box_score_thresh=0.0, box_detections_per_img=5, rpn_post_nms_top_n_test=40,
    ).eval()  # fmt: skip
    path = export(_OfList(module), {"image": torch.rand(3, 128, 128)}, tmp_path / "m.onnx", opset)
    heads = 1 + name.startswith("mask")
    assert list_nodes(path).pyramids == [
        [4 * h, 4 * h + 1, 4 * h + 2, 4 * h + 3] for h in range(heads)
    ]
    calls = record(path)
    assert len(calls) == 4 * heads
    for call in calls:
        assert (call.preset, call.fields) == ("onnx-output-half-pixel", {"sampling_ratio": 2})
        check(call, atol=1e-3)
    rows = np.concatenate([call.rows for call in calls[:4] if call.rows is not None])
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(rows)))


class _OfList(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """A detection model with one image instead of a list of images."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Any) -> Any:
        (found,) = self.model([image])
        return tuple(found.values())
