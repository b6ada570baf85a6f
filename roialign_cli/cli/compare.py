"""`roialign compare`: compare two conventions, a convention with an output, or two recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.help import command, missing_option, operator_option, output_option
from roialign_cli.cli.option_types import OUTPUT_FILE, NumberInRange, PresetName, PyramidName
from roialign_cli.cli.options import (
    OperatorOptions,
    comparison_options,
    force_option,
    format_option,
    note_options,
    with_recorded_call,
)
from roialign_cli.cli.streams import message
from roialign_cli.errors import ArgumentError
from roialign_cli.files.reading import MODEL_SUFFIXES, check_input, split_member
from roialign_cli.printable import printable

if TYPE_CHECKING:
    from roialign_cli.analysis.comparison import Comparison
    from roialign_cli.analysis.pitfalls import Note
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.cli.saved_output import SavedOutput
    from roialign_cli.core.operation import Operation
    from roialign_cli.search.result import Identification
    from roialign_cli.show.document.blocks import Block
    from roialign_cli.show.document.reproduction import InputWords

_OUTPUT_SUFFIXES = (".npy", ".npz", ".json")
_FILE_SUFFIXES = (*_OUTPUT_SUFFIXES, *MODEL_SUFFIXES)


@command(
    "compare",
    "roialign compare pytorch-calls onnx-calls",
    "roialign compare map.npy --boxes boxes.csv --preset torchvision-aligned --with torchvision",
    "roialign compare map.npy --boxes boxes.csv --preset torchvision-aligned --with exported.npy "
    "--max-difference 1e-4",
    "roialign compare pyramid.npz --pyramid torchvision --with-pyramid detectron "
    "--image-size 64x64 --boxes boxes.csv",
)
@comparison_options
@operator_option(
    "--with",
    "other",
    type=PresetName(),
    metavar="PRESET|FILE|FOLDER",
    help="Second side: NAME, NAME,FIELD=VALUE,… or a saved output: .npy, .npz, .json, FILE:ARRAY; "
    "or a recording, if FEATURES is one.  [default: the second recording, or the output of a "
    "recorded call]",
)
@operator_option(
    "--with-pyramid",
    type=PyramidName(),
    help="Second side: another rule for the levels of --pyramid.",
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
@operator_option(
    "--search/--no-search",
    default=True,
    help="Search for the convention that produced a saved output if it differs.  [default: search]",
)
@format_option(
    "table", "csv", "json", default="table", text="Output format; csv contains every number."
)
@force_option
@note_options
def compare(
    options: OperatorOptions,
    other: str | None,
    with_pyramid: str | None,
    max_difference: float | None,
    plot: Path | None,
    output_format: str,
    *,
    search: bool,
    force: bool,
    quiet: bool,
    strict: bool,
) -> int:
    """Compare two conventions, a saved output, or two recordings.

    Prints the size, place and causes of the differences, and how far the sample points move.
    Options apply to both sides; fields after the name in --with apply only to the second side. A
    saved output may have its axes in another order, or flattened. If the output differs, compare
    searches for the convention that produced it.

    For two recordings (folders of recorded calls, or two calls), prints the first stage that
    differs: features, boxes, levels, parameters or output, and whether the ROI Align is at fault.
    Recordings are made by `roialign capture`, and by record_calls in Python.
    """
    from roialign_cli.cli.compare_recordings import compare_two, two_recordings
    from roialign_cli.files.writing import check_writable

    if plot is not None:
        _check_plot_suffix(plot)
        check_writable(plot, force=force, read=(*options.files, split_member(other or "-")[0]))
    if other is not None and split_member(other)[0].lower().endswith(_FILE_SUFFIXES):
        check_input(other)
    recordings = two_recordings(options.maps, other)
    if recordings is not None:
        return compare_two(
            *recordings, max_difference=max_difference, plot=plot,
            output_format=output_format, search=search, force=force,
        )  # fmt: skip
    options = with_recorded_call(options)
    if options.pyramid is None and with_pyramid is not None:
        raise click.UsageError("--with-pyramid has no effect without --pyramid RULE")
    saved = None if with_pyramid is not None and other is None else _saved_output(options, other)
    request = CompareRequest(saved or other, with_pyramid, plot, output_format, search, force)
    if options.pyramid is None:
        largest = _compare_on_map(options, request, quiet=quiet, strict=strict)
    else:
        from roialign_cli.cli.compare_pyramid import compare_on_pyramid

        largest = compare_on_pyramid(options, request, quiet=quiet, strict=strict)
    if max_difference is None or largest <= max_difference:
        return 0
    message(f"the outputs differ by more than {max_difference:g}")
    return 1


@dataclass(frozen=True)
class CompareRequest:
    """The second side of a comparison, and what to print, draw and search.

    Parameters
    ----------
    other
        The second convention, or a saved output; None for the first convention.
    rule
        The second pyramid rule; None for the first one.
    plot
        The file of --plot.
    output_format
        The format on standard output.
    search
        Whether to search for the convention behind a saved output that differs.
    force
        Whether an existing file is overwritten.
    """

    other: SavedOutput | str | None
    rule: str | None
    plot: Path | None
    output_format: str
    search: bool
    force: bool


def _compare_on_map(
    options: OperatorOptions, request: CompareRequest, *, quiet: bool, strict: bool
) -> float:
    """Compare on a single map, and return the largest difference."""
    from roialign_cli.cli.inputs import load, with_convention
    from roialign_cli.cli.warnings import report_warnings

    saved = None if isinstance(request.other, str) else request.other
    inputs = load(options, saved)
    second = saved or with_convention(inputs, str(request.other))
    notes = _notes(inputs, second)
    report_warnings(notes, quiet=quiet, strict=strict)
    compared = _compare(inputs, second)
    comparison = compared.comparison
    if request.plot is not None:
        _draw(inputs, comparison, compared.name, request.plot, force=request.force)
    with_search = request.search and request.output_format != "csv"
    if with_search and saved is not None and comparison.differing.any():
        compared = replace(compared, why=partial(_why, options, inputs, comparison))
    _print(compared, options, inputs.labels, notes, request.output_format)
    return comparison.largest


@dataclass(frozen=True)
class _Compared:
    """A comparison and what to print with it.

    Parameters
    ----------
    comparison
        The comparison.
    name
        The name of the second side.
    rearranged
        How the axes of a saved output were rearranged; "" if they were not.
    why
        Searches for the convention that produced the output; returns the result, and the words of
        a command line that name the inputs. None without a search.
    """

    comparison: Comparison
    name: str
    rearranged: str = ""
    why: Callable[[], tuple[Identification, InputWords]] | None = None


def _saved_output(options: OperatorOptions, other: str | None) -> SavedOutput | None:
    """Return the output that --with names, or that of a call; None for another convention."""
    from roialign_cli.cli.saved_output import SavedOutput

    if other is None and options.call is None:
        if len(options.maps) == 2 and options.pyramid is None:
            names = " and ".join(map(printable, options.maps))
            remedy = "name one feature map and the second side with --with, or two recordings"
            raise click.UsageError(f"FEATURES: {names} are not two recordings; {remedy}")
        raise missing_option("other")
    if other is not None and not split_member(other)[0].lower().endswith(_OUTPUT_SUFFIXES):
        return None
    if options.preset is None and options.pyramid is None:
        raise ArgumentError("preset", _NO_PRESET)
    if other is not None or options.call is None:
        return SavedOutput.read(other or "")
    return options.call.saved_output("choose the second side with --with")


_NO_PRESET = "no preset to compare the output with; choose one, or use `roialign identify`"


def _check_plot_suffix(path: Path) -> None:
    from roialign_cli.show.figures.saving import check_suffix

    try:
        check_suffix(path)
    except ArgumentError as error:
        raise ArgumentError("plot", error.problem) from None


def _notes(inputs: Inputs, second: Operation | SavedOutput) -> list[Note]:
    """Return the warnings about the first side, and those only about the second."""
    from roialign_cli.analysis.pitfalls import find_notes
    from roialign_cli.core.operation import Operation

    notes = list(inputs.notes(inputs.operation.plan()))
    if not isinstance(second, Operation):
        return notes
    texts = {note.text for note in notes}
    name = second.convention.name
    second_notes = [n for n in find_notes(second, second.plan()) if n.text not in texts]
    return notes + [replace(note, text=f"{name}: {note.text}") for note in second_notes]


def _compare(inputs: Inputs, second: Operation | SavedOutput) -> _Compared:
    """Compare with a second operation or with the output in a file."""
    from roialign_cli.analysis.comparison import compare_conventions, compare_output
    from roialign_cli.core.operation import Operation
    from roialign_cli.show.numbers import name_of

    operation = inputs.operation
    if isinstance(second, Operation):
        other = second.convention
        return _Compared(compare_conventions(operation, other), name_of(other))
    output, text = second.arranged(operation)
    return _Compared(compare_output(operation, output), printable(second.name), text)


def _why(
    options: OperatorOptions, inputs: Inputs, comparison: Comparison
) -> tuple[Identification, InputWords]:
    """Search for the convention that produced a saved output."""
    from roialign_cli.cli.inputs import search_inputs
    from roialign_cli.cli.saved_output import input_words, search

    call = search_inputs(options, inputs)
    return search(call, comparison.other_outputs), input_words(options, call.declared_by_file)


def _print(
    compared: _Compared,
    options: OperatorOptions,
    labels: Sequence[str],
    notes: Sequence[Note],
    output_format: str,
) -> None:
    comparison, why = compared.comparison, compared.why
    if output_format == "json":
        from roialign_cli.analysis.records import comparison_record, to_json
        from roialign_cli.cli.saved_output import identification_record

        record = comparison_record(comparison, labels, compared.name, notes)
        record |= options.call_record
        record["rearranged"] = compared.rearranged or None
        record["why"] = None if why is None else identification_record(*why())
        click.echo(to_json(record))
    elif output_format == "csv":
        from roialign_cli.files.results import comparison_csv

        batch_index = comparison.operation.batch_index
        click.echo(comparison_csv(comparison, batch_index, labels), nl=False)
    else:
        from roialign_cli.show.document.comparison import print_comparison

        blocks = None if why is None else _why_blocks(comparison, why)
        print_comparison(comparison, labels, compared.name, compared.rearranged, blocks)


def _why_blocks(
    comparison: Comparison, why: Callable[[], tuple[Identification, InputWords]]
) -> Iterator[Block]:
    """Search when the first block is needed, so that the comparison is printed before."""
    from roialign_cli.calls.agreement import shown_differences
    from roialign_cli.show.document.blocks import Paragraph
    from roialign_cli.show.document.identification import identification_blocks

    found, words = why()
    equal = int((~comparison.differing).sum())
    for difference in shown_differences(comparison.operation, equal, found):
        yield Paragraph(difference.sentence("The comparison uses"))
    yield from identification_blocks(found, words)


def _draw(inputs: Inputs, comparison: Comparison, name: str, path: Path, *, force: bool) -> None:
    from roialign_cli.analysis.trace import trace_operation
    from roialign_cli.cli.compare_plot import OUTPUT_TITLE, trace_of_output, write_comparison
    from roialign_cli.show.figures.compare import CONVENTIONS_TITLE

    roi, channel, section = comparison.worst
    trace = trace_operation(inputs.operation, roi, channel)
    if comparison.other is None:
        second = trace_of_output(trace, comparison, Path(name).name)
        title = OUTPUT_TITLE
    else:
        operation = replace(inputs.operation, convention=comparison.other)
        second = trace_operation(operation, roi, channel, trace.frame)
        title = CONVENTIONS_TITLE
    write_comparison(inputs, trace, second, path, section, force=force, title=title)
