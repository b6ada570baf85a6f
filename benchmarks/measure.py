"""Timing: alternating calls in one process, and what the machine could do at best."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from roialign_cli.core.operation import Operation

# Between two calls, so that the threads of the one before have stopped waiting for more work.
_PAUSE = 0.02

Calls = Mapping[str, Callable[[], Any]]


def alternating(calls: Calls, seconds: float = 4.0) -> dict[str, list[float]]:
    """Return each call's times in seconds; the calls take turns, after one uncounted round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    start = time.perf_counter()
    for call in calls.values():
        call()
    # Small operations would only be measured with cold caches.
    long = time.perf_counter() - start > len(calls) * _PAUSE / 10
    rounds = 0
    until = None
    while until is None or rounds < 6 or time.perf_counter() < until:
        for name, call in calls.items():
            if long:
                time.sleep(_PAUSE)
            start = time.perf_counter()
            call()
            if rounds:
                times[name].append(time.perf_counter() - start)
        rounds += 1
        until = until or time.perf_counter() + seconds
        if rounds > 2000:
            break
    return times


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median of the ratios, round by round."""
    return float(np.median(np.array(ours) / np.array(theirs)))


def copy_speed() -> float:
    """Return bytes per second, read and written, of one large copy."""
    source = np.ones(1 << 25, np.float32)
    target = np.empty_like(source)
    times = alternating({"copy": lambda: np.copyto(target, source)}, 0.5)["copy"]
    return 2 * source.nbytes / float(np.median(times))


def sgemm_speed() -> float:
    """Return multiplications per second of a large float32 matrix product."""
    a = np.ones((1024, 1024), np.float32)
    out = np.empty_like(a)
    times = alternating({"product": lambda: np.matmul(a, a, out=out)}, 0.5)["product"]
    return 1024**3 / float(np.median(times))


def limit(operation: Operation, copy: float, sgemm: float) -> float:
    """Return the seconds in which the operation could at best be done.

    The larger of: the cells under the boxes read once and the outputs written once, at the speed of
    a copy; and the multiplications of the two matrix products at that of a large product.
    """
    plan = operation.plan()
    y, x = plan.samples()
    covered = np.zeros(operation.map_size, bool)
    height = y.upper.max(axis=(1, 2)) + 1 - y.lower.min(axis=(1, 2))
    width = x.upper.max(axis=(1, 2)) + 1 - x.lower.min(axis=(1, 2))
    for top, h, left, w in zip(
        y.lower.min(axis=(1, 2)), height, x.lower.min(axis=(1, 2)), width, strict=True
    ):
        covered[top : top + h, left : left + w] = True
    channels = operation.features.shape[1]
    t, k = operation.output_size
    if plan.convention.pooling == "max":
        t, k = t * y.lower.shape[2], k * x.lower.shape[2]
    moved = 4 * channels * (covered.sum() + len(height) * np.prod(operation.output_size))
    multiplied = channels * (t * height * width + t * k * width).sum()
    return max(float(moved) / copy, float(multiplied) / sgemm)


def extra_memory(call: Callable[[], Any]) -> int:
    """Return the most bytes that a call holds besides what it returns."""
    call()
    tracemalloc.start()
    result = call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak - int(result.nbytes)
