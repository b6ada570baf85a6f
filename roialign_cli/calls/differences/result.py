"""The result of comparing two recordings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from roialign_cli.analysis.comparison import Reason
from roialign_cli.calls.differences.box_changes import BoxChange
from roialign_cli.calls.differences.kernels import KernelCheck
from roialign_cli.calls.differences.pairing import CallGroup, GroupPairs
from roialign_cli.presentation import Presentable

StageName = Literal["features", "boxes", "levels", "parameters", "output"]
Verdict = Literal[
    "equal",
    "equal outputs",
    "inputs",
    "operator",
    "inputs and operator",
    "unexplained",
    "not comparable",
    "empty",
]


# Shares of the difference between the outputs.
_NEGLIGIBLE_SHARE, _MAJOR_SHARE = 0.05, 0.5
_MAX_UNEXPLAINED = 0.1  # of the difference, above which the shares of the stages have no meaning


@dataclass(frozen=True)
class Stage:
    """One stage on the way to the outputs of two calls.

    Parameters
    ----------
    name
        The stage.
    differs
        Whether it differs by more than the tolerance; None if that is unknown.
    largest
        The largest difference: of features and outputs in their units, of boxes in those of the
        first call, of levels in maps; of parameters in the output that they make for the inputs of
        the first call. None if it is unknown.
    different, total
        How many cells, boxes or rows differ, and of how many; 0 of 0 if that is unknown.
    share
        The part of the difference between the outputs that disappears if the first call takes this
        stage alone from the second; None if it was not measured.
    text
        What else is known, as clauses; "" for nothing.
    """

    name: StageName
    differs: bool | None
    largest: float | None = None
    different: int = 0
    total: int = 0
    share: float | None = None
    text: str = ""

    @property
    def is_cause(self) -> bool:
        """Whether the stage can change the outputs; boxes of only one recording cannot."""
        return self.name != "boxes" or self.different > 0


@dataclass(frozen=True)
class Place:
    """The value that differs most.

    Parameters
    ----------
    pair
        The number of the pair of rows.
    channel, section
        The channel, and the section (i, j) from 1.
    values
        The values in the two outputs.
    """

    pair: int
    channel: int
    section: tuple[int, int]
    values: tuple[float, float]


@dataclass(frozen=True)
class CallDifferences:
    """The differences of two calls, or of two groups of calls on a pyramid.

    Parameters
    ----------
    groups
        The calls of both sides.
    checks
        What the outputs of both sides show of their operators.
    pairs
        Which boxes belong together.
    stages
        The features, boxes, levels, parameters and outputs, in this order.
    compensated
        Whether the second side moves all boxes by what its operator leaves out.
    cross
        The largest difference between the output of the first side and what the operator of the
        second side makes of its features and boxes; None if that operator is unknown.
    at_fault
        Whether that difference is above the tolerance; None if it is unknown.
    fields
        The parameters in which the operators differ, with their shares of that difference.
    worst
        Where the outputs differ most; None without outputs to compare.
    maps_at_fault
        The maps on which the operators make other outputs of the same inputs, ascending; empty if
        those are all maps with boxes.
    box_change
        The format, the scale or the shift by which all boxes of the second side follow from those
        of the first side, if the features agree; None if no change reproduces all boxes.
    """

    groups: tuple[CallGroup, CallGroup]
    checks: tuple[KernelCheck, KernelCheck]
    pairs: GroupPairs
    stages: tuple[Stage, ...]
    compensated: bool
    cross: float | None
    at_fault: bool | None
    fields: tuple[Reason, ...]
    worst: Place | None
    maps_at_fault: tuple[int, ...]
    box_change: BoxChange | None = None

    def stage(self, name: StageName) -> Stage:
        """Return a stage by its name."""
        return next(stage for stage in self.stages if stage.name == name)

    @property
    def first(self) -> Stage | None:
        """The first stage that differs and is not negligible; None if no stage differs."""
        stages = [stage for stage in self.stages if stage.differs]
        return next((one for one in stages if not self.is_negligible(one)), None)

    def is_negligible(self, stage: Stage) -> bool:
        """Return whether a stage explains next to nothing of a difference that another explains."""
        shares = [one.share for one in self.stages if one.share is not None]
        if stage.share is None or max(shares) < _MAJOR_SHARE:
            return False
        return abs(stage.share) < _NEGLIGIBLE_SHARE

    @property
    def shares_add_up(self) -> bool:
        """Whether the stages explain the difference one by one.

        Otherwise, they only do so together: then their shares have no meaning.
        """
        shares = [one.share for one in self.stages if one.share is not None]
        is_whole = abs(sum(shares) - 1) <= _MAX_UNEXPLAINED
        return is_whole and min(shares) > -_NEGLIGIBLE_SHARE

    @property
    def effective_fields(self) -> tuple[Reason, ...]:
        """The fields that change the output by more than the tolerance, or may do so.

        All fields if none does so alone.
        """
        effective = tuple(one for one in self.fields if one.has_effect is not False)
        return effective or self.fields

    @property
    def inputs(self) -> list[Stage]:
        """The stages before the parameters that explain a part of the difference."""
        differing = [stage for stage in self.stages[:3] if stage.differs and stage.is_cause]
        major = [stage for stage in differing if not self.is_negligible(stage)]
        return major if self.at_fault else major or differing

    @property
    def verdict(self) -> Verdict:
        """Where the difference comes from."""
        output = self.stage("output")
        if not any(group.boxes for group in self.groups):
            return "empty"
        if output.differs is None:
            return "not comparable"
        if not output.differs:
            return "equal outputs" if any(one.differs for one in self.stages) else "equal"
        if self.at_fault is None or not all(check.kernel for check in self.checks):
            return "unexplained"
        if self.at_fault:
            return "inputs and operator" if self.inputs else "operator"
        return "inputs" if self.inputs else "unexplained"


@dataclass(frozen=True, repr=False)
class RecordingDifferences(Presentable):
    """The differences of two recordings; prints as the command does.

    Parameters
    ----------
    names
        The paths of the recordings.
    calls
        The differences of each pair of calls or pyramids.
    first_only, second_only
        The calls or pyramids that only the first or only the second recording has.
    """

    names: tuple[str, str]
    calls: tuple[CallDifferences, ...]
    first_only: tuple[CallGroup, ...]
    second_only: tuple[CallGroup, ...]

    def __repr__(self) -> str:
        return f"<RecordingDifferences: {', '.join(self.verdicts) or 'no pairs'}>"

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdict on each pair."""
        return tuple(call.verdict for call in self.calls)

    @property
    def largest(self) -> float | None:
        """The largest difference between the outputs of paired rows; None without any."""
        return max(self._largest(), default=None)

    def _largest(self) -> Iterator[float]:
        for call in self.calls:
            largest = call.stage("output").largest
            if largest is not None:
                yield largest

    @property
    def worst(self) -> CallDifferences | None:
        """The pair whose outputs differ most; None without outputs to compare."""
        found = [call for call in self.calls if call.worst is not None]
        return max(found, key=lambda call: call.stage("output").largest or 0.0, default=None)

    @property
    def first_difference(self) -> CallDifferences | None:
        """The first pair with different outputs, or else with a stage that differs."""
        different = [call for call in self.calls if call.stage("output").differs]
        return next(iter(different or [call for call in self.calls if call.first]), None)
