"""Say where an output differs from the call that comes closest, or why nothing comes close."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from roialign_cli.analysis.box_conditions import box_conditions, box_extents
from roialign_cli.core.boxes import Float
from roialign_cli.search.explanation import Closest

_NOTABLE = 2.0  # times the mean of the squares
_MIN_BOXES = 3  # that meet a condition
_SAME_CHANNELS = 0.8  # correlation of the means of channels in the map and in the output
_MIN_CHANNELS = 4
_DISTINCT = 0.3  # deviation of the means of channels, relative to that within a channel


def residual_places(answer: Closest) -> Iterator[str]:
    """Yield where the differences from the closest call are largest, as clauses."""
    rows, channels, sections = answer.residual
    mean = float(rows.mean()) or 1.0
    j, i = np.unravel_index(int(sections.argmax()), sections.shape)
    if sections[j, i] > _NOTABLE * sections.mean():
        yield f"section ({i + 1}, {j + 1}): {_times(sections[j, i], sections.mean())}"
    edge = np.ones_like(sections, bool)
    edge[1:-1, 1:-1] = False
    if not edge.all() and sections[edge].mean() > _NOTABLE * sections[~edge].mean():
        yield f"sections at the edge of the ROI: {_times(sections[edge].mean(), sections.mean())}"
    plan = answer.variant.target.operation(answer.hypothesis).plan()
    for name, meets in box_conditions(plan).items():
        if _MIN_BOXES <= np.count_nonzero(meets) < len(rows) and (
            rows[meets].mean() > _NOTABLE * rows[~meets].mean()
        ):
            yield f"boxes {name}: {_times(rows[meets].mean(), mean)}"
    small = np.sqrt(np.abs(np.prod(box_extents(plan), axis=0)))
    below = small < np.median(small)
    if below.any() and rows[below].mean() > _NOTABLE * rows[~below].mean():
        yield f"boxes below the median size: {_times(rows[below].mean(), mean)}"
    channel = int(channels.argmax())
    if channels[channel] > _NOTABLE * channels.mean():
        yield f"channel {channel}: {_times(channels[channel], channels.mean())}"


def _times(value: float, mean: float) -> str:
    return f"{np.sqrt(value / mean):.2g} × the mean"


def far_evidence(answer: Closest) -> Iterator[str]:
    """Yield sentences on what does not belong to an output that nothing comes close to.

    Nothing is said if the channels of the features hardly differ.
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
            f"{likeness:.2f}). The features are likely right. The boxes are likely wrong: check "
            "that they belong to this output, and that its rows are in the same order."
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
