"""`roialign explain`: every step of one ROI, with its numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roialign_cli.cli.help import command, output_option, selection_option
from roialign_cli.cli.option_types import CELL, OUTPUT_FILE
from roialign_cli.cli.options import (
    OperatorOptions,
    channel_option,
    force_option,
    format_option,
    note_options,
    operator_options,
    roi_option,
    section_options,
)
from roialign_cli.cli.streams import message
from roialign_cli.errors import ArgumentError

if TYPE_CHECKING:
    from roialign_cli.analysis.pitfalls import Note
    from roialign_cli.analysis.sections import Section
    from roialign_cli.analysis.trace import Trace
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.core.convention import Summary
    from roialign_cli.show.document.blocks import Block


# Form → what a file of it ends in.
FORMS = {"text": "txt", "markdown": "md", "html": "html", "json": "json"}


@command(
    "explain",
    "roialign explain map.npy --image-size 512x512 --box 296,320,200,145",
    "roialign explain map.npy --box 9.25,10,6.25,4.53 --section 1,1 --sketch",
    "roialign explain map.npy --box 9.25,10,6.25,4.53 -o roi.html",
    "roialign explain map.npy --boxes boxes.csv --cell 6,9",
)
@operator_options
@roi_option
@channel_option
@section_options
@selection_option(
    "--cell",
    type=CELL,
    help="Tell instead which outputs of all boxes this cell of the map feeds.",
)
@output_option(
    "-o",
    "--output",
    metavar="FILE",
    type=OUTPUT_FILE,
    help="Write it to a .txt, .md, .html or .json.",
)
@format_option(
    *FORMS, text="What to write; html is a page to point at.  [default: as -o ends, or text]"
)
@output_option(
    "--sketch",
    is_flag=True,
    help="Draw the ROI and its points on the cells in text.",
)
@force_option
@note_options
def explain(
    options: OperatorOptions,
    roi: int | None,
    channel: int | Summary,
    section: tuple[int, int] | None,
    point: tuple[int, int] | None,
    cell: tuple[int, int] | None,
    output: Path | None,
    output_format: str | None,
    *,
    sketch: bool,
    force: bool,
    quiet: bool,
    strict: bool,
) -> None:
    """Tell every step of one ROI, with its numbers."""
    from roialign_cli.cli.inputs import load
    from roialign_cli.cli.warnings import report_warnings
    from roialign_cli.files.writing import check_writable

    output_format = output_format or _form_of(output)
    if sketch and output_format in {"html", "json"}:
        raise click.UsageError(f"--sketch is text; {output_format} has all that it draws")
    if cell is not None and (sketch or section or point or roi is not None):
        raise click.UsageError("--cell takes no --roi, --section, --point and --sketch")
    if output is not None:
        check_writable(output, force=force, read=options.files)
    inputs = load(options)
    notes = inputs.notes(inputs.operation.plan(), None if cell else roi or 0)
    report_warnings(notes, quiet=quiet, strict=strict)
    if cell is not None:
        document = _of_cell(inputs, cell, channel, notes)
    else:
        columns = _sketch_columns() if sketch else 0
        document = _of_roi(inputs, roi or 0, channel, section, point, notes, columns)
    if output is None:
        document.show(output_format)
        explained = len(document.sections)
        if output_format == "text" and explained > _MANY and sys.stdout.isatty():
            message(f"explained {explained} sections; choose one with --section I,J")
    else:
        document.write(output_format, output, force=force)


_MANY = 9  # sections, more than which are pages of text


def _sketch_columns() -> int:
    """Return how wide a sketch may be: verbatim text is indented by two columns."""
    from roialign_cli.show.document.terminal import new_console

    return min(new_console().width, 80) - 2


def _form_of(path: Path | None) -> str:
    """Return the form that a file's name ends in, text if there is no file."""
    if path is None:
        return "text"
    known = {f".{suffix}": output_format for output_format, suffix in FORMS.items()}
    if path.suffix.lower() not in known:
        raise ArgumentError("output", f"{path} ends in none of {', '.join(known)}")
    return known[path.suffix.lower()]


@dataclass(frozen=True)
class _Document:
    """An explanation in any form; each is made when it is asked for."""

    blocks: Callable[[], Iterable[Block]]
    page: Callable[[], str]
    record: Callable[[], dict[str, Any]]
    sections: Sequence[Section] = ()

    def show(self, output_format: str) -> None:
        """Print it."""
        if output_format == "text":
            from roialign_cli.show.document.terminal import print_blocks

            print_blocks(list(self.blocks()))
        else:
            click.echo(self.written(output_format), nl=False)

    def write(self, output_format: str, path: Path, *, force: bool) -> None:
        """Write it to a file."""
        from roialign_cli.files.writing import atomic_write

        content = self.written(output_format).encode()
        with atomic_write(path, force=force) as file:
            file.write(content)
        message(f"wrote {path}")

    def written(self, output_format: str) -> str:
        """Return it as text of a form."""
        if output_format == "html":
            return self.page()
        if output_format == "json":
            from roialign_cli.analysis.records import to_json

            return to_json(self.record()) + "\n"
        if output_format == "markdown":
            from roialign_cli.show.document.markdown import to_markdown

            return to_markdown(self.blocks())
        from roialign_cli.show.document.terminal import blocks_text

        return blocks_text(self.blocks())


def _of_roi(
    inputs: Inputs,
    roi: int,
    channel: int | Summary,
    section: tuple[int, int] | None,
    point: tuple[int, int] | None,
    notes: Sequence[Note],
    sketch_columns: int,
) -> _Document:
    from roialign_cli.analysis.records import trace_record
    from roialign_cli.analysis.trace import trace_operation
    from roialign_cli.show.document.explanation import Explanation
    from roialign_cli.show.page.page import explanation_page

    operation = inputs.operation
    trace = trace_operation(operation, roi, channel)
    if section is None:
        _check_length(trace, point)
    exact = None
    if trace.convention.coordinate_decimals is not None:
        unrounded = replace(trace.convention, coordinate_decimals=None)
        exact = trace_operation(replace(operation, convention=unrounded), roi, channel)
    explanation = Explanation(trace, exact, inputs.file.title, section, point, sketch_columns)
    return _Document(
        explanation.blocks,
        lambda: explanation_page(explanation, notes),
        lambda: trace_record(replace(trace, sections=explanation.selected), notes),
        explanation.selected,
    )


MAX_EXPLAINED_POINTS = 50_000  # 50 MB of JSON, and a few seconds


def _check_length(trace: Trace, point: tuple[int, int] | None) -> None:
    """Raise an `ArgumentError` if an explanation of all sections would be endless."""
    points = trace.n_points if point is None else len(trace.sections)
    if points > MAX_EXPLAINED_POINTS:
        problem = f"ROI {trace.roi} has {points} sample points, too many to print"
        raise ArgumentError("section", f"{problem}; choose a section with --section I,J")


def _of_cell(
    inputs: Inputs, cell: tuple[int, int], channel: int | Summary, notes: Sequence[Note]
) -> _Document:
    from roialign_cli.analysis.footprint import outputs_using_cell
    from roialign_cli.analysis.records import cell_record
    from roialign_cli.show.document.cell import cell_blocks
    from roialign_cli.show.page.page import blocks_page
    from roialign_cli.show.progress import box_progress

    with box_progress(len(inputs.labels)) as advance:
        fed = outputs_using_cell(inputs.operation, *cell, channel, advance)
    blocks = cell_blocks(inputs.operation, cell, fed, inputs.labels, channel)
    return _Document(
        lambda: blocks,
        lambda: blocks_page(blocks),
        lambda: cell_record(inputs.operation, cell, fed, inputs.labels, channel, notes),
    )
