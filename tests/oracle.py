"""A slow, obvious ROI Align: scalar Python straight from the rules, every field of a convention.

It shares no code with the package and computes nothing in bulk. Coordinates are float32 where the
rules say so, through NumPy scalars, in the order of operations that the libraries use; values and
weights are float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import Convention

Array = NDArray[Any]


@dataclass(frozen=True)
class Along:
    """A sample point along one axis: its coordinate in the frame, its two cells with weights."""

    coordinate: float
    cells: tuple[tuple[int, float], tuple[int, float]]
    inside: bool


@dataclass(frozen=True)
class Point:
    """A sample point; neighbours are (row, column, weight) in the order Q11, Q21, Q12, Q22."""

    x: float
    y: float
    inside: bool
    neighbours: tuple[tuple[int, int, float], ...]
    channel: int = 0  # among those that the call reads


@dataclass(frozen=True)
class Section:
    """The points of a section by (n, m), and by what an average of them is divided."""

    points: dict[tuple[int, int], Point]
    divisor: int


@dataclass(frozen=True)
class Call:
    """One ROI Align of one box.

    `cells` is (H, W), or (M, H, W), the channels that the sections read. `scale` is (y, x), ignored
    by normalised boxes; `image_height` is in the
    boxes' units, the map's height over the scale if None. `along_x` has the rules along x if they
    differ from those along y.
    """

    cells: Array
    box: tuple[float, ...]
    output_size: tuple[int, int]
    convention: Convention
    scale: tuple[float, float] = (1.0, 1.0)
    image_height: float | None = None
    along_x: Convention | None = None

    @property
    def number(self) -> Any:
        """The type of coordinates."""
        double = self.cells.dtype.kind == "f" and self.cells.dtype.itemsize == 8
        features = np.float64 if double else np.float32
        kinds = {"features": features, "double": np.float64, "half": np.float16}
        return kinds[self.convention.coordinates]

    def sections(self) -> dict[tuple[int, int], Section]:
        """Return the sections by (i, j), i along x and j from the top, from 1."""
        rules, (height, width) = self.convention, self.cells.shape[-2:]
        x1, y1, x2, y2 = (self.number(edge) for edge in corners(self))
        scale_y, scale_x = scales(self)
        y_up = rules.origin == "bottom-left"
        top = frame_height(self) if y_up else None
        ratio_y = ratio_x = rules.sampling_ratio
        other = rules if self.along_x is None else self.along_x
        if rules.sampling_ratio_x is not None:
            ratio_x = rules.sampling_ratio_x
        if rules.grid_from == "output":
            fixed = sum(self.output_size) // 2
            ratio_y, ratio_x = ratio_y or fixed, ratio_x or fixed
        rows = along_axis(y1, y2, scale_y, self.output_size[0], height, ratio_y, rules, top)
        columns = along_axis(x1, x2, scale_x, self.output_size[1], width, ratio_x, other, None)
        found = {}
        for j, (down, count_y) in enumerate(rows, start=1):
            for i, (across, count_x) in enumerate(columns, start=1):
                channel = 0
                if rules.channel_map == "position-sensitive":
                    channel = (j - 1) * self.output_size[1] + i - 1
                points = {
                    (n, m): joined(x, y, top, channel)
                    for m, y in enumerate(down, start=1)
                    for n, x in enumerate(across, start=1)
                }
                divisor = count_y * count_x
                if rules.average_over == "inside" and rules.points != "integral":
                    divisor = sum(point.inside for point in points.values())
                found[i, j] = Section(points, divisor)
        return found

    def value(self, point: Point) -> float:
        """Return the bilinear value of a point."""
        if not point.inside:
            return self.convention.extrapolation_value
        return math.fsum(w * self.cell(point, r, c) for r, c, w in point.neighbours)

    def cell(self, point: Point, row: int, column: int) -> float:
        """Return the value of a cell that a point reads, also of one outside the map."""
        height, width = self.cells.shape[-2:]
        if 0 <= row < height and 0 <= column < width:
            cells = self.cells if self.cells.ndim == 2 else self.cells[point.channel]
            return float(cells[row, column])
        return self.convention.extrapolation_value

    def contribution(self, point: Point) -> float:
        """Return what the pooling takes from a point."""
        rules = self.convention
        if point.inside and (rules.pooling, rules.max_of) == ("max", "weighted-cell"):
            products = [w * self.cell(point, r, c) for r, c, w in point.neighbours]
            return math.nan if any(map(math.isnan, products)) else max(products)
        return self.value(point)

    def reduced(self, section: Section) -> float:
        """Return the output of a section."""
        rules = self.convention
        averaged = list(section.points.values())
        if (rules.pooling, rules.average_over) == ("avg", "inside"):
            averaged = [point for point in averaged if point.inside]
        taken = [self.contribution(point) for point in averaged]
        if rules.pooling == "avg":
            divisor = max(section.divisor, 1) if rules.clamp_count else section.divisor
            return math.fsum(taken) / divisor if divisor else math.nan
        if not taken:
            return rules.max_of_empty
        numbers = [value for value in taken if not math.isnan(value)]
        if len(numbers) < len(taken) and not rules.max_skips_nan:
            return math.nan
        return max([rules.max_start, *numbers])

    def output(self) -> Array:
        """Return (height, width) outputs."""
        rows, columns = self.output_size
        sections = self.sections()
        return np.array(
            [
                [self.reduced(sections[i, j]) for i in range(1, columns + 1)]
                for j in range(1, rows + 1)
            ]
        )


def corners(call: Call) -> tuple[float, float, float, float]:
    """Return x1, y1, x2, y2 with y down, in the units of the box."""
    rules = call.convention
    a, b, c, d = (float(number) for number in call.box)
    if rules.box_format == "yxyx":
        a, b, c, d = b, a, d, c
    if rules.origin == "bottom-left":
        height = 1.0 if rules.normalized else image_height(call)
        if rules.box_format in {"xyxy", "yxyx"}:
            b, d = height - d, height - b  # the upper edge has the larger y
        else:
            b = height - b  # of the upper edge, or of the centre
    if rules.box_format == "xywh":
        c, d = a + c, b + d
    if rules.box_format == "cxcywh":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    if rules.inclusive:
        # The last pixel is the one with the largest coordinates in the boxes' own frame.
        c += 1
        b, d = (b - 1, d) if rules.origin == "bottom-left" else (b, d + 1)
    return a, b, c, d


def image_height(call: Call) -> float:
    """Return the height of the image, in the units of the box."""
    if call.image_height is not None:
        return call.image_height
    return float(call.cells.shape[-2] / call.scale[0])


def frame_height(call: Call) -> float:
    """Return the height from which y is measured on the map, in cells."""
    if call.image_height is None or call.convention.normalized:
        return float(call.cells.shape[-2])
    return call.image_height * call.scale[0]


def scales(call: Call) -> tuple[float, float]:
    """Return (y, x) cells per unit of the box."""
    height, width = call.cells.shape[-2:]
    if not call.convention.normalized:
        return call.scale
    less = {"size": 0, "last-centre": 1}[call.convention.normalized_by]
    return float(height - less), float(width - less)


def along_axis(
    a: Any, b: Any, scale: float, sections: int, cells: int, ratio: int, rules: Convention,
    top: float | None,
) -> list[tuple[list[Along], int]]:  # fmt: skip
    """Return the points of every section along one axis, and their count by the rules.

    The count of an inverted region with an adaptive grid is negative. `top` is the height that y is
    measured from, for the y axis of a frame with y up.
    """
    number = type(a)
    found = []
    for positions, count in axis_positions(a, b, number(scale), sections, cells, ratio, rules):
        if rules.points == "integral":
            points = [along_cell(int(p), w, top) for p, w in positions]
        else:
            points = [along(number, p, cells, rules, top) for p in positions]
        found.append((points, count))
    return found


def axis_positions(
    a: Any, b: Any, s: Any, sections: int, cells: int, ratio: int, rules: Convention
) -> Iterator[tuple[list[Any], int]]:
    """Yield the positions of every section's points in cell-index units, and their count."""
    number = type(a)
    low, high = (min(a, b), max(a, b)) if rules.inverted_boxes == "sorted" else (a, b)
    high = number(high - number(rules.image_end_offset))
    start, end = on_map(low, s, cells, rules), on_map(high, s, cells, rules)
    end = number(end - number(rules.end_offset))
    raw = end - start
    if rules.points == "corners":
        raw = number(number(number(high - low) * s) - number(rules.end_offset))
    if rules.points == "cells":
        start = number(start - number(0.5))
    has_minimum = rules.min_size or rules.inverted_boxes == "empty"
    size = max(raw, number(rules.min_size)) if has_minimum else raw
    section = number(size / number(sections))
    for i in range(sections):
        if rules.points == "corners":
            grid = ratio or 1
            points = range(i * grid, (i + 1) * grid)
            ends = (low, high, s, start, size, raw)
            yield [corner(*ends, k, sections * grid, rules) for k in points], grid
        elif rules.points == "cells":
            low = int(start + number(0.5)) + math.floor(number(i) * section)
            high = int(start + number(0.5)) + math.ceil(number(i + 1) * section)
            read = max(cells - rules.unread_cells, 0)
            low, high = (min(max(edge, 0), read) for edge in (low, high))
            yield [number(cell) for cell in range(low, high)], max(high - low, 0)
        elif rules.points == "integral":
            edges = number(start + number(i) * section), number(start + number(i + 1) * section)
            under = range(max(math.floor(edges[0]), 0), min(math.ceil(edges[1]), cells - 1) + 1)
            weighed = [(cell, mean_hat(*edges, cell)) for cell in under] if section > 0 else []
            yield weighed, min(len(weighed), 1)
        elif rules.points == "dividers":
            parts = rules.divide or sections
            origin = number(start + number(number(i) * section))
            steps = [number(number(n) * section) / number(parts) for n in range(1, parts)]
            yield [number(origin + step) for step in steps], parts - 1
        else:
            yield centred_section(start, size, sections, i, cells, ratio, rules)


def centred_section(
    start: Any, size: Any, sections: int, i: int, cells: int, ratio: int, rules: Convention
) -> tuple[list[Any], int]:
    """Return the positions of section i, and the number of points of its grid."""
    number = type(start)
    section = extent = number(size / number(sections))
    first, last = (number(start + number(number(n) * section)) for n in (i, i + 1))
    if rules.clip_sections:
        first, last = (min(max(at, number(0)), number(cells)) for at in (first, last))
        extent = number(last - first)
    grid = ratio or adaptive(extent, rules)
    if rules.clip_sections and extent <= 0:
        grid = 0
    computed = range(min(grid, cells) if rules.grid_points == "cells" else grid)
    if not rules.clip_sections:
        return [centred(start, size, sections, i, q, grid, rules) for q in computed], grid
    steps = [number(number(q) + number(rules.point_in_part)) for q in computed]
    return [number(first + number(number(m * section) / number(grid))) for m in steps], grid


def mean_hat(low: float, high: float, cell: int) -> float:
    """Return the mean of max(0, 1 − |x − cell|) over an interval, piece by linear piece."""
    between = [at for at in (cell - 1, cell, cell + 1) if low < at < high]
    knots = [float(low), *map(float, between), float(high)]
    areas = [
        (right - left) * (max(0.0, 1 - abs(left - cell)) + max(0.0, 1 - abs(right - cell))) / 2
        for left, right in pairwise(knots)
    ]
    return math.fsum(areas) / (float(high) - float(low))


def on_map(edge: Any, s: Any, cells: int, rules: Convention) -> Any:
    """Return where an edge lies, in cell-index units."""
    number = type(edge)
    kind, _, place = rules.edge_rounding.partition("-")
    at = number(edge - number(rules.image_offset))
    if place == "image":
        at = number(WHOLE[kind](at))
    at = number(at * s)
    if rules.clip_boxes:
        at = min(max(at, number(0)), number(cells))
    at = number(at - number(rules.offset))
    return number(WHOLE[kind](at)) if place == "map" else at


def adaptive(section: Any, rules: Convention) -> int:
    """Return how many points an adaptive grid has along one axis of a section."""
    grid = WHOLE[rules.grid_rounding](section)
    if rules.grid_min or rules.grid_max is not None:
        grid = max(grid, rules.grid_min)
        grid = grid if rules.grid_max is None else min(grid, rules.grid_max)
    return grid


def centred(
    start: Any, size: Any, sections: int, i: int, q: int, grid: int, rules: Convention
) -> Any:
    """Return the position of point q of section i, in the order of the convention."""
    number = type(start)
    section = number(size / number(sections))
    middle, parts = number(number(q) + number(rules.point_in_part)), number(grid)
    if rules.position_formula == "share-first":
        return number(start + number(section * number(number(i) + number(middle / parts))))
    if rules.position_formula == "roi-first":
        part = number(number(i * grid) + middle)
        return number(start + number(number(part * size) / number(sections * grid)))
    origin = number(start + number(number(i) * section))
    if rules.position_formula == "step-first":
        return number(origin + number(number(section / parts) * middle))
    return number(origin + number(number(middle * section) / parts))


def corner(
    a: Any, b: Any, s: Any, start: Any, size: Any, raw: Any, k: int, points: int,
    rules: Convention,
) -> Any:  # fmt: skip
    """Return point k of all points of an axis, spread from the first edge to the last."""
    number = type(a)
    if points > 1:
        return number(start + number(number(k) * number(size / number(points - 1))))
    edges = (a - number(rules.image_offset)) + (b - number(rules.image_offset))
    grown = number(0.5) * number(size - raw - number(rules.end_offset))
    return number(number(number(0.5) * edges) * s - number(rules.offset) + grown)


def half_away(value: Any) -> int:
    """Round as C does, halves away from zero."""
    whole = math.floor(abs(float(value)) + 0.5)
    return whole if value >= 0 else -whole


WHOLE: dict[str, Callable[[Any], int]] = {
    "ceil": math.ceil,
    "floor": math.floor,
    "round": half_away,
}


def along_cell(cell: int, weight: float, top: float | None) -> Along:
    """Return a cell as a point along one axis, with its weight."""
    shown = cell + 0.5 if top is None else top - 0.5 - cell
    return Along(shown, ((cell, weight), (cell, 0.0)), inside=True)


def along(number: Any, position: Any, cells: int, rules: Convention, top: float | None) -> Along:
    """Return a point along one axis with its two cells, in the order of growing cell index."""
    shown = float(position) + 0.5 if top is None else top - 0.5 - float(position)
    if rules.points == "cells":
        cell = int(position)
        return Along(shown, ((cell, 1.0), (cell, 0.0)), inside=True)
    if rules.coordinate_decimals is not None:
        # In the frame in which a person reads it: edges of cells on whole numbers.
        shown = float(np.round(shown, rules.coordinate_decimals))
        position = number(shown - 0.5 if top is None else top - 0.5 - shown)
    margin, last = number(rules.border_margin), number(cells - 1)
    inside = bool(-margin <= position <= last + margin)
    low_end, high_end = 0, cells - 1
    if rules.outside_neighbours == "value":
        low_end, high_end = -3, cells + 2
    p = min(max(position, number(low_end)), number(high_end))
    tie: str = rules.tie_neighbour
    if top is not None:  # y grows with falling rows: the upper neighbour is the row before
        tie = {"lower": "upper", "upper": "lower", "both": "both"}[tie]
    low = math.floor(p)
    if tie == "both" and low == p:
        high = low
    elif tie == "upper" and low == p and low > low_end:
        low, high = low - 1, low
    else:
        high = min(low + 1, high_end)
    if rules.outside_neighbours == "extrapolated":
        p = min(position, last)
    weight = float(p - number(low))
    if rules.interpolation == "nearest":
        weight = 1.0 if weight >= 0.5 else 0.0
    if rules.interpolation == "swapped":
        weight = float(number(1) - number(weight))
    return Along(shown, ((low, 1 - weight), (high, weight)), inside)


def joined(x: Along, y: Along, top: float | None, channel: int = 0) -> Point:
    """Return the point at two positions, in the frame; y2 is the larger y there."""
    inside = x.inside and y.inside
    upper, lower = (y.cells[1], y.cells[0]) if top is None else (y.cells[0], y.cells[1])
    neighbours = tuple(
        (row, column, wy * wx if inside else 0.0)
        for row, wy in (upper, lower)
        for column, wx in x.cells
    )
    return Point(x.coordinate, y.coordinate, inside, neighbours, channel)
