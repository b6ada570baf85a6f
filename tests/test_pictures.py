"""Pictures against those that somebody looked at; `python -m tests.test_pictures` redraws them.

What is written is left out, so that another font draws the same picture. What remains is compared
block by block: a mark that has moved changes its blocks, however large the picture is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures import style
from roialign_cli.show.figures.compare import compare_figure
from roialign_cli.show.figures.footprint import footprint_figure
from roialign_cli.show.figures.output import output_figure
from roialign_cli.show.figures.overlay import overlay_figure
from roialign_cli.show.figures.point import point_figure
from roialign_cli.show.figures.pool import pool_figure
from roialign_cli.show.figures.saving import save_figure
from roialign_cli.show.figures.sections import sections_figure
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.palette import DARK
from tests.figure_cases import CASES, OVER_CORNER, aligned, pooled, steps_figure, walkthrough
from tests.test_compare_view import PAIRS

PICTURES = Path(__file__).parent / "pictures"
DPI = 60
_BLOCK = 6  # pixels
# Of 255, the mean over a block: rendering differs by less, a mark that moved by more.
_TOLERANCE = 25.0

_ON_PHOTO = np.linspace(40, 200, 512 * 512).reshape(512, 512).astype(np.uint8)


def _corner() -> Trace:
    return aligned(OVER_CORNER, (3, 4))


DRAWN: dict[str, Callable[[], Figure]] = {
    "steps": lambda: steps_figure(walkthrough()),
    "steps-dark-corner": lambda: steps_figure(
        _corner(), section=(3, 2), style=FigureStyle(theme=DARK, units="boxes")
    ),
    "sections": lambda: sections_figure(walkthrough(), section=(2, 3)),
    # Without a title, whose number of lines depends on the font.
    "sections-corner": lambda: sections_figure(
        _corner(), section=(3, 2), style=FigureStyle(title="")
    ),
    "overlay": lambda: overlay_figure([_corner(), aligned([170, 70, 272, 190])], _ON_PHOTO),
    "point": lambda: point_figure(walkthrough()),
    "output": lambda: output_figure(walkthrough(), style=FigureStyle(colormap="viridis")),
    "footprint": lambda: footprint_figure(_corner(), section=(3, 2)),
    "compare": lambda: compare_figure(*PAIRS["the shift"]),
    "pool": lambda: pool_figure(*pooled(CASES["walkthrough"])),
}

# Matplotlib before 3.11 draws the edges of cells up to one pixel of the picture away.
_FORMER = mpl.__version_info__ < (3, 11)
_CURRENT = pytest.mark.skipif(_FORMER, reason="drawn by Matplotlib 3.11")


def without_texts(figure: Figure, dpi: float = DPI) -> Any:
    """Return a figure's pixels (H, W, 3) without what is written on it."""
    for text in figure.findobj(Text, include_self=False):
        text.set_visible(False)
    for legend in figure.legends:
        legend.remove()
    file = BytesIO()
    save_figure(figure, file, "png", dpi)
    return np.asarray(Image.open(file).convert("RGB"), dtype=float)


def blocks_apart(one: Any, other: Any) -> float:
    """Return the largest mean difference of any block of two pictures."""
    if one.shape != other.shape:
        return np.inf
    apart = np.abs(one - other).max(axis=2)
    height, width = (length - length % _BLOCK for length in apart.shape)
    blocks = apart[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    return float(blocks.mean(axis=(1, 3)).max())


def baseline(name: str) -> Any:
    return np.asarray(Image.open(PICTURES / f"{name}.png").convert("RGB"), dtype=float)


@pytest.mark.parametrize("name", [pytest.param(name, marks=_CURRENT) for name in DRAWN])
def test_the_picture_is_the_one_that_was_looked_at(name: str) -> None:
    assert blocks_apart(without_texts(DRAWN[name]()), baseline(name)) < _TOLERANCE


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[_CURRENT, *([pytest.mark.thorough] if turn % 3 else [])])
        for turn, name in enumerate(DRAWN)
    ],
)
def test_another_font_draws_the_same_picture(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "_FONTS", ("DejaVu Serif",))
    assert blocks_apart(without_texts(DRAWN[name]()), baseline(name)) < _TOLERANCE


def moved(traced: Trace, by: float) -> Trace:
    """Return a trace in which the last point of the first section lies elsewhere."""
    first, *others = traced.sections
    *points, last = first.points
    points.append(replace(last, x=last.x + by))
    return replace(traced, sections=(replace(first, points=tuple(points)), *others))


@pytest.mark.parametrize("by", [pytest.param(-0.12, marks=pytest.mark.thorough), 0.12])
def test_a_point_that_moved_is_another_picture(by: float) -> None:
    for name, figure in (
        ("sections", sections_figure(moved(walkthrough(), by), section=(1, 1))),
        ("steps", steps_figure(moved(walkthrough(), by))),
    ):
        expected = {
            "sections": without_texts(sections_figure(walkthrough(), section=(1, 1))),
            "steps": baseline("steps"),
        }[name]
        assert blocks_apart(without_texts(figure), expected) > 2 * _TOLERANCE


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for name, draw in DRAWN.items():
        Image.fromarray(without_texts(draw()).astype(np.uint8)).save(
            PICTURES / f"{name}.png", optimize=True
        )
