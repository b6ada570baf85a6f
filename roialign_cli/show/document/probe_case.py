"""Explain the smallest case that shows a different rule: cells, box, and both computations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import BOX_NUMBERS
from roialign_cli.measure.call import Answer
from roialign_cli.measure.case_traces import case_traces
from roialign_cli.measure.fingerprint import Case, Fingerprint
from roialign_cli.printable import printable
from roialign_cli.show.document.blocks import Block, Grid, Paragraph, Verbatim
from roialign_cli.show.document.formulas import to_text
from roialign_cli.show.document.steps import nothing_to_pool, reduction
from roialign_cli.show.numbers import DECIMALS, format_grid, format_number, format_point

_MAX_SIDE = 8  # cells; larger maps are not printed
_MAX_MAPS = 3
_MAX_LISTED = 6  # coordinates and terms
_DECIMALS_OF_FLOAT32 = 8  # show the last digit of coordinates from 0.5 to 8

THE_KERNEL = "the kernel"
OUTSIDE = "outside the map"  # the step that counts such points


def case_blocks(found: Fingerprint, case: Case) -> Iterator[Block]:
    """Yield the cells and the box of a case, and what the preset and the kernel compute."""
    yield from _cells(case)
    yield Paragraph("; ".join(call_words(found, case)), indent=2)
    expected, own = case_traces(found, case)
    name = found.nearest or ""
    if expected is None or case.given.output is None:
        for who, answer in ((name, case.expected), (THE_KERNEL, case.given)):
            yield Paragraph(f"{who}: {answer_words(case, answer)}", indent=2)
        return
    place = case.section[1] + 1, case.section[0] + 1
    output = "output" if len(expected.sections) == 1 else f"section {format_point(*place)}"
    section = expected.section(*place)
    first, second = computation(expected, section, output), {output: answer_words(case, case.given)}
    if own is not None:
        decimals = decimals_of_points(section, own.section(*place))
        first = computation(expected, section, output, decimals)
        second = computation(own, own.section(*place), output, decimals)
    titles = dict.fromkeys([*first, *second])
    rows = [(title, first.get(title, ""), second.get(title, "")) for title in titles]
    rows.sort(key=lambda row: row[0] == output)
    yield Grid(("", name, THE_KERNEL), tuple(rows), prose=True, compact=True)


def _cells(case: Case) -> Iterator[Block]:
    """Yield the feature maps of a case, if they are small and few."""
    maps, channels, height, width = case.call.features.shape
    if max(height, width) > _MAX_SIDE or maps * channels > _MAX_MAPS:
        many = f", {maps} maps" * (maps > 1) + f", {channels} channels" * (channels > 1)
        yield Paragraph(f"feature map of {height} × {width} cells{many}", indent=2)
        return
    for n, c in np.ndindex(maps, channels):
        name = (f"feature map {n}" if maps > 1 else "feature map") + (
            f", channel {c}" if channels > 1 else ""
        )
        cells = format_grid(case.call.features[n, c])
        if height * width == 1:
            yield Paragraph(f"{name}, one cell: {cells[0][0]}", indent=2)
            continue
        yield Paragraph(f"{name}, {height} × {width} cells:", indent=2)
        yield Verbatim(tuple(_aligned(cells)))


def _aligned(cells: list[list[str]]) -> Iterator[str]:
    width = max(len(cell) for row in cells for cell in row)
    return ("  " + "  ".join(cell.rjust(width) for cell in row) for row in cells)


def call_words(found: Fingerprint, case: Case) -> list[str]:
    """Return the box and the parameters of the call, each in words."""
    call, reading = case.call, found.convention
    normalised = ", normalised" if reading.normalized else ""
    numbers = ", ".join(format_number(float(number)) for number in call.boxes[0])
    words = [f"box {numbers} ({BOX_NUMBERS[reading.box_format]}{normalised})"]
    if len(call.features) > 1:
        words[0] += f" on map {int(call.batch_index[0])}"
    words.append("output size {} × {}".format(*call.output_size))
    if call.sampling_ratio is None:
        words.append("no sampling ratio")
    else:
        adaptive = "" if call.sampling_ratio else " (adaptive)"
        words.append(f"sampling ratio {call.sampling_ratio}{adaptive}")
    if call.spatial_scale != 1:
        words.append(f"spatial scale {format_number(call.spatial_scale)}")
    return words


def answer_words(case: Case, answer: Answer) -> str:
    """Return the output in the section of a case, or why there is none."""
    if answer.output is None:
        return f"no output, because {printable(answer.problem)}"
    row, column = case.section
    return format_number(float(answer.output[0, case.channel, row, column]))


def decimals_of_points(*sections: Section) -> int:
    """Return the decimals that show where the points of two sections differ, if they do."""
    points = [[(point.x, point.y) for point in section.points] for section in sections]
    here, there = (np.round(one, DECIMALS).tolist() for one in points)
    return _DECIMALS_OF_FLOAT32 if points[0] != points[1] and here == there else DECIMALS


def computation(
    trace: Trace, section: Section, output: str, decimals: int = DECIMALS
) -> dict[str, str]:
    """Return the steps from the box to the output of a section.

    Parameters
    ----------
    trace, section
        The trace and its section.
    output
        The name of the last step.
    decimals
        The largest number of decimals of the coordinates of points.
    """
    end = trace.x + trace.width, trace.bottom
    steps = {"ROI": f"{format_point(trace.x, trace.y)} to {format_point(*end)}"}
    if len(trace.sections) > 1:
        size = trace.section_width, trace.section_height
        steps["sections"] = " × ".join(map(format_number, size)) + " cells"
    points = section.points
    value = format_number(section.output)
    if not points:
        return steps | {output: f"{value} ({nothing_to_pool(trace, section)})"}
    columns, rows = section.grid
    things = "cells" if trace.convention.reads_cells else "sample points"
    steps[things] = f"{columns} × {rows}"
    steps["at x"] = _listed((point.x for point in points), decimals)
    steps["at y"] = _listed((point.y for point in points), decimals)
    outside = sum(not point.in_bounds for point in points)
    if outside:
        steps[OUTSIDE] = f"{outside} of {len(points)}"
    one = len(points) == 1 and section.divisor == 1
    return steps | {output: value if one else to_text(reduction(trace, section, _MAX_LISTED))}


def _listed(numbers: Iterable[float], decimals: int) -> str:
    """Return the different numbers, as far as they are few."""
    different = [*dict.fromkeys(format_number(number, decimals) for number in numbers)]
    more = ", …" if len(different) > _MAX_LISTED else ""
    return ", ".join(different[:_MAX_LISTED]) + more
