"""Run the benchmark and write docs/performance.md: `python -m benchmarks [ROWS or PARTS]`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from benchmarks import measure, peers
from benchmarks.bounds import BOUNDS
from benchmarks.growth import growth
from benchmarks.operators import READING, operators
from benchmarks.scale import scale
from benchmarks.waiting import waiting

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
LIBRARIES = ("numpy", "onnxruntime", "torchvision", "torch")


def page(wanted: set[str]) -> Iterator[str]:
    """Measure the wanted rows and parts, or all, and yield the lines of the page."""
    copy, sgemm = measure.copy_speed(), measure.sgemm_speed()
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in LIBRARIES
        if importlib.util.find_spec(name)
    )
    yield from (
        "# Performance",
        "",
        f"`python -m benchmarks` measured this on {datetime.now(tz=UTC).date()}, on {processor()}, "
        f"{os.cpu_count()} processors, "
        f"with Python {platform.python_version()}, {versions}. The other libraries use "
        f"{peers.THREADS} threads, which wait for work without spinning. All calls of a row take "
        f"turns in one process, with pauses between, and the best of {measure.ROUNDS} times of one "
        "is compared with the best of another. In this run the copy speed of the memory is "
        f"{copy / 1e9:.1f} GB/s, and a large matrix product runs at {2 * sgemm / 1e9:.0f} GFLOP/s.",
        "",
    )
    rows = wanted - {"waiting", "growth", "scale"}
    if rows or not wanted:
        yield from chain((*READING, ""), operators(rows, copy, sgemm), [""])
    if "waiting" in wanted or not wanted:
        yield from chain(("## What people wait for", ""), waiting(), [""])
    if "growth" in wanted or not wanted:
        yield from chain(("## Growth", ""), growth(), [""])
    if "scale" in wanted or not wanted:
        yield from chain(("## Several processes", ""), scale(), [""])
    yield from BOUNDS


def processor() -> str:
    """Return the name of the processor, as the system reports it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Print the page, and write it if all was measured."""
    lines = []
    for line in page({*sys.argv[1:]}):
        lines.append(line)
        print(line, flush=True)
    if not sys.argv[1:]:
        PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
