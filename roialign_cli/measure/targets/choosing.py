"""Find the kernel that a text names: a Python function, an ONNX model or a folder of answers."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, Self

from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.measure.target import Target
from roialign_cli.measure.targets.answers import FolderTarget
from roialign_cli.measure.targets.onnx_node import NodeTarget
from roialign_cli.measure.targets.program import run_program
from roialign_cli.measure.targets.python_function import PythonTarget
from roialign_cli.printable import printable

CALL_SECONDS = 10.0  # that a call may take
PROGRAM_SECONDS = 120.0  # that a program may take for all calls
_NO_ARGUMENTS: Mapping[str, str] = MappingProxyType({})
_EXAMPLES = "write package.module:function, file.py:function, model.onnx or a folder of answers"


class ClosableTarget(Target, Protocol):
    """A target outside this process."""

    @property
    def matched(self) -> Mapping[str, str]:
        """What the kernel is given → how, for printing."""

    @property
    def remedy(self) -> str:
        """What to do about a kernel that cannot be probed, as a clause."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the kernel did beside answering, as clauses; complete after the measurement."""

    def close(self) -> None:
        """End all processes of the target."""

    def __enter__(self) -> Self:
        """Return the target."""

    def __exit__(self, *_: object) -> None:
        """End all processes of the target."""


def target_of(
    text: str,
    *,
    arguments: Mapping[str, str] = _NO_ARGUMENTS,
    arrays: str = "auto",
    layout: str = "auto",
    node: str | None = None,
    program: Sequence[str] = (),
    time_limit: float | None = None,
) -> ClosableTarget:
    """Return the kernel that a text names, ready to be measured.

    The result is a context manager that ends its processes. They end with this process, too.

    Parameters
    ----------
    text
        "package.module:function", "file.py:function", "file.py:Class", "model.onnx", or a folder
        from `write_battery`.
    arguments
        Arguments of the function or of the constructor: name → Python literal, or text.
    arrays
        "numpy", "torch", or "auto" for what the function accepts.
    layout
        How the function takes boxes: one of `LAYOUTS`, or "auto" for what it accepts.
    node
        The name of the ROI Align of a model; None for the first one.
    program
        The program, with its arguments, that writes the answers into the folder.
    time_limit
        Seconds that a call may take, or a program for all calls; None for `CALL_SECONDS` or
        `PROGRAM_SECONDS`.

    Raises
    ------
    ArgumentError
        If the text names no kernel, if the kernel cannot be called, or if an option does not fit.
    FileError
        If a file or a folder is missing or damaged.
    RoiAlignError
        If the packages for ONNX models are not installed.
    """
    if time_limit is not None and not 0 < time_limit < float("inf"):
        raise ArgumentError("timeout", f"must be a number of seconds above 0, got {time_limit:g}")
    is_model, is_folder = text.lower().endswith(".onnx"), Path(text).is_dir()
    _check_options(
        {
            "arg": (bool(arguments), not is_model and not is_folder, "a Python function"),
            "arrays": (arrays != "auto", not is_model and not is_folder, "a Python function"),
            "layout": (layout != "auto", not is_model and not is_folder, "a Python function"),
            "node": (node is not None, is_model, "an ONNX model"),
            "program": (bool(program), is_folder, "a folder of calls"),
            "timeout": (time_limit is not None, not is_folder or bool(program), "a program"),
        }
    )
    if is_folder and program:
        return run_program(Path(text), program, seconds=time_limit or PROGRAM_SECONDS)
    if is_folder:
        return FolderTarget(Path(text))
    seconds = time_limit or CALL_SECONDS
    if is_model:
        return NodeTarget(text, node, time_limit=seconds)
    where, attribute = _python_name(text)
    return PythonTarget(
        where, attribute, arguments=arguments, library=arrays, layout=layout, time_limit=seconds
    )


def _check_options(options: Mapping[str, tuple[bool, bool, str]]) -> None:
    """Raise an error for an option of another kind of target.

    Parameters
    ----------
    options
        Name → whether it is given, whether it fits, and what it is for.
    """
    for name, (is_given, fits, use) in options.items():
        if is_given and not fits:
            raise ArgumentError(name, f"is for {use}; remove it, or name {use}")


def _python_name(text: str) -> tuple[str, str]:
    """Return the file or the module, and the name of the function in it."""
    where, colon, attribute = text.rpartition(":")
    is_path = "/" in text or "\\" in text
    if not colon:
        where, attribute = text, ""
    if where.endswith(".py"):
        path = Path(where)
        if not path.is_file():
            problem = "is not a file" if path.exists() else "does not exist"
            raise FileError(where, f"{problem}; name a Python file")
        if not _is_name(attribute):
            raise ArgumentError(
                "target", printable(f"{text} names no function; {_name_remedy(path)}")
            )
        return where, attribute
    file = next((name for name in (text, where) if Path(name).is_file()), None)
    if file is not None:
        raise FileError(file, f"is not a Python file or an ONNX model; {_other_kernel(file)}")
    if not colon and is_path:
        raise FileError(text, f"does not exist; {_EXAMPLES}")
    if not (_is_name(where) and _is_name(attribute)):
        raise ArgumentError("target", f"{printable(text)!r} is not a kernel; {_EXAMPLES}")
    return where, attribute


def _other_kernel(file: str) -> str:
    """Return how to probe a kernel that is a file of another language."""
    if Path(file).suffix in _LIBRARIES:
        return "write a Python function that calls it with ctypes, and name FILE.py:FUNCTION"
    return "run `roialign probe --write calls`, which writes calls for a program in any language"


_LIBRARIES = {".so", ".dylib", ".dll"}


def _name_remedy(file: Path) -> str:
    """Return how to name a kernel in a file, with the functions and classes that may be one."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return f"write {file}:NAME"
    found = [each.name for each in tree.body if isinstance(each, _DEFINITIONS)]
    names = [name for name in found if not name.startswith("_")] or found
    if len(names) == 1:
        return f"write {file}:{names[0]}"
    return f"write {file}:NAME" + (f"; it has {', '.join(names[:_MAX_NAMES])}" if names else "")


_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
_MAX_NAMES = 5


def _is_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))
