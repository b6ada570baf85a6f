"""Read the pixels of an image as a viewer shows them."""

from __future__ import annotations

import struct
import warnings
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import FileError
from roialign_cli.files.reading import TOO_LARGE

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

# The densest packing stores some 8000 black and white pixels in a byte.
_MAX_PIXELS_PER_BYTE = 10_000
_MAX_UNCHECKED_PIXELS = 1_000_000
_BITS_PER_SAMPLE = 258  # TIFF's tag; its value has a number for each channel
_ORIENTATION = 0x0112  # EXIF's tag; 1 is upright


def read_image(name: str, content: IO[bytes]) -> tuple[NDArray[Any], list[str]]:
    """Read an image in any format that Pillow reads.

    Parameters
    ----------
    name
        Path of the file, for error messages.
    content
        The file, open at its start.

    Returns
    -------
    The pixels (H, W, 1 or 3), uint8 or a deeper dtype, and what was done to get them, in words.

    Raises
    ------
    FileError
        If the file is damaged, not an image, or too large to unpack.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Pillow only warns about images up to twice as large as it considers safe.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(content) as picture:
                _check_size(name, picture, content)
                is_reduced = _is_reduced(name, picture)
                pixels, remarks = _as_seen(picture)
    except FileError:
        raise
    except UnidentifiedImageError:
        raise FileError(
            name,
            "is not a .npy, .npz, text or image file; save the features with numpy.save",
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise FileError(
            name, "is an image too large to unpack safely; save a smaller image"
        ) from None
    except MemoryError:
        raise FileError(name, TOO_LARGE) from None
    except (
        EOFError, IndexError, KeyError, NotImplementedError, OSError, OverflowError, RuntimeError,
        SyntaxError, TypeError, ValueError, ZeroDivisionError, AttributeError, struct.error,
    ) as error:  # fmt: skip
        reason = str(error) or type(error).__name__
        raise FileError(
            name, f"cannot be read as an image ({reason}); save the image again"
        ) from None
    if is_reduced:
        remarks.append("16 bits per channel reduced to 8 by the reader")
    return pixels, remarks


def _check_size(name: str, picture: Image.Image, content: IO[bytes]) -> None:
    """Raise an error if the file is too short for the pixels that its header promises."""
    position = content.tell()
    size = content.seek(0, 2)
    content.seek(position)
    pixels = picture.width * picture.height
    if pixels > _MAX_UNCHECKED_PIXELS + _MAX_PIXELS_PER_BYTE * size:
        problem = (
            f"is incomplete: {pixels} pixels are announced in {size} bytes; save the image again"
        )
        raise FileError(name, problem)


def _is_reduced(name: str, picture: ImageFile) -> bool:
    """Return whether Pillow keeps only 8 of the 16 bits that each channel has in the file."""
    if picture.mode in {"I", "F"} or picture.mode.startswith("I;16"):
        return False
    if any(_has_16_bits(codec, args) for codec, _, _, args in picture.tile):
        return True
    if max(getattr(picture, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,))) > 8:
        # Pillow would read every byte of such a file as a pixel.
        problem = (
            "is a TIFF with 16 bits per channel, stored channel by channel; save a PNG instead"
        )
        raise FileError(name, problem)
    return False


def _has_16_bits(codec: str, args: object) -> bool:
    """Return whether a decoder reads 16 bits: its mode is like "RGB;16B", or its maximum large."""
    if codec.startswith("ppm") and isinstance(args, tuple):
        return bool(args[1] > 255)
    return ";16" in str(args)


def _as_seen(picture: Image.Image) -> tuple[NDArray[Any], list[str]]:
    """Return pixels (H, W, 1 or 3), upright and without transparency, and each change in words."""
    from PIL import Image, ImageOps

    remarks = []
    if getattr(picture, "n_frames", 1) > 1:
        remarks.append(f"the first of {getattr(picture, 'n_frames', 1)} frames")
    upright = ImageOps.exif_transpose(picture)
    if upright.size != picture.size or picture.getexif().get(_ORIENTATION, 1) not in {0, 1}:
        remarks.append("turned as its EXIF data says")
    if upright.mode in {"I", "F"} or upright.mode.startswith("I;16"):
        return np.asarray(upright)[..., None], [*remarks, f"mode {upright.mode}"]
    if upright.has_transparency_data:
        is_grey = upright.mode in {"LA", "La"}
        opaque = upright.convert("RGBA")
        if np.asarray(opaque.getchannel("A")).min() < 255:
            remarks.append("transparent parts over white")
            white = Image.new("RGBA", opaque.size, "white")
            opaque = Image.alpha_composite(white, opaque)
        upright = opaque.convert("L" if is_grey else "RGB")
    if upright.mode == "CMYK":
        remarks.append("from CMYK")
    if upright.mode not in {"L", "RGB"}:
        upright = upright.convert("L" if upright.mode == "1" else "RGB")
    pixels = np.asarray(upright)
    return pixels.reshape(*pixels.shape[:2], -1), remarks


def as_eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return pixels as uint8; deeper ones are stretched from black to white."""
    if pixels.dtype == np.uint8:
        return pixels
    values = np.nan_to_num(pixels.astype(np.float64), posinf=0, neginf=0)
    low, high = values.min(), values.max()
    grey: NDArray[np.uint8] = ((values - low) * (255 / (high - low or 1))).round().astype(np.uint8)
    return grey


def average_blocks(pixels: NDArray[np.float32], stride: int) -> NDArray[np.float32]:
    """Average pixels over blocks of `stride` × `stride`.

    Parameters
    ----------
    pixels
        Pixels (H, W, C).
    stride
        Side of a block, in pixels. Blocks at the right and lower edge may be smaller.

    Returns
    -------
    The means (ceil(H / stride), ceil(W / stride), C), float32.

    Examples
    --------
    >>> average_blocks(np.arange(6, dtype=np.float32).reshape(2, 3, 1), 2)[..., 0]
    array([[2. , 3.5]], dtype=float32)
    """
    if stride == 1:
        return pixels
    sums, counts = pixels.astype(np.float64), np.ones(1)
    for axis in (0, 1):
        starts = np.arange(0, pixels.shape[axis], stride)
        sums = np.add.reduceat(sums, starts, axis)
        lengths = np.diff(np.append(starts, pixels.shape[axis]))
        counts = np.multiply.outer(counts, lengths)
    means: NDArray[np.float32] = (sums / counts[0][..., None]).astype(np.float32)
    return means
