"""Reading boxes: text with commas, tabs or spaces, JSON and COCO, NumPy's formats."""

from __future__ import annotations

import codecs
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.convention import BoxFormat
from roialign_cli.errors import FileError
from roialign_cli.files.arrays import Member, is_numpy, load_array
from roialign_cli.files.parsing import parse_number
from roialign_cli.files.reading import read_text_or_bytes, split_member
from roialign_cli.files.tables import Table, read_table
from roialign_cli.printable import printable

# Names that columns or keys may have, in the order in which the numbers are taken.
_HEADERS: dict[tuple[str, ...], BoxFormat] = {
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
_BATCH = ("batch", "batch_index")
_LABEL = ("label", "name", "class", "category")
_SCORE = ("score", "confidence", "conf")


@dataclass(frozen=True)
class BoxFile:
    """Boxes as they were read.

    Parameters
    ----------
    boxes
        (R, 4), or (R, 5) with the batch index first.
    labels
        R of them, "" where a box has none.
    scores
        R of them, NaN where a box has none.
    box_format, normalized
        What the file says the numbers are; None where it does not.
    """

    boxes: NDArray[np.float64]
    labels: tuple[str, ...]
    scores: tuple[float, ...]
    box_format: BoxFormat | None = None
    normalized: bool | None = None

    @classmethod
    def of(cls, boxes: NDArray[np.float64]) -> BoxFile:
        """Return boxes of which nothing is known but the numbers."""
        return cls(boxes, ("",) * len(boxes), (math.nan,) * len(boxes))


def read_boxes(name: str, *, image_id: str | None = None) -> BoxFile:
    """Read boxes from a file, whatever its name ends in; "-" is standard input.

    Text has a box a line, with commas, tabs, semicolons or spaces between: four numbers, or five
    with the batch index first, or columns that a header names in any order. Lines of a class and
    four numbers up to 1 with spaces between are YOLO's. JSON is a list of lists or of objects, or
    COCO's annotations.

    Parameters
    ----------
    name
        Path of the file, or "file.npz:NAME" for one of several arrays.
    image_id
        Which image's boxes, of a JSON with those of several: its id or file name.

    Raises
    ------
    FileError
        If the file cannot be read, naming the line or box that is none and what it holds.
    """
    name, key = split_member(name)
    content = read_text_or_bytes(name)
    if isinstance(content, bytes):
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise FileError(name, "is text in UTF-16; save it as UTF-8")
        if not is_numpy(content):
            raise FileError(name, "is neither text nor a NumPy file; boxes are one or the other")
        _refuse_image(name, image_id)
        return _from_array(name, load_array(name, io.BytesIO(content), Member(key, "boxes")))
    if key is not None:
        raise FileError(name, f"is text; leave out :{key}, which is for .npz files")
    if content.lstrip()[:1] in {"[", "{"}:
        return _from_json(name, content, image_id)
    _refuse_image(name, image_id)
    return _from_text(name, content)


def _refuse_image(name: str, image_id: str | None) -> None:
    if image_id is not None:
        raise FileError(name, "tells of no images; --image-id is for JSON")


def _from_array(name: str, array: NDArray[Any]) -> BoxFile:
    if array.dtype.kind not in "buif":
        raise FileError(name, f"holds {array.dtype}, not real numbers")
    if array.ndim != 2 or array.shape[1] not in {4, 5}:
        raise FileError(name, f"has shape {array.shape}; boxes are (R, 4) or (R, 5)")
    boxes = array.astype(np.float64)
    for row, column in np.argwhere(~np.isfinite(boxes))[:1]:
        problem = f"number {column + 1} of box {row} is {boxes[row, column]}; it must be finite"
        raise FileError(name, problem)
    if not len(boxes):
        raise FileError(name, _NONE)
    return BoxFile.of(boxes)


_NONE = "holds no boxes; write four numbers a line, with commas between"


# Columns and keys ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Columns:
    """Which of some names hold what: the four numbers, and "" where there is no such name."""

    numbers: tuple[str, ...]
    box_format: BoxFormat
    batch: str
    label: str
    score: str


def _columns(names: Iterable[str]) -> _Columns | None:
    """Return what names hold, None if there are not the four numbers among them."""
    known = set(names)
    for header, box_format in _HEADERS.items():
        if known.issuperset(header):
            batch, label, score = (
                next((name for name in choices if name in known), "")
                for choices in (_BATCH, _LABEL, _SCORE)
            )
            return _Columns(header, box_format, batch, label, score)
    return None


def _known_headers() -> str:
    return "; ".join(", ".join(header) for header in _HEADERS)


@dataclass
class _Gathered:
    """Boxes while they are read, each with where it stands in the file."""

    name: str
    boxes: list[list[float]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def add(
        self,
        where: str,
        numbers: Mapping[str, object] | Sequence[object],
        label: object = None,
        score: object = None,
    ) -> None:
        """Add a box, or raise an error that says where and what it holds."""
        if not isinstance(numbers, Mapping):
            numbers = {f"number {n}": number for n, number in enumerate(numbers, start=1)}
        box = [self._number(f"{where}, {name}", number) for name, number in numbers.items()]
        if self.boxes and len(box) != len(self.boxes[0]):
            problem = f"{where} has {len(box)} numbers, the others {len(self.boxes[0])}"
            raise FileError(self.name, problem)
        self.boxes.append(box)
        self.labels.append("" if label is None else printable(str(label).strip()))
        self.scores.append(
            math.nan if score is None or score == "" else self._number(f"{where}, score", score)
        )

    def _number(self, where: str, value: object) -> float:
        try:
            number = _as_float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            shown = value.strip() if isinstance(value, str) else value
            raise FileError(self.name, f"{where}: {_short(shown)} is no finite number")
        return number

    def file(self, box_format: BoxFormat | None, *, normalized: bool | None = None) -> BoxFile:
        """Return the boxes."""
        if not self.boxes:
            raise FileError(self.name, _NONE)
        boxes = np.array(self.boxes, np.float64).reshape(len(self.boxes), -1)
        labels, scores = tuple(self.labels), tuple(self.scores)
        return BoxFile(boxes, labels, scores, box_format, normalized)


def _as_float(value: object) -> float:
    """Return what a cell of a table or a value of a JSON stands for."""
    if isinstance(value, str):
        return parse_number(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return math.nan


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 40


# Text ---------------------------------------------------------------------------------------------


def _from_text(name: str, text: str) -> BoxFile:
    table = read_table(name, text)
    if not table.lines:
        raise FileError(name, _NONE)
    if table.has_header():
        return _with_header(name, table)
    if table.is_yolo():
        return _yolo(name, table)
    gathered = _Gathered(name)
    for line, row in table.lines:
        if len(row) not in {4, 5}:
            raise FileError(name, f"line {line} has {len(row)} columns, not 4 or 5: {_short(row)}")
        gathered.add(f"line {line}", row)
    return gathered.file(None)


def _with_header(name: str, table: Table) -> BoxFile:
    (line, header), *lines = table.lines
    names = [cell.strip().lower() for cell in header]
    columns = _columns(names)
    if columns is None:
        raise FileError(name, f"its header names no box columns; known: {_known_headers()}")
    for column in (*columns.numbers, columns.batch, columns.label, columns.score):
        if column and names.count(column) > 1:
            raise FileError(
                name, f"line {line} names the column {column!r} twice; keep one of them"
            )
    gathered = _Gathered(name)
    for line, row in lines:
        if len(row) != len(names):
            problem = f"line {line} has {len(row)} columns, not {len(names)}: {_short(row)}"
            raise FileError(name, problem)
        _add_named(gathered, f"line {line}", dict(zip(names, row, strict=True)), columns)
    return gathered.file(columns.box_format)


def _add_named(
    gathered: _Gathered, where: str, values: Mapping[str, Any], columns: _Columns
) -> None:
    wanted = [columns.batch] * bool(columns.batch) + list(columns.numbers)
    gathered.add(
        where,
        {name: values.get(name) for name in wanted},
        values.get(columns.label),
        values.get(columns.score),
    )


def _yolo(name: str, table: Table) -> BoxFile:
    gathered = _Gathered(name)
    for line, (kind, *numbers) in table.lines:
        score = numbers[4] if len(numbers) == 5 else None
        gathered.add(f"line {line}", numbers[:4], f"class {kind}", score)
    return gathered.file("cxcywh", normalized=True)


# JSON ---------------------------------------------------------------------------------------------


def _from_json(name: str, text: str, image_id: str | None) -> BoxFile:
    import json

    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise FileError(name, f"line {error.lineno}: is no JSON: {error.msg}") from None
    except (RecursionError, ValueError):
        raise FileError(name, "is no JSON that can be read") from None
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        return _from_coco(name, content, image_id)
    if isinstance(content, dict) and isinstance(content.get("boxes"), list):
        content = content["boxes"]
    if not isinstance(content, list):
        problem = "holds no list of boxes, nor an object with boxes or COCO's annotations"
        raise FileError(name, problem)
    if content and all(isinstance(box, dict) for box in content):
        return _from_objects(name, content, image_id, {})
    gathered = _Gathered(name)
    for index, box in enumerate(content):
        if not isinstance(box, list) or len(box) not in {4, 5}:
            raise FileError(name, f"box {index} is not four or five numbers: {_short(box)}")
        gathered.add(f"box {index}", box)
    return gathered.file(None)


def _from_coco(name: str, content: dict[str, Any], image_id: str | None) -> BoxFile:
    if not all(isinstance(box, dict) for box in content["annotations"]):
        raise FileError(name, "its annotations are not all objects")
    names = {
        one["id"]: str(one.get("name", one["id"])) for one in _identified(content.get("categories"))
    }
    files = {
        one["id"]: str(one["file_name"])
        for one in _identified(content.get("images"))
        if "file_name" in one
    }
    by_name = {file: identity for identity, file in files.items()}
    wanted = str(by_name.get(image_id, image_id)) if image_id is not None else None
    return _from_objects(name, content["annotations"], wanted, names)


def _identified(entries: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return the objects of a list that have an id."""
    known = entries if isinstance(entries, list) else []
    return [e for e in known if isinstance(e, dict) and isinstance(e.get("id"), int | str)]


def _from_objects(
    name: str, objects: list[dict[str, Any]], image_id: str | None, names: Mapping[Any, str]
) -> BoxFile:
    chosen = _of_image(name, objects, image_id)
    gathered = _Gathered(name)
    formats = set()
    for index, box in chosen:
        where = f"box {index}"
        label = next((box[key] for key in (*_LABEL, "category_name") if key in box), None)
        if label is None and isinstance(box.get("category_id"), int | str):
            label = names.get(box["category_id"], f"category {box['category_id']}")
        score = next((box[key] for key in _SCORE if key in box), None)
        box_format, numbers = _numbers_of(name, where, box)
        formats.add(box_format)
        gathered.add(where, numbers, label, score)
    if len(formats) > 1:
        raise FileError(name, "its boxes are written in several ways; write all in one")
    return gathered.file(next(iter(formats), None))


def _numbers_of(
    name: str, where: str, box: dict[str, Any]
) -> tuple[BoxFormat | None, Sequence[object]]:
    """Return the four numbers of an object, and what they are as far as the keys say."""
    batch = [box[key] for key in _BATCH if key in box][:1]
    for key, box_format in _LISTS.items():
        numbers = box.get(key)
        if isinstance(numbers, list) and len(numbers) == 4:
            return box_format, [*batch, *numbers]
    columns = _columns(box)
    if columns is None:
        raise FileError(name, f"{where} has no bbox of four numbers, nor {_known_headers()}")
    return columns.box_format, [*batch, *(box[key] for key in columns.numbers)]


# COCO's bbox is x, y, width, height; a box is whatever the convention's library writes.
_LISTS: dict[str, BoxFormat | None] = {"bbox": "xywh", "box": None}


def _of_image(
    name: str, objects: list[dict[str, Any]], image_id: str | None
) -> list[tuple[int, dict[str, Any]]]:
    """Return the objects of one image with their place among all."""
    ids = {str(box["image_id"]): None for box in objects if "image_id" in box}
    if image_id is None and len(ids) <= 1:
        return list(enumerate(objects))
    if image_id not in ids:
        some = ", ".join(list(ids)[:_MOST_IDS]) + (", …" if len(ids) > _MOST_IDS else "")
        wanted = f"has no boxes of image {image_id}" if image_id else "has boxes of several images"
        raise FileError(name, f"{wanted}; choose one with --image-id: {some or 'there is none'}")
    return [(n, box) for n, box in enumerate(objects) if str(box.get("image_id")) == image_id]


_MOST_IDS = 6
