"""Convert bfloat16, which NumPy lacks: the upper half of a float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def widened(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the numbers of bfloat16 in float32, which has all of them.

    Examples
    --------
    >>> widened(np.array([0x3FC0, 0xC000], np.uint16))
    array([ 1.5, -2. ], dtype=float32)
    """
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def narrowed(array: NDArray[Any]) -> NDArray[np.uint16]:
    """Return the bits in bfloat16 of numbers that `widened` returned."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return (bits >> np.uint32(16)).astype(np.uint16)
