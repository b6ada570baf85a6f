"""Kernels whose output size, scale or ratio is fixed, as in a module of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from roialign_cli import roi_align
from roialign_cli.measure.golden import golden_cases
from roialign_cli.measure.probing import probe
from tests.kernel_files import FLOOR, KERNEL

Kernel = Callable[..., Any]


def fixed(preset: str, size: int, scale: float, ratio: int = 0, **fields: Any) -> Kernel:
    """Return a kernel of features and boxes (R, 5) alone."""

    def kernel(x: Any, rois: Any) -> Any:
        return roi_align(
            x, rois[:, 1:], size, convention=preset, batch_index=rois[:, 0].astype(int),
            spatial_scale=scale, sampling_ratio=ratio, **fields,
        )  # fmt: skip

    return kernel


def from_text(text: str, size: int | None, scale: float) -> Kernel:
    """Return a kernel of features, boxes and batch index alone, or of an output size, too."""
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102 - a kernel of the tests
    pool = names["roi_align"]
    if size is None:
        return lambda x, boxes, batch_index, output_size, spatial_scale: pool(
            x, boxes, output_size, spatial_scale, 0, batch_index
        )
    return lambda x, boxes, batch_index: pool(x, boxes, (size, size), scale, 0, batch_index)


@pytest.mark.parametrize(
    ("preset", "size", "scale", "options"),
    [
        ("torchvision", 7, 1, {}),
        ("mmcv", 7, 1 / 32, {"ratio": 2, "pooling": "max"}),
        ("roi-pool", 7, 1 / 16, {}),
        *(
            pytest.param(*more, marks=pytest.mark.thorough)
            for more in (
                ("torchvision-aligned", 2, 1 / 8, {}),
                ("torchvision-aligned", 7, 1 / 14, {}),
                ("torchvision-aligned", 14, 1 / 16, {"ratio": 2}),
                ("onnx-half-pixel", 3, 1 / 4, {"ratio": 2, "pooling": "max"}),
            )
        ),
    ],
)
def test_kernels_of_features_and_boxes_alone(
    preset: str, size: int, scale: float, options: dict[str, Any]
) -> None:
    found = probe(fixed(preset, size, scale, **options))
    assert preset in found.equal
    assert {each.rule for each in found.differs} <= {"default ratio"}
    assert f"the kernel has a fixed output size, {size} × {size}" in found.remarks
    stated = f"the kernel has a fixed spatial scale, 1/{1 / scale:g}"
    assert (stated in found.remarks) == (scale != 1)
    assert found.calls <= 150


@pytest.mark.parametrize(
    ("size", "rounding"),
    [
        pytest.param(size, rounding, marks=() if by_default else pytest.mark.thorough)
        for size, of_size in ((None, ""), (3, "round"), (5, ""), (7, ""))
        for rounding in ("floor", "round")
        for by_default in [rounding == of_size]
    ],
)
def test_the_grid_of_a_kernel_without_a_ratio(size: int | None, rounding: str) -> None:
    text = FLOOR if rounding == "floor" else FLOOR.replace("math.floor(", "math.floor(0.5 + ")
    found = probe(from_text(text, size, 1 / 8))
    assert found.nearest == "torchvision-aligned"
    (difference,) = found.differs
    assert difference.measured == f"the adaptive grid is {rounding}(section size), at least 1"
    assert difference.case is not None
    assert difference.case.expected.output is not None


def test_broken_rules_of_a_kernel_with_a_fixed_size() -> None:
    kernel = from_text(KERNEL.replace("features[batch_index[n]]", "features[0]"), 3, 1 / 16)
    (difference,) = probe(kernel).differs
    assert difference.rule == "batch index"
    kernel = from_text(KERNEL.replace("x1, y1, x2, y2 = box", "y1, x1, y2, x2 = box"), 3, 1 / 16)
    (difference,) = probe(kernel).differs
    assert difference.fields == {"box_format": ("yxyx", "xyxy")}


@pytest.mark.parametrize("size", [1, (5, 7)])
def test_sizes_that_do_not_show_how_boxes_are_read(size: Any) -> None:
    found = probe(fixed("torchvision", size, 1))
    assert "only squares from 2 × 2 show how it reads boxes" in found.problem


def test_saved_calls_have_what_is_fixed() -> None:
    kernel = fixed("torchvision-aligned", 7, 1 / 16)
    found = probe(kernel)
    for case in golden_cases(found.convention, calling=found.calling):
        call = case.call
        output = kernel(call.features, np.column_stack([call.batch_index, call.boxes]))
        np.testing.assert_allclose(output, case.expected, rtol=1e-4, atol=1e-3)
