"""The rows A to I: the operator beside those of other libraries, quiet and beside a busy core."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks import measure, peers
from benchmarks.workloads import WORKLOADS, Workload
from roialign_cli.core.operation import Operation, make_operation

READING = (
    "- Box sides are in cells. **ours, ms** is the best time of this program.",
    "- **median ÷ best** is the spread of the nine times of this program.",
    "- **÷ fastest peer** compares the best time with that of the fastest of the other libraries. "
    "Below 1, this program is faster.",
    "- **busy ÷ quiet** compares the medians beside a process that keeps one core busy with those "
    "on an idle machine: of this program, and of the fastest of the other libraries.",
    "- **÷ gather** compares with straightforward NumPy that reads four cells per "
    "point, one box at a time.",
    "- **÷ limit** compares with a lower bound: the time to read and write the "
    "necessary bytes at the copy speed, or the time for the multiplications of the two "
    "matrix products at the speed of a large product, whichever is longer.",
    "- **error** is the largest difference from the gather in float64.",
    "- **extra** is the largest amount of memory in use besides the output.",
)

_HEAD = (
    "| | workload | ours, ms | median ÷ best | ÷ fastest peer | busy ÷ quiet | ÷ gather | ÷ limit |"
    " error | extra, MiB |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |",
)


def operators(wanted: set[str], copy: float, sgemm: float) -> Iterator[str]:
    """Measure the wanted workloads, or all, and yield the lines of a table."""
    yield from _HEAD
    for workload in WORKLOADS:
        if not wanted or workload.name in wanted:
            yield _row(workload, copy, sgemm)


def operation(workload: Workload) -> Operation:
    """Return a workload as our operation."""
    return make_operation(
        *workload.inputs(),
        workload.output_size,
        convention="torchvision-aligned",
        sampling_ratio=workload.sampling_ratio,
        pooling=workload.pooling,
    )


def _row(workload: Workload, copy: float, sgemm: float) -> str:
    features, boxes = workload.inputs()
    calls = peers.installed(workload, features, boxes)
    libraries = list(calls)
    calls["ours"] = lambda: make_operation(
        features,
        boxes,
        workload.output_size,
        convention="torchvision-aligned",
        sampling_ratio=workload.sampling_ratio,
        pooling=workload.pooling,
    ).pooled()
    quiet = measure.alternating(calls)
    best = {name: min(seconds) for name, seconds in quiet.items()}
    fastest = min(libraries, key=best.__getitem__, default=None)
    measured = [name for name in ("ours", fastest) if name is not None]
    with measure.busy_core():
        busy = measure.alternating({name: calls[name] for name in measured})
    slower = [f"{np.median(busy[name]) / np.median(quiet[name]):.2f}" for name in measured]
    against = "–" if fastest is None else f"**{best['ours'] / best[fastest]:.2f}** ({fastest})"
    gather = measure.alternating({"": partial(peers.gather, workload, features, boxes)}, 3)[""]
    oracle = peers.gather(workload, features.astype(np.float64), boxes)
    errors = {
        name: float(np.abs(call() - oracle).max())
        for name, call in calls.items()
        if workload.pooling == "avg" or name == "ours"
    }
    cells = (
        workload.name,
        str(workload),
        f"{1e3 * best['ours']:.2f}",
        f"{np.median(quiet['ours']) / best['ours']:.2f}",
        against,
        "; peer ".join(slower),
        f"{best['ours'] / min(gather):.3f}",
        f"{best['ours'] / measure.limit(operation(workload), copy, sgemm):.1f}",
        ", ".join(f"{name} {error:.1e}" for name, error in sorted(errors.items())),
        f"{measure.extra_memory(calls['ours']) / 2**20:.0f}",
    )
    return f"| {' | '.join(cells)} |"
