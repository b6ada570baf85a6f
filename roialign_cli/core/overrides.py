"""How a call chooses a convention and replaces some of its fields."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

from roialign_cli.core.convention import (
    FIELD_KINDS,
    Convention,
    ConventionFields,
    PointsRule,
    checked_kind,
)
from roialign_cli.core.preset import Preset
from roialign_cli.core.presets import PRESETS, preset
from roialign_cli.errors import ArgumentError, nearest

_DEFAULTS = Convention().parameters()


def resolve(
    convention: str | Preset | Convention, **overrides: Unpack[ConventionFields]
) -> Convention:
    """Return a convention with some fields replaced.

    Parameters
    ----------
    convention
        A preset, its name, or a convention.
    **overrides
        Any field of `Convention` except `name`.

    Raises
    ------
    ArgumentError
        For an unknown preset or field, a value out of range, or a field that has no effect with
        the convention's `points`.

    Examples
    --------
    >>> resolve("torchvision-aligned", pooling="max", sampling_ratio=2).pooling
    'max'
    """
    base = _convention_of(convention)
    for name, value in overrides.items():
        if name not in _DEFAULTS:
            raise ArgumentError(name, f"is not a field of a convention; {nearest(name, _DEFAULTS)}")
        if name in FIELD_KINDS:
            # The cache below takes True for 1, so that types are checked before.
            checked_kind(FIELD_KINDS[name], name, value)
        elif not isinstance(value, str):
            raise ArgumentError(name, f"must be text, got {value!r:.60}")
    return _replaced(base, base.name, frozenset(overrides.items())) if overrides else base


def _convention_of(given: object) -> Convention:
    match given:
        case str():
            return preset(given).convention
        case Preset():
            return given.convention
        case Convention():
            return given
    needed = "must be a preset, its name or a Convention"
    raise ArgumentError("convention", f"{needed}, got {given!r}")


# Small operations are called by the thousand with the same few conventions. Equal conventions may
# have different names, so that the name is part of the key.
@functools.lru_cache(maxsize=256)
def _replaced(base: Convention, name: str, overrides: frozenset[tuple[str, Any]]) -> Convention:
    parameters = base.parameters()
    replaced = replace(base, **dict(overrides))
    for field, users in _ONLY_WITH_POINTS.items():
        unused = replaced.points not in users
        if unused and getattr(replaced, field) not in {parameters[field], _DEFAULTS[field]}:
            used = _COUNT_FIELDS.get(replaced.points, "")
            is_of_preset = name in PRESETS and replaced.points == base.points
            where = f"the {name} preset" if is_of_preset else f"points={replaced.points}"
            remedy = "" if used else "; remove this setting"
            problem = f"has no effect with {where}{remedy}"
            raise ArgumentError(field, problem, used)
    return replaced


def applicable_overrides(base: Convention, **overrides: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return the overrides that have an effect with a convention's `points`."""
    points = overrides.get("points", base.points)
    unused = unused_with_points(points)
    return {name: value for name, value in overrides.items() if name not in unused}


def unused_with_points(points: PointsRule) -> set[str]:
    """Return the fields that have no effect with a rule for points."""
    return {name for name, users in _ONLY_WITH_POINTS.items() if points not in users}


# Value of `points` → the field that sets the number of points.
_COUNT_FIELDS: Mapping[PointsRule, str] = {"centred": "sampling_ratio", "dividers": "divide"}

# Field → the values of `points` with which it has an effect.
_ONLY_WITH_POINTS: Mapping[str, tuple[PointsRule, ...]] = {
    "sampling_ratio": ("centred", "corners"),
    "sampling_ratio_x": ("centred", "corners"),
    "grid_from": ("centred", "corners"),
    "grid_rounding": ("centred",),
    "grid_min": ("centred",),
    "grid_max": ("centred",),
    "grid_points": ("centred",),
    "clip_sections": ("centred",),
    "point_in_part": ("centred",),
    "unread_cells": ("cells",),
    "position_formula": ("centred",),
    "divide": ("dividers",),
    "clip_boxes": ("centred", "dividers", "cells", "integral"),
    "inverted_boxes": ("centred", "dividers", "cells", "integral"),
    "edge_rounding": ("centred", "dividers", "cells", "integral"),
    "coordinate_decimals": ("centred", "dividers", "corners"),
    "interpolation": ("centred", "dividers", "corners"),
    "outside_neighbours": ("centred", "dividers", "corners"),
    "average_over": ("centred", "dividers", "corners", "cells"),
}


def changes(convention: Convention) -> dict[str, Any]:
    """Return the fields in which a convention differs from the preset that it is named after."""
    row = PRESETS.get(convention.name)
    original = _DEFAULTS if row is None else row.convention.parameters()
    own = convention.parameters()
    return {name: value for name, value in own.items() if value != original[name]}
