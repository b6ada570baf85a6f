"""Random inputs for property tests."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

# For a property that is tested with every preset.
fewer_examples = settings(max_examples=settings().max_examples // 4)

SIDES = st.integers(1, 9)
OUTPUT_SIZES = st.tuples(st.integers(1, 5), st.integers(1, 5))


@st.composite
def feature_maps(draw: st.DrawFn, channels: int = 2, dtype: str = "f4") -> NDArray[np.floating]:
    """(channels, H, W) of numbers between −2 and 2, one decimal."""
    shape = (channels, draw(SIDES), draw(SIDES))
    seed = draw(st.integers(0, 2**32 - 1))
    return np.round(np.random.default_rng(seed).uniform(-2, 2, shape), 1).astype(dtype)


@st.composite
def boxes_xyxy(draw: st.DrawFn) -> NDArray[np.float32]:
    """(R, 4) corners on and around a small map, quarters and arbitrary float32 numbers."""
    quarters = st.integers(-16, 56).map(lambda n: n / 4)
    numbers = quarters | st.floats(-4, 14, width=32)
    corner_pairs = st.tuples(numbers, numbers, numbers, numbers).map(
        lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
    )
    return np.array(draw(st.lists(corner_pairs, min_size=1, max_size=3)), np.float32)


@st.composite
def intervals(draw: st.DrawFn, cells: int) -> tuple[float, float]:
    """An interval on, over the border of or far from an axis of cells; also empty or inverted."""
    starts = st.integers(-8, 4 * cells + 8).map(lambda n: n / 4) | st.floats(
        -3, cells + 3, width=32
    )
    sizes = st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.7, 1.0, 1.5, 2.0, 4.2, 9.0, -0.3, -1.0, -2.5])
    far = st.sampled_from([0.0] * 8 + [-60.0, 60.0])
    start = draw(starts) + draw(far)
    return start, start + draw(sizes | st.floats(-2, 2 * cells, width=32))


def boxes_around(height: int, width: int) -> st.SearchStrategy[NDArray[np.float64]]:
    """(R, 4) corners in cells, y down; of every kind that `intervals` has."""
    box = st.tuples(intervals(width), intervals(height)).map(
        lambda xy: (xy[0][0], xy[1][0], xy[0][1], xy[1][1])
    )
    return st.lists(box, min_size=1, max_size=6).map(np.array)
