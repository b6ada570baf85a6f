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
from roialign_cli.measure.target import PARAMETERS, UnansweredError
from roialign_cli.measure.targets.manifest import MANIFEST, Entry, digest_of, read_manifest

_SUFFIXES = (".npy", ".bin")
_FLOAT = np.dtype("<f4")
_MAX_RAW_BYTES = 1 << 26


class FolderTarget:
    """The answers in a folder, which may be some of them.

    Parameters
    ----------
    folder
        The folder.
    name
        The name for reports.
    remarks
        What is known about the program that wrote the answers, as clauses.

    Raises
    ------
    FileError
        If the manifest or an answer is damaged, or if there are no answers.
    """

    def __init__(self, folder: Path, name: str = "", remarks: tuple[str, ...] = ()) -> None:
        self.name = name or str(folder)
        self._folder = folder
        entries, reading = read_manifest(folder)
        if not _digests(reading) & {entry.digest for entry in entries}:
            problem = "has none of the calls of this version"
            remedy = "write the folder again with `roialign probe --write`"
            raise FileError(folder / MANIFEST, f"{problem}; {remedy}")
        self._answers = {
            entry.digest: answer
            for entry in entries
            if (answer := _answer(folder, entry)) is not None
        }
        if not self._answers:
            first = f"{entries[0].output['file']}.npy"
            raise FileError(folder, f"has no answers; write {first} and the others, see README.md")
        missing = len(entries) - len(self._answers)
        partly = f"{missing} of {len(entries)} calls have no answer"
        self.remarks = (*remarks, partly) if missing else remarks

    @property
    def parameters(self) -> frozenset[str]:
        """All of `PARAMETERS`: the folder states them for each call."""
        return frozenset(PARAMETERS)

    @property
    def matched(self) -> dict[str, str]:
        """Where the answers are, and how many there are."""
        return {"answers": f"{self._folder}, {len(self._answers)} calls"}

    @property
    def problem(self) -> str:
        """Nothing: how the calls are read is up to the program."""
        return ""

    def close(self) -> None:
        """Do nothing: there are no processes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, call: ProbeCall) -> NDArray[Any]:
        """Return the answer to a call with the same inputs."""
        try:
            return self._answers[digest_of(call)]
        except KeyError:
            raise UnansweredError from None


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


def _answer(folder: Path, entry: Entry) -> NDArray[Any] | None:
    """Return the answer to one call; None if there is none."""
    files = answer_files(folder, [entry])
    if not files:
        return None
    if len(files) > 1:
        raise FileError(files[1], f"answers the same call as {files[0].name}; remove one of them")
    if files[0].suffix == ".npy":
        return read_array(str(files[0]))
    return _raw(files[0], entry)


def _raw(path: Path, entry: Entry) -> NDArray[Any]:
    """Return an answer without a header.

    One that fits the channels of a position-sensitive kernel gets their number. Others get one
    axis, which a measurement reports as a wrong shape.
    """
    boxes, channels, rows, columns = entry.output["shape"]
    usual = boxes, channels, rows, columns
    try:
        count = path.stat().st_size if path.is_file() else 0
        is_damaged = count % _FLOAT.itemsize or not 0 < count <= _MAX_RAW_BYTES
        content = b"" if is_damaged else path.read_bytes()
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from None
    if is_damaged:
        size = math.prod(usual) * _FLOAT.itemsize
        problem = f"is damaged: it has {count} bytes instead of {size}"
        raise FileError(path, f"{problem}; write {' × '.join(map(str, usual))} numbers in float32")
    values: NDArray[Any] = np.frombuffer(content, _FLOAT).astype(np.float32)
    for shape in (usual, (boxes, channels // (rows * columns), rows, columns)):
        if values.size == math.prod(shape):
            return values.reshape(shape)
    return values
