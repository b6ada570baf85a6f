"""What can go wrong for a user, as exceptions with one-line messages."""

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
        What was given, what is needed, and what would do.
    """

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument}: {problem}")
        self.argument = argument
        self.problem = problem


class FileError(RoiAlignError):
    """A file that cannot be read or written; the message starts with its path."""

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(f"{printable(str(path))}: {problem}")


def out_of_range(index: object, count: int, thing: str) -> str:
    """Return what is wrong with an index that does not exist.

    Examples
    --------
    >>> out_of_range(3, 1, "map"), out_of_range(7, 4, "box")
    ('3 is out of range: there is 1 map (index 0)', '7 is out of range: there are 4 boxes (0 to 3)')
    """
    if count == 1:
        return f"{index} is out of range: there is 1 {thing} (index 0)"
    plural = f"{thing}es" if thing.endswith("x") else f"{thing}s"
    return f"{index} is out of range: there are {count} {plural} (0 to {count - 1})"
