"""Write the generated pages and the output that pages show: `python -m docs.generate`."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from docs.behaviour_page import behaviour
from docs.gallery import gallery
from docs.packages import architecture
from roialign_cli.cli.main import COMMANDS, group, main
from roialign_cli.core.presets import PRESETS
from roialign_cli.core.pyramid_rules import PYRAMID_RULES
from roialign_cli.show.document import pyramids
from roialign_cli.show.document.blocks import Block, Heading
from roialign_cli.show.document.conventions import in_full, overview
from roialign_cli.show.document.distinguishing_boxes import distinguishing_boxes
from roialign_cli.show.document.family import family, known_mistakes
from roialign_cli.show.document.markdown import to_markdown

DOCS = Path(__file__).parent


def walkthrough() -> str:
    """Return docs/walkthrough.md: its head, and the explanation of the worked example."""
    example = (
        "explain sample_data/walkthrough.npy --preset walkthrough --image-size 512x512"
        " --box 296,320,200,145 --format markdown"
    )
    explained = printed(example)
    other = printed(f"{example} --section 2,3 --point 2,2")
    # The first steps are those of the whole box.
    steps = other[other.index("## 3.") :]
    head, between = (
        (DOCS / f"walkthrough-{part}.md").read_text(encoding="utf-8") for part in ("head", "other")
    )
    return head + _demoted(explained, 2) + between + _demoted(steps, 2)


def example() -> str:
    """Return docs/example.html: a saved page of the photograph, which needs no installation."""
    return printed(
        "explain sample_data/astronaut.png --stride 32 --boxes sample_data/astronaut.csv"
        " --output-size 3 --format html"
    )


def _demoted(text: str, levels: int) -> str:
    """Return Markdown with its headings some levels lower."""
    return re.sub("^(?=#)", "#" * levels, text, flags=re.MULTILINE)


def conventions() -> str:
    """Return docs/conventions.md: all presets, their outputs for ten boxes, each in full.

    Between them are the family, the known mistakes and the pyramid rules.
    """
    rows = [*PRESETS.values()]
    blocks: list[Block] = [*overview(rows), Heading(2, "Ten boxes that distinguish the presets")]
    blocks += distinguishing_boxes(rows)
    blocks += [Heading(2, "The family"), *list(family(rows))[1:]]
    blocks += [Heading(2, "Known mistakes of exporters and importers"), *known_mistakes()]
    blocks += [Heading(2, "Pyramids"), *pyramids.overview([*PYRAMID_RULES.values()])]
    for row in rows:
        blocks += in_full(row, level=2)
    head = (DOCS / "conventions-head.md").read_text(encoding="utf-8")
    return head + to_markdown(blocks)


def cli() -> str:
    """Return docs/cli.md: its head, and the help of every command."""
    parts = [(DOCS / "cli-head.md").read_text(encoding="utf-8"), _fenced(help_text())]
    for name in COMMANDS:
        parts += [f"## roialign {name}", _fenced(help_text(name))]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def help_text(name: str | None = None, width: int = 78) -> str:
    """Return the help of a command, or of the program."""
    context = group.make_context("roialign", [], resilient_parsing=True, terminal_width=width)
    command = name and group.get_command(context, name)
    if command:
        context = command.make_context(name, [], context, resilient_parsing=True)
    return context.get_help()


def page_of_sessions(page: Path) -> str:
    """Return a page with the current output of its console blocks and of its Python blocks.

    The blocks of a page run in the same folder, in which `sample_data` is a link.
    """
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sample_data").symlink_to(DOCS.parent / "sample_data")
        return EXAMPLE.sub(lambda match: example_with_output(match, folder), text)


# A console block, or a block of Python and its output; the lines with commands after a "$".
EXAMPLE = re.compile(
    r"```console\n(?P<session>.*?)```|"
    r"(?P<block>```python\n(?P<program>.*?)```\n\n)```text\n.*?```",
    re.DOTALL,
)
# A single command of the program, over some lines, with nothing for a shell to do but to show the
# first or last lines of the output.
_PLAIN = re.compile(
    r"roialign (?P<words>(?:\\\n|[^|&;<>()$`\\\n*?#~!{}\[\]])*)"
    r"(?:\| (?P<part>head|tail) -n (?P<lines>\d+))?\n"
)
_COMMANDS = re.compile(r"(?:^\$ (?:[^\n]*\\\n)*[^\n]*\n)+", re.MULTILINE)


def example_with_output(match: re.Match[str], folder: str) -> str:
    """Return a console block, or a block of Python, with the output that it has in a folder."""
    if match["session"] is not None:
        return _fenced(session(match["session"], folder), "console")
    return match["block"] + _fenced(ran(match["program"], folder))


def session(block: str, folder: str) -> str:
    """Return the commands of a console block, each group of them followed by its output."""
    groups = _COMMANDS.findall(block)
    return "\n".join(f"{group}{typed(group, folder)}".rstrip("\n") for group in groups)


def typed(commands: str, folder: str) -> str:
    """Return what commands after a "$" print in a folder, on either stream."""
    lines = re.sub(r"^\$ ", "", commands, flags=re.MULTILINE)
    plain = _PLAIN.fullmatch(lines)
    if plain:
        return _printed_in(folder, plain)
    script = (
        f'python() {{ "{sys.executable}" "$@"; }}\n'
        f'roialign() {{ python -m roialign_cli "$@"; }}\n{lines}'
    )
    return _output(["bash", "-c", script], folder)


def _printed_in(folder: str, command: re.Match[str]) -> str:
    """Return what a `_PLAIN` command prints in a folder; run it here, which is faster."""
    words = shlex.split(command["words"].replace("\\\n", " "))
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    messages = io.StringIO()  # head and tail do not read them
    environment = dict(os.environ)
    os.environ["COLUMNS"] = "80"
    os.environ.pop("ROIALIGN_PRESET", None)
    try:
        with (
            contextlib.chdir(folder),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(messages if command["part"] else output),
        ):
            status = main(words)
    finally:
        os.environ.clear()
        os.environ.update(environment)
    output.seek(0)
    lines = output.read().rstrip("\n").split("\n")
    if command["part"]:  # a shell has the status of head or tail
        number = int(command["lines"])
        shown = lines[:number] if command["part"] == "head" else lines[-number:]
        return (messages.getvalue() + "\n".join(shown)).rstrip("\n")
    if status:
        raise SystemExit(f"{shlex.join(['roialign', *words])} ended with {status}: {lines}")
    return "\n".join(lines)


def ran(program: str, folder: str) -> str:
    """Return what a Python program prints in a folder."""
    return _output([sys.executable, "-c", program], folder)


def _output(call: list[str], folder: str) -> str:
    plain = os.environ | {"COLUMNS": "80", "PYTHONPATH": str(DOCS.parent)}
    plain.pop("ROIALIGN_PRESET", None)
    done = subprocess.run(  # noqa: S603 - commands of our own pages
        call, cwd=folder, env=plain, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True
    )
    return done.stdout.decode().rstrip("\n")


def _fenced(text: str, kind: str = "text") -> str:
    return f"```{kind}\n{text}\n```"


def printed(command: str) -> str:
    """Return what a `roialign` command prints, run from the project's root."""
    output = io.StringIO()
    with contextlib.chdir(DOCS.parent), contextlib.redirect_stdout(output):
        status = main(command.split())
    if status:
        raise SystemExit(f"roialign {command} ended with {status}")
    return output.getvalue()


GENERATED: dict[str, Callable[[], str]] = {
    "../README.md": partial(page_of_sessions, DOCS.parent / "README.md"),
    "tour.md": partial(page_of_sessions, DOCS / "tour.md"),
    "glossary.md": partial(page_of_sessions, DOCS / "glossary.md"),
    "faq.md": partial(page_of_sessions, DOCS / "faq.md"),
    "mismatch.md": partial(page_of_sessions, DOCS / "mismatch.md"),
    "walkthrough.md": walkthrough,
    "conventions.md": conventions,
    "behaviour.md": behaviour,
    "gallery.md": gallery,
    "cli.md": cli,
    "architecture.md": architecture,
}
if find_spec("griffe"):
    GENERATED["api.md"] = import_module("docs.api_page").api
# The page with a model of torchvision, which is generated where that is installed.
WITH_MODEL = DOCS / "from-mask-rcnn.md"


if __name__ == "__main__":
    os.environ.pop("ROIALIGN_PRESET", None)
    # The numbers of the example may differ in their last digits on another machine.
    pages = {**GENERATED, "example.html": example}
    if find_spec("torchvision"):
        pages[WITH_MODEL.name] = partial(page_of_sessions, WITH_MODEL)
    for name, generate in pages.items():
        (DOCS / name).write_text(generate(), encoding="utf-8")
