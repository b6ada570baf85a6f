"""Find the first stage in which two groups of recorded calls differ."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.analysis.comparison import Reason
from roialign_cli.analysis.tolerance import allowed_differences
from roialign_cli.calls.archive import read_call
from roialign_cli.calls.call import Call
from roialign_cli.calls.differences.box_changes import BoxChange, pair_by_change
from roialign_cli.calls.differences.kernels import Kernel, KernelCheck
from roialign_cli.calls.differences.levels import (
    FeatureDifference,
    MapComparison,
    MapDifference,
    compare_features,
    largest_place,
    output_of,
)
from roialign_cli.calls.differences.pairing import (
    CallGroup,
    GroupPairs,
    pair_group_rows,
    read_rows,
)
from roialign_cli.calls.differences.result import CallDifferences, Place, Stage
from roialign_cli.calls.row_differences import RowDifferences, row_differences, tolerance_of
from roialign_cli.core.boxes import Float
from roialign_cli.errors import ArgumentError, FileError

_BOX_TOLERANCE = 1e-4  # cells; float32 coordinates on a map of a thousand cells agree to less


@dataclass
class _Outputs:
    """What is known of the outputs of each pair of rows.

    Parameters
    ----------
    by_row, amounts
        (P,), the largest and the mean difference; NaN where it is unknown.
    wrong
        (P,), the rows that differ by more than the tolerance.
    worst
        The value that differs most.
    moved
        The rows of both outputs for the pairs on different maps, by the number of the pair.
    tolerance
        The largest difference that counts as equal, as a share of a channel's largest value.
    """

    by_row: Float
    amounts: Float
    wrong: Mask
    worst: Place | None = None
    moved: tuple[dict[int, NDArray[Any]], dict[int, NDArray[Any]]] = field(
        default_factory=lambda: ({}, {})
    )
    tolerance: float = 0.0

    def add(
        self, numbers: NDArray[np.intp], found: RowDifferences, first: Float, second: Float
    ) -> None:
        """Add pairs with these numbers and outputs."""
        self.by_row[numbers] = found.by_row
        self.amounts[numbers] = found.amounts
        self.wrong[numbers] = found.wrong
        if not len(numbers) or not first[:1].size:
            return
        at = int(np.argmax(found.by_row))
        if self.worst is None or found.by_row[at] > self.by_row[self.worst.pair]:
            self.worst = Place(int(numbers[at]), *largest_place(first[at], second[at]))

    def add_moved(self) -> None:
        """Compare the rows of pairs that are on different maps."""
        both = sorted(self.moved[0].keys() & self.moved[1].keys())
        if not both:
            return
        first, second = (np.stack([side[pair] for pair in both]) for side in self.moved)
        if first.shape == second.shape:
            found = row_differences(first, second, allowed_differences(second, self.tolerance))
            self.add(np.array(both, np.intp), found, first, second)


@dataclass
class GroupComparison:
    """Compare two groups of calls, one map after another.

    Parameters
    ----------
    groups
        The groups.
    search
        Whether to search for the rules behind an output that the stated operator does not make.
    """

    groups: tuple[CallGroup, CallGroup]
    search: bool
    pairs: GroupPairs = field(init=False)
    box_change: BoxChange | None = None
    features: list[tuple[int, FeatureDifference]] = field(default_factory=list)
    maps: list[MapDifference] = field(default_factory=list)

    def __post_init__(self) -> None:
        first, second = map(read_rows, self.groups)
        self.pairs = pair_group_rows(first, second)
        by_change = pair_by_change(self.groups, self.pairs)
        if by_change is not None and self._have_equal_features():
            self.pairs, self.box_change = by_change
        self.checks = KernelCheck(self.search), KernelCheck(self.search)
        count = len(self.pairs.rows)
        unknown = np.full(count, np.nan)
        self.outputs = _Outputs(unknown, unknown.copy(), np.zeros(count, np.bool_))
        rows = self.pairs.rows
        self._on = first.map_index[rows.first], second.map_index[rows.second]

    def result(self) -> CallDifferences:
        """Read two calls at a time, and return all differences."""
        for map_index in self._map_indices():
            self._add_map(map_index)
        self.outputs.add_moved()
        cross, at_fault, compensated = self._cross()
        stages = (
            self._features(),
            self._boxes(compensated=compensated),
            self._levels(),
            self._parameters(cross, at_fault=at_fault, compensated=compensated),
            self._output(),
        )
        return CallDifferences(
            self.groups, self.checks, self.pairs, stages, compensated, cross, at_fault,
            self._fields(), self.outputs.worst, self._maps_at_fault(), self.box_change,
        )  # fmt: skip

    def _have_equal_features(self) -> bool:
        """Return whether both sides have the same maps with the same features."""
        first, second = ({m.map_index: m.file for m in group.members} for group in self.groups)
        return first.keys() == second.keys() and not any(
            found.different or found.largest is None
            for found in (compare_features(_read(first[at]), _read(second[at])) for at in first)
        )

    def _map_indices(self) -> list[int]:
        """Return the maps of both groups, those with most boxes first.

        An operator is identified on the first map on which its output is not the stated one.
        """
        counts: dict[int, int] = {}
        for member in (*self.groups[0].members, *self.groups[1].members):
            counts[member.map_index] = counts.get(member.map_index, 0) + member.boxes
        return sorted(counts, key=lambda index: -counts[index])

    def _add_map(self, map_index: int) -> None:
        members = [group.on_map(map_index) for group in self.groups]
        calls = [None if member is None else _read(member.file) for member in members]
        kernels = [
            None if call is None else check.check(call)
            for call, check in zip(calls, self.checks, strict=True)
        ]
        for number, (call, kernel) in enumerate(zip(calls, kernels, strict=True)):
            if call is not None:
                self.outputs.tolerance = max(self.outputs.tolerance, tolerance_of(call))
                self._keep_moved(number, map_index, call, kernel)
        first, second = calls
        if first is None or second is None:
            return
        features = compare_features(first, second)
        self.features.append((map_index, features))
        on_map = np.flatnonzero((self._on[0] == map_index) & (self._on[1] == map_index))
        comparison = MapComparison(
            (first, second), features, (kernels[0], kernels[1]), self.pairs, on_map
        )
        found = comparison.result()
        self.maps.append(found)
        if found.output is not None:
            self.outputs.add(on_map, found.output, *comparison.paired_outputs())

    def _keep_moved(self, number: int, map_index: int, call: Call, kernel: Kernel | None) -> None:
        """Keep the outputs of one side for pairs on different maps until the other map is read."""
        here = np.flatnonzero((self._on[number] == map_index) & (self._on[0] != self._on[1]))
        if not len(here):
            return
        rows = (self.pairs.first, self.pairs.second)[number].row
        numbers = (self.pairs.rows.first, self.pairs.rows.second)[number]
        output = output_of(call, kernel)
        for pair in here.tolist():
            self.outputs.moved[number][pair] = output[rows[numbers[pair]]].copy()

    def _cross(self) -> tuple[float | None, bool | None, bool]:
        """Return the largest cross difference, whether it counts, and whether boxes compensate it.

        The cross difference is that of the first output from what the second operator makes of the
        first inputs. Boxes compensate it if the second side moves them by the shift that its
        operator leaves out.
        """
        plain = [one.cross for one in self.maps]
        shifted = [one.shifted for one in self.maps]
        wrong = [None if one is None else bool(one.wrong.any()) for one in plain]
        if any(wrong) and all(one is not None and not one.wrong.any() for one in shifted):
            return max(one.largest for one in shifted if one is not None), False, True
        if not plain or any(one is None for one in plain):
            return None, None, False
        return max(one.largest for one in plain if one is not None), any(wrong), False

    def _features(self) -> Stage:
        known = [found for _, found in self.features if found.largest is not None]
        other = [(index, found) for index, found in self.features if found.largest is None]
        different = sum(found.different for found in known)
        text = "" if not other else _other_shapes(*other[0], len(other) - 1)
        return Stage(
            "features",
            None if not self.features else bool(different or other),
            max((found.largest for found in known if found.largest is not None), default=None),
            different,
            sum(found.cells for found in known),
            self._share("features"),
            text,
        )

    def _boxes(self, *, compensated: bool) -> Stage:
        pairs = self.pairs
        moves = pairs.moves_in_cells
        if compensated and pairs.shift is not None:
            moves = moves - np.tile(pairs.shift, 2)
        wrong = np.abs(moves).max(axis=1, initial=0.0) > _BOX_TOLERANCE
        largest = float(np.abs(pairs.moves).max(initial=0.0)) if len(wrong) else None
        # Boxes that were changed may be on other maps, where their share was not measured.
        moved = self.box_change is not None and (self._on[0] != self._on[1]).any()
        share = None if compensated or moved else self._share("boxes")
        different = int(wrong.sum())
        return Stage(
            "boxes", bool(different or pairs.rows.unpaired), largest, different, len(wrong), share
        )

    def _levels(self) -> Stage:
        apart = np.abs(self._on[0] - self._on[1])
        different = int(np.count_nonzero(apart))
        amounts = self.outputs.amounts
        whole = float(np.nansum(amounts))
        share = None
        if different and 0 < whole < np.inf:
            share = float(np.nansum(amounts[apart > 0])) / whole
        largest = float(apart.max(initial=0))
        levels = [group.members[0].description.level for group in self.groups]
        rules = [level.rule for level in levels if level is not None and level.rule is not None]
        text = f"rules {rules[0]} and {rules[1]}" if len({*rules}) > 1 else ""
        return Stage("levels", bool(different), largest, different, len(apart), share, text)

    def _parameters(
        self, cross: float | None, *, at_fault: bool | None, compensated: bool
    ) -> Stage:
        sizes = [group.members[0].description.output_size for group in self.groups]
        text = ""
        if sizes[0] != sizes[1]:
            at_fault, text = True, f"output size {sizes[0]} and {sizes[1]}"
        wrong = [one.cross.wrong for one in self.maps if one.cross is not None]
        total = sum(map(len, wrong))
        different = int(sum(int(one.sum()) for one in wrong)) if at_fault else 0
        share = None if compensated else self._share("parameters")
        return Stage("parameters", at_fault, cross, different, total, share, text)

    def _output(self) -> Stage:
        by_row = self.outputs.by_row
        known = ~np.isnan(by_row)
        if not known.any():
            return Stage("output", None)
        wrong = int(self.outputs.wrong.sum())
        largest = float(by_row[known].max())
        return Stage("output", bool(wrong), largest, wrong, int(known.sum()))

    def _share(self, name: str) -> float | None:
        """Return the part of the difference that disappears with one stage exchanged."""
        left = [getattr(one.amounts, name) for one in self.maps]
        whole = float(np.nansum(self.outputs.amounts[self._on[0] != self._on[1]]))
        whole += sum(one.amounts.whole for one in self.maps)
        if not any(one is not None for one in left) or not 0 < whole < np.inf:
            return None
        gone = sum(
            one.amounts.whole - rest
            for one, rest in zip(self.maps, left, strict=True)
            if rest is not None
        )
        return float(gone / whole) if np.isfinite(gone) else None

    def _fields(self) -> tuple[Reason, ...]:
        """Return the fields in which the operators differ, from the map that differs most."""
        maps = [one for one in self.maps if one.fields]
        return max(
            maps,
            key=lambda one: 0.0 if one.cross is None else float(one.cross.amounts.sum()),
        ).fields if maps else ()  # fmt: skip

    def _maps_at_fault(self) -> tuple[int, ...]:
        """Return the maps on which the operators differ, if that is not on all with boxes."""
        wrong = {
            index: one.cross.wrong.any()
            for (index, _), one in zip(self.features, self.maps, strict=True)
            if one.cross is not None and len(one.cross.wrong)
        }
        found = tuple(index for index in sorted(wrong) if wrong[index])
        return found if len(found) < len(wrong) else ()


def _read(file: str) -> Call:
    """Read a call, which must have an output or an operator that makes one."""
    call = read_call(file)
    if call.output is None:
        if call.preset is None:
            raise FileError(file, "has no output and no operator; record the call with its output")
        try:
            call.operation().plan()
        except ArgumentError as error:
            raise FileError(file, f"has no output to compare: {error.problem}") from None
    return call


def _other_shapes(map_index: int, found: FeatureDifference, more: int) -> str:
    one, other = (" × ".join(map(str, shape)) for shape in found.shapes)
    rest = f", and {more} more" if more else ""
    return f"map {map_index} is {one} in A and {other} in B{rest}"


def compare_groups(first: CallGroup, second: CallGroup, *, search: bool) -> CallDifferences:
    """Compare two groups of calls.

    Parameters
    ----------
    first, second
        The groups.
    search
        Whether to search for the rules behind an output that the stated operator does not make.
    """
    return GroupComparison((first, second), search).result()
