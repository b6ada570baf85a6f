"""Standard streams of any encoding, width and state, and names and labels of any characters."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import roialign_cli
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.cli.streams import LOOK_ALIKES, quiet_libraries

SAMPLES = sample_data()
BOX = [f"{SAMPLES}/walkthrough.npy", "--box", "9.25,10,6.25,4.53"]
ASTRONAUT = [
    f"{SAMPLES}/astronaut.png",
    *("--stride", "32", "--boxes", f"{SAMPLES}/astronaut.csv"),
]
CALLS = {
    "run": ["run", *BOX],
    "explain": ["explain", *BOX, "--section", "2,2", "--sketch"],
    "compare": ["compare", *ASTRONAUT, "--preset", "mmcv", "--with", "torchvision"],
    "identify": [
        *("identify", *ASTRONAUT, "--preset", "torchvision"),
        *("--expected", f"{SAMPLES}/exported.npy"),
    ],
    "presets": ["presets"],
    "a preset": ["presets", "openvino-half-pixel"],
    "help": ["--help"],
    "help of run": ["run", "--help"],
    "plot": ["plot", *BOX, "--view", "output", "-o", "out.png", "--force"],
    "an error": ["run", *BOX, "--output-size", "3×3"],
}
HOSTILE = "a\nb\x1b]0;x\x07\x9b\u202e"
ESCAPED = "a\\nb\\u001b]0;x\\u0007\\u009b\\u202e"
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def printed(call: list[str], encoding: str, monkeypatch: Patch) -> str:
    """Return what a command prints on both streams if they have an encoding."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        patched.setattr(sys, "stderr", stream)
        main(call)
        assert sys.stdout is stream
    stream.seek(0)
    return stream.read()


# Encodings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_look_alikes_stand_for_what_an_encoding_lacks(call: list[str], monkeypatch: Patch) -> None:
    whole = printed(call, "utf-8", monkeypatch)
    for encoding in ("ascii", "cp1252"):
        expected = whole
        for sign, look_alike in LOOK_ALIKES.items():
            if not sign.encode(encoding, "ignore"):
                expected = expected.replace(sign, look_alike)
        assert printed(call, encoding, monkeypatch) == expected


def test_every_sign_of_the_program_has_a_look_alike() -> None:
    package = Path(roialign_cli.__file__).parent
    text = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    examples = {"é"}
    assert {sign for sign in text if not sign.isascii()} - LOOK_ALIKES.keys() <= examples


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_stays_json_in_any_encoding(encoding: str, monkeypatch: Patch) -> None:
    labels = ["é", "면", "\U0001f600"]
    boxes = [{"box": [1, 1, 4, 4], "label": label} for label in labels]
    Path("boxes.json").write_text(json.dumps(boxes), encoding="utf-8")
    call = ["run", BOX[0], "--boxes", "boxes.json", "--preset", "mmcv", "--format", "json"]
    record = json.loads(printed(call, encoding, monkeypatch))
    assert [roi["label"] for roi in record["rois"]] == labels


def test_a_process_with_an_ascii_terminal_prints_ascii() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "roialign_cli", *CALLS["run"]],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert b"walkthrough.npy: 1 x 1 x 16 x 16 float32" in done.stdout
    assert done.stdout.isascii()
    assert done.stderr == b""


# Names and labels ---------------------------------------------------------------------------------


@pytest.fixture
def labelled() -> list[str]:
    """Return the words that name a map and boxes whose labels are not safe to print."""
    labels = f'"\\ud800", {json.dumps(HOSTILE)}'
    boxes = (f'{{"box": [1, 1, 5, 5], "label": {label}}}' for label in labels.split(", "))
    Path("boxes.json").write_text(f"[{', '.join(boxes)}]", encoding="utf-8")
    return [BOX[0], "--boxes", "boxes.json", "--preset", "mmcv", "--output-size", "2"]


def test_labels_are_printed_with_escapes(labelled: list[str], capfd: Capture) -> None:
    many = [f"{SAMPLES}/astronaut.png", *labelled[1:]]
    for call in (
        ["run", *labelled],
        ["run", *many],
        ["run", *labelled, "--format", "csv"],
        ["run", *labelled, "--format", "json"],
        ["compare", *labelled, "--with", "torchvision"],
        ["compare", *labelled, "--with", "torchvision", "--format", "csv"],
        ["explain", *labelled, "--cell", "3,3"],
        ["explain", *labelled, "--cell", "3,3", "--format", "markdown"],
    ):
        assert main(call) == 0
        out = capfd.readouterr().out
        assert "\\ud800" in out, call
        assert not CONTROLS.search(out), call
        assert "compare" in call or ESCAPED in out.replace("\\\\", "\\"), call


@pytest.mark.parametrize("name", ["o.npz", "o.csv", "o.json", "o.md", "o.html", "o.txt", "o.svg"])
def test_labels_are_written_with_escapes(name: str, labelled: list[str]) -> None:
    call = ["run", *labelled]
    if name.endswith(("md", "html", "txt")):
        call = ["explain", *labelled, "--cell", "3,3"]
    elif name.endswith("svg"):
        call = ["plot", *labelled, "--view", "overlay", "--title", "\udcff\x1b"]
    assert main([*call, "-o", name]) == 0
    if name.endswith("npz"):
        assert np.load(name)["labels"].tolist() == ["\\ud800", ESCAPED]
    else:
        written = Path(name).read_bytes().decode("utf-8")
        assert not CONTROLS.search(written)
        assert "\r" not in written


@pytest.mark.skipif(sys.platform == "win32", reason="files cannot have such names")
def test_file_names_are_printed_with_escapes(capfd: Capture) -> None:
    name = f"{HOSTILE}\udcff.npy"
    np.save(name, np.arange(64.0).reshape(8, 8))
    box = ["--box", "1.3,1.2,6.1,5.9", "--output-size", "2", "--preset", "torchvision"]
    scale = ["--spatial-scale", "1"]
    for call, status in (
        (["run", name, *box], 0),
        (["run", name, *box, "-o", f"out{name}"], 0),
        (["run", name, *box, "-o", f"out{name}"], 2),
        (["run", f"no{name}", *box], 2),
        (["run", name, "--boxes", f"no{name}"], 2),
        (["explain", name, *box], 0),
        (["explain", name, *box, "-o", f"{name}.txt"], 0),
        (["plot", name, *box, "--view", "compare", "--with", "mmcv", "-o", f"{name}.svg"], 0),
        (["compare", name, *box, "--with", f"out{name}", "--plot", f"{name}.png"], 0),
        (["identify", name, *box[:2], *box[4:], *scale, "--expected", f"out{name}"], 0),
    ):
        assert main(call) == status
        out, err = capfd.readouterr()
        assert f"{ESCAPED}\\udcff" in out + err, call
        assert not CONTROLS.search(out + err), call


# Width and colour ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["run", "explain", "compare", "identify", "presets", "a preset"])
def test_a_terminal_without_room_is_taken_for_a_narrow_one(name: str, monkeypatch: Patch) -> None:
    outputs = set()
    for columns in (0, 1, 3, 4, 20, 30):
        monkeypatch.setenv("COLUMNS", str(columns))
        outputs.add(printed(CALLS[name], "utf-8", monkeypatch))
    (output,) = outputs
    assert len(output) > 300
    assert "…" not in output


class Terminal(io.StringIO):
    """Text that is taken for a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
def test_colour_is_for_terminals_without_no_color(
    no_colour: str, monkeypatch: Patch, *, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_colour:
        monkeypatch.setenv("NO_COLOR", no_colour)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")  # Rich keeps the codes of a style for a process
    assert "\x1b" not in printed(CALLS["run"], "utf-8", monkeypatch)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(CALLS["run"]) == 0
    assert bool(re.search(r"\x1b\[[0-9;]*[34]8;", terminal.getvalue())) is coloured


# Streams that are closed, full or gone ------------------------------------------------------------


def test_without_standard_output_results_are_an_error(monkeypatch: Patch, capfd: Capture) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    for call in (["presets"], ["--help"], ["presets", "--format", "json"], ["run", *BOX]):
        assert main(call) == 2
        said = "roialign: standard output: cannot be written: Bad file descriptor\n"
        assert capfd.readouterr() == ("", said)
    assert main(["run", *BOX, "-o", "out.npy"]) == 0
    assert np.load("out.npy").shape == (1, 1, 3, 3)


def test_without_standard_error_results_are_printed(monkeypatch: Patch, capfd: Capture) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["run", *BOX]) == 0
    assert "ROI 0: top-left (9.25, 10)" in capfd.readouterr().out
    assert main(["run", *BOX, "-o", "out.npy"]) == 0
    assert Path("out.npy").exists()
    assert main(["run", "nothing.npy", "--box", "1,2,3,4"]) == 2


def test_without_standard_input_it_is_an_error_to_read_it(
    monkeypatch: Patch, capfd: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    for call in (["run", "-", *BOX[1:]], ["run", BOX[0], "--boxes", "-"]):
        assert main(call) == 2
        said = "-: standard input is closed; name a file, or pipe data into the command"
        assert capfd.readouterr().err == f"roialign: {said}\n"
    assert main(["run", *BOX]) == 0


def test_standard_input_that_fails_is_named(monkeypatch: Patch, capfd: Capture) -> None:
    class Failing(io.BytesIO):
        def read(self, _: int | None = None) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Failing()))
    assert main(["run", "-", *BOX[1:]]) == 2
    assert capfd.readouterr().err == "roialign: -: cannot be read: Input/output error\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such shell")
@pytest.mark.parametrize(
    ("call", "redirected", "status"),
    [
        (["presets"], "<&- >&- 2>&-", 2),
        (["run", *BOX, "-o", "out.npy"], "<&- >&- 2>&-", 0),
        pytest.param(["run", *BOX, "-o", "out.npy"], "2>/dev/full", 0, marks=pytest.mark.thorough),
        pytest.param(["run", "--help"], ">/dev/full", 2, marks=pytest.mark.thorough),
    ],
)
def test_a_process_without_streams(call: list[str], redirected: str, status: int) -> None:
    command = [sys.executable, "-u", "-m", "roialign_cli", *call]
    done = subprocess.run(["sh", "-c", f'"$@" {redirected}', "sh", *command], check=False)
    assert done.returncode == status
    assert Path("out.npy").exists() is ("-o" in call)


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be removed")
def test_a_working_folder_that_is_gone_is_not_standard_output(
    tmp_path: Path, monkeypatch: Patch, capfd: Capture
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    assert main(["run", *BOX, "-o", "out.npy"]) == 2
    said = "roialign: working folder: no longer exists; change to another folder\n"
    assert capfd.readouterr() == ("", said)


# Other libraries ----------------------------------------------------------------------------------


@pytest.mark.thorough
def test_matplotlib_has_no_say_in_a_command(tmp_path: Path) -> None:
    Path("file").touch()
    unwritable = {"MPLCONFIGDIR": "file/folder", "HOME": "file", "MPLBACKEND": "nonsense"}
    done = subprocess.run(
        [sys.executable, "-m", "roialign_cli", *CALLS["plot"]],
        env=os.environ | unwritable | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    description, written = done.stderr.splitlines()
    assert "16 × 16 float32" in description
    assert written == "wrote out.png"


def test_warnings_and_records_of_libraries_are_not_shown(
    monkeypatch: Patch, capfd: Capture
) -> None:
    monkeypatch.setattr(sys, "warnoptions", [])
    monkeypatch.setattr(logging.root, "handlers", [])
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        quiet_libraries()
        warnings.warn("of a library", RuntimeWarning, stacklevel=1)
        logging.getLogger("of.a.library").error("said")
    assert capfd.readouterr() == ("", "")
