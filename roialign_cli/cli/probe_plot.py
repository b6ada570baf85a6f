"""Draw the smallest case that shows a rule in which a kernel differs from a preset."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from roialign_cli.analysis.trace import Trace
from roialign_cli.cli.streams import message
from roialign_cli.files.writing import atomic_write
from roialign_cli.measure.call import Answer
from roialign_cli.measure.case_traces import case_traces
from roialign_cli.measure.fingerprint import Case, Difference, Fingerprint, by_weight
from roialign_cli.measure.verdict import difference_words
from roialign_cli.show.document.probe_case import (
    OUTSIDE,
    THE_KERNEL,
    answer_words,
    call_words,
    computation,
)
from roialign_cli.show.figures.probe_case import Side, case_figure
from roialign_cli.show.figures.saving import check_suffix, save_figure
from roialign_cli.show.figures.wording import grid_words
from roialign_cli.show.numbers import capitalised


def draw_case(found: Fingerprint, path: Path, *, force: bool) -> None:
    """Draw the first case, or print why there is none.

    Parameters
    ----------
    found
        What was measured.
    path
        The file.
    force
        Whether an existing file is overwritten.
    """
    figures = (figure_of(found, each, each.case) for each in by_weight(found.differs) if each.case)
    figure = next(filter(None, figures), None)
    if figure is None:
        problem = "no case shows a difference" if found.differs else "no rule differs"
        message(f"{path} is not written: {problem}")
        return
    with atomic_write(path, force=force) as file:
        save_figure(figure, file, check_suffix(path))
    message(f"wrote {path}")


def figure_of(found: Fingerprint, difference: Difference, case: Case) -> Figure | None:
    """Return the picture of a case; None if the computation of neither side is known."""
    expected, own = case_traces(found, case)
    name, section = found.nearest or "", (case.section[1] + 1, case.section[0] + 1)
    return case_figure(
        (
            Side(name, expected, _lines(case, expected, case.expected)),
            Side(THE_KERNEL, own, _lines(case, own, case.given)),
        ),
        section,
        title=capitalised(difference_words(found, difference)),
        subtitle=[f"{name}: {difference.expected}", *call_words(found, case)],
    )


def _lines(case: Case, trace: Trace | None, answer: Answer) -> list[str]:
    """Return lines about the computation of one side."""
    if trace is None:
        words = answer_words(case, answer)
        return [words if answer.output is None else f"output {words}"]
    row, column = case.section
    section = trace.section(column + 1, row + 1)
    steps = computation(trace, section, "output")
    points = grid_words(trace, section)
    if OUTSIDE in steps:
        points += f", {steps[OUTSIDE]} outside the map"
    if len(trace.sections) > 1:
        points += f", in section {section.section}"
    return [points, f"output {steps['output']}"]
