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
    assert steady(current) == steady(GENERATED[name]()), "run: python -m docs.generate"


def steady(text: str) -> str:
    """Return a document without the differences of rounding, which processors make."""
    return re.sub(r"\b\d(\.\d+)?e-0[5-9]\b", "next to nothing", text)


def shown_commands() -> list[str]:
    """Every `roialign …` line in a shell block of the README and docs, continuations joined.

    What stands in the README's sessions is run when that is generated.
    """
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


def test_the_readme_names_every_command() -> None:
    text = README.read_text(encoding="utf-8")
    assert [
        name for name in COMMANDS if f"roialign {name}" not in text and f"`{name}`" not in text
    ] == []


def test_the_readme_shows_what_five_tasks_print() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.count("```console\n$ roialign ") >= 5
    assert re.search(r"```python\n.*?```\n\n```text\n\(2, 1, 7, 7\) float32", text, re.DOTALL)


@pytest.mark.parametrize("page", [README, *sorted(DOCS.glob("*.md"))], ids=lambda path: path.name)
def test_links_and_pictures_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#]+)", text) + re.findall(r'src="([^"]+)"', text)
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_readme_has_exactly_two_set_up_commands() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("python -m pip install")] == [
        "python -m pip install . && roialign demo",
        "python -m pip install '.[test]' && python -m pytest",
    ]
