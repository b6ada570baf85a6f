"""An ROI on the cells as SVG, whose colours a page's style sheet gives."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import numpy as np

from roialign_cli.analysis.sections import Point, Section
from roialign_cli.analysis.trace import Trace
from roialign_cli.core.boxes import Float
from roialign_cli.show.numbers import format_number, format_point, normalise
from roialign_cli.show.view import View, roi_view, shown_cells, thinned

_WIDTH, _HIGHEST = 620.0, 640.0  # of the plane, in pixels
_LEFT, _BELOW, _AROUND = 40.0, 34.0, 8.0  # room for ticks, and around
_MOST_CELLS = 2500  # that are drawn one by one; more are one picture
_FINEST = 1200  # rows and columns of that picture
_LEAST_TEXT = 10.0  # pixels
_MOST_TICKS = 14


@dataclass(frozen=True)
class Scene:
    """Where the plane around an ROI lies on a drawing.

    Parameters
    ----------
    trace
        One ROI and channel.
    sections
        Those whose points are drawn.
    """

    trace: Trace
    sections: Sequence[Section]

    @cached_property
    def view(self) -> View:
        """What is seen of the plane."""
        return roi_view(self.trace)

    @cached_property
    def unit(self) -> float:
        """Pixels per cell."""
        return min(_WIDTH / self.view.width, _HIGHEST / self.view.height)

    def x(self, x: float) -> float:
        """Return where a position in the frame is on the drawing."""
        return round(_LEFT + (x - self.view.left) * self.unit, 2)

    def y(self, y: float) -> float:
        """Return where a position in the frame is on the drawing."""
        view = self.view
        down = view.high - y if view.y_up else y - view.low
        return round(_AROUND + down * self.unit, 2)

    def record(self) -> dict[str, float]:
        """Return how a position in the frame is turned into one on the drawing."""
        return {"x": self.x(0), "y": self.y(0), "right": self.unit, "down": self.y(1) - self.y(0)}

    def svg(self) -> str:
        """Return the drawing."""
        view = self.view
        width = _LEFT + view.width * self.unit + _AROUND
        height = _AROUND + view.height * self.unit + _BELOW
        under = [*self._cells(), *self._ticks(), *self._sections(), self._roi()]
        # What is chosen is marked under the points, so that these stay as they are.
        body = "\n".join([*under, '<g id="marks" aria-hidden="true"></g>', *self._points()])
        return (
            f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
            f'aria-label="{escape(self._described())}">\n{body}\n</svg>'
        )

    def _described(self) -> str:
        rows, columns = len(self.trace.output), len(self.trace.output[0])
        return (
            f"The ROI on the cells, from {format_point(self.trace.x, self.trace.y)} to "
            f"{format_point(self.trace.x + self.trace.width, self.trace.bottom)}, in {columns} × "
            f"{rows} sections with their sample points"
        )

    def _rect(self, x: float, y: float, width: float, height: float, more: str) -> str:
        """Return a rectangle between two corners in the frame, whichever come first."""
        xs, ys = sorted((self.x(x), self.x(x + width))), sorted((self.y(y), self.y(y + height)))
        return (
            f'<rect x="{xs[0]:g}" y="{ys[0]:g}" width="{xs[1] - xs[0]:.2f}" '
            f'height="{ys[1] - ys[0]:.2f}" {more}/>'
        )

    def _cells(self) -> Iterator[str]:
        """Yield what is outside the map, and the cells that are seen."""
        view, t = self.view, self.trace
        yield self._rect(view.left, view.low, view.width, view.height, 'class="outside"')
        shown = shown_cells(t, view)
        seen = t.cells[shown]
        if not seen.size:
            return
        left, right = max(view.left, 0.0), min(view.right, float(t.map_size[1]))
        low, high = max(view.low, t.map_y[0]), min(view.high, t.map_y[1])
        yield self._rect(left, low, right - left, high - low, 'class="map"')
        yield '<g class="cells" clip-path="url(#seen)">'
        yield from self._shaded(seen, shown[0].start, shown[1].start)
        yield "</g>"
        clip = self._rect(left, low, right - left, high - low, "")
        yield f'<clipPath id="seen">{clip}</clipPath>'

    def _shaded(self, seen: Float, row: int, column: int) -> Iterator[str]:
        """Yield cells as shades of their values, with these if there is room."""
        frame = self.trace.frame
        if seen.size > _MOST_CELLS:
            shade = normalise(thinned(seen, _FINEST))
            corner = frame.x(column) - 0.5, frame.y(row) - 0.5
            lower = corner[1] + 1 - len(seen) if frame.y_up else corner[1]
            place = self._rect(corner[0], lower, seen.shape[1], len(seen), "")
            area = place.removeprefix("<rect ").removesuffix(" />")
            yield f'<image {area} preserveAspectRatio="none" href="{_picture(shade)}"/>'
            return
        seen = seen.astype(np.float64)
        shade, size = normalise(seen), self._value_size(seen)
        for (j, i), value in np.ndenumerate(seen):
            x, y = frame.x(column + i), frame.y(row + j)
            look = f'fill-opacity="{shade[j, i]:.3f}"' if np.isfinite(value) else 'class="nan"'
            yield self._rect(x - 0.5, y - 0.5, 1, 1, look)
            if size:
                at = f'x="{self.x(x):g}" y="{self.y(y) + self.unit * 0.42:.1f}"'
                yield f'<text {at} font-size="{size:.1f}">{value:.3g}</text>'

    def _value_size(self, seen: Float) -> float:
        """Return the pixels of the values in the cells, 0 if they have no room."""
        longest = max(len(f"{value:.3g}") for value in seen.ravel().tolist())
        size = min(12.0, 1.5 * self.unit / max(longest, 3))
        return size if size >= _LEAST_TEXT else 0.0

    def _ticks(self) -> Iterator[str]:
        """Yield the cells' edges along both axes."""
        view = self.view
        bottom = view.low if view.y_up else view.high
        for x in _whole(view.left, view.right):
            yield f'<text class="tick" x="{self.x(x):g}" y="{self.y(bottom) + 15:g}">{x}</text>'
        for y in _whole(view.low, view.high):
            at = f'x="{_LEFT - 7:g}" y="{self.y(y) + 4:g}"'
            yield f'<text class="tick side" {at}>{y}</text>'
        middle = self.x((view.left + view.right) / 2)
        under = f'x="{middle:g}" y="{self.y(bottom) + 30:g}"'
        y_points = "↑" if view.y_up else "↓"
        centres = "cells (centres on .5)" if self.trace.frame.whole else "cells"
        yield f'<text class="tick" {under}>x →, y {y_points}, in {centres}</text>'

    def _roi(self) -> str:
        t = self.trace
        return self._rect(t.x, t.y, t.width, t.bottom - t.y, 'class="roi"')

    def _sections(self) -> Iterator[str]:
        t = self.trace
        down = t.frame.y_sign * t.section_height
        for section in t.sections:
            i, j = section.section
            title = f"section {format_point(i, j)}: {format_number(section.output)}"
            area = self._rect(
                section.x, section.y, t.section_width, down, f'class="section" id="s{i},{j}"'
            )
            yield f"{area.removesuffix('/>')}><title>{title}</title></rect>"

    def _points(self) -> Iterator[str]:
        for section in self.sections:
            for point in section.points:
                yield self._point(section, point)

    def _point(self, section: Section, point: Point) -> str:
        t = self.trace
        (i, j), (n, m) = section.section, point.point
        apart = min(
            abs(t.section_width) / max(section.grid[0], 1),
            abs(t.section_height) / max(section.grid[1], 1),
        )
        won = point.point == section.winner
        radius = min(max(0.28 * apart * self.unit, 1.5), 5.0) * (1.2 if won else 1)
        kind = f"point {point.border}" + (" won" if won else "")
        title = f"point {format_point(n, m)} of section {format_point(i, j)}"
        return (
            f'<circle class="{kind}" id="p{i},{j},{n},{m}" cx="{self.x(point.x):g}" '
            f'cy="{self.y(point.y):g}" r="{radius:.2g}">'
            f"<title>{title}: {format_number(point.value)}</title></circle>"
        )


def _whole(low: float, high: float) -> list[int]:
    """Return whole numbers between two ends, not too many."""
    first, last = int(np.ceil(low)), int(np.floor(high))
    step = 1
    while (last - first) // step > _MOST_TICKS:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return [n for n in range(first, last + 1) if n % step == 0]


def _picture(shade: Float) -> str:
    """Return shades as a data URI, as transparent as they are light."""
    from PIL import Image  # noqa: PLC0415 - few drawings need it

    alpha = np.clip(shade * 255, 0, 255).round().astype(np.uint8)
    grey = np.full_like(alpha, 128)
    buffer = io.BytesIO()
    Image.fromarray(np.stack([grey, alpha], axis=2), "LA").save(buffer, "png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
