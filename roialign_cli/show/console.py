"""Consoles to print results on, and the styles of what they print."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO, cast

from rich.console import Console
from rich.style import Style

from roialign_cli.show.numbers import NEIGHBOUR_NAMES
from roialign_cli.show.palette import AREAS, TERMINAL, ink

if TYPE_CHECKING:
    from roialign_cli.show.document.formulas import Role


class PipedConsole(Console):
    """A console that raises an error when the reader of a pipe is gone."""

    def on_broken_pipe(self) -> None:
        """Raise the error of any other write to a closed pipe."""
        raise BrokenPipeError


class _TrimmedStream:
    """A text stream that writes lines without trailing spaces."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(_TRAILING_SPACES.sub("", text))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


_TRAILING_SPACES = re.compile(r" +(?=\n)")


def new_console(stream: TextIO | None = None, width: int | None = None) -> Console:
    """Return a console to print results on.

    Parameters
    ----------
    stream
        A text stream; standard output if None.
    width
        The width in columns, at least `MIN_WIDTH`; that of the terminal if None.
    """
    trimmed = cast("TextIO", _TrimmedStream(stream or sys.stdout))
    terminal = None if stream is None else False  # text has no styles, even under FORCE_COLOR
    console = PipedConsole(
        file=trimmed,
        width=width,
        force_terminal=terminal,
        highlight=False,
        emoji=False,
        markup=False,
    )
    console.width = max(console.width, MIN_WIDTH)
    return console


MIN_WIDTH = 30  # columns; narrower terminals wrap the lines


# Weights and values of neighbours are on the background that their areas have in figures.
ROLE_STYLES: Mapping[Role | None, Style] = {
    None: Style(),
    "roi": Style(color=TERMINAL.roi),
    "section": Style(color=TERMINAL.section),
    "point": Style(color=TERMINAL.point),
    "neighbour": Style(color=TERMINAL.neighbour),
    "winner": Style(color=TERMINAL.winner),
    **{
        name: Style(color=ink(area), bgcolor=area)
        for name, area in zip(NEIGHBOUR_NAMES, AREAS, strict=True)
    },
}
