"""Probe a kernel: make the calls, measure the rules, find the nearest preset."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeGuard

from roialign_cli.core.convention import Convention
from roialign_cli.core.presets import preset as preset_named
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.fingerprint import Fingerprint
from roialign_cli.measure.first_reading import UnreadableError
from roialign_cli.measure.measuring import measure
from roialign_cli.measure.report import fingerprint_of
from roialign_cli.measure.target import FunctionTarget, Target
from roialign_cli.measure.targets.local import LocalTarget
from roialign_cli.measure.targets.matching import UnmatchedError


def probe(function: Callable[..., Any] | Target, *, preset: str | None = None) -> Fingerprint:
    """Measure the rules that a kernel follows.

    Parameters
    ----------
    function
        A function or class of features (N, C, H, W), boxes and the output size that returns
        (R, C, rows, columns). Other parameters are a spatial scale, a sampling ratio and the batch
        index of each box. The parameters are matched by their usual names, and boxes are passed as
        (R, 4), as (R, 5) after the batch index, or as a list, whichever the function accepts.
        Arrays are float32, of NumPy or PyTorch; the batch index is int64. Or a `Target`.
    preset
        The name of the preset to compare with; by default the nearest.

    Returns
    -------
    Fingerprint
        The rules, the nearest preset, and the smallest case for each rule in which it differs. Its
        text is what the command prints.

    Raises
    ------
    ArgumentError
        If `function` cannot be called, or the preset is unknown.

    Examples
    --------
    >>> from roialign_cli import roi_align
    >>> def kernel(features, boxes, output_size, spatial_scale, sampling_ratio=0, batch_index=0):
    ...     return roi_align(
    ...         features,
    ...         boxes,
    ...         output_size,
    ...         convention="torchvision",
    ...         spatial_scale=spatial_scale,
    ...         sampling_ratio=sampling_ratio,
    ...         batch_index=batch_index,
    ...     )
    >>> probe(kernel).verdict
    'This is torchvision (avg).'
    """
    chosen = None if preset is None else preset_named(preset).name
    target = function if is_target(function) else _target_of(function)
    evidence = Evidence(target)
    try:
        measured = measure(evidence)
    except UnreadableError as problem:
        calls = evidence.calls
        return Fingerprint(target.name, Convention(), problem=str(problem), calls=calls)
    found = fingerprint_of(measured, chosen)
    remarks = dict.fromkeys([*found.remarks, *getattr(target, "remarks", ())])
    return replace(found, remarks=tuple(remarks), matched=getattr(target, "matched", {}))


def _target_of(function: Any) -> Target:  # noqa: ANN401
    """Return a function or class as a target, with its parameters matched by their usual names.

    A function of any arguments gets them in the order and by the names of `roi_align`.
    """
    plain = FunctionTarget.of(function)
    try:
        kinds = {one.kind for one in inspect.signature(function).parameters.values()}
        is_open = kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
        return plain if is_open else LocalTarget(function, plain.name)
    except (TypeError, ValueError, UnmatchedError):  # TypeError and ValueError: no signature
        return plain


def is_target(given: object) -> TypeGuard[Target]:
    """Return whether an object has all members of a `Target`."""
    return all(hasattr(given, member) for member in ("run", "parameters", "name"))
