"""Fit the place of boxes on a map, and gain and bias of the channels, by least squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from roialign_cli.core.boxes import Float
from roialign_cli.search.sample import Sample

Pool = Callable[[Float], Float | None]  # boxes on the map, (r, 4), in cells → (r, c, height, width)

_MAX_ROUNDS = 12
_STEP = 1e-3  # cells, by which boxes are moved to compute derivatives
_TINY = 1e-300
_ROUGH = 1e-5  # unexplained share above which the rules are wrong, and digits are of no use
_LEAST_GAIN = 1e-2
_MAX_DAMPING = 1e6
_MIN_FREE_BOXES = 3  # with fewer boxes, scale and shift are not determined


@dataclass(frozen=True)
class Place:
    """The place of boxes on a map.

    Parameters
    ----------
    scale
        (y, x), map units per box unit.
    shift
        (y, x) in cells, added to both edges of boxes on the map.
    growth
        (y, x) in cells, added to the second edges only.
    """

    scale: tuple[float, float]
    shift: tuple[float, float] = (0.0, 0.0)
    growth: tuple[float, float] = (0.0, 0.0)

    def on_map(self, xyxy: Float) -> Float:
        """Return boxes (r, 4) on the map, in cells."""
        (y, x), (dy, dx), (gy, gx) = self.scale, self.shift, self.growth
        moved: Float = xyxy * np.array([x, y, x, y]) + np.array([dx, dy, dx + gx, dy + gy])
        return moved

    def moved(self, step: Float) -> Place:
        """Return the place after a step (6,): relative scales, shifts and growths."""
        (y, x), (dy, dx), (gy, gx) = self.scale, self.shift, self.growth
        a, b, c, d, e, f = step.tolist()
        return Place((y * (1 + a), x * (1 + b)), (dy + c, dx + d), (gy + e, gx + f))


@dataclass(frozen=True)
class Lines:
    """The straight lines, one for each channel, from pooled values to an output.

    Parameters
    ----------
    gain, bias
        (c,), float64.
    residual
        (r, c, height, width): output minus line.
    """

    gain: Float
    bias: Float
    residual: Float

    @property
    def error(self) -> float:
        """The sum of the squares of the residual."""
        return float(np.square(self.residual).sum())

    def applied(self, made: Float) -> Float:
        """Return the lines at pooled values (r, c, height, width)."""
        line: Float = self.gain[:, None, None] * made + self.bias[:, None, None]
        return line


def fit_lines(made: Float, wanted: Float, weight: Float | float = 1.0) -> Lines:
    """Fit a gain and a bias of each channel, by least squares over (r, c, height, width).

    The residual of values of weight 0 is 0.
    """
    axes = (0, 2, 3)
    made, weight = made.astype(np.float64), np.broadcast_to(weight, made.shape)
    total = np.maximum(weight.sum(axis=axes, keepdims=True), 1)
    centre, target = (
        (weight * values).sum(axis=axes, keepdims=True) / total for values in (made, wanted)
    )
    flat = weight * (made - centre)
    products, squares = (flat * (wanted - target)).sum(axis=axes), (flat * flat).sum(axis=axes)
    gain = products / np.maximum(squares, _TINY)
    bias = target.ravel() - gain * centre.ravel()
    line = gain[:, None, None] * made + bias[:, None, None]
    return Lines(gain, bias, weight * (wanted - line))


def refine(pool: Pool, xyxy: Float, start: Place, sample: Sample) -> tuple[Place, float]:
    """Fit the place of boxes by the Levenberg-Marquardt method.

    Parameters
    ----------
    pool
        Pools boxes on the map.
    xyxy
        (r, 4), the corners in box units, with y down.
    start
        The place to begin with.
    sample
        The output of these boxes; each channel counts equally.

    Returns
    -------
    The place, and the share of the variance of the sample that it does not explain, 0 to 1.
    """
    spread = sample.values.std(axis=(0, 2, 3), keepdims=True)
    wanted = sample.values / np.where(spread > 0, spread, 1)

    def residual(place: Place) -> Float | None:
        made = pool(place.on_map(xyxy))
        if made is None:
            return None
        left = fit_lines(made, wanted, sample.weight).residual.ravel()
        return left if np.isfinite(left).all() else None

    total = float(np.square(wanted - wanted.mean(axis=(0, 2, 3), keepdims=True)).sum()) or 1.0
    now = residual(start)
    if now is None:
        return start, 1.0
    place, damping, error = start, 1e-3, float(now @ now)
    for _ in range(_MAX_ROUNDS):
        slopes = _slopes(residual, place, now, xyxy)
        if slopes is None:
            break
        normal, descent = slopes.T @ slopes, slopes.T @ now
        better = False
        while damping < _MAX_DAMPING and not better:
            damped = normal + damping * np.diag(np.diag(normal) + 1e-12)
            moved = place.moved(-np.linalg.lstsq(damped, descent, rcond=None)[0])
            after = residual(moved) if min(moved.scale) > 0 else None
            better = after is not None and float(after @ after) < error
            damping *= 0.2 if better else 8
        if not better or after is None:
            break
        gained = error - float(after @ after)
        place, now, error = moved, after, error - gained
        rough = error > _ROUGH * total
        if gained < (_LEAST_GAIN if rough else 1e-9) * error or error < 1e-14 * total:
            break
    return place, error / total


def _slopes(
    residual: Callable[[Place], Float | None], place: Place, now: Float, xyxy: Float
) -> Float | None:
    """Return the derivatives of the residual, (values, 6); zero for what boxes cannot show."""
    reach = max(float(np.abs(xyxy).max()) * max(place.scale), 1.0)
    steps = np.array([_STEP / reach] * 2 + [_STEP] * 4)
    slopes = np.zeros((len(now), len(steps)))
    first = 0 if len(xyxy) >= _MIN_FREE_BOXES else 2
    for k in range(first, len(steps)):
        step = np.zeros(len(steps))
        step[k] = steps[k]
        after = residual(place.moved(step))
        if after is None:
            return None
        slopes[:, k] = (after - now) / steps[k]
    return slopes
