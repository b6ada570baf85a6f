"""`roialign compare` with two recordings, or two recorded calls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from roialign_cli.cli.help import first_given
from roialign_cli.cli.streams import message
from roialign_cli.errors import ArgumentError, nearest
from roialign_cli.files.reading import check_input, fingerprint_of, split_member
from roialign_cli.printable import printable

if TYPE_CHECKING:
    from roialign_cli.analysis.trace import Trace
    from roialign_cli.calls.differences.result import (
        CallDifferences,
        Place,
        RecordingDifferences,
    )

# The parameters of the command that apply to recordings.
_APPLY = {"features", "maps", "other", "max_difference", "plot", "search", "output_format", "force"}


def two_recordings(maps: Sequence[str], other: str | None) -> tuple[str, str] | None:
    """Return the two recordings or recorded calls that FEATURES and --with name.

    Parameters
    ----------
    maps
        FEATURES: the first recording, or both. Two calls on the levels of one pyramid are the two
        maps of one side.
    other
        The value of --with; None without it.

    Returns
    -------
    Their paths; None if there is another thing to compare.

    Raises
    ------
    RoiAlignError
        If a name is missing.
    UsageError
        If only one side is a recording, or if there are more than two.
    """
    if other is None:
        return (maps[0], maps[1]) if _are_two_sides(maps) else None
    for name in maps:
        check_input(name)
    if not _are_recorded(maps[0], other):
        return None
    if len(maps) > 1:
        raise click.UsageError("FEATURES: name one recording, and the other one with --with")
    return maps[0], other


def _are_two_sides(maps: Sequence[str]) -> bool:
    """Return whether FEATURES are two recordings, and not calls on two levels of one pyramid."""
    from roialign_cli.calls.differences.comparing import is_recorded
    from roialign_cli.calls.recording import read_calls

    if len(maps) != 2 or not all(map(is_recorded, maps)):
        return False
    return any(Path(name).is_dir() for name in maps) or len(read_calls(maps).pyramids()) > 1


def _are_recorded(features: str, other: str) -> bool:
    """Return whether both sides are recordings; raise an error if only the second one is."""
    from roialign_cli.calls.differences.comparing import is_recorded

    is_first, is_second = (is_recorded(name) or Path(name).is_dir() for name in (features, other))
    if is_first and fingerprint_of(split_member(other)[0]) is None:
        _check_preset(other)
    if is_second and not is_first:
        kind = "folder" if Path(other).is_dir() else "recorded call"
        problem = f"{other} is a {kind}, and {features} is not a recording; name two recordings"
        raise click.UsageError(f"--with: {printable(problem)}")
    return is_first and is_second


def _check_preset(name: str) -> None:
    """Raise an error for a missing recording, which is not the name of a preset either."""
    from roialign_cli.core.presets import ALIASES, PRESETS

    known, first = [*PRESETS, *ALIASES], name.partition(",")[0]
    if first not in known:
        remedy = nearest(first, known, "check the path, or see `roialign presets`")
        problem = f"{printable(repr(name))} does not exist and is not a preset; {remedy}"
        raise ArgumentError("with", problem)


def compare_two(
    features: str,
    other: str,
    *,
    max_difference: float | None,
    plot: Path | None,
    output_format: str,
    search: bool,
    force: bool,
) -> int:
    """Compare two recordings, print the result, and return the exit status."""
    from roialign_cli.calls.differences.comparing import compare_recordings
    from roialign_cli.show.progress import share_progress

    _refuse_others(output_format)
    with share_progress("comparing") as advance:
        found = compare_recordings(features, other, search=search, advance=advance)
    if plot is not None:
        _draw(found, plot, force=force)
    _print(found, output_format)
    return _status(found, max_difference)


def _refuse_others(output_format: str) -> None:
    """Raise an error for an option that has no effect on recordings."""
    context = click.get_current_context()
    names = {parameter.name or "" for parameter in context.command.params}
    option = first_given(names - _APPLY)
    if option is not None:
        raise click.UsageError(f"{option}: does not apply to recordings; leave it out")
    if output_format == "csv":
        raise click.UsageError("--format: csv does not apply to recordings; use table or json")


def _print(found: RecordingDifferences, output_format: str) -> None:
    if output_format == "json":
        from roialign_cli.analysis.records import to_json
        from roialign_cli.calls.differences.records import differences_record
        from roialign_cli.show.document.recording_verdict import call_sentences, recording_sentences

        record = differences_record(found)
        record["explanation"] = recording_sentences(found)
        for call, own in zip(found.calls, record["calls"], strict=True):
            own["explanation"] = [*call_sentences(call)]
        click.echo(to_json(record))
    else:
        from roialign_cli.show.document.recordings import print_recordings

        print_recordings(found)


def _status(found: RecordingDifferences, max_difference: float | None) -> int:
    """Return 1 if the outputs differ by more than a number, or if some cannot be compared."""
    if max_difference is None:
        return 0
    largest = found.largest
    if largest is not None and (largest > max_difference or math.isnan(largest)):
        message(f"the outputs differ by more than {max_difference:g}")
        return 1
    if largest is None:
        message("there are no outputs to compare")
        return 1
    unpaired = len(found.first_only) + len(found.second_only)
    if unpaired or "not comparable" in found.verdicts:
        message("some calls cannot be compared")
        return 1
    return 0


def _draw(found: RecordingDifferences, path: Path, *, force: bool) -> None:
    """Draw the row that differs most."""
    from roialign_cli.files.writing import atomic_write
    from roialign_cli.show.figures.compare import compare_figure
    from roialign_cli.show.figures.saving import check_suffix, save_figure

    call = found.worst
    if call is None or call.worst is None:
        raise ArgumentError("plot", "there are no outputs to draw")
    first, second = _traces(call)
    figure = compare_figure(
        first,
        second,
        section=call.worst.section,
        title="The row that differs most in two recordings",
        names=("A", "B"),
    )
    with atomic_write(path, force=force) as file:
        save_figure(figure, file, check_suffix(path))
    message(f"wrote {path}")


def _traces(call: CallDifferences) -> tuple[Trace, Trace]:
    """Return traces of the row that differs most, with the recorded outputs.

    The second trace has no points where the second operator is unknown, or on another map.
    """
    from roialign_cli.analysis.trace import trace_operation, with_output
    from roialign_cli.calls.archive import read_call
    from roialign_cli.calls.differences.levels import output_of

    worst, pairs = cast("Place", call.worst), call.pairs
    numbers = pairs.rows.first[worst.pair], pairs.rows.second[worst.pair]
    traces: list[Trace] = []
    for rows, number, group, check in zip(
        (pairs.first, pairs.second), numbers, call.groups, call.checks, strict=True
    ):
        map_index, row = int(rows.map_index[number]), int(rows.row[number])
        recorded = read_call(next(m.file for m in group.members if m.map_index == map_index))
        operation = recorded.operation()
        kernel = check.kernel_of(recorded)
        if kernel is not None:
            operation = kernel.applied(operation)
        frame = traces[0].frame if traces else None
        trace = trace_operation(operation, row, worst.channel, frame)
        output = output_of(recorded, kernel)[row, worst.channel]
        same_map = map_index == pairs.first.map_index[numbers[0]]
        known = not traces or (same_map and kernel is not None)
        traces.append(with_output(trace, output, points=known))
    return traces[0], traces[1]
