"""The views of `roialign plot`: what each shows, which options it uses, and how it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from roialign_cli.analysis.scaling import ScaleSource
    from roialign_cli.analysis.trace import Trace
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.cli.options import Selection
    from roialign_cli.cli.pyramids import PyramidInputs
    from roialign_cli.core.boxes import Frame
    from roialign_cli.core.convention import Convention
    from roialign_cli.core.operation import Operation
    from roialign_cli.show.figures.stages import StagedFigure
    from roialign_cli.show.figures.style import FigureStyle


@dataclass(frozen=True)
class PlotRequest:
    """The input, what determined its scale, what to draw of it and how.

    What an option chooses is None where it was not given. Of a pyramid, the input is the map of the
    box that --roi chooses, `pyramid` has the other maps, and `image` is that of --image.
    """

    inputs: Inputs
    source: ScaleSource
    selection: Selection
    other: str | None
    style: FigureStyle
    pyramid: PyramidInputs | None = None
    image: NDArray[np.uint8] | None = None

    @property
    def roi(self) -> int:
        """The index of the box."""
        return self.selection.roi or 0

    @property
    def section(self) -> tuple[int, int] | None:
        """The section (i, j), from 1."""
        return self.selection.section

    @property
    def point(self) -> tuple[int, int] | None:
        """The point (n, m) of the section, from 1."""
        return self.selection.point

    def trace(self, roi: int | None = None) -> Trace:
        """Return the trace of a box, or of the one that --roi chooses."""
        from roialign_cli.analysis.trace import trace_operation

        roi = self.roi if roi is None else roi
        return trace_operation(self.inputs.operation, roi, self.selection.channel)

    def trace_of(self, operation: Operation, frame: Frame) -> Trace:
        """Return the trace of the same box in another operation, in the frame of the first one."""
        from roialign_cli.analysis.trace import trace_operation

        return trace_operation(operation, self.roi, self.selection.channel, frame)

    @property
    def left_out(self) -> str:
        """Which boxes are on another feature map, or image of a pyramid, in words."""
        from roialign_cli.analysis.pitfalls import numbered

        boxes = self.other_boxes(same_map=False)
        other = "feature map" if self.pyramid is None else "image"
        return f"not drawn: {numbered(boxes)} on another {other}" if boxes else ""

    def other_boxes(self, *, same_map: bool) -> list[int]:
        """Return the other boxes that are on the same map as the chosen box, or on other maps."""
        maps = self.inputs.operation.batch_index.tolist()
        here = maps[self.roi]
        return [r for r, n in enumerate(maps) if r != self.roi and (n == here) is same_map]


def _steps(request: PlotRequest) -> StagedFigure:
    from roialign_cli.show.figures.steps import steps_sheet

    return steps_sheet(
        request.trace(),
        request.inputs.file.image,
        stride=request.inputs.file.stride or 1,
        source=request.source,
        section=request.section,
        point=request.point,
        style=request.style,
    )


def _sections(request: PlotRequest) -> Figure:
    from roialign_cli.show.figures.sections import sections_figure

    return sections_figure(request.trace(), section=request.section, style=request.style)


def _overlay(request: PlotRequest) -> Figure:
    from roialign_cli.show.figures.overlay import overlay_figure

    if request.pyramid is not None:
        return _levels(request, request.pyramid)
    first = request.trace()
    traces = [first, *(request.trace(box) for box in request.other_boxes(same_map=True))]
    return overlay_figure(
        traces,
        request.inputs.file.image,
        stride=request.inputs.file.stride,
        labels=[request.inputs.name(trace.roi) for trace in traces],
        section=request.section,
        point=request.point,
        left_out=request.left_out,
        style=request.style,
    )


def _levels(request: PlotRequest, pyramid: PyramidInputs) -> Figure:
    from roialign_cli.show.figures.levels import levels_figure

    rois = sorted([request.roi, *request.other_boxes(same_map=True)])
    return levels_figure(
        pyramid.operation,
        rois,
        request.selection.channel,
        image=request.image,
        names=[request.inputs.name(roi) for roi in rois],
        left_out=request.left_out,
        style=request.style,
    )


def _point(request: PlotRequest) -> Figure:
    from roialign_cli.show.figures.point import point_figure

    section, point = request.section, request.point
    return point_figure(request.trace(), section=section, point=point, style=request.style)


def _output(request: PlotRequest) -> Figure:
    from roialign_cli.show.figures.output import output_figure

    return output_figure(request.trace(), style=request.style)


def _footprint(request: PlotRequest) -> Figure:
    from roialign_cli.show.figures.footprint import footprint_figure

    return footprint_figure(request.trace(), section=request.section, style=request.style)


def _compare(request: PlotRequest) -> Figure:
    from roialign_cli.cli.inputs import with_convention
    from roialign_cli.show.figures.compare import compare_figure

    trace = request.trace()
    operation = with_convention(request.inputs, request.other or "")
    other = request.trace_of(operation, trace.frame)
    return compare_figure(trace, other, section=request.section, style=request.style)


def _pool(request: PlotRequest) -> Figure:
    from roialign_cli.core.presets import PRESETS
    from roialign_cli.show.figures.pool import pool_figure

    operation = request.inputs.operation
    pooled = PRESETS["roi-pool"].convention
    if operation.convention.points == "cells":
        pooled = operation.convention
        operation = _with_rules(operation, PRESETS["torchvision-aligned"].convention)
    if operation.convention.points == "integral":  # which has no maximum
        pooled = replace(pooled, pooling="avg")
    elif "pooling" not in request.inputs.overrides:  # so that only the rounding differs
        rules = replace(operation.convention, pooling=pooled.pooling)
        operation = replace(operation, convention=rules)
    trace = request.trace_of(operation, operation.frame)
    return pool_figure(
        trace,
        request.trace_of(_with_rules(operation, pooled), trace.frame),
        request.inputs.file.image,
        stride=request.inputs.file.stride or 1,
        style=request.style,
    )


def _with_rules(operation: Operation, rules: Convention) -> Operation:
    """Return the operation with the rules of a convention and the same boxes and channels."""
    from roialign_cli.core.convention import BOX_FIELDS

    kept = (*BOX_FIELDS, "channel_map")
    fields: dict[str, Any] = {name: getattr(operation.convention, name) for name in kept}
    return replace(operation, convention=replace(rules, **fields))


_Option = Literal["section", "point", "other", "colormap", "values", "units", "frames", "image"]


@dataclass(frozen=True)
class PlotView:
    """What a view shows, and how.

    Parameters
    ----------
    shows
        What the view shows, for the help.
    draw
        Draws the view. Views that use "frames" return the stages of the figure, too.
    uses
        The `_Option`s that have an effect. All other options have an effect on every view.
    image_hides_cells
        Whether an image is drawn in place of the cells, so that "colormap" has no effect on it.
    """

    shows: str
    draw: Callable[[PlotRequest], Figure | StagedFigure]
    uses: tuple[_Option, ...]
    image_hides_cells: bool = False


VIEWS = {
    "steps": PlotView(
        "all steps on one page",
        _steps,
        ("section", "point", "colormap", "values", "units", "frames"),
    ),
    "sections": PlotView(
        "the ROI on the cells, and the sample points of a section",
        _sections,
        ("section", "colormap", "values", "units"),
    ),
    "overlay": PlotView(
        "all boxes on the image, with --pyramid coloured by level",
        _overlay,
        ("section", "point", "colormap", "image"),
        image_hides_cells=True,
    ),
    "point": PlotView(
        "one sample point with its neighbour cells and weights",
        _point,
        ("section", "point", "colormap", "units"),
    ),
    "output": PlotView(
        "the output and, for max, the points that determine it",
        _output,
        ("colormap", "values", "units"),
    ),
    "footprint": PlotView(
        "the weight of each cell in the output",
        _footprint,
        ("section", "colormap", "values", "units"),
    ),
    "compare": PlotView(
        "two conventions on the same box",
        _compare,
        ("section", "other", "colormap", "values", "units"),
    ),
    "pool": PlotView(
        "ROI Pool and ROI Align on the same box", _pool, ("colormap", "values", "units")
    ),
}


def users_of(option: str) -> list[str]:
    """Return the names of the views on which an option has an effect."""
    return [name for name, view in VIEWS.items() if option in view.uses]
