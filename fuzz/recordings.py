"""What is fuzzed of recordings: the calls in a folder, and the runs of models that make them."""

from __future__ import annotations

import contextlib
import io
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from roialign_cli import Call, RoiAlignError
from roialign_cli.calls.archive import write_call_into
from roialign_cli.calls.call import PyramidLevel
from roialign_cli.calls.differences.comparing import compare_recordings
from roialign_cli.calls.recording import read_recording
from roialign_cli.calls.records import recording_record
from roialign_cli.cli.main import main
from roialign_cli.show.document.recording_listing import recording_listing

_MAX_CELLS = 1 << 16  # of the features and outputs of a call that is pooled
# Bytes that begin the content of an array, and its name.
_ARRAYS = {b"f": "features", b"b": "boxes", b"i": "batch_index", b"o": "output", b"r": "rows"}


def recording(data: bytes, folder: Path) -> None:
    """Compare a recording with one in which bytes replace a part of a call.

    The first byte chooses an array, or the whole description. For a part of the description, the
    next two are its place, and the fourth is how many bytes it replaces.
    """
    first, second = folder / "first", folder / "second"
    for path in (first, second):
        if not path.exists():
            path.mkdir()
            for number in range(2):
                (path / f"call-{number:04}.npz").write_bytes(_call(number))
    with zipfile.ZipFile(io.BytesIO(_call(1))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    kind, content = data[:1], data[1:]
    if kind in _ARRAYS:
        members[f"{_ARRAYS[kind]}.npy"] = content
    elif kind == b"w":
        members["call.json"] = content
    else:
        whole, place = members["call.json"], int.from_bytes(data[1:3], "big")
        end = place + (data[3] if len(data) > 3 else 0)
        members["call.json"] = whole[:place] + data[4:] + whole[end:]
    with zipfile.ZipFile(second / "call-0001.npz", "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    with contextlib.suppress(RoiAlignError):
        read = read_recording(str(second))
        assert list(recording_listing(read, {}))
        assert recording_record(read, {})
        call = Call.load(second / "call-0001.npz")
        pooled = len(call.boxes) * call.features.shape[1] * np.prod(call.output_size or 0)
        if max(call.features.size, float(pooled)) <= _MAX_CELLS:
            compare_recordings(first, second, search=False)


@cache
def _call(number: int) -> bytes:
    """Return a call on a map of a pyramid with two maps."""
    side = 8 >> number
    file = io.BytesIO()
    call = Call(
        features=np.arange(side * side, dtype=np.float32).reshape(1, 1, side, side),
        boxes=np.array([[1, 2, 9, 11], [0, 0, 12, 5]], np.float32) + number,
        batch_index=np.zeros(2, np.int64),
        output=np.zeros((2, 1, 2, 2), np.float32),
        spatial_scale=0.5 / (1 + number),
        preset="torchvision",
        fields={"sampling_ratio": 2},
        stated={"aligned": False},
        framework="torch",
        framework_version="2",
        operator="torchvision.ops.roi_align",
        place="poolers.py:312",
        level=PyramidLevel(0, number, 2, "torchvision", (16, 16)),
        rows=np.array([2 * number, 2 * number + 1]),
    )
    write_call_into(call, file)
    return file.getvalue()


def capture(data: bytes, folder: Path) -> None:
    """Run bytes as an ONNX model on random inputs, and record its ROI Aligns."""
    path = folder / "fuzzed.onnx"
    path.write_bytes(data)
    words = ["capture", str(path), "--random", "-o", str(folder / "calls"), "--force"]
    silent = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(io.StringIO()):
        assert main(words) in {0, 2}
