"""Each bad model or input ends `roialign capture` with one line and writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from roialign_cli.cli.main import main
from tests.onnx_models import FEEDS, FLOAT, INPUTS, constant, helper, model, onnx, roi_align, saved
from tests.test_onnx_listing import CONDITION, branches, call, levels, loop_around
from tests.test_onnx_recording import external, folder

__all__ = ["folder"]  # a fixture

pytestmark = pytest.mark.peers

GOOD = model(roi_align())
DATA = GOOD.SerializeToString()


def custom() -> Any:
    node = helper.make_node("MMCVRoiAlign", ["features", "boxes"], ["pooled"], domain="mmdeploy",
                            mode="avg")  # fmt: skip
    return model(node, domains={"mmdeploy": 1})


def cyclic() -> Any:
    return model(
        helper.make_node("Add", ["features", "second"], ["first"]),
        helper.make_node("Relu", ["first"], ["second"]),
        roi_align(("second", "boxes", "index")),
    )


def calls_itself() -> Any:
    imports = [helper.make_opsetid("acme", 1)]
    inputs = ["features", "boxes", "index"]
    inner = [helper.make_node("Pool", inputs, ["pooled"], domain="acme")]
    pool = helper.make_function("acme", "Pool", inputs, ["pooled"], inner, imports)
    nodes = [call(), roi_align(output="other")]
    return model(*nodes, outputs=("pooled", "other"), domains={"acme": 1}, functions=[pool])


def grows() -> Any:
    """Return a model the functions of which expand to 2 to the power of 40 nodes."""
    imports = [helper.make_opsetid("", 16), helper.make_opsetid("acme", 1)]
    functions = []
    for n in range(40):
        inner = [helper.make_node(f"F{n + 1}", [a], [b], domain="acme") for a, b in ("xy", "yz")]
        functions.append(helper.make_function("acme", f"F{n}", ["x"], ["z"], inner, imports))
    relu = [helper.make_node("Relu", ["x"], ["z"])]
    functions.append(helper.make_function("acme", "F40", ["x"], ["z"], relu, imports))
    nodes = [helper.make_node("F0", ["features"], ["map"], domain="acme"),
             roi_align(("map", "boxes", "index"))]  # fmt: skip
    return model(*nodes, domains={"acme": 1}, functions=functions)


def in_a_loop() -> Any:
    return model(loop_around(roi_align()), inputs=CONDITION, outputs=("all",))


def half_an_if() -> Any:
    made = model(branches(roi_align(output="a"), roi_align(output="b")), inputs=CONDITION)
    del made.graph.node[0].attribute[0]
    return made


def half_an_if_in_a_function() -> Any:
    imports = [helper.make_opsetid("", 16)]
    names = ["condition", "features", "boxes", "index"]
    choice = branches(roi_align(output="a"), roi_align(output="b"))
    del choice.attribute[0]
    pool = helper.make_function("acme", "Pool", names, ["pooled"], [choice], imports)
    node = helper.make_node("Pool", names, ["pooled"], domain="acme")
    return model(node, inputs=CONDITION, domains={"acme": 1}, functions=[pool])


def mode_in_no_encoding() -> Any:
    made = model(roi_align())
    made.graph.node[0].attribute.add(name="mode", type=3, s=b"\xff")
    return made


FILES = {
    "half-in-function.onnx": half_an_if_in_a_function().SerializeToString(),
    "mode.onnx": mode_in_no_encoding().SerializeToString(),
    "bfloat16.onnx": model(roi_align(), inputs={**INPUTS, "extra": (16, (3,))}).SerializeToString(),
    "any-shape.onnx": model(
        roi_align(), inputs={**INPUTS, "features": (FLOAT, None)}
    ).SerializeToString(),
    "huge-ratio.onnx": model(roi_align(sampling_ratio=1 << 62)).SerializeToString(),
    "no-rows.onnx": model(roi_align(output_height=0)).SerializeToString(),
    "half.onnx": half_an_if().SerializeToString(),
    "good.onnx": DATA,
    "cut.onnx": DATA[: len(DATA) // 2],
    "empty.onnx": b"",
    "text.onnx": b"This is a note, not a model.\n" * 9,
    "plain.onnx": model(helper.make_node("Relu", ["features"], ["pooled"])).SerializeToString(),
    "custom.onnx": custom().SerializeToString(),
    "cyclic.onnx": cyclic().SerializeToString(),
    "calls-itself.onnx": calls_itself().SerializeToString(),
    "grows.onnx": grows().SerializeToString(),
    "loop.onnx": in_a_loop().SerializeToString(),
    "broken.onnx": model(roi_align(("features", "boxes", "nothing"))).SerializeToString(),
    "new.onnx": model(roi_align(), opset=9999).SerializeToString(),
}

READ = [
    ("cut.onnx", "cut.onnx: is damaged or not an ONNX model; export the model again"),
    ("text.onnx", "text.onnx: is damaged or not an ONNX model; export the model again"),
    ("empty.onnx", "empty.onnx: is not an ONNX model with operators; name a .onnx file"),
    ("in.npz", "in.npz: is damaged or not an ONNX model; export the model again"),
    ("plain.onnx", "plain.onnx: has no ROI Align or similar operator; name another model"),
    (
        "cyclic.onnx",
        "cyclic.onnx: is damaged: a node of its graph needs its own output; export the model again",
    ),
    (
        "half.onnx",
        "half.onnx: is damaged: an If of its graph lacks a branch; export the model again",
    ),
    (
        "half-in-function.onnx",
        "half-in-function.onnx: is damaged: an If of its graph lacks a branch; export the model "
        "again",
    ),
]
RUN = [
    (
        "mode.onnx --random",
        "mode.onnx: align_pooled cannot run: mode: has the unknown value '\ufffd'; known are avg "
        "or max; export the model again",
    ),
    (
        "bfloat16.onnx --inputs in.npz",
        "bfloat16.onnx: its input extra is not a tensor of real numbers that NumPy has; export the "
        "model with float32 inputs",
    ),
    (
        "any-shape.onnx --random",
        "--random: the shape of the input features is unknown; give it with --input",
    ),
    (
        "huge-ratio.onnx --random",  # onnxruntime 1.32 ends the process
        "huge-ratio.onnx: align_pooled cannot run: sampling_ratio: must be from 0 to 100000, got "
        "4611686018427387904; export the model again",
    ),
    (
        "no-rows.onnx --random",
        "no-rows.onnx: the call of align_pooled cannot be recorded: output_size: must be one or "
        "two whole numbers above 0, got (0, 2)",
    ),
    (
        "loop.onnx --random",
        "loop.onnx: has no ROI Align that can be recorded: align_pooled cannot, because it is in "
        "the loop Repeat, and the values of a loop are no outputs of a model",
    ),
    (
        "calls-itself.onnx --random",
        "calls-itself.onnx: its functions call themselves, or expand to over 1000000 nodes; export "
        "the model without them",
    ),
    (
        "grows.onnx --random",
        "grows.onnx: its functions call themselves, or expand to over 1000000 nodes; export the "
        "model without them",
    ),
    (
        "good.onnx --input features=features.npy",
        "--input: the model also needs boxes: float32 of shape (rois, 4); index: int64 of shape "
        "(rois); give NAME=FILE, or add --random",
    ),
    (
        "good.onnx --inputs other.npz",
        "other.npz: image is not an input of the model; choose features, boxes or index",
    ),
    (
        "good.onnx --inputs objects.npz",
        "objects.npz: contains Python objects, not real numbers; save plain numbers instead",
    ),
    (
        "good.onnx --inputs in.npz --input boxes=double.npy",
        "double.npy: the input boxes is float32, not float64; convert the array with astype",
    ),
    (
        "good.onnx --inputs in.npz --input boxes=features.npy",
        "features.npy: boxes has shape (2, 3, 10, 14); the model needs (rois, 4)",
    ),
    (
        "good.onnx --inputs in.npz --input features=channels-last.npy",
        "channels-last.npy: features has shape (2, 10, 14, 3); the model needs (n, 3, 10, 14); the "
        "channels are last: save np.transpose(array, (0, 3, 1, 2))",
    ),
    (
        "good.onnx --inputs in.npz --input features=other-axes.npy",
        "other-axes.npy: features has shape (2, 14, 10, 3); the model needs (n, 3, 10, 14)",
    ),
    (
        "good.onnx --inputs in.npz --random",
        "--random: has no effect: every input is given; remove --random",
    ),
    (
        "good.onnx --random --dim rows=3",
        "--dim: rows is not a free axis; choose n, features:0, rois, boxes:0, rois or index:0",
    ),
    (
        "good.onnx --inputs good.onnx",
        "good.onnx: has no arrays named after inputs; save them with numpy.savez, or use --input "
        "NAME=FILE",
    ),
    (
        "good.onnx --input features.npy",
        "--input: features.npy has no name; the inputs of the model are features: float32 of shape "
        "(n, 3, 10, 14); boxes: float32 of shape (rois, 4); index: int64 of shape (rois); write "
        "NAME=FILE",
    ),
    (
        "good.onnx --input in.npz",
        "--input: in.npz has no name; the inputs of the model are features: float32 of shape "
        "(n, 3, 10, 14); boxes: float32 of shape (rois, 4); index: int64 of shape (rois); write "
        "NAME=FILE, or, for an .npz with all inputs, --inputs in.npz",
    ),
]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("arguments", "message"), READ + RUN)
def test_one_line_and_nothing_written(
    arguments: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, content in FILES.items():
        Path(name).write_bytes(content)
    np.savez("other.npz", image=FEEDS["features"])
    np.savez("objects.npz", features=np.array([{}]))
    np.save("double.npy", FEEDS["boxes"].astype(float))
    np.save("channels-last.npy", np.transpose(FEEDS["features"], (0, 2, 3, 1)))
    np.save("other-axes.npy", np.transpose(FEEDS["features"], (0, 3, 2, 1)))
    before = sorted(Path.cwd().iterdir())
    ways = [[], ["--random"]] if (arguments, message) in READ else [[]]
    for way in ways:
        assert main(["capture", *arguments.split(), *way]) == 2
        captured = capfd.readouterr()
        assert (captured.out, captured.err) == ("", f"roialign: {message}\n")
    assert sorted(Path.cwd().iterdir()) == before


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["custom.onnx", "broken.onnx", "new.onnx"])
def test_a_model_that_does_not_run_is_listed(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path(name).write_bytes(FILES[name])
    assert main(["capture", name]) == 0
    capfd.readouterr()
    assert main(["capture", name, "--random"]) == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"roialign: {name}: onnxruntime cannot run the model: ")
    assert captured.err.count("\n") == 1
    assert not Path("calls").exists()


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("../weights.bin", "its weights are in ../weights.bin, outside the folder of the model; "
         "save the model with its weights in one folder"),
        ("/etc/passwd", "its weights are in /etc/passwd, outside the folder of the model; save "
         "the model with its weights in one folder"),
        ("link.bin", "its weights are in link.bin, outside the folder of the model; save the "
         "model with its weights in one folder"),
        ("gone.bin", "its weights are in gone.bin, which is missing; copy the file into the "
         "folder of the model"),
        ("cut.bin", "the weights end in the middle of cut.bin; copy the file again"),
    ],
)  # fmt: skip
def test_external_data(
    folder: Path, location: str, problem: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = external(folder / "model")
    made = onnx.load(path, load_external_data=False)
    (entry,) = [e for e in made.graph.initializer[0].external_data if e.key == "location"]
    entry.value = location
    Path(path).write_bytes(made.SerializeToString())
    weights = folder / "model" / "weights.bin"
    (folder / "weights.bin").write_bytes(weights.read_bytes())
    (folder / "model" / "link.bin").symlink_to(folder / "weights.bin")
    (folder / "model" / "cut.bin").write_bytes(weights.read_bytes()[:-9])
    assert main(["capture", path]) == 0  # the listing does not read them
    capfd.readouterr()
    assert main(["capture", path, "--inputs", "in.npz"]) == 2
    assert capfd.readouterr().err == f"roialign: {path}: {problem}\n"
    assert not Path("calls").exists()


@pytest.mark.usefixtures("folder")
def test_boxes_that_cannot_be_recorded(capfd: pytest.CaptureFixture[str]) -> None:
    nodes = [constant("far", -5, np.int64), helper.make_node("Add", ["index", "far"], ["wrong"]),
             *levels("Add")]  # fmt: skip
    made = model(*nodes)
    made.graph.node[3].input[2] = "wrong"
    path = saved(Path.cwd(), made)
    status = main(["capture", path, "--inputs", "in.npz"])
    error = capfd.readouterr().err
    assert (status, error.count("\n")) == (2, 1)
    assert not Path("calls").exists()
