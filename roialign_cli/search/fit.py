"""How well a way to make an output makes it: on a few boxes and channels, or on everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.analysis.comparison import difference
from roialign_cli.core.boxes import Float
from roialign_cli.core.operation import Operation, make_operation
from roialign_cli.errors import ArgumentError
from roialign_cli.search.hypothesis import Batches, Hypothesis

Index = NDArray[np.intp]
Selection = Index | slice  # of the boxes or the channels
ALL = slice(None)

# A difference up to this share of a channel's largest value is rounding, by the coarser dtype.
_ROUNDING = {"f2": 4e-3, "f4": 1e-4, "f8": 1e-4}
_PIECE = 1 << 22  # numbers that are compared at a time
_MIN_UNIFORM_SECTIONS = 3  # sections with the same value throughout


@dataclass(frozen=True)
class Fit:
    """How well outputs are made: all arrays are (r, c, height, width)."""

    pooled: Float
    differences: Float  # NaN where only one is a number
    allowed: Float  # (c, 1, 1)

    @cached_property
    def fits(self) -> Mask:
        """Where the output is made."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(self.differences) <= self.allowed, dtype=np.bool_)

    @property
    def share(self) -> float:
        """How much of the output is made."""
        return float(self.fits.mean())

    @property
    def largest(self) -> float:
        """The largest difference; infinite where only one is a number."""
        return float(np.nan_to_num(np.abs(self.differences), nan=np.inf).max())

    def report(self) -> Report:
        """Return what is made, without the numbers."""
        return Report(
            _all(self.fits, (1, 2, 3)),
            _all(self.fits, (0, 2, 3)),
            _all(self.fits, (0, 1)),
            self.largest,
            int(self.fits.sum()),
            ~_all(~(self.pooled < 0), (1, 2, 3)),
            ~_all(np.isfinite(self.pooled), (1, 2, 3)),
        )


@dataclass(frozen=True)
class Report:
    """What of an output is made: which boxes (r,), channels (C,) and sections (height, width).

    `count` is how many numbers are made; `negative` and `not_finite` are the boxes (r,) that have
    such values.
    """

    boxes: Mask
    channels: Mask
    sections: Mask
    largest: float
    count: int
    negative: Mask
    not_finite: Mask

    def joined(self, other: Report) -> Report:
        """Return the report on these boxes and others."""
        return Report(
            np.concatenate([self.boxes, other.boxes]),
            self.channels & other.channels,
            self.sections & other.sections,
            max(self.largest, other.largest),
            self.count + other.count,
            np.concatenate([self.negative, other.negative]),
            np.concatenate([self.not_finite, other.not_finite]),
        )


def _all(mask: Mask, axes: tuple[int, ...]) -> Mask:
    return np.asarray(mask.all(axis=axes), dtype=np.bool_)


@dataclass(frozen=True)
class SearchTarget:
    """An output, and what it was made from.

    Parameters
    ----------
    features
        (N, C, H, W).
    boxes
        (R, 4), as they were given.
    batches
        Which map each box lies on, (R,), by what it is called.
    output
        (R, C, height, width).
    tolerance
        The largest difference that is none, rounding if None.
    image_height
        From which y is measured where it points up; the map's height over the scale if None.
    """

    features: NDArray[Any]
    boxes: Float
    batches: Mapping[Batches, Index]
    output: NDArray[Any]
    tolerance: float | None
    image_height: float | None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the output in sections."""
        return self.output.shape[2], self.output.shape[3]

    @cached_property
    def allowed(self) -> Float:
        """(C, 1, 1), the difference that is none."""
        channels = self.output.shape[1]
        if self.tolerance is not None:
            return np.full((channels, 1, 1), self.tolerance)
        largest = np.abs(self._finite).max(axis=(0, 2, 3))[:, None, None].astype(np.float64)
        kinds = {self.output.dtype.str[1:], self.features.dtype.str[1:]}
        share = max(_ROUNDING.get(kind, _ROUNDING["f4"]) for kind in kinds)
        return np.asarray(share * np.where(largest > 0, largest, 1.0))

    @cached_property
    def _finite(self) -> Float:
        """The output with 0 where it is not finite."""
        return np.where(np.isfinite(self.output), self.output, 0)

    @cached_property
    def spread(self) -> float:
        """The range of the output's finite values."""
        return float(self._finite.max()) - float(self._finite.min())

    @cached_property
    def informative_boxes(self) -> Mask:
        """(R,), the boxes whose output is not one number throughout."""
        flat = self.output.reshape(len(self.output), -1)
        return np.asarray((flat != flat[:, :1]).any(axis=1), dtype=np.bool_)

    def probes(self, boxes: int, channels: int) -> tuple[Index, Index]:
        """Return up to so many boxes and channels, those in which the output varies most."""
        # The squares of the largest numbers would overflow.
        finite = self._finite / (float(np.abs(self._finite).max(initial=0)) or 1.0)
        varied = np.argsort(-finite.std(axis=(0, 2, 3)), kind="stable")[:channels]
        values = finite[:, varied].astype(np.float64)
        # A single number tells something, too, if it is not 0.
        spread = values.std(axis=(1, 2, 3)) + 1e-9 * np.abs(values).max(axis=(1, 2, 3))
        no_gaps = _all(np.isfinite(self.output), (1, 2, 3))
        informative_boxes = np.flatnonzero(no_gaps & (spread > 0))
        order = informative_boxes[np.argsort(-spread[informative_boxes], kind="stable")]
        return order[:boxes], np.sort(varied)

    def sampled(self, counts: tuple[int, int]) -> tuple[Index, Index]:
        """Return up to so many boxes and channels from all over the output."""
        boxes, channels = (
            np.unique(np.linspace(0, length - 1, count).round().astype(np.intp))
            for length, count in zip(self.output.shape[:2], counts, strict=True)
        )
        return boxes, channels

    def outside_values(self) -> tuple[float, ...]:
        """Return 0, and what else a point outside may be worth: what whole sections hold."""
        flat = np.moveaxis(self.output, 1, -1).reshape(-1, self.output.shape[1])
        alike = flat[(flat == flat[:, :1]).all(axis=1) & (flat[:, 0] != 0), 0]
        values, counts = np.unique(alike, return_counts=True)
        often = counts.max(initial=0) >= _MIN_UNIFORM_SECTIONS
        return (0.0, float(values[counts.argmax()])) if often else (0.0,)

    def operation(
        self, hypothesis: Hypothesis, boxes: Selection = ALL, channels: Selection = ALL
    ) -> Operation:
        """Return the operation that a way is, on some boxes and channels."""
        scale = hypothesis.spatial_scale
        return make_operation(
            self.features[:, channels],
            self.boxes[boxes],
            self.size,
            convention=hypothesis.convention,
            spatial_scale=scale,
            batch_index=self.batches[hypothesis.batches][boxes],
            image_height=self.image_height,
        )

    def fit(
        self, hypothesis: Hypothesis, boxes: Selection = ALL, channels: Selection = ALL
    ) -> Fit | None:
        """Return how well a way makes some of the output, None if it refuses the boxes."""
        try:
            pooled = self.operation(hypothesis, boxes, channels).pooled()
        except ArgumentError:
            return None
        return self.fit_of(pooled, boxes, channels)

    def fit_of(self, pooled: Float, boxes: Selection, channels: Selection) -> Fit:
        """Return how well pooled outputs are some of the output."""
        expected = self.output[boxes][:, channels]
        return Fit(pooled, difference(expected, pooled), self.allowed[channels])

    def exact_match_error(self, hypothesis: Hypothesis) -> float | None:
        """Return the largest difference if a way makes the whole output, else None."""
        largest = 0.0
        for fit in self._pieces(hypothesis):
            if fit is None or not fit.fits.all():
                return None
            largest = max(largest, fit.largest)
        return largest

    def report(self, hypothesis: Hypothesis) -> Report | None:
        """Return what of the whole output a way makes, None if it refuses the boxes."""
        reports = []
        for fit in self._pieces(hypothesis):
            if fit is None:
                return None
            reports.append(fit.report())
        return reduce(Report.joined, reports)

    def _pieces(self, hypothesis: Hypothesis) -> Iterator[Fit | None]:
        step = max(_PIECE // max(self.output[0].size, 1), 1)
        for start in range(0, len(self.output), step):
            yield self.fit(hypothesis, slice(start, start + step))
