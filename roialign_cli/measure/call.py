"""A call that a battery makes of a kernel, and what the kernel answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Failure = Literal["", "raised", "stopped", "unusable"]


@dataclass(frozen=True)
class ProbeCall:
    """Hold the inputs of one call.

    Parameters
    ----------
    name
        What the call is for, unique in a battery.
    features
        (N, C, H, W), float32.
    boxes
        (R, 4), float32, as the kernel reads boxes.
    batch_index
        (R,), int64, the map that each box lies on, from 0.
    output_size
        (rows, columns) of sections.
    spatial_scale
        Feature-map units per image unit.
    sampling_ratio
        Points per section and axis, 0 for the adaptive grid; None for the default of the kernel.
    """

    name: str
    features: NDArray[np.float32]
    boxes: NDArray[np.float32]
    batch_index: NDArray[np.int64]
    output_size: tuple[int, int] = (2, 2)
    spatial_scale: float = 1.0
    sampling_ratio: int | None = 1

    @property
    def maps_per_channel(self) -> int:
        """How often each channel is repeated, so that position-sensitive kernels give the same."""
        return self.output_size[0] * self.output_size[1]

    def with_boxes(self, which: slice | Sequence[int]) -> ProbeCall:
        """Return the call with some of its boxes."""
        return replace(self, boxes=self.boxes[which], batch_index=self.batch_index[which])


@dataclass(frozen=True)
class Answer:
    """Hold what a kernel gave for one call.

    Parameters
    ----------
    output
        (R, C, rows, columns) after the axes were put into this order; None if there is none.
    problem
        Why there is no usable output, as a clause; "" if there is one.
    failure
        What kind of problem it is: the kernel "raised" an exception, was "stopped" (it crashed, or
        reached the time limit), or gave an "unusable" output, for example one of a wrong shape.
    remark
        What else the kernel did, for example that it changed its inputs; "" for nothing.
    is_missing
        Whether the kernel was not run, so that the answer shows nothing.
    """

    output: NDArray[Any] | None
    problem: str = ""
    failure: Failure = ""
    remark: str = ""
    is_missing: bool = False
