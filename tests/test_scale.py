"""The script of docs/scale.md writes what the command line writes, with any number of workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scale import SCRIPT, write_folder
from docs.generate import DOCS
from roialign_cli.cli.main import main

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_of_maps_is_pooled_as_in_one_process(
    workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed")
    write_folder(tmp_path, maps=6, channels=16, boxes=30)
    (tmp_path / "pool.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "pool.py", str(tmp_path), str(workers)]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=120)
    outputs = sorted(tmp_path.glob("outputs/*.npy"))
    assert len(outputs) == 6
    page = (DOCS / "scale.md").read_text(encoding="utf-8")
    shown = page.partition("```text\n")[2].partition("```")[0]
    words = shown.replace("\\\n", " ").split()[1:]
    for output in outputs:
        own = [word.replace("NAME.npy", output.name) for word in words]
        own[-1] = f"again-{output.name}"
        own = [str(tmp_path / word) if word.endswith(".npy") else word for word in own]
        assert main(own) == 0
        assert output.read_bytes() == (tmp_path / f"again-{output.name}").read_bytes()
    assert np.load(outputs[0]).shape == (30, 16, 7, 7)
    capsys.readouterr()
