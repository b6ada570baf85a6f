"""What a convention does to a box beside moving it: short texts for the panel of the ROI."""

from __future__ import annotations

from collections.abc import Iterator

from roialign_cli.analysis.trace import Trace
from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.convention import Convention
from roialign_cli.show.figures.wording import format_decimals


def box_changes(trace: Trace) -> list[str]:
    """Return what the convention does to the box, in the order in which it is done.

    The list is empty if the box is at most moved and enlarged.
    """
    convention, axes = trace.convention, (trace.plan.x, trace.plan.y)
    changes = [
        *_before_scaling(convention, axes),
        *_on_map(convention, axes),
    ]
    if changes and convention.offset != 0.5:
        changes.append(f"offset {convention.offset:g}")
    return changes


def _before_scaling(convention: Convention, axes: tuple[RoiAxis, RoiAxis]) -> Iterator[str]:
    if convention.inverted_boxes == "sorted" and any(map(_is_inverted, axes)):
        yield "edges exchanged: the box is inverted"
    if convention.image_end_offset:
        yield _second_edge(convention.image_end_offset, "pixel")
    if convention.edge_rounding.endswith("image"):
        yield f"edges rounded {_DIRECTIONS[convention.edge_rounding]}in the image"


def _on_map(convention: Convention, axes: tuple[RoiAxis, RoiAxis]) -> Iterator[str]:
    if convention.clip_boxes and any(_is_clipped(convention, axis) for axis in axes):
        yield "cut to the map"
    if convention.edge_rounding.endswith("map"):
        yield f"edges rounded {_DIRECTIONS[convention.edge_rounding]}on the map"
    if convention.end_offset:
        yield _second_edge(convention.end_offset, "cell")
    if convention.inverted_boxes == "empty" and any(axis.unclamped_size[0] < 0 for axis in axes):
        yield "a negative size becomes 0"


# Convention.edge_rounding → the direction, if it is not the nearest whole number
_DIRECTIONS = {"round-image": "", "round-map": "", "floor-image": "down ", "floor-map": "down "}


def _second_edge(offset: float, unit: str) -> str:
    if offset == -1:
        return f"the last {unit} is part of the box"
    units = unit if abs(offset) == 1 else f"{unit}s"
    return f"second edge moved by {format_decimals(-offset)} {units}"


def _is_inverted(axis: RoiAxis) -> bool:
    return bool(axis.box_end[0] < axis.box_start[0])


def _is_clipped(convention: Convention, axis: RoiAxis) -> bool:
    """Return whether an edge of the box lies beyond the map."""
    edges = (axis.box_start[0], axis.box_end[0])
    on_map = [float((edge - convention.image_offset) * axis.scale) for edge in edges]
    return min(on_map) < 0 or max(on_map) > axis.cells
