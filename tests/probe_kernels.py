"""What the tests of kernels in other processes share: a kernel as text, a call, and its output."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from roialign_cli import roi_align
from roialign_cli.measure.call import ProbeCall

SECONDS = 60.0  # more than any call needs, also on a busy machine
POOL = """
import numpy as np
from roialign_cli import roi_align

def pool(features, boxes, size, index, scale=1.0, ratio=0, name="torchvision", **fields):
    return roi_align(
        features, boxes, size, convention=name, batch_index=np.asarray(index).astype(int),
        spatial_scale=scale, sampling_ratio=ratio or 0, **fields,
    )
"""  # fmt: skip

CALL = ProbeCall(
    "a call",
    np.random.default_rng(1).uniform(1, 9, (2, 3, 6, 7)).astype(np.float32),
    np.array([[1, 1, 4, 5], [0, 2, 3, 3], [2, 1, 6, 4]], np.float32),
    np.array([1, 0, 1], np.int64),
)


def reference(call: ProbeCall) -> Any:
    """Return the output of `pool` in the text above."""
    return roi_align(
        call.features,
        call.boxes,
        call.output_size,
        convention="torchvision",
        batch_index=call.batch_index,
        spatial_scale=call.spatial_scale,
        sampling_ratio=call.sampling_ratio or 0,
    )


def assert_ends(pid: int) -> None:
    """Wait until a process has ended."""
    for _ in range(600):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} still runs")


# As in a terminal: a process in the background may ignore these signals.
_SIGNALS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""


def pid_after_signal(program: str, pid: Path, name: str) -> int:
    """Run a program until it has written a process id to a file, and end it with a signal.

    Returns the id.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _SIGNALS + program],
        cwd=Path(__file__).parents[1],
        stderr=subprocess.DEVNULL,
    )
    while not pid.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    process.wait(SECONDS)
    return int(pid.read_text())
