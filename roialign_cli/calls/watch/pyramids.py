"""Find the place of a recorded call among the calls of one pyramid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.calls.call import Call, PyramidLevel
from roialign_cli.calls.watch.arguments import argument, as_boxes
from roialign_cli.calls.watch.watched import Pooler
from roialign_cli.core.boxes import split_boxes


class PyramidRun:
    """One run of a method that pools from several maps.

    Parameters
    ----------
    pooler
        What is known about the method.
    arguments
        Its arguments by name, with "self".

    Raises
    ------
    ArgumentError
        If the boxes have no values.
    """

    def __init__(self, pooler: Pooler, arguments: Mapping[str, Any]) -> None:
        owner, maps = arguments["self"], arguments[pooler.maps]
        if isinstance(maps, Mapping):
            used = getattr(owner, "featmap_names", [*maps])
            maps = [maps[name] for name in maps if name in used]
        self._maps = [*maps]
        self._boxes = _joined(*as_boxes(arguments[pooler.boxes]))
        self._rows: dict[np.dtype[Any], dict[bytes, list[int]]] = {}
        follows = all(getattr(owner, name, None) == n for name, n in pooler.settings.items())
        self._rule = pooler.rule if follows else None
        # Smaller images of a batch are padded to the size of the largest.
        sizes = [
            (float(height), float(width)) for height, width in arguments.get(pooler.image_sizes, ())
        ]
        self._image_size = (max(h for h, _ in sizes), max(w for _, w in sizes)) if sizes else None

    def placed(self, call: Call, arguments: Mapping[str, Any]) -> Call:
        """Return a call with its level and its rows, from the arguments of its function by name.

        A call is returned as it is if there is one map, or if its features are another map.
        """
        index = self._map_index(argument(arguments, "features"))
        if index is None or len(self._maps) == 1:
            return call
        level = PyramidLevel(0, index, len(self._maps), self._rule, self._image_size)
        return replace(call, level=level, rows=self._rows_of(argument(arguments, "boxes")))

    def _map_index(self, features: Any) -> int | None:  # noqa: ANN401
        for index, one in enumerate(self._maps):
            if one is features:
                return index
        # A copy in another dtype.
        shapes = [tuple(one.shape) for one in self._maps]
        shape = tuple(features.shape)
        return shapes.index(shape) if shapes.count(shape) == 1 else None

    def _rows_of(self, boxes: object) -> NDArray[np.intp] | None:
        """Return the rows of a call's boxes in the merged output; None if they were changed.

        Equal boxes have the same level and keep their order, so that each stands for itself.
        """
        part = _joined(*as_boxes(boxes))
        if part.dtype not in self._rows:
            self._rows[part.dtype] = self._by_content(part.dtype)
        left = self._rows[part.dtype]
        try:
            return np.array([left[box.tobytes()].pop(0) for box in part], np.intp)
        except IndexError:
            return None

    def _by_content(self, dtype: np.dtype[Any]) -> dict[bytes, list[int]]:
        rows: dict[bytes, list[int]] = defaultdict(list)
        for row, box in enumerate(self._boxes.astype(dtype)):
            rows[box.tobytes()].append(row)
        return rows


def _joined(boxes: NDArray[Any], index: NDArray[np.intp] | None) -> NDArray[Any]:
    """Return boxes as (R, 5) with the batch index in front, in their own dtype."""
    own, of_each = split_boxes(boxes, index)
    joined = np.concatenate([of_each[:, None], own], axis=1)
    return np.ascontiguousarray(joined + 0.0, boxes.dtype)  # no −0.0
