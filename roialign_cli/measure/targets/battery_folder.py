"""Write the inputs of all calls into a folder, for a kernel in any language."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from roialign_cli.core.convention import Convention
from roialign_cli.files.writing import as_file_error, atomic_folder, check_folder_writable
from roialign_cli.measure.battery import fixed_battery
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.clauses import clause
from roialign_cli.measure.targets.group import ended_by_signals
from roialign_cli.measure.targets.manifest import (
    INPUTS,
    MANIFEST,
    Entry,
    is_battery,
    manifest_text,
)
from roialign_cli.printable import printable

_README = Path(__file__).with_name("battery_readme.md")
_CALLS = "calls.txt"
_PROGRAMS = {name.removesuffix(".txt"): name for name in ("main.c", "main.cpp", "main.py.txt")}
_CONTENTS = {"README.md", _CALLS, MANIFEST, "inputs", "outputs", *_PROGRAMS}
_DEFAULT_RATIO = -1  # in calls.txt, for the default of the kernel


def check_battery_writable(path: Path, *, force: bool) -> None:
    """Raise a `FileError` if the folder with calls cannot or must not be written."""
    own = _CONTENTS if is_battery(path) else set()
    check_folder_writable(
        path,
        lambda entry: entry.name in own,
        content="calls of a probe",
        existing="the calls of a probe, and maybe answers",
        force=force,
    )


def write_battery(
    path: Path, *, reading: Convention | None = None, force: bool = False
) -> list[Entry]:
    """Write a folder with the inputs of all calls, and return its calls.

    Parameters
    ----------
    path
        The folder. It appears when it is complete.
    reading
        A convention of which only the fields that describe how boxes are written matter; by
        default x1, y1, x2, y2 in image units.
    force
        Whether an existing folder of this kind may be replaced, with the answers in it.

    Raises
    ------
    FileError
        If the folder cannot be written, must not be replaced, or has files of other kinds.
    """
    check_battery_writable(path, force=force)
    chosen = Convention() if reading is None else reading
    calls = fixed_battery(chosen)
    entries = [Entry.of(number, call) for number, call in enumerate(calls)]
    with ended_by_signals(), atomic_folder(path) as folder, as_file_error(path):
        (folder / "inputs").mkdir()
        (folder / "outputs").mkdir()
        for entry, call in zip(entries, calls, strict=True):
            _write_inputs(folder, entry, call)
        (folder / MANIFEST).write_text(manifest_text(entries, chosen), encoding="utf-8")
        (folder / _CALLS).write_text(_lines(entries), encoding="ascii")
        (folder / "README.md").write_text(_readme(chosen, path.name), encoding="utf-8")
        for name, source in _PROGRAMS.items():
            text = _README.with_name("programs").joinpath(source).read_text(encoding="utf-8")
            (folder / name).write_text(text, encoding="utf-8")
    return entries


def _write_inputs(folder: Path, entry: Entry, call: ProbeCall) -> None:
    """Write the arrays of a call, each as `.npy` and as raw little-endian numbers."""
    for key in INPUTS:
        array = np.ascontiguousarray(getattr(call, key))
        little = array.astype(array.dtype.newbyteorder("<"))
        file = folder / entry.inputs[key]["file"]
        np.save(file.with_name(f"{file.name}.npy"), little, allow_pickle=False)
        file.with_name(f"{file.name}.bin").write_bytes(little.tobytes())


def _readme(reading: Convention, folder: str) -> str:
    """Return the description of the folder, with its name and the format of its boxes."""
    words = clause("box format", reading).removeprefix("boxes are ")
    text = _README.read_text(encoding="utf-8")
    return text.replace("BOX_FORMAT", words).replace("FOLDER", printable(shlex.quote(folder)))


def _lines(entries: Iterable[Entry]) -> str:
    """Return the calls as lines of numbers, which a C program reads without a parser."""
    lines = []
    for number, entry in enumerate(entries):
        ratio = _DEFAULT_RATIO if entry.sampling_ratio is None else entry.sampling_ratio
        maps = entry.inputs["features"]["shape"]
        boxes = entry.inputs["boxes"]["shape"][0]
        numbers = f"{number:03}", *maps, boxes, *entry.output_size, entry.spatial_scale, ratio
        lines.append(" ".join(map(str, numbers)))
    return "\n".join(lines) + "\n"
