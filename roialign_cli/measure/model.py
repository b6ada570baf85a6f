"""What a kernel is taken to do: a convention, and the few behaviours that no field expresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.convention import Convention
from roialign_cli.core.operation import Operation, make_operation
from roialign_cli.core.point_rules import POINTS_RULES
from roialign_cli.core.point_values import contributions, divisor_of, floating, reduce_points
from roialign_cli.core.sampling import AxisSamples, Plan
from roialign_cli.errors import RoiAlignError
from roialign_cli.measure.behaviours import (
    BATCH_BEHAVIOURS,
    DIVISOR_BEHAVIOURS,
    EDGE_BEHAVIOURS,
    GRID_BEHAVIOURS,
    POOLING_BEHAVIOURS,
    RATIO_BEHAVIOURS,
    SCALE_BEHAVIOURS,
    SIZE_BEHAVIOURS,
    USUAL,
)
from roialign_cli.measure.call import Answer, ProbeCall

Array = NDArray[Any]


@dataclass(frozen=True)
class Model:
    """Hold all that is known of a kernel, enough to compute what it should answer.

    Parameters
    ----------
    convention
        The rules; its `sampling_ratio` is what the kernel uses if a call gives none.
    behaviours
        Rule → one of the clauses in `measure/behaviours.py`; empty if the fields express all.
    along_x
        Field → its value along x, for kernels that do not treat both axes alike. The convention has
        the value along y.
    """

    convention: Convention
    behaviours: Mapping[str, str] = field(default_factory=dict)
    along_x: Mapping[str, Any] = field(default_factory=dict)

    def having(self, changes: Mapping[str, Any]) -> Model:
        """Return the model with other fields, and other behaviours: "behaviour:" and the rule.

        Names that start with "x:" are fields along x only.
        """
        parts: dict[str, dict[str, Any]] = {
            "": {},
            "behaviour": dict(self.behaviours),
            "x": dict(self.along_x),
        }
        for name, value in changes.items():
            kind, _, rest = name.rpartition(":")
            parts[kind][rest] = value
        fields, behaviours, along_x = parts.values()
        convention = replace(self.convention, **fields) if fields else self.convention
        behaviours = {
            rule: behaviour for rule, behaviour in behaviours.items() if behaviour != USUAL
        }
        along_x = {
            name: value for name, value in along_x.items() if value != getattr(convention, name)
        }
        return Model(convention, behaviours, along_x)

    def get(self, name: str) -> Any:  # noqa: ANN401
        """Return the value of a field or of a behaviour."""
        kind, _, rest = name.rpartition(":")
        if kind == "behaviour":
            return self.behaviours.get(rest, USUAL)
        own = getattr(self.convention, rest)
        return self.along_x.get(rest, own) if kind == "x" else own

    def answer(self, call: ProbeCall) -> Answer:
        """Return what the kernel gives for a call if it follows the model."""
        try:
            operation = self.operation(call)
            with np.errstate(all="ignore"):
                if "grid" in self.behaviours and 0 in operation.convention.sampling_ratios:
                    return Answer(self._with_grid_behaviour(operation))
                return Answer(self._pooled(operation))
        except RoiAlignError as error:
            return Answer(None, str(error))

    def refuses(self, call: ProbeCall) -> bool:
        """Return whether the kernel gives no output for a call if it follows the model."""
        try:
            self.operation(call).plan()
        except RoiAlignError:
            return True
        return False

    def operation(self, call: ProbeCall) -> Operation:
        """Return the operation of a call, without behaviours of its grid, weights and pooling."""
        rules, ratio = self.convention, call.sampling_ratio
        if ratio is not None:
            behaviour = self.behaviours.get("ratio", USUAL)
            usual = behaviour == USUAL or not ratio
            y, x = (ratio, ratio) if usual else RATIO_BEHAVIOURS[behaviour](ratio)
            if (y, x) != rules.sampling_ratios:
                rules = replace(rules, sampling_ratio=y, sampling_ratio_x=None if x == y else x)
        batch = call.batch_index
        if "batch" in self.behaviours:
            batch = BATCH_BEHAVIOURS[self.behaviours["batch"]](batch, len(call.features))
        boxes: Array = call.boxes
        if "edges" in self.behaviours and not rules.normalized:
            scale = np.float32(call.spatial_scale)
            boxes = EDGE_BEHAVIOURS[self.behaviours["edges"]](boxes, scale)
        operation = make_operation(
            call.features,
            boxes,
            call.output_size,
            convention=rules,
            spatial_scale=None if rules.normalized else self._scale(call),
            batch_index=batch,
        )
        if not self.along_x and "size" not in self.behaviours:
            return operation
        sized = SIZE_BEHAVIOURS.get(self.behaviours.get("size", USUAL))
        return _OwnPlan(**vars(operation), along_x=self.along_x, sized=sized)

    def _scale(self, call: ProbeCall) -> tuple[float, float]:
        scale = call.spatial_scale
        if "scale" in self.behaviours:
            return SCALE_BEHAVIOURS[self.behaviours["scale"]](scale)
        return scale, scale

    def _pooled(self, operation: Operation) -> Array:
        if "pooling" in self.behaviours and operation.convention.points != "integral":
            return _reduced(operation, POOLING_BEHAVIOURS[self.behaviours["pooling"]])
        is_exchanged = "interpolation" in self.behaviours
        pooled = _exchanged(operation) if is_exchanged else operation.pooled()
        if "divisor" not in self.behaviours or operation.convention.pooling == "max":
            return pooled
        y, x = operation.plan().samples()
        along_y, along_x = y.count[:, :, None], x.count[:, None, :]
        usual, _ = divisor_of(y, x, operation.convention)
        divisor = DIVISOR_BEHAVIOURS[self.behaviours["divisor"]](along_y, along_x)
        factor = usual / np.where(divisor == 0, usual, divisor)
        return np.asarray(pooled * factor[:, None].astype(pooled.dtype))

    def _with_grid_behaviour(self, operation: Operation) -> Array:
        behaviour = GRID_BEHAVIOURS[self.behaviours["grid"]]
        plan = operation.plan()
        sizes = np.stack([plan.y.section_size, plan.x.section_size], axis=1)
        grids = np.clip(np.stack(behaviour(*sizes.T), axis=1), 0, 1000).astype(int)
        # A section of some size that has no points has none if the size is rounded down.
        is_without = ((grids == 0) & (sizes > 0)).any(axis=1)
        kinds = np.column_stack([grids, is_without])
        outputs: list[Any] = [None] * len(grids)
        for kind in {(int(y), int(x), bool(without)) for y, x, without in kinds}:
            rows = np.flatnonzero((kinds == kind).all(axis=1))
            rules = operation.convention
            if min(kind[:2]) > 0:
                rules = replace(rules, sampling_ratio=kind[0], sampling_ratio_x=kind[1])
            elif kind[2]:
                rules = replace(rules, grid_rounding="floor", grid_min=0)
            part = replace(
                operation,
                boxes_given=operation.boxes_given[rows],
                boxes_xyxy=operation.boxes_xyxy[rows],
                batch_index=operation.batch_index[rows],
                convention=rules,
            )
            for row, output in zip(rows, self._pooled(part), strict=True):
                outputs[row] = output
        return np.stack(outputs)


@dataclass(frozen=True)
class _OwnPlan(Operation):
    """An operation with some other rules along x, the fields `along_x`, or other sizes of ROIs."""

    along_x: Mapping[str, Any] = field(default_factory=dict)
    sized: Callable[[Array, int], Array] | None = None

    def plan(self) -> Plan:
        """Return the plan along y of its convention, and that along x of the other rules."""
        plan = super().plan()
        if self.along_x:
            rules = replace(self.convention, **self.along_x)
            along_x = Operation.plan(replace(self, convention=rules))
            plan = _TwoPlans(plan.y, along_x.x, self.convention, self.frame, rules)
        ratio_y, ratio_x = self.convention.sampling_ratios
        return replace(
            plan, y=self._with_sizes(plan.y, ratio_y), x=self._with_sizes(plan.x, ratio_x)
        )

    def _with_sizes(self, axis: RoiAxis, ratio: int) -> RoiAxis:
        """Return an axis with other sizes of its ROIs, and the adaptive grid of these sizes."""
        if self.sized is None:
            return axis
        size = self.sized(axis.roi_size, axis.sections)
        if ratio or self.convention.grid_from == "output":
            return replace(axis, roi_size=size)
        section = size / size.dtype.type(axis.sections)
        grid = POINTS_RULES[self.convention.points].grid(
            section, axis.roi_start, axis.sections, axis.cells, ratio, self.convention
        )
        return replace(axis, roi_size=size, grid=grid, count=grid)


@dataclass(frozen=True)
class _TwoPlans(Plan):
    """A plan whose axis x has rules of its own."""

    along_x: Convention = field(default_factory=Convention)

    def __getitem__(self, rois: NDArray[np.intp]) -> Plan:
        return _TwoPlans(**vars(super().__getitem__(rois)), along_x=self.along_x)

    def samples(self) -> tuple[AxisSamples, AxisSamples]:
        """Return the samples along y and along x, each by its own rules."""
        _, along_x = Plan(self.y, self.x, self.along_x, self.frame).samples()
        return super().samples()[0], along_x


def _exchanged(operation: Operation) -> Array:
    """Pool with the weights of each point exchanged between the axes, region by region."""
    plan, outputs = operation.plan(), []
    for region, n in enumerate(operation.batch_index):
        part = plan[np.array([region])]
        y, x = part.samples()
        # (T, P, K, Q) each
        weight_y, weight_x = x.upper_weight[0], y.upper_weight[0][:, :, None, None]
        values = sum(
            operation.features[n][:, rows[0][:, :, None, None], columns[0]] * share_y * share_x
            for rows, share_y in ((y.lower, 1 - weight_y), (y.upper, weight_y))
            for columns, share_x in ((x.lower, 1 - weight_x), (x.upper, weight_x))
        )
        inside = y.in_bounds[0][:, :, None, None] & x.in_bounds[0]
        values = np.where(inside, values, operation.convention.extrapolation_value)
        outputs.append(reduce_points(values, y, x, part))
    return np.stack(outputs)


def _reduced(operation: Operation, behaviour: Callable[[Array], Array]) -> Array:
    """Pool with a behaviour for the values of the points of a section, region by region."""
    features = operation.features.astype(floating(operation.features.dtype), copy=False)
    plan, outputs = operation.plan(), []
    for region, n in enumerate(operation.batch_index):
        part = plan[np.array([region])]
        y, x = part.samples()
        values = contributions(features[n], y, x, part.convention)
        output = reduce_points(values, y, x, part)  # also of sections without points
        values = np.moveaxis(values, 2, 3)  # (C, T, K, P, Q)
        valid = y.valid[0][:, None, :, None] & x.valid[0][:, None, :]
        valid = np.broadcast_to(valid, values.shape[1:])
        if valid.size and valid.all():
            output = behaviour(values.reshape(*values.shape[:3], -1))
        else:
            for row, column in np.argwhere(valid.any(axis=(2, 3))):
                output[:, row, column] = behaviour(values[:, row, column, valid[row, column]])
        outputs.append(output)
    return np.stack(outputs)
