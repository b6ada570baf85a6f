"""The rules of every known ROI Align, as data.

A `Convention` holds all that distinguishes one library's operator from another's; the code that
samples and pools reads its fields and never its name. A preset is a convention with a name, and
adding a library means adding a row to `_ROWS`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal, get_args, get_type_hints

from roialign_cli.errors import ArgumentError

Pooling = Literal["avg", "max"]
PointsRule = Literal["centred", "dividers"]
OnCentre = Literal["lower", "upper"]
Refused = Literal["nothing", "no-area"]
BoxFormat = Literal["xyxy", "xywh", "cxcywh", "yxyx"]
Origin = Literal["top-left", "bottom-left"]
Standing = Literal["measured", "document"]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """One library's exact rules.

    Two conventions are equal when they compute the same, whatever they are called.

    Parameters
    ----------
    pooling
        How the points of a section become one number.
    sampling_ratio
        Points per section and axis for `points` "centred"; 0 is adaptive: ceil(section size).
    divide
        For `points` "dividers": into how many parts a section is cut along each axis; 0 means as
        many as there are sections along that axis.
    points
        "centred": in the middle of equal parts of the section. "dividers": on the lines between
        equal parts.
    offset
        Cells subtracted from a box edge once it is on the feature map. 0.5 puts the edge of the
        map at the edge of its first cell; 0 puts it in that cell's centre.
    min_size
        An ROI narrower or lower than this many cells grows to it; 0 leaves it alone.
    on_centre
        Which of its two neighbours along an axis a point exactly on a cell's centre takes that
        cell for, in the direction in which the coordinates of `origin` grow.
    border_margin
        How far, in cells, a point may lie beyond the outermost cell centres and still be counted
        in, clamped to them.
    coordinate_decimals
        Decimals to which a point's coordinates are rounded before anything is computed from them.
    double_geometry
        Whether coordinates are float64 even where the features are float32.
    refuses
        ROIs that the operator does not accept.
    output_size
        (height, width) in sections where a caller has no wish; only commands use it.
    box_format, origin
        How the library writes its boxes.
    name, summary, standing, source
        Documentation: no part of what is computed.
    """

    pooling: Pooling = "avg"
    sampling_ratio: int = 0
    divide: int = 0
    points: PointsRule = "centred"
    offset: float = 0.5
    min_size: float = 0.0
    on_centre: OnCentre = "lower"
    border_margin: float = 1.0
    coordinate_decimals: int | None = None
    double_geometry: bool = False
    refuses: Refused = "nothing"
    box_format: BoxFormat = "xyxy"
    origin: Origin = "top-left"
    output_size: tuple[int, int] = field(default=(7, 7), compare=False)
    name: str = field(default="custom", compare=False)
    summary: str = field(default="", compare=False)
    standing: Standing = field(default="measured", compare=False)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                known = ", ".join(choices)
                raise ArgumentError(name, f"{getattr(self, name)!r} is not one of {known}")
        for name in ("sampling_ratio", "divide", "coordinate_decimals"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 0):
                raise ArgumentError(name, f"must be a whole number from 0 up, got {value!r}")
        if self.divide == 1:
            raise ArgumentError("divide", "1 leaves a section undivided; 2 gives it one point")

    def parameters(self) -> dict[str, Any]:
        """Return the fields that decide what is computed, in declaration order."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.compare}


_CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(hint)
    for name, hint in get_type_hints(Convention).items()
    if getattr(hint, "__origin__", None) is Literal and name != "standing"
}

# A parameter of one rule for the points means nothing under another.
_ONLY_WITH_POINTS = {"sampling_ratio": "centred", "divide": "dividers"}

_ROWS = (
    Convention(
        name="walkthrough",
        summary="the worked example: the interior dividing points of each section, and their max",
        standing="document",
        source="https://github.com/HibernationNo1/TIL (ROI Align), restated in docs/walkthrough.md",
        pooling="max",
        points="dividers",
        on_centre="upper",
        coordinate_decimals=2,
        double_geometry=True,
        refuses="no-area",
        box_format="xywh",
        origin="bottom-left",
        output_size=(3, 3),
    ),
    Convention(
        name="torchvision",
        summary="aligned=False, the default there: no half-cell offset, ROIs grow to 1 × 1",
        source="torchvision.ops.roi_align, torchvision 0.29.1, CPU",
        offset=0.0,
        min_size=1.0,
    ),
    Convention(
        name="torchvision-aligned",
        summary="aligned=True: coordinates shifted by half a cell, no smallest size",
        source="torchvision.ops.roi_align, torchvision 0.29.1, CPU",
    ),
)

PRESETS: Mapping[str, Convention] = MappingProxyType({row.name: row for row in _ROWS})


def resolve(convention: str | Convention, **overrides: Any) -> Convention:  # noqa: ANN401
    """Return the convention meant, with fields replaced.

    Parameters
    ----------
    convention
        A preset's name or a convention.
    overrides
        Any field of `Convention`.

    Raises
    ------
    ArgumentError
        For an unknown preset or field, a value out of range, or a field that the convention's
        rule for its points does not use.

    Examples
    --------
    >>> resolve("torchvision-aligned", pooling="max", sampling_ratio=2).pooling
    'max'
    """
    base = preset(convention) if isinstance(convention, str) else convention
    for name in overrides.keys() - base.parameters().keys():
        raise ArgumentError(name, f"no such field; known: {', '.join(base.parameters())}")
    resolved = replace(base, **overrides)
    for name, rule in _ONLY_WITH_POINTS.items():
        if overrides.get(name) and resolved.points != rule:
            used = next(n for n, r in _ONLY_WITH_POINTS.items() if r == resolved.points)
            raise ArgumentError(
                name, f"{base.name} places its points by {resolved.points}, set by {used}"
            )
    return resolved


def preset(name: str) -> Convention:
    """Return the preset of that name, or raise an `ArgumentError` that suggests the nearest."""
    if name in PRESETS:
        return PRESETS[name]
    near = difflib.get_close_matches(name, PRESETS, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ArgumentError("convention", f"no preset {name!r}; {hint}known: {', '.join(PRESETS)}")
