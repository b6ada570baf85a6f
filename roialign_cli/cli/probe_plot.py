"""Draw the smallest case that shows a rule in which a kernel differs from a preset."""

from __future__ import annotations

from pathlib import Path

from roialign_cli.analysis.trace import Trace
from roialign_cli.cli.streams import message
from roialign_cli.files.writing import atomic_write
from roialign_cli.measure.case_traces import case_traces, output_trace
from roialign_cli.measure.fingerprint import Case, Fingerprint
from roialign_cli.show.document.probe_case import THE_KERNEL
from roialign_cli.show.figures.compare import compare_figure
from roialign_cli.show.figures.saving import check_suffix, save_figure


def draw_case(found: Fingerprint, path: Path, *, force: bool) -> None:
    """Draw the first case with an output of both sides, or print that there is none.

    Parameters
    ----------
    found
        What was measured.
    path
        The file.
    force
        Whether an existing file is overwritten.
    """
    for difference in sorted(found.differs, key=lambda one: one.is_minor):
        case = difference.case
        traces = None if case is None else _traces(found, case)
        if case is None or traces is None:
            continue
        row, column = case.section
        figure = compare_figure(
            *traces,
            section=(column + 1, row + 1),
            title=f"{difference.rule.capitalize()}: the smallest case",
            names=(found.nearest or "", THE_KERNEL),
        )
        with atomic_write(path, force=force) as file:
            save_figure(figure, file, check_suffix(path))
        message(f"wrote {path}")
        return
    message(f"{path} is not written: there is no case to draw")


def _traces(found: Fingerprint, case: Case) -> tuple[Trace, Trace] | None:
    """Return the traces of the preset and of the kernel; None if one of them has no output."""
    expected, own = case_traces(found, case)
    if expected is not None and own is None:
        own = output_trace(found, case, expected)
    return None if expected is None or own is None else (expected, own)
