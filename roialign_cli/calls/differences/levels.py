"""Compare two calls on one map: features, outputs, and what each stage explains of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.comparison import Reason, compare_conventions, difference
from roialign_cli.analysis.equivalence import coarse_rules
from roialign_cli.analysis.tolerance import allowed_differences
from roialign_cli.calls.call import Call
from roialign_cli.calls.differences.kernels import Kernel
from roialign_cli.calls.differences.pairing import SHIFT_TOLERANCE, GroupPairs
from roialign_cli.calls.differences.row_pairs import Rows
from roialign_cli.calls.row_differences import RowDifferences, row_differences, tolerance_of
from roialign_cli.core.boxes import Float
from roialign_cli.core.operation import Operation, in_dtype_of, scale_of_map
from roialign_cli.errors import ArgumentError

_MAX_FIELD_ROWS = 64  # rows on which the fields of two conventions are compared


@dataclass(frozen=True)
class FeatureDifference:
    """How the features of two calls differ.

    Parameters
    ----------
    shapes
        Their shapes.
    largest
        The largest difference; None for different shapes.
    different, cells
        The number of values that differ by more than the tolerance, and of all values.
    """

    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    largest: float | None
    different: int
    cells: int


def compare_features(first: Call, second: Call) -> FeatureDifference:
    """Compare the features of two calls, one channel after another."""
    one, other = first.features, second.features
    shapes = one.shape, other.shape
    if one.shape != other.shape:
        return FeatureDifference(shapes, None, 0, 0)
    share = tolerance_of(first, second)
    largest, different = 0.0, 0
    for channel in range(one.shape[1]):
        plane, changed = one[:, channel : channel + 1], other[:, channel : channel + 1]
        apart = np.abs(difference(plane, changed))
        apart[np.isnan(apart)] = np.inf
        largest = max(largest, float(apart.max(initial=0.0)))
        if largest:
            different += int((apart > allowed_differences(changed, share)).sum())
    return FeatureDifference(shapes, largest, different, one.size)


@dataclass(frozen=True)
class Amounts:
    """Mean differences from the output of the second call, summed over rows.

    Each is that of the first call with one stage taken from the second; None where the stage cannot
    be exchanged.
    """

    whole: float = 0.0
    features: float | None = None
    boxes: float | None = None
    parameters: float | None = None


@dataclass(frozen=True)
class MapDifference:
    """How two calls on the same map differ.

    Parameters
    ----------
    output
        How their outputs differ; None if the shapes are different.
    cross, shifted
        How the output of the first call differs from what the operator of the second makes of its
        features and boxes: as it is, and with the shift of the boxes as a part of the operator.
        None if that is unknown.
    amounts
        What is left of the differences with one stage exchanged.
    fields
        The parameters in which the operators differ.
    """

    output: RowDifferences | None
    cross: RowDifferences | None
    shifted: RowDifferences | None
    amounts: Amounts
    fields: tuple[Reason, ...]


@dataclass
class MapComparison:
    """Compare two calls on the same map.

    Parameters
    ----------
    calls
        The calls.
    features
        How their features differ.
    kernels
        The rules that make their outputs; None where they are unknown.
    pairs
        Which boxes of the groups belong together.
    on_map
        (p,), the pairs of rows of which both are on this map.
    """

    calls: tuple[Call, Call]
    features: FeatureDifference
    kernels: tuple[Kernel | None, Kernel | None]
    pairs: GroupPairs
    on_map: Rows
    outputs: tuple[NDArray[Any], NDArray[Any]] = field(init=False)

    def __post_init__(self) -> None:
        first, second = map(output_of, self.calls, self.kernels)
        self.outputs = first, second
        self._rows = self.pairs.first.row[self.pairs.rows.first[self.on_map]]
        self._partners = self.pairs.second.row[self.pairs.rows.second[self.on_map]]
        self._operation = self.calls[0].operation()

    def result(self) -> MapDifference:
        """Return the differences."""
        first, second = self.paired_outputs()
        output = None
        if first.shape[1:] == second.shape[1:]:
            allowed = allowed_differences(second, tolerance_of(*self.calls))
            output = row_differences(first, second, allowed)
        cross = self._cross(0.0)
        shifted = None
        shift = self.pairs.shift
        if (
            shift is not None
            and abs(shift[0]) > SHIFT_TOLERANCE
            and np.isclose(*shift, atol=SHIFT_TOLERANCE)
        ):
            shifted = self._cross(round(shift[0], 3))
        amounts = Amounts()
        if output is not None and output.wrong.any():
            amounts = self._amounts(output, cross)
        return MapDifference(output, cross, shifted, amounts, self._fields(cross))

    def paired_outputs(self) -> tuple[Float, Float]:
        """Return the rows of both outputs in the order of the pairs."""
        return self.outputs[0][self._rows], self.outputs[1][self._partners]

    def _of_second(self) -> Operation:
        """Return the first call with the scale of the second one."""
        scale = self._operation.spatial_scale
        if self.pairs.units == "given":
            operation = self.calls[1].operation()
            scale = operation.spatial_scale
            if operation.convention.normalized:
                size = self._operation.map_size
                scale = scale_of_map(None, operation.convention, size)
        return replace(self._operation, spatial_scale=scale)

    def _cross(self, shift: float) -> RowDifferences | None:
        """Compare the first output with what the second operator makes of the first inputs."""
        kernel = self.kernels[1]
        if kernel is None or self.calls[0].output_size != self.calls[1].output_size:
            return None
        kernel = kernel.shifted(shift) if shift else kernel
        try:
            made = kernel.pooled(self._of_second())
        except ArgumentError:
            return None
        if made.shape != self.outputs[0].shape:
            return None
        allowed = allowed_differences(self.outputs[0], tolerance_of(self.calls[0]))
        return row_differences(made, self.outputs[0], allowed)

    def _amounts(self, output: RowDifferences, cross: RowDifferences | None) -> Amounts:
        """Exchange one stage that differs after another on the rows of this map."""
        own, other = self.kernels
        if own is None:
            return Amounts(float(output.amounts.sum()))
        operation = _on_rows(self._operation, self._rows)
        features = boxes = parameters = None
        if self.features.largest:
            features = self._left(own, replace(operation, features=self.calls[1].features))
        moved = self.pairs.boxes[self.pairs.rows.second[self.on_map]]
        if (moved != operation.boxes_xyxy).any():
            boxes = self._left(own, replace(operation, boxes_xyxy=moved))
        if other is not None and cross is not None and cross.wrong.any():
            parameters = self._left(other, _on_rows(self._of_second(), self._rows))
        return Amounts(float(output.amounts.sum()), features, boxes, parameters)

    def _left(self, kernel: Kernel, operation: Operation) -> float | None:
        """Return the mean differences from the second output, summed over rows."""
        try:
            made = kernel.pooled(operation)
        except ArgumentError:
            return None
        given = self.outputs[1][self._partners]
        if made.shape != given.shape:
            return None
        return float(row_differences(made, given, 0.0).amounts.sum())

    def _fields(self, cross: RowDifferences | None) -> tuple[Reason, ...]:
        """Return the fields in which the operators differ, with their shares on the worst rows."""
        own, other = self.kernels
        if own is None or other is None:
            return ()
        operation, second = self._operation, self._of_second()
        reasons: list[Reason] = []
        if not np.allclose(operation.spatial_scale, second.spatial_scale, rtol=1e-6):
            scales = operation.spatial_scale, second.spatial_scale
            reasons.append(Reason("spatial_scale", *scales, None))
        wrong = cross is not None and cross.wrong.any()
        if not wrong and coarse_rules(own.convention) == coarse_rules(other.convention):
            return tuple(reasons)
        by_row = np.zeros(len(operation.boxes_xyxy)) if cross is None else cross.by_row
        rows = np.sort(np.argsort(-by_row, kind="stable")[:_MAX_FIELD_ROWS])
        few = replace(_on_rows(operation, rows), convention=own.convention)
        tolerance = tolerance_of(*self.calls)
        try:
            return (*reasons, *compare_conventions(few, other.convention, tolerance).reasons)
        except ArgumentError:
            return tuple(reasons)


def _on_rows(operation: Operation, rows: Rows) -> Operation:
    """Return an operation on some of its boxes."""
    return replace(
        operation,
        boxes_given=operation.boxes_given[rows],
        boxes_xyxy=operation.boxes_xyxy[rows],
        batch_index=operation.batch_index[rows],
    )


def output_of(call: Call, kernel: Kernel | None) -> NDArray[Any]:
    """Return the output of a call, which is computed if it was not recorded."""
    if call.output is not None:
        return call.output
    made = call.operation().pooled() if kernel is None else kernel.pooled(call.operation())
    return in_dtype_of(call.features, made)


def largest_place(first: Float, second: Float) -> tuple[int, tuple[int, int], tuple[float, float]]:
    """Return the channel, the section and the values where two outputs of a box differ most."""
    apart = np.nan_to_num(np.abs(difference(first, second)), nan=np.inf)
    c, j, i = (int(at) for at in np.unravel_index(int(np.argmax(apart)), apart.shape))
    return c, (i + 1, j + 1), (float(first[c, j, i]), float(second[c, j, i]))
