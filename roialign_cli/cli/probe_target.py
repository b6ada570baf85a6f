"""Find the kernel that TARGET names."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from roialign_cli.errors import RoiAlignError
from roialign_cli.measure.target import FunctionTarget, Target
from roialign_cli.printable import printable


def target_of(text: str) -> Target:
    """Return the function that "package.module:function" or "file.py:function" names.

    Raises
    ------
    RoiAlignError
        If there is no such module, file or function.
    """
    place, _, name = text.rpartition(":")
    shown = printable(text)
    if not (place and name):
        raise RoiAlignError(f"{shown}: name a function, as in kernel.py:roi_align")
    function = getattr(_module(place, shown), name, None)
    if not callable(function):
        raise RoiAlignError(f"{shown}: {printable(place)} has no function {name}; check the name")
    return FunctionTarget.of(function)


def _module(place: str, shown: str) -> ModuleType:
    try:
        if place.endswith(".py"):
            sys.path.insert(0, str(Path(place).parent.resolve()))
            place = Path(place).stem
        return importlib.import_module(place)
    except Exception as error:  # noqa: BLE001 - a module may raise anything
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise RoiAlignError(
            f"{shown}: cannot be imported: {printable(problem)}; check the path and the file"
        ) from None


def call_of(text: str | None, target: Target | None) -> str:
    """Return lines of Python that define `run`, which calls the kernel with named inputs."""
    place, _, name = (text or "my_kernel:roi_align").rpartition(":")
    module = Path(place).stem if place.endswith(".py") else place
    taken = None if target is None else target.parameters
    keywords = [
        f"{key}={key}" for key in ("spatial_scale", "batch_index") if taken is None or key in taken
    ]
    ratio = taken is None or "sampling_ratio" in taken
    words = ", ".join(["features", "boxes", "output_size", *keywords, *["**options"] * ratio])
    lines = [
        f"from {module} import {name}",
        "",
        "",
        "def run(features, boxes, batch_index, output_size, spatial_scale, sampling_ratio):",
        '    """Call the kernel; None stands for its default sampling ratio."""',
        '    options = {} if sampling_ratio is None else {"sampling_ratio": sampling_ratio}',
        f"    return {name}({words})",
        "",
    ]
    return "\n".join(lines if ratio else [line for line in lines if "options =" not in line])
