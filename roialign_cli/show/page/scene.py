"""Draw an ROI on the cells as SVG; the style sheet of the page sets the colours."""

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
from roialign_cli.show.palette import DARK, LIGHT, ink
from roialign_cli.show.view import View, roi_view, shown_cells, thinned

_MAX_PLANE_WIDTH, _MAX_PLANE_HEIGHT = 620.0, 640.0  # pixels
_LEFT_MARGIN, _BOTTOM_MARGIN, _MARGIN = 40.0, 34.0, 8.0  # pixels; ticks are left and below
_MAX_CELL_RECTANGLES = 2500  # more cells are drawn as one picture
_MAX_PICTURE_CELLS = 1200  # along each axis
_MIN_FONT_SIZE = 10.0  # pixels
_MAX_TICKS = 14  # along each axis


@dataclass(frozen=True)
class Scene:
    """A drawing of the plane around an ROI.

    Parameters
    ----------
    trace
        One ROI and channel.
    sections
        The sections of the trace with their sample points to draw.
    """

    trace: Trace
    sections: Sequence[Section]

    @cached_property
    def view(self) -> View:
        """The part of the plane that is drawn."""
        return roi_view(self.trace)

    @cached_property
    def unit(self) -> float:
        """Pixels per cell."""
        return min(_MAX_PLANE_WIDTH / self.view.width, _MAX_PLANE_HEIGHT / self.view.height)

    def x(self, x: float) -> float:
        """Convert an x of the frame, in cells, to pixels of the drawing."""
        return round(_LEFT_MARGIN + (x - self.view.left) * self.unit, 2)

    def y(self, y: float) -> float:
        """Convert a y of the frame, in cells, to pixels of the drawing."""
        return round(_MARGIN + self.view.depth(y) * self.unit, 2)

    def record(self) -> dict[str, float]:
        """Return the factors that convert positions of the frame to pixels."""
        return {"x": self.x(0), "y": self.y(0), "right": self.unit, "down": self.y(1) - self.y(0)}

    def svg(self) -> str:
        """Return the drawing as an SVG element."""
        view = self.view
        width = _LEFT_MARGIN + view.width * self.unit + _MARGIN
        height = _MARGIN + view.height * self.unit + _BOTTOM_MARGIN
        lines = ['<g class="lines">', *self._sections(), self._roi(), "</g>"]
        # Marks of the selection lie below the values and the points, which therefore stay visible.
        marks = '<g id="marks" aria-hidden="true"></g>'
        body = "\n".join(
            [*self._cells(), *self._ticks(), *lines, marks, *self._values(), *self._points()]
        )
        return (
            f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
            f'aria-label="{escape(self._description())}">\n{body}\n</svg>'
        )

    def _description(self) -> str:
        rows, columns = len(self.trace.output), len(self.trace.output[0])
        return (
            f"The ROI on the cells, from {format_point(self.trace.x, self.trace.y)} to "
            f"{format_point(self.trace.x + self.trace.width, self.trace.bottom)}, in {columns} × "
            f"{rows} sections with their sample points"
        )

    def _rect(self, x: float, y: float, width: float, height: float, attributes: str) -> str:
        """Return a rectangle with a corner at (x, y); width and height may be negative."""
        xs, ys = sorted((self.x(x), self.x(x + width))), sorted((self.y(y), self.y(y + height)))
        return (
            f'<rect x="{xs[0]:g}" y="{ys[0]:g}" width="{xs[1] - xs[0]:.2f}" '
            f'height="{ys[1] - ys[0]:.2f}" {attributes}/>'
        )

    def _cells(self) -> Iterator[str]:
        """Yield the area outside the map, and the cells in view."""
        view, t = self.view, self.trace
        yield self._rect(view.left, view.low, view.width, view.height, 'class="outside"')
        if not self._seen.size:
            return
        left, right = max(view.left, 0.0), min(view.right, float(t.map_size[1]))
        low, high = max(view.low, t.map_y[0]), min(view.high, t.map_y[1])
        yield self._rect(left, low, right - left, high - low, 'class="map"')
        yield '<g class="cells" clip-path="url(#seen)">'
        yield from self._shaded()
        yield "</g>"
        clip = self._rect(left, low, right - left, high - low, "")
        yield f'<clipPath id="seen">{clip}</clipPath>'

    @cached_property
    def _seen(self) -> Float:
        """The values of the cells in view, of shape (rows, columns)."""
        return self.trace.cells[shown_cells(self.trace, self.view)].astype(np.float64)

    def _centres(self) -> Iterator[tuple[float, float, float, float]]:
        """Yield the x, the y, the value and the share of each cell in view."""
        rows, columns = shown_cells(self.trace, self.view)
        frame, shares = self.trace.frame, normalise(self._seen)
        for (j, i), value in np.ndenumerate(self._seen):
            x, y = frame.x(columns.start + i), frame.y(rows.start + j)
            yield x, y, float(value), float(shares[j, i])

    def _shaded(self) -> Iterator[str]:
        """Yield the cells in view, shaded by their values."""
        if self._seen.size > _MAX_CELL_RECTANGLES:
            yield self._picture()
            return
        for x, y, value, share in self._centres():
            shade = f'fill-opacity="{share:.3f}"' if np.isfinite(value) else 'class="nan"'
            yield self._rect(x - 0.5, y - 0.5, 1, 1, shade)

    def _values(self) -> Iterator[str]:
        """Yield the values of the cells in view if there is space for them."""
        if not 0 < self._seen.size <= _MAX_CELL_RECTANGLES:
            return
        font_size = self._font_size(self._seen)
        if not font_size:
            return
        yield f'<g class="values" font-size="{font_size:.1f}" clip-path="url(#seen)">'
        for x, y, value, share in self._centres():
            at = f'x="{self.x(x):g}" y="{self.y(y) + self.unit * 0.42:.1f}"'
            inks = shade_inks(share) if np.isfinite(value) else _NOT_A_NUMBER_INKS
            yield f'<text class="{inks}" {at}>{value:.3g}</text>'
        yield "</g>"

    def _picture(self) -> str:
        """Return the cells in view as one picture, a mask so that the style sheet colours it."""
        cells, frame = self._seen, self.trace.frame
        rows, columns = shown_cells(self.trace, self.view)
        left, low = frame.x(columns.start) - 0.5, frame.y(rows.start) - 0.5
        low += 1 - len(cells) if frame.y_up else 0
        area = self._rect(left, low, cells.shape[1], len(cells), "")
        area = area.removeprefix("<rect ").removesuffix(" />")
        picture = _data_uri(normalise(thinned(cells, _MAX_PICTURE_CELLS)))
        image = f'<image {area} preserveAspectRatio="none" href="{picture}"/>'
        mask = f'<mask id="shades" mask-type="alpha">{image}</mask>'
        return f'{mask}<rect {area} class="shaded" mask="url(#shades)"/>'

    def _font_size(self, values: Float) -> float:
        """Return the font size of the values in the cells, in pixels, 0 without space for them."""
        longest = max(len(f"{value:.3g}") for value in values.ravel().tolist())
        size = min(12.0, 1.5 * self.unit / max(longest, 3))
        return size if size >= _MIN_FONT_SIZE else 0.0

    def _ticks(self) -> Iterator[str]:
        """Yield numbers at the edges of cells along both axes, and the title of the axes."""
        view = self.view
        bottom = view.low if view.y_up else view.high
        for x in _integers(view.left, view.right):
            yield f'<text class="tick" x="{self.x(x):g}" y="{self.y(bottom) + 15:g}">{x}</text>'
        for y in _integers(view.low, view.high):
            at = f'x="{_LEFT_MARGIN - 7:g}" y="{self.y(y) + 4:g}"'
            yield f'<text class="tick side" {at}>{y}</text>'
        middle = self.x((view.left + view.right) / 2)
        at = f'x="{middle:g}" y="{self.y(bottom) + 30:g}"'
        y_points = "↑" if view.y_up else "↓"
        centres = "cells (centres on .5)" if self.trace.frame.whole else "cells"
        yield f'<text class="tick" {at}>x →, y {y_points}, in {centres}</text>'

    def _roi(self) -> str:
        t = self.trace
        return self._rect(t.x, t.y, t.width, t.bottom - t.y, 'class="roi"')

    def _sections(self) -> Iterator[str]:
        t = self.trace
        height = t.frame.y_sign * t.section_height
        for section in t.sections:
            i, j = section.section
            title = f"section {format_point(i, j)}: {format_number(section.output)}"
            area = self._rect(
                section.x, section.y, t.section_width, height, f'class="section" id="s{i},{j}"'
            )
            yield f"{area.removesuffix('/>')}><title>{title}</title></rect>"

    def _points(self) -> Iterator[str]:
        for section in self.sections:
            for point in section.points:
                yield self._point(section, point)

    def _point(self, section: Section, point: Point) -> str:
        t = self.trace
        (i, j), (n, m) = section.section, point.point
        sizes = (t.section_width, t.section_height)
        distance = min(abs(size) / max(n, 1) for size, n in zip(sizes, section.grid, strict=True))
        is_winner = point.point == section.winner
        radius = min(max(0.28 * distance * self.unit, 1.5), 5.0) * (1.2 if is_winner else 1)
        kind = f"point {point.border}" + (" won" if is_winner else "")
        title = f"point {format_point(n, m)} of section {format_point(i, j)}"
        return (
            f'<circle class="{kind}" id="p{i},{j},{n},{m}" cx="{self.x(point.x):g}" '
            f'cy="{self.y(point.y):g}" r="{radius:.2g}">'
            f"<title>{title}: {format_number(point.value)}</title></circle>"
        )


def shade_inks(share: float) -> str:
    """Return the CSS class of a text on the shade of a value.

    `share` is the place of the value between the smallest (0) and the largest (1).
    """
    return _inks(LIGHT.values.colour(share), DARK.values.colour(share))


def _inks(light: str, dark: str) -> str:
    """Return the CSS class of a text on a background of the light and one of the dark theme.

    The class names the inks in both themes, such as "black-white".
    """
    return "-".join(_INK_NAMES[ink(background)] for background in (light, dark))


_INK_NAMES = {"#000000": "black", "#FFFFFF": "white"}
_NOT_A_NUMBER_INKS = _inks(LIGHT.not_a_number, DARK.not_a_number)


def _integers(low: float, high: float) -> list[int]:
    """Return evenly spaced integers from `low` to `high`, at most `_MAX_TICKS` + 1."""
    first, last = int(np.ceil(low)), int(np.floor(high))
    step = 1
    while (last - first) // step > _MAX_TICKS:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return list(range(-(-first // step) * step, last + 1, step))


def _data_uri(shades: Float) -> str:
    """Return shades (rows, columns) from 0 to 1 as the data URI of a PNG; 0 is transparent."""
    from PIL import Image  # noqa: PLC0415 - few drawings need it

    alpha = np.clip(shades * 255, 0, 255).round().astype(np.uint8)
    grey = np.full_like(alpha, 128)
    buffer = io.BytesIO()
    Image.fromarray(np.stack([grey, alpha], axis=2), "LA").save(buffer, "png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
