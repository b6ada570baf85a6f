"""The hypotheses that a search tries, and its results: matches and partial matches."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.core.convention import BOX_FIELDS, Convention
from roialign_cli.core.presets import PRESETS
from roialign_cli.presentation import Presentable

# Layout of an output → the positions of its axes R, C, height and width.
Layout = Literal["RCHW", "RHWC", "RCWH", "RWHC"]
LAYOUTS: Mapping[Layout, tuple[int, int, int, int]] = MappingProxyType(
    {"RCHW": (0, 1, 2, 3), "RHWC": (0, 3, 1, 2), "RCWH": (0, 1, 3, 2), "RWHC": (0, 3, 2, 1)}
)

# The map of each box: the given one, the first one for all, or an equal number of boxes per map.
Batches = Literal["given", "first map", "in turn"]


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
        The order of the output's axes, a key of `LAYOUTS`.
    batches
        The map that each box is pooled from.
    mistake
        A key of `mistakes.EXPORT_MISTAKES`, or "" for no mistake.
    """

    convention: Convention
    spatial_scale: tuple[float, float] | None
    layout: Layout = "RCHW"
    batches: Batches = "given"
    mistake: str = ""

    @property
    def box_fields(self) -> dict[str, Any]:
        """The convention fields that say how boxes are read."""
        return {name: getattr(self.convention, name) for name in BOX_FIELDS}

    def deviations(self) -> list[str]:
        """Describe each respect in which the hypothesis departs from the usual call."""
        own = self._preset_convention()
        convention = self.convention
        conditions = {
            self.mistake: bool(self.mistake),
            "x and y of the boxes are swapped": (
                convention.box_format == "yxyx" and own.box_format != "yxyx"
            ),
            "y of the boxes points up": convention.origin != own.origin,
            "the second corner of each box is read as inclusive, +1": convention.inclusive,
            "all boxes are pooled from the first map": self.batches == "first map",
            "the boxes are distributed evenly over the maps, in order": self.batches == "in turn",
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


@dataclass(frozen=True)
class Match:
    """A hypothesis that reproduces an output.

    Parameters
    ----------
    hypothesis
        The simplest of those that differ only in the preset.
    max_difference
        The largest absolute difference from the output, in feature units.
    equivalents
        Other conventions that reproduce the output with the same boxes and scale.
    """

    hypothesis: Hypothesis
    max_difference: float
    equivalents: tuple[Convention, ...]


@dataclass(frozen=True)
class PartialMatch:
    """The hypothesis that comes closest to an output that no hypothesis reproduces.

    Parameters
    ----------
    hypothesis
        The closest hypothesis.
    max_difference
        The largest absolute difference from the output, in feature units; infinite if only one of
        two values is finite.
    boxes, channels
        (R,) and (C,), bool: the boxes and channels that it reproduces in full.
    sections
        (height, width), bool: the sections that it reproduces in all boxes and channels.
    shared_conditions
        The conditions that hold for all boxes that it does not reproduce, and for no other box.
    rank
        How many boxes with varied output it reproduces, and how many values.
    within_rounding
        Whether the difference is so small that the output may have been rounded.
    """

    hypothesis: Hypothesis
    max_difference: float
    boxes: Mask
    channels: Mask
    sections: Mask
    shared_conditions: tuple[str, ...]
    rank: tuple[int, int]
    within_rounding: bool


@dataclass(frozen=True, repr=False)
class Identification(Presentable):
    """The result of a search; it prints as the command prints it.

    Parameters
    ----------
    matches
        The hypotheses that reproduce the output, simplest first.
    closest
        The closest operator that does not reproduce the output, None without a match.
    partial
        The closest hypothesis if there is no match.
    searched
        How many hypotheses were tried.
    distinct_values
        How many different values other than zero the output holds.
    shape
        The shape of the output as given.
    """

    matches: tuple[Match, ...]
    closest: Match | None
    partial: PartialMatch | None
    searched: int
    distinct_values: int
    shape: tuple[int, ...]

    def __repr__(self) -> str:
        names = dict.fromkeys(match.hypothesis.convention.name for match in self.matches)
        return f"<Identification: {', '.join(names) or 'no match'}>"

    @property
    def doubtful(self) -> bool:
        """Whether the output has so few values that a hypothesis may match by chance."""
        chance_matches = self.searched * _CHANCE_PER_VALUE**self.distinct_values
        return chance_matches > _MAX_CHANCE_MATCHES


_CHANCE_PER_VALUE = 1e-3  # probability that a wrong hypothesis reproduces a value
_MAX_CHANCE_MATCHES = 0.01  # expected number of wrong hypotheses that reproduce an output


def grouped(confirmed: Mapping[Hypothesis, float]) -> tuple[Match, ...]:
    """Group hypotheses that differ only in the preset into one match each, simplest first.

    Parameters
    ----------
    confirmed
        Hypothesis that reproduces the output → its largest difference, in feature units.
    """
    groups: dict[tuple[Any, ...], list[Hypothesis]] = {}
    for hypothesis in sorted(
        confirmed, key=lambda h: (h.complexity, _order_of_magnitude(confirmed[h]))
    ):
        convention = hypothesis.convention
        ratio = convention.sampling_ratio if convention.points == "centred" else None
        call = hypothesis.mistake, hypothesis.layout, hypothesis.batches, hypothesis.spatial_scale
        key = (*call, convention.pooling, ratio, *hypothesis.box_fields.values())
        groups.setdefault(key, []).append(hypothesis)
    return tuple(
        Match(first, confirmed[first], _other_conventions(first, others))
        for first, *others in groups.values()
    )


def _other_conventions(first: Hypothesis, others: Sequence[Hypothesis]) -> tuple[Convention, ...]:
    """Return the conventions of other hypotheses, one for each preset name."""
    named = {
        name: replace(hypothesis.convention, name=name)
        for hypothesis in (first, *others)
        for name in _names_of_equals(hypothesis)
    }
    return tuple(convention for name, convention in named.items() if name != first.convention.name)


def _names_of_equals(hypothesis: Hypothesis) -> Iterator[str]:
    """Yield the name of the preset of a hypothesis, and of the presets with the same rules."""
    name = hypothesis.convention.name
    yield name
    if name in PRESETS and not hypothesis.mistake:
        rules = PRESETS[name].convention
        yield from (other for other, row in PRESETS.items() if row.convention == rules)


def _order_of_magnitude(difference: float) -> int:
    """Return the decimal exponent of a difference; all differences below 1e-6 count as 1e-6."""
    return math.ceil(math.log10(max(difference, 1e-6)))
