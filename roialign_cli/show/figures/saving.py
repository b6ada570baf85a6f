"""Saving a figure, or its stages as an animation; equal figures give equal bytes."""

from __future__ import annotations

from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from roialign_cli.errors import ArgumentError, unknown_suffix
from roialign_cli.memory import check_fits
from roialign_cli.show.figures.stages import StagedFigure, build_up
from roialign_cli.show.figures.style import figure_settings

# Format → metadata to leave out, because Matplotlib's version or the date would change the bytes.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
_PNG = {"compress_level": 2}  # higher levels take twice as long and save 1 % of the bytes
# Matplotlib's canvas, and an image that is scaled to the canvas as floating-point colours.
_BYTES_PER_PIXEL = 80
_BYTES_PER_FRAME_PIXEL = 4  # of a picture in memory
_MAX_SIDE = (1 << 16) - 1  # pixels of Matplotlib's canvas

_FRAME_MS, _LAST_FRAME_MS = 1500, 4000  # milliseconds that a frame of an animation is shown
_MAX_GIF_PIXELS = 40_000_000
_COLOURS = 255  # of a GIF, without the one that Pillow uses for unchanged pixels
_PACKED = np.array([1 << 16, 1 << 8, 1], np.int32)  # factors of red, green and blue
_EXACT_COLOURS = 64  # of areas; the others are for smoothed edges and photographs


def check_suffix(path: Path, *, animated: bool = False) -> str:
    """Return the format that the suffix of a path names: "png", "svg" or "pdf", or "gif".

    Parameters
    ----------
    path
        The path of the file to write.
    animated
        Whether "gif" is allowed.

    Raises
    ------
    ArgumentError
        If the path has another suffix.
    """
    kind = path.suffix.lower().removeprefix(".")
    kinds = [*_METADATA, "gif"] if animated else [*_METADATA]
    if kind not in kinds:
        raise ArgumentError("output", unknown_suffix(path, [f".{known}" for known in kinds]))
    return kind


def save_figure(figure: Figure, file: IO[bytes], kind: str, dpi: float = 200) -> None:
    """Write a figure into an open file.

    Parameters
    ----------
    figure
        The figure, of any view.
    file
        A file that is open for writing bytes.
    kind
        The format: "png", "svg" or "pdf".
    dpi
        Pixels per inch of a PNG.

    Raises
    ------
    ArgumentError
        If the PNG would have more pixels than fit into memory.
    """
    if kind == "png":
        _check_pixels(figure, dpi)
    with figure_settings():
        options: dict[str, Any] = {"pil_kwargs": _PNG} if kind == "png" else {}
        figure.savefig(file, format=kind, dpi=dpi, metadata=_METADATA[kind], **options)


def save_animation(staged: StagedFigure, file: IO[bytes], dpi: float = 200) -> None:
    """Write a GIF that builds a figure up, stage by stage, and starts again.

    Parameters
    ----------
    staged
        The figure and its stages.
    file
        A file that is open for writing bytes.
    dpi
        Pixels per inch.

    Raises
    ------
    ArgumentError
        If the GIF would have too many pixels, or more than fit into memory.
    """
    width, height = _pixel_size(staged.figure, dpi)
    if width * height > _MAX_GIF_PIXELS:
        limit = f"{_MAX_GIF_PIXELS // 10**6} million pixels, the limit of a .gif"
        raise ArgumentError("dpi", f"{width} × {height} pixels are more than {limit}; {_REMEDY}")
    _check_pixels(staged.figure, dpi, frames=staged.count)
    frames = [_picture(figure, dpi) for figure in build_up(staged)]
    # The colours of the last frame suit all frames: the others have no colours of their own.
    palette = _palette(frames[-1])
    first, *others = (_with_palette(frame, palette) for frame in frames)
    durations = [_FRAME_MS] * len(others) + [_LAST_FRAME_MS]
    first.save(file, format="GIF", save_all=True, append_images=others, duration=durations, loop=0)


_REMEDY = "use a smaller --dpi or --width"


def _pixel_size(figure: Figure, dpi: float) -> tuple[int, int]:
    width, height = (round(inches * dpi) for inches in figure.get_size_inches().tolist())
    return width, height


def _check_pixels(figure: Figure, dpi: float, frames: int = 0) -> None:
    """Raise an `ArgumentError` if a picture, or this many frames, would have too many pixels."""
    width, height = _pixel_size(figure, dpi)
    if max(width, height) > _MAX_SIDE:
        problem = f"{width} × {height} pixels are more than {_MAX_SIDE} along one side; {_REMEDY}"
        raise ArgumentError("dpi", problem)
    size = width * height * (_BYTES_PER_PIXEL + _BYTES_PER_FRAME_PIXEL * frames)
    check_fits("dpi", size, f"{width} × {height} pixels take", _REMEDY)


def _picture(figure: Figure, dpi: float) -> Image.Image:
    """Return the picture of a figure."""
    file = BytesIO()
    with figure_settings():
        figure.savefig(file, format="png", dpi=dpi, pil_kwargs={"compress_level": 0})
    return Image.open(file).convert("RGB")


def _palette(picture: Image.Image) -> Image.Image:
    """Return an image with the colours of a GIF for a picture, the most frequent ones first."""
    found = picture.getcolors(picture.width * picture.height) or []
    colours = [colour for _, colour in sorted(found, reverse=True) if isinstance(colour, tuple)]
    exact = colours[:_EXACT_COLOURS]
    others = picture.quantize(_COLOURS - len(exact), Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*chain.from_iterable(exact), *others])
    return palette


def _with_palette(picture: Image.Image, palette: Image.Image) -> Image.Image:
    """Return a picture in the colours of a palette, of which the first ones are exact."""
    reduced = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    pixels = np.array(reduced)
    # Pillow takes the nearest colour for several colours at once; areas have their own colour.
    packed = np.asarray(picture, np.int32) @ _PACKED
    exact = np.array(palette.getpalette(), np.int32)[: 3 * _EXACT_COLOURS].reshape(-1, 3) @ _PACKED
    order = np.argsort(exact)
    nearest = order[np.searchsorted(exact, packed, sorter=order).clip(max=len(exact) - 1)]
    pixels = np.where(exact[nearest] == packed, nearest, pixels).astype(np.uint8)
    image = Image.fromarray(pixels, "P")
    image.putpalette(palette.getpalette() or [])
    return image
