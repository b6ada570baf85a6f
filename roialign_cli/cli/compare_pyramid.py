"""Compare two rules, two conventions or a saved output on a pyramid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roialign_cli.analysis.pyramid_comparison import (
    PyramidComparison,
    box_level,
    compare_pyramid_output,
    compare_pyramids,
)
from roialign_cli.analysis.pyramid_records import pyramid_comparison_record
from roialign_cli.analysis.records import to_json
from roialign_cli.analysis.results import OnPyramid
from roialign_cli.analysis.trace import trace_operation
from roialign_cli.cli.compare_plot import OUTPUT_TITLE, trace_of_output, write_comparison
from roialign_cli.cli.identify_pyramid import identification_record
from roialign_cli.cli.inputs import with_convention
from roialign_cli.cli.options import OperatorOptions
from roialign_cli.cli.pyramids import (
    PyramidInputs,
    inputs_on_map,
    load_pyramid,
    notes_on,
    with_rule,
)
from roialign_cli.cli.saved_output import SavedOutput, input_words
from roialign_cli.cli.warnings import report_warnings
from roialign_cli.core.pyramid import NO_LEVEL
from roialign_cli.core.pyramid_operation import PyramidOperation
from roialign_cli.errors import ArgumentError
from roialign_cli.files.results import comparison_csv
from roialign_cli.printable import printable
from roialign_cli.search.pyramid_result import PyramidIdentification
from roialign_cli.search.pyramid_search import identify_pyramid
from roialign_cli.show.document.blocks import Block
from roialign_cli.show.document.pyramid_comparison import pyramid_comparison_blocks
from roialign_cli.show.document.pyramid_identification import pyramid_identification_blocks
from roialign_cli.show.document.reproduction import InputWords
from roialign_cli.show.document.terminal import print_blocks
from roialign_cli.show.figures.compare import CONVENTIONS_TITLE
from roialign_cli.show.numbers import name_of
from roialign_cli.show.progress import share_progress

if TYPE_CHECKING:
    from roialign_cli.analysis.pitfalls import Note
    from roialign_cli.cli.compare import CompareRequest

Why = Callable[[], tuple[PyramidIdentification, InputWords]]


def compare_on_pyramid(
    options: OperatorOptions, request: CompareRequest, *, quiet: bool, strict: bool
) -> float:
    """Compare on a pyramid, and return the largest difference."""
    saved = request.other if isinstance(request.other, SavedOutput) else None
    if saved is not None and request.rule is not None:
        raise click.UsageError(_RULE_OR_OUTPUT)
    inputs = load_pyramid(options, saved)
    notes = [*notes_on(inputs.on_pyramid())]
    if saved is None:
        other = _second(options, inputs, request)
        name, rearranged = _name(inputs.operation, other), ""
        notes += _new_notes(notes, other, name)
        report_warnings(notes, quiet=quiet, strict=strict)
        comparison = compare_pyramids(inputs.operation, other)
    else:
        report_warnings(notes, quiet=quiet, strict=strict)
        output, rearranged = saved.arranged(inputs.operation.operations[0])
        name = printable(saved.name)
        comparison = compare_pyramid_output(inputs.operation, output)
    if request.plot is not None:
        _draw(options, inputs, comparison, name, request.plot, force=request.force)
    why = None
    with_search = request.search and request.output_format != "csv"
    if with_search and saved is not None and comparison.differing.any():
        why = partial(_why, options, inputs, comparison)
    _print(options, comparison, inputs, name, rearranged, notes, request.output_format, why)
    return comparison.largest


def _why(
    options: OperatorOptions, inputs: PyramidInputs, comparison: PyramidComparison
) -> tuple[PyramidIdentification, InputWords]:
    """Search for the rule and the convention that produced a saved output."""
    maps = [file.array for file in inputs.files]
    first = inputs.operation.operations[0]
    call: dict[str, Any] = {
        "image_size": inputs.operation.image_size,
        "level_scales": options.level_scales,
        "batch_index": first.batch_index,
    }
    boxes, output = first.boxes_given, comparison.other_outputs
    with share_progress("searching") as advance:
        found = identify_pyramid(maps, boxes, output, advance=advance, **call)
    return found, input_words(options, inputs.declared_by_file)


def _why_blocks(why: Why) -> Iterator[Block]:
    """Search when the first block is needed, so that the comparison is printed before."""
    yield from pyramid_identification_blocks(*why())


_RULE_OR_OUTPUT = "--with-pyramid cannot be used with a saved output; remove one of the two"


def _second(
    options: OperatorOptions, inputs: PyramidInputs, request: CompareRequest
) -> PyramidOperation:
    """Return the operation with the other rule, the other convention, or both."""
    operation = inputs.operation
    if request.rule is not None:
        operation = with_rule(inputs, options, request.rule)
    if request.other is None:
        return operation
    on_map = inputs_on_map(inputs, options, 0)
    convention = with_convention(on_map, str(request.other)).convention
    maps = (replace(one, convention=convention) for one in operation.operations)
    return replace(operation, operations=tuple(maps))


def _name(first: PyramidOperation, second: PyramidOperation) -> str:
    """Return what distinguishes the second side: its rule, its convention, or both."""
    rule, convention = second.levels.rule.name, name_of(second.operations[0].convention)
    if second.operations[0].convention == first.operations[0].convention:
        return rule
    return convention if second.levels.rule == first.levels.rule else f"{rule}, {convention}"


def _new_notes(notes: Sequence[Note], other: PyramidOperation, name: str) -> list[Note]:
    """Return the warnings that only the second side has."""
    texts = {note.text for note in notes}
    found = notes_on(OnPyramid(other, other.plans()))
    return [replace(n, text=f"{name}: {n.text}") for n in found if n.text not in texts]


def _draw(
    options: OperatorOptions,
    inputs: PyramidInputs,
    comparison: PyramidComparison,
    name: str,
    path: Path,
    *,
    force: bool,
) -> None:
    """Draw the box that differs most, on the map that the first side pools it from."""
    roi, channel, section = comparison.worst
    operation, other = comparison.operation, comparison.other
    level = int(operation.index[roi])
    if level == NO_LEVEL:
        problem = (
            f"box {roi} differs most, and is on no map by the rule {operation.levels.rule.name}"
        )
        raise ArgumentError("plot", f"{problem}; remove --plot, or exchange the two sides")
    trace = trace_operation(operation.operations[level], roi, channel)
    title, names = OUTPUT_TITLE if other is None else CONVENTIONS_TITLE, None
    if other is not None and other.levels.rule != operation.levels.rule:
        title = "Two pyramid rules on the same box"
        names = _rule_and_level(operation, roi), _rule_and_level(other, roi)
    if other is not None and other.index[roi] == level:
        second = trace_operation(other.operations[level], roi, channel, trace.frame)
    else:
        second = trace_of_output(trace, comparison, names[1] if names else Path(name).name)
    on_map = inputs_on_map(inputs, options, level)
    words = f"level {operation.levels.first + level}"
    write_comparison(
        on_map, trace, second, path, section, force=force, title=title, names=names, level=words
    )


def _rule_and_level(operation: PyramidOperation, roi: int) -> str:
    level = box_level(operation.levels, roi).level
    return f"{operation.levels.rule.name}, {'no level' if level is None else f'level {level}'}"


def _print(
    options: OperatorOptions,
    comparison: PyramidComparison,
    inputs: PyramidInputs,
    name: str,
    rearranged: str,
    notes: Sequence[Note],
    output_format: str,
    why: Why | None,
) -> None:
    labels = inputs.labels
    if output_format == "json":
        record = pyramid_comparison_record(comparison, labels, name, notes)
        record |= options.call_record
        record["rearranged"] = rearranged or None
        record["why"] = None if why is None else identification_record(*why())
        click.echo(to_json(record))
    elif output_format == "csv":
        batch_index = comparison.operation.operations[0].batch_index
        levels = _level_columns(comparison)
        click.echo(comparison_csv(comparison, batch_index, labels, levels), nl=False)
    else:
        blocks = None if why is None else _why_blocks(why)
        print_blocks(pyramid_comparison_blocks(comparison, labels, name, rearranged, blocks))


def _level_columns(comparison: PyramidComparison) -> list[list[int | str]]:
    """Return the level of each box by each side, "" for none."""
    sides = [comparison.operation.levels]
    if comparison.other is not None:
        sides.append(comparison.other.levels)
    rois = len(comparison.differing)
    found = [[box_level(levels, roi).level for levels in sides] for roi in range(rois)]
    return [["" if level is None else level for level in row] for row in found]
