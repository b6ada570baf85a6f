"""Whether there is room for outputs, said before they are computed."""

from __future__ import annotations

import math
import os
from pathlib import Path

from roialign_cli.errors import FileError
from roialign_cli.memory import check_fits, format_bytes

# Bytes that a number takes while it is made text, besides its own.
_AS_TEXT = 120


def check_output_fits(
    shape: tuple[int, ...], number: int, path: Path | None, most: float | None, *, as_text: bool
) -> None:
    """Raise an error if outputs do not fit where they are to go.

    Parameters
    ----------
    shape
        Of the outputs.
    number
        Bytes a number.
    path
        The `.npy` that they are pooled into; None if they are held in memory.
    most
        Bytes of memory that they may take; what is free if None.
    as_text
        Whether they are made text.
    """
    numbers = math.prod(shape)
    shown = " × ".join(map(str, shape))
    if path is not None:
        import shutil

        needed = float(numbers * number)
        free = shutil.disk_usage(os.path.realpath(path.parent)).free
        if needed > free:
            room = f"its disk has {format_bytes(free)} free"
            raise FileError(path, f"needs {format_bytes(needed)} for {shown} numbers; {room}")
        return
    needed = numbers * float(number + (_AS_TEXT if as_text else 0))
    check_fits(
        "max_memory",
        needed,
        f"{shown} outputs take",
        "-o FILE.npy writes them to the disk as they are computed",
        most,
    )
