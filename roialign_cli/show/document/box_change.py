"""Sentences on boxes that one of two recordings has in another format, scale or place."""

from __future__ import annotations

from collections.abc import Iterator

from roialign_cli.analysis.scaling import scale_text
from roialign_cli.calls.differences.pairing import CallGroup
from roialign_cli.calls.differences.result import CallDifferences
from roialign_cli.core.boxes import BOX_NUMBERS


def box_change_clause(call: CallDifferences) -> str:
    """Return how all boxes of B follow from those of A, as a clause; "" if that is unknown."""
    change = call.box_change
    if change is None:
        return ""
    parts = []
    if change.box_format is not None:
        parts.append(f"as {BOX_NUMBERS[change.box_format]}")
    if change.scale is not None:
        parts.append(_scaled(change.scale, call.groups))
    if change.shift is not None:
        parts.append(f"moved by {_along_axes(change.shift)}")
    one = call.groups[0].boxes == 1
    boxes = "the box of B{} is that of A" if one else "the boxes of B{} are those of A"
    units = ", in the units of A," if call.pairs.units == "map" else ""
    return f"{boxes.format(units)} {', '.join(parts)}"


def box_change_remedy(call: CallDifferences) -> Iterator[str]:
    """Yield how to undo the change of the boxes of B."""
    change, group = call.box_change, call.groups[1]
    convention = group.members[0].description.convention()
    if change is None or call.compensated:
        return
    if change.box_format is not None:
        yield (
            "Convert the boxes of B before its operator, which reads "
            f"{BOX_NUMBERS[convention.box_format]}."
        )
    if change.scale is not None:
        x, y = change.scale
        factors = _factors(1 / x, 1 / y)
        rest = f", or multiply its spatial_scale by {factors}"
        # The scale of an operator has no effect on the choice of the map in a pyramid.
        is_enough = x == y and not convention.normalized and not group.is_pyramid
        also = rest if is_enough else ""
        yield f"Multiply the boxes of B by {factors} before its operator{also}."
    if change.shift is not None:
        yield "Move the boxes of B back before its operator."


def _scaled(scale: tuple[float, float], groups: tuple[CallGroup, CallGroup]) -> str:
    for group in groups:
        level = group.members[0].description.level
        size = None if level is None else level.image_size
        if size is not None and (1 / size[1], 1 / size[0]) == scale:
            return f"divided by the width and height of the image ({size[1]:g} × {size[0]:g})"
    return f"multiplied by {_factors(*scale)}"


def _factors(x: float, y: float) -> str:
    """Return factors along x and y with six digits, or as fractions.

    Examples
    --------
    >>> _factors(1 / 512, 1 / 384), _factors(1.24999999957, 1.24999999957)
    ('1/512 along x and 1/384 along y', '1.25')
    """
    x, y = (f if 1 / round(max(1 / f, 1)) == f else float(f"{f:.6g}") for f in (x, y))
    return scale_text((y, x))


def _along_axes(shift: tuple[float, float]) -> str:
    x, y = (f"{part:.6g}" for part in shift)
    return x if x == y else f"{x} along x and {y} along y"
