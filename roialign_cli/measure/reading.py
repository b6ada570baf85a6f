"""Read off the first answers how a kernel writes its output and reads its boxes.

One map has a channel for each cell, so the answer holds the weight of every cell in every section.
Moving one number of a box by whole cells moves the weights by whole cells, or by a known share,
whatever the kernel interpolates and rounds. The shares show which number is which edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import BoxFormat, Origin
from roialign_cli.measure.behaviours import CHANNEL_BEHAVIOURS, USUAL
from roialign_cli.measure.call import Answer, ProbeCall

Array = NDArray[Any]
USUAL_AXES = ("boxes", "channels", "rows", "columns")


@dataclass(frozen=True)
class Axes:
    """Describe how a kernel orders the axes of its output.

    Parameters
    ----------
    order
        For each of the axes (R, C, rows, columns), which axis of the output it is, after axes of
        length 1 beyond four were removed.
    flat
        Whether the last three axes are one, (R, C·rows·columns).
    reversed_axes
        Which of the axes (rows, columns) are in reverse order.
    channels
        The order of the channels, one of the clauses of `CHANNEL_BEHAVIOURS`.
    """

    order: tuple[int, int, int, int] = (0, 1, 2, 3)
    flat: bool = False
    reversed_axes: tuple[bool, bool] = (False, False)
    channels: str = USUAL

    def applied(self, answer: Answer, call: ProbeCall) -> Answer:
        """Return an answer with its axes in the order (R, C, rows, columns)."""
        if answer.output is None:
            return answer
        output, (rows, columns) = answer.output, call.output_size
        channels = call.features.shape[1]
        if self.flat and output.ndim == 2:
            output = output.reshape(len(output), -1, rows, columns)
        output = four_axes(output)
        if output.ndim != 4:
            problem = f"its output has shape {answer.output.shape}"
            return Answer(None, problem, "unusable", answer.remark)
        output = output.transpose(self.order)
        expected = {
            (len(call.boxes), c, rows, columns) for c in (channels, channels // (rows * columns))
        }
        if output.shape not in expected:
            shape = (len(call.boxes), channels, rows, columns)
            problem = f"its output has shape {answer.output.shape} instead of {shape}"
            return Answer(None, problem, "unusable", answer.remark)
        rows_step, columns_step = (-1 if is_reversed else 1 for is_reversed in self.reversed_axes)
        output = output[:, :, ::rows_step, ::columns_step]
        if self.channels != USUAL:
            order = np.argsort(CHANNEL_BEHAVIOURS[self.channels](output.shape[1]))
            output = output[:, order]
        return replace(answer, output=output)

    @property
    def is_layout(self) -> bool:
        """Whether only the layout is unusual: sections come row by row, from the top left."""
        return self.order[2] < self.order[3] and not any(self.reversed_axes)

    @property
    def text(self) -> str:
        """The order of the axes, in words."""
        names = np.array(USUAL_AXES)
        text = ", ".join(names[np.argsort(self.order)])
        if self.flat:
            text = "boxes, and channels, rows and columns as one axis"
        turned = [name for name, is_so in zip(names[2:], self.reversed_axes, strict=True) if is_so]
        return text + (f", with the {' and '.join(turned)} in reverse order" if turned else "")


def usual_order(text: str) -> tuple[int, ...] | None:
    """Return the transposition of axes, as `Axes.text` names them, to the usual order.

    None if they are not a permutation of the usual ones.
    """
    axes = text.split(", ")
    if sorted(axes) != sorted(USUAL_AXES):
        return None
    return tuple(axes.index(axis) for axis in USUAL_AXES)


def channel_order(output: Array) -> str:
    """Return the order of the channels of an output of constant channels 1, 2, …, C.

    Parameters
    ----------
    output
        (R, C, rows, columns).
    """
    largest = np.where(np.isfinite(output), output, 0).max(axis=(0, 2, 3))
    if not largest.max() > 0:
        return USUAL
    read = np.round(largest / largest.max() * len(largest)).astype(int) - 1
    for behaviour, order in CHANNEL_BEHAVIOURS.items():
        if (read == order(len(largest))).all():
            return behaviour
    return USUAL


def four_axes(output: Array) -> Array:
    """Remove axes of length 1 until at most four are left."""
    while output.ndim > 4 and 1 in output.shape:
        output = output.squeeze(output.shape.index(1))
    return output


def axes_of(call: ProbeCall, answer: Answer) -> Axes | None:
    """Return the order of the axes of an output; None if unclear.

    Rows and columns are distinguished by what they hold: the column of a section moves its weights
    along x.
    """
    if answer.output is None:
        return None
    boxes, channels, size = len(call.boxes), call.features.shape[1], call.output_size
    output = four_axes(answer.output)
    if (
        output.ndim == 2
        and output.shape[0] == boxes
        and output.shape[1] % call.maps_per_channel == 0
    ):
        return Axes(flat=True)
    possible = [
        order
        for order in permutations(range(4))
        if output.ndim == 4 and tuple(output.shape[axis] for axis in order) in {
            (boxes, channels, *size), (boxes, channels // call.maps_per_channel, *size)
        }
    ]  # fmt: skip
    if not possible:
        return None
    boxes_axis, channels_axis, rows, columns = max(
        possible, key=lambda order: _spread(call, output, order)
    )
    return Axes((boxes_axis, channels_axis, rows, columns))


def _spread(call: ProbeCall, output: Array, order: tuple[int, ...]) -> float:
    """Return how far columns lie apart along x and rows along y, in cells, for an order of axes."""
    x, y, _ = positions(call, output.transpose(order))
    apart = np.concatenate([np.abs(x[..., 0] - x[..., -1]), np.abs(y[:, 0] - y[:, -1])])
    return float(apart[np.isfinite(apart)].sum())


def cell_weights(call: ProbeCall, output: Array) -> Float:
    """Return the weight of every cell in every section, (R, H, W, rows, columns)."""
    side = call.features.shape[-1]
    step = output.shape[1] // (side * side)  # repeated channels
    by_cell = output[:, ::step].astype(np.float64)
    weights: Float = by_cell.reshape(len(output), side, side, *output.shape[2:])
    return weights


def positions(call: ProbeCall, output: Array) -> tuple[Float, Float, Float]:
    """Return the mean column and row of each section's weights, and their sum.

    Each is (R, rows, columns).
    """
    side, weights = call.features.shape[-1], cell_weights(call, output)
    total = weights.sum(axis=(1, 2))
    cells = np.arange(side)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.einsum("ryxij,x->rij", weights, cells) / total
        y = np.einsum("ryxij,y->rij", weights, cells) / total
    return x, y, total


@dataclass(frozen=True)
class Reading:
    """How a kernel reads boxes, as far as it was measured.

    Parameters
    ----------
    fields
        The fields of a convention that describe how boxes are written.
    shares
        Where the middle of the points of the two sections lies along an axis, as a share of the
        ROI: 0.25 and 0.75 for points in the middle of their parts.
    start, end
        By how many cells the edges of the ROI lie before those of the box, (x, y).
    error
        The largest difference between a measured slope and that of the box format.
    is_linear
        Whether sections move with the numbers of the box: edges are not rounded, and points do not
        take whole cells.
    is_bilinear
        Whether sections do, and their weights are those of one point in the middle, between its
        four cells.
    weight
        The sum of the weights of a section.
    """

    fields: Mapping[str, Any]
    shares: tuple[float, float]
    start: tuple[float, float]
    end: tuple[float, float]
    error: float
    is_linear: bool
    is_bilinear: bool
    weight: float = 1.0

    @property
    def unusual_rule(self) -> str:
        """The rule that is likely broken if none of the known placements gives the answers."""
        if not self.is_bilinear:
            return "interpolation"
        if abs(self.weight - 1) > _MAX_DIFFERENCE:
            return "divisor"
        shifts, ends = np.ptp(self.start), np.ptp(np.subtract(self.end, self.start))
        if shifts > _MAX_DIFFERENCE or ends > _MAX_DIFFERENCE:
            return "scale and shift" if shifts > _MAX_DIFFERENCE else "box end"
        is_usual = any(np.allclose(self.shares, usual, atol=0.03) for usual in _USUAL_SHARES)
        return "scale and shift" if is_usual else "points"


def _formats() -> Iterator[tuple[BoxFormat, Origin, Float, Float]]:
    """Yield each way to write boxes, with the first edges and the sizes along x and y.

    Edges and sizes are (2, 4), the weights of the four numbers of a box. With y up, the height of
    the map is to be added to the first edge along y.
    """
    a, b, c, d = np.eye(4)
    rows: tuple[tuple[BoxFormat, Float, Float, Float, Float], ...] = (
        ("xyxy", a, b, c - a, d - b),
        ("yxyx", b, a, d - b, c - a),
        ("xywh", a, b, c, d),
        ("cxcywh", a - c / 2, b - d / 2, c, d),
    )
    for box_format, x, y, width, height in rows:
        size = np.stack([width, height])
        yield box_format, "top-left", np.stack([x, y]), size
        # With y up, xywh starts at the upper edge, and all others at the lower one.
        top = -y if box_format == "xywh" else -y - height
        yield box_format, "bottom-left", np.stack([x, top]), size


def read_boxes(call: ProbeCall, output: Array) -> Reading | None:
    """Return how a kernel reads boxes, from the output of a reading call; None if unclear."""
    units: list[tuple[float, dict[str, Any]]] = [(call.spatial_scale, {})]
    if call.boxes.max() < 1:
        side = call.features.shape[-1]
        units = [
            (side - less, {"normalized": True, "normalized_by": rule})
            for rule, less in (("last-centre", 1), ("size", 0))
        ]
    x, y, total = positions(call, output)
    where = np.stack([x[:, 0, [0, -1]], y[:, [0, -1], 0]])  # (2 axes, R, 2 sections)
    if not np.isfinite(where).all():
        return None
    # The mean over the phases of a cell.
    where = where.reshape(2, -1, 5, 2).mean(axis=1)
    boxes = call.boxes.astype(np.float64).reshape(-1, 5, 4).mean(axis=0)
    height = call.features.shape[-2]
    found = [
        reading
        for unit, fields in units
        for reading in _readings(boxes * unit, where, height, fields, call.output_size[0])
    ]
    best = min(found, key=lambda reading: reading.error, default=None)
    if best is None:
        return None
    is_linear = _is_linear(call, x, y)
    is_bilinear = is_linear and _is_bilinear(call, output, x, y, total)
    weight = float(np.median(total))
    return replace(best, is_linear=is_linear, is_bilinear=is_bilinear, weight=weight)


def _is_linear(call: ProbeCall, x: Float, y: Float) -> bool:
    """Return whether the positions of sections are a linear function of the numbers of the box."""
    numbers = np.column_stack([call.boxes, np.ones(len(x))]).astype(np.float64)
    where = np.concatenate([x.reshape(len(x), -1), y.reshape(len(y), -1)], axis=1)
    linear = numbers @ np.linalg.lstsq(numbers, where, rcond=None)[0]
    return bool(np.allclose(where, linear, atol=0.02))


def _is_bilinear(call: ProbeCall, output: Array, x: Float, y: Float, total: Float) -> bool:
    """Return whether weights are those of the four cells around their mean position."""
    cells = np.arange(call.features.shape[-1])
    along_y, along_x = (
        np.maximum(1 - np.abs(cells - where[..., None]), 0) for where in (y, x)
    )  # (R, 2, 2, cells)
    expected = along_y[..., :, None] * along_x[..., None, :] * total[..., None, None]
    given = np.moveaxis(cell_weights(call, output), (1, 2), (3, 4))
    return bool(np.allclose(given, expected, atol=0.01))


def _readings(
    boxes: Float, where: Float, height: int, fields: Mapping[str, Any], sections: int
) -> Iterator[Reading]:
    """Yield the box formats that explain how sections move with the four numbers of a box.

    Parameters
    ----------
    boxes
        (5, 4), in cells: a box, and boxes of which one number is another.
    where
        (2, 5, 2), the position of the first and the last section along x and y.
    height
        Rows of the map.
    fields
        The fields of a convention that belong to the unit of the boxes.
    sections
        How many sections there are along an axis.
    """
    moved = np.diag(boxes[1:] - boxes[0])
    slopes = (where[:, 1:] - where[:, :1]) / moved[:, None]  # (2, 4, 2)
    for box_format, origin, first, size in _formats():
        of_two = _shares(slopes, first, size, sections)
        shares = [0, 1] + (of_two - [0, 1]) * 2 / sections
        error = np.abs(slopes - first[:, :, None] - size[:, :, None] * shares).max()
        if error > _MAX_ERROR or not -0.05 <= shares[0] <= shares[1] - 0.1 <= 0.95:
            continue
        start = first @ boxes[0] + np.array([0, height if origin == "bottom-left" else 0])
        end = start + size @ boxes[0]
        extent = (where[:, 0, 1] - where[:, 0, 0]) / (shares[1] - shares[0])
        measured = where[:, 0, 0] - shares[0] * extent
        before, after = (start - measured).tolist(), (end - measured - extent).tolist()
        yield Reading(
            {"box_format": box_format, "origin": origin, **fields},
            (float(of_two[0]), float(of_two[1])),
            (before[0], before[1]),
            (after[0], after[1]),
            float(error),
            is_linear=True,
            is_bilinear=True,
        )


_USUAL_SHARES = ((0.25, 0.75), (0.0, 0.5), (0.0, 1.0))
_MAX_DIFFERENCE = 0.03  # cells by which two axes may differ in the mean of four phases
_MAX_ERROR = 0.15  # by which measured slopes may differ from those of a box format


def _shares(slopes: Float, first: Float, size: Float, sections: int) -> Float:
    """Return the shares of the ROI at which sections would lie if there were two.

    They are rounded to sixteenths if they are near.
    """
    shares: Float = np.einsum("akf,ak->f", slopes - first[:, :, None], size) / (size * size).sum()
    of_two = [0, 1] + (shares - [0, 1]) * sections / 2
    near = np.round(of_two * 16) / 16
    return np.where(np.abs(of_two - near) < 0.02 * sections / 2, near, of_two)


def likely_points(shares: tuple[float, float]) -> Iterator[dict[str, Any]]:
    """Yield the rules for points that place two sections at shares of the ROI, likeliest first."""
    low, high = shares
    if math.isclose(low, 0, abs_tol=0.06) and math.isclose(high, 1, abs_tol=0.06):
        yield {"points": "corners"}
    yield {"points": "centred", "point_in_part": min(max(2 * low, 0.0), 1.0)}
    yield {"points": "centred", "point_in_part": 0.5}
    yield {"points": "dividers"}
    yield {"points": "integral", "pooling": "avg"}
    for rounding, offset in product(("round-map", "floor-map"), (0.0, 0.5)):
        whole = {"points": "cells", "edge_rounding": rounding, "offset": offset}
        for pooling, end in (("max", -1.0), ("avg", 0.0), ("avg", -1.0), ("max", 0.0)):
            yield {**whole, "pooling": pooling, "max_of": "point", "end_offset": end}
    yield {"points": "corners"}
    yield {"points": "centred", "point_in_part": 0.0}
    yield {"points": "centred", "point_in_part": 1.0}
