"""ROI Aligns of ONNX models, taken out of the model and measured in onnxruntime."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import RoiAlignError, roi_align
from roialign_cli.measure.probing import probe
from roialign_cli.measure.target import ask
from roialign_cli.measure.targets.choosing import target_of
from tests.probe_kernels import CALL, SECONDS


def onnx_models() -> Any:
    """Return the module that makes models; skip the test without onnx and onnxruntime."""
    pytest.importorskip("onnxruntime")
    return pytest.importorskip("tests.onnx_models")


def onnx_file(tmp_path: Path, *nodes: Any, **options: Any) -> str:
    models = onnx_models()
    path: str = models.saved(tmp_path, models.model(*nodes, **options))
    return path


def test_the_first_node_and_a_named_one(tmp_path: Path) -> None:
    make = onnx_models().roi_align
    legacy = make(output="other", coordinate_transformation_mode="output_half_pixel")
    path = onnx_file(tmp_path, make(), legacy)
    with target_of(path, time_limit=SECONDS) as target:
        assert target.name == f"{path}:align_pooled"
        assert target.matched["sampling_ratio"] == "2"
        assert target.matched["node"] == "align_pooled, one of 2 (--node)"
        first = target.run(CALL)
    with target_of(path, node="align_other", time_limit=SECONDS) as target:
        other = target.run(CALL)
    for output, name in ((first, "onnx-half-pixel"), (other, "onnx-output-half-pixel")):
        expected = roi_align(
            CALL.features, CALL.boxes, (2, 2), convention=name, batch_index=CALL.batch_index,
            spatial_scale=1, sampling_ratio=1,
        )  # fmt: skip
        np.testing.assert_allclose(output, expected, rtol=1e-5)
    with pytest.raises(RoiAlignError, match=r"node: .* has no ROI Align 'x'; it has align_pooled"):
        target_of(path, node="x")


def test_a_node_with_another_order_of_inputs(tmp_path: Path) -> None:
    helper = pytest.importorskip("onnx.helper")
    node = helper.make_node("MaxRoiPool", ["features", "rois"], ["pooled"], pooled_shape=[7, 7])
    inputs = {"features": (1, ("n", 3, 10, 14)), "rois": (1, ("r", 5))}
    path = onnx_file(tmp_path, node, inputs=inputs)
    with target_of(path, time_limit=SECONDS) as target:
        assert target.parameters == {"output_size", "spatial_scale", "batch_index"}
        found = probe(target)
    assert found.nearest == "roi-pool"


def test_a_node_that_onnxruntime_does_not_have(tmp_path: Path) -> None:
    helper = pytest.importorskip("onnx.helper")
    node = helper.make_node(
        "MMCVRoiAlign", ["features", "rois"], ["pooled"], domain="mmcv", mode="avg", name="mine"
    )
    inputs = {"features": (1, ("n", 3, 10, 14)), "rois": (1, ("r", 5))}
    path = onnx_file(tmp_path, node, inputs=inputs, domains={"mmcv": 1})
    with pytest.raises(RoiAlignError, match=r"model.onnx: onnxruntime cannot run mine: .*MMCVRoi"):
        target_of(path, time_limit=SECONDS)


@pytest.mark.parametrize("opset", [16, 22, 24])
def test_nodes_of_every_opset_and_their_errors(opset: int, tmp_path: Path) -> None:
    path = onnx_file(tmp_path, onnx_models().roi_align(), opset=opset)
    inverted = replace(CALL, boxes=CALL.boxes[:, [2, 1, 0, 3]] * 2, sampling_ratio=0)
    with target_of(path, time_limit=SECONDS) as target:
        expected = roi_align(
            CALL.features, CALL.boxes, (2, 2), convention="onnx-half-pixel",
            batch_index=CALL.batch_index, spatial_scale=1, sampling_ratio=1,
        )  # fmt: skip
        np.testing.assert_allclose(target.run(CALL), expected, rtol=1e-5)
        assert target.matched["operator"].startswith(f"ai.onnx RoiAlign, opset {opset}")
        assert ask(target, inverted).problem in {"", "it raised Fail: Integer overflow"}
