"""An array holds an output in one of a few ways, and the code of each way makes this array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roialign_cli.errors import ArgumentError
from roialign_cli.search.arrangement import Arrangement, arrangements
from tests.mismatch_base import base
from tests.mismatches import INSTANCES, MISMATCHES


def numbered(shape: tuple[int, ...]) -> Any:
    return np.arange(np.prod(shape)).reshape(shape)


def run(arrangement: Arrangement, output: Any) -> Any:
    """Run the code of an arrangement on an output (n, C, height, width)."""
    names = {"output": output}
    exec(arrangement.code, names)  # noqa: S102
    return names["output"]


CASES: dict[str, tuple[dict[str, Any], tuple[int, ...], str, str]] = {
    # call, (n, C, h, w) and layout of the first arrangement, words of its text
    "plain": ({"shape": (6, 5, 2, 3)}, (6, 5, 2, 3), "RCHW", ""),
    "channels last": ({"shape": (6, 2, 3, 5)}, (6, 5, 2, 3), "RHWC", "channels of the output are"),
    "swapped": (
        {"shape": (6, 5, 2, 3), "output_size": (3, 2)},
        (6, 5, 3, 2),
        "RCWH",
        "height and width of the output are swapped",
    ),
    "vectors": ({"shape": (6, 45)}, (6, 5, 3, 3), "RCHW", "5 × 3"),
    "vectors of a size": ({"shape": (6, 45), "output_size": (1, 9)}, (6, 5, 1, 9), "RCHW", "1 × 9"),
    "flat sections": ({"shape": (6, 5, 12)}, (6, 5, 3, 4), "RCHW", "3 × 4 sections"),
    "flat sections first": ({"shape": (6, 9, 5)}, (6, 5, 3, 3), "RHWC", "channels of the output"),
    "batch axis": ({"shape": (1, 6, 5, 2, 3)}, (6, 5, 2, 3), "RCHW", "batch axis of length 1"),
    "two maps": ({"shape": (2, 3, 5, 2, 3), "maps": 2}, (6, 5, 2, 3), "RCHW", "2 × 3"),
    "padded maps": ({"shape": (2, 9, 5, 2, 3), "maps": 2}, (18, 5, 2, 3), "RCHW", "2 × 9"),
    "fewer rows": ({"shape": (4, 5, 2, 3)}, (4, 5, 2, 3), "RCHW", ""),
    "more rows": ({"shape": (9, 5, 2, 3)}, (9, 5, 2, 3), "RCHW", ""),
    "one row": ({"shape": (5, 2, 3), "boxes": 1}, (1, 5, 2, 3), "RCHW", "no axis of rows"),
    "one channel": ({"shape": (6, 2, 3), "channels": 1}, (6, 1, 2, 3), "RCHW", "of channels"),
    "all on one axis": ({"shape": (270,)}, (6, 5, 3, 3), "RCHW", "on one axis with their values"),
    "position-sensitive": ({"shape": (6, 5, 2, 2), "channels": 20}, (6, 5, 2, 2), "RCHW", ""),
    "position-sensitive vectors": (
        {"shape": (6, 20), "channels": 20, "output_size": (2, 2)},
        (6, 5, 2, 2),
        "RCHW",
        "2 × 2 sections of a row",
    ),
    "position-sensitive, flat": (
        {"shape": (6, 5, 4), "channels": 20}, (6, 5, 2, 2), "RCHW", "2 × 2 sections",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_first_arrangement_is_the_plainest(name: str) -> None:
    call, shape, layout, words = CASES[name]
    first = arrangements(**({"boxes": 6, "channels": 5, "maps": 1} | call))[0]
    assert (first.shape, first.layout) == (shape, layout)
    assert words in first.text or name == "vectors"
    assert bool(first.text) == bool(first.code)


@pytest.mark.parametrize("name", CASES)
def test_every_code_makes_the_given_array(name: str) -> None:
    call = {"boxes": 6, "channels": 5, "maps": 1} | CASES[name][0]
    output = numbered(call["shape"])
    for arrangement in arrangements(**call):
        rows = arrangement.rows(output)
        assert rows.shape == arrangement.shape
        assert np.shares_memory(rows, output)
        np.testing.assert_array_equal(run(arrangement, rows), output)


def test_the_channels_of_a_vector_are_first_or_last() -> None:
    vectors = numbered((2, 12))
    found = arrangements(vectors.shape, boxes=2, channels=3, maps=1)
    sections = [arrangement.rows(vectors)[0, 0].tolist() for arrangement in found]
    assert sections[:2] == [[[0, 1], [2, 3]], [[0, 3], [6, 9]]]
    assert sections[2:] == [
        [[0, 1, 2, 3]],
        [[0, 3, 6, 9]],
        [[0], [1], [2], [3]],
        [[0], [3], [6], [9]],
    ]


def test_the_sections_of_a_square_vector_may_be_swapped() -> None:
    vectors = numbered((2, 3 * 49))
    found = arrangements(vectors.shape, boxes=2, channels=3, maps=1)
    rows = [arrangement.rows(vectors)[0, 0] for arrangement in found]
    assert [row[0, 1] for row in rows] == [1, 3, 7, 21]
    assert [row[1, 0] for row in rows] == [7, 21, 1, 3]


def test_sizes_of_a_vector_are_near_a_square() -> None:
    found = arrangements((4, 3 * 35), boxes=4, channels=3, maps=1)
    sizes = [arrangement.shape[2:] for arrangement in found]
    assert sizes[:4] == [(5, 7), (5, 7), (7, 5), (7, 5)]
    assert len(found) <= 6
    prime = arrangements((4, 3, 11), boxes=4, channels=3, maps=1)
    assert [arrangement.shape[2:] for arrangement in prime] == [(1, 11), (11, 1)]


def test_a_position_sensitive_vector_is_pooled_or_whole() -> None:
    found = arrangements((4, 490), boxes=4, channels=490, maps=1)
    assert {arrangement.shape for arrangement in found} == {(4, 490, 1, 1), (4, 10, 7, 7)}


def test_as_many_rows_as_boxes_are_likelier() -> None:
    found = arrangements((2, 3, 4, 4), boxes=6, channels=4, maps=2)
    assert found[0].shape == (6, 4, 2, 2)
    assert found[0].text.startswith("the rows of the output are on two axes, 2 × 3 and the 2 × 2")


def test_a_file_on_disk_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "output.npy", numbered((6, 45)))
    mapped = np.load(tmp_path / "output.npy", mmap_mode="r")
    for arrangement in arrangements(mapped.shape, boxes=6, channels=5, maps=1):
        assert isinstance(arrangement.rows(mapped), np.memmap)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"shape": (6, 4, 2, 3)}, r"shape \(6, 4, 2, 3\), which cannot hold an output with 5 chan"),
        ({"shape": (6, 44)}, r"give the output of these features, with the shape \(R, 5, height"),
        ({"shape": (6, 5, 2, 3), "output_size": (4, 4)}, "and 4 × 4 sections"),
        ({"shape": (0, 5, 2, 3)}, "give an output with at least one row"),
        ({"shape": ()}, "which cannot hold"),
        ({"shape": (3, 2, 5, 2, 3)}, None),
        ({"shape": (4, 2, 5, 2, 3)}, "which cannot hold"),
        ({"shape": (1, 1, 6, 5, 2, 3)}, "which cannot hold"),
        ({"shape": (6, 5, 4099)}, "which cannot hold"),
    ],
)
def test_other_shapes_are_refused(call: dict[str, Any], words: str | None) -> None:
    call = {"boxes": 6, "channels": 5, "maps": 1} | call
    if words is None:
        assert arrangements(**call)
        return
    with pytest.raises(ArgumentError, match=words) as error:
        arrangements(**call)
    assert error.value.argument == "expected"


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    layout=st.permutations([1, 2, 3]),
    form=st.sampled_from(["plain", "vectors", "one batch", "whole"]),
)
def test_an_output_is_found_in_every_form(
    shape: tuple[int, int, int, int], layout: list[int], form: str
) -> None:
    if layout not in ([1, 2, 3], [2, 3, 1]):
        return
    output = numbered(shape)
    given_array = output.transpose(0, *layout)
    if form == "one batch":
        given_array = given_array[None]
    elif form != "plain":
        given_array = given_array.reshape((shape[0], -1) if form == "vectors" else -1)
    found = arrangements(given_array.shape, shape[0], shape[1], 1, shape[2:])
    assert any(np.array_equal(arrangement.rows(given_array), output) for arrangement in found)
    for arrangement in found:
        made = run(arrangement, arrangement.rows(given_array))
        np.testing.assert_array_equal(made, given_array)


RESHAPED = [name for name in MISMATCHES if name.startswith(("shape-", "layout-", "rows-"))]


@pytest.mark.parametrize("instance", INSTANCES)
@pytest.mark.parametrize("name", RESHAPED)
def test_a_real_output_is_arranged(name: str, instance: int) -> None:
    mismatch = MISMATCHES[name](instance)
    maps, channels = mismatch.features.shape[:2]
    found = arrangements(mismatch.expected.shape, len(mismatch.boxes), channels, maps)
    right = base(instance)
    if name.startswith("layout-"):
        expected = right.pooled(output_size=(7, 5))
        assert mismatch.truth["layout"] in {arrangement.layout for arrangement in found}
    else:
        expected = mismatch.expected.reshape(-1, 64, 7, 7)
        assert found[0].layout == "RCHW"
    rows = [arrangement.rows(mismatch.expected) for arrangement in found]
    fitting = [one for one in rows if np.array_equal(one, expected, equal_nan=True)]
    assert len(fitting) == 1
