"""Documents that the program generates do not drift; the commands that they show work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from benchmarks import growth, waiting
from benchmarks.bounds import BOUNDS
from benchmarks.operators import READING
from docs.features import features
from docs.gallery import PICTURES
from docs.generate import DOCS, GENERATED
from roialign_cli.cli.main import COMMANDS, main
from roialign_cli.cli.plot_views import VIEWS
from tests.test_links import read

README = DOCS.parent / "README.md"

# Their commands run in processes of their own, and the README's do by default. The page of the API
# needs the syntax trees of all modules.
SLOW = {"tour.md", "faq.md", "glossary.md", "api.md"}
# The page that tests/test_mismatch_guide.py checks.
ELSEWHERE = {"mismatch.md"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.thorough if n in SLOW else ())
        for n in GENERATED
        if n not in ELSEWHERE
    ],
)
def test_generated_documents_are_current(name: str) -> None:
    current = (DOCS / name).read_text(encoding="utf-8")
    assert steady(current) == steady(GENERATED[name]()), "run: python -m docs.generate"


def steady(text: str) -> str:
    """Return a document without the differences of rounding, which processors make."""
    return re.sub(r"\b\d(\.\d+)?e-0[5-9]\b", "next to nothing", text)


def shown_commands() -> list[str]:
    """Every `roialign …` line in a shell block of the README and docs once, continuations joined.

    What stands in the README's sessions is run when that is generated.
    """
    commands = []
    for page in (README, *sorted(DOCS.glob("*.md"))):
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            lines = block.replace("\\\n", " ").splitlines()
            commands += [line for line in lines if line.startswith("roialign ")]
    return [*dict.fromkeys(commands)]  # the head of a page is also in the page


# The pictures whose commands run by default.
QUICK = {"point-walkthrough.png", "footprint-walkthrough.png"}


def is_slow(command: str) -> bool:
    """Whether a command draws a picture of the gallery that is not one of the `QUICK` ones."""
    files = {picture.file for pictures in PICTURES.values() for picture in pictures}
    return command.rpartition(" ")[2] in files - QUICK


@pytest.fixture(scope="module")
def map_of_256_channels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The map that docs/gallery.md uses, in a file."""
    path = tmp_path_factory.mktemp("map") / "features.npy"
    np.save(path, features())
    return path


@pytest.mark.parametrize(
    "command",
    [pytest.param(c, marks=pytest.mark.thorough if is_slow(c) else ()) for c in shown_commands()],
)
def test_shown_commands_work(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    (tmp_path / "sample_data").symlink_to(README.parent / "sample_data")
    if "features.npy" in command:
        (tmp_path / "features.npy").symlink_to(request.getfixturevalue("map_of_256_channels"))
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 0, capfd.readouterr().err


def test_the_gallery_has_every_view_on_three_maps_and_in_dark() -> None:
    files = {picture.file for pictures in PICTURES.values() for picture in pictures}
    kinds = ("walkthrough", "astronaut", "features", "dark")
    assert {f"{view}-{kind}.png" for view in VIEWS for kind in kinds} <= files


def test_the_map_of_the_gallery_is_like_that_of_a_network(map_of_256_channels: Path) -> None:
    array = np.load(map_of_256_channels)
    assert array.shape == (256, 50, 76)
    assert array.dtype == np.float32
    assert array.min() == 0
    assert (array.max(axis=(1, 2)) > 0).all()


def test_the_readme_names_every_command() -> None:
    text = README.read_text(encoding="utf-8")
    assert [
        name for name in COMMANDS if f"roialign {name}" not in text and f"`{name}`" not in text
    ] == []


def test_each_door_of_the_readme_shows_one_command_and_the_tour_shows_more() -> None:
    text = README.read_text(encoding="utf-8")
    for door in ("Learn: ", "Debug: ", "Check a kernel\n"):
        section = text.partition(f"\n## {door}")[2].partition("\n## ")[0]
        assert section.count("```console\n$ roialign ") == 1, door
    assert re.search(r"```python\n.*?```\n\n```text\n\(2, 1, 7, 7\) float32", text, re.DOTALL)
    tour = (DOCS / "tour.md").read_text(encoding="utf-8")
    assert tour.count("```console\n$ ") >= 5


def test_the_glossary_has_an_alphabetical_index_of_all_its_entries() -> None:
    page = DOCS / "glossary.md"
    index = page.read_text(encoding="utf-8").partition("**A–Z:**")[2].partition("\n\n")[0]
    entries = re.findall(r"\[([^]]+)\]\(#([^)]+)\)", index)
    words = [word.lower() for word, _ in entries]
    assert words == sorted(words)
    assert {anchor for _, anchor in entries} == read(page).anchors - {"glossary"}


def test_questions_and_entries_have_examples() -> None:
    faq = (DOCS / "faq.md").read_text(encoding="utf-8")
    assert faq.count("\n## ") >= 10
    for answer in faq.split("\n## ")[1:]:
        assert "```console\n$ " in answer or re.search(r"\d", answer), answer
    for entry in (DOCS / "glossary.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        assert re.search(r"```|<img|\d", entry), entry


def test_the_performance_page_has_the_text_of_the_benchmark() -> None:
    page = (DOCS / "performance.md").read_text(encoding="utf-8")
    for text in (*READING, waiting.INTRODUCTION, growth.INTRODUCTION, *BOUNDS):
        assert text in page


def test_the_readme_has_exactly_two_set_up_commands() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("python -m pip install")] == [
        "python -m pip install . && roialign demo",
        "python -m pip install '.[test]' && python -m pytest",
    ]
