"""Read what only COCO's JSON has beside a list of boxes: categories, and file names of images."""

from __future__ import annotations

from typing import Any, TypeGuard

JsonObject = dict[str, Any]


def is_coco(content: object) -> TypeGuard[JsonObject]:
    """Return whether parsed JSON is an object with a list of annotations."""
    return isinstance(content, dict) and isinstance(content.get("annotations"), list)


def category_names(content: JsonObject) -> dict[object, str]:
    """Return the name of each category by its id; a category without a name is called by its id."""
    return {
        category["id"]: str(category.get("name", category["id"]))
        for category in _with_id(content.get("categories"))
    }


def find_image_id(content: JsonObject, name: str) -> str:
    """Return the id of the image with a file name; another text is an id."""
    images = [image for image in _with_id(content.get("images")) if "file_name" in image]
    file_names = {image["id"]: str(image["file_name"]) for image in images}
    ids = {file_name: identity for identity, file_name in file_names.items()}
    return str(ids.get(name, name))


def _with_id(entries: object) -> list[JsonObject]:
    """Return the objects of a list that have an id."""
    objects = entries if isinstance(entries, list) else []
    return [e for e in objects if isinstance(e, dict) and isinstance(e.get("id"), int | str)]
