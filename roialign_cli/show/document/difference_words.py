"""Words for the sides of a comparison, and for the sizes of differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIDES = "A", "B"
MIN_SHARE = 0.005  # of the difference, below which a share is not shown


def amount(value: float) -> str:
    """Return a difference with two significant digits.

    Examples
    --------
    >>> amount(0.000964), amount(0), amount(1234.5)
    ('0.00096', '0', '1234')
    """
    if not np.isfinite(value):
        return "one not finite"
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"


def by_up_to(value: float | None) -> str:
    """Return by how much values differ at most."""
    if value is None or np.isfinite(value):
        return f"by up to {amount(value or 0.0)}"
    return "(of some values, only one is finite)"


def percent(share: float) -> str:
    """Return a share of a difference in percent."""
    return f"{100 * share:.0f} %"


def of_difference(share: float | None) -> str:
    """Return a share of a difference in brackets; "" if it is unknown or not worth a number.

    Examples
    --------
    >>> of_difference(0.613), of_difference(-0.002), of_difference(None)
    (' (61 % of the difference)', '', '')
    """
    if share is None or share < MIN_SHARE:
        return ""
    return f" ({percent(share)} of the difference)"


def joined(clauses: Sequence[str], separator: str = " ") -> str:
    """Join clauses with commas and a last "and".

    Parameters
    ----------
    clauses
        At least one clause.
    separator
        What is before the "and".

    Examples
    --------
    >>> joined(["x to 1", "y to 2", "z to 3"]), joined(["x is 1", "y is 2"], ", ")
    ('x to 1, y to 2 and z to 3', 'x is 1, and y is 2')
    """
    *others, last = clauses
    return f"{', '.join(others)}{separator}and {last}" if others else last
