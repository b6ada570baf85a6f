"""The boxes of a file: the result of every reader, and what the readers share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import BoxFormat
from roialign_cli.errors import FileError
from roialign_cli.files.parsing import parse_number
from roialign_cli.printable import printable

# What to do about mistakes that several readers find, for error messages.
NO_BOXES = "contains no boxes; add at least one box of four numbers"
FOUR_OR_FIVE = "write 4 numbers, or 5 with the batch index first"
ALL_OR_NO_INDEX = "write a batch index for all boxes or for no box"

BATCH_NAMES = ("batch", "batch_index")
LABEL_NAMES = ("label", "name", "class", "category")
SCORE_NAMES = ("score", "confidence", "conf")
# The names of the four numbers of a box, in the order of each box format.
_COORDINATE_NAMES: dict[tuple[str, ...], BoxFormat] = {
    ("x1", "y1", "x2", "y2"): "xyxy",
    ("xmin", "ymin", "xmax", "ymax"): "xyxy",
    ("x_min", "y_min", "x_max", "y_max"): "xyxy",
    ("left", "top", "right", "bottom"): "xyxy",
    ("cx", "cy", "w", "h"): "cxcywh",
    ("cx", "cy", "width", "height"): "cxcywh",
    ("x_center", "y_center", "width", "height"): "cxcywh",
    ("x", "y", "w", "h"): "xywh",
    ("x", "y", "width", "height"): "xywh",
    ("left", "top", "width", "height"): "xywh",
}


def find_coordinates(names: Iterable[str]) -> tuple[tuple[str, ...], BoxFormat] | None:
    """Return the four names that are box coordinates, and the format that they imply.

    Parameters
    ----------
    names
        Column names of a table, or keys of a JSON object.

    Returns
    -------
    The names in the order of the format, or None if the coordinates are incomplete.
    """
    known = set(names)
    return next((item for item in _COORDINATE_NAMES.items() if known.issuperset(item[0])), None)


def known_headers() -> str:
    """Return all names that coordinates may have, for an error message."""
    return "; ".join(", ".join(names) for names in _COORDINATE_NAMES)


@dataclass(frozen=True)
class BoxFile:
    """Boxes as they were read.

    Parameters
    ----------
    boxes
        (R, 4) float64, or (R, 5) with the batch index first.
    labels
        One for each box, "" for a box without a label.
    scores
        One for each box, NaN for a box without a score.
    box_format, normalized
        How to read the numbers, if the file implies it; otherwise None.
    """

    boxes: NDArray[np.float64]
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    box_format: BoxFormat | None = None
    normalized: bool | None = None

    @classmethod
    def from_array(cls, boxes: NDArray[np.float64]) -> BoxFile:
        """Return boxes (R, 4) or (R, 5) without labels, scores or a format."""
        return cls(boxes, ("",) * len(boxes), (math.nan,) * len(boxes))


@dataclass
class BoxBuilder:
    """Collects the boxes of a file and checks each number.

    Parameters
    ----------
    name
        Path of the file, for error messages.
    """

    name: str
    boxes: list[list[float]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def add(
        self,
        where: str,
        numbers: Mapping[str, object] | Iterable[object],
        label: object = None,
        score: object = None,
    ) -> None:
        """Add a box.

        Parameters
        ----------
        where
            Position in the file, for error messages: "line 3".
        numbers
            Four numbers, or five with the batch index first, as text or numbers; a mapping has
            their names as keys.
        label, score
            None or "" for a box without one.

        Raises
        ------
        FileError
            If a value is not a finite number, or the other boxes have more or fewer numbers.
        """
        if not isinstance(numbers, Mapping):
            numbers = {f"number {n}": number for n, number in enumerate(numbers, start=1)}
        box = [self._parse(f"{where}, {name}", number) for name, number in numbers.items()]
        if self.boxes and len(box) != len(self.boxes[0]):
            problem = f"{where} has {len(box)} numbers and the first box {len(self.boxes[0])}"
            raise FileError(self.name, f"{problem}; {ALL_OR_NO_INDEX}")
        has_score = score is not None and score != ""
        self.boxes.append(box)
        self.labels.append("" if label is None else printable(str(label).strip()))
        self.scores.append(self._parse(f"{where}, score", score) if has_score else math.nan)

    def _parse(self, where: str, value: object) -> float:
        number = math.nan
        try:
            if isinstance(value, str):
                number = parse_number(value)
            elif isinstance(value, int | float) and not isinstance(value, bool):
                number = float(value)
        except (ValueError, OverflowError):
            pass
        if not math.isfinite(number):
            shown = value.strip() if isinstance(value, str) else value
            problem = f"{shortened(shown)} is not a finite number; write a number such as 9.25"
            raise FileError(self.name, f"{where}: {problem}")
        return number

    def build(self, box_format: BoxFormat | None, *, normalized: bool | None = None) -> BoxFile:
        """Return the collected boxes; raise a `FileError` if there are none."""
        if not self.boxes:
            raise FileError(self.name, NO_BOXES)
        boxes = np.array(self.boxes, np.float64)
        return BoxFile(boxes, tuple(self.labels), tuple(self.scores), box_format, normalized)


_MAX_SHOWN_CHARACTERS = 40


def shortened(value: object) -> str:
    """Return a value as an error message shows it: its beginning, if it is long."""
    text = repr(value)
    if len(text) <= _MAX_SHOWN_CHARACTERS:
        return text
    return f"{text[:_MAX_SHOWN_CHARACTERS]}…"
