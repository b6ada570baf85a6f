"""Recorded calls: what is written is what is read, and damaged files are refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from roialign_cli import Call, RoiAlignError, compare_recordings, roi_align
from roialign_cli.calls.archive import is_call, read_call, read_description
from roialign_cli.calls.bfloat16 import widened
from roialign_cli.calls.call import PyramidLevel
from roialign_cli.calls.recording import is_recording, new_recording, read_recording

MAP = np.arange(2 * 3 * 8 * 9, dtype=np.float32).reshape(2, 3, 8, 9)
BOXES = np.array([[0.0, 0, 16, 16], [4, 4, 20, 12], [8, 0, 30, 30]])

LEVEL = {"pyramid": 0, "map_index": 0, "maps": 1, "rule": None, "image_size": None}


def make_call(**changes: Any) -> Call:
    given: dict[str, Any] = {
        "features": MAP,
        "boxes": BOXES,
        "batch_index": [0, 1, 1],
        "output": roi_align(
            MAP, BOXES, 2, convention="torchvision", spatial_scale=0.25, batch_index=[0, 1, 1]
        ),
        "spatial_scale": 0.25,
        "preset": "torchvision",
        "framework": "torchvision",
        "framework_version": "0.29.1",
        "operator": "torchvision.ops.roi_align",
        "place": "poolers.py:312",
    }
    return Call(**(given | changes))


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    level = PyramidLevel(0, 1, 4, "torchvision", (320.0, 480.0))
    fields = {"sampling_ratio": 2, "border_margin": math.inf}
    call = make_call(level=level, rows=[5, 2, 0], fields=fields, stated={"aligned": False})
    call.save(tmp_path / "a.npz")
    back = read_call(str(tmp_path / "a.npz"))
    for name in ("features", "boxes", "batch_index", "output", "rows"):
        np.testing.assert_array_equal(getattr(back, name), getattr(call, name))
        assert getattr(back, name).dtype == getattr(call, name).dtype
    description = read_description(str(tmp_path / "a.npz"))
    for name in ("output_size", "spatial_scale", "preset", "stated", "place", "level", "operator"):
        assert getattr(back, name) == getattr(call, name) == getattr(description, name)
    assert back.fields == fields
    assert back.output_size == (2, 2)
    np.testing.assert_array_equal(make_call().operation().pooled(), make_call().output)
    assert repr(Call.load(tmp_path / "a.npz")) == (
        "<Call: torchvision.ops.roi_align, torchvision 0.29.1, poolers.py:312; 2 × 3 × 8 × 9 "
        "float32, 3 boxes, 2 × 2 sections, torchvision>"
    )


def test_bfloat16_is_stored_in_its_16_bits(tmp_path: Path) -> None:
    bits = np.array([0x3F80, 0xC0A0, 0x0001, 0x7F80], np.uint16)  # 1, −5, 2⁻¹³³ and infinity
    numbers = widened(bits)
    np.testing.assert_array_equal(numbers, np.array([1, -5, 2.0**-133, np.inf], np.float32))
    call = make_call(
        features=numbers.reshape(1, 1, 2, 2), batch_index=0, output=None, output_size=2,
        bfloat16=("features",),
    )  # fmt: skip
    call.save(tmp_path / "b.npz")
    with np.load(tmp_path / "b.npz") as stored:
        np.testing.assert_array_equal(stored["features"].ravel(), bits)
    np.testing.assert_array_equal(read_call(str(tmp_path / "b.npz")).features.ravel(), numbers)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"output": np.zeros((2, 3, 2, 2))}, "output: has 2 rows for 3 boxes"),
        ({"output": np.zeros((3, 4, 2, 2))}, r"has shape \(3, 4, 2, 2\) instead of \(3, 3, 2, 2\)"),
        ({"output": None}, "output_size: is needed"),
        ({"batch_index": [0, 1, 2]}, "2 is out of range"),
        ({"rows": [0.5, 1, 2]}, "must be 3 whole numbers"),
        ({"preset": "torchvisio"}, "did you mean torchvision"),
        ({"fields": {"ratio": 2}}, "not a field of a convention"),
        ({"bfloat16": ("rows",)}, "bfloat16"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RoiAlignError, match=words):
        make_call(**changes)


def _rewritten(source: Path, target: Path, edit: Any, *, without: str = "") -> str:
    with ZipFile(source) as old, ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "call.json":
                content = json.dumps(edit(json.loads(content))).encode()
            if name != without:
                new.writestr(name, content)
    return str(target)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda record: record | {"version": 2}, "reads version 1"),
        (lambda record: record | {"format": "other"}, "not a recorded call"),
        (lambda record: record | {"preset": 3}, "preset: cannot be 3"),
        (lambda record: record | {"fields": {"sampling_ratio": "x"}}, "sampling_ratio"),
        (lambda record: record | {"fields": {"border_margin": "far"}}, "could not convert"),
        (lambda record: record | {"level": {"pyramid": 0}}, "map_index: is missing"),
        (lambda record: record | {"level": LEVEL | {"image_size": [1]}}, "two finite numbers"),
        (lambda record: record | {"output_size": [2, True]}, "output_size"),
        (lambda record: record | {"output_size": [3, 3]}, "instead of"),
        (lambda record: [record], "not an object"),
        (lambda record: {"format": record["format"], "version": 1}, "is missing"),
        (lambda record: record | {"bfloat16": ["features"]}, "not uint16"),
        (lambda record: record | {"bfloat16": [["features"]]}, "unhashable"),
    ],
)
def test_damaged_descriptions_are_refused(tmp_path: Path, edit: Any, words: str) -> None:
    make_call().save(tmp_path / "a.npz")
    damaged = _rewritten(tmp_path / "a.npz", tmp_path / "b.npz", edit)
    with pytest.raises(RoiAlignError, match=words):
        read_call(damaged)


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    make_call().save(tmp_path / "a.npz")
    content = (tmp_path / "a.npz").read_bytes()
    damaged = tmp_path / "b.npz"
    for length in range(0, len(content), 97):
        damaged.write_bytes(content[:length])
        with pytest.raises(RoiAlignError):
            read_call(str(damaged))
        assert not is_call(str(damaged))
    missing = _rewritten(tmp_path / "a.npz", tmp_path / "c.npz", dict, without="boxes.npy")
    with pytest.raises(RoiAlignError, match="has no boxes"):
        read_call(missing)


def test_a_recording_appears_when_it_is_complete(tmp_path: Path) -> None:
    folder = tmp_path / "calls"

    def fail() -> None:
        with new_recording(folder) as writer:
            writer.add(make_call())
            raise InterruptedError

    with pytest.raises(InterruptedError):  # an OSError, but not one of writing
        fail()
    assert not [*tmp_path.iterdir()]
    with new_recording(folder) as writer:
        for map_index in (1, 0):
            level = PyramidLevel(0, map_index, 2)
            writer.add(make_call(level=level, rows=[0, 1, 2]))
        writer.add(make_call(place="other"))
    assert is_recording(str(folder))
    recording = read_recording(str(folder))
    assert [description.place for description in recording.descriptions][-1] == "other"
    assert recording.pyramids() == [[1, 0], [2]]
    with pytest.raises(RoiAlignError, match="--force"), new_recording(folder):
        pass
    with new_recording(folder, force=True) as writer:
        writer.add(make_call())
    assert len(read_recording(str(folder)).files) == 1
    assert [*tmp_path.iterdir()] == [folder]


def test_more_calls_than_the_numbers_have_digits_stay_in_order(tmp_path: Path) -> None:
    with new_recording(tmp_path / "calls") as writer:
        for count in (9999, 10000):
            writer.count = count
            writer.add(make_call(place=str(count)))
    descriptions = read_recording(str(tmp_path / "calls")).descriptions
    assert [description.place for description in descriptions] == ["9999", "10000"]


def test_other_folders_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RoiAlignError, match="other files"), new_recording(tmp_path, force=True):
        pass
    assert [*tmp_path.iterdir()] == [tmp_path / "notes.txt"]


def test_other_archives_are_never_replaced(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", weights=MAP)
    with pytest.raises(RoiAlignError, match="other files"), new_recording(tmp_path, force=True):
        pass
    assert [*tmp_path.iterdir()] == [tmp_path / "mine.npz"]


def test_boxes_without_rows_are_refused(tmp_path: Path) -> None:
    make_call().save(tmp_path / "a.npz")
    damaged = _rewritten(tmp_path / "a.npz", tmp_path / "b.npz", dict, without="boxes.npy")
    with ZipFile(damaged, "a") as archive, archive.open("boxes.npy", "w") as member:
        np.lib.format.write_array(member, np.array(3.0))
    with pytest.raises(RoiAlignError, match="is not a valid call: it has no boxes"):
        compare_recordings(damaged, tmp_path / "a.npz")


def test_numbers_that_are_not_finite_are_text_in_the_json(tmp_path: Path) -> None:
    fields = {"extrapolation_value": math.nan}
    make_call(output=None, output_size=2, fields=fields, stated=fields).save(tmp_path / "a.npz")
    with ZipFile(tmp_path / "a.npz") as archive:
        record = json.loads(archive.read("call.json"), parse_constant=pytest.fail)
    assert record["fields"] == record["stated"] == {"extrapolation_value": "nan"}
    assert math.isnan(read_call(str(tmp_path / "a.npz")).fields["extrapolation_value"])
