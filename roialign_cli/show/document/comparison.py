"""Build and print the document of a comparison of two outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from roialign_cli.analysis.comparison import Comparison, Differences, Reason, Shift
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.terminal import print_blocks
from roialign_cli.show.numbers import (
    format_count,
    format_indices,
    format_number,
    format_point,
    name_of,
    reading_of,
)


def print_comparison(
    comparison: Comparison,
    labels: Sequence[str],
    second: str,
    rearranged: str = "",
    why: Iterable[Block] | None = None,
) -> None:
    """Print a comparison; the parameters are those of `comparison_blocks`."""
    print_blocks(comparison_blocks(comparison, labels, second, rearranged, why))


def comparison_blocks(
    comparison: Comparison,
    labels: Sequence[str],
    second: str,
    rearranged: str = "",
    why: Iterable[Block] | None = None,
) -> Iterator[Block]:
    """Yield the document of a comparison.

    Parameters
    ----------
    comparison
        The comparison of a convention's outputs with others.
    labels
        One label for each box, "" where it has none.
    second
        The name of the other outputs.
    rearranged
        How the axes of a saved output were rearranged, "" if they were not.
    why
        What a search for the convention behind the other outputs found; None without a search.
    """
    first = comparison.operation.convention
    pooled = "" if comparison.other is None else f", {comparison.other.pooling}"
    yield Heading(1, f"{name_of(first)}, {first.pooling}, with {second}{pooled}")
    yield Paragraph(f"Boxes read as {reading_of(first)}.")
    if rearranged:
        yield Paragraph(f"{second} was rearranged: {rearranged}.")
    if not comparison.outputs.size:
        yield Paragraph("There are no outputs to compare.")
        return
    yield from difference_blocks(comparison, labels, comparison.shared_conditions)
    if comparison.shift is not None:
        yield from (Paragraph(line) for line in _shift_sentences(comparison.shift))
    if comparison.reasons:
        yield Heading(2, "Why")
        yield Grid(
            ("field", "first", "second", "share of the difference"),
            tuple(_reason(reason) for reason in comparison.reasons),
            prose=True,
        )
    elif why is not None:
        yield Heading(2, "Why")
        yield from why
    elif comparison.other is None and comparison.differing.any():
        yield Paragraph("`roialign identify` finds the convention that produced an output.")


def difference_blocks(
    compared: Differences, labels: Sequence[str], conditions: Sequence[str] = ()
) -> Iterator[Block]:
    """Yield the size and the place of differences, and the boxes that differ.

    `conditions` is what the boxes that differ have in common.
    """
    largest = _difference(compared.largest), _worst_place(compared, labels)
    mean = _difference(compared.mean), _counts(compared)
    rows = ("largest difference", *largest), ("mean difference", *mean)
    yield Grid(("", "value", "where"), rows, prose=True)
    yield Paragraph(_differing_boxes(compared, conditions))


def _difference(value: float) -> str:
    return format_number(value) if np.isfinite(value) else "only one value is finite"


def _worst_place(comparison: Differences, labels: Sequence[str]) -> str:
    roi, channel, (i, j) = comparison.worst
    label = f" {labels[roi]}" if labels[roi] else ""
    first, second = (
        format_number(float(o[roi, channel, j - 1, i - 1]))
        for o in (comparison.outputs, comparison.other_outputs)
    )
    where = f"ROI {roi}{label}, channel {channel}, section {format_point(i, j)}"
    return f"{where}: {first} and {second}"


def _counts(comparison: Differences) -> str:
    boxes, channels, rows, columns = comparison.differences.shape
    n_boxes = format_count(boxes, "box", "boxes")
    n_channels = format_count(channels, "channel", "channels")
    return f"{n_boxes}, {n_channels}, {rows} × {columns} sections"


def _differing_boxes(comparison: Differences, shared: Sequence[str]) -> str:
    """Return which boxes differ by more than the tolerance, and what they have in common."""
    differing = np.flatnonzero(comparison.differing).tolist()
    total = len(comparison.differing)
    allowed = f"{comparison.tolerance:g} of a channel's largest value"
    if not differing:
        return f"No box differs by more than {allowed}."
    if len(differing) == total:
        return "All boxes differ." if total > 1 else "The box differs."
    named = format_indices(differing)
    conditions = " and ".join(shared)
    verb, these = ("differ", "All these boxes are")
    if len(differing) == 1:
        verb, these = ("differs", "Only this box is")
    alike = f" {these} {conditions}." if conditions else ""
    counted = f"{len(differing)} of {total} boxes {verb} by more than {allowed}"
    return f"{counted}: ROI {named}.{alike}"


def _shift_sentences(shift: Shift) -> Iterator[str]:
    n_other_grids = int(shift.other_grids.sum())
    if shift.x is not None and shift.y is not None:
        x, y = (_range(ends) for ends in (shift.x, shift.y))
        yield f"The sample points move by {x} cells along x and {y} along y."
    if n_other_grids:
        total = format_count(len(shift.other_grids), "box", "boxes")
        yield f"In {n_other_grids} of {total}, the grids of sample points differ."


def _range(ends: tuple[float, float]) -> str:
    low, high = map(format_number, ends)
    return low if low == high else f"{low} to {high}"


def _reason(reason: Reason) -> tuple[str, str, str, str]:
    share = "cannot be changed alone" if reason.share is None else f"{100 * reason.share:.0f} %"
    return reason.field, str(reason.here), str(reason.there), share
