"""Find the external data of an ONNX model: weights in other files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from roialign_cli.calls.onnx_models.damage import Graph, Model, subgraphs
from roialign_cli.errors import FileError
from roialign_cli.printable import printable

_EXTERNAL = 1  # data_location of a tensor in another file
_TENSOR, _TENSORS = 4, 9  # types of attributes


@dataclass(frozen=True)
class ExternalData:
    """Where the external data of a model is.

    Parameters
    ----------
    folder
        The folder that has all files.
    locations
        Location in the model → path in the folder, without symbolic links.
    """

    folder: str
    locations: Mapping[str, str]

    def relocate(self, model: Model) -> None:
        """Let a model name its files by their paths in the folder."""
        for tensor in external_tensors(model):
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = self.locations[entry.value]


def find_external_data(name: str, model: Model) -> ExternalData | None:
    """Return where the weights in other files are; None if there are none.

    A download cache may have links to the model and to its weights, which are in another folder.

    Raises
    ------
    FileError
        If a file is missing, too short, or outside the folder of the model.
    """
    paths: dict[str, Path] = {}
    for tensor in external_tensors(model):
        entries = {entry.key: entry.value for entry in tensor.external_data}
        location = entries.get("location", "")
        if location not in paths:
            paths[location] = _checked(name, location)
        end = _number(entries.get("offset")) + _number(entries.get("length"))
        if end > paths[location].stat().st_size:
            problem = f"the weights end in the middle of {printable(location)}"
            raise FileError(name, f"{problem}; copy the file again")
    if not paths:
        return None
    own = Path(os.path.realpath(Path(name).parent))
    for folder in (own, Path(os.path.realpath(name)).parent):
        if all(path.is_relative_to(folder) for path in paths.values()):
            inside = {key: path.relative_to(folder).as_posix() for key, path in paths.items()}
            return ExternalData(str(folder), inside)
    outside = next(key for key, path in paths.items() if not path.is_relative_to(own))
    raise FileError(name, _outside(outside))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0


def _outside(location: str) -> str:
    where = printable(location) or "an unnamed file"
    problem = f"its weights are in {where}, outside the folder of the model"
    return f"{problem}; save the model with its weights in one folder"


def _checked(name: str, location: str) -> Path:
    """Return the path of a file with weights, without symbolic links."""
    written = PurePosixPath(location), PureWindowsPath(location)
    if not location or any(path.anchor or ".." in path.parts for path in written):
        raise FileError(name, _outside(location))
    try:
        path = Path(os.path.realpath(Path(name).parent / location))
        if path.is_file():
            return path
    except (OSError, ValueError):
        pass
    problem = f"its weights are in {printable(location)}, which is missing"
    raise FileError(name, f"{problem}; copy the file into the folder of the model")


def external_tensors(model: Model) -> Iterator[Any]:
    """Yield the tensors of a model with the numbers in another file."""
    for owner in (model.graph, *model.functions):
        for tensor in _tensors(owner):
            if is_external(tensor):
                yield tensor


def is_external(tensor: Any) -> bool:  # noqa: ANN401 - a TensorProto
    """Return whether the numbers of a tensor are in another file."""
    return bool(tensor.data_location == _EXTERNAL)


def _tensors(owner: Graph) -> Iterator[Any]:
    """Yield the tensors of a graph or a function, and of the graphs inside it."""
    yield from getattr(owner, "initializer", ())
    for node in owner.node:
        for attribute in node.attribute:
            if attribute.type == _TENSOR:
                yield attribute.t
            elif attribute.type == _TENSORS:
                yield from attribute.tensors
        for _, graph in subgraphs(node):
            yield from _tensors(graph)
