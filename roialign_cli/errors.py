"""What can go wrong for a user, as exceptions with one-line messages."""

import operator
from collections.abc import Iterable
from typing import SupportsIndex

from roialign_cli.printable import printable


class RoiAlignError(ValueError):
    """Base of everything that this package raises for a bad file, argument or call."""


class ArgumentError(RoiAlignError):
    """An argument that cannot be used.

    Parameters
    ----------
    argument
        The keyword's name, as in the Python API (``"output_size"``).
    problem
        What is wrong, and what to do.
    instead
        Another argument to use instead; "" if there is none.
    """

    def __init__(self, argument: str, problem: str, instead: str = "") -> None:
        self.argument = argument
        self.problem = f"{problem}; use {instead}" if instead else problem
        self.instead = instead
        super().__init__(f"{argument}: {self.problem}")


class FileError(RoiAlignError):
    """A file that cannot be read or written; the message starts with the path of the file."""

    def __init__(self, path: object, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{printable(str(path))}: {problem}")


def out_of_range(index: object, count: int, thing: str) -> str:
    """Return the problem with an index that does not exist, for an error message.

    Examples
    --------
    >>> out_of_range(3, 1, "map"), out_of_range(7, 4, "box")
    ('3 is out of range: there is 1 map (index 0)', '7 is out of range: there are 4 boxes (0 to 3)')
    """
    if count == 1:
        return f"{index} is out of range: there is 1 {thing} (index 0)"
    plural = f"{thing}es" if thing.endswith("x") else f"{thing}s"
    return f"{index} is out of range: there are {count} {plural} (0 to {count - 1})"


def checked_index(name: str, value: object, length: int, thing: str) -> int:
    """Return an index as a plain int, or raise an `ArgumentError`.

    Examples
    --------
    >>> checked_index("channel", 2, 3, "channel")
    2
    """
    problem = f"must be a whole number, got {value!r}"
    if not isinstance(value, SupportsIndex) or isinstance(value, bool):
        raise ArgumentError(name, problem)
    try:
        index = operator.index(value)
    except TypeError:  # an array with several elements
        raise ArgumentError(name, problem) from None
    if not length:
        raise ArgumentError(name, f"there is no {thing}")
    if not 0 <= index < length:
        raise ArgumentError(name, out_of_range(index, length, thing))
    return index


def alternatives(words: Iterable[str]) -> str:
    """Join words as alternatives, for an error message.

    Examples
    --------
    >>> alternatives(["avg", "max"]), alternatives([".npy", ".npz", ".csv"])
    ('avg or max', '.npy, .npz or .csv')
    """
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def unknown_suffix(path: object, suffixes: Iterable[str]) -> str:
    """Return the problem with a file to write whose suffix is unknown, for an error message.

    Examples
    --------
    >>> unknown_suffix("out.txt", [".npy", ".npz"])
    'out.txt has an unknown suffix; use .npy or .npz'
    """
    return f"{path} has an unknown suffix; use {alternatives(suffixes)}"


def nearest(name: str, known: Iterable[str], where: str = "") -> str:
    """Return the most similar known name and all known names, for an error message.

    Parameters
    ----------
    name
        What was given.
    known
        The names that are known.
    where
        What lists the names, if they are too many for a message.
    """
    import difflib  # noqa: PLC0415 - only an error needs it

    near = difflib.get_close_matches(name, known, n=1)
    if where:
        return f"did you mean {near[0]}? {where}" if near else where
    hint = f"did you mean {near[0]}? Choose" if near else "choose"
    return f"{hint} {alternatives(known)}"
