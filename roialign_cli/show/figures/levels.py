"""The boxes of a pyramid on its largest map or on the image, coloured by level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from roialign_cli.analysis.scaling import scale_text
from roialign_cli.analysis.trace import Trace, box_on_map, trace_operation
from roialign_cli.core.convention import Summary
from roialign_cli.core.operation import Operation
from roialign_cli.core.pyramid import NO_LEVEL
from roialign_cli.core.pyramid_operation import PyramidOperation
from roialign_cli.show import palette
from roialign_cli.show.figures.drawing import draw_outline, draw_outside, draw_photo
from roialign_cli.show.figures.geometry import Sides, picture_sides
from roialign_cli.show.figures.labels import LabelPlacer
from roialign_cli.show.figures.map_area import draw_map
from roialign_cli.show.figures.overlay import picture_view, write_name
from roialign_cli.show.figures.page import Panel, new_page
from roialign_cli.show.figures.panels import PanelSpec
from roialign_cli.show.figures.shades import value_shades
from roialign_cli.show.figures.style import (
    DEFAULT_STYLE,
    PIXELS,
    FigureStyle,
    Unit,
    figure_settings,
)
from roialign_cli.show.figures.wording import map_parts
from roialign_cli.show.numbers import format_count
from roialign_cli.show.palette import Theme

_MAX_NAMES = 24  # boxes; the names of more boxes would cover them
_MAX_WIDE_LINES = 100  # boxes; the lines of more boxes are thin and have no halo
_Style = Literal["-", "--", ":"]
_LINE_STYLES: tuple[_Style, ...] = ("-", "--", ":")
_STYLES = tuple(product(_LINE_STYLES, palette.LEVELS))  # line style and colour of each level


@dataclass(frozen=True)
class _Box:
    """A box on the picture: its sides in cells of the largest map, its map, and its name."""

    sides: Sides
    level: int
    name: str


def levels_figure(
    pyramid: PyramidOperation,
    rois: Sequence[int],
    channel: int | Summary = 0,
    *,
    image: NDArray[np.uint8] | None = None,
    names: Sequence[str] = (),
    left_out: str = "",
    style: FigureStyle = DEFAULT_STYLE,
) -> Figure:
    """Draw boxes with the colours of the levels that they are pooled from.

    Parameters
    ----------
    pyramid
        The operation on the pyramid.
    rois
        The indices of the boxes to draw, all of the same image.
    channel
        The channel of the largest map that is drawn, or a summary of all.
    image
        The image to draw in place of the map, (H, W, 3) or (H, W), uint8. It is drawn as large as
        `pyramid.image_size`, if that is known.
    names
        A name for each of the boxes to draw; the index of a box takes the place of an empty name.
    left_out
        Which boxes are not drawn, in words.
    style
        The style of the figure.
    """
    trace = _map_trace(pyramid, rois[0], channel)
    unit = _unit(pyramid)
    boxes = [
        _Box(_sides(pyramid.operations[0], roi), int(pyramid.index[roi]), name or str(roi))
        for roi, name in zip(rois, names or [""] * len(rois), strict=True)
    ]
    sides = _image_sides(pyramid, trace, image, unit)
    with figure_settings(style.theme):
        view = picture_view([box.sides.spans for box in boxes], sides, y_up=trace.frame.y_up)
        panel = new_page(
            [[[PanelSpec(view, unit, fills=False)]]],
            style,
            title=_title(pyramid, boxes),
            subtitle=_subtitle(pyramid, map_parts(trace, style) if image is None else [], left_out),
            shades=value_shades(style, trace),
            bars=None if image is None else [],
            legend=_legend(pyramid, boxes, style.theme),
        )[0]
        if image is None:
            draw_map(panel, trace)
        else:
            draw_outside(panel)
            draw_photo(panel, image, sides)
        _draw_boxes(panel, boxes)
    return panel.figure


def _map_trace(pyramid: PyramidOperation, roi: int, channel: int | Summary) -> Trace:
    """Return a trace of one small box, of which only the largest map is drawn."""
    largest = pyramid.operations[0]
    tolerant = replace(largest.convention, rejects="nothing", sampling_ratio=1)
    small = replace(largest, convention=tolerant, boxes_xyxy=np.zeros_like(largest.boxes_xyxy))
    return trace_operation(small, roi, channel)


def _unit(pyramid: PyramidOperation) -> Unit:
    """Return a pixel of the image, in cells of the largest map."""
    largest = pyramid.operations[0]
    y, x = largest.spatial_scale
    # The levels of normalised boxes need the size of the image.
    if largest.convention.normalized and pyramid.image_size is not None:
        height, width = pyramid.image_size
        y, x = y / height, x / width
    return Unit(PIXELS.name, x, y)


def _sides(largest: Operation, roi: int) -> Sides:
    """Return the sides of a box on the largest map, in cells."""
    box = box_on_map(replace(largest, boxes_xyxy=largest.boxes_xyxy[roi : roi + 1]), largest.frame)
    return Sides(box.left, box.right, box.top, box.bottom)


def _image_sides(
    pyramid: PyramidOperation, trace: Trace, image: NDArray[np.uint8] | None, unit: Unit
) -> Sides:
    """Return the sides of the image, or of the map if there is none, in cells."""
    rows, columns = trace.map_size
    if image is None:
        return picture_sides(trace, columns, rows)
    height, width = pyramid.image_size or image.shape[:2]
    return picture_sides(trace, width * unit.x, height * unit.y)


def _title(pyramid: PyramidOperation, boxes: Sequence[_Box]) -> str:
    used, maps = len({box.level for box in boxes} - {NO_LEVEL}), len(pyramid.operations)
    on = f"{used}" if used == maps else f"{used} of {maps}"
    return f"{format_count(len(boxes), 'box', 'boxes')} on {on} level{'s' if maps > 1 else ''}"


def _subtitle(pyramid: PyramidOperation, shown: Sequence[str], left_out: str) -> list[str]:
    """Return the rule, what is drawn of the map, and which boxes are not drawn."""
    parts = [f"levels by the rule {pyramid.levels.rule.name}", *shown]
    return [*parts, left_out] if left_out else parts


def _look(level: int, theme: Theme) -> tuple[_Style, str]:
    """Return the line style and the colour of a level."""
    if level == NO_LEVEL:
        return ":", theme.faint
    return _STYLES[level % len(_STYLES)]


def _legend(pyramid: PyramidOperation, boxes: Sequence[_Box], theme: Theme) -> list[Artist]:
    """Return an entry for each map, and one for the boxes that are on no map."""
    entries: list[Artist] = []
    for level, (on_map, scale) in enumerate(zip(pyramid.operations, pyramid.scales, strict=True)):
        linestyle, colour = _look(level, theme)
        count = sum(box.level == level for box in boxes)
        rows, columns = on_map.map_size
        label = f"level {pyramid.levels.first + level}: {rows} × {columns} cells, "
        label += f"scale {scale_text((scale, scale))}, {format_count(count, 'box', 'boxes')}"
        line = Line2D([], [], color=colour, linewidth=2.0, linestyle=linestyle, label=label)
        entries.append(line)
    without = sum(box.level == NO_LEVEL for box in boxes)
    if without:
        label = f"on no map, {format_count(without, 'box', 'boxes')}"
        linestyle, colour = _look(NO_LEVEL, theme)
        entries.append(Line2D([], [], color=colour, linestyle=linestyle, label=label))
    return entries


def _draw_boxes(panel: Panel, boxes: Sequence[_Box]) -> None:
    """Draw the boxes and, of a few boxes, the names.

    Small boxes are over large ones. Among many boxes, those of a level with few are over the rest.
    """
    counts = Counter(box.level for box in boxes)
    is_many = len(boxes) > _MAX_WIDE_LINES
    by_size = sorted(boxes, key=lambda box: -abs(box.sides.width * box.sides.height))
    ordered = sorted(by_size, key=lambda box: -counts[box.level]) if is_many else by_size
    for order, box in enumerate(ordered):
        linestyle, colour = _look(box.level, panel.theme)
        zorder = 4 + order / len(boxes)
        if is_many:
            thin = box.sides.patch(fill=False, edgecolor=colour, linewidth=0.7, zorder=zorder)
            thin.set(linestyle=linestyle, joinstyle="miter")
            panel.axes.add_patch(thin)
        else:
            draw_outline(panel, box.sides, colour, 1.8, zorder=zorder, linestyle=linestyle)
    if len(boxes) > _MAX_NAMES:
        return
    placer = LabelPlacer(panel)
    for box in boxes:
        _, colour = _look(box.level, panel.theme)
        write_name(placer, box.name, box.sides, colour)
