"""Every number that the worked example prints, rounded as by hand and exact."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from roialign_cli import PRESETS, trace
from roialign_cli.analysis.points import Point
from roialign_cli.analysis.trace import Trace
from roialign_cli.cli.demo import sample_data

WALKTHROUGH = PRESETS["walkthrough"].convention
BOX = [296, 320, 200, 145]


def traced(decimals: int | None) -> Trace:
    convention = replace(WALKTHROUGH, coordinate_decimals=decimals)
    features = np.load(sample_data() / "walkthrough.npy")
    return trace(features, BOX, 3, convention=convention, spatial_scale=16 / 512)


ROUNDED, EXACT = traced(2), traced(None)


def point(of: Trace, section: tuple[int, int], at: tuple[int, int]) -> Point:
    return next(p for p in of.section(*section).points if p.point == at)


def test_sub_sampling_ratio_and_roi() -> None:
    assert ROUNDED.scale == (1 / 32, 1 / 32)
    assert (ROUNDED.x, ROUNDED.y) == (9.25, 10)
    assert (ROUNDED.width, ROUNDED.height) == (6.25, 4.53125)
    assert round(ROUNDED.height, 2) == 4.53
    assert (ROUNDED.x + ROUNDED.width, ROUNDED.y - ROUNDED.height) == (15.5, 5.46875)
    assert round(ROUNDED.y - ROUNDED.height, 2) == 5.47


def test_the_corrected_corner_meets_the_right_edge() -> None:
    # The document prints 396 for the box's x in the image; 296 is what its other numbers need.
    assert BOX[0] / 32 == 9.25
    assert BOX[0] + BOX[2] == 496 == 15.5 * 32


def test_section_size() -> None:
    assert ROUNDED.section_width == pytest.approx(2.0833, abs=5e-5)
    assert ROUNDED.section_height == pytest.approx(1.5104, abs=5e-5)
    assert (round(ROUNDED.section_width, 2), round(ROUNDED.section_height, 2)) == (2.08, 1.51)


@pytest.mark.parametrize(
    ("section", "at", "rounded", "exact"),
    [
        ((1, 1), (1, 1), (9.94, 9.50), (9.9444, 9.4965)),
        ((1, 1), (2, 1), (10.64, 9.50), (10.6389, 9.4965)),  # the document slips: 10.63
        ((1, 1), (1, 2), (9.94, 8.99), (9.9444, 8.9931)),
        ((1, 1), (2, 2), (10.64, 8.99), (10.6389, 8.9931)),  # the same slip
        ((2, 3), (2, 2), (12.72, 5.97), (12.7222, 5.9722)),  # the document slips: 12.69
    ],
)
def test_coordinates(
    section: tuple[int, int],
    at: tuple[int, int],
    rounded: tuple[float, float],
    exact: tuple[float, float],
) -> None:
    by_hand = point(ROUNDED, section, at)
    assert (by_hand.x, by_hand.y) == rounded
    true = point(EXACT, section, at)
    assert (true.x, true.y) == pytest.approx(exact, abs=5e-5)


@pytest.mark.parametrize(
    ("section", "at", "xs", "ys"),
    [
        ((1, 1), (1, 1), (9.5, 10.5), (8.5, 9.5)),
        ((1, 1), (2, 1), (10.5, 11.5), (8.5, 9.5)),
        ((1, 1), (1, 2), (9.5, 10.5), (8.5, 9.5)),
        ((1, 1), (2, 2), (10.5, 11.5), (8.5, 9.5)),
        ((2, 3), (2, 2), (12.5, 13.5), (5.5, 6.5)),
    ],
)
@pytest.mark.parametrize("of", [ROUNDED, EXACT], ids=["rounded", "exact"])
def test_neighbours(
    of: Trace,
    section: tuple[int, int],
    at: tuple[int, int],
    xs: tuple[float, float],
    ys: tuple[float, float],
) -> None:
    p = point(of, section, at)
    assert (p.x1, p.x2) == xs
    assert (p.y1, p.y2) == ys
    centres = [(q.x, q.y) for q in p.neighbours]
    assert centres == [(xs[0], ys[1]), (xs[1], ys[1]), (xs[0], ys[0]), (xs[1], ys[0])]


@pytest.mark.parametrize(
    ("at", "document", "rounded", "exact"),
    [
        ((1, 1), 0.14, 0.144, 0.1470),
        ((2, 1), 0.21, 0.214, 0.2154),
        ((1, 2), 0.51, 0.5132, 0.5106),
        ((2, 2), 0.43, 0.4333, 0.4322),
    ],
)
def test_values(at: tuple[int, int], document: float, rounded: float, exact: float) -> None:
    by_hand = point(ROUNDED, (1, 1), at).value
    assert round(by_hand, 2) == document
    assert by_hand == pytest.approx(rounded, abs=5e-5)
    assert point(EXACT, (1, 1), at).value == pytest.approx(exact, abs=5e-5)


def test_output_of_the_first_section() -> None:
    assert ROUNDED.section(1, 1).output == pytest.approx(0.51324, abs=5e-6)
    assert EXACT.section(1, 1).output == pytest.approx(0.5106, abs=5e-5)
    assert ROUNDED.section(1, 1).winner == EXACT.section(1, 1).winner == (1, 2)


def test_a_point_on_a_centre_is_its_upper_neighbour() -> None:
    # y = 9.5 is the centre of row 6; in the document's frame that is y2, and y1 has no weight.
    upper_left, upper_right, lower_left, lower_right = point(ROUNDED, (1, 1), (1, 1)).neighbours
    assert (upper_left.row, lower_left.row) == (6, 7)
    assert (upper_left.column, upper_right.column) == (9, 10)
    assert upper_left.weight == pytest.approx(0.56)
    assert upper_right.weight == pytest.approx(0.44)
    assert lower_left.weight == lower_right.weight == 0
    # Along x the same: a point at x = 2.5 takes it for x2.
    tie_neighbour = trace(np.eye(4), [2, 4, 1, 3], 2, convention="walkthrough", roi=0)
    left = tie_neighbour.section(1, 1).points[0]
    assert (left.x, left.x1, left.x2) == (2.25, 1.5, 2.5)
    centred = trace(np.eye(4), [2.25, 4, 1, 3], 2, convention="walkthrough").section(1, 1).points[0]
    assert (centred.x, centred.x1, centred.x2) == (2.5, 1.5, 2.5)
    assert [q.weight for q in centred.neighbours[::2]] == [0, 0]


def test_cells_that_the_document_fixes() -> None:
    features = np.load(sample_data() / "walkthrough.npy")
    assert features.shape == (16, 16)
    assert features.dtype == np.float32
    np.testing.assert_array_equal(features[6, 9:12], np.array([0.1, 0.2, 0.3], np.float32))
    np.testing.assert_array_equal(features[7, 9:12], np.array([1.0, 0.7, 0.3], np.float32))
    np.testing.assert_array_equal(features, np.round(features, 1))
    assert features.min() >= 0
    assert features.max() <= 1


def test_every_sections_values_are_easy_to_tell_apart() -> None:
    for section in ROUNDED.sections:
        values = sorted(p.value for p in section.points)
        assert np.diff(values).min() > 0.05
    outputs = [f"{s.output:.2f}" for s in ROUNDED.sections]
    assert len(set(outputs)) == 9


def test_image_and_map_units_agree() -> None:
    features = np.load(sample_data() / "walkthrough.npy")
    on_map = trace(features, [9.25, 10, 6.25, 4.53125], 3, convention="walkthrough")
    assert tuple(on_map.sections) == tuple(ROUNDED.sections)
