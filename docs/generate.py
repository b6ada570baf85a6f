"""Write the documents that the program itself can tell: `python -m docs.generate`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path

from docs.gallery import gallery
from roialign_cli.cli.main import main
from roialign_cli.conventions import PRESETS
from roialign_cli.show.blocks import Block, Heading
from roialign_cli.show.conventions import in_full, odd_boxes, overview
from roialign_cli.show.markdown import to_markdown

DOCS = Path(__file__).parent


def walkthrough() -> str:
    """Return docs/walkthrough.md: its head, and the explanation of the worked example."""
    explained = printed(
        "explain sample_data/walkthrough.npy --preset walkthrough --image-size 512x512"
        " --box 296,320,200,145 --format markdown"
    )
    # One level below the document's own sections.
    demoted = "\n".join(
        f"##{line}" if line.startswith("#") else line for line in explained.split("\n")
    )
    return (DOCS / "walkthrough-head.md").read_text(encoding="utf-8") + demoted


def conventions() -> str:
    """Return docs/conventions.md: all presets, what they make of odd boxes, each in full."""
    blocks: list[Block] = [*overview(), Heading(2, "Odd boxes"), *odd_boxes()]
    for row in PRESETS.values():
        blocks += in_full(row, level=2)
    head = (DOCS / "conventions-head.md").read_text(encoding="utf-8")
    return head + to_markdown(blocks)


def printed(command: str) -> str:
    """Return what a `roialign` command prints, run from the project's root."""
    output = io.StringIO()
    with contextlib.chdir(DOCS.parent), contextlib.redirect_stdout(output):
        status = main(command.split())
    if status:
        raise SystemExit(f"roialign {command} ended with {status}")
    return output.getvalue()


GENERATED: dict[str, Callable[[], str]] = {
    "walkthrough.md": walkthrough,
    "conventions.md": conventions,
    "gallery.md": gallery,
}


if __name__ == "__main__":
    os.environ.pop("ROIALIGN_PRESET", None)
    for name, generate in GENERATED.items():
        (DOCS / name).write_text(generate(), encoding="utf-8")
