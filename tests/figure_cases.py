"""The cases that figures are tested with: maps and boxes, and the styles to draw them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from roialign_cli import PRESETS
from roialign_cli.analysis.trace import Trace, trace, trace_operation
from roialign_cli.core.convention import BOX_FIELDS
from roialign_cli.core.operation import Operation, make_operation
from roialign_cli.show.figures.compare import compare_figure
from roialign_cli.show.figures.footprint import footprint_figure
from roialign_cli.show.figures.output import output_figure
from roialign_cli.show.figures.overlay import overlay_figure
from roialign_cli.show.figures.point import point_figure
from roialign_cli.show.figures.pool import pool_figure
from roialign_cli.show.figures.sections import sections_figure
from roialign_cli.show.figures.steps import steps_sheet
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.palette import DARK

ALIGNED: dict[str, Any] = {"convention": "torchvision-aligned", "spatial_scale": 1 / 32}
WALKTHROUGH: dict[str, Any] = {"convention": "walkthrough", "spatial_scale": 1 / 32}
HELMET, OVER_CORNER, OUTSIDE = [277, 344, 510, 512], [-70, -50, 100, 90], [600, 500, 700, 560]
DOCUMENT = [296, 320, 200, 145]  # x, y, width and height of the worked example's box


# The maps and the boxes -------------------------------------------------------------------------


def steps_figure(trace: Trace, *arguments: Any, **options: Any) -> Figure:
    """Return the complete sheet of the steps."""
    return steps_sheet(trace, *arguments, **options).figure


def a_map(height: int = 16, width: int = 16) -> Any:
    cells = np.random.default_rng(0).integers(0, 10, (height, width)) / 10
    if height == width == 16:
        cells[6, 9:12] = 0.1, 0.2, 0.3
        cells[7, 9:12] = 1.0, 0.7, 0.3
    return cells


def walkthrough(**changes: Any) -> Trace:
    return trace(a_map(), [DOCUMENT], 3, **(WALKTHROUGH | changes))


def aligned(
    box: Sequence[float],
    output_size: int | tuple[int, int] = 7,
    **changes: Any,
) -> Trace:
    return trace(a_map(), [box], output_size, **(ALIGNED | changes))


@dataclass(frozen=True)
class Case:
    """One box on one map, and the section to draw."""

    operation: Operation
    section: tuple[int, int] = (1, 1)
    photo_channel: str | None = None

    @cached_property
    def trace(self) -> Trace:
        return trace_operation(self.operation)

    def under(self, preset: str) -> Trace:
        """Return the trace under another convention, in the same frame and on the same box.

        If both conventions choose the number of sample points alike, that number is the same.
        """
        own, other = self.operation.convention, PRESETS[preset].convention
        kept = (*BOX_FIELDS, "channel_map")
        fields: dict[str, Any] = {name: getattr(own, name) for name in kept}
        if own.points == other.points:
            fields["sampling_ratio"] = own.sampling_ratio
        operation = replace(self.operation, convention=replace(other, **fields))
        return trace_operation(operation, frame=self.trace.frame)


def _case(
    features: Any,
    box: Sequence[float],
    output_size: int | tuple[int, int],
    section: tuple[int, int] = (1, 1),
    photo_channel: str | None = None,
    **call: Any,
) -> Case:
    operation = make_operation(features, [box], output_size, **call)
    return Case(operation, section, photo_channel)


def _walkthrough(section: tuple[int, int], features: Any = None, **changes: Any) -> Case:
    cells = a_map() if features is None else features
    return _case(cells, DOCUMENT, 3, section, **(WALKTHROUGH | changes))


def _aligned(
    box: Sequence[float],
    output_size: int | tuple[int, int],
    section: tuple[int, int] = (1, 1),
    **changes: Any,
) -> Case:
    return _case(a_map(), box, output_size, section, **(ALIGNED | changes))


def _cells(features: Any, output_size: int | tuple[int, int], section: Any, **call: Any) -> Case:
    """Return a case with a box in cells."""
    call = {"convention": "torchvision", "box": [1, 1, 7, 6]} | call
    return _case(features, call.pop("box"), output_size, section, **call)


def _large() -> Case:
    """Return a case of cells too small for values or outlines, with 4900 points."""
    call = ALIGNED | {"spatial_scale": 0.25, "sampling_ratio": 10}
    return _case(a_map(200, 304), [100.3, 40.2, 1000.5, 700.7], 7, (3, 4), **call)


def _photo(output_size: int | tuple[int, int], section: tuple[int, int], **changes: Any) -> Case:
    """Return a case whose cells are a channel of a photograph, 0 to 255."""
    cells = np.random.default_rng(5).integers(0, 256, (24, 32)).astype(float)
    cells[:, ::3] = 255
    call = ALIGNED | {"spatial_scale": 1 / 16} | changes
    box = call.pop("box", [103.5, 61, 391, 300])
    return _case(cells, box, output_size, section, "red channel", **call)


def _family(preset: str, box: Sequence[float], section: tuple[int, int], **changes: Any) -> Case:
    """Return a case of 3 × 3 sections of another operator; its box is in pixels or normalised."""
    rules, scale = PRESETS[preset].convention, {"spatial_scale": 1 / 32}
    cells = a_map()
    if rules.channel_map == "position-sensitive":
        cells = np.random.default_rng(6).integers(0, 10, (1, 18, 16, 16)) / 10
    call: dict[str, Any] = {} if rules.normalized else scale
    if rules.outside_neighbours == "value":
        call["extrapolation_value"] = 0.5
    return _case(cells, box, 3, section, convention=preset, **call, **changes)


_NOT_FINITE = np.where(a_map() > 0.7, np.nan, -np.inf)
_MEANS = np.random.default_rng(2).uniform(0, 255, (16, 16))  # with many decimals
_WHOLE = [0, 0, 512, 512]
_NEGATIVE = -np.random.default_rng(4).uniform(0, 40, (16, 16))
_POOL: dict[str, Any] = {"convention": "roi-pool", "spatial_scale": 1 / 32}
_MAX: dict[str, Any] = {"pooling": "max"}

CASES: Mapping[str, Case] = MappingProxyType({
    "walkthrough": _walkthrough((1, 1)),
    "walkthrough, last section": _walkthrough((3, 3)),
    "walkthrough, 10 × 10 points": _walkthrough((2, 2), divide=11),
    "walkthrough, 3 × 3 points": _walkthrough((1, 2), divide=4),
    "walkthrough, avg": _walkthrough((2, 1), pooling="avg"),
    "walkthrough, tiny values": _walkthrough((2, 2), a_map() * 0.0015),
    "walkthrough, negative values": _walkthrough((1, 1), _NEGATIVE),
    "walkthrough, 0 to 255": _walkthrough((3, 1), _MEANS),
    "7 × 7": _aligned(HELMET, 7, (4, 4)),
    "7 × 7, last section": _aligned(HELMET, 7, (7, 7)),
    "7 × 7, 4 × 4 points": _aligned(HELMET, 7, (2, 5), sampling_ratio=4),
    "14 × 14": _aligned(HELMET, 14, (3, 5)),
    "14 × 14, first section": _aligned(HELMET, 14, (1, 1)),
    "14 × 14, max": _aligned(HELMET, 14, (13, 11), **_MAX, sampling_ratio=2),
    "1 × 1": _aligned(HELMET, 1),
    "1 × 1, max": _aligned(HELMET, 1, **_MAX, sampling_ratio=3),
    "2 × 5": _aligned(HELMET, (2, 5), (5, 2), sampling_ratio=1),
    "9 × 2": _aligned(HELMET, (9, 2), (2, 8), sampling_ratio=2),
    "over the corner": _aligned(OVER_CORNER, (3, 4)),
    "over the corner, max": _aligned(OVER_CORNER, (3, 4), (2, 2), **_MAX, sampling_ratio=2),
    "outside": _aligned(OUTSIDE, 2),
    "far outside": _aligned([6000, 5000, 7000, 5600], 2),
    "the whole map": _aligned(_WHOLE, 4, (1, 4), sampling_ratio=3),
    "thin": _aligned([32, 96, 480, 100], (2, 7), (1, 2), sampling_ratio=2),
    "upright": _aligned([200, 16, 231, 500], (5, 2), (2, 4), sampling_ratio=2),
    "small": _aligned([201, 203, 209, 214], 3, (2, 2), sampling_ratio=2),
    "no area": _aligned([160, 160, 160, 160], 2),
    "inverted": _aligned([300, 200, 100, 90], 2, sampling_ratio=2),
    "points on centres": _aligned([96, 96, 224, 224], 4, (2, 3), sampling_ratio=1),
    "photo": _photo(3, (2, 2), sampling_ratio=2),
    "photo, 7 × 7": _photo(7, (7, 1), sampling_ratio=1),
    "photo, max": _photo((2, 4), (4, 1), **_MAX, sampling_ratio=4),
    "photo, close": _photo(2, (2, 1), box=[200, 100, 264, 140], sampling_ratio=2),
    "photo, roi-pool": _photo(3, (3, 3), convention="roi-pool"),
    "roi-pool": _case(a_map(), HELMET, 3, (2, 2), **_POOL),
    "roi-pool, 7 × 7": _case(a_map(), HELMET, 7, (4, 6), **_POOL),
    "roi-pool over the corner": _case(a_map(), OVER_CORNER, (3, 4), (4, 3), **_POOL),
    "roi-pool, negative values": _case(_NEGATIVE, [40, 60, 260, 200], 2, (1, 2), **_POOL),
    "normalised": _case(a_map(), [0.1, 0.2, 0.7, 0.9], 7, (3, 2), convention="tensorflow"),
    "normalised, one row": _case(
        np.arange(5.0)[None], [0.1, 0.2, 0.9, 0.7], 2, (2, 1), convention="tensorflow"
    ),
    "onnx": _aligned(HELMET, 3, (3, 1), convention="onnx-half-pixel"),
    "openvino": _aligned(OVER_CORNER, 3, (2, 3), convention="openvino-asymmetric"),
    "mmcv": _aligned([33, 50, 250, 333], 5, (5, 3), convention="mmcv", **_MAX),
    "paddle": _aligned([160, 160, 160, 160], 2, convention="paddle"),
    "large map": _large(),
    "1 × 1 map": _cells([[3.25]], 1, (1, 1), box=[0, 0, 1, 1], convention="torchvision-aligned"),
    "constant": _cells(np.full((9, 9), -2.5), 3, (1, 1)),
    "not finite": _cells(_NOT_FINITE, (2, 5), (2, 1), **_MAX),
    "huge values": _cells(a_map() * 1e30, 2, (1, 1)),
    "tiny values": _cells(a_map() * 0.0015, 3, (2, 3), sampling_ratio=2),
    "a row of cells": _cells(a_map(1, 12), (1, 3), (2, 1), box=[1.5, 0, 9, 1], sampling_ratio=2),
    "prroi-pool": _family("prroi-pool", HELMET, (2, 2)),
    "prroi-pool over the corner": _family("prroi-pool", OVER_CORNER, (2, 2)),
    "prroi-pool, small": _family("prroi-pool", [201, 203, 209, 214], (2, 1)),
    "prroi-pool, no area": _family("prroi-pool", [160, 160, 160, 160], (1, 1)),
    "ps-roi-align": _family("ps-roi-align", HELMET, (3, 1)),
    "ps-roi-pool": _family("ps-roi-pool", HELMET, (2, 3)),
    "ps-roi-pool, small": _family("ps-roi-pool", [201, 203, 209, 214], (1, 2)),
    "model-garden over the corner": _family("model-garden", [-50, -70, 90, 100], (1, 1)),
    "model-garden over the edge": _family("model-garden", [100, -90, 300, 80], (1, 2)),
    "model-garden, far outside": _family("model-garden", [100, -900, 300, -700], (1, 2)),
    "od-api over the corner": _family("od-api", [-0.05, -0.05, 0.1, 0.2], (2, 1)),
    "od-api, far outside": _family("od-api", [-0.9, -0.9, -0.5, -0.5], (2, 1)),
    "roi-warp": _family("roi-warp", HELMET, (1, 1)),
    "roi-warp, inverted": _family("roi-warp", [300, 100, 200, 210], (1, 1)),
    "tensorrt-pyramid, inverted": _family("tensorrt-pyramid", [480, 300, 200, 600], (1, 2)),
    "ncnn-0 beyond": _family("ncnn-0", [400, 400, 640, 620], (2, 2)),
    "ncnn-0 over the corner": _family("ncnn-0-aligned", OVER_CORNER, (2, 2)),
    "deterministic": _family("torchvision-deterministic", [-300, 10, 900, 700], (2, 2)),
    "onnx2tf-adaptive": _family("onnx2tf-adaptive", HELMET, (3, 3)),
    "mindspore": _family("mindspore", OVER_CORNER, (3, 3)),
    "nearest": _family("torchvision-aligned", HELMET, (1, 2), interpolation="nearest"),
    "swapped": _family("torchvision-aligned", HELMET, (1, 2), interpolation="swapped"),
})  # fmt: skip


# The views and the styles -----------------------------------------------------------------------


def _named(name: str) -> str:
    """Return a preset whose sample points or grid differ from those of a convention."""
    return {"torchvision": "torchvision-aligned", "roi-pool": "torchvision"}.get(
        name, "torchvision"
    )


def compared(case: Case) -> tuple[Trace, Trace]:
    """Return the traces of a case and of another convention."""
    return case.trace, case.under(_named(case.operation.convention.name))


def pooled(case: Case) -> tuple[Trace, Trace]:
    """Return the traces of a case under conventions of ROI Align and of ROI Pool."""
    if case.trace.convention.points == "cells":
        return case.under("torchvision-aligned"), case.trace
    return case.trace, case.under("roi-pool")


View = Callable[[Case, FigureStyle], Figure]

VIEWS: Mapping[str, View] = MappingProxyType(
    {
        "steps": lambda case, style: steps_figure(case.trace, section=case.section, style=style),
        "sections": lambda case, style: sections_figure(
            case.trace, section=case.section, style=style
        ),
        "overlay": lambda case, style: overlay_figure(
            [case.trace], None, section=case.section, style=style
        ),
        "point": lambda case, style: point_figure(case.trace, section=case.section, style=style),
        "output": lambda case, style: output_figure(case.trace, style=style),
        "footprint": lambda case, style: footprint_figure(
            case.trace, section=case.section, style=style
        ),
        "all footprints": lambda case, style: footprint_figure(case.trace, style=style),
        "compare": lambda case, style: compare_figure(
            *compared(case), section=case.section, style=style
        ),
        "pool": lambda case, style: pool_figure(*pooled(case), style=style),
    }
)

STYLES: Mapping[str, FigureStyle] = MappingProxyType(
    {
        "7": FigureStyle(7.0),
        "4.5": FigureStyle(4.5),
        "slide": FigureStyle(13.33, aspect=16 / 9),
        "boxes": FigureStyle(7.0, units="boxes"),
        "4:3": FigureStyle(9.0, aspect=4 / 3),
        "upright": FigureStyle(6.0, aspect=9 / 16),
        "square, dark": FigureStyle(8.0, aspect=1.0, theme=DARK, units="boxes"),
    }
)


def draw(view: str, case: str, style: str) -> Figure:
    """Return the figure of a case in a style."""
    one = CASES[case]
    return VIEWS[view](one, replace(STYLES[style], photo_channel=one.photo_channel))


def has_points(case: str) -> bool:
    one = CASES[case]
    return bool(one.trace.section(*one.section).points)


_TURNS = 45  # so that about a fifth of the cases are drawn by default


def combinations(view: str) -> list[Any]:
    """Return (case, style) parameters for a view: every case in two styles.

    One of them is that of a page. By default a case is drawn in at most one view, in one style;
    views and styles take turns. The other combinations are marked thorough.
    """
    number, parameters = list(VIEWS).index(view), []
    for turn, case in enumerate(CASES):
        if view == "point" and not has_points(case):
            continue
        own = [*STYLES][(turn + turn // len(VIEWS)) % len(STYLES)]
        for style in dict.fromkeys((own, ("7", "4.5")[turn % 2])):
            is_default = style == own and (turn - 2 * number) % _TURNS == 0
            marks = () if is_default else pytest.mark.thorough
            parameters.append(pytest.param(case, style, marks=marks))
    return parameters
