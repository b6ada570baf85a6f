"""Whether there is room for outputs, said before they are computed."""

from __future__ import annotations

import math
import os
from pathlib import Path

from roialign_cli.errors import ArgumentError, FileError

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
# Bytes that a number takes while it is made text, besides its own.
_AS_TEXT = 120


def sized(size: float) -> str:
    """Return a number of bytes as text.

    Examples
    --------
    >>> sized(0), sized(1536), sized(3.2e10)
    ('0 bytes', '1.54 kB', '32 GB')
    """
    power = min(int(math.log10(size) // 3), len(_UNITS) - 1) if size >= 1 else 0
    return f"{size / 1000**power:.3g} {_UNITS[power]}"


def memory_there_is() -> float:
    """Return the bytes of memory that are free, infinity where that is not known."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        known = dict(line.split(":", 1) for line in lines)
        return float(known["MemAvailable"].split()[0]) * 1024
    except (KeyError, OSError, ValueError):
        return math.inf


def check_room(
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
            problem = f"needs {sized(needed)} for {shown} numbers; its disk has {sized(free)} free"
            raise FileError(path, problem)
        return
    needed = numbers * float(number + (_AS_TEXT if as_text else 0))
    there = memory_there_is() if most is None else most
    if needed > there:
        limit = "that is free" if most is None else "allowed"
        raise ArgumentError(
            "max_memory",
            f"{shown} outputs take {sized(needed)}, more than the {sized(there)} {limit}; "
            "-o FILE.npy writes them to the disk as they are computed",
        )
