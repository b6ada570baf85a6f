"""The texts under the headings of the steps: the formulas of each step with its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from roialign_cli.analysis.quantisation import quantise
from roialign_cli.analysis.scaling import ScaleSource
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.document.box_step import box_lines, ratio_lines
from roialign_cli.show.document.formulas import FormulaLine, Marked, Number, to_text
from roialign_cli.show.document.steps import reduction
from roialign_cli.show.figures.geometry import LEAST_SHIFT, box_sides
from roialign_cli.show.figures.phrases import Phrase, listed
from roialign_cli.show.figures.wording import (
    REDUCTIONS,
    format_decimals,
    format_significant,
    gain_words,
)

_MAX_LISTED_POINTS = 9  # of a section with more, the formula of the output lists the first


def ratio_story(trace: Trace, source: ScaleSource) -> Iterator[list[Phrase]]:
    """Yield the sub-sampling ratio, if the box is in pixels."""
    if trace.scale != (1.0, 1.0) and source.scaled_by != "normalized":
        yield listed(_plain(to_text(line)) for line in ratio_lines(trace, source))


def roi_story(trace: Trace, source: ScaleSource) -> Iterator[list[Phrase]]:
    """Yield how the box becomes the ROI: scaled, then moved, enlarged or rounded, in cells."""
    yield listed(_plain(to_text(line)) for line in box_lines(trace, source))
    if trace.convention.points == "cells":
        yield from _rounding(trace)
        return
    box = box_sides(trace)
    x, y = trace.x - box.left, trace.y - box.top
    if max(abs(x), abs(y)) > LEAST_SHIFT:
        shift = ", ".join(format_decimals(distance, 3) for distance in (x, y))
        yield [Phrase(f"moved by ({shift}) cells:"), Phrase(f"offset {trace.convention.offset:g}")]
    before = trace.unclamped_width, trace.unclamped_height
    if before != (trace.width, trace.height):
        yield [Phrase(f"{_size(*before)} grows to {_size(trace.width, trace.height)}")]
    elif trace.convention.box_format in {"xyxy", "yxyx"}:
        yield [Phrase(f"so {_size(trace.width, trace.height)} cells")]


def _rounding(trace: Trace) -> Iterator[list[Phrase]]:
    """Yield where each side of the box is rounded to, and what it gains."""
    sides = zip(("left", "right", "top", "bottom"), quantise(trace).sides, strict=True)
    yield listed(
        f"{name} {format_decimals(side.position)} → {format_decimals(side.rounded)} "
        f"({gain_words(side)})"
        for name, side in sides
        if side.gained
    )
    yield [Phrase("the last cell is part of the ROI")]


def sections_story(trace: Trace) -> Iterator[list[Phrase]]:
    """Yield the size of a section, in cells."""
    rows, columns = len(trace.output), len(trace.output[0])
    sizes = (trace.width, columns, "wide,"), (trace.height, rows, "high")
    yield [
        Phrase(f"{format_decimals(size)} / {count} = {format_decimals(size / count)} {word}")
        for size, count, word in sizes
    ]
    if trace.convention.points == "cells":
        yield [Phrase("each pools all cells that it touches")]


def points_story(trace: Trace, section: Section) -> Iterator[list[Phrase]]:
    """Yield how the values of a section's points make its output."""
    line = reduction(trace, section, _MAX_LISTED_POINTS)
    formula = _plain(_significant(line)).partition(", point")[0]
    yield [Phrase(word) for word in formula.split(" ")]


def output_story(trace: Trace, section: Section) -> Iterator[list[Phrase]]:
    """Yield what the output is, and the output of one section."""
    output = format_significant(section.output)
    yield [
        Phrase(f"the {REDUCTIONS[trace.convention.pooling]}:"),
        Phrase(f"{section.section} is {output}"),
    ]


def _size(width: float, height: float) -> str:
    return f"{format_decimals(width, 3)} × {format_decimals(height, 3)}"


def _significant(line: FormulaLine) -> str:
    """Return a formula with four significant digits in each number."""
    texts = []
    for part in line:
        if isinstance(part, Marked):
            texts.append(_significant(part.line))
        else:
            texts.append(format_significant(part.value) if isinstance(part, Number) else str(part))
    return "".join(texts)


def _plain(formula: str) -> str:
    """Return a formula on one line, with typographic minus signs."""
    return re.sub(r"(?<!\w)-(?=\d)", "−", " ".join(formula.split()))
