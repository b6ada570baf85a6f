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
    """Measure a quantity doubled four times; return its row with the fitted exponent."""
    calls = {str(n): operation(workload).pooled for n, workload in enumerate(workloads)}
    seconds = [float(np.median(t)) for t in measure.alternating(calls, 3.0).values()]
    exponent = np.polyfit(np.arange(5) * np.log(2), np.log(seconds), 1)[0]
    times = " · ".join(f"{1e3 * s:.1f}" for s in seconds)
    return f"| {name} | {workloads[0]} → | {times} | {exponent:.2f} |"


BOUNDS = (
    "## What bounds it",
    "",
    "A box of ordinary size is two small matrix products, and small ones run far below the speed "
    "of a large one: for A they take a good half of the time, each at 35 to 75 GFLOP/s, and the "
    "rest goes to the memory of the output, which the system hands out page by page and empties "
    "first (A and C), and to a few microseconds of Python a box (D and E). A single box (F) is "
    "well over a hundred NumPy calls of about a microsecond each, a third for the sampling plan "
    "and half for the matrices and their products. One thread runs it all: two threads of Python "
    "wait for each other's interpreter lock and only C gained by them. Matrix products are kept "
    "below the size at which the matrix library takes a second thread: beside a busy core, waiting "
    "for that thread had cost up to four times a row's time here (G 96 → 325 ms, H 398 → 1507 ms), "
    "and now every row takes at most 1.3 times its quiet time (G 78 → 81, H 397 → 405); alone on "
    "two cores, A is a quarter slower for it.",
)


def processor() -> str:
    """Return the processor's name, as the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Run the rows asked for, or all, and write the page if all."""
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
        f"Made by `python -m benchmarks` on {processor()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}, {versions}. Peers run with {peers.THREADS} threads, in the "
        "same process, call by call in turn with ours; a ratio is the median of the rounds' "
        f"ratios. This run copies at {copy / 1e9:.1f} GB/s and multiplies at "
        f"{2 * sgemm / 1e9:.0f} GFLOP/s.",
        "",
        "Box sides are in cells. *Gather* is the straightforward NumPy: four cells a point, "
        "a box at a time. The *limit* is the larger of the bytes that must be read and written at "
        "that copy speed, and the multiplications of the two matrix products at that speed of a "
        "large product. *Error* is the largest difference from the gather in float64. *Extra* is "
        "the most memory held besides the output.",
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
    lines += ["", "## Growth", "", "Each quantity doubled four times; ms, and the exponent fitted."]
    lines += ["", "| quantity | from | ms | exponent |", "| --- | --- | --- | ---: |"]
    lines += [growth(name, workloads) for name, workloads in GROWTH.items()]
    lines += ["", "## Whole processes", "", *processes(), "", *BOUNDS]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
