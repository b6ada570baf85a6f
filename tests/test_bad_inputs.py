"""Every bad input is refused with one line: tests/bad_inputs.txt has each call and its message."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from roialign_cli.cli.main import main
from roialign_cli.core.presets import ALIASES, PRESETS
from roialign_cli.errors import alternatives
from roialign_cli.files.box_file import known_headers
from roialign_cli.measure.targets import child_target
from tests import bad_files

TABLE = Path(__file__).with_name("bad_inputs.txt").read_text(encoding="utf-8").splitlines()
CASES = [(call, message.strip()) for call, message in zip(TABLE[::2], TABLE[1::2], strict=True)]
# Calls that run in a process of their own by default. Each is refused by another part of the
# program: the group, a command's options, the readers of arrays, images, CSV and JSON, the writer.
IN_PROCESSES_BY_DEFAULT = {
    "fly map.npy",
    "run map.npy --box 1,2,1,1 --sampling-ratio -1",
    "run map.npy --boxes nested.json",
    "plot map.npy --box 1,2,1,1 -o nowhere/out.png",
}

_IN_PROCESSES = 6  # of so many calls, one runs in a process of its own in the thorough tests

# The table has these marks for lists that grow.
LISTS = {
    "<presets>": alternatives([*PRESETS, *ALIASES]),
    "<fields>": alternatives(PRESETS["mmcv"].convention.parameters()),
    "<headers>": known_headers(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bad")
    bad_files.write(made)
    return made


def expected_error(message: str) -> str:
    """Return the line on standard error for a message of the table."""
    for mark, listed in LISTS.items():
        message = message.replace(mark, listed)
    return f"roialign: {message}\n"


def times(folder: Path) -> dict[Path, int]:
    """Return when each file of a folder was last changed."""
    return {path: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_there_are_many() -> None:
    assert len(dict(CASES)) >= 120
    assert set(dict(CASES)) >= IN_PROCESSES_BY_DEFAULT


# Each of these kernels is imported in a process of its own.
_KERNELS = [case for case in CASES if case[0].startswith("probe kernels.py:")]
_THOROUGH = {case for number, case in enumerate(_KERNELS) if number % 6}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(*case, marks=pytest.mark.thorough if case in _THOROUGH else ())
        for case in CASES
    ],
)
def test_a_bad_input_prints_one_line_and_writes_nothing(
    call: str,
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr(child_target, "_MAX_CRASHES", 3)  # each starts a process
    before = times(folder)
    status = main(call.split())
    captured = capfd.readouterr()
    assert captured.err == expected_error(message)
    assert (status, captured.out) == (2, "")
    assert times(folder) == before


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            *case, marks=() if case[0] in IN_PROCESSES_BY_DEFAULT else pytest.mark.thorough
        )
        for number, case in enumerate(CASES)
        if number % _IN_PROCESSES == 0 or case[0] in IN_PROCESSES_BY_DEFAULT
    ],
)
def test_a_process_ends_with_the_same_line_and_status_2(
    call: str, message: str, folder: Path
) -> None:
    before = times(folder)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "roialign_cli", *call.split()],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == expected_error(message)
    assert (done.returncode, done.stdout) == (2, "")
    assert times(folder) == before
