"""Read a feature map from text: a row of the map on each line, as in a CSV."""

from __future__ import annotations

import codecs
import io
import math
import re
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import FileError
from roialign_cli.files.box_file import find_coordinates, shortened
from roialign_cli.files.parsing import parse_number
from roialign_cli.files.reading import IS_UTF_16, TOO_LARGE

HEAD_BYTES = 4096  # how much of a file decides whether it is text

_SUFFIXES = (".csv", ".tsv", ".txt")
_MAX_TEXT_BYTES = 1 << 26
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# A cell that begins so, or is empty, is a mistyped number and not the name of a column.
_FIRST_OF_A_NUMBER = (*"0123456789+-.", "")
# The first word, after a byte order mark, blank lines and comments.
_FIRST_WORD = re.compile(r"\ufeff?(?:\s|#.*\n)*([^\s,;#]+)")


def is_text(name: str, head: bytes) -> bool:
    """Return whether a file is text: by its suffix, or because it begins with a number.

    Parameters
    ----------
    name
        Path of the file.
    head
        Its first `HEAD_BYTES` bytes.
    """
    is_binary = b"\0" in head
    if Path(name).suffix.lower() in _SUFFIXES:
        return not is_binary or head.startswith(_UTF16_MARKS)
    word = _FIRST_WORD.match(head.decode("utf-8", "replace"))
    return word is not None and not is_binary and _is_number(word[1].strip('"'))


def read_text_map(name: str, content: IO[bytes]) -> NDArray[np.float64]:
    """Read a feature map of one channel.

    Numbers are separated by semicolons, tabs, commas or spaces; the first row decides by which.
    Blank lines, and comments from # to the end of the line, are ignored.

    Parameters
    ----------
    name
        Path of the file, for error messages.
    content
        The file, open at its start.

    Returns
    -------
    The numbers (H, W) as they are written: float64, because float32 would round them.

    Raises
    ------
    FileError
        If a value is not a number, the rows differ in length, or there are no rows.
    """
    try:
        return _read_rows(name, _decoded(name, content))
    except MemoryError:
        raise FileError(name, TOO_LARGE) from None


def _decoded(name: str, content: IO[bytes]) -> str:
    try:
        data = content.read(_MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise FileError(name, f"cannot be read: {error.strerror}") from None
    if len(data) > _MAX_TEXT_BYTES:
        limit = f"{_MAX_TEXT_BYTES >> 20} MiB"
        raise FileError(name, f"is text of more than {limit}; save the map with numpy.save")
    if data.startswith(_UTF16_MARKS):
        raise FileError(name, IS_UTF_16)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(name, "is not text in UTF-8; save the text as UTF-8") from None


def _read_rows(name: str, text: str) -> NDArray[np.float64]:
    rows: list[NDArray[np.float64]] = []
    delimiter, first_line = None, 0
    for line, written in enumerate(io.StringIO(text, newline=None), start=1):
        values = written.partition("#")[0]
        if not values.strip():
            continue
        if not rows:
            delimiter = next((mark for mark in ";\t," if mark in values), None)
            first_line = line
            _check_is_no_header(name, line, values.split(delimiter))
        row = _parse_row(name, line, values.split(delimiter))
        if rows and len(row) != len(rows[0]):
            lengths = f"{len(row)} numbers and line {first_line} has {len(rows[0])}"
            problem = f"line {line} has {lengths}; write equally many in each line"
            raise FileError(name, problem)
        rows.append(row)
    if not rows:
        raise FileError(name, "contains no numbers; write a row of the map on each line")
    return np.stack(rows)


def _check_is_no_header(name: str, line: int, cells: list[str]) -> None:
    """Raise an error if the first row has the names of columns instead of numbers."""
    words = [cell.strip().strip('"').lower() for cell in cells]
    found = find_coordinates(words)
    if found is not None:
        columns = ", ".join(found[0])
        problem = f"line {line} has the columns of boxes ({columns}); give boxes with --boxes FILE"
        raise FileError(name, problem)
    if not any(word[:1] in _FIRST_OF_A_NUMBER or _is_number(word) for word in words):
        remedy = "remove the line, or write # before the header"
        raise FileError(name, f"line {line} is a header: {shortened(words[0])}; {remedy}")


def _parse_row(name: str, line: int, cells: list[str]) -> NDArray[np.float64]:
    numbers = []
    for column, cell in enumerate(cells, start=1):
        try:
            numbers.append(_parse_cell(cell))
        except ValueError as error:
            raise FileError(name, f"line {line}, column {column} {error}") from None
    return np.array(numbers)


def _parse_cell(cell: str) -> float:
    """Parse a number, which may be quoted; raise a `ValueError` that states what to do."""
    text = cell.strip().strip('"')
    try:
        number = parse_number(text)
    except ValueError:
        raise ValueError(_describe_problem(text)) from None
    if math.isinf(number) and "n" not in text.lower():
        raise ValueError(f"is {shortened(text)}, too large for float64; write inf")
    return number


def _describe_problem(text: str) -> str:
    """Return what is wrong with a cell that is not a number, and what to do."""
    if not text:
        return "is empty; write a number or nan"
    remedy = "write a number, nan or inf"
    if _is_number(text.replace(",", ".", 1)):
        remedy = "write decimals with a point"
    return f"is {shortened(text)}, not a number; {remedy}"


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except ValueError:
        return False
    return True
