"""Compare two recordings: which calls belong together, and where each pair differs first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from roialign_cli.calls.archive import is_call
from roialign_cli.calls.differences.pairing import (
    CallGroup,
    group_of_call,
    groups_of,
    like_pyramids,
    pair_groups,
)
from roialign_cli.calls.differences.result import CallDifferences, RecordingDifferences
from roialign_cli.calls.differences.stages import compare_groups
from roialign_cli.calls.recording import is_recording, read_recording


def is_recorded(name: str) -> bool:
    """Return whether a path is a recording or a recorded call."""
    return is_recording(name) or is_call(name)


def compare_recordings(
    first: str | Path,
    second: str | Path,
    *,
    search: bool = True,
    advance: Callable[[float], object] = lambda _share: None,
) -> RecordingDifferences:
    """Find where two recordings of the same model differ first, and why.

    Parameters
    ----------
    first, second
        The folders of two recordings, or the files of two calls.
    search
        Whether to search for the rules behind an output that the stated operator does not make.
    advance
        Called with the share of the work done since the last call.

    Returns
    -------
    RecordingDifferences
        The stages of each pair of calls or pyramids: features, boxes, levels, parameters and
        output, each with its differences, and whether the operator of the second recording is at
        fault.

    Raises
    ------
    RoiAlignError
        If a recording is missing or damaged.

    Examples
    --------
    >>> compare_recordings("pytorch/", "onnx/").verdicts  # doctest: +SKIP
    ('inputs',)
    """
    one, other = _groups(str(first)), _groups(str(second))
    groups = like_pyramids(one, other), like_pyramids(other, one)
    pairs, first_only, second_only = pair_groups(*groups)
    calls: list[CallDifferences] = []
    is_explained = False
    for i, j in pairs:
        # Areas and moves of huge boxes may be beyond float64: these boxes are not paired.
        with np.errstate(over="ignore", invalid="ignore"):
            call = compare_groups(groups[0][i], groups[1][j], search=search)
        if is_explained:
            for check in call.checks:
                check.release()
        is_explained = is_explained or bool(call.stage("output").differs)
        calls.append(call)
        advance(1 / len(pairs))
    return RecordingDifferences(
        (str(first), str(second)),
        tuple(calls),
        tuple(groups[0][i] for i in first_only),
        tuple(groups[1][j] for j in second_only),
    )


def _groups(name: str) -> list[CallGroup]:
    """Return the groups of a recording, or a single call as a group."""
    return [group_of_call(name)] if is_call(name) else groups_of(read_recording(name))
