"""Validate the arguments of a search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import as_array, split_boxes
from roialign_cli.core.convention import Convention, ConventionFields
from roialign_cli.core.operation import Operation, make_operation
from roialign_cli.core.overrides import applicable_overrides, resolve
from roialign_cli.core.preset import Preset
from roialign_cli.errors import ArgumentError
from roialign_cli.search.candidates import possible_batches
from roialign_cli.search.fit import Index
from roialign_cli.search.hypothesis import LAYOUTS, Batches, Layout


def possible_layouts(output: NDArray[Any], channels: int) -> list[Layout]:
    """Return the layouts in which an output may be pooled from so many channels.

    A position-sensitive operator has a channel for each section of an output channel.

    Raises
    ------
    ArgumentError
        If there is none.
    """
    layouts = [
        name
        for name, (_, c, height, width) in LAYOUTS.items()
        if channels
        in {output.shape[c], output.shape[c] * output.shape[height] * output.shape[width]}
    ]
    if not layouts:
        raise ArgumentError(
            "expected",
            f"must have the {channels} channels of the features on the second or the last axis, "
            f"got {output.shape}",
        )
    return layouts


def check_tolerance(value: object) -> None:
    """Raise an `ArgumentError` if a tolerance is neither None nor a finite number from 0 up."""
    if value is None:
        return
    given = np.asarray(value)
    if given.ndim or given.dtype.kind not in "iuf" or not 0 <= given < np.inf:
        raise ArgumentError("tolerance", f"must be a number of at least 0, got {value!r}")


def count_distinct(output: NDArray[Any]) -> int:
    """Count the different finite values of an output, without zero."""
    finite = output[np.isfinite(output)]
    return len(np.unique(finite[finite != 0]))


def checked_call(
    features: object,
    boxes: object,
    batch_index: object,
    convention: str | Preset | Convention | None,
    spatial_scale: float | tuple[float, float] | None,
    fixed_fields: ConventionFields,
) -> tuple[Operation, dict[Batches, Index]]:
    """Validate arguments of `identify`; return them as an operation, with the possible batches."""
    base = resolve(Convention() if convention is None else convention)
    convention = resolve(base, **applicable_overrides(base, **fixed_fields))
    if convention.normalized and spatial_scale is None:
        convention = replace(convention, normalized=False)
    call = {"spatial_scale": spatial_scale, "batch_index": batch_index}
    checked = make_operation(features, boxes, 1, convention=convention, **call)  # type: ignore[arg-type]
    index_given = batch_index is not None or np.asarray(boxes).shape[-1] == 5
    given = checked.batch_index if index_given else None
    return checked, possible_batches(given, len(checked.features), len(checked.boxes_given))


def checked_output(expected: object, boxes: object) -> NDArray[Any]:
    """Return the output as a real array of four axes, the first of length R, or raise an error."""
    array, count = as_array("expected", expected), len(split_boxes(boxes)[0])
    if array.dtype.kind not in "buif":
        raise ArgumentError("expected", f"must be real numbers, got {array.dtype}")
    if array.ndim != 4 or len(array) != count or 0 in array.shape:
        needed = f"shape ({count}, channels, height, width), one output per box"
        raise ArgumentError("expected", f"must have {needed}, got {array.shape}")
    return array
