"""`roialign plot`: draw an ROI, its sections and its sample points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import click

from roialign_cli.cli.help import command, operator_option, output_option
from roialign_cli.cli.option_types import OUTPUT_FILE, NumberInRange, PresetName
from roialign_cli.cli.options import (
    OperatorOptions,
    channel_option,
    force_option,
    note_options,
    operator_options,
    roi_option,
    section_options,
)
from roialign_cli.cli.streams import message
from roialign_cli.errors import alternatives
from roialign_cli.show.figures.choices import Units, Values
from roialign_cli.show.palette import THEMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from roialign_cli.analysis.trace import Trace
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.core.convention import Summary
    from roialign_cli.show.figures.style import FigureStyle


@dataclass(frozen=True)
class _PlotRequest:
    """The input and what to draw of it; None where an option was not given."""

    inputs: Inputs
    roi: int
    channel: int | Summary
    section: tuple[int, int] | None
    point: tuple[int, int] | None
    other: str | None
    style: FigureStyle

    @property
    def section_or_first(self) -> tuple[int, int]:
        return self.section or (1, 1)

    def trace(self, roi: int | None = None) -> Trace:
        """Return the trace of a box, or of the one that --roi chooses."""
        from roialign_cli.analysis.trace import trace_operation

        roi = self.roi if roi is None else roi
        return trace_operation(self.inputs.operation, roi, self.channel)

    def other_boxes(self, *, same_map: bool) -> list[int]:
        """Return the other boxes that are on the same map as the chosen box, or on other maps."""
        maps = self.inputs.operation.batch_index.tolist()
        here = maps[self.roi]
        return [r for r, n in enumerate(maps) if r != self.roi and (n == here) is same_map]


def _steps(request: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.steps import steps_figure

    return steps_figure(
        request.trace(),
        request.inputs.file.image,
        stride=request.inputs.file.stride or 1,
        section=request.section_or_first,
        point=request.point,
        style=request.style,
    )


def _sections(request: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.sections import sections_figure

    section = request.section_or_first
    return sections_figure(request.trace(), section=section, style=request.style)


def _overlay(request: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.overlay import overlay_figure

    first = request.trace()
    traces = [first, *(request.trace(box) for box in request.other_boxes(same_map=True))]
    return overlay_figure(
        traces,
        request.inputs.file.image,
        stride=request.inputs.file.stride,
        labels=[request.inputs.name(trace.roi) for trace in traces],
        section=request.section_or_first,
        point=request.point or (1, 1),
        style=request.style,
    )


def _point(request: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.point import point_figure

    section, point = request.section_or_first, request.point
    return point_figure(request.trace(), section=section, point=point, style=request.style)


def _output(request: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.output import output_figure

    return output_figure(request.trace(), style=request.style)


def _footprint(request: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.footprint import footprint_figure

    return footprint_figure(request.trace(), section=request.section, style=request.style)


def _compare(request: _PlotRequest) -> Figure:
    from roialign_cli.analysis.trace import trace_operation
    from roialign_cli.cli.inputs import with_convention
    from roialign_cli.show.figures.compare import compare_figure

    trace = request.trace()
    operation = with_convention(request.inputs, request.other or "")
    other = trace_operation(operation, request.roi, request.channel, trace.frame)
    return compare_figure(trace, other, section=request.section, style=request.style)


_Option = Literal["section", "point", "other", "values", "units"]


@dataclass(frozen=True)
class PlotView:
    """What a view shows, the function that draws it, and the `_Option`s that it uses.

    All views use the options that are not an `_Option`.
    """

    shows: str
    draw: Callable[[_PlotRequest], Figure]
    uses: tuple[_Option, ...]


VIEWS = {
    "steps": PlotView("all steps on one page", _steps, ("section", "point", "values", "units")),
    "sections": PlotView(
        "the ROI on the cells, and the sample points of a section",
        _sections,
        ("section", "values", "units"),
    ),
    "overlay": PlotView("all boxes on the image", _overlay, ("section", "point")),
    "point": PlotView(
        "one sample point with its neighbour cells and weights",
        _point,
        ("section", "point", "units"),
    ),
    "output": PlotView(
        "the output and, for max, the points that determine it", _output, ("values", "units")
    ),
    "footprint": PlotView(
        "the weight of each cell in the output", _footprint, ("section", "values", "units")
    ),
    "compare": PlotView(
        "two conventions on the same box", _compare, ("section", "other", "values", "units")
    ),
}


def _check_options(view: str) -> None:
    """Raise a usage error for an option that the view does not use."""
    context = click.get_current_context()
    for option in context.command.params:
        users = [name for name, row in VIEWS.items() if option.name in row.uses]
        is_given = context.params[option.name or ""] not in (None, option.default)
        if users and view not in users and is_given:
            problem = f"{option.opts[0]} has no effect with --view {view}"
            raise click.UsageError(f"{problem}; use --view {alternatives(users)}")
    if view == "compare" and context.params["other"] is None:
        raise click.UsageError("--view compare needs a second convention; add --with PRESET")


def _report(request: _PlotRequest, view: str, *, quiet: bool, strict: bool) -> None:
    """Warn about the boxes that are drawn, and note which boxes the overlay leaves out."""
    from roialign_cli.analysis.pitfalls import numbered
    from roialign_cli.cli.warnings import report_warnings

    inputs, is_overlay = request.inputs, view == "overlay"
    notes = inputs.notes(inputs.operation.plan(), None if is_overlay else request.roi)
    report_warnings(notes, quiet=quiet, strict=strict)
    left_out = request.other_boxes(same_map=False) if is_overlay else []
    if left_out and not quiet:
        reason = "not drawn, because on another feature map; --roi selects the box and its map"
        message(f"note: {numbered(left_out)}: {reason}")


@command(
    "plot",
    "roialign plot map.npy --image-size 512x512 --box 296,320,200,145 -o steps.png",
    "roialign plot photo.png --stride 32 --boxes boxes.csv --view overlay -o overlay.png",
)
@operator_options
@operator_option(
    "--with",
    "other",
    type=PresetName(),
    help="Second convention of --view compare: NAME or NAME,FIELD=VALUE,…",
)
@roi_option
@channel_option
@section_options
@output_option(
    "-o",
    "--output",
    metavar="FILE",
    type=OUTPUT_FILE,
    required=True,
    help="File to write: .png, .svg or .pdf.",
)
@output_option(
    "--view",
    type=click.Choice([*VIEWS]),
    default="steps",
    show_default=True,
    help="; ".join(f"{name}: {row.shows}" for name, row in VIEWS.items()) + ".",
)
@output_option(
    "--width",
    metavar="INCHES",
    type=NumberInRange(2.5, 40),
    default=7.0,
    show_default=True,
    help="Width of the figure.",
)
@output_option("--title", help="Title of the figure; '' for no title.  [default: from the view]")
@output_option(
    "--dpi",
    metavar="N",
    type=NumberInRange(30, 1200),
    default=200.0,
    show_default=True,
    help="Pixels per inch of a .png.",
)
@output_option(
    "--theme",
    type=click.Choice([*THEMES]),
    default="light",
    show_default=True,
    help="Colours of the figure.",
)
@output_option("--colormap", metavar="NAME", help="Matplotlib colormap of the cells.")
@output_option(
    "--values",
    type=click.Choice(get_args(Values)),
    default="auto",
    show_default=True,
    help="Print the values in the cells; auto: if they fit.",
)
@output_option(
    "--units",
    type=click.Choice(get_args(Units)),
    default="cells",
    show_default=True,
    help="Units of the axes of the map; boxes: the units of the boxes.",
)
@force_option
@note_options
def plot(
    options: OperatorOptions,
    *,
    output: Path,
    view: str,
    roi: int | None,
    channel: int | Summary,
    section: tuple[int, int] | None,
    point: tuple[int, int] | None,
    other: str | None,
    width: float,
    title: str | None,
    dpi: float,
    theme: str,
    colormap: str | None,
    values: Values,
    units: Units,
    force: bool,
    quiet: bool,
    strict: bool,
) -> None:
    """Draw an ROI, its sections and its sample points."""
    from roialign_cli.cli.inputs import load
    from roialign_cli.files.writing import atomic_write, check_writable
    from roialign_cli.show.figures.saving import check_suffix, save_figure
    from roialign_cli.show.figures.style import FigureStyle

    kind = check_suffix(output)
    _check_options(view)
    check_writable(output, force=force, read=options.files)
    inputs = load(options)
    style = FigureStyle(width, title, THEMES[theme], colormap, values, units)
    request = _PlotRequest(inputs, roi or 0, channel, section, point, other, style)
    figure = VIEWS[view].draw(request)
    _report(request, view, quiet=quiet, strict=strict)
    with atomic_write(output, force=force) as file:
        save_figure(figure, file, kind, dpi)
    message(inputs.subject)
    message(f"wrote {output}")
