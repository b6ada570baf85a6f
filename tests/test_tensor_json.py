"""Tensors in the JSON files of Polygraphy 0.53.6 and trtexec."""

from __future__ import annotations

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roialign_cli import RoiAlignError
from roialign_cli.files.arrays import Member, read_array
from roialign_cli.files.boxes import read_boxes
from roialign_cli.files.features import read_features
from roialign_cli.files.index_file import read_batch_index
from roialign_cli.files.reading import split_member
from roialign_cli.files.tensor_json import read_tensor

OUTPUTS, INPUTS = "polygraphy-outputs.json", "polygraphy-inputs.json"
# As `exportJSONOutput` of trtexec writes it: six digits, and NaN as C++ prints it.
TRTEXEC = """[
  { "name" : "pooled:0"
  , "dimensions" : "1x2x1x2"
  , "values" : [ 0.333333, -nan, 1e-05, inf ]
  }
, { "name" : "index"
  , "dimensions" : "3"
  , "values" : [ 0, 1, 0 ]
  }
]
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with the files, two of which `tests/peers/make_polygraphy.py` has written."""
    for name in (OUTPUTS, INPUTS):
        shutil.copy(Path(__file__).parent / "tensors" / name, tmp_path)
    (tmp_path / "trtexec.json").write_text(TRTEXEC, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "dtype", "expected"),
    [
        # The first of two iterations.
        (f"{OUTPUTS}:output@trt-runner-N0-11/29/26-12:00:00", "float16", [[1.5, -2]]),
        (f"{OUTPUTS}:output@trt", "float16", [[1.5, -2]]),
        (f"{OUTPUTS}:output@onnxrt", "float32", [[7, 8]]),
        (f"{OUTPUTS}:index:0", "int64", [0, 1, 2]),
        (f"{INPUTS}:x", "float32", [[[0, 1], [2, 3]]]),
        ("trtexec.json:pooled:0", "float32", [[[[1 / 3, np.nan]], [[1e-5, np.inf]]]]),
        ("trtexec.json:index", "float32", [0, 1, 0]),
    ],
)
def test_a_tensor_is_read(name: str, dtype: str, expected: Any) -> None:
    array = read_array(name)
    assert array.dtype == dtype
    np.testing.assert_allclose(array, expected, rtol=2e-6)


def test_every_reader_of_arrays_reads_tensors() -> None:
    assert read_features(f"{INPUTS}:x").array.shape == (1, 1, 2, 2)
    assert read_boxes(f"{INPUTS}:rois").boxes.tolist() == [[0, 0, 1, 1]]
    assert read_batch_index(f"{OUTPUTS}:index:0").tolist() == [0, 1, 2]
    assert read_batch_index("trtexec.json:index").tolist() == [0, 1, 0]
    assert read_array("trtexec.json", ("index",)).tolist() == [0, 1, 0]


def test_only_existing_files_are_split_at_the_first_colon() -> None:
    assert split_member("trtexec.json:pooled:0") == ("trtexec.json", "pooled:0")
    assert split_member("none.json:pooled:0") == ("none.json:pooled:0", None)
    np.savez("in.npz", **{"onnx::Concat_1": np.zeros(1)})  # type: ignore[arg-type]
    assert split_member("in.npz:onnx::Concat_1") == ("in.npz", "onnx::Concat_1")


def test_a_runner_with_the_beginning_of_another_name_can_be_chosen() -> None:
    def runner(name: str, number: float) -> list[Any]:
        file = io.BytesIO()
        np.save(file, [number])
        array = {"array": base64.b64encode(file.getvalue()).decode()}
        return [name, [{"outputs": {"out": {"values": array}}}]]

    runners = [runner("trt", 1), runner("trt-2", 2), runner("trt", 3)]
    Path("runners.json").write_text(json.dumps({"lst": runners}), encoding="utf-8")
    with pytest.raises(RoiAlignError, match="choose one as runners"):
        read_array("runners.json:out")
    assert read_array("runners.json:out@trt") == 1
    assert read_array("runners.json:out@trt-") == 2


def problem_of(record: Any) -> str:
    """Return why a record is refused, "" if it is read."""
    try:
        read_tensor("any.json", io.BytesIO(json.dumps(record).encode()), Member())
    except RoiAlignError as error:
        return str(error)
    return ""


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(
            st.sampled_from(["lst", "outputs", "array", "values", "name", "dimensions", "x"]), part
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_read_or_refused(record: Any) -> None:
    assert "\n" not in problem_of(record)


@given(st.binary(max_size=300), st.integers(0, 200))
def test_damaged_arrays_are_read_or_refused(noise: bytes, at: int) -> None:
    file = io.BytesIO()
    np.save(file, np.arange(6.0))
    content = file.getvalue()[:at] + noise
    record = [{"x": {"array": base64.b64encode(content).decode()}}]
    assert "\n" not in problem_of(record)
