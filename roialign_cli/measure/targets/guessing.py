"""Guess in which form a kernel takes its arrays, by first calls that it either answers or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from roialign_cli.measure.blocks import FIXED_CHANNELS
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.target import UnansweredError
from roialign_cli.measure.targets.layouts import Layout, Library
from roialign_cli.measure.targets.process import Crash, Timeout

_MAX_CRASHES = 3
_MAX_SECONDS = 20.0  # for all first calls
_SIDE = 8


@dataclass(frozen=True)
class Form:
    """How a kernel takes its inputs.

    Parameters
    ----------
    library
        The library of the arrays.
    layout
        How boxes are passed.
    channels_last
        Whether the features are (N, H, W, C).
    square
        Whether the output size is one number, for as many rows as columns.
    """

    library: Library
    layout: Layout
    channels_last: bool = False
    square: bool = False


Run = Callable[[ProbeCall, Form], NDArray[np.generic]]


def guess_form(run: Run, forms: Sequence[Form], *, takes_size: bool) -> tuple[Form, str]:
    """Return the first form that a kernel answers, and why none was found.

    Parameters
    ----------
    run
        Makes a call in a form.
    forms
        The forms to try, at least one.
    takes_size
        Whether the kernel takes the output size.
    """
    if len(forms) == 1:
        return forms[0], ""
    problem, crashes, end = "", 0, monotonic() + _MAX_SECONDS
    for channels, form in product((4, *FIXED_CHANNELS), forms):
        if monotonic() > end:
            break
        call = _first_call(channels)
        try:
            if _fits(run(call, form), call, form, takes_size) and _reads_boxes(run, call, form):
                return form, ""
        except (Timeout, UnansweredError) as error:
            return _likely(forms), str(error)
        except Crash as error:
            problem, crashes = str(error), crashes + 1
            if crashes == _MAX_CRASHES:
                return _likely(forms), problem
        except Exception as error:  # noqa: BLE001 - a kernel may raise anything
            if form == _likely(forms) and not problem:
                problem = f"it raised {type(error).__name__}: {error}"
    return _likely(forms), problem or "no output has a value for each box, channel and section"


def _likely(forms: Sequence[Form]) -> Form:
    """Return the form of a kernel that answers in none, so that its errors are shown.

    A kernel that imports torch has the last of the libraries.
    """
    library = forms[-1].library
    likely = [form for form in forms if form.library == library]
    return next((form for form in likely if form.layout == "separate"), likely[0])


def _first_call(channels: int) -> ProbeCall:
    """Return a call with boxes in cells, in fractions of the map and at scales below 1."""
    features = np.random.default_rng(5).uniform(1, 9, (1, channels, _SIDE, _SIDE))
    usual = [[1, 2, 5, 4], [2, 1, 4, 6], [0.125, 0.25, 0.75, 0.5]]
    boxes = np.array([*usual, [24, 32, 88, 72], [64, 96, 160, 224]], np.float32)
    index = np.zeros(len(boxes), np.int64)
    return ProbeCall("form of the arrays", features.astype(np.float32), boxes, index)


def _fits(output: NDArray[np.generic], call: ProbeCall, form: Form, takes_size: bool) -> bool:  # noqa: FBT001
    """Return whether an output has a value for each box, channel and section."""
    boxes, channels, sections = len(call.boxes), call.features.shape[1], call.maps_per_channel
    if not takes_size:
        axis = -1 if form.channels_last else 1
        return output.ndim == 4 and output.shape[0] == boxes and output.shape[axis] == channels
    sizes = {boxes * channels * sections, boxes * channels}  # or position-sensitive
    return output.ndim > 1 and boxes in output.shape and output.size in sizes


def _reads_boxes(run: Run, call: ProbeCall, form: Form) -> bool:
    """Return whether the last number of a box matters.

    A kernel of boxes (R, 4) can answer for boxes (R, 5), but ignores the last column.
    """
    if form.layout != "columns":
        return True
    others = call.boxes.copy()
    others[:, 3] += [2, -2, 0.25, 24, -64]
    outputs = run(call, form), run(replace(call, boxes=others), form)
    return not np.array_equal(*outputs, equal_nan=True)
