"""Read boxes from a file in any format: text, JSON, or NumPy's .npy and .npz."""

from __future__ import annotations

import codecs
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import not_finite
from roialign_cli.errors import FileError
from roialign_cli.files.arrays import Member, is_numpy, load_array
from roialign_cli.files.box_file import NO_BOXES, BoxFile
from roialign_cli.files.box_json import read_json
from roialign_cli.files.box_text import read_text
from roialign_cli.files.reading import IS_UTF_16, TENSOR_SUFFIX, read_text_or_bytes, split_member
from roialign_cli.files.tensor_json import read_tensor


def read_boxes(name: str, *, image_id: str | None = None) -> BoxFile:
    """Read boxes from a file; the content decides the format, not the suffix.

    Text has a box on each line, with commas, tabs, semicolons or spaces between the numbers: four,
    or five with the batch index first, or columns that a header names in any order. Lines of a
    class and four numbers from 0 to 1, separated by spaces, are in YOLO's format. JSON is a list of
    lists or of objects, or COCO's annotations. Arrays are (R, 4), or (R, 5) with the batch index
    first. A tensor of a JSON file is an array, too.

    Parameters
    ----------
    name
        Path of the file, "file.npz:NAME" or "file.json:NAME" for one of several arrays, or "-" for
        standard input.
    image_id
        The image whose boxes to read from JSON with several images: its id or file name.

    Raises
    ------
    FileError
        If the file cannot be read; the message names the line or box at fault and its content.
    """
    name, key = split_member(name)
    content = read_text_or_bytes(name)
    if isinstance(content, str) and key is not None:
        if name.lower().endswith(TENSOR_SUFFIX):
            encoded = io.BytesIO(content.encode())
            return _check_boxes(name, read_tensor(name, encoded, Member(key)))
        raise FileError(name, f"is text; remove :{key}, which is for .npz files")
    if isinstance(content, str) and content.lstrip()[:1] in {"[", "{"}:
        return read_json(name, content, image_id)
    if isinstance(content, bytes):
        _check_is_numpy(name, content)
    if image_id is not None:
        raise FileError(name, "does not name images; remove --image-id, which is for JSON")
    if isinstance(content, str):
        return read_text(name, content)
    return _check_boxes(name, load_array(name, io.BytesIO(content), Member(key, ("boxes",))))


def _check_is_numpy(name: str, content: bytes) -> None:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FileError(name, IS_UTF_16)
    if not is_numpy(content):
        raise FileError(
            name, "is not text or a NumPy file; save the boxes as text, JSON, .npy or .npz"
        )


def _check_boxes(name: str, array: NDArray[Any]) -> BoxFile:
    """Return an array as boxes if it has their shape and is finite."""
    if array.ndim != 2 or array.shape[1] not in {4, 5}:
        raise FileError(name, f"has shape {array.shape}; save boxes in the shape (R, 4) or (R, 5)")
    boxes = array.astype(np.float64)
    if not np.isfinite(boxes).all():
        raise FileError(name, not_finite(boxes))
    if not len(boxes):
        raise FileError(name, NO_BOXES)
    return BoxFile.from_array(boxes)
