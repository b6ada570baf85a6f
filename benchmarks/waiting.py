"""What people wait for: whole commands beside what they cannot do without."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import measure
from benchmarks.recordings import write_model, write_recording
from benchmarks.workloads import WORKLOADS, Workload
from roialign_cli import roi_align
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.plot_views import VIEWS
from roialign_cli.serve.api import QUESTIONS
from tests.explore_client import served

INTRODUCTION = (
    "The best time of whole processes, and of the answers of `explore`, which a process gives that "
    "has started. **÷ floor** compares with the best time of the imports, the reading and the "
    "writing that they cannot do without, in a process of its own."
)

_PACKAGE = ("-m", "roialign_cli")
_LIBRARIES = "import numpy, click, rich.console, rich.table"
_FIGURE = f"""{_LIBRARIES}
from matplotlib.figure import Figure
Figure(figsize=(7, 7), dpi=200).savefig("floor.png")"""
_LOAD_CALLS = f"""{_LIBRARIES}, pathlib
for path in pathlib.Path().glob("[ab]/*.npz"):
    with numpy.load(path) as arrays:
        {{name: arrays[name] for name in arrays if name != "call.json"}}"""
_MODEL = f"""{_LIBRARIES}, onnx
onnx.load("model.onnx", load_external_data=False)"""
_CHILD = f"""{_LIBRARIES}, subprocess, sys
subprocess.run([sys.executable, "-c", "import numpy"])"""
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
session = ort.InferenceSession("roi_align.onnx", providers=["CPUExecutionProvider"])
feed = {"X": np.load("features.npy"), "rois": boxes, "batch": np.zeros(len(boxes), np.int64)}
np.save("theirs.npy", session.run(None, feed)[0])
"""


@dataclass(frozen=True)
class Wait:
    """A command, and a script that does only what the command cannot do without.

    `floor_name` names the script in the table; `needs` is a package without which there is no row.
    """

    what: str
    words: tuple[str, ...]
    floor_name: str
    floor: str
    needs: str = "numpy"


_BOX = ("--box", "9.25,10,6.25,4.53")
_IMPORTS = "the imports"
_AN_OUTPUT = ("--boxes", "boxes.npy", "--expected")


def _waits() -> Iterator[Wait]:
    yield Wait("`python -c 'import roialign_cli'`", ("-c", "import roialign_cli"), "`pass`", "pass")
    yield Wait("`--version`", (*_PACKAGE, "--version"), "`import click`", "import click")
    words: tuple[str, ...]
    walkthrough = ("walkthrough.npy", *_BOX)
    yield Wait("`run`", (*_PACKAGE, "run", *walkthrough), _IMPORTS, _LIBRARIES)
    yield Wait("`explain`", (*_PACKAGE, "explain", *walkthrough), _IMPORTS, _LIBRARIES)
    page = (*_PACKAGE, "explain", *walkthrough, "-o", "roi.html", "--force")
    yield Wait("`explain -o roi.html`", page, _IMPORTS, _LIBRARIES)
    for view in VIEWS:
        words = (*_PACKAGE, "plot", *walkthrough, "--view", view, "-o", "roi.png", "--force")
        words += ("--with", "torchvision-aligned") if view == "compare" else ()
        yield Wait(f"`plot --view {view}`", words, "the imports and an empty figure", _FIGURE)
    words = (*_PACKAGE, "plot", *walkthrough, "-o", "roi.gif", "--force")
    yield Wait("`plot -o roi.gif`", words, "the imports and an empty figure", _FIGURE)
    for verdict in ("exact", "after-a-change", "partial", "far"):
        words = (*_PACKAGE, "identify", "map.npy", *_AN_OUTPUT, f"{verdict}.npy")
        what = f"`identify`, {verdict.replace('-', ' ')}"
        yield Wait(f"{what}: 64 channels, 180 boxes", words, _IMPORTS, _LIBRARIES)
    words = (*_PACKAGE, "capture", "model.onnx")
    yield Wait("`capture`, a model of 176 MB", words, "reading the model", _MODEL, "onnx")
    words = (*_PACKAGE, "compare", "a", "--with", "b")
    what = "`compare`, two recordings of 4 calls, 256 channels, 1,000 boxes"
    yield Wait(what, words, "the imports and reading the arrays", _LOAD_CALLS)
    words = (*_PACKAGE, "probe", "kernel.py:roi_align")
    yield Wait("`probe`", words, "the imports in two processes", _CHILD)
    words = (*_PACKAGE, "run", "features.npy", "--boxes", "boxes.csv", "--preset")
    words += ("torchvision-aligned", "--sampling-ratio", "2", "-o", "ours.npy", "--force")
    for library, script in (("torchvision", _TORCHVISION), ("onnxruntime", _ONNXRUNTIME)):
        yield Wait("`run -o` of A", words, f"a script with {library}", script, library)


def waiting() -> Iterator[str]:
    """Measure everything, and yield the lines of the table."""
    yield from (INTRODUCTION, "")
    yield "| what | s | floor | ÷ floor |"
    yield "| --- | ---: | --- | ---: |"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_inputs(folder)
        # As for a user: modules are compiled once.
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        for wait in _waits():
            if importlib.util.find_spec(wait.needs):
                yield _row(wait, folder, environment)
        yield from _answers()


def _write_inputs(folder: Path) -> None:
    for name in ("walkthrough.npy", "kernel.py"):
        shutil.copy(sample_data() / name, folder)
    features, boxes = Workload("", 64, (50, 76), 180, (2, 20), 7, 2).inputs()
    np.save(folder / "map.npy", features)
    np.save(folder / "boxes.npy", boxes)
    output = roi_align(features, boxes, 7, convention="torchvision-aligned", sampling_ratio=2)
    moved = roi_align(
        features, boxes + np.float32(0.25), 7, convention="torchvision-aligned", sampling_ratio=2
    )
    noise = np.random.default_rng(0).standard_normal(output.shape, np.float32)
    partly = np.concatenate([output[:140], noise[140:]])
    outputs = {"exact": output, "after-a-change": moved, "partial": partly, "far": noise}
    for verdict, array in outputs.items():
        np.save(folder / f"{verdict}.npy", array)
    for name, ratio in (("a", 2), ("b", 1)):
        write_recording(folder / name, 4, boxes=1000, channels=256, sampling_ratio=ratio)
    features, boxes = WORKLOADS[0].inputs()
    np.save(folder / "features.npy", features)
    np.savetxt(folder / "boxes.csv", boxes, delimiter=",", fmt="%.9g")
    if importlib.util.find_spec("onnx"):
        write_model(folder / "model.onnx", 176)
        write_model(folder / "roi_align.onnx", 0)


def _row(wait: Wait, folder: Path, environment: Mapping[str, str]) -> str:
    commands = {"ours": [sys.executable, *wait.words], "floor": [sys.executable, "-c", wait.floor]}
    times = measure.alternating_commands(commands, folder, environment)
    ours, floor = min(times["ours"]), min(times["floor"])
    return f"| {wait.what} | {ours:.3f} | {wait.floor_name} | **{ours / floor:.2f}** |"


def _answers() -> Iterator[str]:
    """Yield a row for every answer of `explore`, for a box of the sample photograph."""
    photograph, boxes = (str(sample_data() / f"astronaut.{kind}") for kind in ("png", "csv"))
    with served(photograph, "--stride", "32", "--boxes", boxes) as client:
        # Only small arrays can be edited, and then be asked for.
        questions = [question for question in QUESTIONS if question != "array"]
        calls = {question: partial(client.raw, question) for question in questions}
        times = measure.alternating({"": partial(client.get, "nothing"), **calls})
    floor = min(times.pop(""))
    for question, seconds in times.items():
        ratio = f"**{min(seconds) / floor:.1f}**"
        yield f"| `explore`: {question} | {min(seconds):.4f} | an empty answer | {ratio} |"
