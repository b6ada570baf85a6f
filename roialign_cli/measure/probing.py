"""Probe a kernel: make the calls, measure the rules, find the nearest preset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

from roialign_cli.core.convention import Convention
from roialign_cli.core.presets import preset as preset_named
from roialign_cli.measure.evidence import Evidence
from roialign_cli.measure.fingerprint import Fingerprint
from roialign_cli.measure.measuring import Unreadable, measure
from roialign_cli.measure.report import fingerprint_of
from roialign_cli.measure.target import FunctionTarget, Target


def probe(function: Callable[..., Any] | Target, *, preset: str | None = None) -> Fingerprint:
    """Measure the rules that a kernel follows.

    Parameters
    ----------
    function
        A function of features (N, C, H, W), boxes (R, 4) and output_size (rows, columns) that
        returns (R, C, rows, columns), with the keywords spatial_scale, sampling_ratio and
        batch_index if it has them; or a `Target`. Arrays are float32, batch_index is int64.
    preset
        The name of the preset to compare with; by default the nearest.

    Returns
    -------
    The rules, the nearest preset, and the smallest case for each rule in which it differs.

    Raises
    ------
    ArgumentError
        If the argument is no function, or the preset is unknown.

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
    target: Target
    target = function if is_target(function) else FunctionTarget.of(function)
    evidence = Evidence(target)
    try:
        measured = measure(evidence)
    except Unreadable as problem:
        calls = evidence.calls
        return Fingerprint(target.name, Convention(), problem=str(problem), calls=calls)
    return fingerprint_of(measured, chosen)


def is_target(given: object) -> TypeGuard[Target]:
    """Return whether an object has all members of a `Target`."""
    return all(hasattr(given, member) for member in ("run", "parameters", "name"))
