"""Reading a number that a user wrote, in a file or on the command line."""

from __future__ import annotations


def parse_number(text: str) -> float:
    """Return the number that a text writes in ASCII digits.

    Python's `float` also reads underscores and the digits of every script, so that a slip such as
    "1_0" would become another number.

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
    return float(_plain(text))


def parse_whole(text: str) -> int:
    """Return the whole number that a text writes in ASCII digits, as `parse_number` does."""
    return int(_plain(text))


def _plain(text: str) -> str:
    stripped = text.strip()
    if "_" in stripped or not stripped.isascii():
        raise ValueError(f"{text!r} is not a number")
    return stripped
