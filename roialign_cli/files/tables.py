"""Reading a table in text: lines of cells, with commas, tabs, semicolons or spaces between."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from roialign_cli.errors import FileError
from roialign_cli.files.parsing import parse_number

# By how much a fraction in a YOLO file may miss 0 to 1: what rounding does, and what looks like a
# mistake and not like another format.
_YOLO_ROUNDING = 1e-4
_YOLO_MISTAKE = 0.1


@dataclass(frozen=True)
class Table:
    """The lines of a text that are not blank.

    Parameters
    ----------
    name
        What the user calls the file.
    lines
        The number of each line, from 1, and its cells.
    spaced
        Whether only spaces stand between the cells.
    """

    name: str
    lines: list[tuple[int, list[str]]]
    spaced: bool

    def has_header(self) -> bool:
        """Return whether no cell of the first line is a number, even if a badly written one."""
        return not any(_is_numeric(cell) for cell in self.lines[0][1])

    def is_yolo(self) -> bool:
        """Return whether every line is a class, four numbers from 0 to 1, and perhaps a confidence.

        Raises
        ------
        FileError
            If every line is, but for a number that is slightly outside 0 to 1.
        """
        problem = ""
        for line, row in self.lines:
            miss = _yolo_miss(row) if self.spaced else None
            if miss is None:
                return False
            if miss and not problem:
                problem = _outside(line, row, miss)
        if problem:
            raise FileError(self.name, problem)
        return True


def _yolo_miss(row: list[str]) -> int | None:
    """Return which cell of a YOLO line is slightly outside 0 to 1, 0 for none of them.

    None if the line is in another format.
    """
    if len(row) not in {5, 6} or not (row[0].isascii() and row[0].isdecimal()):
        return None
    try:
        missed = [max(-number, number - 1) for number in map(parse_number, row[1:])]
    except ValueError:
        return None
    if max(missed) > _YOLO_MISTAKE:
        return None
    return next((n for n, by in enumerate(missed, start=1) if by > _YOLO_ROUNDING), 0)


def _outside(line: int, row: list[str], column: int) -> str:
    return (
        f"line {line}, number {column + 1}: {row[column]} is not a fraction from 0 to 1, as in the "
        "other numbers after the class of a YOLO file; correct it, or write commas between the "
        "numbers if the first is a batch index"
    )


def read_table(name: str, text: str) -> Table:
    """Return the cells of a text's lines.

    Raises
    ------
    FileError
        If a line cannot be taken apart.
    """
    delimiter = _delimiter(text)
    rows = _split(text) if delimiter is None else _csv_rows(name, text, delimiter)
    lines = [(n, row) for n, row in rows if any(cell.strip() for cell in row)]
    return Table(name, lines, delimiter is None)


def _split(text: str) -> Iterator[tuple[int, list[str]]]:
    return ((n, line.split()) for n, line in enumerate(text.splitlines(), start=1))


def _csv_rows(name: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    import csv

    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise FileError(name, f"line {reader.line_num}: {error}") from None


def _delimiter(text: str) -> str | None:
    """Return what stands between the cells of the first line, None for spaces."""
    first = text.lstrip().partition("\n")[0]
    return next((mark for mark in ("\t", ",", ";") if mark in first), None)


def _is_numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
