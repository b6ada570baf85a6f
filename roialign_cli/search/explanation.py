"""Explain an output by a call and by what was changed around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.analysis.scaling import scale_option, scale_text
from roialign_cli.core.boxes import Float
from roialign_cli.search.changes import RELU_BEFORE, ROUNDINGS, Change, rounded_features
from roialign_cli.search.concrete import Concrete
from roialign_cli.search.fit import Index
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.report import FULL_SHARE, Report, reported
from roialign_cli.search.values import value_changes
from roialign_cli.search.variants import Variant

Verdict = Literal["exact", "exact after a change", "partial", "near", "far"]

_NEAR = 0.9  # correlation
_COST = 0.05  # of a change, in correlation
_MIN_PARTIAL, _MIN_SHARE = 2, 0.02  # boxes, and their share
_LEAST_GAIN = 0.02  # in the share of the values, by a change
_LEAST_SHARE = 0.5  # of the values, that a change reproduces
_SMALL_ERROR = 1e-3  # unexplained share of the variance that rounding may cause


@dataclass(frozen=True)
class Part:
    """Some rows of an output, and what is known of them.

    Parameters
    ----------
    rows
        (n,), bool.
    text
        What is known of the rows, as a clause.
    hypothesis
        The operator that reproduces them, None if it is not known.
    is_cause
        Whether this is why the rows differ, not only what they have in common.
    """

    rows: Mask
    text: str
    hypothesis: Hypothesis | None = None
    is_cause: bool = True


@dataclass(frozen=True)
class Closest(Report):
    """The call that comes closest to an output, and what was changed around it.

    Parameters
    ----------
    variant
        The inputs as they were changed.
    hypothesis
        The operator, the scale and how boxes are read.
    changes
        The changes of features, boxes and output, in order.
    shift
        (y, x) in cells, added to the boxes on the map.
    parts
        What is known of the rows that are not reproduced.
    """

    variant: Variant
    hypothesis: Hypothesis
    changes: tuple[Change, ...]
    shift: tuple[float, float]
    parts: tuple[Part, ...] = ()

    def on_all_channels(self) -> Closest:
        """Return the answer compared on all channels."""
        report = reported(self.variant.target, self.hypothesis, self.changes)
        return replace(self, **vars(report))

    @property
    def is_plain(self) -> bool:
        """Whether the call reproduces the output without a change."""
        return bool(self.boxes.all()) and not self.changes

    @property
    def is_whole(self) -> bool:
        """Whether every row is reproduced, or known to differ for some cause."""
        causes = [part.rows for part in self.parts if part.is_cause]
        return bool(np.any([self.boxes, *causes], axis=0).all())

    @property
    def rank(self) -> tuple[int, float]:
        """How good the answer is: reproduced rows, few changes, and the correlation."""
        cost = _COST * (len(self.changes) + len(self.hypothesis.deviations()))
        return int(np.count_nonzero(self.boxes)), self.correlation - cost

    @property
    def change_tolerance(self) -> float:
        """By how much values may differ where a change decides by the last digit."""
        return max((change.tolerance for change in self.changes), default=0.0)

    @property
    def verdict(self) -> Verdict:
        """How well the call explains the output."""
        if self.boxes.all():
            return "exact after a change"
        least = max(min(_MIN_PARTIAL, len(self.boxes)), _MIN_SHARE * len(self.boxes))
        if np.count_nonzero(self.boxes) >= least:
            return "partial"
        return "near" if self.correlation >= _NEAR else "far"


@dataclass(frozen=True)
class Explanation:
    """A call, and the boxes by which changes are judged."""

    variant: Variant
    boxes: Index
    call: Concrete

    def closest(self) -> Closest:
        """Return the call with the changes that reproduce most values."""
        moved = () if self.call.moved is None else (self.call.moved,)
        start = self._moved(self.variant)
        options: list[tuple[float, Variant, tuple[Change, ...], tuple[Change, ...]]] = []
        for features in self._feature_changes():
            variant = start if features is None else start.with_features(features)
            after, share = self._values(variant)
            before = (*self.variant.changes, *([] if features is None else [features]), *moved)
            # Chance brings single values near to each other.
            if features is None or share >= _LEAST_SHARE:
                options.append((share - _LEAST_GAIN * len(options), variant, before, after))
            if share > FULL_SHARE:
                break
        _, variant, before, after = max(options, key=lambda option: option[0])
        hypothesis = self.call.hypothesis
        changes = (*_scale_change(variant, hypothesis), *before, *after)
        report = reported(variant.target, hypothesis, changes, all_channels=False)
        return Closest(
            **vars(report),
            variant=variant,
            hypothesis=hypothesis,
            changes=changes,
            shift=self.call.shift,
        )

    def _moved(self, variant: Variant) -> Variant:
        if self.call.moved is None:
            return variant
        boxes = self.call.moved.boxes(variant.target.boxes)
        return replace(variant, target=replace(variant.target, boxes=boxes))

    def _feature_changes(self) -> Iterator[Change | None]:
        """Yield no change of the features, then those that explain small differences."""
        yield None
        if self.call.error < _SMALL_ERROR:
            yield from map(rounded_features, ROUNDINGS)
        yield RELU_BEFORE

    def _values(self, variant: Variant) -> tuple[tuple[Change, ...], float]:
        """Return the change of the output that reproduces most values of some boxes."""
        target = variant.target
        made = target.made(self.call.hypothesis, self.boxes).astype(np.float64)
        given = target.output[self.boxes].astype(np.float64)
        best: tuple[Change, ...] = ()
        most = _share(made, given, target.allowed)
        for change in value_changes(made, given, target.allowed) if most < 1 else ():
            output = np.asarray(change.output(made))
            share = _share(output, given, np.maximum(target.allowed, change.tolerance))
            if share > most + _LEAST_GAIN and share >= _LEAST_SHARE:
                best, most = (change,), share
        return best, most


_ROUNDED = 2e-3  # relative difference of a scale from one that was rounded


def _scale_change(variant: Variant, hypothesis: Hypothesis) -> tuple[Change, ...]:
    """Return the change of a stated scale, if another one reproduces the output."""
    stated, found = variant.candidates.spatial_scale, hypothesis.spatial_scale
    if stated is None or found is None or stated == found:
        return ()
    text = f"the boxes are at scale {scale_text(found)}, not at {scale_text(stated)}"
    return (Change(text, _scale_remedy(found, stated, variant.candidates.map_size)),)


def _scale_remedy(
    found: tuple[float, float], stated: tuple[float, float], map_size: tuple[int, int]
) -> str:
    """Return what to do if another scale than the stated one reproduces the output."""
    option = f"--spatial-scale {scale_option(found)}"
    factors = tuple(own / other for own, other in zip(stated, found, strict=True))
    if all(abs(factor - 1) < _ROUNDED for factor in factors):
        return f"The stated scale is likely rounded. Pass {option}."
    sizes = [
        " × ".join(f"{cells / factor:.4g}" for cells, factor in zip(map_size, scale, strict=True))
        for scale in (found, stated)
    ]
    y, x = (f"{factor:.4g}" for factor in factors)
    by = x if x == y else f"{x} along x and {y} along y"
    return (
        f"If {scale_text(found)} is right, pass {option}: the boxes are then for an image of "
        f"{sizes[0]} pixels (height × width). If {scale_text(stated)} is right ({sizes[1]} "
        "pixels), correct the model that made the output: change its scale, or multiply its boxes "
        f"by {by}."
    )


def _share(made: Float, given: Float, allowed: Float) -> float:
    return float((np.abs(made - given) <= allowed).mean())
