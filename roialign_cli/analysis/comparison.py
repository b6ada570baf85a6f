"""Compare two conventions, or a convention with a saved output, on the same input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import Mask, box_conditions, common_conditions
from roialign_cli.analysis.equivalence import differing_rules
from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.tolerance import (
    CONVENTIONS_TOLERANCE,
    allowed_differences,
    output_tolerance,
)
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float, as_array
from roialign_cli.core.channels import check_same_channels
from roialign_cli.core.convention import Convention
from roialign_cli.core.operation import CallOptions, Operation, make_operation
from roialign_cli.core.overrides import applicable_overrides, resolve
from roialign_cli.core.preset import Preset
from roialign_cli.core.sampling import AxisSamples, Plan
from roialign_cli.errors import ArgumentError
from roialign_cli.presentation import Presentable


def difference(outputs: Float, other_outputs: Float) -> Float:
    """Subtract outputs from others of the same shape, in float64.

    The difference is 0 where both are equal, both NaN or the same infinity, and NaN where only one
    is a finite number.

    Examples
    --------
    >>> difference(np.array([1.0, np.nan, np.inf]), np.array([1.5, np.nan, 2.0])).tolist()
    [0.5, 0.0, nan]
    """
    with np.errstate(invalid="ignore", over="ignore"):
        differences: Float = np.subtract(other_outputs, outputs, dtype=np.float64)
        if np.isfinite(differences.sum()):  # then all of them are
            return differences
    one, other = outputs.astype(np.float64), other_outputs.astype(np.float64)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return np.where(same, 0.0, np.where(np.isfinite(differences), differences, np.nan))


def most_different(trace: Trace, other: Trace) -> tuple[int, int]:
    """Return the section (i, j) in which two outputs differ most, (1, 1) if they are equal."""
    differences = np.abs(difference(np.array(trace.output), np.array(other.output)))
    j, i = np.unravel_index(np.argmax(np.nan_to_num(differences, nan=np.inf)), differences.shape)
    return int(i) + 1, int(j) + 1


def paired_points(section: Section, other: Section) -> list[tuple[Point, Point]]:
    """Pair the points of two sections by their numbers; no pairs if the grids differ."""
    if section.grid != other.grid:
        return []
    return list(zip(section.points, other.points, strict=True))


def common_shift(pairs: list[tuple[Point, Point]]) -> tuple[float, float] | None:
    """Return the move in cells along x and y that all pairs share, None if they differ."""
    moves = np.array([(other.x - one.x, other.y - one.y) for one, other in pairs])
    if not len(moves) or np.ptp(moves, axis=0).max() > _SHIFT_TOLERANCE:
        return None
    x, y = moves.mean(axis=0).tolist()
    return x, y


_SHIFT_TOLERANCE = 1e-4  # cells; float32 coordinates on a map of a thousand cells agree to less


@dataclass(frozen=True)
class Reason:
    """Name a field in which two conventions differ, and its share of the difference.

    Parameters
    ----------
    field
        The name of the field of `Convention`.
    here, there
        The values of the first and of the second convention.
    share
        The part of the difference that disappears if the first convention takes this field alone
        from the second: 1 if the outputs become equal, negative if they differ more, None if the
        field cannot be set alone.
    has_effect
        Whether the first output changes by more than the tolerance if the first convention takes
        this field alone from the second; None if the field cannot be set alone.
    """

    field: str
    here: Any
    there: Any
    share: float | None
    has_effect: bool | None = None


@dataclass(frozen=True)
class Shift:
    """Describe how sample points move from one convention to another.

    Parameters
    ----------
    x, y
        The smallest and the largest move in cells, with y in the direction of the frame; None if no
        box has the same grid in both.
    other_grids
        (R,), bool: the boxes whose grids differ. They do not count.
    """

    x: tuple[float, float] | None
    y: tuple[float, float] | None
    other_grids: Mask


@dataclass(frozen=True, repr=False)
class Differences:
    """Hold two outputs of the same boxes and their differences.

    Parameters
    ----------
    outputs, other_outputs
        (R, C, rows, columns), the outputs of both sides.
    differences
        (R, C, rows, columns), float64, the second outputs minus the first: 0 where both are NaN or
        the same infinity, NaN where only one is a finite number.
    tolerance
        The largest difference that still counts as equal, as a share of a channel's largest value.
    differing
        (R,), bool: which boxes differ by more than the tolerance.
    """

    outputs: Float
    other_outputs: Float
    differences: Float
    tolerance: float
    differing: Mask

    @property
    def largest(self) -> float:
        """The largest absolute difference; infinite if only one output is finite somewhere."""
        return _largest(self.differences)

    @property
    def mean(self) -> float:
        """The mean absolute difference; infinite as in `largest`, 0 without outputs."""
        return _mean(np.nan_to_num(np.abs(self.differences), nan=np.inf))

    @property
    def worst(self) -> tuple[int, int, tuple[int, int]]:
        """The box and channel, from 0, and the section (i, j), from 1, that differ most.

        Raises
        ------
        RoiAlignError
            If there are no outputs.
        """
        if not self.differences.size:
            raise ArgumentError("boxes", "there are no outputs to compare")
        differences = np.nan_to_num(np.abs(self.differences), nan=np.inf)
        r, c, j, i = (int(at) for at in np.unravel_index(np.argmax(differences), differences.shape))
        return r, c, (i + 1, j + 1)


@dataclass(frozen=True, repr=False)
class Comparison(Differences, Presentable):
    """Compare two outputs of the same boxes; prints like the command.

    The other fields are those of `Differences`.

    Parameters
    ----------
    operation
        The first side.
    other
        The second convention; None if the second side is a saved output.
    shared_conditions
        What all these boxes have in common, and the others have not.
    reasons
        The fields in which the conventions differ, the largest share first; empty for a saved
        output.
    shift
        How the points move; None for a saved output.
    """

    operation: Operation
    other: Convention | None
    shared_conditions: tuple[str, ...]
    reasons: tuple[Reason, ...]
    shift: Shift | None

    def __repr__(self) -> str:
        other = "a given output" if self.other is None else self.other.name
        first = self.operation.convention.name
        return f"<Comparison of {first} with {other}: largest difference {self.largest:g}>"


def _largest(differences: Float) -> float:
    return float(np.nan_to_num(np.abs(differences), nan=np.inf).max(initial=0.0))


def compare(
    features: object,
    boxes: object,
    output_size: int | tuple[int, int],
    *,
    convention: str | Preset | Convention,
    other: object,
    **call: Unpack[CallOptions],
) -> Comparison:
    """Compare two conventions, or a convention with a saved output.

    Parameters
    ----------
    features, boxes, output_size, convention, **call
        As for `roi_align`. The boxes are read in the same way for both sides.
    other
        A preset, its name or a `Convention`; the overrides in `call` apply to it as well if they
        have an effect on it. Or an output, (R, C, rows, columns).

    Returns
    -------
    Comparison
        Both outputs, their differences in units of the features, the reasons for the differences,
        and the moves of the sample points in cells.

    Raises
    ------
    RoiAlignError
        As for `roi_align`, and for an output of another shape.

    Examples
    --------
    >>> call = {"convention": "torchvision-aligned", "sampling_ratio": 2}
    >>> comparison = compare(np.eye(8), [[1, 1, 6, 5]], 2, other="torchvision", **call)
    >>> comparison.shift.x, [reason.field for reason in comparison.reasons][:1]
    ((0.5, 0.5), ['offset'])
    """
    operation = make_operation(features, boxes, output_size, convention=convention, **call)
    if isinstance(other, (str, Preset, Convention)):
        shared = {k: v for k, v in call.items() if k in operation.convention.parameters()}
        base = _other(other)
        return compare_conventions(operation, resolve(base, **applicable_overrides(base, **shared)))
    return compare_output(operation, as_array("other", other))


def _other(other: str | Preset | Convention) -> Convention:
    try:
        return resolve(other)
    except ArgumentError as error:
        raise ArgumentError("other", error.problem) from None


def compare_output(operation: Operation, given: NDArray[Any]) -> Comparison:
    """Compare the output of an operation with a saved one."""
    outputs = operation.pooled()
    check_output(given, outputs.shape)
    tolerance = output_tolerance(operation.features.dtype, given.dtype)
    return _compared(operation, None, (outputs, given), tolerance, (), None)


def check_output(given: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Raise an error for a saved output that is not made of numbers or has another shape."""
    if given.dtype.kind not in "buif" or given.shape != shape:
        problem = f"must be numbers of shape {shape}, got {given.dtype} of shape {given.shape}"
        raise ArgumentError("other", problem)


def compare_conventions(
    operation: Operation, other: Convention, tolerance: float = CONVENTIONS_TOLERANCE
) -> Comparison:
    """Compare an operation with the same one under another convention.

    Parameters
    ----------
    operation
        The operation.
    other
        The other convention.
    tolerance
        The largest difference that counts as equal, as a share of a channel's largest value.
    """
    check_same_channels(operation.convention, other, "other")
    second = replace(operation, convention=other)
    plan, moved = operation.plan(), second.plan()
    outputs, other_outputs = operation.pooled(), second.pooled()
    reasons = _reasons(operation, other, (outputs, other_outputs), tolerance)
    shift = _shift(operation, plan, moved)
    sides = outputs, other_outputs
    return _compared(operation, other, sides, tolerance, reasons, shift)


def _compared(
    operation: Operation,
    other: Convention | None,
    sides: tuple[Float, NDArray[Any]],
    tolerance: float,
    reasons: tuple[Reason, ...],
    shift: Shift | None,
) -> Comparison:
    differences = difference(*sides)
    # A saved output decides what its differences may be, as it does for `identify`.
    boxes = differing_boxes(differences, sides[0 if other is not None else 1], tolerance)
    shared_conditions = (
        () if boxes.all() else tuple(common_conditions(box_conditions(operation.plan()), boxes))
    )
    return Comparison(
        *sides, differences, tolerance, boxes, operation, other, shared_conditions, reasons, shift
    )


def differing_boxes(differences: Float, output: NDArray[Any], tolerance: float) -> Mask:
    """Return which boxes differ by more than the tolerance, (R,), bool.

    `output` are the numbers of which the tolerance is a share.
    """
    wrong = np.nan_to_num(np.abs(differences), nan=np.inf) > allowed_differences(output, tolerance)
    return np.asarray(wrong.any(axis=(1, 2, 3)), dtype=np.bool_)


def _reasons(
    operation: Operation, other: Convention, sides: tuple[Float, Float], tolerance: float
) -> tuple[Reason, ...]:
    own = operation.convention
    here, there = own.parameters(), other.parameters()
    outputs, other_outputs = sides
    amount = _amount(outputs, other_outputs)
    reasons = []
    for name in differing_rules(own, other):
        share = has_effect = None
        try:
            alone = replace(operation, convention=replace(own, **{name: there[name]})).pooled()
        except ArgumentError:
            pass
        else:
            changes = difference(outputs, alone)
            has_effect = bool(differing_boxes(changes, outputs, tolerance).any())
            if amount:
                share = 1 - _amount(alone, other_outputs) / amount
        reasons.append(Reason(name, here[name], there[name], share, has_effect))
    return tuple(sorted(reasons, key=lambda reason: -(reason.share or 0.0)))


def _amount(outputs: Float, other_outputs: Float) -> float:
    """Return the mean difference; a missing difference counts as the largest."""
    differences = np.abs(difference(outputs, other_outputs))
    most = float(np.nanmax(differences, initial=0.0)) or 1.0
    return _mean(np.nan_to_num(differences, nan=most))


def _mean(amounts: Float) -> float:
    """Return the mean of non-negative numbers whose sum may overflow; 0 for no numbers."""
    largest = float(amounts.max(initial=0.0))
    if largest in {0.0, np.inf}:
        return largest
    return largest * float((amounts / largest).mean())


def _shift(operation: Operation, plan: Plan, moved: Plan) -> Shift:
    other_grids = np.zeros(len(plan.y.roi_start), np.bool_)
    for one, two in ((plan.y, moved.y), (plan.x, moved.x)):
        other_grids |= (one.count != two.count).any(axis=1)
    same = np.flatnonzero(~other_grids)
    with np.errstate(over="ignore", invalid="ignore"):
        moves = [
            _moves(one, two)
            for one, two in zip(plan[same].samples(), moved[same].samples(), strict=True)
        ]
    if not all(len(move) for move in moves):
        return Shift(None, None, other_grids)
    sign = operation.frame.y_sign
    y, x = (sorted((float(move.min()), float(move.max()))) for move in moves)
    low, high = sorted((sign * y[0], sign * y[1]))
    return Shift((x[0], x[1]), (low, high), other_grids)


def _moves(one: AxisSamples, two: AxisSamples) -> Float:
    """Return the moves of points with the same section and number along an axis."""
    points = min(one.position.shape[2], two.position.shape[2])
    moves = two.position[..., :points].astype(np.float64) - one.position[..., :points]
    valid: Float = moves[np.broadcast_to(one.valid[..., :points], moves.shape)].round(6)
    return valid
