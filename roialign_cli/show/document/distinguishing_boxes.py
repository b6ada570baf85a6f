"""Compare the conventions by their outputs for ten boxes that distinguish them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from roialign_cli.core.convention import Convention, Pooling
from roialign_cli.core.operation import make_operation
from roialign_cli.core.overrides import resolve
from roialign_cli.core.preset import Preset
from roialign_cli.errors import ArgumentError
from roialign_cli.show.document.blocks import Block, Grid, Paragraph
from roialign_cli.show.numbers import format_number

Corners = tuple[float, float, float, float]

# Description → the corners x1, y1, x2, y2 on a map of 6 × 6 cells.
BOXES: dict[str, Corners] = {
    "inside": (1, 1, 4, 4),
    "fractions": (0.7, 1.2, 3.4, 4.8),
    "tiny": (2.6, 2.6, 2.9, 2.9),
    "empty": (3, 3, 3, 3),
    "inverted": (4, 4, 2, 2),
    "x inverted": (4, 2, 2, 4),
    "left": (-2, 1, 2, 5),
    "right": (4, 1, 8, 5),
    "large": (-3, -3, 9, 9),
    "outside": (9, 9, 12, 12),
}


def distinguishing_boxes(presets: Sequence[Preset]) -> Iterator[Block]:
    """Yield tables of what each preset computes for the boxes; equal rows are one row."""
    yield Paragraph(
        "The map has 6 × 6 cells of value 10 + column. The boxes are corners x1, y1, x2, y2 on "
        "this map, and each box is pooled to one number with the preset's own grid. Two numbers "
        "are those of avg / max; a single one is that of both, or of the only pooling "
        "that the operator has."
    )
    boxes = (f"{name} {_format_corners(box)}" for name, box in BOXES.items())
    yield Paragraph(f"Boxes: {', '.join(boxes)}.")
    computed = {row.name: [_cell(row, box) for box in BOXES.values()] for row in presets}
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, cells in computed.items():
        groups.setdefault(tuple(cells), []).append(name)
    rows = ((names[0], *cells) for cells, names in groups.items())
    yield Grid(("preset", *BOXES), tuple(rows))
    equal = (f"{first} = {', '.join(others)}" for first, *others in groups.values() if others)
    yield Paragraph(f"With the same numbers: {'; '.join(equal) or 'none'}.")


def _format_corners(box: Corners) -> str:
    """Format the corners of a box: "(1, 1, 4, 4)"."""
    return f"({', '.join(map(format_number, box))})"


def _cell(preset: Preset, box: Corners) -> str:
    found = dict(zip(preset.poolings, outcomes(preset, box), strict=True))
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return " / ".join(found.values())


def outcomes(preset: Preset, box: Corners) -> list[str]:
    """Return what each pooling of a preset makes of a box, as one number or "error"."""
    return [_outcome(preset.convention, box, pooling) for pooling in preset.poolings]


def _outcome(convention: Convention, box: Corners, pooling: Pooling) -> str:
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
