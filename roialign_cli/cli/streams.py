"""Make standard output and error accept any text, in any encoding, even if they are closed."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

import click

from roialign_cli.errors import FileError
from roialign_cli.printable import escaped, printable

# What to print for a character of this program that an encoding lacks. The marks of a sketch
# remain different from each other.
LOOK_ALIKES = {
    **dict.fromkeys("−–─━", "-"),
    **dict.fromkeys("│┃", "|"),
    **dict.fromkeys("┏┓┗┛┠┨┯┷┼└", "+"),
    "×": "x",
    "·": "*",
    "†": "**",
    "²": "^2",
    "…": "...",
    "→": "->",
    "←": "<-",
    "↑": "^",
    "↓": "v",
    "≈": "~",
    "≤": "<=",
    "√": "sqrt",
    "≥": ">=",
    "•": "o",
    "□": "#",
    "◇": "&",
    "◉": "@",
    "░": ":",
}


def _substituted(error: UnicodeError) -> tuple[str, int]:
    """Return text for characters that an encoding lacks, and the position after them.

    This is an error handler for codecs.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(LOOK_ALIKES.get(char) or escaped(char) for char in lacking), error.end


_SUBSTITUTE = "roialign-substitute"
codecs.register_error(_SUBSTITUTE, _substituted)


class _Output:
    """Standard output that accepts any text; a failure to write ends the run with an error."""

    encoding = "utf-8"  # so that click and Rich do not substitute anything themselves

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._failure: OSError | None = None

    def write(self, text: str) -> int:
        if not text.isascii():
            encoding = self._stream.encoding or "utf-8"
            text = text.encode(encoding, _SUBSTITUTE).decode(encoding)
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def _attempt(self, action: Callable[[], object]) -> None:
        """Write, and raise the first failure at each later attempt, because click ignores one."""
        if self._failure is None:
            try:
                action()
            except OSError as error:
                self._failure = error
                # The buffered text would fail again when Python exits.
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        if self._failure is not None:
            self._raise(self._failure)

    def _raise(self, error: OSError) -> None:
        if isinstance(error, BrokenPipeError):
            raise error
        raise FileError("standard output", f"cannot be written: {error.strerror}") from None

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._stream, name)


class _Messages(_Output):
    """Standard error that ignores a failure to write, so that results are still written."""

    def _raise(self, error: OSError) -> None:
        """Ignore the failure."""


@contextmanager
def standard_streams() -> Iterator[None]:
    """Let standard output and error accept any text within the block, also if they are closed.

    A closed stream gets its descriptor back; otherwise the next opened file would get it.
    Writing to a closed standard output fails, as on a full disk.
    """
    original = sys.stdout, sys.stderr
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
    sys.stdout = cast("TextIO", _Output(sys.stdout or _null_stream(os.O_RDONLY)))
    sys.stderr = cast("TextIO", _Messages(sys.stderr or _null_stream(os.O_WRONLY)))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = original


def _null_stream(mode: int) -> TextIO:
    # A new descriptor is the lowest free one, which is that of the closed stream.
    return open(os.open(os.devnull, mode), "w", encoding="utf-8", closefd=False)


def message(text: str) -> None:
    """Print a line on standard error."""
    click.echo(printable(text), err=True)


def quiet_libraries() -> None:
    """Suppress the warnings and log messages of other libraries, and ignore MPLBACKEND.

    Python's own options for warnings, -W and PYTHONWARNINGS, still show warnings.
    """
    import logging
    import warnings

    if not logging.root.handlers:
        logging.root.addHandler(logging.NullHandler())
    if not sys.warnoptions:
        warnings.showwarning = lambda *_, **__: None
    # Figures need no window, and an unknown backend in the environment would be an error.
    os.environ.pop("MPLBACKEND", None)
