"""The live commands: each has help that fits, examples that run, a page and a test."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docs.generate import DOCS, help_text
from roialign_cli import Call, roi_align, roi_align_pyramid
from roialign_cli.cli.help import Command, Context
from roialign_cli.cli.main import COMMANDS, TASKS, group, main
from tests.kernel_files import KERNEL

TESTS = Path(__file__).parent


def live(name: str) -> Command:
    command = group.get_command(Context(group), name)
    assert isinstance(command, Command)
    return command


def help_of(name: str, width: int) -> list[str]:
    return help_text(name, width).splitlines()


EXAMPLES = [example for name in COMMANDS for example in live(name).examples]


def test_every_module_of_a_command_is_in_the_list() -> None:
    modules = {path.stem for path in (TESTS.parent / "roialign_cli" / "cli").glob("*.py")}
    helpers = {
        "__init__", "box_input", "call_input", "capture_arrays", "capture_onnx", "compare_pyramid",
        "compare_plot", "compare_recordings", "document", "explain_cell", "explain_roi", "help",
        "identify_pyramid", "inputs", "main", "option_types", "options", "page_session",
        "plot_inputs", "plot_views", "probe_code", "probe_plot", "probe_program_code",
        "probe_target", "probe_test_file", "probe_tests", "pyramid_input", "pyramids",
        "rule_options", "saved_output", "streams", "warnings",
    }  # fmt: skip
    assert modules - helpers == set(COMMANDS)


def test_the_list_of_commands_fits_a_screen() -> None:
    shown = help_text().splitlines()
    assert len(shown) <= 24
    assert max(map(len, shown)) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_what_the_list_says(name: str) -> None:
    summary = next(commands[name] for commands in TASKS.values() if name in commands)
    assert (live(name).help or "").split("\n")[0] == summary


@pytest.mark.parametrize("name", COMMANDS)
def test_help_groups_every_option(name: str) -> None:
    lines = help_of(name, 78)
    titles = [line for line in lines if re.fullmatch(r"[A-Z]\w+:", line)]
    known = ["Examples:", "Input:", "Boxes:", "Operator:", "Selection:", "Output:", "Other:"]
    assert titles == [title for title in known if title in titles]
    assert lines[lines.index("Other:") + 1 :] == ["  -h, --help  Show this message and exit."]
    for parameter in live(name).params:
        assert any(parameter.opts[-1] in line or parameter.metavar in line.split()
                   for line in lines), parameter.name  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("columns", [80, 40])
def test_help_fits(name: str, columns: int) -> None:
    for line in help_of(name, columns - 2):
        unbreakable = max(map(len, line.split()), default=0) > columns // 2
        assert len(line) <= columns or unbreakable, line


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_examples_a_page_and_a_test(name: str) -> None:
    examples = live(name).examples
    assert len(examples) >= 2
    assert all(shlex.split(example)[:2] == ["roialign", name] for example in examples)
    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert f"## roialign {name}\n" in page
    call = re.compile(rf"(\brun\(|\bmain\(\[|= \[)\s*\"{name}\"")
    assert any(call.search(path.read_text(encoding="utf-8")) for path in TESTS.glob("test_*.py"))


def is_slow(example: str) -> bool:
    """Whether an example takes long: the demo, searches, most pictures, and what `probe` does.

    The tests of these commands run them too.
    """
    is_drawn = example.startswith("roialign plot") and "--view" not in example
    return is_drawn or example.split()[1] in {"demo", "identify", "probe"}


# `roialign explore` ends with Ctrl-C; test_explore_server.py runs it. ./kernel is a program that
# must be compiled; test_probe_folders.py runs some.
EXAMPLES_TO_RUN = [
    pytest.param(example, marks=pytest.mark.thorough if is_slow(example) else ())
    for example in EXAMPLES
    if not example.startswith("roialign explore") and "./kernel" not in example
]


@pytest.fixture
def example_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the files of the examples in the working folder."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(8)
    features = random.random((16, 16), dtype=np.float32)
    np.save("map.npy", features)
    maps = {"P2": features[None], "P3": features[None, :8, :8]}
    np.savez("pyramid.npz", **maps)  # type: ignore[arg-type]
    Image.fromarray(random.integers(0, 255, (160, 200, 3), np.uint8)).save("photo.png")
    boxes = [[1.5, 2, 9.25, 8], [4, 3, 15, 13.5]]
    lines = [",".join(map(str, box)) for box in boxes]
    Path("boxes.csv").write_text("\n".join(["x1,y1,x2,y2", *lines]), encoding="utf-8")
    rule = {"pyramid": "mmdet", "convention": "mmcv", "image_size": (64, 64)}
    np.save("levels.npy", roi_align_pyramid([*maps.values()], boxes, 7, **rule))  # type: ignore[arg-type]
    np.save("exported.npy", roi_align(features, boxes, 7, convention="torchvision-aligned"))
    np.save("image.npy", features[None, None])
    Path("kernel.py").write_text(KERNEL, encoding="utf-8")
    for folder in ("pytorch-calls", "onnx-calls"):
        Path(folder).mkdir()
        call = Call(features=features, boxes=np.array(boxes), output_size=7, preset="torchvision")
        call.save(f"{folder}/call-0000.npz")
    if find_spec("onnx"):
        _write_model(Path("model.onnx"))


def _write_model(path: Path) -> None:
    from tests import onnx_models  # noqa: PLC0415 - only where onnx is installed

    boxes = onnx_models.onnx.numpy_helper.from_array(np.ones((2, 4), np.float32), "boxes")
    index = onnx_models.onnx.numpy_helper.from_array(np.zeros(2, np.int64), "index")
    node = onnx_models.roi_align(("image", "boxes", "index"))
    image = {"image": (1, (1, 1, 16, 16))}
    made = onnx_models.model(node, inputs=image, weights=[boxes, index])
    path.write_bytes(made.SerializeToString())


@pytest.mark.usefixtures("example_files")
@pytest.mark.parametrize("example", EXAMPLES_TO_RUN)
def test_examples_run(example: str, capfd: pytest.CaptureFixture[str]) -> None:
    if "capture" in example or ".onnx" in example:
        pytest.importorskip("onnxruntime")
    assert main(shlex.split(example)[1:]) == 0, capfd.readouterr().err


@pytest.mark.parametrize("columns", [80, 40])
def test_an_example_is_broken_where_a_shell_goes_on(columns: int) -> None:
    lines = help_of("run", columns - 2)
    text = "\n".join(lines).partition("Examples:\n")[2].partition("\n\n")[0]
    joined = [shlex.join(shlex.split(line)) for line in text.replace("\\\n", " ").splitlines()]
    assert joined == list(live("run").examples)
