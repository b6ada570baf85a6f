"""`roialign plot`: draw an ROI, its sections and its sample points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from roialign_cli.analysis.trace import Trace
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.core.convention import Summary
    from roialign_cli.show.figures.choices import Units, Values
    from roialign_cli.show.figures.style import FigureStyle


# View → what it shows, for the help; drawn by the function of `_DRAW` of the same name.
VIEWS = {
    "steps": "the whole story on one sheet",
    "sections": "the ROI on the cells, and the points of a section",
    "overlay": "all boxes on the image",
    "point": "one point with its neighbours and weights",
    "output": "the output, and the points that won",
    "footprint": "how much each cell counts",
    "compare": "two conventions on the same box",
}


@command(
    "plot",
    "roialign plot map.npy --box 9.25,10,6.25,4.53 -o steps.png",
    "roialign plot photo.png --stride 32 --preset torchvision-aligned --boxes boxes.csv "
    "--view overlay -o overlay.png",
)
@operator_options
@operator_option(
    "--with",
    "other",
    type=PresetName(),
    help="The other side of --view compare: NAME or NAME,FIELD=VALUE,…",
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
    help="The picture: .png, .svg or .pdf.",
)
@output_option(
    "--view",
    type=click.Choice([*VIEWS]),
    default="steps",
    show_default=True,
    help="; ".join(f"{name}: {shows}" for name, shows in VIEWS.items()) + ".",
)
@output_option(
    "--width",
    metavar="INCHES",
    type=NumberInRange(2.5, 40),
    default=7.0,
    show_default=True,
    help="The picture's width.",
)
@output_option("--title", help="A title in place of the picture's own; '' for none.")
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
    type=click.Choice(["light", "dark"]),
    default="light",
    show_default=True,
    help="The picture's colours.",
)
@output_option("--colormap", metavar="NAME", help="A Matplotlib colormap for the cells.")
@output_option(
    "--values",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Whether values are written in the cells; auto: where they fit.",
)
@output_option(
    "--units",
    type=click.Choice(["cells", "boxes"]),
    default="cells",
    show_default=True,
    help="What the map's ticks count; boxes: the units of the boxes.",
)
@force_option
@note_options
def plot(
    options: OperatorOptions,
    output: Path,
    view: str,
    dpi: float,
    roi: int | None,
    *,
    force: bool,
    quiet: bool,
    strict: bool,
    **what: Any,  # noqa: ANN401
) -> None:
    """Draw an ROI, its sections and its sample points."""
    from roialign_cli.analysis.pitfalls import numbered
    from roialign_cli.cli.inputs import load
    from roialign_cli.cli.warnings import report_warnings
    from roialign_cli.files.writing import atomic_write, check_writable
    from roialign_cli.show.figures.saving import check_suffix, save_figure

    kind = check_suffix(output)
    asked = _PlotRequest(roi or 0, **what)
    _check_meaning(view, asked)
    check_writable(output, force=force, read=options.files)
    inputs = load(options)
    figure = _DRAW[view](inputs, asked)
    only = None if view == "overlay" else asked.roi
    report_warnings(inputs.notes(inputs.operation.plan(), only), quiet=quiet, strict=strict)
    elsewhere = _others(inputs, asked.roi, same_map=False) if view == "overlay" else []
    if elsewhere and not quiet:
        reason = "not drawn, on another map than the first; --roi chooses the first"
        message(f"note: {numbered(elsewhere)}: {reason}")
    with atomic_write(output, force=force) as file:
        save_figure(figure, file, kind, dpi)
    message(f"wrote {output}")


@dataclass(frozen=True)
class _PlotRequest:
    """What to draw, as the options say."""

    roi: int
    channel: int | Summary
    section: tuple[int, int] | None
    point: tuple[int, int] | None
    other: str | None
    width: float
    title: str | None
    theme: str
    colormap: str | None
    values: Values
    units: Units

    @property
    def style(self) -> FigureStyle:
        from roialign_cli.show.figures.style import FigureStyle
        from roialign_cli.show.palette import THEMES

        theme = THEMES[self.theme]
        return FigureStyle(self.width, self.title, theme, self.colormap, self.values, self.units)

    def trace(self, inputs: Inputs, roi: int | None = None) -> Trace:
        from roialign_cli.analysis.trace import trace_operation

        return trace_operation(inputs.operation, self.roi if roi is None else roi, self.channel)


# Option → its default, the views that have no use for it, and why.
_IGNORED_OPTIONS: dict[str, tuple[str | None, frozenset[str], str]] = {
    "point": (None, frozenset(VIEWS) - {"steps", "overlay", "point"}, "which shows them all"),
    "section": (None, frozenset({"output"}), "which shows them all"),
    "other": (None, frozenset(VIEWS) - {"compare"}, "which shows one convention"),
    "values": ("auto", frozenset({"overlay", "point"}), "which has no values in all cells"),
    "units": ("cells", frozenset({"overlay"}), "which counts the boxes' units"),
}


def _check_meaning(view: str, asked: _PlotRequest) -> None:
    """Raise a usage error for an option that the view would ignore."""
    for name, (default, views, reason) in _IGNORED_OPTIONS.items():
        if getattr(asked, name) != default and view in views:
            option = "--with" if name == "other" else f"--{name}"
            raise click.UsageError(f"{option} has no meaning for --view {view}, {reason}")
    if view == "compare" and asked.other is None:
        raise click.UsageError("--view compare needs --with PRESET, the other side")


def _steps(inputs: Inputs, asked: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.steps import steps_figure

    return steps_figure(
        asked.trace(inputs),
        inputs.file.image,
        stride=inputs.file.stride or 1,
        section=asked.section or (1, 1),
        point=asked.point,
        style=asked.style,
    )


def _sections(inputs: Inputs, asked: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.sections import sections_figure

    section = asked.section or (1, 1)
    return sections_figure(asked.trace(inputs), section=section, style=asked.style)


def _others(inputs: Inputs, roi: int, *, same_map: bool = True) -> list[int]:
    """Return the other boxes that are on the same map as a box, or on other maps."""
    index = inputs.operation.batch_index.tolist()
    return [r for r, n in enumerate(index) if r != roi and (n == index[roi]) is same_map]


def _overlay(inputs: Inputs, asked: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.overlay import overlay_figure

    first = asked.trace(inputs)
    traces = [first, *(asked.trace(inputs, box) for box in _others(inputs, asked.roi))]
    return overlay_figure(
        traces,
        inputs.file.image,
        stride=inputs.file.stride,
        labels=[inputs.name(trace.roi) for trace in traces],
        section=asked.section or (1, 1),
        point=asked.point or (1, 1),
        style=asked.style,
    )


def _point(inputs: Inputs, asked: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.point import point_figure

    section = asked.section or (1, 1)
    return point_figure(asked.trace(inputs), section=section, point=asked.point, style=asked.style)


def _output(inputs: Inputs, asked: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.output import output_figure

    return output_figure(asked.trace(inputs), style=asked.style)


def _footprint(inputs: Inputs, asked: _PlotRequest) -> Figure:
    from roialign_cli.show.figures.footprint import footprint_figure

    return footprint_figure(asked.trace(inputs), section=asked.section, style=asked.style)


def _compare(inputs: Inputs, asked: _PlotRequest) -> Figure:
    from roialign_cli.analysis.trace import trace_operation
    from roialign_cli.cli.inputs import with_convention
    from roialign_cli.show.figures.compare import compare_figure

    trace = asked.trace(inputs)
    operation = with_convention(inputs, asked.other or "")
    other = trace_operation(operation, asked.roi, asked.channel, trace.frame)
    return compare_figure(trace, other, section=asked.section, style=asked.style)


_DRAW: dict[str, Callable[[Inputs, _PlotRequest], Figure]] = {
    "steps": _steps,
    "sections": _sections,
    "overlay": _overlay,
    "point": _point,
    "output": _output,
    "footprint": _footprint,
    "compare": _compare,
}
