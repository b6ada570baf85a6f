"""What a kernel returned, as one array of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.calls.watch.tensors import as_numpy


class UnreadableOutputError(Exception):
    """An output without numbers to measure; the text is a clause."""


def as_array(output: Any) -> tuple[NDArray[Any], list[str]]:  # noqa: ANN401
    """Return the output of a kernel as an array of numbers, and remarks about it as clauses.

    The first part of a tuple is the output: some kernels return the positions of the maxima, too.
    A list has the outputs of each map, or nested numbers.

    Raises
    ------
    UnreadableOutputError
        If the output has no numbers.
    """
    remarks = []
    if isinstance(output, tuple) and output:
        if len(output) > 1:
            remarks.append(f"the kernel returns a tuple of {len(output)}, measured is its first")
        output = output[0]
    if isinstance(output, list) and output and all(getattr(one, "ndim", 0) == 4 for one in output):
        return np.concatenate([_numbers(one) for one in output]), remarks
    return _numbers(output), remarks


def _numbers(output: Any) -> NDArray[Any]:  # noqa: ANN401
    """Return an object with numbers as an array."""
    try:
        array = as_numpy("output", output)
    except Exception:  # noqa: BLE001 - an object may raise anything
        array = np.empty(0, object)
    if array.dtype.kind not in "buif":
        kind = f"of type {type(output).__name__}"
        if isinstance(output, np.ndarray):
            kind = f"an array of dtype {output.dtype}"
        given = "None" if output is None else kind
        raise UnreadableOutputError(f"its output is {given}, not an array of real numbers")
    return array
