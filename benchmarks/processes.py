"""Whole processes: start-up, a run from files beside scripts of the peers, a huge map."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.workloads import WORKLOADS
from roialign_cli.cli.demo import sample_data

ROIALIGN = [sys.executable, "-m", "roialign_cli"]
# As for a user: modules are compiled once.
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

_TORCHVISION = """
import numpy as np, torch, torchvision
features = torch.from_numpy(np.load("features.npy"))
boxes = torch.from_numpy(np.loadtxt("boxes.csv", delimiter=",", dtype=np.float32))
out = torchvision.ops.roi_align(features, [boxes], 7, 1.0, 2, True)
np.save("theirs.npy", out.numpy())
"""

_ONNXRUNTIME = """
import numpy as np, onnxruntime as ort
boxes = np.loadtxt("boxes.csv", delimiter=",", dtype=np.float32)
session = ort.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
feed = {"X": np.load("features.npy"), "rois": boxes, "batch": np.zeros(len(boxes), np.int64)}
np.save("theirs.npy", session.run(None, feed)[0])
"""

# The most memory of this process alone: what the system tells of a child includes its parent's.
_RESIDENT = """
import sys
from roialign_cli.cli.main import main
status = main(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(f"{int(peak.split()[1]) / 1024:.0f} MB resident")
sys.exit(status)
"""


def processes() -> Iterator[str]:
    """Measure whole processes and return the rows of a table."""
    yield "| what | s | beside | ratio |"
    yield "| --- | ---: | --- | ---: |"
    with tempfile.TemporaryDirectory() as folder:
        yield from _start_up(folder)
        yield from _from_files(Path(folder))
        yield _huge_map(Path(folder))


def _start_up(folder: str) -> Iterator[str]:
    bare = [sys.executable, "-c", "import click"]
    yield _pair("`roialign --version`", [*ROIALIGN, "--version"], "import click", bare, folder)
    walkthrough = [*ROIALIGN, "run", str(sample_data() / "walkthrough.npy")]
    libraries = "import numpy, click, rich.console, rich.table"
    yield _pair(
        "`roialign run` of the walkthrough",
        [*walkthrough, "--box", "9.25,10,6.25,4.53"],
        libraries,
        [sys.executable, "-c", libraries],
        folder,
    )


def _from_files(folder: Path) -> Iterator[str]:
    features, boxes = WORKLOADS[0].inputs()
    np.save(folder / "features.npy", features)
    np.savetxt(folder / "boxes.csv", boxes, delimiter=",", fmt="%.9g")
    ours = [*ROIALIGN, "run", "features.npy", "--boxes", "boxes.csv", "--preset"]
    ours += ["torchvision-aligned", "--sampling-ratio", "2", "-o", "ours.npy", "--force"]
    scripts = {"torchvision": _TORCHVISION, "onnxruntime": _ONNXRUNTIME}
    for name, script in scripts.items():
        if importlib.util.find_spec(name):
            if name == "onnxruntime":
                _save_model(folder)
            (folder / f"{name}_script.py").write_text(script, encoding="utf-8")
            theirs = [sys.executable, f"{name}_script.py"]
            yield _pair("`roialign run -o` of A", ours, f"a {name} script", theirs, str(folder))


def _save_model(folder: Path) -> None:
    from benchmarks.peers import onnx_model

    (folder / "model.onnx").write_bytes(onnx_model(WORKLOADS[0]).SerializeToString())


def _huge_map(folder: Path) -> str:
    # A sparse file: 4 GiB of zeros that take no room on the disk.
    shape = (1, 256, 2048, 2048)
    np.lib.format.open_memmap(folder / "huge.npy", "w+", np.float32, shape).flush()
    boxes = np.arange(10)[:, None] * 100 + np.array([3.5, 7.25, 20, 18])
    np.savetxt(folder / "ten.csv", boxes, delimiter=",", fmt="%.9g")
    arguments = ["run", "huge.npy", "--boxes", "ten.csv", "--preset", "torchvision-aligned"]
    command = [sys.executable, "-c", _RESIDENT, *arguments, "-o", "ten.npy"]
    start = perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=_ENVIRONMENT, capture_output=True, text=True, check=True
    )
    seconds = perf_counter() - start
    return f"| 10 boxes on a map of 4 GiB | {seconds:.2f} | {done.stdout.strip()} | |"


def _pair(what: str, ours: list[str], beside: str, theirs: list[str], folder: str) -> str:
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(8):
        for command, seconds in zip((ours, theirs), times, strict=True):
            start = perf_counter()
            subprocess.run(command, cwd=folder, env=_ENVIRONMENT, check=True, capture_output=True)
            if turn:
                seconds.append(perf_counter() - start)
    ratio = np.median(np.array(times[0]) / np.array(times[1]))
    return f"| {what} | {np.median(times[0]):.3f} | {beside} | **{ratio:.2f}** |"
