"""`roialign explain`: explain one ROI step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.document import FORMATS, format_of
from roialign_cli.cli.help import command, output_option, selection_option
from roialign_cli.cli.option_types import CELL, OUTPUT_FILE
from roialign_cli.cli.options import (
    OperatorOptions,
    Selection,
    force_option,
    format_option,
    note_options,
    operator_options,
    selection_options,
)

if TYPE_CHECKING:
    from roialign_cli.analysis.pitfalls import Note
    from roialign_cli.cli.inputs import Inputs


@command(
    "explain",
    "roialign explain map.npy --image-size 512x512 --box 296,320,200,145",
    "roialign explain map.npy --image-size 512x512 --box 296,320,200,145 --section 2,3 --sketch",
    "roialign explain map.npy --image-size 512x512 --box 296,320,200,145 -o roi.html",
    "roialign explain map.npy --boxes boxes.csv --cell 6,9",
    "roialign explain pyramid.npz --pyramid torchvision --image-size 64x64 --box 3,4,40,50",
)
@operator_options
@selection_options
@selection_option(
    "--cell",
    type=CELL,
    help="Instead of an ROI, list the outputs of all boxes that use this cell of the map.",
)
@output_option(
    "-o",
    "--output",
    metavar="FILE",
    type=OUTPUT_FILE,
    help="Write the explanation to a .txt, .md, .html or .json file.",
)
@format_option(
    *FORMATS,
    text="Output format; html is an interactive page.  [default: from the suffix of -o, or text]",
)
@output_option(
    "--sketch", is_flag=True, help="Also draw the ROI and its points on the cells as text."
)
@output_option(
    "--all-points",
    is_flag=True,
    help="Explain every section and point.  [default: one section]",
)
@output_option(
    "--intro/--no-intro",
    default=None,
    help="Begin with the rounding of ROI Pool, the steps in short and the symbols.  [default: "
    "unless --section or --point is given]",
)
@force_option
@note_options
def explain(
    options: OperatorOptions,
    selection: Selection,
    cell: tuple[int, int] | None,
    output: Path | None,
    output_format: str | None,
    *,
    all_points: bool,
    intro: bool | None,
    sketch: bool,
    force: bool,
    quiet: bool,
    strict: bool,
) -> None:
    """Explain one ROI step by step."""
    from roialign_cli.cli.warnings import report_warnings
    from roialign_cli.files.writing import check_writable

    output_format = output_format or format_of(output)
    if sketch and output_format in {"html", "json"}:
        raise click.UsageError(_NO_SKETCH.format(output_format))
    if cell is not None and (all_points or intro is not None or sketch or selection.is_of_roi()):
        raise click.UsageError(_ONLY_CELL)
    if output is not None:
        check_writable(output, force=force, read=options.files)
    pyramid = None
    if options.pyramid is None:
        inputs, notes = _load(options, (selection.roi or 0) if cell is None else None)
    else:
        if cell is not None:
            raise click.UsageError(_NO_CELL)
        from roialign_cli.cli.pyramids import inputs_on_level, load_pyramid

        pyramid = load_pyramid(options)
        inputs, notes = inputs_on_level(pyramid, options, selection.roi or 0)
    report_warnings(notes, quiet=quiet, strict=strict)
    if cell is None:
        from roialign_cli.cli.explain_roi import Extent, roi_document

        extent = Extent(all_points, intro, _sketch_columns() if sketch else 0)
        document = roi_document(inputs, options, selection, extent, notes, pyramid)
    else:
        from roialign_cli.cli.explain_cell import cell_document

        document = cell_document(inputs, options, cell, selection.channel, notes)
    if output is None:
        document.show(output_format)
    else:
        document.write(output_format, output, force=force)


def _load(options: OperatorOptions, roi: int | None) -> tuple[Inputs, tuple[Note, ...]]:
    """Return the inputs of a single map, and the warnings about one box or all."""
    from roialign_cli.cli.inputs import load

    inputs = load(options)
    return inputs, inputs.notes(inputs.operation.plan(), roi)


_NO_CELL = "--cell cannot be used with --pyramid; remove one of the two"
_NO_SKETCH = "--sketch has no effect with {}; use --format text or markdown"
_ONLY_CELL = (
    "--cell cannot be used with --roi, --section, --point, --all-points, --intro, --no-intro or "
    "--sketch; remove these options"
)


def _sketch_columns() -> int:
    """Return how wide a sketch may be: verbatim text is indented by two columns."""
    from roialign_cli.show.console import new_console

    return min(new_console().width, 80) - 2
