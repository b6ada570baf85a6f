"""Make text safe to print: replace control characters and lone surrogates by escapes."""

from __future__ import annotations

import re

# Control characters, line separators, marks for the direction of writing, surrogates.
_UNPRINTABLE = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    r"""Replace each character of a text that is not safe to print by an escape.

    Unsafe characters break lines, move the cursor, change the settings of a terminal or the
    direction of writing, or have no encoding.

    Examples
    --------
    >>> print(printable("a\nb"), printable("\x1b[2J"), printable("\udcff.npy"), printable("é"))
    a\nb \u001b[2J \udcff.npy é
    """
    return re.sub(_UNPRINTABLE, lambda match: escaped(match.group()), text)


def escaped(character: str) -> str:
    r"""Return an escape for a character, as in JSON.

    Examples
    --------
    >>> print(escaped("\n"), escaped("é"), escaped("\U0001f600"))
    \n \u00e9 \ud83d\ude00
    """
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
