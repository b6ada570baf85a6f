"""Build documents about the conventions: an overview, each in full, and results for odd boxes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import numpy as np

from roialign_cli.core.convention import Convention, Pooling
from roialign_cli.core.operation import make_operation
from roialign_cli.core.overrides import resolve
from roialign_cli.core.preset import Preset
from roialign_cli.core.presets import ALIASES, PRESETS
from roialign_cli.errors import ArgumentError
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.known_issues import known_issues
from roialign_cli.show.document.rules import equal_presets, has_finite_max_start, rules
from roialign_cli.show.numbers import format_number

_MAX_OF = {"point": "point", "weighted-cell": "product"}


def overview() -> Iterator[Block]:
    """Yield a table of the main rules of all presets."""
    yield Grid(
        ("preset", "offset", "min", "points", "max of", "empty box"),
        tuple(_row(row) for row in PRESETS.values()),
    )
    aliases = ", ".join(f"{alias} = {name}" for alias, name in ALIASES.items())
    yield Paragraph(
        f"Other names: {aliases}. offset: cells subtracted from box coordinates; two numbers are "
        "subtracted before/after scaling. min: minimum ROI size, in cells. max of: max takes the "
        "maximum of the values of the points, or of the products weight × cell, from the initial "
        "value after ≥. empty box: outputs of avg/max for an empty box with the adaptive grid. "
        "*: read from the source code, not measured."
    )
    yield Paragraph("roialign presets NAME shows a preset in full.")


def _row(preset: Preset) -> tuple[str, ...]:
    c = preset.convention
    offset = format_number(c.offset)
    return (
        c.name + ("*" if preset.evidence == "from source" else ""),
        f"{format_number(c.image_offset)}/{offset}" if c.image_offset else offset,
        format_number(c.min_size) if c.min_size else "–",
        c.points,
        _MAX_OF[c.max_of] + (f" ≥{format_number(c.max_start)}" if has_finite_max_start(c) else ""),
        _empty_box(c),
    )


def _empty_box(c: Convention) -> str:
    if c.rejects == "no-area":
        return "error"
    if c.min_size:
        return "grows"
    if c.points != "centred":
        return {"corners": "its point", "cells": "its cell", "dividers": "its points"}[c.points]
    return f"{'0' if c.clamp_count else 'NaN'}/{format_number(c.max_of_empty)}"


def in_full(preset: Preset, level: int = 1) -> Iterator[Block]:
    """Yield the rules, source, equal presets and known issues of one preset."""
    convention = preset.convention
    yield Heading(level, preset.name)
    summary = preset.summary[0].upper() + preset.summary[1:]
    yield Paragraph(f"{summary}. {preset.quirks}")
    yield Paragraph(f"Evidence: {preset.evidence}. Source: {preset.source}.")
    yield Grid(("", "rule"), tuple(rules(convention).items()), prose=True)
    same = equal_presets(convention)
    if same:
        yield Paragraph(f"The same operator: {', '.join(same)}.")
    yield Grid(
        ("known issue", "reported in"),
        tuple((issue.text, ", ".join(issue.threads) or "–") for issue in known_issues(convention)),
        prose=True,
    )


# Description → the corners x1, y1, x2, y2 on a map of 6 × 6 cells.
_ODD_BOXES = {
    "empty": (3, 3, 3, 3),
    "inverted": (4, 4, 2, 2),
    "sub-cell": (2.6, 2.6, 2.9, 2.9),
    "half outside": (-2, 1, 2, 5),
    "outside": (9, 9, 12, 12),
}


def odd_boxes() -> Iterator[Block]:
    """Yield a table of what each preset computes for an empty, inverted, tiny or outlying box."""
    yield Paragraph(
        "The map has 6 × 6 cells of value 10 + column. The boxes are corners x1, y1, x2, y2 on "
        "this map, and each box is pooled to one number with the adaptive grid. A single number "
        "is the result of both avg and max."
    )
    corners = (f"{name} ({', '.join(map(format_number, box))})" for name, box in _ODD_BOXES.items())
    yield Grid(
        ("preset", *corners),
        tuple(
            (name, *(_pooled(row.convention, box) for box in _ODD_BOXES.values()))
            for name, row in PRESETS.items()
        ),
        prose=True,
    )


def _pooled(convention: Convention, box: tuple[float, ...]) -> str:
    average, largest = (_outcome(convention, box, pooling) for pooling in get_args(Pooling))
    return average if average == largest else f"avg {average}, max {largest}"


def _outcome(convention: Convention, box: tuple[float, ...], pooling: Pooling) -> str:
    features = np.broadcast_to(10 + np.arange(6.0), (6, 6))
    resolved = resolve(
        convention,
        pooling=pooling,
        box_format="xyxy",
        origin="top-left",
        normalized=False,
        divide=2 if convention.points == "dividers" else 0,
    )
    try:
        pooled = make_operation(features, [box], 1, convention=resolved).pooled()
    except ArgumentError:
        return "error"
    return format_number(float(pooled.item()))
