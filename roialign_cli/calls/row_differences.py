"""Compare two outputs of the same boxes row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.analysis.comparison import difference
from roialign_cli.analysis.tolerance import output_tolerance
from roialign_cli.calls.call import Call
from roialign_cli.core.boxes import Float

_MAX_VALUES = 1 << 18  # that are compared at a time, so that the processor keeps them


@dataclass(frozen=True)
class RowDifferences:
    """How far two outputs of the same boxes are apart.

    Parameters
    ----------
    by_row, amounts
        (R,), the largest and the mean absolute difference of each row; inf where only one value is
        finite.
    wrong
        (R,), the rows that differ by more than the tolerance.
    """

    by_row: Float
    amounts: Float
    wrong: Mask

    @property
    def largest(self) -> float:
        """The largest difference."""
        return float(self.by_row.max(initial=0.0))


def row_differences(made: Float, given: NDArray[Any], allowed: float | Float) -> RowDifferences:
    """Compare two outputs of shape (R, C, height, width).

    Parameters
    ----------
    made, given
        The outputs.
    allowed
        The largest difference that counts as equal: one number, or (C, 1, 1) as returned by
        `allowed_differences`.
    """
    by_row, amounts, wrong = np.zeros(len(made)), np.zeros(len(made)), np.zeros(len(made), np.bool_)
    for rows in _pieces(made):
        apart = np.abs(difference(made[rows], given[rows]))
        apart[np.isnan(apart)] = np.inf
        by_row[rows] = apart.max(axis=(1, 2, 3), initial=0.0)
        amounts[rows] = apart.mean(axis=(1, 2, 3)) if apart[0].size else 0.0
        wrong[rows] = (apart > allowed).any(axis=(1, 2, 3))
    return RowDifferences(by_row, amounts, wrong)


def _pieces(output: Float) -> Iterator[slice]:
    step = max(_MAX_VALUES // max(output[:1].size, 1), 1)
    return (slice(start, start + step) for start in range(0, len(output), step))


def tolerance_of(*calls: Call) -> float:
    """Return the tolerance for the outputs of calls, which follows their data types."""
    dtypes = [call.features.dtype for call in calls]
    dtypes += [call.output.dtype for call in calls if call.output is not None]
    bfloat16 = any({"features", "output"} & {*call.bfloat16} for call in calls)
    return output_tolerance(*dtypes, bfloat16=bfloat16)
