"""Place the sample points of a section along one axis: one rule for each `Convention.points`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.errors import ArgumentError

# More points than this in one section along one axis mean a mistake in the boxes or the scale.
_MAX_SECTION_POINTS = 100_000


@dataclass(frozen=True)
class PointsRule:
    """Hold the functions of one rule, each for R regions along one axis."""

    # box start and end (R,), scale, cells, convention → ROI start and unclamped size (R,)
    extent: Callable[[Float, Float, np.floating, int, Convention], tuple[Float, Float]]
    # section size and start (R,), sections, cells, sampling ratio, convention
    # → points per section (R, S) or (R, 1)
    grid: Callable[[Float, Float, int, int, int, Convention], NDArray[np.intp]]
    # axis, index of the point (R, S, P) or (R, 1, P) → position (R, S, P)
    position: Callable[[RoiAxis, Float, Convention], Float]
    # whether points lie between cells; if not, each point is a cell
    between_cells: bool = True
    # axis, cells (R, S, P) → their weights in the section (R, S, P); None if all points are equal
    cell_weight: Callable[[RoiAxis, Float], Float] | None = None


def _edges(
    first: Float, last: Float, scale: np.floating, cells: int, convention: Convention
) -> tuple[Float, Float]:
    """Return the edges on the map, (R,) each, in cell-index units."""
    if convention.inverted_boxes == "sorted":
        first, last = np.minimum(first, last), np.maximum(first, last)
    if convention.image_end_offset:
        last = last - scale.dtype.type(convention.image_end_offset)
    start, end = (_edge_on_map(edge, scale, cells, convention) for edge in (first, last))
    return start, end - scale.dtype.type(convention.end_offset) if convention.end_offset else end


def _edge_on_map(edge: Float, scale: np.floating, cells: int, convention: Convention) -> Float:
    number = scale.dtype.type
    rounding, _, place = convention.edge_rounding.partition("-")
    if convention.image_offset:
        edge = edge - number(convention.image_offset)
    if place == "image":
        edge = ROUNDINGS[rounding](edge)
    edge = edge * scale
    if convention.clip_boxes:
        edge = np.minimum(np.maximum(edge, number(0)), number(cells))
    edge = edge - number(convention.offset)
    return ROUNDINGS[rounding](edge) if place == "map" else edge


def _extent_between_edges(
    first: Float, last: Float, scale: np.floating, cells: int, convention: Convention
) -> tuple[Float, Float]:
    start, end = _edges(first, last, scale, cells, convention)
    return start, end - start


def _extent_between_corners(
    first: Float, last: Float, scale: np.floating, cells: int, convention: Convention
) -> tuple[Float, Float]:
    start, _ = _edges(first, last, scale, cells, convention)
    number = scale.dtype.type
    length = last - number(convention.image_end_offset) - first
    return start, length * scale - number(convention.end_offset)


def _extent_of_cells(
    first: Float, last: Float, scale: np.floating, cells: int, convention: Convention
) -> tuple[Float, Float]:
    start, end = _edges(first, last, scale, cells, convention)
    # A rounded edge is the index of a cell, which begins half a cell before its centre.
    return start - scale.dtype.type(0.5), end - start


def _rounded(values: Float) -> Float:
    """Round half away from zero, as C does."""
    whole = np.trunc(values)
    rounded: Float = whole + np.trunc(2 * (values - whole))
    return rounded


# Numbers (R,) → whole numbers (R,)
ROUNDINGS: Mapping[str, Callable[[Float], Float]] = MappingProxyType(
    {"ceil": np.ceil, "floor": np.floor, "round": _rounded}
)


def _grid_centred(
    section: Float, start: Float, sections: int, cells: int, ratio: int, convention: Convention
) -> NDArray[np.intp]:
    if convention.clip_sections:
        first, last = _clipped_sections(section, start, sections, cells)
        grid = _grid_of(last - first, ratio, convention)
        return np.where(last > first, grid, 0)
    return _grid_of(section[:, None], ratio, convention)


def clipped_sections(axis: RoiAxis) -> tuple[Float, Float]:
    """Return where the sections of regions begin and end after they are cut to the map, (R, S)."""
    return _clipped_sections(axis.section_size, axis.roi_start, axis.sections, axis.cells)


def _clipped_sections(
    section: Float, start: Float, sections: int, cells: int
) -> tuple[Float, Float]:
    """Return where sections that are cut to the map begin and end, (R, S)."""
    i = np.arange(sections, dtype=start.dtype)
    first = start[:, None] + i * section[:, None]
    last = start[:, None] + (i + 1) * section[:, None]
    return np.clip(first, 0, cells), np.clip(last, 0, cells)


def _grid_of(section: Float, ratio: int, convention: Convention) -> NDArray[np.intp]:
    """Return the points along an axis of sections of some sizes, of the same shape."""
    if ratio:
        return np.full(section.shape, ratio, np.intp)
    count = ROUNDINGS[convention.grid_rounding](section).astype(np.float64)
    if convention.grid_min or convention.grid_max is not None:
        count = np.clip(count, convention.grid_min, convention.grid_max)
    most = count.max(initial=0)
    if most > _MAX_SECTION_POINTS:
        box = count.max(axis=1).argmax()
        raise ArgumentError(
            "boxes",
            f"box {box} needs {most:.3g} sample points per section along one axis; "
            "check the scale or set a sampling ratio",
        )
    # Only the sign of a large negative count matters.
    return np.maximum(count, -_MAX_SECTION_POINTS).astype(np.intp)


def _grid_dividers(
    section: Float, _start: Float, sections: int, _cells: int, _ratio: int, convention: Convention
) -> NDArray[np.intp]:
    parts = convention.divide or sections
    if parts == 1:
        raise ArgumentError(
            "divide", "one section along an axis is one part without dividing lines; use 2 or more"
        )
    return np.full((len(section), 1), parts - 1, np.intp)


def _grid_corners(
    section: Float, _start: Float, _sections: int, _cells: int, ratio: int, _convention: Convention
) -> NDArray[np.intp]:
    return np.full((len(section), 1), ratio or 1, np.intp)


def _grid_cells(
    section: Float, start: Float, sections: int, cells: int, _ratio: int, convention: Convention
) -> NDArray[np.intp]:
    first, end = _cell_ranges(section, start, sections, cells - convention.unread_cells)
    return np.maximum(end - first, 0).astype(np.intp)


def pooled_cells(axis: RoiAxis) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first cell that each section pools by the rule "cells", and how many, (R, S)."""
    first, _ = _cell_ranges(axis.section_size, axis.roi_start, axis.sections, axis.cells)
    return first.astype(np.intp), np.broadcast_to(axis.count, first.shape)


def _cell_ranges(section: Float, start: Float, sections: int, cells: int) -> tuple[Float, Float]:
    """Return the first cell of each section and the one after its last, within the map, (R, S)."""
    first_cell = (start + start.dtype.type(0.5))[:, None]
    i = np.arange(sections, dtype=start.dtype)
    first = first_cell + np.floor(i * section[:, None])
    end = first_cell + np.ceil((i + 1) * section[:, None])
    return np.clip(first, 0, cells), np.clip(end, 0, cells)


def _grid_integral(
    section: Float, start: Float, sections: int, cells: int, _ratio: int, _convention: Convention
) -> NDArray[np.intp]:
    first, last = _integrated_cells(section, start, sections, cells)
    count = np.where(section[:, None] > 0, last - first + 1, 0)
    return np.maximum(count, 0).astype(np.intp)


def _integrated_cells(
    section: Float, start: Float, sections: int, cells: int
) -> tuple[Float, Float]:
    """Return the first and the last cell less than a cell away from each section, (R, S)."""
    i = np.arange(sections, dtype=start.dtype)
    first = np.floor(start[:, None] + i * section[:, None])
    last = np.ceil(start[:, None] + (i + 1) * section[:, None])
    return np.maximum(first, 0), np.minimum(last, cells - 1)


def _in_section(axis: RoiAxis, step: Float) -> Float:
    """Return positions (R, S, P) from distances (R, 1, P) to the start of a section."""
    i = np.arange(axis.sections, dtype=axis.roi_start.dtype)[:, None]
    return axis.roi_start[:, None, None] + i * axis.section_size[:, None, None] + step


def _position_centred(axis: RoiAxis, q: Float, convention: Convention) -> Float:
    grid = np.maximum(axis.grid, 1).astype(q.dtype)[:, :, None]
    in_part = q + q.dtype.type(convention.point_in_part)
    if convention.clip_sections:
        first, _ = clipped_sections(axis)
        return first[:, :, None] + in_part * axis.section_size[:, None, None] / grid
    return _POSITION_FORMULAS[convention.position_formula](axis, in_part, grid)


def _section_first(axis: RoiAxis, in_part: Float, grid: Float) -> Float:
    return _in_section(axis, in_part * axis.section_size[:, None, None] / grid)


def _step_first(axis: RoiAxis, in_part: Float, grid: Float) -> Float:
    return _in_section(axis, axis.section_size[:, None, None] / grid * in_part)


def _share_first(axis: RoiAxis, in_part: Float, grid: Float) -> Float:
    i = np.arange(axis.sections, dtype=axis.roi_start.dtype)[:, None]
    return axis.roi_start[:, None, None] + axis.section_size[:, None, None] * (i + in_part / grid)


def _roi_first(axis: RoiAxis, in_part: Float, grid: Float) -> Float:
    number = axis.roi_start.dtype.type
    part = np.arange(axis.sections, dtype=number)[:, None] * grid + in_part
    parts = number(axis.sections) * grid
    return axis.roi_start[:, None, None] + part * axis.roi_size[:, None, None] / parts


# axis, q + 0.5 (P,), grid (R, 1, 1) → position (R, S, P)
_POSITION_FORMULAS = {
    "section-first": _section_first,
    "step-first": _step_first,
    "share-first": _share_first,
    "roi-first": _roi_first,
}


def _position_dividers(axis: RoiAxis, q: Float, _convention: Convention) -> Float:
    parts = (axis.count + 1).astype(q.dtype)[:, :, None]
    return _in_section(axis, (q + 1) * axis.section_size[:, None, None] / parts)


def _position_corners(axis: RoiAxis, q: Float, convention: Convention) -> Float:
    number, grid = axis.roi_start.dtype.type, q.shape[-1]
    points = axis.sections * grid
    if points == 1:
        before, after = number(convention.image_offset), number(convention.offset)
        end = axis.box_end - number(convention.image_end_offset)
        edges = (axis.box_start - before) + (end - before)
        grown = axis.roi_size - axis.unclamped_size - number(convention.end_offset)
        middle = number(0.5) * edges * axis.scale - after + number(0.5) * grown
        return middle[:, None, None]
    k = np.arange(axis.sections, dtype=number)[:, None] * number(grid) + q  # (…, S, P)
    step = axis.roi_size / number(points - 1)
    return axis.roi_start[:, None, None] + k * step[:, None, None]


def _position_cells(axis: RoiAxis, q: Float, _convention: Convention) -> Float:
    first, _ = _cell_ranges(axis.section_size, axis.roi_start, axis.sections, axis.cells)
    return first[:, :, None] + q


def _position_integral(axis: RoiAxis, q: Float, _convention: Convention) -> Float:
    first, _ = _integrated_cells(axis.section_size, axis.roi_start, axis.sections, axis.cells)
    return np.minimum(first[:, :, None] + q, axis.cells - 1)


def _mean_hat(axis: RoiAxis, cell: Float) -> Float:
    """Return the mean over each section of the hat max(0, 1 − |x − cell|), (R, S, P), float64."""
    i = np.arange(axis.sections, dtype=axis.roi_start.dtype)[:, None]
    start, section = axis.roi_start[:, None, None], axis.section_size[:, None, None]
    # Differences of the integral lose digits.
    low = (start + i * section).astype(np.float64) - cell
    high = (start + (i + 1) * section).astype(np.float64) - cell
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (_hat_integral(high) - _hat_integral(low)) / (high - low)
    return np.where(high > low, mean, 0)


def _hat_integral(x: Float) -> Float:
    """Return the integral of max(0, 1 − |t|) from 0 to x."""
    within = np.clip(x, -1, 1)
    integral: Float = within - within * np.abs(within) / 2
    return integral


POINTS_RULES = {
    "centred": PointsRule(_extent_between_edges, _grid_centred, _position_centred),
    "dividers": PointsRule(_extent_between_edges, _grid_dividers, _position_dividers),
    "corners": PointsRule(_extent_between_corners, _grid_corners, _position_corners),
    "cells": PointsRule(_extent_of_cells, _grid_cells, _position_cells, between_cells=False),
    "integral": PointsRule(
        _extent_between_edges,
        _grid_integral,
        _position_integral,
        between_cells=False,
        cell_weight=_mean_hat,
    ),
}
