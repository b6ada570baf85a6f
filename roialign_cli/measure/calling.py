"""How a kernel can be called: which parameters it takes, and what is fixed in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from roialign_cli.measure.blocks import without_repeats
from roialign_cli.measure.call import Answer, ProbeCall
from roialign_cli.measure.target import PARAMETERS

# Scales that kernels have fixed: one over the stride of a feature map.
SCALES = (1 / 16, 1 / 8, 1 / 4, 1 / 32, 1 / 2, 1 / 14, 1 / 64)


@dataclass(frozen=True)
class Calling:
    """Which calls a kernel answers.

    Parameters
    ----------
    parameters
        Which of `PARAMETERS` the kernel takes.
    output_size
        The (rows, columns) of each output of a kernel with a fixed output size; None for others.
    scale
        The fixed scale of a kernel that takes none.
    """

    parameters: Collection[str] = frozenset(PARAMETERS)
    output_size: tuple[int, int] | None = None
    scale: float = 1.0

    def unavailable(self, call: ProbeCall) -> str | None:
        """Return why a call cannot be made; None if it can."""
        if call.spatial_scale not in {1, self.scale} and "spatial_scale" not in self.parameters:
            return "the kernel takes no spatial scale"
        if call.batch_index.any() and "batch_index" not in self.parameters:
            return "the kernel takes no batch index"
        return None

    def suited(self, call: ProbeCall) -> ProbeCall:
        """Return a call with what is fixed in the kernel."""
        if "sampling_ratio" not in self.parameters:
            call = replace(call, sampling_ratio=None)
        if self.output_size is not None:
            features = without_repeats(call)
            call = replace(call, features=features, output_size=self.output_size)
        if self.scale not in {1, call.spatial_scale}:
            boxes = (call.boxes * (call.spatial_scale / self.scale)).astype(np.float32)
            call = replace(call, boxes=boxes, spatial_scale=self.scale)
        return call

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is fixed, as clauses."""
        found = []
        if self.output_size is not None:
            rows, columns = self.output_size
            found.append(f"the kernel has a fixed output size, {rows} × {columns}")
        if self.scale != 1:
            found.append(f"the kernel has a fixed spatial scale, 1/{1 / self.scale:g}")
        return tuple(found)


ANY_CALL = Calling()  # of a kernel that takes all parameters


def fixed_size(
    parameters: Collection[str], call: ProbeCall, answer: Answer
) -> tuple[int, int] | None:
    """Return the output size of a kernel that takes none, from an answer; None if it has none."""
    if "output_size" in parameters or answer.output is None or answer.output.ndim != 4:
        return None
    boxes, channels = len(call.boxes), call.features.shape[1]
    first, *others = answer.output.shape
    if first == boxes and others[0] == channels:
        return others[1], others[2]
    if first == boxes and others[2] == channels:
        return others[0], others[1]
    return None
