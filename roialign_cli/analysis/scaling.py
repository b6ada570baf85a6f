"""Name the spatial scale of a call and what determines it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ScaledBy = Literal["image_size", "stride", "spatial_scale", "normalized"]


@dataclass(frozen=True)
class ScaleSource:
    """Name what determines the spatial scale of a call.

    Parameters
    ----------
    scaled_by
        The option that determines the scale, or "normalized" for boxes that are fractions of the
        image; None if the boxes are in cells.
    image_size
        (width, height) of the image in pixels; None if it is not known.
    """

    scaled_by: ScaledBy | None = None
    image_size: tuple[float, float] | None = None


def scale_text(scale: tuple[float, float]) -> str:
    """Return a scale (y, x) in words.

    Examples
    --------
    >>> scale_text((1 / 16, 1 / 16)), scale_text((0.3, 2.0))
    ('1/16', '2 along x and 0.3 along y')
    """
    y, x = scale
    return _fraction(x) if x == y else f"{_fraction(x)} along x and {_fraction(y)} along y"


def scale_option(scale: tuple[float, float]) -> str:
    """Return a scale (y, x) as the value of --spatial-scale.

    Examples
    --------
    >>> scale_option((1 / 16, 1 / 16)), scale_option((0.3, 2.0))
    ('1/16', '2,0.3')
    """
    y, x = scale
    return _fraction(x) if x == y else f"{_fraction(x)},{_fraction(y)}"


def _fraction(scale: float) -> str:
    """Return a scale as a fraction "1/16" if that is exact, or else in all its digits."""
    divisor = round(min(1 / scale, _MAX_DIVISOR))
    return (
        f"1/{divisor}"
        if divisor > 1 and 1 / divisor == scale
        else repr(float(scale)).removesuffix(".0")
    )


_MAX_DIVISOR = 1 << 16  # of a scale that is printed as a fraction
