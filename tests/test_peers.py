"""roi_align against the frameworks themselves, live: whichever of them is installed."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from docs.behaviour import Environment
from roialign_cli import PRESETS, roi_align
from tests.peers import operators
from tests.peers.live import PEERS as ALL_PEERS
from tests.peers.live import Peer
from tests.strategies import OUTPUT_SIZES, SIDES, boxes_around

pytestmark = pytest.mark.peers

Array = NDArray[Any]
# Scales and their like are attributes of single precision in all but torchvision.
SCALES = [float(np.float32(scale)) for scale in (1, 1 / 2, 1 / 4, 1 / 16, 1 / 3, 1 / 10)]
PARAMETERS: dict[str, st.SearchStrategy[Any]] = {
    "spatial_scale": st.sampled_from(SCALES),
    "sampling_ratio": st.integers(0, 4),
    "pooling": st.sampled_from(["avg", "max"]),
    "extrapolation_value": st.sampled_from([0.0, -1.5]),
}


HERE = Environment.of(sys.executable)
PEERS = [peer for peer in ALL_PEERS if peer.takes_random_calls]


def if_installed(peer: Peer) -> pytest.MarkDecorator:
    """Return the mark that skips a test of a peer that is not installed."""
    return pytest.mark.skipif(HERE.version(peer) is None, reason=f"{peer.package} is not installed")


def each(peers: list[Peer]) -> pytest.MarkDecorator:
    """Run a test with each peer that is installed."""
    return pytest.mark.parametrize(
        "peer", [pytest.param(peer, id=peer.name, marks=if_installed(peer)) for peer in peers]
    )


@dataclass(frozen=True)
class Call:
    """One call that both sides understand."""

    features: Array
    boxes: Array
    batch_index: Array
    output_size: tuple[int, int]
    parameters: dict[str, Any]

    def theirs(self, peer: Peer) -> Array:
        where = (self.features, self.boxes, self.batch_index, self.output_size)
        return peer.run(*where, **self.parameters)

    def ours(self, peer: Peer) -> Array:
        return roi_align(
            self.features,
            self.boxes,
            self.output_size,
            convention=peer.preset,
            batch_index=self.batch_index,
            **self.parameters,
        )


@st.composite
def calls(draw: st.DrawFn, peer: Peer) -> Call:
    """Several images, channels and boxes; everything that the peer takes."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(SIDES), draw(SIDES)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parameters = {name: draw(PARAMETERS[name]) for name in peer.takes}
    cells = draw(boxes_around(*shape[2:]))
    boxes = cells / parameters.get("spatial_scale", 1)
    if PRESETS[peer.preset].convention.normalized:
        # Tenths and the like: many edges of sections lie on 0 and on 1.
        boxes = np.round(cells[:, [1, 0, 3, 2]]) / draw(st.sampled_from([3, 7, 10]))
    dtype = draw(st.sampled_from(peer.dtypes))
    return Call(
        np.round(random.uniform(-2, 2, shape), 1).astype(dtype),
        boxes.astype(dtype),
        random.integers(0, shape[0], len(boxes)),
        draw(OUTPUT_SIZES),
        parameters,
    )


def accepted(call: Call, peer: Peer) -> bool:
    """Return whether the peer takes the boxes.

    A box inverted along one axis alone has an adaptive number of points below zero. The kernels
    ask for as much memory: torchvision and onnxruntime raise, Paddle ends the process, and OpenVINO
    returns an output of another shape. Paddle ends the process for any inverted box.
    """
    if call.parameters.get("sampling_ratio") != 0 or PRESETS[peer.preset].convention.min_size:
        return True
    inverted = call.boxes[:, 2:] < call.boxes[:, :2]
    if peer.library == "Paddle":
        return not inverted.any()
    return bool((inverted[:, 0] == inverted[:, 1]).all())


def assert_same(ours: Array, theirs: Array, tolerance: float) -> None:
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    numbers = ~np.isnan(theirs)
    np.testing.assert_array_equal(~np.isnan(ours), numbers)
    excess = np.abs(ours - theirs) - tolerance * np.maximum(1, np.abs(theirs))
    assert excess.max(where=numbers, initial=0) <= 0


@each(PEERS)
@settings(suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_same_numbers(peer: Peer, data: st.DataObject) -> None:
    call = data.draw(calls(peer))
    assume(accepted(call, peer))
    assert_same(call.ours(peer), call.theirs(peer), peer.tolerance)


@st.composite
def calls_on_the_threshold(draw: st.DrawFn, peer: Peer) -> Call:
    """A map of ones, and boxes with a point just where points stop being counted in.

    Section by section the average is the share of points that are counted in. Each box is exact
    but for its rounding, so that the point is on the threshold or within an ulp or two of it.
    """
    rules = PRESETS[peer.preset].convention
    parameters = {name: draw(PARAMETERS[name]) for name in peer.takes} | {"pooling": "avg"}
    parameters = {name: parameters[name] for name in peer.takes}
    sides = draw(SIDES), draw(SIDES)
    output_size = draw(OUTPUT_SIZES)

    def interval(axis: int) -> tuple[float, float]:
        section = draw(st.sampled_from([0.1, 0.3, 1 / 3, 0.7, 1.1, 4 / 3, 2.5]))
        grid = parameters["sampling_ratio"] or int(np.ceil(section))
        i, q = draw(st.integers(0, output_size[axis] - 1)), draw(st.integers(0, grid - 1))
        threshold = draw(st.sampled_from([-1, sides[axis]]))
        start = threshold - section * (i + (q + 0.5) / grid)
        edges = np.array([start, start + section * output_size[axis]]) + rules.offset
        first, last = edges / parameters["spatial_scale"] + rules.image_offset
        return first, last

    boxes = [[*interval(1), *interval(0)] for _ in range(8)]
    dtype = draw(st.sampled_from(peer.dtypes))
    return Call(
        np.ones((1, 1, *sides), dtype),
        np.array(boxes)[:, [0, 2, 1, 3]].astype(dtype),
        np.zeros(8, np.int64),
        output_size,
        parameters,
    )


@each([peer for peer in PEERS if "sampling_ratio" in peer.takes])
@given(data=st.data())
def test_same_points_are_counted_in(peer: Peer, data: st.DataObject) -> None:
    call = data.draw(calls_on_the_threshold(peer))
    assert_same(call.ours(peer), call.theirs(peer), peer.tolerance)


@each([peer for peer in PEERS if peer.function is operators.torchvision_roi_align])
@given(data=st.data())
def test_a_cell_that_is_not_a_number_spoils_the_same_sections(
    peer: Peer, data: st.DataObject
) -> None:
    call = data.draw(calls(peer))
    assume(accepted(call, peer))
    seed = data.draw(st.integers(0, 2**32 - 1))
    non_finite = np.random.default_rng(seed).random(call.features.shape) < 0.15
    # The CPU kernel reads the first cell, with weight 0, for every point that is not counted in.
    non_finite[:, :, 0, 0] = False
    call.features[non_finite] = np.nan
    assert_same(call.ours(peer), call.theirs(peer), peer.tolerance)
