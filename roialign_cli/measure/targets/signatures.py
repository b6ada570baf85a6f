"""The parameters of functions, also of compiled ones, which may lack a signature."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

_ANY = [
    inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL),
    inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
]
_UNNAMED = re.compile(r"arg\d+")  # the names that pybind11 gives to parameters without one
_DOCUMENTED = re.compile(r"\w+\((?P<parameters>.*)\)(?: -> .*)?")


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a function; any ones for a compiled one that names none.

    Functions and operators of TorchScript have a schema. Extensions made with pybind11 or nanobind
    state the parameters in the first line of their documentation.
    """
    schema = _schema(function)
    if schema is not None:
        return _of_schema(schema)
    try:
        return [*inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):
        return _of_text(inspect.getdoc(function) or "") or _ANY


def _schema(function: Any) -> Any:  # noqa: ANN401
    """Return the schema of a function of TorchScript; None if there is none."""
    operator = getattr(function, "default", function)  # of `torch.ops`
    for name in ("schema", "_schema"):
        schema = getattr(operator, name, None)
        if isinstance(getattr(schema, "arguments", None), list):
            return schema
    return None


def _of_schema(schema: Any) -> list[inspect.Parameter]:  # noqa: ANN401
    kind, empty = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.empty
    return [
        inspect.Parameter(
            one.name, kind, default=one.default_value if one.has_default_value() else empty
        )
        for one in schema.arguments
        if one.name != "self"
    ]


def _of_text(text: str) -> list[inspect.Parameter]:
    """Return the parameters in a line such as `f(x: Tensor, ratio: int = 0) -> Tensor`."""
    found = _DOCUMENTED.fullmatch(text.partition("\n")[0].strip())
    if found is None:
        return []
    parts = re.split(r",\s*(?![^\[({]*[\])}])", found["parameters"])
    parameters = []
    for part in parts:
        name = re.match(r"[A-Za-z_]\w*", part)
        if name is None or _UNNAMED.fullmatch(name[0]):
            return []
        default = part.rpartition("=")[2].strip() if "=" in part else inspect.Parameter.empty
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters.append(inspect.Parameter(name[0], kind, default=default))
    return parameters
