"""Compare the stated parameters of a call with what its output shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.scaling import scale_text
from roialign_cli.analysis.tolerance import (
    BFLOAT16_TOLERANCE,
    allowed_differences,
    output_tolerance,
)
from roialign_cli.calls.call import Call
from roialign_cli.calls.row_differences import row_differences
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.core.operation import Operation
from roialign_cli.core.presets import PRESETS
from roialign_cli.errors import ArgumentError
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.result import Identification


@dataclass(frozen=True)
class Difference:
    """A parameter with one value in the description of a call and another one in its output.

    Parameters
    ----------
    name
        The field of the convention, "preset", "spatial_scale" or "batch_index".
    stated, shown
        The value that the call states, and the value that explains the output.
    """

    name: str
    stated: Any
    shown: Any

    def sentence(self, stated_by: str = "The call states") -> str:
        """Return the difference as a sentence.

        Parameters
        ----------
        stated_by
            The beginning of the sentence: what has the stated value.

        Examples
        --------
        >>> Difference("sampling_ratio", 2, 0).sentence()
        'The call states sampling_ratio 2; the output shows 0.'
        """
        stated, shown = map(value_text, (self.stated, self.shown))
        name = _NAMES.get(self.name, self.name)
        return f"{stated_by} {name} {stated}; the output shows {shown}."


_NAMES = {
    "preset": "the preset",
    "spatial_scale": "the spatial scale",
    "batch_index": "the batch index",
}


def value_text(value: object) -> str:
    """Return the value of a parameter; a pair is a scale."""
    return scale_text(value) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class Agreement:
    """Whether the stated parameters of a call reproduce an output.

    Parameters
    ----------
    rows
        The number of rows that they reproduce.
    count
        The number of rows.
    max_difference
        The largest difference from the output, in feature units; infinite if only one of two
        values is finite, or if the operator rejects the boxes.
    differences
        The parameters that explain the output and differ from the stated ones.
    """

    rows: int
    count: int
    max_difference: float
    differences: tuple[Difference, ...] = field(default=())

    @property
    def agrees(self) -> bool:
        """Whether they reproduce all rows."""
        return self.rows == self.count

    def sentences(self) -> Iterator[str]:
        """Yield whether the stated parameters reproduce the output, and each difference."""
        largest = ""
        if np.isfinite(self.max_difference):
            largest = f": largest difference {self.max_difference:.3g}"
        if self.agrees:
            yield f"The parameters that the call states reproduce the output{largest}."
            return
        share = f"reproduce {self.rows} of {self.count} rows"
        verb = share if self.rows else "do not reproduce the output"
        yield f"The parameters that the call states {verb}{largest}."
        yield from (difference.sentence() for difference in self.differences)

    def record(self) -> dict[str, Any]:
        """Return the agreement as plain data."""
        return {
            "agrees": self.agrees,
            "rows": self.rows,
            "max_difference": self.max_difference,
            "differences": [vars(difference) for difference in self.differences],
        }


def stated_agreement(
    call: Call, output: NDArray[Any], tolerance: float | None = None
) -> Agreement | None:
    """Return whether the stated parameters of a call reproduce an output.

    Parameters
    ----------
    call
        The call.
    output
        (R, channels, rows, columns), of the call or of another program with the same inputs.
    tolerance
        The largest difference that counts as equal, in feature units; None for that of the data
        types.

    Returns
    -------
    The agreement without differences, or None if the call states no operator, or if the output has
    another shape than its parameters give.
    """
    if call.preset is None:
        return None
    operation = call.operation()
    if output.shape != (len(call.boxes), operation.channels, *operation.output_size):
        return None
    allowed: float | Float | None = bfloat16_tolerance(call, output)
    if tolerance is not None:
        allowed = tolerance
    elif allowed is None:
        share = output_tolerance(call.features.dtype, output.dtype)
        allowed = allowed_differences(output, share)
    try:
        found = row_differences(operation.pooled(), output, allowed)
    except ArgumentError:  # the operator rejects a box that was pooled
        return Agreement(0, len(output), np.inf)
    return Agreement(int((~found.wrong).sum()), len(output), found.largest)


def bfloat16_tolerance(call: Call, output: NDArray[Any]) -> float | None:
    """Return the largest difference that counts as equal for a call in bfloat16; None for others.

    NumPy has the numbers in float32, which does not show how precise they are.
    """
    if not {"features", "output"} & set(call.bfloat16):
        return None
    return BFLOAT16_TOLERANCE * float(np.abs(output[np.isfinite(output)]).max(initial=0))


def with_differences(call: Call, agreement: Agreement, found: Identification) -> Agreement:
    """Return an agreement with the parameters that differ from those that a search found."""
    differences = shown_differences(call.operation(), agreement.rows, found)
    return replace(agreement, differences=differences)


def shown_differences(
    operation: Operation, rows: int, found: Identification
) -> tuple[Difference, ...]:
    """Return the parameters of an operation that differ from those that a search found.

    Of the conventions that explain the output equally well, the one with the fewest other fields
    counts. There are no differences if the search explains no more rows than the operation.

    Parameters
    ----------
    operation
        The operation.
    rows
        The number of rows of the output that it reproduces.
    found
        What a search found.
    """
    hypotheses = [match.hypothesis for match in found.matches]
    answer = found.answer
    if answer is not None and found.verdict in {"exact after a change", "partial"}:
        hypotheses = [answer.hypothesis] if answer.boxes.sum() > rows else []
    others = [match.equivalents for match in found.matches] or [()]
    stated = operation.convention
    scale = None if stated.normalized else operation.spatial_scale
    candidates = [
        (convention, (*_of_conventions(stated, convention), *_of_readings(scale, hypothesis)))
        for hypothesis, equal in zip(hypotheses, others, strict=False)
        for convention in (hypothesis.convention, *equal)
    ]
    own = stated.parameters().items()
    nearest = min(
        candidates, key=lambda pair: len(own - pair[0].parameters().items()), default=None
    )
    return () if nearest is None else nearest[1]


def _of_conventions(stated: Convention, shown: Convention) -> Iterator[Difference]:
    """Yield the names of two conventions if they differ, and the fields that names do not imply."""
    one, other = stated.parameters(), shown.parameters()
    if one == other:
        return
    implied = set()
    if stated.name != shown.name and {stated.name, shown.name} <= PRESETS.keys():
        yield Difference("preset", stated.name, shown.name)
        rows = [PRESETS[each.name].convention.parameters() for each in (stated, shown)]
        implied = {
            name for name in one if one[name] == rows[0][name] and other[name] == rows[1][name]
        }
    for name, value in one.items():
        if name not in implied and other[name] != value:
            yield Difference(name, value, other[name])


def _of_readings(scale: tuple[float, float] | None, shown: Hypothesis) -> Iterator[Difference]:
    """Yield another scale of the boxes, and other maps that they are pooled from."""
    other = shown.spatial_scale
    if scale is not None and other is not None and not np.allclose(scale, other, rtol=1e-9):
        yield Difference("spatial_scale", scale, other)
    if shown.batches != "given":
        yield Difference("batch_index", "of each box", shown.batches)
