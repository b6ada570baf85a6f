"""Find out about the rows of an output that the closest call does not reproduce."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from roialign_cli.analysis.box_conditions import (
    Mask,
    box_conditions,
    box_extents,
    common_conditions,
)
from roialign_cli.analysis.comparison import difference
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Pooling
from roialign_cli.core.presets import PRESETS
from roialign_cli.errors import ArgumentError
from roialign_cli.search.candidates import Candidates, Operator
from roialign_cli.search.changes import BOX_CHANGES, Change, clipped_boxes
from roialign_cli.search.concrete import Concrete, kernels
from roialign_cli.search.explanation import Closest, Explanation, Part
from roialign_cli.search.fit import Index, SearchTarget
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.mistakes import RULE_MISTAKES, with_wrong_rules
from roialign_cli.search.row_matching import match_rows
from roialign_cli.search.sample import take_sample
from roialign_cli.search.variants import Variant, remapped, with_other_rows

_MAX_ROWS, _MAX_CHANNELS = 12, 6
_LEAST_SHARE = 0.5  # of the rows, that another operator reproduces
_MAX_SIZES = 64  # of an image, that are tried
_MAX_LISTED = 6  # rows in a text
_FIRST_OF = 4  # every fourth row is compared first, the others only if one of these is alike
_MAX_OTHERS = 8  # operators that are compared on all rows
_FULL = 0.99  # share of the values of a row


def explain_rest(answer: Closest, candidates: Candidates) -> Closest:
    """Return an answer with what is known of the rows that it does not reproduce."""
    if answer.verdict != "partial":
        return answer
    if answer.variant.rows is None:
        answer = reordered(answer, answer.variant)
    rest = _Rest(answer, candidates)
    left = np.count_nonzero(~answer.boxes)
    for better in rest.better_answers() if left else ():
        # Chance brings single rows nearer.
        if better is not None and 2 * np.count_nonzero(~better.boxes) < left:
            return better
    return replace(answer, parts=tuple(rest.parts()))


def reordered(answer: Closest, unordered: Variant) -> Closest:
    """Return an answer with the boxes in the order of the rows, by its own operator.

    `unordered` are the inputs before the boxes were put into any other order. The answer is
    returned as it is if no other order reproduces more rows.
    """
    if any(change.before for change in answer.changes if change not in answer.variant.changes):
        return answer
    ordered = with_other_rows(unordered, answer.hypothesis)
    sample = None if ordered is None else take_sample(ordered.target)
    if ordered is None or sample is None:
        return answer
    call = Concrete(answer.hypothesis, None, answer.shift, 0.0)
    return max(answer, Explanation(ordered, sample.boxes, call).closest(), key=lambda a: a.rank)


@dataclass(frozen=True)
class _Rest:
    answer: Closest
    candidates: Candidates
    _found: dict[bytes, list[Hypothesis]] = field(default_factory=dict)  # by rows

    @property
    def target(self) -> SearchTarget:
        return self.answer.variant.target

    def parts(self) -> Iterator[Part]:
        """Yield what is known of the other rows."""
        left = ~self.answer.boxes
        for part in self._unusable(left):
            left = left & ~part.rows
            yield part
        if not left.any():
            return
        conditions = self._conditions(left)
        if conditions:
            yield Part(left, " and ".join(conditions), is_cause=False)
        for other in self._other_operators(left)[:1]:
            rows = left & self.reproduced(other)
            if rows.any():
                yield Part(rows, "", other)
                left = left & ~rows
        for part in self._on_other_maps(left):
            left = left & ~part.rows
            yield part
        for part in self._elsewhere(left):
            left = left & ~part.rows
            yield part
        if left.any() and not conditions:
            yield Part(left, "unexplained", is_cause=False)

    def better_answers(self) -> Iterator[Closest | None]:
        """Yield answers that may reproduce more rows."""
        yield self.on_found_maps()
        if self.answer.changes == self.answer.variant.changes:
            for change in (self._clipping(), *BOX_CHANGES):
                if change is not None and self._share_with(change) >= _LEAST_SHARE:
                    yield self._explained(self.answer.variant, self.answer.hypothesis, change)
        yield self.operator_of_all()

    def on_found_maps(self) -> Closest | None:
        """Return the answer with each box on the map that reproduces its row, if all have one."""
        target, own = self.target, self.answer.hypothesis
        if len(target.features) < 2 or len(target.boxes) != len(target.output):
            return None
        found = np.stack([self._on_map(n).reproduced(own) for n in range(len(target.features))])
        if not found.any(axis=0).all():
            return None
        given = target.batches[own.batches]
        index = np.where(found[given, np.arange(len(given))], given, found.argmax(axis=0))
        variant = remapped(self.answer.variant, index.astype(np.intp))
        return self._explained(variant, replace(own, batches="given"))

    def _explained(
        self, variant: Variant, hypothesis: Hypothesis, moved: Change | None = None
    ) -> Closest | None:
        sample = take_sample(variant.target)
        if sample is None:
            return None
        call = Concrete(hypothesis, moved, self.answer.shift, 0.0)
        return Explanation(variant, sample.boxes, call).closest()

    def _on_map(self, n: int) -> _Rest:
        """Return the same with all boxes on one map."""
        index = np.full(len(self.target.boxes), n)
        moved = replace(self.target, batches=dict.fromkeys(self.target.batches, index))
        variant = replace(self.answer.variant, target=moved)
        return _Rest(replace(self.answer, variant=variant), self.candidates)

    def _share_with(self, change: Change) -> float:
        """Return the share of a few of the other rows that changed boxes reproduce."""
        sample = take_sample(self.target, ~self.answer.boxes)
        if sample is None:
            return 0.0
        rows, channels = sample.boxes[:_MAX_ROWS], sample.channels[:_MAX_CHANNELS]
        return self._with_boxes(change).share(self.answer.hypothesis, rows, channels)

    def _with_boxes(self, change: Change) -> _Rest:
        """Return the same with changed boxes."""
        target = replace(self.target, boxes=change.boxes(self.target.boxes))
        variant = replace(self.answer.variant, target=target)
        return _Rest(replace(self.answer, variant=variant), self.candidates)

    def share(self, hypothesis: Hypothesis, rows: Index, channels: Index) -> float:
        """Return the share of some rows that a call reproduces."""
        fits = self.fits(hypothesis, rows, channels)
        return 0.0 if fits is None else float((fits >= _FULL).mean())

    def _clipping(self) -> Change | None:
        """Return the change that clips boxes to the image that explains most of the other rows."""
        own, boxes = self.answer.hypothesis, self.target.boxes
        corners = own.convention.box_format == "xyxy" and own.convention.origin == "top-left"
        if not corners or own.spatial_scale is None:
            return None
        good = self.answer.boxes
        height, width = (
            self._limit(boxes[:, axis], good, cells / scale, axis)
            for axis, cells, scale in zip(
                (3, 2), self.target.features.shape[2:], own.spatial_scale, strict=True
            )
        )
        return clipped_boxes(width, height)

    def _limit(self, ends: Float, good: Mask, edge: float, axis: int) -> float:
        """Return the size of the image along an axis to which the second edges are clipped.

        It is not less than any edge of a row that matches.
        """
        least = max(float(ends[good].max()), 0.0)
        rows = np.flatnonzero(~good & (ends > least))[:_MAX_ROWS]
        sizes = np.arange(np.ceil(least), min(np.ceil(edge), least + _MAX_SIZES) + 1)
        best, most = edge, 0.0
        channels = np.arange(min(_MAX_CHANNELS, self.target.output.shape[1]))
        for size in sizes if len(rows) else ():
            limits = (size, np.inf) if axis == 2 else (np.inf, size)
            clipped = self._with_boxes(clipped_boxes(*limits))
            share = clipped.share(self.answer.hypothesis, rows, channels)
            if share > most:
                best, most = float(size), share
        return best

    def _on_other_maps(self, left: Mask) -> Iterator[Part]:
        """Yield the rows that are pooled from another map than the given one."""
        maps = len(self.target.features)
        for n in range(maps if left.any() and maps > 1 else 0):
            rows = left & self._on_map(n).reproduced(self.answer.hypothesis)
            if rows.any():
                yield Part(rows, f"pooled from map {n}")

    def _unusable(self, left: Mask) -> Iterator[Part]:
        bad = left & ~self.target.finite_boxes
        if bad.any():
            yield Part(bad, "not finite (NaN or infinite)")
        flat = left & ~bad & ~self.target.informative_boxes
        if flat.any():
            yield Part(flat, "constant")

    def _conditions(self, left: Mask) -> list[str]:
        """Return what the rows have in common and few of the others have."""
        plan = self.target.operation(self.answer.hypothesis).plan()
        sample = take_sample(self.target)
        channels = slice(None) if sample is None else sample.channels
        made = self.target.made(self.answer.hypothesis, slice(None), channels)
        conditions = box_conditions(plan) | {
            "with negative values": np.asarray((made < 0).any(axis=(1, 2, 3))),
            "with values that are not finite": np.asarray(~np.isfinite(made).all(axis=(1, 2, 3))),
        }
        found = common_conditions(conditions, left)
        if found:
            return found
        heights, widths = box_extents(plan)
        words = []
        for name, sizes in (("high", heights), ("wide", widths)):
            largest, others = sizes[left].max(), sizes[~left]
            if len(others) and largest < others.min():
                words.append(f"less than {others.min():.3g} cells {name}")
        return words

    def operator_of_all(self) -> Closest | None:
        """Return the answer with another operator if that reproduces every row."""
        left = ~self.answer.boxes & (self.target.informative_boxes | ~self.target.finite_boxes)
        most, best = np.count_nonzero(self.answer.boxes), None
        for other in self._other_operators(left)[:_MAX_OTHERS]:
            fits = self.reproduced(other)
            if np.count_nonzero(fits) > most and fits[left].all():
                most, best = np.count_nonzero(fits), (other, fits)
        if best is None:
            return None
        return replace(self.answer, hypothesis=best[0], boxes=best[1])

    def _other_operators(self, left: Mask) -> list[Hypothesis]:
        """Return the operators that reproduce most of some rows, the simplest of the best first."""
        if (key := left.tobytes()) not in self._found:
            self._found[key] = self._reproducing_some(np.flatnonzero(left))
        return self._found[key]

    def _reproducing_some(self, rows: Index) -> list[Hypothesis]:
        sample = take_sample(self.target)
        if sample is None or not len(rows):
            return []
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, _MAX_ROWS).round().astype(np.intp))]
        channels = sample.channels[:_MAX_CHANNELS]
        own, poolings = self.answer.hypothesis, self.candidates.poolings()
        found: list[tuple[float, tuple[int, int], Hypothesis]] = []
        for pooling in sorted(poolings, key=lambda each: each != own.convention.pooling):
            if not found:
                found = list(self._reproducing(rows, channels, self._operators(pooling)))
        return [tried for *_, tried in sorted(found, key=lambda each: each[:2])]

    def _reproducing(
        self, rows: Index, channels: Index, operators: Iterator[Operator]
    ) -> Iterator[tuple[float, tuple[int, int], Hypothesis]]:
        """Yield the operators that reproduce most of some rows, after what they are sorted by."""
        own = self.answer.hypothesis
        for convention, mistake in operators:
            rules = replace(convention, **own.box_fields)
            tried = replace(own, convention=rules, mistake=mistake)
            if not self.share(tried, rows[::_FIRST_OF], channels):
                continue
            share = self.share(tried, rows, channels)
            if share >= _LEAST_SHARE:
                yield -share, tried.complexity, tried

    def _operators(self, pooling: Pooling) -> Iterator[Operator]:
        """Yield the operators of a pooling, and the common and the closest with wrong rules."""
        own, mistake = self.answer.hypothesis.convention, self.answer.hypothesis.mistake
        yield from self.candidates.operators(pooling)
        if own.pooling != pooling:
            return
        if mistake in RULE_MISTAKES and own.name in PRESETS:
            preset = PRESETS[own.name].convention
            own = replace(own, **{name: getattr(preset, name) for name in RULE_MISTAKES[mistake]})
        bases = [own, *kernels(self.candidates, own)]
        if not self.target.finite_boxes.all():
            bases += [replace(base, clamp_count=False) for base in bases]
        for base in bases:
            yield from with_wrong_rules(base)

    def fits(self, hypothesis: Hypothesis, rows: Index, channels: Index) -> Float | None:
        """Return the share of the values of rows that a call reproduces, (r,)."""
        try:
            made = self.target.made(hypothesis, rows, channels).astype(np.float64)
        except ArgumentError:
            return None
        for change in self.answer.changes:
            if change.per_channel:
                return None
            made = np.asarray(change.output(made))
        given = self.target.output[rows][:, channels].astype(np.float64)
        allowed = np.maximum(self.target.allowed[channels], self.answer.change_tolerance)
        return np.asarray((np.abs(difference(given, made)) <= allowed).mean(axis=(1, 2, 3)))

    def reproduced(self, hypothesis: Hypothesis) -> Mask:
        """Return the rows that a call reproduces, judged by a few channels, (n,)."""
        sample = take_sample(self.target)
        channels = np.arange(self.target.output.shape[1]) if sample is None else sample.channels
        fits = self.fits(hypothesis, np.arange(len(self.target.output)), channels)
        if fits is None:
            return np.zeros(len(self.target.output), np.bool_)
        return np.asarray(fits >= _FULL, np.bool_)

    def _elsewhere(self, left: Mask) -> Iterator[Part]:
        """Yield the rows that are pooled from other boxes."""
        rows = np.flatnonzero(left)
        if not len(rows):
            return
        sample = take_sample(self.target)
        if sample is None:
            return
        made = self.target.made(self.answer.hypothesis, slice(None), sample.channels)
        made = made.reshape(len(self.target.output), -1)
        given = self.target.output[:, sample.channels].reshape(len(made), -1)
        order = match_rows(made, given)
        allowed = np.repeat(
            self.target.allowed[sample.channels].ravel(), given.shape[1] // len(sample.channels)
        )
        same = (np.abs(made[order] - given) <= allowed).mean(axis=1) >= _FULL
        elsewhere = rows[(order[rows] >= 0) & (order[rows] != rows) & same[rows]]
        if len(elsewhere):
            mask = np.zeros(len(left), np.bool_)
            mask[elsewhere] = True
            if len(elsewhere) == 2 and (order[elsewhere] == elsewhere[::-1]).all():
                text = "exchanged"
            else:
                pairs = ", ".join(
                    f"row {row} from box {order[row]}" for row in elsewhere[:_MAX_LISTED].tolist()
                )
                text = f"pooled from other boxes: {pairs}" + (
                    ", …" if len(elsewhere) > _MAX_LISTED else ""
                )
            yield Part(mask, text)
