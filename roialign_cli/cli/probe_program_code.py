"""Write the Python by which saved tests run a program on one call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_IMPORTS = """\
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest"""
_BODY = """\
arrays = {{"features": features, "boxes": boxes, "batch_index": batch_index}}
call = {{
    "inputs": {{name: {{"file": f"inputs/000-{{name}}"}} for name in arrays}},
    "output": {{"file": "outputs/000"}},
    "output_size": output_size,
    "spatial_scale": spatial_scale,
    "sampling_ratio": sampling_ratio,
}}
ratio = -1 if sampling_ratio is None else sampling_ratio
numbers = *features.shape, len(boxes), *output_size, spatial_scale, ratio
with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    (folder / "inputs").mkdir()
    (folder / "outputs").mkdir()
    for key, array in arrays.items():
        array.tofile(folder / "inputs" / f"000-{{key}}.bin")
        np.save(folder / "inputs" / f"000-{{key}}.npy", array)
    (folder / "manifest.json").write_text(json.dumps({{"calls": [call]}}))
    (folder / "calls.txt").write_text(" ".join(map(str, ("000", *numbers))) + "\\n")
    program = {program}
    subprocess.run([*program, name], cwd={started_in}, check=True)
    answer = folder / "outputs" / "000.npy"
    if answer.exists():
        return np.load(answer)
    output = np.fromfile(answer.with_suffix(".bin"), np.float32)
    return output.reshape(len(boxes), -1, *output_size)"""


def program_code(program: Sequence[str], tests: Path) -> tuple[str, str]:
    """Return the imports and the lines that run a program and return its output.

    Parameters
    ----------
    program
        The program and its arguments, started in the current folder.
    tests
        The file of the tests.
    """
    beside = os.path.relpath(Path.cwd(), tests.parent.absolute())
    started_in = "Path(__file__).parent" + ("" if beside == "." else f" / {_quoted(beside)}")
    return _IMPORTS, _BODY.format(program=_quoted(list(program)), started_in=started_in)


def _quoted(value: object) -> str:
    """Return the Python of a text or a list of texts, in double quotes where it can be."""
    text = repr(value)
    return text if '"' in text or "\\" in text else text.replace("'", '"')
