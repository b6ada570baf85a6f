"""`roialign probe`: its tables and cases, what it writes, and the exit status."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.generate import DOCS
from roialign_cli import PRESETS, Fingerprint, probe, roi_align
from roialign_cli.cli.main import main
from roialign_cli.core.convention import Convention
from roialign_cli.measure.golden import GoldenCase, golden_cases
from roialign_cli.measure.model import Model
from tests.kernel_files import FLOOR, KERNEL
from tests.mutant_kernels import ONE_RULE

FLOOR_RULE = "the adaptive grid is floor(section size), at least 1"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a right and a wrong kernel in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("right_kernel.py").write_text(KERNEL, encoding="utf-8")
    Path("floor_kernel.py").write_text(FLOOR, encoding="utf-8")


def run(*arguments: str) -> int:
    return main(["probe", *arguments])


def measured(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    status = run(*arguments, "--format", "json")
    return status, json.loads(capfd.readouterr().out)


@pytest.mark.parametrize(
    ("preset", "status", "words"),
    [
        pytest.param(
            "mmcv", 0, "This is mmcv (avg), except for a detail: every box is",
            marks=pytest.mark.thorough),
        ("torchvision", 1, "This is not torchvision (avg). 2 rules differ:"),
    ],
)  # fmt: skip
def test_a_chosen_preset_decides_the_status(
    preset: str, status: int, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run("right_kernel.py:roi_align", "--preset", preset) == status
    assert words in capfd.readouterr().out


def test_json_has_the_difference_and_a_case_that_runs(capfd: pytest.CaptureFixture[str]) -> None:
    status, record = measured(capfd, "floor_kernel.py:roi_align")
    assert (status, record["version"], record["preset"]) == (1, 1, None)
    assert record["fields"]["grid_rounding"] == "floor"
    assert record["unknown"] == []
    assert 40 < record["calls"] < 150
    (difference,) = record["differs"]
    assert (difference["rule"], difference["measured"]) == ("adaptive grid", FLOOR_RULE)
    assert difference["expected"] == "the adaptive grid is ceil(section size)"
    case = difference["case"]
    made = roi_align(
        np.array(case["features"], np.float32),
        np.array(case["boxes"], np.float32),
        tuple(case["output_size"]),
        convention="torchvision-aligned",
        spatial_scale=case["spatial_scale"],
        sampling_ratio=case["sampling_ratio"],
    )
    np.testing.assert_allclose(made, case["expected"])
    assert not np.allclose(made, case["given"])
    check_that_the_json_page_names_every_key(record)


def keys_of(value: Any) -> set[str]:
    """Return the keys of an object and of the objects in it."""
    if isinstance(value, list):
        return {key for entry in value for key in keys_of(entry)}
    if not isinstance(value, dict):
        return set()
    named_otherwise = {"fields", "matched", "failures"}
    return {*value} | {k for n, v in value.items() if n not in named_otherwise for k in keys_of(v)}


def check_that_the_json_page_names_every_key(record: dict[str, Any]) -> None:
    text = (DOCS / "json.md").read_text(encoding="utf-8")
    section = text.partition("\n## probe\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`(\w+)`", section))
    assert keys_of(record) - documented == {"version"}


def test_markdown_has_both_tables(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("floor_kernel.py:roi_align", "--format", "markdown") == 1
    shown = capfd.readouterr().out
    row = f"| adaptive grid | {FLOOR_RULE} | the adaptive grid is ceil(section size) | no preset |"
    header = "| rule | the kernel | torchvision-aligned | also in |"
    assert {row, header} <= set(shown.splitlines())
    assert shown.count("| rule | measured | presets |") == 1


def test_the_floor_mistake_is_named_with_its_smallest_case(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run("floor_kernel.py:roi_align") == 1
    printed = capfd.readouterr().out
    text = " ".join(printed.split())
    assert f"Nearest: torchvision-aligned. 1 rule differs: {FLOOR_RULE}." in text
    # Points at 5/12 and 5/4 read the only cell, the third one is outside the map.
    assert "output (1 + 1 + 0) / 3 = 0.6667 (1 + 0) / 2 = 0.5" in text
    # A fingerprint prints as the command does, apart from the name.
    _, *shown = printed.splitlines()
    names: dict[str, Any] = {}
    exec(FLOOR, names)  # noqa: S102
    found = probe(names["roi_align"])
    assert isinstance(found, Fingerprint)
    assert str(found).splitlines()[1:] == shown
    assert repr(found) == f"<Fingerprint of roi_align: {found.verdict}>"


def narrow() -> list[Any]:
    """Return the mutants with the widest results; all but the first are marked thorough."""
    found: list[Any] = []
    for mutant in ONE_RULE:
        (rule, *_) = mutant.rules
        if rule in {"refused boxes", "batch index", "box format"}:
            marks = pytest.mark.thorough if found else ()
            found.append(pytest.param(mutant, id=mutant.name, marks=marks))
    return found


@pytest.mark.parametrize("mutant", narrow())
def test_the_result_fits_80_columns(mutant: Any) -> None:
    shown = str(probe(mutant.kernel))
    assert max(map(len, shown.splitlines())) <= 80
    assert f"{mutant.rules[0].capitalize()}: the smallest case" in shown


def test_what_a_kernel_does_without_an_output_is_printed() -> None:
    def kernel(features: Any, boxes: Any, size: Any, sampling_ratio: int = 0) -> Any:
        if (boxes[:, 2] < boxes[:, 0]).any():
            raise OverflowError("negative size")
        boxes = boxes[:, :4]
        output = roi_align(
            features, boxes, size, convention="torchvision", sampling_ratio=sampling_ratio
        )
        features[...] = 0
        return output

    found = probe(kernel)
    assert "the kernel takes no batch index" in {each.text for each in found.unknown}
    shown = " ".join(str(found).split())
    assert "! The kernel changes its input features." in shown
    assert "! No output for 4 calls (inverted along x, adaptive grid; " in shown
    assert "1 more): it raised OverflowError: negative size" in shown


@pytest.mark.thorough
def test_a_kernel_that_prints_and_crashes_is_measured(capfd: pytest.CaptureFixture[str]) -> None:
    crash = """
import os
def crash(features, boxes, output_size, spatial_scale=1.0, sampling_ratio=0, batch_index=None):
    print("pooling")
    if (boxes[:, 2] < boxes[:, 0]).any():
        os._exit(7)
    return roi_align(features, boxes, output_size, spatial_scale, sampling_ratio, batch_index)
"""
    Path("crash_kernel.py").write_text(KERNEL + crash, encoding="utf-8")
    assert run("crash_kernel.py:crash") == 1
    shown = " ".join(capfd.readouterr().out.split())
    assert "! The kernel prints to standard output." in shown
    assert "1 more): its process ended with status 7" in shown
    assert "Nearest: torchvision-aligned. 1 rule differs: there is no output for" in shown


class Pooler:
    """A class as torchvision's RoIAlign: parameters first, boxes with the batch index."""

    def __init__(self, output_size: Any, spatial_scale: float, sampling_ratio: int) -> None:
        ratio = max(sampling_ratio, 0)
        self.options: dict[str, Any] = {"spatial_scale": spatial_scale, "sampling_ratio": ratio}
        self.size = output_size

    def __call__(self, input: Any, rois: Any) -> Any:  # noqa: A002
        index = rois[:, 0].astype(int)
        rules: dict[str, Any] = {"convention": "torchvision", "batch_index": index}
        return roi_align(input, rois[:, 1:5], self.size, **rules, **self.options)


def test_a_class_is_measured_in_python() -> None:
    found = probe(Pooler)
    assert found.preset == "torchvision"
    assert found.name == "Pooler"
    assert [each.rule for each in found.unknown] == ["default ratio"]  # it has none


@pytest.mark.parametrize(
    "suffix", ["png", *(pytest.param(kind, marks=pytest.mark.thorough) for kind in ("svg", "pdf"))]
)
def test_the_smallest_case_is_drawn(suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = Path(f"case.{suffix}")
    assert run("floor_kernel.py:roi_align", "--plot", str(path)) == 1
    assert path.stat().st_size > 5000
    assert capfd.readouterr().err == f"wrote {path}\n"


@pytest.mark.thorough
def test_a_case_that_no_field_expresses_is_drawn_with_its_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    wrong = KERNEL.replace("/ (along_y * along_x)", "/ along_y")
    Path("sum_kernel.py").write_text(wrong, encoding="utf-8")
    status, record = measured(capfd, "sum_kernel.py:roi_align", "--plot", "case.svg")
    assert (status, Path("case.svg").exists()) == (1, True)
    rules = [difference["measured"] for difference in record["differs"]]
    assert rules == ["the sum is divided by the points along y only"]


def test_a_right_kernel_equals_its_preset_and_nothing_is_drawn(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run("right_kernel.py:roi_align", "--plot", "case.png") == 0
    shown = capfd.readouterr()
    assert "This is torchvision-aligned (avg)." in shown.out
    assert "Rules that differ" not in shown.out
    assert shown.err == "case.png is not written: no rule differs\n"
    assert not Path("case.png").exists()


def pytest_of(path: str) -> tuple[int, str]:
    """Run a test file without this package, and return the exit status and what it prints."""
    Path("roialign_cli.py").write_text("raise ImportError('not installed')", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "empty.ini"]
    Path("empty.ini").write_text("[pytest]\n", encoding="utf-8")
    plain = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # starts sooner
    ended = subprocess.run([*command, path], capture_output=True, text=True, check=False, env=plain)
    Path("roialign_cli.py").unlink()
    return ended.returncode, ended.stdout


def test_saved_tests_pass_for_the_right_kernel_and_fail_for_the_wrong_one() -> None:
    assert run("right_kernel.py:roi_align", "--save-tests", "test_right.py") == 0
    assert run("floor_kernel.py:roi_align", "--save-tests", "test_floor.py") == 1
    assert run("floor_kernel.py:roi_align", "--save-tests", "test_floor.py") == 2
    status, shown = pytest_of("test_right.py")
    assert (status, "46 passed" in shown) == (0, True), shown
    status, shown = pytest_of("test_floor.py")
    assert status == 1
    assert "test_output[smallest case, adaptive grid]" in shown
    assert "test_output[ratio 2]" not in shown


@pytest.mark.thorough
def test_saved_tests_are_written_as_ruff_demands() -> None:
    pytest.importorskip("ruff")
    for kernel, arguments in (("floor_kernel.py:roi_align", ()), ("", ("--preset", "mmcv"))):
        run(*filter(None, [kernel]), *arguments, "--save-tests", "test_kernel.py", "--force")
        for check in (["check"], ["format", "--check"]):
            command = [sys.executable, "-m", "ruff", *check, "--isolated", "test_kernel.py"]
            ended = subprocess.run(command, capture_output=True, text=True, check=False)
            assert ended.returncode == 0, ended.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="files cannot have these names")
@pytest.mark.parametrize(
    "name",
    [
        'a "quoted" kernel\nback\\slash\\N',
        *(pytest.param(name, marks=pytest.mark.thorough) for name in ("kernels", "é\udce9")),
    ],
)
def test_saved_tests_run_in_files_and_folders_of_any_name(name: str) -> None:
    Path(name).mkdir()
    Path(name, "mine.py").write_text(KERNEL, encoding="utf-8")
    test = Path(name).with_suffix(".py")
    assert run(f"{name}/mine.py:roi_align", "--save-tests", str(test)) == 0
    names: dict[str, Any] = {"__file__": str(test.resolve()), "__name__": "saved"}
    exec(test.read_text(encoding="utf-8"), names)  # noqa: S102
    command = f"PYTHONPATH={shlex.quote(name)} pytest {shlex.quote(str(test))}"
    assert command.replace("\udce9", "?") in names["__doc__"]
    assert len(names["ARRAYS"]["names"]) > 40


OTHER_PARAMETERS = {
    "columns": """
def pool(x, rois, height, width, scale, half=0.0):
    boxes, index = rois[:, 1:] + np.float32(half), rois[:, 0].astype(int)
    return roi_align(x, boxes, (height, width), scale, 2, index).transpose(0, 2, 3, 1)
""",
    "list": """
def pool(x, boxes, output_size, scale, half=0.0):
    index = np.concatenate([np.full(len(one), n) for n, one in enumerate(boxes)])
    if any(one.shape[1:] != (4,) for one in boxes):
        raise ValueError("boxes must be (R, 4)")
    return roi_align(x, np.concatenate(boxes) + np.float32(half), output_size, scale, 2, index)
""",
}


@pytest.mark.thorough
def test_saved_tests_construct_a_class() -> None:
    code = """
class Pool:
    def __init__(self, output_size, scale, half):
        self.call = (output_size, output_size), scale, 2 + half
    def __call__(self, x, rois):
        boxes, index = rois[:, 1:], rois[:, 0].astype(int)
        return roi_align(x, boxes, *self.call, index)
"""
    Path("pool_kernel.py").write_text(KERNEL + code, encoding="utf-8")
    arguments = "pool_kernel.py:Pool", "--arg", "half=0", "--save-tests", "test_pool.py"
    assert run(*arguments, "--preset", "torchvision-aligned") == 0
    text = Path("test_pool.py").read_text(encoding="utf-8")
    assert "kernel = Pool(\n        output_size=output_size,\n" in text
    status, shown = pytest_of("test_pool.py")
    assert status == 0, shown


@pytest.mark.thorough
@pytest.mark.parametrize("layout", OTHER_PARAMETERS)
def test_saved_tests_call_the_kernel_as_the_command_does(layout: str) -> None:
    Path("pool_kernel.py").write_text(KERNEL + OTHER_PARAMETERS[layout], encoding="utf-8")
    arguments = "pool_kernel.py:pool", "--arg", "half=0", "--save-tests", "test_pool.py"
    assert run(*arguments, "--preset", "torchvision-aligned") == 0
    status, shown = pytest_of("test_pool.py")
    assert status == 0, shown
    assert "46 passed" in shown


def test_calls_are_written_and_answered_by_a_program(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--write", "calls", "--preset", "mmcv") == 0
    assert "calls to calls; " in capfd.readouterr().err
    Path("answer.py").write_text(ANSWER, encoding="utf-8")
    assert run("calls", "--format", "json", "--", sys.executable, "answer.py") == 0
    record = json.loads(capfd.readouterr().out)
    assert "torchvision-aligned" in record["equal"]


def test_saved_tests_run_the_program(capfd: pytest.CaptureFixture[str]) -> None:
    run("--write", "calls")
    Path("answer.py").write_text(ANSWER, encoding="utf-8")
    program = "--", sys.executable, "answer.py"
    assert run("calls", "--save-tests", "tests/test_program.py", *program) == 2  # no folder
    Path("tests").mkdir()
    assert run("calls", "--save-tests", "tests/test_program.py", *program) == 0
    names: dict[str, Any] = {"__file__": str(Path("tests/test_program.py").resolve())}
    exec(Path("tests/test_program.py").read_text(encoding="utf-8"), names)  # noqa: S102
    names["test_output"]("ratio 2")
    text = Path("right_kernel.py").read_text(encoding="utf-8")
    Path("right_kernel.py").write_text(f"{text}\nroi_align = lambda *a, **k: 0\n", encoding="utf-8")
    with pytest.raises(AssertionError):
        names["test_output"]("ratio 2")
    capfd.readouterr()


def test_an_option_after_the_program_is_noted(capfd: pytest.CaptureFixture[str]) -> None:
    run("--write", "calls")
    Path("answer.py").write_text(ANSWER, encoding="utf-8")
    run("calls", "--", sys.executable, "answer.py", "--force")
    shown = capfd.readouterr().err
    assert f"note: --force after -- goes to {sys.executable}; options of probe stand" in shown


def test_a_program_that_answers_some_calls_equals_no_preset_yet(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run("--write", "calls") == 0
    Path("answer.py").write_text(ANSWER.replace('["calls"]', '["calls"][:26]'), encoding="utf-8")
    assert run("calls", "--", sys.executable, "answer.py") == 1
    shown = " ".join(capfd.readouterr().out.split())
    assert "! 32 of 58 calls have no answer." in shown
    assert "batch index: there is no answer outputs/056.npy or .bin" in shown
    assert "The answers so far agree with torchvision-aligned (avg)." in shown


ANSWER = """
import json, pathlib, sys
import numpy as np
from right_kernel import roi_align

folder = pathlib.Path(sys.argv[1])
for call in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["calls"]:
    given = {name: np.load(folder / f"{one['file']}.npy") for name, one in call["inputs"].items()}
    options = {name: call[name] for name in ("output_size", "spatial_scale")}
    output = roi_align(**given, **options, sampling_ratio=call["sampling_ratio"] or 0)
    np.save(folder / f"{call['output']['file']}.npy", output)
"""


def test_golden_values_of_any_preset_need_no_kernel(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("--preset", "mmcv", "--save-tests", "golden.npz") == 0
    assert capfd.readouterr().err == "wrote golden.npz\n"
    with np.load("golden.npz") as arrays:
        number = arrays["names"].tolist().index("ratio 3")
        call = {name: arrays[f"{number}.{name}"] for name in ("features", "boxes", "expected")}
    made = roi_align(call["features"], call["boxes"], 2, convention="mmcv", sampling_ratio=3)
    np.testing.assert_array_equal(made, call["expected"])
    assert run("--preset", "mmcv", "--save-tests", "golden.py") == 2  # golden.npz exists
    assert not Path("golden.py").exists()


@cache
def golden_of(rules: Convention) -> list[GoldenCase]:
    return golden_cases(rules)


def shows(golden: GoldenCase, convention: Convention) -> bool:
    """Return whether a convention gives other values than the expected ones."""
    output = Model(convention).answer(golden.call).output
    if output is None or output.shape != golden.expected.shape:
        return True
    largest = np.abs(golden.expected[np.isfinite(golden.expected)]).max(initial=1)
    return not np.allclose(output, golden.expected, rtol=1e-4, atol=1e-5 * largest, equal_nan=True)


CHANGED: dict[str, Any] = {
    "offset": 0.0,
    "image_offset": 0.5,
    "end_offset": -1.0,
    "edge_rounding": "round-map",
    "point_in_part": 0.0,
    "interpolation": "nearest",
    "pooling": "max",
    "average_over": "inside",
    "grid_rounding": "floor",
    "grid_max": 2,
    "sampling_ratio": 2,
    "min_size": 1.0,
    "clip_boxes": True,
    "border_margin": 0.0,
    "extrapolation_value": 1.0,
    "outside_neighbours": "value",
    "clamp_count": False,
    "inverted_boxes": "sorted",
    "tie_neighbour": "both",
    "coordinates": "half",
    "coordinate_decimals": 2,
    "position_formula": "roi-first",
    "channel_map": "position-sensitive",
    "box_format": "xywh",
}


@pytest.mark.parametrize("field", CHANGED)
def test_golden_values_see_every_rule(field: str) -> None:
    rules = PRESETS["torchvision-aligned"].convention
    changed = replace(rules, **{field: CHANGED[field]})
    assert any(shows(golden, changed) for golden in golden_of(rules))


@pytest.mark.parametrize("start", [0.0, -math.inf])
def test_golden_values_see_where_a_maximum_starts(start: float) -> None:
    rules = replace(PRESETS["torchvision-aligned"].convention, pooling="max", max_start=start)
    other = replace(rules, max_start=-1.0)
    assert any(shows(golden, other) for golden in golden_of(rules))
