"""`roialign compare`: compare two conventions, or a convention with a saved output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.help import command, operator_option, output_option
from roialign_cli.cli.option_types import OUTPUT_FILE, NumberInRange, PresetName
from roialign_cli.cli.options import (
    OperatorOptions,
    force_option,
    format_option,
    note_options,
    operator_options,
)
from roialign_cli.cli.streams import message
from roialign_cli.errors import ArgumentError

if TYPE_CHECKING:
    from roialign_cli.analysis.comparison import Comparison
    from roialign_cli.analysis.pitfalls import Note
    from roialign_cli.analysis.trace import Trace
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.core.operation import Operation

_OUTPUT_SUFFIXES = (".npy", ".npz")


@command(
    "compare",
    "roialign compare map.npy --boxes boxes.csv --preset torchvision-aligned --with torchvision",
    "roialign compare map.npy --boxes boxes.csv --preset torchvision-aligned --with exported.npy "
    "--max-difference 1e-4",
)
@operator_options
@operator_option(
    "--with",
    "other",
    type=PresetName(),
    metavar="PRESET|FILE",
    required=True,
    help="Second side: NAME, NAME,FIELD=VALUE,… or a saved output: .npy, .npz, FILE.npz:ARRAY.",
)
@output_option(
    "--max-difference",
    metavar="D",
    type=NumberInRange(min=0),
    help="Exit with status 1 if the outputs differ by more than D.",
)
@output_option(
    "--plot",
    metavar="FILE",
    type=OUTPUT_FILE,
    help="Draw the box that differs most: .png, .svg or .pdf.",
)
@format_option(
    "table", "csv", "json", default="table", text="Output format; csv contains every number."
)
@force_option
@note_options
def compare(
    options: OperatorOptions,
    other: str,
    max_difference: float | None,
    plot: Path | None,
    output_format: str,
    *,
    force: bool,
    quiet: bool,
    strict: bool,
) -> int:
    """Compare two conventions, or a convention with a saved output.

    Prints the size, place and causes of the differences, and how far the sample points move.
    Options apply to both sides; fields after the name in --with apply only to the second side.
    """
    from roialign_cli.cli.inputs import load, with_convention
    from roialign_cli.cli.warnings import report_warnings
    from roialign_cli.files.reading import split_member
    from roialign_cli.files.writing import check_writable

    if max_difference is not None and math.isnan(max_difference):
        raise click.UsageError("--max-difference: must be a number of at least 0, got nan")
    file, _ = split_member(other)
    if plot is not None:
        _check_plot_suffix(plot)
        check_writable(plot, force=force, read=(*options.files, file))
    if file.lower().endswith(_OUTPUT_SUFFIXES):
        if options.preset is None:
            raise ArgumentError("preset", _NO_PRESET)
        inputs = load(_with_size_of(options, other))
        second = None
    else:
        inputs = load(options)
        second = with_convention(inputs, other)
    notes = _notes(inputs, second)
    report_warnings(notes, quiet=quiet, strict=strict)
    comparison, name = _compare(inputs, second, other)
    if plot is not None:
        _draw(inputs, comparison, name, plot, force=force)
    _print(comparison, inputs.labels, name, notes, output_format)
    if max_difference is None or comparison.largest <= max_difference:
        return 0
    message(f"the outputs differ by more than {max_difference:g}")
    return 1


_NO_PRESET = "no preset to compare the output with; choose one, or use `roialign identify`"


def _check_plot_suffix(path: Path) -> None:
    from roialign_cli.show.figures.saving import check_suffix

    try:
        check_suffix(path)
    except ArgumentError as error:
        raise ArgumentError("plot", error.problem) from None


def _notes(inputs: Inputs, second: Operation | None) -> list[Note]:
    """Return the warnings about the first side, and those only about the second."""
    from roialign_cli.analysis.pitfalls import find_notes

    notes = list(inputs.notes(inputs.operation.plan()))
    if second is None:
        return notes
    texts = {note.text for note in notes}
    name = second.convention.name
    second_notes = [n for n in find_notes(second, second.plan()) if n.text not in texts]
    return notes + [replace(note, text=f"{name}: {note.text}") for note in second_notes]


def _with_size_of(options: OperatorOptions, file: str) -> OperatorOptions:
    """Return the options with the output size of an output in a file, unless they set a size."""
    from roialign_cli.files.arrays import read_array

    shape = read_array(file, "output").shape
    if options.output_size is not None or len(shape) != 4:
        return options
    return replace(options, output_size=(shape[2], shape[3]))


def _compare(inputs: Inputs, second: Operation | None, file: str) -> tuple[Comparison, str]:
    """Compare with the second operation, or the output in a file without one; name that side."""
    from roialign_cli.analysis.comparison import compare_conventions, compare_output
    from roialign_cli.errors import FileError
    from roialign_cli.files.arrays import read_array
    from roialign_cli.printable import printable
    from roialign_cli.show.numbers import name_of

    if second is not None:
        convention = second.convention
        return compare_conventions(inputs.operation, convention), name_of(convention)
    try:
        return compare_output(inputs.operation, read_array(file, "output")), printable(file)
    except ArgumentError as error:
        raise FileError(file, error.problem) from None


def _print(
    comparison: Comparison,
    labels: Sequence[str],
    name: str,
    notes: Sequence[Note],
    output_format: str,
) -> None:
    if output_format == "json":
        from roialign_cli.analysis.records import comparison_record, to_json

        click.echo(to_json(comparison_record(comparison, labels, name, notes)))
    elif output_format == "csv":
        from roialign_cli.files.results import comparison_csv

        click.echo(comparison_csv(comparison, labels), nl=False)
    else:
        from roialign_cli.show.document.comparison import print_comparison

        print_comparison(comparison, labels, name)


def _draw(inputs: Inputs, comparison: Comparison, name: str, path: Path, *, force: bool) -> None:
    from roialign_cli.analysis.trace import trace_operation
    from roialign_cli.files.writing import atomic_write
    from roialign_cli.show.figures.compare import compare_figure
    from roialign_cli.show.figures.saving import check_suffix, save_figure
    from roialign_cli.show.figures.style import FigureStyle
    from roialign_cli.show.numbers import photo_channel

    roi, channel, section = comparison.worst
    trace = trace_operation(inputs.operation, roi, channel)
    if comparison.other is None:
        second = _trace_of_output(trace, comparison, name)
    else:
        operation = replace(inputs.operation, convention=comparison.other)
        second = trace_operation(operation, roi, channel, trace.frame)
    style = FigureStyle(photo_channel=photo_channel(inputs.file.image, channel))
    figure = compare_figure(trace, second, section=section, style=style)
    with atomic_write(path, force=force) as file:
        save_figure(figure, file, check_suffix(path))
    message(f"wrote {path}")


def _trace_of_output(trace: Trace, comparison: Comparison, name: str) -> Trace:
    """Return a trace with the compared output instead of its own, and without sample points."""
    roi, channel, _ = comparison.worst
    output = comparison.other_outputs[roi, channel].astype(float)
    return replace(
        trace,
        convention=replace(trace.convention, name=Path(name).name),
        output=tuple(tuple(row) for row in output.tolist()),
        sections=tuple(
            replace(s, output=value, winner=None, points=(), grid=(0, 0))
            for s, value in zip(trace.sections, output.ravel().tolist(), strict=True)
        ),
    )
