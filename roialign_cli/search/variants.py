"""Other inputs that an output may have been pooled from: other maps, channels or rows."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.search.candidates import Candidates
from roialign_cli.search.changes import FEATURE_CHANGES, Change
from roialign_cli.search.fit import Index, SearchTarget
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.readings import (
    TYPICAL,
    TYPICAL_MAXIMA,
    Likely,
    Reading,
    all_readings,
    look,
    pool_on_map,
    pool_reading,
    read_boxes,
)
from roialign_cli.search.remedies import STATE_INDEX
from roialign_cli.search.row_matching import match_rows
from roialign_cli.search.row_order import describe_rows
from roialign_cli.search.row_words import hold_one_value
from roialign_cli.search.sample import Sample, standardised, take_sample, whole_sample
from roialign_cli.search.screening import reading_of

_LEAST_SIMILAR = 0.6  # correlation of a channel with the one that it is, by typical rules
_CLEARLY_BETTER = 0.1  # in score
_LEAST_ROWS = 0.8  # correlation of a row with its box by typical rules
_MIN_ROWS = 0.3  # share of the rows that match a box


@dataclass(frozen=True)
class Variant:
    """Inputs of a search with what was changed in them.

    Parameters
    ----------
    target, candidates
        The changed inputs and what is tried with them.
    changes
        The changes, in order.
    rows
        (n,), the box of each row of the output as it was given, -1 for none; None if the rows are
        in the order of the boxes.
    """

    target: SearchTarget
    candidates: Candidates
    changes: tuple[Change, ...] = ()
    rows: Index | None = None

    @functools.cached_property
    def likely(self) -> Likely:
        """What a look at a sample shows."""
        return look(self.target, self.candidates)

    def with_features(self, change: Change) -> Variant:
        """Return the variant after a change of its features."""
        return self.changed(change, features=change.features(self.target.features))

    def changed(self, change: Change, **fields: object) -> Variant:
        """Return the variant after one more change, with the fields of the target it gives."""
        target = replace(self.target, **fields)  # type: ignore[arg-type]
        candidates = replace(self.candidates, map_size=target.features.shape[2:])
        return Variant(target, candidates, (*self.changes, change), self.rows)


def with_other_features(variant: Variant, sample: Sample) -> Iterator[Variant]:
    """Yield the variants with flipped, transposed or reordered features."""
    if (permuted := _permuted_channels(variant, sample)) is not None:
        yield permuted
    for change in FEATURE_CHANGES:
        yield variant.with_features(change)


def _permuted_channels(variant: Variant, sample: Sample) -> Variant | None:
    """Return the variant in which each channel of the output is pooled from its own channel."""
    target = variant.target
    channels = target.features.shape[1]
    if channels < 2 or target.output.shape[1] != channels:
        return None
    whole = whole_sample(target, sample.boxes, np.arange(channels))
    given = _unit_columns(whole.values)
    best = None
    for reading in _plain_readings(variant):
        made = _unit_columns(pool_reading(target, whole, reading))
        likeness = given.T @ made
        order = likeness.argmax(axis=1)
        score = float(np.median(likeness[np.arange(channels), order]))
        if best is None or score > best[0]:
            best = score, order
    if best is None or best[0] < _LEAST_SIMILAR or (best[1] == np.arange(channels)).all():
        return None
    if len({*best[1].tolist()}) < channels:
        return None
    order = best[1]
    if (order == np.arange(channels)[::-1]).all():
        return None  # one of FEATURE_CHANGES
    change = Change(
        f"the channels are in another order: {_listed(order)}",
        "Put the channels of the features in the same order on both sides.",
        before=f"features = features[..., {order.tolist()}, :, :]",
        features=lambda maps: maps[:, order],
    )
    return variant.with_features(change)


def _plain_readings(variant: Variant) -> Iterator[Reading]:
    """Yield the readings of boxes as they are given, at all known scales."""
    first = None
    for scale, fields, batches in all_readings(variant.target, variant.candidates):
        own = (
            {k: v for k, v in fields.items() if k in {"box_format", "origin", "inclusive"}},
            batches,
        )
        first = first or own
        if own == first:
            yield scale, fields, batches


def _unit_columns(values: Float) -> Float:
    """Return values (r, c, h, w) as columns (r · h · w, c) of mean 0 and length 1."""
    columns = np.moveaxis(values, 1, -1).reshape(-1, values.shape[1]).astype(np.float64)
    centred = columns - columns.mean(axis=0)
    return np.asarray(centred / np.maximum(np.sqrt((centred * centred).sum(axis=0)), 1e-12))


def _listed(numbers: Index, most: int = 6) -> str:
    few = ", ".join(map(str, numbers[:most].tolist()))
    return few + (", …" if len(numbers) > most else "")


def with_other_maps(variant: Variant) -> Variant | None:
    """Return the variant in which each box is pooled from the map that it is most similar to."""
    target = variant.target
    maps, count = len(target.features), len(target.output)
    sample = take_sample(target) if maps > 1 and count == len(target.boxes) else None
    if sample is None:
        return None
    whole = whole_sample(target, np.arange(count), sample.channels)
    found = []
    for scale, fields, batches in _plain_readings(variant):
        on_map = read_boxes(target, whole.boxes, scale, fields) * np.tile(scale[::-1], 2)
        on_map = np.clip(on_map, -1e6, 1e6)
        indices = (np.full(count, n) for n in range(maps))
        made = (pool_on_map(target, whole, TYPICAL, on_map, index) for index in indices)
        likeness = np.stack([whole.similarity(values) for values in made])
        found.append((float(likeness.max(axis=0).mean()), likeness, batches))
    _, likeness, batches = max(found, key=lambda each: each[0])
    given = target.batches[batches]
    gained = likeness.max(axis=0) - likeness[given, np.arange(count)]
    index = np.where(gained > _CLEARLY_BETTER, likeness.argmax(axis=0), given).astype(np.intp)
    if (index == given).all():
        return None
    ranked = np.sort(likeness, axis=0)
    clear = ranked[-1] - ranked[-2] > _CLEARLY_BETTER
    index = next((p for p in _patterns(index, given, maps) if (p == index)[clear].all()), index)
    return remapped(variant, index)


def remapped(variant: Variant, index: Index) -> Variant:
    """Return the variant in which each box is pooled from a map, (R,)."""
    given = next(iter(variant.target.batches.values()))
    words, code = _map_words(index, given, len(variant.target.features))
    change = Change(
        words,
        STATE_INDEX,
        before=f"batch_index = {code}\nboxes = np.column_stack([batch_index, boxes[:, -4:]])",
        by_row=True,
    )
    return variant.changed(change, batches={"given": index})


def _patterns(index: Index, given: Index, maps: int) -> Iterator[Index]:
    """Yield the usual maps of boxes, and the given ones in order or exchanged."""
    count = len(index)
    yield np.arange(count) % maps
    if maps == 2:
        yield 1 - given
    yield np.maximum.accumulate(index)


def _map_words(index: Index, given: Index, maps: int) -> tuple[str, str]:
    """Return which map each box is pooled from, in words and as code."""
    count = len(index)
    if (index == np.arange(count) % maps).all():
        return (
            f"the boxes alternate between the maps: box i is pooled from map i % {maps}",
            f"np.arange({count}) % {maps}",
        )
    if (np.diff(index) >= 0).all():
        sizes = np.bincount(index, minlength=maps).tolist()
        listed = ", ".join(map(str, sizes))
        text = f"the boxes are pooled from the maps in order: {listed} boxes from map 0, 1, …"
        if maps == 2:
            text = (
                f"the first {sizes[0]} boxes are pooled from map 0, the next {sizes[1]} from map 1"
            )
        return text, f"np.repeat(range({maps}), {sizes})"
    if maps == 2 and (index == 1 - given).all():
        return "the two maps are exchanged", "1 - boxes[:, 0].astype(int)"
    rows = np.flatnonzero(index != given)
    return f"{len(rows)} boxes are pooled from another map: rows {_listed(rows)}", str(
        index.tolist()
    )


def with_other_rows(variant: Variant, hypothesis: Hypothesis | None = None) -> Variant | None:
    """Return the variant with the boxes in the order of the rows, None if few rows match a box.

    Without a hypothesis, typical rules decide which box a row is most similar to.
    """
    target = variant.target
    sample = take_sample(replace(target, boxes=_as_many(target.boxes, len(target.output))))
    if sample is None:
        return None
    given = target.output[:, sample.channels].astype(np.float64)
    if hypothesis is None:
        best = _most_alike(variant, sample, given)
        if best is None:
            return None
        made, (scale, fields, batches) = best
        order = match_rows(_flat(made), _flat(given), _LEAST_ROWS)
    else:
        made = target.made(hypothesis, slice(None), sample.channels)
        scale, fields, batches = reading_of(hypothesis, variant.candidates)
        order = match_rows(_flat(made), _flat(given))
    if np.count_nonzero(order >= 0) < _MIN_ROWS * len(order):
        return None
    corners = read_boxes(target, np.arange(len(target.boxes)), scale, fields)
    index = target.batches[batches]
    rows = describe_rows(order, corners, index, _flat(given))
    if not rows.text:
        return None
    change = Change(rows.text, rows.remedy, before=rows.code, after=rows.after, by_row=True)
    # Rows that match no box stay, and match none; padding does not.
    used = (order >= 0) | ~hold_one_value(_flat(given))
    own = np.minimum(np.arange(len(order)), len(target.boxes) - 1)
    filled = np.where(order >= 0, order, own)
    output = target.output if used.all() else target.output[used]
    ordered = variant.changed(
        change,
        boxes=target.boxes[filled[used]],
        output=output,
        batches={name: index[filled[used]] for name, index in target.batches.items()},
    )
    return replace(ordered, rows=order)


def _most_alike(variant: Variant, sample: Sample, given: Float) -> tuple[Float, Reading] | None:
    """Return the outputs and the reading of the boxes by which rows have the most similar box."""
    best: tuple[float, Float, Reading] | None = None
    rules = [TYPICAL, *(TYPICAL_MAXIMA if "max" in variant.candidates.poolings() else ())]
    for convention, reading in product(rules, _plain_readings(variant)):
        if best is not None and best[0] >= _LEAST_ROWS and convention is not TYPICAL:
            break  # maxima take long
        made = _made(variant.target, sample.channels, reading, convention)
        products = _unit_rows(made) @ _unit_rows(given[sample.boxes]).T
        likeness = float(np.median(products.max(axis=0)))
        if best is None or likeness > best[0]:
            best = likeness, made, reading
    return None if best is None or best[0] < _LEAST_ROWS else best[1:]


def _flat(rows: Float) -> Float:
    return rows.reshape(len(rows), -1)


def _as_many(boxes: Float, count: int) -> Float:
    """Return so many boxes, repeating them if they are too few."""
    return np.resize(boxes, (count, 4))


def _made(target: SearchTarget, channels: Index, reading: Reading, convention: Convention) -> Float:
    """Pool all boxes as a reading places them, (R, c, height, width)."""
    scale, fields, batches = reading
    boxes = np.arange(len(target.boxes))
    on_map = read_boxes(target, boxes, scale, fields) * np.tile(scale[::-1], 2)
    empty = Sample(boxes, channels, np.zeros(0), np.zeros(0))
    index = target.batches[batches]
    return pool_on_map(target, empty, convention, np.clip(on_map, -1e6, 1e6), index)


def _unit_rows(values: Float) -> Float:
    flat = standardised(values).reshape(len(values), -1)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12))
