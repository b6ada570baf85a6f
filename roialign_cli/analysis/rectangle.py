"""Describe a rectangle in the plane of the feature map."""

from __future__ import annotations

from dataclasses import dataclass

from roialign_cli.core.boxes import Frame


@dataclass(frozen=True)
class Rectangle:
    """Describe a rectangle by its edges, in cells, in a frame.

    Parameters
    ----------
    left, right
        The x of its vertical edges. An inverted box has its right edge before its left edge.
    top, bottom
        The y of its horizontal edges. With y up, the top has the larger y.
    y_up
        Whether y points up.

    Examples
    --------
    >>> Rectangle(left=9.25, top=10.0, right=15.5, bottom=5.46875, y_up=True).height
    4.53125
    """

    left: float
    top: float
    right: float
    bottom: float
    y_up: bool = False

    @classmethod
    def of_indices(
        cls, frame: Frame, left: float, top: float, right: float, bottom: float
    ) -> Rectangle:
        """Return the rectangle between edges in cell-index units; cell 0 begins at −0.5."""
        return cls(frame.x(left), frame.y(top), frame.x(right), frame.y(bottom), frame.y_up)

    @property
    def x(self) -> float:
        """The x of the top-left corner."""
        return self.left

    @property
    def y(self) -> float:
        """The y of the top-left corner."""
        return self.top

    @property
    def width(self) -> float:
        """The extent to the right, in cells; negative if the rectangle is inverted."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """The extent downward, in cells; negative if the rectangle is inverted."""
        return self.top - self.bottom if self.y_up else self.bottom - self.top
