"""Measure how well a hypothesis reproduces an output, or a few boxes and channels of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.analysis.comparison import difference
from roialign_cli.analysis.tolerance import allowed_differences, output_tolerance
from roialign_cli.core.boxes import Float
from roialign_cli.core.channels import features_read
from roialign_cli.core.convention import ChannelMap
from roialign_cli.core.operation import Operation, make_operation
from roialign_cli.errors import ArgumentError
from roialign_cli.search.hypothesis import Batches, Hypothesis, Layout

Index = NDArray[np.intp]
Selection = Index | slice  # of the boxes or the channels
ALL = slice(None)

_MAX_VALUES_PER_PIECE = 1 << 22
_MIN_UNIFORM_SECTIONS = 3  # sections with the same value throughout
_MAX_PROBE_BOXES, _MAX_PROBE_CHANNELS = 4, 4
_MAX_SPREAD_BOXES = 256  # that decide which channels vary most
_MAX_SAMPLE = 64, 4  # boxes, channels; more channels are pooled box by box


@dataclass(frozen=True)
class Fit:
    """The difference between pooled values and an output.

    Parameters
    ----------
    pooled
        (r, c, height, width): the pooled values.
    differences
        (r, c, height, width), float64: pooled values minus output; NaN where only one is finite.
    allowed
        (c, 1, 1), float64: the largest absolute difference that still counts as equal.
    """

    pooled: Float
    differences: Float
    allowed: Float

    @cached_property
    def fits(self) -> Mask:
        """(r, c, height, width), bool: which values are reproduced."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self._sizes <= self.allowed, dtype=np.bool_)

    @property
    def share(self) -> float:
        """The share of values that are reproduced, 0 to 1."""
        return float(self.fits.mean())

    @property
    def largest(self) -> float:
        """The largest absolute difference; infinite if only one of two values is finite."""
        largest = float(self._sizes.max())
        return math.inf if math.isnan(largest) else largest

    @cached_property
    def _sizes(self) -> Float:
        return np.abs(self.differences)

    @property
    def boxes(self) -> Mask:
        """(r,), bool: the boxes that are reproduced in full."""
        return _all(self.fits, (1, 2, 3))


def _all(mask: Mask, axes: tuple[int, ...]) -> Mask:
    return np.asarray(mask.all(axis=axes), dtype=np.bool_)


def _unit(values: NDArray[Any]) -> NDArray[Any]:
    """Return values of at most 1, and 0 for those that are not finite.

    The squares of the largest numbers would overflow.
    """
    finite = np.where(np.isfinite(values), values, 0)
    return np.asarray(finite / (float(np.abs(finite).max(initial=0)) or 1.0))


@dataclass(frozen=True)
class _Given:
    """An output (R, C, height, width), the data type of the features, and a stated tolerance."""

    output: NDArray[Any]
    dtype: np.dtype[Any]
    tolerance: float | None

    @cached_property
    def allowed(self) -> Float:
        if self.tolerance is not None:
            return np.full((self.output.shape[1], 1, 1), self.tolerance)
        return allowed_differences(self.output, output_tolerance(self.dtype, self.output.dtype))

    @cached_property
    def finite_boxes(self) -> Mask:
        return _all(np.isfinite(self.output), (1, 2, 3))

    @cached_property
    def informative_boxes(self) -> Mask:
        flat = self.output.reshape(len(self.output), -1)
        return np.asarray((flat != flat[:, :1]).any(axis=1), dtype=np.bool_)


@dataclass(frozen=True)
class SearchTarget:
    """The output that a search tries to reproduce, and the input it was made from.

    Parameters
    ----------
    features
        (N, C, H, W), numbers.
    boxes
        (R, 4), float64, as the user gave them.
    batches
        Description → (R,), the index of each box's map, as `possible_batches` returns them.
    output
        (R, C, height, width), numbers: the output with its axes in this order.
    layout
        The order of the output's axes as the user gave it.
    tolerance
        The largest difference that still counts as equal, in feature units; None for rounding.
    image_height
        The height from which y is measured if it points up, in box units; None for the map's
        height over the scale.
    """

    features: NDArray[Any]
    boxes: Float
    batches: Mapping[Batches, Index]
    output: NDArray[Any]
    layout: Layout
    tolerance: float | None
    image_height: float | None
    _given: _Given | None = None  # kept if only other fields change

    @property
    def channel_map(self) -> ChannelMap:
        """Which channels of the features the output may be pooled from, by their number."""
        same = self.output.shape[1] == self.features.shape[1]
        return "same" if same else "position-sensitive"

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the output in sections."""
        return self.output.shape[2], self.output.shape[3]

    def __post_init__(self) -> None:
        if self._given is None or self._given.output is not self.output:
            given = _Given(self.output, self.features.dtype, self.tolerance)
            object.__setattr__(self, "_given", given)

    @property
    def given(self) -> _Given:
        """What is known of the output, whatever made it."""
        return cast(_Given, self._given)

    @property
    def allowed(self) -> Float:
        """(C, 1, 1), float64: the largest difference that still counts as equal."""
        return self.given.allowed

    @property
    def finite_boxes(self) -> Mask:
        """(R,), bool: the boxes whose output is finite."""
        return self.given.finite_boxes

    @property
    def informative_boxes(self) -> Mask:
        """(R,), bool: the boxes whose output holds more than one value."""
        return self.given.informative_boxes

    @cached_property
    def probes(self) -> tuple[Index, Index]:
        """The boxes and channels on which hypotheses are tried: those that vary most."""
        some = self.output[:: max(len(self.output) // _MAX_SPREAD_BOXES, 1)]
        # The sum of a channel may overflow float16.
        spread = _unit(some).std(axis=(0, 2, 3), dtype=np.float64)
        varied = np.argsort(-spread, kind="stable")[:_MAX_PROBE_CHANNELS]
        values = _unit(self.output[:, varied]).astype(np.float64)
        # A box with a single value other than 0 comes last.
        spread = values.std(axis=(1, 2, 3)) + 1e-9 * np.abs(values).max(axis=(1, 2, 3))
        boxes = np.flatnonzero(self.finite_boxes & (spread > 0))
        order = boxes[np.argsort(-spread[boxes], kind="stable")]
        return order[:_MAX_PROBE_BOXES], np.sort(varied)

    def sample(self) -> tuple[Index, Index]:
        """Return the indices of boxes and channels evenly spread over the output."""
        boxes, channels = (
            np.unique(np.linspace(0, length - 1, count).round().astype(np.intp))
            for length, count in zip(self.output.shape[:2], _MAX_SAMPLE, strict=True)
        )
        return boxes, channels

    def outside_values(self) -> tuple[float, ...]:
        """Return values to try for points outside the map: 0 and the usual uniform section."""
        flat = np.moveaxis(self.output, 1, -1).reshape(-1, self.output.shape[1])
        alike = flat[(flat == flat[:, :1]).all(axis=1) & (flat[:, 0] != 0), 0]
        values, counts = np.unique(alike, return_counts=True)
        often = counts.max(initial=0) >= _MIN_UNIFORM_SECTIONS
        return (0.0, float(values[counts.argmax()])) if often else (0.0,)

    def made(
        self, hypothesis: Hypothesis, boxes: Selection = ALL, channels: Selection = ALL
    ) -> Float:
        """Pool some boxes and channels as a hypothesis describes."""
        pooled = self.operation(hypothesis, boxes, channels).pooled()
        if not hypothesis.reduced:
            return pooled
        height, width = self.size
        quarters = pooled.reshape(*pooled.shape[:2], height, 2, width, 2)
        reduce = np.max if hypothesis.reduced == "max" else np.mean
        return np.asarray(reduce(quarters, axis=(3, 5)))

    def operation(
        self, hypothesis: Hypothesis, boxes: Selection = ALL, channels: Selection = ALL
    ) -> Operation:
        """Return the operation that a hypothesis describes, on some boxes and channels."""
        return make_operation(
            features_read(self.features, channels, hypothesis.convention, self.size),
            self.boxes[boxes],
            hypothesis.pooled_size(self.size),
            convention=hypothesis.convention,
            spatial_scale=hypothesis.spatial_scale,
            batch_index=self.batches[hypothesis.batches][boxes],
            image_height=self.image_height,
        )

    def fit(
        self, hypothesis: Hypothesis, boxes: Selection = ALL, channels: Selection = ALL
    ) -> Fit | None:
        """Measure a hypothesis on some boxes and channels, None if it rejects the boxes."""
        try:
            pooled = self.made(hypothesis, boxes, channels)
        except ArgumentError:
            return None
        return self.fit_pooled(pooled, boxes, channels)

    def fit_pooled(self, pooled: Float, boxes: Selection, channels: Selection) -> Fit:
        """Measure pooled values against some boxes and channels of the output."""
        expected = self.output[boxes][:, channels]
        return Fit(pooled, difference(expected, pooled), self.allowed[channels])

    @cached_property
    def _exact_errors(self) -> dict[Hypothesis, float | None]:
        return {}

    def exact_match_error(self, hypothesis: Hypothesis) -> float | None:
        """Return the largest difference of a hypothesis that reproduces the output, else None."""
        if hypothesis not in self._exact_errors:
            self._exact_errors[hypothesis] = self.match_error(hypothesis, ALL)
        return self._exact_errors[hypothesis]

    def match_error(self, hypothesis: Hypothesis, channels: Selection) -> float | None:
        """Return the largest difference of a hypothesis that reproduces channels, else None."""
        largest = 0.0
        for fit in self._pieces(hypothesis, channels):
            if fit is None or not fit.fits.all():
                return None
            largest = max(largest, fit.largest)
        return largest

    def largest_error(self, hypothesis: Hypothesis) -> float | None:
        """Return the largest difference from the output, None if a hypothesis rejects boxes."""
        fits = list(self._pieces(hypothesis))
        largest = [fit.largest for fit in fits if fit is not None]
        return max(largest) if len(largest) == len(fits) else None

    def _pieces(self, hypothesis: Hypothesis, channels: Selection = ALL) -> Iterator[Fit | None]:
        """Yield the fit of some boxes after others, so that little memory is used."""
        step = max(_MAX_VALUES_PER_PIECE // max(self.output[0].size, 1), 1)
        for start in range(0, len(self.output), step):
            yield self.fit(hypothesis, slice(start, start + step), channels)
