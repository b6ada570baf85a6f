"""Trace the call of a case by the rules of the preset, and by those of the kernel."""

from __future__ import annotations

import numpy as np

from roialign_cli.analysis.trace import Trace, trace_operation
from roialign_cli.core.convention import Convention
from roialign_cli.core.presets import PRESETS
from roialign_cli.errors import RoiAlignError
from roialign_cli.measure.fingerprint import Case, Fingerprint
from roialign_cli.measure.model import Model
from roialign_cli.measure.nearest import with_pooling

_RELATIVE_TOLERANCE = 1e-3  # outputs of float16 kernels have fewer digits


def nearest_convention(found: Fingerprint) -> Convention:
    """Return the rules of the nearest preset, with the pooling of the kernel if it has it."""
    return with_pooling(PRESETS[found.nearest or ""], found.convention.pooling)


def case_traces(found: Fingerprint, case: Case) -> tuple[Trace | None, Trace | None]:
    """Return how the preset computes the output of a case, and how the kernel does.

    A trace is None without an output. That of the kernel is also None if its points do not give
    its output.
    """
    expected = _trace(case, Model(nearest_convention(found)))
    if case.given.output is None or found.model is None:
        return expected, None
    own = _trace(case, found.model.having({"name": found.name}))
    given = case.given.output[0, case.channel].astype(np.float64)
    is_own = own is not None and _is_same(np.array(own.output), given)
    return expected, own if is_own else None


def _trace(case: Case, model: Model) -> Trace | None:
    try:
        return trace_operation(model.operation(case.call), 0, case.channel)
    except RoiAlignError:  # the convention gives no output for this box
        return None


def _is_same(one: np.ndarray, other: np.ndarray) -> bool:
    return one.shape == other.shape and np.allclose(
        one, other, rtol=_RELATIVE_TOLERANCE, equal_nan=True
    )
