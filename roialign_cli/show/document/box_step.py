"""Explain step 1: how a box becomes an ROI on the feature map."""

from __future__ import annotations

from collections.abc import Iterator

from roialign_cli.analysis.edges import EdgeStage, edge_stages, has_edge_rules
from roialign_cli.analysis.quantisation import Quantisation, quantise
from roialign_cli.analysis.scaling import ScaleSource
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.convention import Convention
from roialign_cli.show.document.blocks import Block, Formulas, Grid, Paragraph
from roialign_cli.show.document.formulas import (
    FormulaLine,
    Number,
    Words,
    formula,
    number,
)
from roialign_cli.show.document.rules import edges_rule, offset_rule
from roialign_cli.show.numbers import capitalised, format_number, format_point


def box_step(trace: Trace, source: ScaleSource | None) -> Iterator[Block]:
    """Yield the blocks of step 1, without its heading.

    Parameters
    ----------
    trace
        One ROI and channel.
    source
        What determined the scale; None if that is not known.
    """
    if source is None:
        source = ScaleSource("normalized" if trace.convention.normalized else None)
    yield Paragraph(_scale_text(trace, source))
    is_scaled = trace.scale != (1.0, 1.0)
    ratio = ratio_lines(trace, source) if is_scaled and source.scaled_by != "normalized" else ()
    lines = tuple(ratio)
    if trace.convention.inclusive:
        if lines:
            yield Formulas(lines)
        lines = ()
        yield Paragraph(
            "The second corner is the last pixel of the box, which is part of the box: the box "
            "ends one unit farther."
        )
    yield Formulas((*lines, *box_lines(trace, source)))
    yield from _placement(trace)
    yield Paragraph(
        f"The ROI lies from its top-left corner {format_point(trace.x, trace.y, 5)} to its "
        f"bottom-right corner {format_point(trace.x + trace.width, trace.bottom, 5)}: "
        f"{format_number(trace.width, 5)} cell{'' if trace.width == 1 else 's'} wide and "
        f"{format_number(trace.height, 5)} high."
    )


def _scale_text(trace: Trace, source: ScaleSource) -> str:
    """Describe the step from the units of the box to cells, and which option determines it."""
    if source.scaled_by == "normalized":
        return _normalized_text(trace)
    if source.scaled_by in {"image_size", "stride"}:
        return _pixels_text(trace, source)
    if trace.scale != (1.0, 1.0):
        option = "--spatial-scale" if source.scaled_by else "The spatial scale"
        return (
            f"{option} is the number of cells per unit of the box, and the sub-sampling ratio is "
            "its inverse:"
        )
    if source.image_size is not None:
        return (
            "Every pixel of the image is a cell of the feature map: nothing is scaled. --stride 32 "
            "averages blocks of 32 × 32 pixels to a cell."
        )
    return "The box is given in cells of the feature map: nothing is scaled."


def _pixels_text(trace: Trace, source: ScaleSource) -> str:
    rows, columns = trace.map_size
    pixels = " × ".join(map(format_number, source.image_size or ()))
    if source.scaled_by == "image_size":
        return (
            f"The image is {pixels} pixels (--image-size) and the feature map {columns} × {rows} "
            "cells, width × height. The sub-sampling ratio, or stride, is the number of pixels "
            "per cell:"
        )
    if pixels:
        block = " × ".join([format_number(1 / trace.scale[0])] * 2)
        return (
            f"The image of {pixels} pixels is averaged over blocks of {block} pixels (--stride); "
            "each block is one cell of the feature map:"
        )
    return "--stride is the sub-sampling ratio, the number of image pixels per cell:"


def _normalized_text(trace: Trace) -> str:
    x, y = map(format_number, trace.scale)
    if trace.convention.normalized_by == "last-centre":
        return (
            "The box is normalised: 0 is the centre of the first cell along each axis and 1 the "
            f"centre of the last. Numbers along x are multiplied by the columns minus 1 ({x}), "
            f"numbers along y by the rows minus 1 ({y}):"
        )
    return (
        "The box is normalised: its numbers are fractions of the image. Numbers along x are "
        f"multiplied by the columns of the map ({x}), numbers along y by its rows ({y}):"
    )


def _placement(trace: Trace) -> Iterator[Block]:
    """Yield what the convention changes about the box on the map."""
    convention = trace.convention
    if convention.points == "cells":
        if convention.offset or convention.image_offset:
            yield Paragraph(offset_rule(convention))
        yield from _rounding(trace, quantise(trace))
        return
    rule = ""
    if convention.offset != 0.5 or convention.image_offset:
        rule = capitalised(offset_rule(convention).removeprefix("None: "))
    if has_edge_rules(convention):
        yield from _edges(trace, rule)
    else:
        if rule:
            yield Paragraph(rule)
        if not trace.frame.y_up:
            yield from _start_in_library_frame(trace)
    for axis, raw, size in (
        ("width", trace.unclamped_width, trace.width),
        ("height", trace.unclamped_height, trace.height),
    ):
        if raw == size:
            continue
        if size == 0:
            text = f"The box is inverted: the ROI's {axis} of {_cells(raw)} becomes 0."
        else:
            text = (
                f"The ROI's {axis} of {_cells(raw)} is below the smallest size that "
                f"the convention allows, and grows to {_cells(size)}."
            )
        yield Paragraph(text)


def _edges(trace: Trace, offset: str) -> Iterator[Block]:
    """Yield the rules for edges after that for the offset, and the edges after each of them."""
    convention = trace.convention
    exchanged = ""
    if convention.inverted_boxes == "sorted":
        exchanged = "The edges of an inverted box are exchanged."
    here = "Positions here are 0.5 more:"
    if trace.frame.y_up:
        here = "The table counts from the top left, except for the positions here:"
    yield Paragraph(" ".join(filter(None, (offset, exchanged, edges_rule(convention), here))))
    stages = list(edge_stages(trace))
    last, frame = stages[-1], trace.frame
    final = EdgeStage(
        "", frame.x(last.left), frame.x(last.right), frame.y(last.top), frame.y(last.bottom)
    )
    titles = ["on the map", *(_edge_title(convention, s.field) for s in stages[1:]), "here"]
    columns = [[s.left, s.right, s.top, s.bottom] for s in (*stages, final)]
    rows = zip(_SIDES, *([_cells(edge) for edge in column] for column in columns), strict=True)
    yield Grid(("edge", *titles), tuple(rows), compact=True)


def _edge_title(convention: Convention, field: str) -> str:
    """Return the title of the column for the edges after a rule."""
    titles = {
        "inverted_boxes": "exchanged",
        "clip_boxes": "cut",
        "edge_rounding": "rounded down"
        if convention.edge_rounding.startswith("floor")
        else "rounded",
    }
    if field in titles:
        return titles[field]
    offset = getattr(convention, field)
    place = " in image" if field.startswith("image") else ""
    return f"{'−' if offset > 0 else '+'} {format_number(abs(offset))}{place}"


def _rounding(trace: Trace, rounded: Quantisation) -> Iterator[Block]:
    """Yield how the edges of the box are rounded to whole cells."""
    convention = trace.convention
    down = convention.edge_rounding == "floor-map"
    how = "down" if down else "half away from zero"
    counted = ", counted from the top left" if rounded.frame.y_up else ""
    yield Paragraph(
        f"Then the edges are rounded to whole cells ({how}{counted}){_last_cell(convention)}:"
    )
    yield sides_grid(rounded)
    smallest = _smallest(convention.min_size)
    for axis, box, raw, size in (
        ("width", rounded.box.width, trace.unclamped_width, trace.width),
        ("height", rounded.box.height, trace.unclamped_height, trace.height),
    ):
        if size != convention.min_size or not (box <= 0 or raw < size):
            continue
        state = f"The box has no {axis}"
        if box < 0:
            state = f"The box has the negative {axis} {_cells(box)}"
        elif box > 0:
            state = f"Rounding leaves the {axis} {_cells(raw)}"
        yield Paragraph(f"{state}, so the ROI gets the smallest {axis}, {smallest}.")


def _last_cell(convention: Convention) -> str:
    """Describe whether the cell in which a box ends is part of it, for points that are cells."""
    texts = {
        -1.0: ", and the last cell is part of the ROI",
        0.0: ", and the cell in which the box ends is not part of the ROI",
    }
    moved = f", and {format_number(abs(convention.end_offset))} is "
    moved += "added to" if convention.end_offset < 0 else "subtracted from"
    return texts.get(convention.end_offset, f"{moved} the second edge")


def _smallest(size: float) -> str:
    return "one cell" if size == 1 else f"{format_number(size)} cells"


def _cells(size: float) -> str:
    return format_number(size, 5)


def sides_grid(rounded: Quantisation) -> Grid:
    """Return a table of the sides of a box before and after rounding."""
    unit, changes = side_changes(rounded)
    return Grid(
        ("edge", "of the box", "in ROI Pool", f"gained or lost, {unit}"),
        tuple(
            (name, format_number(side.position, 5), format_number(side.rounded, 5), _signed(change))
            for name, side, change in zip(_SIDES, rounded.sides, changes, strict=True)
        ),
    )


_SIDES = ("left (x)", "right (x)", "top (y)", "bottom (y)")


def side_changes(rounded: Quantisation) -> tuple[str, list[float]]:
    """Return a unit, and by how much the left, right, top and bottom edge move outward in it."""
    pixels = [side.gained_pixels for side in rounded.sides if side.gained_pixels is not None]
    if pixels:
        return "image pixels", [_without_noise(change) for change in pixels]
    return "cells", [_without_noise(side.gained) for side in rounded.sides]


def _without_noise(change: float) -> float:
    """Round away what adding and subtracting positions leaves of a change of 0."""
    return round(change, 9)


def _signed(change: float) -> str:
    return f"{'+' if change > 0 else ''}{format_number(change)}"


def _start_in_library_frame(trace: Trace) -> Iterator[Block]:
    """Yield where the ROI begins in a frame in which the centre of cell i is at i."""
    offset = trace.convention.offset
    yield Paragraph(
        "In the library's code the centre of cell i is at i; here it is at i + 0.5, so every "
        "position here is 0.5 more. In the library the ROI begins at"
    )
    before = (trace.x - 0.5 + offset, trace.y - 0.5 + offset)
    after = (trace.x - 0.5, trace.y - 0.5)
    x, y = (
        formula("{}= {} − {} = {}", Words(f"{n} "), number(a, 5), number(offset), number(b, 5))
        for n, a, b in zip(("left", "top"), before, after, strict=True)
    )
    yield Formulas((formula("{}<,  >{}", x, y),))


def ratio_lines(trace: Trace, source: ScaleSource) -> Iterator[FormulaLine]:
    """Yield the lines that compute the sub-sampling ratio, one if both axes have the same."""
    sizes = source.image_size if source.scaled_by == "image_size" else None
    axes = [(None if sizes is None else sizes[a], trace.map_size[1 - a]) for a in (0, 1)]
    same = trace.scale[0] == trace.scale[1] and (sizes is None or axes[0] == axes[1])
    labels = ("",) if same else (" along x", " along y")
    for label, factor, (size, cells) in zip(labels, trace.scale, axes, strict=False):
        ratio = number(1 / factor, 4)
        equals = "=" if _is_short(1 / factor) else "≈"
        name = Words(f"sub-sampling ratio{label} ")
        if size is not None:
            yield formula("{}= {} / {} {} {}", name, number(size), number(cells), equals, ratio)
        elif source.scaled_by == "stride":
            yield formula("{}= {}", name, ratio)
        else:
            yield formula("{}= 1 / {} {} {}", name, _shown_scale(factor), equals, ratio)


def _is_short(value: float) -> bool:
    """Return whether four decimals show a number exactly."""
    return abs(value - round(value, 4)) < 1e-9 * value


def _shown_scale(factor: float) -> Number:
    return Number(factor, f"{factor:.6g}")


def box_lines(trace: Trace, source: ScaleSource) -> Iterator[FormulaLine]:
    """Yield a line for each number of the box that scales it to the feature map."""
    inclusive, scaled = trace.convention.inclusive, trace.scale != (1.0, 1.0)
    longer = _SECOND_CORNER | ({"y"} if trace.frame.y_up else set())
    labels = _LABELS | _CORNER_LABELS[trace.frame.y_up]
    names = _BOX_NAMES[trace.convention.box_format]
    longest = max(len(labels[name]) for name in names)
    for name, value in zip(names, trace.box, strict=True):
        added = inclusive and name in longer
        axis = 0 if name in _ALONG_X else 1
        factor = trace.scale[axis]
        right_side = formula("{} + 1" if added else "{}", number(value))
        if scaled:
            right_side = formula("({})" if added else "{}", right_side) + _scaling(
                trace, source, axis
            )
        if scaled or added:
            right_side = formula("{} = {}", right_side, number((value + added) * factor, 5))
        yield formula("{}= {}", Words(f"{labels[name]:{longest}} "), right_side)


_BOX_NAMES = {
    "xyxy": ("x1", "y1", "x2", "y2"),
    "xywh": ("x", "y", "w", "h"),
    "cxcywh": ("cx", "cy", "w", "h"),
    "yxyx": ("y1", "x1", "y2", "x2"),
}
# In words, because x and y are symbols of sample points and of their neighbours.
_LABELS = {
    "x1": "left",
    "x2": "right",
    "x": "left",
    "y": "top",
    "cx": "centre x",
    "cy": "centre y",
    "w": "width",
    "h": "height",
}
# Whether y points up → the labels of y1 and y2.
_CORNER_LABELS = {
    True: {"y1": "bottom", "y2": "top"},
    False: {"y1": "top", "y2": "bottom"},
}
# Numbers to which a convention with inclusive boxes adds 1; with y up, the upper edge, too.
_SECOND_CORNER = {"x2", "y2", "w", "h"}
_ALONG_X = {"x", "x1", "x2", "cx", "w"}


def _scaling(trace: Trace, source: ScaleSource, axis: int) -> FormulaLine:
    """Return the step from image units to cells along an axis, 0 for x."""
    factor = trace.scale[axis]
    if 0 < factor < 1 and _is_short(1 / factor):
        return " / ", number(1 / factor)
    if source.scaled_by == "image_size" and source.image_size is not None:
        cells, pixels = trace.map_size[1 - axis], source.image_size[axis]
        return formula(" × {} / {}", number(cells), number(pixels))
    return " × ", _shown_scale(factor)
