"""Compare a whole output with a call and its changes, some boxes after others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.analysis.comparison import difference
from roialign_cli.core.boxes import Float
from roialign_cli.search.changes import Change
from roialign_cli.search.fit import ALL, Index, SearchTarget, Selection
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.refine import Lines, fit_lines
from roialign_cli.search.sample import cosines, standardised

_MAX_VALUES_PER_PIECE = 1 << 21
FULL_SHARE = 0.99  # of the values of a box; rounding may decide some differently
_MOST_OFF = 10  # times the allowed difference, by which these may be off
_MAX_CHANNELS = 8  # that are compared at first
_TINY, _MOST_RELATIVE = 1e-12, 1e3


@dataclass(frozen=True)
class Report:
    """How far a call is from an output of n boxes and C channels.

    Parameters
    ----------
    correlation
        The mean correlation of the boxes with the output, -1 to 1.
    gain, bias
        (C,), the straight lines from the call to the output, for each channel.
    boxes, channels, sections
        (n,), (C,) and (height, width), bool: the rows, channels and sections of the output that the
        call with its changes reproduces.
    residual
        (n,), (C,) and (height, width): the mean squares of the differences, each channel in units
        of its standard deviation.
    largest, worst
        The largest difference in these rows, and in all, in units of the output.
    tolerance
        The largest difference that counts as equal, in units of the output.
    """

    correlation: float
    gain: Float
    bias: Float
    boxes: Mask
    channels: Mask
    sections: Mask
    residual: tuple[Float, Float, Float]
    largest: float
    worst: float
    tolerance: float


def reported(
    target: SearchTarget,
    hypothesis: Hypothesis,
    changes: Sequence[Change],
    *,
    all_channels: bool = True,
) -> Report:
    """Compare an output with a call and its changes, on all channels or on a few of them."""
    channels = ALL if all_channels else _few_channels(target, changes)
    tolerance = max((change.tolerance for change in changes), default=0.0)
    allowed = np.maximum(target.allowed[channels], tolerance)
    tally = _Tally(allowed)
    step = max(_MAX_VALUES_PER_PIECE // max(target.output[0].size, 1), 1)
    for start in range(0, len(target.output), step):
        rows = slice(start, start + step)
        made = target.made(hypothesis, rows, channels).astype(np.float64)
        given = target.output[rows][:, channels].astype(np.float64)
        finite = _finite(given)
        if not start:
            tally.lines = fit_lines(_finite(made), finite)
        for change in changes:
            made = np.asarray(change.output(made))
        tally.add(made, given, finite)
    return tally.report()


def _few_channels(target: SearchTarget, changes: Sequence[Change]) -> Selection:
    count = target.output.shape[1]
    if count <= 2 * _MAX_CHANNELS or any(change.per_channel for change in changes):
        return ALL
    return _evenly(count)


class _Tally:
    """Counts what is reproduced, some rows after others; `lines` are those of the first rows."""

    lines: Lines

    def __init__(self, allowed: Float) -> None:
        self.allowed = allowed
        self.rows: list[Mask] = []
        self.similar: list[Float] = []
        self.by_row: list[Float] = []
        self.by_channel: list[Float] = []
        self.by_section: list[Float] = []
        self.channels = np.ones(len(allowed), np.bool_)
        self.sections = np.ones((), np.bool_)
        self.largest = self.worst = 0.0

    def add(self, made: Float, given: Float, finite: Float) -> None:
        """Add some rows, (r, C, height, width); `finite` are the given ones without gaps."""
        sizes = np.abs(difference(given, made))
        sizes[np.isnan(sizes)] = np.inf
        within = sizes <= self.allowed
        worst, good = sizes.max(axis=(1, 2, 3)), within.mean(axis=(1, 2, 3)) >= FULL_SHARE
        for row in np.flatnonzero(good & ~within.all(axis=(1, 2, 3))).tolist():
            good[row] = (sizes[row] <= _MOST_OFF * self.allowed).all()
        self.rows.append(good)
        few = _evenly(made.shape[1]) if good.all() else ALL
        self.similar.append(
            cosines(standardised(_finite(made[:, few])), standardised(finite[:, few]))
        )
        self.channels = self.channels & within.all(axis=(0, 2, 3))
        self.sections = self.sections & within.all(axis=(0, 1))
        self.largest = max(self.largest, float(worst[good].max(initial=0)))
        self.worst = max(self.worst, float(worst.max(initial=0)))
        spread = np.maximum(finite.std(axis=(0, 2, 3), keepdims=True), _TINY)
        relative = np.square(np.minimum(sizes / spread, _MOST_RELATIVE))
        by_channel = relative.mean(axis=(2, 3))
        self.by_row.append(by_channel.mean(axis=1))
        self.by_channel.append(by_channel.mean(axis=0))
        self.by_section.append(relative.mean(axis=(0, 1)))

    def report(self) -> Report:
        """Return how far the call is from the output."""
        channels, sections = (np.mean(p, axis=0) for p in (self.by_channel, self.by_section))
        return Report(
            correlation=float(np.mean(np.concatenate(self.similar))),
            gain=self.lines.gain,
            bias=self.lines.bias,
            boxes=np.concatenate(self.rows),
            channels=self.channels,
            sections=self.sections,
            residual=(np.concatenate(self.by_row), channels, sections),
            largest=self.largest,
            worst=self.worst,
            tolerance=max(float(self.allowed.max()), self.largest),
        )


def _finite(values: Float) -> Float:
    return np.nan_to_num(values, posinf=0, neginf=0)


def _evenly(count: int) -> Index:
    """Return the indices of a few of so many channels."""
    return np.unique(np.linspace(0, count - 1, _MAX_CHANNELS).round().astype(np.intp))
