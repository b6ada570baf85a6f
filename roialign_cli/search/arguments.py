"""Validate the arguments of a search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import as_array, has_index_last
from roialign_cli.core.convention import Convention, ConventionFields
from roialign_cli.core.operation import Operation, make_operation
from roialign_cli.core.overrides import applicable_overrides, resolve
from roialign_cli.core.preset import Preset
from roialign_cli.errors import ArgumentError
from roialign_cli.search.candidates import possible_batches
from roialign_cli.search.fit import Index
from roialign_cli.search.hypothesis import Batches


def check_tolerance(value: object) -> None:
    """Raise an `ArgumentError` if a tolerance is neither None nor a finite number from 0 up."""
    if value is None:
        return
    given = np.asarray(value)
    if given.ndim or given.dtype.kind not in "iuf" or not 0 <= given < np.inf:
        raise ArgumentError("tolerance", f"must be a number of at least 0, got {value!r}")


_MAX_COUNTED = 100_000  # values


def count_distinct(output: NDArray[Any]) -> int:
    """Count the different finite values of an output, or of a part of it, without zero."""
    flat = output.reshape(-1)
    output = flat[:: max(len(flat) // _MAX_COUNTED, 1)]
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
    maps, given_boxes = as_array("features", features), as_array("boxes", boxes)
    index_last = batch_index is None and has_index_last(
        given_boxes, len(maps) if maps.ndim == 4 else 1
    )
    if index_last:
        given_boxes = given_boxes[:, [4, 0, 1, 2, 3]]
    checked = make_operation(maps, given_boxes, 1, convention=convention, **call)  # type: ignore[arg-type]
    if index_last:
        return checked, {"last column": checked.batch_index}
    index_given = batch_index is not None or given_boxes.shape[-1] == 5
    given = checked.batch_index if index_given else None
    return checked, possible_batches(given, len(checked.features), len(checked.boxes_given))


def checked_output(expected: object) -> NDArray[Any]:
    """Return the output as an array of real numbers, or raise an error."""
    array = as_array("expected", expected)
    if array.dtype.kind not in "buif":
        raise ArgumentError("expected", f"must be real numbers, got {array.dtype}")
    if not array.size:
        raise ArgumentError("expected", f"must hold numbers, got shape {array.shape}")
    return array
