"""Two outputs held against each other, in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from roialign_cli.analysis.comparison import Comparison, Reason, Shift
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.terminal import print_blocks
from roialign_cli.show.numbers import format_number, format_point, name_of, reading_of


def print_comparison(comparison: Comparison, labels: Sequence[str], second: str) -> None:
    """Print a comparison.

    Parameters
    ----------
    comparison
        The comparison.
    labels
        One for each box, "" where it has none.
    second
        What the other side is called.
    """
    print_blocks(comparison_blocks(comparison, labels, second))


def comparison_blocks(
    comparison: Comparison, labels: Sequence[str], second: str
) -> Iterator[Block]:
    """Return a comparison as a document; the parameters are those of `print_comparison`."""
    first = comparison.operation.convention
    pooled = "" if comparison.other is None else f", {comparison.other.pooling}"
    yield Heading(1, f"{name_of(first)}, {first.pooling}, with {second}{pooled}")
    yield Paragraph(f"Boxes read as {reading_of(first)}.")
    if not comparison.outputs.size:
        yield Paragraph("There is nothing to compare.")
        return
    yield Grid(
        ("", "value", "where"),
        (
            ("largest difference", _apart(comparison.largest), _worst(comparison, labels)),
            ("mean difference", _apart(comparison.mean), _shape(comparison)),
        ),
        prose=True,
    )
    yield Paragraph(_boxes(comparison))
    if comparison.shift is not None:
        yield from (Paragraph(line) for line in _moves(comparison.shift))
    if comparison.reasons:
        yield Heading(2, "Why")
        yield Grid(
            ("field", "first", "second", "of the difference, this field alone makes"),
            tuple(_reason(reason) for reason in comparison.reasons),
            prose=True,
        )
    elif comparison.other is None and comparison.differing.any():
        yield Paragraph("`roialign identify` finds what made an output.")


def _apart(value: float) -> str:
    return format_number(value) if np.isfinite(value) else "only one is a number"


def _worst(comparison: Comparison, labels: Sequence[str]) -> str:
    roi, channel, (i, j) = comparison.worst
    label = f" {labels[roi]}" if labels[roi] else ""
    first, second = (
        format_number(float(o[roi, channel, j - 1, i - 1]))
        for o in (comparison.outputs, comparison.other_outputs)
    )
    where = f"ROI {roi}{label}, channel {channel}, section {format_point(i, j)}"
    return f"{where}: {first} and {second}"


def _shape(comparison: Comparison) -> str:
    boxes, channels, rows, columns = comparison.differences.shape
    in_bounds = _count(boxes, "box", "boxes"), _count(channels, "channel", "channels")
    return f"{', '.join(in_bounds)}, {rows} × {columns} sections"


def _count(number_of: int, one: str, many: str) -> str:
    return f"{number_of} {one if number_of == 1 else many}"


_MOST_NAMED = 12


def _boxes(comparison: Comparison) -> str:
    """Say which boxes differ by more than rounding."""
    differing = np.flatnonzero(comparison.differing).tolist()
    total = len(comparison.differing)
    if not differing:
        return "No box differs by more than rounding."
    if len(differing) == total:
        return "All boxes differ." if total > 1 else "The box differs."
    named = ", ".join(map(str, differing[:_MOST_NAMED]))
    more = ", …" if len(differing) > _MOST_NAMED else ""
    alike = (
        f" They are all {' and '.join(comparison.shared_conditions)}."
        if comparison.shared_conditions
        else ""
    )
    return f"Only {len(differing)} of {total} boxes differ: ROI {named}{more}.{alike}"


def _moves(shift: Shift) -> Iterator[str]:
    other_outputs = int(shift.other_grids.sum())
    if shift.x is not None and shift.y is not None:
        x, y = (_span(span) for span in (shift.x, shift.y))
        yield f"The sample points move by {x} cells along x and {y} along y."
    if other_outputs:
        total = _count(len(shift.other_grids), "box", "boxes")
        yield f"In {other_outputs} of {total} the grids of points differ."


def _span(span: tuple[float, float]) -> str:
    low, high = (format_number(move) for move in span)
    return low if low == high else f"{low} to {high}"


def _reason(reason: Reason) -> tuple[str, str, str, str]:
    share = "it cannot be set alone" if reason.share is None else f"{100 * reason.share:.0f} %"
    return reason.field, str(reason.here), str(reason.there), share
