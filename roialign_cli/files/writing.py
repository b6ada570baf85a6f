"""Write files and folders atomically, and overwrite a file only if the user allows it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from roialign_cli.errors import FileError
from roialign_cli.printable import printable

# Problems that several checks find, for error messages.
EXISTS = "already exists; overwrite the file with --force, or name another file"
IS_FOLDER = "is a folder; name a file in the folder"


def check_writable(path: Path, *, force: bool, read: tuple[str, ...] = ()) -> None:
    """Raise an error if a file cannot or must not be written.

    Parameters
    ----------
    path
        The file.
    force
        Whether an existing file may be overwritten.
    read
        The files that the same command reads; "-" is standard input.
    """
    if any(name != "-" and _same(path, name) for name in read):
        raise FileError(path, "is an input of the command; name another file")
    if not path.parent.is_dir():
        raise FileError(path, "cannot be written: the folder does not exist; create the folder")
    if path.is_dir():
        raise FileError(path, IS_FOLDER)
    if path.exists() and not path.is_file():
        raise FileError(path, "is a device or pipe, not a file; name another file")
    if not force and path.exists():
        raise FileError(path, EXISTS)


def _same(path: Path, name: str) -> bool:
    try:
        return path.samefile(name)
    except (OSError, ValueError):
        return False


@contextmanager
def atomic_write(path: Path, *, force: bool = True) -> Iterator[IO[bytes]]:
    """Yield a binary file that appears at `path` when the block ends without an error.

    Until then the file is hidden in the same folder. An error or an interrupt removes the hidden
    file; a kill leaves it there. In each case an existing file at `path` stays unchanged.

    Parameters
    ----------
    path
        The file; a symbolic link is followed.
    force
        Whether an existing file may be overwritten.

    Raises
    ------
    FileError
        If the file cannot be written, or exists and must not be overwritten.
    """
    target = Path(os.path.realpath(path))
    # This name is short, because the name of the target may have the maximum length.
    hidden = target.with_name(f".roialign-{os.urandom(8).hex()}.tmp")
    try:
        try:
            with hidden.open("xb+") as file:
                yield file
            # An open file cannot be renamed on Windows.
            _publish(hidden, target, force=force)
        finally:
            hidden.unlink(missing_ok=True)
    except FileExistsError:
        raise FileError(path, EXISTS) from None
    except OSError as error:
        raise FileError(path, f"cannot be written: {error.strerror}") from None


def check_folder_writable(
    path: Path, is_own: Callable[[Path], bool], *, content: str, existing: str, force: bool
) -> None:
    """Raise an error if a folder cannot or must not be written by `atomic_folder`.

    Parameters
    ----------
    path
        The folder.
    is_own
        Returns whether a file or folder in it may be replaced.
    content
        What is written into the folder, for error messages.
    existing
        What a folder has whose files may all be replaced, for error messages.
    force
        Whether these files may be replaced. Other files are never replaced.
    """
    if not path.parent.is_dir():
        raise FileError(path, "cannot be written: the folder above does not exist; create it")
    if path.exists() and not path.is_dir():
        raise FileError(path, "is a file; name a folder")
    if _same(path, "."):
        raise FileError(path, "is the current folder; name a new folder")
    with as_file_error(path):
        entries = sorted(path.iterdir()) if path.is_dir() else []
    if other := next((entry for entry in entries if not is_own(entry)), None):
        problem = f"has other files than {content}, such as {printable(other.name)}"
        raise FileError(path, f"{problem}; name a new folder")
    if entries and not force:
        problem = f"already has {existing}"
        raise FileError(path, f"{problem}; replace it with --force, or name another")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a hidden folder that appears at `path` when the block ends without an error.

    It replaces a folder that is there already. An error or an interrupt removes the hidden folder;
    an error that the block raises passes unchanged.

    Raises
    ------
    FileError
        If the folder cannot be written.
    """
    import shutil

    target = Path(os.path.realpath(path))
    hidden = target.with_name(f".roialign-{os.urandom(8).hex()}.tmp")
    old = hidden.with_name(f"{hidden.name}.old")
    try:
        with as_file_error(path):
            hidden.mkdir()
        yield hidden
        with as_file_error(path):
            if target.exists():
                target.rename(old)
            hidden.rename(target)
    finally:
        if old.exists() and not target.exists():
            with as_file_error(path):
                old.rename(target)
        for left in (hidden, old):
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def as_file_error(path: Path) -> Iterator[None]:
    """Raise a `FileError` for a path instead of an `OSError`."""
    try:
        yield
    except OSError as error:
        raise FileError(path, f"cannot be written: {error.strerror}") from None


def _publish(hidden: Path, target: Path, *, force: bool) -> None:
    """Rename a complete file; without force, only if no other file has the new name."""
    if force:
        hidden.replace(target)
        return
    try:
        os.link(hidden, target)  # unlike a rename, this fails if the name is taken
    except FileExistsError:
        raise
    except (AttributeError, OSError):  # a system or a file system without hard links
        target.touch(exist_ok=False)
        try:
            hidden.replace(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
