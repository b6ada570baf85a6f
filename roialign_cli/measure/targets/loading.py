"""Import a function or a class of the user, and construct objects of the class."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from roialign_cli.calls.watch.watched import PARAMETERS
from roialign_cli.measure.targets.matching import Matching, UnmatchedError, match
from roialign_cli.measure.targets.signatures import parameters_of


class UnusableError(Exception):
    """A kernel that cannot be called; the text is a clause."""


@dataclass
class Kernel:
    """A function, or a class that is constructed anew where its constructor takes the parameters.

    Parameters
    ----------
    function
        The function or class.
    matching
        The parameters of the function, or of the object.
    constructor
        The parameters of the constructor; None for a function.
    fixed
        Arguments that are the same in each call: of the constructor, or else of the function.
    """

    function: Callable[..., Any]
    matching: Matching
    constructor: Matching | None
    fixed: Mapping[str, Any]
    made: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def __call__(self, values: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Return what the kernel gives for values by meaning."""
        positional, named = self.matching.arguments(values)
        if self.constructor is None:
            return self.function(*positional, **named, **self.fixed)
        return self.constructed(values)(*positional, **named)

    def constructed(self, values: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the object of the class for the parameters of a call."""
        matching = Matching() if self.constructor is None else self.constructor
        positional, named = matching.arguments(values)
        key = repr((positional, named))
        if key not in self.made:
            self.made[key] = self.function(*positional, **named, **self.fixed)
        return self.made[key]

    @property
    def _matchings(self) -> list[Matching]:
        return [self.matching] + ([self.constructor] if self.constructor else [])

    @property
    def names(self) -> dict[str, str]:
        """Meaning → the parameter that it is given to; "" for one without a name."""
        found = {key: one.names.get(key, "") for one in self._matchings for key in one.meanings}
        return {key: found[key] for key in PARAMETERS if key in found}

    def described(self) -> dict[str, Any]:
        """Return what is known of the parameters as plain data."""
        guessed = sorted(self.matching.guessed)
        own = None if self.constructor is None else sorted(self.constructor.meanings)
        return {
            "names": self.names,
            "required": sorted(self.required),
            "guessed": guessed,
            "constructed": own,
            "defaults": [name for one in self._matchings for name in one.defaults],
        }

    @property
    def required(self) -> frozenset[str]:
        """Meanings without a default."""
        rest = self.constructor.required if self.constructor else frozenset()
        return self.matching.required | rest


def load_kernel(where: str, attribute: str, arguments: Mapping[str, str]) -> Kernel:
    """Import a kernel.

    Parameters
    ----------
    where
        The path of a Python file, or the name of a module.
    attribute
        The name of the function or class in it; dots for nested ones.
    arguments
        Arguments by name, as text.

    Raises
    ------
    UnusableError
        If it does not exist, or cannot be called.
    """
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else _from_package(where)
    except BaseException as error:  # noqa: BLE001 - a module may raise anything
        raise UnusableError(f"{where} cannot be imported: {described(error)}") from None
    found: Any = module
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise UnusableError(f"{where} has no {attribute}{_similar(module)}")
        found = getattr(found, name)
    if not callable(found):
        raise UnusableError(f"{attribute} is not a function or a class")
    fixed = {name: argument_value(text) for name, text in arguments.items()}
    try:
        return kernel_of(found, fixed)
    except UnmatchedError as problem:
        raise UnusableError(f"{attribute} {problem}") from None


def kernel_of(found: Callable[..., Any], fixed: Mapping[str, Any]) -> Kernel:
    """Return a kernel from a function or class, and fixed arguments.

    Raises
    ------
    UnmatchedError
        If the parameters cannot be matched.
    """
    if not isinstance(found, type):
        return Kernel(found, match(_forward(found), fixed), None, fixed)
    constructor = match(found, fixed, needs_arrays=False)
    kernel = Kernel(found, Matching(), constructor, fixed)
    values = {"output_size": (2, 2), "rows": 2, "columns": 2}
    values |= {"spatial_scale": 1.0, "sampling_ratio": 1}
    try:
        made = kernel.constructed(values)
    except BaseException as error:  # noqa: BLE001
        raise UnmatchedError(f"cannot be constructed: {described(error)}") from None
    if not callable(made):
        raise UnmatchedError("has objects that cannot be called; add a method __call__")
    kernel.matching = match(_forward(made), {})
    return kernel


def _forward(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with the parameters: the method `forward` of PyTorch's modules."""
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters_of(function))
    forward: Callable[..., Any] = getattr(function, "forward", function)
    return forward if takes_any else function


def _from_package(name: str) -> Any:  # noqa: ANN401
    """Return a module, or an object in one, as in `torch.ops.torchvision`."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        outer, _, last = name.rpartition(".")
        if not outer or error.name != name:
            raise
        found = _from_package(outer)
        if not hasattr(found, last):
            raise
        return getattr(found, last)


def _from_file(path: Path) -> ModuleType:
    sys.path.insert(0, str(path.parent.resolve()))
    root, full_name = _place_in_package(path.resolve())
    if "." in full_name:  # so that its relative imports work
        sys.path.append(str(root))
        return importlib.import_module(full_name)
    name = path.stem if path.stem not in sys.modules else f"_probed_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError("it is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _place_in_package(path: Path) -> tuple[Path, str]:
    """Return the folder of the outermost package that a file is in, and the name of its module."""
    folder, name = path.parent, path.stem
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        folder, name = folder.parent, f"{folder.name}.{name}"
    return folder, name


def _similar(module: Any) -> str:  # noqa: ANN401
    home = getattr(module, "__name__", "")
    own = [
        name
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == home
    ]
    return f"; it has {', '.join(own[:5])}" if own else ""


def argument_value(text: str) -> Any:  # noqa: ANN401
    """Return the value of a Python literal, or the text if it is not a literal."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def described(error: BaseException) -> str:
    """Return the kind and the first line of an error."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # noqa: BLE001
        lines = []
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
