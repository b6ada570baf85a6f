"""Find the ways in which an array may hold the output of ROI Align."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from roialign_cli.errors import ArgumentError
from roialign_cli.search.hypothesis import LAYOUTS, Layout

Size = tuple[int, int]  # height and width in sections

_MAX_ARRANGEMENTS = 6
_MAX_SIDE = 64  # sections along the height or width of a flattened output
_MAX_ASPECT = 8  # of the sides of a flattened output
_PLAIN_LAYOUTS: tuple[Layout, ...] = ("RCHW", "RHWC")  # height before width


@dataclass(frozen=True)
class Arrangement:
    """A way in which an array may hold an output.

    Parameters
    ----------
    text
        How the array differs from an output (R, C, height, width); "" if it does not differ.
    layout
        The order of the four axes after reshaping, a key of `LAYOUTS`.
    split
        The shape with four axes, in the order of `layout`, that the array is reshaped to.
    code
        Lines of Python that turn `output` (n, C, height, width) into an array of the given shape;
        "" if the shapes are the same.
    """

    text: str
    layout: Layout
    split: tuple[int, int, int, int]
    code: str

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The number of rows and channels, and the height and width in sections."""
        rows, channels, height, width = (self.split[axis] for axis in LAYOUTS[self.layout])
        return rows, channels, height, width

    def rows(self, output: NDArray[Any]) -> NDArray[Any]:
        """Return the array as (n, C, height, width), as a view if NumPy can make one."""
        return output.reshape(self.split).transpose(LAYOUTS[self.layout])


def arrangements(
    shape: Sequence[int],
    boxes: int,
    channels: int,
    maps: int,
    output_size: Size | None = None,
) -> list[Arrangement]:
    """Return the ways in which an array may hold an output, the most plausible first.

    The number of rows may differ from the number of boxes. A position-sensitive operator has a
    channel of the features for each section of an output channel.

    Parameters
    ----------
    shape
        The shape of the array.
    boxes, channels, maps
        The number of boxes, and of the channels and maps of the features.
    output_size
        Height and width of the output in sections; None to try the sizes that are plausible.

    Raises
    ------
    ArgumentError
        If there is none.

    Examples
    --------
    >>> flat, *_ = arrangements((180, 3136), boxes=180, channels=64, maps=1)
    >>> flat.text, flat.shape
    ('the channels and 7 × 7 sections of a row are on one axis', (180, 64, 7, 7))
    >>> flat.code
    'output = output.reshape(-1, 3136)'
    """
    shape = tuple(int(length) for length in shape)
    found: dict[tuple[int, ...], _Reading] = {}
    readings = [] if 0 in shape else list(_readings(shape, boxes, channels, maps, output_size))
    for reading in sorted(readings, key=lambda r: (r.rows != boxes, r.swapped, *r.rank)):
        found.setdefault(reading.positions(), reading)
    if not found:
        raise ArgumentError("expected", _problem(shape, channels, output_size))
    return [reading.arrangement(shape) for reading in found.values()][:_MAX_ARRANGEMENTS]


def _problem(shape: tuple[int, ...], channels: int, output_size: Size | None) -> str:
    if 0 in shape:
        return f"has no values: its shape is {shape}; give an output with at least one row"
    height, width = output_size or ("height", "width")
    sections = f" and {height} × {width} sections" if output_size else ""
    return (
        f"has shape {shape}, which cannot hold an output with {channels} channels{sections}; "
        f"give the output of these features, with the shape (R, {channels}, {height}, {width}), "
        "with the channels last, or with flattened rows"
    )


def _joined(clauses: Sequence[str]) -> str:
    """Join clauses with commas and a last "and"."""
    *others, last = clauses or [""]
    return f"{', '.join(others)} and {last}" if others else last


@dataclass(frozen=True)
class _Reading:
    """One reading of a shape.

    Parameters
    ----------
    leading
        How many axes of the shape hold the rows: 0 to 2; −1 if one axis holds the whole output.
    layout, split
        As in `Arrangement`.
    size_rank
        0 for the most plausible height and width, 1 for the next, …
    clauses
        What is unusual about the shape, apart from the layout.
    """

    leading: int
    layout: Layout
    split: tuple[int, int, int, int]
    size_rank: int
    clauses: tuple[str, ...]

    @property
    def rows(self) -> int:
        return self.split[0]

    @property
    def swapped(self) -> bool:
        return self.layout not in _PLAIN_LAYOUTS

    @property
    def rank(self) -> tuple[int, int, int]:
        """How implausible the reading is: by its size, by its leading axes and by its layout."""
        return self.size_rank, abs(self.leading - 1), list(LAYOUTS).index(self.layout)

    def positions(self) -> tuple[int, ...]:
        """Return the shape and the strides (n, C, height, width), 0 for an axis of length 1."""
        axes = LAYOUTS[self.layout]
        strides = [math.prod(self.split[axis + 1 :]) for axis in axes]
        lengths = [self.split[axis] for axis in axes]
        steps = (step if length > 1 else 0 for step, length in zip(strides, lengths, strict=True))
        return (*lengths, *steps)

    def arrangement(self, shape: tuple[int, ...]) -> Arrangement:
        conditions = {
            "the channels of the output are last": self.layout in {"RHWC", "RWHC"},
            "the height and width of the output are swapped": self.swapped,
        }
        clauses = [*self.clauses, *(words for words, holds in conditions.items() if holds)]
        code = []
        if self.layout != "RCHW":
            code.append(f"output = output.transpose{tuple(map('RCHW'.index, self.layout))}")
        if shape != self.split:
            lengths = list(shape)
            if self.leading:
                lengths[max(self.leading - 1, 0)] = -1
            code.append(f"output = output.reshape({', '.join(map(str, lengths))})")
        return Arrangement(_joined(clauses), self.layout, self.split, "\n".join(code))


def _readings(
    shape: tuple[int, ...], boxes: int, channels: int, maps: int, output_size: Size | None
) -> Iterator[_Reading]:
    """Yield the readings of a shape in which the channels are those of the features."""
    for leading, rows, inner, clauses in _row_axes(shape, boxes, maps):
        for layout, (first, second, third), rank, more in _inner_axes(inner, channels, output_size):
            reading = _Reading(
                leading, layout, (rows, first, second, third), rank, (*clauses, *more)
            )
            _, c, height, width = (reading.split[axis] for axis in LAYOUTS[layout])
            is_size = output_size is None or (height, width) == tuple(output_size)
            if is_size and channels in {c, c * height * width}:
                yield reading


_RowAxes = tuple[int, int, tuple[int, ...], tuple[str, ...]]  # leading, rows, other axes, clauses


def _row_axes(shape: tuple[int, ...], boxes: int, maps: int) -> Iterator[_RowAxes]:
    """Yield the ways in which the first axes of a shape may be those of the rows."""
    size = math.prod(shape)
    if len(shape) > 1:
        yield 1, shape[0], shape[1:], ()
    elif shape and boxes and size % boxes == 0:
        yield (
            -1,
            boxes,
            (size // boxes,),
            ("the rows of the output are on one axis with their values",),
        )
    if len(shape) > 2 and (shape[0] in {1, maps} or shape[0] * shape[1] == boxes):
        batch, rows = shape[:2]
        axes = f"the rows of the output are on two axes, {batch} × {rows}"
        clause = "the output has a batch axis of length 1" if batch == 1 else axes
        yield 2, batch * rows, shape[2:], (clause,)
    if boxes == 1 and len(shape) > 1:
        yield 0, 1, shape, ("the output has no axis of rows",)


_InnerAxes = tuple[Layout, tuple[int, int, int], int, tuple[str, ...]]


def _inner_axes(
    inner: tuple[int, ...], channels: int, output_size: Size | None
) -> Iterator[_InnerAxes]:
    """Yield the layouts of the axes of one row, with the lengths of three axes in this layout.

    Each comes with its rank among the sizes, and with what is unusual about the axes.
    """
    if len(inner) == 3:
        for layout in LAYOUTS:
            yield layout, (inner[0], inner[1], inner[2]), 0, ()
    elif len(inner) == 2:
        yield "RCHW", (1, *inner), 1, ("the output has no axis of channels",)
        yield from _flat_sections(inner[0], inner[1], ("RCHW", "RCWH"), output_size)
        yield from _flat_sections(inner[1], inner[0], ("RHWC", "RWHC"), output_size)
    elif len(inner) == 1:
        sizes = _vector_sizes(inner[0], channels, output_size)
        for layout in LAYOUTS:
            for rank, size in enumerate(sizes):
                lengths = _in_layout(layout, inner[0] // math.prod(size), size)
                clause = f"the channels and {size[0]} × {size[1]} sections of a row are on one axis"
                yield layout, lengths, rank, (clause,)


def _flat_sections(
    channels: int, area: int, layouts: tuple[Layout, ...], output_size: Size | None
) -> Iterator[_InnerAxes]:
    """Yield the layouts of a row whose sections are on one axis."""
    for layout in layouts:
        for rank, size in enumerate(_sizes(area, output_size)):
            clause = f"the {size[0]} × {size[1]} sections of the output are on one axis"
            yield layout, _in_layout(layout, channels, size), rank, (clause,)


def _in_layout(layout: Layout, channels: int, size: Size) -> tuple[int, int, int]:
    """Return the number of channels and a size in the order of a layout."""
    lengths = {"C": channels, "H": size[0], "W": size[1]}
    first, second, third = (lengths[axis] for axis in layout[1:])
    return first, second, third


def _sizes(area: int, output_size: Size | None) -> list[Size]:
    """Return the plausible heights and widths of so many sections, closest to a square first.

    Examples
    --------
    >>> _sizes(49, None), _sizes(35, None), _sizes(11, None)
    ([(7, 7)], [(5, 7), (7, 5)], [(1, 11), (11, 1)])
    """
    if output_size is not None:
        return [output_size] if math.prod(output_size) == area else []
    sides = range(1, min(area, _MAX_SIDE) + 1)
    sizes = [(side, area // side) for side in sides if area % side == 0]
    by_aspect = sorted(
        (size for size in sizes if max(size) <= _MAX_SIDE),
        key=lambda size: (max(size) / min(size), size),
    )
    return [size for size in by_aspect if max(size) <= _MAX_ASPECT * min(size)] or by_aspect[:2]


def _vector_sizes(values: int, channels: int, output_size: Size | None) -> list[Size]:
    """Return the plausible heights and widths of a row that is one vector.

    The values of a position-sensitive operator are as many as the channels of the features.
    """
    shared = _sizes(values // channels, output_size) if values % channels == 0 else []
    if values != channels:
        return shared
    if output_size is not None:
        return [output_size] if values % math.prod(output_size) == 0 else []
    squares = ((side, side) for side in range(2, _MAX_SIDE + 1))
    return shared + [size for size in squares if values % math.prod(size) == 0]
