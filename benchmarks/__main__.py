"""Run the benchmark and write docs/performance.md: `python -m benchmarks [ROWS]`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import measure, peers
from benchmarks.processes import processes
from benchmarks.workloads import WORKLOADS, Workload
from roialign_cli.core.operation import Operation, make_operation

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
LIBRARIES = ("numpy", "onnxruntime", "torchvision", "torch")


def operation(workload: Workload) -> Operation:
    """Return a workload as our operation."""
    return make_operation(
        *workload.inputs(),
        workload.output_size,
        convention="torchvision-aligned",
        sampling_ratio=workload.sampling_ratio,
        pooling=workload.pooling,
    )


def row(workload: Workload, copy: float, sgemm: float) -> str:
    """Measure one workload and return its row of the table."""
    features, boxes = workload.inputs()
    ours = operation(workload)
    calls = peers.installed(workload, features, boxes)
    theirs = dict(calls)
    calls["ours"] = lambda: make_operation(
        features,
        boxes,
        workload.output_size,
        convention="torchvision-aligned",
        sampling_ratio=workload.sampling_ratio,
        pooling=workload.pooling,
    ).pooled()
    times = measure.alternating(calls)
    median = {name: float(np.median(seconds)) for name, seconds in times.items()}
    fastest = min(theirs, key=median.__getitem__, default=None)
    against = "–"
    if fastest is not None:
        against = f"**{measure.median_ratio(times['ours'], times[fastest]):.2f}** ({fastest})"
    gathered = measure.alternating(
        {"ours": calls["ours"], "gather": partial(peers.gather, workload, features, boxes)}, 1.0
    )
    oracle = peers.gather(workload, features.astype(np.float64), boxes)
    errors = {
        name: float(np.abs(call() - oracle).max())
        for name, call in calls.items()
        if workload.pooling == "avg" or name == "ours"
    }
    cells = (
        workload.name,
        str(workload),
        f"{1e3 * median['ours']:.2f}",
        against,
        f"{measure.median_ratio(gathered['ours'], gathered['gather']):.3f}",
        f"{median['ours'] / measure.limit(ours, copy, sgemm):.1f}",
        ", ".join(f"{name} {error:.1e}" for name, error in sorted(errors.items())),
        f"{measure.extra_memory(calls['ours']) / 2**20:.0f}",
    )
    return f"| {' | '.join(cells)} |"


GROWTH = {
    "boxes": [Workload("", 64, (100, 100), n, (5, 20), 7, 2) for n in (125, 250, 500, 1000, 2000)],
    "channels": [Workload("", c, (100, 100), 250, (5, 20), 7, 2) for c in (16, 32, 64, 128, 256)],
    "box side": [Workload("", 64, (400, 400), 200, (s, s), 7, 0) for s in (16, 32, 64, 128, 256)],
    "sampling ratio": [Workload("", 64, (100, 100), 250, (20, 20), 7, r) for r in (1, 2, 4, 8, 16)],
}


def growth(name: str, workloads: list[Workload]) -> str:
    """Measure workloads in which a quantity doubles four times; return the row of the table."""
    calls = {str(n): operation(workload).pooled for n, workload in enumerate(workloads)}
    seconds = [float(np.median(t)) for t in measure.alternating(calls, 3.0).values()]
    exponent = np.polyfit(np.arange(5) * np.log(2), np.log(seconds), 1)[0]
    times = " · ".join(f"{1e3 * s:.1f}" for s in seconds)
    return f"| {name} | {workloads[0]} → | {times} | {exponent:.2f} |"


READING = (
    "- Box sides are in cells. **ours, ms** is the median time of this program.",
    "- **÷ fastest peer** compares with the fastest of the other libraries. Below 1, "
    "this program is faster.",
    "- **÷ gather** compares with straightforward NumPy that reads four cells per "
    "point, one box at a time.",
    "- **÷ limit** compares with a lower bound: the time to read and write the "
    "necessary bytes at the copy speed, or the time for the multiplications of the two "
    "matrix products at the speed of a large product, whichever is longer.",
    "- **error** is the largest difference from the gather in float64.",
    "- **extra** is the largest amount of memory in use besides the output.",
)

GROWTH_INTRODUCTION = (
    "Each quantity is doubled four times. The columns give the times in milliseconds and the "
    "fitted exponent: 1 means that twice the quantity takes twice the time."
)

BOUNDS = (
    "## What limits the speed",
    "",
    "- **Matrix products.** A box of ordinary size needs two small matrix products. Small "
    "products run far below the speed of a large one. In A they take a little more than half "
    "of the time, at 35 to 75 GFLOP/s each.",
    "- **Memory of the output.** The system provides it page by page and fills each page "
    "with zeros first. This matters in A and C.",
    "- **Python.** Each box costs a few microseconds of Python, which matters in D and E. "
    "The single box of F needs well over a hundred NumPy calls of about a microsecond each: "
    "a third of them for the sampling plan, half for the matrices and their products.",
    "- **One thread.** The program uses one thread. Two Python threads wait for each other's "
    "interpreter lock, and only C gained from a second one.",
    "- **Size of the products.** Matrix products stay below the size at which the matrix "
    "library starts a second thread. When another process kept one core busy, waiting for "
    "that thread cost up to four times the time of a row (G 96 → 325 ms, H 398 → 1507 ms). "
    "Now a row takes at most 1.3 times as long on a busy machine (G 78 → 81 ms, H 397 → 405 "
    "ms). The price is that A is a quarter slower on two idle cores.",
)


def processor() -> str:
    """Return the name of the processor, as the system reports it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Run the given rows, or run all rows and write the page."""
    wanted = sys.argv[1:]
    copy, sgemm = measure.copy_speed(), measure.sgemm_speed()
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in LIBRARIES
        if importlib.util.find_spec(name)
    )
    lines = [
        "# Performance",
        "",
        f"`python -m benchmarks` wrote this page on {processor()}, {os.cpu_count()} processors, "
        f"with Python {platform.python_version()}, {versions}. The other libraries use "
        f"{peers.THREADS} threads. All calls alternate in one process, and a ratio is the median "
        "of the ratios of all rounds. In this run the copy speed of the memory is "
        f"{copy / 1e9:.1f} GB/s, and a large matrix product runs at {2 * sgemm / 1e9:.0f} GFLOP/s.",
        "",
        *READING,
        "",
        "| | workload | ours, ms | ÷ fastest peer | ÷ gather | ÷ limit | error | extra, MiB |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- | ---: |",
    ]
    for line in lines:
        print(line)
    for workload in WORKLOADS:
        if not wanted or workload.name in wanted:
            lines.append(row(workload, copy, sgemm))
            print(lines[-1], flush=True)
    if wanted:
        return
    lines += ["", "## Growth", "", GROWTH_INTRODUCTION]
    lines += ["", "| quantity | from | ms | exponent |", "| --- | --- | --- | ---: |"]
    lines += [growth(name, workloads) for name, workloads in GROWTH.items()]
    lines += ["", "## Whole processes", "", *processes(), "", *BOUNDS]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
