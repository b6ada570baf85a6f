"""The weights of cells along one axis, as matrices by which windows of a map are multiplied."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.core.sampling import AxisSamples

Index = NDArray[np.intp]

# Rows of candidates for "max" that are multiplied together.
BLOCK_ROWS = 16


@dataclass(frozen=True)
class AxisSpans:
    """Hold the samples of r regions along one axis and the cells under them.

    Parameters
    ----------
    samples
        The samples, (r, S, P).
    first, stop
        (r,), the first cell under each region and the one after the last.
    longest
        The largest number of cells under a region.
    """

    samples: AxisSamples
    first: Index
    stop: Index
    longest: int

    @classmethod
    def of(cls, samples: AxisSamples) -> AxisSpans:
        """Find the cells under samples."""
        first = samples.lower.min(axis=(1, 2))
        stop = samples.upper.max(axis=(1, 2)) + 1
        return cls(samples, first, stop, int((stop - first).max()))

    @functools.cached_property
    def _of_each_section(self) -> tuple[Index, Index]:
        """The first cell under each section and the one after the last, (r, S) each."""
        # Positions are monotonic in a section, so that its ends suffice.
        lower, upper = self.samples.lower, self.samples.upper
        firsts = np.minimum(lower[:, :, 0], lower[:, :, -1])
        return firsts, np.maximum(upper[:, :, 0], upper[:, :, -1]) + 1

    def of_sections(self, sections: slice) -> tuple[list[int], list[int]]:
        """Return the cells under some sections of each region, [begin, end) from its first cell."""
        firsts, stops = (cells[:, sections] for cells in self._of_each_section)
        begin, end = firsts.min(axis=1) - self.first, stops.max(axis=1) - self.first
        return begin.tolist(), end.tolist()

    def blocks(self, per_section: int) -> list[tuple[slice, slice, list[int], list[int]]]:
        """Divide sections with so many candidates each into blocks of few candidates.

        Return the sections of each block, its candidates, and its cells as in `of_sections`.
        """
        sections = self.samples.position.shape[1]
        step = max(BLOCK_ROWS // per_section, 1)
        blocks = []
        for start in range(0, sections, step):
            stop = min(start + step, sections)
            candidates = slice(start * per_section, stop * per_section)
            cells = self.of_sections(slice(start, stop))
            blocks.append((slice(start, stop), candidates, *cells))
        return blocks


def rows_per_section(samples: AxisSamples, convention: Convention) -> int:
    """Return M, how many rows of its weight matrix a section has."""
    if convention.pooling == "avg":
        return 1
    return int(samples.position.shape[2]) * (2 if convention.max_of == "weighted-cell" else 1)


def weight_matrices(
    spans: AxisSpans, first: Index, convention: Convention, dtype: np.dtype[np.floating]
) -> Float:
    """Return the weights of the `longest` cells from `first` on, (r, S, M, longest).

    For "avg" M is 1, and a weight is the mean over the points of the section. For "max" there is a
    row for every point, or for each of its two neighbours if "max" takes the products.
    """
    samples, cells = spans.samples, spans.longest
    r, sections, points = samples.position.shape
    average = convention.pooling == "avg"
    inside = samples.in_bounds & samples.valid if average else samples.in_bounds
    weights = np.empty((2, r, sections, points))
    np.multiply(samples.upper_weight, inside, out=weights[1])
    if samples.cell_weight is None:
        np.subtract(inside, weights[1], out=weights[0])
    else:
        np.multiply(samples.cell_weight, inside, out=weights[0])
    if samples.cells_off_map is not None:
        weights *= samples.cells_off_map == 0
    if average:
        weights /= np.maximum(samples.divisor, 1)[:, :, None]
    # With products, the upper neighbour has a row of its own after that of the lower one.
    per_section = rows_per_section(samples, convention)
    rows, rows_per_point = r * sections * per_section, 1 if average else per_section // points
    row = np.arange(0, rows * cells, rows_per_point * cells).reshape(r, sections, -1)
    row -= first[:, None, None]
    # One long addition is faster than one for each section.
    target = samples.neighbours + (np.repeat(row, points, axis=2) if average else row)
    if rows_per_point == 2:
        target[1] += cells
    flat = np.bincount(target.ravel(), weights.ravel(), minlength=rows * cells)
    return flat.astype(dtype).reshape(r, sections, -1, cells)
