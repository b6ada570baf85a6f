"""Read boxes from text: a box a line, with commas, tabs, semicolons or spaces between numbers."""

from __future__ import annotations

import io
from collections.abc import Iterator

from roialign_cli.errors import FileError
from roialign_cli.files import yolo
from roialign_cli.files.box_file import (
    BATCH_NAMES,
    FOUR_OR_FIVE,
    LABEL_NAMES,
    NO_BOXES,
    SCORE_NAMES,
    BoxBuilder,
    BoxFile,
    find_coordinates,
    known_headers,
    shortened,
)

Rows = list[tuple[int, list[str]]]  # the number of each line, from 1, and its cells


def read_text(name: str, text: str) -> BoxFile:
    """Read boxes from a table with or without a header, or from YOLO's format.

    Parameters
    ----------
    name
        Path of the file, for error messages.
    text
        Content of the file.
    """
    rows = table_rows(name, text)
    if not rows:
        raise FileError(name, NO_BOXES)
    if not any(is_numeric(cell) for cell in rows[0][1]):
        return _read_with_header(name, rows)
    if _delimiter(text) is None and yolo.is_yolo(name, rows):
        return yolo.read_yolo(name, rows)
    builder = BoxBuilder(name)
    for line, row in rows:
        if len(row) not in {4, 5}:
            problem = f"line {line} has {len(row)} columns, {shortened(row)}; {FOUR_OR_FIVE}"
            raise FileError(name, problem)
        builder.add(f"line {line}", row)
    return builder.build(None)


def table_rows(name: str, text: str) -> Rows:
    """Split text into the cells of its lines, without empty lines.

    Parameters
    ----------
    name
        Path of the file, for error messages.
    text
        Lines with tabs, commas, semicolons or spaces between the cells; the first line decides.
    """
    delimiter = _delimiter(text)
    cells = _split_lines(text) if delimiter is None else _csv_rows(name, text, delimiter)
    return [(line, row) for line, row in cells if any(cell.strip() for cell in row)]


def _delimiter(text: str) -> str | None:
    """Return the character between the cells of the first line, None for spaces."""
    first_line = text.lstrip().partition("\n")[0]
    return next((mark for mark in ("\t", ",", ";") if mark in first_line), None)


def _split_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    return ((n, line.split()) for n, line in enumerate(text.splitlines(), start=1))


def _csv_rows(name: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    import csv

    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise FileError(
            name, f"line {reader.line_num}: {error}; check the quotation marks"
        ) from None


def is_numeric(text: str) -> bool:
    """Return whether a cell is a number, also one that is not written in plain ASCII digits."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_with_header(name: str, rows: Rows) -> BoxFile:
    (header_line, header), *lines = rows
    names = [cell.strip().lower() for cell in header]
    found = find_coordinates(names)
    if found is None:
        raise FileError(
            name, f"the header does not name the coordinates; use one of: {known_headers()}"
        )
    coordinates, box_format = found
    batch, label, score = (
        next((column for column in choices if column in names), "")
        for choices in (BATCH_NAMES, LABEL_NAMES, SCORE_NAMES)
    )
    for column in (*coordinates, batch, label, score):
        if column and names.count(column) > 1:
            problem = f"line {header_line} names the column {column!r} twice; remove one of the two"
            raise FileError(name, problem)
    builder = BoxBuilder(name)
    for line, row in lines:
        if len(row) != len(names):
            problem = f"line {line} has {len(row)} columns, {shortened(row)}"
            raise FileError(name, f"{problem}; write {len(names)} as in the header")
        cells = dict(zip(names, row, strict=True))
        numbers = {column: cells[column] for column in (batch, *coordinates) if column}
        # An unnamed column, such as the index that pandas writes, is ignored.
        named = [cells[column] if column else None for column in (label, score)]
        builder.add(f"line {line}", numbers, *named)
    return builder.build(box_format)
