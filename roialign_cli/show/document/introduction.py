"""Introduce an explanation: title, what rounding would do, the steps in short, the symbols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from roialign_cli.analysis.quantisation import Quantisation
from roialign_cli.analysis.records import Defaults
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.convention import Convention
from roialign_cli.core.presets import PRESETS
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph
from roialign_cli.show.document.box_step import side_changes, sides_grid
from roialign_cli.show.document.formulas import Role
from roialign_cli.show.document.point_rules import has_one_corner_point
from roialign_cli.show.document.positions import parts_symbols
from roialign_cli.show.document.rules import channels_rule
from roialign_cli.show.document.steps import averaged_points, nothing_to_pool
from roialign_cli.show.numbers import (
    channel_of,
    default_preset,
    default_reading,
    format_count,
    format_number,
    format_point,
    name_of,
    reading_of,
)

_MAX_LISTED = 4  # values or bins; of more, a range or the first ones are shown


def title_blocks(
    trace: Trace, subject: str, section: Section, defaults: Defaults | None
) -> Iterator[Block]:
    """Yield the heading, and paragraphs about the convention, the frame and the channels."""
    convention, frame = trace.convention, trace.frame
    yield Heading(1, f"{operator_name(convention)} of {subject}, step by step")
    up = "up" if frame.y_up else "down"
    channel = f", {channel_of(trace)}" if trace.channels > 1 else ""
    preset = PRESETS.get(convention.name)
    summary = f" – {preset.summary}" if preset else ""
    name = name_of(convention, default_preset(defaults))
    read = f"Boxes are read as {reading_of(convention)}{default_reading(defaults)}."
    yield Paragraph(
        f"Convention {name}{summary}. {read} The feature map has "
        f"{trace.map_size[0]} rows and {trace.map_size[1]} columns of cells{channel}. Positions "
        f"have their origin at the {frame.origin.replace('-', ' ')}, x to the right, y {up}; "
        f"{_centres(trace)}."
    )
    if convention.channel_map == "position-sensitive":
        i, j = section.section
        reads = f"Section {format_point(i, j)} reads channel {trace.channel_read(i, j)}."
        yield Paragraph(f"{channels_rule(convention)} {reads}")


def _centres(trace: Trace) -> str:
    """Describe where the centres of cells lie."""
    if trace.frame.whole:
        return "a cell's centre lies on .5"
    return (
        f"the image is {format_number(trace.frame.height)} rows of cells high, so that y of the "
        f"top row's centre is {format_number(trace.frame.y(0))}"
    )


def rounding_blocks(trace: Trace, rounded: Quantisation) -> Iterator[Block]:
    """Yield what ROI Pool's rounding does to the box, beside ROI Align."""
    yield Heading(2, "Why: what rounding would do to this box")
    columns, rows = len(trace.output[0]), len(trace.output)
    before = _size(rounded.box.width, rounded.box.height)
    after = _size(rounded.rounded.width, rounded.rounded.height)
    unit, changes = side_changes(rounded)
    distances = [format_number(abs(change)) for change in changes]
    convention = trace.convention
    pool = convention.points == "cells"
    operator, last, how = (
        "ROI Pool, the older operator (preset roi-pool),",
        " and includes the last cell",
        "",
    )
    if pool:
        operator = operator_name(convention)
        last = last if convention.end_offset == -1 else ""
        how = " down" if convention.edge_rounding == "floor-map" else ""
    literature = "" if how else " Figures in the literature often round down instead."
    yield Paragraph(
        f"{operator} rounds the edges of the box{how} to whole cells{last}: "
        f"{before} cells become {after}; the left, right, top and bottom edges move by "
        f"{_listed(distances)} {unit}. The {columns} × {rows} bins, which may overlap, are "
        f"{_bins(rounded.columns)} wide and {_bins(rounded.rows)} high on the map. "
        f"{_unrounded(trace, before)}{literature}"
    )
    if not pool:  # step 1 of ROI Pool has this table
        yield sides_grid(rounded)


def _unrounded(trace: Trace, size: str) -> str:
    columns, rows = len(trace.output[0]), len(trace.output)
    section = _section_size(trace)
    if trace.convention.points == "cells":
        return (
            f"ROI Align was made to avoid this: it leaves the box at {size} cells and interpolates "
            "between cells."
        )
    size_here = _size(trace.width, trace.height)
    exact = (
        f"{operator_name(trace.convention)} does not round the edges: the box stays {size} cells"
    )
    if trace.convention.edge_rounding != "none":
        exact = f"This convention rounds the edges, too: the ROI has {size_here} cells"
    elif (trace.unclamped_width, trace.unclamped_height) != (trace.width, trace.height):
        exact += f", which this convention enlarges to {size_here}"
    elif size != size_here:
        exact += f", which this convention changes to {size_here}"
    if trace.convention.points == "corners":
        return f"{exact}."
    return f"{exact}, and each of the {columns} × {rows} sections is {section} cells."


def operator_name(convention: Convention) -> str:
    """Return what publications call the operator of a convention."""
    name = "ROI Align"
    if convention.points == "cells":
        name = "ROI Pool"
    elif convention.points == "integral":
        name = "Precise ROI Pooling"
    elif convention.edge_rounding.endswith("map"):
        name = "ROI Warping"
    return f"Position-sensitive {name}" if convention.channel_map != "same" else name


def _size(width: float, height: float) -> str:
    return f"{format_number(width, 5)} × {format_number(height, 5)}"


def _section_size(trace: Trace) -> str:
    return f"{format_number(trace.section_width)} × {format_number(trace.section_height)}"


def _listed(items: Sequence[str]) -> str:
    """Return items with commas, and "and" before the last."""
    *others, last = items
    return f"{', '.join(others)} and {last}" if others else last


def _bins(cells: tuple[range, ...]) -> str:
    sizes = [len(one) for one in cells]
    low, high = min(sizes), max(sizes)
    if low == high:
        return format_count(low, "cell", "cells")
    if len(sizes) <= _MAX_LISTED:
        return f"{_listed([str(size) for size in sizes])} cells"
    return f"{low} to {high} cells"


def overview_blocks(trace: Trace, section: Section) -> Iterator[Block]:
    """Yield the five steps with the results of an ROI, and of one of its sections."""
    yield Heading(2, "The five steps in short")
    if trace.convention.points == "dividers":
        yield Paragraph(
            "Steps 2 to 5 are the four steps of the worked example that this convention follows."
        )
    rows = tuple(_overview(trace, section))
    yield Grid(("step", "what it does", "result here"), rows, prose=True, row_roles=_STEP_ROLES)


_STEP_ROLES: tuple[Role, ...] = ("roi", "section", "point", "neighbour", "section")


def _overview(trace: Trace, section: Section) -> Iterator[tuple[str, str, str]]:
    columns, rows = len(trace.output[0]), len(trace.output)
    corner, size = format_point(trace.x, trace.y), _size(trace.width, trace.height)
    at = f"section {format_point(*section.section)}"
    yield "1 box", _box_text(trace), f"top-left {corner}, size {size}"
    each = f"each {_section_size(trace)} cells"
    yield "2 sections", f"cut it into {columns} × {rows} sections", each
    is_integral = trace.convention.points == "integral"
    step = "3 cells" if is_integral else "3 points"
    yield step, _points_words(trace), _point_counts(trace, section)
    values = [format_number(p.value) for p in section.points[:_MAX_LISTED]]
    if len(section.points) > _MAX_LISTED:
        values.append("...")
    value_text = "interpolate at each point"
    if trace.convention.reads_cells:
        value_text = "read the value of each cell"
    if is_integral:
        value_text = "multiply each cell by its weight"
    nothing = "no cells" if is_integral else "no points"
    yield "4 values", value_text, f"{at}: {', '.join(values) or nothing}"
    yield "5 output", *_output(trace, section, at)


def _box_text(trace: Trace) -> str:
    if trace.convention.points == "cells":
        return "round the box to whole cells"
    return f"{'place the box on' if trace.scale == (1.0, 1.0) else 'scale the box to'} the map"


def _points_words(trace: Trace) -> str:
    if trace.convention.points == "corners" and has_one_corner_point(trace.convention):
        return "place one sample point each"
    texts = {
        "cells": "take the cells of each section",
        "integral": "weigh the cells near each section",
    }
    return texts.get(trace.convention.points, "place the sample points")


def _point_counts(trace: Trace, section: Section) -> str:
    across, down = section.grid
    total = f"{trace.n_points} in all"
    differ = trace.convention.reads_cells or trace.convention.clip_sections
    if differ:
        place = format_point(*section.section)
        return f"{across} × {down} in section {place}, {total}"
    if across == down == 1:
        return f"1 point each, {total}"
    return f"{across} × {down} points each, {total}"


def _output(trace: Trace, section: Section, at: str) -> tuple[str, str]:
    convention, output = trace.convention, format_number(section.output)
    of = "weight × cell" if convention.max_of == "weighted-cell" else "value"
    texts = {"max": f"take the largest {of}", "avg": "take the average"}
    points = averaged_points(convention, section)
    count = format_count(len(points), "point", "points")
    what = {"max": "largest", "avg": "average"}[convention.pooling]
    if (convention.pooling, convention.max_of) == ("max", "weighted-cell"):
        what = "largest product"
    result = f"{at}: the {what} of {count} = {output}"
    if convention.pooling == "avg" and section.divisor != len(points):
        result = f"{at}: the sum of {count} / {section.divisor} = {output}"
    if convention.points == "integral":
        count = format_count(len(points), "product", "products")
        texts["avg"], result = "add the products", f"{at}: the sum of {count} = {output}"
    if not points:
        result = f"{at}: {nothing_to_pool(trace, section)}, which give {output}"
    return texts[convention.pooling], result


def symbol_blocks(trace: Trace, section: Section) -> Iterator[Block]:
    """Yield a table of the symbols that formulas use."""
    yield Heading(2, "The symbols")
    yield Grid(("symbol", "meaning", "here"), tuple(_symbols(trace, section)), prose=True)


def _symbols(trace: Trace, section: Section) -> Iterator[tuple[str, str, str]]:
    columns, rows = len(trace.output[0]), len(trace.output)
    corner = format_point(trace.x, trace.y)
    named = "top-left corner of the ROI, in cells"
    if trace.convention.points == "dividers":
        named = "top-left corner (worked example: x_box, y_box)"
    yield "x_roi, y_roi", named, corner
    size = f"{format_number(trace.width, 5)}, {format_number(trace.height, 5)}"
    yield "w, h", "width and height of the ROI, in cells", size
    yield "k, t", "number of sections along x and along y", f"{columns}, {rows}"
    yield "i, j", "section: i-th from left, j-th from the top", _ranges(columns, rows)
    yield from _part_symbols(trace, section)
    if trace.convention.points == "integral":
        yield "x, y", "centre of a cell near the section", "step 3"
        yield "x_from, x_to", "left and right edge of the section", "step 3"
        yield "y_from, y_to", "top and bottom edge of the section", "step 3"
    else:
        yield "x, y", "position of a sample point", "step 3"
    if not trace.convention.reads_cells:
        yield from _neighbour_symbols(trace)
    yield "row, column", "index in the array, from 0 at the top left", "step 4"
    value = "value of the cell times its weight"
    yield (
        "P",
        value if trace.convention.points == "integral" else "value at the sample point",
        "step 4",
    )


def _ranges(across: int, down: int) -> str:
    return ", ".join("1" if last == 1 else f"1 to {last}" for last in (across, down))


def _part_symbols(trace: Trace, section: Section) -> Iterator[tuple[str, str, str]]:
    convention, (across, down) = trace.convention, section.grid
    one_point = convention.points == "corners" and has_one_corner_point(convention)
    if convention.points in {"centred", "corners"} and not one_point:
        parts = ", ".join(parts_symbols(convention))
        counted = [str(max(count, 0)) for count in trace.grid(*section.section)]
        yield parts, "points of a section along x and along y", ", ".join(counted)
    elif convention.points == "dividers" and convention.divide:
        text = "parts of a section along each axis"
        yield "d", text, str(convention.divide)
    if not one_point:
        thing = "cell" if convention.points == "integral" else "point"
        numbers = _ranges(across, down) if across and down else f"no {thing}s"
        yield "n, m", f"{thing}: n-th from left, m-th from the top", numbers


def _neighbour_symbols(trace: Trace) -> Iterator[tuple[str, str, str]]:
    y_up = trace.frame.y_up
    below, above = ("below", "above") if y_up else ("above", "below")
    upper, lower = ("upper", "lower") if y_up else ("lower", "upper")
    yield "f", "the fraction of x or y: x = floor(x) + f", "0 ≤ f < 1"
    yield "x1, x2", "x of the cell centres left and right of it", "step 4"
    yield "y1, y2", f"y of the cell centres {below} and {above} it", "step 4"
    yield "Q11, Q21", f"cells at (x1, y2) and (x2, y2), the {upper} row", "step 4"
    yield "Q12, Q22", f"cells at (x1, y1) and (x2, y1), the {lower} row", "step 4"
