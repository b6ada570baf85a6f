"""The ways in which kernels take the boxes of a call, and the libraries of their arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Library = Literal["numpy", "torch"]
Layout = Literal["columns", "separate", "list"]
LIBRARIES: tuple[Library, ...] = get_args(Library)
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

LAYOUT_NAMES: Mapping[Layout, str] = {
    "separate": "(R, 4)",
    "columns": "(R, 5), the batch index first",
    "list": "a list with the boxes (R, 4) of each map",
}
CHANNELS_LAST = "(N, H, W, C)"  # of features
SQUARE = "one number"  # as the output size

Array = NDArray[Any]


def boxes_in(layout: Layout, boxes: Array, index: Array, maps: int) -> list[Array]:
    """Return copies of boxes in a layout: one array, or for a list one for each map.

    Parameters
    ----------
    layout
        The layout. The boxes of a list are ordered by map; see `original_order`.
    boxes
        (R, 4).
    index
        (R,), the map of each box.
    maps
        The number of maps.
    """
    match layout:
        case "separate":
            return [boxes.copy()]
        case "columns":
            return [np.column_stack([index.astype(boxes.dtype), boxes])]
        case "list":
            return [boxes[index == n] for n in range(maps)]


def original_order(layout: Layout, output: Array, index: Array) -> Array:
    """Return the rows of an output in the order of the boxes before `boxes_in`."""
    if layout != "list" or output.ndim == 0 or len(output) != len(index):
        return output
    return output[np.argsort(np.argsort(index, kind="stable"), kind="stable")]


def converter(library: Library, torch: Any) -> Callable[[Array], Any]:  # noqa: ANN401
    """Return the function that makes an array of a library from one of NumPy.

    Parameters
    ----------
    library
        The library.
    torch
        The module, if it is imported.
    """
    if library == "numpy":
        return lambda array: array
    from_numpy: Callable[[Array], Any] = torch.from_numpy
    return from_numpy
