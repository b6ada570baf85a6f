"""Compare recordings with two causes or two parameters: which are named, and with which shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import Call, compare_recordings, roi_align
from roialign_cli.calls.call import Description
from roialign_cli.calls.differences.framework_parameters import setting_for
from roialign_cli.calls.differences.result import CallDifferences
from roialign_cli.core.boxes import Float
from roialign_cli.show.document.recording_verdict import recording_sentences

RULES = "onnx-output-half-pixel"
BOXES = np.array([[4.0, 6, 50, 40], [10, 3, 70, 55], [20, 20, 66, 60]], np.float32)
NOISE = np.random.default_rng(0).random((1, 2, 16, 20)).astype(np.float32)
ONES = np.ones((1, 1, 5, 5), np.float32)
# Its sample points are at 1.5 and 2.5 along both axes, in the middle of four cells.
MIDDLE = np.array([[1.0, 1, 3, 3]], np.float32)


def make_call(
    features: Float = NOISE,
    boxes: Float = BOXES,
    *,
    size: int = 3,
    scale: float = 0.25,
    preset: str = RULES,
    **fields: Any,
) -> Call:
    """Return a call of the node /RoiAlign, with two points along each axis of a section."""
    fields = {"sampling_ratio": 2, **fields}
    output = roi_align(features, boxes, size, convention=preset, spatial_scale=scale, **fields)
    return Call(
        features=features, boxes=boxes, output=output, output_size=size, spatial_scale=scale,
        preset=preset, fields=fields, place="/RoiAlign", operator="ai.onnx::RoiAlign, opset 16",
        stated={"coordinate_transformation_mode": preset.removeprefix("onnx-").replace("-", "_")},
    )  # fmt: skip


def make_middle_call(factor: float = 1, **fields: Any) -> Call:
    """Return a call on equal cells, with one section and 2 × 2 points."""
    return make_call(ONES * np.float32(factor), MIDDLE, size=1, scale=1, **fields)


class Compared:
    """The comparison of two calls, and what is printed of it."""

    def __init__(self, folder: Path, one: Call, other: Call) -> None:
        for name, call in (("a", one), ("b", other)):
            call.save(folder / f"{name}.npz")
        found = compare_recordings(folder / "a.npz", folder / "b.npz")
        self.call: CallDifferences = found.calls[0]
        self.sentences = recording_sentences(found)
        self.text = " ".join(str(found).split())


def test_a_parameter_that_moves_the_output_away_is_named_too(tmp_path: Path) -> None:
    one, other = make_call(), make_call(pooling="max", sampling_ratio=0)
    alone = roi_align(
        NOISE, BOXES, 3, convention=RULES, spatial_scale=0.25, pooling="max", sampling_ratio=2
    )
    assert one.output is not None
    assert other.output is not None
    amounts = [np.abs(output - other.output).mean() for output in (alone, one.output)]
    assert amounts[0] > amounts[1]  # with the pooling alone, the outputs differ more
    found = Compared(tmp_path, one, other)
    assert sorted(reason.field for reason in found.call.effective_fields) == [
        "pooling", "sampling_ratio"
    ]  # fmt: skip
    assert found.sentences == [
        "The ROI Align differs: sampling_ratio is 2 in A and 0 in B, and pooling is avg in A and "
        "max in B (100 % of the difference).",
        "To match A, set sampling_ratio to 2 and mode to avg in B (/RoiAlign).",
    ]


def test_a_parameter_without_an_effect_is_not_named(tmp_path: Path) -> None:
    # Sections of one cell: an adaptive grid has one point, at the mean of the four.
    ramp = np.broadcast_to(np.arange(20, dtype=np.float32), (1, 1, 16, 20)).copy()
    boxes = np.array([[2.0, 2, 5, 5]], np.float32)
    one = make_call(ramp, boxes, scale=1)
    found = Compared(tmp_path, one, make_call(ramp, boxes, scale=1, offset=0.5, sampling_ratio=0))
    assert {one.field: one.has_effect for one in found.call.fields} == {
        "offset": True, "sampling_ratio": False
    }  # fmt: skip
    assert found.sentences[0] == (
        "The ROI Align differs: offset is 0.0 in A and 0.5 in B (100 % of the difference)."
    )
    assert "sampling_ratio" not in found.sentences[1]
    assert "parameters 0.5 offset 0.0 → 0.5 100 %" in found.text


@pytest.mark.parametrize("preset", [RULES, "torchvision"])
def test_another_pooling_is_named_with_the_attribute_to_set(preset: str, tmp_path: Path) -> None:
    found = Compared(tmp_path, make_call(preset=preset), make_call(pooling="max"))
    assert [reason.field for reason in found.call.fields] == ["pooling"]
    assert found.sentences == [
        "The ROI Align differs: pooling is avg in A and max in B (100 % of the difference).",
        "To match A, set mode to avg in B (/RoiAlign).",
    ]
    assert "pooling avg → max 100 %" in found.text
    assert "max_of" not in found.text


def test_the_maximum_of_the_first_side_counts(tmp_path: Path) -> None:
    found = Compared(tmp_path, make_call(pooling="max"), make_call(preset="torchvision"))
    assert {reason.field: (reason.here, reason.there) for reason in found.call.fields} == {
        "pooling": ("max", "avg"), "max_of": ("weighted-cell", "point")
    }  # fmt: skip


def test_all_attributes_to_set_are_in_one_sentence(tmp_path: Path) -> None:
    wrong: dict[str, Any] = {"scale": 0.125, "pooling": "max", "sampling_ratio": 0}
    found = Compared(tmp_path, make_call(), make_call(preset="onnx-half-pixel", **wrong))
    assert len(found.sentences) == 2
    assert "more" not in found.sentences[0]
    assert found.sentences[0].endswith("(100 % of the difference).")
    assert found.sentences[0].count("%") == 1
    shift, _, settings = found.sentences[1].partition(" To match A, set ")
    assert shift == (
        "A has coordinate_transformation_mode=output_half_pixel, B has "
        "coordinate_transformation_mode=half_pixel."
    )
    assert settings.endswith(" in B (/RoiAlign).")
    for setting in (
        "spatial_scale to 1/4", "mode to avg", "sampling_ratio to 2",
        "coordinate_transformation_mode to output_half_pixel",
    ):  # fmt: skip
        assert setting in settings


def test_shares_that_do_not_add_up_are_left_out(tmp_path: Path) -> None:
    # Each of the four weights is a quarter: the outputs are 1 in A, and 2 / 4 in B. The features of
    # B alone give 2, three times as far from B as A is; the pooling alone gives 1 / 4.
    found = Compared(tmp_path, make_middle_call(), make_middle_call(2, pooling="max"))
    shares = [found.call.stage(name).share for name in ("features", "parameters")]
    assert shares == pytest.approx([-2, 0.5])
    assert not found.call.shares_add_up
    assert found.call.verdict == "inputs and operator"
    assert found.sentences == [
        "There are two causes. First, the features differ by up to 1.",
        "The ROI Align differs, too: pooling is avg in A and max in B.",
        "With the features of A, a difference of 0.75 remains.",
        "To match A, set mode to avg in B (/RoiAlign).",
    ]
    assert "%" not in found.text


def test_shares_that_add_up_are_given(tmp_path: Path) -> None:
    # On a ramp, more features and a shift of the points are added: 1.5 and 0.5 of 2.
    ramp = np.broadcast_to(np.arange(20, dtype=np.float32), (1, 1, 16, 20)).copy()
    boxes = np.array([[2.0, 2, 5, 5]], np.float32)
    one = make_call(ramp, boxes, scale=1, preset="onnx-half-pixel")
    found = Compared(tmp_path, one, make_call(ramp + np.float32(1.5), boxes, scale=1))
    assert found.sentences[:2] == [
        "There are two causes. First, the features differ by up to 1.5 (75 % of the difference).",
        "The ROI Align differs, too (25 % of the difference): offset is 0.5 in A and 0.0 in B.",
    ]
    assert "remains" not in found.text


def test_boxes_without_pairs_have_no_largest_difference(tmp_path: Path) -> None:
    other = make_call(boxes=BOXES[::-1] / 4 + np.float32(1))
    found = Compared(tmp_path, make_call(), other)
    assert found.call.stage("boxes").largest is None
    assert "> boxes – 3 only in A, and 3 only in B" in found.text


@pytest.mark.parametrize(
    ("call", "field", "value", "setting"),
    [
        ({"operator": "mmcv::MMCVRoiAlign, opset 1"}, "pooling", "max", ("mode", "max")),
        (
            {"operator": "mmdeploy::MMCVMultiLevelRoiAlign, opset 1"},
            "pooling",
            "avg",
            ("pool_mode", "1"),
        ),
        ({"operator": "trt::ROIAlign_TRT, opset 1"}, "pooling", "avg", ("mode", "1")),
        (
            {"operator": "com.microsoft::CropAndResize, opset 1"},
            "interpolation",
            "linear",
            ("mode", "bilinear"),
        ),
        ({"operator": "com.microsoft::CropAndResize, opset 1"}, "spatial_scale", (1, 1), None),
        ({"operator": "trt::PyramidROIAlign_TRT, opset 1"}, "point_in_part", 0.0, None),
        (
            {"operator": "mmcv.ops.roi_align", "stated": {"pool_mode": "max"}},
            "pooling",
            "avg",
            ("pool_mode", "avg"),
        ),
        (
            {"operator": "tf.image.crop_and_resize", "stated": {"method": "nearest"}},
            "interpolation",
            "linear",
            ("method", "bilinear"),
        ),
        ({"operator": "torchvision.ops.roi_align"}, "pooling", "max", None),
        (
            {"operator": "torchvision.ops.roi_align", "stated": {"aligned": False}},
            "offset",
            0.5,
            ("aligned", "True"),
        ),
        ({"operator": "acme.align"}, "sampling_ratio", 2, ("sampling_ratio", "2")),
        ({"stated": {"sample_num": 0}}, "sampling_ratio", 2, ("sample_num", "2")),
    ],
)
def test_a_setting_has_the_name_of_the_framework(
    call: dict[str, Any], field: str, value: object, setting: tuple[str, str] | None
) -> None:
    assert setting_for(Description(**call), field, value) == setting
