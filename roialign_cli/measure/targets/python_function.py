"""A Python function or class of the user, in a child process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import product
from typing import Any

from numpy.typing import NDArray

from roialign_cli.errors import ArgumentError
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.target import PARAMETERS, UnansweredError
from roialign_cli.measure.targets.child_target import ChildTarget
from roialign_cli.measure.targets.guessing import Form, guess_form
from roialign_cli.measure.targets.layouts import (
    CHANNELS_LAST,
    LAYOUT_NAMES,
    LAYOUTS,
    LIBRARIES,
    SQUARE,
)
from roialign_cli.measure.targets.process import Child, Crash, Timeout

_LOADING_SECONDS = 120.0


class PythonTarget(ChildTarget):
    """A function or a class in a Python file or a module.

    Parameters
    ----------
    where
        The path of a Python file, or the name of a module.
    attribute
        The name of the function or the class.
    arguments
        Arguments of the function or of the constructor by name, as text.
    library
        "numpy" or "torch"; "auto" for the arrays that the kernel accepts.
    layout
        How the kernel takes boxes, one of `LAYOUTS`; "auto" for the way that it accepts.
    time_limit
        Seconds that a call may take.
    child
        The process that runs it; None for one with this interpreter.

    Raises
    ------
    ArgumentError
        If the kernel cannot be imported or called.
    """

    def __init__(
        self,
        where: str,
        attribute: str,
        *,
        arguments: Mapping[str, str],
        library: str = "auto",
        layout: str = "auto",
        time_limit: float,
        child: Child | None = None,
    ) -> None:
        super().__init__(f"{where}:{attribute}", time_limit, child)
        self._asked = {"where": where, "attribute": attribute, "arguments": dict(arguments)}
        self._load()
        self._form, self._problem = guess_form(
            self._try, self._possible(library, layout), takes_size=self._takes_size
        )
        self._forget()

    def _load(self) -> None:
        where = self._asked["where"]
        try:
            reply, _ = self._child.ask({"ask": "load", **self._asked}, seconds=_LOADING_SECONDS)
        except (Crash, Timeout) as error:
            raise ArgumentError("target", f"{where} cannot be imported: {error}") from None
        if "unusable" in reply:
            self.close()
            raise ArgumentError("target", reply["unusable"])
        self._names: dict[str, str] = reply["names"]
        self._required = frozenset(reply["required"])
        self._guessed = frozenset(reply["guessed"])
        self._defaults: list[str] = reply["defaults"]
        self._has_torch: bool = reply["torch"]
        # Of a class: what its constructor takes, of `PARAMETERS`; None for a function.
        self.constructed: list[str] | None = reply["constructed"]

    def _possible(self, library: str, layout: str) -> list[Form]:
        """Return the forms of arrays to try, the one without a guess first."""
        libraries = [one for one in LIBRARIES if library in {"auto", one}]
        if not self._has_torch and "torch" in libraries:
            libraries.remove("torch")
        if not libraries:
            self.close()
            problem = "torch needs a kernel that imports torch; use --arrays numpy"
            raise ArgumentError("arrays", problem)
        layouts = [one for one in LAYOUTS if layout in {"auto", one}]
        if layout == "auto" and "batch_index" in self._names:
            layouts = ["separate", "columns"] if "batch_index" in self._guessed else ["separate"]
        squares = (False, True) if "output_size" in self._names else (False,)
        return [
            Form(one, other, channels_last, square)
            for channels_last, square, one, other in product(
                (False, True), squares, libraries, layouts
            )
        ]

    @property
    def _takes_size(self) -> bool:
        return bool({"output_size", "rows"} & {*self._names})

    @property
    def parameters(self) -> frozenset[str]:
        """Which of `PARAMETERS` the kernel takes."""
        known = {*self._names} | (set() if self._form.layout == "separate" else {"batch_index"})
        known |= {"output_size"} if self._takes_size else set()
        return frozenset(known & {*PARAMETERS})

    @property
    def matched(self) -> dict[str, str]:
        """What the kernel is given → the parameter that gets it; and the form of the arrays."""
        shown = {key.replace("_", " "): name or "by position" for key, name in self._names.items()}
        if self._form.layout != "separate":
            shown.pop("batch index", None)
        if self._form.channels_last:
            shown["features"] += f", {CHANNELS_LAST}"
        if self._form.square:
            shown["output size"] += f", {SQUARE}"
        defaults = {"left at their defaults": ", ".join(self._defaults)} if self._defaults else {}
        return {
            **shown,
            "boxes": f"{shown['boxes']}, {LAYOUT_NAMES[self._form.layout]}",
            "arrays": {"numpy": "NumPy", "torch": "PyTorch"}[self._form.library],
            **defaults,
        }

    @property
    def problem(self) -> str:
        """Why the form of the arrays could not be guessed, as a clause; "" if it was."""
        return self._problem

    @property
    def remedy(self) -> str:
        """What the kernel must return, and the options that decide how it is called."""
        features = CHANNELS_LAST if self._form.channels_last else "(N, C, H, W)"
        boxes = LAYOUT_NAMES[self._form.layout]
        must = f"it must return (R, C, rows, columns) for features {features} and boxes {boxes}"
        if not self._problem:
            return must
        other = "name other forms with --arrays and --layout, or a function that converts them"
        return f"{must}; {other}"

    def run(self, call: ProbeCall) -> NDArray[Any]:
        """Return the output of the kernel. Its inputs stay unchanged; see `remarks`."""
        if call.sampling_ratio is None and "sampling_ratio" in self._required:
            raise UnansweredError("the sampling ratio has no default")
        return self._try(call, self._form)

    def _try(self, call: ProbeCall, form: Form) -> NDArray[Any]:
        rows, columns = call.output_size
        if form.square and rows != columns:
            raise UnansweredError("the kernel takes one number as the output size")
        values: dict[str, Any] = {
            "output_size": rows if form.square else call.output_size,
            "rows": rows,
            "columns": columns,
            "spatial_scale": call.spatial_scale,
        }
        if call.sampling_ratio is not None:
            values["sampling_ratio"] = call.sampling_ratio
        record = {"ask": "call", "values": values, **asdict(form)}
        arrays: dict[str, NDArray[Any]] = {
            "features": call.features,
            "boxes": call.boxes,
            "batch_index": call.batch_index,
        }
        return self._output(record, arrays)
