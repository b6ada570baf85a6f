"""Give names to long lists of numbers in lines of Python, so that people can read the lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from roialign_cli.search.row_words import expanded_index

_MAX_LIST = 60  # characters of a list that is printed in full
_MAX_LISTED = 6  # numbers in a comment
_LIST = re.compile(r"(?:np\.r_)?\[[-+:.,\se\d]+\]")
# What a line begins with → the name of its list.
_NAMES = {
    "boxes =": "rows",
    "output[": "rows",
    "output = np.insert": "rows",
    "batch_index =": "maps",
    "features =": "channels",
}


def abridged(lines: Sequence[str]) -> tuple[list[str], dict[str, list[float]]]:
    """Replace long lists of numbers by names.

    Parameters
    ----------
    lines
        Lines of Python.

    Returns
    -------
    tuple
        The lines, after a comment for each name, and the name of each list → its numbers.

    Examples
    --------
    >>> lines, arrays = abridged([f"boxes = boxes[{list(range(40, 0, -2))}]", "output = 1"])
    >>> lines[0], lines[1:], arrays["rows"][:2]
    ('# rows: 20 numbers (40, 38, 36, 34, 32, 30, …), ...', ['boxes = boxes[rows]', ...], [40, 38])
    """
    arrays: dict[str, list[float]] = {}
    short = [_shortened(line, arrays) for line in lines]
    return [*_comments(arrays), *short], arrays


def _shortened(line: str, arrays: dict[str, list[float]]) -> str:
    """Replace the long lists of a line, and add them to the arrays by their names."""
    for found in _LIST.findall(line):
        if len(found) > _MAX_LIST:
            name = _new_name(line, found, arrays)
            arrays[name] = expanded_index(found)
            line = line.replace(found, name, 1)
    return line


def _new_name(line: str, found: str, arrays: dict[str, list[float]]) -> str:
    plain = "bias" if f"+ np.array({found})" in line else "gain"
    name = next((name for start, name in _NAMES.items() if line.startswith(start)), plain)
    same = sum(other.startswith(name) for other in arrays)
    return f"{name}_{same + 1}" if same else name


def _comments(arrays: dict[str, list[float]]) -> Iterator[str]:
    for name, numbers in arrays.items():
        first = ", ".join(f"{number:g}" for number in numbers[:_MAX_LISTED])
        yield f'# {name}: {len(numbers)} numbers ({first}, …), in "arrays" of --format json'
