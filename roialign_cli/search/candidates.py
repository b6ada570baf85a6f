"""Enumerate what a search tries: conventions, sampling ratios, readings of boxes and scales."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, product
from typing import Any, get_args

import numpy as np

from roialign_cli.analysis.equivalence import coarse_rules
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import (
    BOX_FIELDS,
    MEANINGS_OF_MAX,
    BoxFormat,
    ChannelMap,
    Convention,
    Origin,
    Pooling,
)
from roialign_cli.core.overrides import applicable_overrides
from roialign_cli.core.presets import PRESETS
from roialign_cli.search.fit import Index
from roialign_cli.search.hypothesis import Batches, is_uncommon
from roialign_cli.search.mistakes import EXPORT_MISTAKES

BoxFields = tuple[tuple[str, Any], ...]
Operator = tuple[Convention, str]  # a convention and its export mistake, "" for none
Scale = tuple[float, float]  # (y, x) in map units per box unit
Scales = list[tuple[Scale, dict[str, Any]]]  # with the box fields that each scale implies

# The convention of models whose exports contain mistakes.
_MISTAKEN_PRESET = PRESETS["torchvision-aligned"].convention
_SCALES = tuple(1 / (1 << power) for power in range(7))
_RATIOS = range(5)
_MAX_BOX_PER_MAP = 8  # sides of boxes, relative to the map
_MAX_CELLS_OFF_MAP = 2


@dataclass(frozen=True)
class Candidates:
    """The operators, scales and readings of the boxes that may have made an output.

    Parameters
    ----------
    map_size
        (height, width) of the feature map in cells.
    spatial_scale
        (y, x) in map units per box unit, None to try several.
    convention
        The only convention to try, None to try all presets.
    fixed_fields
        Convention fields that the user stated; they are not searched.
    outside_values
        Values to try for sample points outside the map.
    channel_map
        How the output has as many channels as it has.
    """

    map_size: tuple[int, int]
    spatial_scale: tuple[float, float] | None
    convention: Convention | None
    fixed_fields: Mapping[str, Any]
    outside_values: tuple[float, ...]
    channel_map: ChannelMap = "same"

    def poolings(self) -> tuple[Pooling, ...]:
        """Return the poolings to try."""
        fixed: Pooling | None = self.fixed_fields.get("pooling")
        return get_args(Pooling) if fixed is None else (fixed,)

    @cached_property
    def _listed(self) -> _Listed:
        only = self.convention
        rules = only, only and only.name, *self.fixed_fields.items()
        return _listed(rules, self.outside_values, self.channel_map)

    def by_coarse_rules(self, wanted: Pooling) -> dict[Convention, list[Convention]]:
        """Return coarse rules → the conventions of a pooling to try that follow them."""
        by_pooling = self._listed.by_coarse_rules
        if wanted not in by_pooling:
            by_pooling[wanted] = self._grouped(wanted)
        return by_pooling[wanted]

    def _grouped(self, wanted: Pooling) -> dict[Convention, list[Convention]]:
        groups: dict[Convention, list[Convention]] = {}
        presets = [row.convention for row in PRESETS.values()]
        for base in presets if self.convention is None else [self.convention]:
            if base.channel_map != self.channel_map:
                continue
            if wanted not in self._poolings(base):
                continue
            for ratio, outside in product(self._ratios(base), self.outside_values):
                searched = {"sampling_ratio": ratio, "extrapolation_value": outside}
                fields = {"pooling": wanted} | searched | self.fixed_rules(base)
                variant = replace(base, **fields)
                groups.setdefault(coarse_rules(variant), []).append(variant)
        return groups

    def fixed_rules(self, base: Convention) -> dict[str, Any]:
        """Return the fixed fields that apply to a convention and are searched nowhere else."""
        searched = {"pooling", "sampling_ratio", *BOX_FIELDS}
        fields = applicable_overrides(base, **self.fixed_fields)
        return {name: value for name, value in fields.items() if name not in searched}

    def _ratios(self, base: Convention) -> Sequence[int]:
        """Return the sampling ratios to try with a convention."""
        if base.points not in {"centred", "corners"}:
            return (0,)
        fixed = self.fixed_fields
        if "sampling_ratio" in fixed:
            return (fixed["sampling_ratio"],)
        if base.points == "corners":
            return (0, 2)
        return (1, 2) if is_uncommon(base) and base.sampling_ratio == 1 else _RATIOS

    def _poolings(self, base: Convention) -> Sequence[Pooling]:
        """Return the poolings to try with a convention."""
        if not is_uncommon(base) or base.name not in PRESETS:
            return self.poolings()
        own = PRESETS[base.name].poolings
        return [pooling for pooling in self.poolings() if pooling in own]

    def operators(self, pooling: Pooling) -> list[Operator]:
        """Return one operator for each set of coarse rules, first those without mistakes."""
        operators = self._listed.operators
        if pooling not in operators:
            operators[pooling] = list(self._distinct(pooling))
        return operators[pooling]

    def _distinct(self, pooling: Pooling) -> Iterator[Operator]:
        seen: set[tuple[Convention, bool]] = set()
        for convention, mistake in chain(self._correct(pooling), self._mistaken(pooling)):
            rules = coarse_rules(convention), bool(mistake)
            if rules not in seen:
                seen.add(rules)
                yield replace(convention, rejects="nothing"), mistake

    def _correct(self, pooling: Pooling) -> Iterator[Operator]:
        """Yield the conventions to try, common ones also with other meanings of the maximum."""
        meanings = [] if pooling == "avg" else list(MEANINGS_OF_MAX.values())
        for convention in chain.from_iterable(self.by_coarse_rules(pooling).values()):
            yield convention, ""
            if not is_uncommon(convention):
                yield from ((replace(convention, **meaning), "") for meaning in meanings)

    def _mistaken(self, pooling: Pooling) -> Iterator[Operator]:
        """Yield the conventions that export mistakes lead to."""
        correct = self.convention or _MISTAKEN_PRESET
        if correct.channel_map != self.channel_map:
            return
        if correct.points != "centred" or correct.offset != _MISTAKEN_PRESET.offset:
            return
        meanings = [{}] if pooling == "avg" else MEANINGS_OF_MAX.values()
        variants = product(EXPORT_MISTAKES.items(), self._ratios(correct), meanings)
        for (mistake, fields), ratio, meaning in variants:
            base = replace(correct, pooling=pooling, sampling_ratio=ratio)
            yield replace(base, **{**fields, **meaning, **self.fixed_rules(base)}), mistake

    def own_reading(self, operator: Operator) -> BoxFields | None:
        """Return the box fields with which to try an operator, None for all.

        An uncommon operator is only tried with its own reading, and with what the user stated.
        """
        convention, mistake = operator
        if mistake or not is_uncommon(convention):
            return None
        own = {name: getattr(convention, name) for name in BOX_FIELDS} | dict(self.fixed_fields)
        if self.spatial_scale is not None:
            own["normalized"] = False
        return tuple((name, own[name]) for name in BOX_FIELDS)

    def scales(self) -> Scales:
        """Return the scales to try, each with the box fields that it implies."""
        rows, columns = self.map_size
        if self.spatial_scale is not None:
            return [(self.spatial_scale, {"normalized": False})]
        normalized: Scales = [
            ((rows - less, columns - less), {"normalized": True, "normalized_by": by})
            for by, less in (("size", 0), ("last-centre", 1))
        ]
        absolute: Scales = [((scale, scale), {"normalized": False}) for scale in _SCALES]
        choices = {None: absolute + normalized, True: normalized, False: absolute}
        by = self.fixed_fields.get("normalized_by")
        return [
            (scale, fields) for scale, fields in choices[self.fixed_fields.get("normalized")]
            if by is None or fields.get("normalized_by", by) == by
        ]  # fmt: skip

    def readings(self, scale_fields: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the box fields of every reading to try at a scale that implies some of them."""
        choices: dict[str, tuple[Any, ...]] = {
            "box_format": get_args(BoxFormat),
            "origin": get_args(Origin),
            "inclusive": (False,) if scale_fields["normalized"] else (False, True),
        }
        fixed = {name: (self.fixed_fields[name],) for name in choices if name in self.fixed_fields}
        for values in product(*(choices | fixed).values()):
            yield dict(zip(choices, values, strict=True)) | dict(scale_fields)


@dataclass(frozen=True)
class _Listed:
    """What `Candidates` have listed so far: operators, and conventions by their coarse rules."""

    operators: dict[Pooling, list[Operator]] = field(default_factory=dict)
    by_coarse_rules: dict[Pooling, dict[Convention, list[Convention]]] = field(default_factory=dict)


@functools.lru_cache(maxsize=16)
def _listed(*_rules: object) -> _Listed:
    """Return the lists that candidates share if they have the same rules and outside values."""
    return _Listed()


def possible_batches(given: Index | None, maps: int, boxes: int) -> dict[Batches, Index]:
    """Return the maps, (R,) indices each, that R boxes may be pooled from.

    Given indices may have been ignored. Without them (None), all boxes may lie on the first map, or
    an equal number of boxes on each of the maps in turn.
    """
    first = np.zeros(boxes, np.intp)
    batches: dict[Batches, Index] = {"given": first if given is None else given}
    if given is not None and given.any():
        batches["first map"] = first
    if given is None and maps > 1 and boxes % maps == 0:
        batches["in turn"] = np.repeat(np.arange(maps, dtype=np.intp), boxes // maps)
    return batches


def is_plausible(box: Float, scale: Scale, cells: tuple[int, ...]) -> bool:
    """Return whether a box x1, y1, x2, y2 is near a map (height, width) and not far larger."""
    for first, last, factor, count in zip(box[:2], box[2:], scale[::-1], cells[::-1], strict=True):
        low, high = sorted((first * factor, last * factor))
        near = high >= -_MAX_CELLS_OFF_MAP and low <= count + _MAX_CELLS_OFF_MAP
        if not near or high - low > _MAX_BOX_PER_MAP * count:
            return False
    return True
