"""ROI Pool beside ROI Align: the rounded box, the strips, the cells of the sections."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from roialign_cli.analysis.comparison import difference
from roialign_cli.analysis.quantisation import Quantisation, quantise
from roialign_cli.analysis.trace import Trace
from roialign_cli.show.figures.marks import MAX_DRAWN_POINTS
from roialign_cli.show.figures.pool import pool_figure
from roialign_cli.show.figures.style import FigureStyle
from tests.figure_cases import CASES, combinations, draw, pooled
from tests.figure_checks import (
    cell_values,
    check_figure,
    check_values,
    drawn_on,
    points_of,
    shown_output,
    story,
    strings,
)

_INSET = 3.6  # points by which the edges of a section are drawn inside it, at most


@pytest.mark.parametrize(("case", "style"), combinations("pool"))
def test_both_operators_on_the_box_and_both_outputs(case: str, style: str) -> None:
    aligned, rounded = pooled(CASES[case])
    figure = draw("pool", case, style)
    check_figure(figure, rounded, aligned)
    first, second, *outputs = figure.axes[:5]
    assert drawn_on(first) == set()
    few = aligned.n_points <= MAX_DRAWN_POINTS
    assert drawn_on(second) == (points_of(aligned, aligned.sections) if few else set())
    check_rounding(first, rounded)
    for axes, traced in ((first, rounded), (second, aligned)):
        check_values(axes, cell_values(traced))
    change = difference(np.array(rounded.output), np.array(aligned.output))
    for axes, shown in zip(
        outputs, (np.array(rounded.output), np.array(aligned.output), change), strict=True
    ):
        np.testing.assert_array_equal(
            shown_output(axes), np.where(np.isfinite(shown), shown, np.nan)
        )


def check_rounding(axes: Axes, traced: Trace) -> None:
    """Assert that the box, the strips and the cells of the sections are those of the rounding."""
    rounded = quantise(traced)
    (dashed,) = (p for p in axes.patches if p.get_gid() == "box")
    assert isinstance(dashed, Rectangle)
    box = traced.box_on_map
    assert dashed.get_xy() == (box.left, box.top)
    assert (dashed.get_width(), dashed.get_height()) == (box.right - box.left, box.bottom - box.top)
    check_bins(axes, traced, rounded)
    if rounded.enlarged:
        assert strips(axes) == {}
    else:
        check_strips(axes, rounded)


def check_bins(axes: Axes, traced: Trace, rounded: Quantisation) -> None:
    """Assert that the edges of the sections are those of their cells, but for the inset."""
    lines = next(c for c in axes.collections if isinstance(c, LineCollection) and c.zorder == 3.0)
    corners = [np.sort(path.vertices, axis=0) for path in lines.get_paths()]
    drawn = [np.concatenate(corners[n : n + 4]) for n in range(0, len(corners), 4)]
    rows, columns = np.shape(traced.output)
    # In the order in which they are drawn: column by column.
    bins = (rounded.bin(i, j) for i in range(1, columns + 1) for j in range(1, rows + 1))
    expected = [one for one in bins if one is not None]
    inset = _INSET / (72 / axes.figure.dpi * axes.bbox.width / np.ptp(axes.get_xlim()))
    assert len(drawn) == len(expected)
    for points, cells in zip(drawn, expected, strict=True):
        outer = np.sort([(cells.left, cells.top), (cells.right, cells.bottom)], axis=0)
        inner = np.abs(np.array([points.min(axis=0), points.max(axis=0)]) - outer)
        assert inner.max() <= inset
        assert inner.min() > 0


def strips(axes: Axes) -> dict[str, list[float]]:
    """Return the areas of the strips that are gained and lost, in cells."""
    areas: dict[str, list[float]] = {}
    for patch in axes.patches:
        if isinstance(patch, Rectangle) and patch.get_gid() in {"gained", "lost"}:
            area = abs(patch.get_width() * patch.get_height())
            areas.setdefault(str(patch.get_gid()), []).append(area)
    return areas


def check_strips(axes: Axes, rounded: Quantisation) -> None:
    """Assert that the strips have the areas by which rounding changes the box.

    The strips on the left and on the right are as high as the rounded box, those at the top and at
    the bottom as wide as the box.
    """
    lengths = [abs(rounded.rounded.height)] * 2 + [rounded.box.width] * 2
    expected: dict[str, list[float]] = {}
    for side, length in zip(rounded.sides, lengths, strict=True):
        if side.gained:
            name = "gained" if side.gained > 0 else "lost"
            expected.setdefault(name, []).append(abs(side.gained) * length)
    found = strips(axes)
    assert found.keys() == expected.keys()
    for name, areas in expected.items():
        assert found[name] == pytest.approx(areas)
    total = sum(found.get("gained", [])) - sum(found.get("lost", []))
    before, after = rounded.box, rounded.rounded
    assert total == pytest.approx(after.width * after.height - before.width * before.height)


def test_the_worked_example_gains_these_pixels() -> None:
    figure = draw("pool", "walkthrough", "7")
    assert {"+8 px", "+48 px", "+47 px"} <= set(strings(figure))
    assert "box of 6.25 × 4.53 cells, rounded to 8 × 6" in story(figure)
    assert "sections of 2.08 × 1.51 cells" in story(figure)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "strip gained" in legend
    assert "strip lost" not in legend


def test_a_box_that_loses_a_strip() -> None:
    figure = draw("pool", "7 × 7", "7")
    assert "−11 px" in strings(figure)
    assert strips(figure.axes[0]).keys() == {"gained", "lost"}
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"strip gained", "strip lost"} <= set(legend)


def test_the_image_is_under_both_boxes() -> None:
    image = np.arange(500 * 512).reshape(500, 512).astype(np.uint8)
    aligned, rounded = pooled(CASES["walkthrough"])
    figure = pool_figure(aligned, rounded, image, stride=32, style=FigureStyle(7))
    check_figure(figure, rounded, aligned)
    for axes in figure.axes[:2]:
        assert axes.images[0].get_extent() == pytest.approx((0, 16, 16 - 500 / 32, 16))
        np.testing.assert_array_equal(np.asarray(axes.images[0].get_array()), image)
