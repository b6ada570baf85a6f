"""The ways that a search tries: conventions, sampling ratios, readings of the boxes, scales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, get_args

import numpy as np

from roialign_cli.analysis.equivalence import coarse_rules
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import (
    BOX_FIELDS,
    MEANINGS_OF_MAX,
    BoxFormat,
    Convention,
    Origin,
    Pooling,
)
from roialign_cli.core.overrides import applicable_overrides
from roialign_cli.core.presets import PRESETS
from roialign_cli.search.fit import Index
from roialign_cli.search.hypothesis import EXPORT_MISTAKES, Batches

_SLIPPED = "torchvision-aligned"
_SCALES = tuple(1 / (1 << power) for power in range(7))
_RATIOS = range(5)


@dataclass(frozen=True)
class Candidates:
    """What may have made an output, as far as it is not known.

    Parameters
    ----------
    map_size
        (height, width) of the feature map in cells.
    spatial_scale
        (y, x), None if it is not known.
    only
        The only convention, None for all presets.
    fixed_fields
        Fields of the convention that are known.
    outside_values
        What a point outside may be worth.
    """

    map_size: tuple[int, int]
    spatial_scale: tuple[float, float] | None
    only: Convention | None
    fixed_fields: Mapping[str, Any]
    outside_values: tuple[float, ...]

    def poolings(self) -> tuple[Pooling, ...]:
        """Return what may have become of a section's points."""
        fixed_fields: Pooling | None = self.fixed_fields.get("pooling")
        return get_args(Pooling) if fixed_fields is None else (fixed_fields,)

    @cached_property
    def named(self) -> dict[Convention, list[Convention]]:
        """Rough operator → the presets that do the same, sampling ratios and poolings put in."""
        named: dict[Convention, list[Convention]] = {}
        presets = [row.convention for row in PRESETS.values()]
        for base in presets if self.only is None else [self.only]:
            variants = product(self.poolings(), self._ratios(base), self.outside_values)
            for pooling, ratio, outside in variants:
                searched = {"sampling_ratio": ratio, "extrapolation_value": outside}
                fields = {"pooling": pooling} | searched | self._stated_for(base)
                own = replace(base, **fields)
                named.setdefault(coarse_rules(own), []).append(own)
        return named

    def _stated_for(self, base: Convention) -> dict[str, Any]:
        searched = {"pooling", "sampling_ratio", *BOX_FIELDS}
        return {
            k: v
            for k, v in applicable_overrides(base, **self.fixed_fields).items()
            if k not in searched
        }

    def _ratios(self, base: Convention) -> Iterator[int] | range:
        if "sampling_ratio" in self.fixed_fields:
            return iter([self.fixed_fields["sampling_ratio"] if base.points == "centred" else 0])
        return _RATIOS if base.points == "centred" else range(1)

    def operators(self, pooling: Pooling) -> Iterator[tuple[Convention, str]]:
        """Yield every rough operator once, with the slip that it is."""
        seen: set[Convention] = set()
        for own in (c for group in self.named.values() for c in group if c.pooling == pooling):
            meanings = [] if pooling == "avg" else list(MEANINGS_OF_MAX.values())
            for changed in (own, *(replace(own, **meaning) for meaning in meanings)):
                if coarse_rules(changed) not in seen:
                    seen.add(coarse_rules(changed))
                    yield changed, ""
        right = self.only or PRESETS[_SLIPPED].convention
        if right.points != "centred" or right.offset != PRESETS[_SLIPPED].convention.offset:
            return
        for (mistake, fields), ratio in product(EXPORT_MISTAKES.items(), self._ratios(right)):
            base = replace(right, pooling=pooling, sampling_ratio=ratio)
            mistaken: list[Mapping[str, Any]] = [{}]
            for meaning in mistaken if pooling == "avg" else MEANINGS_OF_MAX.values():
                changed = replace(base, **{**fields, **meaning, **self._stated_for(base)})
                if coarse_rules(changed) not in seen:
                    seen.add(coarse_rules(changed))
                    yield changed, mistake

    def scales(self) -> list[tuple[tuple[float, float], dict[str, Any]]]:
        """Return scales (y, x), with the fields of a reading that they amount to."""
        rows, columns = self.map_size
        if self.spatial_scale is not None:
            return [(self.spatial_scale, {"normalized": False})]
        normalized: list[tuple[tuple[float, float], dict[str, Any]]] = [
            ((rows - less, columns - less), {"normalized": True, "normalized_by": by})
            for by, less in (("size", 0), ("last-centre", 1))
        ]
        plain: list[tuple[tuple[float, float], dict[str, Any]]] = [
            ((scale, scale), {"normalized": False}) for scale in _SCALES
        ]
        known = self.fixed_fields.get("normalized")
        wanted = self.fixed_fields.get("normalized_by")
        choices = {None: plain + normalized, True: normalized, False: plain}[known]
        return [
            (scale, read) for scale, read in choices
            if wanted is None or read.get("normalized_by", wanted) == wanted
        ]  # fmt: skip

    def readings(self, scaled: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the fields of every reading of the boxes at a kind of scale."""
        inclusive = (False,) if scaled["normalized"] else (False, True)
        choices: dict[str, tuple[Any, ...]] = {
            "box_format": get_args(BoxFormat),
            "origin": get_args(Origin),
            "inclusive": inclusive,
        }
        known = {name: (self.fixed_fields[name],) for name in choices if name in self.fixed_fields}
        for values in product(*(known.get(name, values) for name, values in choices.items())):
            yield dict(zip(choices, values, strict=True)) | dict(scaled)


def possible_batches(known: Index | None, maps: int, boxes: int) -> dict[Batches, Index]:
    """Return which of N maps each of R boxes may lie on, (R,) each.

    What is known is tried, and that it was ignored; if nothing is, the first map for all, and as
    many boxes on each map in turn.
    """
    first = np.zeros(boxes, np.intp)
    found: dict[Batches, Index] = {"given": first if known is None else known}
    if known is not None and known.any():
        found["first map"] = first
    if known is None and maps > 1 and boxes % maps == 0:
        found["in turn"] = np.repeat(np.arange(maps, dtype=np.intp), boxes // maps)
    return found


def is_plausible(box: Float, scale: tuple[float, float], cells: tuple[int, ...]) -> bool:
    """Return whether a box touches the map and is not many times larger."""
    for first, last, factor, count in zip(box[:2], box[2:], scale[::-1], cells[::-1], strict=True):
        low, high = sorted((first * factor, last * factor))
        if high < -2 or low > count + 2 or high - low > _MAX_BOX_PER_MAP * count:
            return False
    return True


_MAX_BOX_PER_MAP = 8
