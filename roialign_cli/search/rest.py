"""Find out about the rows of an output that the closest call does not reproduce."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from roialign_cli.analysis.box_conditions import (
    Mask,
    box_conditions,
    box_extents,
    common_conditions,
)
from roialign_cli.core.boxes import Float
from roialign_cli.core.presets import PRESETS
from roialign_cli.errors import ArgumentError
from roialign_cli.search.candidates import Candidates, Operator
from roialign_cli.search.concrete import Concrete
from roialign_cli.search.explanation import Closest, Explanation, Part
from roialign_cli.search.fit import Index, SearchTarget
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.mistakes import RULE_MISTAKES
from roialign_cli.search.row_matching import match_rows
from roialign_cli.search.sample import take_sample
from roialign_cli.search.variants import Variant, with_other_rows

_MAX_ROWS, _MAX_CHANNELS = 12, 6
_LEAST_SHARE = 0.5  # of the rows, that another operator reproduces
_FULL = 0.99  # share of the values of a row


def explain_rest(answer: Closest, candidates: Candidates) -> Closest:
    """Return an answer with what is known of the rows that it does not reproduce."""
    if answer.verdict != "partial":
        return answer
    rest = _Rest(answer, candidates)
    better = rest.operator_of_all()
    if better is not None:
        return better
    if answer.variant.rows is None:
        answer = reordered(answer, answer.variant)
        rest = _Rest(answer, candidates)
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
            yield Part(left, " and ".join(conditions))
        other = self._other_operator(left)
        if other is not None:
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
            yield Part(left, "unexplained")

    def _on_other_maps(self, left: Mask) -> Iterator[Part]:
        """Yield the rows that are pooled from another map than the given one."""
        target, hypothesis = self.target, self.answer.hypothesis
        maps = len(target.features)
        for n in range(maps if left.any() and maps > 1 else 0):
            index = np.full(len(target.boxes), n)
            moved = replace(target, batches=dict.fromkeys(target.batches, index))
            variant = replace(self.answer.variant, target=moved)
            other = _Rest(replace(self.answer, variant=variant), self.candidates)
            rows = left & other.reproduced(hypothesis)
            if rows.any():
                yield Part(rows, f"pooled from map {n}")

    def _unusable(self, left: Mask) -> Iterator[Part]:
        output = self.target.output
        bad = left & ~np.isfinite(output).all(axis=(1, 2, 3))
        if bad.any():
            yield Part(bad, "not finite (NaN or infinite)")
        flat = left & ~bad & ~self.target.informative_boxes
        if flat.any():
            yield Part(flat, "constant")

    def _conditions(self, left: Mask) -> list[str]:
        """Return what the rows have in common and the others have not."""
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
        left = ~self.answer.boxes & self.target.informative_boxes
        other = self._other_operator(left)
        if other is None:
            return None
        fits = self.reproduced(other)
        if np.count_nonzero(fits) <= np.count_nonzero(self.answer.boxes) or not fits[left].all():
            return None
        return replace(self.answer, hypothesis=other, boxes=fits)

    def _other_operator(self, left: Mask) -> Hypothesis | None:
        """Return the simplest operator that reproduces most of some rows."""
        sample = take_sample(self.target, left)
        if sample is None:
            return None
        rows, channels = sample.boxes[:_MAX_ROWS], sample.channels[:_MAX_CHANNELS]
        own = self.answer.hypothesis
        best: tuple[float, tuple[int, int], Hypothesis] | None = None
        for convention, mistake in self._operators():
            rules = replace(convention, **own.box_fields)
            tried = replace(own, convention=rules, mistake=mistake)
            fits = self._fits(tried, rows, channels)
            share = 0.0 if fits is None else float((fits >= _FULL).mean())
            if share >= _LEAST_SHARE:
                rank = (-share, tried.complexity, tried)
                if best is None or rank[:2] < best[:2]:
                    best = rank
        return None if best is None else best[2]

    def _operators(self) -> Iterator[Operator]:
        """Yield the operators of the pooling, and the closest one with wrong rules."""
        own = self.answer.hypothesis.convention
        yield from self.candidates.operators(own.pooling)
        if own.pooling == "avg":
            roi_pool = PRESETS["roi-pool"].convention
            yield roi_pool, ""
        for text, fields in RULE_MISTAKES.items():
            if any(getattr(own, name) != value for name, value in fields.items()):
                with suppress(ArgumentError):  # some rules exclude each other
                    yield replace(own, **fields), text

    def _fits(self, hypothesis: Hypothesis, rows: Index, channels: Index) -> Float | None:
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
        return np.asarray((np.abs(made - given) <= allowed).mean(axis=(1, 2, 3)))

    def reproduced(self, hypothesis: Hypothesis) -> Mask:
        """Return the rows that a call reproduces, judged by a few channels, (n,)."""
        sample = take_sample(self.target)
        channels = np.arange(self.target.output.shape[1]) if sample is None else sample.channels
        fits = self._fits(hypothesis, np.arange(len(self.target.output)), channels)
        if fits is None:
            return np.zeros(len(self.target.output), np.bool_)
        return np.asarray(fits >= _FULL, np.bool_)

    def _elsewhere(self, left: Mask) -> Iterator[Part]:
        """Yield the rows that are those of other boxes, or pooled from another map."""
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
                pairs = ", ".join(f"{row} is box {order[row]}" for row in elsewhere[:6].tolist())
                text = f"those of other boxes: row {pairs}" + (", …" if len(elsewhere) > 6 else "")
            yield Part(mask, text)
