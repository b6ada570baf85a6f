"""The title of a page, with a line under it. Lengths are in points (1/72 inch)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from roialign_cli.printable import printable
from roialign_cli.show.figures.layout import PAGE_MARGIN
from roialign_cli.show.figures.phrases import TEXT_LINE, text_width, wrapped_words
from roialign_cli.show.figures.style import POINTS_PER_INCH, FigureStyle, page_size
from roialign_cli.show.palette import Theme

_TITLE_SIZE, _TITLE_LINE, _SUBTITLE_SIZE = 11.0, 15.0, 8.0


@dataclass(frozen=True)
class Title:
    """The lines of a title and of what stands under it."""

    lines: list[str]
    subtitle: list[str]

    @property
    def height(self) -> float:
        """The height, with the margin of the page."""
        lines = _TITLE_LINE * len(self.lines) + TEXT_LINE * len(self.subtitle)
        return PAGE_MARGIN + lines + (4.0 if lines else 0.0)


def title_of(style: FigureStyle, title: str, subtitle: Sequence[str]) -> Title:
    """Return the lines of the title; a subtitle breaks between its parts if they fit."""
    width = style.width * POINTS_PER_INCH - 2 * PAGE_MARGIN
    if style.title is not None:
        own = printable(style.title)
        return Title(wrapped_words(own, width, _TITLE_SIZE, "bold") if own else [], [])
    lines: list[str] = []
    for part in subtitle:
        joined = f"{lines[-1]}  ·  {part}" if lines else part
        if lines and text_width(joined, _SUBTITLE_SIZE) <= width:
            lines[-1] = joined
        else:
            lines += wrapped_words(part, width, _SUBTITLE_SIZE, "normal")
    return Title(wrapped_words(title, width, _TITLE_SIZE, "bold"), lines)


def write_title(figure: Figure, head: Title, theme: Theme) -> None:
    """Write the title at the top of a page."""
    width, height = page_size(figure)
    y = height - PAGE_MARGIN
    for lines, size, line_height, properties in (
        (head.lines, _TITLE_SIZE, _TITLE_LINE, {"weight": "bold", "color": theme.ink}),
        (head.subtitle, _SUBTITLE_SIZE, TEXT_LINE, {"color": theme.faint}),
    ):
        for line in lines:
            text = figure.text(PAGE_MARGIN / width, y / height, line, fontsize=size, va="top")
            text.set(parse_math=False, **properties)
            y -= line_height
