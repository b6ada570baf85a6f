"""Compare two recordings: the first stage that differs, and whether the operator is at fault."""

from __future__ import annotations

import json
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import Call, RoiAlignError, compare_recordings, roi_align
from roialign_cli.calls.archive import read_call
from roialign_cli.calls.call import PyramidLevel
from roialign_cli.calls.differences import stages
from roialign_cli.calls.differences.result import CallDifferences
from roialign_cli.calls.differences.row_pairs import iou, pair_rows
from roialign_cli.calls.recording import new_recording
from roialign_cli.cli.main import main
from roialign_cli.core.boxes import Float
from roialign_cli.core.pyramid_operation import make_pyramid_operation
from roialign_cli.search.changes import bfloat16

SCALES = (1 / 4, 1 / 8, 1 / 16)
SIZES = ((64, 80), (32, 40), (16, 20))
IMAGE = (256.0, 320.0)


def make_maps(channels: int = 3) -> list[Float]:
    """Return noise, except channel 0, in which each cell is its column."""
    rng = np.random.default_rng(0)
    maps = [rng.normal(size=(1, channels, *size)).astype(np.float32) for size in SIZES]
    for array in maps:
        array[:, 0] = np.arange(array.shape[3])
    return maps


def make_boxes(count: int = 60) -> Float:
    """Return boxes inside the image, of 30 to 200 pixels, and one of 236 pixels on the last map."""
    rng = np.random.default_rng(1)
    sides = np.exp(rng.uniform(np.log(30), np.log(200), (count, 2)))
    corner = rng.uniform(8, np.array(IMAGE[::-1]) - 8 - sides)
    boxes = np.hstack([corner, corner + sides]).round(2)
    boxes[-1] = [20, 10, 256, 246]
    return boxes


MAPS, BOXES = make_maps(), make_boxes()


def record(
    folder: Path,
    *,
    maps: list[Float] = MAPS,
    boxes: Float = BOXES,
    preset: str = "torchvision",
    fields: dict[str, Any] | None = None,
    does: dict[str, Any] | None = None,
    rule: str = "torchvision",
    moved: float = 0.0,
    grouped: bool = True,
    size: int = 7,
    extra: tuple[Call, ...] = (),
    **call: Any,
) -> Path:
    """Record a pyramid.

    Parameters
    ----------
    fields, does
        The fields of the convention that the calls state, and those that the operator really has.
    moved
        The cells by which the graph moves the boxes before the operator.
    """
    stated = {"sampling_ratio": 2} | (fields or {})
    operation = make_pyramid_operation(
        maps, boxes, size, pyramid=rule, convention=preset, image_size=IMAGE, level_scales=SCALES
    )
    with new_recording(folder) as writer:
        for index, scale in enumerate(SCALES):
            rows = np.flatnonzero(operation.index == index)
            own = boxes[rows] + moved / scale
            own_fields: dict[str, Any] = stated | (does or {})
            output = roi_align(
                maps[index], own, size, convention=preset, spatial_scale=scale, **own_fields
            )
            if "output" in call.get("bfloat16", ()):
                output = bfloat16(output)
            level = PyramidLevel(0, index, len(SCALES), rule, IMAGE) if grouped else None
            writer.add(
                Call(
                    features=maps[index], boxes=own, output=output, output_size=size,
                    spatial_scale=scale, preset=preset, fields=stated, level=level,
                    rows=rows if grouped else None, **call,
                )
            )  # fmt: skip
        for one in extra:
            writer.add(one)
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("recordings") / "a", place="pooler.py:3")


def differences(one: Path, other: Path, **options: Any) -> CallDifferences:
    """Return the differences of the only pair of pyramids."""
    found = compare_recordings(one, other, **options)
    assert not found.first_only
    assert not found.second_only
    (call,) = found.calls
    return call


@dataclass(frozen=True)
class Command:
    """Runs commands, and returns what they print."""

    capture: pytest.CaptureFixture[str]

    def run(self, *words: str) -> tuple[int, str, str]:
        """Return the exit status, standard output and standard error of a command."""
        status = main([*words])
        printed = self.capture.readouterr()
        return status, printed.out, printed.err

    def text(self, one: Path, other: Path) -> str:
        """Return what `compare` prints, without line breaks."""
        return " ".join(self.run("compare", str(one), "--with", str(other))[1].split())


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


def test_equal_recordings_agree(command: Command, first: Path, tmp_path: Path) -> None:
    call = differences(first, record(tmp_path / "b"))
    assert call.verdict == "equal"
    assert call.first is None
    assert [stage.largest for stage in call.stages[:3]] == [0, 0, 0]
    assert call.stage("output").largest == 0
    assert "The recordings agree: 60 rows, largest difference 0." in command.text(
        first, tmp_path / "b"
    )


def test_features_that_differ_are_named_before_the_output(
    command: Command, first: Path, tmp_path: Path
) -> None:
    # The maps are interpolated linearly and the boxes are inside: the output grows by as much.
    other = record(tmp_path / "b", maps=[array + np.float32(0.02) for array in MAPS])
    call = differences(first, other)
    assert call.verdict == "inputs"
    assert call.first is call.stage("features")
    assert call.stage("features").largest == pytest.approx(0.02, rel=1e-3)
    assert call.stage("output").largest == pytest.approx(0.02, rel=1e-3)
    assert call.stage("features").share == pytest.approx(1, abs=1e-3)
    assert call.at_fault is False
    text = command.text(first, other)
    assert "The ROI Align is not at fault: the features differ by up to 0.02." in text
    assert "the operator of B gives the output of A" in text
    assert "Compare what comes before the ROI Align: the preprocessing of the image" in text


def test_a_moved_box_and_a_missing_one_are_found(first: Path, tmp_path: Path) -> None:
    boxes = np.delete(BOXES, 4, axis=0)
    moved = int(np.argmax(boxes[:, 2] - boxes[:, 0]))
    boxes[moved, [0, 2]] += 2
    call = differences(first, record(tmp_path / "b", boxes=boxes))
    assert call.verdict == "inputs"
    stage = call.stage("boxes")
    assert (stage.different, stage.total, call.first) == (1, 59, stage)
    assert stage.largest == pytest.approx(2)
    assert len(call.pairs.rows.first_only) == 1
    assert not len(call.pairs.rows.second_only)
    unpaired = call.pairs.rows.first_only[0]
    np.testing.assert_array_equal(call.pairs.first.boxes[unpaired], BOXES[4])
    # Channel 0 is a ramp: 2 pixels to the right are 2 · scale more.
    assert call.worst is not None
    number = call.pairs.rows.first[call.worst.pair]
    assert BOXES[moved + (moved >= 4)].tolist() == call.pairs.first.boxes[number].tolist()
    assert call.stage("output").different == 1


def test_a_ramp_moves_with_its_boxes(tmp_path: Path) -> None:
    ramps = [array[:, :1] for array in MAPS]
    one = record(tmp_path / "a", maps=ramps)
    call = differences(one, record(tmp_path / "b", maps=ramps, boxes=BOXES + [1, 0, 1, 0]))
    # A pixel is at most a quarter of a cell, on map 0.
    assert call.stage("output").largest == pytest.approx(0.25, rel=1e-4)
    assert call.pairs.shift is None  # in cells, it depends on the map
    assert call.stage("boxes").different == 60


def test_another_rule_of_the_pyramid_changes_levels(
    command: Command, first: Path, tmp_path: Path
) -> None:
    rule = "matterport"
    options: dict[str, Any] = {
        "convention": "torchvision", "image_size": IMAGE, "level_scales": SCALES
    }  # fmt: skip
    index = [
        make_pyramid_operation(MAPS, BOXES, 7, pyramid=name, **options).index
        for name in ("torchvision", rule)
    ]
    expected = int((index[0] != index[1]).sum())
    assert 0 < expected < 60
    call = differences(first, record(tmp_path / "b", rule=rule))
    assert call.verdict == "inputs"
    assert call.first is call.stage("levels")
    assert call.stage("levels").different == call.stage("output").different == expected
    assert call.stage("levels").share == pytest.approx(1)
    words = "boxes are pooled from another map of the pyramid (rules torchvision and matterport)"
    assert f"{expected} {words}" in command.text(first, tmp_path / "b")


@pytest.mark.parametrize(
    ("preset", "fields", "field"),
    [
        ("torchvision", {"sampling_ratio": 0}, "sampling_ratio"),
        ("torchvision-aligned", {}, "offset"),
        ("torchvision", {"pooling": "max"}, "pooling"),
    ],
)
def test_operators_that_differ_are_named_by_their_fields(
    first: Path, tmp_path: Path, preset: str, fields: dict[str, Any], field: str
) -> None:
    call = differences(first, record(tmp_path / "b", preset=preset, fields=fields))
    assert call.verdict == "operator"
    assert call.first is call.stage("parameters")
    assert call.fields[0].field == field
    assert call.fields[0].share == pytest.approx(1)
    assert call.cross == call.stage("output").largest


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ({"sampling_ratio": 0}, "sampling_ratio=0"),
        pytest.param({"pooling": "max"}, "pooling=max", marks=pytest.mark.thorough),
    ],
)
def test_an_attribute_that_a_runtime_ignores_is_found(
    command: Command, first: Path, tmp_path: Path, does: dict[str, Any], words: str
) -> None:
    other = record(tmp_path / "b", does=does)
    call = differences(first, other)
    stated, kernel = call.checks[1].stated, call.checks[1].kernel
    assert call.verdict == "operator"
    assert stated is not None
    assert kernel is not None
    assert stated.convention.sampling_ratio == 2
    assert [getattr(kernel.convention, name) for name in does] == [*does.values()]
    assert call.checks[0].is_stated
    assert f"What its output shows: {words}." in command.text(first, other)
    # Without a search, only the disagreement is known.
    call = differences(first, other, search=False)
    assert call.verdict == "unexplained"
    assert call.checks[1].stated_wrong


def test_a_shift_that_is_applied_twice_is_named(command: Command, tmp_path: Path) -> None:
    one = record(tmp_path / "a", preset="torchvision-aligned")
    other = record(tmp_path / "b", preset="onnx-half-pixel", moved=-0.5)
    call = differences(one, other)
    assert call.verdict == "inputs"
    assert call.first is call.stage("boxes")
    assert call.pairs.shift == pytest.approx((-0.5, -0.5))
    assert call.stage("boxes").largest == pytest.approx(8)  # half a cell of 16 pixels
    # Channel 0 is a ramp: the difference is half a cell.
    assert "so that the shift is applied twice" in command.text(one, other)


def test_a_shift_in_the_graph_may_replace_that_of_the_operator(
    command: Command, tmp_path: Path
) -> None:
    one = record(tmp_path / "a", preset="torchvision-aligned")
    maps = [array + np.float32(0.02) for array in MAPS]
    other = record(tmp_path / "b", preset="onnx-output-half-pixel", moved=-0.5, maps=maps)
    call = differences(one, other)
    assert call.compensated
    assert call.verdict == "inputs"
    assert call.first is call.stage("features")
    assert "both together do the same as the operator of A" in command.text(one, other)


def test_a_result_prints_as_the_command_does(command: Command, first: Path, tmp_path: Path) -> None:
    other = record(tmp_path / "b", fields={"sampling_ratio": 0})
    found = compare_recordings(first, other)
    assert " ".join(str(found).split()) == command.text(first, other)
    assert repr(found) == "<RecordingDifferences: operator>"


def test_inputs_that_explain_next_to_nothing_are_no_cause(
    command: Command, first: Path, tmp_path: Path
) -> None:
    boxes = BOXES + [0.01, 0, 0, 0]
    other = record(tmp_path / "b", boxes=boxes, preset="torchvision-aligned")
    call = differences(first, other)
    assert call.stage("boxes").differs
    assert call.verdict == "operator"
    assert call.first is call.stage("parameters")
    words = "60 of 60 boxes differ by up to 0.01, which explains next to nothing."
    assert words in command.text(first, other)


def test_features_and_operator_are_two_causes(
    command: Command, first: Path, tmp_path: Path
) -> None:
    maps = [array + np.float32(0.02) for array in MAPS]
    call = differences(first, record(tmp_path / "b", maps=maps, fields={"sampling_ratio": 0}))
    assert call.verdict == "inputs and operator"
    assert call.first is call.stage("features")
    assert (call.stage("parameters").share or 0) > 0.5
    assert "There are two causes." in command.text(first, tmp_path / "b")


def test_rows_in_another_order_are_paired(command: Command, first: Path, tmp_path: Path) -> None:
    call = differences(first, record(tmp_path / "b", boxes=BOXES[::-1]))
    assert call.verdict == "equal"
    assert call.pairs.reordered
    assert "The boxes are in another order in B." in command.text(first, tmp_path / "b")


def test_a_call_without_a_partner_is_listed(command: Command, first: Path, tmp_path: Path) -> None:
    output = roi_align(MAPS[0], BOXES[:2], 3, convention="torchvision", spatial_scale=0.25)
    extra = Call(
        features=MAPS[0], boxes=BOXES[:2], output=output, spatial_scale=0.25, place="mask.py:7"
    )
    other = record(tmp_path / "b", extra=(extra,))
    found = compare_recordings(first, other)
    assert found.verdicts == ("equal",)
    assert len(found.second_only) == 1
    assert "Only in B: mask.py:7, 2 boxes." in command.text(first, other)
    done = command.run("compare", str(first), "--with", str(other), "--max-difference", "1")
    assert (done[0], done[2]) == (1, "some calls cannot be compared\n")


def test_calls_without_boxes_are_empty(command: Command, first: Path, tmp_path: Path) -> None:
    empty = [record(tmp_path / name, boxes=BOXES[:0]) for name in "bc"]
    assert differences(*empty).verdict == "empty"
    assert "the calls got no boxes" in command.text(*empty)
    call = differences(first, empty[0])
    assert call.verdict == "not comparable"
    assert len(call.pairs.rows.first_only) == 60
    assert "The outputs cannot be compared: B has no boxes." in command.text(first, empty[0])
    far = record(tmp_path / "d", boxes=BOXES[:1] / 3)
    words = "The features agree, and the boxes differ: compare what makes the boxes"
    assert words in command.text(first, far)
    maps = [array + np.float32(0.5) for array in MAPS]
    other = record(tmp_path / "e", boxes=BOXES[:1] / 3, maps=maps)
    words = (
        "no box in common, and the features differ by up to 0.5. Record both with the same input."
    )
    assert words in command.text(first, other)


def test_the_tolerance_follows_bfloat16(first: Path, tmp_path: Path) -> None:
    rounded = [bfloat16(array) for array in MAPS]
    call = differences(first, record(tmp_path / "b", maps=rounded))
    assert call.verdict == "inputs"
    own = record(tmp_path / "c", maps=rounded, bfloat16=("features", "output"))
    assert differences(first, own).verdict == "equal"


def test_calls_without_levels_are_joined_like_a_pyramid(first: Path, tmp_path: Path) -> None:
    rule = "matterport"
    other = record(tmp_path / "b", grouped=False, rule=rule)
    call = differences(first, other)
    assert call.first is call.stage("levels")


def test_boxes_in_other_units_are_compared_in_cells(tmp_path: Path) -> None:
    options: dict[str, Any] = {"preset": "torchvision", "fields": {"sampling_ratio": 2}}
    rules: dict[str, Any] = {"convention": "torchvision", "sampling_ratio": 2}
    for name, boxes, scale in (("a", BOXES, 0.25), ("b", BOXES / 4, 1.0), ("c", BOXES, 0.24)):
        output = roi_align(MAPS[0], boxes, 7, spatial_scale=scale, **rules)
        call = Call(
            features=MAPS[0], boxes=boxes, output=output, spatial_scale=scale, **options
        )  # fmt: skip
        call.save(tmp_path / f"{name}.npz")
    same = differences(tmp_path / "a.npz", tmp_path / "b.npz")
    assert (same.verdict, same.pairs.units) == ("equal", "map")
    wrong = differences(tmp_path / "a.npz", tmp_path / "c.npz")
    assert (wrong.verdict, wrong.pairs.units) == ("operator", "given")
    assert [(one.field, one.here[0], one.there[0]) for one in wrong.fields] == [
        ("spatial_scale", 0.25, 0.24)
    ]


@pytest.mark.thorough
def test_an_output_that_nothing_explains(command: Command, first: Path, tmp_path: Path) -> None:
    folder = record(tmp_path / "b")
    path = folder / "call-0000.npz"
    call = read_call(str(path))
    assert call.output is not None
    noise = np.random.default_rng(3).normal(size=call.output.shape).astype(np.float32)
    Call(
        features=call.features, boxes=call.boxes, output=noise, spatial_scale=0.25,
        preset="torchvision", fields=call.fields, level=call.level, rows=call.rows,
    ).save(path, force=True)  # fmt: skip
    found = differences(first, folder)
    assert found.verdict == "unexplained"
    assert found.checks[1].kernel is None
    assert "the output of B is not what the operator makes of its inputs" in command.text(
        first, folder
    )


def test_outputs_of_other_sizes_cannot_be_compared(
    command: Command, first: Path, tmp_path: Path
) -> None:
    other = record(tmp_path / "b", size=5)
    assert differences(first, other).verdict == "not comparable"
    assert "output size (7, 7) and (5, 5)" in command.text(first, other)
    done = command.run("compare", str(first), "--with", str(other), "--max-difference", "1")
    assert (done[0], done[2]) == (1, "there are no outputs to compare\n")


def test_at_most_two_calls_are_in_memory(
    first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = record(tmp_path / "b", rule="matterport")
    alive: list[weakref.ref[Call]] = []
    most = 0
    read = read_call

    def counted(name: str) -> Call:
        nonlocal most
        call = read(name)
        alive.append(weakref.ref(call))
        most = max(most, sum(one() is not None for one in alive))
        return call

    monkeypatch.setattr(stages, "read_call", counted)
    differences(first, other)
    assert len(alive) == 6
    assert most == 2


def test_the_command_prints_json_and_draws(command: Command, first: Path, tmp_path: Path) -> None:
    other = record(tmp_path / "b", fields={"sampling_ratio": 0})
    picture = tmp_path / "worst.png"
    words = ["compare", str(first), "--with", str(other)]
    done = command.run(
        *words, "--format", "json", "--plot", str(picture), "--max-difference", "0.01"
    )
    assert done[0] == 1
    assert "the outputs differ by more than 0.01" in done[2]
    assert picture.read_bytes().startswith(b"\x89PNG")
    record_of = json.loads(done[1])
    (call,) = record_of["calls"]
    assert call["verdict"] == "operator"
    assert call["first_difference"] == "parameters"
    assert [stage["name"] for stage in call["stages"]] == [
        "features", "boxes", "levels", "parameters", "output"
    ]  # fmt: skip
    assert len(call["rows"]["pairs"]) == 60
    assert call["fields"] == [
        {"field": "sampling_ratio", "here": 2, "there": 0, "share": 1.0, "has_effect": True}
    ]
    assert record_of["explanation"][0].startswith("The ROI Align differs: sampling_ratio")
    assert command.run(*words, "--max-difference", "100")[0] == 0
    assert command.run(*words)[0] == 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--box", "1,2,3,4"], "--box: does not apply to recordings"),
        (["--preset", "torchvision"], "--preset: does not apply to recordings"),
        (["--quiet"], "--quiet: does not apply to recordings"),
        (["--format", "csv"], "--format: csv does not apply to recordings"),
        (["--plot", "worst.txt"], "--plot"),
    ],
)
def test_options_that_do_not_apply_are_refused(
    command: Command, first: Path, words: list[str], problem: str
) -> None:
    done = command.run("compare", str(first), "--with", str(first), *words)
    assert done[0] == 2
    assert problem in done[2]
    assert done[2].count("\n") == 1


def test_two_recordings_need_no_option(command: Command, first: Path, tmp_path: Path) -> None:
    second = record(tmp_path / "b", fields={"sampling_ratio": 0})
    done = command.run("compare", str(first), str(second))
    assert done == command.run("compare", str(first), "--with", str(second))
    assert done[1].startswith("The ROI Align differs")
    for folder in (first, second):
        read_call(str(folder / "call-0000.npz")).save(tmp_path / f"{folder.name}.npz")
    calls = [str(tmp_path / f"{name}.npz") for name in ("a", "b")]
    singles = [replace(read_call(path), level=None, rows=None) for path in calls]
    for path, call in zip(calls, singles, strict=True):
        call.save(path, force=True)
    assert command.run("compare", *calls)[1].startswith("The ROI Align differs")
    levels = [str(first / f"call-000{number}.npz") for number in range(2)]
    done = command.run("compare", *levels)  # two maps of one side
    assert (done[0], f"all {len(SCALES)} calls of the pyramid" in done[2]) == (2, True)


@pytest.mark.parametrize(
    ("operator", "stated", "words"),
    [
        (
            "ai.onnx::RoiAlign, opset 16",
            {"coordinate_transformation_mode": "half_pixel"},
            "A has aligned=False, B has coordinate_transformation_mode=half_pixel. To match A, set "
            "coordinate_transformation_mode to output_half_pixel in B.",
        ),
        (
            "mmcv::MMCVRoiAlign, opset 1",
            {},
            "A has aligned=False, B has no attribute aligned (default 1). To match A, set "
            "aligned to 0 in B.",
        ),
        (
            "torchvision.ops.roi_align",
            {"aligned": True},
            "A has aligned=False, B has aligned=True. To match A, set aligned to False in B.",
        ),
    ],
)
def test_another_shift_is_named_by_the_parameters_of_the_frameworks(
    operator: str, stated: dict[str, Any], words: str, command: Command, tmp_path: Path
) -> None:
    plain = record(tmp_path / "a", stated={"aligned": False, "sampling_ratio": 2})
    other = record(tmp_path / "b", preset="torchvision-aligned", operator=operator, stated=stated)
    assert words in command.text(plain, other)
    # What a search shows is not what a parameter chose.
    found = record(tmp_path / "c", does={"offset": 0.5}, operator=operator, stated=stated)
    assert "A has" not in command.text(plain, found)


def test_another_scale_is_written_as_a_fraction(
    command: Command, first: Path, tmp_path: Path
) -> None:
    call = read_call(str(first / "call-0000.npz"))
    scaled = replace(call, spatial_scale=0.125, level=None, rows=None, output=None)
    scaled.save(tmp_path / "scaled.npz")
    text = command.text(first / "call-0000.npz", tmp_path / "scaled.npz")
    assert "The ROI Align differs: spatial_scale is 1/4 in A and 1/8 in B (100 % of" in text
    assert "spatial_scale 1/4 → 1/8" in text


def test_the_only_map_with_another_scale_is_named(
    command: Command, first: Path, tmp_path: Path
) -> None:
    other = record(tmp_path / "b", place="/RoiAlign_1")
    path = other / "call-0001.npz"
    call = read_call(str(path))
    replace(call, spatial_scale=SCALES[1] / 2, output=None).save(path, force=True)
    assert differences(first, other).maps_at_fault == (1,)
    assert "The difference is on map 1 alone (/RoiAlign_1 in B)." in command.text(first, other)
    everywhere = record(tmp_path / "c", fields={"sampling_ratio": 0})
    assert differences(first, everywhere).maps_at_fault == ()


@pytest.mark.parametrize("index", [0, 2])
def test_only_one_map_with_another_mode_is_named_with_its_parameter(
    index: int, command: Command, tmp_path: Path
) -> None:
    modes = {name: {"coordinate_transformation_mode": name} for name in ("half_pixel", "output")}
    call: dict[str, Any] = {"operator": "ai.onnx::RoiAlign, opset 16", "place": "/RoiAlign"}
    one = record(tmp_path / "a", preset="onnx-half-pixel", stated=modes["half_pixel"], **call)
    other = record(tmp_path / "b", preset="onnx-half-pixel", stated=modes["half_pixel"], **call)
    wrong = record(tmp_path / "c", preset="onnx-output-half-pixel", stated=modes["output"], **call)
    name = f"call-000{index}.npz"
    read_call(str(wrong / name)).save(other / name, force=True)
    found = differences(one, other)
    assert (found.maps_at_fault, found.checks[1].is_stated) == ((index,), True)
    text = command.text(one, other)
    assert (
        f"on map {index} alone (/RoiAlign in B). A has coordinate_transformation_mode=half_pixel, "
        "B has coordinate_transformation_mode=output. To match A, set "
        "coordinate_transformation_mode to half_pixel in B."
    ) in text
    assert " and onnx-" in text  # the operators that B states
    assert "What its output shows" not in text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spatial_scale": SCALES[1] / 2}, "To match A, set spatial_scale to 1/8 in B."),
        ({"fields": {"sampling_ratio": 0}}, "To match A, set sampling_ratio to 2 in B."),
    ],
)
def test_a_wrong_parameter_is_named_with_the_value_that_matches(
    change: dict[str, Any], words: str, command: Command, first: Path, tmp_path: Path
) -> None:
    other = record(tmp_path / "b", operator="ai.onnx::RoiAlign, opset 16")
    path = other / "call-0001.npz"
    replace(read_call(str(path)), output=None, **change).save(path, force=True)
    assert f"on map 1 alone. {words}" in command.text(first, other)


def test_a_recording_is_compared_with_a_recording(
    command: Command, first: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "map.npy", MAPS[0])
    done = command.run("compare", str(tmp_path / "map.npy"), "--with", str(first))
    assert (done[0], "name two recordings" in done[2]) == (2, True)
    (tmp_path / "empty").mkdir()
    done = command.run("compare", str(first), "--with", str(tmp_path / "empty"))
    assert (done[0], "has no recorded calls" in done[2]) == (2, True)


def test_calls_without_an_output_need_an_operator(
    command: Command, first: Path, tmp_path: Path
) -> None:
    whole = read_call(str(first / "call-0000.npz"))
    options: dict[str, Any] = {"output_size": 7, "spatial_scale": 0.25}
    for name, preset in (("unknown", None), ("computed", "torchvision"), ("rejects", "nnapi")):
        boxes = whole.boxes + (500 if name == "rejects" else 0)  # beyond the map
        Call(features=whole.features, boxes=boxes, preset=preset, **options).save(
            tmp_path / f"{name}.npz"
        )
    with pytest.raises(RoiAlignError, match="has no output and no operator"):
        compare_recordings(first / "call-0000.npz", tmp_path / "unknown.npz")
    with pytest.raises(RoiAlignError, match="has no output to compare"):
        compare_recordings(tmp_path / "rejects.npz", tmp_path / "rejects.npz")
    text = command.text(first / "call-0000.npz", tmp_path / "computed.npz")
    assert "B has no recorded output; it is computed by the stated operator." in text
    assert "The ROI Align differs: sampling_ratio is 2 in A and 0 in B" in text


def test_an_operator_that_rejects_its_boxes_is_not_the_one_that_ran(tmp_path: Path) -> None:
    boxes = BOXES - [20, 0, 20, 0]  # some begin left of the map
    output = roi_align(MAPS[0], boxes, 7, convention="torchvision", spatial_scale=0.25)
    for name, preset in (("a", "torchvision"), ("b", "nnapi")):
        Call(
            features=MAPS[0], boxes=boxes, output=output, spatial_scale=0.25, preset=preset
        ).save(tmp_path / f"{name}.npz")  # fmt: skip
    call = differences(tmp_path / "a.npz", tmp_path / "b.npz")
    assert call.checks[1].stated_wrong == len(boxes)
    assert call.checks[1].kernel is not None
    assert call.verdict == "equal"


def test_rows_are_paired_as_a_slow_search_pairs_them() -> None:
    rng = np.random.default_rng(4)
    one = make_boxes(150)
    other = one[rng.permutation(150)[:130]] + rng.normal(size=(130, 4)) * 1.5
    maps = rng.integers(0, 2, 150)
    other_maps = rng.integers(0, 2, 130)
    overlap = iou(one, other)
    overlap[maps[:, None] != other_maps] = 0
    expected = []
    while overlap.max() > 0.9:
        row, column = (int(at) for at in np.unravel_index(overlap.argmax(), overlap.shape))
        expected.append((row, column))
        overlap[row], overlap[:, column] = 0, 0
    pairs = pair_rows(one, other, maps, other_maps)
    assert 20 < len(expected) < 130
    assert [*zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)] == sorted(expected)
    assert len(pairs) + len(pairs.first_only) == 150
    assert len(pairs) + len(pairs.second_only) == 130


def test_equal_boxes_and_boxes_without_area_are_paired() -> None:
    boxes = np.array([[5.0, 5, 5, 5], [0, 0, 9, 9], [0, 0, 9, 9], [0, 0, 9, 9], [8, 8, 8, 2]])
    zero = np.zeros(5, np.intp)
    other = boxes[[1, 2, 0, 4]] + np.array([0, 0, 1e-9, 0])
    pairs = pair_rows(boxes, other, zero, zero[:4])
    assert pairs.first.tolist() == [0, 1, 2, 4]
    assert pairs.second.tolist() == [2, 0, 1, 3]
    assert pairs.first_only.tolist() == [3]


def test_an_unknown_operator_is_known_on_maps_without_boxes(tmp_path: Path) -> None:
    boxes = BOXES[BOXES[:, 2] - BOXES[:, 0] < 60][:8]  # all of them on the largest map
    one = record(tmp_path / "a", boxes=boxes)
    other = record(tmp_path / "b", boxes=boxes, maps=[array + np.float32(0.02) for array in MAPS])
    for path in other.iterdir():
        replace(read_call(str(path)), preset=None, fields={}).save(path, force=True)
    call = differences(one, other)
    assert call.groups[1].members[-1].boxes == 0
    assert call.verdict == "inputs"
    assert call.first is call.stage("features")


def test_an_unknown_operator_may_return_another_number_of_channels(
    command: Command, first: Path, tmp_path: Path
) -> None:
    call = read_call(str(first / "call-0000.npz"))
    assert call.output is not None
    output = np.repeat(call.output, 2, axis=1)
    path = tmp_path / "b.npz"
    replace(call, preset=None, fields={}, output=output).save(path)
    text = command.text(first / "call-0000.npz", path)
    assert "The outputs cannot be compared: they have other shapes." in text


def test_two_calls_on_the_same_map_are_two_groups(first: Path, tmp_path: Path) -> None:
    whole = read_call(str(first / "call-0000.npz"))
    other = record(tmp_path / "b", extra=(whole,))
    found = compare_recordings(first, other)
    assert found.verdicts == ("equal",)
    assert [len(group.members) for group in found.second_only] == [1]


def test_the_plot_has_the_scale_that_the_output_shows(tmp_path: Path) -> None:
    output = roi_align(MAPS[0], BOXES, 7, convention="torchvision", spatial_scale=0.125)
    for name, scale in (("a", 0.125), ("b", 0.25)):
        Call(
            features=MAPS[0], boxes=BOXES, output=output + np.float32(scale), spatial_scale=scale,
            preset="torchvision",
        ).save(tmp_path / f"{name}.npz")  # fmt: skip
    call = differences(tmp_path / "a.npz", tmp_path / "b.npz")
    kernel = call.checks[1].kernel
    assert kernel is not None
    operation = kernel.applied(read_call(str(tmp_path / "b.npz")).operation())
    assert operation.spatial_scale == pytest.approx((0.125, 0.125), rel=1e-3)


def test_a_single_box_and_single_calls_are_described_in_the_singular(
    command: Command, first: Path, tmp_path: Path
) -> None:
    whole = read_call(str(first / "call-0000.npz"))
    for name, move in (("a", 0), ("b", 2)):
        boxes = whole.boxes[:1] + move
        output = roi_align(
            whole.features, boxes, 7, convention="torchvision", spatial_scale=0.25, sampling_ratio=2
        )
        replace(
            whole, boxes=boxes, batch_index=np.zeros(1, np.intp), output=output, rows=None, place=""
        ).save(tmp_path / f"{name}.npz")
    text = command.text(tmp_path / "a.npz", tmp_path / "b.npz")
    assert "The ROI Align is not at fault: the box of B is moved by 0.5 cells." in text
    assert "b.npz: torchvision (sampling_ratio=2), 1 map, 1 box" in text
    text = command.text(tmp_path / "a.npz", first / "call-0000.npz")
    assert "Only in B: 46 boxes (rows 1 to 46)." in text


def test_levels_are_listed_where_each_side_recorded_one_map(
    command: Command, tmp_path: Path
) -> None:
    boxes = BOXES[:6]
    for name, index in (("a", 0), ("b", 1)):
        output = roi_align(MAPS[index], boxes, 7, convention="torchvision", spatial_scale=1)
        with new_recording(tmp_path / name) as writer:
            writer.add(
                Call(
                    features=MAPS[index], boxes=boxes, output=output, preset="torchvision",
                    level=PyramidLevel(0, index, 3),
                )
            )  # fmt: skip
    call = differences(tmp_path / "a", tmp_path / "b")
    assert call.first is call.stage("levels")
    assert "> levels 1 6 of 6 boxes" in command.text(tmp_path / "a", tmp_path / "b")
