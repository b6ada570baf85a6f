"""Numbers and titles as figures write them."""

from __future__ import annotations

import math

import numpy as np

from roialign_cli.analysis.quantisation import Side
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.numbers import channel_of, format_count, format_number


def format_decimals(value: float, decimals: int = 2) -> str:
    """Return a number with at most this many decimals and a typographic minus sign.

    Examples
    --------
    >>> format_decimals(-0.50), format_decimals(2.0833333, 3)
    ('−0.5', '2.083')
    """
    return format_number(value, decimals).replace("-", "−")


def format_significant(value: float, digits: int = 4) -> str:
    """Return a number with this many significant digits, or a whole number, and a minus sign."""
    whole = 10**digits <= abs(value) < 10**7
    return (f"{value:.0f}" if whole else f"{value:.{digits}g}").replace("-", "−")


def as_factor(value: float) -> str:
    """Return a number with four significant digits as a factor, in brackets if it is negative."""
    factor = format_significant(value)
    return f"({factor})" if value < 0 else factor


def format_alike(values: Float, digits: int = 3) -> list[str]:
    """Return numbers as text, all with the same number of decimals if that leaves a digit.

    Parameters
    ----------
    values
        (...), float; flattened row by row.
    digits
        How many significant digits of the largest value to write, without trailing zeros.

    Examples
    --------
    >>> format_alike(np.array([0.1234, -0.5])), format_alike(np.array([1.0, 20.0]))
    (['0.123', '−0.500'], ['1', '20'])
    """
    flat = values.ravel().astype(float)
    finite = flat[np.isfinite(flat)]
    largest = float(np.abs(finite).max(initial=0.0))
    if largest and not 1e-3 <= largest < 1e5:
        return [f"{v:.2g}".replace("-", "−") for v in flat.tolist()]
    max_decimals = max(digits - 1 - math.floor(math.log10(largest)), 0) if largest else 0
    exact = (
        d for d in range(max_decimals) if np.allclose(finite.round(d), finite, 0, largest * 1e-6)
    )
    decimals = next(exact, max_decimals)
    # Beside numbers of the same order, a small number is not written as zero.
    smallest = 0.5 * 10.0**-decimals if largest < _MAX_SMALL else 0.0
    texts = (
        f"{v:.1g}" if 0 < abs(v) < smallest else f"{v:.{decimals}f}" for v in (flat + 0.0).tolist()
    )
    return [text.replace("-", "−") for text in texts]


_MAX_SMALL = 10.0  # beside larger numbers, small numbers are written as zero

# Pooling → what it makes of the sample points of a section.
_REDUCTIONS = {"avg": "average of each section", "max": "largest value of each section"}


def reduction_words(convention: Convention) -> str:
    """Return what the output is of the sections."""
    if convention.points == "integral":
        return "weighted sum of the cells of each section"
    return _REDUCTIONS[convention.pooling]


def operator_parts(trace: Trace) -> list[str]:
    """Return the convention, its pooling and an uncommon interpolation for a figure's subtitle."""
    convention = trace.convention
    parts = [f"convention {convention.name}", f"{convention.pooling} pooling"]
    if convention.interpolation != "linear" and not convention.reads_cells:
        parts.append(f"{convention.interpolation} interpolation")
    return parts


def map_part(trace: Trace, style: FigureStyle) -> str:
    """Return the size of the feature map, and its level, as a part of a figure's subtitle."""
    rows, columns = trace.map_size
    level = f"{style.level}: " if style.level else ""
    along_x = format_count(columns, "column", "columns")
    return f"{level}feature map of {along_x} × {format_count(rows, 'row', 'rows')}"


def map_parts(
    trace: Trace, style: FigureStyle, section: tuple[int, int] | None = None
) -> list[str]:
    """Return the size of the feature map, and which of its channels is shown.

    `section` is the one whose map is shown if each section reads a channel of its own; None for the
    example section.
    """
    channel, own = channel_of(trace), own_channel(trace, section or trace.example)
    if channel and own:
        channel = f"output {channel}"
    if style.photo_channel is not None:
        channel = f"{style.photo_channel} of the photograph"
    parts = [map_part(trace, style), *([channel] if channel else [])]
    return [*parts, *own]


def own_channel(trace: Trace, section: tuple[int, int]) -> list[str]:
    """Return which channel a section reads, if each section reads a channel of its own."""
    if trace.convention.channel_map == "same":
        return []
    channels = trace.channels * len(trace.output) * len(trace.output[0])
    return [f"map of section {section}: channel {trace.channel_read(*section)} of {channels}"]


def gain_words(side: Side) -> str:
    """Return how much rounding adds to one side of a box, in image pixels or else in cells."""
    pixels = side.gained_pixels
    change, unit = (side.gained, "cells") if pixels is None else (pixels, "px")
    return f"{'−' if change < 0 else '+'}{format_decimals(abs(change))} {unit}"


def operator_name(trace: Trace) -> str:
    """Return what the literature calls the operator."""
    convention = trace.convention
    name = {"cells": "ROI Pool", "integral": "Precise ROI Pooling"}.get(
        convention.points, "ROI Align"
    )
    own_channels = convention.channel_map == "position-sensitive"
    return f"Position-sensitive {name}" if own_channels else name


def grid_words(trace: Trace, section: Section) -> str:
    """Return how many sample points, or cells, a section has along x and along y."""
    columns, rows = section.grid
    what = "cell" if trace.convention.reads_cells else "sample point"
    if not columns * rows:
        return f"no {what}s"
    return f"{columns} × {rows} {what}s" if columns * rows > 1 else f"1 {what}"


def sections_count(trace: Trace) -> str:
    """Return how many sections an ROI has along x and along y."""
    return f"{len(trace.output[0])} × {len(trace.output)} sections"
