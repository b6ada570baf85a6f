"""Find the values of fields with which a model gives the answers of a kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice, product
from typing import Any

from roialign_cli.errors import RoiAlignError
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.model import Model

Changes = Mapping[str, Any]


@dataclass(frozen=True)
class Eliminated:
    """Hold the result of an elimination.

    Parameters
    ----------
    model
        The first model that agrees with all answers, or else the one that disagrees latest, in the
        order of the calls.
    agrees
        Whether it agrees with all.
    """

    model: Model
    agrees: bool


def by_unusualness(
    dimensions: Sequence[Sequence[Changes]], most: int = 2000
) -> Iterator[dict[str, Any]]:
    """Yield the combinations of alternatives, those that take early alternatives first.

    Parameters
    ----------
    dimensions
        Alternatives for each of several rules, likeliest first.
    most
        The most combinations to yield.
    """
    for each in islice(_indices([len(each) for each in dimensions]), most):
        merged: dict[str, Any] = {}
        for choices, index in zip(dimensions, each, strict=True):
            merged.update(choices[index])
        yield merged


def _indices(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield indices, those first of which fewest are not 0, and of those the smallest."""
    for count in range(len(lengths) + 1):
        chosen = [
            (sum(values), places, values)
            for places in combinations(range(len(lengths)), count)
            for values in product(*(range(1, lengths[place]) for place in places))
        ]
        for _, places, values in sorted(chosen):
            indices = [0] * len(lengths)
            for place, value in zip(places, values, strict=True):
                indices[place] = value
            yield indices


def each_of(name: str, values: Iterable[Any], **same: str) -> list[dict[str, Any]]:
    """Return one alternative for each value of a field or behaviour; `same` are other fields."""
    return [{**same, name: value} for value in values]


def alternatives(model: Model, name: str, values: Sequence[Any]) -> list[dict[str, Any]]:
    """Return alternatives for one field or behaviour; what the model has is the first."""
    own = model.get(name)
    return each_of(name, [own, *(value for value in values if value != own)])


# The fields by which each axis is sampled on its own.
_AXIS_FIELDS = frozenset(
    {
        "offset", "image_offset", "end_offset", "image_end_offset", "edge_rounding", "points",
        "point_in_part", "divide", "interpolation", "coordinate_decimals", "grid_rounding",
        "grid_min", "grid_max", "border_margin", "outside_neighbours", "clip_boxes",
        "clip_sections", "unread_cells", "inverted_boxes", "min_size", "tie_neighbour",
        "position_formula",
    }
)  # fmt: skip


def along_one_axis(
    model: Model, candidates_of: Callable[[Model], Iterator[Changes]]
) -> Iterator[Changes]:
    """Yield the changes of candidates along x only, and along y only."""
    along_x, along_y = model.having(model.along_x), replace(model, along_x={})
    for x, y in zip(candidates_of(along_x), candidates_of(along_y), strict=False):
        if own := _axis_changes(along_x, x):
            yield {f"x:{name}": value for name, value in own.items()}
        if own := _axis_changes(along_y, y):
            yield {**own, **{f"x:{name}": model.get(f"x:{name}") for name in own}}


def _axis_changes(model: Model, changes: Changes) -> Changes:
    """Return the changes that differ from the model; none if one is no field of a single axis."""
    own = {name: value for name, value in changes.items() if model.get(name) != value}
    return own if own.keys() <= _AXIS_FIELDS else {}


def eliminate(
    evidence: Evidence,
    model: Model,
    candidates: Iterator[Changes],
    calls: Sequence[str],
    kept: Sequence[str],
) -> Eliminated:
    """Return the first candidate that agrees with the answers to some calls.

    Parameters
    ----------
    evidence
        The answers.
    model
        What is known of the kernel.
    candidates
        Changes of the model, likeliest first.
    calls
        Names of the calls that decide, which have answers.
    kept
        Names of the calls that the model agrees with, and that the result has to agree with, too.
    """
    best, latest = model, -1
    for changes in candidates:
        try:
            candidate = model.having(changes)
        except RoiAlignError:  # values that exclude each other
            continue
        needed = calls if candidate == model else [*calls, *kept]
        wrong = next(
            (n for n, name in enumerate(needed) if not evidence.agree(candidate, name)), None
        )
        if wrong is None:
            return Eliminated(candidate, agrees=True)
        if wrong > latest:
            best, latest = candidate, wrong
    return Eliminated(best, agrees=False)
