"""Texts on a panel, kept apart from each other and from the marks.

Lengths on a sheet are in points (1/72 inch).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from matplotlib.text import Text
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.show.figures.sheet import POINTS_PER_INCH, Line, Panel, halo


@dataclass(frozen=True)
class TextStyle:
    """How a text is written; `pad` is the room around it that is its own.

    A colour is the name of a meaning in the theme, or a colour itself.
    """

    size: float
    colour: str
    weight: str = "normal"
    pad: float = 0.5
    ground: str | None = None


@dataclass(frozen=True)
class Label:
    """A text and where its middle is: a position in data units and an offset in points."""

    string: str
    at: tuple[float, float]
    offset: tuple[float, float]
    look: TextStyle

    def moved(self, across: float, up: float) -> Label:
        """Return the label with another offset."""
        return replace(self, offset=(across, up))


@dataclass
class LabelPlacer:
    """The texts of a panel, none of which overlaps another or what is kept clear."""

    panel: Panel
    _renderer: Any = field(init=False)
    _occupied: Float = field(default_factory=lambda: np.empty((0, 4)))  # (n, 4): x1, y1, x2, y2
    _sizes: dict[tuple[str, TextStyle], tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._renderer = self.panel.canvas.get_renderer()  # type: ignore[no-untyped-call]

    def size(self, string: str, look: TextStyle) -> tuple[float, float]:
        """Return the width and height of a text with its padding."""
        if (string, look) not in self._sizes:
            text = Text(0, 0, string, fontsize=look.size, weight=look.weight, parse_math=False)
            text.set_figure(self.panel.figure)
            extent = text.get_window_extent(self._renderer)
            to_points = POINTS_PER_INCH / self.panel.figure.dpi
            self._sizes[string, look] = (
                extent.width * to_points + 2 * look.pad,
                extent.height * to_points + 2 * look.pad,
            )
        return self._sizes[string, look]

    def boxes(self, labels: Sequence[Label]) -> Float:
        """Return (n, 4), the places on the sheet that the labels would take."""
        if not labels:
            return np.empty((0, 4))
        middle = self.panel.points([label.at for label in labels])
        middle = middle + np.array([label.offset for label in labels])
        half = np.array([self.size(label.string, label.look) for label in labels]) / 2
        return np.concatenate([middle - half, middle + half], axis=1)

    def keep_clear(self, x: float, y: float, radius: float) -> None:
        """Let no text come nearer than `radius` points to a position in data units."""
        middle = self.panel.points([(x, y)])
        self._occupy(np.concatenate([middle - radius, middle + radius], axis=1))

    def is_blocked(self, labels: Sequence[Label]) -> NDArray[np.bool_]:
        """Return (n,), which labels would lie on something taken or leave the axes."""
        boxes = self.boxes(labels)
        return _overlapping(boxes, self._occupied).any(axis=1) | self._leaves_axes(boxes)

    def crosses_line(self, labels: Sequence[Label], lines: Sequence[Line]) -> NDArray[np.bool_]:
        """Return (n,), which labels would lie on one of these level or upright lines."""
        ends = np.array([self.panel.points(line) for line in lines])  # (m, 2, 2)
        boxes = np.concatenate([ends.min(axis=1) - 1, ends.max(axis=1) + 1], axis=1)
        return np.asarray(_overlapping(self.boxes(labels), boxes).any(axis=1), dtype=np.bool_)

    def fits(self, labels: Sequence[Label]) -> bool:
        """Return whether all of these labels can be written together."""
        boxes = self.boxes(labels)
        among = _overlapping(boxes, boxes)
        np.fill_diagonal(among, val=False)
        return not (among.any() or self.is_blocked(labels).any())

    def write_first_that_fits(self, choices: Sequence[Sequence[Label]]) -> bool:
        """Write the first of these sets of labels that is free, if one is."""
        for labels in choices:
            if self.fits(labels):
                self.write(labels)
                return True
        return False

    def write_those_that_fit(self, labels: Sequence[Label]) -> None:
        """Write those of the labels that are free, one after another."""
        for label in labels:
            self.write_first_that_fits([[label]])

    def write(self, labels: Sequence[Label]) -> None:
        """Write labels and take their places."""
        self._occupy(self.boxes(labels))
        for label in labels:
            self._annotate(label)

    def _annotate(self, label: Label) -> None:
        look, theme = label.look, self.panel.theme
        text = self.panel.axes.annotate(
            label.string,
            label.at,
            xytext=label.offset,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=look.size,
            color=theme.colour(look.colour),
            weight=look.weight,
            zorder=8,
            annotation_clip=False,
            parse_math=False,
        )
        if look.ground is None:
            text.set_path_effects(halo(theme.ground))
        else:
            text.set_bbox(
                {"facecolor": theme.colour(look.ground), "edgecolor": "#000000", "linewidth": 0.6}
                | {"boxstyle": f"square,pad={look.pad / look.size}"}
            )

    def _occupy(self, boxes: Float) -> None:
        self._occupied = np.concatenate([self._occupied, boxes])

    def _leaves_axes(self, boxes: Float) -> NDArray[np.bool_]:
        view = self.panel.view
        corners = self.panel.points([(view.left, view.low), (view.right, view.high)])
        low, high = corners.min(axis=0) + 1, corners.max(axis=0) - 1
        inside = (boxes[:, :2] >= low).all(axis=1) & (boxes[:, 2:] <= high).all(axis=1)
        return np.asarray(~inside, dtype=np.bool_)


def _overlapping(some: Float, others: Float) -> NDArray[np.bool_]:
    """Return (n, m), which of n boxes overlap which of m."""
    one, two = some[:, None], others[None]
    overlap: NDArray[np.bool_] = (
        (one[..., 0] < two[..., 2])
        & (two[..., 0] < one[..., 2])
        & (one[..., 1] < two[..., 3])
        & (two[..., 1] < one[..., 3])
    )
    return overlap
