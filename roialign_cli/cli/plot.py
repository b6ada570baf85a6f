"""`roialign plot`: draw an ROI, its sections and its sample points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.options import OperatorOptions, operator_options, section_options

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from roialign_cli.cli.inputs import Inputs


@click.command("plot")
@operator_options
@click.option("-o", "--output", type=Path, required=True, help="The picture: .png, .svg or .pdf.")
@click.option(
    "--view",
    type=click.Choice(["sections", "overlay"]),
    default="sections",
    show_default=True,
    help="The ROI on the cells, or all boxes on the image.",
)
@click.option("--roi", type=click.IntRange(min=0), default=0, help="Which of the boxes, from 0.")
@click.option("--channel", type=click.IntRange(min=0), default=0, help="Which channel, from 0.")
@section_options
def command(
    options: OperatorOptions,
    output: Path,
    view: str,
    roi: int,
    channel: int,
    section: tuple[int, int] | None,
    point: tuple[int, int] | None,
) -> None:
    """Draw an ROI, its sections and its sample points.

    \b
    roialign plot map.npy --box 9.25,10,6.25,4.53 -o sections.png
    roialign plot photo.png --stride 32 --preset torchvision-aligned \\
        --boxes boxes.csv --view overlay -o overlay.png
    """  # noqa: D301
    from roialign_cli.cli.inputs import load
    from roialign_cli.files.writing import replacing
    from roialign_cli.show.figures import check_suffix, save_figure

    kind = check_suffix(output)
    inputs = load(options)
    draw = {"sections": _sections, "overlay": _overlay}[view]
    figure = draw(inputs, roi, channel, section or (1, 1), point)
    with replacing(output) as file:
        save_figure(figure, file, kind)
    click.echo(f"wrote {output}", err=True)


def _sections(
    inputs: Inputs,
    roi: int,
    channel: int,
    section: tuple[int, int],
    point: tuple[int, int] | None,
) -> Figure:
    from roialign_cli.show.sections_view import sections_figure
    from roialign_cli.tracing import trace_operation

    if point is not None:
        raise click.UsageError("--point has no meaning for --view sections, which shows them all")
    return sections_figure(trace_operation(inputs.operation, roi, channel), section=section)


def _overlay(
    inputs: Inputs,
    roi: int,
    channel: int,
    section: tuple[int, int],
    point: tuple[int, int] | None,
) -> Figure:
    from roialign_cli.show.overlay_view import overlay_figure
    from roialign_cli.tracing import trace_operation

    others = (box for box in range(len(inputs.labels)) if box != roi)
    traces = [trace_operation(inputs.operation, box, channel) for box in (roi, *others)]
    return overlay_figure(
        traces,
        inputs.file.image,
        stride=inputs.file.stride,
        labels=[inputs.labels[trace.roi] for trace in traces],
        section=section,
        point=point or (1, 1),
    )
