"""The onnx package's own test cases of its RoiAlign operator."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from roialign_cli import roi_align

pytestmark = pytest.mark.peers

CASES = ("test_roialign_aligned_false", "test_roialign_aligned_true", "test_roialign_mode_max")
PRESETS = {"half_pixel": "onnx-half-pixel", "output_half_pixel": "onnx-output-half-pixel"}
OURS = ("spatial_scale", "sampling_ratio")


@functools.cache
def case(name: str) -> Any:
    """Return the exported test case; what it holds is what backends are tested with."""
    # Not `collect_testcases`, which runs the exporters of all operators.
    roialign = pytest.importorskip("onnx.backend.test.case.node.roialign")
    exported: dict[str, Any] = {}

    def keep(node: Any, inputs: Any, outputs: Any, name: str) -> None:
        exported[name] = (node, inputs, outputs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(roialign, "expect", keep)
        for export in vars(roialign.RoiAlign):
            if export.startswith("export_"):
                getattr(roialign.RoiAlign, export)()
    assert sorted(exported) == sorted(CASES)
    return exported[name]


def ours(name: str) -> np.ndarray[Any, Any]:
    node, (features, boxes, batch_index), _ = case(name)
    value = pytest.importorskip("onnx.helper").get_attribute_value
    attributes = {attribute.name: value(attribute) for attribute in node.attribute}
    return roi_align(
        features,
        boxes,
        (attributes["output_height"], attributes["output_width"]),
        convention=PRESETS[attributes["coordinate_transformation_mode"].decode()],
        batch_index=batch_index,
        pooling=attributes.get("mode", b"avg").decode(),
        **{key: attributes[key] for key in OURS},
    )


# Two outputs are written with four decimals, and those of the first were cut or rounded twice: they
# lie up to 8.4e-5 from the reference evaluator's. The third has all that single precision has.
@pytest.mark.parametrize(("name", "atol"), list(zip(CASES, (8.5e-5, 5.1e-5, 1e-6), strict=True)))
def test_the_output_that_is_shipped(name: str, atol: float) -> None:
    (expected,) = case(name)[2]
    np.testing.assert_allclose(ours(name), expected, rtol=0, atol=atol)


@pytest.mark.parametrize("name", CASES)
def test_the_reference_evaluator(name: str) -> None:
    reference = pytest.importorskip("onnx.reference")
    node, inputs, _ = case(name)
    (expected,) = reference.ReferenceEvaluator(node).run(
        None, dict(zip(node.input, inputs, strict=True))
    )
    np.testing.assert_allclose(ours(name), expected, rtol=0, atol=1e-5)
