"""A Python function or class in this process, called in the form that it accepts."""

from __future__ import annotations

import io
import math
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.measure.targets.child import Answering
from roialign_cli.measure.targets.child_target import ChildTarget
from roialign_cli.measure.targets.frames import NO_ARRAYS, Arrays
from roialign_cli.measure.targets.guessing import guess_form
from roialign_cli.measure.targets.loading import kernel_of
from roialign_cli.measure.targets.python_function import PythonTarget


class LocalTarget(PythonTarget):
    """A function or class of the caller, without a time limit.

    Parameters
    ----------
    function
        The function or class.
    name
        The name for reports.

    Raises
    ------
    UnmatchedError
        If the parameters cannot be matched.
    """

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        ChildTarget.__init__(self, name, math.inf)
        self._child = _NoProcess(function)  # type: ignore[assignment]
        self._asked = {"where": name}
        self._load()
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            self._form, self._problem = guess_form(
                self._try, self._possible("auto", "auto"), takes_size=self._takes_size
            )
        self._forget()


class _NoProcess:
    """Answer the messages of a target in this process."""

    is_running = True

    def __init__(self, function: Callable[..., Any]) -> None:
        self._kernel = kernel_of(function, {})
        self._answering = Answering(io.BytesIO(), self._kernel)

    def ask(
        self, record: Mapping[str, Any], arrays: Arrays = NO_ARRAYS, *, seconds: float
    ) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the answer to one message; the time is not limited."""
        del seconds
        if record["ask"] == "load":
            return self._kernel.described() | {"torch": "torch" in sys.modules}, {}
        reply, results = self._answering.answer({**record}, arrays)
        if reply.get("raised") == "KeyboardInterrupt":
            raise KeyboardInterrupt
        return {**reply, "printed": False}, {**results}

    def stop(self) -> None:
        """Do nothing: there is no process."""
