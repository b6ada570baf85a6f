"""Each row of an output is matched with its box, and its order is named and reproduced."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roialign_cli.search.row_matching import match_rows
from roialign_cli.search.row_order import RowOrder, describe_rows
from roialign_cli.search.row_patterns import SORT_KEYS
from tests.mismatch_base import Array, base, level_map, pool, proposals
from tests.mismatches import INSTANCES, MISMATCHES

CHANNELS = slice(0, 6)
ONE_MAP = np.zeros(12, np.intp)
SEEDED = np.random.default_rng(3)
# Twelve boxes of different sizes in no order.
CORNERS = np.column_stack([SEEDED.uniform(0, 300, (12, 2)), SEEDED.uniform(310, 800, (12, 2))])
VALUES = SEEDED.normal(size=(12, 30))


def flat(output: Array) -> Array:
    return output[:, CHANNELS].reshape(len(output), -1)


def described(order: Any, batch_index: Any = ONE_MAP, rows: Array | None = None) -> RowOrder:
    """Describe rows of the twelve boxes; rows without a box are zero unless they are given."""
    order = np.asarray(order, np.intp)
    if rows is None:
        rows = np.where(order[:, None] < 0, 0, VALUES[order])
    found = describe_rows(order, CORNERS, batch_index, rows)
    check_code(found, order, CORNERS, batch_index, rows)
    return found


def check_code(found: RowOrder, order: Array, boxes: Array, batch: Array, rows: Array) -> None:
    """Run the code on boxes, and on an output that holds the values of each box."""
    is_blank = (order < 0) & ((rows == rows[:, :1]) | np.isnan(rows)).all(axis=1)
    for given_boxes in (boxes, np.column_stack([batch, boxes])):
        names: dict[str, Any] = {"np": np, "boxes": given_boxes.copy(), "batch_index": batch}
        exec(found.code, names)  # noqa: S102
        names["output"] = names["boxes"][:, -4:, None, None] + 0.0
        exec(found.after, names)  # noqa: S102
        output = names["output"][:, :, 0, 0]
        assert len(output) == len(order)
        np.testing.assert_array_equal(output[order >= 0], boxes[order[order >= 0]])
        if found.after:
            np.testing.assert_array_equal(output[is_blank], np.tile(rows[is_blank, :1], 4))
    if found.index:
        names = {"np": np, "boxes": boxes, "batch_index": batch}
        taken = eval(f"batch_index[{found.index}]", names)  # noqa: S307
        kept = order[~is_blank] if len(taken) < len(order) else order
        np.testing.assert_array_equal(taken[kept >= 0], batch[kept[kept >= 0]])


# Match rows --------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32 - 1), gain=st.floats(0.01, 100), offset=st.floats(-100, 100))
def test_a_permutation_with_noise_is_found(seed: int, gain: float, offset: float) -> None:
    random = np.random.default_rng(seed)
    made = random.normal(size=(40, 60))
    order = random.permutation(40)
    rows = gain * (made[order] + random.normal(scale=0.05, size=made.shape)) + offset
    np.testing.assert_array_equal(match_rows(made, rows), order)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 7))
def test_a_few_rows_are_found(seed: int, count: int) -> None:
    order = np.random.default_rng(seed).permutation(12)[:count]
    np.testing.assert_array_equal(match_rows(VALUES, VALUES[order]), order)


def test_gain_and_offset_of_each_column_do_not_matter() -> None:
    order = SEEDED.permutation(12)
    rows = VALUES[order] * SEEDED.uniform(0.1, 9, 30) + SEEDED.normal(scale=50, size=30)
    np.testing.assert_array_equal(match_rows(VALUES, rows), order)


def test_other_rows_match_no_box() -> None:
    rows = VALUES.copy()
    rows[2] = SEEDED.normal(size=30)
    rows[5], rows[7], rows[9, 3], rows[10, 4] = 0, 4.5, np.nan, np.inf
    expected = np.arange(12)
    expected[[2, 5, 7, 9, 10]] = -1
    np.testing.assert_array_equal(match_rows(VALUES, rows), expected)
    assert (match_rows(VALUES, SEEDED.normal(size=(20, 30))) == -1).all()
    assert (match_rows(VALUES, np.full((3, 30), np.nan)) == -1).all()
    assert (match_rows(np.zeros((3, 30)), VALUES) == -1).all()


def test_equal_boxes_keep_the_order() -> None:
    made = VALUES.copy()
    made[[4, 9]] = made[1]
    np.testing.assert_array_equal(match_rows(made, made), np.arange(12))
    np.testing.assert_array_equal(match_rows(made, made[:9]), np.arange(9))
    reverse = match_rows(made, made[::-1])
    np.testing.assert_array_equal(made[reverse], made[::-1])
    assert len(set(reverse.tolist())) == 12
    order = np.array([3, 9, 0, 4, 1, 2])
    np.testing.assert_array_equal(match_rows(made, made[order]), [3, 1, 0, 9, 4, 2])


def test_a_box_outside_the_map_has_a_row_of_zeros() -> None:
    made = VALUES.copy()
    made[[3, 8]] = 0
    np.testing.assert_array_equal(match_rows(made, made), np.arange(12))
    padded = np.concatenate([made[:5], np.zeros((2, 30))])
    np.testing.assert_array_equal(match_rows(made, padded), [0, 1, 2, 3, 4, -1, -1])
    order = np.array([5, 3, 0, 1, 8, 2, 4, 6, 7, 9, 10, 11])
    np.testing.assert_array_equal(match_rows(made, made[order]), order)


@pytest.mark.parametrize("dtype", ["f2", "f4", "i4", "u1", "f8"])
def test_every_data_type_is_matched(dtype: str) -> None:
    values = np.round(20 * VALUES + 120).astype(dtype)
    np.testing.assert_array_equal(match_rows(values, values[::-1]), np.arange(12)[::-1])


@pytest.mark.parametrize("largest", [1e-300, 1e300])
def test_the_largest_and_smallest_numbers_are_matched(largest: float) -> None:
    rows = largest * VALUES
    np.testing.assert_array_equal(match_rows(rows, rows[::-1]), np.arange(12)[::-1])


def test_similar_boxes_of_a_real_map_are_told_apart() -> None:
    boxes = proposals(0, None)
    made = flat(pool(level_map(0), boxes, spatial_scale=1 / 16))
    order = np.random.default_rng(0).permutation(len(boxes))
    np.testing.assert_array_equal(match_rows(made, made[order]), order)
    start = perf_counter()
    np.testing.assert_array_equal(match_rows(made, made[order[:100]]), order[:100])
    assert perf_counter() - start < 2


@pytest.mark.parametrize("instance", INSTANCES)
@pytest.mark.parametrize(
    "name", ["bfloat16", "int8-raw", "int8-dequantised", "uint8-zero-point", "noise", "gain-bias"]
)
def test_rows_of_a_real_output_match_in_spite_of_other_mistakes(name: str, instance: int) -> None:
    rows = flat(MISMATCHES[name](instance).expected)
    order = np.random.default_rng(5).permutation(180)
    np.testing.assert_array_equal(match_rows(flat(base(instance).output), rows[order]), order)


@pytest.mark.parametrize("instance", INSTANCES)
def test_rows_of_another_convention_are_not_matched_with_other_boxes(instance: int) -> None:
    mismatch = MISMATCHES["rows-mixed"](instance)
    found = match_rows(flat(base(instance).output), flat(mismatch.expected))
    own = np.arange(180)
    right = np.setdiff1d(own, mismatch.truth["other_rows"])
    np.testing.assert_array_equal(found[right], right)
    assert ((found == own) | (found < 0)).all()


# Describe rows -----------------------------------------------------------------------------------


def areas(boxes: Array = CORNERS) -> Array:
    return np.asarray(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))


def test_rows_in_their_place_need_no_words() -> None:
    found = described(range(12))
    assert (found.kind, found.text, found.remedy, found.code, found.after) == ("same", *[""] * 4)


ROWS = np.arange(12)
HALVES = np.repeat([0, 1], 6)
IN_TURN = ROWS % 2
RANDOM = np.random.default_rng(8).permutation(12)
BY_AREA = np.argsort(-areas(), kind="stable")
ORDERS: dict[str, tuple[Any, Any, str, str]] = {
    # order, batch index, kind, text
    "exchanged": (np.r_[3, 1, 2, 0, 4:12], ONE_MAP, "swap", "rows 0 and 3 are exchanged"),
    "exchanged twice": (
        np.r_[1, 0, 2:10, 11, 10], ONE_MAP, "swap", "rows 0 and 1, rows 10 and 11 are exchanged",
    ),
    "reversed": (ROWS[::-1], ONE_MAP, "reverse", "the rows are in reverse order"),
    "last ones reversed": (
        ROWS[:6:-1], ONE_MAP, "reverse", "the output has rows for only the first 5 boxes, reversed",
    ),
    "area": (BY_AREA, ONE_MAP, "sort", "the rows are in descending order of the box area"),
    "largest": (
        BY_AREA[:7], ONE_MAP, "sort",
        "the output has rows for only the first 7 boxes in descending order of the box area",
    ),
    "y1": (
        np.argsort(CORNERS[:, 1]), ONE_MAP, "sort", "the rows are in ascending order of y1",
    ),
    "maps": (
        np.argsort(IN_TURN, kind="stable"), IN_TURN, "sort",
        "the rows are grouped by batch index, ascending",
    ),
    "area within maps": (
        np.lexsort((-areas(), IN_TURN)), IN_TURN, "sort",
        "the rows are sorted by batch index, and in descending order of the box area within each "
        "map",
    ),
    "maps in turn": (
        ROWS.reshape(2, 6).T.ravel(), HALVES, "permutation",
        "the rows take one box of each of 2 equal parts of the boxes in turn",
    ),
    "one map": (
        ROWS[1::2], IN_TURN, "subset", "the output has rows for only the boxes of batch index 1",
    ),
    "first": (ROWS[:5], ONE_MAP, "first", "the output has rows for only the first 5 boxes"),
    "some": (
        ROWS[[0, 2, 3, 4, 5, 6, 8, 9, 10, 11]], ONE_MAP, "subset",
        "the output has rows for 10 of the 12 boxes, in their order, without boxes 1, 7",
    ),
    "padded": (
        np.r_[ROWS, -1, -1, -1], ONE_MAP, "padding", "rows 12 to 14 are padding (zeros)",
    ),
    "first and padded": (
        np.r_[ROWS[:9], -1, -1], ONE_MAP, "padding",
        "the output has rows for only the first 9 boxes; rows 9, 10 are padding (zeros)",
    ),
    "sorted and padded": (
        np.r_[BY_AREA, -1], ONE_MAP, "sort",
        "the rows are in descending order of the box area; row 12 is padding (zeros)",
    ),
    "padded per map": (
        np.r_[0:6, -1, -1, 6:12, -1, -1], HALVES, "padding",
        "rows 6, 7, 14, 15 are padding (zeros)",
    ),
    "zeros in place": (
        np.r_[0, -1, 2:5, -1, 6:12], ONE_MAP, "same", "rows 1, 5 are zeros",
    ),
    "zeros in a sorted output": (
        np.where(ROWS == 4, -1, BY_AREA), ONE_MAP, "sort",
        "the rows are in descending order of the box area; row 4 is zeros",
    ),
    "twice": (
        np.repeat(ROWS, 2), ONE_MAP, "duplicates",
        "every box is repeated in 2 rows that follow each other",
    ),
    "twice in turn": (
        np.tile(ROWS, 3), ONE_MAP, "duplicates",
        "every box is repeated: the rows of all boxes follow each other 3 times",
    ),
    "repeated": (
        np.r_[0:4, 3, 5:12], ONE_MAP, "duplicates", "box 3 is repeated in rows 3, 4",
    ),
    "other": (
        RANDOM, ONE_MAP, "permutation",
        f"the rows are in another order: {', '.join(map(str, RANDOM[:6]))}, … (they are not "
        "sorted by area, coordinates, level or batch index)",
    ),
    "none": (np.full(4, -1), ONE_MAP, "permutation", "no row of the output matches a box"),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in ORDERS if name != "none"])
def test_an_order_is_named(name: str) -> None:
    order, batch_index, kind, text = ORDERS[name]
    found = described(order, batch_index)
    assert (found.kind, found.text) == (kind, text)
    assert found.remedy.endswith(".")
    np.testing.assert_array_equal(found.boxes, order)


def test_rows_that_match_no_box_are_named() -> None:
    rows = VALUES.copy()
    found = described(np.r_[0, -1, 2:12], rows=rows)
    assert (found.kind, found.text) == ("same", "row 1 matches no box")
    rows[1, 0] = np.inf  # such a row is not compared
    assert described(np.r_[0, -1, 2:12], rows=rows).text == ""
    rows = VALUES.copy()
    found = described(np.r_[1, 0, -1, 2:6, -1, 8, 9], rows=rows[:10])
    assert found.kind == "permutation"
    assert found.text.endswith("rows 2, 7 match no box")
    found = describe_rows(np.full(4, -1), CORNERS, ONE_MAP, rows[:4])
    assert found.text == "no row of the output matches a box; rows 0 to 3 match no box"


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "zeros"), (-1.5, "-1.5"), (np.nan, "NaN"), (-np.inf, "-inf")]
)
def test_the_value_of_padding_is_named(value: float, words: str) -> None:
    rows = np.concatenate([VALUES, np.full((2, 30), value)])
    found = described(np.r_[ROWS, -1, -1], rows=rows)
    assert found.text == f"rows 12, 13 are padding ({words})"
    rows = np.where(np.arange(12)[:, None] == 4, value, VALUES)
    found = described(np.where(ROWS == 4, -1, ROWS), rows=rows)
    assert found.text == f"row 4 is {words}"


def test_padding_of_different_values_is_named_without_code() -> None:
    order = np.r_[ROWS, -1, -1]
    rows = np.concatenate([VALUES, np.zeros((1, 30)), np.ones((1, 30))])
    found = describe_rows(order, CORNERS, ONE_MAP, rows)
    assert (found.text, found.after) == ("rows 12, 13 are padding (constant)", "")


def test_boxes_that_are_equal_may_be_exchanged() -> None:
    boxes = CORNERS.copy()
    boxes[7] = boxes[2]
    order = np.argsort(-areas(boxes), kind="stable")
    places = np.flatnonzero(np.isin(order, [2, 7]))
    order[places] = order[places[::-1]]
    found = describe_rows(order, boxes, ONE_MAP, VALUES[order])
    assert found.text == "the rows are in descending order of the box area"


def test_ties_may_be_in_either_order() -> None:
    boxes = CORNERS.copy()
    boxes[[1, 3, 6, 8, 9], 1] = 20.0
    for order in (
        np.argsort(boxes[:, 1], kind="stable")[::-1],
        np.argsort(-boxes[:, 1], kind="stable"),
    ):
        found = describe_rows(order, boxes, ONE_MAP, VALUES)
        assert found.text == "the rows are in descending order of y1"
        check_code(found, order, boxes, ONE_MAP, VALUES)


def test_the_largest_boxes_may_keep_their_order() -> None:
    corners = SEEDED.uniform(0, 300, (30, 2))
    boxes = np.column_stack([corners, corners + SEEDED.uniform(10, 300, (30, 2))])
    order = np.sort(np.argsort(-areas(boxes))[:15])
    rows = SEEDED.normal(size=(15, 30))
    found = describe_rows(order, boxes, np.zeros(30, np.intp), rows)
    largest = "the first 15 boxes in descending order of the box area"
    words = f"the output has rows for only {largest}; its rows keep the order of the boxes"
    assert found.text == words
    check_code(found, order, boxes, np.zeros(30, np.intp), rows)


def test_near_ties_may_be_in_another_order() -> None:
    boxes = np.tile([0.0, 0, 0, 10], (12, 1))
    boxes[:, 0] = SEEDED.permutation(12)
    boxes[:, 2] = boxes[:, 0] + 10 + RANDOM
    boxes[RANDOM == 4, 2] += 1 - 1e-9
    order = np.argsort(areas(boxes))
    order[[4, 5]] = order[[5, 4]]
    found = describe_rows(order, boxes, ONE_MAP, VALUES)
    assert found.kind == "sort"
    assert (
        found.text == "the rows are in ascending order of the box area, with ties in another order"
    )
    check_code(found, order, boxes, ONE_MAP, VALUES)


def test_rows_in_another_order_within_maps_are_named() -> None:
    order = np.r_[RANDOM[RANDOM < 6], RANDOM[RANDOM >= 6]]
    found = described(order, HALVES)
    assert found.text.startswith("the rows are grouped by batch index, ascending, and within a map")


def test_levels_are_those_of_a_feature_pyramid() -> None:
    sides = np.array([20, 700, 230, 150, 60, 500, 111, 113, 223, 225, 447, 449])
    boxes = np.column_stack([RANDOM, RANDOM, RANDOM + sides, RANDOM + sides]).astype(float)
    levels = np.clip(np.floor(4 + np.log2(sides / 224)), 2, 5)
    order = np.argsort(levels, kind="stable")
    found = describe_rows(order, boxes, ONE_MAP, VALUES)
    assert found.text == "the rows are grouped by pyramid level, ascending"
    check_code(found, order, boxes, ONE_MAP, VALUES)
    only = np.flatnonzero(levels == 4)
    found = describe_rows(only, boxes, ONE_MAP, VALUES[only])
    assert found.text == "the output has rows for only the boxes of pyramid level 4"
    check_code(found, only, boxes, ONE_MAP, VALUES[only])


@pytest.mark.parametrize("key", SORT_KEYS, ids=lambda key: key.name)
def test_the_code_of_a_key_is_its_function(key: Any) -> None:
    batch_index = ROWS % 3
    value = eval(key.expression, {"np": np, "boxes": CORNERS, "batch_index": batch_index})  # noqa: S307
    np.testing.assert_array_equal(value, key.of(CORNERS, batch_index))


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 20),
    maps=st.integers(1, 3),
    blanks=st.integers(0, 4),
)
def test_the_code_of_any_order_makes_it(seed: int, count: int, maps: int, blanks: int) -> None:
    random = np.random.default_rng(seed)
    order = random.integers(0, 12, count)
    if seed % 2:
        order = random.permutation(12)[:count]
    order = np.concatenate([order, np.full(blanks, -1)])
    if seed % 3 == 0:
        order = random.permutation(order)
    if (order >= 0).any():
        described(order, random.integers(0, maps, 12))


REAL = [
    "rows-permuted", "rows-by-score", "rows-by-area", "rows-swapped", "rows-top-100",
    "rows-padded", "rows-duplicated",
]  # fmt: skip


@pytest.mark.parametrize("instance", INSTANCES)
@pytest.mark.parametrize("name", REAL)
def test_rows_of_a_real_output_are_matched_and_named(name: str, instance: int) -> None:
    mismatch, right = MISMATCHES[name](instance), base(instance)
    rows, batch_index = flat(mismatch.expected), np.zeros(180, np.intp)
    order = match_rows(flat(right.output), rows)
    np.testing.assert_array_equal(order, mismatch.truth["rows"])
    found = describe_rows(order, right.boxes, batch_index, rows)
    check_code(found, order, right.boxes, batch_index, rows)
    kinds = {
        "rows-by-area": "sort",
        "rows-swapped": "swap",
        "rows-top-100": ("first", "permutation")[instance],
        "rows-padded": "padding",
        "rows-duplicated": "duplicates",
    }
    assert found.kind == kinds.get(name, "permutation")


@pytest.mark.parametrize("instance", INSTANCES)
def test_rows_of_nan_are_named(instance: int) -> None:
    mismatch, right = MISMATCHES["rows-nan"](instance), base(instance)
    rows = flat(mismatch.expected)
    order = match_rows(flat(right.output), rows)
    np.testing.assert_array_equal(np.flatnonzero(order < 0), mismatch.truth["nan_rows"])
    found = describe_rows(order, right.boxes, np.zeros(180, np.intp), rows)
    assert (found.kind, found.code) == ("same", "")
    assert found.text.endswith("are NaN")


@pytest.mark.parametrize("instance", INSTANCES)
@pytest.mark.parametrize(
    "name", ["shape-flat", "shape-flat-sections", "shape-batch-axis", "shape-two-batches"]
)
def test_rows_of_a_reshaped_output_are_in_their_place(name: str, instance: int) -> None:
    mismatch = MISMATCHES[name](instance)
    made = pool(mismatch.features, mismatch.boxes, spatial_scale=base(instance).scale)
    rows = mismatch.expected.reshape(made.shape)
    np.testing.assert_array_equal(match_rows(flat(made), flat(rows)), np.arange(180))
