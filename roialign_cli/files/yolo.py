"""Read boxes in YOLO's text format: a class and a box in fractions of the image on each line."""

from __future__ import annotations

from collections.abc import Sequence

from roialign_cli.errors import FileError
from roialign_cli.files.box_file import BoxBuilder, BoxFile
from roialign_cli.files.parsing import parse_number

# How far outside 0 to 1 a fraction may lie because it was rounded, and up to where a number
# outside is a mistake in a YOLO file instead of a sign of another format.
_MAX_ROUNDING_ERROR = 1e-4
_MAX_MISTAKE = 0.1


def is_yolo(name: str, rows: Sequence[tuple[int, list[str]]]) -> bool:
    """Return whether every line is a class, four fractions and perhaps a confidence.

    Parameters
    ----------
    name
        Path of the file, for error messages.
    rows
        The number of each line and its cells.

    Raises
    ------
    FileError
        If the file is YOLO's except for numbers that are slightly outside 0 to 1.
    """
    problem = ""
    for line, row in rows:
        column = _column_outside(row)
        if column is None:
            return False
        if column and not problem:
            problem = (
                f"line {line}, number {column + 1}: {row[column]} is outside 0 to 1, the range of "
                "the coordinates in a YOLO file; correct the number, or write commas between the "
                "numbers if the first one is a batch index"
            )
    if problem:
        raise FileError(name, problem)
    return True


def _column_outside(row: list[str]) -> int | None:
    """Return which cell of a YOLO line is slightly outside 0 to 1, 0 if all are inside.

    None if the line is in another format.
    """
    if len(row) not in {5, 6} or not (row[0].isascii() and row[0].isdecimal()):
        return None
    try:
        excesses = [max(-number, number - 1) for number in map(parse_number, row[1:])]
    except ValueError:
        return None
    if max(excesses) > _MAX_MISTAKE:
        return None
    outside = (n for n, excess in enumerate(excesses, start=1) if excess > _MAX_ROUNDING_ERROR)
    return next(outside, 0)


def read_yolo(name: str, rows: Sequence[tuple[int, list[str]]]) -> BoxFile:
    """Return the boxes of a YOLO file, labelled "class 0" and so on.

    Parameters
    ----------
    name
        Path of the file, for error messages.
    rows
        The number of each line and its cells, for which `is_yolo` is true.
    """
    builder = BoxBuilder(name)
    for line, (number, *values) in rows:
        score = values[4] if len(values) == 5 else None
        builder.add(f"line {line}", values[:4], f"class {number}", score)
    return builder.build("cxcywh", normalized=True)
