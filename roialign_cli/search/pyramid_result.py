"""The result of a search on a pyramid: the map of each row, and the rules that explain it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.analysis.pyramid_comparison import BoxLevel, box_level
from roialign_cli.core.pyramid import NO_LEVEL, Levels
from roialign_cli.core.pyramid_rules import PyramidRule
from roialign_cli.presentation import Presentable
from roialign_cli.search.fit import Index
from roialign_cli.search.hypothesis import Hypothesis

PyramidVerdict = Literal["exact", "other levels", "partial", "far"]


@dataclass(frozen=True)
class RuleFit:
    """A pyramid rule, and the boxes that it sends to another map than they are pooled from.

    Parameters
    ----------
    rule
        The rule.
    levels
        The levels of all boxes by the rule; None if the rule cannot be applied.
    broken
        (b,), the indices of the boxes that the rule does not explain.
    problem
        Why the rule cannot be applied; "" if it can.
    """

    rule: PyramidRule
    levels: Levels | None
    broken: Index
    problem: str = ""

    @property
    def explains_all(self) -> bool:
        """Whether the rule explains the map of every box whose map is known."""
        return self.levels is not None and not len(self.broken)


@dataclass(frozen=True)
class Distinguishing:
    """A square box that some rules send to different maps.

    `side` is its size in pixels, and `maps` has the index of a map → the names of the rules.
    """

    side: float
    maps: dict[int, list[str]]


@dataclass(frozen=True, repr=False)
class PyramidIdentification(Presentable):
    """The result of a search on a pyramid; it prints as the command prints it.

    Parameters
    ----------
    hypothesis
        The operator, and how the boxes are read; None if no row was reproduced. Its scale is that
        of the largest map.
    equivalents
        The names of other presets that reproduce the same rows.
    map_sizes
        (height, width) of each map in cells.
    scales
        Cells per pixel of each map along y.
    image_size
        (height, width) of the image in pixels; None if it is not known.
    fits
        (R, maps), bool: the maps that reproduce each row.
    zero
        (R,), bool: the rows of zeros, which may be those of boxes that are on no map.
    rules
        The rules, those with the fewest broken boxes first.
    distinguishing
        A box that would distinguish the rules that explain all levels; None if none is known.
    max_difference
        The largest difference of the rows from the output, in feature units.
    searched
        How many combinations were tried.
    output_size
        (rows, columns) of sections of the output.
    rearranged
        How the axes of the output were rearranged; "" if they were not.
    doubtful
        Whether the output has so few values that rows may match by chance.
    """

    hypothesis: Hypothesis | None
    equivalents: tuple[str, ...]
    map_sizes: tuple[tuple[int, int], ...]
    scales: tuple[float, ...]
    image_size: tuple[float, float] | None
    fits: Mask
    zero: Mask
    rules: tuple[RuleFit, ...]
    distinguishing: Distinguishing | None
    max_difference: float
    searched: int
    output_size: tuple[int, int]
    rearranged: str
    doubtful: bool

    def __repr__(self) -> str:
        names = ", ".join(fit.rule.name for fit in self.explaining)
        return f"<PyramidIdentification: {names or self.verdict}>"

    @property
    def explaining(self) -> tuple[RuleFit, ...]:
        """The rules that explain the map of every box."""
        return tuple(fit for fit in self.rules if fit.explains_all) if self.fits.any() else ()

    @property
    def verdict(self) -> PyramidVerdict:
        """How well the output is explained."""
        if not self.fits.any():
            return "far"
        if self.unexplained.any():
            return "partial"
        return "exact" if self.explaining else "other levels"

    @property
    def _n_choices(self) -> Index:
        """How many choices each row has, (R,)."""
        counts: Index = self.fits.sum(axis=1, dtype=np.intp) + self.zero
        return counts

    @property
    def ambiguous(self) -> Mask:
        """(R,), bool: the rows that more than one map reproduces."""
        return np.asarray(self._n_choices > 1, np.bool_)

    @property
    def unexplained(self) -> Mask:
        """(R,), bool: the rows that no map reproduces."""
        return np.asarray(self._n_choices == 0, np.bool_)

    @property
    def map_index(self) -> Index:
        """The map that each row was pooled from, (R,), from 0.

        It is −1 where no map, or more than one, reproduces the row.
        """
        known = self.fits.any(axis=1) & (self._n_choices == 1)
        return np.where(known, self.fits.argmax(axis=1), NO_LEVEL).astype(np.intp)

    def choices(self, roi: int) -> list[int]:
        """Return the maps that a row may be from; −1 stands for no map."""
        none = [NO_LEVEL] if self.zero[roi] else []
        return [*np.flatnonzero(self.fits[roi]).tolist(), *none]

    def level_by(self, levels: Levels, roi: int) -> BoxLevel:
        """Return the level of a box by a rule, with the distance to the nearest possible map."""
        by_rule = int(levels.index[roi])
        maps = [level for level in self.choices(roi) if level != NO_LEVEL]
        nearest = min(maps, key=lambda level: abs(level - by_rule), default=NO_LEVEL)
        return box_level(levels, roi, nearest)

    @property
    def on_no_map(self) -> Mask:
        """(R,), bool: the rows of zeros that no map reproduces."""
        return np.asarray(self.zero & ~self.fits.any(axis=1), np.bool_)
