"""Pool the regions of a map with few channels all at once: copy their windows into one array."""

from __future__ import annotations

import numpy as np

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention, Pooling
from roialign_cli.core.products import MAX_ONE_THREAD_PRODUCT
from roialign_cli.core.sampling import Plan
from roialign_cli.core.weights import AxisSpans, weight_matrices
from roialign_cli.core.windows import FeatureWindows

# Channels → cells of a window, up to which windows are copied together.
_MAX_GATHERED_WINDOWS: dict[Pooling, dict[int, int]] = {
    "avg": {4: 1 << 14},
    "max": {4: 1 << 14, 8: 1 << 9},
}
# The same for a few regions of a large map.
_MAX_SPARSE_WINDOW: dict[Pooling, int] = {"avg": 1 << 10, "max": 0}
_MAX_GATHERED_VALUES = 1 << 20  # candidates for the maxima of all regions


def largest_gathered_window(channels: int, pooling: Pooling) -> int:
    """Return the largest number of cells of windows that are copied together, 0 for none."""
    limits = _MAX_GATHERED_WINDOWS[pooling].items()
    return next((cells for most, cells in limits if channels <= most), 0)


def are_gathered(cells: FeatureWindows, y: AxisSpans, x: AxisSpans, pooling: Pooling) -> bool:
    """Return whether the windows of regions are copied together."""
    most = largest_gathered_window(cells.channels, pooling)
    if cells.sparse:
        most = min(most, _MAX_SPARSE_WINDOW[pooling])
    return y.longest * x.longest <= most


def pool_gathered(
    cells: FeatureWindows, y: AxisSpans, x: AxisSpans, plan: Plan, dtype: np.dtype[np.floating]
) -> Float | None:
    """Return the outputs (r, C, T, K) of regions.

    Return None if a product is too large for one thread, or there are too many candidates.
    """
    regions, is_average = len(y.first), plan.convention.pooling == "avg"
    along_y, along_x = (_rows_per_region(axis, plan.convention) for axis in (y, x))
    values = cells.channels * regions * along_y * along_x
    largest = along_y * max(y.longest, along_x) * x.longest  # multiplications for one window
    if largest > MAX_ONE_THREAD_PRODUCT or (not is_average and values > _MAX_GATHERED_VALUES):
        return None
    # All windows have the size of the largest, and none extends over the border.
    top = np.minimum(y.first, plan.y.cells - y.longest)
    left = np.minimum(x.first, plan.x.cells - x.longest)
    rows = weight_matrices(y, top, plan.convention, dtype)  # (r, T, M, h)
    columns = weight_matrices(x, left, plan.convention, dtype)  # (r, K, N, w)
    windows = cells.gather((top, left), (y.longest, x.longest))
    # The first candidates of all sections, then the second ones, …
    by_candidate = (m.swapaxes(1, 2).reshape(regions, -1, m.shape[3]) for m in (rows, columns))
    left_side, right_side = by_candidate
    output: Float = (left_side @ windows) @ right_side.swapaxes(1, 2)  # (C, r, M · T, N · K)
    if not is_average:
        output = output.reshape(*output.shape[:2], rows.shape[2], -1).max(axis=2)
        output = output.reshape(*output.shape[:2], plan.y.sections, columns.shape[2], -1)
        output = output.max(axis=3)
    return output.swapaxes(0, 1)


def _rows_per_region(axis: AxisSpans, convention: Convention) -> int:
    """Return how many rows the weight matrix of a region has."""
    _, sections, points = map(int, axis.samples.position.shape)
    if convention.pooling == "avg":
        return sections
    return sections * points * (2 if convention.max_of == "weighted-cell" else 1)
