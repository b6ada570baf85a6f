"""How results print: asked of a presenter, so that what computes a result knows no screen.

The package installs a presenter that is loaded when something is shown for the first time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Presenter(Protocol):
        """What turns a result into text and HTML."""

        def summary(self, result: object) -> str:
            """Return a result in one line."""

        def text(self, result: object) -> str:
            """Return a result as plain text."""

        def html(self, result: object) -> str | None:
            """Return a result as part of a notebook, None if its text is all that there is."""


_loaders: list[Callable[[], Presenter]] = []


def install(load: Callable[[], Presenter]) -> None:
    """Let results print as a presenter says, which is loaded when the first one is shown."""
    _loaders[:] = [load]


class Presentable:
    """A result that prints in a Python session and shows itself in a notebook."""

    def __str__(self) -> str:
        return _loaders[0]().text(self)

    def _repr_html_(self) -> str | None:
        return _loaders[0]().html(self)


def summary(result: object) -> str:
    """Return a result in one line."""
    return _loaders[0]().summary(result)
