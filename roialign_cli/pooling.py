"""From the sampling plan and a feature map to the pooled output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from roialign_cli.boxes import Float
from roialign_cli.conventions import Convention
from roialign_cli.sampling import AxisSamples, Plan


def pool(features: Float, plan: Plan, batch_index: NDArray[np.intp]) -> Float:
    """Return the pooled output of every region.

    Parameters
    ----------
    features
        (N, C, H, W), float32 or float64.
    plan
        The sampling plan of R regions.
    batch_index
        (R,). Which of the N maps each region lies on.

    Returns
    -------
    (R, C, height, width) of the features' dtype.
    """
    n_rois = len(batch_index)
    shape = (n_rois, features.shape[1], plan.y.sections, plan.x.sections)
    pooled = np.empty(shape, features.dtype)
    for r in range(n_rois):
        y, x = plan.samples(slice(r, r + 1))
        values = point_values(features[batch_index[r]], y, x)
        pooled[r] = _REDUCERS[plan.convention.pooling](values, plan.convention)
    return pooled


def point_values(features: Float, y: AxisSamples, x: AxisSamples) -> Float:
    """Return the value of every sample point of one region.

    Parameters
    ----------
    features
        (C, H, W).
    y, x
        The region's samples along each axis, (1, T, P) and (1, K, Q).

    Returns
    -------
    (C, T, P, K, Q): bilinear between four cells, 0 for a point that is not counted in.
    """
    rows = _lerp(features, y, axis=1)  # (C, T, P, W)
    values = _lerp(rows, x, axis=3)  # (C, T, P, K, Q)
    counted = y.counted[0][:, :, None, None] & x.counted[0]
    zeroed: Float = np.where(counted, values, values.dtype.type(0))
    return zeroed


def _lerp(array: Float, samples: AxisSamples, axis: int) -> Float:
    """Replace an axis of cells by the (sections, points) interpolated between them."""
    weight = samples.upper_weight[0].astype(array.dtype)
    weight = weight.reshape(weight.shape + (1,) * (array.ndim - axis - 1))
    lower, upper = (np.take(array, cells[0], axis) for cells in (samples.lower, samples.upper))
    between: Float = lower * (1 - weight) + upper * weight
    return between


def _average(values: Float, _convention: Convention) -> Float:
    points = max(values.shape[2] * values.shape[4], 1)
    average: Float = values.sum(axis=(2, 4)) / values.dtype.type(points)
    return average


def _largest(values: Float, _convention: Convention) -> Float:
    if values.shape[2] == 0 or values.shape[4] == 0:
        return np.zeros((values.shape[0], values.shape[1], values.shape[3]), values.dtype)
    return values.max(axis=(2, 4))


# (C, T, P, K, Q) point values → (C, T, K)
_REDUCERS: dict[str, Callable[[Float, Convention], Float]] = {"avg": _average, "max": _largest}
