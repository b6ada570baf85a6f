"""The page of every view: its shape, the parts of the plane that panels show, and its texts."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roialign_cli.errors import ArgumentError
from roialign_cli.show.figures.saving import save_figure
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.view import View
from tests.figure_cases import CASES, VIEWS
from tests.figure_checks import check_labels, check_texts, visible_texts

CASE = CASES["walkthrough"]
ASPECTS = (16 / 9, 4 / 3, 1.0, 9 / 16)


def aspects() -> list[Any]:
    """Return (view, aspect) parameters, by default one view for each aspect."""
    return [
        pytest.param(view, aspect, marks=() if n == m else pytest.mark.thorough)
        for n, view in enumerate(VIEWS)
        for m, aspect in enumerate(ASPECTS)
    ]


@pytest.mark.parametrize(("view", "aspect"), aspects())
def test_a_page_has_exactly_its_aspect(view: str, aspect: float) -> None:
    style = FigureStyle(9.0, aspect=aspect)
    width, height = VIEWS[view](CASES["constant"], style).get_size_inches()
    assert width == 9.0
    assert width / height == pytest.approx(aspect, rel=1e-9)


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_without_room_for_its_panels_is_refused(view: str) -> None:
    with pytest.raises(
        ArgumentError, match="has no room for the panels; use a larger --width"
    ) as e:
        VIEWS[view](CASE, FigureStyle(3.0, aspect=5.0))
    assert e.value.argument == "aspect"


@pytest.mark.parametrize("width", [7.0, 4.5])
def test_a_page_without_an_aspect_is_as_high_as_its_panels_need(width: float) -> None:
    figure = VIEWS["sections"](CASE, FigureStyle(width))
    axes = figure.axes[0]
    left, right = axes.get_xlim()
    low, high = sorted(axes.get_ylim())
    assert figure.get_figwidth() == width
    # Cells are squares.
    assert axes.bbox.width / (right - left) == pytest.approx(axes.bbox.height / (high - low))


# What a panel shows -----------------------------------------------------------------------------

lengths = st.floats(0.25, 40)


@given(left=lengths, low=lengths, width=lengths, height=lengths, aspect=st.floats(0.2, 5))
def test_a_view_that_fills_a_place_has_its_shape(
    left: float, low: float, width: float, height: float, aspect: float
) -> None:
    view = View(left, left + width, low, low + height, y_up=False)
    filled = view.filling(aspect)
    assert filled.width / filled.height == pytest.approx(aspect)
    assert filled.joined(view) == filled
    assert filled.left + filled.right == pytest.approx(view.left + view.right)
    assert filled.low + filled.high == pytest.approx(view.low + view.high)


@given(
    left=lengths, low=lengths, width=lengths, height=lengths, aspect=st.floats(0.2, 5), more=lengths
)
def test_a_view_on_the_map_fills_its_place_within_the_map(
    left: float, low: float, width: float, height: float, aspect: float, more: float
) -> None:
    view = View(left, left + width, low, low + height, y_up=True)
    bounds = View(0, left + width + more, 0, low + height + more / 2, y_up=True)
    filled, free = view.filling(aspect, bounds), view.filling(aspect)
    assert filled.joined(view) == filled
    assert bounds.joined(filled) == bounds
    assert filled.width == pytest.approx(min(free.width, bounds.width))
    assert filled.height == pytest.approx(min(free.height, bounds.height))


def test_a_view_beyond_the_map_is_filled_on_the_side_of_the_map() -> None:
    view, bounds = View(-2, 4, 1, 3, y_up=False), View(0, 16, 0, 16, y_up=False)
    assert view.filling(4.0, bounds) == View(-2, 6, 1, 3, y_up=False)


@pytest.mark.parametrize("case", ["7 × 7", "over the corner", "photo, close"])
@pytest.mark.parametrize("width", [pytest.param(7.0, marks=pytest.mark.thorough), 4.5])
def test_panels_show_the_whole_roi_and_stay_on_the_map_if_they_can(case: str, width: float) -> None:
    one = CASES[case]
    axes = VIEWS["sections"](one, FigureStyle(width, photo_channel=one.photo_channel)).axes[0]
    (left, right), (low, high) = axes.get_xlim(), sorted(axes.get_ylim())
    traced = one.trace
    assert left <= traced.x < traced.x + traced.width <= right
    assert low <= min(traced.y, traced.bottom) < max(traced.y, traced.bottom) <= high
    rows, columns = traced.map_size
    if traced.x >= 0 and traced.x + traced.width <= columns:
        assert 0 <= left < right <= columns
        assert 0 <= low < high <= rows


# The texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", ["steps", pytest.param("pool", marks=pytest.mark.thorough)])
def test_texts_of_an_svg_are_text(view: str) -> None:
    figure = VIEWS[view](CASE, FigureStyle(7.0))
    file = BytesIO()
    save_figure(figure, file, "svg")
    root = ET.fromstring(file.getvalue())  # noqa: S314
    written = {"".join(e.itertext()).strip() for e in root.iter("{http://www.w3.org/2000/svg}text")}
    expected = {
        line.strip() for text in visible_texts(figure) for line in text.get_text().split("\n")
    }
    assert {f"{value:.4f}" for row in CASE.trace.output for value in row} <= written
    assert {line for line in expected if line} <= written


def test_two_texts_at_the_same_place_are_found() -> None:
    figure = VIEWS["point"](CASE, FigureStyle(7.0))
    check_texts(figure)
    for at, message, size in (
        ((0.5, 1.5), "above the page", 9),
        ((0.1, 0.98), "on the title", 9),
        ((0.02, 0.5), "small", 5),
        ((0.5, 0.5), "on the axes", 9),
    ):
        text = figure.text(*at, message, {"fontsize": size})
        with pytest.raises(AssertionError):
            check_texts(figure)
        text.remove()
    check_texts(figure)


def test_a_text_on_a_sample_point_is_found() -> None:
    figure = VIEWS["point"](CASE, FigureStyle(7.0))
    axes = figure.axes[0]
    (mark,) = (line for line in axes.lines if str(line.get_gid()).startswith("points-"))
    ((x, y),) = np.asarray(mark.get_xydata()).tolist()
    axes.text(x, y, "·", fontsize=7)
    with pytest.raises(AssertionError, match="points-inside"):
        check_texts(figure)


def test_a_label_that_is_larger_than_what_it_labels_is_found() -> None:
    figure = VIEWS["sections"](CASE, FigureStyle(4.5))
    check_labels(figure, CASE.trace)
    axes = figure.axes[0]
    value = next(text for text in axes.texts if text.get_text() == "0.9")
    value.set_fontsize(60)
    with pytest.raises(AssertionError, match=r"0\.9"):
        check_labels(figure, CASE.trace)
    left, right = axes.get_xlim()
    axes.set_xlim(left, left + 6 * (right - left))
    with pytest.raises(AssertionError, match="i = "):
        check_labels(figure, CASE.trace)


def test_units_and_photo_channel_are_named() -> None:
    one = CASES["photo, close"]
    style = FigureStyle(4.5, units="boxes", photo_channel="red channel")
    figure = VIEWS["sections"](one, style)
    assert "image pixels" in figure.axes[0].get_xlabel()
    texts = [text.get_text() for text in visible_texts(figure)]
    assert any("red channel of the photograph" in text for text in texts)
    assert "red channel" in texts  # of the colour bar
    plain = VIEWS["sections"](one, replace(style, units="cells"))
    assert "cells" in plain.axes[0].get_xlabel()
