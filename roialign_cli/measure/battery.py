"""The calls that measure a kernel, in the box format that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import written_as
from roialign_cli.core.convention import Convention, PositionFormula
from roialign_cli.core.operation import make_operation
from roialign_cli.measure.call import ProbeCall

Float = NDArray[np.floating]
Box = tuple[float, float, float, float]


def usual_features(rows: int, columns: int) -> NDArray[np.float32]:
    """Return channels 1, x, y and two of random numbers above 0, (5, H, W)."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    random = np.random.default_rng(7).uniform(1, 9, (2, rows, columns))
    return np.concatenate([[np.ones_like(x), x, y], random.round(2)]).astype(np.float32)


def one_hot_features(rows: int, columns: int) -> NDArray[np.float32]:
    """Return a channel for each cell that is 1 there and 0 elsewhere, (H·W, H, W)."""
    return np.eye(rows * columns, dtype=np.float32).reshape(-1, rows, columns)


def with_repeated_channels(features: Float, output_size: tuple[int, int]) -> NDArray[np.float32]:
    """Repeat every channel for each section, (…, C·rows·columns, H, W).

    A kernel in which each section reads a channel of its own then gives the same numbers.
    """
    return np.repeat(features, output_size[0] * output_size[1], axis=-3).astype(np.float32)


@dataclass(frozen=True)
class Writer:
    """Write boxes in the way that a kernel reads them.

    Parameters
    ----------
    reading
        A convention of which only the fields that describe how boxes are written matter.
    """

    reading: Convention

    @property
    def side(self) -> int:
        """Rows and columns of the usual map: normalised boxes are then exact."""
        normalized = self.reading.normalized and self.reading.normalized_by == "size"
        return 8 if normalized else 9

    def boxes(self, xyxy: Iterable[Box], scale: float, map_size: tuple[int, int]) -> Float:
        """Return boxes (R, 4), float32, from corners on the map, in cells, y down."""
        rows, columns = map_size
        corners = np.array(list(xyxy), np.float64)
        unit = np.array([1 / scale] * 4)
        if self.reading.normalized:
            less = 1 if self.reading.normalized_by == "last-centre" else 0
            unit = 1 / np.array([columns - less, rows - less] * 2, np.float64)
        height = None
        if self.reading.origin == "bottom-left":
            height = 1.0 if self.reading.normalized else rows / scale
        written = written_as(corners * unit, self.reading.box_format, height)
        return written.astype(np.float32)

    def call(
        self,
        name: str,
        xyxy: Iterable[Box],
        *,
        features: Float | None = None,
        scale: float = 1.0,
        batch_index: Sequence[int] | NDArray[np.integer] | None = None,
        output_size: tuple[int, int] = (2, 2),
        ratio: int | None = 1,
    ) -> ProbeCall:
        """Return a call from boxes in cells and features (C, H, W) or (N, C, H, W)."""
        maps = usual_features(self.side, self.side) if features is None else features
        maps = maps if maps.ndim == 4 else maps[None]
        maps = with_repeated_channels(maps, output_size)
        boxes = self.boxes(xyxy, scale, maps.shape[-2:])
        index = np.zeros(len(boxes), np.int64) if batch_index is None else np.array(batch_index)
        return ProbeCall(name, maps, boxes, index, output_size, scale, ratio)


# The reading call for kernels that round the edges of a box.
WHOLE_CELLS = "box format, whole cells"


def reading_calls(sections: int = 2) -> list[ProbeCall]:
    """Return the calls that show how the kernel reads boxes, whatever way that is.

    Each has a box, and the same box with one number moved, at four phases. The mean over the phases
    depends on the box only, not on the interpolation. The box of the first call has a section of
    one cell for each of the sections along an axis.
    """
    shifted = (np.arange(4)[:, None] / 4 - 0.5) * np.ones(4)  # by quarters of a cell
    # Whole cells, for kernels that round the edges. The middle of a section moves by quarters.
    longer = np.arange(4)[:, None] * np.array([0, 0, 1, 1])
    return [
        _raw("box format", [3.25, 3.5, 3.25 + sections, 3.5 + sections], shifted, 10 + sections),
        # The first corner is at the top in a frame with y up.
        _raw("box format, y up", [3.25, 7.5, 3.25, 2.5], shifted, 12),
        _raw("box format, fractions", [3, 2.5, 5, 4.5], shifted, 9, unit=8),
        _raw("box format, fractions, 8 cells", [3, 2.5, 5, 4.5], shifted, 8, unit=8),
        _raw(WHOLE_CELLS, [4.25, 4.25, 5.25, 5.25], longer, 12),
        _raw("box format, large numbers", [5.25, 5.0, 6.75, 6.25], shifted, 12),
    ]


def channel_call(reading: ProbeCall) -> ProbeCall:
    """Return the call of a reading call with constant channels: 1, 2, …, 8."""
    side = reading.features.shape[-1]
    features = np.ones((1, 8, side, side), np.float32) * np.arange(1, 9)[:, None, None]
    name = reading.name.replace("box format", "channel order")
    return replace(reading, name=name, features=features.astype(np.float32))


def _raw(name: str, box: Sequence[float], phases: Float, side: int, unit: float = 1) -> ProbeCall:
    """Return a call with a box of which one number is moved by a cell, at several phases (P, 4)."""
    moves = np.array([[0, 0, 0, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    boxes = (np.array(box) + moves + phases[:, None]).reshape(-1, 4) / unit
    features = with_repeated_channels(one_hot_features(side, side)[None], (2, 2))
    index = np.zeros(len(boxes), np.int64)
    return ProbeCall(name, features, boxes.astype(np.float32), index)


# Boxes in cells: size 3 to 5, so that no usual minimum size enlarges them, also if they are a cell
# smaller; edges on quarters so that rounding to two decimals changes nothing.
_PLACES: list[Box] = [
    (2.25, 1.75, 5.25, 4.75),
    (3.75, 2.25, 6.75, 5.25),
    (1.25, 3.75, 5.25, 6.75),
    (2.75, 1.25, 5.75, 6.25),
    (3.0, 2.0, 6.0, 5.0),
    (2.5, 3.25, 5.5, 6.25),
    (1.25, 2.5, 6.25, 5.5),
    (1.75, 3.25, 4.75, 6.25),
    (3.75, 1.5, 6.75, 5.5),
]


def interior_calls(writer: Writer) -> list[ProbeCall]:
    """Return calls with boxes well inside the map."""
    digits = [(2.3137, 1.7391, 4.8713, 3.9377), (1.6181, 2.2719, 4.1459, 5.7183)]
    quarters: list[Box] = [(1.25, 1.5, 5.25, 5.5), (2.5, 1.25, 6.5, 5.25), (2, 2, 6, 6)]
    halves: list[Box] = [(1.25, 1.5, 4.25, 4.5), (2.5, 1.25, 5.5, 7.25), (1, 1, 7, 7)]
    return [
        writer.call("placement", _PLACES),
        writer.call("placement, scale 1/2", _PLACES, scale=0.5),
        writer.call("placement, scale 1/4", _PLACES, scale=0.25),
        writer.call("ratio 2", quarters, ratio=2),
        writer.call("ratio 3", halves, ratio=3),
        writer.call("ratio 4", quarters, ratio=4),
        writer.call("9 sections", [(1.25, 1.5, 5.75, 6)], ratio=2, output_size=(3, 3)),
        writer.call("decimals", digits),
    ]


def grid_calls(writer: Writer) -> list[ProbeCall]:
    """Return calls with the adaptive grid, or with the default ratio of the kernel."""
    sizes = [1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.25]
    ladder = [_sections(x, sizes[(3 * k + 4) % len(sizes)]) for k, x in enumerate(sizes)]
    small = [_sections(x, y) for x, y in ((0.25, 1), (0.5, 1), (0.75, 0.25), (1, 0.5), (1, 0.75))]
    wide = usual_features(40, 40)
    large: list[Box] = [(1, 1, 12.5, 4.5), (2, 3, 5.5, 34.5), (1.25, 2.5, 36.75, 37.1)]
    return [
        writer.call("grid", ladder, ratio=0),
        writer.call("grid, scale 1/2", ladder[::2], scale=0.5, ratio=0),
        writer.call("grid, small sections", small, ratio=0),
        writer.call("grid, large sections", large, features=wide, ratio=0),
        writer.call("grid, 2 × 4 sections", [(1, 1, 6, 4)], ratio=0, output_size=(2, 4)),
        writer.call("grid, whole sizes", list(_whole_sizes()), ratio=0, output_size=(3, 3)),
        writer.call("no ratio", ladder[::2], ratio=None),
    ]


def _sections(width: float, height: float) -> Box:
    """Return a box with 2 × 2 sections of a size."""
    return 1.25, 1, 1.25 + 2 * width, 1 + 2 * height


def _whole_sizes() -> Iterator[Box]:
    """Yield boxes whose sections, a third of the ROI, are whole numbers up to rounding.

    float32 and float64 coordinates round some to different numbers of points, for a shift of 0 and
    for one of half a cell. Some are just above a whole number in float32, too.
    """
    random = np.random.default_rng(3)
    start = random.uniform(0.6, 2.4, 400).round(1)
    end = start + 3 * random.integers(1, 3, 400)
    edges = np.stack([start, end], axis=1).astype(np.float32)
    for offset in (0.0, 0.5):
        single = np.diff(edges - np.float32(offset), axis=1)[:, 0] / np.float32(3)
        double = np.diff(edges.astype(np.float64) - offset, axis=1)[:, 0] / 3
        # With a cell centre between its points, one point and two give different averages.
        shows = np.abs((edges[:, 0] - offset) % 1 - 0.5) < 0.2
        for odd in (
            np.ceil(single) != np.ceil(double),
            np.floor(single) != np.floor(double),
            single > np.rint(single),
        ):
            for low, high in edges[odd & shows][:4].tolist():
                yield low, 1, high, 4


def border_calls(writer: Writer) -> list[ProbeCall]:
    """Return calls with boxes across the border of the map, and outside it."""
    side, middle = writer.side, (2.25, 4.25)
    low = np.arange(-4, 0.1, 0.25)
    high = side - 2 - low
    calls = []
    for name, starts in (("low", low), ("high", high)):
        along_x: list[Box] = [(at, middle[0], at + 2, middle[1]) for at in starts]
        along_y: list[Box] = [(middle[0], at, middle[1], at + 2) for at in starts]
        calls.append(writer.call(f"{name} border", along_x + along_y))
    far: list[Box] = [(40, 2, 42, 4), (2, 40, 4, 42), (-40, 2, -38, 4), (2, -40, 4, -38)]
    over: list[Box] = [(-3.5, 2, 2.5, 4), (2, -3.5, 4, 2.5), (side - 2.5, 2, side + 3.5, 4)]
    corner: list[Box] = [(-2.5, -3.5, 3.5, 2.5), (5.5, 4.5, side + 2.5, side + 3.5)]
    small = usual_features(3, 3) if not writer.reading.normalized else None
    calls.append(writer.call("far outside", far))
    calls.append(writer.call("across the border, ratio 2", over + corner, ratio=2))
    calls.append(writer.call("across the border, ratio 4", over + corner, ratio=4))
    calls.append(writer.call("across the border, grid", over + corner, ratio=0))
    whole: list[Box] = [(-4, -4, 13, 13), (-2.25, 0.5, 9.5, 2.5)]
    calls.append(writer.call("larger than the map", whole, features=small, ratio=0))
    for margin in (0.0, 0.5, 1.0):
        boxes = list(_threshold_boxes(writer, margin))
        calls.append(writer.call(f"last digits, margin {margin:g}", boxes, ratio=3))
    return calls


def _threshold_boxes(writer: Writer, margin: float) -> Iterator[Box]:
    """Yield boxes of which a point is outside the map by some formulas and not by others."""
    random = np.random.default_rng(11)
    size = random.uniform(1.1, 5, 600).round(2)
    for offset in (0.0, 0.5):
        i, q = random.integers(0, 2, 600), random.integers(0, 3, 600)
        start = -margin + offset - (i * 3 + q + 0.5) * size / 6
        boxes = np.stack([start, np.full(600, 2.0), start + size, np.full(600, 4.0)], axis=1)
        boxes = boxes.astype(np.float32)
        inside = np.stack(
            [
                make_operation(
                    np.zeros((writer.side, writer.side), np.float32),
                    boxes,
                    (2, 2),
                    convention=Convention(
                        offset=offset, border_margin=margin, position_formula=formula
                    ),
                    sampling_ratio=3,
                )
                .plan()
                .samples()[1]
                .in_bounds.reshape(600, -1)
                for formula in get_args(PositionFormula)
            ]
        )
        # Boxes that separate one formula from all others, three for each.
        for odd in range(len(inside)):
            others = np.delete(inside, odd, axis=0)
            alone = (others == others[0]).all(axis=0) & (inside[odd] != others[0])
            for box in boxes[alone.any(axis=1)][:3].tolist():
                yield tuple(box)


def box_calls(writer: Writer) -> list[ProbeCall]:
    """Return calls with boxes that are small, empty or inverted."""
    tiny = boxes_of_size(_TINY)
    calls = [
        writer.call("small boxes", tiny),
        writer.call("small boxes, scale 1/2", tiny, scale=0.5),
    ]
    kinds: dict[str, Box] = {
        "no width": (3.25, 2, 3.25, 4),
        "no height": (2, 3.25, 4, 3.25),
        "no width and height": (3.25, 2.75, 3.25, 2.75),
        "inverted along x": (5.25, 2, 2.75, 4),
        "inverted along y": (2, 5.25, 4, 2.75),
        "inverted along both axes": (5.25, 6, 2.75, 3.5),
    }
    for ratio, (kind, box) in product((0, 2), kinds.items()):
        words = f"ratio {ratio}" if ratio else "adaptive grid"
        calls.append(writer.call(f"{kind}, {words}", [box], ratio=ratio))
    return calls


# Calls in which a section has a negative number of points, as the product of those along its axes.
NEGATIVE_GRID_CALLS = ("inverted along x, adaptive grid", "inverted along y, adaptive grid")
_TINY = ((0.25, 2), (0.5, 1.5), (0.75, 0.5), (1, 0.25), (1.25, 0.75), (2, 1.25))


def boxes_of_size(sizes: Iterable[tuple[float, float]]) -> list[Box]:
    """Return boxes of several (width, height), in cells, with the same first corner."""
    return [(2.25, 1.75, 2.25 + width, 1.75 + height) for width, height in sizes]


def value_calls(writer: Writer) -> list[ProbeCall]:
    """Return calls with unusual features: negative, not finite, of several maps and channels."""
    side = writer.side
    usual = usual_features(side, side)
    boxes: list[Box] = [(1.25, 1.5, 5.25, 3.5), (2.5, 1.25, 4.5, 5.25)]
    odd: list[Box] = [(1.3, 1.6, 5.5, 3.8), (2.6, 1.35, 4.45, 5.2)]  # no point on a cell centre
    spots = np.stack([usual[3]] * 3)
    spots[:, 4, 4] = np.nan, np.inf, -np.inf
    steps = np.arange(1.5, 5.6, 0.25)
    around: list[Box] = [(at, 3.25, at + 2, 5.25) for at in steps]
    around += [(3.25, at, 5.25, at + 2) for at in steps] + [(3.5, 3.5, 5.5, 5.5)]
    endless = np.full((1, side, side), -np.inf)
    maps = np.stack([usual, usual[:, ::-1] + 20, usual[:, :, ::-1] + 40])
    channels = np.arange(24)[:, None, None] + 1 + usual[3] / 10
    return [
        writer.call("negative features", boxes, features=-usual, ratio=2),
        writer.call("very negative features", boxes, features=-400 * usual - 12_000, ratio=2),
        writer.call("endlessly negative features", odd, features=endless, ratio=2),
        writer.call("non-finite cells", around, features=spots),
        writer.call("non-finite cells, ratio 2", around, features=spots, ratio=2),
        writer.call(
            "batch index", [boxes[k % 2] for k in range(5)], features=maps,
            batch_index=[2, 0, 1, 1, 2],
        ),
        _plain_channels(writer.call("channels", boxes[:1] * 5, output_size=(2, 3)), channels),
    ]  # fmt: skip


def _plain_channels(call: ProbeCall, channels: Float) -> ProbeCall:
    """Return a call with features (C, H, W) whose channels are not repeated."""
    return replace(call, features=channels[None].astype(np.float32))


def fixed_battery(reading: Convention) -> list[ProbeCall]:
    """Return all calls for a kernel that reads boxes in a known way, each with its own name.

    A target that answers these and no others is measured as any other. Only the smallest cases are
    then parts of these calls.
    """
    readings = reading_calls()
    return [*readings, *map(channel_call, readings), *measuring_calls(Writer(reading))]


def measuring_calls(writer: Writer) -> list[ProbeCall]:
    """Return all calls whose boxes are written as the kernel reads them."""
    makers = interior_calls, grid_calls, border_calls, box_calls, value_calls
    return [call for make in makers for call in make(writer)]
