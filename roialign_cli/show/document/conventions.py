"""Build documents about the conventions: an overview, and each in full."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from roialign_cli.core.convention import Convention
from roialign_cli.core.preset import Preset
from roialign_cli.core.presets import ALIASES
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.distinguishing_boxes import outcomes
from roialign_cli.show.document.known_issues import known_issues
from roialign_cli.show.document.rules import equal_presets, has_finite_max_start, rules
from roialign_cli.show.numbers import capitalised, format_number


def overview(presets: Sequence[Preset]) -> Iterator[Block]:
    """Yield a table of the main rules of some presets."""
    yield Grid(
        ("preset", "offset", "min", "other rules"),
        tuple(_row(row) for row in presets),
        prose=True,
    )
    aliases = ", ".join(f"{alias} = {name}" for alias, name in ALIASES.items())
    yield Paragraph(
        f"Other names: {aliases}. offset: cells subtracted from box coordinates; two numbers are "
        "subtracted before/after scaling. min: minimum ROI size, in cells. Without other rules, "
        "points lie in the middle of equal parts, the grid is adaptive, a point up to a cell "
        "outside is clamped, and max takes the largest point. *: not measured, but read in the "
        "source code, the documentation or a publication."
    )
    yield Paragraph(
        "roialign presets NAME shows a preset in full. --view boxes compares the presets on ten "
        "boxes, --view family shows how the operators are related, and --view mistakes lists known "
        "mistakes of exporters."
    )


def _row(preset: Preset) -> tuple[str, ...]:
    c = preset.convention
    offset = format_number(c.offset)
    return (
        c.name + ("" if preset.evidence in {"measured", "the document"} else "*"),
        f"{format_number(c.image_offset)}/{offset}" if c.image_offset else offset,
        format_number(c.min_size) if c.min_size else "–",
        ", ".join(_other_rules(preset)) or "–",
    )


_EMPTY_BOX = 3.0, 3.0, 3.0, 3.0

# Field → the words for its values that few operators have.
_OTHER_RULES: Mapping[str, Callable[[Any], str]] = {
    "points": str,
    "channel_map": lambda _: "own channels",
    "sampling_ratio": lambda ratio: f"ratio {ratio}",
    "grid_from": lambda _: "grid from output",
    "grid_rounding": lambda rounding: f"{rounding} grid",
    "grid_min": lambda least: f"at least {least} point",
    "grid_points": lambda _: "grid capped by map",
    "clip_sections": lambda _: "sections cut to map",
    "point_in_part": lambda _: "point at start",
    "image_end_offset": lambda offset: f"last pixel +{-offset:g}",
    "end_offset": lambda offset: f"last edge {-offset:+g}",
    "inverted_boxes": lambda state: f"inverted {state}",
    "clip_boxes": lambda _: "boxes cut to map",
    "edge_rounding": lambda rounding: "edges rounded" if "round" in rounding else "edges floored",
    "outside_neighbours": lambda kind: f"neighbours outside {kind}",
    "border_margin": lambda margin: "none outside" if margin == math.inf else f"margin {margin:g}",
    "unread_cells": lambda _: "last cells unread",
    "rejects": lambda kind: f"rejects {kind}",
}


def _other_rules(preset: Preset) -> Iterator[str]:
    c, plain = preset.convention, Convention()
    for name, words in _OTHER_RULES.items():
        value = getattr(c, name)
        if value != getattr(plain, name):
            yield words(value)
    if "max" in preset.poolings and c.max_of == "weighted-cell":
        yield "max of products"
    if "max" in preset.poolings and has_finite_max_start(c):
        yield f"max at least {format_number(c.max_start)}"
    if "avg" in preset.poolings and outcomes(preset, _EMPTY_BOX)[0] == "nan":
        yield "NaN if empty"


def in_full(preset: Preset, level: int = 1) -> Iterator[Block]:
    """Yield the rules, source, equal presets and known issues of one preset."""
    convention = preset.convention
    yield Heading(level, preset.name)
    yield Paragraph(f"{capitalised(preset.summary)}. {preset.quirks}")
    yield Paragraph(
        f"Framework: {preset.framework}. Pooling: {' and '.join(preset.poolings)}. "
        f"Evidence: {preset.evidence}. Source: {preset.source}."
    )
    yield Grid(("", "rule"), tuple(rules(convention).items()), prose=True)
    same = equal_presets(convention)
    if same:
        yield Paragraph(f"The same operator: {', '.join(same)}.")
    yield Grid(
        ("known issue", "reported in"),
        tuple((issue.text, ", ".join(issue.threads) or "–") for issue in known_issues(convention)),
        prose=True,
    )
