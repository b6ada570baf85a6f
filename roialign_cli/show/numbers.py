"""Format numbers, points, conventions and inputs as text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.records import Defaults
from roialign_cli.analysis.scaling import scale_text
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention, Summary
from roialign_cli.core.operation import Operation
from roialign_cli.core.overrides import changes

if TYPE_CHECKING:
    from roialign_cli.analysis.trace import Trace
    from roialign_cli.core.pyramid_operation import PyramidOperation

DECIMALS = 4

NeighbourName = Literal["Q11", "Q21", "Q12", "Q22"]
# The names of `Point.neighbours`, in order.
NEIGHBOUR_NAMES: tuple[NeighbourName, ...] = ("Q11", "Q21", "Q12", "Q22")


def format_number(value: float, decimals: int = DECIMALS) -> str:
    """Format a number without trailing zeros.

    Parameters
    ----------
    value
        Any number; nan and infinities are allowed.
    decimals
        The largest number of decimals; very small and very large numbers get an exponent instead.

    Examples
    --------
    >>> [format_number(value) for value in (9.25, 2.0833333, 10.0, -0.0, 0.0000123)]
    ['9.25', '2.0833', '10', '0', '1.23e-05']
    >>> format_number(123456789.0), format_number(float("nan"))
    ('123456789', 'nan')
    """
    if not math.isfinite(value):
        return str(float(value))
    if abs(value) >= 1e15 or 0 < abs(value) < 0.5 * 10**-decimals:
        return f"{value:.{decimals}g}"
    text = f"{value:.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def format_column(values: Iterable[float], decimals: int = DECIMALS) -> list[str]:
    """Format numbers with the same number of decimals, fewer where they are large.

    Parameters
    ----------
    values
        Any numbers; those that are not finite do not count for the decimals.
    decimals
        The largest number of decimals.

    Examples
    --------
    >>> format_column([0.14, 0.2149]), format_column([1234.5678, 2.0]), format_column([3.0, 4.0])
    (['0.1400', '0.2149'], ['1234.6', '2.0'], ['3', '4'])
    """
    values = list(values)
    finite = [abs(v) for v in values if math.isfinite(v)]
    largest = max(finite, default=0.0)
    if largest >= 1e9 or 0 < largest < 10**-decimals:
        return [f"{v:.{decimals}g}" for v in values]
    if all(v == int(v) for v in finite):
        decimals = 0
    else:
        decimals = max(1, min(decimals, decimals + 1 - len(str(int(largest)))))
    return [f"{v:.{decimals}f}" for v in values]


def normalise(values: Float) -> Float:
    """Scale values linearly so that the finite ones range from 0 to 1.

    Parameters
    ----------
    values
        Numbers of any shape and float dtype; those that are not finite become 0.

    Examples
    --------
    >>> normalise(np.array([2.0, 3.0, np.nan, 4.0])).tolist(), normalise(np.array([7.0])).tolist()
    ([0.0, 0.5, 0.0, 1.0], [0.0])
    """
    wide = values.astype(np.float64)
    finite = np.isfinite(wide)
    low, high = (wide[finite].min(), wide[finite].max()) if finite.any() else (0.0, 0.0)
    # Without the halves, the range of the largest numbers would overflow.
    scaled = (np.where(finite, wide, low) / 2 - low / 2) / (high / 2 - low / 2 or 1.0)
    return np.asarray(scaled)


def format_grid(values: Float) -> list[list[str]]:
    """Format values of shape (rows, columns) as `format_column` does, row by row."""
    texts = iter(format_column(values.ravel().tolist()))
    return [[next(texts) for _ in row] for row in values]


def format_point(x: float, y: float, decimals: int = DECIMALS) -> str:
    """Format a position as (x, y)."""
    return f"({format_number(x, decimals)}, {format_number(y, decimals)})"


def format_count(n: int, one: str, many: str) -> str:
    """Format a count with its noun.

    Examples
    --------
    >>> format_count(1, "box", "boxes"), format_count(0, "box", "boxes")
    ('1 box', '0 boxes')
    """
    return f"{n} {one if n == 1 else many}"


_MAX_RANGES = 12


def format_indices(indices: Sequence[int], most: int = _MAX_RANGES) -> str:
    """Format ascending indices as numbers and ranges, at most so many of them.

    Examples
    --------
    >>> format_indices([0, 1, 2, 3, 7, 9, 10])
    '0 to 3, 7, 9, 10'
    """
    steps = np.flatnonzero(np.diff(indices) != 1) + 1
    ranges: list[str] = []
    for run in np.split(np.asarray(indices), steps):
        ranges += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run)
    return ", ".join(ranges[:most]) + (", …" if len(ranges) > most else "")


def name_of(convention: Convention, remark: str = "") -> str:
    """Return the name of a convention with a remark and the fields that differ from its preset."""
    changed = ", ".join(f"{field}={value}" for field, value in changes(convention).items())
    remarks = "; ".join(text for text in (remark, changed) if text)
    return f"{convention.name} ({remarks})" if remarks else convention.name


def describe(name: str, operation: Operation, defaults: Defaults) -> str:
    """Describe in one line the features, the convention, the output size and the boxes.

    Everything that the user did not choose is marked.
    """
    features = operation.features
    shape = " × ".join(map(str, features.shape))
    pixels = (
        ", one cell per pixel (--stride 32 averages 32 × 32 pixels to a cell)"
        if defaults.cells
        else ""
    )
    return (
        f"{name}: {shape} {features.dtype}{_value_range(features)}{pixels}; "
        f"{_rest(operation, defaults)}"
    )


def _rest(operation: Operation, defaults: Defaults) -> str:
    """Describe the convention, the output size and the boxes."""
    convention = operation.convention
    rows, columns = operation.output_size
    size = f"{rows} × {columns} sections{_FROM_PRESET if defaults.output_size else ''}"
    name = name_of(convention, default_preset(defaults))
    return (
        f"convention {name}, {convention.pooling}, {size}; "
        f"boxes read as {reading_of(convention)}{default_reading(defaults)}"
    )


def describe_pyramid(names: Sequence[str], operation: PyramidOperation, defaults: Defaults) -> str:
    """Describe in one line the maps of a pyramid, its rule, and the rest as `describe` does."""
    first = operation.operations[0]
    images, channels = first.features.shape[:2]
    sizes = ["{} × {}".format(*on_map.map_size) for on_map in operation.operations]
    maps = format_count(len(sizes), "map", "maps")
    scales = ", ".join(scale_text((scale, scale)) for scale in operation.scales)
    return (
        f"{', '.join(names)}: {maps} of {images} × {channels} × {', '.join(sizes)} "
        f"{first.features.dtype}; pyramid rule {operation.levels.rule.name}, scales {scales}; "
        f"{_rest(first, defaults)}"
    )


_FROM_PRESET = " (from the preset)"


def default_preset(defaults: Defaults | None) -> str:
    """Return a remark for a preset that the user did not choose, or ""."""
    if defaults is None or defaults.preset_of is None:
        return ""
    return f"default for {defaults.preset_of}"


def default_reading(defaults: Defaults | None) -> str:
    """Return a remark for a box format or origin that the preset decides, or ""."""
    return _FROM_PRESET if defaults is not None and defaults.reading else ""


def reading_of(convention: Convention) -> str:
    """Return how a convention reads boxes: their format and origin."""
    normalized = " normalised" if convention.normalized else ""
    return f"{convention.box_format}{normalized}, origin {convention.origin}"


# Larger features are described without their range, which would take most of a run.
_MAX_BYTES_FOR_RANGE = 1 << 27


def _value_range(features: NDArray[Any]) -> str:
    if features.nbytes > _MAX_BYTES_FOR_RANGE:
        return ""
    finite = features[np.isfinite(features)]
    n_others = features.size - finite.size
    not_finite = f", {n_others} not finite" if n_others else ""
    if not finite.size:
        return not_finite
    low, high = (format_number(float(end)) for end in (finite.min(), finite.max()))
    return f", values {low} to {high}{not_finite}"


def photo_channel(image: NDArray[np.uint8] | None, channel: int | Summary) -> str | None:
    """Return what a channel is of a photograph, such as "red channel"; None for an array.

    Parameters
    ----------
    image
        The photograph, (H, W, 3) or (H, W); None for an array.
    channel
        The index of the channel, or how all channels are combined.
    """
    if image is None:
        return None
    if image.ndim == 2:
        return "brightness"
    if isinstance(channel, str):
        return f"{channel} of the channels"
    return f"{PHOTO_COLOURS[channel]} channel"


PHOTO_COLOURS = ("red", "green", "blue")


def channel_of(trace: Trace) -> str:
    """Return which of several channels was traced, "" if there is only one."""
    if trace.channels == 1:
        return ""
    if isinstance(trace.channel, str):
        return f"{trace.channel} of {trace.channels} channels"
    own = "output " if trace.convention.channel_map == "position-sensitive" else ""
    return f"{own}channel {trace.channel} of {trace.channels}"


def capitalised(text: str) -> str:
    """Return words with a capital first letter, unless they begin with a name in code.

    Examples
    --------
    >>> capitalised("the sum"), capitalised("aligned=True: no shift"), capitalised("g_x is 2")
    ('The sum', 'aligned=True: no shift', 'g_x is 2')
    """
    is_name = {"=", "_"} & {*text.split(" ", 1)[0]}
    return text if is_name else text[:1].upper() + text[1:]
