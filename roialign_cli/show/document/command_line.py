"""Write the rules of a convention and a scale as options of a command line."""

from __future__ import annotations

from collections.abc import Mapping

from roialign_cli.core.convention import Convention
from roialign_cli.core.overrides import changes
from roialign_cli.core.presets import PRESETS

_MAX_DIVISOR = 1 << 16  # of a scale that is printed as a fraction

# The fields that have an option of their own; the others are set by --set.
_OPTIONS = {
    "pooling", "points", "sampling_ratio", "divide", "offset", "min_size", "extrapolation_value",
    "box_format", "origin",
}  # fmt: skip


def changed_fields(convention: Convention) -> dict[str, object]:
    """Return the fields that differ from the preset; all fields of a custom convention."""
    return changes(convention) if convention.name in PRESETS else convention.parameters()


def convention_words(convention: Convention, also: Mapping[str, object]) -> list[str]:
    """Return the words of a command line that choose a convention.

    Parameters
    ----------
    convention
        The rules, named after a preset.
    also
        Fields to state although the preset may have the same values.
    """
    words = ["--preset", convention.name]
    for name, value in (changed_fields(convention) | dict(also)).items():
        if name == "normalized":
            words.append("--normalized" if value else "--absolute")
        elif name in _OPTIONS:
            words += [f"--{name.replace('_', '-')}", f"{value}"]
        else:
            words += ["--set", f"{name}={value}".lower()]
    return words


def scale_text(scale: tuple[float, float]) -> str:
    """Return a scale (y, x) as the value of --spatial-scale.

    Examples
    --------
    >>> scale_text((1 / 16, 1 / 16)), scale_text((0.3, 2.0))
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
