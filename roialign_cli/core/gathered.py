"""Pool the regions of a map with few channels all at once: copy their windows into one array."""

from __future__ import annotations

import numpy as np

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Pooling
from roialign_cli.core.products import MAX_ONE_THREAD_PRODUCT
from roialign_cli.core.sampling import Plan
from roialign_cli.core.weights import AxisSpans, rows_per_section, weight_matrices
from roialign_cli.core.windows import FeatureWindows

# Pooling → most channels → cells of the largest windows that are copied together.
_MAX_GATHERED_WINDOWS: dict[Pooling, dict[int, int]] = {
    "avg": {4: 1 << 14},
    "max": {4: 1 << 14, 8: 1 << 9},
}
# The same for a few regions of a large map.
_MAX_SPARSE_WINDOW: dict[Pooling, int] = {"avg": 1 << 10, "max": 0}
_MAX_CANDIDATES = 1 << 20  # for the maxima of all regions and channels


def largest_gathered_window(channels: int, pooling: Pooling) -> int:
    """Return the largest number of cells of windows that are copied together, 0 for none."""
    limits = _MAX_GATHERED_WINDOWS[pooling].items()
    return next((cells for most, cells in limits if channels <= most), 0)


def pool_gathered(
    cells: FeatureWindows, y: AxisSpans, x: AxisSpans, plan: Plan, dtype: np.dtype[np.floating]
) -> Float | None:
    """Return the outputs (r, C, T, K) of regions, or None if they must be pooled one by one.

    That is so for large windows, many candidates, and products that one thread does not compute.
    """
    convention, regions = plan.convention, len(y.first)
    most = largest_gathered_window(cells.channels, convention.pooling)
    if cells.sparse:
        most = min(most, _MAX_SPARSE_WINDOW[convention.pooling])
    along_y, along_x = (
        axis.sections * rows_per_section(spans.samples, convention)
        for axis, spans in ((plan.y, y), (plan.x, x))
    )
    largest = along_y * max(y.longest, along_x) * x.longest  # multiplications for one window
    if y.longest * x.longest > most or largest > MAX_ONE_THREAD_PRODUCT:
        return None
    is_max = convention.pooling == "max"
    if is_max and cells.channels * regions * along_y * along_x > _MAX_CANDIDATES:
        return None
    # All windows have the size of the largest, and none extends beyond the cells under the regions,
    # because only these are known to be finite.
    top = np.minimum(y.first, cells.stop[0] - y.longest)
    left = np.minimum(x.first, cells.stop[1] - x.longest)
    rows = weight_matrices(y, top, convention, dtype)  # (r, T, M, h)
    columns = weight_matrices(x, left, convention, dtype)  # (r, K, N, w)
    windows = cells.gather((top, left), (y.longest, x.longest))
    # The first candidates of all sections, then the second ones, …
    by_candidate = (m.swapaxes(1, 2).reshape(regions, -1, m.shape[3]) for m in (rows, columns))
    left_side, right_side = by_candidate
    output: Float = (left_side @ windows) @ right_side.swapaxes(1, 2)  # (C, r, M · T, N · K)
    if is_max:
        output = output.reshape(*output.shape[:2], rows.shape[2], -1).max(axis=2)
        output = output.reshape(*output.shape[:2], plan.y.sections, columns.shape[2], -1)
        output = output.max(axis=3)
    return output.swapaxes(0, 1)
