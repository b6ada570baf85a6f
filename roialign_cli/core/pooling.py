"""Contract the sampling plan with a feature map.

The output of an ROI is rows · window · columns. The window holds the cells under the ROI; the
matrices on either side hold the weights along y and along x. For "avg" a matrix has one row per
section, the mean weight of each cell, so that the cost does not grow with the number of points.
For "max" it has a row for every candidate, and the products are reduced afterwards. With the
channels last, both are plain matrix products over all channels at once.

Multiplying whole windows would spread a non-finite cell over the whole ROI. An ROI with such a
cell under it is pooled point by point, as the libraries do for every ROI.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.channels import output_channels, own_section
from roialign_cli.core.convention import Convention
from roialign_cli.core.gathered import largest_gathered_window, pool_gathered
from roialign_cli.core.point_values import (
    check_point_values,
    divisor_of,
    floating,
    pool_by_points,
)
from roialign_cli.core.products import multiply
from roialign_cli.core.sampling import AxisSamples, Plan
from roialign_cli.core.weights import BLOCK_ROWS, AxisSpans, weight_matrices
from roialign_cli.core.windows import FeatureWindows

Index = NDArray[np.intp]

# Sample points along one axis in a batch of regions.
_MAX_BATCH_POINTS = 1 << 14
# So many cells take as long as a sample point, when windows are copied.
_CELLS_PER_POINT = 64
# Values that position-sensitive pooling computes at once, for all channels in all sections.
_MAX_VALUES_OF_ALL_SECTIONS = 1 << 22
_LARGEST_BLOCK = 1 << 22  # bytes
# Height in cells above which a window is multiplied in parts.
_TALL_WINDOW = 32


def pool(
    features: NDArray[Any],
    plan: Plan,
    batch_index: Index,
    *,
    out: Float | None = None,
    advance: Callable[[int], object] = lambda _regions: None,
) -> Float:
    """Pool the features of every region.

    Parameters
    ----------
    features
        (N, C, H, W), any real dtype; may be memory-mapped. Only the cells under the regions are
        read.
    plan
        The sampling plan of R regions.
    batch_index
        (R,), the map that each region lies on, from 0.
    out
        Array for the output, with the shape and dtype of `output_like`; may be memory-mapped.
    advance
        Called with the number of regions finished since the last call.

    Returns
    -------
    (R, C, height, width), float64 for float64 features and float32 for all others.
    """
    shape, dtype = output_like(features, plan)
    pooled = np.empty(shape, dtype) if out is None else out
    if 0 in shape:
        return pooled
    if len(pooled) > 1:
        _keep_freed_memory()
    for n in sorted(set(batch_index.tolist())):
        rois = np.flatnonzero(batch_index == n)
        on_map = plan if len(rois) == len(pooled) else plan[rois]
        cells = FeatureWindows(features[n], on_map, dtype)
        for batch in _batches(plan, rois, cells.channels):
            part = on_map if batch is rois else plan[batch]
            if plan.convention.channel_map == "same":
                _pool_batch(cells, part, batch, pooled, advance)
            else:
                pooled[batch] = _pool_own_sections(cells, part, dtype, advance)
    return pooled


def _keep_freed_memory() -> None:
    """Let the C library keep the memory of temporary arrays for the next ones.

    glibc returns freed memory to the system when there is more of it than twice the largest block
    that was freed before (malloc.c, "dynamic mmap threshold"). Getting it back, page after page,
    can take as long as the arithmetic. The pages of this block are never touched.
    """
    np.empty(_LARGEST_BLOCK, np.uint8)


def _pool_own_sections(
    cells: FeatureWindows,
    plan: Plan,
    dtype: np.dtype[np.floating],
    advance: Callable[[int], object],
) -> Float:
    """Return the output of regions of one map whose sections read different channels."""
    (rows, columns), regions = plan.output_size, np.arange(len(plan.y.roi_start))
    step = max(_MAX_VALUES_OF_ALL_SECTIONS // (cells.channels * rows * columns), 1)
    own = []
    for start in range(0, len(regions), step):
        some = regions[start : start + step]
        pooled = np.empty((len(some), cells.channels, rows, columns), dtype)
        _pool_batch(cells, plan[some], some - start, pooled, advance)
        own.append(own_section(pooled, rows, columns))
    return np.concatenate(own)


def output_like(
    features: NDArray[Any], plan: Plan
) -> tuple[tuple[int, ...], np.dtype[np.floating]]:
    """Return the shape and the dtype of the pooled output."""
    channels = output_channels(features.shape[1], plan.convention, plan.output_size)
    shape = (len(plan.y.roi_start), channels, *plan.output_size)
    return shape, floating(features.dtype)


def _batches(plan: Plan, rois: Index, channels: int) -> Iterator[Index]:
    """Divide regions into batches of bounded memory, by their number of points.

    Windows that are copied together have the size of the largest, so that regions of similar
    heights and widths share a batch, and their cells count as well.
    """
    if len(rois) == 1:
        yield rois
        return
    counts = [axis.count[rois].max(axis=1) * axis.sections for axis in (plan.y, plan.x)]
    points = np.maximum(np.maximum(*counts), 1)
    if most := largest_gathered_window(channels, plan.convention.pooling):
        height, width = (np.abs(axis.roi_size[rois], dtype=np.float64) for axis in (plan.y, plan.x))
        cells = np.minimum(height * width, most) * channels
        points = np.maximum(points, (cells / _CELLS_PER_POINT).astype(np.intp))
    if len(rois) * int(points.max()) <= _MAX_BATCH_POINTS:
        yield rois
        return
    if most:
        order = _by_shape(height, width, int(points.sum()) // _MAX_BATCH_POINTS)
        rois, points = rois[order], points[order]
    elif points.min() != points.max():
        order = np.argsort(points, kind="stable")
        rois, points = rois[order], points[order]
    start = 0
    while start < len(rois):
        end = start + _MAX_BATCH_POINTS // int(points[start]) + 1
        end = start + max(_MAX_BATCH_POINTS // int(points[start:end].max()), 1)
        yield rois[start:end]
        start = end


def _by_shape(height: Float, width: Float, batches: int) -> Index:
    """Return an order of regions in which runs of about so many batches have similar shapes."""
    # Small whole numbers are sorted fastest.
    rows, columns = (np.minimum(size, 0xFFFF).astype(np.uint16) for size in (height, width))
    rank = np.empty(len(rows), np.intp)
    rank[np.argsort(rows, kind="stable")] = np.arange(len(rows))
    classes = math.isqrt(batches) + 1
    return np.lexsort((columns, (rank * classes // len(rows)).astype(np.uint16)))


def _pool_batch(
    cells: FeatureWindows,
    plan: Plan,
    rois: Index,
    pooled: Float,
    advance: Callable[[int], object],
) -> None:
    """Pool the regions `rois` of one map into their rows of `pooled`."""
    convention, dtype = plan.convention, pooled.dtype
    y, x = map(AxisSpans.of, plan.samples())
    windows = _windows(cells, rois, y, x, advance)
    with np.errstate(invalid="ignore", over="ignore"):
        gathered = pool_gathered(cells, y, x, plan, dtype)
        if gathered is not None:
            pooled[rois] = gathered
            advance(len(rois))
        elif convention.pooling == "max":
            _pool_maxima(windows, y, x, plan, cells.channels, pooled)
        else:
            _pool_averages(windows, y, x, plan, cells.channels, pooled)
        if convention.pooling == "avg" and convention.extrapolation_value:
            pooled[rois] += _extrapolated(y.samples, x.samples, convention, dtype)
        pointwise = _pointwise(cells, convention, rois, pooled)
        if convention.pooling == "max" and convention.max_start > -np.inf:
            pooled[rois] = np.maximum(pooled[rois], dtype.type(convention.max_start))
        _fill_empty(y.samples, x.samples, convention, rois, pooled)
        for r in pointwise:
            pooled[r] = pool_by_points(cells.features, plan[np.flatnonzero(rois == r)])


def _windows(
    cells: FeatureWindows,
    rois: Index,
    y: AxisSpans,
    x: AxisSpans,
    advance: Callable[[int], object],
) -> Iterator[tuple[int, Float]]:
    """Yield every region with the cells under it, (h, w · C)."""
    bounds = (y.first, y.stop, x.first, x.stop)
    windows = zip(rois.tolist(), *(bound.tolist() for bound in bounds), strict=True)
    for r, y0, y1, x0, x1 in windows:
        yield r, cells.window(y0, y1, x0, x1)
        advance(1)


def _pool_averages(
    windows: Iterator[tuple[int, Float]],
    y: AxisSpans,
    x: AxisSpans,
    plan: Plan,
    channels: int,
    pooled: Float,
) -> None:
    """Write the averages of each region into `pooled`, one window after another."""
    convention, dtype = plan.convention, pooled.dtype
    rows = weight_matrices(y, y.first, convention, dtype)[:, :, 0]
    columns = weight_matrices(x, x.first, convention, dtype)[:, :, 0]
    sections = rows.shape[1]
    # Products are fastest with a multiple of four rows. A few sections need only a part of a tall
    # window.
    tall = -(-sections // 4) * 4
    padded = np.zeros((len(rows), tall, rows.shape[2]), dtype)
    padded[:, :sections] = rows
    fours = [slice(t, t + 4) for t in range(0, tall, 4)]
    parts = [(some, *y.of_sections(some)) for some in fours]
    widths = (x.stop - x.first).tolist()
    bands = _bands(widths, tall, sections, channels, dtype)
    columns = columns.swapaxes(1, 2)
    # The product writes a row of every channel in turn, which is slow far from the processor.
    output = np.empty(pooled.shape[1:], dtype)
    by_row = output.swapaxes(0, 1)
    for i, (r, window) in enumerate(windows):
        band, by_section = bands[widths[i]]
        if len(window) <= _TALL_WINDOW:
            multiply(padded[i, :, : len(window)], window, band)
        else:
            for some, begin, end in parts:
                cut = slice(begin[i], end[i])
                multiply(padded[i, some, cut], window[cut], band[some])
        multiply(by_section, columns[i, : widths[i]], by_row)
        pooled[r] = output


def _extrapolated(
    y: AxisSamples, x: AxisSamples, convention: Convention, dtype: np.dtype[np.floating]
) -> Float:
    """Return what points and neighbours outside the map add to the averages, (r, 1, T, K)."""
    over_inside = convention.average_over == "inside"
    (points_y, weight_y), (points_x, weight_x) = (
        _counted(samples, over_inside=over_inside) for samples in (y, x)
    )
    outside = points_y[:, :, None] * points_x[:, None] - weight_y[:, :, None] * weight_x[:, None]
    divisor, _ = divisor_of(y, x, convention)
    share = (outside / np.maximum(divisor, 1)).astype(dtype)
    added = dtype.type(convention.extrapolation_value) * share
    # An infinite or NaN value must not change sections without points outside.
    return np.where(outside > 0, added, dtype.type(0))[:, None]


def _counted(samples: AxisSamples, *, over_inside: bool) -> tuple[Index, Float]:
    """Return how many points of each section are averaged, and their weight on the map, (r, S)."""
    inside = samples.in_bounds & samples.valid
    n_inside = np.count_nonzero(inside, axis=2)
    points = n_inside if over_inside else np.count_nonzero(samples.valid, axis=2)
    if samples.cells_off_map is None:
        return points, n_inside
    lower, upper = samples.cells_off_map == 0
    one_weight = np.where(lower, 1 - samples.upper_weight, samples.upper_weight * upper)
    weight = np.where(lower & upper, 1, one_weight.astype(np.float64))
    return points, np.sum(weight, axis=2, where=inside)


def _pool_maxima(
    windows: Iterator[tuple[int, Float]],
    y: AxisSpans,
    x: AxisSpans,
    plan: Plan,
    channels: int,
    pooled: Float,
) -> None:
    """Write the maxima of each region into `pooled`, one window after another."""
    dtype = pooled.dtype
    rows = weight_matrices(y, y.first, plan.convention, dtype)
    columns = weight_matrices(x, x.first, plan.convention, dtype)
    per_row, per_column = rows.shape[2], columns.shape[2]
    check_point_values(max(per_row, BLOCK_ROWS) * max(per_column, BLOCK_ROWS) * channels)
    blocks_y, blocks_x = y.blocks(per_row), x.blocks(per_column)
    rows, columns = (m.reshape(len(m), -1, m.shape[3]) for m in (rows, columns))
    largest = np.empty((*plan.output_size, channels), dtype)
    for i, (r, window) in enumerate(windows):
        for t, points_y, firsts_y, stops_y in blocks_y:
            cells_y = slice(firsts_y[i], stops_y[i])
            band = multiply(rows[i, points_y, cells_y], window[cells_y])
            band = band.reshape(len(band), -1, channels)  # (t · M, w, C)
            for k, points_x, firsts_x, stops_x in blocks_x:
                cells_x = slice(firsts_x[i], stops_x[i])
                values = multiply(columns[i, points_x, cells_x], band[:, cells_x])
                section = largest[t, k]  # (t, k, C)
                by_row = np.maximum.reduce(values.reshape(len(section), per_row, -1), axis=1)
                by_row = by_row.reshape(*section.shape[:2], per_column, -1)
                np.maximum.reduce(by_row, axis=2, out=section)
        pooled[r] = largest.transpose(2, 0, 1)


def _fill_empty(
    y: AxisSamples, x: AxisSamples, convention: Convention, rois: Index, pooled: Float
) -> None:
    """Write the output of sections without points."""
    dtype = pooled.dtype
    divisor, empty = divisor_of(y, x, convention)
    if not empty.any():
        return
    value = convention.max_of_empty if convention.pooling == "max" else 0
    values = np.full(divisor.shape, value, dtype)
    if convention.pooling == "avg":
        values /= divisor.astype(dtype)
    pooled[rois] = np.where(empty[:, None], values[:, None], pooled[rois])


def _pointwise(
    cells: FeatureWindows, convention: Convention, rois: Index, pooled: Float
) -> list[np.intp]:
    """Return the regions that must be pooled point by point.

    A product spreads a non-finite cell over the whole region, and has no place for the value of
    points outside among the candidates for "max".
    """
    value = convention.extrapolation_value
    if (value and convention.pooling == "max") or (
        convention.outside_neighbours == "value" and not np.isfinite(value)
    ):
        return list(rois)
    if cells.finite:
        return []
    return [r for r in rois if not np.isfinite(pooled[r]).all()]


def _bands(
    widths: list[int], rows: int, sections: int, channels: int, dtype: np.dtype[Any]
) -> dict[int, tuple[Float, Float]]:
    """Return the array for the products of each window width; all share one piece of memory.

    Each width has two views: (rows, w · C), and its first rows by section, (T, C, w).
    """
    space = np.empty(rows * max(widths) * channels, dtype)
    bands = {}
    for width in set(widths):
        band = space[: rows * width * channels].reshape(rows, -1)
        bands[width] = band, band[:sections].reshape(sections, width, channels).swapaxes(1, 2)
    return bands
