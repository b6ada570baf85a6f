"""Saving a figure: the same figure, the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from matplotlib.figure import Figure

from roialign_cli.errors import ArgumentError
from roialign_cli.show.paper import style

# Per kind of file: what it would otherwise tell of when it was made.
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None},
}


def check_suffix(path: Path) -> str:
    """Return the kind of picture that a path names, or raise an `ArgumentError`."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in _METADATA:
        known = ", ".join(f".{known}" for known in _METADATA)
        raise ArgumentError("output", f"{path} ends in none of {known}")
    return kind


def save_figure(figure: Figure, file: IO[bytes], kind: str, dpi: float = 200) -> None:
    """Write a figure into an open file.

    Parameters
    ----------
    figure
        Of any view.
    file
        Open for writing bytes.
    kind
        Of `check_suffix`.
    dpi
        Pixels per inch.
    """
    with style():
        figure.savefig(file, format=kind, dpi=dpi, metadata=_METADATA[kind])
