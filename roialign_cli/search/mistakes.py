"""Mistakes that exporters, importers and ports of ROI Align make, and where they are known from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from roialign_cli.core.convention import Convention
from roialign_cli.errors import ArgumentError


@dataclass(frozen=True)
class Culprit:
    """A program that makes a mistake.

    Parameters
    ----------
    program
        Its name, and the file and the case in which it makes the mistake.
    version
        The version, pull request or issue in which the mistake was seen.
    date
        The month in which it was seen, as YYYY-MM.
    """

    program: str
    version: str
    date: str


@dataclass(frozen=True)
class Mistake:
    """A mistake in the exchange of models.

    Parameters
    ----------
    text
        What goes wrong.
    fields
        The convention fields that it changes in a call with a half-cell shift; None if no field
        expresses it.
    culprits
        Programs that make it.
    """

    text: str
    fields: Mapping[str, Any] | None
    culprits: tuple[Culprit, ...] = ()


MISTAKES = (
    Mistake(
        "the half-cell shift is applied twice",
        {"offset": 1.0},
        (
            Culprit(
                "MMCV, ONNX symbolic (ops/roi_align.py) with aligned=True: subtracts the shift and "
                "leaves the mode to its default, which shifts again from opset 16",
                "mmcv 2.x",
                "2026-01",
            ),
        ),
    ),
    Mistake(
        "the shift is applied before the scale instead of after it",
        {"image_offset": 0.5, "offset": 0.0},
        (
            Culprit(
                "TVM, ONNX importer (relax/frontend/onnx/onnx_frontend.py) with half_pixel",
                "apache-tvm 0.27.0.post1, apache/tvm#18936",
                "2026-08",
            ),
            Culprit(
                "TVM, torch importer (frontend/torch/exported_program_translator.py) with aligned",
                "apache-tvm 0.27.0.post1",
                "2026-08",
            ),
        ),
    ),
    Mistake(
        "the half-cell shift is missing",
        {"offset": 0.0},
        (
            Culprit(
                "onnx2tf (ops/RoiAlign.py): reads the mode and ignores it",
                "onnx2tf 1.29.24",
                "2026-07",
            ),
            Culprit("every export of aligned=True to ONNX opset 10", "opset 10", "2026-07"),
            Culprit(
                "TVM Relay, ONNX importer: ignores the mode",
                "apache-tvm 0.14, apache/tvm#19501",
                "2026-05",
            ),
        ),
    ),
    Mistake("the half-cell shift has the wrong sign", {"offset": -0.5}),
    Mistake(
        "the half-cell shift and the minimum ROI size of one cell are both applied",
        {"min_size": 1.0},
        (
            Culprit(
                "MMCV, ONNX symbolic (ops/roi_align.py) with aligned=True below opset 16",
                "mmcv 2.x",
                "2026-01",
            ),
            Culprit(
                "MIGraphX, reference (op/roialign.hpp) with half_pixel",
                "header of 2023",
                "2026-07",
            ),
        ),
    ),
    Mistake(
        "one sample point per section, as if an omitted sampling_ratio means 1",
        None,
        (
            Culprit(
                "OpenVINO, importer",
                "openvinotoolkit/openvino#37826",
                "2026-09",
            ),
        ),
    ),
    Mistake(
        "boxes are shifted although the model has no shift",
        None,
        (
            Culprit(
                "MNN, ONNX converter (ROIAlignOnnx.cpp): aligned is true without the attribute",
                "MNN 3.6.1",
                "2026-10",
            ),
            Culprit(
                "onnxruntime, DirectML: models of opset 10 are read as half_pixel",
                "microsoft/onnxruntime#15812",
                "2023-05",
            ),
        ),
    ),
    Mistake(
        "max pooling becomes ROI Pool",
        None,
        (
            Culprit(
                "torch-mlir (DefaultDomainQtoZ.cpp): mode=max with half_pixel and ratio 0",
                "llvm/torch-mlir#3493",
                "2024-06",
            ),
        ),
    ),
    Mistake(
        "max takes the largest point instead of the largest product, or the reverse",
        None,
        (
            Culprit(
                "onnxruntime: an environment variable selects the maximum of points",
                "microsoft/onnxruntime#27554",
                "2026-03",
            ),
        ),
    ),
)

# Text of a mistake that fields express → the fields.
EXPORT_MISTAKES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {mistake.text: mistake.fields for mistake in MISTAKES if mistake.fields is not None}
)

# Text of a mistake → the programs that make it.
CULPRITS: Mapping[str, tuple[Culprit, ...]] = MappingProxyType(
    {mistake.text: mistake.culprits for mistake in MISTAKES}
)

# What a kernel gets wrong → the convention fields that it changes.
RULE_MISTAKES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "the boxes are clipped to the map": {"clip_boxes": True},
        "the box edges are rounded in the image": {"edge_rounding": "round-image"},
        "the box edges are rounded down in the image": {"edge_rounding": "floor-image"},
        "the box edges are rounded on the map": {"edge_rounding": "round-map"},
        "the box edges are rounded down on the map": {"edge_rounding": "floor-map"},
        "the coordinates are computed in half precision": {"coordinates": "half"},
        "sample points beyond the outermost cell centres have the value 0": {"border_margin": 0.0},
        "points outside the map are clamped to it, however far away": {"border_margin": math.inf},
        "neighbour cells outside the map have the value 0": {"outside_neighbours": "value"},
        "the average is divided by the points inside the map": {"average_over": "inside"},
        "the adaptive grid rounds down": {"grid_rounding": "floor", "grid_min": 1},
        "the adaptive grid rounds to the nearest number": {"grid_rounding": "round", "grid_min": 1},
        "each point takes the nearest cell": {"interpolation": "nearest"},
        "the interpolation weights of the two neighbour cells are exchanged": {
            "interpolation": "swapped"
        },
        "the sample points lie at the start of their intervals, not in the middle": {
            "point_in_part": 0.0
        },
        "the first and the last sample point lie on the edges of the ROI": {"points": "corners"},
        "a box is at least one cell wide and high": {"min_size": 1.0},
    }
)


def with_wrong_rules(convention: Convention) -> Iterator[tuple[Convention, str]]:
    """Yield a convention with each wrong rule that it does not have, and the text of the mistake.

    Rules that exclude each other are left out.
    """
    for text, fields in RULE_MISTAKES.items():
        if any(getattr(convention, name) != value for name, value in fields.items()):
            with suppress(ArgumentError):
                yield replace(convention, **fields), text
