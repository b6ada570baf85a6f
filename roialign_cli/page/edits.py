"""Cells of a small map that were changed by hand: where they are applied, and the edited file."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import Summary
from roialign_cli.errors import ArgumentError
from roialign_cli.printable import printable

if TYPE_CHECKING:
    from roialign_cli.page.session import Session
    from roialign_cli.page.state import State

MAX_EDITS = 1024  # cells of all maps and channels; the state must fit into a request
MAX_EDITED_SIDE = 32  # cells of a map that can be edited, along each axis
MAX_EDITED_BYTES = 1 << 26  # of all maps and channels, which are copied
_MAX_NAME_LENGTH = 100


class Edit(NamedTuple):
    """The value that a cell of one channel of a map has in place of its own."""

    batch_index: int
    channel: int
    row: int
    column: int
    value: float


def edited_session(session: Session, edits: tuple[Edit, ...]) -> Session:
    """Return a session with edited features, which are named like the file that they are saved as.

    Raises
    ------
    ArgumentError
        If the features cannot be edited, or an edit names no cell or a value that the features
        cannot have.
    """
    if not edits:
        return session
    last = session.last_edited.get(edits)
    if last is None:
        name = _edited_name(session)
        features = _with_edits(session.operation.features, edits)
        remarks = session.title.removeprefix(printable(session.words[0]))
        last = replace(
            session,
            operation=replace(session.operation, features=features),
            title=name + remarks,
            words=(name, *_without_key(session.words[1:])),
            _maps={},
            last_edited={},
        )
        session.last_edited.clear()
        session.last_edited[edits] = last
    return last


def _edited_name(session: Session) -> str:
    """Return the name of the file with the edited features, or raise an `ArgumentError`."""
    name = edited_name(session)
    if name is None:
        side = MAX_EDITED_SIDE
        problem = f"only arrays of at most {side} × {side} cells can be edited"
        raise ArgumentError("edits", f"{problem}; remove the edits")
    return name


def edited_name(session: Session) -> str | None:
    """Return the name of the file with the edited features; None if they cannot be edited."""
    features = session.operation.features
    is_small = max(features.shape[2:]) <= MAX_EDITED_SIDE and features.nbytes <= MAX_EDITED_BYTES
    if session.layout is None or not is_small:
        return None
    # Browsers replace some characters of names, and a hyphen would begin an option.
    stem = re.sub(r"[^\w.-]+", "_", PurePath(session.words[0]).stem).strip("-._")
    return f"{stem[:_MAX_NAME_LENGTH] or 'features'}-edited.npy"


def _without_key(words: Sequence[str]) -> list[str]:
    """Return words of a command line without --key, which is for files with several arrays."""
    if "--key" not in words:
        return list(words)
    at = words.index("--key")
    return [*words[:at], *words[at + 2 :]]


def _with_edits(features: NDArray[Any], edits: Sequence[Edit]) -> NDArray[Any]:
    """Return a copy of features (N, C, H, W) with other values in some cells."""
    edited = features.copy()
    names = ("map", "channel", "row", "column")
    places = set()
    for *place, value in edits:
        for name, index, length in zip(names, place, features.shape, strict=True):
            if index >= length:
                problem = f"there is no {name} {index}; the last one is {length - 1}"
                raise ArgumentError("edits", problem)
        edited[tuple(place)] = stored(value, features.dtype)
        places.add(tuple(place))
    if len(places) < len(edits):
        raise ArgumentError("edits", "a cell occurs twice; give one value for each cell")
    return edited


def stored(value: float, dtype: np.dtype[Any]) -> Any:  # noqa: ANN401
    """Return the number of a dtype nearest to a value, or raise an `ArgumentError`.

    Examples
    --------
    >>> int(stored(1.6, np.dtype(np.uint8))), float(stored(0.1, np.dtype(np.float64)))
    (2, 0.1)
    """
    low, high = value_range(dtype)
    number: Any = value if dtype.kind == "f" else round(value)
    if not low <= number <= high:
        problem = f"{value:g} is out of range; use numbers from {low:g} to {high:g} ({dtype.name})"
        raise ArgumentError("edits", problem)
    return dtype.type(number)


def value_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the smallest and the largest finite number of a dtype."""
    if dtype.kind == "b":
        return 0, 1
    if dtype.kind == "f":
        largest = float(np.finfo(dtype).max)
        return -largest, largest
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def edits_answer(session: Session, state: State, channel: int | Summary) -> list[dict[str, Any]]:
    """Return the edits of one channel, each with the value that the features store.

    A value is rounded if the stored number, written with as few digits as possible, differs.
    """
    dtype = session.operation.features.dtype
    answer = []
    for edit in state.edits:
        if (edit.batch_index, edit.channel) == (state.batch_index, channel):
            number = stored(edit.value, dtype)
            written = float(str(number) if dtype.kind == "f" else number)
            place = {"row": edit.row, "column": edit.column}
            answer.append(place | {"value": float(number), "rounded": written != edit.value})
    return answer


def editing_record(session: Session) -> dict[str, Any] | None:
    """Return what the page needs to edit cells; None if the features cannot be edited."""
    name = edited_name(session)
    if name is None:
        return None
    dtype = session.operation.features.dtype
    low, high = value_range(dtype)
    return {"file": name, "dtype": dtype.name, "min": low, "max": high, "cells": MAX_EDITS}


def array_answer(session: Session, _state: State) -> bytes:
    """Return the features as a .npy with the axes and the dtype of the file that was read.

    Raises
    ------
    ArgumentError
        If the features cannot be edited.
    """
    _edited_name(session)
    layout = session.layout or ""
    order = ["NCHW".index(axis) for axis in layout]
    missing = [axis for axis in range(4) if axis not in order]  # of length 1
    features = session.operation.features.transpose(missing + order)
    file = io.BytesIO()
    np.save(file, features.reshape(features.shape[len(missing) :]))
    return file.getvalue()
