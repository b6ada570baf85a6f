"""A recorded call in place of FEATURES needs no options, and gives the same numbers as they do."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from roialign_cli import PRESETS, Call, roi_align
from roialign_cli.calls.bfloat16 import narrowed, widened
from roialign_cli.calls.recording import new_recording
from roialign_cli.cli.main import main
from roialign_cli.core.overrides import changes, resolve
from tests.explore_client import served
from tests.test_golden import TOLERANCES, call_of, entries, preset_of

Capture = pytest.CaptureFixture[str]
RANDOM = np.random.default_rng(41)
MAPS = RANDOM.normal(size=(2, 3, 20, 30)).astype(np.float32)
BOXES = np.array([[0.0, 0, 100, 90], [20, 30, 200, 150], [8, 40, 40, 120], [100, 90, 230, 150]])
INDEX = [0, 1, 1, 0]
STATED: dict[str, Any] = {
    "features": MAPS,
    "boxes": BOXES,
    "batch_index": INDEX,
    "spatial_scale": 1 / 8,
    "preset": "torchvision",
    "fields": {"sampling_ratio": 2},
    "framework": "torchvision",
    "framework_version": "0.29.1",
    "operator": "torchvision.ops.roi_align",
    "place": "poolers.py:312",
    "stated": {"aligned": False},
}
# The call with all arrays and parameters as options.
WRITTEN_OUT = (
    "call.npz:features --boxes call.npz:boxes --batch-index call.npz:batch_index "
    "--spatial-scale 1/8 --preset torchvision --sampling-ratio 2"
)
SIZE = " --output-size 7"


def pooled(convention: str = "torchvision", size: int = 7, **fields: Any) -> Any:
    given = {"spatial_scale": 1 / 8, "batch_index": INDEX, "sampling_ratio": 2, **fields}
    return roi_align(MAPS, BOXES, size, convention=convention, **given)


def save(name: str = "call.npz", **given: Any) -> None:
    """Save a call, by default with the output that it states."""
    Call(**(STATED | {"output": pooled()} | given)).save(name, force=True)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save()
    return tmp_path


def run(line: str, capsys: Capture, status: int = 0) -> str:
    """Run a command line; return what it prints."""
    assert main(line.split()) == status, capsys.readouterr().err
    return capsys.readouterr().out


def record(line: str, capsys: Capture, status: int = 0) -> dict[str, Any]:
    """Run a command that prints JSON; return the object without the entries about the call."""
    found = json.loads(run(f"{line} --format json", capsys, status))
    assert isinstance(found, dict)
    return {key: value for key, value in found.items() if key not in {"recorded_call", "stated"}}


COMMANDS = {
    "run {} -q": SIZE,
    "run {} -q --channel 1": SIZE,
    "explain {} --roi 3 -q --section 2,5": SIZE,
    "explain {} --cell 9,9 -q": SIZE,
    "compare {} --with onnx-half-pixel -q": SIZE,
    "compare {} --with tensorflow -q": SIZE,
}


@pytest.mark.parametrize(("command", "more"), COMMANDS.items())
def test_a_call_gives_what_its_arrays_and_options_give(
    command: str, more: str, capsys: Capture
) -> None:
    of_call = record(command.format("call.npz"), capsys)
    assert of_call == record(command.format(WRITTEN_OUT + more), capsys)


def test_a_call_is_compared_with_its_output(capsys: Capture) -> None:
    save(output=pooled(sampling_ratio=0))
    np.save("out.npy", pooled(sampling_ratio=0))
    of_call = record("compare call.npz -q", capsys)
    other = record(f"compare {WRITTEN_OUT} --with out.npy -q", capsys)
    assert other["second"].pop("name") == "out.npy"
    assert other["largest"] == of_call["largest"] > 0.1
    for found in (of_call, other):
        assert found["why"]["matches"][0]["sampling_ratio"] == 0
    save()
    shown = run("compare call.npz -q --max-difference 0", capsys)
    assert "with call.npz:output" in shown


def test_a_call_is_compared_with_an_array_in_an_archive_and_with_an_alias(capsys: Capture) -> None:
    np.savez("two.npz", out=pooled(sampling_ratio=0), other=np.zeros(3))
    assert record("compare call.npz --with two.npz:out -q", capsys)["largest"] > 0.1
    by_name, by_alias = (
        record(f"compare call.npz --with {name} -q", capsys)["largest"]
        for name in ("torchvision-aligned", "detectron2")
    )
    assert by_name == by_alias > 0.1


@pytest.mark.parametrize(
    "command",
    [
        "explain {} --roi 3 -q -o out.html",
        pytest.param("plot {} -q -o out.svg", marks=pytest.mark.thorough),
    ],
)
def test_pages_and_figures_show_the_call(command: str, capsys: Capture) -> None:
    run(command.format("call.npz"), capsys)
    name = command.rsplit(maxsplit=1)[-1]
    text = Path(name).read_text(encoding="utf-8")
    if name.endswith("html"):
        assert "torchvision.ops.roi_align, torchvision 0.29.1, poolers.py:312" in text
    else:
        run(command.format(WRITTEN_OUT + SIZE).replace("out.svg", "other.svg"), capsys)
        assert Path("other.svg").stat().st_size == Path(name).stat().st_size


def test_explore_begins_with_a_box_of_the_call(capsys: Capture) -> None:
    with served("call.npz", "--roi", "2") as client:
        start = client.start
        assert (start["box"], start["roi"], start["batch_index"]) == (BOXES[2].tolist(), 2, 1)
        assert (start["preset"], start["sampling_ratio"]) == ("torchvision", 2)
        _, page, _ = client.get()
        assert b"torchvision 0.29.1, poolers.py:312" in page
        # A command line of the page names the features alone, because it chooses a box.
        lines = client.ask("commands")
    words = shlex.split(lines["explain"])
    assert words[:5] == ["roialign", "explain", "call.npz:features", "--layout", "NCHW"]
    assert main([*words[1:], "-q", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["output"]
    np.testing.assert_allclose(found, pooled()[2, 0], atol=1e-6)


def first_entries() -> list[Any]:
    """Return an output of a library for each preset, with at most a hundred boxes."""
    found: dict[str, Any] = {}
    for parameter in entries():
        _, entry = parameter.values
        if "rows" not in entry:
            found.setdefault(preset_of(entry), parameter)
    return [*found.values()]


@pytest.mark.parametrize(("path", "entry"), first_entries())
def test_the_call_of_every_library_reproduces_its_output(
    path: Path, entry: dict[str, Any], capsys: Capture
) -> None:
    with np.load(path) as file:
        given, expected = call_of(file, entry), file[entry["key"]].astype(np.float32)
    convention, size = given.pop("convention"), given.pop("output_size")
    arrays = {name: given.pop(name) for name in ("features", "boxes", "batch_index")}
    scale = given.pop("spatial_scale", None)
    stated = {"preset": preset_of(entry), "fields": given, "spatial_scale": scale}
    assert not set(given) - set(convention.parameters())
    Call(**arrays, **stated, output=expected, output_size=size).save("golden.npz")
    run("run golden.npz -q -o out.npy", capsys)
    out = np.load("out.npy")
    np.testing.assert_array_equal(np.isnan(out), np.isnan(expected))
    tolerance = TOLERANCES.get(entry["framework"], 1e-5)
    excess = np.abs(out - expected) - tolerance * np.maximum(1, np.abs(expected))
    assert np.nanmax(excess, initial=0) <= 0


@pytest.mark.parametrize("name", ["tensorflow", "ps-roi-align", "walkthrough"])
def test_calls_with_other_readings_of_boxes_reproduce(name: str, capsys: Capture) -> None:
    """The boxes are normalised, the channels position-sensitive, or y is measured upwards."""
    convention = PRESETS[name].convention
    features = RANDOM.normal(size=(1, 18, 20, 30))
    boxes = np.array([[0.1, 0.2, 0.6, 0.9]] if convention.normalized else [[2.0, 3, 9, 8]])
    own: dict[str, Any] = {"convention": name}
    output = roi_align(features, boxes, 3, **own)
    Call(features=features, boxes=boxes, output=output, preset=name).save("own.npz")
    run("run own.npz -q -o out.npy", capsys)
    np.testing.assert_array_equal(np.load("out.npy"), output)
    found = json.loads(run("identify own.npz --format json", capsys, status=0))
    assert found["stated"]["agrees"]


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ("--preset onnx-half-pixel", {"convention": "onnx-half-pixel"}),
        ("--sampling-ratio 3", {"sampling_ratio": 3}),
        ("--set sampling_ratio=3", {"sampling_ratio": 3}),
        ("--spatial-scale 1/16", {"spatial_scale": 1 / 16}),
        ("--stride 16", {"spatial_scale": 1 / 16}),
        ("--image-size 480x320", {"spatial_scale": 1 / 16}),
        ("--batch-index 1", {"batch_index": 1}),
        ("--box-format xywh", {"box_format": "xywh"}),
        ("--output-size 3", {"size": 3}),
        ("--points dividers --divide 3", {"points": "dividers", "divide": 3, "no": "ratio"}),
        ("--preset roi-pool", {"convention": "roi-pool", "no": "ratio"}),
        ("--normalized", {"normalized": True, "spatial_scale": None}),
        # Boxes are read as the call states.
        ("--preset tensorflow", {"convention": "tensorflow", "box_format": "xyxy",
                                 "normalized": False}),
    ],
)  # fmt: skip
def test_options_come_before_what_the_call_states(
    options: str, changed: dict[str, Any], capsys: Capture
) -> None:
    run(f"run call.npz -q -o out.npy {options}", capsys)
    given: dict[str, Any] = {"spatial_scale": 1 / 8, "batch_index": INDEX, "sampling_ratio": 2}
    given |= {"size": 7, "convention": "torchvision"} | changed
    if given.pop("no", ""):
        del given["sampling_ratio"]
    size = given.pop("size")
    np.testing.assert_array_equal(np.load("out.npy"), roi_align(MAPS, BOXES, size, **given))


def test_the_preset_of_the_environment_is_only_a_default(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    save("unknown.npz", preset=None)
    assert record("run unknown.npz -q", capsys)["preset"] == "torchvision-aligned"
    assert "default for calls of an unknown operator" in run("run unknown.npz -q", capsys)
    assert main(["compare", "unknown.npz", "--with", "mmcv"]) == 0
    note = "note: the operator of unknown.npz is unknown; using torchvision-aligned"
    assert note in capsys.readouterr().err
    monkeypatch.setenv("ROIALIGN_PRESET", "mmcv")
    assert record("run call.npz -q", capsys)["preset"] == "torchvision"
    assert record("run unknown.npz -q", capsys)["preset"] == "mmcv"
    assert record("run call.npz -q --preset tvm", capsys)["preset"] == "tvm"


def test_bfloat16_is_read_as_numbers(capsys: Capture) -> None:
    features = widened(narrowed(MAPS))
    output = widened(narrowed(pooled()))
    save("half.npz", features=features, output=output, bfloat16=("features", "output"))
    run("run half.npz -q -o out.npy", capsys)
    given: dict[str, Any] = {"spatial_scale": 1 / 8, "batch_index": INDEX, "sampling_ratio": 2}
    expected = roi_align(features, BOXES, 7, convention="torchvision", **given)
    np.testing.assert_array_equal(np.load("out.npy"), expected)
    words = WRITTEN_OUT.replace("call.npz", "half.npz") + SIZE
    run(f"run {words} -q -o other.npy", capsys)
    np.testing.assert_array_equal(np.load("other.npy"), expected)
    assert json.loads(run("identify half.npz --format json", capsys, 0))["stated"]["agrees"]


def test_the_record_names_the_call(capsys: Capture) -> None:
    commands = ["run call.npz", "explain call.npz", "explain call.npz --cell 3,3",
                "compare call.npz", "identify call.npz"]  # fmt: skip
    for command in commands:
        found = json.loads(run(f"{command} --format json", capsys))["recorded_call"]
        assert found == {
            "file": "call.npz",
            "operator": "torchvision.ops.roi_align",
            "framework": "torchvision",
            "framework_version": "0.29.1",
            "place": "poolers.py:312",
            "preset": "torchvision",
            "stated": {"aligned": False},
            "level": None,
        }
    subject = "call.npz:features (torchvision.ops.roi_align, torchvision 0.29.1, poolers.py:312)"
    assert run("run call.npz -q", capsys).startswith(subject)
    assert "recorded_call" not in json.loads(run(f"run {WRITTEN_OUT} --format json -q", capsys))


@pytest.mark.parametrize(
    ("output", "difference"),
    [
        ({"sampling_ratio": 0}, ("sampling_ratio", 2, 0)),
        ({"spatial_scale": 1 / 16}, ("spatial_scale", [1 / 8, 1 / 8], [1 / 16, 1 / 16])),
        pytest.param(
            {"batch_index": 0},
            ("batch_index", "of each box", "first map"),
            marks=pytest.mark.thorough,
        ),
        pytest.param(
            {"convention": "torchvision-aligned"},
            ("preset", "torchvision", "torchvision-aligned"),
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_identify_finds_what_the_call_misstates(
    output: dict[str, Any], difference: tuple[str, Any, Any], capsys: Capture
) -> None:
    save(output=pooled(**output))
    found = json.loads(run("identify call.npz --format json", capsys))
    assert not found["stated"]["agrees"]
    name, stated, shown = difference
    assert found["stated"]["differences"] == [{"name": name, "stated": stated, "shown": shown}]
    # The command line takes the arrays from the call, and states what the call misstates.
    command = found["matches"][0]["command"]
    assert command.startswith("roialign run call.npz --preset")
    run(f"{command.removeprefix('roialign ')} -q -o out.npy", capsys)
    np.testing.assert_allclose(np.load("out.npy"), pooled(**output), atol=1e-6)


def test_identify_states_that_the_call_is_right(capsys: Capture) -> None:
    save(output=pooled(sampling_ratio=0))
    text = run("identify call.npz", capsys)
    assert "The call states sampling_ratio 2; the output shows 0." in text
    np.save("right.npy", pooled())
    text = run("identify call.npz --expected right.npy", capsys)
    assert "The parameters that the call states reproduce the output" in text
    save(preset=None, fields={})
    assert json.loads(run("identify call.npz --format json", capsys))["stated"] is None


def test_an_operator_that_rejects_a_recorded_box_does_not_reproduce_the_output(
    capsys: Capture,
) -> None:
    boxes = BOXES - [30, 0, 0, 0]  # the first ones begin left of the map
    given: dict[str, Any] = {"spatial_scale": 1 / 8, "batch_index": INDEX}
    output = roi_align(MAPS, boxes, 7, convention="torchvision", **given)
    save(boxes=boxes, output=output, preset="nnapi", fields={})
    text = run("identify call.npz", capsys)
    assert "The parameters that the call states do not reproduce the output." in text
    assert "The call states the preset nnapi; the output shows torchvision" in text


@pytest.mark.thorough
def test_rules_that_no_search_combines_are_found_as_stated(capsys: Capture) -> None:
    rules: dict[str, Any] = {
        "sampling_ratio": 3,
        "border_margin": 0.25,
        "offset": 0.125,
        "grid_rounding": "floor",
    }
    fields = changes(resolve("torchvision", **rules))
    boxes = BOXES + [-9, -9, 20, 30]
    given: dict[str, Any] = {"spatial_scale": 1 / 8, "batch_index": INDEX}
    output = roi_align(MAPS, boxes, 7, convention="torchvision", **given, **rules)
    save(boxes=boxes, output=output, fields=fields)
    found = json.loads(run("identify call.npz --format json", capsys))
    assert found["stated"]["agrees"]
    assert found["matches"][0]["max_difference"] < 1e-6


def test_a_folder_of_one_call_is_the_call(folder: Path, capsys: Capture) -> None:
    call = Call(**STATED, output=pooled())
    with new_recording(folder / "one") as writer:
        writer.add(call)
    of_call = record("run call.npz -q", capsys)
    assert record("run one -q", capsys) == of_call
    assert record("run one/ -q", capsys) == of_call
    with new_recording(folder / "two") as writer:
        writer.add(call)
        writer.add(call)
    assert main(["explain", "two"]) == 2
    error = capsys.readouterr().err
    assert "name one, such as two/call-0000.npz; `roialign capture two` lists them" in error
    assert main(["run", "two", "-o", "two/call-0000.npz", "--force"]) == 2
    capsys.readouterr()


def test_capture_lists_a_call_that_is_named_alone(folder: Path, capsys: Capture) -> None:
    with new_recording(folder / "calls") as writer:
        writer.add(Call(**STATED, output=pooled()))
    (named,) = record("capture calls/call-0000.npz", capsys)["calls"]
    (listed,) = record("capture calls", capsys)["calls"]
    assert named == listed


def test_a_half_written_call_is_refused(capsys: Capture) -> None:
    content = Path("call.npz").read_bytes()
    for length in range(0, len(content), len(content) // 40):
        Path("cut.npz").write_bytes(content[:length])
        assert main(["run", "cut.npz"]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_names_in_a_call_cannot_control_the_terminal(capsys: Capture) -> None:
    save(operator="\x1b[2Jboo", place="a\nb" * 200)
    assert "\x1b" not in (out := run("run call.npz -q", capsys))
    assert len(out.splitlines()[0]) < 500


@pytest.mark.parametrize(
    ("given", "stated"),
    [
        ("--preset torchvision --sampling-ratio 2", {"preset": "torchvision"}),
        pytest.param("", {"preset": None}, marks=pytest.mark.thorough),
    ],
)
def test_capture_writes_the_call_of_arrays(
    given: str, stated: dict[str, Any], capsys: Capture
) -> None:
    np.save("map.npy", MAPS)
    np.save("out.npy", pooled().transpose(0, 2, 3, 1))
    lines = ["x,y,w,h,batch"]
    lines += [
        f"{x1},{y1},{x2 - x1},{y2 - y1},{n}"
        for (x1, y1, x2, y2), n in zip(BOXES, INDEX, strict=True)
    ]
    Path("boxes.csv").write_text("\n".join(lines), encoding="utf-8")
    words = (
        "capture --from-arrays --features map.npy --boxes boxes.csv --expected out.npy "
        f"--image-size 240x160 {given} --framework TensorRT --framework-version 10.3 "
        "--operator-name ROIAlign_TRT --place /roi_heads/RoiAlign -o made.npz"
    )
    assert main(words.split()) == 0
    printed = capsys.readouterr().err
    assert "7 × 7 sections; boxes" in printed  # from the output, not from the preset
    with ZipFile("made.npz") as archive:
        found = json.loads(archive.read("call.json"))
    expected = {
        "spatial_scale": 1 / 8, "output_size": [7, 7], "framework": "TensorRT",
        "framework_version": "10.3", "operator": "ROIAlign_TRT", "place": "/roi_heads/RoiAlign",
        **stated,
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    assert found["fields"].pop("box_format") == "xywh"
    assert found["fields"] == ({"sampling_ratio": 2} if given else {})
    if given:
        run("compare made.npz -q --max-difference 1e-5", capsys)
    match = json.loads(run("identify made.npz --format json", capsys))["matches"][0]
    assert (match["preset"], match["sampling_ratio"]) == ("torchvision", 2)


def test_capture_notes_parameters_that_do_not_reproduce_the_output(capsys: Capture) -> None:
    np.save("out.npy", pooled())
    words = WRITTEN_OUT.replace("--sampling-ratio 2", "--expected out.npy --force -o made.npz")
    assert main(["capture", "--from-arrays", "--features", *words.split()]) == 0
    assert "these parameters do not reproduce the output" in capsys.readouterr().err
