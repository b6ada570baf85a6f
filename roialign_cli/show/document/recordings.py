"""Build and print the document of a comparison of two recordings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from roialign_cli.calls.differences.pairing import CallGroup, GroupRows, Member
from roialign_cli.calls.differences.result import CallDifferences, RecordingDifferences, Stage
from roialign_cli.calls.differences.row_pairs import Rows
from roialign_cli.printable import printable
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.difference_words import MIN_SHARE, SIDES, amount, percent
from roialign_cli.show.document.recording_operator import changed_fields, operator_lines
from roialign_cli.show.document.recording_verdict import (
    group_name,
    moved_by,
    recording_sentences,
    shift_words,
)
from roialign_cli.show.document.terminal import print_blocks
from roialign_cli.show.numbers import format_count, format_indices, name_of

_MAX_PAIRS = 6  # pairs of calls that are listed
_MAX_ROWS = 6  # ranges of rows that are listed


def print_recordings(found: RecordingDifferences) -> None:
    """Print the comparison of two recordings."""
    print_blocks(recording_blocks(found))


def recording_blocks(found: RecordingDifferences) -> Iterator[Block]:
    """Yield the document of a comparison of two recordings: the verdict, then the stages."""
    verdict, *others = recording_sentences(found)
    yield Heading(2, printable(verdict))
    yield from (Paragraph(printable(sentence)) for sentence in others)
    call = found.first_difference or next(iter(found.calls), None)
    if len(found.calls) > 1:
        yield _overview(found, call)
    elif call is not None:
        yield Paragraph("")
    if call is not None:
        yield from _call_blocks(call, found.names)
    yield from _unpaired_calls(found)


def _overview(found: RecordingDifferences, shown: CallDifferences | None) -> Grid:
    """Return a table with one row for each pair of calls."""
    rows: list[tuple[str, ...]] = []
    # The pairs with different outputs come first.
    calls = sorted(found.calls, key=lambda call: not call.stage("output").differs)
    for call in calls[:_MAX_PAIRS]:
        output, first = call.stage("output"), call.first
        mark = "> " if call is shown else "  "
        largest = "–" if output.largest is None else amount(output.largest)
        name = printable(group_name(call.groups[0]))
        boxes = "{} / {}".format(*(group.boxes for group in call.groups))
        rows.append((mark + name, boxes, "none" if first is None else first.name, largest))
    hidden = len(found.calls) - _MAX_PAIRS
    if hidden > 0:
        rows.append((f"  and {hidden} more pairs", "", "", ""))
    return Grid(("  calls", "boxes A / B", "first difference", "output"), tuple(rows), prose=True)


def _call_blocks(call: CallDifferences, names: Sequence[str]) -> Iterator[Block]:
    for side, name, group in zip(SIDES, names, call.groups, strict=True):
        yield Paragraph(printable(f"{side}: {name}{_source(group, name)}: {_group_words(group)}"))
    yield _stages(call)
    for check, side, group in zip(call.checks, SIDES, call.groups, strict=True):
        if group.boxes:
            yield from (Paragraph(printable(line)) for line in operator_lines(check, side))
    yield from (Paragraph(line) for line in _pairing(call))


def _source(group: CallGroup, path: str) -> str:
    """Return where the calls of a group come from, in brackets; "" if only their file is known."""
    description = group.members[0].description
    framework = " ".join(filter(None, (description.framework, description.framework_version)))
    name = group_name(group)
    parts = [part for part in (framework, name) if part and part != Path(path).name]
    return f" ({', '.join(parts)})" if parts else ""


def _group_words(group: CallGroup) -> str:
    """Return the operator, the maps and the boxes of a group."""
    rules = " and ".join(dict.fromkeys(_rules(member) for member in group.members))
    maps = format_count(len(group.members), "map", "maps")
    return f"{rules}, {maps}, {format_count(group.boxes, 'box', 'boxes')}"


def _rules(member: Member) -> str:
    description = member.description
    return "unknown operator" if description.preset is None else name_of(description.convention())


def _stages(call: CallDifferences) -> Grid:
    first = call.first
    rows = []
    for stage in call.stages:
        if stage.name == "levels" and not any(group.is_pyramid for group in call.groups):
            continue
        mark = "> " if stage is first else "  "
        largest = "–" if stage.largest is None else amount(stage.largest)
        share = ""
        if call.shares_add_up and stage.share is not None and stage.share >= MIN_SHARE:
            share = percent(stage.share)
        rows.append((mark + stage.name, largest, _what_differs(call, stage), share))
    headers = ("  stage", "largest difference", "what differs", "explains")
    return Grid(headers, tuple(rows), prose=True)


def _what_differs(call: CallDifferences, stage: Stage) -> str:
    """Return how much of a stage differs."""
    if stage.differs is None:
        return "unknown"
    match stage.name:
        case "parameters":
            return _parameters(call, stage)
        case "features":
            return stage.text or _counted(stage, "values")
        case "boxes":
            rows = call.pairs.rows
            alone = zip(SIDES, (rows.first_only, rows.second_only), strict=True)
            parts = [_counted(stage, "boxes")] if stage.different or not rows.unpaired else []
            parts += [f"{len(only)} only in {side}" for side, only in alone if len(only)]
            return f"{_all_moved(call)}{', and '.join(parts)}"
        case "levels":
            rules = f", {stage.text}" if stage.text else ""
            return _counted(stage, "boxes") + rules
        case _:
            return _counted(stage, "rows")


def _all_moved(call: CallDifferences) -> str:
    shift = moved_by(call)
    return "" if shift is None else f"all moved by {shift_words(shift)}: "


def _counted(stage: Stage, things: str) -> str:
    if not stage.different:
        return "nothing" if not stage.largest else "nothing above the tolerance"
    return f"{stage.different} of {stage.total} {things}"


def _parameters(call: CallDifferences, stage: Stage) -> str:
    if stage.text:
        return stage.text
    fields = changed_fields(call)
    if not fields:
        return _counted(stage, "rows")
    return fields + ("" if stage.differs else ": no effect here")


def _pairing(call: CallDifferences) -> Iterator[str]:
    """Yield notes on the pairs of boxes."""
    pairs = call.pairs
    for side, rows, alone in (
        ("A", pairs.first, pairs.rows.first_only),
        ("B", pairs.second, pairs.rows.second_only),
    ):
        if len(alone):
            count = format_count(len(alone), "box", "boxes")
            yield f"Only in {side}: {count} ({_places(rows, alone, call)})."
    if pairs.reordered:
        yield "The boxes are in another order in B."
    if pairs.units == "map":
        yield "The boxes of B have other units; they are compared by their ROI in cells."
    worst = call.worst
    if worst is not None and call.stage("output").differs:
        row = pairs.rows.first[worst.pair]
        other = pairs.rows.second[worst.pair]
        one, two = (f"{value:.6g}" for value in worst.values)
        places = f"A {_place(pairs.first, row, call)}, B {_place(pairs.second, other, call)}"
        yield (
            f"Worst: {places}, channel {worst.channel}, section {worst.section}: {one} and {two}."
        )


def _places(rows: GroupRows, alone: Rows, call: CallDifferences) -> str:
    """Return the rows of boxes, map by map."""
    texts = []
    for index in sorted({*rows.map_index[alone].tolist()}):
        own = rows.row[alone[rows.map_index[alone] == index]].tolist()
        listed = f"{'row' if len(own) == 1 else 'rows'} {format_indices(own, _MAX_ROWS)}"
        texts.append(f"map {index}, {listed}" if _is_pyramid(call) else listed)
    return "; ".join(texts)


def _place(rows: GroupRows, number: int, call: CallDifferences) -> str:
    on_map = f" on map {rows.map_index[number]}" if _is_pyramid(call) else ""
    return f"row {rows.row[number]}{on_map}"


def _is_pyramid(call: CallDifferences) -> bool:
    return any(group.is_pyramid for group in call.groups)


def _unpaired_calls(found: RecordingDifferences) -> Iterator[Block]:
    for side, groups in zip(SIDES, (found.first_only, found.second_only), strict=True):
        for group in groups[:_MAX_PAIRS]:
            boxes = format_count(group.boxes, "box", "boxes")
            yield Paragraph(printable(f"Only in {side}: {group_name(group)}, {boxes}."))
