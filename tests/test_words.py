"""Users read plain English: the phrases of an earlier, private voice do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import roialign_cli
from docs.generate import DOCS, help_text
from roialign_cli.cli.main import COMMANDS

PACKAGE = Path(roialign_cli.__file__).parent
BAD_INPUTS = Path(__file__).with_name("bad_inputs.txt")
README = DOCS.parent / "README.md"

REJECTED = (
    # help
    "Settle whose numbers",
    "settle which one made",
    "Tell every step of one ROI",
    "Hold a convention against",
    "Whose ROI Align.",
    "What becomes of a section's points",
    "What max is the largest of",
    "Taken off a box edge",
    "To which a smaller ROI grows",
    "What a point outside is worth",
    "Whether the boxes end at 1",
    "Say nothing of traps",
    "Treat a trap as an error",
    "The largest difference that is none",
    "a page to point at",
    # errors and warnings
    "is none of",
    "what is none",
    "ends in none of",
    "places its points by the rule",
    "say which with",
    "say the same thing",
    "none differs most",
    "would put all of them inside",
    "are worth",
    # results
    "exact coordinates give",
    "ways were tried",
    "what would tell it apart",
    "were held against",
    # documents
    "settles which of",
    "makes of it one page",
    "There is no one ROI Align",
    "what their names say",
    "A file is made without a name",
    "A test holds these",
)


def rejected(text: str) -> list[str]:
    """Return the rejected phrases of a text, also those with a line break."""
    joined = " ".join(text.split()).lower()
    return [phrase for phrase in REJECTED if phrase.lower() in joined]


def literals(path: Path) -> Iterator[str]:
    """Yield the string literals of a module, also the parts of f-strings between their values."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


PAGES = [README, BAD_INPUTS, *sorted(DOCS.glob("*.md"))]
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_documents_and_messages_are_plain(page: Path) -> None:
    assert rejected(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_string_literals_are_plain(module: Path) -> None:
    assert [phrase for text in literals(module) for phrase in rejected(text)] == []


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_help_is_plain(name: str | None) -> None:
    shown = help_text(name)
    assert rejected(shown) == []
    assert not re.search(r"\bwhose\b|\btraps?\b", shown, re.IGNORECASE)
