"""Timing: alternating calls, commands in processes of their own, and a busy processor core."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from roialign_cli.core.operation import Operation

ROUNDS = 9
# Between two calls, so that threads of the one before have stopped waiting for more work.
_PAUSE = 0.02
# Shorter calls are repeated, and their mean counts as the time of a round.
_MIN_ROUND = 0.01

Calls = Mapping[str, Callable[[], Any]]
Times = dict[str, list[float]]


def alternating(calls: Calls, rounds: int = ROUNDS) -> Times:
    """Return the times of calls in seconds, one for each round; the calls take turns.

    A first round, which fills caches, does not count.
    """
    repeats = {name: _repeats(call) for name, call in calls.items()}
    times: Times = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            time.sleep(_PAUSE)
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return times


def _repeats(call: Callable[[], Any]) -> int:
    """Call once to fill caches, and return how many calls make a round."""
    call()
    start = time.perf_counter()
    call()
    return max(1, round(_MIN_ROUND / (time.perf_counter() - start)))


def alternating_commands(
    commands: Mapping[str, Sequence[str]],
    folder: Path,
    environment: Mapping[str, str],
    rounds: int = ROUNDS,
) -> Times:
    """Return the times of whole processes in seconds; they take turns, as in `alternating`."""

    def run(command: Sequence[str]) -> None:
        done = subprocess.run(
            command, check=False, cwd=folder, env=environment, capture_output=True
        )
        if done.returncode not in (0, 1):  # 1: the command found a difference
            raise RuntimeError(f"{command}: {done.stderr.decode()}")

    calls = {name: lambda command=command: run(command) for name, command in commands.items()}
    return alternating(calls, rounds)


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Keep one processor core busy with another process."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def copy_speed() -> float:
    """Return bytes per second, read and written, of one large copy."""
    source = np.ones(1 << 25, np.float32)
    target = np.empty_like(source)
    times = alternating({"copy": lambda: np.copyto(target, source)})["copy"]
    return 2 * source.nbytes / min(times)


def sgemm_speed() -> float:
    """Return multiplications per second of a large float32 matrix product."""
    a = np.ones((1024, 1024), np.float32)
    out = np.empty_like(a)
    times = alternating({"product": lambda: np.matmul(a, a, out=out)})["product"]
    return 1024**3 / min(times)


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
