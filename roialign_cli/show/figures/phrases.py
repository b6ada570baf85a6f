"""Lines of text made of phrases, some of which stand on a tab of their own colour."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from roialign_cli.show.figures.style import page_size
from roialign_cli.show.palette import ink

TEXT_SIZE = 7.8  # points (1/72 inch)
TEXT_LINE = 12.0  # the height of a line, in points
_TAB_PAD = 1.8  # around the text on a tab, in points
_SPACE = 3.2  # between two phrases, in points


@dataclass(frozen=True)
class Phrase:
    """Some words that stay on one line; `ground` is the colour of a tab behind them."""

    text: str
    ground: str | None = None

    @property
    def width(self) -> float:
        """The width, in points."""
        pad = 0.0 if self.ground is None else 2 * _TAB_PAD
        return text_width(self.text, TEXT_SIZE) + pad + _SPACE


Phrases = Sequence[Phrase]


def listed(texts: Iterable[str]) -> list[Phrase]:
    """Return texts as phrases with commas between them."""
    phrases = [Phrase(f"{text},") for text in texts]
    return [*phrases[:-1], *(Phrase(phrase.text[:-1]) for phrase in phrases[-1:])]


def text_width(string: str, size: float, weight: str = "normal") -> float:
    """Return the width of a text in a font of this size, in points."""
    return size * _relative_width(string, weight, tuple(mpl.rcParams["font.family"]))


@lru_cache(4096)
def _relative_width(string: str, weight: str, families: tuple[str, ...]) -> float:
    font = FontProperties(family=families, size=100, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(string, font, ismath=False)
    return float(width) / 100


def wrapped(lines: Iterable[Phrases], width: float) -> list[Phrases]:
    """Return lines of phrases that are at most this wide, in points, where possible."""
    result: list[Phrases] = []
    for phrases in lines:
        line: list[Phrase] = []
        for phrase in phrases:
            if line and sum(p.width for p in [*line, phrase]) > width:
                result.append(line)
                line = []
            line.append(phrase)
        result.append(line)
    return result


def wrapped_words(string: str, width: float, size: float, weight: str) -> list[str]:
    """Return the lines of a text that breaks between words, at most this wide where possible."""
    lines = [""]
    for word in string.split(" "):
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and text_width(longer, size, weight) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def write_phrases(
    figure: Figure, lines: Sequence[Phrases], at: tuple[float, float], colour: str
) -> list[Artist]:
    """Write lines of phrases; `at` is the start of the first baseline, in points of the page."""
    width, height = page_size(figure)
    written: list[Artist] = []
    for number, phrases in enumerate(lines):
        x, y = at[0], at[1] - number * TEXT_LINE
        for phrase in phrases:
            pad = 0.0 if phrase.ground is None else _TAB_PAD
            text = figure.text((x + pad) / width, y / height, phrase.text, fontsize=TEXT_SIZE)
            text.set(parse_math=False, color=colour)
            if phrase.ground is not None:
                text.set_color(ink(phrase.ground))
                box = {"facecolor": phrase.ground, "edgecolor": "none"}
                text.set_bbox(box | {"boxstyle": f"square,pad={_TAB_PAD / TEXT_SIZE}"})
            written.append(text)
            x += phrase.width
    return written
