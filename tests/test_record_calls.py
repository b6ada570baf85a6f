"""`record_calls`: which functions are seen, what a call holds, and that all is put back."""

from __future__ import annotations

import functools
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from roialign_cli import Call, RoiAlignError, record_calls, roi_align_pyramid
from roialign_cli.calls.archive import read_call
from roialign_cli.calls.bfloat16 import narrowed, widened
from roialign_cli.calls.call import PyramidLevel
from roialign_cli.calls.recording import read_recording
from tests import stand_in
from tests.peers.make_multi_scale import CALLS, IMAGE_SIZE, inputs
from tests.stand_in import Symbolic, Tensor
from tests.test_golden import GOLDEN

RNG = np.random.default_rng(5)
MAP = RNG.normal(size=(2, 8, 10, 12)).astype(np.float32)
ROIS = np.array([[0, 1, 1, 8, 6], [1, 2, 0, 4, 9], [0, -3, 2, 14, 5]], np.float32)


@pytest.fixture(autouse=True)
def _libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    with stand_in.installed():
        yield


def module(name: str) -> ModuleType:
    return sys.modules[name]


def ops() -> ModuleType:
    return module("torchvision.ops")


def program() -> ModuleType:
    return module("program")


def recorded(folder: str = "calls") -> list[Call]:
    return [read_call(file) for file in read_recording(folder).files]


def align(rois: Any = ROIS) -> Any:
    return ops().roi_align(Tensor(MAP), Tensor(rois), 2)


@pytest.mark.parametrize(
    "name", ["by_name", "by_package", "by_import", "by_class", "by_object"]
)  # fmt: skip
def test_a_function_is_seen_wherever_a_program_finds_it(name: str) -> None:
    with record_calls("calls") as recorder:
        output = getattr(program(), name)(Tensor(MAP), Tensor(ROIS), 2)
    assert recorder.count == 1
    (call,) = recorded()
    np.testing.assert_array_equal(call.features, MAP)
    np.testing.assert_array_equal(call.boxes, ROIS[:, 1:])
    np.testing.assert_array_equal(call.batch_index, ROIS[:, 0])
    np.testing.assert_array_equal(call.output, output.array)
    assert call.operator == "torchvision.ops.roi_align"
    assert (call.framework, call.framework_version) == ("torchvision", "0.29.1")
    line = 1 + stand_in._SOURCES["program"].splitlines().index(  # noqa: SLF001
        next(x for x in stand_in._SOURCES["program"].splitlines() if f"def {name}(" in x)  # noqa: SLF001
    )
    assert call.place in {f"program.py:{line}", f"program.py:{line + 2}"}


def test_the_place_is_the_line_of_this_test() -> None:
    with record_calls("calls"):
        align()
    assert recorded()[0].place.startswith("tests/test_record_calls.py:")


def test_everything_is_put_back() -> None:
    def held() -> list[object]:
        poolers = module("torchvision.ops.poolers")
        return [
            ops().roi_align, program().roi_align, poolers.roi_align, program().Held.static,
            vars(poolers.MultiScaleRoIAlign)["forward"], module("mmcv.ops.roi_align").roi_align,
            module("tensorflow.python.ops.image_ops_impl").crop_and_resize_v2,
        ]  # fmt: skip

    def fail() -> None:
        with record_calls("calls"):
            assert not any(one is old for one, old in zip(held(), before, strict=True))
            late = module("late") if "late" in sys.modules else ModuleType("late")
            sys.modules["late"] = late
            late.roi_align = ops().roi_align  # type: ignore[attr-defined]
            align()
            raise InterruptedError

    before = held()
    try:
        with pytest.raises(InterruptedError):
            fail()
        assert module("late").roi_align is before[0]
    finally:
        sys.modules.pop("late", None)
    assert all(one is old for one, old in zip(held(), before, strict=True))
    assert not Path("calls").exists()


# What is called → the arguments; the operator, preset, fields and stated parameters of the call.
TABLE: dict[str, tuple[Callable[[], Any], str, str, dict[str, Any], dict[str, Any]]] = {
    "torchvision": (
        lambda: ops().roi_align(Tensor(MAP), Tensor(ROIS), [2, 3], 0.5),
        "torchvision.ops.roi_align", "torchvision", {},
        {"output_size": [2, 3], "spatial_scale": 0.5, "sampling_ratio": -1, "aligned": False},
    ),
    "torchvision aligned": (
        lambda: ops().RoIAlign(2, 0.5, 3, aligned=True)(Tensor(MAP), Tensor(ROIS)),
        "torchvision.ops.roi_align", "torchvision-aligned", {"sampling_ratio": 3},
        {"output_size": 2, "spatial_scale": 0.5, "sampling_ratio": 3, "aligned": True},
    ),
    "roi_pool": (
        lambda: ops().roi_pool(Tensor(MAP), Tensor(ROIS), (2, 3), spatial_scale=0.5),
        "torchvision.ops.roi_pool", "roi-pool", {}, {"output_size": [2, 3], "spatial_scale": 0.5},
    ),
    "ps_roi_align": (
        lambda: ops().ps_roi_align(Tensor(MAP), Tensor(ROIS), 2, 1.0, 2),
        "torchvision.ops.ps_roi_align", "ps-roi-align", {"sampling_ratio": 2},
        {"output_size": 2, "spatial_scale": 1.0, "sampling_ratio": 2},
    ),
    "ps_roi_pool": (
        lambda: ops().ps_roi_pool(Tensor(MAP), Tensor(ROIS), 2),
        "torchvision.ops.ps_roi_pool", "ps-roi-pool", {}, {"output_size": 2, "spatial_scale": 1.0},
    ),
    "detectron2": (
        lambda: module("detectron2.layers.roi_align").ROIAlign(2, 0.5, 0)(
            Tensor(MAP), Tensor(ROIS.astype(np.float64))
        ),
        "torchvision.ops.roi_align", "torchvision-aligned", {},
        {"output_size": 2, "spatial_scale": 0.5, "sampling_ratio": 0, "aligned": True},
    ),
    "mmcv": (
        lambda: module("mmcv.ops.roi_align").RoIAlign((2, 2), 0.5)(Tensor(MAP), Tensor(ROIS)),
        "mmcv.ops.roi_align", "mmcv", {},
        {"output_size": [2, 2], "spatial_scale": 0.5, "sampling_ratio": 0, "pool_mode": "avg",
         "aligned": True},
    ),
    "mmcv on a GPU": (
        lambda: module("mmcv.ops.roi_align").roi_align(
            Tensor(MAP, device="cuda"), Tensor(ROIS, device="cuda"), 2, 0.5, 2, "max", False  # noqa: FBT003
        ),
        "mmcv.ops.roi_align", "mmcv-cuda-legacy", {"sampling_ratio": 2, "pooling": "max"},
        {"output_size": 2, "spatial_scale": 0.5, "sampling_ratio": 2, "pool_mode": "max",
         "aligned": False},
    ),
    "tensorflow": (
        lambda: module("tensorflow.python.ops.image_ops_impl").crop_and_resize_v2(
            MAP.transpose(0, 2, 3, 1), ROIS[:, 1:] / 12, [0, 1, 0], (3, 2), "nearest"
        ),
        "tf.image.crop_and_resize", "tensorflow", {"interpolation": "nearest"},
        {"crop_size": [3, 2], "method": "nearest", "extrapolation_value": 0.0},
    ),
    "tensorflow 1": (
        lambda: module("tensorflow.python.ops.image_ops_impl").crop_and_resize_v1(
            MAP.transpose(0, 2, 3, 1), ROIS[:, 1:] / 12, box_ind=[0, 1, 0], crop_size=[3, 2],
            extrapolation_value=2,
        ),
        "tf.compat.v1.image.crop_and_resize", "tensorflow", {"extrapolation_value": 2.0},
        {"crop_size": [3, 2], "method": "bilinear", "extrapolation_value": 2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_parameters_become_a_preset_and_fields(name: str) -> None:
    run, operator, preset, fields, stated = TABLE[name]
    with record_calls("calls"):
        run()
    (call,) = recorded()
    assert (call.operator, call.preset, call.fields) == (operator, preset, fields)
    assert call.stated == stated
    assert call.output is not None
    np.testing.assert_allclose(call.operation().pooled(), call.output, rtol=1e-6, atol=1e-6)


def test_the_deterministic_path_has_its_own_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    extension = ModuleType("torchvision.extension")
    extension._has_ops = lambda: False  # type: ignore[attr-defined]  # noqa: SLF001
    monkeypatch.setitem(sys.modules, "torchvision.extension", extension)
    with record_calls("calls"):
        align()
    assert recorded()[0].preset == "torchvision-deterministic"


def test_tensors_of_any_device_and_dtype_are_read() -> None:
    half = widened(narrowed(MAP))
    kinds = [
        Tensor(MAP, grad=True, device="cuda"),
        Tensor(MAP.astype(np.float16)),
        Tensor(half, "torch.bfloat16", device="cuda"),
        Tensor(MAP.astype(np.float64)),
    ]
    with record_calls("calls"):
        for one in kinds:
            ops().roi_align(one, [Tensor(ROIS[:2, 1:]), Tensor(ROIS[2:, 1:])], 2)
    calls = recorded()
    assert [call.features.dtype for call in calls] == ["float32", "float16", "float32", "float64"]
    assert [call.bfloat16 for call in calls] == [(), (), ("features", "output"), ()]
    np.testing.assert_array_equal(calls[2].features, half)
    for call in calls:
        np.testing.assert_array_equal(call.batch_index, [0, 0, 1])
        np.testing.assert_array_equal(call.boxes, ROIS[:, 1:])


@pytest.mark.parametrize("name", CALLS)
def test_the_output_of_a_pyramid_follows_from_its_calls(name: str) -> None:
    maps, boxes, batch_index = inputs()
    used, size, ratio = CALLS[name]
    pool = module("torchvision.ops.poolers").MultiScaleRoIAlign([*map(str, used)], size, ratio)
    lists = [Tensor(boxes[batch_index == n]) for n in range(2)]
    with np.load(GOLDEN / "pyramids" / "multi_scale.npz") as golden:
        expected = golden[name]  # of torchvision itself
    with record_calls("calls"):
        for _ in range(2):
            pool({str(n): Tensor(one) for n, one in enumerate(maps)}, lists, [IMAGE_SIZE, (700, 9)])
    recording = read_recording("calls")
    if len(used) == 1:
        assert [description.level for description in recording.descriptions] == [None, None]
        return
    for number, group in enumerate(recording.pyramids()):
        calls = [read_call(recording.files[index]) for index in group]
        merged = np.zeros_like(expected)
        for index, call in enumerate(calls):
            level = PyramidLevel(number, index, len(used), "torchvision", IMAGE_SIZE)
            assert call.level == level
            merged[call.rows] = call.output
        np.testing.assert_allclose(merged, expected, atol=1e-5)
        again = roi_align_pyramid(
            [call.features for call in calls], boxes, size, pyramid="torchvision",
            convention=calls[0].convention(), image_size=IMAGE_SIZE, batch_index=batch_index,
        )  # fmt: skip
        np.testing.assert_allclose(again, expected, atol=1e-5)


def test_other_settings_of_a_pooler_are_another_rule() -> None:
    pooler = module("torchvision.ops.poolers").MultiScaleRoIAlign
    maps = {"0": Tensor(MAP[:1]), "1": Tensor(MAP[:1, :, :5, :6])}
    with record_calls("calls"):
        pooler(["0", "1"], (2, 2), 2, canonical_scale=100)(maps, [Tensor(ROIS[:, 1:])], [(40, 48)])
    assert [call.level and call.level.rule for call in recorded()] == [None, None]


PYRAMID = [Tensor(RNG.normal(size=(2, 3, 128 // n, 128 // n)).astype(np.float32)) for n in (4, 8)]
FAR = np.array(
    [[0, 0, 0, 120, 90], [0, 5, 5, 9, 9], [1, 0, 0, 115, 9], [0, 5, 5, 9, 9]], np.float32
)


def test_pyramids_of_other_libraries_are_grouped() -> None:
    poolers = module("detectron2.modeling.poolers")
    extractor = module(
        "mmdet.models.roi_heads.roi_extractors.single_level_roi_extractor"
    ).SingleRoIExtractor((4, 8))
    lists = [poolers.Boxes(Tensor(FAR[FAR[:, 0] == n, 1:])) for n in (0, 1)]
    with record_calls("calls"):
        poolers.ROIPooler((7, 7), (1 / 4, 1 / 8), 2).forward(PYRAMID, lists)
        extractor.forward(PYRAMID, Tensor(FAR))
        extractor.forward(PYRAMID, Tensor(FAR[[0, 2]]))  # only large boxes: one call
        extractor.forward(PYRAMID, Tensor(FAR), 2.0)
    calls = recorded()
    found = [(c.level.pyramid, c.level.map_index, c.level.rule) for c in calls if c.level]
    assert found[:2] == [(0, 0, "detectron2"), (0, 1, "detectron2")]
    assert found[2:5] == [(1, 0, "mmdet"), (1, 1, "mmdet"), (2, 1, "mmdet")]
    rows = [None if call.rows is None else call.rows.tolist() for call in calls]
    assert rows[:2] == [[1, 2], [0, 3]]  # the boxes of the first image come first
    assert rows[2:] == [[1, 3], [0, 2], [0, 1], None, None]  # the last ones were enlarged


def test_a_pooler_with_other_parameters_runs_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    pooler = module("detectron2.modeling.poolers").ROIPooler
    monkeypatch.setattr(pooler, "forward", lambda self, maps, boxes: align())  # noqa: ARG005
    with record_calls("calls"):
        pooler((7, 7), (1 / 4, 1 / 8), 2).forward(PYRAMID, [])
    assert [call.level for call in recorded()] == [None]


@pytest.mark.parametrize("how", ["name", "function", "method", "layer"])
def test_targets_are_recorded_with_what_they_call_inside(how: str) -> None:
    layer = program().Layer()
    target: Any = {
        "name": "program:wrapping", "function": program().wrapping,
        "method": layer.forward, "layer": layer,
    }[how]  # fmt: skip
    with record_calls("calls", [target]):
        if how in {"name", "function"}:
            program().wrapping(Tensor(MAP), Tensor(ROIS), 2)
        else:
            layer(Tensor(MAP), Tensor(ROIS))
        align()
    first, second = recorded()
    assert first.operator == (
        "program.Layer.forward" if how in {"method", "layer"} else "program.wrapping"
    )
    assert (first.preset, first.framework) == (None, "program")
    assert (second.operator, second.preset) == ("torchvision.ops.roi_align", "torchvision")
    np.testing.assert_array_equal(first.output, second.output)


def test_usual_names_of_parameters_are_understood() -> None:
    with record_calls("calls", "program:own_align"):
        program().own_align(Tensor(MAP), Tensor(ROIS), 2, 3, 0.5, mode="max", verbose=True)
    (call,) = recorded()
    assert (call.output_size, call.spatial_scale) == ((2, 3), 0.5)
    assert call.fields == {"sampling_ratio": 2, "pooling": "max"}
    assert call.stated["options"] == "{'verbose': True}"
    np.testing.assert_array_equal(call.operation().pooled(), call.output)


def test_an_autograd_function_is_a_target() -> None:
    with record_calls("calls", ["program:own_apply"]):
        program().own_apply(Tensor(MAP), Tensor(ROIS))
    (call,) = recorded()
    assert (call.operator, call.stated) == ("program.OwnFunction.apply", {"size": 2})


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("wrapping", "write 'package.module:function'"),
        ("missing_package:f", "missing_package cannot be imported"),
        ("program:missing", "program has no missing"),
        ("program:no_boxes", "program.no_boxes has no parameter for the boxes"),
        (3, "3 is not a function"),
        (dict, "is not a function"),
        (lambda input, boxes: None, "no module and no class has"),  # noqa: A006, ARG005
        (functools.partial(print), "has no parameter for the features"),
        (max, "named parameters|no parameter for the features"),
    ],
)
def test_targets_that_cannot_be_watched_are_refused(target: Any, words: str) -> None:
    with pytest.raises(RoiAlignError, match=words), record_calls("calls", [target]):
        pass
    assert not [*Path().iterdir()]


def test_blocks_in_blocks_record_both() -> None:
    original = ops().roi_align
    with record_calls("outer"):
        with record_calls("inner", ["program:wrapping"]):
            program().wrapping(Tensor(MAP), Tensor(ROIS), 2)
        assert ops().roi_align is not original
        program().wrapping(Tensor(MAP), Tensor(ROIS), 2)
    assert ops().roi_align is original
    assert [call.operator for call in recorded("inner")] == ["program.wrapping"]
    assert [call.operator for call in recorded("outer")] == ["torchvision.ops.roi_align"] * 2


def test_calls_of_all_threads_are_recorded_once() -> None:
    pooler = module("torchvision.ops.poolers").MultiScaleRoIAlign(["0", "1"], (2, 2), 2)

    def work(n: int) -> None:
        boxes = [Tensor(FAR[:, 1:] + n)]
        for _ in range(5):
            pooler({"0": PYRAMID[0], "1": PYRAMID[1]}, boxes, [(128, 128)])

    with record_calls("calls"):
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    recording = read_recording("calls")
    assert [len(group) for group in recording.pyramids()] == [2] * 20
    for group in recording.pyramids():
        rows = np.concatenate([read_call(recording.files[n]).rows for n in group])
        assert sorted(rows) == [0, 1, 2, 3]


def test_failed_calls_are_not_recorded() -> None:
    with record_calls("calls"):
        with pytest.raises(RoiAlignError):
            align(ROIS + 7)  # no such map
        align()
    assert len(recorded()) == 1


def test_calls_without_values_are_reported() -> None:
    resize = module("tensorflow.python.ops.image_ops_impl").crop_and_resize_v2

    def run() -> None:
        module("tensorflow.python.ops.image_ops_impl").crop_and_resize_v2(Symbolic(), None, None, 2)

    def run_and_align() -> None:
        with record_calls("calls"):
            run()
            run()
            align()

    with pytest.warns(
        UserWarning, match=r"image.crop_and_resize: .*run the model eagerly \(2 calls\)"
    ):
        run_and_align()
    assert len(recorded()) == 1
    words = r"no call was recorded: tf.image.*a Symbolic cannot be read"
    with pytest.raises(RoiAlignError, match=words), record_calls("none"):
        run()
    assert module("tensorflow.python.ops.image_ops_impl").crop_and_resize_v2 is resize


def test_a_call_that_cannot_be_written_ends_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    def block() -> None:
        with record_calls("calls"):
            align()
            monkeypatch.setattr("roialign_cli.calls.recording.write_call_into", full)
            with pytest.raises(RoiAlignError):
                align()
            monkeypatch.undo()

    folder = Path.cwd()
    with pytest.raises(RoiAlignError, match=r"^calls/call-0001.npz: cannot be written: No space"):
        block()
    assert not [*folder.iterdir()]


def test_other_processes_write_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with record_calls("calls"):
        align()
        with monkeypatch.context() as patch:
            patch.setattr("os.getpid", lambda: 1)
            align()
    assert len(recorded()) == 1


def test_an_existing_recording_is_kept_without_force() -> None:
    with record_calls("calls"):
        align()
    problem = "already has a recording; replace it with force=True"
    with pytest.raises(RoiAlignError, match=problem), record_calls("calls"):
        align()
    with record_calls("calls", force=True):
        align()
        align()
    assert len(recorded()) == 2


def test_a_block_without_calls_is_an_error_that_keeps_what_was_there() -> None:
    with record_calls("calls"):
        align()
    words = r"torchvision.ops.roi_pool.*name other functions in targets"
    with pytest.raises(RoiAlignError, match=words), record_calls("calls", force=True):
        pass
    assert len(recorded()) == 1
    for name in [*sys.modules]:
        if name.split(".")[0] in stand_in.ROOTS:
            del sys.modules[name]
    with pytest.raises(RoiAlignError, match="import it before"), record_calls("other"):
        pass


def test_a_hook_looks_like_the_function() -> None:
    original = ops().roi_align
    with record_calls("calls"):
        hook = ops().roi_align
        align()
        assert "aligned" in hook.__code__.co_varnames  # MMCV asks
        assert hook.__name__ == "roi_align"
        assert pickle.loads(pickle.dumps(hook)) is hook  # noqa: S301
        stored = functools.partial(hook, output_size=2)
    assert pickle.loads(pickle.dumps(original)) is original  # noqa: S301
    stored(Tensor(MAP), Tensor(ROIS))  # after the block nothing is recorded
    assert len(recorded()) == 1
