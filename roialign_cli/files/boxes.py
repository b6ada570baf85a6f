"""Reading boxes from a file: comma-separated text, with or without a header."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roialign_cli.conventions import BoxFormat
from roialign_cli.errors import FileError

# Names that a header may give to the four numbers, in the order in which they are taken.
_HEADERS: dict[tuple[str, ...], BoxFormat] = {
    ("x1", "y1", "x2", "y2"): "xyxy",
    ("xmin", "ymin", "xmax", "ymax"): "xyxy",
    ("x", "y", "w", "h"): "xywh",
    ("x", "y", "width", "height"): "xywh",
    ("cx", "cy", "w", "h"): "cxcywh",
    ("cx", "cy", "width", "height"): "cxcywh",
}


@dataclass(frozen=True)
class BoxFile:
    """Boxes as they were read.

    Parameters
    ----------
    boxes
        (R, 4), or (R, 5) with the batch index first.
    labels
        R of them, "" where a box has none.
    box_format
        What the header's names say the columns are; None without such names.
    """

    boxes: NDArray[np.float64]
    labels: tuple[str, ...]
    box_format: BoxFormat | None


def read_boxes(name: str) -> BoxFile:
    """Read boxes from a `.csv`: four numbers a line, or five with the batch index first.

    A header may name the columns, in any order, and further ones: label, batch.

    Raises
    ------
    FileError
        If the file cannot be read, or naming the line that is no box and what it holds.
    """
    lines = [(n, row) for n, row in _rows(name) if any(cell.strip() for cell in row)]
    if not lines:
        raise FileError(name, "holds no boxes; write four numbers a line, with commas between")
    names = [cell.strip().lower() for cell in lines[0][1]]
    if all(_is_number(cell) for cell in names):
        width = 5 if len(names) == 5 else 4
        return BoxFile(_numbers(name, lines, range(width), width), ("",) * len(lines), None)
    wanted = next((header for header in _HEADERS if set(header) <= set(names)), None)
    if wanted is None:
        known = "; ".join(", ".join(header) for header in _HEADERS)
        raise FileError(name, f"its header names no box columns; known: {known}")
    batch = [column for column in ("batch", "batch_index") if column in names][:1]
    columns = [names.index(column) for column in (*batch, *wanted)]
    boxes = _numbers(name, lines[1:], columns, len(names))
    return BoxFile(boxes, _labels(names, lines[1:]), _HEADERS[wanted])


def _rows(name: str) -> list[tuple[int, list[str]]]:
    import csv

    try:
        with Path(name).open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            return [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise FileError(name, f"cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise FileError(name, "is no text with commas; boxes are read from .csv files") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(
    name: str, lines: list[tuple[int, list[str]]], columns: Sequence[int], width: int
) -> NDArray[np.float64]:
    boxes = np.empty((len(lines), len(columns)))
    for row, (line, cells) in enumerate(lines):
        if len(cells) != width:
            raise FileError(name, f"line {line} has {len(cells)} columns, not {width}: {cells}")
        for k, column in enumerate(columns):
            text = cells[column].strip()
            if not _is_number(text) or not np.isfinite(float(text)):
                raise FileError(name, f"line {line}: {text!r} is no finite number")
            boxes[row, k] = float(text)
    return boxes


def _labels(names: list[str], lines: list[tuple[int, list[str]]]) -> tuple[str, ...]:
    if "label" not in names:
        return ("",) * len(lines)
    return tuple(cells[names.index("label")].strip() for _, cells in lines)
