"""Explanations and outputs on a terminal: colours mark what a text is about and change no text."""

from __future__ import annotations

import io
import re
import sys
from itertools import pairwise

import pytest
from rich.console import Console
from rich.text import Text

from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.show.document.formulas import Marked, formula, number, to_latex, to_page
from roialign_cli.show.numbers import NEIGHBOUR_NAMES
from roialign_cli.show.palette import AREAS, TERMINAL, contrast, ink

SAMPLE = str(sample_data() / "walkthrough.npy")
BOX = [SAMPLE, "--image-size", "512x512", "--box", "296,320,200,145"]
BORDER = [SAMPLE, "--preset", "torchvision-aligned", "--sampling-ratio", "1", "--box", "-9,-2,9,7"]
CALLS = {
    "run": ["run", *BOX],
    "explain": ["explain", *BOX, "--sketch"],
    "explain over the border": [
        "explain",
        *BORDER,
        "--output-size",
        "2",
        "--sketch",
        "--all-points",
        "--quiet",
    ],
}
MARKS = ("roi", "section", "point", "neighbour", "winner")
COLOUR_CODE = re.compile(r"\x1b\[[0-9;]*\b[34]8;")


class Terminal(io.StringIO):
    """Text that is taken for a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def shown(call: list[str], stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a command prints on a stream."""
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(call) == 0
    return stream.getvalue()


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Set the environment of a terminal with all colours and 80 columns."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"TERM": "xterm", "COLORTERM": "truecolor", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("ground", ["#000000", "#FFFFFF"])
@pytest.mark.parametrize("mark", MARKS)
def test_marks_are_readable_on_a_black_and_on_a_white_terminal(mark: str, ground: str) -> None:
    assert contrast(TERMINAL.colour(mark), ground) >= 3


def test_texts_are_readable_on_areas_and_shades() -> None:
    shades = [TERMINAL.values.colour(step / 100) for step in range(101)]
    assert all(contrast(ink(background), background) >= 4.5 for background in (*AREAS, *shades))


@pytest.mark.parametrize("columns", ["40", "80", "140"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_colours_change_no_text(call: list[str], columns: str, colours: pytest.MonkeyPatch) -> None:
    colours.setenv("COLUMNS", columns)
    coloured = shown(call, Terminal(), colours)
    assert COLOUR_CODE.search(coloured)
    lines = [line.rstrip() for line in Text.from_ansi(coloured).plain.splitlines()]
    piped = shown(call, io.StringIO(), colours)
    assert "\x1b" not in piped
    if call[0] == "run":  # a pipe has the first line, of any length, on one line
        lines, piped = lines[-4:], "\n".join(piped.splitlines()[-4:])
    assert lines == piped.splitlines()


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_terminals_without_colours_get_none(
    call: list[str], variable: str, value: str, colours: pytest.MonkeyPatch
) -> None:
    colours.setenv(variable, value)
    assert not COLOUR_CODE.search(shown(call, Terminal(), colours))


def coloured_texts(output: str) -> set[tuple[str, str, str]]:
    """Return every coloured run of a terminal's output with its colour and its background."""
    text, found = Text.from_ansi(output), set()
    ends = sorted({0, len(text), *(end for span in text.spans for end in (span.start, span.end))})
    for start, end in pairwise(ends):
        style = text.get_style_at_offset(Console(), start)
        colour, ground = (c.name.upper() if c else "" for c in (style.color, style.bgcolor))
        found.add((text.plain[start:end], colour, ground))
    return found


def test_each_mark_has_the_colour_of_its_role(colours: pytest.MonkeyPatch) -> None:
    found = coloured_texts(shown(CALLS["explain"], Terminal(), colours))
    expected = {
        "1. The box on the feature map": "roi",
        "2. The sections: 3 along x × 3 along y": "section",
        "3. The sample points": "point",
        "4. The value at each point: bilinear interpolation": "neighbour",
        "Section (1, 1)": "section",
        "┃": "roi",
        "•": "point",
        "◉": "winner",
        "0.5132": "winner",
    }
    for text, role in expected.items():
        assert (text, TERMINAL.colour(role), "") in found
    for name, area in zip(NEIGHBOUR_NAMES, AREAS, strict=True):
        assert (name, "#000000", area) in found


def test_clamped_points_have_the_colour_of_points(colours: pytest.MonkeyPatch) -> None:
    found = coloured_texts(shown(CALLS["explain over the border"], Terminal(), colours))
    for text in "□×":
        assert any(run.strip() == text and c == TERMINAL.point for run, c, _ in found), text


def test_a_mark_changes_no_formula() -> None:
    value = number(-0.25)
    plain = formula("P = 2·{}", value)
    marked = formula("P = 2·{}", Marked((value,), "Q11"))
    assert to_latex([marked]) == to_latex([plain])
    assert to_page(marked) == ["P = 2\u2060·\u2060(", {"role": "Q11", "text": "-0.25"}, ")"]
