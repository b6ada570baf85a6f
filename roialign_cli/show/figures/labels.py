"""Texts on a panel that keep clear of each other and of the marks.

Lengths on a page are in points (1/72 inch).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.backend_bases import RendererBase
from matplotlib.text import Annotation, Text
from matplotlib.transforms import IdentityTransform
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.drawing import halo
from roialign_cli.show.figures.geometry import Line, Sides
from roialign_cli.show.figures.page import Panel
from roialign_cli.show.figures.style import POINTS_PER_INCH
from roialign_cli.show.palette import Theme

_LEADER_STEP = 2.0  # points between the boxes that keep a leader line clear


@dataclass(frozen=True)
class TextStyle:
    """How a text is written.

    Parameters
    ----------
    size
        The font size, in points.
    colour
        The name of a colour of the theme, or a colour like "#222222".
    weight
        "normal" or "bold".
    pad
        The space to keep free around the text, in points.
    ground
        The colour of a tab behind the text; None writes the text with a halo instead.
    halo
        The colour of the halo: a name or a colour like `colour`; None for no halo.
    """

    size: float
    colour: str
    weight: str = "normal"
    pad: float = 0.5
    ground: str | None = None
    halo: str | None = "ground"


@dataclass(frozen=True)
class Label:
    """A text and the place of its middle: a position in data units and an offset in points.

    `leader` draws a thin line from the text to the position.
    """

    string: str
    at: tuple[float, float]
    style: TextStyle
    offset: tuple[float, float] = (0.0, 0.0)
    leader: bool = False

    def moved(self, right: float, up: float) -> Label:
        """Return the label with this offset in place of its own."""
        return replace(self, offset=(right, up))


class _HaloText(Annotation):
    """An annotation over its path effects, a halo.

    Matplotlib draws a text with path effects as outlines. Here the text itself stays text, which
    can be edited and searched in an SVG or PDF.
    """

    def draw(self, renderer: RendererBase) -> None:
        """Draw the leader line and the halo, and then the text."""
        effects = self.get_path_effects()
        super().draw(renderer)
        if effects:
            self.set_path_effects([])
            Text.draw(self, renderer)
            self.set_path_effects(effects)


@dataclass
class LabelPlacer:
    """Writes labels on a panel where they overlap neither each other nor what is kept clear."""

    panel: Panel
    _renderer: Any = field(init=False)
    _occupied: Float = field(default_factory=lambda: np.empty((0, 4)))  # (n, 4): x1, y1, x2, y2
    _sizes: dict[tuple[str, float, str], tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._renderer = self.panel.canvas.get_renderer()  # type: ignore[no-untyped-call]

    def size(self, string: str, style: TextStyle) -> tuple[float, float]:
        """Return the width and height of a text with its padding, in points."""
        key = string, style.size, style.weight
        if key not in self._sizes:
            text = Text(0, 0, string, fontsize=style.size, weight=style.weight, parse_math=False)
            text.set_figure(self.panel.figure)
            extent = text.get_window_extent(self._renderer)
            to_points = POINTS_PER_INCH / self.panel.figure.dpi
            self._sizes[key] = extent.width * to_points, extent.height * to_points
        width, height = self._sizes[key]
        return width + 2 * style.pad, height + 2 * style.pad

    def keep_clear(self, places: Sequence[tuple[float, float]] | Float, radius: float) -> None:
        """Keep labels at least `radius` points away from positions in data units, (n, 2)."""
        if len(places):
            middles = self.panel.points(places)
            self._occupy(np.concatenate([middles - radius, middles + radius], axis=1))

    def keep_area_clear(self, sides: Sides) -> None:
        """Keep labels off a rectangle in data units."""
        self._occupy(self._area(sides))

    def _area(self, sides: Sides) -> Float:
        ends = self.panel.points([(sides.left, sides.top), (sides.right, sides.bottom)])
        area: Float = np.concatenate([ends.min(axis=0), ends.max(axis=0)])[None]
        return area

    def is_blocked(self, labels: Sequence[Label]) -> NDArray[np.bool_]:
        """Return which labels would overlap something occupied or leave the axes: (n,), bool."""
        boxes = self._boxes(labels)
        return _overlapping(boxes, self._occupied).any(axis=1) | self._leaves_axes(boxes)

    def crosses_line(self, labels: Sequence[Label], lines: Sequence[Line]) -> NDArray[np.bool_]:
        """Return which labels would cross one of these horizontal or vertical lines: (n,), bool."""
        if not lines:
            return np.zeros(len(labels), dtype=np.bool_)
        ends = self.panel.points(np.array(lines).reshape(-1, 2)).reshape(-1, 2, 2)
        boxes = np.concatenate([ends.min(axis=1) - 2, ends.max(axis=1) + 2], axis=1)
        return np.asarray(_overlapping(self._boxes(labels), boxes).any(axis=1), dtype=np.bool_)

    def fits(self, labels: Sequence[Label]) -> bool:
        """Return whether all of these labels can be written together."""
        boxes = self._boxes(labels)
        overlaps = _overlapping(boxes, boxes)
        np.fill_diagonal(overlaps, val=False)
        return not (overlaps.any() or self.is_blocked(labels).any())

    def write_first_that_fits(self, choices: Sequence[Sequence[Label]]) -> bool:
        """Write the first of these sets of labels that fits; return whether there is one."""
        for labels in choices:
            if self.fits(labels):
                self.write(labels)
                return True
        return False

    def write_those_that_fit(self, labels: Sequence[Label]) -> None:
        """Write the labels one after another and leave out those that do not fit."""
        for label in labels:
            self.write_first_that_fits([[label]])

    def write_at_first_offset(self, label: Label, offsets: Iterable[tuple[float, float]]) -> None:
        """Write a label at the first of these offsets, in points, where it fits."""
        self.write_first_that_fits([[label.moved(*offset)] for offset in offsets])

    def write_near(self, label: Label, distance: float, outside: Sides | None = None) -> bool:
        """Write a label with a leader line, as near to its position as it fits.

        Parameters
        ----------
        label
            The label.
        distance
            The smallest distance from the position to the text, in points.
        outside
            A rectangle in data units that the text keeps out of, if there is one.

        Returns
        -------
        Whether there is room.
        """
        areas = np.empty((0, 4)) if outside is None else self._area(outside)
        half_width, half_height = (side / 2 for side in self.size(label.string, label.style))
        directions = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        for away in distance * np.array([1.0, 1.5, 2.2, 3.0, 4.0, 5.5, 7.5]):
            candidates = [
                replace(
                    label,
                    offset=(
                        float(np.cos(angle)) * (away + half_width),
                        float(np.sin(angle)) * (away + half_height),
                    ),
                    leader=True,
                )
                for angle in directions
            ]
            for candidate in candidates:
                is_inside = _overlapping(self._boxes([candidate]), areas).any()
                is_free = not is_inside and not self.is_blocked([candidate])[0]
                if is_free and self._leader_is_free(candidate):
                    self._occupy(self._leader_boxes(candidate))
                    self.write([candidate])
                    return True
        return False

    def _leader_boxes(self, label: Label) -> Float:
        """Return small boxes along the leader line of a label: (n, 4), in points."""
        start, offset = self.panel.points([label.at]), np.array([label.offset])
        half = np.array(self.size(label.string, label.style)) / 2
        # The line ends at the edge of the text.
        end = 1 - float((half / np.maximum(np.abs(offset[0]), 1e-9)).min())
        count = 2 + int(np.hypot(*offset[0]) / _LEADER_STEP)
        along = start + np.linspace(0, max(end, 0.0), count)[:, None] * offset
        return np.concatenate([along - 0.5, along + 0.5], axis=1)

    def _leader_is_free(self, label: Label) -> bool:
        start = np.tile(self.panel.points([label.at]), 2)
        # The line starts in the area that is kept clear around its own mark.
        own = _overlapping(start, self._occupied)[0]
        return not _overlapping(self._leader_boxes(label), self._occupied[~own]).any()

    def write(self, labels: Sequence[Label]) -> None:
        """Write labels whether they fit or not, and keep later labels clear of them."""
        self._occupy(self._boxes(labels))
        for label in labels:
            self._annotate(label)

    def _boxes(self, labels: Sequence[Label]) -> Float:
        """Return the places that labels would take: (n, 4), in points."""
        if not labels:
            return np.empty((0, 4))
        middle = self.panel.points([label.at for label in labels])
        middle = middle + np.array([label.offset for label in labels])
        half = np.array([self.size(label.string, label.style) for label in labels]) / 2
        return np.concatenate([middle - half, middle + half], axis=1)

    def _annotate(self, label: Label) -> None:
        style, theme = label.style, self.panel.theme
        text = _HaloText(
            label.string,
            label.at,
            xytext=label.offset,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=style.size,
            color=theme.colour(style.colour),
            weight=style.weight,
            zorder=8,
            annotation_clip=False,
            clip_on=False,
            parse_math=False,
            arrowprops=_leader(theme, theme.colour(style.colour)) if label.leader else None,
        )
        text.set_transform(IdentityTransform())
        self.panel.axes.add_artist(text)
        if style.ground is None and style.halo is not None:
            text.set_path_effects(halo(theme.colour(style.halo))[:1])
        elif style.ground is not None:
            text.set_bbox(
                {"facecolor": theme.colour(style.ground), "edgecolor": "#000000", "linewidth": 0.6}
                | {"boxstyle": f"square,pad={style.pad / style.size}"}
            )

    def _occupy(self, boxes: Float) -> None:
        self._occupied = np.concatenate([self._occupied, boxes])

    def _leaves_axes(self, boxes: Float) -> NDArray[np.bool_]:
        view = self.panel.view
        corners = self.panel.points([(view.left, view.low), (view.right, view.high)])
        low, high = corners.min(axis=0) + 1, corners.max(axis=0) - 1
        inside = (boxes[:, :2] >= low).all(axis=1) & (boxes[:, 2:] <= high).all(axis=1)
        return np.asarray(~inside, dtype=np.bool_)


def _leader(theme: Theme, colour: str) -> dict[str, Any]:
    line = {"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2.5}
    return line | {"path_effects": halo(theme.halo(colour), 0.6, 0.6)}


def _overlapping(first: Float, second: Float) -> NDArray[np.bool_]:
    """Return which of n boxes overlap which of m: (n, m), bool."""
    one, two = first[:, None], second[None]
    overlap: NDArray[np.bool_] = (
        (one[..., 0] < two[..., 2])
        & (two[..., 0] < one[..., 2])
        & (one[..., 1] < two[..., 3])
        & (two[..., 1] < one[..., 3])
    )
    return overlap
