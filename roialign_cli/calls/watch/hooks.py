"""Replace functions wherever modules and classes hold them, and put them back."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from types import MethodType, ModuleType
from typing import Any

# A function, its positional and its keyword arguments → what it returns.
Around = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


class Hook:
    """Stand in for a function: `around` is called with the function and the arguments.

    The attributes of the function are those of the hook, because programs look at them: MMCV looks
    in `__code__` for the name of a parameter.

    Parameters
    ----------
    original
        The function.
    around
        Calls the function and returns its output.
    """

    def __init__(self, original: Callable[..., Any], around: Around) -> None:
        functools.update_wrapper(self, original)
        self.original = original
        self.around = around

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Call the function by way of `around`."""
        around = self.around
        if dynamo := sys.modules.get("torch._dynamo"):
            # torch.compile compiles neither this call nor what it calls.
            around = dynamo.disable(around)
        return around(self.original, args, kwargs)

    __call__._torchdynamo_disable = True  # type: ignore[attr-defined]  # noqa: SLF001

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name == "original":  # while the hook is being copied
            raise AttributeError(name)
        return getattr(self.original, name)

    def __get__(self, instance: object, owner: type | None = None) -> Any:  # noqa: ANN401
        """Bind to an object as the function does, which may be a method."""
        if instance is None or not hasattr(type(self.original), "__get__"):
            return self
        return MethodType(self, instance)

    def __reduce__(self) -> str:
        """Pickle as the function, by name."""
        return str(self.original.__qualname__)


def unhooked(function: Any) -> Any:  # noqa: ANN401
    """Return the function that a hook stands in for, or the function itself."""
    while isinstance(function, Hook):
        function = function.original
    return function


class Hooks:
    """The hooks that are in place. A function that several users hook has one hook."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        # id of a function → its hook and who hooked it
        self._hooks: dict[int, tuple[Hook, list[Any]]] = {}

    def users(self, function: Callable[..., Any]) -> tuple[Any, ...]:
        """Return who hooked a function."""
        with self._lock:
            found = self._hooks.get(id(function))
            return tuple(found[1]) if found else ()

    def add(self, user: object, wanted: Iterable[tuple[Callable[..., Any], Around]]) -> set[int]:
        """Place hooks for a user; return the ids of those that nothing holds.

        Parameters
        ----------
        user
            Who hooks the functions.
        wanted
            Each function and what its hook calls. A function that has a hook keeps it.
        """
        with self._lock:
            new: dict[int, object] = {}
            for function, around in wanted:
                key = id(function)
                if key not in self._hooks:
                    self._hooks[key] = Hook(function, around), []
                    new[key] = self._hooks[key][0]
                self._hooks[key][1].append(user)
            return {*new} - replace_everywhere(new)

    def remove(self, user: object) -> None:
        """Put back the functions that only this user hooked."""
        with self._lock:
            unused = []  # keeps the hooks alive, so that no other object gets their ids
            for key, (hook, users) in [*self._hooks.items()]:
                users[:] = [one for one in users if one is not user]
                if not users:
                    unused.append(hook)
                    del self._hooks[key]
            replace_everywhere({id(hook): hook.original for hook in unused})


def replace_everywhere(new: Mapping[int, object]) -> set[int]:
    """Replace objects in all modules, and in the classes that modules hold.

    Parameters
    ----------
    new
        The id of each object → what replaces the object.

    Returns
    -------
    The ids of the objects that were found.
    """
    found: set[int] = set()
    seen: set[int] = set()
    for module in tuple(sys.modules.values()) if new else ():
        # A module may load others when it is asked for its names.
        for name, value in tuple(_namespace(module).items()):
            if id(value) in new:
                setattr(module, name, new[id(value)])
                found.add(id(value))
            elif issubclass(type(value), type) and id(value) not in seen:
                seen.add(id(value))
                found |= _replace_in_class(value, new)
    return found


def _namespace(module: object) -> dict[str, object]:
    if not isinstance(module, ModuleType):
        return {}
    names: dict[str, object] = object.__getattribute__(module, "__dict__")
    return names


def _replace_in_class(owner: Any, new: Mapping[int, object]) -> set[int]:  # noqa: ANN401
    found = set()
    for name, value in tuple(vars(owner).items()):
        is_static = isinstance(value, staticmethod)
        function = value.__func__ if is_static else value
        if id(function) in new:
            replaced: Any = new[id(function)]
            setattr(owner, name, staticmethod(replaced) if is_static else replaced)
            found.add(id(function))
    return found
