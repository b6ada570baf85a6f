"""A recording: a folder of recorded calls, in the order in which they ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from roialign_cli.calls.archive import is_call, read_description, write_call_into
from roialign_cli.calls.call import Call, Description
from roialign_cli.errors import FileError
from roialign_cli.files.writing import as_file_error, atomic_folder, check_folder_writable


@dataclass(frozen=True)
class Recording:
    """The calls in a folder.

    Parameters
    ----------
    path
        The folder; of calls that are named one by one, the first one.
    files
        The path of each call, in the order in which they ran.
    descriptions
        The description of each call.
    """

    path: str
    files: tuple[str, ...]
    descriptions: tuple[Description, ...]

    def pyramids(self) -> list[list[int]]:
        """Return the indices of the calls of each pyramid, by map; of other calls, one each.

        Further calls on the same map of a pyramid are other groups.
        """
        groups: dict[object, list[int]] = {}
        calls_on_map: Counter[tuple[int, int]] = Counter()
        for number, description in enumerate(self.descriptions):
            level = description.level
            key: tuple[object, ...] = ("call", number)
            if level is not None:
                place = level.pyramid, level.map_index
                key = ("pyramid", level.pyramid, calls_on_map[place])
                calls_on_map[place] += 1
            groups.setdefault(key, []).append(number)
        for group in groups.values():
            group.sort(key=self._map_index)
        return [*groups.values()]

    def _map_index(self, number: int) -> int:
        level = self.descriptions[number].level
        return 0 if level is None else level.map_index


def is_recording(name: str) -> bool:
    """Return whether a path is a folder with recorded calls."""
    return Path(name).is_dir() and any(is_call(str(path)) for path in Path(name).glob("*.npz"))


def read_recording(name: str) -> Recording:
    """Read the descriptions of the calls in a folder, in the order of the numbers of the files.

    Raises
    ------
    FileError
        If there is no such folder, if it has no calls, or if one of them is damaged.
    """
    folder = Path(name)
    if not folder.is_dir():
        raise FileError(name, "is not a folder; name the folder of a recording")
    paths = sorted(folder.glob("*.npz"), key=lambda path: (len(path.name), path.name))
    files = tuple(str(path) for path in paths)
    if not files:
        raise FileError(name, "has no recorded calls; record them with `roialign capture`")
    return replace(read_calls(files), path=name)


def read_calls(files: Sequence[str]) -> Recording:
    """Read the descriptions of calls in an order; errors as for `read_recording`."""
    descriptions = tuple(read_description(file) for file in files)
    return Recording(files[0], tuple(files), descriptions)


class RecordingWriter:
    """Write calls to a folder, in the order in which they are added.

    Parameters
    ----------
    folder
        The folder, which exists.
    shown
        The folder that error messages name.
    """

    def __init__(self, folder: Path, shown: Path) -> None:
        self._folder = folder
        self._shown = shown
        self.count = 0

    def add(self, call: Call) -> None:
        """Write one call; raise a `FileError` if that fails."""
        name = f"call-{self.count:04}.npz"
        file = self._folder / name
        with as_file_error(self._shown / name):
            try:
                with file.open("wb") as content:
                    write_call_into(call, content)
            except BaseException:
                file.unlink(missing_ok=True)
                raise
        self.count += 1


@contextmanager
def new_recording(path: Path, *, force: bool = False) -> Iterator[RecordingWriter]:
    """Yield a writer of a recording that appears at `path` when the block ends without an error.

    Until then the calls are in a hidden folder beside it, which an error removes. An error that the
    block raises passes unchanged.

    Parameters
    ----------
    path
        The folder.
    force
        Whether an existing recording may be replaced. Other folders are never replaced.

    Raises
    ------
    FileError
        If the folder cannot be written, or exists and must not be replaced.
    """
    check_recording_writable(path, force=force)
    with atomic_folder(path) as hidden:
        yield RecordingWriter(hidden, path)


def check_recording_writable(path: Path, *, force: bool) -> None:
    """Raise an error if a recording cannot or must not be written to a folder."""
    check_folder_writable(
        path,
        lambda file: is_call(str(file)),
        content="recorded calls",
        existing="a recording",
        force=force,
    )
