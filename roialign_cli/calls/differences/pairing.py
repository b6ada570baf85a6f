"""Pair the calls of two recordings, and the boxes of each pair over all maps of a pyramid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from roialign_cli.calls.archive import call_sizes, read_call_array, read_description
from roialign_cli.calls.call import Description
from roialign_cli.calls.differences.row_pairs import RowPairs, Rows, pair_rows
from roialign_cli.calls.recording import Recording
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import BoxFormat
from roialign_cli.core.operation import make_operation
from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.files.arrays import archive_shapes

_MIN_PAIRED_SHARE = 0.9  # of the boxes, below which other units and shifts are tried
_SHIFTS = (0.0, -0.5, 0.5, -1.0, 1.0)  # cells by which exporters move boxes
SHIFT_TOLERANCE = 1e-3  # cells, between the moves of boxes that share one shift
_MAX_COUNT_DIFFERENCE = 0.1  # of the numbers of boxes in similar calls, relative

# The units of the boxes of the second call: those of the first, or others with the same ROI in
# cells, such as fractions of the image.
Units = Literal["given", "map"]


@dataclass(frozen=True)
class Member:
    """One call of a group.

    Parameters
    ----------
    file
        Path of the call.
    description
        What is known beside its arrays.
    map_index
        The map of the pyramid; 0 for a call on a single map.
    shape
        The shape of its features, (N, C, H, W).
    boxes
        The number of its boxes.
    """

    file: str
    description: Description
    map_index: int
    shape: tuple[int, ...]
    boxes: int


@dataclass(frozen=True)
class CallGroup:
    """The calls of one pyramid, by map, or one call on a single map."""

    members: tuple[Member, ...]

    @property
    def boxes(self) -> int:
        """The number of boxes on all maps."""
        return sum(member.boxes for member in self.members)

    @property
    def is_pyramid(self) -> bool:
        """Whether there is more than one map, or one that is not the first of a pyramid."""
        return len(self.members) > 1 or any(member.map_index for member in self.members)

    def on_map(self, map_index: int) -> Member | None:
        """Return the call on a map, None if it was not recorded."""
        return next((one for one in self.members if one.map_index == map_index), None)


def groups_of(recording: Recording) -> list[CallGroup]:
    """Return the pyramids and the single calls of a recording, in order."""
    groups = []
    for numbers in recording.pyramids():
        members = []
        for number in numbers:
            description = recording.descriptions[number]
            members.append(_member(recording.files[number], description))
        groups.append(CallGroup(tuple(members)))
    return groups


def like_pyramids(groups: list[CallGroup], others: Sequence[CallGroup]) -> list[CallGroup]:
    """Join calls on single maps that follow each other on the maps of a pyramid of the others.

    A runtime may have recorded the calls of a pyramid without their levels.
    """
    pyramids = [group for group in others if group.is_pyramid]
    joined: list[CallGroup] = []
    start = 0
    while start < len(groups):
        like = next((one for one in pyramids if _matches(groups[start:], one)), None)
        if like is None:
            joined.append(groups[start])
            start += 1
            continue
        parts = groups[start : start + len(like.members)]
        members = (
            replace(part.members[0], map_index=own.map_index)
            for part, own in zip(parts, like.members, strict=True)
        )
        joined.append(CallGroup(tuple(members)))
        start += len(parts)
    return joined


def _matches(groups: Sequence[CallGroup], pyramid: CallGroup) -> bool:
    """Return whether the first of these groups are single calls on the maps of a pyramid."""
    parts = groups[: len(pyramid.members)]
    if len(parts) < len(pyramid.members) or any(part.is_pyramid for part in parts):
        return False
    size = pyramid.members[0].description.output_size
    return all(
        part.members[0].shape == own.shape and part.members[0].description.output_size == size
        for part, own in zip(parts, pyramid.members, strict=True)
    )


def group_of_call(name: str) -> CallGroup:
    """Return a single call as a group; its place in a pyramid is ignored."""
    return CallGroup((replace(_member(name, read_description(name)), map_index=0),))


def _member(file: str, description: Description) -> Member:
    level = description.level
    map_index = 0 if level is None else level.map_index
    return Member(file, description, map_index, *call_sizes(file))


def pair_groups(
    first: Sequence[CallGroup], second: Sequence[CallGroup]
) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pair groups in order, so that the shapes and parameters agree as well as possible.

    Returns
    -------
    The pairs of indices, and the indices of each side that are in no pair.
    """
    likeness = np.array([[_likeness(one, other) for other in second] for one in first])
    likeness = likeness.reshape(len(first), len(second))
    best = np.zeros((len(first) + 1, len(second) + 1))
    for i in range(len(first) - 1, -1, -1):
        for j in range(len(second) - 1, -1, -1):
            both = best[i + 1, j + 1] + likeness[i, j]
            best[i, j] = max(both, best[i + 1, j], best[i, j + 1])
    pairs, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        if likeness[i, j] and best[i, j] == best[i + 1, j + 1] + likeness[i, j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i, j] == best[i + 1, j]:
            i += 1
        else:
            j += 1
    first_only = sorted({*range(len(first))} - {i for i, _ in pairs})
    second_only = sorted({*range(len(second))} - {j for _, j in pairs})
    return pairs, first_only, second_only


def _likeness(one: CallGroup, other: CallGroup) -> int:
    """Return how well two groups agree; 0 if they cannot be the same ROI Align."""
    a, b = one.members[0].description, other.members[0].description
    same_size = a.output_size == b.output_size
    same_maps = [m.map_index for m in one.members] == [m.map_index for m in other.members]
    same_shapes = [m.shape for m in one.members] == [m.shape for m in other.members]
    if not (same_size or (same_maps and same_shapes)):
        return 0
    counts = sorted((one.boxes, other.boxes))
    alike = counts[1] - counts[0] <= _MAX_COUNT_DIFFERENCE * counts[1]
    same_rules = (a.preset, dict(a.fields)) == (b.preset, dict(b.fields))
    weights = (8, same_size), (4, same_maps), (4, same_shapes), (2, alike), (1, same_rules)
    return 1 + sum(weight for weight, holds in weights if holds)


@dataclass(frozen=True)
class GroupRows:
    """The boxes of a group, on all maps.

    Parameters
    ----------
    boxes
        (R, 4), corners in the units of the call.
    batch_index
        (R,).
    map_index
        (R,), the map of the pyramid.
    row
        (R,), the row of the box in its call.
    scale
        (R, 2), cells per unit along x and y.
    map_size
        (R, 2), width and height of the map in cells.
    """

    boxes: Float
    batch_index: Rows
    map_index: Rows
    row: Rows
    scale: Float
    map_size: Float


def read_rows(group: CallGroup, box_format: BoxFormat | None = None) -> GroupRows:
    """Read the boxes of a group, in the format of its operator or in another one."""
    parts = [_rows_on_map(member, box_format) for member in group.members]
    columns = zip(*parts, strict=True)
    return GroupRows(*(np.concatenate(column) for column in columns))


def _rows_on_map(
    member: Member, box_format: BoxFormat | None
) -> tuple[Float, Rows, Rows, Rows, Float, Float]:
    convention = member.description.convention()
    if box_format is not None:
        convention = replace(convention, box_format=box_format)
    boxes = read_call_array(member.file, "boxes", member.description)
    index = None
    if "batch_index" in archive_shapes(member.file):
        index = read_call_array(member.file, "batch_index", member.description)
    try:
        operation = make_operation(
            np.broadcast_to(np.float32(0), member.shape),
            boxes,
            member.description.output_size or 1,
            convention=convention,
            spatial_scale=member.description.spatial_scale,
            batch_index=index,
        )
    except ArgumentError as error:
        problem = f"is not a valid call: {error}; record the call again"
        raise FileError(member.file, problem) from None
    count = len(operation.boxes_xyxy)
    scale = np.broadcast_to(operation.spatial_scale[::-1], (count, 2))
    size = np.broadcast_to(np.array(operation.map_size[::-1], float), (count, 2))
    on_map = np.full(count, member.map_index)
    return operation.boxes_xyxy, operation.batch_index, on_map, np.arange(count), scale, size


@dataclass(frozen=True)
class GroupPairs:
    """How the boxes of two groups belong together.

    Parameters
    ----------
    first, second
        The boxes of each group.
    rows
        The pairs of rows, over all maps.
    boxes
        (S, 4), the boxes of the second group in the units of the first.
    units
        Whether the boxes of the second group have these units, or were converted.
    shift
        The move along x and y in cells that all pairs share; None if they differ.
    """

    first: GroupRows
    second: GroupRows
    rows: RowPairs
    boxes: Float
    units: Units
    shift: tuple[float, float] | None

    @property
    def reordered(self) -> bool:
        """Whether the pairs on the same map are in another order in the second group."""
        first, second = self.rows.first, self.rows.second
        index = self.first.map_index[first]
        same = index == self.second.map_index[second]
        return any((np.diff(second[same & (index == one)]) < 0).any() for one in {*index.tolist()})

    @property
    def moves(self) -> Float:
        """(P, 4), second minus first box of each pair, in units of the first group."""
        moves: Float = self.boxes[self.rows.second] - self.first.boxes[self.rows.first]
        return moves

    @property
    def moves_in_cells(self) -> Float:
        """(P, 4), the moves in cells of the maps of the first group."""
        return np.asarray(self.moves * np.tile(self.first.scale[self.rows.first], 2))

    @property
    def agreeing(self) -> int:
        """The number of pairs of equal boxes, apart from the move that all pairs share."""
        apart = np.abs(self.moves_in_cells - np.tile(self.shift or (0.0, 0.0), 2))
        return int(np.count_nonzero(apart.max(axis=1, initial=0.0) <= SHIFT_TOLERANCE))


def pair_group_rows(first: GroupRows, second: GroupRows) -> GroupPairs:
    """Pair the boxes of two groups, also where all were moved together or have other units."""
    fewer = min(len(first.boxes), len(second.boxes))
    tried: list[GroupPairs] = []
    for boxes, scale, units in in_units(first, second):
        for shift in _SHIFTS:
            tried.append(_paired(first, second, boxes, units, shift / scale))
            if len(tried[-1].rows) >= _MIN_PAIRED_SHARE * fewer:
                return _with_own_shift(tried[-1], scale)
    return max(tried, key=lambda pairs: len(pairs.rows))


def _with_own_shift(pairs: GroupPairs, scale: Float) -> GroupPairs:
    """Pair again after subtracting the shift that the pairs share, if that gives more pairs."""
    if pairs.shift is None or np.abs(pairs.shift).max() <= SHIFT_TOLERANCE:
        return pairs
    back = np.array(pairs.shift) / scale
    again = _paired(pairs.first, pairs.second, pairs.boxes, pairs.units, back)
    return again if len(again.rows) > len(pairs.rows) else pairs


def in_units(first: GroupRows, second: GroupRows) -> Iterator[tuple[Float, Float, Units]]:
    """Yield the boxes of the second group as they are, and with the same ROI in cells.

    With each comes the number of cells per unit along x and y, (S, 2).
    """
    yield second.boxes, second.scale, "given"
    scales = {tuple(size): scale for size, scale in _scales(first)}
    factors = np.ones_like(second.scale)
    for size, scale in _scales(second):
        if tuple(size) in scales:
            factors[(second.map_size == size).all(axis=1)] = scale / scales[tuple(size)]
    if not np.allclose(factors, 1, rtol=1e-6, atol=0):
        yield second.boxes * np.tile(factors, 2), second.scale / factors, "map"


def _scales(rows: GroupRows) -> list[tuple[Float, Float]]:
    """Return the size of each map and its scale."""
    both = np.unique(np.hstack([rows.map_size, rows.scale]), axis=0)
    return [(row[:2], row[2:]) for row in both]


def _paired(
    first: GroupRows, second: GroupRows, boxes: Float, units: Units, step: Float
) -> GroupPairs:
    """Pair rows after subtracting a step along x and y, (S, 2), from the second boxes."""
    back = boxes - np.tile(step, 2)
    rows = pair_rows(first.boxes, back, first.batch_index, second.batch_index)
    return with_shift(GroupPairs(first, second, rows, boxes, units, None))


def with_shift(pairs: GroupPairs) -> GroupPairs:
    """Return pairs with the move that all share, if there is one."""
    moves = pairs.moves_in_cells.reshape(-1, 2)
    if not len(moves) or np.ptp(moves, axis=0).max() > SHIFT_TOLERANCE:
        return pairs
    x, y = moves.mean(axis=0).tolist()
    return replace(pairs, shift=(x, y))
