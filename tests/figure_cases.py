"""What the figures are tried on, and what is read off them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from roialign_cli.analysis.trace import Trace, trace
from roialign_cli.show.figures.style import figure_settings

ALIGNED: dict[str, Any] = {"convention": "torchvision-aligned", "spatial_scale": 1 / 32}
HELMET, OVER_CORNER, OUTSIDE = [277, 344, 510, 512], [-70, -50, 100, 90], [600, 500, 700, 560]


def a_map(height: int = 16, width: int = 16) -> Any:
    cells = np.random.default_rng(0).integers(0, 10, (height, width)) / 10
    if height == width == 16:
        cells[6, 9:12] = 0.1, 0.2, 0.3
        cells[7, 9:12] = 1.0, 0.7, 0.3
    return cells


def walkthrough(**changes: Any) -> Trace:
    call: dict[str, Any] = {"convention": "walkthrough", "spatial_scale": 1 / 32} | changes
    return trace(a_map(), [[296, 320, 200, 145]], 3, **call)


def aligned(
    box: Sequence[float],
    output_size: int | tuple[int, int] = 7,
    **changes: Any,
) -> Trace:
    return trace(a_map(), [box], output_size, **(ALIGNED | changes))


def large() -> Trace:
    """Return a trace of cells too small for values or outlines, with 4900 points."""
    call = ALIGNED | {"spatial_scale": 0.25, "sampling_ratio": 10}
    return trace(a_map(200, 304), [[100.3, 40.2, 1000.5, 700.7]], 7, **call)


CASES: dict[str, tuple[Trace, tuple[int, int]]] = {
    "walkthrough": (walkthrough(), (1, 1)),
    "walkthrough, last section": (walkthrough(), (3, 3)),
    "walkthrough, 10 × 10 points": (walkthrough(divide=11), (2, 2)),
    "walkthrough, 3 × 3 points": (walkthrough(divide=4), (1, 2)),
    "7 × 7": (aligned(HELMET), (4, 4)),
    "7 × 7, last section": (aligned(HELMET), (7, 7)),
    "14 × 14": (aligned(HELMET, 14), (3, 5)),
    "14 × 14, first section": (aligned(HELMET, 14), (1, 1)),
    "over the corner": (aligned(OVER_CORNER, (3, 4)), (1, 1)),
    "over the corner, max": (aligned(OVER_CORNER, (3, 4), pooling="max", sampling_ratio=2), (2, 2)),
    "outside": (aligned(OUTSIDE, 2), (1, 1)),
    "far outside": (aligned([6000, 5000, 7000, 5600], 2), (1, 1)),
    "the whole map": (aligned([0, 0, 512, 512], (4, 4), sampling_ratio=3), (1, 4)),
    "thin": (aligned([32, 96, 480, 100], (2, 7), sampling_ratio=2), (1, 2)),
    "no area": (aligned([160, 160, 160, 160], 2), (1, 1)),
    "inverted": (aligned([300, 200, 100, 90], 2, sampling_ratio=2), (1, 1)),
    "large map": (large(), (3, 4)),
    "1 × 1 map": (trace([[3.25]], [[0, 0, 1, 1]], 1, convention="torchvision-aligned"), (1, 1)),
    "constant": (trace(np.full((9, 9), -2.5), [[1, 1, 7, 6]], 3, convention="torchvision"), (1, 1)),
    "not finite": (
        trace(
            np.where(a_map() > 0.7, np.nan, -np.inf),
            [[1, 1, 7, 6]],
            (2, 5),
            convention="torchvision",
            pooling="max",
        ),
        (2, 1),
    ),
    "huge values": (
        trace(a_map() * 1e30, [[1, 1, 7, 6]], 2, convention="torchvision"),
        (1, 1),
    ),
}


WIDTHS = (7.0, 4.5)  # inches


def at_each_width(cases: Iterable[str], turns: int = len(WIDTHS)) -> list[Any]:
    """Return (case, width) parameters for every case at every width.

    By default each case is drawn at one width, and the widths take turns; with more turns than
    widths only some cases are drawn. The others are marked thorough.
    """
    return [
        pytest.param(
            case,
            width,
            marks=() if turn % turns == index else pytest.mark.thorough,
        )
        for turn, case in enumerate(cases)
        for index, width in enumerate(WIDTHS)
    ]


def drawn(figure: Figure, prefix: str = "points-") -> set[tuple[float, float]]:
    """Return where the points of a figure are, in data coordinates."""
    return drawn_on(figure.axes[0], prefix)


def drawn_on(axes: Axes, prefix: str = "points-") -> set[tuple[float, float]]:
    """Return where the points on these axes are."""
    lines = [line for line in axes.lines if str(line.get_gid()).startswith(prefix)]
    return {(x, y) for line in lines for x, y in np.asarray(line.get_xydata()).tolist()}


def shown_output(axes: Axes) -> Any:
    """Return the output that is drawn on these axes."""
    drawn_output = axes.images[0].get_array()
    assert drawn_output is not None
    return np.ma.filled(drawn_output, np.nan)


def visible_texts(figure: Figure) -> list[Text]:
    return [t for t in figure.findobj(Text, include_self=False) if t.get_visible() and t.get_text()]


def strings(figure: Figure) -> list[str]:
    """Return what is written on a figure."""
    return [text.get_text() for text in visible_texts(figure)]


def check_drawing(figure: Figure) -> None:
    """Assert that a figure can be drawn without a warning."""
    with figure_settings():
        figure.draw_without_rendering()


def check_texts(figure: Figure) -> None:
    """Assert that no text lies on another, leaves the page or is too small to read."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    with figure_settings():
        inked = figure.get_tightbbox(renderer)
        for legend in figure.legends:
            legend.draw(renderer)  # which is when it places its texts
    texts = visible_texts(figure)
    written = [text.get_text() for text in texts]
    x0, y0, x1, y1 = np.array([text.get_window_extent(renderer).extents for text in texts]).T
    across = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    up = np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0)
    clashes = np.argwhere(np.triu((across > 0) & (up > 0), k=1))
    assert [(written[a], written[b]) for a, b in clashes] == []
    page = figure.bbox
    assert min(inked.x0, inked.y0) >= 0
    assert inked.x1 <= figure.get_figwidth()
    assert inked.y1 <= figure.get_figheight()
    cut = np.flatnonzero((x0 < 0) | (y0 < 0) | (x1 > page.width) | (y1 > page.height))
    assert [written[index] for index in cut] == []
    assert min(float(text.get_fontsize()) for text in texts) >= 7
