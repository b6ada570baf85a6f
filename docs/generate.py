"""Write the documents that the program itself can tell: `python -m docs.generate`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable
from pathlib import Path

from roialign_cli.cli.main import main

DOCS = Path(__file__).parent


def walkthrough() -> str:
    """Return docs/walkthrough.md: its head, and the explanation of the worked example."""
    explained = printed(
        "explain sample_data/walkthrough.npy --preset walkthrough --image-size 512x512"
        " --box 296,320,200,145 --format markdown"
    )
    # One level below the document's own sections.
    demoted = "\n".join(f"##{line}" if line.startswith("#") else line for line in explained.split("\n"))
    return (DOCS / "walkthrough-head.md").read_text(encoding="utf-8") + demoted


def printed(command: str) -> str:
    """Return what a `roialign` command prints, run from the project's root."""
    output = io.StringIO()
    with contextlib.chdir(DOCS.parent), contextlib.redirect_stdout(output):
        status = main(command.split())
    if status:
        raise SystemExit(f"roialign {command} ended with {status}")
    return output.getvalue()


GENERATED: dict[str, Callable[[], str]] = {"walkthrough.md": walkthrough}


if __name__ == "__main__":
    os.environ.pop("ROIALIGN_PRESET", None)
    for name, generate in GENERATED.items():
        (DOCS / name).write_text(generate(), encoding="utf-8")
