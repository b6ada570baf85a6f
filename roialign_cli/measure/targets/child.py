"""The child process that runs a kernel of the user: it answers calls until its parent ends.

The kernel cannot write into the messages: its standard output is a temporary file, the size of
which shows whether it prints.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import re
import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from typing import IO, Any

import numpy as np

from roialign_cli.measure.targets.frames import Arrays, read_frame, write_frame
from roialign_cli.measure.targets.layouts import Array, boxes_in, converter, original_order
from roialign_cli.measure.targets.loading import Kernel, UnusableError, described, load_kernel
from roialign_cli.measure.targets.outputs import UnreadableOutputError, as_array

_MAX_TEXT = 300  # characters of an error
# What onnxruntime writes before the reason: codes, the node, and a place in its own source.
_RUNTIME = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : (.*Status Message: )?(/?\S+\.(h|cc):\d+ .*\)\)? )?"
)


@dataclass
class Answering:
    """Answer the messages of the parent.

    Parameters
    ----------
    printed
        The file that the kernel prints into.
    kernel
        The kernel; None before it is loaded.
    sessions
        The bytes of each model that was run → its session of onnxruntime.
    """

    printed: IO[bytes]
    kernel: Kernel | None = None
    sessions: dict[bytes, Any] = field(default_factory=dict)

    def answer(self, record: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
        """Return the answer to a message."""
        match record["ask"]:
            case "load":
                self.kernel = load_kernel(record["where"], record["attribute"], record["arguments"])
                is_torch = "torch" in sys.modules
                return self.kernel.described() | {"torch": is_torch}, {}
            case "call":
                return self._call(record, arrays)
        return self._run_model(record, arrays)

    def _call(self, record: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
        convert = converter(record["library"], sys.modules.get("torch"))
        index = arrays["batch_index"]
        maps = arrays["features"].copy()
        if record["channels_last"]:
            maps = np.moveaxis(maps, 1, -1).copy()
        boxes = boxes_in(record["layout"], arrays["boxes"], index, len(maps))
        given = {"features": [maps], "boxes": boxes, "batch index": [index.copy()]}
        before = {name: [part.copy() for part in parts] for name, parts in given.items()}
        values = {
            **record["values"],
            "features": convert(maps),
            "boxes": [convert(part) for part in boxes],
            "batch_index": convert(given["batch index"][0]),
        }
        if record["layout"] != "list":
            (values["boxes"],) = values["boxes"]
        if record["layout"] != "separate":
            values.pop("batch_index")
        if not record["square"]:
            values["output_size"] = tuple(values["output_size"])
        try:
            output, remarks = as_array(self.kernel(values))  # type: ignore[misc]
        except UnreadableOutputError as problem:
            return {"unreadable": str(problem)}, {}
        except BaseException as error:  # noqa: BLE001 - a kernel may raise anything
            return _raised(error), {}
        changed = (name for name in given if not _same(given[name], before[name]))
        remarks += [f"the kernel changes its input {name}" for name in changed]
        return {"remarks": remarks}, {"output": original_order(record["layout"], output, index)}

    def _run_model(self, record: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
        model = arrays["model"].tobytes()
        feeds = {name: array for name, array in arrays.items() if name != "model"}
        try:
            if model not in self.sessions:
                self.sessions[model] = _session(model)
            (output,) = self.sessions[model].run([record["output"]], feeds)
        except Exception as error:  # noqa: BLE001 - onnxruntime's have no common base
            text = " ".join(str(error).split())
            return {"raised": type(error).__name__, "text": _RUNTIME.sub("", text)[:_MAX_TEXT]}, {}
        return {"remarks": []}, {"output": np.asarray(output)}


def _raised(error: BaseException) -> dict[str, Any]:
    kind = type(error).__name__
    text = " ".join(described(error).split()).removeprefix(kind).removeprefix(": ")
    return {"raised": kind, "text": text[:_MAX_TEXT]}


def _same(one: list[Array], other: list[Array]) -> bool:
    return all(map(partial(np.array_equal, equal_nan=True), one, other))


def _session(model: bytes) -> Any:  # noqa: ANN401
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # only fatal errors
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _was_printed(printed: IO[bytes]) -> bool:
    """Return whether the file has got text since the last call, and empty it."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).fflush(None)  # what C code has printed
    size = os.fstat(printed.fileno()).st_size
    with contextlib.suppress(OSError):
        os.ftruncate(printed.fileno(), 0)
    return size > 0


def main() -> None:
    """Answer calls until the parent ends."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    printed = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - until the process ends
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(printed.fileno(), 1)
    with contextlib.suppress(ImportError, OSError):  # to write at the end of the emptied file, too
        fcntl = importlib.import_module("fcntl")
        fcntl.fcntl(1, fcntl.F_SETFL, fcntl.fcntl(1, fcntl.F_GETFL) | os.O_APPEND)
    answering = Answering(printed)
    while (message := read_frame(requests)) is not None:
        try:
            reply, results = answering.answer(*message)
        except UnusableError as problem:
            reply, results = {"unusable": str(problem)}, {}
        write_frame(answers, {**reply, "printed": _was_printed(printed)}, results)
