"""The listing of the ROI Aligns in ONNX models: presets, defaults, places, shapes and traps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")

from roialign_cli.calls.onnx_models.listing import ListedNode, Listing, list_nodes
from roialign_cli.calls.onnx_models.operators import REQUIRED
from roialign_cli.cli.main import main
from tests.onnx_models import (
    BOOL,
    FLOAT,
    INPUTS,
    INT64,
    constant,
    helper,
    model,
    onnx,
    roi_align,
    saved,
    value,
)

pytestmark = pytest.mark.peers


def listed(folder: Path, *nodes: Any, **options: Any) -> Listing:
    return list_nodes(saved(folder, model(*nodes, **options)))


def only(folder: Path, *nodes: Any, **options: Any) -> ListedNode:
    (node,) = listed(folder, *nodes, **options).nodes
    return node


def traps(node: ListedNode) -> set[str]:
    return {trap.kind for trap in node.traps}


@pytest.mark.parametrize(
    ("opset", "mode", "preset"),
    [
        (10, None, "onnx-output-half-pixel"),
        (15, None, "onnx-output-half-pixel"),
        (16, None, "onnx-half-pixel"),
        (22, None, "onnx-half-pixel"),
        (16, "half_pixel", "onnx-half-pixel"),
        (16, "output_half_pixel", "onnx-output-half-pixel"),
    ],
)
def test_the_preset_depends_on_the_opset_and_the_mode(
    tmp_path: Path, opset: int, mode: str | None, preset: str
) -> None:
    node = only(tmp_path, roi_align(coordinate_transformation_mode=mode), opset=opset)
    assert node.convention is not None
    assert (node.convention.name, node.opset) == (preset, opset)
    assert node.fields == {"sampling_ratio": 2}
    assert (node.output_size, node.spatial_scale) == ((3, 2), 1 / 8)


def test_defaults_are_what_the_file_leaves_to_the_runtime(tmp_path: Path) -> None:
    node = only(tmp_path, helper.make_node("RoiAlign", ["features", "boxes", "index"], ["pooled"]))
    assert not node.attributes
    assert node.defaults == {
        "coordinate_transformation_mode": "half_pixel",
        "mode": "avg",
        "output_height": 1,
        "output_width": 1,
        "sampling_ratio": 0,
        "spatial_scale": 1.0,
    }
    assert node.output_size == (1, 1)
    assert node.place.name == "RoiAlign (node 0)"


# Operator → inputs, attributes, and the preset, the fields and the output size they amount to.
CUSTOM: dict[str, tuple[Any, ...]] = {
    "MaxRoiPool": ("", 2, {"pooled_shape": [3, 2]}, "roi-pool", {}, (3, 2)),
    "MMCVRoiAlign": (
        "mmdeploy", 2, {"mode": "max", "output_height": 3, "output_width": 2, "aligned": 0},
        "mmcv-legacy", {"pooling": "max"}, (3, 2),
    ),
    "MMCVMultiLevelRoiAlign": (
        "mmdeploy", 3, {"featmap_strides": [4.0, 8.0], "pool_mode": 1, "aligned": 1},
        "mmdeploy-aligned", {"pooling": "avg"}, (7, 7),
    ),
    "ROIAlign_TRT": (
        "", 3, {"mode": 0, "coordinate_transformation_mode": 0, "output_height": 4},
        "tensorrt-output-half-pixel", {"pooling": "max"}, (4, 1),
    ),
    "RoIAlignDynamic_TRT": ("TRT", 2, {"mode": "avg"}, "mmcv-cuda", {}, (7, 7)),
    "PyramidROIAlign_TRT": (
        "", 3, {"pooled_size": 14, "roi_coords_transform": 1, "roi_coords_swap": 1},
        "tensorrt-pyramid", {"offset": 0.0, "box_format": "yxyx"}, (14, 14),
    ),
    "RoIAlign": (
        "org.pytorch._caffe2", 2, {"pooled_h": 3, "pooled_w": 2, "aligned": 1},
        "torchvision-aligned", {}, (3, 2),
    ),
    "MultilevelCropAndResize_TRT": ("", 3, {"pooled_size": 7}, None, {}, (7, 7)),
    "MMCVRoIAlignRotated": (
        "mmdeploy", 2, {"output_height": 3, "output_width": 2}, None, {}, (3, 2),
    ),
    "FancyRoiAlign": ("acme", 2, {}, None, {}, None),
}  # fmt: skip


@pytest.mark.parametrize("op_type", CUSTOM)
def test_custom_operators(tmp_path: Path, op_type: str) -> None:
    domain, count, attributes, preset, fields, size = CUSTOM[op_type]
    inputs = ["boxes", "features", "index"][:count] if count == 3 else ["features", "boxes"]
    node = helper.make_node(op_type, inputs, ["pooled"], domain=domain, **attributes)
    found = only(tmp_path, node, domains={domain: 1} if domain else None)
    assert (found.convention.name if found.convention else None) == preset
    assert (found.fields, found.output_size) == (fields, size)
    assert bool(found.why_unknown) == (preset is None)


def test_crop_and_resize_takes_its_size_from_a_constant(tmp_path: Path) -> None:
    inputs = ["features", "boxes", "index", "size"]
    node = helper.make_node(
        "CropAndResize", inputs, ["pooled"], domain="com.microsoft", mode="nearest"
    )
    found = only(tmp_path, constant("size", [5, 6], np.int32), node, domains={"com.microsoft": 1})
    assert found.convention is not None
    assert (found.convention.name, found.output_size) == ("tensorflow", (5, 6))
    assert (found.fields, found.spatial_scale) == ({"interpolation": "nearest"}, None)


def test_a_required_attribute_or_an_unknown_value_leaves_the_preset_unknown(tmp_path: Path) -> None:
    node = helper.make_node("MMCVRoiAlign", ["features", "boxes"], ["pooled"], domain="mmcv")
    found = only(tmp_path, node, domains={"mmcv": 1})
    assert found.defaults["mode"] == REQUIRED
    assert found.why_unknown == "mode: is not in the file and has no default"
    found = only(tmp_path, roi_align(coordinate_transformation_mode="pixel_half"))
    assert found.why_unknown.endswith(
        "has the unknown value 'pixel_half'; known are half_pixel or output_half_pixel"
    )


def test_traps_of_the_mode(tmp_path: Path) -> None:
    mode = {"coordinate_transformation_mode": "half_pixel"}
    assert traps(only(tmp_path, roi_align(**mode))) == set()
    assert traps(only(tmp_path, roi_align())) == {"mode-left-to-default"}
    assert traps(only(tmp_path, roi_align(), opset=11)) == {"no-mode-before-opset-16"}
    found = traps(only(tmp_path, roi_align(**mode), opset=11))
    assert found == {"no-mode-before-opset-16", "mode-at-old-opset"}
    assert "no-sampling-ratio" in traps(only(tmp_path, roi_align(sampling_ratio=None)))
    assert "max-of-products" in traps(only(tmp_path, roi_align(mode="max")))


def shifted(by: Any, *, opset: int = 16, op_type: str = "Sub", **attributes: Any) -> list[Any]:
    """Return nodes that shift or scale the boxes by a constant before an ROI Align."""
    return [
        constant("amount", by),
        helper.make_node("Unsqueeze" if opset < 13 else "Identity", ["boxes"], ["same"],
                         **({"axes": [0]} if opset < 13 else {})),
        helper.make_node(op_type, ["same", "amount"], ["moved"], name="Move"),
        helper.make_node("Reshape", ["moved", "shape"], ["flat"]),
        roi_align(("features", "flat", "index"), **attributes),
    ]  # fmt: skip


SHAPE = onnx.numpy_helper.from_array(np.array([-1, 4]), "shape")
NO_SHIFT = {"coordinate_transformation_mode": "output_half_pixel"}


@pytest.mark.parametrize(
    ("by", "op_type", "opset", "attributes", "expected"),
    [
        (4.0, "Sub", 16, {}, {"shifted-twice", "mode-left-to-default"}),
        (-4.0, "Add", 16, {}, {"shifted-twice", "mode-left-to-default"}),
        (4.0, "Sub", 16, NO_SHIFT, {"shifted-in-graph"}),
        (4.0, "Sub", 11, {}, {"aligned-before-opset-16"}),
        (0.5, "Sub", 16, NO_SHIFT, {"shifted-before-scale"}),
        (16.0, "Sub", 16, NO_SHIFT, {"shifted-boxes"}),
        (0.5, "Mul", 16, NO_SHIFT, {"scaled-boxes"}),
        (2.0, "Div", 16, NO_SHIFT, {"scaled-boxes"}),
        (0.0, "Sub", 16, NO_SHIFT, set()),
        (1.0, "Mul", 16, NO_SHIFT, set()),
        ([14.0, 10, 14, 10], "Mul", 16, NO_SHIFT, {"scaled-boxes"}),
        ([1.0, 2, 1, 2], "Sub", 16, NO_SHIFT, {"shifted-boxes"}),
    ],
)
def test_traps_of_the_boxes(
    tmp_path: Path,
    by: Any,
    op_type: str,
    opset: int,
    attributes: dict[str, Any],
    expected: set[str],
) -> None:
    nodes = shifted(by, op_type=op_type, opset=opset, **attributes)
    node = only(tmp_path, *nodes, opset=opset, weights=[SHAPE])
    assert traps(node) == expected


def test_a_shift_counts_in_cells_after_the_scales_that_follow(tmp_path: Path) -> None:
    """Two pixels are half a cell: the graph halves them, and the operator divides them by 2."""
    nodes = [
        constant("two", 2.0),
        constant("half", 0.5),
        helper.make_node("Sub", ["boxes", "two"], ["moved"]),
        helper.make_node("Mul", ["half", "moved"], ["scaled"]),
        roi_align(("features", "scaled", "index"), spatial_scale=0.5),
    ]
    scaled, twice = only(tmp_path, *nodes).traps[1:]
    assert (scaled.kind, twice.kind) == ("scaled-boxes", "shifted-twice")
    assert "multiplies the boxes by 1/2" in scaled.text


def test_rows_with_a_batch_index_are_shifted_without_it(tmp_path: Path) -> None:
    nodes = [
        constant("amount", [0.0, 4, 4, 4, 4]),
        helper.make_node("Sub", ["rois", "amount"], ["moved"]),
        helper.make_node("Gather", ["moved", "columns"], ["corners"], axis=1),
        roi_align(("features", "corners", "index")),
    ]
    columns = onnx.numpy_helper.from_array(np.arange(1, 5), "columns")
    inputs = {**INPUTS, "rois": (FLOAT, ("rois", 5))}
    assert "shifted-twice" in traps(only(tmp_path, *nodes, inputs=inputs, weights=[columns]))


def test_arithmetic_that_decodes_boxes_is_no_trap(tmp_path: Path) -> None:
    decoding = [
        constant("half", 0.5),
        helper.make_node("Mul", ["boxes", "half"], ["halved"]),
        helper.make_node("Sub", ["boxes", "halved"], ["centred"]),
        helper.make_node("Relu", ["centred"], ["clipped"]),
        roi_align(("features", "clipped", "index"), **NO_SHIFT),
    ]
    assert traps(only(tmp_path, *decoding)) == set()


def test_shapes_keep_the_names_of_free_axes(tmp_path: Path) -> None:
    node = only(tmp_path, helper.make_node("Relu", ["features"], ["map"]),
                roi_align(("map", "boxes", "index")))  # fmt: skip
    assert node.shapes == {
        "features": ("n", 3, 10, 14),
        "boxes": ("rois", 4),
        "batch_index": ("rois",),
        "output": ("rois", 3, 3, 2),
    }


def branches(then: Any, other: Any) -> Any:
    graphs = {
        "then_branch": helper.make_graph([then], "then", [], [value("a")]),
        "else_branch": helper.make_graph([other], "else", [], [value("b")]),
    }
    return helper.make_node("If", ["condition"], ["pooled"], name="Choice", **graphs)


CONDITION = {
    "condition": (BOOL, ()),
    "features": (FLOAT, (1, 3, 10, 14)),
    "boxes": (FLOAT, ("rois", 4)),
    "index": (INT64, ("rois",)),
}


def test_nodes_in_branches_are_listed_with_their_place(tmp_path: Path) -> None:
    moved = [constant("amount", 4.0), helper.make_node("Sub", ["boxes", "amount"], ["moved"])]
    choice = branches(roi_align(("features", "moved", "index"), "a"), roi_align(output="b"))
    # Attributes are sorted by name.
    second, first = listed(tmp_path, *moved, choice, inputs=CONDITION).nodes
    assert first.place.scope.steps == ("Choice", "then_branch")
    assert second.place.scope.steps == ("Choice", "else_branch")
    assert "shifted-twice" in traps(first)
    assert "shifted-twice" not in traps(second)
    assert first.shapes["features"] == (1, 3, 10, 14)
    assert not first.why_not_recorded


def test_nodes_in_loops_know_the_values_around_them(tmp_path: Path) -> None:
    loop = loop_around(
        constant("amount", 4.0),
        helper.make_node("Sub", ["boxes", "amount"], ["moved"]),
        roi_align(("features", "moved", "index")),
    )
    node = only(tmp_path, loop, inputs=CONDITION, outputs=("all",))
    assert node.place.scope.steps == ("Repeat", "body")
    assert "shifted-twice" in traps(node)
    assert node.why_not_recorded == (
        "it is in the loop Repeat, and the values of a loop are no outputs of a model"
    )


def loop_around(*nodes: Any) -> Any:
    """Return a loop that runs once, around nodes that compute "pooled"."""
    inner = [*nodes, helper.make_node("Not", ["going"], ["goes"])]
    inputs = [value("step", INT64, ()), value("going", BOOL, ())]
    body = helper.make_graph(inner, "body", inputs, [value("goes", BOOL, ()), value("pooled")])
    return helper.make_node("Loop", ["", "condition"], ["all"], name="Repeat", body=body)


def function(name: str = "Pool", **attributes: Any) -> Any:
    node = roi_align(("f", "b", "i"), "p", **attributes)
    imports = [helper.make_opsetid("", 16)]
    return helper.make_function("acme", name, ["f", "b", "i"], ["p"], [node], imports)


def call(name: str = "Pool") -> Any:
    return helper.make_node(name, ["features", "boxes", "index"], ["pooled"], domain="acme")


def test_nodes_in_functions_are_listed_once(tmp_path: Path) -> None:
    node = only(tmp_path, call(), domains={"acme": 1}, functions=[function()])
    assert node.place.scope.steps == ("function acme::Pool",)
    assert node.place.scope.kind == "function"
    assert not node.why_not_recorded
    # The name of this function looks like an operator that pools boxes.
    node = only(tmp_path, call("roi_align"), domains={"acme": 1}, functions=[function("roi_align")])
    assert node.place.node.op_type == "RoiAlign"


def test_an_attribute_of_a_function_is_unknown(tmp_path: Path) -> None:
    pool = function()
    reference = onnx.AttributeProto(name="mode", ref_attr_name="pooling", type=3)
    pool.node[0].attribute.append(reference)
    node = only(tmp_path, call(), domains={"acme": 1}, functions=[pool])
    assert node.attributes["mode"] == "@pooling"
    assert node.why_unknown == "mode: depends on the call of the function"


def levels(merge: str, scales: tuple[float, ...] = (1 / 4, 1 / 8)) -> list[Any]:
    """Return nodes that pool from maps of different scales and merge the outputs."""
    nodes = []
    for number, scale in enumerate(scales):
        nodes += [
            helper.make_node("Relu", ["features"], [f"map{number}"]),
            roi_align((f"map{number}", "boxes", "index"), f"level{number}", spatial_scale=scale),
        ]
    if merge == "Concat":
        joined = [f"level{number}" for number in range(len(scales))]
        return [*nodes, helper.make_node("Concat", joined, ["pooled"], axis=0)]
    merged = "level0"
    for number in range(1, len(scales)):
        inputs = [merged, f"level{number}"]
        merged = "pooled" if number == len(scales) - 1 else f"merged{number}"
        nodes.append(helper.make_node(merge, inputs, [merged]))
    return nodes


@pytest.mark.parametrize("merge", ["Concat", "Add"])
def test_nodes_of_one_pyramid_are_grouped(tmp_path: Path, merge: str) -> None:
    listing = listed(tmp_path, *levels(merge, (1 / 16, 1 / 4, 1 / 8)))
    assert listing.pyramids == [[1, 2, 0]]


def test_nodes_with_the_same_scale_or_without_a_merge_are_no_pyramid(tmp_path: Path) -> None:
    assert listed(tmp_path, *levels("Add", (1 / 4, 1 / 4))).pyramids == []
    alone = [roi_align(), roi_align(output="other", spatial_scale=0.5)]
    assert listed(tmp_path, *alone, outputs=("pooled", "other")).pyramids == []


def test_large_weights_are_not_needed(tmp_path: Path) -> None:
    weight = onnx.numpy_helper.from_array(np.ones((1, 3, 10, 14, 40), np.float32), "weight")
    nodes = [
        helper.make_node("ReduceSum", ["weight", "axes"], ["map"], keepdims=0),
        roi_align(("map", "boxes", "index")),
    ]
    axes = onnx.numpy_helper.from_array(np.array([4]), "axes")
    node = only(tmp_path, *nodes, weights=[weight, axes])
    assert node.shapes["features"] == (1, 3, 10, 14)


def test_json_has_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path, model(*shifted(4.0), weights=[SHAPE]))
    assert main(["capture", path, "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["version"], record["model"], record["opset"]) == (1, path, 16)
    assert record["inputs"][1] == {"name": "boxes", "dtype": "float32", "shape": ["rois", 4]}
    (node,) = record["nodes"]
    assert node["preset"] == "onnx-half-pixel"
    assert node["attributes"]["spatial_scale"] == 0.125
    assert node["shapes"]["features"] == ["n", 3, 10, 14]
    assert [trap["trap"] for trap in node["traps"]] == ["mode-left-to-default", "shifted-twice"]


def test_the_table_names_operators_of_different_types(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = ["features", "boxes"]
    nodes = [
        roi_align(),
        helper.make_node("MMCVRoiAlign", inputs, ["other"], domain="mmdeploy", mode="avg"),
    ]
    made = model(*nodes, outputs=("pooled", "other"), domains={"mmdeploy": 1})
    assert main(["capture", saved(tmp_path, made)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "; 1 RoiAlign node, 1 mmdeploy::MMCVRoiAlign node" in text
    assert "The rules of node 0, as options of roialign: --preset onnx-half-pixel" in text


def test_without_a_scale_boxes_are_in_cells(tmp_path: Path) -> None:
    node = helper.make_node("RoiAlign", ["features", "boxes", "index"], ["pooled"])
    (trap,) = (t for t in only(tmp_path, node).traps if t.kind == "no-spatial-scale")
    assert trap.text.startswith(
        "spatial_scale is left to its default, 1: the boxes must be in cells of the feature map."
    )
    assert "no-spatial-scale" not in traps(only(tmp_path, roi_align()))


def test_the_table_names_nodes_presets_and_options(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["capture", saved(tmp_path, model(*levels("Add")))]) == 0
    *lines, command = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert command.endswith("--input boxes=FILE.npy --input index=FILE.npy -o calls")
    text = " ".join(lines)
    for expected in ("align_level1", "1/4", "n × 3 × 10 × 14", "mode=avg", "0, 1 are the levels",
                     "; 2 RoiAlign nodes, in 1 pyramid",
                     "The rules of nodes 0, 1, as options of roialign: --preset onnx-half-pixel "
                     "--sampling-ratio 2"):  # fmt: skip
        assert expected in " ".join(text.split()), text


@pytest.mark.parametrize("depth", [2, 30])
def test_functions_that_call_themselves_or_grow_are_listed(tmp_path: Path, depth: int) -> None:
    imports = [helper.make_opsetid("", 16), helper.make_opsetid("acme", 1)]
    inputs = ["f", "b", "i"]
    calls = [
        helper.make_function(
            "acme", f"F{n}", inputs, ["p"],
            [helper.make_node(f"F{(n + 1) % depth}", inputs, ["q"], domain="acme"),
             helper.make_node(f"F{min(n + 1, depth - 1)}", inputs, ["r"], domain="acme"),
             helper.make_node("Add", ["q", "r"], ["p"])],
            imports,
        )
        for n in range(depth)
    ]  # fmt: skip
    node = only(tmp_path, call("F0"), roi_align(output="other"), domains={"acme": 1},
                functions=calls)  # fmt: skip
    assert node.place.name == "align_other"


def test_the_opsets_of_the_standard_do_not_apply_to_other_domains(tmp_path: Path) -> None:
    node = helper.make_node("RoiAlign", ["features", "boxes"], ["pooled"], domain="acme")
    assert only(tmp_path, node, domains={"acme": 1}).traps == ()
