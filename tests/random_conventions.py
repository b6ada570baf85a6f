"""Presets with one to three other fields, as kernels, and the rules in which they differ."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention, RoiAlignError
from roialign_cli.measure.fingerprint import Fingerprint
from roialign_cli.measure.model import Model
from roialign_cli.measure.rules import RULES
from tests.convention_kernels import gives_answers, kernel_of

Array = NDArray[Any]

VALUES: dict[str, tuple[Any, ...]] = {
    "pooling": ("avg", "max"),
    "max_of": ("point", "weighted-cell"),
    "max_start": (-math.inf, 0.0, -10_000.0),
    "max_skips_nan": (False, True),
    "max_of_empty": (0.0, -10_000.0),
    "clamp_count": (True, False),
    "average_over": ("points", "inside"),
    "points": ("centred", "corners", "dividers", "integral"),
    "grid_rounding": ("ceil", "floor", "round"),
    "grid_min": (0, 1, 2),
    "grid_max": (None, 2, 3, 8),
    "grid_from": ("section", "output"),
    "grid_points": ("all", "cells"),
    "clip_sections": (False, True),
    "point_in_part": (0.5, 0.0, 0.25),
    "position_formula": ("section-first", "step-first", "share-first", "roi-first"),
    "image_offset": (0.0, 0.5, -0.5),
    "offset": (0.5, 0.0, 1.0, 0.25),
    "image_end_offset": (0.0, -1.0, 1.0),
    "end_offset": (0.0, -1.0, 1.0),
    "inverted_boxes": ("kept", "sorted", "empty"),
    "clip_boxes": (False, True),
    "edge_rounding": ("none", "round-image", "floor-image", "round-map", "floor-map"),
    "min_size": (0.0, 1.0, 0.1, 0.5, 2.0),
    "tie_neighbour": ("lower", "upper", "both"),
    "interpolation": ("linear", "nearest", "swapped"),
    "outside_neighbours": ("clamped", "value", "extrapolated"),
    "border_margin": (1.0, 0.0, 0.5, 2.0, math.inf),
    "extrapolation_value": (0.0, 1.0, -2.0),
    "coordinate_decimals": (None, 2, 3),
    "coordinates": ("features", "double", "half"),
    "rejects": ("nothing", "inverted", "no-area"),
    "channel_map": ("same", "position-sensitive"),
    "box_format": ("xyxy", "yxyx", "xywh", "cxcywh"),
    "origin": ("top-left", "bottom-left"),
    "normalized": (False, True),
}


@dataclass(frozen=True)
class Changed:
    """A preset, and the fields of it that have other values."""

    preset: str
    base: Convention
    changes: dict[str, Any]
    rules: Convention

    @classmethod
    def of(cls, seed: int) -> Changed:
        """Return a preset with one to three other fields that make sense together."""
        chance = random.Random(seed)  # noqa: S311
        while True:
            row = PRESETS[chance.choice(list(PRESETS))]
            base = replace(row.convention, pooling=chance.choice(row.poolings))
            names = chance.sample(sorted(VALUES), chance.choice([1, 2, 3]))
            changes = {
                name: chance.choice([v for v in VALUES[name] if v != getattr(base, name)])
                for name in names
            }
            try:
                rules = replace(base, **changes)
            except RoiAlignError:
                continue
            if _makes_sense(rules):
                return cls(row.convention.name, base, changes, rules)

    def kernel(self) -> Callable[..., Array]:
        """Return a kernel that follows the rules."""
        return kernel_of(self.rules)

    def differing(self) -> set[str]:
        """Return the rules of the preset that change an answer if they alone are restored."""
        found = set()
        for rule in RULES:
            own = [name for name in rule.fields if name in self.changes]
            if rule.name == "pooling" and len(PRESETS[self.preset].poolings) > 1:
                continue  # the preset has the pooling of the kernel
            if own and (rule.name == "box format" or self._shows(rule.values_in(self.base))):
                found.add(rule.name)
        return found

    def _shows(self, values: dict[str, Any]) -> bool:
        try:
            restored = Model(self.rules).having(values).convention
        except RoiAlignError:  # values that exclude each other
            return True
        return not gives_answers(restored, self.kernel(), self.rules)


def _makes_sense(rules: Convention) -> bool:
    """Return whether no field is in units that the boxes do not have, or without any meaning."""
    in_image_units = rules.image_offset or rules.image_end_offset
    if rules.normalized and (in_image_units or rules.edge_rounding.endswith("image")):
        return False
    return rules.points != "cells" or rules.max_of == "point"


def is_right(changed: Changed, found: Fingerprint) -> bool:
    """Return whether a measurement gives the answers of a kernel and names the changed rules."""
    names = {difference.rule for difference in found.differs}
    return (
        not found.problem
        and names == changed.differing()
        and gives_answers(found.convention, changed.kernel(), changed.rules)
    )
