"""An ROI on the cells, its sections and sample points, in text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from roialign_cli.analysis.sections import Border, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.numbers import format_number
from roialign_cli.show.view import View, beyond_map, roi_view

_MARKS: dict[Border, str] = {"inside": "•", "clamped": "□", "out": "×"}
_MEANINGS = {
    "•": "sample point",
    "□": "point clamped to the border",
    "×": "point outside, reads no cell",
    "◉": "largest value: the section's output",
    "·": "corner of a cell",
    "░": "outside the map",
}
_WIDEST, _HIGHEST = 12.0, 40.0  # characters a cell, lines in all
_LEAST_CELL = 3.0  # characters; smaller cells have no corners


def sketch(trace: Trace, sections: Sequence[Section], columns: int) -> tuple[str, ...]:
    """Return lines of text that show an ROI on the cells with the points of some sections.

    Parameters
    ----------
    trace
        One ROI and channel.
    sections
        Those whose points are drawn.
    columns
        How wide the lines may be.
    """
    view = roi_view(trace)
    room = columns - _margin(view) - 1
    across = min(_WIDEST, room / view.width, 2 * _HIGHEST / view.height)
    paper = _Paper.blank(view, across, _margin(view))
    if beyond_map(trace, view):
        paper.hatch(trace)
    if across >= _LEAST_CELL:
        paper.mark_corners(trace)
    paper.rule(trace)
    for section in sections:
        for point in section.points:
            won = point.point == section.winner
            paper.put(point.x, point.y, "◉" if won else _MARKS[point.border])
    return (*paper.lines(), "", *paper.legend(columns))


def _margin(view: View) -> int:
    """Return the characters that the numbers along y take."""
    return max(len(str(n)) for n in _whole(view.low, view.high) or [0]) + 2


def _whole(low: float, high: float) -> list[int]:
    return [n for n in range(int(low) - 1, int(high) + 2) if low <= n <= high]


@dataclass(frozen=True)
class _Paper:
    """Characters in lines, and where positions of the plane fall among them."""

    view: View
    across: float  # characters a cell; half as many lines
    margin: int
    characters: list[list[str]]

    @classmethod
    def blank(cls, view: View, across: float, margin: int) -> _Paper:
        lines, width = round(view.height * across / 2) + 1, round(view.width * across) + 1
        return cls(view, across, margin, [[" "] * width for _ in range(lines)])

    def column(self, x: float) -> int:
        return round((x - self.view.left) * self.across)

    def line(self, y: float) -> int:
        down = self.view.high - y if self.view.y_up else y - self.view.low
        return round(down * self.across / 2)

    def put(self, x: float, y: float, character: str) -> None:
        self._put(self.line(y), self.column(x), character)

    def _put(self, line: int, column: int, character: str) -> None:
        if 0 <= line < len(self.characters) and 0 <= column < len(self.characters[0]):
            self.characters[line][column] = character

    def hatch(self, trace: Trace) -> None:
        """Shade what is outside the map."""
        lines = sorted(map(self.line, trace.map_y))
        ends = self.column(0), self.column(trace.map_size[1])
        for line, characters in enumerate(self.characters):
            for column in range(len(characters)):
                if not (lines[0] <= line <= lines[1] and ends[0] <= column <= ends[1]):
                    characters[column] = "░"

    def mark_corners(self, trace: Trace) -> None:
        rows, columns = trace.map_size
        view = self.view
        edges = map(trace.frame.row_edge, range(rows + 1))
        for y in (edge for edge in edges if view.low <= edge <= view.high):
            for x in _whole(max(view.left, 0), min(view.right, columns)):
                self.put(x, y, "·")

    def rule(self, trace: Trace) -> None:
        """Draw the sections' edges, the outermost heavy."""
        down = trace.frame.y_sign
        columns, rows = len(trace.output[0]), len(trace.output)
        xs = [self.column(trace.x + i * trace.section_width) for i in range(columns + 1)]
        ys = [self.line(trace.y + down * j * trace.section_height) for j in range(rows + 1)]
        xs, ys = sorted(xs), sorted(ys)
        for y in ys[1:-1]:
            self._level(y, xs, "─", "┠┼┨")
        for x in xs[1:-1]:
            for line in range(ys[0] + 1, ys[-1]):
                self._put(line, x, "┼" if line in ys else "│")
        for x in (xs[0], xs[-1]):
            for line in range(ys[0] + 1, ys[-1]):
                inner = "┠" if x == xs[0] else "┨"
                self._put(line, x, inner if line in ys else "┃")
        self._level(ys[0], xs, "━", "┏┯┓")
        self._level(ys[-1], xs, "━", "┗┷┛")

    def _level(self, line: int, xs: Sequence[int], dash: str, joints: str) -> None:
        for column in range(xs[0], xs[-1] + 1):
            self._put(line, column, joints[1] if column in xs else dash)
        self._put(line, xs[0], joints[0])
        self._put(line, xs[-1], joints[2])

    def lines(self) -> Iterator[str]:
        """Return the lines with the numbers along y before and those along x under them."""
        numbers = {self.line(y): str(y) for y in _whole(self.view.low, self.view.high)}
        for line, characters in enumerate(self.characters):
            yield f"{numbers.get(line, ''):>{self.margin - 1}} {''.join(characters)}".rstrip()
        under = [" "] * (len(self.characters[0]) + self.margin)
        taken = -2
        for x in _whole(self.view.left, self.view.right):
            at = self.column(x) + self.margin - len(str(x)) // 2
            if at > taken + 1 and at + len(str(x)) <= len(under):
                under[at : at + len(str(x))] = str(x)
                taken = at + len(str(x))
        yield "".join(under).rstrip()

    def legend(self, columns: int) -> Iterator[str]:
        """Return what the marks that there are mean, in lines not longer than `columns`."""
        used = {character for line in self.characters for character in line}
        entries = [f"{mark} {meaning}" for mark, meaning in _MEANINGS.items() if mark in used]
        if self.across < _LEAST_CELL:
            entries.append(f"a cell is {format_number(self.across, 2)} characters wide")
        line = ""
        for entry in entries:
            if line and len(line) + 3 + len(entry) > columns:
                yield line
                line = ""
            line = f"{line}   {entry}" if line else entry
        yield line
