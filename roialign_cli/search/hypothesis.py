"""The hypotheses that a search tries, and its results: matches and partial matches."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from roialign_cli.core.convention import BOX_FIELDS, Convention
from roialign_cli.core.presets import PRESETS

# Layout of an output → the positions of its axes R, C, height and width.
Layout = Literal["RCHW", "RHWC", "RCWH", "RWHC"]
LAYOUTS: Mapping[Layout, tuple[int, int, int, int]] = MappingProxyType(
    {"RCHW": (0, 1, 2, 3), "RHWC": (0, 3, 1, 2), "RCWH": (0, 1, 3, 2), "RWHC": (0, 3, 2, 1)}
)

# The map of each box: the given one, the first one for all, an equal number of boxes per map, or
# the one in the last of five columns.
Batches = Literal["given", "first map", "in turn", "last column"]
INDEX_IS_LAST = "the batch index of the boxes is in the last column"


@dataclass(frozen=True)
class Hypothesis:
    """A combination of rules that may have made an output.

    Parameters
    ----------
    convention
        The operator, including how it reads boxes.
    spatial_scale
        (y, x) in map units per box unit; None for normalised boxes.
    layout
        The order of the output's axes: boxes (R), channels (C), rows (H) and columns (W).
    batches
        The map that each box is pooled from.
    mistake
        The short name of a known mistake that the rules contain; "" for no mistake.
    reduced
        How 2 × 2 sections of an output that is twice as fine become one: "max" or "mean"; "" if the
        output is pooled as it is.
    """

    convention: Convention
    spatial_scale: tuple[float, float] | None
    layout: Layout = "RCHW"
    batches: Batches = "given"
    mistake: str = ""
    reduced: Literal["", "max", "mean"] = ""

    def pooled_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the size of the output that is pooled for an output of some size."""
        return (2 * size[0], 2 * size[1]) if self.reduced else size

    @property
    def box_fields(self) -> dict[str, Any]:
        """The fields of the convention that state how boxes are read."""
        return {name: getattr(self.convention, name) for name in BOX_FIELDS}

    def deviations(self) -> list[str]:
        """Describe each respect in which the hypothesis departs from the usual call."""
        own = self._preset_convention()
        convention = self.convention
        conditions = {
            self.mistake: bool(self.mistake),
            "each section is the maximum of 2 × 2 sections of an output twice as fine": (
                self.reduced == "max"
            ),
            "each section is the mean of 2 × 2 sections of an output twice as fine": (
                self.reduced == "mean"
            ),
            "x and y of the boxes are swapped": (
                convention.box_format == "yxyx" and own.box_format != "yxyx"
            ),
            "y of the boxes points up": convention.origin != own.origin,
            "the second corner of each box is read as inclusive, +1": convention.inclusive,
            "all boxes are pooled from the first map": self.batches == "first map",
            "the boxes are distributed evenly over the maps, in order": self.batches == "in turn",
            INDEX_IS_LAST: self.batches == "last column",
            "one sample point per section, as if an omitted sampling_ratio means 1": (
                convention.points == "centred" and convention.sampling_ratio == 1
            ),
            "the channels of the output are last": self.layout in {"RHWC", "RWHC"},
            "the height and width of the output are swapped": self.layout in {"RCWH", "RWHC"},
        }
        return [words for words, holds in conditions.items() if holds]

    def _preset_convention(self) -> Convention:
        """Return the rules of the preset that the convention is named after, or its own rules."""
        row = PRESETS.get(self.convention.name)
        return self.convention if row is None else row.convention

    @property
    def complexity(self) -> tuple[int, int]:
        """How unlikely the hypothesis is: deviations, and fields that differ from the preset."""
        preset = self._preset_convention()
        own, fields = preset.parameters(), self.convention.parameters().items()
        # One mistake with a common operator is more likely than an uncommon operator.
        rarity = 2 if is_uncommon(preset) else 0
        return len(self.deviations()) + rarity, sum(value != own[name] for name, value in fields)


# The fields in which widely used operators agree.
_UNCOMMON_FIELDS = (
    "average_over", "unread_cells", "grid_from", "grid_rounding", "clip_sections", "point_in_part",
    "image_end_offset", "clip_boxes", "interpolation", "outside_neighbours",
)  # fmt: skip
_COMMON_RULES = {name: getattr(Convention(), name) for name in _UNCOMMON_FIELDS}


@functools.lru_cache(maxsize=4096)
def is_uncommon(convention: Convention) -> bool:
    """Return whether a convention has a rule, or a combination of rules, that few libraries have.

    Widely used operators with centred points either shift boxes or have a minimum size.
    """
    if any(getattr(convention, name) != value for name, value in _COMMON_RULES.items()):
        return True
    shifted_or_grown = bool(convention.offset) != bool(convention.min_size)
    is_kernel = convention.border_margin == 1 and shifted_or_grown
    return convention.points == "integral" or (convention.points == "centred" and not is_kernel)
