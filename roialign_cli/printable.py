"""Text that is safe to print: control characters and lone surrogates as escapes."""

from __future__ import annotations

import re

# Control characters, line separators, marks that change the direction of writing, surrogates.
_UNPRINTABLE = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: str) -> str:
    r"""Return a name or label with an escape for each character that is not safe to print.

    Such characters break lines, move the cursor, change a terminal's settings or the direction of
    writing, or have no encoding.

    Examples
    --------
    >>> print(printable("a\nb"), printable("\x1b[2J"), printable("\udcff.npy"), printable("é"))
    a\nb \u001b[2J \udcff.npy é
    """
    return re.sub(_UNPRINTABLE, lambda match: escaped(match.group()), text)


def escaped(character: str) -> str:
    r"""Return a character as an escape that JSON understands, too.

    Examples
    --------
    >>> print(escaped("\n"), escaped("é"), escaped("\U0001f600"))
    \n \u00e9 \ud83d\ude00
    """
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
