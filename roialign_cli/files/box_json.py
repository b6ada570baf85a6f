"""Read boxes from JSON: a list of lists, a list of objects, or COCO's annotations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from roialign_cli.core.convention import BoxFormat
from roialign_cli.errors import FileError
from roialign_cli.files import coco
from roialign_cli.files.box_file import (
    BATCH_NAMES,
    FOUR_OR_FIVE,
    LABEL_NAMES,
    SCORE_NAMES,
    BoxBuilder,
    BoxFile,
    find_coordinates,
    known_headers,
    shortened,
)
from roialign_cli.files.coco import JsonObject

# Keys of a whole box. COCO's bbox is x, y, width, height; the convention decides what a box is.
_BOX_KEYS: dict[str, BoxFormat | None] = {"bbox": "xywh", "box": None}
_MAX_IDS_SHOWN = 6


def read_json(name: str, text: str, image_id: str | None) -> BoxFile:
    """Read boxes from JSON text.

    Parameters
    ----------
    name
        Path of the file, for error messages.
    text
        Content of the file.
    image_id
        The image whose boxes to read, by its id or file name; needed if there are several.
    """
    content = _parse(name, text)
    if coco.is_coco(content):
        annotations = content["annotations"]
        if not _are_objects(annotations):
            raise FileError(
                name, "some annotations are not objects; write each annotation as an object"
            )
        wanted = None if image_id is None else coco.find_image_id(content, image_id)
        return _read_objects(name, annotations, wanted, coco.category_names(content))
    if isinstance(content, dict) and isinstance(content.get("boxes"), list):
        content = content["boxes"]
    if not isinstance(content, list):
        problem = "contains no boxes; write a list of boxes, or an object with boxes or annotations"
        raise FileError(name, problem)
    if content and _are_objects(content):
        return _read_objects(name, content, image_id, {})
    builder = BoxBuilder(name)
    for index, box in enumerate(content):
        if not isinstance(box, list) or len(box) not in {4, 5}:
            raise FileError(name, f"box {index} is {shortened(box)}; {FOUR_OR_FIVE}")
        builder.add(f"box {index}", box)
    return builder.build(None)


def _parse(name: str, text: str) -> object:
    import json

    try:
        content: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise FileError(
            name, f"line {error.lineno} is not valid JSON ({error.msg}); correct the line"
        ) from None
    except (RecursionError, ValueError):
        raise FileError(
            name, "is nested too deeply, or has a number too long to read; write a list of boxes"
        ) from None
    return content


def _are_objects(entries: list[object]) -> TypeGuard[list[JsonObject]]:
    return all(isinstance(entry, dict) for entry in entries)


def _read_objects(
    name: str, objects: list[JsonObject], image_id: str | None, categories: Mapping[object, str]
) -> BoxFile:
    builder = BoxBuilder(name)
    formats = set()
    for index, box in _of_image(name, objects, image_id):
        box_format, numbers = _find_numbers(name, index, box)
        formats.add(box_format)
        score = next((box[key] for key in SCORE_NAMES if key in box), None)
        builder.add(f"box {index}", numbers, _label(box, categories), score)
    if len(formats) > 1:
        raise FileError(
            name, "the boxes have different formats; write all boxes in the same format"
        )
    return builder.build(next(iter(formats), None))


def _of_image(
    name: str, objects: list[JsonObject], image_id: str | None
) -> list[tuple[int, JsonObject]]:
    """Return the objects of one image, each with its index in the file."""
    ids = list(dict.fromkeys(str(box["image_id"]) for box in objects if "image_id" in box))
    if image_id is None and len(ids) <= 1:
        return list(enumerate(objects))
    if image_id not in ids:
        shown = ", ".join(ids[:_MAX_IDS_SHOWN]) + (", …" if len(ids) > _MAX_IDS_SHOWN else "")
        problem = f"has no boxes of image {image_id}" if image_id else "has boxes of several images"
        remedy = f"choose one with --image-id: {shown}" if ids else "remove --image-id"
        raise FileError(name, f"{problem}; {remedy}")
    return [(n, box) for n, box in enumerate(objects) if str(box.get("image_id")) == image_id]


def _find_numbers(name: str, index: int, box: JsonObject) -> tuple[BoxFormat | None, list[object]]:
    """Return the format of an object's box, if its keys imply one, and its four or five numbers."""
    batch = [box[key] for key in BATCH_NAMES if key in box][:1]
    for key, box_format in _BOX_KEYS.items():
        numbers = box.get(key)
        if isinstance(numbers, list) and len(numbers) == 4:
            return box_format, [*batch, *numbers]
    found = find_coordinates(box)
    if found is None:
        remedy = f"write bbox with four numbers, or one of: {known_headers()}"
        raise FileError(name, f"box {index} has no coordinates; {remedy}")
    coordinates, box_format = found
    return box_format, [*batch, *(box[key] for key in coordinates)]


def _label(box: JsonObject, categories: Mapping[object, str]) -> object:
    label = next((box[key] for key in (*LABEL_NAMES, "category_name") if key in box), None)
    category = box.get("category_id")
    if label is None and isinstance(category, int | str):
        return categories.get(category, f"category {category}")
    return label
