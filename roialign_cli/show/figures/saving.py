"""Saving a figure; equal figures give equal bytes."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from matplotlib.figure import Figure

from roialign_cli.errors import ArgumentError, unknown_suffix
from roialign_cli.memory import check_fits
from roialign_cli.show.figures.style import figure_settings

# Format → metadata to leave out, because Matplotlib's version or the date would change the bytes.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}
# Matplotlib's canvas, and an image that is scaled to the canvas as floating-point colours.
_BYTES_PER_PIXEL = 80
_MAX_SIDE = (1 << 16) - 1  # pixels of Matplotlib's canvas


def check_suffix(path: Path) -> str:
    """Return the format that the suffix of a path names: "png", "svg" or "pdf".

    Raises
    ------
    ArgumentError
        If the path has another suffix.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _METADATA:
        raise ArgumentError("output", unknown_suffix(path, [f".{known}" for known in _METADATA]))
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
        The format, as `check_suffix` returns it.
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
        figure.savefig(file, format=kind, dpi=dpi, metadata=_METADATA[kind])


def _check_pixels(figure: Figure, dpi: float) -> None:
    """Raise an `ArgumentError` if a picture would have too many pixels."""
    width, height = (round(inches * dpi) for inches in figure.get_size_inches().tolist())
    remedy = "use a smaller --dpi or --width"
    if max(width, height) > _MAX_SIDE:
        problem = f"{width} × {height} pixels are more than {_MAX_SIDE} along one side; {remedy}"
        raise ArgumentError("dpi", problem)
    check_fits("dpi", _BYTES_PER_PIXEL * width * height, f"{width} × {height} pixels take", remedy)
