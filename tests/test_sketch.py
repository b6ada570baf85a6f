"""The ROI drawn in text: its marks stand where the trace's points are."""

from __future__ import annotations

import pytest

from roialign_cli.analysis.trace import Trace
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.show.document.sketch import sketch
from tests.figure_cases import CASES, OVER_CORNER, aligned, walkthrough


def parts(lines: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the drawing and the legend, which an empty line keeps apart."""
    between = len(lines) - 1 - lines[::-1].index("")
    return lines[:between], lines[between + 1 :]


def marks(traced: Trace, columns: int = 78) -> list[tuple[int, int, str]]:
    """Return the (line, column, character) of every mark of a point."""
    drawing, _ = parts(sketch(traced, traced.sections, columns))
    return [
        (row, column, character)
        for row, line in enumerate(drawing)
        for column, character in enumerate(line)
        if character in "•◉□×"
    ]


def test_the_walkthroughs_points_and_winners_stand_in_order() -> None:
    traced = walkthrough()
    found = marks(traced)
    points = sorted(
        ((-p.y, p.x, p.point == s.winner) for s in traced.sections for p in s.points),
    )
    assert len(found) == len(points) == 36
    for (row, column, character), (y, x, won) in zip(found, points, strict=True):
        assert (character == "◉") == won
        # The view starts at (8, 11.25), behind five characters of numbers; a line is two wide.
        across = (found[-1][1] - found[0][1]) / (points[-1][1] - points[0][1])
        assert column - found[0][1] == pytest.approx((x - points[0][1]) * across, abs=1)
        assert row - found[0][0] == pytest.approx((y - points[0][0]) * across / 2, abs=1)


@pytest.mark.parametrize("columns", [40, 78])
@pytest.mark.parametrize("case", CASES)
def test_it_fits_and_explains_its_marks(case: str, columns: int) -> None:
    traced = CASES[case].trace
    lines = sketch(traced, traced.sections, columns)
    assert max(map(len, lines)) <= columns
    assert len(lines) <= 50
    legend = "\n".join(parts(lines)[1])
    used = {character for *_, character in marks(traced, columns)}
    assert {character for character in "•◉□×" if character in legend} == used


def test_points_over_the_border_have_marks_of_their_own() -> None:
    traced = aligned(OVER_CORNER, (3, 4))
    counts = {"•": "inside", "□": "clamped", "×": "out"}
    found = [character for *_, character in marks(traced)]
    for character, border in counts.items():
        points = [p for s in traced.sections for p in s.points if p.border == border]
        assert found.count(character) == len(points)


def test_json_has_no_sketch(capfd: pytest.CaptureFixture[str]) -> None:
    features = str(sample_data() / "walkthrough.npy")
    arguments = ["explain", features, "--box", "1,2,1,1", "--sketch", "--format", "json"]
    assert main(arguments) == 2
    assert "--sketch has no effect with json" in capfd.readouterr().err
