"""What large and many inputs take: `python -m benchmarks.load` prints the table of the docs."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from roialign_cli.cli.main import main

_SCRIPT = (
    "import sys; from roialign_cli.cli.main import main; status = main(sys.argv[1:]);"
    "print(open('/proc/self/status').read()); sys.exit(status)"
)
_BOXES, _SIDE, _FILES = 1_000_000, 20_000, 1000
_ALIGNED = ["--preset", "torchvision-aligned", "-q"]


def _measured(what: str, *arguments: str) -> str:
    """Run a command in a process of its own; return a row with its time and its largest size."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *arguments], capture_output=True, text=True, check=True
    )
    taken = time.perf_counter() - start
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stdout)
    return f"| {what} | {taken:.1f} s | {int(peak[1]) / 1000 if peak else 0:.0f} MB |"


def _many_boxes() -> list[str]:
    rng = np.random.default_rng(0)
    np.save("small.npy", rng.normal(size=(8, 50, 60)).astype(np.float32))
    corners = rng.uniform(0, 40, (_BOXES, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(1, 15, (_BOXES, 2))], axis=1)
    np.save("boxes.npy", boxes)
    np.savetxt("boxes.csv", boxes, delimiter=",", fmt="%.3f")
    call = [*_ALIGNED, "--output-size", "3", "-o", "out.npy", "--force"]
    return [
        _measured(f"`run`, {_BOXES:,} boxes of a .{kind} on 8 × 50 × 60", "run", "small.npy",
                  "--boxes", f"boxes.{kind}", *call)
        for kind in ("npy", "csv")
    ]  # fmt: skip


def _large_map() -> list[str]:
    shape = _SIDE, _SIDE
    np.lib.format.open_memmap("large.npy", "w+", np.float32, shape).flush()
    box = ["large.npy", "--box", "5000,6000,5100,6200", *_ALIGNED]
    few = ["--output-size", "2", "--sampling-ratio", "2"]
    of = f"one box of 100 × 200 cells on {_SIDE:,} × {_SIDE:,}"
    return [
        _measured(f"`run`, {of}", "run", *box, "-o", "large-out.npy"),
        _measured(f"`explain`, {of}", "explain", *box, *few),
        _measured(f"`plot`, {of}", "plot", *(w for w in box if w != "-q"), *few, "-o", "p.png"),
    ]


def _many_files() -> str:
    """Run on many files in this process; return how it grew."""
    rng = np.random.default_rng(0)
    sizes, start = [], time.perf_counter()
    for index in range(_FILES):
        np.save("one.npy", rng.normal(size=(4, 20, 20 + index % 7)).astype(np.float32))
        silent = io.StringIO()
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
            main(["run", "one.npy", "--box", "1,1,9,9", *_ALIGNED, "-o", "one-out.npy", "--force"])
        resident = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
        sizes.append(int(resident[1]) / 1000 if resident else 0)
    taken = time.perf_counter() - start
    grown = f"{sizes[_FILES // 20]:.0f} MB after {_FILES // 20}, {sizes[-1]:.0f} MB after all"
    return f"| `run`, {_FILES} files in one process | {taken:.1f} s | {grown} |"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        print("| what | time | largest resident size |\n|---|---|---|")
        for row in (*_many_boxes(), *_large_map(), _many_files()):
            print(row)
