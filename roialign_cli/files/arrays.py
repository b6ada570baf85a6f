"""Read arrays from NumPy's files, which may be damaged or hostile."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tokenize import TokenError
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import FileError
from roialign_cli.files.reading import IS_PYTORCH, TOO_LARGE, open_input, split_member

if TYPE_CHECKING:
    from zipfile import ZipFile

NPY_MAGIC = b"\x93NUMPY"
_ZIP_MAGIC = b"PK"
_PICKLE_MAGICS = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")

_REAL_KINDS = "buif"
# Kind of a dtype that is not read → what it is called.
_KIND_NAMES = {
    "c": "complex numbers",
    "O": "Python objects",
    "S": "text",
    "U": "text",
    "V": "structured records",
    "M": "dates",
    "m": "times",
}
_MAX_ITEM_BYTES = 8
_MAX_LOADED_BYTES = 1 << 24  # larger files are mapped into memory, which reads only what is used
_MAX_KEYS_SHOWN = 12
# Limits on a member of an archive; zlib packs at most some 1030 bytes into one.
_MAX_UNPACKED_BYTES = 1 << 33
_MAX_UNPACKING_RATIO = 1200


def is_numpy(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of a `.npy` or an `.npz`."""
    return head.startswith((NPY_MAGIC, _ZIP_MAGIC))


def refuse_other_formats(name: str, head: bytes) -> None:
    """Raise an error that says how to convert the file, if it is in another format for tensors.

    Parameters
    ----------
    name
        Path of the file.
    head
        Its first 16 bytes.
    """
    if head.startswith(_PICKLE_MAGICS):
        problem = "is a pickle, and reading a pickle can run code; save the array with numpy.save"
        raise FileError(name, problem)
    if head.startswith(b"\x89HDF"):
        raise FileError(name, "is an HDF5 file; save one of its arrays with numpy.save")
    if head[8:9] == b"{" and head[:8].endswith(b"\0\0\0"):
        raise FileError(
            name, "is a safetensors file; save one of its arrays with "
            "numpy.save('map.npy', safetensors.numpy.load_file(...)[...])",
        )  # fmt: skip


@dataclass(frozen=True)
class Member:
    """Which array of an `.npz` to read.

    Parameters
    ----------
    key
        Name of the array that the user chose; None without a choice.
    preferred
        Names of the array to read without a choice, if there are several; the first one found.
    option
        The option that chooses an array; "" if the user writes "file.npz:NAME".
    """

    key: str | None = None
    preferred: tuple[str, ...] = ()
    option: str = ""

    @property
    def written(self) -> str:
        """What the user wrote to choose an array, for a message: "--key" or ":a"."""
        return self.option or f":{self.key}"

    def choice(self, name: str, key: str) -> str:
        """Return how to choose an array, for a message: "as two.npz:a" or "with --key a"."""
        return f"with {self.option} {key}" if self.option else f"as {name}:{key}"


OUTPUT_NAMES = ("output", "expected")  # of an output in an `.npz` with several arrays


def read_array(name: str, preferred: tuple[str, ...] = ()) -> NDArray[Any]:
    """Read an array of any shape from a `.npy` or an `.npz`, or from JSON with tensors.

    Parameters
    ----------
    name
        Path of the file, or "file.npz:NAME" or "file.json:NAME" for one of several arrays.
    preferred
        Names of the array to read if there are several and `name` chooses none.

    Raises
    ------
    FileError
        If the file is missing, damaged, or not a NumPy file.
    """
    name, key = split_member(name)
    with open_input(name) as content:
        head = content.read(16)
        if not is_numpy(head):
            refuse_other_formats(name, head)
            if name.lower().endswith(".json"):
                from roialign_cli.files.tensor_json import read_tensor

                content.seek(0)
                return read_tensor(name, content, Member(key, preferred))
            raise FileError(name, "is not a .npy or .npz file; save the array with numpy.save")
        content.seek(0)
        return load_array(name, content, Member(key, preferred))


def load_array(name: str, content: IO[bytes], member: Member) -> NDArray[Any]:
    """Load an array of real numbers from an open `.npy` or `.npz`.

    Parameters
    ----------
    name
        Path of the file, for error messages.
    content
        The file, open at its start.
    member
        Which array of an `.npz` to read.

    Raises
    ------
    FileError
        If the file is damaged, or has no such array.
    """
    load = _load_npz if content.read(2) == _ZIP_MAGIC else _load_npy
    content.seek(0)
    with _reading(name):
        return load(name, content, member)


def archive_names(name: str) -> list[str]:
    """Return the names of the arrays in an `.npz`, in its order; none for other files.

    Raises
    ------
    FileError
        If the file is missing or damaged.
    """
    with open_input(name) as content, _reading(name):
        if content.read(2) != _ZIP_MAGIC:
            return []
        with _archive(content) as archive:
            return _names(archive)


def archive_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Return the name and the shape of each array of real numbers in an `.npz`, in its order.

    Arrays of other kinds are left out. The dictionary is empty for other files.

    Raises
    ------
    FileError
        If the file is missing or damaged.
    """
    shapes = {}
    with open_input(name) as content, _reading(name):
        if content.read(2) != _ZIP_MAGIC:
            return {}
        with _archive(content) as archive:
            for key in _names(archive):
                with suppress(FileError), archive.open(f"{key}.npy") as array:
                    shapes[key] = _read_header(name, array)[0]
    return shapes


@contextmanager
def open_archive(name: str, damaged: str) -> Iterator[ZipFile]:
    """Yield an open zip archive.

    Parameters
    ----------
    name
        Path of the file.
    damaged
        The problem to name, and what to do, if the file is damaged or no archive.

    Raises
    ------
    FileError
        If the file is missing, or if opening or reading it fails in the block.
    """
    with open_input(name) as content, _reading(name, damaged), _archive(content) as archive:
        yield archive


_DAMAGED = "is damaged or not a NumPy file; save the array again with numpy.save"


@contextmanager
def _reading(name: str, damaged: str = _DAMAGED) -> Iterator[None]:
    """Raise a `FileError` for all that NumPy and zipfile raise about a damaged file."""
    try:
        with warnings.catch_warnings():
            # NumPy warns about old headers, which are harmless.
            warnings.simplefilter("ignore")
            yield
    except FileError:
        raise
    except MemoryError:
        raise FileError(name, TOO_LARGE) from None
    except (
        EOFError, IndexError, KeyError, NotImplementedError, OSError, OverflowError,
        RecursionError, RuntimeError, SyntaxError, TokenError, TypeError, ValueError,
    ):  # fmt: skip
        raise FileError(name, damaged) from None


def single_array(choice: str) -> str:
    """Return the problem with the choice of an array in a file with a single array."""
    return f"is a single array; remove {choice}, which is for .npz files"


def _load_npy(name: str, content: IO[bytes], member: Member) -> NDArray[Any]:
    """Load the array of a `.npy`; a large one on the disk is mapped into memory."""
    if member.key is not None:
        raise FileError(name, single_array(member.written))
    shape, fortran, dtype = _read_header(name, content)
    start = content.tell()
    content.seek(0, io.SEEK_END)
    promised, actual = math.prod(shape) * dtype.itemsize, content.tell() - start
    if promised > actual:
        problem = (
            f"is incomplete: {promised} bytes of numbers are announced and {actual} follow; "
            "save the array again with numpy.save"
        )
        raise FileError(name, problem)
    if isinstance(content, io.BufferedReader) and promised > _MAX_LOADED_BYTES:
        order: Literal["C", "F"] = "F" if fortran else "C"
        return np.memmap(content, dtype, "r", start, shape, order)
    content.seek(0)
    array: NDArray[Any] = np.load(content, allow_pickle=False)
    return array


_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def _read_header(name: str, content: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape, whether the order is Fortran's, and the dtype in the header of a `.npy`."""
    version = np.lib.format.read_magic(content)
    if version not in _HEADER_READERS:
        raise FileError(
            name, "has an unknown version of the .npy format; save plain numbers with numpy.save"
        )
    shape, fortran, dtype = _HEADER_READERS[version](content)
    if dtype.kind not in _REAL_KINDS:
        kind = _KIND_NAMES.get(dtype.kind, str(dtype))
        raise FileError(name, f"contains {kind}, not real numbers; save plain numbers instead")
    if dtype.itemsize > _MAX_ITEM_BYTES:
        raise FileError(name, f"contains {dtype} numbers, wider than float64; save float64 instead")
    if any(length < 0 for length in shape):
        raise ValueError(shape)
    return shape, fortran, dtype


@contextmanager
def _archive(content: IO[bytes]) -> Iterator[ZipFile]:
    """Yield an open archive; raise a `ValueError` for all that zipfile raises about it."""
    from zipfile import BadZipFile, ZipFile
    from zlib import error as CompressionError  # noqa: N812 - a class

    try:
        with ZipFile(content) as archive:
            yield archive
    except (BadZipFile, CompressionError) as error:
        raise ValueError(str(error)) from None


def _names(archive: ZipFile) -> list[str]:
    """Return the names of the arrays in an archive."""
    files = archive.namelist()
    return [file.removesuffix(".npy") for file in files if file.endswith(".npy")]


def _load_npz(name: str, content: IO[bytes], member: Member) -> NDArray[Any]:
    with _archive(content) as archive:
        names = archive.namelist()
        if any(file.endswith("data.pkl") for file in names):
            raise FileError(name, IS_PYTORCH)
        info = archive.getinfo(f"{_select_key(name, _names(archive), member)}.npy")
        if info.file_size > min(
            _MAX_UNPACKED_BYTES, _MAX_UNPACKING_RATIO * info.compress_size + 256
        ):
            problem = (
                f"the array {info.filename} unpacks to {info.file_size} bytes, too many to be safe"
            )
            raise FileError(name, f"{problem}; save the array with numpy.save")
        with archive.open(info) as file:
            shape, _, dtype = _read_header(name, file)
        if math.prod(shape) * dtype.itemsize > info.file_size:
            problem = (
                f"the array {info.filename} is incomplete; save the arrays again with numpy.savez"
            )
            raise FileError(name, problem)
        with archive.open(info) as file:
            array: NDArray[Any] = np.load(io.BytesIO(file.read()), allow_pickle=False)
            return array


def _select_key(name: str, keys: list[str], member: Member) -> str:
    """Return the name of the array to read among those of an archive."""
    if not keys:
        raise FileError(name, "contains no arrays; save an array with numpy.savez")
    if member.key is None and len(keys) == 1:
        return keys[0]
    wanted = member.preferred if member.key is None else (member.key,)
    found = next((key for key in wanted if key in keys), None)
    if found is not None:
        return found
    known = ", ".join(keys[:_MAX_KEYS_SHOWN]) + (", …" if len(keys) > _MAX_KEYS_SHOWN else "")
    if member.key is not None:
        raise FileError(name, f"has no array {member.key!r}; choose one of {known}")
    choice = member.choice(name, keys[0])
    raise FileError(name, f"contains {len(keys)} arrays ({known}); choose one {choice}")
