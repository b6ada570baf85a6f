"""Writing a file whole or not at all, and over another one only if that is wanted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from roialign_cli.errors import FileError


def check_writable(path: Path, *, force: bool, read: tuple[str, ...] = ()) -> None:
    """Raise an error if a file may not be written: it is there, or one of those that are read.

    Parameters
    ----------
    path
        The file.
    force
        Whether it may be overwritten.
    read
        The files that are read.
    """
    if any(name != "-" and _same(path, name) for name in read):
        raise FileError(path, "is a file that is read; write to another one")
    if not path.parent.is_dir():
        raise FileError(path, "cannot be written: there is no such folder")
    if path.is_dir():
        raise FileError(path, "is a folder; name a file in it")
    if not force and path.exists():
        raise FileError(path, "exists; --force overwrites it, or name another file")


def _same(path: Path, name: str) -> bool:
    try:
        return path.samefile(name)
    except (OSError, ValueError):
        return False


@contextmanager
def replacing(path: Path, *, force: bool = True) -> Iterator[IO[bytes]]:
    """Give a binary file that is at `path` once it is written without an error.

    Until then it has no name where the system knows such files, so that nothing is left of it
    whatever happens; elsewhere it is a hidden file beside.
    """
    target = Path(os.path.realpath(path))
    try:
        with _unpublished(target) as (file, name):
            yield file
            file.flush()
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            _publish(file, name, target, force=force)
    except FileExistsError:
        raise FileError(path, "exists; --force overwrites it, or name another file") from None
    except OSError as error:
        raise FileError(path, f"cannot be written: {error.strerror}") from None


@contextmanager
def _unpublished(target: Path) -> Iterator[tuple[IO[bytes], Path | None]]:
    """Give a file in a target's folder without a name, or with the hidden one that is given, too.

    It is gone afterwards.
    """
    import tempfile

    try:
        handle, name = os.open(target.parent, os.O_TMPFILE | os.O_RDWR, 0o600), None
    except (AttributeError, OSError):  # other systems, and some file systems
        handle, hidden = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        name = Path(hidden)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file, name
    finally:
        if name is not None:
            name.unlink(missing_ok=True)


def _publish(file: IO[bytes], name: Path | None, target: Path, *, force: bool) -> None:
    """Give a file its name, that of a file that is there only by force."""
    if not force and target.exists():
        raise FileExistsError(target)
    if name is not None:
        name.replace(target)
        return
    if not force:
        _link(file, target)
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    try:
        _link(file, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _link(file: IO[bytes], target: Path) -> None:
    """Give a file that has no name one that is free."""
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        # With a folder's descriptor Python follows the link to the file itself.
        source = f"/proc/self/fd/{file.fileno()}"
        os.link(source, target.name, dst_dir_fd=folder, follow_symlinks=True)
    except FileExistsError:
        raise
    except OSError:  # where there is no /proc or a file system has no links
        _copy(file, target)
    finally:
        os.close(folder)


def _copy(file: IO[bytes], target: Path) -> None:
    import shutil

    file.seek(0)
    try:
        with target.open("xb") as copy:
            shutil.copyfileobj(file, copy)
    except FileExistsError:
        raise
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
