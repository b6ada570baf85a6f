"""Judge pyramid rules by the maps that boxes were pooled from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.core.boxes import Float
from roialign_cli.core.pyramid import NO_LEVEL, Levels, assign_levels
from roialign_cli.core.pyramid_operation import map_scales
from roialign_cli.core.pyramid_rules import LevelScale, PyramidRule
from roialign_cli.errors import ArgumentError
from roialign_cli.search.fit import Index
from roialign_cli.search.pyramid_result import Distinguishing, RuleFit

# Sides in pixels of square boxes that some rules send to different maps.
_SIDES = (112.0, 159.0, 223.0, 224.0, 448.0, 223.9999)


@dataclass(frozen=True)
class RuleInputs:
    """What the rules compute levels from.

    Parameters
    ----------
    map_sizes
        (height, width) of each map in cells.
    image_size
        (height, width) of the image in pixels; None if it is not known.
    level_scales
        The scale of each map; None to infer the scales.
    dtype
        The dtype of the boxes.
    """

    map_sizes: Sequence[tuple[int, int]]
    image_size: tuple[float, float] | None
    level_scales: Sequence[float] | None
    dtype: type[np.floating]

    def scales(self, kind: LevelScale) -> list[tuple[float, float]]:
        """Return the scale of each map along (y, x)."""
        return map_scales(self.map_sizes, kind, self.image_size, self.level_scales)[1]

    def levels(self, rule: PyramidRule, boxes: Float, *, normalized: bool) -> Levels:
        """Return the levels of boxes x1, y1, x2, y2; the error is that of `assign_levels`."""
        scales = [y for y, _ in self.scales(rule.level_scale)]
        call: dict[str, Any] = {"image_size": self.image_size, "normalized": normalized}
        return assign_levels(boxes, rule, scales, dtype=self.dtype, **call)

    def applicable(
        self, rules: Sequence[PyramidRule], boxes: Float, *, normalized: bool
    ) -> Iterator[tuple[PyramidRule, Levels | str]]:
        """Yield each rule with the levels of boxes, or with the reason why there are none."""
        for rule in rules:
            try:
                yield rule, self.levels(rule, boxes, normalized=normalized)
            except ArgumentError as error:
                yield rule, str(error)


def judged(
    applied: Sequence[tuple[PyramidRule, Levels | str]], fits: Mask, zero: Mask
) -> tuple[RuleFit, ...]:
    """Return the rules with the boxes that they do not explain, the best rule first.

    Parameters
    ----------
    applied
        Each rule, with the levels of all R boxes or the reason why there are none.
    fits
        (R, maps), bool: the maps that reproduce each row.
    zero
        (R,), bool: the rows of zeros.
    """
    known = fits.any(axis=1) | zero
    found = []
    for rule, levels in applied:
        if isinstance(levels, str):
            found.append(RuleFit(rule, None, np.empty(0, np.intp), levels))
            continue
        explained = np.take_along_axis(fits, np.maximum(levels.index, 0)[:, None], axis=1)[:, 0]
        explained = np.where(levels.index == NO_LEVEL, zero, explained)
        found.append(RuleFit(rule, levels, np.flatnonzero(known & ~explained)))
    return tuple(sorted(found, key=lambda fit: (fit.levels is None, len(fit.broken))))


def agreed(
    applied: Sequence[tuple[PyramidRule, Levels | str]], usable: Mask, maps: int
) -> Iterator[tuple[int, Index]]:
    """Yield a map and the boxes that most rules send to it, the map with most boxes first.

    Parameters
    ----------
    applied
        Each rule, with the levels of all R boxes or the reason why there are none.
    usable
        (R,), bool: the boxes to choose from.
    maps
        The number of maps.
    """
    index = [levels.index for _, levels in applied if not isinstance(levels, str)]
    if not index or not usable.any():
        return
    votes = np.stack(index)
    counts = np.stack([(votes == level).sum(axis=0) for level in range(maps)])
    most, share = counts.argmax(axis=0), counts.max(axis=0)
    best = usable & (share == share[usable].max(initial=0)) & (share > 0)
    groups = [(level, np.flatnonzero(best & (most == level))) for level in range(maps)]
    yield from sorted((one for one in groups if len(one[1])), key=lambda one: -len(one[1]))


def distinguishing(rules: Sequence[PyramidRule], inputs: RuleInputs) -> Distinguishing | None:
    """Return a square box that some rules send to different maps; None if none is known."""
    best: Distinguishing | None = None
    for side in _SIDES:
        box = np.array([[0.0, 0.0, side, side]])
        maps: dict[int, list[str]] = {}
        for rule, levels in inputs.applicable(rules, box, normalized=False):
            if not isinstance(levels, str):
                maps.setdefault(int(levels.index[0]), []).append(rule.name)
        if len(maps) > max(1, 0 if best is None else len(best.maps)):
            best = Distinguishing(side, dict(sorted(maps.items())))
    return best
