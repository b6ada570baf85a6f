"""Check that there is enough memory for something large before it is allocated."""

from __future__ import annotations

import math
import os
from pathlib import Path

from roialign_cli.errors import ArgumentError

# Fewer bytes are not checked, because asking the system takes longer than a small operation.
_MIN_CHECKED_BYTES = 1 << 28
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def format_bytes(size: float) -> str:
    """Return a number of bytes as text with a unit.

    Examples
    --------
    >>> format_bytes(0), format_bytes(1536), format_bytes(3.2e10)
    ('0 bytes', '1.54 kB', '32 GB')
    """
    power = min(int(math.log10(size) // 3), len(_UNITS) - 1) if size >= 1 else 0
    return f"{size / 1000**power:.3g} {_UNITS[power]}"


def available_memory() -> float:
    """Return the free memory in bytes, or infinity if the system does not report it."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        entries = dict(line.split(":", 1) for line in lines)
        return float(entries["MemAvailable"].split()[0]) * 1024
    except (KeyError, OSError, ValueError):
        pass
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return math.inf


def check_fits(
    argument: str, needed: float, what: str, remedy: str, allowed: float | None = None
) -> None:
    """Raise an `ArgumentError` if something needs more memory than there is.

    Parameters
    ----------
    argument
        The argument that the error names.
    needed
        Needed memory, in bytes.
    what
        What needs the memory, as the beginning of a sentence: "48000 × 30000 pixels take".
    remedy
        How to need less, as the end of the sentence.
    allowed
        Allowed memory, in bytes; None for the free memory.
    """
    if allowed is None and needed < _MIN_CHECKED_BYTES:
        return
    limit = available_memory() if allowed is None else allowed
    if needed > limit:
        named = "that is free" if allowed is None else "allowed"
        problem = f"{what} {format_bytes(needed)}, more than the {format_bytes(limit)} {named}"
        raise ArgumentError(argument, f"{problem}; {remedy}")
