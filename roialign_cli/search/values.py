"""Recognise what was done to the values of an output."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from roialign_cli.core.boxes import Float
from roialign_cli.search.changes import (
    RELU_AFTER,
    ROUNDING_STEPS,
    ROUNDINGS,
    Change,
    linear,
    quantised,
    rounded_output,
)
from roialign_cli.search.refine import Lines, fit_lines
from roialign_cli.search.sample import MIN_ZEROS

_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406])
_IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225])
_SAME = 2e-3  # relative difference of numbers that are taken as the same
_MAX_LEVELS = 1024  # different values of a quantised output
_NAMED_GAINS = {
    255.0: "255", 1 / 255: "1/255", 256.0: "256", 1 / 256: "1/256", 128.0: "128", 1 / 128: "1/128"
}  # fmt: skip


def value_changes(made: Float, given: Float, allowed: Float) -> Iterator[Change]:
    """Yield changes of the output by which pooled values may become the given ones.

    Parameters
    ----------
    made, given
        (r, c, height, width), float64.
    allowed
        (c, 1, 1): the largest difference that counts as equal.
    """
    yield from _casts(made, given, allowed)
    yield from _rectified(given)
    yield from _quantised(made, given)
    yield from _linear(fit_lines(made, given), allowed)


def _casts(made: Float, given: Float, allowed: Float) -> Iterator[Change]:
    """Yield the types to which an output was rounded."""
    for name, (rounding, _) in ROUNDINGS.items():
        rounded = rounding(made.astype(np.float32))
        if (rounding(given.astype(np.float32)) == given).all() and (
            np.abs(rounded - given) <= np.maximum(allowed, np.abs(given) * ROUNDING_STEPS[name])
        ).all():
            yield rounded_output(name, float(np.abs(given).max()))
            return


def _rectified(given: Float) -> Iterator[Change]:
    if given.min() == 0 and (given == 0).mean() >= MIN_ZEROS:
        yield RELU_AFTER


def _quantised(made: Float, given: Float) -> Iterator[Change]:
    levels = np.unique(given)
    if not 2 < len(levels) <= _MAX_LEVELS:
        return
    step = float(np.diff(levels).min())
    if np.abs(levels / step - np.round(levels / step)).max() > _SAME:
        return
    inside = (given > levels[0]) & (given < levels[-1])
    if (levels == np.round(levels)).all():
        gain, bias = np.polyfit(made[inside], given[inside], 1).tolist()
        if gain <= 0:
            return
        zero_point = round(bias)
        low = 0 if levels[0] >= 0 else -128
        yield _fewest_digits(made, given, 1 / gain, zero_point, low)
    else:
        step = float(np.abs(levels).max() / round(float(np.abs(levels).max()) / step))
        yield quantised(step, 0, -128, 127, raw=False)


def _fewest_digits(made: Float, given: Float, step: float, zero_point: int, low: int) -> Change:
    """Return the quantisation to integers with the shortest scale that misses no more values."""
    choices = [float(f"{step:.{digits}g}") for digits in (2, 3, 4, 5, 7)]
    changes = [quantised(choice, zero_point, low, low + 255, raw=True) for choice in choices]
    misses = [float((change.output(made) != given).mean()) for change in changes]
    return changes[next(k for k, miss in enumerate(misses) if miss <= min(misses) + 1e-4)]


def _linear(lines: Lines, allowed: Float) -> Iterator[Change]:
    """Yield gains and biases, the simplest first."""
    gain, bias = lines.gain, lines.bias
    noticed = np.abs(bias) > 10 * allowed.ravel()
    zero = np.zeros(1)
    imagenet = _imagenet(gain, bias)
    if imagenet is not None:
        yield imagenet
    if np.ptp(gain) <= _SAME * abs(gain.mean()) and not noticed.any():
        factor = float(np.median(gain))
        remedy = "Scale the image or the features in the same way on both sides."
        near = [(f, name) for f, name in _NAMED_GAINS.items() if abs(factor / f - 1) < _SAME]
        if near:
            text = f"the output is multiplied by {near[0][1]}"
            yield linear(np.array([near[0][0]]), zero, text, remedy)
        short = float(f"{factor:.6g}")
        text = f"the output is multiplied by {short:g}"
        yield linear(np.array([short]), zero, text, remedy)
    remedy = (
        "Apply the same normalisation on both sides. A batch normalisation that was folded into "
        "the operator has this effect."
    )
    if noticed.any():
        text = "each channel of the output is multiplied by one number, and another is added"
        yield linear(gain, bias, text, remedy)
    else:
        text = "each channel of the output is multiplied by a number of its own"
        yield linear(gain, np.zeros_like(gain), text, remedy)


def _imagenet(gain: Float, bias: Float) -> Change | None:
    """Return the normalisation by ImageNet's mean and deviation, None if it is another one."""
    if len(gain) != len(_IMAGENET_MEAN):
        return None
    for (order, words), (unit, scaled) in product(_CHANNEL_ORDERS.items(), _UNITS.items()):
        mean, deviation = unit * _IMAGENET_MEAN[::order], unit * _IMAGENET_DEVIATION[::order]
        for how, own in (
            ("normalised", (1 / deviation, -mean / deviation)),
            ("not normalised", (deviation, mean)),
        ):
            near = np.abs(bias - own[1]) <= _SAME * np.abs(own[0]).max() * 10
            if np.allclose(gain, own[0], rtol=_SAME) and near.all():
                text = f"the output is {how} by ImageNet's mean and deviation ({words}{scaled})"
                return linear(*own, text, "Normalise the image in the same way on both sides.")
    return None


_CHANNEL_ORDERS = {1: "RGB", -1: "BGR"}
_UNITS = {1.0: "", 255.0: ", values from 0 to 255"}
