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
    from roialign_cli.show.figures import check_suffix, save_figure

    check_suffix(output)
    inputs = load(options)
    draw = {"sections": _sections, "overlay": _overlay}[view]
    save_figure(draw(inputs, roi, channel, section or (1, 1), point), output)
    click.echo(f"wrote {output}", err=True)


def _sections(
    inputs: Inputs,
    roi: int,
    channel: int,
    section: tuple[int, int],
    point: tuple[int, int] | None,
) -> Figure:
    from roialign_cli.show.figures import sections_figure
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
    from roialign_cli.show.figures import overlay_figure
    from roialign_cli.tracing import trace_operation

    boxes = range(len(inputs.labels))
    traces = [trace_operation(inputs.operation, r, channel) for r in (roi, *boxes) if r in boxes]
    return overlay_figure(
        traces,
        inputs.file.image,
        labels=inputs.labels,
        section=section,
        point=point or (1, 1),
    )
