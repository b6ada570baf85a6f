"""What is fuzzed: of bytes, nothing but a result or a RoiAlignError may come."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from fuzz.page import explore, requests
from fuzz.recordings import capture, recording
from roialign_cli import Call, RoiAlignError, roi_align
from roialign_cli.calls.archive import is_call
from roialign_cli.calls.onnx_models.listing import list_nodes
from roialign_cli.cli.main import main
from roialign_cli.core.convention import Convention
from roialign_cli.files.arrays import read_array
from roialign_cli.files.boxes import read_boxes
from roialign_cli.files.features import read_features
from roialign_cli.measure.battery import fixed_battery
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.target import ask
from roialign_cli.measure.targets.answers import FolderTarget
from roialign_cli.measure.targets.battery_folder import write_battery

_LARGEST = 1 << 16  # numbers; larger maps are read and not pooled
_MAX_BOXES = 64  # of a call that is pooled


def npy(data: bytes, folder: Path) -> None:
    """Read bytes as an array and, if they are a small one, pool from it."""
    path = folder / "fuzzed.npy"
    path.write_bytes(data)
    with contextlib.suppress(RoiAlignError):
        read_array(str(path))
    with contextlib.suppress(RoiAlignError):
        file = read_features(str(path))
        if file.array.size <= _LARGEST:
            roi_align(file.array, [[0, 0, 2, 2]], 2, convention="torchvision-aligned")


def text_map(data: bytes, folder: Path) -> None:
    """Read bytes as a feature map in text."""
    path = folder / "fuzzed.txt"
    path.write_bytes(data)
    with contextlib.suppress(RoiAlignError):
        file = read_features(str(path))
        assert file.array.ndim == 4
        assert file.array.size > 0


def boxes(data: bytes, folder: Path) -> None:
    """Read bytes as boxes in text or in NumPy's formats."""
    path = folder / "fuzzed.csv"
    path.write_bytes(data)
    with contextlib.suppress(RoiAlignError):
        read = read_boxes(str(path))
        assert len(read.boxes) == len(read.labels) == len(read.scores) > 0
        assert np.isfinite(read.boxes).all()


def json(data: bytes, folder: Path) -> None:
    """Read bytes as boxes in JSON, of an image, too."""
    path = folder / "fuzzed.json"
    path.write_bytes(b"[" + data if data[:1] not in {b"[", b"{"} else data)
    for image in (None, "1"):
        with contextlib.suppress(RoiAlignError):
            assert np.isfinite(read_boxes(str(path), image_id=image).boxes).all()


def tensors(data: bytes, folder: Path) -> None:
    """Read bytes as a tensor in the JSON of Polygraphy or trtexec."""
    path = folder / "fuzzed.json"
    path.write_bytes(data)
    for name in (str(path), f"{path}:y"):
        with contextlib.suppress(RoiAlignError):
            assert read_array(name).dtype.kind in "buif"


def call(data: bytes, folder: Path) -> None:
    """Read bytes as a recorded call and, if it is a small one, pool from it."""
    path = folder / "fuzzed.npz"
    path.write_bytes(data)
    is_call(str(path))
    with contextlib.suppress(RoiAlignError):
        read = Call.load(path)
        if read.features.size <= _LARGEST and len(read.boxes) <= _MAX_BOXES:
            read.operation().pooled()


def onnx(data: bytes, folder: Path) -> None:
    """List the ROI Aligns of bytes as an ONNX model."""
    path = folder / "fuzzed.onnx"
    path.write_bytes(data)
    with contextlib.suppress(RoiAlignError):
        assert list_nodes(str(path)).nodes


def image(data: bytes, folder: Path) -> None:
    """Read bytes as an image and average it."""
    path = folder / "fuzzed.png"
    path.write_bytes(data)
    with contextlib.suppress(RoiAlignError):
        file = read_features(str(path), stride=2)
        assert file.image is not None or file.stride is None


def answers(data: bytes, folder: Path) -> None:
    """Read a folder of calls, of which bytes are an answer, the manifest, or a part of it.

    The first byte chooses what. For a part, the next two are its place in the manifest, and the
    fourth is how many bytes it replaces.
    """
    base, work = folder / "base", folder / "calls"
    if not base.exists():
        write_battery(base)
        for number, call in enumerate(fixed_calls()[:2]):
            shape = len(call.boxes), call.features.shape[1], *call.output_size
            np.save(base / "outputs" / f"{number:03}.npy", np.zeros(shape, np.float32))
        shutil.copytree(base, work)
    kind, content, changed = data[:1], data[1:], work / "manifest.json"
    if kind in {b"n", b"b"}:
        changed = work / "outputs" / ("002.npy" if kind == b"n" else "002.bin")
    elif kind != b"m":
        whole, place = (base / "manifest.json").read_bytes(), int.from_bytes(data[1:3], "big")
        end = place + (data[3] if len(data) > 3 else 0)
        content = whole[:place] + data[4:] + whole[end:]
    changed.write_bytes(content)
    try:
        with contextlib.suppress(RoiAlignError):
            target = FolderTarget(work)
            for call in fixed_calls()[:3]:
                output = ask(target, call).output
                assert output is None or output.dtype.kind in "buif"
    finally:
        original = base / changed.relative_to(work)
        if original.exists():
            shutil.copy(original, changed)
        else:
            changed.unlink()


@cache
def fixed_calls() -> list[ProbeCall]:
    """Return the calls of a folder."""
    return fixed_battery(Convention())


_WORDS = (
    *(
        "run",
        "explain",
        "plot",
        "compare",
        "identify",
        "presets",
        "map.npy",
        "boxes.csv",
        "photo.png",
    ),
    *(
        "--box",
        "1,1,3,3",
        "0,1,1,3,3",
        "-3,-2,90,7",
        "3,3,1,1",
        "2,2,2,2",
        "1e9,0,1e10,5",
        "nan,1,1,1",
    ),
    *(
        "--boxes",
        "--box-format",
        "xyxy",
        "xywh",
        "cxcywh",
        "yxyx",
        "--origin",
        "bottom-left",
        "top-left",
    ),
    *(
        "--preset",
        "torchvision",
        "mmcv",
        "tensorflow",
        "roi-pool",
        "walkthrough",
        "paddle",
        "--pooling",
    ),
    *(
        "max",
        "avg",
        "--sampling-ratio",
        "0",
        "1",
        "2",
        "--output-size",
        "2x3",
        "7",
        "--stride",
        "4",
    ),
    *("--spatial-scale", "0.5", "1/4,3", "--image-size", "16x9", "--normalized", "--absolute"),
    *("--set", "offset=0", "points=cells", "points=corners", "inclusive=true", "--divide", "3"),
    *(
        "--min-size",
        "--offset",
        "-1",
        "--extrapolation-value",
        "inf",
        "--coordinate-decimals",
        "exact",
    ),
    *("--channel", "mean", "norm", "--section", "1,2", "--point", "--roi", "--cell", "--sketch"),
    *("--format", "json", "csv", "table", "markdown", "--view", "sections", "point", "output"),
    *("--with", "torchvision-aligned", "mmcv,offset=1", "out.npy", "--expected", "--tolerance"),
    *("--max-difference", "--strict", "--quiet", "--force", "-o", "new.npy", "new.json", "new.svg"),
    *(
        "--layout",
        "HW",
        "NHWC",
        "--key",
        "a",
        "--batch-index",
        "--points",
        "--max-of",
        "point",
        "-",
    ),
)


def command_line(data: bytes, folder: Path) -> None:
    """Run a command line whose words the bytes choose, in a folder with a few files."""
    arguments = [_WORDS[byte % len(_WORDS)] for byte in data[:24]]
    here = Path.cwd()
    os.chdir(folder)
    try:
        if not Path("map.npy").exists():
            np.save("map.npy", np.arange(48, dtype=np.float32).reshape(6, 8))
            np.save("out.npy", np.zeros((1, 1, 2, 3), np.float32))
            Path("boxes.csv").write_text("label,x,y,w,h\nthing,1,5,2,2\n")
        silent = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(io.StringIO()):
            assert main(arguments) in {0, 1, 2, 130}, arguments
    finally:
        os.chdir(here)


TARGETS: dict[str, Callable[[bytes, Path], None]] = {
    "npy": npy,
    "text-map": text_map,
    "boxes": boxes,
    "json": json,
    "tensors": tensors,
    "call": call,
    "onnx": onnx,
    "image": image,
    "answers": answers,
    "recording": recording,
    "capture": capture,
    "explore": explore,
    "requests": requests,
    "command-line": command_line,
}


def run(target: str, data: bytes, folder: Path) -> None:
    """Run a target with warnings as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TARGETS[target](data, folder)
