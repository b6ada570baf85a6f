"""Box formats and frames: from the numbers a person writes to corners with y down, and back.

Everywhere else in the package positions are in cell-index units: the centre of cell i is at i, and
y grows downward. This module is the only place where that is turned into what a person reads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roialign_cli.conventions import BoxFormat, Origin
from roialign_cli.errors import ArgumentError

Float = NDArray[np.floating]


@dataclass(frozen=True)
class Frame:
    """Where the origin is, and which way y points, when positions are read or shown.

    Positions in a frame are in cells: a cell's edges lie on whole numbers, its centre on .5.

    Parameters
    ----------
    origin
        "top-left" with y down, or "bottom-left" with y up.
    height
        Rows of the feature map.
    """

    origin: Origin
    height: int

    @property
    def y_up(self) -> bool:
        """Whether y grows upward."""
        return self.origin == "bottom-left"

    @property
    def down(self) -> int:
        """The sign of what lies further down: −1 where y grows upward."""
        return -1 if self.y_up else 1

    def x(self, index: float) -> float:
        """Return the x of a position given in cell-index units."""
        return float(index) + 0.5

    def y(self, index: float) -> float:
        """Return the y of a position given in cell-index units."""
        return self.height - 0.5 - float(index) if self.y_up else float(index) + 0.5


def corners(
    boxes: Float,
    box_format: BoxFormat,
    image_height: float | None = None,
    *,
    inclusive: bool = False,
) -> Float:
    """Return boxes as their corners x1, y1, x2, y2 with y down, in the units they came in.

    Parameters
    ----------
    boxes
        (R, 4), float64. With y up, "xywh" starts at the top-left corner and the corner pairs at
        the bottom-left one.
    box_format
        What the four columns are.
    image_height
        The height that y is measured from, in the boxes' units, if y points up.
    inclusive
        Whether the second corner is a box's last pixel.

    Returns
    -------
    (R, 4), float64.

    Examples
    --------
    >>> corners(np.array([[296.0, 320, 200, 145]]), "xywh", image_height=512)
    array([[296., 192., 496., 337.]])
    """
    xyxy = boxes
    if box_format != "xyxy" or image_height is not None:
        xyxy = np.stack(_READERS[box_format](boxes, image_height), axis=1)
    return np.add(xyxy, (0, 0, 1, 1)) if inclusive else xyxy


def _xyxy(boxes: Float, height: float | None) -> tuple[Float, ...]:
    x1, y1, x2, y2 = boxes.T
    return (x1, y1, x2, y2) if height is None else (x1, height - y2, x2, height - y1)


def _yxyx(boxes: Float, height: float | None) -> tuple[Float, ...]:
    return _xyxy(boxes[:, [1, 0, 3, 2]], height)


def _xywh(boxes: Float, height: float | None) -> tuple[Float, ...]:
    x, y, w, h = boxes.T
    top = y if height is None else height - y
    return x, top, x + w, top + h


def _cxcywh(boxes: Float, height: float | None) -> tuple[Float, ...]:
    cx, cy, w, h = boxes.T
    middle = cy if height is None else height - cy
    return cx - w / 2, middle - h / 2, cx + w / 2, middle + h / 2


# Each takes (R, 4) and the height of the image where y points up, and returns x1, y1, x2, y2.
_READERS: dict[BoxFormat, Callable[[Float, float | None], tuple[Float, ...]]] = {
    "xyxy": _xyxy,
    "xywh": _xywh,
    "cxcywh": _cxcywh,
    "yxyx": _yxyx,
}


def split_boxes(
    boxes: object, batch_index: object = None
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return (R, 4) float64 boxes and their (R,) batch index from what a caller gave.

    Parameters
    ----------
    boxes
        (R, 4); or (R, 5) with the batch index first; or one box (4,).
    batch_index
        (R,) whole numbers or one for all boxes; not together with (R, 5) boxes.

    Raises
    ------
    ArgumentError
        For another shape, or for coordinates that are not finite.
    """
    try:
        array = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError):
        raise ArgumentError("boxes", "must be numbers of shape (R, 4) or (R, 5)") from None
    if array.ndim == 1 and array.size in {0, 4, 5}:
        array = array.reshape(-1, array.size or 4)
    if array.ndim != 2 or array.shape[1] not in {4, 5}:
        raise ArgumentError("boxes", f"must be (R, 4) or (R, 5), got {array.shape}")
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ArgumentError(
            "boxes", f"number {column + 1} of box {row} is {array[row, column]}; must be finite"
        )
    if array.shape[1] == 5:
        if batch_index is not None:
            raise ArgumentError("batch_index", "is already the first of the boxes' five columns")
        array, batch_index = array[:, 1:], array[:, 0]
    return array, _batch_index(batch_index, len(array))


def _batch_index(batch_index: object, n_boxes: int) -> NDArray[np.intp]:
    if batch_index is None:
        return np.zeros(n_boxes, np.intp)
    given = np.asarray(batch_index)
    if given.ndim > 1 or (given.ndim == 1 and len(given) != n_boxes):
        raise ArgumentError("batch_index", f"must be one a box, ({n_boxes},), got {given.shape}")
    if given.dtype.kind not in "iuf" or not np.all(np.isfinite(given) & (given % 1 == 0)):
        raise ArgumentError("batch_index", "must be whole numbers")
    return np.broadcast_to(given.astype(np.intp), n_boxes)
