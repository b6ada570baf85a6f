"""Reading NumPy's files, whoever made them: what they promise is checked before it is believed."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from tokenize import TokenError
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import FileError
from roialign_cli.files.reading import open_input, split_member

NPY_MAGIC = b"\x93NUMPY"
_ZIP_MAGIC = b"PK"
_NUMBERS = "buif"

# Beginning of a file → what it is and what would do instead.
_OTHERS = (
    (b"\x80\x02", "is a pickle, which could run code when it is read; save with numpy.save"),
    (b"\x80\x03", "is a pickle, which could run code when it is read; save with numpy.save"),
    (b"\x80\x04", "is a pickle, which could run code when it is read; save with numpy.save"),
    (b"\x80\x05", "is a pickle, which could run code when it is read; save with numpy.save"),
    (b"\x89HDF", "is an HDF5 file; save the array in it with numpy.save"),
)


def is_numpy(head: bytes) -> bool:
    """Return whether a file that begins so is a `.npy` or an `.npz`."""
    return head.startswith((NPY_MAGIC, _ZIP_MAGIC))


def refuse_others(name: str, head: bytes) -> None:
    """Raise an error for files of tensors that are not read, saying how to convert them."""
    for magic, problem in _OTHERS:
        if head.startswith(magic):
            raise FileError(name, problem)
    if head[8:9] == b"{" and head[:8].endswith(b"\0\0\0"):
        raise FileError(
            name, "is a safetensors file; save one of its arrays as .npy: "
            "numpy.save('map.npy', safetensors.numpy.load_file(...)[...])",
        )  # fmt: skip


@dataclass(frozen=True)
class Member:
    """Which array of an `.npz` to read.

    Parameters
    ----------
    key
        The name of the array that the user chose, None without a choice.
    preferred
        The array to read of several if the user chose none.
    option
        The option that chooses an array, "" if the user writes "file.npz:NAME".
    """

    key: str | None = None
    preferred: str | None = None
    option: str = ""

    def choice(self, name: str, key: str) -> str:
        """Return how a user chooses an array of a file: "as two.npz:a" or "with --key a"."""
        return f"with {self.option} {key}" if self.option else f"as {name}:{key}"


def read_array(name: str, preferred: str | None = None) -> NDArray[Any]:
    """Read the array of a `.npy` or one of an `.npz`, whatever its shape.

    Parameters
    ----------
    name
        Path of the file, or "file.npz:NAME" for one of several arrays.
    preferred
        The array to read of several if `name` chooses none.

    Raises
    ------
    FileError
        If the file is missing, damaged, or not a NumPy file.
    """
    name, key = split_member(name)
    with open_input(name) as content:
        head = content.read(16)
        if not is_numpy(head):
            refuse_others(name, head)
            raise FileError(name, "is neither a .npy nor an .npz; save the array with numpy.save")
        content.seek(0)
        return load_array(name, content, Member(key, preferred))


def load_array(name: str, content: IO[bytes], member: Member) -> NDArray[Any]:
    """Return the array of a `.npy`, or one of an `.npz`.

    Parameters
    ----------
    name
        What the user calls the file.
    content
        The file, open at its start.
    member
        Which array of an `.npz`.
    """
    load = _load_npz if content.read(2) == _ZIP_MAGIC else _load_npy
    content.seek(0)
    return _loading_errors(load, name, content, member)


def _loading_errors(
    load: Callable[[str, IO[bytes], Member], NDArray[Any]],
    name: str,
    content: IO[bytes],
    member: Member,
) -> NDArray[Any]:
    """Return what a loader does, its complaints about the file as one line."""
    try:
        with warnings.catch_warnings():
            # NumPy's words on old headers are no concern of who reads the file.
            warnings.simplefilter("ignore")
            return load(name, content, member)
    except FileError:
        raise
    except MemoryError:
        raise FileError(name, "is larger than the memory that there is") from None
    except (
        EOFError, IndexError, KeyError, NotImplementedError, OSError, OverflowError,
        RecursionError, RuntimeError, SyntaxError, TokenError, TypeError, ValueError,
    ):  # fmt: skip
        problem = "is damaged or no NumPy file; save it again with numpy.save"
        raise FileError(name, problem) from None


def _load_npy(name: str, content: IO[bytes], member: Member) -> NDArray[Any]:
    """Return the array of a `.npy`, of a real file by mapping it into memory."""
    if member.key is not None:
        unneeded = member.option or f":{member.key}"
        raise FileError(name, f"is a single array; leave out {unneeded}, which is for .npz files")
    shape, fortran, dtype = _header(name, content)
    start = content.tell()
    content.seek(0, io.SEEK_END)
    promised, there = math.prod(shape) * dtype.itemsize, content.tell() - start
    if promised > there:
        problem = f"promises {promised} bytes of numbers and holds {there}; is it complete?"
        raise FileError(name, problem)
    if isinstance(content, io.BufferedReader) and promised > _MOST_READ:
        order: Literal["C", "F"] = "F" if fortran else "C"
        return np.memmap(content, dtype, "r", start, shape, order)
    content.seek(0)
    array: NDArray[Any] = np.load(content, allow_pickle=False)
    return array


_MOST_READ = 1 << 24  # bytes; larger files are mapped, of which only what is used is read


_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _header(name: str, content: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of a `.npy`; return the shape, order and dtype that it promises."""
    version = np.lib.format.read_magic(content)
    if version not in _HEADERS:
        raise FileError(name, "is a .npy of a kind that is not read; save plain numbers again")
    shape, fortran, dtype = _HEADERS[version](content)
    if dtype.kind not in _NUMBERS:
        kind = _KINDS.get(dtype.kind, str(dtype))
        raise FileError(name, f"holds {kind}, not real numbers; save plain numbers instead")
    if dtype.itemsize > _WIDEST:
        raise FileError(name, f"holds {dtype}, wider than float64; save it as that")
    if any(length < 0 for length in shape):
        raise ValueError(shape)
    return shape, fortran, dtype


_WIDEST = 8
# Kind of a dtype → what it is called.
_KINDS = {
    "c": "complex numbers",
    "O": "Python objects",
    "S": "text",
    "U": "text",
    "V": "structured records",
    "M": "dates",
    "m": "times",
}
# A member may unpack to this many times its packed size; zlib's own limit is about 1030.
_MOST_UNPACKED = 1 << 33
_MOST_RATIO = 1200


def _load_npz(name: str, content: IO[bytes], member: Member) -> NDArray[Any]:
    from zipfile import BadZipFile
    from zlib import error as CompressionError  # noqa: N812 - a class

    try:
        return _load_member(name, content, member)
    except (BadZipFile, CompressionError) as error:
        raise ValueError(str(error)) from None


def _load_member(name: str, content: IO[bytes], member: Member) -> NDArray[Any]:
    from zipfile import ZipFile

    with ZipFile(content) as archive:
        names = archive.namelist()
        if any(file.endswith("data.pkl") for file in names):
            problem = "is a PyTorch file, which could run code when it is read; save its tensor: "
            raise FileError(name, f"{problem}numpy.save('map.npy', tensor.numpy())")
        keys = [file.removesuffix(".npy") for file in names if file.endswith(".npy")]
        info = archive.getinfo(f"{_chosen(name, keys, member)}.npy")
        if info.file_size > min(_MOST_UNPACKED, _MOST_RATIO * info.compress_size + 256):
            problem = f"{info.filename} in it unpacks to {info.file_size} bytes, which is refused"
            raise FileError(name, problem)
        with archive.open(info) as file:
            shape, _, dtype = _header(name, file)
        if math.prod(shape) * dtype.itemsize > info.file_size:
            raise FileError(name, f"{info.filename} in it promises more numbers than it holds")
        with archive.open(info) as file:
            array: NDArray[Any] = np.load(io.BytesIO(file.read()), allow_pickle=False)
            return array


def _chosen(name: str, keys: list[str], member: Member) -> str:
    """Return the name of the array to read among those of an archive."""
    if not keys:
        raise FileError(name, "holds no arrays; save one with numpy.savez")
    if member.key is None and len(keys) == 1:
        return keys[0]
    wanted = member.preferred if member.key is None else member.key
    if wanted in keys:
        return str(wanted)
    known = ", ".join(keys[:_MAX_KEYS_SHOWN]) + (", …" if len(keys) > _MAX_KEYS_SHOWN else "")
    if member.key is not None:
        raise FileError(name, f"has no array {member.key!r}; choose one of {known}")
    choice = member.choice(name, keys[0])
    raise FileError(name, f"holds {len(keys)} arrays ({known}); choose one {choice}")


_MAX_KEYS_SHOWN = 12
