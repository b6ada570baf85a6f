"""What a kernel is taken to do: a convention, and the few behaviours that no field expresses."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import Convention
from roialign_cli.core.operation import Operation, make_operation
from roialign_cli.core.point_values import divisor_of
from roialign_cli.core.sampling import Plan
from roialign_cli.errors import RoiAlignError
from roialign_cli.measure.call import Answer, ProbeCall

Array = NDArray[Any]


# The tables of laws: behaviours that no field of a convention expresses, as clauses.

# Sampling ratio of a call → the points per section along (y, x), 0 for the adaptive grid.
RATIO_LAWS: Mapping[str, Callable[[int], tuple[int, int]]] = MappingProxyType(
    {
        "the sampling ratio is ignored: the grid is always adaptive": lambda _ratio: (0, 0),
        "the sampling ratio is ignored: always 1 point along each axis": lambda _ratio: (1, 1),
        "the sampling ratio is ignored: always 2 points along each axis": lambda _ratio: (2, 2),
        "a section has one point more along each axis than the ratio": lambda ratio: (
            ratio + 1,
            ratio + 1,
        ),
        "a section has one point less along each axis than the ratio": lambda ratio: (
            max(ratio - 1, 1),
            max(ratio - 1, 1),
        ),
        "the ratio is the number of all points of a section": lambda ratio: (
            (max(round(math.sqrt(ratio)), 1),) * 2
        ),
        "a section has the square of the ratio as points along each axis": lambda ratio: (
            ratio * ratio,
            ratio * ratio,
        ),
        "the ratio counts along y only; the grid along x is adaptive": lambda ratio: (ratio, 0),
        "the ratio counts along x only; the grid along y is adaptive": lambda ratio: (0, ratio),
        "the ratio counts along y only, with 1 point along x": lambda ratio: (ratio, 1),
        "the ratio counts along x only, with 1 point along y": lambda ratio: (1, ratio),
    }
)

# Section sizes along y and x (R,) → points along y and x (R,)
GRID_LAWS: Mapping[str, Callable[[Array, Array], tuple[Array, Array]]] = MappingProxyType(
    {
        "the adaptive grid is floor(section size) + 1": lambda y, x: (
            np.floor(y) + 1,
            np.floor(x) + 1,
        ),
        "both axes have the points of the longer side of the section": lambda y, x: (
            (np.ceil(np.maximum(y, x)),) * 2
        ),
        "both axes have the points of the shorter side of the section": lambda y, x: (
            (np.ceil(np.minimum(y, x)),) * 2
        ),
        "both axes have the points of the section's width": lambda _y, x: (np.ceil(x), np.ceil(x)),
        "both axes have the points of the section's height": lambda y, _x: (np.ceil(y), np.ceil(y)),
        "each axis has the number of points of the other one": lambda y, x: (
            np.ceil(x),
            np.ceil(y),
        ),
        "the adaptive grid is ceil(2 · section size)": lambda y, x: (
            np.ceil(2 * y),
            np.ceil(2 * x),
        ),
        "a section size just above a whole number is rounded down": lambda y, x: (
            np.ceil(y - 1e-4),
            np.ceil(x - 1e-4),
        ),
        "without a ratio there is 1 point along each axis": lambda y, x: (
            np.ones_like(y),
            np.ones_like(x),
        ),
        "without a ratio there are 2 points along each axis": lambda y, x: (
            2 * np.ones_like(y),
            2 * np.ones_like(x),
        ),
    }
)

# Points along y and x, (R, S, 1) and (R, 1, S) → by what the sum of the points is divided
DIVISOR_LAWS: Mapping[str, Callable[[Array, Array], Array]] = MappingProxyType(
    {
        "the points are added and not divided by their number": lambda y, x: np.ones_like(y * x),
        "the sum is divided by the points along y only": lambda y, x: y * np.ones_like(x),
        "the sum is divided by the points along x only": lambda y, x: x * np.ones_like(y),
        "the sum is divided by one more than the number of points": lambda y, x: y * x + 1,
        "the sum is divided by one less than the number of points": lambda y, x: np.maximum(
            y * x - 1, 1
        ),
        "the sum is divided by the square of the points along y": lambda y, x: (
            y * y * np.ones_like(x)
        ),
        "the sum is divided by the square of the points along x": lambda y, x: (
            x * x * np.ones_like(y)
        ),
    }
)

# Batch index of a box and number of maps → the map that is read
BATCH_LAWS: Mapping[str, Callable[[Array, int], Array]] = MappingProxyType(
    {
        "the batch index is ignored: every box reads map 0": lambda index, _maps: np.zeros_like(
            index
        ),
        "every box reads the last map": lambda index, maps: np.full_like(index, maps - 1),
        "the batch index counts from 1": lambda index, maps: (index - 1) % maps,
        "every box reads the map after its own": lambda index, maps: (index + 1) % maps,
        "the batch index counts from the last map": lambda index, maps: maps - 1 - index,
        "the batch index is ignored: box i reads map i": lambda index, maps: (
            np.arange(len(index)) % maps
        ),
    }
)

USUAL = "usual"


@dataclass(frozen=True)
class Model:
    """Hold all that is known of a kernel, enough to compute what it should answer.

    Parameters
    ----------
    convention
        The rules; its `sampling_ratio` is what the kernel uses if a call gives none.
    laws
        Rule → law, one of the keys of the tables above; empty if the fields express everything.
    """

    convention: Convention
    laws: Mapping[str, str] = field(default_factory=dict)

    def having(self, changes: Mapping[str, Any]) -> Model:
        """Return the model with other fields, and other laws: names that start with "law:"."""
        fields = {name: value for name, value in changes.items() if not name.startswith("law:")}
        laws = {name[4:]: value for name, value in changes.items() if name.startswith("law:")}
        kept = {**self.laws, **laws}
        kept = {rule: law for rule, law in kept.items() if law != USUAL}
        return Model(replace(self.convention, **fields) if fields else self.convention, kept)

    def get(self, name: str) -> Any:  # noqa: ANN401
        """Return the value of a field or of a law."""
        if name.startswith("law:"):
            return self.laws.get(name[4:], USUAL)
        return getattr(self.convention, name)

    def answer(self, call: ProbeCall) -> Answer:
        """Return what the kernel gives for a call if it follows the model."""
        try:
            operation = self._operation(call)
            with np.errstate(all="ignore"):
                if "grid" in self.laws and 0 in operation.convention.sampling_ratios:
                    return Answer(self._with_grid_law(operation))
                return Answer(self._pooled(operation))
        except RoiAlignError as error:
            return Answer(None, str(error))

    def _operation(self, call: ProbeCall) -> Operation:
        rules = self.convention
        if call.sampling_ratio:
            law = self.laws.get("ratio", USUAL)
            ratio = call.sampling_ratio
            y, x = (ratio, ratio) if law == USUAL else RATIO_LAWS[law](ratio)
            rules = replace(rules, sampling_ratio=y, sampling_ratio_x=None if x == y else x)
        elif call.sampling_ratio == 0:
            rules = replace(rules, sampling_ratio=0, sampling_ratio_x=None)
        batch = call.batch_index
        if "batch" in self.laws:
            batch = BATCH_LAWS[self.laws["batch"]](batch, len(call.features))
        return make_operation(
            call.features,
            call.boxes,
            call.output_size,
            convention=rules,
            spatial_scale=None if rules.normalized else call.spatial_scale,
            batch_index=batch,
        )

    def _pooled(self, operation: Operation) -> Array:
        pooled = operation.pooled()
        if "divisor" not in self.laws or operation.convention.pooling == "max":
            return pooled
        y, x = operation.plan().samples()
        along_y, along_x = y.count[:, :, None], x.count[:, None, :]
        usual, _ = divisor_of(y, x, operation.convention)
        divisor = DIVISOR_LAWS[self.laws["divisor"]](along_y, along_x)
        factor = usual / np.where(divisor == 0, usual, divisor)
        return np.asarray(pooled * factor[:, None].astype(pooled.dtype))

    def _with_grid_law(self, operation: Operation) -> Array:
        law = GRID_LAWS[self.laws["grid"]]
        plan: Plan = operation.plan()
        grids = np.stack(law(plan.y.section_size, plan.x.section_size), axis=1)
        grids = np.clip(grids, 0, 1000).astype(int)
        outputs: list[Any] = [None] * len(grids)
        for grid in {(int(y), int(x)) for y, x in grids}:
            rows = np.flatnonzero((grids == grid).all(axis=1))
            rules = replace(operation.convention, sampling_ratio=grid[0], sampling_ratio_x=grid[1])
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
