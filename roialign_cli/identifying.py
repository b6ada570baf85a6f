"""Which convention made an output: a search through all that libraries do and people get wrong.

A way to make an output is a reading of the boxes, a scale, a convention and a layout. The ways are
tried on one telling box and a few channels, all readings of it at once; those that fit it are tried
on more boxes, and those that fit these on everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.boxes import Float, corners, split_boxes
from roialign_cli.candidates import Candidates
from roialign_cli.conventions import (
    READING,
    Convention,
    Pooling,
    meaningful,
    resolve,
)
from roialign_cli.errors import ArgumentError
from roialign_cli.matching import difference
from roialign_cli.operation import Operation, prepare
from roialign_cli.traits import Mask, box_traits, common_traits
from roialign_cli.ways import (
    LAYOUTS,
    Batches,
    Identification,
    Layout,
    Match,
    Partial,
    Way,
    essence,
    rough,
)

# A difference up to this share of a channel's largest value is rounding.
_ROUNDING = {"f2": 4e-3, "f4": 1e-4, "f8": 1e-4}


def identify(
    features: object,
    boxes: object,
    expected: object,
    *,
    tolerance: float | None = None,
    convention: str | Convention | None = None,
    spatial_scale: float | tuple[float, float] | None = None,
    batch_index: object = None,
    image_height: float | None = None,
    advance: Callable[[float], object] = lambda _share: None,
    **stated: Any,  # noqa: ANN401
) -> Identification:
    """Find the ROI Aligns that make an output.

    Parameters
    ----------
    features
        (N, C, H, W), (C, H, W) or (H, W), numbers.
    boxes
        (R, 4), or (R, 5) with the batch index first, however they are meant.
    expected
        The output: (R, C, height, width), or with these axes in another order of `LAYOUTS`.
    tolerance
        The largest difference that is none, in the features' units; a ten-thousandth of each
        channel's largest value if None, and 40 times that for float16.
    convention
        The only preset or convention to try, all presets if None.
    spatial_scale
        Feature-map units per unit of the boxes, or (y, x); if None 1, 1/2, … 1/64 and normalised
        boxes are tried.
    batch_index
        (R,): the map that each box lies on.
    image_height
        From which y is measured where it points up; the map's height over the scale if None.
    advance
        Called with the share of the search that was done since the last call.
    **stated
        Fields of the convention that are known and not searched: `pooling`, `box_format`, …

    Raises
    ------
    RoiAlignError
        For arguments that do not fit each other.

    Examples
    --------
    >>> from roialign_cli.operation import roi_align
    >>> features = np.random.default_rng(0).normal(size=(2, 9, 9))
    >>> boxes = [[8, 16, 80, 96], [40, 24, 130, 120]]
    >>> call = {"convention": "torchvision", "spatial_scale": 1 / 16, "sampling_ratio": 2}
    >>> found = identify(features, boxes, roi_align(features, boxes, 3, **call))
    >>> found.matches[0].way.convention.name, found.matches[0].way.spatial_scale
    ('torchvision', (0.0625, 0.0625))
    """
    output = _expected(expected, boxes)
    checked, told = _checked(features, boxes, batch_index, convention, spatial_scale, stated)
    channels = checked.features.shape[1]
    layouts = [name for name, axes in LAYOUTS.items() if output.shape[axes[1]] == channels]
    if not layouts:
        raise ArgumentError(
            "expected",
            f"{output.shape} has the map's {channels} channels neither in second nor in last place",
        )
    searched, partials = 0, []
    for layout in layouts:
        search = _Search(
            checked.features,
            checked.boxes_given,
            checked.batch_index if told else None,
            output.transpose(LAYOUTS[layout]),
            layout,
            tolerance,
            None if convention is None else resolve(convention),
            None if spatial_scale is None else checked.spatial_scale,
            image_height,
            stated,
            lambda share: advance(share / len(layouts)),
        )
        matches, closest = search.matches()
        searched += search.searched
        if matches:
            return Identification(matches, closest, None, searched)
        partials.append(search.partial())
    known = [partial for partial in partials if partial is not None]
    best = max(known, key=lambda partial: partial.rank, default=None)
    return Identification((), None, best, searched)


def _checked(
    features: object,
    boxes: object,
    batch_index: object,
    convention: str | Convention | None,
    spatial_scale: float | tuple[float, float] | None,
    stated: dict[str, Any],
) -> tuple[Operation, bool]:
    """Check what is stated as every call is; return it, and whether the boxes' maps are told."""
    base = resolve(Convention() if convention is None else convention)
    rules = resolve(base, **meaningful(base, **stated))
    if rules.normalized and spatial_scale is None:
        rules = replace(rules, normalized=False)
    call = {"spatial_scale": spatial_scale, "batch_index": batch_index}
    checked = prepare(features, boxes, 1, convention=rules, **call)  # type: ignore[arg-type]
    return checked, batch_index is not None or np.asarray(boxes).shape[-1] == 5


def _expected(expected: object, boxes: object) -> NDArray[Any]:
    array, count = np.asarray(expected), len(split_boxes(boxes)[0])
    if array.dtype.kind not in "buif":
        raise ArgumentError("expected", f"must be real numbers, got {array.dtype}")
    if array.ndim != 4 or len(array) != count or 0 in array.shape:
        needed = f"({count}, channels, height, width)"
        raise ArgumentError("expected", f"must be {needed}, one a box, got {array.shape}")
    return array


Some = NDArray[np.intp] | slice  # of the boxes or channels
_ALL = slice(None)


@dataclass
class _Fit:
    """How far from the output a way is: both are (R, C, height, width)."""

    pooled: Float
    apart: Float  # NaN where only one is a number
    allowed: Float  # (C, 1, 1)

    @property
    def fits(self) -> Mask:
        """Where the output is made."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(self.apart) <= self.allowed, dtype=np.bool_)

    @property
    def largest(self) -> float:
        """The largest difference; infinite where only one is a number."""
        return float(np.nan_to_num(np.abs(self.apart), nan=np.inf).max())


@dataclass
class _Search:
    """The search for one layout of the output."""

    features: NDArray[Any]  # (N, C, H, W)
    boxes: Float  # (R, 4), as given
    batch_index: NDArray[np.intp] | None  # (R,)
    output: Float  # (R, C, height, width)
    layout: Layout
    tolerance: float | None
    only: Convention | None
    spatial_scale: tuple[float, float] | None
    image_height: float | None
    stated: dict[str, Any]
    advance: Callable[[float], object]
    searched: int = field(default=0, init=False)
    # How much of a telling box the ways fit that fit some of it.
    _near: dict[Way, float] = field(default_factory=dict, init=False)

    def matches(self) -> tuple[tuple[Match, ...], Match | None]:
        """Return the ways that make the output, and the closest that does not if there are some."""
        poolings = self.candidates.poolings()
        for pooling in poolings:
            survivors = self._survivors(pooling, 1 / len(poolings))
            matches, closest = self._settle(survivors)
            if matches:
                return matches, closest
        return (), None

    @cached_property
    def candidates(self) -> Candidates:
        """What is tried."""
        return Candidates(
            self.features.shape,
            len(self.boxes),
            self.batch_index,
            self.spatial_scale,
            self.only,
            self.stated,
            self._outside_values(),
        )

    # The data that ways are held against ------------------------------------------------------

    def _outside_values(self) -> tuple[float, ...]:
        """Return 0, and what else a point outside may be worth: what whole sections hold."""
        flat = np.moveaxis(self.output, 1, -1).reshape(-1, self.output.shape[1])
        alike = flat[(flat == flat[:, :1]).all(axis=1) & (flat[:, 0] != 0), 0]
        values, counts = np.unique(alike, return_counts=True)
        often = counts.max(initial=0) >= _OFTEN
        return (0.0, float(values[counts.argmax()])) if often else (0.0,)

    @property
    def _size(self) -> tuple[int, int]:
        return self.output.shape[2], self.output.shape[3]

    @cached_property
    def _allowed(self) -> Float:
        """(C, 1, 1), the difference that is none."""
        channels = self.features.shape[1]
        if self.tolerance is not None:
            return np.full((channels, 1, 1), self.tolerance)
        values = np.abs(np.where(np.isfinite(self.output), self.output, 0).astype(np.float64))
        largest = values.max(axis=(0, 2, 3))[:, None, None]
        kinds = {self.output.dtype.str[1:], self.features.dtype.str[1:]}
        share = max(_ROUNDING.get(kind, _ROUNDING["f4"]) for kind in kinds)
        return np.asarray(share * np.where(largest > 0, largest, 1.0))

    @cached_property
    def _probes(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return a few boxes and channels in which the output tells most."""
        values = np.where(np.isfinite(self.output), self.output, 0).astype(np.float64)
        channels = np.argsort(-values.std(axis=(0, 2, 3)))[:_PROBE_CHANNELS]
        spread = values[:, channels].std(axis=(1, 2, 3)) + 1e-9 * np.abs(values[:, channels]).max(
            axis=(1, 2, 3)
        )
        finite = np.isfinite(self.output).all(axis=(1, 2, 3))
        telling = np.flatnonzero(finite & (spread > 0))
        order = telling[np.argsort(-spread[telling], kind="stable")]
        return order[:_PROBE_BOXES], np.sort(channels)

    def _operation(self, way: Way, boxes: Some = _ALL, channels: Some = _ALL) -> Operation:
        index = self.candidates.batches()[way.batches]
        rows = self.features.shape[2]
        height = self.image_height
        if height is None and way.spatial_scale is not None:
            height = rows / way.spatial_scale[0]
        return prepare(
            self.features[:, channels],
            self.boxes[boxes],
            self._size,
            convention=way.convention,
            spatial_scale=way.spatial_scale,
            batch_index=index[boxes],
            image_height=height,
        )

    def _fit(self, way: Way, boxes: Some = _ALL, channels: Some = _ALL) -> _Fit | None:
        """Return how a way fits, None if it refuses the boxes."""
        try:
            pooled = self._operation(way, boxes, channels).pooled()
        except ArgumentError:
            return None
        return _Fit(
            pooled, difference(self.output[boxes][:, channels], pooled), self._allowed[channels]
        )

    # The search -------------------------------------------------------------------------------

    def _survivors(self, pooling: Pooling, share: float) -> list[Way]:
        """Return the ways that fit the first telling box that any way fits."""
        probes, channels = self._probes
        operators = list(self.candidates.operators(pooling))
        scales = self.candidates.scales()
        for probe in probes:
            found: list[Way] = []
            for scale, scaled in scales:
                read, xyxy, index = self._variants(int(probe), scale, scaled)
                if len(read):
                    for operator, slip in operators:
                        found += self._fitting(
                            operator, slip, int(probe), channels, scale, read, xyxy, index
                        )
                self.advance(share / len(scales) / len(probes))
            if found:
                return found
        return []

    def _variants(
        self, probe: int, scale: tuple[float, float], scaled: Mapping[str, Any]
    ) -> tuple[list[tuple[dict[str, Any], Batches]], Float, NDArray[np.intp]]:
        """Return all readings of a box that lie on the map, their corners and their maps."""
        read: list[tuple[dict[str, Any], Batches]] = []
        xyxy, index = [], []
        for reading in self.candidates.readings(scaled):
            box = self._corners(probe, scale, reading)
            if _plausible(box, scale, self.features.shape[2:]):
                for batches, maps in self.candidates.batches().items():
                    read.append((reading, batches))
                    xyxy.append(box)
                    index.append(maps[probe])
        return read, np.array(xyxy).reshape(-1, 4), np.array(index, np.intp)

    def _corners(self, probe: int, scale: tuple[float, float], reading: Mapping[str, Any]) -> Float:
        height = None
        if reading["origin"] == "bottom-left":
            rows = self.features.shape[2]
            height = 1.0 if reading["normalized"] else self.image_height or rows / scale[0]
        one = self.boxes[probe : probe + 1]
        box: Float = corners(one, reading["box_format"], height, inclusive=reading["inclusive"])[0]
        return box

    def _fitting(
        self,
        operator: Convention,
        slip: str,
        probe: int,
        channels: NDArray[np.intp],
        scale: tuple[float, float],
        read: list[tuple[dict[str, Any], Batches]],
        xyxy: Float,
        index: NDArray[np.intp],
    ) -> list[Way]:
        self.searched += len(read)
        operation = Operation(
            self.features[:, channels], xyxy, xyxy, index, scale, self._size,
            replace(operator, refuses="nothing"),
        )  # fmt: skip
        try:
            pooled = operation.pooled()
        except ArgumentError:
            return []
        fit = _Fit(
            pooled, difference(self.output[probe, channels], pooled), self._allowed[channels]
        )
        shares = fit.fits.mean(axis=(1, 2, 3))
        found = []
        for k in np.flatnonzero(shares > 0):
            reading, batches = read[k]
            way = Way(
                replace(operator, **reading),
                None if reading["normalized"] else scale,
                self.layout,
                batches,
                slip,
            )
            self._near[way] = max(self._near.get(way, 0.0), float(shares[k]))
            if shares[k] >= _MOSTLY:
                found.append(way)
        return found

    def _settle(self, survivors: list[Way]) -> tuple[tuple[Match, ...], Match | None]:
        """Return the matches among ways that fit a box and their like, and the closest other."""
        probes, channels = self._probes
        tried: dict[Way, float] = {}
        for way in survivors:
            for named in self._refined(way):
                fit = self._fit(named, probes, channels)
                self.searched += 1
                if fit is not None:
                    self._near[named] = max(self._near.get(named, 0.0), float(fit.fits.mean()))
                    tried[named] = fit.largest if fit.fits.mean() >= _MOSTLY else np.inf
        right = {way: largest for way, largest in tried.items() if np.isfinite(largest)}
        made = self._whole(right)
        if not made:
            return (), None
        best = min(made, key=lambda way: (way.plainness, made[way]))
        alike, others = self._alike(best)
        made |= self._whole(alike)
        return _grouped(made), self._closest(others)

    def _refined(self, way: Way) -> list[Way]:
        """Return the presets that do roughly what a way does, or else the way itself."""
        named = self.candidates.named.get(rough(way.convention), [way.convention])
        reading = {name: getattr(way.convention, name) for name in READING}
        distinct = {(essence(c), c.name): c for c in named}
        return [replace(way, convention=replace(c, **reading)) for c in distinct.values()]

    def _whole(self, ways: Mapping[Way, float]) -> dict[Way, float]:
        """Return those of the ways that make the whole output, with their largest difference."""
        made: dict[Way, float] = {}
        computed: dict[tuple[Any, ...], _Fit | None] = {}
        for way in ways:
            key = (
                essence(way.convention), way.spatial_scale, way.batches,
                *(getattr(way.convention, name) for name in READING),
            )  # fmt: skip
            if key not in computed:
                computed[key] = self._fit(way)
            fit = computed[key]
            if fit is not None and fit.fits.all():
                made[way] = fit.largest
        return made

    def _alike(self, best: Way) -> tuple[dict[Way, float], dict[Way, float]]:
        """Return the ways read like the best one that fit the probes, and those that do not."""
        probes, channels = self._probes
        reading = {name: getattr(best.convention, name) for name in READING}
        alike: dict[Way, float] = {}
        others: dict[Way, float] = {}
        for pooling in self.candidates.poolings():
            for operator, slip in self.candidates.operators(pooling):
                rough = replace(best, convention=replace(operator, **reading), slip=slip)
                fit = self._fit(rough, probes, channels)
                self.searched += 1
                if fit is None:
                    continue
                if fit.fits.mean() >= _MOSTLY:
                    alike |= dict.fromkeys(self._refined(rough), fit.largest)
                else:
                    others[rough] = fit.largest
        return alike, others

    def _closest(self, others: Mapping[Way, float]) -> Match | None:
        if not others:
            return None
        way = min(others, key=lambda w: (others[w], w.plainness))
        fit = self._fit(way)
        return None if fit is None else Match(way, fit.largest, ())

    def partial(self) -> Partial | None:
        """Return what the way that fits most does fit, None if none fits any of a telling box."""
        most = sorted(self._near, key=lambda way: (-self._near[way], way.plainness))
        best: tuple[tuple[int, float], Way] | None = None
        for way in most[:_MOST_PARTIAL]:
            fit = self._fit(way)
            rank = (-1, 0.0) if fit is None else self._rank(fit)
            best = (rank, way) if best is None or rank > best[0] else best
        return None if best is None else self._told(*best)

    def _told(self, rank: tuple[int, float], way: Way) -> Partial | None:
        fit = self._fit(way)
        if fit is None:
            return None
        boxes = _all(fit.fits, (1, 2, 3))
        return Partial(
            way,
            float(np.nanmax(np.abs(fit.apart), initial=0.0)),
            boxes,
            _all(fit.fits, (0, 2, 3)),
            _all(fit.fits, (0, 1)),
            self._common(way, fit, ~boxes) if rank[0] else (),
            rank,
        )

    def _rank(self, fit: _Fit) -> tuple[int, float]:
        """Return how many boxes fit whose output is not one number throughout, and what share."""
        flat = self.output.reshape(len(self.output), -1)
        telling = (flat != flat[:, :1]).any(axis=1)
        return int((_all(fit.fits, (1, 2, 3)) & telling).sum()), float(fit.fits.mean())

    def _common(self, way: Way, fit: _Fit, wrong: Mask) -> tuple[str, ...]:
        traits = box_traits(self._operation(way).plan()) | {
            "with negative values": ~_all(~(fit.pooled < 0), (1, 2, 3)),
            "with values that are not finite": ~_all(np.isfinite(fit.pooled), (1, 2, 3)),
        }
        return tuple(common_traits(traits, wrong))


def _all(mask: Mask, axes: tuple[int, ...]) -> Mask:
    return np.asarray(mask.all(axis=axes), dtype=np.bool_)


_PROBE_BOXES, _PROBE_CHANNELS = 4, 4
_OFTEN = 3  # sections with the same value throughout
_MOSTLY = 0.7  # share of sections; at a threshold libraries round differently
_MOST_PARTIAL = 8


def _plausible(box: Float, scale: tuple[float, float], cells: tuple[int, ...]) -> bool:
    """Return whether a box touches the map and is not many times larger."""
    for first, last, factor, count in zip(box[:2], box[2:], scale[::-1], cells[::-1], strict=True):
        low, high = sorted((first * factor, last * factor))
        if high < -2 or low > count + 2 or high - low > _LARGEST * count:
            return False
    return True


_LARGEST = 8


def _grouped(made: Mapping[Way, float]) -> tuple[Match, ...]:
    """Return matches, ways that differ only in the convention's name together, plainest first."""
    groups: dict[tuple[Any, ...], list[Way]] = {}
    for way in sorted(made, key=lambda way: (way.plainness, _digits(made[way]))):
        rules = way.convention
        ratio = rules.sampling_ratio if rules.points == "centred" else None
        reading = [getattr(rules, name) for name in READING]
        key = way.slip, way.layout, way.batches, way.spatial_scale, rules.pooling, ratio, *reading
        groups.setdefault(key, []).append(way)
    return tuple(
        Match(first, made[first], tuple(dict.fromkeys(way.convention for way in others)))
        for first, *others in groups.values()
    )


def _digits(apart: float) -> int:
    """Return the order of magnitude of a difference; those of rounding are all alike."""
    return math.ceil(math.log10(max(apart, 1e-6)))
