"""Read the cells under the regions of a feature map, and lay them out with the channels last."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from roialign_cli.core.axes import RoiAxis
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.core.sampling import Plan
from roialign_cli.errors import FileError

Index = NDArray[np.intp]

_ROW_PADDING = 16  # numbers
_CHANNELS_PER_STEP, _PAGE = 16, 4096  # channels and bytes
# Maps with up to so many numbers are converted as a whole.
_MAX_WHOLE_MAP = 1 << 14


class FeatureWindows:
    """Hold the cells of a map (C, H, W) under some regions, with the channels last.

    `stop` is the row and the column after the last ones under the regions. `sparse` is true if the
    regions cover a small part of a large map, so that windows are read one by one; `finite` is true
    if all cells under the regions are known to be finite.
    """

    def __init__(self, features: NDArray[Any], plan: Plan, dtype: np.dtype[np.floating]) -> None:
        self.features = features
        self.channels = len(features)
        self._dtype = dtype
        self._top, self._left, self._region, self.sparse = 0, 0, features, False
        self.stop = features.shape[1:]
        if features.size > _MAX_WHOLE_MAP:
            (y0, y1), (x0, x1) = (reach(axis, plan.convention) for axis in (plan.y, plan.x))
            self._top, self._left = int(y0.min()), int(x0.min())
            self.stop = int(y1.max()), int(x1.max())
            self._region = features[:, self._top : self.stop[0], self._left : self.stop[1]]
            # A few windows of a large map are read one by one.
            self.sparse = int(((y1 - y0) * (x1 - x0)).sum()) < self._region[0].size
        self.finite = not self.sparse and bool(np.isfinite(self._region).all())

    @functools.cached_property
    def _last(self) -> Float:
        """The cells under all regions, (h, w · C)."""
        return self._channels_last(self._region)

    def window(self, y0: int, y1: int, x0: int, x1: int) -> Float:
        """Return the cells of some rows and columns, (h, w · C)."""
        if self.sparse:
            return self._channels_last(_read(self.features[:, y0:y1, x0:x1]))
        top, left, channels = self._top, self._left, self.channels
        return self._last[y0 - top : y1 - top, (x0 - left) * channels : (x1 - left) * channels]

    def gather(self, first: tuple[Index, Index], shape: tuple[int, int]) -> Float:
        """Return windows of one shape, (C, r, h, w), by their first rows and columns."""
        # A view of all windows of this shape on the map.
        _, height, width = self.features.shape
        starts = self.channels, height - shape[0] + 1, width - shape[1] + 1
        strides = self.features.strides
        windows = as_strided(self.features, (*starts, *shape), (*strides, *strides[1:]))
        found = windows[:, first[0], first[1]].astype(self._dtype, copy=False)
        # Products must not depend on the layout of the map: each window has contiguous rows.
        return found if found.strides[3] == found.itemsize else np.ascontiguousarray(found)

    def _channels_last(self, features: NDArray[Any]) -> Float:
        channels, rows, columns = features.shape
        only: Float = features[0]
        if channels == 1 and only.dtype == self._dtype and only.strides[1] == only.itemsize:
            return only
        # Rows that lie a power of two apart would share a few cache lines.
        space = np.empty((rows, columns * channels + _ROW_PADDING), self._dtype)
        last = space[:, : columns * channels]
        by_cell = as_strided(
            last,
            (rows, columns, channels),
            (*last.strides[:1], channels * last.itemsize, last.itemsize),
        )
        # Cells of channels a page apart would share a few cache lines as well.
        step = _CHANNELS_PER_STEP if features.strides[0] % _PAGE == 0 else channels
        for start in range(0, channels, step):
            some = slice(start, start + step)
            by_cell[..., some] = features[some].transpose(1, 2, 0)
        return last


def reach(axis: RoiAxis, convention: Convention) -> tuple[Index, Index]:
    """Return the first cell that each region can touch and the one after its last, (R,) each."""
    ends = np.stack([axis.roi_start, axis.roi_start + axis.roi_size])
    if convention.clip_sections:
        # Points in a section that begins at the border are as far apart as those in a whole one.
        ends = np.concatenate([ends, np.clip(ends, 0, axis.cells) + axis.section_size])
    # One more cell on either side, for neighbours and rounded coordinates.
    first = np.clip(np.floor(ends.min(axis=0)) - 1, 0, max(axis.cells - 2, 0)).astype(np.intp)
    stop = np.clip(np.ceil(ends.max(axis=0)) + 2, np.minimum(first + 2, axis.cells), axis.cells)
    return first, stop.astype(np.intp)


def _read(window: NDArray[Any]) -> NDArray[Any]:
    """Return a window of a map, read from the file if the map is memory-mapped.

    Access through the mapping would load the pages around every row, nearly all of a large map.
    """
    root = window
    while isinstance(root.base, np.ndarray):
        root = root.base
    if not isinstance(root, np.memmap) or root.mode != "r" or root.filename is None:
        return window
    # The order of axes in the file: the smallest stride last.
    order = np.argsort([-step for step in window.strides], kind="stable")
    stored = window.transpose(order)
    copy = np.empty(stored.shape, window.dtype)
    run = copy.ndim
    while run and stored.strides[run - 1] == copy.strides[run - 1]:
        run -= 1
    starts = np.full((), root.offset + _address(window) - _address(root))
    for cells, step in zip(stored.shape[:run], stored.strides[:run], strict=True):
        starts = np.add.outer(starts, np.arange(cells) * step)
    runs = copy.reshape(starts.size, -1).view(np.uint8)
    with Path(root.filename).open("rb", buffering=0) as file:
        for start, row in zip(starts.ravel().tolist(), runs, strict=True):
            file.seek(start)
            if file.readinto(row.data) != row.size:
                raise FileError(
                    root.filename, "became shorter while it was being read; run the command again"
                )
    return copy.transpose(np.argsort(order))


def _address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
