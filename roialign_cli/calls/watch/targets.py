"""Find the functions to watch: those of imported libraries, and those that the user names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from roialign_cli.calls.watch.arguments import check_parameters, signature_of
from roialign_cli.calls.watch.hooks import unhooked
from roialign_cli.calls.watch.watched import OPERATORS, POOLERS, Operator, Pooler
from roialign_cli.errors import ArgumentError

Function = Callable[..., Any]
Target = str | Function


def known_operators() -> list[tuple[Function, Operator]]:
    """Return the operators of the libraries that are imported."""
    return [(function, row) for row in OPERATORS if (function := _imported(row.home))]


def known_poolers() -> list[tuple[Function, Pooler]]:
    """Return the methods for pyramids of the libraries that are imported."""
    return [(function, row) for row in POOLERS if (function := _imported(row.home))]


def _imported(home: str) -> Function | None:
    module, _, attribute = home.partition(":")
    try:
        function: Function = unhooked(attrgetter(attribute)(sys.modules[module]))
    except (KeyError, AttributeError):
        return None
    return function


def named_operators(targets: Target | Iterable[Target]) -> list[tuple[Function, Operator]]:
    """Return the functions that a user names.

    Parameters
    ----------
    targets
        Functions, methods, objects with a method `forward`, or their names as "module:function".

    Raises
    ------
    ArgumentError
        If a function does not exist, or has no parameters for features and boxes.
    """
    given = [targets] if isinstance(targets, str) or callable(targets) else [*targets]
    found = []
    for target in given:
        function = _function(target)
        module = (getattr(function, "__module__", None) or "").replace("__main__", "")
        attribute = getattr(function, "__qualname__", type(function).__name__)
        operator = Operator(f"{module}.{attribute}".lstrip("."), f"{module}:{attribute}")
        check_parameters(operator.name, signature_of(function))
        found.append((function, operator))
    return found


def _function(target: object) -> Function:
    """Return the function that a target stands for."""
    found = _named(target) if isinstance(target, str) else target
    if not isinstance(found, type) and hasattr(found, "forward"):
        found = found.forward  # of a module of PyTorch
    if not isinstance(getattr(found, "__self__", None), type):
        found = getattr(found, "__func__", found)  # of a method; not of `apply` of a class
    function: Function | type | None = unhooked(found)
    if isinstance(function, type) or not callable(function):
        problem = f"{target!r:.60} is not a function; name a function or a method"
        raise ArgumentError("targets", problem)
    return function


def _named(name: str) -> object:
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ArgumentError("targets", f"{name!r} is not a name; write 'package.module:function'")
    try:
        return attrgetter(attribute)(importlib.import_module(module))
    except ImportError as error:
        raise ArgumentError("targets", f"{module} cannot be imported: {error}") from None
    except AttributeError:
        raise ArgumentError("targets", f"{module} has no {attribute}") from None
