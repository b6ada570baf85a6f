"""Two conventions held against each other: how far, where, why."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from roialign_cli import compare, roi_align
from roialign_cli.analysis.footprint import footprint, outputs_using_cell
from roialign_cli.analysis.trace import trace_operation
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.core.convention import Pooling
from roialign_cli.core.operation import make_operation
from roialign_cli.errors import ArgumentError
from tests.test_golden import GOLDEN

MAP = np.random.default_rng(5).normal(size=(1, 3, 12, 16)).astype(np.float32)
BOXES: list[list[float]] = [
    [21.5, 34.2, 130.8, 101.3],
    [47.3, 51.9, 55.2, 60.8],
    [100, 20, 215, 166],
]
CALL: dict[str, Any] = {"convention": "torchvision-aligned", "spatial_scale": 1 / 16}


def test_the_difference_is_that_of_two_calls() -> None:
    comparison = compare(MAP, BOXES, 3, other="torchvision", **CALL)
    first = roi_align(MAP, BOXES, 3, **CALL)
    second = roi_align(MAP, BOXES, 3, **(CALL | {"convention": "torchvision"}))
    np.testing.assert_array_equal(comparison.outputs, first)
    np.testing.assert_array_equal(comparison.other_outputs, second)
    differences = np.abs(second - first)
    assert comparison.largest == pytest.approx(differences.max())
    assert comparison.mean == pytest.approx(differences.mean(), rel=1e-6)
    roi, channel, (i, j) = comparison.worst
    assert differences[roi, channel, j - 1, i - 1] == differences.max()


def test_two_conventions_differ_as_the_frameworks_do() -> None:
    with np.load(GOLDEN / "torchvision_onnx_openvino.npz") as file:
        meta = json.loads(str(file["meta"]))
        same = {"framework": "torchvision", "sampling_ratio": 2, "spatial_scale": 1.0}
        keys = {
            entry["aligned"]: entry["key"]
            for entry in meta
            if same.items() <= entry.items() and entry["output_size"] == [3, 3]
        }
        comparison = compare(
            file["features"], file["boxes"], 3, batch_index=file["batch_index"],
            convention="torchvision-aligned", other="torchvision", sampling_ratio=2,
        )  # fmt: skip
        expected = file[keys[False]] - file[keys[True]]
    np.testing.assert_allclose(comparison.differences, expected, atol=2e-5)


def test_shares_say_which_field_makes_the_difference() -> None:
    comparison = compare(MAP, BOXES, 3, other="torchvision", sampling_ratio=2, **CALL)
    shares = {reason.field: reason.share for reason in comparison.reasons}
    assert set(shares) == {"offset", "min_size"}
    # By hand: with the offset alone set only the small box, which does not grow, still differs.
    alone = roi_align(MAP, BOXES, 3, sampling_ratio=2, offset=0.0, **CALL)
    rest = np.abs(comparison.other_outputs - alone)
    assert rest[[0, 2]].max() == 0
    assert shares["offset"] == pytest.approx(1 - rest.mean() / comparison.mean, rel=1e-5)
    assert shares["min_size"] is not None
    assert shares["offset"] is not None
    assert shares["offset"] > shares["min_size"]


def test_two_conventions_that_differ_on_some_boxes_only_say_which_and_why() -> None:
    comparison = compare(MAP, BOXES, 3, other="torchvision-aligned", min_size=1.0, **CALL)
    assert not comparison.differing.any()  # what options say holds for both
    comparison = compare(MAP, BOXES, 2, other="torchvision", offset=0.0, **CALL)
    assert comparison.differing.tolist() == [False, True, False]
    assert comparison.shared_conditions == ("smaller than a cell",)
    assert [(reason.field, reason.share) for reason in comparison.reasons] == [("min_size", 1.0)]


def test_the_points_shift_is_reported_in_cells() -> None:
    shift = compare(MAP, BOXES[:1], 3, other="torchvision", sampling_ratio=2, **CALL).shift
    assert shift is not None
    assert (shift.x, shift.y) == ((0.5, 0.5), (0.5, 0.5))
    call = CALL | {"origin": "bottom-left", "sampling_ratio": 2}
    shift = compare(MAP, BOXES[:1], 3, other="torchvision", **call).shift
    assert shift is not None
    assert (shift.x, shift.y) == ((0.5, 0.5), (-0.5, -0.5))
    shift = compare(MAP, BOXES, 3, other="torchvision", **CALL).shift
    assert shift is not None
    assert shift.other_grids.tolist() == [False, False, False]
    shift = compare(MAP, BOXES, 3, other="tensorflow", **CALL).shift
    assert shift is not None
    assert shift.other_grids.tolist() == [True, False, True]


def test_where_only_one_is_a_number_the_difference_is_infinite() -> None:
    comparison = compare(MAP, [[30, 40, 30, 80]], 2, other="paddle", **CALL)
    assert np.isinf(comparison.largest)
    assert [reason.field for reason in comparison.reasons if reason.share == 1] == ["clamp_count"]


def test_an_output_is_held_against_a_convention() -> None:
    output = roi_align(MAP, BOXES, 3, **CALL)
    comparison = compare(MAP, BOXES, 3, other=output, **CALL)
    assert (comparison.largest, comparison.shift, comparison.reasons, comparison.other) == (
        0,
        None,
        (),
        None,
    )
    with pytest.raises(ArgumentError, match=r"must be numbers of shape \(3, 3, 3, 3\), got"):
        compare(MAP, BOXES, 3, other=output[:2], **CALL)


@pytest.mark.parametrize(("dtype", "tolerance"), [("f2", 4e-3), ("f4", 1e-4), ("f8", 1e-4)])
def test_the_data_type_of_an_output_sets_the_tolerance(dtype: str, tolerance: float) -> None:
    output = roi_align(MAP, BOXES, 3, **CALL)
    limits = tolerance * np.abs(output).max(axis=(0, 2, 3))
    for share, differing in ((0.9, []), (1.2, [1])):
        changed = output.astype(dtype)
        changed[1, 2, 1, 1] = output[1, 2, 1, 1] + share * limits[2] * -np.sign(output[1, 2, 1, 1])
        comparison = compare(MAP, BOXES, 3, other=changed, **CALL)
        assert comparison.tolerance == tolerance
        assert np.flatnonzero(comparison.differing).tolist() == differing


def test_the_largest_value_of_a_channel_sets_its_own_tolerance() -> None:
    maps = MAP * np.array([1, 1000, 1], np.float32)[:, None, None]
    output = roi_align(maps, BOXES, 3, **CALL)
    changed = output.copy()
    changed[0, 0, 0, 0] += 0.01  # much for channel 0, and nothing for channel 1
    changed[2, 1, 0, 0] += 0.01
    comparison = compare(maps, BOXES, 3, other=changed, **CALL)
    assert comparison.differing.tolist() == [True, False, False]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("output_format", ["table", "json"])
@pytest.mark.parametrize("command", ["compare", "identify"])
def test_large_half_precision_outputs_are_accepted_by_both_commands(
    command: str,
    output_format: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    maps = 100 + 40 * np.random.default_rng(9).random((1, 2, 12, 16), np.float32)
    np.save("map.npy", maps)
    np.save("boxes.npy", np.tile(BOXES, (16, 1)))
    output = roi_align(maps, np.tile(BOXES, (16, 1)), 48, sampling_ratio=2, **CALL)
    np.save("half.npy", output.astype(np.float16))
    call = [command, "map.npy", "--boxes", "boxes.npy", "--stride", "16", "--sampling-ratio", "2"]
    call += ["--pooling", "avg", "--preset", "torchvision-aligned", "--format", output_format]
    call += ["--expected" if command == "identify" else "--with", "half.npy"]
    assert main(call) == 0
    printed = capfd.readouterr()
    assert printed.err == ""
    if output_format == "json":
        record = json.loads(printed.out)
        assert record.get("differing_rois", []) == []
    elif command == "compare":
        assert "No box differs by more than 0.004 of a channel's largest value." in printed.out


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", MAP)
    Path("boxes.csv").write_text(
        "label,x1,y1,x2,y2\n"
        + "".join(f"b{r},{','.join(map(str, b))}\n" for r, b in enumerate(BOXES))
    )
    np.save("out.npy", roi_align(MAP, BOXES, (2, 3), **CALL))
    return tmp_path


COMPARE = ["compare", "map.npy", "--boxes", "boxes.csv", "--stride", "16"]
COMPARE += ["--preset", "torchvision-aligned", "--with"]


@pytest.mark.usefixtures("folder")
def test_the_commands_table_csv_and_json(capfd: pytest.CaptureFixture[str]) -> None:
    call = [*COMPARE, "torchvision", "--output-size", "2"]
    comparison = compare(MAP, BOXES, 2, other="torchvision", **CALL)
    assert main([*call, "--format", "csv"]) == 0
    rows = list(csv.DictReader(capfd.readouterr().out.splitlines()))
    assert [float(row["difference"]) for row in rows] == comparison.differences.ravel().tolist()
    assert rows[-1]["label"] == "b2"
    assert main([*call, "--format", "json"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["largest"] == comparison.largest
    assert [reason["field"] for reason in record["reasons"]] == ["offset", "min_size"]
    assert main(call) == 0
    printed = capfd.readouterr().out
    assert "The sample points move by 0.5" in printed


@pytest.mark.usefixtures("folder")
def test_the_largest_difference_allowed_decides_the_exit_status(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main([*COMPARE, "out.npy", "--max-difference", "0"]) == 0
    assert main([*COMPARE, "torchvision", "--max-difference", "1e-3"]) == 1
    assert main([*COMPARE, "out.npy", "--output-size", "3"]) == 2
    assert capfd.readouterr().err.endswith(
        "roialign: out.npy: has shape (3, 3, 2, 3), which cannot be rearranged to the output of "
        "these features and boxes; save the output in the shape (3, 3, 3, 3)\n"
    )


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("other", ["torchvision", "out.npy"])
def test_the_worst_box_is_drawn(other: str) -> None:
    assert main([*COMPARE, other, "--plot", "worst.png"]) == 0
    assert Path("worst.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("pooling", get_args(Pooling))
def test_a_cell_feeds_the_sections_whose_footprint_it_is_in(pooling: Pooling) -> None:
    operation = make_operation(MAP, BOXES, 3, pooling=pooling, **CALL)
    for row, column in ((4, 4), (5, 10), (0, 0), (11, 15)):
        fed = {(f.roi, f.section): f.weight for f in outputs_using_cell(operation, row, column, 1)}
        expected = {}
        for roi in range(3):
            traced = trace_operation(operation, roi, 1)
            for section in traced.sections:
                weight = footprint(traced, [section])[row, column]
                if weight:
                    expected[roi, section.section] = pytest.approx(weight)
        assert fed == expected


def test_a_field_that_the_other_side_does_not_use_is_refused(
    capfd: pytest.CaptureFixture[str],
) -> None:
    call = ["compare", f"{sample_data()}/walkthrough.npy", "--box", "9.25,10,6.25,4.53"]
    assert main([*call, "--with", "torchvision,divide=3"]) == 2
    said = "roialign: --with: divide: has no effect with the torchvision preset; use sampling_ratio"
    assert capfd.readouterr().err.startswith(said)


@pytest.mark.usefixtures("folder")
def test_the_command_tells_what_a_cell_feeds(capfd: pytest.CaptureFixture[str]) -> None:
    call = ["explain", "map.npy", "--boxes", "boxes.csv", "--stride", "16", "--output-size", "2"]
    call += ["--preset", "torchvision-aligned", "--cell"]
    assert main([*call, "4,4", "--format", "json"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["cell"] == {"row": 4, "column": 4}
    assert {output["label"] for output in record["outputs"]} == {"b0"}
    assert main([*call, "11,0"]) == 0
    assert "No output uses this cell." in capfd.readouterr().out
    assert main([*call, "12,0"]) == 2
    assert (
        "--cell: there is no cell (12, 0); cells run from (0, 0) to (11, 15)"
        in capfd.readouterr().err
    )
