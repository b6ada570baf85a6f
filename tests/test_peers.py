"""roi_align against the frameworks themselves, live: whichever of them is installed."""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from roialign_cli import PRESETS, roi_align
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


@functools.cache
def module(name: str) -> Any:
    """Import a peer, or skip the test that asks for it."""
    if name == "tensorflow" and importlib.util.find_spec("paddle"):
        # In the other order the process dies of a segmentation fault.
        module("paddle")
    with warnings.catch_warnings():
        # Paddle looks for a compiler cache when it is imported.
        warnings.filterwarnings("ignore", "No ccache found", UserWarning)
        return pytest.importorskip(name)


def torchvision_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: tuple[int, int],
    *,
    aligned: bool,
    spatial_scale: float,
    sampling_ratio: int,
) -> Array:
    ops, torch = module("torchvision").ops, module("torch")
    rois = torch.from_numpy(np.column_stack([batch_index.astype(boxes.dtype), boxes]))
    pooled = ops.roi_align(
        torch.from_numpy(features), rois, output_size, spatial_scale, sampling_ratio, aligned
    )
    return np.asarray(pooled)


def torchvision_roi_pool(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: tuple[int, int],
    *,
    spatial_scale: float,
) -> Array:
    ops, torch = module("torchvision").ops, module("torch")
    rois = torch.from_numpy(np.column_stack([batch_index.astype(boxes.dtype), boxes]))
    return np.asarray(ops.roi_pool(torch.from_numpy(features), rois, output_size, spatial_scale))


@functools.cache
def onnx_model(
    output_size: tuple[int, int],
    mode: str,
    pooling: str,
    dtype: str,
    spatial_scale: float,
    sampling_ratio: int,
) -> Any:
    onnx = module("onnx")
    make = onnx.helper
    node = make.make_node(
        "RoiAlign",
        ["features", "boxes", "batch_index"],
        ["pooled"],
        mode=pooling,
        coordinate_transformation_mode=mode,
        output_height=output_size[0],
        output_width=output_size[1],
        spatial_scale=spatial_scale,
        sampling_ratio=sampling_ratio,
    )
    number = make.np_dtype_to_tensor_dtype(np.dtype(dtype))
    index = onnx.TensorProto.INT64
    value = make.make_tensor_value_info
    graph = make.make_graph(
        [node],
        "roi_align",
        [
            value("features", number, [None] * 4),
            value("boxes", number, [None, 4]),
            value("batch_index", index, [None]),
        ],
        [value("pooled", number, [None] * 4)],
    )
    return make.make_model(graph, opset_imports=[make.make_opsetid("", 16)], ir_version=10)


@functools.cache
def onnxruntime_session(*attributes: Any) -> Any:
    onnxruntime = module("onnxruntime")
    # It warns on standard error that mode "max" is not what one expects, once a session.
    onnxruntime.set_default_logger_severity(3)
    serialized = onnx_model(*attributes).SerializeToString()
    return onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])


@functools.cache
def onnx_reference(*attributes: Any) -> Any:
    return module("onnx.reference").ReferenceEvaluator(onnx_model(*attributes))


def onnx_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: tuple[int, int],
    *,
    session: Callable[..., Any],
    mode: str,
    pooling: str,
    spatial_scale: float,
    sampling_ratio: int,
) -> Array:
    runs = session(output_size, mode, pooling, features.dtype.str, spatial_scale, sampling_ratio)
    feed = {"features": features, "boxes": boxes, "batch_index": batch_index}
    return np.asarray(runs.run(None, feed)[0])


@functools.cache
def openvino_model(
    output_size: tuple[int, int],
    mode: str,
    pooling: str,
    spatial_scale: float,
    sampling_ratio: int,
) -> Any:
    openvino, ops = module("openvino"), module("openvino.opset9")
    inputs = [
        ops.parameter([-1] * 4, np.float32),
        ops.parameter([-1, 4], np.float32),
        ops.parameter([-1], np.int32),
    ]
    node = ops.roi_align(*inputs, *output_size, sampling_ratio, spatial_scale, pooling, mode)
    # Without the hint it computes in bfloat16 where the processor can.
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(openvino.Model([node], inputs), "CPU", hint)


def openvino_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: tuple[int, int],
    *,
    mode: str,
    pooling: str,
    spatial_scale: float,
    sampling_ratio: int,
) -> Array:
    model = openvino_model(output_size, mode, pooling, spatial_scale, sampling_ratio)
    return np.array(model([features, boxes, batch_index.astype(np.int32)])[0])


def tensorflow_crop_and_resize(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: tuple[int, int],
    *,
    extrapolation_value: float,
) -> Array:
    pooled = module("tensorflow").image.crop_and_resize(
        features.transpose(0, 2, 3, 1),
        boxes,
        batch_index.astype(np.int32),
        output_size,
        extrapolation_value=extrapolation_value,
    )
    return np.asarray(pooled).transpose(0, 3, 1, 2)


def paddle_roi_align(
    features: Array,
    boxes: Array,
    batch_index: Array,
    output_size: tuple[int, int],
    *,
    aligned: bool,
    spatial_scale: float,
    sampling_ratio: int,
) -> Array:
    paddle = module("paddle")
    # It wants the boxes of each image together, and their numbers.
    order = np.argsort(batch_index, kind="stable")
    numbers = np.bincount(batch_index, minlength=len(features)).astype(np.int32)
    arrays = (paddle.to_tensor(array) for array in (features, boxes[order], numbers))
    pooled = paddle.vision.ops.roi_align(
        *arrays, output_size, spatial_scale, sampling_ratio or -1, aligned
    )
    return np.asarray(pooled.numpy())[np.argsort(order)]


@dataclass(frozen=True)
class Peer:
    """Something that computes a preset, and which of our parameters it takes."""

    name: str
    preset: str
    run: Callable[..., Array]
    takes: tuple[str, ...] = ("spatial_scale", "sampling_ratio")
    dtypes: tuple[str, ...] = ("f4", "f8")
    tolerance: float = 1e-5


ONNX_TAKES = ("spatial_scale", "sampling_ratio", "pooling")
onnxruntime_roi_align = functools.partial(onnx_roi_align, session=onnxruntime_session)
reference_roi_align = functools.partial(onnx_roi_align, session=onnx_reference)
PEERS = [
    *(
        Peer(
            f"torchvision-aligned-{aligned}",
            preset,
            functools.partial(torchvision_roi_align, aligned=aligned),
        )
        for aligned, preset in ((False, "torchvision"), (True, "torchvision-aligned"))
    ),
    Peer("torchvision-roi-pool", "roi-pool", torchvision_roi_pool, takes=("spatial_scale",)),
    *(
        Peer(f"{name}-{mode}", preset, functools.partial(run, mode=mode), takes=ONNX_TAKES)
        for name, run in (
            ("onnxruntime", onnxruntime_roi_align),
            ("onnx-reference", reference_roi_align),
        )
        for mode, preset in (
            ("half_pixel", "onnx-half-pixel"),
            ("output_half_pixel", "onnx-output-half-pixel"),
        )
    ),
    *(
        Peer(
            f"openvino-{mode}",
            f"openvino-{mode.replace('_', '-')}",
            functools.partial(openvino_roi_align, mode=mode),
            takes=ONNX_TAKES,
            dtypes=("f4",),
            tolerance=3e-5,
        )
        for mode in ("asymmetric", "half_pixel", "half_pixel_for_nn")
    ),
    # Features of any type, but coordinates and results are of single precision.
    Peer(
        "tensorflow",
        "tensorflow",
        tensorflow_crop_and_resize,
        takes=("extrapolation_value",),
        dtypes=("f4",),
    ),
    *(
        Peer(
            f"paddle-aligned-{aligned}",
            preset,
            functools.partial(paddle_roi_align, aligned=aligned),
        )
        for aligned, preset in ((False, "paddle-legacy"), (True, "paddle"))
    ),
]


def each(peers: list[Peer]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("peer", [pytest.param(peer, id=peer.name) for peer in peers])


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
    returns an output of another shape.
    """
    if call.parameters.get("sampling_ratio") != 0 or PRESETS[peer.preset].convention.min_size:
        return True
    inverted = call.boxes[:, 2:] < call.boxes[:, :2]
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


@each([peer for peer in PEERS if peer.name.startswith("torchvision-aligned")])
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
