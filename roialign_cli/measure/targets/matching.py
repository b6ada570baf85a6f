"""Match the parameters of a function with the inputs of a call, by their usual names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from roialign_cli.calls.watch.watched import PARAMETERS
from roialign_cli.errors import alternatives
from roialign_cli.measure.targets.signatures import parameters_of

_ARRAYS = ("features", "boxes", "batch_index")
_SIZES = ("output_size", "rows", "columns")
_NUMBERS = ("spatial_scale", "sampling_ratio")
_POSITIONS = ("features", "boxes", "output_size")
_EXAMPLES = {"features": ("features", "input", "x"), "boxes": ("boxes", "rois", "bboxes")}
_Kind = inspect.Parameter
_COLLECTING = {_Kind.VAR_POSITIONAL, _Kind.VAR_KEYWORD}


class UnmatchedError(Exception):
    """A function that cannot be called with the inputs of a call; the text is a problem."""


@dataclass(frozen=True)
class Matching:
    """Which parameter gets which input.

    Parameters
    ----------
    names
        Meaning, as in `PARAMETERS` → the name of the parameter.
    required
        Meanings of parameters without a default.
    positional
        Meanings in the order in which they are given by position, because they have no name.
    guessed
        Meanings that are given by their usual names to a function of any keywords.
    defaults
        Names of the parameters that keep their defaults.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    positional: tuple[str, ...] = ()
    guessed: frozenset[str] = frozenset()
    defaults: tuple[str, ...] = ()

    def arguments(self, values: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Return the positional and the named arguments for values by meaning."""
        positional = [values[meaning] for meaning in self.positional]
        named = {name: values[key] for key, name in self.names.items() if key in values}
        return positional, named

    @property
    def meanings(self) -> set[str]:
        """The meanings of all parameters that get an input."""
        return {*self.names, *self.positional}


def match(
    function: Callable[..., Any], fixed: Mapping[str, Any], *, needs_arrays: bool = True
) -> Matching:
    """Return how the parameters of a function are matched.

    Parameters
    ----------
    function
        A function, a class or an object that can be called.
    fixed
        Parameters that have a value already.
    needs_arrays
        Whether the function pools; False for a class, which may take the parameters of a call.

    Raises
    ------
    UnmatchedError
        If the function lacks a parameter for features or boxes, or needs an unknown one.
    """
    parameters = parameters_of(function)
    kinds = {one.kind for one in parameters}
    named = [one for one in parameters if one.kind not in _COLLECTING]
    unknown = sorted(fixed.keys() - {one.name for one in named})
    if unknown and _Kind.VAR_KEYWORD not in kinds:
        raise UnmatchedError(f"has no parameter {unknown[0]}")
    free = [one for one in named if one.name not in fixed]
    found = _by_name(free, _ARRAYS + _SIZES + _NUMBERS if needs_arrays else _SIZES + _NUMBERS)
    takes_arrays = _Kind.VAR_POSITIONAL in kinds and not found.keys() & {*_POSITIONS}
    if needs_arrays and not takes_arrays:
        found = _by_position(free, found)
        _check(found)
    taken = {one.name for one in found.values()}
    rest = [one.name for one in free if one.default is _Kind.empty and one.name not in taken]
    if rest[:1] == ["self"]:
        raise UnmatchedError("is a method without its object; name the class, or a function")
    if rest:
        remedy = f"give it with --arg {rest[0]}=VALUE, or name a function that passes it"
        raise UnmatchedError(f"needs a value for {rest[0]}; {remedy}")
    required = frozenset(key for key, one in found.items() if one.default is _Kind.empty)
    names = {key: one.name for key, one in found.items()}
    guessed: frozenset[str] = frozenset()
    if needs_arrays and _Kind.VAR_KEYWORD in kinds:
        others = {*_NUMBERS, "batch_index"} | (set() if {*_SIZES} & {*names} else {"output_size"})
        guessed = frozenset(others - {*names, *fixed, *(_POSITIONS if takes_arrays else ())})
        names |= {key: key for key in sorted(guessed)}
    positional = _without_names(free, found)
    if needs_arrays and takes_arrays:
        positional = _POSITIONS
    names = {key: name for key, name in names.items() if key not in positional}
    defaults = tuple(
        one.name for one in free if one.default is not _Kind.empty and one.name not in taken
    )
    return Matching(names, required, positional, guessed, defaults)


def _without_names(
    parameters: list[inspect.Parameter], found: Mapping[str, inspect.Parameter]
) -> tuple[str, ...]:
    """Return the meanings of the parameters that cannot be given by name, in their order."""
    meanings = {one.name: meaning for meaning, one in found.items()}
    unnamed = (one.name for one in parameters if one.kind is _Kind.POSITIONAL_ONLY)
    return tuple(meanings[name] for name in unnamed if name in meanings)


def _by_name(
    parameters: list[inspect.Parameter], meanings: tuple[str, ...]
) -> dict[str, inspect.Parameter]:
    """Return meaning → the parameter that has one of the usual names for it."""
    named = {one.name.lower(): one for one in parameters}
    found = {}
    for meaning in meanings:
        name = next((name for name in PARAMETERS[meaning] if name in named), None)
        if name is not None:
            found[meaning] = named[name]
    if "output_size" in found or not {"rows", "columns"} <= found.keys():
        found = {key: one for key, one in found.items() if key not in {"rows", "columns"}}
    return found


def _by_position(
    parameters: list[inspect.Parameter], found: dict[str, inspect.Parameter]
) -> dict[str, inspect.Parameter]:
    """Give features, boxes and the size to parameters with other names if the number is right."""
    taken = {one.name for one in found.values()}
    others = [one for one in parameters if one.default is _Kind.empty and one.name not in taken]
    missing = [key for key in _POSITIONS if key not in found]
    if "rows" in found and "output_size" in missing:
        missing.remove("output_size")
    if len(missing) != len(others):
        return found
    return {**found, **dict(zip(missing, others, strict=True))}


def _check(found: Mapping[str, Any]) -> None:
    for needed in ("features", "boxes"):
        if needed not in found:
            names = alternatives(_EXAMPLES[needed])
            raise UnmatchedError(f"has no parameter for the {needed}; name it {names}")
