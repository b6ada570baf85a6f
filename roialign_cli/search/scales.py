"""Find the scale of boxes, or their shift, by which a map looks like an output.

A box is pooled at many scales along y and at many along x. The weights of the cells are separable,
so that two matrix products give the outputs for all pairs of them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float, Frame
from roialign_cli.core.sampling import make_plan
from roialign_cli.core.weights import AxisSpans, weight_matrices
from roialign_cli.search.fit import Index
from roialign_cli.search.readings import TYPICAL
from roialign_cli.search.sample import Sample

_STEP = 1.06  # between scales
_MAX_CELLS = 96  # along an axis, of a map that is not averaged before
_REACH = 0.03, 1.7  # of the map by the farthest edge of a box
_MAX_SHIFTS = 120
_MAX_PRODUCTS = 1 << 18
_TINY = 1e-12


@dataclass(frozen=True)
class Effort:
    """The most boxes and channels of a sample, and sections along an axis, that are compared."""

    boxes: int
    channels: int
    sections: int


ROUGHLY, CLOSELY = Effort(4, 3, 2), Effort(8, 4, 3)


@dataclass(frozen=True)
class Placed:
    """The place of boxes on a map, and how similar to the sample they make the output.

    Parameters
    ----------
    scale
        (y, x) in map units per box unit.
    shift
        (y, x) in cells, added to boxes on the map.
    score
        0 to 1: the mean square of the correlations of the boxes with the sample.
    """

    scale: tuple[float, float]
    shift: tuple[float, float]
    score: float


@dataclass(frozen=True)
class Search:
    """A sample and the maps that it may be pooled from.

    Parameters
    ----------
    sample
        The sample.
    maps
        (N, c, H, W): the channels of the sample; or those of each section of each channel.
    """

    sample: Sample
    maps: NDArray[Any]

    def scales(
        self,
        xyxy: Float,
        index: Index,
        known: list[tuple[float, float]],
        down: float = 0.0,
        effort: Effort = CLOSELY,
    ) -> list[Placed]:
        """Return the best pair of scales, and those of `known`, best first.

        Parameters
        ----------
        xyxy
            (r, 4), the corners of the boxes of the sample in box units, with y down.
        index
            (r,), the map of each box.
        known
            Pairs of scales to try in any case.
        down
            By how many cells boxes are moved down.
        effort
            How much of the sample to compare.
        """
        height, width = self.maps.shape[2:]
        along_y = _grid(xyxy[:, 1::2], height, [y for y, _ in known])
        along_x = _grid(xyxy[:, ::2], width, [x for _, x in known])
        places = np.stack([along_y, 0 * along_y + down]), np.stack([along_x, 0 * along_x])
        scores = self._scores(xyxy, index, *places, effort)
        pairs = {(float(along_y[i]), float(along_x[j])) for i, j in [_argmax(scores)]} | {*known}
        found = [
            Placed(pair, (down, 0.0), float(scores[_at(along_y, pair[0]), _at(along_x, pair[1])]))
            for pair in pairs
        ]
        return sorted(found, key=lambda placed: -placed.score)

    def shifts(self, xyxy: Float, index: Index, scale: tuple[float, float]) -> Placed:
        """Return the best shift at a scale."""
        axes = []
        for axis, cells in ((1, self.maps.shape[2]), (0, self.maps.shape[3])):
            step = max(1.0, 2 * cells / _MAX_SHIFTS)
            shifts = np.arange(-cells, cells + step, step)
            axes.append(np.stack([np.full(len(shifts), scale[1 - axis]), shifts]))
        scores = self._scores(xyxy, index, axes[0], axes[1], CLOSELY)
        i, j = _argmax(scores)
        return Placed(scale, (float(axes[0][1][i]), float(axes[1][1][j])), float(scores[i, j]))

    def _scores(
        self, xyxy: Float, index: Index, along_y: Float, along_x: Float, effort: Effort
    ) -> Float:
        """Return the scores of pairs of places.

        `along_y` and `along_x` are (2, Y) and (2, X): scales and shifts.
        """
        few = np.unique(np.linspace(0, len(xyxy) - 1, effort.boxes).round().astype(int))
        rows, columns = (
            np.unique(np.linspace(0, count - 1, effort.sections).round().astype(int))
            for count in self.sample.values.shape[2:]
        )
        channels = slice(None, effort.channels)
        maps = self._read_by(channels, rows, columns)
        total = np.zeros((along_y.shape[1], along_x.shape[1]))
        for box in few.tolist():
            wanted = self.sample.standard[box, channels][:, rows][:, :, columns]
            norm = float(np.sqrt(np.square(wanted).sum()))
            y, x = (
                self._weights(xyxy[box], places, axis, keep)
                for axis, places, keep in ((1, along_y, rows), (0, along_x, columns))
            )
            shape = along_y.shape[1], len(rows), along_x.shape[1], len(columns)
            made = _contract(maps[index[box]], y, x, shape)
            product = np.einsum("cyixj,cij->yx", made, wanted.astype(made.dtype), optimize=True)
            size = np.sqrt(np.einsum("cyixj,cyixj->yx", made, made, optimize=True))
            total += np.square(np.maximum(product / np.maximum(norm * size, _TINY), 0))
        return total / len(few)

    def _read_by(self, channels: slice, rows: Index, columns: Index) -> Float:
        """Return the maps that some sections of some channels read, (N, c, rows, columns, h, w).

        The axes of the sections have length 1 if all of them read the same map.
        """
        maps = self._reduced
        count = self.sample.values.shape[1]
        if maps.shape[1] == count:
            return maps[:, channels, None, None]
        own = maps.reshape(len(maps), count, *self.sample.values.shape[2:], *maps.shape[2:])
        return own[:, channels][:, :, rows][:, :, :, columns]

    @functools.cached_property
    def _reduced(self) -> Float:
        """The maps, (N, c, h, w): each channel with mean 0 and variance 1, large ones averaged."""
        maps = _standard_maps(self.maps)
        for axis in (2, 3):
            cells, step = maps.shape[axis], _averaged(maps.shape[axis])
            if step > 1:
                sums = np.add.reduceat(maps, np.arange(0, cells, step), axis=axis)
                counts = np.minimum(step, cells - np.arange(0, cells, step))
                maps = sums / np.expand_dims(counts.astype(maps.dtype), tuple(range(1, 4 - axis)))
        return maps

    def _weights(self, box: Float, places: Float, axis: int, keep: Index) -> Float:
        """Return the weights of the cells at n places along an axis, (n · sections, cells)."""
        cells, sections = self._reduced.shape[3 - axis], self.sample.values.shape[3 - axis]
        ends = box[[axis, axis + 2]] * places[0][:, None] + places[1][:, None]
        ends /= _averaged(self.maps.shape[3 - axis])
        return axis_weights(ends, sections, cells)[:, keep].reshape(-1, cells)


def axis_weights(ends: Float, sections: int, cells: int) -> Float:
    """Return the weights of all cells of an axis, (n, sections, cells), for n edges (n, 2)."""
    xyxy = np.repeat(ends, 2, axis=1)
    call = (1.0, 1.0), (cells, 2), (sections, 1), TYPICAL, Frame("top-left", cells)
    samples, _ = make_plan(xyxy.astype(np.float32), *call).samples()
    first = np.zeros(len(ends), np.intp)
    whole = AxisSpans(samples, first, first + cells, cells)
    return weight_matrices(whole, first, TYPICAL, np.dtype(np.float32))[:, :, 0]


def _contract(maps: Float, y: Float, x: Float, shape: tuple[int, ...]) -> Float:
    """Return y · map · x for each channel, (c, Y, rows, X, columns), without c the given shape.

    Parameters
    ----------
    maps
        (c, rows or 1, columns or 1, h, w).
    y, x
        (Y · rows, h) and (X · columns, w).
    """
    if maps.shape[1:3] == (1, 1):
        across = np.ascontiguousarray(x.T)
        made = [_product(_product(y, channel), across) for channel in maps[:, 0, 0]]
        return np.stack(made).reshape(-1, *shape)
    by_row, by_column = y.reshape(*shape[:2], -1), x.reshape(*shape[2:], -1)
    own = np.empty((len(maps), *shape), np.float32)
    for c, i, j in np.ndindex(*maps.shape[:3]):
        across = np.ascontiguousarray(by_column[:, j].T)
        own[c, :, i, :, j] = _product(_product(by_row[:, i], maps[c, i, j]), across)
    return own


def _product(one: Float, other: Float) -> Float:
    """Multiply matrices, some rows after others, so that the matrix library starts no threads.

    Its threads wait for each other, and take many times longer if another program uses a core.
    """
    step = max(_MAX_PRODUCTS // other.size, 1)
    product = np.empty((len(one), other.shape[1]), np.float32)
    for start in range(0, len(one), step):
        np.matmul(one[start : start + step], other, out=product[start : start + step])
    return product


def _averaged(cells: int) -> int:
    """Return how many cells along an axis become one."""
    return -(-cells // _MAX_CELLS)


def _standard_maps(maps: NDArray[Any]) -> Float:
    finite = np.where(np.isfinite(maps), maps, 0).astype(np.float32)
    mean = finite.mean(axis=(0, 2, 3), keepdims=True)
    spread = finite.std(axis=(0, 2, 3), keepdims=True)
    return np.asarray((finite - mean) / np.maximum(spread, _TINY))


def _grid(ends: Float, cells: int, known: list[float]) -> Float:
    """Return the scales to try for edges of boxes on an axis of so many cells."""
    farthest = float(np.abs(ends).max()) or 1.0
    low, high = (share * cells / farthest for share in _REACH)
    count = round(np.log(high / low) / np.log(_STEP))
    return np.unique([*np.geomspace(low, high, count), *known])


def _at(values: Float, value: float) -> int:
    return int(np.abs(values - value).argmin())


def _argmax(scores: Float) -> tuple[int, int]:
    i, j = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(i), int(j)
