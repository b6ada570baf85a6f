"""Conventions as kernels, and whether a convention gives the answers of a kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention, roi_align
from roialign_cli.core.overrides import applicable_overrides
from roialign_cli.measure.battery import Writer, measuring_calls
from roialign_cli.measure.model import Model
from roialign_cli.measure.target import FunctionTarget, ask

Array = NDArray[Any]


def kernel_of(convention: str | Convention, **fields: Any) -> Callable[..., Array]:
    """Return a convention, or a preset, with other fields as a kernel.

    The kernel takes the parameters of a call. It ignores the scale if boxes are normalised.
    """
    rules = PRESETS[convention].convention if isinstance(convention, str) else convention

    def kernel(
        features: Array,
        boxes: Array,
        output_size: tuple[int, int],
        spatial_scale: float = 1.0,
        sampling_ratio: int | None = None,
        batch_index: Array | None = None,
    ) -> Array:
        options = dict(fields)
        if sampling_ratio is not None:
            options["sampling_ratio"] = sampling_ratio
        return roi_align(
            features,
            boxes,
            output_size,
            convention=rules,
            spatial_scale=None if rules.normalized else spatial_scale,
            batch_index=batch_index,
            **applicable_overrides(rules, **options),
        )

    return kernel


def gives_answers(
    convention: Convention, kernel: Callable[..., Array], reading: Convention
) -> bool:
    """Return whether a convention gives all answers of a kernel to the measuring calls.

    `reading` is how the kernel reads boxes.
    """
    target, model = FunctionTarget.of(kernel), Model(convention)
    for call in measuring_calls(Writer(reading)):
        given, expected = ask(target, call).output, model.answer(call).output
        if given is None or expected is None:
            if given is not expected:
                return False
        elif given.shape != expected.shape or not np.allclose(
            given, expected, rtol=1e-5, atol=1e-6, equal_nan=True
        ):
            return False
    return True
