"""`roialign presets`: list the presets or the pyramid rules, or show one in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from roialign_cli.cli.help import argument, command, output_option
from roialign_cli.cli.option_types import Choice, PresetName
from roialign_cli.cli.options import format_option
from roialign_cli.core.convention import Pooling
from roialign_cli.core.preset import Evidence, Preset
from roialign_cli.core.presets import PRESETS
from roialign_cli.core.pyramid_rules import PYRAMID_RULES, PyramidRule, pyramid_rule
from roialign_cli.errors import ArgumentError, RoiAlignError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from roialign_cli.show.document.blocks import Block

FRAMEWORKS = tuple(
    dict.fromkeys(
        [row.framework for row in PRESETS.values()]
        + [rule.framework for rule in PYRAMID_RULES.values()]
    )
)


@command(
    "presets",
    "roialign presets",
    "roialign presets onnx-half-pixel",
    "roialign presets --framework torchvision --view boxes",
    "roialign presets --pyramids",
)
@argument(
    "name",
    group="Input",
    metavar="[NAME]",
    description="Preset to show in full; with --pyramids, a pyramid rule.",
    type=PresetName(),
    required=False,
)
@output_option(
    "--pooling", type=Choice(get_args(Pooling)), help="Only operators with this pooling."
)
@output_option(
    "--evidence",
    type=Choice(get_args(Evidence)),
    help="Only presets that are known in this way.",
)
@output_option(
    "--framework", type=Choice(FRAMEWORKS), help="Only presets of this library or runtime."
)
@output_option(
    "--view",
    type=Choice(("rules", "boxes", "family", "mistakes")),
    default="rules",
    show_default=True,
    help="The main rules; the outputs for ten boxes that distinguish the presets; how the "
    "operators are related; or known mistakes of exporters and importers.",
)
@output_option(
    "--pyramids",
    is_flag=True,
    help="Show pyramid rules instead: how libraries choose the feature map of a box.",
)
@format_option("table", "markdown", "json", default="table", text="Output format.")
def presets(
    name: str | None,
    pooling: Pooling | None,
    evidence: Evidence | None,
    framework: str | None,
    view: str,
    output_format: str,
    *,
    pyramids: bool,
) -> None:
    """List the conventions and their differences, or show one in full."""
    if pyramids:
        if pooling is not None or view != "rules":
            option = "--view" if pooling is None else "--pooling"
            raise click.UsageError(f"{option} has no effect with --pyramids; remove the option")
        _print_rules(_chosen_rules(name, evidence, framework), output_format, one=name is not None)
        return
    from roialign_cli.analysis.records import preset_record

    rows = _chosen(name, pooling, evidence, framework)
    if output_format == "json":
        _print_records([preset_record(row) for row in rows], one=name is not None)
        return
    _print_blocks(_blocks(rows, view, in_full=name is not None), output_format)


def _print_records(records: list[dict[str, Any]], *, one: bool) -> None:
    from roialign_cli.analysis.records import to_json

    click.echo(to_json(records[0] if one else records))


def _print_blocks(blocks: Iterable[Block], output_format: str) -> None:
    if output_format == "markdown":
        from roialign_cli.show.document.markdown import to_markdown

        click.echo(to_markdown(list(blocks)), nl=False)
        return
    from roialign_cli.show.document.terminal import print_blocks

    print_blocks(list(blocks))


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
    from roialign_cli.show.document import conventions, distinguishing_boxes, family

    if view == "rules":
        return conventions.in_full(rows[0]) if in_full else conventions.overview(rows)
    if view == "mistakes":
        return family.known_mistakes()
    if view == "boxes":
        return distinguishing_boxes.distinguishing_boxes(rows)
    return family.family(rows)


def _chosen_rules(
    name: str | None, evidence: Evidence | None, framework: str | None
) -> list[PyramidRule]:
    """Return the pyramid rule with a name, or those that pass the filters."""
    try:
        rules = [*PYRAMID_RULES.values()] if name is None else [pyramid_rule(name)]
    except ArgumentError as error:
        raise RoiAlignError(error.problem) from None
    chosen = [
        rule
        for rule in rules
        if evidence in {None, rule.evidence} and framework in {None, rule.framework}
    ]
    if not chosen:
        raise RoiAlignError("no pyramid rule passes these filters; leave one of them out")
    return chosen


def _print_rules(rules: list[PyramidRule], output_format: str, *, one: bool) -> None:
    if output_format == "json":
        from roialign_cli.analysis.pyramid_records import pyramid_rule_record

        _print_records([pyramid_rule_record(rule) for rule in rules], one=one)
        return
    from roialign_cli.show.document import pyramids

    blocks: Iterator[Block] = pyramids.in_full(rules[0]) if one else pyramids.overview(rules)
    _print_blocks(blocks, output_format)
