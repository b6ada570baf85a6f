"""Check where an ONNX model has the external data of its weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from roialign_cli.calls.onnx_damage import Model
from roialign_cli.errors import FileError
from roialign_cli.printable import printable

_EXTERNAL = 1  # data_location of a tensor in another file


def check_external_data(name: str, model: Model) -> bool:
    """Return whether weights are in other files, after checking that the files are there.

    Raises
    ------
    FileError
        If a file is missing, too short, or outside the folder of the model.
    """
    folder = Path(name).parent
    checked: dict[str, int] = {}
    for tensor in _tensors(model):
        if tensor.data_location != _EXTERNAL:
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        if location not in checked:
            checked[location] = _size(name, folder, location)
        start, length = _number(entries.get("offset")), _number(entries.get("length"))
        if start + length > checked[location]:
            problem = f"the weights end in the middle of {printable(location)}"
            raise FileError(name, f"{problem}; copy the file again")
    return bool(checked)


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _size(name: str, folder: Path, location: str) -> int:
    """Return the size of a file with weights in bytes."""
    shown = printable(location) or "an unnamed file"
    paths = PurePosixPath(location), PureWindowsPath(location)
    if not location or any(path.is_absolute() or ".." in path.parts for path in paths):
        problem = f"its weights are in {shown}, outside the folder of the model"
        raise FileError(name, f"{problem}; save the model with its weights in one folder")
    try:
        if (folder / location).is_file():
            return (folder / location).stat().st_size
    except (OSError, ValueError):
        pass
    problem = f"its weights are in {shown}, which is missing"
    raise FileError(name, f"{problem}; copy the file into the folder of the model")


def _tensors(model: Model) -> Iterator[Any]:
    """Yield the tensors of all graphs and functions of a model."""
    for owner in (model.graph, *model.functions):
        yield from _tensors_in(owner)


def _tensors_in(owner: Any) -> Iterator[Any]:  # noqa: ANN401 - a graph or a function
    yield from getattr(owner, "initializer", ())
    for node in owner.node:
        for attribute in node.attribute:
            match attribute.type:
                case 4:
                    yield attribute.t
                case 9:
                    yield from attribute.tensors
                case 5:
                    yield from _tensors_in(attribute.g)
                case 10:
                    for graph in attribute.graphs:
                        yield from _tensors_in(graph)
