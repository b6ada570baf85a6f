"""The output that a search on a pyramid tries to reproduce, row by row on each map."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.core.operation import make_operation
from roialign_cli.core.overrides import resolve
from roialign_cli.search.fit import ALL, Index, SearchTarget, Selection
from roialign_cli.search.hypothesis import LAYOUTS, Batches, Hypothesis, Layout
from roialign_cli.search.pyramid_rules import RuleInputs

_MAX_VALUES_PER_PIECE = 1 << 22


@dataclass(frozen=True)
class Reading:
    """One way to read the inputs of a pyramid.

    Parameters
    ----------
    by_axis
        The scale of each map along (y, x).
    batches
        Which of the possible batch indices the boxes have.
    fields
        How the boxes are read, as fields of a convention; "normalized" is one of them.
    """

    by_axis: Sequence[tuple[float, float]]
    batches: Batches
    fields: Mapping[str, Any]

    @property
    def normalized(self) -> bool:
        """Whether the boxes are fractions of the image."""
        return bool(self.fields["normalized"])

    def scale(self, level: int) -> tuple[float, float] | None:
        """Return the scale of a map, None for normalised boxes."""
        return None if self.normalized else self.by_axis[level]

    def on_map(self, hypothesis: Hypothesis, level: int) -> Hypothesis:
        """Return a hypothesis with the scale of a map; it accepts all boxes."""
        tolerant = replace(hypothesis.convention, rejects="nothing")
        scale = self.scale(level)
        return replace(hypothesis, convention=tolerant, spatial_scale=scale, batches="given")


@dataclass(frozen=True)
class PyramidTarget:
    """The output of a pyramid, and the inputs that it was made from.

    Parameters
    ----------
    maps
        The maps, each (N, C, H, W).
    boxes
        (R, 4), float64, as the caller wrote them.
    batches
        Description → (R,), the image of each box, as `possible_batches` returns them.
    output
        (R, C, height, width).
    tolerance
        The largest difference that still counts as equal, in feature units; None for rounding.
    inputs
        What the rules compute levels from.
    """

    maps: Sequence[NDArray[Any]]
    boxes: Float
    batches: Mapping[Batches, Index]
    output: NDArray[Any]
    tolerance: float | None
    inputs: RuleInputs

    @cached_property
    def zero(self) -> Mask:
        """(R,), bool: the rows of zeros."""
        return np.asarray((self.output == 0).all(axis=(1, 2, 3)), np.bool_)

    @cached_property
    def usable(self) -> Mask:
        """(R,), bool: the boxes whose output is finite and varied, or else not zero."""
        target = self._of_layout("RCHW")
        varied = target.finite_boxes & target.informative_boxes
        return varied if varied.any() else target.finite_boxes & ~self.zero

    def image_height(self, reading: Reading) -> float | None:
        """Return the height from which y is measured where it points up, in box units."""
        if self.inputs.image_size is not None:
            return self.inputs.image_size[0]
        return None if reading.normalized else self.maps[0].shape[2] / reading.by_axis[0][0]

    def corners(self, reading: Reading, convention: Convention | None = None) -> Float:
        """Return the boxes as x1, y1, x2, y2, as a convention or else a reading reads them."""
        rules = convention or resolve(Convention(), **reading.fields)
        return make_operation(
            self.maps[0][:1, :1],
            self.boxes,
            1,
            convention=replace(rules, rejects="nothing", channel_map="same"),
            spatial_scale=None if rules.normalized else reading.by_axis[0],
            image_height=self.image_height(reading),
        ).boxes_xyxy

    def fits(self, hypothesis: Hypothesis, reading: Reading) -> Mask:
        """Return which maps reproduce each row, (R, maps): first on a few channels, then on all."""
        columns = []
        for level in range(len(self.maps)):
            target, on_map = self._on_map(hypothesis, reading, level)
            fits = np.zeros(len(self.boxes), np.bool_)
            few = target.probes[1]
            for rows in _pieces(np.arange(len(self.boxes)), target.output[0, few].size):
                fits[rows] = _fitting(target, on_map, rows, few)
            for rows in _pieces(np.flatnonzero(fits), target.output[0].size):
                fits[rows] = _fitting(target, on_map, rows, ALL)
            columns.append(fits)
        return np.stack(columns, axis=1)

    def largest(self, hypothesis: Hypothesis, reading: Reading, fits: Mask) -> float:
        """Return the largest difference of rows from the first map that reproduces them."""
        largest = 0.0
        for level in range(len(self.maps)):
            target, on_map = self._on_map(hypothesis, reading, level)
            is_first = fits[:, level] & ~fits[:, :level].any(axis=1)
            for rows in _pieces(np.flatnonzero(is_first), target.output[0].size):
                fit = target.fit(on_map, rows, ALL)
                largest = max(largest, 0.0 if fit is None else fit.largest)
        return largest

    def is_equal(
        self, hypothesis: Hypothesis, other: Convention, reading: Reading, fits: Mask
    ) -> bool:
        """Return whether another convention reproduces the same rows, on a few channels."""
        hypothesis = replace(hypothesis, convention=other)
        for level in range(len(self.maps)):
            target, on_map = self._on_map(hypothesis, reading, level)
            rows = np.flatnonzero(fits[:, level])
            if len(rows) and not _fitting(target, on_map, rows, target.probes[1]).all():
                return False
        return True

    def _on_map(
        self, hypothesis: Hypothesis, reading: Reading, level: int
    ) -> tuple[SearchTarget, Hypothesis]:
        """Return the output with one of the maps, and a hypothesis with the scale of the map."""
        layout, height = hypothesis.layout, self.image_height(reading)
        key = layout, level, reading.batches, height
        if key not in self._targets:
            self._targets[key] = replace(
                self._of_layout(layout),
                features=self.maps[level],
                batches={"given": self.batches[reading.batches]},
                image_height=height,
            )
        return self._targets[key], reading.on_map(hypothesis, level)

    @cached_property
    def _targets(self) -> dict[tuple[Any, ...], SearchTarget]:
        """What `_on_map` has returned, because what is known of the output takes long."""
        return {}

    def _of_layout(self, layout: Layout) -> SearchTarget:
        """Return the output with its axes in the order of a layout, on the first map."""
        key = (layout,)
        if key not in self._targets:
            output = self.output.transpose(LAYOUTS[layout])
            self._targets[key] = SearchTarget(
                self.maps[0], self.boxes, {}, output, "RCHW", self.tolerance, None
            )
        return self._targets[key]


def _fitting(
    target: SearchTarget, hypothesis: Hypothesis, rows: Index, channels: Selection
) -> Mask:
    """Return which rows a hypothesis reproduces on some channels."""
    fit = target.fit(hypothesis, rows, channels)
    return np.zeros(len(rows), np.bool_) if fit is None else fit.boxes


def _pieces(rows: Index, values: int) -> Iterator[Index]:
    """Yield some rows after others, so that little memory is used."""
    step = max(_MAX_VALUES_PER_PIECE // max(values, 1), 1)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]
