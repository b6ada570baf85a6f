"""Find where an output differs from the closest call, or why no call comes close."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from roialign_cli.analysis.box_conditions import box_conditions, box_extents
from roialign_cli.core.boxes import Float
from roialign_cli.search.explanation import Closest
from roialign_cli.search.remedies import check_of

_NOTABLE = 2.0  # times the mean of the squares
_MIN_BOXES = 3  # that meet a condition
_SAME_CHANNELS = 0.8  # correlation of the means of channels in the map and in the output
_MIN_CHANNELS = 4
_DISTINCT = 0.3  # deviation of the means of channels, relative to that within a channel


@dataclass(frozen=True)
class Place:
    """Sections, boxes or channels in which the differences are larger than elsewhere.

    Parameters
    ----------
    where
        The name of the place.
    times
        The differences there, relative to the average.
    check
        What to check, as a sentence.
    """

    where: str
    times: float
    check: str

    @property
    def text(self) -> str:
        """The place and how large the differences are there."""
        return f"{self.where} ({self.times:.2g} × the average)"


def residual_places(answer: Closest) -> Iterator[Place]:
    """Yield where the differences from the closest call are largest."""
    rows, channels, sections = answer.residual
    yield from _sections(sections)
    yield from _boxes(answer, rows)
    channel = int(channels.argmax())
    if channels[channel] > _NOTABLE * channels.mean():
        check = "Check the weights and the quantisation of this channel."
        yield _place(f"channel {channel}", channels[channel], channels.mean(), check)


def _sections(sections: Float) -> Iterator[Place]:
    j, i = np.unravel_index(int(sections.argmax()), sections.shape)
    check = "Check how the kernel places the sample points of these sections."
    if sections[j, i] > _NOTABLE * sections.mean():
        yield _place(f"section ({i + 1}, {j + 1})", sections[j, i], sections.mean(), check)
    edge = np.ones_like(sections, bool)
    edge[1:-1, 1:-1] = False
    if not edge.all() and sections[edge].mean() > _NOTABLE * sections[~edge].mean():
        where = "the sections at the edge of the ROI"
        yield _place(where, sections[edge].mean(), sections.mean(), check)


def _boxes(answer: Closest, rows: Float) -> Iterator[Place]:
    mean = float(rows.mean()) or 1.0
    plan = answer.variant.target.operation(answer.hypothesis).plan()
    for name, meets in box_conditions(plan).items():
        if _MIN_BOXES <= np.count_nonzero(meets) < len(rows) and (
            rows[meets].mean() > _NOTABLE * rows[~meets].mean()
        ):
            yield _place(f"boxes {name}", rows[meets].mean(), mean, check_of(name))
    small = np.sqrt(np.abs(np.prod(box_extents(plan), axis=0)))
    below = small < np.median(small)
    if below.any() and rows[below].mean() > _NOTABLE * rows[~below].mean():
        check = "Check the minimum ROI size and the number of sample points."
        yield _place("boxes below the median size", rows[below].mean(), mean, check)


def _place(where: str, square: float, mean: float, check: str) -> Place:
    return Place(where, float(np.sqrt(square / mean)), check)


def far_evidence(answer: Closest) -> Iterator[str]:
    """Yield sentences on which inputs do not belong to an output that no call comes close to.

    Channels of features that hardly differ prove nothing.
    """
    target = answer.variant.target
    output = np.nan_to_num(target.output.astype(np.float64), posinf=0, neginf=0)
    maps = np.nan_to_num(target.features.astype(np.float64), posinf=0, neginf=0)
    axes = (0, 2, 3)
    means = maps.mean(axis=axes)
    distinct = means.std() > _DISTINCT * maps.std(axis=axes).mean()
    if output.shape[1] != maps.shape[1] or len(means) < _MIN_CHANNELS or not distinct:
        yield "Check that the features, the boxes and the order of the rows belong to this output."
        return
    likeness = _correlation(output.mean(axis=axes), means)
    if likeness > _SAME_CHANNELS:
        yield (
            "The channels of the output and of the features have similar means (correlation "
            f"{likeness:.2f}), so that both likely come from the same layer. Check that the boxes "
            "belong to this output and are in the order of its rows; then that the image and its "
            "preprocessing are the same."
        )
    else:
        yield (
            "The channels of the output and of the features have different means (correlation "
            f"{likeness:.2f}). The output was likely pooled from other features: another layer, "
            "pyramid level, image or preprocessing. Check the features first."
        )


def _correlation(one: Float, other: Float) -> float:
    centred, second = one - one.mean(), other - other.mean()
    norm = float(np.sqrt((centred @ centred) * (second @ second)))
    return float(centred @ second) / norm if norm else 0.0
