"""Follow the edges of a box from one rule to the next, until they are the edges of the ROI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.convention import Convention
from roialign_cli.core.point_rules import POINTS_RULES


@dataclass(frozen=True)
class EdgeStage:
    """Hold the edges of a box on the map after one more rule.

    Parameters
    ----------
    field
        The field of the convention that the rule reads, "" for the box times the scale.
    left, right, top, bottom
        The edges as the library counts them: from the top left, with the centre of cell i at i.
    """

    field: str
    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class _Rule:
    field: str
    applies: Callable[[Convention], bool]


# The rules in the order in which they apply.
_RULES = (
    _Rule("inverted_boxes", lambda c: c.inverted_boxes == "sorted"),
    _Rule("image_end_offset", lambda c: bool(c.image_end_offset)),
    _Rule("image_offset", lambda c: bool(c.image_offset)),
    _Rule("edge_rounding", lambda c: c.edge_rounding.endswith("image")),
    _Rule("clip_boxes", lambda c: c.clip_boxes),
    _Rule("offset", lambda c: bool(c.offset)),
    _Rule("edge_rounding", lambda c: c.edge_rounding.endswith("map")),
    _Rule("end_offset", lambda c: bool(c.end_offset)),
)
# The values of the fields with which edges stay as they are.
_WITHOUT_RULES: dict[str, Any] = {
    "inverted_boxes": "kept",
    "image_end_offset": 0.0,
    "image_offset": 0.0,
    "edge_rounding": "none",
    "clip_boxes": False,
    "offset": 0.0,
    "end_offset": 0.0,
}


def has_edge_rules(convention: Convention) -> bool:
    """Return whether anything but an offset of all edges happens to the edges of a box."""
    return any(
        rule.applies(convention) and rule.field not in {"image_offset", "offset"} for rule in _RULES
    )


def edge_stages(trace: Trace) -> Iterator[EdgeStage]:
    """Yield the edges of a box on the map, then after each of the rules that it has.

    The points of the convention must not be cells.
    """
    convention = trace.convention
    later = dict(_WITHOUT_RULES)
    yield _stage(trace, "", replace(convention, **later))
    for rule in _RULES:
        if rule.applies(convention):
            del later[rule.field]
            yield _stage(trace, rule.field, replace(convention, **later))


def _stage(trace: Trace, field: str, convention: Convention) -> EdgeStage:
    """Return the edges under a part of the rules, in the arithmetic of the sampling plan."""
    extent, edges = POINTS_RULES[convention.points].extent, []
    for axis in (trace.plan.x, trace.plan.y):
        start, size = extent(axis.box_start, axis.box_end, axis.scale, axis.cells, convention)
        edges += [float(start[0]), float(start[0] + size[0])]
    return EdgeStage(field, *edges)
