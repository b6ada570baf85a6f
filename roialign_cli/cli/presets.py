"""`roialign presets`: list the presets, or show one in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from roialign_cli.cli.help import argument, command, output_option
from roialign_cli.cli.option_types import PresetName
from roialign_cli.cli.options import format_option
from roialign_cli.core.convention import Pooling
from roialign_cli.core.preset import Evidence, Preset
from roialign_cli.core.presets import PRESETS
from roialign_cli.errors import ArgumentError, RoiAlignError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from roialign_cli.show.document.blocks import Block

FRAMEWORKS = tuple(dict.fromkeys(row.framework for row in PRESETS.values()))


@command(
    "presets",
    "roialign presets",
    "roialign presets onnx-half-pixel",
    "roialign presets --framework torchvision --view boxes",
)
@argument(
    "name",
    group="Input",
    metavar="[NAME]",
    description="Preset to show in full.",
    type=PresetName(),
    required=False,
)
@output_option(
    "--pooling", type=click.Choice(get_args(Pooling)), help="Only operators with this pooling."
)
@output_option(
    "--evidence",
    type=click.Choice(get_args(Evidence)),
    help="Only presets that are known in this way.",
)
@output_option(
    "--framework", type=click.Choice(FRAMEWORKS), help="Only presets of this library or runtime."
)
@output_option(
    "--view",
    type=click.Choice(("rules", "boxes", "family", "mistakes")),
    default="rules",
    show_default=True,
    help="The main rules; the outputs for ten boxes that distinguish the presets; how the "
    "operators are related; or known mistakes of exporters and importers.",
)
@format_option("table", "markdown", "json", default="table", text="Output format.")
def presets(
    name: str | None,
    pooling: Pooling | None,
    evidence: Evidence | None,
    framework: str | None,
    view: str,
    output_format: str,
) -> None:
    """List the conventions and their differences, or show one in full."""
    from roialign_cli.analysis.records import preset_record, to_json

    rows = _chosen(name, pooling, evidence, framework)
    if output_format == "json":
        records = [preset_record(row) for row in rows]
        click.echo(to_json(records if name is None else records[0]))
        return
    blocks = list(_blocks(rows, view, in_full=name is not None))
    if output_format == "markdown":
        from roialign_cli.show.document.markdown import to_markdown

        click.echo(to_markdown(blocks), nl=False)
        return
    from roialign_cli.show.document.terminal import print_blocks

    print_blocks(blocks)


def _chosen(
    name: str | None, pooling: Pooling | None, evidence: Evidence | None, framework: str | None
) -> list[Preset]:
    """Return the preset with a name, or those that pass the filters."""
    from roialign_cli.core.presets import preset

    try:
        rows = [*PRESETS.values()] if name is None else [preset(name)]
    except ArgumentError as error:
        raise RoiAlignError(error.problem) from None
    chosen = [
        row
        for row in rows
        if (pooling is None or pooling in row.poolings)
        and evidence in {None, row.evidence}
        and framework in {None, row.framework}
    ]
    if not chosen:
        raise RoiAlignError("no preset passes these filters; leave one of them out")
    return chosen


def _blocks(rows: list[Preset], view: str, *, in_full: bool) -> Iterable[Block]:
    from roialign_cli.show.document import conventions, family, telling_boxes

    if view == "rules":
        return conventions.in_full(rows[0]) if in_full else conventions.overview(rows)
    if view == "mistakes":
        return family.known_mistakes()
    return telling_boxes.telling_boxes(rows) if view == "boxes" else family.family(rows)
