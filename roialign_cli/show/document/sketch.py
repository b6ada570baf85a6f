"""Draw an ROI on the cells, its sections and its sample points in text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from roialign_cli.analysis.points import Border
from roialign_cli.analysis.sections import Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.document.formulas import Role
from roialign_cli.show.numbers import format_number
from roialign_cli.show.view import View, beyond_map, roi_view

_MARKS: dict[Border, str] = {"inside": "•", "clamped": "□", "beyond": "◇", "out": "×"}
_MEANINGS = {
    "•": "sample point",
    "□": "point clamped to the border",
    "◇": "point beyond the border",
    "×": "point outside, reads no cell",
    "◉": "largest value: the section's output",
    "·": "corner of a cell",
    "░": "outside the map",
}
# The roles of the characters of a drawing; joints with a heavy line belong to the ROI.
_ROLE_CHARACTERS: Mapping[Role, str] = {
    "roi": "━┃┏┓┗┛┯┷┠┨",
    "section": "─│┼",
    "point": "•□◇×",
    "winner": "◉",
}
SKETCH_ROLES: Mapping[str, Role] = MappingProxyType(
    {character: role for role, text in _ROLE_CHARACTERS.items() for character in text}
)
_MAX_CELL_WIDTH = 12.0  # characters
_MAX_LINES = 40.0
_MIN_CORNER_CELL_WIDTH = 3.0  # characters; corners of narrower cells are not drawn


def sketch(trace: Trace, sections: Sequence[Section], columns: int) -> tuple[str, ...]:
    """Draw an ROI on the cells, with the sample points of some sections.

    Parameters
    ----------
    trace
        One ROI and channel.
    sections
        The sections of the trace with their sample points to draw.
    columns
        The largest width of a line, in characters.

    Returns
    -------
    tuple of str
        The lines of the drawing, an empty line and the legend.
    """
    view = roi_view(trace)
    available = columns - _margin(view) - 1
    cell_width = min(_MAX_CELL_WIDTH, available / view.width, 2 * _MAX_LINES / view.height)
    canvas = _Canvas.blank(view, cell_width, _margin(view))
    if beyond_map(trace, view):
        canvas.shade_outside(trace)
    if cell_width >= _MIN_CORNER_CELL_WIDTH:
        canvas.draw_corners(trace)
    canvas.draw_sections(trace)
    for section in sections:
        for point in section.points:
            is_winner = point.point == section.winner
            canvas.draw(point.x, point.y, "◉" if is_winner else _MARKS[point.border])
    meanings = _MEANINGS
    if trace.convention.points == "integral":
        meanings = _MEANINGS | {"•": "centre of an explained cell"}
    return (*canvas.lines(), "", *canvas.legend(columns, meanings))


def _margin(view: View) -> int:
    """Return the width of the numbers along y, in characters."""
    return max(len(str(n)) for n in _integers(view.low, view.high) or [0]) + 2


def _integers(low: float, high: float) -> list[int]:
    return [n for n in range(int(low) - 1, int(high) + 2) if low <= n <= high]


@dataclass(frozen=True)
class _Canvas:
    """A grid of characters on which positions of the plane are drawn.

    Parameters
    ----------
    view
        The part of the plane that is drawn.
    cell_width
        Characters per cell along x; along y there are half as many lines.
    margin
        The width of the numbers along y, in characters.
    characters
        The characters of each line.
    """

    view: View
    cell_width: float
    margin: int
    characters: list[list[str]]

    @classmethod
    def blank(cls, view: View, cell_width: float, margin: int) -> _Canvas:
        n_lines, width = round(view.height * cell_width / 2) + 1, round(view.width * cell_width) + 1
        return cls(view, cell_width, margin, [[" "] * width for _ in range(n_lines)])

    def column(self, x: float) -> int:
        return round((x - self.view.left) * self.cell_width)

    def line(self, y: float) -> int:
        return round(self.view.depth(y) * self.cell_width / 2)

    def draw(self, x: float, y: float, character: str) -> None:
        self._set(self.line(y), self.column(x), character)

    def _set(self, line: int, column: int, character: str) -> None:
        if 0 <= line < len(self.characters) and 0 <= column < len(self.characters[0]):
            self.characters[line][column] = character

    def shade_outside(self, trace: Trace) -> None:
        """Fill the characters outside the map."""
        lines = sorted(map(self.line, trace.map_y))
        ends = self.column(0), self.column(trace.map_size[1])
        for line, characters in enumerate(self.characters):
            for column in range(len(characters)):
                if not (lines[0] <= line <= lines[1] and ends[0] <= column <= ends[1]):
                    characters[column] = "░"

    def draw_corners(self, trace: Trace) -> None:
        rows, columns = trace.map_size
        view = self.view
        for y in map(trace.frame.row_edge, range(rows + 1)):
            for x in _integers(max(view.left, 0), min(view.right, columns)):
                if view.low <= y <= view.high:
                    self.draw(x, y, "·")

    def draw_sections(self, trace: Trace) -> None:
        """Draw the edges of the sections, and the edge of the ROI with heavy lines."""
        height = trace.frame.y_sign * trace.section_height
        columns, rows = len(trace.output[0]), len(trace.output)
        xs = sorted(self.column(trace.x + i * trace.section_width) for i in range(columns + 1))
        ys = sorted(self.line(trace.y + j * height) for j in range(rows + 1))
        for y in ys[1:-1]:
            self._draw_horizontal(y, xs, "─", "┠┼┨")
        for x in xs[1:-1]:
            for line in range(ys[0] + 1, ys[-1]):
                self._set(line, x, "┼" if line in ys else "│")
        for x in (xs[0], xs[-1]):
            for line in range(ys[0] + 1, ys[-1]):
                inner = "┠" if x == xs[0] else "┨"
                self._set(line, x, inner if line in ys else "┃")
        self._draw_horizontal(ys[0], xs, "━", "┏┯┓")
        self._draw_horizontal(ys[-1], xs, "━", "┗┷┛")

    def _draw_horizontal(self, line: int, xs: Sequence[int], dash: str, joints: str) -> None:
        for column in range(xs[0], xs[-1] + 1):
            self._set(line, column, joints[1] if column in xs else dash)
        self._set(line, xs[0], joints[0])
        self._set(line, xs[-1], joints[2])

    def lines(self) -> Iterator[str]:
        """Yield the lines, with numbers along y to the left and numbers along x below."""
        numbers = {self.line(y): str(y) for y in _integers(self.view.low, self.view.high)}
        for line, characters in enumerate(self.characters):
            yield f"{numbers.get(line, ''):>{self.margin - 1}} {''.join(characters)}".rstrip()
        x_axis = [" "] * (len(self.characters[0]) + self.margin)
        end = -2
        for x in _integers(self.view.left, self.view.right):
            start = self.column(x) + self.margin - len(str(x)) // 2
            if start > end + 1 and start + len(str(x)) <= len(x_axis):
                end = start + len(str(x))
                x_axis[start:end] = str(x)
        yield "".join(x_axis).rstrip()

    def legend(self, columns: int, meanings: Mapping[str, str]) -> Iterator[str]:
        """Yield the meaning of every mark drawn, in lines of at most `columns` characters."""
        used = {character for line in self.characters for character in line}
        entries = [f"{mark} {meaning}" for mark, meaning in meanings.items() if mark in used]
        if self.cell_width < _MIN_CORNER_CELL_WIDTH:
            entries.append(f"a cell is {format_number(self.cell_width, 2)} characters wide")
        line = ""
        for entry in entries:
            if line and len(line) + 3 + len(entry) > columns:
                yield line
                line = ""
            line = f"{line}   {entry}" if line else entry
        yield line
