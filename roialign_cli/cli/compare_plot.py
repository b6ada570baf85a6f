"""Draw the box in which the two sides of `roialign compare` differ most."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from roialign_cli.analysis.comparison import Differences
from roialign_cli.analysis.trace import Trace
from roialign_cli.cli.inputs import Inputs
from roialign_cli.cli.streams import message
from roialign_cli.files.writing import atomic_write
from roialign_cli.show.figures.compare import compare_figure
from roialign_cli.show.figures.saving import check_suffix, save_figure
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.numbers import photo_channel

OUTPUT_TITLE = "A convention and a saved output of the same box"


def write_comparison(
    inputs: Inputs,
    trace: Trace,
    second: Trace,
    path: Path,
    section: tuple[int, int],
    *,
    force: bool,
    title: str,
    names: tuple[str, str] | None = None,
    level: str = "",
) -> None:
    """Draw two traces of a box, and write the figure to a file.

    Parameters
    ----------
    inputs
        The inputs of the first trace.
    trace, second
        The two traces.
    path
        The file.
    section
        The section (i, j) to draw close up, from 1.
    force
        Whether an existing file is overwritten.
    title
        The title of the figure.
    names
        The names of both sides; None for the names of the conventions.
    level
        The level of a pyramid that the map of the first trace is, in words.
    """
    photo = photo_channel(inputs.file.image, trace.channel)
    style = FigureStyle(photo_channel=photo, level=level)
    figure = compare_figure(trace, second, section=section, title=title, names=names, style=style)
    with atomic_write(path, force=force) as file:
        save_figure(figure, file, check_suffix(path))
    message(f"wrote {path}")


def trace_of_output(trace: Trace, compared: Differences, name: str) -> Trace:
    """Return a trace with the other output instead of its own, and without sample points."""
    roi, channel, _ = compared.worst
    output = compared.other_outputs[roi, channel].astype(float)
    return replace(
        trace,
        convention=replace(trace.convention, name=name),
        output=tuple(tuple(row) for row in output.tolist()),
        sections=tuple(
            replace(s, output=value, winner=None, points=(), grid=(0, 0))
            for s, value in zip(trace.sections, output.ravel().tolist(), strict=True)
        ),
    )
