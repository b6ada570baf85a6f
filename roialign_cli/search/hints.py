"""Describe what is unusual about the inputs of a search, before anything is searched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.operation import Operation
from roialign_cli.search.arrangement import Arrangement

_LARGE, _TINY = 1.5, 0.02  # sides of boxes, relative to the map
_MOST = 0.5  # share of the boxes


def input_hints(
    operation: Operation, output: NDArray[Any], found: Sequence[Arrangement], *, stated: bool
) -> Iterator[str]:
    """Yield sentences on boxes and outputs that are unusual by themselves.

    Parameters
    ----------
    operation
        The features, the boxes and the scale.
    output
        The output as it was given.
    found
        Its possible arrangements.
    stated
        Whether the scale was given.
    """
    boxes = len(operation.boxes_given)
    rows = {arrangement.shape[0] for arrangement in found}
    if boxes not in rows:
        yield f"The output has {min(rows)} rows for {boxes} boxes."
    if output.size > 1 and (output == output.flat[0]).all():
        yield f"All values of the output are {output.flat[0]:g}."
    if np.issubdtype(output.dtype, np.floating) and not np.isfinite(output).all():
        wrong = int(np.count_nonzero(~np.isfinite(output)))
        yield f"{wrong} of {output.size} values of the output are not finite."
    if stated:
        yield from _sizes(operation)


def _sizes(operation: Operation) -> Iterator[str]:
    """Yield a sentence if most boxes are far larger or smaller than the map at the stated scale."""
    xyxy = operation.boxes_xyxy * np.tile(operation.spatial_scale[::-1], 2)
    sides = np.abs(xyxy[:, 2:] - xyxy[:, :2]) / np.array(operation.map_size[::-1])
    far = (sides > _LARGE).any(axis=1) | (xyxy[:, :2] > operation.map_size[::-1]).any(axis=1)
    if far.mean() > _MOST:
        yield (
            f"At the stated scale, {np.count_nonzero(far)} of {len(far)} boxes are larger than the "
            "map or outside the map; check --spatial-scale."
        )
    tiny = (sides < _TINY).all(axis=1)
    if tiny.mean() > _MOST:
        yield (
            f"At the stated scale, {np.count_nonzero(tiny)} of {len(tiny)} boxes are smaller than "
            f"{_TINY:.0%} of the map; check --spatial-scale. If the boxes are fractions of the "
            "image, use --normalized."
        )
