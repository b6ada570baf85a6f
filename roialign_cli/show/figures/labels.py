"""Texts on a panel that keep clear of each other and of the marks.

Lengths on a page are in points (1/72 inch).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.text import Text
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.drawing import halo
from roialign_cli.show.figures.geometry import Line
from roialign_cli.show.figures.page import POINTS_PER_INCH, Panel


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
    """

    size: float
    colour: str
    weight: str = "normal"
    pad: float = 0.5
    ground: str | None = None


@dataclass(frozen=True)
class Label:
    """A text and the place of its middle: a position in data units and an offset in points."""

    string: str
    at: tuple[float, float]
    style: TextStyle
    offset: tuple[float, float] = (0.0, 0.0)

    def moved(self, right: float, up: float) -> Label:
        """Return the label with this offset in place of its own."""
        return replace(self, offset=(right, up))


@dataclass
class LabelPlacer:
    """Writes labels on a panel where they overlap neither each other nor what is kept clear."""

    panel: Panel
    _renderer: Any = field(init=False)
    _occupied: Float = field(default_factory=lambda: np.empty((0, 4)))  # (n, 4): x1, y1, x2, y2
    _sizes: dict[tuple[str, TextStyle], tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._renderer = self.panel.canvas.get_renderer()  # type: ignore[no-untyped-call]

    def size(self, string: str, style: TextStyle) -> tuple[float, float]:
        """Return the width and height of a text with its padding, in points."""
        if (string, style) not in self._sizes:
            text = Text(0, 0, string, fontsize=style.size, weight=style.weight, parse_math=False)
            text.set_figure(self.panel.figure)
            extent = text.get_window_extent(self._renderer)
            to_points = POINTS_PER_INCH / self.panel.figure.dpi
            self._sizes[string, style] = (
                extent.width * to_points + 2 * style.pad,
                extent.height * to_points + 2 * style.pad,
            )
        return self._sizes[string, style]

    def keep_clear(self, x: float, y: float, radius: float) -> None:
        """Keep labels at least `radius` points away from a position in data units."""
        middle = self.panel.points([(x, y)])
        self._occupy(np.concatenate([middle - radius, middle + radius], axis=1))

    def is_blocked(self, labels: Sequence[Label]) -> NDArray[np.bool_]:
        """Return which labels would overlap something occupied or leave the axes: (n,), bool."""
        boxes = self._boxes(labels)
        return _overlapping(boxes, self._occupied).any(axis=1) | self._leaves_axes(boxes)

    def crosses_line(self, labels: Sequence[Label], lines: Sequence[Line]) -> NDArray[np.bool_]:
        """Return which labels would cross one of these horizontal or vertical lines: (n,), bool."""
        ends = np.array([self.panel.points(line) for line in lines])  # (m, 2, 2)
        boxes = np.concatenate([ends.min(axis=1) - 1, ends.max(axis=1) + 1], axis=1)
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
        text = self.panel.axes.annotate(
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
            parse_math=False,
        )
        if style.ground is None:
            text.set_path_effects(halo(theme.ground))
        else:
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
