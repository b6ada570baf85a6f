"""Open a file or standard input, and no device, pipe or folder."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path
from typing import IO

from roialign_cli.errors import FileError

_MAX_TEXT_BYTES = 1 << 30
# Problems that several readers find, for error messages.
TOO_LARGE = "does not fit into memory; use a smaller file"
IS_UTF_16 = "is text in UTF-16; save the text as UTF-8"
IS_PYTORCH = (
    "is a PyTorch file, and reading a PyTorch file can run code; save a tensor with "
    "numpy.save('map.npy', tensor.numpy())"
)
TENSOR_SUFFIX = ".json"
# Inode, size in bytes, and time of the last change in nanoseconds.
Fingerprint = tuple[int, int, int]
_IS_PYTORCH_MODEL = (
    f"{IS_PYTORCH}, or record a model in Python: "
    'with roialign_cli.record_calls("calls"): model(images)'
)
# Suffix of a model → the problem with the model as an input.
_MODELS = {
    ".onnx": "is an ONNX model; record its calls with `roialign capture`, and name their folder",
    ".pt": _IS_PYTORCH_MODEL,
    ".pth": _IS_PYTORCH_MODEL,
}
MODEL_SUFFIXES = (*_MODELS,)


def fingerprint_of(name: str) -> Fingerprint | None:
    """Return values that change when a file does; None for standard input or a missing file."""
    try:
        status = None if name == "-" else Path(name).stat()
    except (OSError, ValueError):
        return None
    return None if status is None else (status.st_ino, status.st_size, status.st_mtime_ns)


def check_input(name: str) -> None:
    """Raise an error for a path that does not exist, or that is a model instead of its calls."""
    path, _ = split_member(name)
    if path == "-":
        return
    if fingerprint_of(path) is None:
        open_input(path).close()  # raises the error
    problem = _MODELS.get(Path(path).suffix.lower())
    if problem is not None:
        raise FileError(path, problem)


def is_folder_or_archive(name: str) -> bool:
    """Return whether a path is a folder, or a file that begins as a zip archive does."""
    try:
        mode = Path(name).stat().st_mode
        if not stat.S_ISREG(mode):
            return stat.S_ISDIR(mode)
        with Path(name).open("rb") as file:
            return file.read(2) == b"PK"
    except (OSError, ValueError):
        return False


def split_member(name: str) -> tuple[str, str | None]:
    """Split "file.npz:NAME" into the file and the name of the array chosen in it.

    The second is None if no array is chosen. The name of an existing file is not split at a colon.
    The name of an array may have colons, too, as in "in.npz:onnx::Concat_1".
    """
    file, _, member = name.rpartition(":")
    for end in (".npz:", ".json:"):
        before, suffix, after = name.partition(end)
        if after and fingerprint_of(before + suffix[:-1]) is not None:
            file, member = before + suffix[:-1], after
    if not file or not member or fingerprint_of(name) is not None:
        return name, None
    is_file = file == "-" or file.lower().endswith(".npz") or fingerprint_of(file) is not None
    return (file, member) if is_file else (name, None)


def open_input(name: str) -> IO[bytes]:
    """Open a file for reading bytes; "-" is standard input, read to its end.

    Raises
    ------
    FileError
        If the file does not exist, or is a folder, a device or a pipe.
    """
    if name == "-":
        return io.BytesIO(_standard_input())
    try:
        mode = Path(name).stat().st_mode
        if stat.S_ISREG(mode):
            return Path(name).open("rb")
    except OSError as error:
        is_sample = Path(name).parent.name == "sample_data"
        remedy = "`roialign demo sample_data` writes it" if is_sample else "check the path"
        raise FileError(name, f"cannot be read: {error.strerror}; {remedy}") from None
    except ValueError:
        raise FileError(repr(name), "is not a file name; name an existing file") from None
    kind = "folder" if stat.S_ISDIR(mode) else "device or pipe"
    raise FileError(name, f"is a {kind}, not a file; name a file")


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise FileError("-", "standard input is closed; name a file, or pipe data into the command")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise FileError("-", f"cannot be read: {error.strerror}") from None


def read_text_or_bytes(name: str) -> str | bytes:
    """Return the content of a file: its text, or its bytes if they are not text in UTF-8.

    Raises
    ------
    FileError
        If the file cannot be read, or is longer than a list of boxes can be.
    """
    with open_input(name) as file:
        try:
            content = file.read(_MAX_TEXT_BYTES + 1)
        except OSError as error:
            raise FileError(name, f"cannot be read: {error.strerror}") from None
    if len(content) > _MAX_TEXT_BYTES:
        raise FileError(name, "is too long for a list of boxes; name a file of at most 1 GiB")
    if b"\0" in content[:4096]:
        return content
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content
