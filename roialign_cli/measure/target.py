"""Kernels that can be probed: what a battery asks of them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import ArgumentError
from roialign_cli.measure.call import Answer, ProbeCall

PARAMETERS = ("output_size", "spatial_scale", "sampling_ratio", "batch_index")


# How the reason begins why there is no output, if the kernel has not answered a call yet.
NO_ANSWER = "there is no answer"


class UnansweredError(Exception):
    """A target cannot run a call; the text is a clause.

    Without a text, the target only has answers to other calls.
    """


class NoOutputError(Exception):
    """A kernel gave no usable output, ended, or was stopped; the text is a clause."""


class Target(Protocol):
    """A kernel that answers calls.

    Other kinds of kernels, for example programs, models and folders of answers, have these members.
    """

    @property
    def name(self) -> str:
        """The name of the kernel, for reports."""

    @property
    def parameters(self) -> frozenset[str]:
        """Which of `PARAMETERS` the kernel takes; it follows its own default for the others."""

    def run(self, call: ProbeCall) -> Any:  # noqa: ANN401
        """Return the output of one call, an array.

        Any exception but `UnansweredError` means that the kernel gave no output. Its text is shown.
        """


@dataclass(frozen=True)
class FunctionTarget:
    """A Python function that takes NumPy arrays.

    Parameters
    ----------
    function
        Called as function(features, boxes, output_size, spatial_scale=…, sampling_ratio=…,
        batch_index=…), with the keywords that it has.
    name
        The name for reports.
    """

    function: Callable[..., Any]
    name: str
    parameters: frozenset[str]

    @classmethod
    def of(cls, function: object) -> FunctionTarget:
        """Return the target of a function.

        Raises
        ------
        ArgumentError
            If the argument is not a function, or does not take three positional arguments.
        """
        if not callable(function):  # an argument of any type
            problem = f"must be a function of features, boxes and output_size, got {function!r:.60}"
            raise ArgumentError("function", problem)
        name = getattr(function, "__name__", type(function).__name__)
        try:
            parameters = inspect.signature(function).parameters
        except (TypeError, ValueError):  # some compiled functions have no signature
            return cls(function, name, frozenset(PARAMETERS))
        kinds = {parameter.kind for parameter in parameters.values()}
        takes_all = inspect.Parameter.VAR_KEYWORD in kinds
        taken = PARAMETERS if takes_all else [key for key in PARAMETERS if key in parameters]
        return cls(function, name, frozenset({*taken, "output_size"}))

    def run(self, call: ProbeCall) -> Any:  # noqa: ANN401
        """Return what the function returns."""
        given = {
            "spatial_scale": call.spatial_scale,
            "sampling_ratio": call.sampling_ratio,
            "batch_index": call.batch_index,
        }
        keywords = {
            key: value
            for key, value in given.items()
            if key in self.parameters and value is not None
        }
        return self.function(call.features, call.boxes, call.output_size, **keywords)


def ask(target: Target, call: ProbeCall) -> Answer:
    """Run one call, and check what comes back.

    The axes of the output are left as they are.
    """
    before = call.features.copy(), call.boxes.copy()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            output = np.asarray(target.run(call))
    except UnansweredError as error:
        return Answer(None, str(error) or f"{NO_ANSWER} to this call", is_missing=True)
    except NoOutputError as error:
        return Answer(None, str(error), "stopped")
    except Exception as error:  # noqa: BLE001 - a kernel may raise anything
        text = str(error).strip().splitlines()
        reason = f": {text[0]}" if text else ""
        return Answer(None, f"it raised {type(error).__name__}{reason}"[:200], "raised")
    finally:
        changed = not (_same(call.features, before[0]) and _same(call.boxes, before[1]))
        call.features[...], call.boxes[...] = before
    remark = "the kernel changes its inputs" if changed else ""
    if output.dtype.kind not in "buif":
        return Answer(None, f"its output has dtype {output.dtype}", "unusable", remark)
    return Answer(output, remark=remark)


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return np.array_equal(one, other, equal_nan=True)
