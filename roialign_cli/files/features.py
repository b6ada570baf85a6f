"""Read a feature map from an array, an image or text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import ArgumentError, FileError, alternatives
from roialign_cli.files.arrays import (
    Member,
    archive_shapes,
    is_numpy,
    load_array,
    refuse_other_formats,
    single_array,
)
from roialign_cli.files.images import as_eight_bits, average_blocks, read_image
from roialign_cli.files.reading import (
    TENSOR_SUFFIX,
    Fingerprint,
    fingerprint_of,
    open_input,
    split_member,
)
from roialign_cli.files.text_map import HEAD_BYTES, is_text, read_text_map
from roialign_cli.printable import printable

# Layout → its axes as (N, C, H, W); 1 is an axis that the layout lacks.
_TO_NCHW: dict[str, str] = {
    "HW": "11HW",
    "CHW": "1CHW",
    "HWC": "1CHW",
    "NCHW": "NCHW",
    "NHWC": "NCHW",
}
LAYOUTS = tuple(_TO_NCHW)
# Number of axes → the possible layouts, channels first before channels last.
_POSSIBLE_LAYOUTS = {2: ("HW",), 3: ("CHW", "HWC"), 4: ("NCHW", "NHWC")}
# What to expect of an array that is a picture, with channels last, and of a feature map.
_IMAGE_CHANNELS = (1, 3, 4)
_MIN_IMAGE_SIDE = 8
_MAX_ASPECT_RATIO = 8


@dataclass(frozen=True)
class FeatureFile:
    """Features as they were read.

    Parameters
    ----------
    name
        Path of the file as the user gave it, "file.npz:NAME" for one of several arrays.
    array
        Features (N, C, H, W), in the dtype of the file; float32 for an image, float64 for text.
    image
        Pixels (height, width, 3) or (height, width), uint8; None if the file is an array.
    stride
        Image pixels per cell; None if the file is an array.
    remarks
        What was guessed about an array or done to an image, in words.
    fingerprint
        Identifies the content of the file when it was opened; None for standard input.
    layout
        The axes of the array in the file, one of `LAYOUTS`; None for an image.
    """

    name: str
    array: NDArray[Any]
    image: NDArray[np.uint8] | None = None
    stride: int | None = None
    remarks: tuple[str, ...] = ()
    fingerprint: Fingerprint | None = None
    layout: str | None = None

    def check_unchanged(self) -> None:
        """Raise an error if the file has changed since it was opened."""
        path, _ = split_member(self.name)
        if self.fingerprint is not None and fingerprint_of(path) != self.fingerprint:
            raise FileError(path, "was changed while it was being read; run the command again")

    @property
    def title(self) -> str:
        """The name, and how the file was converted to features."""
        remarks = list(self.remarks)
        if self.image is not None and self.stride is not None:
            height, width = self.image.shape[:2]
            averaged = f" averaged over {self.stride} × {self.stride}" if self.stride > 1 else ""
            remarks.insert(0, f"{width} × {height} pixels{averaged}")
        name = printable(self.name)
        return f"{name} ({', '.join(remarks)})" if remarks else name


def read_features(
    name: str, *, layout: str | None = None, key: str | None = None, stride: int | None = None
) -> FeatureFile:
    """Read features from a `.npy`, an `.npz`, text of numbers, JSON with tensors or an image.

    Parameters
    ----------
    name
        Path of the file, "file.npz:NAME" or "file.json:NAME" for one of several arrays, or "-" for
        standard input.
    layout
        Axes of the array, one of `LAYOUTS`; guessed from the shape if None.
    key
        Name of the array in an `.npz` with several, if `name` does not choose one. Without a
        choice, the array "features" is read.
    stride
        Side of the blocks, in pixels, over which an image is averaged.

    Raises
    ------
    FileError
        If the file is missing, damaged, or holds no array of real numbers.
    ArgumentError
        If the layout does not fit the array, or is not given and cannot be guessed.
    """
    path, chosen = split_member(name)
    if chosen is not None and key is not None:
        raise ArgumentError("key", f"{name} already chooses an array; remove --key")
    member = Member(chosen or key, ("features",), "" if chosen else "--key")
    fingerprint = fingerprint_of(path)
    with open_input(path) as content:
        file = _read(path, content, layout, member, stride or 1)
    file = replace(file, name=name, fingerprint=fingerprint)
    file.check_unchanged()
    return file


def read_maps(names: Sequence[str], *, layout: str | None = None) -> list[FeatureFile]:
    """Read the maps of a pyramid: one from each file, or all that an `.npz` has.

    The maps of an `.npz` are its arrays with three or four axes, in the order of the file.

    Parameters
    ----------
    names
        Paths of the files, as for `read_features`; a single `.npz` may have all maps.
    layout
        Axes of the arrays, one of `LAYOUTS`; guessed from their shapes if None.

    Raises
    ------
    FileError
        If a file is missing, damaged or an image, or has no maps.
    ArgumentError
        If the layout does not fit an array, or is not given and cannot be guessed.
    """
    if sum(split_member(name)[0] == "-" for name in names) > 1:
        raise FileError("-", "standard input cannot be several maps; name files for the others")
    if len(names) == 1 and split_member(names[0]) == (names[0], None) and names[0] != "-":
        shapes = archive_shapes(names[0])
        maps = [f"{names[0]}:{key}" for key, shape in shapes.items() if len(shape) in {3, 4}]
        if shapes and not maps:
            problem = "contains no maps, which are arrays with three or four axes"
            raise FileError(names[0], f"{problem}; name other arrays as {names[0]}:NAME")
        names = maps or names
    files = [read_features(name, layout=layout) for name in names]
    for file in files:
        if file.image is not None:
            raise FileError(file.name, "is an image; the maps of a pyramid are arrays")
    return files


def _read(
    name: str, content: IO[bytes], layout: str | None, member: Member, stride: int
) -> FeatureFile:
    head = content.read(HEAD_BYTES)
    content.seek(0)
    if is_numpy(head):
        return _as_nchw(name, load_array(name, content, member), layout)
    refuse_other_formats(name, head)
    if not head:
        raise FileError(name, "is empty; save the features with numpy.save")
    if name.lower().endswith(TENSOR_SUFFIX):
        from roialign_cli.files.tensor_json import read_tensor

        return _as_nchw(name, read_tensor(name, content, member), layout)
    if is_text(name, head):
        if member.key is not None:
            raise FileError(name, single_array(member.written))
        return _as_nchw(name, read_text_map(name, content), layout)
    if layout is not None:
        raise ArgumentError("layout", "has no effect on an image; remove the option")
    if member.key is not None:
        problem = f"is an image; remove {member.written}, which is for .npz files"
        raise FileError(name, problem)
    return _from_image(name, content, stride)


def _as_nchw(name: str, array: NDArray[Any], layout: str | None) -> FeatureFile:
    if array.ndim not in _POSSIBLE_LAYOUTS:
        raise FileError(name, f"has shape {array.shape}; a feature map needs 2 to 4 axes")
    if 0 in array.shape:
        raise FileError(name, f"has shape {array.shape}; a feature map needs at least one cell")
    chosen = layout or _guess_layout(array.shape)
    if chosen not in LAYOUTS:
        raise ArgumentError("layout", f"{chosen!r} is not a layout; choose {alternatives(LAYOUTS)}")
    if len(chosen) != array.ndim:
        fitting = alternatives(_POSSIBLE_LAYOUTS[array.ndim])
        problem = f"{chosen} does not fit the shape {array.shape}; choose {fitting}"
        raise ArgumentError("layout", problem)
    order = [chosen.index(axis) for axis in _TO_NCHW[chosen] if axis != "1"]
    moved = array.transpose(order)
    is_default = chosen == _POSSIBLE_LAYOUTS[array.ndim][0]
    remarks = () if layout or is_default else (f"layout {chosen} guessed",)
    features = moved.reshape((1,) * (4 - moved.ndim) + moved.shape)
    return FeatureFile(name, features, remarks=remarks, layout=chosen)


def _guess_layout(shape: tuple[int, ...]) -> str:
    """Return the likely layout: channels first, unless they are few and last as in pictures."""
    first, *others = _POSSIBLE_LAYOUTS[len(shape)]
    if not others:
        return first
    a, b, c = shape[-3:]
    is_picture = c in _IMAGE_CHANNELS and min(a, b) >= _MIN_IMAGE_SIDE
    is_map = max(b, c) <= _MAX_ASPECT_RATIO * min(b, c) or a in _IMAGE_CHANNELS
    if is_picture and is_map:
        raise ArgumentError(
            "layout", f"the shape {shape} may be {first} or {others[0]}; choose one of the two"
        )
    return others[0] if is_picture else first


def _from_image(name: str, content: IO[bytes], stride: int) -> FeatureFile:
    pixels, remarks = read_image(name, content)
    features = average_blocks(pixels.astype(np.float32), stride).transpose(2, 0, 1)[None]
    image = as_eight_bits(pixels)
    image = image[..., 0] if image.shape[2] == 1 else image
    return FeatureFile(name, features, image, stride, tuple(remarks))
