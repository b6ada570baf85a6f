"""One axis of the regions of interest, before its points are placed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float


@dataclass(frozen=True)
class RoiAxis:
    """One axis of R regions of interest, in cell-index units.

    Parameters
    ----------
    box_start, box_end
        (R,). The box edges, in image units.
    scale
        Feature-map units per image unit.
    roi_start, roi_size
        (R,). First edge and extent, after the convention's offset, rounding and smallest size.
    unclamped_size
        (R,). The extent before the smallest size was applied.
    count
        (R, S), or (R, 1) where all sections have the same. Points per section as the convention
        counts them: not positive where a region is empty or inverted and the grid adaptive.
    sections
        Sections per region, S.
    cells
        Cells of the feature map along this axis.
    """

    box_start: Float
    box_end: Float
    scale: np.floating
    roi_start: Float
    roi_size: Float
    unclamped_size: Float
    count: NDArray[np.intp]
    sections: int
    cells: int

    @property
    def section_size(self) -> Float:
        """(R,). The extent of one section, in cells."""
        size: Float = self.roi_size / self.roi_size.dtype.type(self.sections)
        return size

    @property
    def points(self) -> Float:
        """(R,). How many points there are along this axis, in all sections."""
        count = np.maximum(self.count, 0).astype(np.float64)
        points: Float = count.sum(axis=1) * (self.sections if count.shape[1] == 1 else 1)
        return points

    def __getitem__(self, rois: NDArray[np.intp]) -> RoiAxis:
        """Return the same axis of some of the regions."""
        return RoiAxis(
            self.box_start[rois],
            self.box_end[rois],
            self.scale,
            self.roi_start[rois],
            self.roi_size[rois],
            self.unclamped_size[rois],
            self.count[rois],
            self.sections,
            self.cells,
        )
