"""The presets that stand for all others in tests that take long."""

from __future__ import annotations

from typing import Any

from roialign_cli import PRESETS, Convention

# The fields in which presets of one kind agree.
_FIELDS = (
    "points", "channel_map", "max_of", "grid_from", "grid_rounding", "grid_points", "clip_sections",
    "point_in_part", "image_end_offset", "end_offset", "inverted_boxes", "clip_boxes",
    "edge_rounding", "image_offset", "outside_neighbours", "border_margin", "unread_cells",
    "rejects", "origin",
)  # fmt: skip


def _kind(convention: Convention) -> tuple[Any, ...]:
    return tuple(getattr(convention, name) for name in _FIELDS)


# The first preset of each kind. Every preset is compared with its peer and with the oracle.
KINDS = tuple({_kind(row.convention): name for name, row in reversed([*PRESETS.items()])}.values())
OTHERS = frozenset(PRESETS) - frozenset(KINDS)
