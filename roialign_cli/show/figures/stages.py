"""A figure that is built up in stages, for animations and series of pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.figure import Figure


@dataclass(frozen=True)
class StagedFigure:
    """A figure and the order in which its parts appear.

    Parameters
    ----------
    figure
        The complete figure.
    stages
        For each stage, the artists that it adds. Artists of no stage are in every picture. Axes in
        a stage include everything that is drawn on them.
    """

    figure: Figure
    stages: tuple[tuple[Artist, ...], ...] = ()

    @property
    def count(self) -> int:
        """The number of pictures: one per stage, or the complete figure if there are none."""
        return max(len(self.stages), 1)


def build_up(staged: StagedFigure) -> Iterator[Figure]:
    """Yield the figure once per stage, with the artists of this and of earlier stages visible.

    The figure is always the same object: save it before the next step. After the last step, or an
    error, all artists are as visible as before.
    """
    shown = [[artist for artist in stage if artist.get_visible()] for stage in staged.stages]
    try:
        for artist in (artist for stage in shown for artist in stage):
            artist.set_visible(False)
        for stage in shown or [[]]:
            for artist in stage:
                artist.set_visible(True)
            yield staged.figure
    finally:
        for artist in (artist for stage in shown for artist in stage):
            artist.set_visible(True)
