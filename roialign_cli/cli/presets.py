"""`roialign presets`: list the presets, or show one in full."""

from __future__ import annotations

import click

from roialign_cli.cli.help import argument, command
from roialign_cli.cli.option_types import PresetName
from roialign_cli.cli.options import format_option


@command("presets", "roialign presets", "roialign presets onnx-half-pixel")
@argument(
    "name",
    group="Input",
    metavar="[NAME]",
    description="Preset to show in full.",
    type=PresetName(),
    required=False,
)
@format_option("table", "markdown", "json", default="table", text="Output format.")
def presets(name: str | None, output_format: str) -> None:
    """List the conventions and their differences, or show one in full."""
    from roialign_cli.analysis.records import preset_record, to_json
    from roialign_cli.core.presets import PRESETS, preset
    from roialign_cli.errors import ArgumentError, RoiAlignError
    from roialign_cli.show.document.conventions import in_full, overview

    try:
        chosen = None if name is None else preset(name)
    except ArgumentError as error:
        raise RoiAlignError(error.problem) from None
    if output_format == "json":
        rows = PRESETS.values() if chosen is None else (chosen,)
        records = [preset_record(row) for row in rows]
        click.echo(to_json(records if chosen is None else records[0]))
        return
    blocks = list(overview() if chosen is None else in_full(chosen))
    if output_format == "markdown":
        from roialign_cli.show.document.markdown import to_markdown

        click.echo(to_markdown(blocks), nl=False)
        return
    from roialign_cli.show.document.terminal import print_blocks

    print_blocks(blocks)
