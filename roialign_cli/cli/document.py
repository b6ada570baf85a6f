"""What `explain` prints or writes, in any of its formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roialign_cli.cli.streams import message
from roialign_cli.errors import ArgumentError, unknown_suffix

if TYPE_CHECKING:
    from roialign_cli.show.document.blocks import Block


# Format → the suffix of its files.
FORMATS = {"text": ".txt", "markdown": ".md", "html": ".html", "json": ".json"}


def format_of(path: Path | None) -> str:
    """Return the format that the suffix of a file stands for; text if there is no file."""
    if path is None:
        return "text"
    formats = {suffix: output_format for output_format, suffix in FORMATS.items()}
    if path.suffix.lower() not in formats:
        problem = f"{unknown_suffix(path, formats)}; `roialign plot` draws pictures"
        raise ArgumentError("output", problem)
    return formats[path.suffix.lower()]


@dataclass(frozen=True)
class Document:
    """An explanation; each format is computed when it is needed.

    Parameters
    ----------
    blocks
        Returns the blocks of the text and Markdown formats.
    page
        Returns the HTML page.
    record
        Returns the JSON object.
    """

    blocks: Callable[[], Iterable[Block]]
    page: Callable[[], str]
    record: Callable[[], dict[str, Any]]

    def show(self, output_format: str) -> None:
        """Print the document, with colours if it is text on a terminal."""
        if output_format == "text":
            from roialign_cli.show.document.terminal import print_blocks

            print_blocks(list(self.blocks()))
        else:
            click.echo(self.to_text(output_format), nl=False)

    def write(self, output_format: str, path: Path, *, force: bool) -> None:
        """Write the document to a file."""
        from roialign_cli.files.writing import atomic_write

        content = self.to_text(output_format).encode()
        with atomic_write(path, force=force) as file:
            file.write(content)
        message(f"wrote {path}")

    def to_text(self, output_format: str) -> str:
        """Return the content of a file in a format."""
        if output_format == "html":
            return self.page()
        if output_format == "json":
            from roialign_cli.analysis.records import to_json

            return to_json(self.record()) + "\n"
        if output_format == "markdown":
            from roialign_cli.show.document.markdown import to_markdown

            return to_markdown(self.blocks())
        from roialign_cli.show.document.terminal import blocks_text

        return blocks_text(self.blocks())
