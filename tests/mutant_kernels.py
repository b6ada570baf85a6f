"""Kernels with one or two broken rules, in scalar Python, and the rule that each breaks.

The points come from the oracle, section by section; a mutant changes a field of the convention, a
section, or what goes into the kernel and comes out of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention
from tests.oracle import Call, Point, Section

Array = NDArray[Any]
# Sampling ratio (y, x) or the size of a section along (y, x) → points along (y, x)
Grid = Callable[[float, float], tuple[int, int]]


@dataclass(frozen=True)
class Kernel:
    """A kernel on the points of the oracle.

    `section` changes a section, given the shape of the map; `divided` returns what the sum of the
    points is divided by, from the points along y and x; `scale` returns the scale along y and x.
    `along_x` has the rules along x if they differ.
    """

    convention: Convention
    section: Callable[[Section, tuple[int, int]], Section] | None = None
    grid: Grid | None = None
    ratio: Grid | None = None
    divided: Callable[[int, int], float] | None = None
    scale: Callable[[float], tuple[float, float]] = lambda scale: (scale, scale)
    along_x: Convention | None = None

    def __call__(
        self,
        features: Array,
        boxes: Array,
        output_size: tuple[int, int],
        spatial_scale: float = 1.0,
        sampling_ratio: int = 0,
        batch_index: Array | None = None,
    ) -> Array:
        index = np.zeros(len(boxes), int) if batch_index is None else batch_index
        return np.stack(
            [
                self._box(features[n], box, output_size, spatial_scale, sampling_ratio)
                for n, box in zip(index, boxes, strict=True)
            ]
        )

    def _box(
        self, cells: Array, box: Array, size: tuple[int, int], scale: float, ratio: int
    ) -> Array:
        rules = replace(self.convention, sampling_ratio=ratio)
        call = Call(cells, tuple(map(float, box)), size, rules, self.scale(scale))
        if self.along_x is not None:
            call = replace(call, along_x=replace(self.along_x, sampling_ratio=ratio))
        if self.grid is not None and ratio == 0:
            along = self.grid(*self._section_size(call))
            call = self._with_points(call, *along) if min(along) > 0 else call
        if self.ratio is not None and ratio:
            call = self._with_points(call, *self.ratio(ratio, ratio))
        sections = call.sections()
        maps = size[0] * size[1] if rules.channel_map == "position-sensitive" else 1
        own = cells.reshape(-1, maps, *cells.shape[-2:])
        output = np.empty((len(own), *size), np.float32)
        for (i, j), section in sections.items():
            changed = self.section(section, cells.shape[-2:]) if self.section else section
            values = reduced(call, changed, own)
            if self.divided is not None and changed.points:
                n, m = (len({p[axis] for p in changed.points}) for axis in (0, 1))
                values *= len(changed.points) / self.divided(m, n)
            output[:, j - 1, i - 1] = values
        return output

    def _with_points(self, call: Call, along_y: int, along_x: int) -> Call:
        rules = replace(call.convention, sampling_ratio=along_y, sampling_ratio_x=along_x)
        return replace(call, convention=rules)

    @staticmethod
    def _section_size(call: Call) -> tuple[float, float]:
        x1, y1, x2, y2 = (np.float32(edge) for edge in call.box)
        scale, (rows, columns) = np.float32(call.scale[0]), call.output_size
        return float((y2 * scale - y1 * scale) / rows), float((x2 * scale - x1 * scale) / columns)


def reduced(call: Call, section: Section, cells: Array) -> Array:
    """Return the output of a section for all channels, (C,), as `Call.reduced` does for one.

    `cells` is (C, M, H, W), the M channels that the sections of each output channel read.
    """
    rules, (height, width) = call.convention, cells.shape[-2:]
    is_average, points = rules.pooling == "avg", [*section.points.values()]
    if is_average and rules.average_over == "inside":
        points = [point for point in points if point.inside]
    if not points:
        return np.full(len(cells), call.reduced(section))
    rows, columns, weights = np.moveaxis(np.array([p.neighbours for p in points]), -1, 0)
    on_map = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    rows, columns = (np.where(on_map, each, 0).astype(int) for each in (rows, columns))
    channels = np.array([[point.channel] for point in points])
    outside = rules.extrapolation_value
    products = weights * np.where(on_map, cells[:, channels, rows, columns], outside)
    is_of_cells = not is_average and rules.max_of == "weighted-cell"
    values = products.max(axis=-1) if is_of_cells else products.sum(axis=-1)
    values = np.where([point.inside for point in points], values, outside)
    if is_average:
        divisor = max(section.divisor, 1) if rules.clamp_count else section.divisor
        return np.asarray(values.sum(axis=-1) / (divisor or math.nan))
    if rules.max_skips_nan:
        values = np.where(np.isnan(values), -math.inf, values)
    return np.asarray(np.maximum(values.max(axis=-1), rules.max_start))


Neighbours = tuple[tuple[int, int, float], ...]


def with_neighbours(section: Section, change: Callable[[Point], Neighbours]) -> Section:
    """Return a section in which every point has other neighbours."""
    points = {
        key: replace(point, neighbours=change(point)) for key, point in section.points.items()
    }
    return replace(section, points=points)


def with_weights_from(order: tuple[int, ...]) -> Callable[[Section, tuple[int, int]], Section]:
    """Return what gives each neighbour of a point the weight of the neighbour in its place."""

    def change(point: Point) -> Neighbours:
        weights = [point.neighbours[place][2] for place in order]
        return tuple((r, c, w) for (r, c, _), w in zip(point.neighbours, weights, strict=True))

    return lambda section, _shape: with_neighbours(section, change)


# The weights along x and along y exchanged; those of two opposite neighbours exchanged.
exchanged_weights = with_weights_from((3, 1, 2, 0))
opposite_weights = with_weights_from((0, 2, 1, 3))


def zero_beyond_the_far_edge(section: Section, shape: tuple[int, int]) -> Section:
    """Give points beyond the last cell centres the value 0."""

    def change(point: Point) -> Neighbours:
        is_before = point.y <= shape[0] - 0.5 and point.x <= shape[1] - 0.5
        return tuple((r, c, w * is_before) for r, c, w in point.neighbours)

    return with_neighbours(section, change)


def first_cell_at_the_far_edge(section: Section, shape: tuple[int, int]) -> Section:
    """Read the first column instead of the last, where a neighbour is clamped to the last."""

    def change(point: Point) -> Neighbours:
        is_beyond = point.x > shape[1] - 0.5
        return tuple((r, 0 if is_beyond else c, w) for r, c, w in point.neighbours)

    return with_neighbours(section, change)


@dataclass(frozen=True)
class Mutant:
    """A broken kernel, the preset that it was, and the rules that are broken."""

    name: str
    kernel: Callable[..., Array]
    base: str
    rules: tuple[str, ...]
    pooling: str = "avg"
    expressed: bool = True  # by fields or a behaviour


def _convention(base: str, **fields: Any) -> Convention:
    return replace(PRESETS[base].convention, **fields)


def broken(
    rules: str | tuple[str, ...], base: str = "torchvision-aligned", **fields: Any
) -> Mutant:
    """Return a mutant with other fields."""
    shown = ",".join(f"{key}={value}" for key, value in fields.items())
    return built(shown, rules, base, fields=fields)


def built(
    name: str,
    rules: str | tuple[str, ...],
    base: str = "torchvision-aligned",
    *,
    expressed: bool = True,
    fields: dict[str, Any] | None = None,
    **hooks: Any,
) -> Mutant:
    """Return a mutant with changed sections, grids or divisors."""
    names = (rules,) if isinstance(rules, str) else rules
    given = fields or {}
    kernel = Kernel(_convention(base, **given), **hooks)
    return Mutant(name, kernel, base, names, given.get("pooling", "avg"), expressed)


def along_x(
    rule: str,
    base: str = "torchvision-aligned",
    *,
    along_y: dict[str, Any] | None = None,
    **fields: Any,
) -> Mutant:
    """Return a mutant with other fields along x only, or along y only if there are any."""
    shown = ",".join(f"{key}={value}" for key, value in (along_y or fields).items())
    kernel = Kernel(_convention(base, **(along_y or {})), along_x=_convention(base, **fields))
    return Mutant(f"{shown} along {'y' if along_y else 'x'}", kernel, base, (rule,))


def wrapped(
    name: str,
    rule: str,
    wrap: Callable[[Callable[..., Array]], Callable[..., Array]],
    *,
    base: str = "torchvision-aligned",
    expressed: bool = True,
    **fields: Any,
) -> Mutant:
    """Return a mutant that changes inputs or outputs."""
    kernel = wrap(Kernel(_convention(base, **fields)))
    return Mutant(name, kernel, base, (rule,), fields.get("pooling", "avg"), expressed)


def with_batch(change: Callable[[Array, int], Array]) -> Callable[..., Callable[..., Array]]:
    def wrap(kernel: Callable[..., Array]) -> Callable[..., Array]:
        def run(
            features: Array,
            boxes: Array,
            output_size: tuple[int, int],
            *,
            spatial_scale: float,
            sampling_ratio: int = 0,
            batch_index: Array,
        ) -> Array:
            index = change(batch_index, len(features))
            return kernel(features, boxes, output_size, spatial_scale, sampling_ratio, index)

        return run

    return wrap


def with_features(change: Callable[[Array], Array]) -> Callable[..., Callable[..., Array]]:
    return lambda kernel: (
        lambda features, *given, **keywords: kernel(change(features), *given, **keywords)
    )


def with_output(change: Callable[[Array], Array]) -> Callable[..., Callable[..., Array]]:
    return lambda kernel: lambda *given, **keywords: change(kernel(*given, **keywords))


def refusing(test: Callable[[Array], bool]) -> Callable[..., Callable[..., Array]]:
    def wrap(kernel: Callable[..., Array]) -> Callable[..., Array]:
        def run(features: Array, boxes: Array, *given: Any, **keywords: Any) -> Array:
            if test(boxes):
                raise ZeroDivisionError("division by zero")
            return kernel(features, boxes, *given, **keywords)

        return run

    return wrap


GRID, EMPTY, SHIFT = "adaptive grid", "boxes without area", "scale and shift"

ONE_RULE = (
    broken(SHIFT, offset=0.0),
    broken(SHIFT, offset=1.0),
    broken(SHIFT, offset=0.0, image_offset=0.5),
    broken(SHIFT, image_offset=-0.5),
    broken(SHIFT, offset=-0.5),
    broken("box end", image_end_offset=-1.0),
    broken("box end", end_offset=-1.0),
    broken("minimum size", min_size=1.0),
    broken("minimum size", base="torchvision", min_size=0.1),
    broken("edge rounding", edge_rounding="round-map"),
    broken("edge rounding", edge_rounding="floor-image"),
    broken("box format", box_format="xywh"),
    broken("box format", box_format="yxyx"),
    broken("box format", box_format="cxcywh"),
    broken("points", point_in_part=0.0),
    broken("points", points="corners"),
    broken("points", points="integral"),
    broken(GRID, grid_rounding="floor", grid_min=1),
    broken(GRID, grid_rounding="round", grid_min=1),
    broken(GRID, grid_max=2),
    built("floor + 1", GRID, grid=lambda y, x: (math.floor(y) + 1, math.floor(x) + 1)),
    built("one grid", GRID, grid=lambda y, x: (math.ceil(max(y, x)),) * 2),
    built("ratio + 1", "sampling ratio", ratio=lambda y, x: (int(y) + 1, int(x) + 1)),
    broken("border margin", border_margin=0.0),
    broken("border margin", border_margin=math.inf),
    broken("border margin", border_margin=0.99999),
    broken("minimum size", min_size=0.3),
    broken("outside the map", extrapolation_value=1.0),
    broken("outside the map", outside_neighbours="value"),
    built("zero far edge", "far edge", expressed=False, section=zero_beyond_the_far_edge),
    built("first at far edge", "far edge", expressed=False, section=first_cell_at_the_far_edge),
    built("no division", "divisor", divided=lambda _y, _x: 1),
    wrapped("doubled", "divisor", with_output(lambda out: 2 * out), expressed=False),
    built("divided by y", "divisor", divided=lambda y, _x: y),
    broken("divisor", average_over="inside"),
    broken(EMPTY, clamp_count=False),
    broken(EMPTY, inverted_boxes="sorted"),
    wrapped(
        "raises on empty", "refused boxes", refusing(lambda b: bool((b[:, 2] <= b[:, 0]).any()))
    ),
    wrapped(
        "raises on inverted", "refused boxes", refusing(lambda b: bool((b[:, 3] < b[:, 1]).any()))
    ),
    broken("interpolation", interpolation="nearest"),
    broken("interpolation", interpolation="swapped"),
    built("exchanged weights", "interpolation", section=exchanged_weights),
    built("opposite weights", "interpolation", expressed=False, section=opposite_weights),
    broken("pooling", pooling="max"),
    broken("maximum", base="onnx-half-pixel", pooling="max", max_of="point"),
    broken("negative features", base="mmcv-cuda", pooling="max", max_start=0.0),
    broken(
        "negative features", base="openvino-half-pixel-for-nn", pooling="max", max_start=-math.inf
    ),
    wrapped("nan_to_num", "non-finite cells", with_features(np.nan_to_num), expressed=False),
    wrapped("map 0", "batch index", with_batch(lambda index, _n: index * 0)),
    wrapped("batch from 1", "batch index", with_batch(lambda index, n: (index - 1) % n)),
    wrapped("rows and columns", "output axes", with_output(lambda out: out.swapaxes(2, 3))),
    wrapped("channels last", "output axes", with_output(lambda out: out.transpose(0, 2, 3, 1))),
    wrapped(
        "channels reversed", "channel map", with_features(lambda f: f[:, ::-1]), expressed=False
    ),
    broken("channel map", channel_map="position-sensitive"),
    broken("coordinates", coordinates="half"),
    broken("coordinates", coordinates="double"),
    broken("coordinates", coordinate_decimals=2),
    broken("position formula", position_formula="roi-first"),
    broken("clipping", clip_boxes=True),
    built("scale squared", SHIFT, scale=lambda scale: (scale**2, scale**2)),
    built("scale along y only", SHIFT, scale=lambda scale: (scale, 1.0)),
    built("no scale", SHIFT, scale=lambda _scale: (1.0, 1.0)),
    along_x(SHIFT, offset=0.25),
    along_x(SHIFT, image_offset=0.5),
    along_x("box end", end_offset=-1.0),
    along_x("edge rounding", along_y={"edge_rounding": "round-map"}),
    along_x("points", point_in_part=0.0),
    along_x("interpolation", along_y={"interpolation": "nearest"}),
    along_x(GRID, grid_max=2),
    along_x(GRID, along_y={"grid_rounding": "floor", "grid_min": 1}),
    along_x("border margin", along_y={"border_margin": 0.0}),
    along_x("outside the map", outside_neighbours="value"),
    along_x("minimum size", min_size=1.0),
    along_x("clipping", along_y={"clip_boxes": True}),
    along_x(EMPTY, inverted_boxes="sorted"),
    along_x("cell centres", tie_neighbour="upper"),
    wrapped("rows reversed", "output axes", with_output(lambda out: out[:, :, ::-1])),
    wrapped("columns reversed", "output axes", with_output(lambda out: out[..., ::-1])),
    broken("points", points="dividers", divide=3),
    broken(GRID, grid_from="output"),
    broken(GRID, grid_min=2),
    broken(GRID, grid_points="cells"),
    broken("clipping", clip_sections=True),
    built(
        "ceil with a tolerance", GRID, grid=lambda y, x: (math.ceil(y - 1e-4), math.ceil(x - 1e-4))
    ),
    built("longer side of the other axis", GRID, grid=lambda y, x: (math.ceil(x), math.ceil(y))),
    built("ratio in all", "sampling ratio", ratio=lambda y, x: (round(y**0.5), round(x**0.5))),
    built("ratio 2", "sampling ratio", ratio=lambda _y, _x: (2, 2)),
    broken("outside the map", outside_neighbours="extrapolated"),
    broken(EMPTY, inverted_boxes="empty"),
    broken(EMPTY, base="onnx-half-pixel", pooling="max", max_of_empty=-10_000.0),
    broken("non-finite cells", base="onnx-half-pixel", pooling="max", max_skips_nan=True),
    broken("cell centres", tie_neighbour="upper"),
    broken("cell centres", tie_neighbour="both"),
    broken("box format", origin="bottom-left"),
    broken("box format", base="tensorflow", normalized_by="size"),
)

TWO_RULES = (
    broken(("box end", "edge rounding"), end_offset=-1.0, edge_rounding="round-map"),
    broken(("edge rounding", "interpolation"), edge_rounding="round-map", interpolation="nearest"),
    broken(("edge rounding", "interpolation"), edge_rounding="floor-map", interpolation="swapped"),
    broken(("edge rounding", "box format"), edge_rounding="round-map", normalized=True),
    broken(("minimum size", "box end"), min_size=2.0, end_offset=1.0),
    broken(("coordinates", GRID), coordinates="double", grid_from="output"),
    broken(("interpolation", GRID), interpolation="nearest", grid_max=2),
    broken((SHIFT, GRID), offset=0.0, grid_rounding="floor", grid_min=1),
    broken(("border margin", "divisor"), border_margin=0.0, average_over="inside"),
    broken(("interpolation", "minimum size"), interpolation="nearest", min_size=1.0),
    broken((EMPTY, "outside the map"), clamp_count=False, extrapolation_value=2.0),
    broken(("box format", "points"), box_format="xywh", point_in_part=0.0),
    broken(("edge rounding", "border margin"), edge_rounding="round-map", border_margin=math.inf),
    broken(("coordinates", "box end"), coordinates="half", image_end_offset=-1.0),
    built(
        "ratio + 1, no division", ("sampling ratio", "divisor"),
        ratio=lambda y, x: (int(y) + 1, int(x) + 1), divided=lambda _y, _x: 1,
    ),
    built(
        "floor + 1, offset 0", (GRID, SHIFT), fields={"offset": 0.0},
        grid=lambda y, x: (math.floor(y) + 1, math.floor(x) + 1),
    ),
    built(
        "zero far edge, minimum size", ("far edge", "minimum size"), expressed=False,
        fields={"min_size": 1.0}, section=zero_beyond_the_far_edge,
    ),
    built(
        "exchanged weights, inside", ("interpolation", "divisor"),
        fields={"average_over": "inside"}, section=exchanged_weights,
    ),
)  # fmt: skip


def one_rule(name: str) -> Mutant:
    """Return the mutant of one rule that has a name."""
    return next(mutant for mutant in ONE_RULE if mutant.name == name)
