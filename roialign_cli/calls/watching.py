"""What happens when a watched function is called: it runs, and its call is recorded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import PurePath
from types import FrameType
from typing import Any, Protocol, TypeVar

from roialign_cli.calls.arguments import make_call, named_arguments, signature_of
from roialign_cli.calls.call import Call
from roialign_cli.calls.hooks import Around, Hooks
from roialign_cli.calls.pyramids import PyramidRun
from roialign_cli.calls.watched import WRAPPERS, Operator, Pooler

Value = TypeVar("Value")

HOOKS = Hooks()
# Whether a watched function is running, so that what it calls is not recorded as well.
_IS_INSIDE: ContextVar[bool] = ContextVar("is_inside", default=False)
_PYRAMID: ContextVar[PyramidRun | None] = ContextVar("pyramid", default=None)


class Listener(Protocol):
    """What is informed of the calls of the functions that it hooked."""

    def add(self, call: Call, run: PyramidRun | None) -> None:
        """Receive a call, and the run of the pyramid that it belongs to if it has a level."""

    def skip(self, name: str, reason: str) -> None:
        """Receive the name of a function with a call that cannot be recorded."""


def around_operator(function: Callable[..., Any], operator: Operator) -> Around:
    """Return what the hook of an operator does."""
    signature = signature_of(function)

    def around(original: Callable[..., Any], args: Any, kwargs: Any) -> Any:  # noqa: ANN401
        listeners: tuple[Listener, ...] = HOOKS.users(original)
        if _IS_INSIDE.get() or not listeners:
            return original(*args, **kwargs)
        with _set(_IS_INSIDE, value=True):
            output = original(*args, **kwargs)
        run = _PYRAMID.get()
        try:
            arguments = named_arguments(signature, args, kwargs)
            call = make_call(operator, arguments, output, _place())
            call = run.placed(call, arguments) if run else call
        except (TypeError, ValueError) as error:  # must not end the program that is recorded
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
        with suppress(TypeError, ValueError):  # the call fails, or its tensors have no values
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
