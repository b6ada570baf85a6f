"""Recordings of ONNX models: what is recorded, from which inputs, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from roialign_cli import roi_align as our_roi_align
from roialign_cli.calls.archive import read_call
from roialign_cli.calls.call import Call
from roialign_cli.calls.recording import read_recording
from roialign_cli.cli.main import main
from tests.onnx_models import (
    BOXES,
    FEATURES,
    FEEDS,
    FLOAT,
    INDEX,
    INPUTS,
    INT64,
    SCALE,
    constant,
    helper,
    model,
    onnx,
    roi_align,
    saved,
)
from tests.test_onnx_listing import CONDITION, branches, call, function, levels, loop_around

pytestmark = pytest.mark.peers


def save_inputs(**arrays: Any) -> None:
    np.savez("in.npz", **arrays)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a folder with the inputs of the models."""
    monkeypatch.chdir(tmp_path)
    save_inputs(**FEEDS)
    for name, array in FEEDS.items():
        np.save(f"{name}.npy", array)
    return tmp_path


def record(
    path: str, *arguments: str, inputs: tuple[str, ...] = ("--inputs", "in.npz")
) -> list[Call]:
    assert main(["capture", path, *inputs, "-o", "calls", "--force", *arguments]) == 0
    return [read_call(file) for file in read_recording("calls").files]


def check(found: Call, atol: float = 1e-5) -> None:
    """Compare the recorded output with that of our operator for the recorded inputs."""
    assert found.output is not None
    np.testing.assert_allclose(found.operation().pooled(), found.output, rtol=0, atol=atol)


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("transformation", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("ratio", [0, 3])
def test_a_call_is_what_the_runtime_and_the_reference_compute(
    folder: Path, mode: str, transformation: str, ratio: int
) -> None:
    made = model(
        roi_align(mode=mode, coordinate_transformation_mode=transformation, sampling_ratio=ratio)
    )
    (found,) = record(saved(folder, made))
    check(found)
    np.testing.assert_array_equal(found.features, FEATURES)
    np.testing.assert_array_equal(found.boxes, BOXES)
    np.testing.assert_array_equal(found.batch_index, INDEX)
    assert (found.output_size, found.spatial_scale) == ((3, 2), SCALE)
    assert (found.framework, found.place) == ("onnxruntime", "align_pooled")
    assert found.stated["coordinate_transformation_mode"] == transformation
    assert found.output is not None
    evaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator(made)
    (reference,) = evaluator.run(None, FEEDS)
    np.testing.assert_allclose(found.output, reference, rtol=0, atol=1e-5)


def test_values_inside_the_graph_are_recorded(folder: Path) -> None:
    nodes = [
        helper.make_node("Relu", ["features"], ["map"]),
        helper.make_node("Add", ["boxes", "boxes"], ["twice"]),
        roi_align(("map", "twice", "index")),
        helper.make_node("ReduceMean", ["pooled"], ["mean"]),
    ]
    path = saved(folder, model(*nodes, outputs=("mean",)))
    before = {file: file.read_bytes() for file in folder.iterdir()}
    (found,) = record(path)
    np.testing.assert_array_equal(found.features, np.maximum(FEATURES, 0))
    np.testing.assert_array_equal(found.boxes, 2 * BOXES.astype(float))
    check(found)
    after = {file: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    assert after == before


def test_weights_that_go_into_the_node_are_recorded(folder: Path) -> None:
    weights = [onnx.numpy_helper.from_array(FEEDS[name], name) for name in ("features", "index")]
    made = model(roi_align(), inputs={"boxes": INPUTS["boxes"]}, weights=weights)
    (found,) = record(saved(folder, made), inputs=("--input", "boxes=boxes.npy"))
    np.testing.assert_array_equal(found.features, FEATURES)
    check(found)


def test_rows_with_the_batch_index_first(folder: Path) -> None:
    np.save("rois.npy", np.column_stack([INDEX, BOXES]).astype(np.float32))
    node = helper.make_node(
        "MaxRoiPool", ["features", "rois"], ["pooled"], pooled_shape=[3, 2], spatial_scale=SCALE
    )
    inputs = {"features": INPUTS["features"], "rois": (FLOAT, ("rois", 5))}
    files = ("--input", "features=features.npy", "--input", "rois=rois.npy")
    (found,) = record(saved(folder, model(node, inputs=inputs)), inputs=files)
    assert found.preset == "roi-pool"
    np.testing.assert_array_equal(found.batch_index, INDEX)
    check(found, atol=0)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_crop_and_resize(folder: Path, mode: str) -> None:
    boxes = np.array(
        [[0.1, 0.2, 0.8, 0.9], [-0.2, 0.1, 1.2, 0.5], [0.9, 0.9, 0.1, 0.2]], np.float32
    )
    np.savez("in.npz", features=FEATURES, boxes=boxes, index=INDEX[:3].astype(np.int32))
    size = onnx.numpy_helper.from_array(np.array([4, 5], np.int32), "size")
    node = helper.make_node(
        "CropAndResize", ["features", "boxes", "index", "size"], ["pooled"],
        domain="com.microsoft", extrapolation_value=3.0, mode=mode,
    )  # fmt: skip
    inputs = {**INPUTS, "index": (6, ("rois",))}
    made = model(node, inputs=inputs, domains={"com.microsoft": 1}, weights=[size])
    (found,) = record(saved(folder, made))
    assert (found.preset, found.fields["extrapolation_value"]) == ("tensorflow", 3.0)
    check(found)


def test_functions_are_inlined(folder: Path) -> None:
    made = model(call(), domains={"acme": 1}, functions=[function()])
    (found,) = record(saved(folder, made))
    check(found)
    np.testing.assert_array_equal(found.boxes, BOXES)


def test_an_attribute_of_a_function_is_known_in_its_call(folder: Path) -> None:
    pool = function()
    pool.node[0].attribute.append(onnx.AttributeProto(name="mode", ref_attr_name="way", type=3))
    pool.attribute.append("way")
    node = call()
    node.attribute.append(helper.make_attribute("way", "max"))
    (found,) = record(saved(folder, model(node, domains={"acme": 1}, functions=[pool])))
    assert found.fields["pooling"] == "max"
    check(found)


def test_the_levels_of_a_pyramid(folder: Path) -> None:
    calls = record(saved(folder, model(*levels("Add", (1 / 16, 1 / 4, 1 / 8)))))
    assert [c.level and (c.level.pyramid, c.level.map_index, c.level.maps) for c in calls] == [
        (0, 2, 3), (0, 0, 3), (0, 1, 3),
    ]  # fmt: skip
    assert read_recording("calls").pyramids() == [[1, 2, 0]]


@pytest.mark.parametrize("merge", ["ScatterND", "ScatterElements"])
def test_the_rows_of_boxes_in_the_output_of_a_pyramid(folder: Path, merge: str) -> None:
    """As exporters write it: each level pools its own boxes and scatters the outputs."""
    nodes, weights, merged = [], [], "zeros"
    rows = [np.array([3, 0]), np.array([1, 4, 2])]
    for level, own in enumerate(rows):
        indices = own[:, None]
        if merge == "ScatterElements":
            indices = np.broadcast_to(own[:, None, None, None], (len(own), 3, 3, 2)).copy()
        taken, placed = f"taken{level}", f"placed{level}"
        weights += [onnx.numpy_helper.from_array(own, taken),
                    onnx.numpy_helper.from_array(indices, placed)]  # fmt: skip
        own_boxes = (f"boxes{level}", f"index{level}")
        result = "merged" if level else "half"
        nodes += [
            helper.make_node("Gather", ["boxes", taken], [own_boxes[0]]),
            helper.make_node("Gather", ["index", taken], [own_boxes[1]]),
            helper.make_node("Relu", ["features"], [f"map{level}"]),
            roi_align((f"map{level}", *own_boxes), f"level{level}", spatial_scale=SCALE / 2**level),
            helper.make_node("Cast", [f"level{level}"], [f"cast{level}"], to=1),
            helper.make_node(merge, [merged, placed, f"cast{level}"], [result]),
        ]
        merged = result
    weights.append(onnx.numpy_helper.from_array(np.zeros((5, 3, 3, 2), np.float32), "zeros"))
    calls = record(saved(folder, model(*nodes, outputs=("merged",), weights=weights)))
    assert read_recording("calls").pyramids() == [[0, 1]]
    for found, own in zip(calls, rows, strict=True):
        np.testing.assert_array_equal(found.rows, own)
        np.testing.assert_array_equal(found.boxes, BOXES[own])
        check(found)


@pytest.mark.parametrize("chosen", [True, False])
def test_the_branch_that_runs_is_recorded(
    folder: Path, *, chosen: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    own = np.full((), chosen, bool)
    save_inputs(condition=own, **{**FEEDS, "features": FEATURES[:1], "index": 0 * INDEX})
    relu = helper.make_node("Relu", ["features"], ["map"])
    pooled = {
        "a": roi_align(("map", "boxes", "index"), "a"),
        "b": roi_align(output="b", mode="max"),
    }
    choice = branches(pooled["a"], pooled["b"])
    choice.attribute[1].g.node.insert(0, relu)  # of the branch that runs if the condition is true
    path = saved(folder, model(choice, inputs=CONDITION))
    (found,) = record(path, "--format", "json")
    check(found)
    assert found.place == ("align_a" if chosen else "align_b")
    np.testing.assert_array_equal(
        found.features, np.maximum(FEATURES[:1], 0) if chosen else FEATURES[:1]
    )
    printed = json.loads(capsys.readouterr().out)
    assert printed["not_recorded"] == [
        {"node": "align_b" if chosen else "align_a",
         "why": "its branch does not run with these inputs"}
    ]  # fmt: skip


def test_a_branch_in_a_branch_and_a_loop(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_inputs(
        condition=np.ones((), bool), **{**FEEDS, "features": FEATURES[:1], "index": 0 * INDEX}
    )
    inner = branches(roi_align(output="a"), roi_align(output="b"))
    inner.output[0], inner.name = "inner", "Inner"
    identity = helper.make_node("Identity", ["boxes"], ["outer"])
    outer = branches(inner, identity)
    for attribute, name in zip(outer.attribute, ("outer", "inner"), strict=True):
        attribute.g.output[0].name = name
    outer.output[0] = "chosen"
    nodes = [outer, loop_around(roi_align())]
    path = saved(folder, model(*nodes, inputs=CONDITION, outputs=("chosen",)))
    (found,) = record(path)
    check(found)
    assert found.place == "align_a"
    out = " ".join(capsys.readouterr().out.split())
    assert "Not recorded: align_pooled, because it is in the loop Repeat" in out
    assert "Not recorded: align_b, because its branch does not run with these inputs" in out


def test_nothing_is_written_if_no_branch_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_inputs(condition=np.zeros((), bool), **{**FEEDS, "features": FEATURES[:1]})
    choice = branches(roi_align(output="a"), helper.make_node("Identity", ["boxes"], ["b"]))
    path = saved(folder, model(choice, inputs=CONDITION))
    assert main(["capture", path, "--inputs", "in.npz"]) == 2
    assert capsys.readouterr().err == (
        f"roialign: {path}: nothing was recorded: align_a did not run, because its branch does not "
        "run with these inputs; give other inputs\n"
    )
    assert not (folder / "calls").exists()


def test_a_call_without_boxes_is_named_as_empty(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez("in.npz", features=FEATURES, boxes=BOXES[:0], index=INDEX[:0])
    (found,) = record(saved(folder, model(roi_align())))
    assert found.output is not None
    assert found.output.shape == (0, 3, 3, 2)
    assert "Empty, because the operator got no boxes: 0." in capsys.readouterr().out


def external(folder: Path, location: str = "weights.bin") -> str:
    """Write a model the features of which are in another file, and return its path."""
    folder.mkdir(exist_ok=True)
    weights = onnx.numpy_helper.from_array(FEATURES, "map")
    nodes = [
        helper.make_node("Add", ["features", "map"], ["sum"]),
        roi_align(("sum", "boxes", "index")),
    ]
    path = str(folder / "model.onnx")
    onnx.save(
        model(*nodes, weights=[weights]), path, save_as_external_data=True, location=location,
        size_threshold=0,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("name", ["model", "model/../model"])
def test_external_data_is_read_from_the_folder_of_the_model(folder: Path, name: str) -> None:
    path = external(folder / "model")
    before = sorted((folder / "model").iterdir())
    (found,) = record(f"{name}/{Path(path).name}")
    np.testing.assert_array_equal(found.features, 2 * FEATURES)
    check(found)
    assert sorted((folder / "model").iterdir()) == before


def test_links_to_the_files_of_a_download_cache(folder: Path) -> None:
    external(folder / "blobs")
    (folder / "snapshot").mkdir()
    for name in ("model.onnx", "weights.bin"):
        (folder / "blobs" / name).rename(folder / "blobs" / f"{name}.0123")
        (folder / "snapshot" / name).symlink_to(folder / "blobs" / f"{name}.0123")
    (found,) = record("snapshot/model.onnx")
    np.testing.assert_array_equal(found.features, 2 * FEATURES)


def test_random_inputs_are_seeded_and_their_boxes_lie_inside_the_map(folder: Path) -> None:
    moved = [helper.make_node("Identity", ["boxes"], ["same"]),
             roi_align(("features", "same", "index"))]  # fmt: skip
    path = saved(folder, model(*moved))
    dims = ("--random", "--dim", "n=2", "--dim", "rois=40")
    (first,) = record(path, *dims, inputs=())
    (again,) = record(path, *dims, inputs=())
    (other,) = record(path, *dims, "--seed", "1", inputs=())
    np.testing.assert_array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.boxes, other.boxes)
    assert first.features.shape == (2, 3, 10, 14)
    assert first.boxes.shape == (40, 4)
    x1, y1, x2, y2 = first.boxes.T
    assert np.all((x1 >= 0) & (y1 >= 0) & (x2 > x1) & (y2 > y1))
    assert np.all((x2 <= 14 / SCALE) & (y2 <= 10 / SCALE))
    check(first)


def test_random_fills_the_inputs_that_are_not_given(folder: Path) -> None:
    path = saved(folder, model(roi_align()))
    given = ("--input", "features=features.npy", "--dim", "boxes:0=7", "--dim", "index:0=7")
    (found,) = record(path, "--random", *given, inputs=())
    np.testing.assert_array_equal(found.features, FEATURES)
    assert found.boxes.shape == (7, 4)


def test_random_inputs_have_as_many_rows_as_those_that_are_given(folder: Path) -> None:
    path = saved(folder, model(roi_align()))
    given = ("--input", "boxes=boxes.npy", "--input", "features=features.npy")
    (found,) = record(path, "--random", *given, inputs=())
    np.testing.assert_array_equal(found.boxes, BOXES)
    np.testing.assert_array_equal(found.batch_index, np.zeros(len(BOXES)))
    check(found)


def test_a_negative_length_is_free(folder: Path) -> None:
    free = {name: (kind, (-1, *axes[1:])) for name, (kind, axes) in INPUTS.items()}
    path = saved(folder, model(roi_align(), inputs=free))
    (found,) = record(path, inputs=("--inputs", "in.npz"))
    np.testing.assert_array_equal(found.boxes, BOXES)
    (found,) = record(path, "--random", "--dim", "boxes:0=3", "--dim", "index:0=3", inputs=())
    assert (found.features.shape, found.boxes.shape) == ((1, 3, 10, 14), (3, 4))


def test_random_boxes_from_an_input_without_axes(folder: Path) -> None:
    rows = helper.make_node("Expand", ["side", "shape"], ["boxes"])
    inputs = {"features": (FLOAT, (1, 3, 10, 14)), "side": (FLOAT, ()), "index": (INT64, (2,))}
    nodes = (constant("shape", [2, 4], np.int64), rows, roi_align())
    reshaped = helper.make_node("Reshape", ["side", "one"], ["boxes"])
    record(saved(folder, model(*nodes, inputs=inputs)), "--random", inputs=())
    nodes = (constant("one", [1, 1], np.int64), reshaped, roi_align())
    assert main(["capture", saved(folder, model(*nodes, inputs=inputs)), "--random"]) == 2


def test_a_recording_replaces_only_a_recording(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = saved(folder, model(roi_align()))
    record(path)
    assert main(["capture", path, "--inputs", "in.npz"]) == 2
    assert "calls: already has a recording; replace it with --force" in capsys.readouterr().err
    (folder / "calls" / "notes.txt").write_text("mine")
    assert main(["capture", path, "--inputs", "in.npz", "--force"]) == 2
    assert "calls: has other files than recorded calls" in capsys.readouterr().err
    assert (folder / "calls" / "notes.txt").exists()


def test_our_operator_reads_a_call(folder: Path) -> None:
    (found,) = record(saved(folder, model(roi_align())))
    ours = our_roi_align(
        FEATURES, BOXES, (3, 2), convention="onnx-half-pixel", batch_index=INDEX,
        spatial_scale=SCALE, sampling_ratio=2,
    )  # fmt: skip
    assert found.output is not None
    np.testing.assert_allclose(found.output, ours, rtol=0, atol=1e-5)


def test_the_name_of_an_input_may_have_a_colon(folder: Path) -> None:
    inputs = {"image:0" if name == "features" else name: axes for name, axes in INPUTS.items()}
    path = saved(folder, model(roi_align(("image:0", "boxes", "index")), inputs=inputs))
    save_inputs(**{"image:0": FEATURES, "boxes": BOXES, "index": INDEX})
    (found,) = record(path)
    np.testing.assert_array_equal(found.features, FEATURES)
    (found,) = record(path, "--input", "image:0=features.npy")
    np.testing.assert_array_equal(found.features, FEATURES)


def test_a_recording_with_an_input_is_not_replaced(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = saved(folder, model(roi_align()))
    record(path)
    content = Path("calls/call-0000.npz").read_bytes()
    given = ["--random", "--input", "features=calls/call-0000.npz:features"]
    assert main(["capture", path, *given, "-o", "calls", "--force"]) == 2
    problem = "calls: has an input of the command, call-0000.npz; name another folder"
    assert capfd.readouterr().err.splitlines()[-1] == f"roialign: {problem}"
    assert Path("calls/call-0000.npz").read_bytes() == content
