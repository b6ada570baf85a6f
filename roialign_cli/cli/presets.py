"""`roialign presets`: the conventions, and how they differ."""

from __future__ import annotations

import click


@click.command("presets")
@click.argument("name", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "json"]),
    default="table",
    show_default=True,
    help="How to print it.",
)
def command(name: str | None, form: str) -> None:
    """Show the conventions and how they differ, or one of them in full.

    \b
    roialign presets
    roialign presets onnx-half-pixel
    """  # noqa: D301
    from roialign_cli.conventions import PRESETS, preset
    from roialign_cli.records import convention_record, to_json
    from roialign_cli.show.conventions import in_full, overview

    chosen = None if name is None else preset(name)
    if form == "json":
        rows = PRESETS.values() if chosen is None else (chosen,)
        records = [convention_record(row) for row in rows]
        click.echo(to_json(records if chosen is None else records[0]))
        return
    blocks = list(overview() if chosen is None else in_full(chosen))
    if form == "markdown":
        from roialign_cli.show.markdown import to_markdown

        click.echo(to_markdown(blocks), nl=False)
        return
    from roialign_cli.show.terminal import print_blocks

    print_blocks(blocks)
