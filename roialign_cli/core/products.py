"""Multiply matrices with one thread."""

from __future__ import annotations

import numpy as np

from roialign_cli.core.boxes import Float

# Multiplications up to which OpenBLAS uses one thread (interface/gemm.c and gemv.c, version 0.3).
MAX_ONE_THREAD_PRODUCT = 1 << 18  # of two matrices
_MAX_ONE_THREAD_VECTOR = 1 << 13  # of a matrix and a vector


def multiply(left: Float, right: Float, out: Float | None = None) -> Float:
    """Return left (…, m, k) @ right (…, k, n), computed by one thread.

    OpenBLAS gives half of a large product to a second thread and waits for it. Beside a busy core
    the wait is much longer than the time saved. Large products are therefore computed in parts
    that are too small for a second thread.
    """
    (m, k), n = left.shape[-2:], right.shape[-1]
    most = MAX_ONE_THREAD_PRODUCT if min(m, n) > 1 else _MAX_ONE_THREAD_VECTOR
    if m * k * n <= most:
        return np.matmul(left, right, out=out)
    if out is None:
        out = np.empty((*(left.shape[:-2] or right.shape[:-2]), m, n), right.dtype)
    step = most // (k * min(m, n))
    step = max(step - step % 16, 1)  # whole vector registers
    for start in range(0, max(m, n), step):
        part = slice(start, start + step)
        if m > n:
            np.matmul(left[..., part, :], right, out=out[..., part, :])
        else:
            np.matmul(left, right[..., part], out=out[..., part])
    return out
