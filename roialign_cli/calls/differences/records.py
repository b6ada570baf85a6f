"""Convert the differences of two recordings to plain data, for JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from roialign_cli.analysis.records import VERSION
from roialign_cli.calls.differences.box_changes import BoxChange
from roialign_cli.calls.differences.kernels import KernelCheck
from roialign_cli.calls.differences.pairing import CallGroup, GroupRows
from roialign_cli.calls.differences.result import CallDifferences, RecordingDifferences, Stage
from roialign_cli.calls.differences.row_pairs import Rows
from roialign_cli.core.convention import Convention


def differences_record(found: RecordingDifferences) -> dict[str, Any]:
    """Return the differences of two recordings as the documented JSON object."""
    first, second = found.names
    return {
        "version": VERSION,
        "first": first,
        "second": second,
        "largest": found.largest,
        "calls": [_call(call) for call in found.calls],
        "first_only": [_files(group) for group in found.first_only],
        "second_only": [_files(group) for group in found.second_only],
    }


def _call(call: CallDifferences) -> dict[str, Any]:
    stage, pairs = call.first, call.pairs
    sides = [_side(*side) for side in zip(call.groups, call.checks, strict=True)]
    return {
        "verdict": call.verdict,
        "first_difference": None if stage is None else stage.name,
        "first": sides[0],
        "second": sides[1],
        "stages": [_stage(stage) for stage in call.stages],
        "operator_at_fault": call.at_fault,
        "operator_difference": call.cross,
        "fields": [vars(reason) for reason in call.fields],
        "maps_at_fault": list(call.maps_at_fault),
        "shift": _along_axes(pairs.shift),
        "shift_compensated": call.compensated,
        "box_change": _box_change(call.box_change),
        "worst": _worst(call),
        "rows": {
            "pairs": [
                [_place(pairs.first, one), _place(pairs.second, other)]
                for one, other in zip(
                    pairs.rows.first.tolist(), pairs.rows.second.tolist(), strict=True
                )
            ],
            "first_only": _places(pairs.first, pairs.rows.first_only),
            "second_only": _places(pairs.second, pairs.rows.second_only),
            "reordered": pairs.reordered,
        },
    }


def _along_axes(numbers: tuple[float, float] | None) -> dict[str, float] | None:
    return None if numbers is None else {"x": numbers[0], "y": numbers[1]}


def _box_change(change: BoxChange | None) -> dict[str, Any] | None:
    if change is None:
        return None
    return {
        "box_format": change.box_format,
        "scale": _along_axes(change.scale),
        "shift": _along_axes(change.shift),
    }


def _files(group: CallGroup) -> list[str]:
    return [member.file for member in group.members]


def _side(group: CallGroup, check: KernelCheck) -> dict[str, Any]:
    description = group.members[0].description
    kernel = check.kernel
    return {
        "files": _files(group),
        "framework": description.framework,
        "framework_version": description.framework_version,
        "operator": description.operator,
        "place": description.place,
        "boxes": group.boxes,
        "stated": None if description.preset is None else _convention(description.convention()),
        "stated_difference": check.stated_error if check.stated is not None else None,
        "stated_wrong_rows": check.stated_wrong,
        "shown": None if kernel is None else _convention(kernel.convention),
        "changes": [] if kernel is None else [change.text for change in kernel.changes],
        "search": check.verdict,
    }


def _convention(convention: Convention) -> dict[str, Any]:
    return {"preset": convention.name, "convention": convention.parameters()}


def _stage(stage: Stage) -> dict[str, Any]:
    record = asdict(stage)
    record["text"] = stage.text or None
    return record


def _worst(call: CallDifferences) -> dict[str, Any] | None:
    if call.worst is None:
        return None
    pairs, worst = call.pairs, call.worst
    return {
        "rows": [
            _place(pairs.first, int(pairs.rows.first[worst.pair])),
            _place(pairs.second, int(pairs.rows.second[worst.pair])),
        ],
        "channel": worst.channel,
        "section": list(worst.section),
        "first": worst.values[0],
        "second": worst.values[1],
    }


def _places(rows: GroupRows, numbers: Rows) -> list[dict[str, int]]:
    return [_place(rows, number) for number in numbers.tolist()]


def _place(rows: GroupRows, number: int) -> dict[str, int]:
    return {"map_index": int(rows.map_index[number]), "row": int(rows.row[number])}
