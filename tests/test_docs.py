"""Documents that the program generates do not drift; the commands that they show work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from docs.generate import DOCS, GENERATED
from roialign_cli.cli.main import COMMANDS, main

README = DOCS.parent / "README.md"


@pytest.mark.parametrize("name", GENERATED)
def test_generated_documents_are_current(name: str) -> None:
    current = (DOCS / name).read_text(encoding="utf-8")
    assert current == GENERATED[name](), "run: python -m docs.generate"


def shown_commands() -> list[str]:
    """Every `roialign …` line in a shell block of the README and docs, continuations joined."""
    commands = []
    for page in (README, *sorted(DOCS.glob("*.md"))):
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            lines = block.replace("\\\n", " ").splitlines()
            commands += [line for line in lines if line.startswith("roialign ")]
    return commands


@pytest.mark.parametrize("command", shown_commands())
def test_shown_commands_work(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sample_data").symlink_to(README.parent / "sample_data")
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 0, capfd.readouterr().err


def test_the_readme_shows_every_command() -> None:
    used = {shlex.split(command)[1] for command in shown_commands()} | {"demo"}
    assert used == set(COMMANDS)


def test_the_readme_has_exactly_two_set_up_commands() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("python -m pip install")] == [
        "python -m pip install . && roialign demo",
        "python -m pip install '.[test]' && python -m pytest",
    ]
