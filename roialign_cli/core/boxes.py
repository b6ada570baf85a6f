"""Convert boxes and positions between what people write and what the program computes with.

Everywhere else, positions are in cell-index units: the centre of cell i is at i, and y grows
downward. Only this module converts between them and the coordinates that people read and write.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import BoxFormat, Origin
from roialign_cli.errors import ArgumentError

Float = NDArray[np.floating]

# Box format → the four numbers of a box, in words.
BOX_NUMBERS: Mapping[BoxFormat, str] = MappingProxyType(
    {
        "xyxy": "x1, y1, x2, y2",
        "xywh": "x and y of the top-left corner, width, height",
        "cxcywh": "x and y of the centre, width, height",
        "yxyx": "y1, x1, y2, x2",
    }
)


@dataclass(frozen=True)
class FrameAxis:
    """Convert cell indices into coordinates: coordinate = zero + sign · index.

    Parameters
    ----------
    zero
        Coordinate of the centre of cell 0.
    sign
        1, or −1 if coordinates grow towards smaller indices.
    """

    zero: float
    sign: int

    def coordinate(self, index: Any) -> Any:  # noqa: ANN401 - a number or an array of them
        """Return the coordinate of a position in cell-index units."""
        return self.zero + self.sign * index

    def index(self, coordinate: Any) -> Any:  # noqa: ANN401
        """Return a coordinate as a position in cell-index units."""
        return self.sign * (coordinate - self.zero)


@dataclass(frozen=True)
class Frame:
    """State where the origin is and which way y points when positions are read or shown.

    Positions in a frame are in cells. The edges of a cell lie on whole numbers and its centre on
    .5, unless y points up and the height is not a whole number.

    Parameters
    ----------
    origin
        "top-left" with y down, or "bottom-left" with y up.
    height
        Height of the image on the feature map, in cells; y is measured from it if y points up. It
        is less than the height of the map if the last row of cells extends below the image.
    """

    origin: Origin
    height: float

    @property
    def y_up(self) -> bool:
        """Whether y grows upward."""
        return self.origin == "bottom-left"

    @property
    def y_sign(self) -> int:
        """The sign of y coordinates downward: −1 if y grows upward."""
        return -1 if self.y_up else 1

    @property
    def x_axis(self) -> FrameAxis:
        """The x axis."""
        return FrameAxis(0.5, 1)

    @property
    def y_axis(self) -> FrameAxis:
        """The y axis."""
        return FrameAxis(self.height - 0.5, -1) if self.y_up else FrameAxis(0.5, 1)

    @property
    def whole(self) -> bool:
        """Whether cell edges lie on whole numbers and cell centres on .5."""
        return not self.y_up or float(self.height).is_integer()

    def row_edge(self, row: int) -> float:
        """Return the y coordinate of the upper edge of a row."""
        return self.y(row - 0.5)

    def x(self, index: float) -> float:
        """Return the x coordinate of a position in cell-index units."""
        return float(self.x_axis.coordinate(float(index)))

    def y(self, index: float) -> float:
        """Return the y coordinate of a position in cell-index units."""
        return float(self.y_axis.coordinate(float(index)))


def corners(
    boxes: Float,
    box_format: BoxFormat,
    image_height: float | None = None,
    *,
    inclusive: bool = False,
) -> Float:
    """Convert boxes to corners x1, y1, x2, y2 with y down, in the same units.

    Parameters
    ----------
    boxes
        (R, 4), float64. With y up, "xywh" begins with the top-left corner, the corner pairs with
        the bottom-left corner.
    box_format
        The meaning of the four columns.
    image_height
        Height from which y is measured, in the units of the boxes, if y points up; otherwise None.
    inclusive
        Whether the second corner is the last pixel of a box. In the frame of the boxes, x2 and y2
        then grow by one unit.

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
    if not inclusive:
        return xyxy
    # y2 in a frame with y up is y1 with y down.
    return np.add(xyxy, (0, 0, 1, 1) if image_height is None else (0, -1, 1, 0))


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


# boxes (R, 4), height of the image if y points up → x1, y1, x2, y2
_READERS: dict[BoxFormat, Callable[[Float, float | None], tuple[Float, ...]]] = {
    "xyxy": _xyxy,
    "xywh": _xywh,
    "cxcywh": _cxcywh,
    "yxyx": _yxyx,
}


def written_as(
    xyxy: Float,
    box_format: BoxFormat,
    image_height: float | None = None,
    *,
    inclusive: bool = False,
) -> Float:
    """Convert corners to boxes as a caller writes them; the inverse of `corners`.

    Parameters
    ----------
    xyxy
        (R, 4), float64, corners x1, y1, x2, y2 with y down.
    box_format, image_height, inclusive
        As for `corners`.

    Returns
    -------
    (R, 4), float64.

    Examples
    --------
    >>> written_as(np.array([[296.0, 192, 496, 337]]), "xywh", image_height=512)
    array([[296., 320., 200., 145.]])
    """
    x1, y1, x2, y2 = xyxy.T
    if inclusive:
        x2 = x2 - 1
        y1, y2 = (y1, y2 - 1) if image_height is None else (y1 + 1, y2)
    middle, width, height = (y1 + y2) / 2, x2 - x1, y2 - y1
    top, low, high = y1, y1, y2
    if image_height is not None:
        middle, top = image_height - middle, image_height - y1
        low, high = image_height - y2, image_height - y1
    written: dict[BoxFormat, tuple[Float, ...]] = {
        "xyxy": (x1, low, x2, high),
        "yxyx": (low, x1, high, x2),
        "xywh": (x1, top, width, height),
        "cxcywh": ((x1 + x2) / 2, middle, width, height),
    }
    return np.stack(written[box_format], axis=1)


def box_height(
    image_height: float | None, map_height: int, scale: float, *, normalized: bool
) -> float:
    """Return the height from which y is measured if it points up, in the units of the boxes."""
    if normalized:
        return 1.0
    return map_height / scale if image_height is None else image_height


def as_array(name: str, value: object) -> NDArray[Any]:
    """Convert an argument to a plain array.

    Raises
    ------
    ArgumentError
        For rows of different lengths and for masked arrays.
    """
    # NumPy imports numpy.ma at its first use, which is slow.
    if "numpy.ma" in sys.modules and isinstance(value, np.ma.MaskedArray):
        raise ArgumentError(
            name, "must not be a masked array; fill the array first, for example with filled(0)"
        )
    try:
        return np.asarray(value)
    except (ValueError, TypeError, OverflowError):
        raise ArgumentError(
            name, "must be an array of numbers; the rows have different lengths"
        ) from None


def split_boxes(
    boxes: object, batch_index: object = None
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Convert the arguments of a call to boxes (R, 4), float64, and their batch index (R,).

    Parameters
    ----------
    boxes
        (R, 4); or (R, 5) with the batch index in the first column; or one box, (4,).
    batch_index
        (R,) integers or one for all boxes; not together with (R, 5) boxes.

    Raises
    ------
    ArgumentError
        For another shape, and for coordinates that are not finite.
    """
    array = _as_numbers(as_array("boxes", boxes))
    if array.ndim == 1 and array.size in {0, 4, 5}:
        array = array.reshape(-1, array.size or 4)
    if array.ndim != 2 or array.shape[1] not in {4, 5}:
        raise ArgumentError("boxes", f"must be (R, 4) or (R, 5), got {array.shape}")
    if not np.isfinite(array).all():
        raise ArgumentError("boxes", not_finite(array))
    if array.shape[1] == 5:
        if batch_index is not None:
            raise ArgumentError(
                "batch_index",
                "is already the first of the five columns of boxes; give only one of the two",
            )
        if not _is_whole(array[:, 0]):
            remedy = index_remedy(array) or "; write the map's index from 0, or omit the index"
            raise ArgumentError("boxes", f"{_INDEX_FIRST}{remedy}")
        array, batch_index = array[:, 1:], array[:, 0]
    return array, _batch_index(batch_index, len(array))


_INDEX_FIRST = "the first of five numbers must be the batch index, a whole number"


def has_index_last(boxes: NDArray[Any], maps: int) -> bool:
    """Return whether the batch index of boxes is in the last of five columns, not in the first.

    Parameters
    ----------
    boxes
        An array of any shape and dtype.
    maps
        The number of feature maps.
    """
    if boxes.ndim != 2 or boxes.shape[1] != 5 or boxes.dtype.kind not in "iuf" or not len(boxes):
        return False
    whole = (boxes % 1 == 0) & (boxes >= 0) & (boxes < maps)
    return bool(whole[:, 4].all() and not whole[:, 0].all())


def index_remedy(boxes: NDArray[Any], maps: int = 2**31) -> str:
    """Return how to move the batch index to the front, as the end of a message about boxes.

    The text is empty if the last column is not a batch index.
    """
    remedy = f"; if the last number is the batch index, write it first: {INDEX_TO_FRONT}"
    return remedy if has_index_last(boxes, maps) else ""


INDEX_TO_FRONT = "boxes[:, [4, 0, 1, 2, 3]]"  # the code that moves the last column to the front


def not_finite(boxes: Float) -> str:
    """Return which number of boxes (R, 4) or (R, 5) is not finite, for an error message."""
    row, column = np.argwhere(~np.isfinite(boxes))[0]
    return f"number {column + 1} of box {row} is {boxes[row, column]}; use finite numbers"


def _as_numbers(given: NDArray[Any]) -> NDArray[np.float64]:
    try:
        if given.dtype.kind in "buifO":
            return given.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ArgumentError("boxes", "must be numbers of shape (R, 4) or (R, 5)")


_MAX_INDEX = 2**53  # the range of exact integers of float64


def _is_whole(numbers: NDArray[Any]) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(np.all((np.abs(numbers) < _MAX_INDEX) & (numbers % 1 == 0)))


def _batch_index(batch_index: object, n_boxes: int) -> NDArray[np.intp]:
    if batch_index is None:
        return np.zeros(n_boxes, np.intp)
    given = as_array("batch_index", batch_index)
    if given.ndim > 1 or (given.ndim == 1 and len(given) != n_boxes):
        raise ArgumentError(
            "batch_index", f"must have one index per box, shape ({n_boxes},), got {given.shape}"
        )
    if given.dtype.kind not in "iuf" or not _is_whole(given):
        raise ArgumentError("batch_index", "must be whole numbers; count the feature maps from 0")
    return np.broadcast_to(given.astype(np.intp), n_boxes)
