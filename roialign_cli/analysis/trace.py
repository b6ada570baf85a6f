"""Trace one ROI and channel: every number from the box to the output.

A trace presents the sampling plan in the convention's frame. It computes nothing that pooling did
not use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Unpack, get_args

import numpy as np

from roialign_cli.analysis.rectangle import Rectangle
from roialign_cli.analysis.sections import Section, Sections
from roialign_cli.core.boxes import Float, Frame
from roialign_cli.core.channels import channel_read
from roialign_cli.core.convention import Convention, Summary
from roialign_cli.core.operation import CallOptions, Operation, make_operation
from roialign_cli.core.preset import Preset
from roialign_cli.core.sampling import Plan
from roialign_cli.errors import ArgumentError, alternatives, checked_index
from roialign_cli.presentation import Presentable, summary


@dataclass(frozen=True, repr=False)
class Trace(Presentable):
    """Hold every step of one ROI and channel, from the box to the output.

    Prints as a table; a notebook shows an interactive page.

    Parameters
    ----------
    convention
        The rules.
    frame
        The frame of all positions.
    map_size
        (height, width) of the feature map in cells.
    channels, channel
        The number of channels of the output; the index of the traced channel, or how all were
        combined.
    roi
        The index of the box.
    box
        The four numbers of the box as the caller wrote them.
    box_on_map
        The box times the scale, before the convention moves, rounds or enlarges it. Coordinate 0 is
        the edge of the first cell; the centre for boxes that are normalised by "last-centre".
    scale
        (x, y), feature-map units per unit of the box.
    x, y
        The ROI's top-left corner, in cells.
    width, height
        The ROI's size, in cells.
    unclamped_width, unclamped_height
        The size before the minimum size was applied. If the points are cells, this is the size in
        whole cells; `quantise` describes what the rounding changes.
    section_width, section_height
        The size of a section, in cells.
    sections
        All sections, row by row from the top.
    plan
        The sampling plan of the ROI.
    output
        (rows, columns) of numbers.
    cells
        (H, W), the channel of the feature map; if sections read different channels, that of the
        example section.
    operation
        The call on the only box and channel.
    """

    convention: Convention
    frame: Frame
    map_size: tuple[int, int]
    channels: int
    channel: int | Summary
    roi: int
    box: tuple[float, float, float, float]
    box_on_map: Rectangle
    scale: tuple[float, float]
    x: float
    y: float
    width: float
    height: float
    unclamped_width: float
    unclamped_height: float
    section_width: float
    section_height: float
    sections: Sequence[Section]
    plan: Plan
    output: tuple[tuple[float, ...], ...]
    cells: Float
    operation: Operation

    def __repr__(self) -> str:
        return f"<Trace of {summary(self)}>"

    @property
    def n_points(self) -> int:
        """The number of sample points of all sections."""
        sections = self.sections
        if isinstance(sections, Sections):
            return int(sections.in_y.sum() * sections.in_x.sum())
        return sum(len(section.points) for section in sections)

    @property
    def map_y(self) -> tuple[float, float]:
        """The smallest and the largest y on the map."""
        top, bottom = self.frame.row_edge(0), self.frame.row_edge(self.map_size[0])
        return min(top, bottom), max(top, bottom)

    @property
    def bottom(self) -> float:
        """The y coordinate of the lower edge of the ROI."""
        return self.y + self.frame.y_sign * self.height

    def section(self, i: int, j: int) -> Section:
        """Return section (i, j), i along x and j from the top, from 1."""
        columns, rows = len(self.output[0]), len(self.output)
        if not (1 <= i <= columns and 1 <= j <= rows):
            known = f"sections run from (1, 1) to ({columns}, {rows})"
            raise ArgumentError("section", f"there is no section ({i}, {j}); {known}")
        return self.sections[(j - 1) * columns + i - 1]

    def map_of(self, i: int, j: int) -> Float:
        """Return the map (H, W) that section (i, j) reads."""
        maps: Float = self.operation.features[0]
        return self.cells if len(maps) == 1 else maps[(j - 1) * len(self.output[0]) + i - 1]

    def on_map_of(self, section: tuple[int, int]) -> Trace:
        """Return the trace with the map that section (i, j) reads as its `cells`."""
        cells = self.map_of(*section)
        return self if cells is self.cells else replace(self, cells=cells)

    def channel_read(self, i: int, j: int) -> int | None:
        """Return the channel of the features that section (i, j) reads, if each reads its own."""
        if isinstance(self.channel, str):
            return None
        size = len(self.output), len(self.output[0])
        return channel_read(self.convention, size, self.channel, (i, j))

    def grid(self, i: int, j: int) -> tuple[int, int]:
        """Return how many points section (i, j) has along x and y, as the convention counts them.

        The convention may compute fewer points. The numbers of an empty section may be negative.
        """
        x, y = self.plan.x.grid[0].tolist(), self.plan.y.grid[0].tolist()
        return x[min(i, len(x)) - 1], y[min(j, len(y)) - 1]

    def corner(self, i: int, j: int) -> tuple[float, float]:
        """Return x and y of the top-left corner of section (i, j)."""
        if isinstance(self.sections, Sections):
            return self.sections.corner(i, j)
        section = self.section(i, j)
        return section.x, section.y

    @property
    def example(self) -> tuple[int, int]:
        """The section (i, j) to explain by default."""
        if isinstance(self.sections, Sections):
            return self.sections.example()
        return self.sections[0].section

    def select(
        self, section: tuple[int, int] | None = None, point: tuple[int, int] | None = None
    ) -> Sequence[Section]:
        """Return one section or all, with one point or all.

        Raises
        ------
        ArgumentError
            If there is no such section or point.
        """
        sections = self.sections
        if section is not None:
            sections = (self.section(*section),)
        if point is None:
            return sections
        selected = tuple(
            replace(s, points=tuple(p for p in s.points if p.point == point)) for s in sections
        )
        if not any(s.points for s in selected):
            columns, rows = sections[0].grid
            known = f"points run from (1, 1) to ({columns}, {rows})"
            if not (columns and rows):
                known = "the section has no sample points"
            raise ArgumentError("point", f"there is no point {point}; {known}")
        return selected


def trace(
    features: object,
    boxes: object,
    output_size: int | tuple[int, int],
    *,
    roi: int = 0,
    channel: int | Summary = 0,
    convention: str | Preset | Convention,
    **call: Unpack[CallOptions],
) -> Trace:
    """Trace everything that `roi_align` does to one box and channel.

    Parameters
    ----------
    features, boxes, output_size, convention, **call
        As for `roi_align`.
    roi
        Index of the box.
    channel
        Index of the channel; or "mean", "max" or "norm" of all channels.

    Returns
    -------
    Trace
        Positions are in cells, in the frame of the convention, and values are float64.

    Raises
    ------
    RoiAlignError
        As for `roi_align`, and for a box or channel that does not exist.

    Examples
    --------
    >>> traced = trace(np.eye(4), [[0, 0, 4, 4]], 2, convention="torchvision-aligned")
    >>> traced.section(1, 1).points[0].x, traced.section(1, 1).output
    (0.5, 0.5)
    """
    operation = make_operation(features, boxes, output_size, convention=convention, **call)
    return trace_operation(operation, roi, channel)


def trace_operation(
    operation: Operation, roi: int = 0, channel: int | Summary = 0, frame: Frame | None = None
) -> Trace:
    """Trace one box and one channel, or a summary of all channels, of an operation.

    Positions are in the frame of the convention unless another frame is given.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        return _trace(operation, roi, channel, frame or operation.frame)


def with_output(trace: Trace, output: Float, *, points: bool) -> Trace:
    """Return a trace with another output of shape (rows, columns), with its points or without."""
    values = output.astype(np.float64)
    sections = [
        replace(section, output=value)
        if points
        else replace(section, output=value, winner=None, points=(), grid=(0, 0))
        for section, value in zip(trace.sections, values.ravel().tolist(), strict=True)
    ]
    return replace(trace, output=tuple(map(tuple, values.tolist())), sections=tuple(sections))


def _trace(operation: Operation, roi: int, channel: int | Summary, frame: Frame) -> Trace:
    roi = checked_index("roi", roi, len(operation.boxes_xyxy), "box")
    channel = checked_channel(operation, channel)
    one = operation.for_box_and_channel(roi, channel)
    plan = one.plan()
    _check_points(plan, roi)
    sections = Sections(one, plan, frame)
    return Trace(
        convention=one.convention,
        frame=frame,
        map_size=one.map_size,
        channels=operation.channels,
        channel=channel,
        roi=roi,
        box=tuple(one.boxes_given[0].tolist()),
        box_on_map=box_on_map(one, frame),
        scale=(one.spatial_scale[1], one.spatial_scale[0]),
        x=frame.x(plan.x.roi_start[0]),
        y=frame.y(plan.y.roi_start[0]),
        width=float(plan.x.roi_size[0]),
        height=float(plan.y.roi_size[0]),
        unclamped_width=float(plan.x.unclamped_size[0]),
        unclamped_height=float(plan.y.unclamped_size[0]),
        section_width=float(plan.x.section_size[0]),
        section_height=float(plan.y.section_size[0]),
        sections=sections,
        plan=plan,
        output=tuple(tuple(row) for row in sections.output.tolist()),
        cells=sections.map_of(*(index - 1 for index in sections.example())),
        operation=one,
    )


def box_on_map(one: Operation, frame: Frame) -> Rectangle:
    """Return the only box of an operation times the scale, before the rules of the convention."""
    convention, (y_scale, x_scale) = one.convention, one.spatial_scale
    ends_at_centres = convention.normalized and convention.normalized_by == "last-centre"
    # Where coordinate 0 of the box lies, in cell-index units.
    zero = 0.0 if ends_at_centres else -0.5
    scales = (x_scale, y_scale, x_scale, y_scale)
    edges = (end * scale + zero for end, scale in zip(one.boxes_xyxy[0], scales, strict=True))
    return Rectangle.of_indices(frame, *edges)


def _check_points(plan: Plan, roi: int) -> None:
    points = float(plan.y.points[0] * plan.x.points[0])
    if points > MAX_TRACED_POINTS:
        most = f"more than the {MAX_TRACED_POINTS} that can be traced"
        problem = f"box {roi} has {points:.3g} sample points, {most}; use fewer points or sections"
        raise ArgumentError("sampling_ratio", problem)


MAX_TRACED_POINTS = 1_000_000


def checked_channel(operation: Operation, channel: int | Summary) -> int | Summary:
    """Return a channel's index or a summary's name, or raise an `ArgumentError`."""
    channels = operation.channels
    if not isinstance(channel, str):
        return checked_index("channel", channel, channels, "channel")
    if operation.convention.channel_map == "position-sensitive":
        problem = f"{operation.convention.name} reads another channel in each section"
        raise ArgumentError("channel", f"{problem}, so {channel!r} has no meaning; use an index")
    if channel not in get_args(Summary):
        choices = alternatives(["an index from 0", *get_args(Summary)])
        raise ArgumentError("channel", f"{channel!r} is not a channel; use {choices}")
    checked_index("channel", 0, channels, "channel")
    return channel
