"""Kernels that take a fixed number of channels get the channels of a call in blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.target import Target

# Numbers of channels that kernels are tried with if they refuse the number of a call.
FIXED_CHANNELS = (3, 1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass
class Blocks:
    """A kernel that is called with a fixed number of channels, as often as needed.

    Parameters
    ----------
    target
        The kernel.
    channels
        The number of channels of each of its calls. A last block is filled with zeros.
    axis
        Which axis of an output has the channels; known after the first call.
    calls
        How many calls were made.
    """

    target: Target
    channels: int
    axis: int | None = None
    calls: int = 0

    @property
    def name(self) -> str:
        """The name of the kernel."""
        return self.target.name

    @property
    def parameters(self) -> frozenset[str]:
        """The parameters that the kernel takes."""
        return self.target.parameters

    def run(self, call: ProbeCall) -> NDArray[Any]:
        """Return the output of one call for all its channels.

        Channels that a call repeats for position-sensitive kernels are pooled once.
        """
        features = without_repeats(call)
        repeated = call.features.shape[1] // features.shape[1]
        outputs = []
        for first in range(0, features.shape[1], self.channels):
            block = features[:, first : first + self.channels]
            missing = self.channels - block.shape[1]
            block = np.pad(block, ((0, 0), (0, missing), (0, 0), (0, 0)))
            outputs.append(np.asarray(self.target.run(replace(call, features=block))))
            self.calls += 1
        if self.axis is None:
            self.axis = _channel_axis(outputs[0], self.channels)
        whole = np.concatenate(outputs, self.axis).take(range(features.shape[1]), self.axis)
        return np.repeat(whole, repeated, self.axis)


def without_repeats(call: ProbeCall) -> NDArray[np.float32]:
    """Return the features of a call without the repeats for position-sensitive kernels."""
    return call.features[:, :: call.maps_per_channel] if _is_repeated(call) else call.features


def _is_repeated(call: ProbeCall) -> bool:
    times, features = call.maps_per_channel, call.features
    if features.shape[1] % times:
        return False
    groups = features.reshape(len(features), -1, times, *features.shape[2:])
    return bool(np.array_equal(groups, np.repeat(groups[:, :, :1], times, 2), equal_nan=True))


def _channel_axis(output: NDArray[Any], channels: int) -> int:
    """Return which axis of an output has the channels: the second, or else the last of their size.

    Raises
    ------
    ValueError
        If no axis has as many.
    """
    axes = [axis for axis, size in enumerate(output.shape) if size == channels and axis]
    if not axes:
        raise ValueError(f"no axis of its output {output.shape} has {channels} channels")
    return 1 if 1 in axes else axes[-1]
