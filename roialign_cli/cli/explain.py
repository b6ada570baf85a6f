"""`roialign explain`: explain one ROI step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.document import FORMATS, Document, format_of
from roialign_cli.cli.help import command, output_option, selection_option
from roialign_cli.cli.option_types import CELL, OUTPUT_FILE
from roialign_cli.cli.options import (
    OperatorOptions,
    Selection,
    force_option,
    format_option,
    note_options,
    operator_options,
    selection_options,
)
from roialign_cli.errors import ArgumentError

if TYPE_CHECKING:
    from roialign_cli.analysis.pitfalls import Note
    from roialign_cli.analysis.trace import Trace
    from roialign_cli.cli.inputs import Inputs

MAX_EXPLAINED_POINTS = 50_000  # 50 MB of JSON, and a few seconds


@command(
    "explain",
    "roialign explain map.npy --image-size 512x512 --box 296,320,200,145",
    "roialign explain map.npy --box 9.25,10,6.25,4.53 --section 1,1 --sketch",
    "roialign explain map.npy --box 9.25,10,6.25,4.53 -o roi.html",
    "roialign explain map.npy --boxes boxes.csv --cell 6,9",
)
@operator_options
@selection_options
@selection_option(
    "--cell",
    type=CELL,
    help="Instead of an ROI, list the outputs of all boxes that use this cell of the map.",
)
@output_option(
    "-o",
    "--output",
    metavar="FILE",
    type=OUTPUT_FILE,
    help="Write the explanation to a .txt, .md, .html or .json file.",
)
@format_option(
    *FORMATS,
    text="Output format; html is an interactive page.  [default: from the suffix of -o, or text]",
)
@output_option(
    "--sketch", is_flag=True, help="Also draw the ROI and its points on the cells as text."
)
@force_option
@note_options
def explain(
    options: OperatorOptions,
    selection: Selection,
    cell: tuple[int, int] | None,
    output: Path | None,
    output_format: str | None,
    *,
    sketch: bool,
    force: bool,
    quiet: bool,
    strict: bool,
) -> None:
    """Explain one ROI step by step."""
    from roialign_cli.cli.inputs import load
    from roialign_cli.cli.warnings import report_warnings
    from roialign_cli.files.writing import check_writable

    output_format = output_format or format_of(output)
    if sketch and output_format in {"html", "json"}:
        raise click.UsageError(
            f"--sketch has no effect with {output_format}; use --format text or markdown"
        )
    if cell is not None and (sketch or selection.is_of_roi()):
        raise click.UsageError(
            "--cell cannot be used with --roi, --section, --point or --sketch; use only one"
        )
    if output is not None:
        check_writable(output, force=force, read=options.files)
    inputs = load(options)
    notes = inputs.notes(inputs.operation.plan(), (selection.roi or 0) if cell is None else None)
    report_warnings(notes, quiet=quiet, strict=strict)
    if cell is None:
        document = _roi_document(inputs, selection, notes, _sketch_columns() if sketch else 0)
    else:
        from roialign_cli.cli.explain_cell import cell_document

        document = cell_document(inputs, cell, selection.channel, notes)
    if output is None:
        document.show(output_format)
    else:
        document.write(output_format, output, force=force)


def _sketch_columns() -> int:
    """Return how wide a sketch may be: verbatim text is indented by two columns."""
    from roialign_cli.show.document.terminal import new_console

    return min(new_console().width, 80) - 2


def _roi_document(
    inputs: Inputs, selection: Selection, notes: Sequence[Note], sketch_columns: int
) -> Document:
    from roialign_cli.analysis.records import trace_record
    from roialign_cli.analysis.trace import trace_operation
    from roialign_cli.show.document.explanation import Explanation
    from roialign_cli.show.page.page import explanation_page

    operation, roi, channel = inputs.operation, selection.roi or 0, selection.channel
    section, point = selection.section, selection.point
    trace = trace_operation(operation, roi, channel)
    if section is None:
        _check_length(trace, point)
    exact = None
    if trace.convention.coordinate_decimals is not None:
        unrounded = replace(trace.convention, coordinate_decimals=None)
        exact = trace_operation(replace(operation, convention=unrounded), roi, channel)
    explanation = Explanation(trace, exact, inputs.file.title, section, point, sketch_columns)
    return Document(
        explanation.blocks,
        lambda: explanation_page(explanation, notes),
        lambda: trace_record(replace(trace, sections=explanation.selected), notes),
        len(explanation.selected),
    )


def _check_length(trace: Trace, point: tuple[int, int] | None) -> None:
    """Raise an `ArgumentError` if an explanation of all sections would be too long."""
    points = trace.n_points if point is None else len(trace.sections)
    if points > MAX_EXPLAINED_POINTS:
        problem = f"ROI {trace.roi} has {points} sample points, too many to print"
        raise ArgumentError("section", f"{problem}; choose a section with --section I,J")
