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
from roialign_cli.show.figures.box_changes import box_changes
from roialign_cli.show.figures.geometry import (
    LEAST_SHIFT,
    Sides,
    box_sides,
    roi_sides,
    section_spans,
)
from roialign_cli.show.figures.phrases import Phrase, listed
from roialign_cli.show.figures.wording import (
    format_decimals,
    format_significant,
    gain_words,
    reduction_words,
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
    changes = box_changes(trace)
    if changes:
        yield listed(changes)
        yield listed(_moved_edges(trace))
    elif max(abs(x), abs(y)) > LEAST_SHIFT:
        shift = ", ".join(format_decimals(distance, 3) for distance in (x, y))
        yield [Phrase(f"moved by ({shift}) cells:"), Phrase(f"offset {trace.convention.offset:g}")]
    before = trace.unclamped_width, trace.unclamped_height
    if trace.width > max(before[0], 0) or trace.height > max(before[1], 0):
        yield [Phrase(f"{_size(*before)} grows to {_size(trace.width, trace.height)}")]
    elif trace.convention.box_format in {"xyxy", "yxyx"}:
        yield [Phrase(f"so {_size(trace.width, trace.height)} cells")]


def _moved_edges(trace: Trace) -> Iterator[str]:
    """Yield from where to where each edge of the box moves."""
    box, roi = box_sides(trace), roi_sides(trace)
    for name in ("left", "right", "top", "bottom"):
        before, after = getattr(box, name), getattr(roi, name)
        if abs(after - before) > LEAST_SHIFT:
            yield f"{name} {format_decimals(before)} → {format_decimals(after)}"


def _rounding(trace: Trace) -> Iterator[list[Phrase]]:
    """Yield where each side of the box is rounded to, and what it gains."""
    sides = zip(("left", "right", "top", "bottom"), quantise(trace).sides, strict=True)
    yield listed(
        f"{name} {format_decimals(side.position)} → {format_decimals(side.rounded)} "
        f"({gain_words(side)})"
        for name, side in sides
        if side.gained
    )
    is_part = trace.convention.end_offset == -1
    yield [Phrase(f"the last cell is {'' if is_part else 'not '}part of the ROI")]
    if quantise(trace).grown and not is_part:
        yield [Phrase("no cell is left: it grows to one")]


def sections_story(trace: Trace) -> Iterator[list[Phrase]]:
    """Yield the size of a section, in cells."""
    rows, columns = len(trace.output), len(trace.output[0])
    sizes = (trace.width, columns, "wide,"), (trace.height, rows, "high")
    yield [
        Phrase(f"{_length(size)} / {count} = {format_decimals(size / count, 4)} {word}")
        for size, count, word in sizes
    ]
    if trace.convention.points == "cells":
        yield [Phrase("each pools all cells that it touches")]
        unread = trace.convention.unread_cells
        if unread:
            last = f"last {unread} rows and columns" if unread > 1 else "last row and column"
            yield [Phrase(f"the {last} of the map"), Phrase("are never read")]
    if trace.convention.clip_sections and _is_cut(trace):
        yield [Phrase("each is cut to the map,"), Phrase("points keep their distance")]


def _is_cut(trace: Trace) -> bool:
    """Return whether a section of an ROI reaches beyond what sections are cut to."""
    columns, rows = section_spans(trace)
    spans = roi_sides(trace).spans
    ends = columns[0][0], columns[-1][1], rows[0][0], rows[-1][1]
    cut = Sides(*ends).spans
    return any(
        abs(a - b) > LEAST_SHIFT
        for one, other in zip(spans, cut, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def points_story(trace: Trace, section: Section) -> Iterator[list[Phrase]]:
    """Yield how the values of a section's points make its output, or which cells it reads."""
    if trace.convention.points == "integral":
        yield [Phrase("less than a cell away"), Phrase("from the section")]
        return
    line = reduction(trace, section, _MAX_LISTED_POINTS)
    formula = _plain(_significant(line)).partition(", point")[0]
    yield [Phrase(word) for word in formula.split(" ")]


def output_story(trace: Trace, section: Section) -> Iterator[list[Phrase]]:
    """Yield what the output is, and the output of one section."""
    output = format_significant(section.output)
    yield [
        Phrase(f"the {reduction_words(trace.convention)}:"),
        Phrase(f"{section.section} is {output}"),
    ]


def _size(width: float, height: float) -> str:
    return f"{_length(width)} × {_length(height)}"


def _length(cells: float) -> str:
    """Return the length of a side of an ROI with as many decimals as the sides of the box have."""
    return format_decimals(cells, 5)


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
