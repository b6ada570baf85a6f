"""The commands of docs/mismatch.md print what that page shows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from docs.generate import DOCS, EXAMPLE, example_with_output, ran
from roialign_cli.cli.main import main
from roialign_cli.search.explanation import Verdict
from tests.test_docs import steady

PAGE = (DOCS / "mismatch.md").read_text(encoding="utf-8")
EXAMPLES = [*EXAMPLE.finditer(PAGE)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the program at the start of the page writes."""
    path = tmp_path_factory.mktemp("mismatch")
    ran(EXAMPLES[0]["program"], str(path))
    return path


def test_the_page_begins_with_the_program_that_writes_the_files() -> None:
    assert [example["program"] is not None for example in EXAMPLES].index(True) == 0


# By default every other example runs.
EXAMPLES_TO_RUN = [
    pytest.param(example, marks=pytest.mark.thorough if turn % 2 else (), id=str(turn))
    for turn, example in enumerate(EXAMPLES)
]


@pytest.mark.parametrize("example", EXAMPLES_TO_RUN)
def test_the_examples_print_what_the_page_shows(example: re.Match[str], folder: Path) -> None:
    expected = example_with_output(example, str(folder))
    assert steady(example[0]) == steady(expected), "run: python -m docs.generate"


def test_the_page_shows_every_verdict() -> None:
    verdicts = re.findall(r"^(Exact|Exact after a change|Partial|Near|Far):", PAGE, re.MULTILINE)
    assert {verdict.lower() for verdict in verdicts} == set(get_args(Verdict))


@pytest.mark.parametrize(
    "name", ["opset10", "border", pytest.param("other-boxes", marks=pytest.mark.thorough)]
)
def test_the_json_page_names_every_key_of_identify(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    options = "--boxes boxes.npy --box-format xyxy --origin top-left --spatial-scale 1/16"
    preset = "torchvision" if name == "opset10" else "torchvision-aligned"
    known = f"--sampling-ratio 2 --preset {preset}"
    arguments = f"identify features.npy {options} {known} --expected {name}.npy --format json"
    assert main(arguments.split()) == (name != "opset10")
    text = (DOCS / "json.md").read_text(encoding="utf-8")
    section = text.partition("\n## identify\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"`(\w+)`", section))
    record = json.loads(capsys.readouterr().out)
    objects = [record, *record["matches"], record["closest"], record["partial"]]
    if name != "opset10":
        objects += record["closest"]["parts"]
    used = {key for entry in objects if entry is not None for key in entry}
    assert used - documented - {"version"} == set()
