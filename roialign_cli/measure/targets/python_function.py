"""A Python function or class of the user, in a child process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from roialign_cli.errors import ArgumentError
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.target import PARAMETERS, UnansweredError
from roialign_cli.measure.targets.child_target import ChildTarget
from roialign_cli.measure.targets.guessing import Form, guess_form
from roialign_cli.measure.targets.layouts import LAYOUT_NAMES, LAYOUTS, LIBRARIES
from roialign_cli.measure.targets.process import Crash, Timeout

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
    ) -> None:
        super().__init__(f"{where}:{attribute}", time_limit)
        self._asked = {"where": where, "attribute": attribute, "arguments": dict(arguments)}
        self._load()
        self._form, self._problem = guess_form(self._try, self._possible(library, layout))
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
        self._has_torch: bool = reply["torch"]

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
            layouts = ["separate"]
        return [Form(one, other) for one in libraries for other in layouts]

    @property
    def parameters(self) -> frozenset[str]:
        """Which of `PARAMETERS` the kernel takes."""
        known = {*self._names} | (set() if self._form.layout == "separate" else {"batch_index"})
        return frozenset(known & {*PARAMETERS})

    @property
    def matched(self) -> dict[str, str]:
        """What the kernel is given → the parameter that gets it; and the form of the arrays."""
        shown = {key.replace("_", " "): name or "by position" for key, name in self._names.items()}
        return {
            **shown,
            "boxes": f"{shown['boxes']}, {LAYOUT_NAMES[self._form.layout]}",
            "arrays": {"numpy": "NumPy", "torch": "PyTorch"}[self._form.library],
        }

    @property
    def problem(self) -> str:
        """Why the form of the arrays could not be guessed, as a clause; "" if it was."""
        return self._problem

    def run(self, call: ProbeCall) -> NDArray[Any]:
        """Return the output of the kernel. Its inputs stay unchanged; see `remarks`."""
        if call.sampling_ratio is None and "sampling_ratio" in self._required:
            raise UnansweredError("the sampling ratio has no default")
        return self._try(call, self._form)

    def _try(self, call: ProbeCall, form: Form) -> NDArray[Any]:
        values: dict[str, Any] = {
            "output_size": call.output_size,
            "rows": call.output_size[0],
            "columns": call.output_size[1],
            "spatial_scale": call.spatial_scale,
        }
        if call.sampling_ratio is not None:
            values["sampling_ratio"] = call.sampling_ratio
        record = {"ask": "call", "values": values, "library": form.library, "layout": form.layout}
        arrays: dict[str, NDArray[Any]] = {
            "features": call.features,
            "boxes": call.boxes,
            "batch_index": call.batch_index,
        }
        return self._output(record, arrays)
