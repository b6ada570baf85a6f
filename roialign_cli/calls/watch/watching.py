"""What happens when a watched function is called: it runs, and its call is recorded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import PurePath
from types import FrameType
from typing import Any, Protocol, TypeVar

from roialign_cli.calls.call import Call
from roialign_cli.calls.watch.arguments import make_call, named_arguments, signature_of
from roialign_cli.calls.watch.hooks import Around, Hooks
from roialign_cli.calls.watch.pyramids import PyramidRun
from roialign_cli.calls.watch.watched import WRAPPERS, Operator, Pooler

Value = TypeVar("Value")

HOOKS = Hooks()
# Errors of arguments that are not those of an ROI Align. They must not end the program that is
# recorded.
_UNREADABLE = (TypeError, ValueError, AttributeError, LookupError)
_PYRAMID: ContextVar[PyramidRun | None] = ContextVar("pyramid", default=None)


class Listener(Protocol):
    """What is informed of the calls of the functions that it hooked."""

    def add(self, call: Call, run: PyramidRun | None) -> None:
        """Receive a call, and the run of the pyramid that it belongs to if it has a level."""

    def skip(self, name: str, reason: str) -> None:
        """Receive the name of a function with a call that cannot be recorded."""


# Who records the function that is running, and not what this function calls.
_RECORDING: ContextVar[tuple[Listener, ...]] = ContextVar("recording", default=())


def around_operator(function: Callable[..., Any], operator: Operator) -> Around:
    """Return what the hook of an operator does."""
    signature = signature_of(function)

    def around(original: Callable[..., Any], args: Any, kwargs: Any) -> Any:  # noqa: ANN401
        recording = _RECORDING.get()
        listeners = [one for one in HOOKS.users(original) if one not in recording]
        if not listeners:
            return original(*args, **kwargs)
        with _set(_RECORDING, value=(*recording, *listeners)):
            output = original(*args, **kwargs)
        run = _PYRAMID.get()
        try:
            arguments = named_arguments(signature, args, kwargs)
            call = make_call(operator, arguments, output, _place())
            call = run.placed(call, arguments) if run else call
        except _UNREADABLE as error:
            for listener in listeners:
                listener.skip(operator.name, str(error))
        else:
            for listener in listeners:
                listener.add(call, run)
        return output

    return around


def around_pooler(function: Callable[..., Any], pooler: Pooler) -> Around:
    """Return what the hook of a method for pyramids does."""
    signature = signature_of(function)

    def around(original: Callable[..., Any], args: Any, kwargs: Any) -> Any:  # noqa: ANN401
        run = None
        with suppress(*_UNREADABLE):
            run = PyramidRun(pooler, named_arguments(signature, args, kwargs))
        with _set(_PYRAMID, value=run):
            return original(*args, **kwargs)

    return around


@contextmanager
def _set(variable: ContextVar[Value], *, value: Value) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def _place() -> str:
    """Return the line of the program that called a watched function, as "package/module.py:12"."""
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - inspect.stack reads all sources
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if not any(name == one or name.startswith(f"{one}.") for one in WRAPPERS):
            path = PurePath(frame.f_code.co_filename)
            parts = path.parts[-1 - name.count(".") - (path.name == "__init__.py") :]
            return f"{'/'.join(parts)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
