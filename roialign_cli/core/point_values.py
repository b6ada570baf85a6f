"""The values of sample points, one by one, and what a section makes of them.

Pooling falls back on these where products of whole windows would spread a cell that is not finite;
a trace shows them.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.core.sampling import AxisSamples, Plan
from roialign_cli.memory import check_fits

Index = NDArray[np.intp]


def floating(dtype: np.dtype[Any]) -> np.dtype[np.floating]:
    """Return the dtype in which features of a dtype are pooled, whatever their byte order."""
    double = dtype.kind == "f" and dtype.itemsize >= 8
    return np.dtype(np.float64 if double else np.float32)


def divisor_of(plan: Plan) -> tuple[Index, NDArray[np.bool_]]:
    """Return by what an average is divided, and where there are no points.

    Both are (r, T, K), or (r, 1, 1) where all sections are alike. A region inverted along both
    axes has no points but a positive product of two negative counts.
    """
    y, x = plan.y.count[:, :, None], plan.x.count[:, None, :]
    divisor = np.maximum(y * x, 1) if plan.convention.clamp_count else y * x
    return divisor, (y <= 0) | (x <= 0)


def pool_by_points(features: NDArray[Any], plan: Plan) -> Float:
    """Return the output (C, T, K) of a plan's one region from the values of its points."""
    features = features.astype(floating(features.dtype), copy=False)
    y, x = plan.samples()
    return reduce_points(contributions(features, y, x, plan.convention), y, x, plan)


def reduce_points(values: Float, y: AxisSamples, x: AxisSamples, plan: Plan) -> Float:
    """Return the output (C, T, K) of a plan's one region from its points' contributions."""
    convention = plan.convention
    valid = y.valid[0][:, :, None, None] & x.valid[0]  # (T, P, K, Q)
    divisor, empty = divisor_of(plan)
    if convention.pooling == "avg":
        total = values.sum(axis=(2, 4), where=valid)
        average: Float = total / divisor[0].astype(values.dtype)
        return average
    maximum = np.fmax if convention.max_skips_nan else np.maximum
    largest = maximum.reduce(values, axis=(2, 4), initial=convention.max_start, where=valid)
    filled: Float = np.where(empty[0], convention.max_of_empty, largest)
    return filled


def contributions(features: Float, y: AxisSamples, x: AxisSamples, convention: Convention) -> Float:
    """Return what pooling takes from every sample point; shapes as in `point_values`."""
    if convention.pooling == "max" and convention.max_of == "weighted-cell":
        return _largest_products(features, y, x, convention)
    return point_values(features, y, x, convention)


def point_values(features: Float, y: AxisSamples, x: AxisSamples, convention: Convention) -> Float:
    """Return the value of every sample point of one region.

    Parameters
    ----------
    features
        (C, H, W).
    y, x
        The region's samples along each axis, (1, T, P) and (1, K, Q).
    convention
        The convention.

    Returns
    -------
    (C, T, P, K, Q): bilinear between four cells, or the extrapolation value for a point that is
    not counted in.

    Raises
    ------
    ArgumentError
        If they do not fit into memory.
    """
    check_point_values(len(features) * y.position.size * x.position.size)
    between = _at if convention.points == "cells" else _between
    rows = between(features, y, axis=1)  # (C, T, P, W)
    return _outside(between(rows, x, axis=3), y, x, convention)


def check_point_values(values: int) -> None:
    """Raise an `ArgumentError` if so many values of points do not fit into memory."""
    remedy = "fewer points, sections or channels need less"
    check_fits("sampling_ratio", _POINT * values, f"{values} values of points take", remedy)


_POINT = 24  # bytes of a point's value in float64, and twice as many on the way to it


def _largest_products(
    features: Float, y: AxisSamples, x: AxisSamples, convention: Convention
) -> Float:
    check_point_values(4 * len(features) * y.position.size * x.position.size)
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


def _at(array: Float, samples: AxisSamples, axis: int) -> Float:
    """Replace an axis of cells by the (sections, points) that are cells themselves."""
    taken: Float = np.take(array, samples.lower[0], axis)
    return taken


def _between(array: Float, samples: AxisSamples, axis: int) -> Float:
    lower, upper = _weighted(array, samples, axis)
    between: Float = lower + upper
    return between


def _outside(values: Float, y: AxisSamples, x: AxisSamples, convention: Convention) -> Float:
    """Put the extrapolation value where a point is not counted in."""
    in_bounds = y.in_bounds[0][:, :, None, None] & x.in_bounds[0]
    filled: Float = np.where(in_bounds, values, values.dtype.type(convention.extrapolation_value))
    return filled
