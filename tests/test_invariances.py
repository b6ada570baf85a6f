"""What must not change an output, and what must change it in a known way, under every preset."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention, roi_align
from tests.kinds import KINDS
from tests.strategies import OUTPUT_SIZES, boxes_around, fewer_examples

Array = NDArray[Any]
# Boxes as x1, y1, x2, y2 with y down, in the units of the scale, whatever the library's way is.
PLAIN: dict[str, Any] = {"box_format": "xyxy", "origin": "top-left", "normalized": False}
# Those that take any box, and read the same channel in all sections.
NAMES = [
    name
    for name, row in PRESETS.items()
    if (row.convention.channel_map, row.convention.rejects != "off-map") == ("same", True)
]


def every_preset(turn: int) -> pytest.MarkDecorator:
    """Return the parameter `name`: each preset, by default one of three, from a turn on."""
    kinds = [name for name in NAMES if name in KINDS]
    by_default = {*kinds[turn::3]}
    return pytest.mark.parametrize(
        "name",
        [
            pytest.param(name, marks=() if name in by_default else pytest.mark.thorough)
            for name in NAMES
        ],
    )


# Fields whose rules prefer one direction of an axis.
_ONE_SIDED = (
    "point_in_part", "image_end_offset", "grid_points", "clip_sections", "outside_neighbours",
)  # fmt: skip


def is_symmetric(rules: Convention) -> bool:
    plain = Convention()
    one_sided = any(getattr(rules, name) != getattr(plain, name) for name in _ONE_SIDED)
    # The rounded edges of ROI Pool mirror with the cell in which the box ends.
    return not one_sided and (rules.points == "cells" or not rules.end_offset)


poolings = st.sampled_from(["avg", "max"])
seeds = st.integers(0, 2**32 - 1)


@st.composite
def options(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Everything of a call but the features and the boxes."""
    call = PLAIN | {"convention": name, "pooling": draw(poolings)}
    if PRESETS[name].convention.points == "integral":
        call["pooling"] = "avg"
    call["output_size"] = draw(OUTPUT_SIZES)
    if PRESETS[name].convention.points == "centred":
        call["sampling_ratio"] = draw(st.integers(0, 3))
    if PRESETS[name].convention.points == "dividers":
        call["divide"] = draw(st.integers(2, 4))
    return call


@st.composite
def maps(draw: st.DrawFn, smallest: int = 1) -> Array:
    """(2, H, W) of doubles, so that a rounding does not hide what a rule does."""
    sides = st.integers(smallest, 9)
    shape = 2, draw(sides), draw(sides)
    return np.random.default_rng(draw(seeds)).uniform(-2, 2, shape)


@st.composite
def boxes_for(draw: st.DrawFn, name: str, features: Array) -> Array:
    """Boxes of every kind that the preset takes."""
    boxes = draw(boxes_around(*features.shape[1:]))
    if PRESETS[name].convention.rejects != "nothing":
        boxes[:, 2:] = boxes[:, :2] + np.abs(boxes[:, 2:] - boxes[:, :2]) + 0.5
    return boxes


@st.composite
def boxes_inside(draw: st.DrawFn, height: int, width: int) -> Array:
    """One box of a cell or more, its points between the outermost centres in every preset."""
    edges = []
    for cells in (width, height):
        first = draw(st.integers(2, 4 * cells - 8))
        edges.append((first, draw(st.integers(first + 4, 4 * cells - 4))))
    (x1, x2), (y1, y2) = edges
    return np.array([[x1, y1, x2, y2]]) / 4


@every_preset(0)
@fewer_examples
@given(data=st.data())
def test_moving_the_map_and_the_box_together(name: str, data: st.DataObject) -> None:
    features = data.draw(maps(smallest=3))
    box = data.draw(boxes_inside(*features.shape[1:]))
    # An operator that adds the last pixel reads beyond the map before it is moved.
    box[:, 2:] += PRESETS[name].convention.image_end_offset
    assume((box[:, 2:] > box[:, :2]).all())
    call = data.draw(options(name))
    if PRESETS[name].convention.coordinate_decimals is not None:
        # Quarters over powers of two are exact. Over others, what is a tie between two decimals
        # before the move may be none after it.
        powers = st.sampled_from([1, 2, 4])
        call["output_size"] = data.draw(st.tuples(powers, powers))
        call["divide"] = data.draw(st.sampled_from([2, 4]))
    top, left = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))
    grown = np.pad(features, ((0, 0), (top, 2), (left, 2)))
    moved = roi_align(grown, box + [left, top, left, top], **call)
    np.testing.assert_allclose(roi_align(features, box, **call), moved, atol=1e-12)


@every_preset(1)
@fewer_examples
@given(data=st.data())
def test_swapping_the_axes(name: str, data: st.DataObject) -> None:
    features = data.draw(maps())
    boxes, call = data.draw(boxes_for(name, features)), data.draw(options(name))
    rows, columns = call["output_size"]
    swapped = roi_align(
        features.swapaxes(1, 2),
        boxes[:, [1, 0, 3, 2]],
        **(call | {"output_size": (columns, rows)}),
    )
    out = roi_align(features, boxes, **call)
    np.testing.assert_allclose(out, swapped.swapaxes(2, 3), atol=1e-12)


def reflected(boxes: Array, width: int, rules: Convention) -> Array:
    """Return the boxes whose points are the mirror image of those of `boxes`.

    Centres mirror by p → N − 1 − p, so edges mirror about the middle of the map only where the
    offset is half a cell: x → N − x. With offset 0 they mirror as centres do.
    """
    mirror = width - 1 + 2 * rules.offset + 2 * rules.image_offset
    x1, y1, x2, y2 = boxes.T
    return np.stack([mirror - x2, y1, mirror - x1, y2], axis=1)


@pytest.mark.parametrize("name", [n for n in NAMES if is_symmetric(PRESETS[n].convention)])
@fewer_examples
@given(data=st.data())
def test_mirroring(name: str, data: st.DataObject) -> None:
    # Sizes of at least a cell, because a smaller ROI grows to one from its left edge alone; and
    # arbitrary numbers, because a tie (a threshold, a coordinate between two roundings, an edge
    # between two cells) is broken to one side.
    features = data.draw(maps())
    random = np.random.default_rng(data.draw(seeds))
    corner = random.uniform(-4, 10, (3, 2))
    boxes = np.hstack([corner, corner + random.uniform(1, 9, (3, 2))])
    call = data.draw(options(name))
    mirrored = roi_align(
        features[:, :, ::-1], reflected(boxes, features.shape[2], PRESETS[name].convention), **call
    )
    out = roi_align(features, boxes, **call)
    np.testing.assert_allclose(out, mirrored[:, :, :, ::-1], atol=1e-12)


@every_preset(2)
@fewer_examples
@given(data=st.data())
def test_twice_the_scale_and_half_the_box(name: str, data: st.DataObject) -> None:
    features = data.draw(maps())
    boxes, call = data.draw(boxes_for(name, features)), data.draw(options(name))
    before = PRESETS[name].convention.image_offset
    boxes = np.round(boxes * 4) / 4  # so that an offset before the scale is not rounded away
    if PRESETS[name].convention.rejects != "nothing":
        boxes[:, 2:] += 0.25
    out = roi_align(features, boxes, spatial_scale=0.5, **call)
    half = (boxes - before) / 2 + before
    # The last pixel is one unit at either scale.
    half[:, 2:] += PRESETS[name].convention.image_end_offset / 2
    halved = roi_align(features, half, spatial_scale=1.0, **call)
    np.testing.assert_array_equal(out, halved)


@every_preset(0)
@fewer_examples
@given(data=st.data())
def test_a_constant_map_gives_the_constant(name: str, data: st.DataObject) -> None:
    call, constant = data.draw(options(name)), data.draw(st.sampled_from([-1.7, 0.3, 2.0]))
    box = data.draw(boxes_inside(6, 7))
    rules = PRESETS[name].convention
    if rules.image_end_offset:
        box[:, 2:] = np.maximum(box[:, 2:] + rules.image_end_offset, box[:, :2])
    if rules.grid_rounding == "floor":
        call["sampling_ratio"] = call["sampling_ratio"] or 1  # small sections have no points
    out = roi_align(np.full((6, 7), constant), box, **call)
    if call["pooling"] == "max" and rules.max_of == "weighted-cell":
        # The largest of four weights that add up to 1, or 0 · constant if that is larger.
        assert constant < 0 or (constant / 4 <= out.min() and out.max() <= constant)
        return
    smallest = rules.max_start if call["pooling"] == "max" else -math.inf
    np.testing.assert_allclose(out, np.full_like(out, max(constant, smallest)), rtol=1e-12)


@every_preset(1)
@fewer_examples
@given(data=st.data())
def test_maps_and_channels_do_not_touch_each_other(name: str, data: st.DataObject) -> None:
    features = np.stack([data.draw(maps())] * 3)
    features += np.arange(6).reshape(3, 2, 1, 1)
    boxes, call = data.draw(boxes_for(name, features[0])), data.draw(options(name))
    index = np.random.default_rng(data.draw(seeds)).integers(0, 3, len(boxes))
    out = roi_align(features, boxes, batch_index=index, **call)
    others = np.full_like(features, math.nan)
    for r, n in enumerate(index):
        for c in range(2):
            alone = others.copy()
            alone[n, c] = features[n, c]
            pooled = roi_align(alone, boxes[r], batch_index=n, **call)
            np.testing.assert_allclose(out[r, c], pooled[0, c], atol=1e-12)


def some_of_a_large_map() -> tuple[Array, Array]:
    """Return a map (1, 8, 150, 140) with cells that are not finite, and boxes of many sizes."""
    random = np.random.default_rng(17)
    features = random.normal(size=(1, 8, 150, 140)).astype(np.float32)
    bad = np.array([math.nan, math.inf, -math.inf])
    for row, column in random.integers((62, 0), (150, 140), (40, 2)):
        features[:, :, row, column] = random.choice(bad)
    features[:, :, 60] = math.nan
    start = random.uniform((-40, -30), (140, 150), (14, 2))
    extent = random.choice([0.3, 3, 12, 45], (14, 1)) * random.uniform(0.4, 1, (14, 2))
    # Three boxes far above that row, a small one just before it, and one left of the map.
    boxes = [[10, 0, 90, 30], [12, 2, 92, 31], [11, 5, 91, 33], [50, 40, 55, 45]]
    boxes += [[-30, 20, -20, 40]]
    return features, np.concatenate([boxes, np.column_stack([start, start + extent])])


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
@pytest.mark.parametrize("pooling", ["avg", "max"])
@pytest.mark.parametrize("name", NAMES)
def test_boxes_of_a_large_map_are_pooled_together_as_alone(
    name: str, pooling: str, channels: int
) -> None:
    rules = PRESETS[name].convention
    pooling = "avg" if rules.points == "integral" else pooling
    features, boxes = some_of_a_large_map()
    call: dict[str, Any] = PLAIN | {"convention": name, "pooling": pooling, "output_size": (1, 2)}
    if rules.points == "dividers":
        call["divide"] = 2
    for chosen in (boxes, boxes[:4], boxes[3:5]):
        together = roi_align(features[:, :channels], chosen, **call)
        for box, output in zip(chosen, together, strict=True):
            alone = roi_align(features[:, :channels], box[None], **call)[0]
            np.testing.assert_allclose(output, alone, rtol=1e-5, atol=1e-5)
