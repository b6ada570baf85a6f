"""From the sampling plan and a feature map to the pooled output.

An ROI's output is rows · window · columns: the cells under the ROI, multiplied from one side by a
matrix made of the samples along y and from the other by one made of those along x. For "avg" a
matrix has one row a section, the sum of its points' weights, so that its cost does not grow with
the number of points; for "max" it has a row for every candidate, and the products are reduced
afterwards. With the channels last both are plain matrix products over all channels at once.

Multiplying whole windows would spread a cell that is not finite over the whole ROI. An ROI with
such a cell under it is pooled point by point, which is what the libraries do throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.core.point_values import (
    check_point_values,
    divisor_of,
    floating,
    pool_by_points,
)
from roialign_cli.core.sampling import AxisSamples, Plan
from roialign_cli.core.windows import FeatureWindows

Index = NDArray[np.intp]

# Sample points of one axis that are laid out at a time.
_CHUNK = 1 << 14
# Up to so many channels, windows of up to so many cells are multiplied many at a time.
_FEW_CHANNELS, _SMALL_WINDOW = 4, 1 << 10
# Cells of height from which a window is worth cutting.
_TALL_WINDOW = 32
# Rows of candidates for "max" that are multiplied together.
_BLOCK = 16


def pool(
    features: NDArray[Any],
    plan: Plan,
    batch_index: Index,
    *,
    out: Float | None = None,
    advance: Callable[[int], object] = lambda _regions: None,
) -> Float:
    """Return the pooled output of every region.

    Parameters
    ----------
    features
        (N, C, H, W), numbers; may be memory-mapped, only the cells under the regions are read.
    plan
        The sampling plan of R regions.
    batch_index
        (R,). Which of the N maps each region lies on.
    out
        Where the output goes, in the shape and dtype of `output_like`; may be memory-mapped.
    advance
        Called with a number of regions each time so many more are done.

    Returns
    -------
    (R, C, height, width), float64 for float64 features and else float32.
    """
    shape, dtype = output_like(features, plan)
    pooled = np.empty(shape, dtype) if out is None else out
    if 0 in shape:
        return pooled
    alone = len(pooled) == 1
    for n in sorted(set(batch_index.tolist())):
        rois = np.flatnonzero(batch_index == n)
        cells = FeatureWindows(features[n], plan if alone else plan[rois], dtype)
        for part in _parts(plan, rois):
            _RegionBatch(cells, plan if alone else plan[part], part, pooled, advance).pool()
    return pooled


def output_like(
    features: NDArray[Any], plan: Plan
) -> tuple[tuple[int, ...], np.dtype[np.floating]]:
    """Return the shape and the dtype of the pooled output."""
    shape = (len(plan.y.roi_start), features.shape[1], *plan.output_size)
    return shape, floating(features.dtype)


def _parts(plan: Plan, rois: Index) -> Iterator[Index]:
    """Cut regions into parts of bounded memory, those with alike numbers of points together."""
    if len(rois) == 1:
        yield rois
        return
    counts = [axis.count[rois].max(axis=1) * axis.sections for axis in (plan.y, plan.x)]
    points = np.maximum(np.maximum(*counts), 1)
    if points.min() != points.max():
        order = np.argsort(points, kind="stable")
        rois, points = rois[order], points[order]
    start = 0
    while start < len(rois):
        end = min(start + _CHUNK // int(points[start]) + 1, len(rois))
        end = min(end, start + max(_CHUNK // int(points[end - 1]), 1))
        yield rois[start:end]
        start = end


@dataclass(frozen=True)
class _Spans:
    """The cells under r regions, and under their sections, along one axis: [first, stop).

    `first` and `stop` are (r,), `firsts` and `stops` (r, S), and `longest` is the most cells that
    a region has.
    """

    first: Index
    stop: Index
    firsts: Index
    stops: Index
    longest: int


def _spans(samples: AxisSamples) -> _Spans:
    # Positions run one way along a section, and so do sections along a region: the ends tell.
    lower, upper = samples.lower, samples.upper
    firsts = np.minimum(lower[:, :, 0], lower[:, :, -1])
    stops = np.maximum(upper[:, :, 0], upper[:, :, -1]) + 1
    first = np.minimum(firsts[:, 0], firsts[:, -1])
    stop = np.maximum(stops[:, 0], stops[:, -1])
    return _Spans(first, stop, firsts, stops, int((stop - first).max()))


def _weight_matrices(
    samples: AxisSamples,
    first: Index,
    cells: int,
    convention: Convention,
    dtype: np.dtype[np.floating],
) -> Float:
    """Return the weights (r, S, M, cells) of the cells from `first` on, in M rows a section.

    For "avg" M is 1 and the weights are sums; for "max" there is a row for every point, or for
    each of its two neighbours where the products count and not their sum.
    """
    r, sections, points = samples.position.shape
    average = convention.pooling == "avg"
    inside = samples.in_bounds & samples.valid if average else samples.in_bounds
    weights = np.empty((2, r, sections, points))
    np.multiply(samples.upper_weight, inside, out=weights[1])
    np.subtract(inside, weights[1], out=weights[0])
    apart = int(not average and convention.max_of == "weighted-cell")
    row = np.arange(0, r * sections * (1 if average else points) * (1 + apart), 1 + apart)
    target = samples.neighbours + (row.reshape(r, sections, -1) * cells - first[:, None, None])
    if apart:
        target[1] += cells
    size = len(row) * (1 + apart) * cells
    flat = np.bincount(target.ravel(), weights.ravel(), minlength=size)
    return flat.astype(dtype).reshape(r, sections, -1, cells)


@dataclass(frozen=True)
class _RegionBatch:
    """Some regions on one map, and where their outputs go."""

    cells: FeatureWindows
    plan: Plan
    rois: Index
    pooled: Float
    advance: Callable[[int], object]

    def pool(self) -> None:
        """Pool them."""
        convention = self.plan.convention
        y, x = self.plan.samples()
        y_spans, x_spans = _spans(y), _spans(x)
        with np.errstate(invalid="ignore", over="ignore"):
            if convention.pooling == "max":
                self._reduce_products(y, x, y_spans, x_spans)
            else:
                self._multiply(y, x, y_spans, x_spans)
            non_finite = list(self._needs_pointwise())
            self._start_maximum()
            self._fill_empty()
            for r in non_finite:
                one = self.plan[np.flatnonzero(self.rois == r)]
                self.pooled[r] = pool_by_points(self.cells.features, one)

    def _windows(self, y_spans: _Spans, x_spans: _Spans) -> Iterator[tuple[int, ...]]:
        bounds = (y_spans.first, y_spans.stop, x_spans.first, x_spans.stop)
        for window in zip(self.rois.tolist(), *(bound.tolist() for bound in bounds), strict=True):
            yield window
            self.advance(1)

    def _multiply(self, y: AxisSamples, x: AxisSamples, y_spans: _Spans, x_spans: _Spans) -> None:
        height, width = self.plan.map_size
        batched = (
            self.cells.channels <= _FEW_CHANNELS
            and y_spans.longest * x_spans.longest <= _SMALL_WINDOW
        )
        first = y_spans.first, x_spans.first
        if batched:
            # All windows as large as the largest, none over the border.
            first = (
                np.minimum(y_spans.first, height - y_spans.longest),
                np.minimum(x_spans.first, width - x_spans.longest),
            )
        rows = self._sums(y, first[0], y_spans.longest)
        columns = self._sums(x, first[1], x_spans.longest)
        if batched:
            self._multiply_batched(rows, columns, first)
        else:
            self._multiply_each(rows, columns, y_spans, x_spans)
        if self.plan.convention.extrapolation_value:
            self._extrapolate(y, x)

    def _sums(self, samples: AxisSamples, first: Index, longest: int) -> Float:
        """Return the matrices of an average, (r, S, cells)."""
        convention = self.plan.convention
        rows = _weight_matrices(samples, first, longest, convention, self.pooled.dtype)[:, :, 0]
        rows /= np.maximum(samples.count, 1)[:, :, None]
        return rows

    def _multiply_batched(self, rows: Float, columns: Float, first: tuple[Index, Index]) -> None:
        shape = (rows.shape[-1], columns.shape[-1])
        bands = rows @ self.cells.gather(first, shape)  # (C, r, T, w)
        self.pooled[self.rois] = (bands @ columns.swapaxes(1, 2)).swapaxes(0, 1)
        self.advance(len(self.rois))

    def _multiply_each(self, rows: Float, columns: Float, y_spans: _Spans, x_spans: _Spans) -> None:
        sections, channels = rows.shape[1], self.cells.channels
        # Matrix products like rows by the four. Of a tall window a few sections need only a part.
        tall = -(-sections // 4) * 4
        step = 4 if y_spans.longest > _TALL_WINDOW else tall
        padded = np.zeros((len(rows), tall, rows.shape[2]), rows.dtype)
        padded[:, :sections] = rows
        blocks = [
            (slice(t, t + step), *_span_of(y_spans, slice(t, t + step)))
            for t in range(0, tall, step)
        ]
        bands = _bands(
            (x_spans.stop - x_spans.first).tolist(), tall, sections, channels, rows.dtype
        )
        columns, pooled = columns.swapaxes(1, 2), self.pooled.swapaxes(1, 2)
        for i, (r, y0, y1, x0, x1) in enumerate(self._windows(y_spans, x_spans)):
            window = self.cells.window(y0, y1, x0, x1)  # (h, w · C)
            band, by_section = bands[x1 - x0]
            for t, begin, end in blocks:
                cut = slice(begin[i], end[i])
                _multiply(padded[i, t, cut], window[cut], band[t])
            _multiply(by_section, columns[i, : x1 - x0], pooled[r])

    def _extrapolate(self, y: AxisSamples, x: AxisSamples) -> None:
        """Add what the points outside the map contribute to the averages."""
        points, inside = (
            np.count_nonzero(down, axis=2)[:, :, None] * np.count_nonzero(across, axis=2)[:, None]
            for down, across in (
                (y.valid, x.valid),
                (y.valid & y.in_bounds, x.valid & x.in_bounds),
            )
        )  # (r, T, K)
        outside = points - inside
        share = (outside / np.maximum(points, 1)).astype(self.pooled.dtype)
        value = share.dtype.type(self.plan.convention.extrapolation_value)
        # Sections inside stay as they are, also where the value is infinite or not a number.
        self.pooled[self.rois] += np.where(outside > 0, value * share, 0)[:, None]

    def _reduce_products(
        self, y: AxisSamples, x: AxisSamples, y_spans: _Spans, x_spans: _Spans
    ) -> None:
        convention, dtype = self.plan.convention, self.pooled.dtype
        rows = _weight_matrices(y, y_spans.first, y_spans.longest, convention, dtype)
        columns = _weight_matrices(x, x_spans.first, x_spans.longest, convention, dtype)
        per_row, per_column = rows.shape[2], columns.shape[2]
        check_point_values(max(per_row, _BLOCK) * max(per_column, _BLOCK) * self.cells.channels)
        blocks = _blocks(y_spans, per_row), _blocks(x_spans, per_column)
        rows, columns = (m.reshape(len(m), -1, m.shape[3]) for m in (rows, columns))
        largest = np.empty((*self.plan.output_size, self.cells.channels), dtype)
        for i, (r, y0, y1, x0, x1) in enumerate(self._windows(y_spans, x_spans)):
            window = self.cells.window(y0, y1, x0, x1)  # (h, w · C)
            for t, points_y, firsts_y, stops_y in blocks[0]:
                cells_y = slice(firsts_y[i], stops_y[i])
                band = _multiply(rows[i, points_y, cells_y], window[cells_y])
                band = band.reshape(len(band), x1 - x0, -1)  # (t · M, w, C)
                for k, points_x, firsts_x, stops_x in blocks[1]:
                    cells_x = slice(firsts_x[i], stops_x[i])
                    values = _multiply(columns[i, points_x, cells_x], band[:, cells_x])
                    section = largest[t, k]  # (t, k, C)
                    by_row = np.maximum.reduce(values.reshape(len(section), per_row, -1), axis=1)
                    by_row = by_row.reshape(*section.shape[:2], per_column, -1)
                    np.maximum.reduce(by_row, axis=2, out=section)
            self.pooled[r] = largest.transpose(2, 0, 1)

    def _start_maximum(self) -> None:
        convention = self.plan.convention
        if convention.pooling == "max" and convention.max_start > -np.inf:
            start = self.pooled.dtype.type(convention.max_start)
            self.pooled[self.rois] = np.maximum(self.pooled[self.rois], start)

    def _fill_empty(self) -> None:
        """Put what the rules give for a section without points."""
        convention, dtype = self.plan.convention, self.pooled.dtype
        divisor, empty = divisor_of(self.plan)
        if not empty.any():
            return
        values = np.full(
            divisor.shape, convention.max_of_empty if convention.pooling == "max" else 0, dtype
        )
        if convention.pooling == "avg":
            values /= divisor.astype(dtype)
        outputs = self.pooled[self.rois]
        self.pooled[self.rois] = np.where(empty[:, None], values[:, None], outputs)

    def _needs_pointwise(self) -> Iterator[int]:
        """Return the regions that products of windows do not do justice to."""
        convention = self.plan.convention
        outside = convention.pooling == "max" and convention.extrapolation_value
        for r in self.rois.tolist():
            if outside or not (self.cells.finite or np.isfinite(self.pooled[r]).all()):
                yield r


def _multiply(left: Float, right: Float, out: Float | None = None) -> Float:
    """Return left (…, m, k) @ right (…, k, n), made by one thread.

    OpenBLAS hands half of a large product to a second thread and waits for it, which beside a busy
    core takes many times what a second thread saves. So a large product is made in parts that are
    too small for a second thread.
    """
    (m, k), n = left.shape[-2:], right.shape[-1]
    most = _THREADED_PRODUCT if min(m, n) > 1 else _THREADED_VECTOR
    if m * k * n <= most:
        return np.matmul(left, right, out=out)
    if out is None:
        out = np.empty((*(left.shape[:-2] or right.shape[:-2]), m, n), right.dtype)
    step = most // (k * min(m, n))
    step = max(step - step % 16, 1)  # whole vector registers
    for start in range(0, max(m, n), step):
        part = slice(start, start + step)
        if m > n:
            np.matmul(left[..., part, :], right, out=out[..., part, :])
        else:
            np.matmul(left, right[..., part], out=out[..., part])
    return out


# Multiplications above which OpenBLAS takes a second thread, of two matrices and of a matrix and a
# vector (interface/gemm.c and gemv.c in version 0.3).
_THREADED_PRODUCT, _THREADED_VECTOR = 1 << 18, 1 << 13


def _bands(
    widths: list[int], rows: int, sections: int, channels: int, dtype: np.dtype[Any]
) -> dict[int, tuple[Float, Float]]:
    """Return for every width of a window the place of its products, in memory that all share.

    It is given as (rows, w · C), and the rows of sections among them as (T, C, w).
    """
    space = np.empty(rows * max(widths) * channels, dtype)
    bands = {}
    for width in set(widths):
        band = space[: rows * width * channels].reshape(rows, -1)
        bands[width] = band, band[:sections].reshape(sections, width, channels).swapaxes(1, 2)
    return bands


def _span_of(spans: _Spans, sections: slice) -> tuple[list[int], list[int]]:
    """Return the cells of some sections of every region, from the region's first: [begin, end)."""
    firsts, stops = spans.firsts[:, sections], spans.stops[:, sections]
    begin = np.minimum(firsts[:, 0], firsts[:, -1]) - spans.first
    end = np.maximum(stops[:, 0], stops[:, -1]) - spans.first
    return begin.tolist(), end.tolist()


def _blocks(spans: _Spans, per_section: int) -> list[tuple[slice, slice, list[int], list[int]]]:
    """Cut sections with so many candidates each into blocks of few candidates.

    Return each block's sections, its candidates, and its cells as `_span_of` does.
    """
    sections = spans.firsts.shape[1]
    step = max(_BLOCK // per_section, 1)
    blocks = []
    for start in range(0, sections, step):
        stop = min(start + step, sections)
        candidates = slice(start * per_section, stop * per_section)
        blocks.append((slice(start, stop), candidates, *_span_of(spans, slice(start, stop))))
    return blocks
