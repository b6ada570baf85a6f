"""One axis of the regions of interest, before their points are placed."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float


@dataclass(frozen=True)
class RoiAxis:
    """Describe R regions of interest along one axis, in cell-index units.

    Parameters
    ----------
    box_start, box_end
        (R,), the edges of the boxes, in image units.
    scale
        Feature-map units per image unit.
    roi_start, roi_size
        (R,), first edge and extent after the convention's offset, rounding and minimum size.
    unclamped_size
        (R,), the extent before the minimum size was applied.
    grid
        (R, S), or (R, 1) if all sections have the same: points per section as the convention
        counts them. Zero or negative for an empty or inverted region with an adaptive grid.
    count
        The same for the points that are computed; fewer if the convention leaves some out.
    sections
        Number of sections per region, S.
    cells
        Number of cells of the feature map along this axis.
    """

    box_start: Float
    box_end: Float
    scale: np.floating
    roi_start: Float
    roi_size: Float
    unclamped_size: Float
    grid: NDArray[np.intp]
    count: NDArray[np.intp]
    sections: int
    cells: int

    @functools.cached_property
    def section_size(self) -> Float:
        """Extent of one section in cells, (R,)."""
        size: Float = self.roi_size / self.roi_size.dtype.type(self.sections)
        return size

    @functools.cached_property
    def most_points(self) -> int:
        """The largest number of points in a section, at least 1."""
        return max(int(self.count.max(initial=1)), 1)

    @functools.cached_property
    def is_padded(self) -> bool:
        """Whether a section has fewer points than `most_points`."""
        return int(self.count.min(initial=self.most_points)) < self.most_points

    @property
    def points(self) -> Float:
        """Number of points along this axis in all sections, (R,)."""
        count = np.maximum(self.count, 0).astype(np.float64)
        points: Float = count.sum(axis=1) * (self.sections if count.shape[1] == 1 else 1)
        return points

    def __getitem__(self, rois: NDArray[np.intp]) -> RoiAxis:
        """Return the axis of some of the regions."""
        return RoiAxis(
            self.box_start[rois],
            self.box_end[rois],
            self.scale,
            self.roi_start[rois],
            self.roi_size[rois],
            self.unclamped_size[rois],
            self.grid[rois],
            self.count[rois],
            self.sections,
            self.cells,
        )
