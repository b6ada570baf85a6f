"""A folder with the answers of a kernel to the calls that were written there."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import Convention
from roialign_cli.errors import FileError
from roialign_cli.files.arrays import read_array
from roialign_cli.measure.battery import fixed_battery
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.target import NO_ANSWER, PARAMETERS, NoOutputError, UnansweredError
from roialign_cli.measure.targets.manifest import MANIFEST, Entry, digest_of, read_manifest

_SUFFIXES = (".npy", ".bin")
_RAW_DTYPES = (np.dtype("<f4"), np.dtype("<f8"))
_MAX_RAW_BYTES = 1 << 26


class FolderTarget:
    """The answers in a folder, which may be some of them.

    Parameters
    ----------
    folder
        The folder.
    name
        The name for reports.
    problem
        What went wrong with the program that wrote the answers, as a clause. Answers that cannot be
        read are then those that it did not complete.

    Raises
    ------
    FileError
        If the manifest is damaged, if there are no answers, or two for one call.
    """

    def __init__(self, folder: Path, name: str = "", problem: str = "") -> None:
        self.name = name or str(folder)
        self._folder = folder
        self._is_cut = bool(problem)
        entries, reading = read_manifest(folder)
        if not _digests(reading) & {entry.digest for entry in entries}:
            problem = "has none of the calls of this version"
            remedy = "write the folder again with `roialign probe --write`"
            raise FileError(folder / MANIFEST, f"{problem}; {remedy}")
        self._files = {entry.digest: entry.output["file"] for entry in entries}
        self._answers = {
            entry.digest: answer
            for entry in entries
            if (answer := _answer(folder, entry)) is not None
        }
        if not self._answers:
            first = f"{entries[0].output['file']}.npy"
            raise FileError(folder, f"has no answers; write {first} and the others, see README.md")
        missing = len(self._files) - len(self._answers)
        partly = f"{missing} of {len(self._files)} calls have no answer"
        self.remarks = tuple(filter(None, (problem, partly if missing else "")))

    @property
    def parameters(self) -> frozenset[str]:
        """All of `PARAMETERS`: the folder states them for each call."""
        return frozenset(PARAMETERS)

    @property
    def matched(self) -> dict[str, str]:
        """Where the answers are, and how many there are."""
        return {"answers": f"{len(self._answers)} in the folder {self._folder}"}

    @property
    def remedy(self) -> str:
        """Where the form of the answers is described."""
        return f"write the answers that {self._folder / 'README.md'} describes"

    def close(self) -> None:
        """Do nothing: there are no processes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, call: ProbeCall) -> NDArray[Any]:
        """Return the answer to a call with the same inputs."""
        digest = digest_of(call)
        if digest not in self._answers:
            file = self._files.get(digest)
            raise UnansweredError(f"{NO_ANSWER} {file}.npy or .bin" if file else "")
        answer = self._answers[digest]
        if isinstance(answer, str):
            raise UnansweredError(answer) if self._is_cut else NoOutputError(answer)
        return answer


@lru_cache(maxsize=8)
def _digests(reading: Convention) -> frozenset[str]:
    """Return the digests of all calls with boxes written in one way."""
    return frozenset(map(digest_of, fixed_battery(reading)))


def answer_files(folder: Path, entries: list[Entry]) -> list[Path]:
    """Return the answers that are in a folder."""
    paths = (
        folder / f"{entry.output['file']}{suffix}" for entry in entries for suffix in _SUFFIXES
    )
    return [path for path in paths if path.exists()]


def _answer(folder: Path, entry: Entry) -> NDArray[Any] | str | None:
    """Return the answer to one call, or why it cannot be read; None if there is none."""
    files = answer_files(folder, [entry])
    if not files:
        return None
    if len(files) > 1:
        raise FileError(files[1], f"answers the same call as {files[0].name}; remove one of them")
    try:
        return read_array(str(files[0])) if files[0].suffix == ".npy" else _raw(files[0], entry)
    except FileError as error:
        return f"{files[0].relative_to(folder)} {error.problem.partition(';')[0]}"


def _raw(path: Path, entry: Entry) -> NDArray[Any]:
    """Return an answer without a header, in float32 or float64.

    It may have the channels of a position-sensitive kernel.

    Raises
    ------
    FileError
        If it has another size.
    """
    boxes, channels, rows, columns = entry.output["shape"]
    usual = boxes, channels, rows, columns
    try:
        count = path.stat().st_size if path.is_file() else 0
        content = path.read_bytes() if 0 < count <= _MAX_RAW_BYTES else b""
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from None
    for dtype in _RAW_DTYPES:
        for shape in (usual, (boxes, channels // (rows * columns or 1), rows, columns)):
            if content and count == math.prod(shape) * dtype.itemsize:
                return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))
    size = math.prod(usual) * _RAW_DTYPES[0].itemsize
    raise FileError(path, f"has {count} bytes instead of {size}")
