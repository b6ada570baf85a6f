"""Folders of calls that programs in any language answer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import PRESETS, RoiAlignError
from roialign_cli.core.convention import Convention
from roialign_cli.measure.battery import fixed_battery
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.probing import probe
from roialign_cli.measure.target import NoOutputError
from roialign_cli.measure.targets import battery_folder
from roialign_cli.measure.targets.answers import FolderTarget
from roialign_cli.measure.targets.battery_folder import write_battery
from roialign_cli.measure.targets.choosing import target_of
from roialign_cli.measure.targets.manifest import digest_of
from roialign_cli.measure.targets.program import run_program
from tests.probe_kernels import POOL, SECONDS, assert_ends, pid_after_signal, reference


def battery(tmp_path: Path) -> Path:
    folder = tmp_path / "calls"
    write_battery(folder)
    return folder


def test_a_folder_has_the_inputs_in_both_forms(tmp_path: Path) -> None:
    folder = battery(tmp_path)
    calls = fixed_battery(Convention())
    record = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in record["calls"]] == [call.name for call in calls]
    for entry, call in zip(record["calls"], calls, strict=True):
        for name, array in entry["inputs"].items():
            given = getattr(call, name)
            np.testing.assert_array_equal(np.load(folder / f"{array['file']}.npy"), given)
            raw = np.fromfile(folder / f"{array['file']}.bin", array["dtype"])
            np.testing.assert_array_equal(raw.reshape(array["shape"]), given)


def test_the_program_in_python_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = battery(tmp_path)
    (tmp_path / "kernel.py").write_text(
        f"{POOL}\ndef roi_align(features, boxes, batch_index, output_size, spatial_scale, "
        "sampling_ratio):\n"
        "    size = tuple(output_size)\n"
        "    return pool(features, boxes, size, batch_index, spatial_scale, sampling_ratio)\n"
        .replace("import roi_align", "import roi_align as align")
        .replace("return roi_align(", "return align("),
        encoding="utf-8",
    )  # fmt: skip
    target = run_program(folder, [sys.executable, str(folder / "main.py")], seconds=SECONDS)
    assert probe(target).verdict == "This is torchvision (avg)."
    assert target.remarks == ()
    assert probe(target_of(str(folder))).verdict == "This is torchvision (avg)."


# The kernel of ROI pooling in C, written from its definition.
ROI_POOL = """
#include <math.h>
#include <stdint.h>
void roi_align(const float *features, int n, int c, int h, int w, const float *boxes,
               const int64_t *batch_index, int r, int rows, int columns, float spatial_scale,
               int sampling_ratio, float *output) {
    (void)n, (void)sampling_ratio;
    for (int k = 0; k < r; k++) {
        int x1 = (int)roundf(boxes[4 * k] * spatial_scale);
        int y1 = (int)roundf(boxes[4 * k + 1] * spatial_scale);
        int x2 = (int)roundf(boxes[4 * k + 2] * spatial_scale);
        int y2 = (int)roundf(boxes[4 * k + 3] * spatial_scale);
        int width = x2 - x1 + 1 > 1 ? x2 - x1 + 1 : 1;
        int height = y2 - y1 + 1 > 1 ? y2 - y1 + 1 : 1;
        float dx = (float)width / (float)columns, dy = (float)height / (float)rows;
        for (int m = 0; m < c; m++)
            for (int j = 0; j < rows; j++)
                for (int i = 0; i < columns; i++) {
                    const float *map = features + ((size_t)batch_index[k] * c + m) * h * w;
                    int top = (int)floorf(j * dy) + y1, bottom = (int)ceilf((j + 1) * dy) + y1;
                    int left = (int)floorf(i * dx) + x1, right = (int)ceilf((i + 1) * dx) + x1;
                    top = top < 0 ? 0 : top > h ? h : top;
                    bottom = bottom < 0 ? 0 : bottom > h ? h : bottom;
                    left = left < 0 ? 0 : left > w ? w : left;
                    right = right < 0 ? 0 : right > w ? w : right;
                    float best = bottom <= top || right <= left ? 0 : -3.402823466e+38F;
                    for (int y = top; y < bottom; y++)
                        for (int x = left; x < right; x++)
                            if (map[y * w + x] > best) best = map[y * w + x];
                    output[(((size_t)k * c + m) * rows + j) * columns + i] = best;
                }
    }
}
"""
# ROI Align that rounds the edges of boxes on the map, as ROI pooling does.
ROUNDS = """
#include <math.h>
#include <stdint.h>
static float at(const float *m, int h, int w, float y, float x) {
    if (y < -1 || y > h || x < -1 || x > w) return 0;
    if (y < 0) y = 0;
    if (x < 0) x = 0;
    int y0 = (int)y, x0 = (int)x, y1, x1;
    if (y0 >= h - 1) { y0 = y1 = h - 1; y = y0; } else y1 = y0 + 1;
    if (x0 >= w - 1) { x0 = x1 = w - 1; x = x0; } else x1 = x0 + 1;
    float ly = y - y0, lx = x - x0;
    float upper = m[y0 * w + x0] * (1 - lx) + m[y0 * w + x1] * lx;
    float lower = m[y1 * w + x0] * (1 - lx) + m[y1 * w + x1] * lx;
    return upper * (1 - ly) + lower * ly;
}
void roi_align(const float *f, int n, int c, int h, int w, const float *boxes,
               const int64_t *index, int r, int rows, int columns, float scale, int ratio,
               float *out) {
    (void)n;
    for (int k = 0; k < r; k++) {
        float x1 = roundf(boxes[4 * k] * scale) - 0.5f;
        float y1 = roundf(boxes[4 * k + 1] * scale) - 0.5f;
        float x2 = roundf(boxes[4 * k + 2] * scale) - 0.5f;
        float y2 = roundf(boxes[4 * k + 3] * scale) - 0.5f;
        float width = (x2 - x1) / columns, height = (y2 - y1) / rows;
        int gy = ratio > 0 ? ratio : (int)ceilf(height);
        int gx = ratio > 0 ? ratio : (int)ceilf(width);
        for (int m = 0; m < c; m++)
            for (int j = 0; j < rows; j++)
                for (int i = 0; i < columns; i++) {
                    const float *map = f + ((size_t)index[k] * c + m) * h * w;
                    float sum = 0;
                    for (int a = 0; a < gy; a++)
                        for (int b = 0; b < gx; b++)
                            sum += at(map, h, w, y1 + j * height + (a + 0.5f) * height / gy,
                                      x1 + i * width + (b + 0.5f) * width / gx);
                    out[(((size_t)k * c + m) * rows + j) * columns + i] = sum / fmaxf(gy * gx, 1);
                }
    }
}
"""
COMPILERS = {"c": ("gcc", "c"), "cpp": ("g++", "cpp")}


def compiled(folder: Path, language: str, kernel: str) -> str:
    """Compile the program in a folder with a kernel, and return its path."""
    compiler, suffix = COMPILERS[language]
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    source = folder.with_name(f"kernel.{suffix}")
    source.write_text(f"#include <stddef.h>\n{kernel}", encoding="utf-8")
    main = str(folder / f"main.{suffix}")
    program = str(folder.with_name("kernel"))
    warnings = ["-Wall", "-Wextra", "-Werror"]
    subprocess.run([compiler, *warnings, main, str(source), "-o", program, "-lm"], check=True)
    return program


@pytest.mark.thorough
@pytest.mark.parametrize("language", COMPILERS)
def test_a_compiled_program_is_measured(language: str, tmp_path: Path) -> None:
    folder = battery(tmp_path)
    program = compiled(folder, language, ROI_POOL)
    with target_of(str(folder), program=[program], time_limit=SECONDS) as target:
        found = probe(target)
    assert found.verdict.startswith("This is roi-pool (max)")


@pytest.mark.parametrize(
    ("name", "words"),
    [("roundf", "rounded"), pytest.param("floorf", "rounded down", marks=pytest.mark.thorough)],
)
def test_a_compiled_program_that_rounds_is_named(name: str, words: str, tmp_path: Path) -> None:
    folder = battery(tmp_path)
    program = compiled(folder, "c", ROUNDS.replace("roundf", name))
    with target_of(str(folder), program=[program], time_limit=SECONDS) as target:
        found = probe(target)
    assert found.verdict == (
        "Nearest: torchvision-aligned. 1 rule differs: "
        f"box edges are {words} after scaling, before the shift."
    )


def answer(folder: Path, numbers: range, run: Callable[[ProbeCall], Any]) -> None:
    for number in numbers:
        np.save(folder / "outputs" / f"{number:03}.npy", run(fixed_battery(Convention())[number]))


def test_some_answers_give_some_rules(tmp_path: Path) -> None:
    folder = battery(tmp_path)
    answer(folder, range(16), reference)
    target = FolderTarget(folder)
    count = len(fixed_battery(Convention()))
    assert target.remarks == (f"{count - 16} of {count} calls have no answer",)
    found = probe(target)
    assert found.problem == ""
    by_rule = {one.rule: one.certainty for one in found.measurements}
    assert by_rule["box format"] == "measured"
    assert by_rule["batch index"] == "not measurable"


def test_the_readme_states_the_format_of_the_boxes(tmp_path: Path) -> None:
    write_battery(tmp_path / "usual")
    write_battery(tmp_path / "tensorflow", reading=PRESETS["tensorflow"].convention)
    for name, words in {
        "usual": "x1, y1, x2, y2 |",
        "tensorflow": "y1, x1, y2, x2, normalised so that 1 is the centre of the last cell |",
    }.items():
        text = (tmp_path / name / "README.md").read_text(encoding="utf-8")
        assert f"| the boxes (R, 4), float32: {words}\n" in text


@pytest.mark.parametrize("count", [1, 7, 13])
def test_few_answers_show_few_rules_without_an_error(count: int, tmp_path: Path) -> None:
    folder = battery(tmp_path)
    answer(folder, range(count), reference)
    found = probe(FolderTarget(folder))
    assert found.problem == ""
    assert found.differs == ()
    assert found.is_partial
    is_measured = found.measurement("box format").certainty == "measured"
    assert is_measured == (count == 13)  # the call that shows where points lie is the 13th


def test_raw_answers_of_other_sizes(tmp_path: Path) -> None:
    folder = battery(tmp_path)
    call = fixed_battery(Convention())[0]
    boxes, channels = len(call.boxes), call.features.shape[1]
    file = folder / "outputs" / "000.bin"
    for shape in ((boxes, channels, 2, 2), (boxes, channels // 4, 2, 2)):
        for dtype in ("<f4", "<f8"):
            file.write_bytes(np.arange(np.prod(shape), dtype=dtype).tobytes())
            output = FolderTarget(folder).run(call)
            np.testing.assert_array_equal(output, np.arange(np.prod(shape)).reshape(shape))
            assert output.dtype == dtype
    for content in (b"", b"12345", bytes(28)):
        file.write_bytes(content)
        problem = f"outputs/000.bin has {len(content)} bytes instead of {boxes * channels * 16}"
        with pytest.raises(NoOutputError, match=problem):
            FolderTarget(folder).run(call)


@pytest.mark.thorough
def test_a_damaged_answer_is_named_and_the_others_are_used(tmp_path: Path) -> None:
    folder = battery(tmp_path)
    answer(folder, range(len(fixed_battery(Convention()))), reference)
    (folder / "outputs" / "014.npy").write_bytes(b"\x93NUMPY")
    found = probe(FolderTarget(folder))
    name = fixed_battery(Convention())[14].name
    assert found.failures == {"outputs/014.npy is damaged or not a NumPy file": (name,)}
    assert found.calls <= len(fixed_battery(Convention()))


DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "version": (lambda record: record.update(version=9), "has the version 9, not 1"),
    "format": (lambda record: record.update(format="x"), "is not a manifest of `roialign probe`"),
    "calls": (lambda record: record.update(calls=3), "is damaged: it has no calls"),
    "none": (lambda record: record.update(calls=[]), "has none of the calls of this version"),
    "call": (lambda record: record["calls"].insert(0, 5), "call 0 has no valid name"),
    "key": (lambda record: record["calls"][2].pop("digest"), "call 2 has no valid digest"),
    "outside": (
        lambda record: record["calls"][0]["output"].update(file="../../x"),
        "call 0 has another output file",
    ),
    "shape": (
        lambda record: record["calls"][0]["output"].update(shape=[-1, 1, 1, 1]),
        "call 0 has no valid output shape",
    ),
    "boxes": (lambda record: record["boxes"].update(box_format="x"), "have no known format"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_manifests(damage: str, tmp_path: Path) -> None:
    folder = battery(tmp_path)
    path = folder / "manifest.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change, problem = DAMAGE[damage]
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(RoiAlignError) as raised:
        target_of(str(folder))
    assert problem in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe{", b"[" * 100_000, b"{}"])
def test_manifests_that_are_not_json(content: bytes, tmp_path: Path) -> None:
    folder = battery(tmp_path)
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(RoiAlignError, match=r"manifest.json: is (damaged|not a manifest)"):
        target_of(str(folder))


def test_damaged_answers(tmp_path: Path) -> None:
    folder = battery(tmp_path)
    with pytest.raises(RoiAlignError, match=r"has no answers; write outputs/000.npy"):
        target_of(str(folder))
    answer(folder, range(3), reference)
    (folder / "outputs" / "001.bin").write_bytes(b"1234")
    with pytest.raises(RoiAlignError, match=r"answers the same call as 001.npy; remove one"):
        target_of(str(folder))


def test_a_folder_is_replaced_only_if_that_is_allowed(tmp_path: Path) -> None:
    folder = battery(tmp_path)
    with pytest.raises(RoiAlignError, match=r"already has the calls of a probe.*--force"):
        write_battery(folder)
    (folder / "outputs" / "000.bin").write_bytes(b"1234")
    write_battery(folder, force=True)
    assert not [*(folder / "outputs").iterdir()]
    (folder / "kernel.c").touch()
    with pytest.raises(RoiAlignError, match=r"has other files than .*, such as kernel.c;"):
        write_battery(folder, force=True)
    assert (folder / "kernel.c").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    with pytest.raises(RoiAlignError, match="has other files than calls of a probe"):
        write_battery(tmp_path / "mine", force=True)
    with pytest.raises(RoiAlignError, match="the folder above does not exist"):
        write_battery(tmp_path / "none" / "calls")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls", "mine"]


@pytest.mark.skipif(os.name == "nt", reason="there are no signals")
def test_no_part_of_a_folder_is_left_after_a_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        assert [*tmp_path.iterdir()]
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(battery_folder, "_write_inputs", end)
    with pytest.raises(SystemExit):
        write_battery(tmp_path / "calls")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("raise SystemExit('no device')", "it ended with status 1: no device"),
        ("pass", "it ended without an error"),
    ],
)
def test_programs_without_answers(code: str, problem: str, tmp_path: Path) -> None:
    folder = battery(tmp_path)
    (folder / "outputs" / "000.bin").write_bytes(b"1234")  # of an earlier program
    with pytest.raises(RoiAlignError, match=f"program: .* wrote no answers; {problem}"):
        run_program(folder, [sys.executable, "-c", code], seconds=SECONDS)


def test_a_program_that_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = battery(tmp_path)
    answer(folder, range(1), reference)
    with pytest.raises(RoiAlignError, match="no-such-program does not exist; name a program"):
        run_program(folder, ["./no-such-program"], seconds=SECONDS)
    assert (folder / "outputs" / "000.npy").exists()
    broken = tmp_path / "broken"
    broken.write_bytes(b"\0\0\0\0")
    broken.chmod(0o755)
    with pytest.raises(RoiAlignError, match="broken cannot be started: Exec format error"):
        run_program(folder, [str(broken)], seconds=SECONDS)
    with pytest.raises(RoiAlignError, match=r"broken is not a command; write \./broken"):
        run_program(folder, ["broken"], seconds=SECONDS)


def test_a_program_that_fails_while_it_writes(tmp_path: Path) -> None:
    folder = battery(tmp_path)
    answer(folder, range(16), reference)
    shutil.move(folder / "outputs", tmp_path / "good")
    (folder / "outputs").mkdir()
    code = (
        "import shutil, sys; folder = sys.argv[2] + '/outputs';"
        "shutil.copytree(sys.argv[1], folder, dirs_exist_ok=True);"
        "open(folder + '/016.bin', 'wb').write(bytes(1000)); sys.exit('cannot read call 16')"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "good")]
    found = probe(run_program(folder, command, seconds=SECONDS))
    assert found.remarks[0] == "the program ended with status 1: cannot read call 16"
    assert found.failures == {}
    assert found.measurement("box format").certainty == "measured"


def test_answers_that_cannot_be_removed_are_not_taken_for_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = battery(tmp_path)
    answer(folder, range(1), reference)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(RoiAlignError, match=r"000.npy: cannot be removed: Permission denied"):
        run_program(folder, [sys.executable, "-c", "pass"], seconds=SECONDS)


def test_a_program_that_hangs_after_some_answers(tmp_path: Path) -> None:
    folder = battery(tmp_path)
    answer(folder, range(1), reference)
    shutil.move(folder / "outputs" / "000.npy", tmp_path / "first.npy")
    code = "import shutil, sys, time; shutil.copy(sys.argv[1], sys.argv[2] + '/outputs/000.npy');"
    command = [sys.executable, "-c", f"{code} time.sleep(600)", str(tmp_path / "first.npy")]
    target = run_program(folder, command, seconds=2)
    assert target.remarks[0] == "the program did not end within 2 s, and was stopped"
    assert target.run(fixed_battery(Convention())[0]).size


@pytest.mark.skipif(os.name == "nt", reason="there are no signals")
@pytest.mark.parametrize(
    "name", [pytest.param("SIGINT", marks=pytest.mark.thorough), "SIGTERM", "SIGKILL"]
)
def test_no_program_is_left_running_after_a_signal(name: str, tmp_path: Path) -> None:
    folder, pid = battery(tmp_path), tmp_path / "pid"
    code = (
        f"import os, time; open({str(pid)!r} + '.part', 'w').write(str(os.getpid()));"
        f"os.rename({str(pid)!r} + '.part', {str(pid)!r}); time.sleep(600)"
    )
    program = (
        "import sys; from roialign_cli.measure.targets.choosing import target_of\n"
        f"target_of({str(folder)!r}, program=[sys.executable, '-c', {code!r}])\n"
    )
    assert_ends(pid_after_signal(program, pid, name))


def test_digests_differ_with_each_input() -> None:
    calls = fixed_battery(Convention())
    assert len({digest_of(call) for call in calls}) == len(calls)
