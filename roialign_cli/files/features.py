"""Reading a feature map: arrays in NumPy's formats, and images."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import ArgumentError, FileError

_NPY_MAGIC = b"\x93NUMPY"
_ZIP_MAGIC = b"PK"

# Layout → how its axes come to stand as N, C, H, W.
_TO_NCHW: dict[str, str] = {
    "HW": "11HW",
    "CHW": "1CHW",
    "HWC": "1CHW",
    "NCHW": "NCHW",
    "NHWC": "NCHW",
}
LAYOUTS = tuple(_TO_NCHW)
_GUESSES = {2: "HW", 3: "CHW", 4: "NCHW"}


@dataclass(frozen=True)
class FeatureFile:
    """Features as they were read.

    Parameters
    ----------
    name
        What the user called the file.
    array
        (N, C, H, W), of the file's dtype or float32 for an image.
    image
        (height, width, 3) or (height, width), uint8: the picture, if the file is one.
    stride
        Image pixels per cell, if the file is an image.
    """

    name: str
    array: NDArray[Any]
    image: NDArray[np.uint8] | None = None
    stride: int | None = None

    @property
    def title(self) -> str:
        """The name, and what was made of an image before it became features."""
        if self.image is None or self.stride is None:
            return self.name
        height, width = self.image.shape[:2]
        averaged = f" averaged over {self.stride} × {self.stride}" if self.stride > 1 else ""
        return f"{self.name} ({width} × {height} pixels{averaged})"


def read_features(
    name: str, *, layout: str | None = None, key: str | None = None, stride: int | None = None
) -> FeatureFile:
    """Read a `.npy`, an `.npz` or an image; "-" is a `.npy` on standard input.

    Parameters
    ----------
    name
        Path of the file.
    layout
        One of `LAYOUTS`; for arrays HW, CHW or NCHW by the number of axes if not given.
    key
        Which array of an `.npz` with several.
    stride
        Average an image over blocks of this many pixels a side first.

    Raises
    ------
    FileError
        If the file is missing, damaged, or holds no array of real numbers.
    """
    with _opened(name) as content:
        array = _array(name, content, key)
        if array is not None:
            return FeatureFile(name, _as_nchw(name, array, layout))
        _refuse_for_image(layout, key)
        return _read_image(name, content, stride or 1)


def read_array(name: str) -> NDArray[Any]:
    """Read the array of a `.npy`, or the only one of an `.npz`, whatever its axes are.

    Raises
    ------
    FileError
        If the file is missing, damaged, or no such file.
    """
    with _opened(name) as content:
        array = _array(name, content, None)
    if array is None:
        raise FileError(name, "is neither a .npy nor an .npz; save the array with numpy.save")
    return array


def _array(name: str, content: IO[bytes], key: str | None) -> NDArray[Any] | None:
    """Return the array of a NumPy file, None if it is none."""
    head = content.read(len(_NPY_MAGIC))
    content.seek(0)
    if head != _NPY_MAGIC and not head.startswith(_ZIP_MAGIC):
        return None
    return _loaded(_load_npy if head == _NPY_MAGIC else _load_npz, name, content, key)


def _opened(name: str) -> IO[bytes]:
    if name == "-":
        return io.BytesIO(sys.stdin.buffer.read())
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise FileError(name, f"cannot be read: {error.strerror}") from None


def _loaded(
    load: Callable[[str, IO[bytes], str | None], NDArray[Any]],
    name: str,
    content: IO[bytes],
    key: str | None,
) -> NDArray[Any]:
    try:
        return load(name, content, key)
    except FileError:
        raise
    except (EOFError, KeyError, OSError, ValueError):
        problem = "is damaged or no NumPy file; save it again with numpy.save"
        raise FileError(name, problem) from None


def _load_npz(name: str, content: IO[bytes], key: str | None) -> NDArray[Any]:
    from zipfile import BadZipFile

    try:
        with np.load(content, allow_pickle=False) as archive:
            member = _member(name, archive.files, key)
            with archive.zip.open(f"{member}.npy") as file:
                _refuse_objects(name, file)
            array: NDArray[Any] = archive[member]
            return array
    except BadZipFile as error:
        raise ValueError(str(error)) from None


def _load_npy(name: str, content: IO[bytes], key: str | None) -> NDArray[Any]:
    """Read an array, from a file by mapping it into memory."""
    if key is not None:
        raise FileError(name, "is a single array; --key is for .npz files")
    shape = _refuse_objects(name, content)
    content.seek(0)
    mapped = name != "-" and 0 not in shape
    array: NDArray[Any] = (
        np.load(name, mmap_mode="r", allow_pickle=False)
        if mapped
        else np.load(content, allow_pickle=False)
    )
    return array


def _refuse_objects(name: str, content: IO[bytes]) -> tuple[int, ...]:
    """Read the header of a `.npy` and return the shape that it promises."""
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, _, dtype = readers[np.lib.format.read_magic(content)](content)
    if dtype.hasobject:
        problem = "holds Python objects, which are not read; save plain numbers instead"
        raise FileError(name, problem)
    return shape


def _member(name: str, keys: list[str], key: str | None) -> str:
    if key in keys:
        return key
    if key is None and len(keys) == 1:
        return keys[0]
    known = ", ".join(keys) or "none"
    wanted = f"has no array {key!r}" if key else f"holds {len(keys)} arrays; say which with --key"
    raise FileError(name, f"{wanted} (there: {known})")


def _as_nchw(name: str, array: NDArray[Any], layout: str | None) -> NDArray[Any]:
    if array.dtype.kind not in "buif":
        raise FileError(name, f"holds {array.dtype}, not real numbers")
    if array.ndim not in _GUESSES:
        raise FileError(name, f"has shape {array.shape}; a feature map has 2 to 4 axes")
    chosen = layout or _GUESSES[array.ndim]
    if len(chosen) != array.ndim:
        raise ArgumentError("layout", f"{chosen} does not fit the {array.ndim} axes {array.shape}")
    if 0 in array.shape:
        raise FileError(name, f"is empty: its shape is {array.shape}")
    target = _TO_NCHW[chosen]
    order = [chosen.index(axis) for axis in target if axis != "1"]
    moved = array.transpose(order)
    return moved.reshape((1,) * (4 - moved.ndim) + moved.shape)


def _refuse_for_image(layout: str | None, key: str | None) -> None:
    for option, value in (("layout", layout), ("key", key)):
        if value is not None:
            raise ArgumentError(option, "is for arrays; the features given are an image")


def _read_image(name: str, content: IO[bytes], stride: int) -> FeatureFile:
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(content) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.mode not in {"L", "RGB"}:
                picture = picture.convert("L" if picture.mode in {"1", "LA"} else "RGB")
    except UnidentifiedImageError:
        raise FileError(
            name, "is neither a .npy, an .npz nor an image; save features with numpy.save"
        ) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise FileError(name, f"cannot be read as an image: {error}") from None
    image = np.asarray(picture)
    planes = image.astype(np.float32).reshape(*image.shape[:2], -1)
    blocks = average_blocks(planes, stride)
    return FeatureFile(name, blocks.transpose(2, 0, 1)[None], image, stride)


def average_blocks(planes: NDArray[np.float32], stride: int) -> NDArray[np.float32]:
    """Return the means over blocks of `stride` × `stride` pixels.

    Parameters
    ----------
    planes
        (H, W, C).
    stride
        Pixels a side; a block over the right or lower edge averages the pixels that there are.

    Returns
    -------
    (ceil(H / stride), ceil(W / stride), C).

    Examples
    --------
    >>> average_blocks(np.arange(6, dtype=np.float32).reshape(2, 3, 1), 2)[..., 0]
    array([[2. , 3.5]], dtype=float32)
    """
    if stride == 1:
        return planes
    sums, pixels = planes.astype(np.float64), np.ones(1)
    for axis in (0, 1):
        starts = np.arange(0, planes.shape[axis], stride)
        sums = np.add.reduceat(sums, starts, axis)
        lengths = np.diff(np.append(starts, planes.shape[axis]))
        pixels = np.multiply.outer(pixels, lengths)
    means: NDArray[np.float32] = (sums / pixels[0][..., None]).astype(np.float32)
    return means
