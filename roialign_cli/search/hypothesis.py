"""What a search for a convention tries and finds: ways to make an output, matches, near misses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.core.convention import BOX_FIELDS, Convention
from roialign_cli.core.presets import PRESETS
from roialign_cli.presentation import Presentable

# Layout of an output → its axes in the order R, C, height, width.
Layout = Literal["RCHW", "RHWC", "RCWH", "RWHC"]
LAYOUTS: Mapping[Layout, tuple[int, int, int, int]] = MappingProxyType(
    {"RCHW": (0, 1, 2, 3), "RHWC": (0, 3, 1, 2), "RCWH": (0, 1, 3, 2), "RWHC": (0, 3, 2, 1)}
)

# Which map a box lies on: as given, all on the first, or the same number of boxes on each in turn.
Batches = Literal["given", "first map", "in turn"]

# What goes wrong when a model is exported: what to say → the fields of a convention it amounts to.
EXPORT_MISTAKES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "the half-cell shift is applied twice": {"offset": 1.0},
        "the shift is applied before the scale instead of after it": {
            "image_offset": 0.5,
            "offset": 0.0,
        },
        "the half-cell shift is missing": {"offset": 0.0},
        "the half-cell shift has the wrong sign": {"offset": -0.5},
    }
)


@dataclass(frozen=True)
class Hypothesis:
    """One way in which an output may have been made.

    Parameters
    ----------
    convention
        The operator, and how the boxes are read.
    spatial_scale
        (y, x): feature-map units per unit of the boxes; None for normalised boxes, which have
        their own.
    layout
        The order of the output's axes.
    batches
        Which map each box lies on.
    slip
        What went wrong, of `EXPORT_MISTAKES`.
    """

    convention: Convention
    spatial_scale: tuple[float, float] | None
    layout: Layout = "RCHW"
    batches: Batches = "given"
    mistake: str = ""

    def deviations(self) -> list[str]:
        """Return what is unusual about it, in words."""
        own = self._preset_rules()
        convention = self.convention
        declared_by_file = {
            self.mistake: bool(self.mistake),
            "x and y of the boxes are swapped": (
                convention.box_format == "yxyx" and own.box_format != "yxyx"
            ),
            "y of the boxes points up": convention.origin != own.origin,
            "the boxes' second corners are read as inclusive, +1": convention.inclusive,
            "all boxes are pooled from the first map": self.batches == "first map",
            "the boxes are shared out among the maps in turn": self.batches == "in turn",
            "one sample point a section, as where an omitted sampling_ratio is read as 1": (
                convention.points == "centred" and convention.sampling_ratio == 1
            ),
            "the output's channels are last": self.layout in {"RHWC", "RWHC"},
            "the output's height and width are swapped": self.layout in {"RCWH", "RWHC"},
        }
        return [words for words, so in declared_by_file.items() if so]

    def _preset_rules(self) -> Convention:
        """Return the rules of the preset that the convention is named after, or its own."""
        row = PRESETS.get(self.convention.name)
        return self.convention if row is None else row.convention

    @property
    def complexity(self) -> tuple[int, int]:
        """The fewer deviations and departures from the preset, the smaller."""
        own = self._preset_rules().parameters()
        changed = [
            name for name, value in self.convention.parameters().items() if value != own[name]
        ]
        return len(self.deviations()), len(changed)


@dataclass(frozen=True)
class Match:
    """A way that makes the output, with the presets that make the same of this input.

    Parameters
    ----------
    way
        The plainest of them.
    max_difference
        From the output, in the features' units.
    equivalents
        Other conventions that make it, too, read alike.
    """

    hypothesis: Hypothesis
    max_difference: float
    equivalents: tuple[Convention, ...]


@dataclass(frozen=True)
class PartialMatch:
    """How far the best way comes where none makes the whole output.

    Parameters
    ----------
    way
        The way.
    max_difference
        From the output, where both are finite.
    boxes, channels
        (R,) and (C,): which it fits.
    sections
        (height, width): which it fits in all boxes.
    shared_conditions
        What the boxes that it does not fit have in common, and the others have not.
    within_rounding
        Whether it is so near that the output may have been rounded.
    rank
        How many boxes it fits whose outputs tell something, and how many numbers.
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
    """What a search found; it prints as the command does.

    Parameters
    ----------
    matches
        The ways that make the output, best first.
    closest
        The closest that does not make it, if one was looked at in full.
    partial
        What the closest does fit, if there is no match.
    searched
        How many ways were tried.
    distinct_values
        How many different numbers the output holds, zero aside: what there is to tell by.
    shape
        Of the output, as it was given.
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
        """Whether so few numbers are held against so many ways that one may fit by chance."""
        return self.searched * _CHANCE**self.distinct_values > _UNLIKELY


# How likely a number fits a wrong way, and how unlikely it must be that all of them do.
_CHANCE, _UNLIKELY = 1e-3, 0.01


def grouped(made: Mapping[Hypothesis, float]) -> tuple[Match, ...]:
    """Return matches, the simplest first; those that differ only in the preset's name are one."""
    groups: dict[tuple[Any, ...], list[Hypothesis]] = {}
    for hypothesis in sorted(
        made, key=lambda hypothesis: (hypothesis.complexity, _digits(made[hypothesis]))
    ):
        convention = hypothesis.convention
        ratio = convention.sampling_ratio if convention.points == "centred" else None
        reading = [getattr(convention, name) for name in BOX_FIELDS]
        key = (
            hypothesis.mistake,
            hypothesis.layout,
            hypothesis.batches,
            hypothesis.spatial_scale,
            convention.pooling,
            ratio,
            *reading,
        )
        groups.setdefault(key, []).append(hypothesis)
    return tuple(
        Match(first, made[first], _distinct(first, others)) for first, *others in groups.values()
    )


def _distinct(first: Hypothesis, others: Sequence[Hypothesis]) -> tuple[Convention, ...]:
    """Return the conventions of others, each name once."""
    named = {hypothesis.convention.name: hypothesis.convention for hypothesis in others}
    return tuple(convention for name, convention in named.items() if name != first.convention.name)


def _digits(difference: float) -> int:
    """Return the order of magnitude of a difference; those of rounding are all alike."""
    return math.ceil(math.log10(max(difference, 1e-6)))
