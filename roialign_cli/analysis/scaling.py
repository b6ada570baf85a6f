"""Name what determines the spatial scale of a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ScaledBy = Literal["image_size", "stride", "spatial_scale", "normalized"]


@dataclass(frozen=True)
class ScaleSource:
    """Name what determines the spatial scale of a call.

    Parameters
    ----------
    scaled_by
        The option that determines the scale, or "normalized" for boxes that are fractions of the
        image; None if the boxes are in cells.
    image_size
        (width, height) of the image in pixels; None if it is not known.
    """

    scaled_by: ScaledBy | None = None
    image_size: tuple[float, float] | None = None
