"""Read the batch index of each box from a file."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import FileError, alternatives
from roialign_cli.files.arrays import Member, is_numpy, load_array
from roialign_cli.files.box_file import BATCH_NAMES, shortened
from roialign_cli.files.box_text import is_numeric, table_rows
from roialign_cli.files.parsing import parse_number
from roialign_cli.files.reading import TENSOR_SUFFIX, read_text_or_bytes, split_member
from roialign_cli.files.tensor_json import read_tensor

_NEEDED = "write one whole number from 0 for each box"


def read_batch_index(name: str) -> NDArray[np.int64]:
    """Read one index for each box from text, CSV, a `.npy` or an `.npz`.

    A table with several columns needs a header that names the column "batch" or "batch_index".

    Parameters
    ----------
    name
        Path of the file, "file.npz:NAME" for one of several arrays, or "-" for standard input.

    Returns
    -------
    (R,), whole numbers from 0.

    Raises
    ------
    FileError
        If the file cannot be read, or a value is not a whole number.
    """
    name, key = split_member(name)
    content = read_text_or_bytes(name)
    if isinstance(content, str):
        if key is None:
            return _checked(name, _column(name, content))
        if not name.lower().endswith(TENSOR_SUFFIX):
            raise FileError(name, f"is text; remove :{key}, which is for .npz files")
        array = read_tensor(name, io.BytesIO(content.encode()), Member(key))
    elif not is_numpy(content):
        raise FileError(name, "is not text or a NumPy file; save the indices as text or .npy")
    else:
        array = load_array(name, io.BytesIO(content), Member(key, BATCH_NAMES))
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise FileError(name, f"has shape {array.shape}; save one batch index per box, (R,)")
    return _checked(name, array)


def _column(name: str, text: str) -> NDArray[np.float64]:
    rows = table_rows(name, text)
    column = 0
    if rows and not any(map(is_numeric, rows[0][1])):
        header = [cell.strip().lower() for cell in rows.pop(0)[1]]
        named = [header.index(known) for known in BATCH_NAMES if known in header]
        if not named and len(header) > 1:
            problem = f"the header has no column {alternatives(BATCH_NAMES)}"
            raise FileError(name, f"{problem}; name the column of the batch index")
        column = named[0] if named else 0
    elif rows and len(rows[0][1]) > 1:
        problem = f"line {rows[0][0]} has {len(rows[0][1])} columns; {_NEEDED}"
        raise FileError(name, f"{problem}, or add a header that names the column batch")
    if not rows:
        raise FileError(name, f"contains no batch index; {_NEEDED}")
    return np.array([_number(name, line, row, column) for line, row in rows])


def _number(name: str, line: int, row: list[str], column: int) -> float:
    try:
        return parse_number(row[column])
    except (IndexError, ValueError):
        shown = shortened(row[column].strip() if column < len(row) else "")
        raise FileError(name, f"line {line}: {shown} is not a number; {_NEEDED}") from None


_MAX_INDEX = 2**53  # the range of exact integers of float64


def _checked(name: str, array: NDArray[Any]) -> NDArray[np.int64]:
    numbers = array.astype(np.float64)
    with np.errstate(invalid="ignore"):
        wrong = ~((numbers >= 0) & (numbers < _MAX_INDEX) & (numbers % 1 == 0))
    if wrong.any():
        box = int(wrong.argmax())
        problem = f"the batch index of box {box} is {numbers[box]:g}; {_NEEDED}"
        raise FileError(name, problem)
    return numbers.astype(np.int64)
