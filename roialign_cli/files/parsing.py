"""Parse numbers that a user wrote in a file or on the command line."""

from __future__ import annotations

import math


def parse_number(text: str) -> float:
    """Parse a number in ASCII digits.

    Python's `float` also accepts underscores and the digits of every script, so that a typing
    mistake such as "1_0" would become another number.

    Raises
    ------
    ValueError
        If the text is not a number.

    Examples
    --------
    >>> parse_number(" 9.25 "), parse_number("1e3")
    (9.25, 1000.0)
    >>> parse_number("1_0")
    Traceback (most recent call last):
        ...
    ValueError: '1_0' is not a number
    """
    return float(_checked_digits(text))


def parse_integer(text: str) -> int:
    """Parse an integer in ASCII digits; raise a `ValueError` as `parse_number` does."""
    return int(_checked_digits(text))


def parse_fraction(text: str) -> float:
    """Parse a number, or a fraction such as "1/16".

    Raises
    ------
    ValueError
        If the text is neither, or the fraction has a negative or infinite part or the divisor 0.

    Examples
    --------
    >>> parse_fraction("1/16"), parse_fraction("0.5")
    (0.0625, 0.5)
    """
    above, slash, below = text.partition("/")
    if not slash:
        return parse_number(text)
    dividend, divisor = parse_number(above), parse_number(below)
    if not (0 <= dividend < math.inf and 0 < divisor < math.inf):
        raise ValueError(f"{text!r} is not a fraction of two positive numbers")
    return dividend / divisor


def _checked_digits(text: str) -> str:
    stripped = text.strip()
    if "_" in stripped or not stripped.isascii():
        raise ValueError(f"{text!r} is not a number")
    return stripped
