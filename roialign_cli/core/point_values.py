"""Compute the values of single sample points, and reduce them to the output of a section.

A trace shows these values. Pooling uses them for regions with non-finite cells.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.core.sampling import AxisSamples, Plan
from roialign_cli.memory import check_fits

Index = NDArray[np.intp]


def floating(dtype: np.dtype[Any]) -> np.dtype[np.floating]:
    """Return the dtype in which features of a dtype are pooled, in native byte order."""
    double = dtype.kind == "f" and dtype.itemsize >= 8
    return np.dtype(np.float64 if double else np.float32)


def divisor_of(
    y: AxisSamples, x: AxisSamples, convention: Convention
) -> tuple[Index, NDArray[np.bool_]]:
    """Return the divisor of the average, and which sections have nothing to pool.

    Both are (r, T, K), or (r, 1, 1) if all sections have the same number of points. A region
    inverted along both axes has no points, but the product of its two negative counts is positive.
    """
    if convention.pooling == "max":
        along_y, along_x = y.count[:, :, None], x.count[:, None, :]
    else:
        along_y, along_x = y.divisor[:, :, None], x.divisor[:, None, :]
    divisor = np.maximum(along_y * along_x, 1) if convention.clamp_count else along_y * along_x
    return divisor, (along_y <= 0) | (along_x <= 0)


def pool_by_points(features: NDArray[Any], plan: Plan) -> Float:
    """Return the output (C, T, K) of a plan with one region, computed point by point."""
    features = features.astype(floating(features.dtype), copy=False)
    y, x = plan.samples()
    return reduce_points(contributions(features, y, x, plan.convention), y, x, plan)


def reduce_points(values: Float, y: AxisSamples, x: AxisSamples, plan: Plan) -> Float:
    """Return the output (C, T, K) of a plan with one region from its `contributions`."""
    convention = plan.convention
    valid = y.valid[0][:, :, None, None] & x.valid[0]  # (T, P, K, Q)
    divisor, empty = divisor_of(y, x, convention)
    if convention.pooling == "avg":
        if convention.average_over == "inside":
            valid = valid & (y.in_bounds[0][:, :, None, None] & x.in_bounds[0])
        total = values.sum(axis=(2, 4), where=valid)
        average: Float = total / divisor[0].astype(values.dtype)
        return average
    maximum = np.fmax if convention.max_skips_nan else np.maximum
    largest = maximum.reduce(values, axis=(2, 4), initial=convention.max_start, where=valid)
    filled: Float = np.where(empty[0], convention.max_of_empty, largest)
    return filled


def contributions(features: Float, y: AxisSamples, x: AxisSamples, convention: Convention) -> Float:
    """Return what pooling uses of every sample point: its value, or its largest product.

    The parameters and the shape are those of `point_values`.
    """
    if convention.pooling == "max" and convention.max_of == "weighted-cell":
        return _largest_products(features, y, x, convention)
    return point_values(features, y, x, convention)


def point_values(features: Float, y: AxisSamples, x: AxisSamples, convention: Convention) -> Float:
    """Interpolate the value of every sample point of one region.

    Parameters
    ----------
    features
        (C, H, W).
    y, x
        The samples along each axis, (1, T, P) and (1, K, Q).
    convention
        The convention.

    Returns
    -------
    (C, T, P, K, Q), interpolated between four cells, or the extrapolation value for points outside
    the map. If points are cells of different weights, the product of the cell and its weight.

    Raises
    ------
    ArgumentError
        If the values do not fit into memory.
    """
    check_point_values(len(features) * y.position.size * x.position.size)
    sample = _take_cells if convention.points == "cells" else _interpolate
    cells, y, x = _with_cells_off_map(features, y, x, convention)
    rows = sample(cells, y, axis=1)  # (C, T, P, W)
    return _with_extrapolation(sample(rows, x, axis=3), y, x, convention)


def check_point_values(values: int) -> None:
    """Raise an `ArgumentError` if so many point values do not fit into memory."""
    remedy = "use fewer points, sections or channels"
    check_fits(
        "sampling_ratio",
        _BYTES_PER_VALUE * values,
        f"{values} values of sample points take",
        remedy,
    )


_BYTES_PER_VALUE = 24  # a float64 value, and two intermediate ones


def _largest_products(
    features: Float, y: AxisSamples, x: AxisSamples, convention: Convention
) -> Float:
    check_point_values(4 * len(features) * y.position.size * x.position.size)
    cells, y, x = _with_cells_off_map(features, y, x, convention)
    products = [
        product
        for rows in _weighted(cells, y, axis=1)  # (C, T, P, W)
        for product in _weighted(rows, x, axis=3)
    ]
    return _with_extrapolation(functools.reduce(np.maximum, products), y, x, convention)


def _with_cells_off_map(
    features: Float, y: AxisSamples, x: AxisSamples, convention: Convention
) -> tuple[Float, AxisSamples, AxisSamples]:
    """Surround a map with cells of the extrapolation value, if neighbours may be such cells."""
    if y.cells_off_map is None or x.cells_off_map is None:
        return features, y, x
    value = features.dtype.type(convention.extrapolation_value)
    around = np.pad(features, ((0, 0), (1, 1), (1, 1)), constant_values=value)
    rows, columns = features.shape[1:]
    return around, _among(y, y.cells_off_map, rows), _among(x, x.cells_off_map, columns)


def _among(samples: AxisSamples, cells_off_map: Index, cells: int) -> AxisSamples:
    """Return samples with neighbours that count from the cell before the first one."""
    beyond = np.where(cells_off_map < 0, 0, cells + 1)
    return replace(samples, neighbours=np.where(cells_off_map == 0, samples.neighbours + 1, beyond))


def _weighted(array: Float, samples: AxisSamples, axis: int) -> tuple[Float, Float]:
    """Replace an axis of cells by (sections, points): weighted lower and upper cells."""
    shape = samples.upper_weight.shape[1:] + (1,) * (array.ndim - axis - 1)
    weight = samples.upper_weight[0].astype(array.dtype).reshape(shape)
    lower_weight: Any = 1 - weight
    if samples.cell_weight is not None:
        lower_weight = samples.cell_weight[0].astype(array.dtype).reshape(shape)
    lower, upper = (np.take(array, cells[0], axis) for cells in (samples.lower, samples.upper))
    return lower * lower_weight, upper * weight


def _take_cells(array: Float, samples: AxisSamples, axis: int) -> Float:
    """Replace an axis of cells by (sections, points), for points that are cells."""
    taken: Float = np.take(array, samples.lower[0], axis)
    return taken


def _interpolate(array: Float, samples: AxisSamples, axis: int) -> Float:
    lower, upper = _weighted(array, samples, axis)
    interpolated: Float = lower + upper
    return interpolated


def _with_extrapolation(
    values: Float, y: AxisSamples, x: AxisSamples, convention: Convention
) -> Float:
    """Replace the values of points outside the map by the extrapolation value."""
    in_bounds = y.in_bounds[0][:, :, None, None] & x.in_bounds[0]
    filled: Float = np.where(in_bounds, values, values.dtype.type(convention.extrapolation_value))
    return filled
