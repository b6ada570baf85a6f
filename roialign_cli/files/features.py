"""Reading a feature map: arrays in NumPy's formats, and images as a viewer shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.files.arrays import Member, is_numpy, load_array, refuse_others
from roialign_cli.files.reading import Fingerprint, fingerprint_of, open_input
from roialign_cli.printable import printable

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

# Layout → how its axes come to stand as N, C, H, W.
_TO_NCHW: dict[str, str] = {
    "HW": "11HW",
    "CHW": "1CHW",
    "HWC": "1CHW",
    "NCHW": "NCHW",
    "NHWC": "NCHW",
}
LAYOUTS = tuple(_TO_NCHW)
# Axes → the layouts that an array of so many may have: channels first, and last.
_POSSIBLE = {2: ("HW",), 3: ("CHW", "HWC"), 4: ("NCHW", "NHWC")}


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
    remarks
        What was guessed of an array or done to an image, in words.
    stamp
        The file's size and time when it was read, None of standard input.
    """

    name: str
    array: NDArray[Any]
    image: NDArray[np.uint8] | None = None
    stride: int | None = None
    remarks: tuple[str, ...] = ()
    fingerprint: Fingerprint | None = None

    def check_unchanged(self) -> None:
        """Raise an error if the file is another one than when it was opened."""
        if self.fingerprint is not None and fingerprint_of(self.name) != self.fingerprint:
            raise FileError(self.name, "was changed while it was being read; run it again")

    @property
    def title(self) -> str:
        """The name, and what was made of the file before it became features."""
        said = list(self.remarks)
        if self.image is not None and self.stride is not None:
            height, width = self.image.shape[:2]
            averaged = f" averaged over {self.stride} × {self.stride}" if self.stride > 1 else ""
            said.insert(0, f"{width} × {height} pixels{averaged}")
        name = printable(self.name)
        return f"{name} ({', '.join(said)})" if said else name


def read_features(
    name: str, *, layout: str | None = None, key: str | None = None, stride: int | None = None
) -> FeatureFile:
    """Read a `.npy`, an `.npz` or an image; "-" is a `.npy` on standard input.

    Parameters
    ----------
    name
        Path of the file.
    layout
        One of `LAYOUTS`; guessed from the shape if not given.
    key
        Which array of an `.npz` with several.
    stride
        Average an image over blocks of this many pixels a side first.

    Raises
    ------
    FileError
        If the file is missing, damaged, or holds no array of real numbers.
    ArgumentError
        If two layouts are as likely.
    """
    fingerprint = fingerprint_of(name)
    with open_input(name) as content:
        file = replace(_read(name, content, layout, key, stride or 1), fingerprint=fingerprint)
    file.check_unchanged()
    return file


def _read(
    name: str, content: IO[bytes], layout: str | None, key: str | None, stride: int
) -> FeatureFile:
    head = content.read(16)
    content.seek(0)
    if is_numpy(head):
        return _as_nchw(name, load_array(name, content, Member(key, option="--key")), layout)
    refuse_others(name, head)
    if not head:
        raise FileError(name, "is empty")
    _refuse_for_image(layout, key)
    return _read_image(name, content, stride)


def _as_nchw(name: str, array: NDArray[Any], layout: str | None) -> FeatureFile:
    if array.ndim not in _POSSIBLE:
        raise FileError(name, f"has shape {array.shape}; a feature map has 2 to 4 axes")
    if 0 in array.shape:
        raise FileError(name, f"is empty: its shape is {array.shape}")
    chosen = layout or _guessed(array.shape)
    if chosen not in LAYOUTS:
        raise ArgumentError("layout", f"{chosen!r} is none of {', '.join(LAYOUTS)}")
    if len(chosen) != array.ndim:
        raise ArgumentError("layout", f"{chosen} does not fit the {array.ndim} axes {array.shape}")
    order = [chosen.index(axis) for axis in _TO_NCHW[chosen] if axis != "1"]
    moved = array.transpose(order)
    guess = () if layout or chosen == _POSSIBLE[array.ndim][0] else (f"layout {chosen} guessed",)
    return FeatureFile(name, moved.reshape((1,) * (4 - moved.ndim) + moved.shape), remarks=guess)


# Channels of pictures; sides from which an array may be one; how long a map is at most, in widths.
_MAX_CHANNELS_OF_IMAGE, _PICTURE, _LONGEST = (1, 3, 4), 8, 8


def _guessed(shape: tuple[int, ...]) -> str:
    """Return the one likely layout: channels first, unless they are few and last as in pictures."""
    first, *others = _POSSIBLE[len(shape)]
    if not others:
        return first
    a, b, c = shape[-3:]
    is_picture = c in _MAX_CHANNELS_OF_IMAGE and min(a, b) >= _PICTURE
    is_map = max(b, c) <= _LONGEST * min(b, c) or a in _MAX_CHANNELS_OF_IMAGE
    if is_picture and is_map:
        raise ArgumentError(
            "layout", f"{shape} may be {first} or {others[0]}; say which with --layout"
        )
    return others[0] if is_picture else first


def _refuse_for_image(layout: str | None, key: str | None) -> None:
    for option, value in (("layout", layout), ("key", key)):
        if value is not None:
            raise ArgumentError(option, "is for arrays; the features given are an image")


# Images -------------------------------------------------------------------------------------------


def _read_image(name: str, content: IO[bytes], stride: int) -> FeatureFile:
    import struct
    import warnings

    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Pillow only warns of pictures up to twice as large as it thinks safe.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(content) as picture:
                _check_promise(name, picture, content)
                reduced = _is_reduced(name, picture)
                planes, remarks = _as_seen(picture)
    except FileError:
        raise
    except UnidentifiedImageError:
        raise FileError(
            name, "is neither a .npy, an .npz nor an image; save features with numpy.save"
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FileError(name, "is an image too large to unpack safely; make it smaller") from None
    except MemoryError:
        raise FileError(name, "is larger than the memory that there is") from None
    except (
        EOFError, IndexError, KeyError, NotImplementedError, OSError, OverflowError, RuntimeError,
        SyntaxError, TypeError, ValueError, ZeroDivisionError, AttributeError, struct.error,
    ) as error:  # fmt: skip
        reason = str(error) or type(error).__name__
        raise FileError(name, f"cannot be read as an image: {reason}") from None
    if reduced:
        remarks.append("16 bits per channel reduced to 8 by the reader")
    blocks = average_blocks(planes.astype(np.float32), stride)
    image = planes if planes.dtype == np.uint8 else _eight_bits(planes)
    shown = image[..., 0] if image.shape[2] == 1 else image
    features = blocks.transpose(2, 0, 1)[None]
    return FeatureFile(name, features, shown, stride, tuple(remarks))


# A byte of the tightest packing makes some 8000 pixels, of black and white.
_MOST_PER_BYTE, _FEW_PIXELS = 10_000, 1_000_000


def _check_promise(name: str, picture: Image.Image, content: IO[bytes]) -> None:
    """Refuse a file so short that it cannot hold the pixels that it promises."""
    at = content.tell()
    size = content.seek(0, 2)
    content.seek(at)
    pixels = picture.width * picture.height
    if pixels > _FEW_PIXELS + _MOST_PER_BYTE * size:
        raise FileError(name, f"promises {pixels} pixels and has {size} bytes; is it complete?")


def _is_reduced(name: str, picture: ImageFile) -> bool:
    """Return whether Pillow keeps only 8 of the 16 bits that each channel has in the file."""
    if picture.mode in {"I", "F"} or picture.mode.startswith("I;16"):
        return False
    if any(_has_16_bits(codec, args) for codec, _, _, args in picture.tile):
        return True
    if max(getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))) > 8:
        # Pillow would take every byte of these for a pixel.
        problem = "is a TIFF with 16 bits per channel, stored channel by channel; save it as PNG"
        raise FileError(name, problem)
    return False


_BITS_PER_SAMPLE = 258  # TIFF's tag, with a number for each channel


def _has_16_bits(codec: str, args: object) -> bool:
    """Return whether a decoder reads 16 bits: its mode is as "RGB;16B", or its maximum is large."""
    if codec.startswith("ppm") and isinstance(args, tuple):
        return bool(args[1] > 255)
    return ";16" in str(args)


def _as_seen(picture: Image.Image) -> tuple[NDArray[Any], list[str]]:
    """Return a picture's pixels (H, W, 1 or 3), turned and flattened as a viewer does; and how."""
    from PIL import Image, ImageOps

    remarks = []
    if getattr(picture, "n_frames", 1) > 1:
        remarks.append(f"the first of {getattr(picture, 'n_frames', 1)} frames")
    upright = ImageOps.exif_transpose(picture)
    if upright.size != picture.size or _is_turned(picture):
        remarks.append("turned as its EXIF data says")
    if upright.mode in {"I", "F"} or upright.mode.startswith("I;16"):
        return np.asarray(upright)[..., None], [*remarks, f"mode {upright.mode}"]
    if upright.has_transparency_data:
        grey = upright.mode in {"LA", "La"}
        clear = upright.convert("RGBA")
        if np.asarray(clear.getchannel("A")).min() < 255:
            remarks.append("transparent parts over white")
            white = Image.new("RGBA", clear.size, "white")
            clear = Image.alpha_composite(white, clear)
        upright = clear.convert("L" if grey else "RGB")
    if upright.mode == "CMYK":
        remarks.append("from CMYK")
    if upright.mode not in {"L", "RGB"}:
        upright = upright.convert("L" if upright.mode == "1" else "RGB")
    pixels = np.asarray(upright)
    return pixels.reshape(*pixels.shape[:2], -1), remarks


_ORIENTATION = 0x0112  # EXIF's tag; 1 is upright


def _is_turned(picture: Image.Image) -> bool:
    return bool(picture.getexif().get(_ORIENTATION, 1) not in {0, 1})


def _eight_bits(planes: NDArray[Any]) -> NDArray[np.uint8]:
    """Return deeper pixels as 8 bits, the darkest black and the brightest white."""
    values = np.nan_to_num(planes.astype(np.float64), posinf=0, neginf=0)
    low, high = values.min(), values.max()
    eight: NDArray[np.uint8] = ((values - low) * (255 / (high - low or 1))).round().astype(np.uint8)
    return eight


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
