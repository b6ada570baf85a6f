"""From the sampling plan and a feature map to the pooled output."""

from __future__ import annotations

import functools

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
    shape = (len(batch_index), features.shape[1], plan.y.sections, plan.x.sections)
    pooled = np.empty(shape, features.dtype)
    reduce = {"avg": _average, "max": _largest}[plan.convention.pooling]
    for r, n in enumerate(batch_index):
        roi = slice(r, r + 1)
        y, x = plan.samples(roi)
        divisor = plan.y.count[roi].T * plan.x.count[roi]  # (T, K), or 1 where all are alike
        with np.errstate(invalid="ignore", over="ignore"):
            pooled[r] = reduce(features[n], y, x, divisor, plan.convention)
    return pooled


def point_values(features: Float, y: AxisSamples, x: AxisSamples, convention: Convention) -> Float:
    """Return the value of every sample point of one region.

    Parameters
    ----------
    features
        (C, H, W).
    y, x
        The region's samples along each axis, (1, T, P) and (1, K, Q).
    convention
        The rules.

    Returns
    -------
    (C, T, P, K, Q): bilinear between four cells, or the extrapolation value for a point that is
    not counted in.
    """
    rows = _between(features, y, axis=1)  # (C, T, P, W)
    return _outside(_between(rows, x, axis=3), y, x, convention)


def contributions(features: Float, y: AxisSamples, x: AxisSamples, convention: Convention) -> Float:
    """Return what pooling takes from every sample point; shapes as in `point_values`."""
    if convention.pooling == "max" and convention.max_of == "weighted-cell":
        return _largest_products(features, y, x, convention)
    return point_values(features, y, x, convention)


def _largest_products(
    features: Float, y: AxisSamples, x: AxisSamples, convention: Convention
) -> Float:
    products = [
        product
        for rows in _weighted(features, y, axis=1)  # (C, T, P, W)
        for product in _weighted(rows, x, axis=3)
    ]
    return _outside(functools.reduce(np.maximum, products), y, x, convention)


def _weighted(array: Float, samples: AxisSamples, axis: int) -> tuple[Float, Float]:
    """Replace an axis of cells by (sections, points): the lower and the upper cells, weighted."""
    weight = samples.upper_weight[0].astype(array.dtype)
    weight = weight.reshape(weight.shape + (1,) * (array.ndim - axis - 1))
    lower, upper = (np.take(array, cells[0], axis) for cells in (samples.lower, samples.upper))
    return lower * (1 - weight), upper * weight


def _between(array: Float, samples: AxisSamples, axis: int) -> Float:
    lower, upper = _weighted(array, samples, axis)
    between: Float = lower + upper
    return between


def _outside(values: Float, y: AxisSamples, x: AxisSamples, convention: Convention) -> Float:
    """Put the extrapolation value where a point is not counted in."""
    counted = y.counted[0][:, :, None, None] & x.counted[0]
    filled: Float = np.where(counted, values, values.dtype.type(convention.extrapolation_value))
    return filled


def _average(
    features: Float,
    y: AxisSamples,
    x: AxisSamples,
    divisor: NDArray[np.intp],
    convention: Convention,
) -> Float:
    values = point_values(features, y, x, convention)
    divisor = np.maximum(divisor, 1) if convention.guards_count else divisor
    total = values.sum(axis=(2, 4), where=_present(y, x))
    average: Float = total / divisor.astype(values.dtype)
    return average


def _largest(
    features: Float,
    y: AxisSamples,
    x: AxisSamples,
    _divisor: NDArray[np.intp],
    convention: Convention,
) -> Float:
    values = contributions(features, y, x, convention)
    maximum = np.fmax if convention.max_skips_nan else np.maximum
    present = _present(y, x)
    largest = maximum.reduce(values, axis=(2, 4), initial=convention.max_start, where=present)
    filled: Float = np.where(present.any(axis=(1, 3)), largest, convention.empty_max)
    return filled


def _present(y: AxisSamples, x: AxisSamples) -> NDArray[np.bool_]:
    """Return which of (T, P, K, Q) are points."""
    present: NDArray[np.bool_] = y.present[0][:, :, None, None] & x.present[0]
    return present
