"""Print warnings about boxes, or treat them as errors."""

from __future__ import annotations

from collections.abc import Sequence

from roialign_cli.analysis.pitfalls import Note
from roialign_cli.cli.streams import message
from roialign_cli.errors import RoiAlignError


def report_warnings(notes: Sequence[Note], *, quiet: bool, strict: bool) -> None:
    """Print each warning on standard error.

    Parameters
    ----------
    notes
        The warnings.
    quiet
        Whether to suppress them.
    strict
        Whether to raise an error with the first warning instead, also if `quiet`.
    """
    if strict and notes:
        rest = f" (and {len(notes) - 1} more)" if len(notes) > 1 else ""
        raise RoiAlignError(f"{notes[0].text}{rest}")
    if not quiet:
        for note in notes:
            message(f"warning: {note.text}")
