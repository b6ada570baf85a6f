"""The rules that a measurement states, one row each, and which fields they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from roialign_cli.core.convention import BOX_FIELDS, Convention
from roialign_cli.measure.behaviours import USUAL
from roialign_cli.measure.stages import STAGES


@dataclass(frozen=True)
class Rule:
    """One rule of a kernel.

    Parameters
    ----------
    name
        The rule, for tables and JSON.
    fields
        The fields of a convention that state it, and behaviours as "behaviour:…".
    stages
        The stages that measure it.
    is_minor
        Whether it changes only last digits, or only what no usual input shows.
    needs_max
        Whether only max pooling shows it.
    """

    name: str
    fields: tuple[str, ...]
    stages: tuple[str, ...]
    is_minor: bool = False
    needs_max: bool = False

    @property
    def convention_fields(self) -> tuple[str, ...]:
        """The fields of a convention that state the rule."""
        return tuple(name for name in self.fields if not name.startswith("behaviour:"))

    def values_in(self, convention: Convention) -> dict[str, Any]:
        """Return the fields and behaviours that state the rule in a convention."""
        values = {name: getattr(convention, name) for name in self.convention_fields}
        behaviours = {name: USUAL for name in self.fields if name not in values}
        return {**values, **behaviours, **{f"x:{name}": value for name, value in values.items()}}

    @property
    def calls(self) -> tuple[str, ...]:
        """Names of the calls that show the rule."""
        return tuple(dict.fromkeys(name for stage in self.stages for name in STAGES[stage].calls))


# The rule about boxes for which there is no output; every call may show it.
REFUSED = "refused boxes"
# The rule about the order of the output's axes, which is measured before all others.
AXES = "output axes"
# The rule about the number of points that a sampling ratio asks for.
RATIO = "sampling ratio"

_PLACED = ("placement", "scale")
_GRIDS = (
    "grid", "scaled grid", "large grid", "small grid", "larger", "across, grid", "empty",
    "whole sizes",
)  # fmt: skip

RULES = (
    Rule("box format", BOX_FIELDS, _PLACED),
    Rule(AXES, (), (), is_minor=True),
    Rule("scale and shift", ("offset", "image_offset", "behaviour:scale"), _PLACED),
    Rule("box end", ("end_offset", "image_end_offset"), _PLACED),
    Rule(
        "edge rounding", ("edge_rounding", "behaviour:edges", "behaviour:size"), (*_PLACED, "size")
    ),
    Rule("points", ("points", "point_in_part", "divide"), ("placement", "points")),
    Rule("interpolation", ("interpolation", "behaviour:interpolation"), ("placement",)),
    Rule("pooling", ("pooling", "behaviour:pooling"), ("points", "large grid")),
    Rule("maximum", ("max_of",), ("points", "large grid", "negative"), needs_max=True),
    Rule("negative features", ("max_start",), ("negative", "endless"), needs_max=True),
    Rule(RATIO, ("behaviour:ratio",), ("points",)),
    Rule(
        "default ratio", ("sampling_ratio", "sampling_ratio_x"), ("default ratio",), is_minor=True
    ),
    Rule("divisor", ("behaviour:divisor", "average_over"), ("points", "across", "larger")),
    Rule(
        "adaptive grid",
        (
            "grid_from",
            "grid_rounding",
            "grid_min",
            "grid_max",
            "grid_points",
            "behaviour:grid",
        ),
        _GRIDS,
    ),
    Rule("minimum size", ("min_size",), ("size", "scaled size", "empty")),
    Rule("clipping", ("clip_boxes", "clip_sections"), ("border", "across", "across, grid")),
    Rule("border margin", ("border_margin",), ("near border", "border")),
    Rule(
        "outside the map", ("outside_neighbours", "extrapolation_value"), ("near border", "border")
    ),
    Rule("far edge", ("unread_cells",), ("border",)),
    Rule(
        "boxes without area",
        ("inverted_boxes", "clamp_count", "max_of_empty"),
        ("empty", "small grid", "border"),
    ),
    Rule(REFUSED, ("rejects",), ()),
    Rule(
        "non-finite cells",
        ("max_skips_nan",),
        ("not finite",),
        is_minor=True,
        needs_max=True,
    ),
    Rule("cell centres", ("tie_neighbour",), ("not finite",), is_minor=True),
    Rule(
        "coordinates",
        ("coordinates", "coordinate_decimals"),
        ("digits", "points", "whole sizes", "last digits"),
    ),
    Rule("position formula", ("position_formula",), ("last digits",), is_minor=True),
    Rule("batch index", ("behaviour:batch",), ("batch",)),
    Rule("channel map", ("channel_map", "behaviour:channels"), ("channels",)),
)
