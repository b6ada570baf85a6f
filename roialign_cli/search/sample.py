"""Choose the boxes and channels of an output by which a graded search judges hypotheses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.search.fit import Index, SearchTarget

_MAX_BOXES, _MAX_CHANNELS = 24, 6
_MIN_VALUES_PER_BOX = 16  # with fewer values, boxes are judged together
MIN_ZEROS = 0.02  # share of zeros in an output after a ReLU
_TINY = 1e-12


@dataclass(frozen=True)
class Sample:
    """A few boxes and channels of an output.

    Parameters
    ----------
    boxes, channels
        (r,) and (c,), their indices in the output.
    values
        (r, c, height, width), float64: the output.
    standard
        The same, each channel with mean 0 and variance 1 over all boxes of the output.
    """

    boxes: Index
    channels: Index
    values: Float
    standard: Float

    @property
    def weight(self) -> Float | float:
        """The weights of the values: 0 for the zeros of an output after a ReLU."""
        zeros = self.values == 0
        rectified = not (self.values < 0).any() and zeros.mean() >= MIN_ZEROS
        return np.asarray(~zeros, np.float64) if rectified else 1.0

    def similarity(self, made: Float) -> Float:
        """Return the correlation of pooled values with the sample, a number for each box, (r,).

        A gain and a bias per channel change nothing. With few values per box, all boxes have the
        correlation over all values.
        """
        return cosines(standardised(made), self.standard)

    def of_boxes(self, chosen: Index) -> Sample:
        """Return the sample with some of its boxes."""
        return Sample(self.boxes[chosen], self.channels, self.values[chosen], self.standard[chosen])

    def of_channels(self, count: int) -> Sample:
        """Return the sample with its first channels."""
        few = slice(count)
        return Sample(self.boxes, self.channels[few], self.values[:, few], self.standard[:, few])


def standardised(values: Float) -> Float:
    """Shift and scale values (r, c, height, width) so that each channel has mean 0, variance 1."""
    values = values.astype(np.float64)
    centred = values - values.mean(axis=(0, 2, 3), keepdims=True)
    spread = np.sqrt(np.square(centred).mean(axis=(0, 2, 3), keepdims=True))
    return np.asarray(centred / np.maximum(spread, _TINY))


def cosines(one: Float, other: Float) -> Float:
    """Return the cosine of the angle between the values of each box, (r,)."""
    if one[0].size < _MIN_VALUES_PER_BOX:
        whole = (one * other).sum() / max(np.sqrt((one * one).sum() * (other * other).sum()), _TINY)
        return np.full(len(one), whole)
    axes = (1, 2, 3)
    norm = np.sqrt((one * one).sum(axis=axes) * (other * other).sum(axis=axes))
    return np.asarray((one * other).sum(axis=axes) / np.maximum(norm, _TINY))


def take_sample(
    target: SearchTarget, rows: NDArray[np.bool_] | None = None, most: int = _MAX_BOXES
) -> Sample | None:
    """Choose boxes of all sizes and the channels that vary most.

    Parameters
    ----------
    target
        The output and its boxes.
    rows
        (R,), bool: the boxes to choose from; None for all.
    most
        How many boxes to choose.

    Returns
    -------
    The sample; None if no box has finite and varied values.
    """
    output, usable = target.output, target.finite_boxes & target.informative_boxes
    if rows is not None:
        usable &= rows
    found = np.flatnonzero(usable)
    if not len(found):
        return None
    given = target.boxes[found]
    by_size = found[np.argsort(np.abs(given[:, 2:] - given[:, :2]).sum(axis=1), kind="stable")]
    places = np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(np.intp)
    boxes = np.sort(by_size[places])
    finite = output[boxes].astype(np.float64)
    varied = np.argsort(-finite.std(axis=(0, 2, 3)), kind="stable")[:_MAX_CHANNELS]
    channels = np.sort(varied)
    values = output[np.ix_(found, channels)].astype(np.float64)
    chosen = np.searchsorted(found, boxes)
    return Sample(boxes, channels, values[chosen], standardised(values)[chosen])


def whole_sample(target: SearchTarget, boxes: Index, channels: Index) -> Sample:
    """Return a sample of given boxes and channels; values that are not finite become 0."""
    given = target.output[np.ix_(boxes, channels)].astype(np.float64)
    values = np.nan_to_num(given, posinf=0, neginf=0)
    return Sample(boxes, channels, values, standardised(values))
