"""Kernels that `probe` starts in other processes: Python functions and classes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import RoiAlignError
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.probing import probe
from roialign_cli.measure.target import PARAMETERS, NoOutputError, UnansweredError, ask
from roialign_cli.measure.targets import child_target
from roialign_cli.measure.targets.choosing import target_of
from roialign_cli.measure.targets.process import Crash, Timeout
from tests.probe_kernels import CALL, POOL, SECONDS, assert_ends, pid_after_signal, reference

HEAD = "features, boxes, batch_index, output_size, spatial_scale=1.0, sampling_ratio=0"
PLAIN = "pool(features, boxes, output_size, batch_index, spatial_scale, sampling_ratio)"

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a Python file with `pool` in it, and returns its path."""

    def write_file(code: str, name: str = "kernel.py") -> str:
        path = tmp_path / name
        path.write_text(POOL + code, encoding="utf-8")
        return str(path)

    return write_file


KERNELS = {
    "separate": (f"def kernel({HEAD}):\n    return {PLAIN}\n", "(R, 4)"),
    "columns": (
        "def kernel(x, rois, crop_size, spatial_scale, sample_num):\n"
        "    return pool(x, rois[:, 1:], crop_size, rois[:, 0], spatial_scale, sample_num)\n",
        "(R, 5), the batch index first",
    ),
    "list": (
        "def kernel(input, boxes, pooled_height, pooled_width, scale=1.0, sampling_points=0):\n"
        "    index = np.repeat(range(len(boxes)), [len(one) for one in boxes])\n"
        "    assert isinstance(boxes, list)\n"
        "    size = pooled_height, pooled_width\n"
        "    return pool(input, np.concatenate(boxes), size, index, scale, sampling_points)\n",
        "a list with the boxes (R, 4) of each map",
    ),
    "other names": (
        "def kernel(fm, regions, sides, /, batch_index, spatial_scale=1.0, sampling_ratio=0):\n"
        "    return pool(fm, regions, sides, batch_index, spatial_scale, sampling_ratio)\n",
        "(R, 4)",
    ),
    "no names": (
        "def kernel(*args, spatial_scale, sampling_ratio=0, batch_index):\n"
        "    return pool(*args, batch_index, spatial_scale, sampling_ratio)\n",
        "(R, 4)",
    ),
    "channels last": (
        "def kernel(image, boxes, box_ind, crop_size, scale=1.0, ratio=0):\n"
        "    image = image.transpose(0, 3, 1, 2)\n"
        "    return pool(image, boxes, crop_size, box_ind, scale, ratio)\n",
        "(R, 4)",
    ),
    "one size": (
        "def kernel(x, boxes, batch_id, out_size, scale=1.0, ratio=0):\n"
        "    assert isinstance(out_size, int)\n"
        "    return pool(x, boxes, out_size, batch_id, scale, ratio)\n",
        "(R, 4)",
    ),
    "some names and any keywords": (
        "def kernel(x, rois, **rest):\n"
        "    size, scale = rest['output_size'], rest['spatial_scale']\n"
        "    return pool(x, rois[:, 1:], size, rois[:, 0], scale, rest['sampling_ratio'])\n",
        "(R, 5), the batch index first",
    ),
    "compiled": (
        "class Compiled:\n"
        '    """pool(x: array, rois: array[float, 2], pooled_h: int, pooled_w: int, '
        'spatial_scale: float = 1.0, sampling_ratio: int = 0) -> array"""\n'
        "    __signature__ = 'none'\n"
        "    def __call__(self, x, rois, pooled_h, pooled_w, spatial_scale, sampling_ratio):\n"
        "        size = pooled_h, pooled_w\n"
        "        return pool(x, rois[:, 1:], size, rois[:, 0], spatial_scale, sampling_ratio)\n"
        "kernel = Compiled()\n",
        "(R, 5), the batch index first",
    ),
    "schema": (
        "from types import SimpleNamespace as Any\n"
        "class Argument:\n"
        "    def __init__(self, name, *value): self.name, self.value = name, value\n"
        "    def has_default_value(self): return bool(self.value)\n"
        "    default_value = property(lambda self: self.value[0])\n"
        "class Scripted:\n"
        "    names = Argument('x'), Argument('rois'), Argument('output_size')\n"
        "    more = Argument('spatial_scale', 1.0), Argument('sampling_ratio', 0)\n"
        "    schema = Any(arguments=[*names, *more])\n"
        "    def __call__(self, *args, **given):\n"
        "        assert not args and len(given) == 5\n"
        "        rois, size = given['rois'], given['output_size']\n"
        "        rest = given['spatial_scale'], given['sampling_ratio']\n"
        "        return pool(given['x'], rois[:, 1:], size, rois[:, 0], *rest)\n"
        "kernel = Scripted()\n",
        "(R, 5), the batch index first",
    ),
    "object": (
        "class kernel:\n"
        "    def __init__(self, output_size, spatial_scale, sampling_ratio=0):\n"
        "        self.rest = spatial_scale, sampling_ratio\n"
        "        self.size = output_size\n"
        "    def __call__(self, features, bboxes, box_ind):\n"
        "        return pool(features, bboxes, self.size, box_ind, *self.rest)\n",
        "(R, 4)",
    ),
}


@pytest.mark.parametrize("kind", KERNELS)
def test_parameters_and_boxes_are_matched(kind: str, write: Write) -> None:
    code, layout = KERNELS[kind]
    with target_of(f"{write(code)}:kernel", time_limit=SECONDS) as target:
        assert target.matched["boxes"].partition(", ")[2] == layout
        assert target.parameters == {*PARAMETERS}
        # Channels last are added up in another order.
        np.testing.assert_allclose(target.run(CALL), reference(CALL), rtol=1e-6)
        assert target.remarks == ()


def test_kernels_of_four_columns_are_not_given_five(write: Write) -> None:
    code = (
        "def kernel(features, rois, output_size):\n"
        "    return pool(features, rois[:, :4], output_size, 0 * rois[:, 0])\n"
    )
    with target_of(f"{write(code)}:kernel", time_limit=SECONDS) as target:
        assert target.matched["boxes"] == "rois, (R, 4)"
        assert target.parameters == {"output_size"}


def test_a_ratio_of_an_unusual_name_is_not_measured(write: Write) -> None:
    code = (
        "def kernel(x, boxes, size, batch_index, scale=1.0, per_side=0, debug=False):\n"
        "    return pool(x, boxes, size, batch_index, scale, 2 * per_side)\n"
    )
    with target_of(f"{write(code)}:kernel", time_limit=SECONDS) as target:
        assert target.matched["left at their defaults"] == "per_side, debug"
        found = probe(target)
    assert found.verdict == "This is torchvision (avg). Not measured: sampling ratio."
    with target_of(f"{write(code.replace('per_side', 'sr'))}:kernel", time_limit=SECONDS) as target:
        assert target.matched["sampling ratio"] == "sr"


# As much of PyTorch as `probe` uses.
TORCH = """
class Tensor:
    def __init__(self, array):
        self.array = array
    def numpy(self):
        return self.array

def from_numpy(array):
    return Tensor(array)
"""


def test_a_kernel_of_tensors_gets_tensors(write: Write, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(TORCH, encoding="utf-8")
    code = (
        "import torch\n"
        "def kernel(input, rois, output_size):\n"
        "    assert isinstance(input, torch.Tensor) and isinstance(rois, torch.Tensor)\n"
        "    rois = rois.array\n"
        "    output = pool(input.array, rois[:, 1:], output_size, rois[:, 0])\n"
        "    return torch.from_numpy(output)\n"
        "def either(features, boxes, batch_index, output_size):\n"
        "    assert not isinstance(features, torch.Tensor)\n"
        "    return pool(features, boxes, output_size, batch_index)\n"
    )
    path, expected = write(code), reference(replace(CALL, sampling_ratio=0))
    for name, arrays in {"kernel": "PyTorch", "either": "NumPy"}.items():
        with target_of(f"{path}:{name}", time_limit=SECONDS) as target:
            assert target.matched["arrays"] == arrays
            np.testing.assert_array_equal(target.run(CALL), expected)


@pytest.mark.thorough
def test_a_kernel_of_three_channels_is_measured(write: Write) -> None:
    code = f"def kernel({HEAD}):\n    assert features.shape[1] == 3\n    return {PLAIN}\n"
    with target_of(f"{write(code)}:kernel", time_limit=SECONDS) as target:
        assert probe(target).verdict == "This is torchvision (avg)."


def test_a_kernel_in_another_process_is_measured_as_in_this_one(write: Write) -> None:
    path = write(KERNELS["columns"][0])
    with target_of(f"{path}:kernel", time_limit=SECONDS) as target:
        found = probe(target)
    assert found.verdict == "This is torchvision (avg)."


def test_arguments_of_a_constructor_and_of_a_function(write: Write) -> None:
    code = (
        "class Kernel:\n"
        "    def __init__(self, name, pooling='avg'): self.fields = name, pooling\n"
        "    def __call__(self, features, boxes, output_size, batch_index):\n"
        "        name, pooling = self.fields\n"
        "        return pool(\n"
        "            features, boxes, output_size, batch_index, ratio=2, name=name,\n"
        "            pooling=pooling)\n"
        "def kernel(features, boxes, output_size, batch_index, name):\n"
        "    return pool(features, boxes, output_size, batch_index, ratio=2, name=name)\n"
    )
    path, outputs = write(code), []
    for name, arguments in {
        "Kernel": {"name": "mmcv", "pooling": "'max'"},
        "kernel": {"name": "mmcv"},
    }.items():
        with target_of(f"{path}:{name}", arguments=arguments, time_limit=SECONDS) as target:
            outputs.append(target.run(CALL))
    assert (outputs[0] > outputs[1]).all()


def test_a_module_is_imported_from_the_current_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(KERNELS["separate"][0], "here_only.py")
    monkeypatch.chdir(tmp_path)
    with target_of("here_only:kernel", time_limit=SECONDS) as target:
        assert target.run(CALL).shape == (3, 3, 2, 2)


@pytest.mark.parametrize("name", ["my kernel é.py", "3d.py", "json.py", "outer/inner/kernel.py"])
def test_files_of_any_name_and_in_packages(name: str, write: Write, tmp_path: Path) -> None:
    imported = ""
    if "/" in name:
        (tmp_path / "outer" / "inner").mkdir(parents=True)
        for folder in ("outer", "outer/inner"):
            (tmp_path / folder / "__init__.py").touch()
        (tmp_path / "outer" / "sizes.py").write_text("factor = 1\n", encoding="utf-8")
        imported = "from ..sizes import factor\n"
    path = write(imported + KERNELS["separate"][0], name)
    with target_of(f"{path}:kernel", time_limit=SECONDS) as target:
        np.testing.assert_array_equal(target.run(CALL), reference(CALL))


MISBEHAVIOUR = {
    "import os; os.abort()": (Crash, "its process ended with signal SIGABRT"),
    "import os; os._exit(3)": (Crash, "its process ended with status 3"),
    "raise KeyError('a\\nb')": (Exception, "a"),
    "import sys; sys.exit(1)": (Exception, "1"),
    "return None": (NoOutputError, "its output is None, not an array of real numbers"),
    "return features + 1j": (NoOutputError, "its output is an array of dtype complex"),
    "return (n for n in boxes)": (NoOutputError, "its output is of type generator, not an array"),
}


@pytest.mark.skipif(os.name == "nt", reason="there are no signals")
@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, marks=pytest.mark.thorough if number % 2 else ())
        for number, code in enumerate(MISBEHAVIOUR)
    ],
)
def test_a_kernel_that_fails_for_a_call_answers_the_next(code: str, write: Write) -> None:
    kernel = f"def kernel({HEAD}):\n    if len(boxes) == 1: {code}\n    return {PLAIN}\n"
    kind, text = MISBEHAVIOUR[code]
    one = ProbeCall("one box", CALL.features, CALL.boxes[:1], CALL.batch_index[:1])
    with target_of(f"{write(kernel)}:kernel", time_limit=SECONDS) as target:
        with pytest.raises(kind) as raised:
            target.run(one)
        assert text in str(raised.value)
        np.testing.assert_array_equal(target.run(CALL), reference(CALL))


OUTPUTS = {
    "return out, out": ("the kernel returns a tuple of 2, measured is its first",),
    "return (out,)": (),
    "return out.tolist()": (),
    "return [out[:1], out[1:]]": (),
    "return list(out)": (),
    "out.flags.writeable = False; return out": (),
}


@pytest.mark.parametrize("code", OUTPUTS)
def test_outputs_that_are_not_one_array(code: str, write: Write) -> None:
    kernel = f"def kernel({HEAD}):\n    out = {PLAIN}\n    {code}\n"
    one = ProbeCall("one box", CALL.features, CALL.boxes[:1], CALL.batch_index[:1])
    with target_of(f"{write(kernel)}:kernel", time_limit=SECONDS) as target:
        np.testing.assert_array_equal(target.run(CALL), reference(CALL))
        if "out[1:]" not in code:
            np.testing.assert_array_equal(target.run(one), reference(one))
        assert target.remarks == OUTPUTS[code]


def test_a_kernel_that_always_crashes_is_not_started_for_every_call(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_target, "_MAX_CRASHES", 3)
    code = f"def kernel({HEAD}):\n    import os; os._exit(3)\n"
    with target_of(f"{write(code)}:kernel", time_limit=SECONDS) as target:
        for _ in range(3):
            with pytest.raises(Crash):
                target.run(CALL)
        with pytest.raises(UnansweredError):
            target.run(CALL)


def test_the_kind_of_an_error_is_shown(write: Write) -> None:
    code = f"def kernel({HEAD}):\n    raise IndexError('no such row')\n"
    with target_of(f"{write(code)}:kernel", time_limit=SECONDS) as target:
        assert ask(target, CALL).problem == "it raised IndexError: no such row"
    code = f"def kernel({HEAD}):\n    raise IndexError\n"
    with target_of(f"{write(code)}:kernel", time_limit=SECONDS) as target:
        assert ask(target, CALL).problem == "it raised IndexError"


def test_a_kernel_that_hangs_is_stopped_with_its_own_processes(
    write: Write, tmp_path: Path
) -> None:
    code = (
        f"def kernel({HEAD}):\n"
        "    if len(boxes) == 1:\n"
        "        import subprocess, sys, time\n"
        "        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"        open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "        time.sleep(600)\n"
        f"    return {PLAIN}\n"
    )
    one = ProbeCall("one box", CALL.features, CALL.boxes[:1], CALL.batch_index[:1])
    with target_of(f"{write(code)}:kernel", time_limit=2) as target:
        with pytest.raises(Timeout, match="no answer within 2 s"):
            target.run(one)
        np.testing.assert_array_equal(target.run(CALL), reference(CALL))
    assert_ends(int((tmp_path / "pid").read_text()))


def test_a_kernel_that_never_answers_is_not_asked_for_ever(write: Write) -> None:
    code = f"def kernel({HEAD}):\n    import time; time.sleep(600)\n"
    with target_of(f"{write(code)}:kernel", time_limit=0.3) as target:
        for _ in range(3):
            with pytest.raises(Timeout):
                target.run(CALL)
        with pytest.raises(UnansweredError):
            target.run(CALL)


SLEEPS = "time.sleep(600)"
HOLDS_LOCK = "re.match('(a+)+$', 'a' * 60 + 'b')"  # other threads of the process do not run


@pytest.mark.skipif(os.name == "nt", reason="there are no signals")
@pytest.mark.parametrize(
    ("name", "wait"),
    [
        ("SIGINT", SLEEPS),
        pytest.param("SIGTERM", SLEEPS, marks=pytest.mark.thorough),
        pytest.param("SIGHUP", SLEEPS, marks=pytest.mark.thorough),
        pytest.param("SIGKILL", SLEEPS, marks=pytest.mark.thorough),
        pytest.param("SIGINT", HOLDS_LOCK, marks=pytest.mark.thorough),
        pytest.param("SIGTERM", HOLDS_LOCK, marks=pytest.mark.thorough),
        ("SIGKILL", HOLDS_LOCK),
    ],
)
def test_nothing_is_left_running_after_a_signal(
    name: str, wait: str, write: Write, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    code = (
        f"def kernel({HEAD}):\n"
        "    import os, re, time\n"
        f"    open({str(pid)!r} + '.part', 'w').write(str(os.getpid()))\n"
        f"    os.rename({str(pid)!r} + '.part', {str(pid)!r})\n"
        f"    {wait}\n"
    )
    program = (
        "from roialign_cli.measure.targets.choosing import target_of\n"
        "from tests.probe_kernels import CALL\n"
        f"target_of({write(code) + ':kernel'!r}, time_limit=600).run(CALL)\n"
    )
    assert_ends(pid_after_signal(program, pid, name))


def test_printing_and_changed_inputs_are_remarked(
    write: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    code = (
        f"def kernel({HEAD}):\n"
        f"    output = {PLAIN}\n"
        "    print('pooling', flush=False)\n"
        "    boxes *= 2\n"
        "    return output\n"
    )
    before = CALL.boxes.copy()
    with target_of(f"{write(code)}:kernel", time_limit=SECONDS) as target:
        for _ in range(2):  # the numbers of messages are not mixed with the text
            np.testing.assert_array_equal(target.run(CALL), reference(CALL))
        assert target.remarks == (
            "the kernel prints to standard output",
            "the kernel changes its input boxes",
        )
    np.testing.assert_array_equal(CALL.boxes, before)
    assert capfd.readouterr().out == ""


def test_a_wrong_shape_is_reported(write: Write) -> None:
    code = f"def kernel({HEAD}):\n    return {PLAIN}[:, :1, :, :1]\n"
    with target_of(f"{write(code)}:kernel", time_limit=SECONDS) as target:
        found = probe(target)
    assert "its output has shape" in found.problem


BAD_TARGETS = {
    "nothing": "is not a kernel; write package.module:function",
    "kernel.py": "names no function; write kernel.py:NAME; it has ",
    "one.py": "one.py names no function; write one.py:align",
    "cut.py": "cut.py names no function; write cut.py:NAME",
    "none.py:kernel": "none.py: does not exist; name a Python file",
    "folder/none": "folder/none: does not exist; write package.module",
    "kernel.py:other": "kernel.py has no other; it has pool, kernel, Needs, no_boxes",
    "kernel.py:number": "number is not a function or a class",
    "kernel.py:no_boxes": "no_boxes has no parameter for the boxes; name it boxes, rois or bboxes",
    "kernel.py:Needs": "Needs needs a value for depth; give it with --arg depth=VALUE",
    "broken.py:kernel": "broken.py cannot be imported: ZeroDivisionError: division by zero",
    "ends.py:kernel": "ends.py cannot be imported: its process ended with status 4",
    "no_such_package:kernel": "No module named 'no_such_package'",
    "none.onnx": "none.onnx",
    ".": "has no manifest.json",
}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, marks=pytest.mark.thorough if number % 2 else ())
        for number, text in enumerate(BAD_TARGETS)
    ],
)
def test_what_is_no_kernel(
    text: str, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text.endswith(".onnx"):
        pytest.importorskip("onnxruntime")
    write(
        f"def kernel({HEAD}): pass\n"
        "class Needs:\n    def __init__(self, depth): pass\n"
        "def no_boxes(features, other=1): pass\n"
        "number = 5\n"
    )
    write("1 / 0", "broken.py")
    (tmp_path / "one.py").write_text("def _clip(): ...\ndef align(): ...\n", encoding="utf-8")
    (tmp_path / "cut.py").write_text("def align(", encoding="utf-8")
    write("import os; os._exit(4)", "ends.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RoiAlignError) as raised:
        target_of(text, time_limit=None if text == "." else SECONDS)
    assert BAD_TARGETS[text] in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"node": "a"}, "node: is for an ONNX model"),
        ({"program": ["a"]}, "program: is for a folder of calls"),
        ({"arrays": "torch"}, "arrays: torch needs a kernel that imports torch"),
        ({"time_limit": -1.0}, "timeout: must be a number of seconds above 0"),
        ({"arguments": {"depth": "1"}}, "kernel has no parameter depth"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], problem: str, write: Write) -> None:
    path = write(f"def kernel({HEAD}): pass\n")
    with pytest.raises(RoiAlignError, match=problem):
        target_of(f"{path}:kernel", **options)
