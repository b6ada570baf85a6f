"""What is wrong, in one line: the table is tests/bad_inputs.txt, a call and then its message."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from roialign_cli.conventions import ALIASES, PRESETS
from roialign_cli.files.boxes import _known_headers
from tests import bad_files

TABLE = Path(__file__).with_name("bad_inputs.txt").read_text(encoding="utf-8").splitlines()
CASES = [(call, message.strip()) for call, message in zip(TABLE[::2], TABLE[1::2], strict=True)]

# What stands in the table for lists that grow, and for a sentence that is click's to word.
LISTS = {
    "<presets>": ", ".join([*PRESETS, *ALIASES]),
    "<fields>": ", ".join(PRESETS["mmcv"].parameters()),
    "<headers>": _known_headers(),
    "<no --colour>": click.NoSuchOption("--colour").format_message(),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("bad")
    bad_files.write(made)
    return made


def test_there_are_many() -> None:
    assert len(dict(CASES)) >= 120


@pytest.mark.parametrize(("call", "message"), CASES)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    call: str, message: str, folder: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "roialign_cli", *call.split()],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    for mark, listed in LISTS.items():
        message = message.replace(mark, listed)
    assert done.stderr == f"roialign: {message}\n"
    assert (done.returncode, done.stdout) == (2, "")
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
