"""What is explained of the operators around ROI Align, with numbers computed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import trace
from roialign_cli.analysis.edges import edge_stages
from roialign_cli.analysis.pitfalls import find_notes
from roialign_cli.analysis.trace import Trace
from roialign_cli.cli.main import main
from roialign_cli.core.operation import make_operation
from roialign_cli.show.document.blocks import Formulas, Grid, Heading, Paragraph
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.document.formulas import to_text

RAMP = np.arange(8.0).reshape(1, 8)  # one row: the value of a cell is its column
PLAIN: dict[str, Any] = {"box_format": "xyxy", "normalized": False}


def lines(traced: Trace) -> list[str]:
    """Return the formula lines and the paragraphs of an explanation of all points."""
    shown = []
    for block in Explanation(traced, "", all_points=True).blocks():
        if isinstance(block, Formulas):
            shown += [" ".join(to_text(line).split()) for line in block.lines]
        if isinstance(block, Paragraph):
            shown.append(block.text)
    return shown


def tables(traced: Trace) -> list[Grid]:
    return [b for b in Explanation(traced, "").blocks() if isinstance(b, Grid)]


@pytest.mark.parametrize(("at", "value"), [(-3, -3), (-1, -1), (9, 7), (11, 7)])
def test_model_garden_extrapolates_below_and_repeats_above(at: float, value: float) -> None:
    one = trace(RAMP, [at - 1, -1, at + 1, 1], 1, convention="model-garden", **PLAIN)
    text = "\n".join(lines(one))
    assert f"= {value}\n" in text
    assert one.output == ((value,),)
    if at < 0:
        # Between the centres 0.5 and 1.5, x is at + 0.5: the weights are 1 − at and at.
        weights = [q.weight for q in one.section(1, 1).points[0].neighbours]
        assert sorted({*weights} - {0.0}) == sorted([1.0 - at, at])
        assert f"x = {at + 0.5:g} is before the first cell centre, so x1 = 0.5 and x2 = 1.5" in text
        assert "Beyond: the point lies before the first cell centre" in text
    else:
        assert f"x = {at + 0.5:g} is beyond the outermost cell centre and becomes 7.5" in text


def test_extrapolated_values_have_the_formula_with_a_negative_weight() -> None:
    map_of_columns = np.tile(np.arange(8.0), (4, 1))
    one = trace(map_of_columns, [-2, 0.5, 0, 2.5], 1, convention="model-garden", **PLAIN)
    text = " ".join(lines(one))
    # At x = −0.5, between 0.5 and 1.5: the weights are (1.5 − −0.5) = 2 and (−0.5 − 0.5) = −1.
    assert "(1.5 − -0.5)/(1.5 − 0.5)·0 + (-0.5 − 0.5)/(1.5 − 0.5)·1" in text
    assert one.output == ((-1.0,),)


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_od_api_fades_to_the_extrapolation_value(value: float) -> None:
    call: dict[str, Any] = {"convention": "od-api", "extrapolation_value": value, **PLAIN}
    features = np.full((4, 8), 8.0)
    for at, share in ((-0.25, 0.75), (-0.75, 0.25), (7.25, 0.75), (-1.5, 0.0)):
        one = trace(features, [at - 1, 0.5, at + 1, 2.5], 1, **call)
        assert one.output[0][0] == pytest.approx(8 * share + value * (1 - share))
        assert f"Beyond: neighbours outside the map have the value {value:g}." in lines(one)
        neighbours = next(t for t in tables(one) if t.headers[0] == "cell")
        outside = [row for row in neighbours.rows if row[-1].endswith("(outside)")]
        assert {row[-1] for row in outside} == {f"{value:g} (outside)"}
        assert len(outside) == (4 if share == 0 else 2)


def test_the_weights_of_cells_that_are_integrated() -> None:
    # From 0.5 to 2.5 along x, as the library counts: the hats of the cells 0 to 3 have the areas
    # 1/8, 7/8, 7/8 and 1/8 in it. From 1 to 2 along y, the cells 1 and 2 have 1/2 each.
    features = np.zeros((4, 5))
    features[1] = 16, 32, 48, 64, 80
    one = trace(features, [0.5, 1, 2.5, 2], 1, convention="prroi-pool", **PLAIN)
    along_x, along_y = (t for t in tables(one) if t.headers[0] in {"column", "row"})
    weights = [(row[0], float(row[2])) for row in along_x.rows]
    assert weights == [("0", 0.0625), ("1", 0.4375), ("2", 0.4375), ("3", 0.0625)]
    assert [(row[0], row[2]) for row in along_y.rows] == [("1", "0.5"), ("2", "0.5")]
    expected = (16 / 16 + 32 * 7 / 16 + 48 * 7 / 16 + 64 / 16) / 2
    assert one.output[0][0] == pytest.approx(expected)
    text = lines(one)
    # The cell of column 1 has its centre at 1.5; the section goes from 1 to 3.
    assert "weight along x = (H(3 − 1.5) − H(1 − 1.5)) / (3 − 1) = 0.4375" in text
    assert "P = weight × cell at row 1, column 1 = 0.2188·32 = 7" in text
    assert f"section (1, 1): 0.5 + 7 + 10.5 + 2 + 0 + 0 + 0 + 0 = {expected:g}" in text
    assert not any("sample point" in line for line in text if "There are no" not in line)


def test_a_position_sensitive_section_reads_its_channel() -> None:
    features = np.arange(12.0).reshape(12, 1, 1) * np.ones((1, 6, 6))
    call: dict[str, Any] = {"convention": "ps-roi-align", "channel": 1, **PLAIN}
    one = trace(features, [1, 1, 5, 5], (2, 3), **call)
    # Output channel 1 of 2 × 3 sections starts at channel 6; section (3, 2) is its last.
    np.testing.assert_array_equal(one.output, [[6, 7, 8], [9, 10, 11]])
    explanation = list(Explanation(one, "", section=(3, 2)).blocks())
    text = " ".join(b.text for b in explanation if isinstance(b, Paragraph))
    assert "Section (3, 2) reads channel 11." in text
    headings = [b.text for b in explanation if isinstance(b, Heading)]
    assert "Section (3, 2), which reads channel 11" in headings
    whole = Explanation(one, "").blocks()
    sections = next(b for b in whole if isinstance(b, Grid) and "channel" in b.headers)
    assert [row[-1] for row in sections.rows] == ["6", "7", "8", "9", "10", "11"]


def test_the_average_of_a_cut_grid_is_divided_by_all_points() -> None:
    # A section of 6 × 2 cells on a map of 4 × 4: 6 points along x, of which 4 are read.
    call: dict[str, Any] = {"convention": "torchvision-deterministic-aligned", **PLAIN}
    one = trace(np.ones((4, 4)), [0, 1, 6, 3], 1, **call)
    assert one.section(1, 1).divisor == 12
    text = lines(one)
    assert "section (1, 1): (1 + 1 + 1 + 1 + 1 + 1 + 1 + 1) / 12 = 0.6667" in text
    assert "g_x = ceil(6) = 6" in text


@pytest.mark.parametrize(
    ("name", "box", "expected"),
    [
        # Edges rounded on the map, halves away from zero.
        ("roi-warp", [0.5, 1.4, 3.6, 4.5], [(0.5, 3.6, 1.4, 4.5), (1, 4, 1, 5)]),
        # One pixel is added to the second edges.
        ("mindspore", [1, 2, 3, 4], [(1, 3, 2, 4), (1, 4, 2, 5)]),
        # Exchanged, cut to 6 × 6 cells, then half a cell is subtracted.
        ("tensorrt-pyramid", [8, 4, 2, -1],
         [(8, 2, 4, -1), (2, 8, -1, 4), (2, 6, 0, 4), (1.5, 5.5, -0.5, 3.5)]),
        # A cell is subtracted from the second edges.
        ("onnx2tf-adaptive", [1, 2, 5, 5], [(1, 5, 2, 5), (1, 4, 2, 4)]),
    ],
)  # fmt: skip
def test_edges_change_from_rule_to_rule(
    name: str, box: list[float], expected: list[tuple[float, ...]]
) -> None:
    one = trace(np.ones((6, 6)), box, 2, convention=name, **PLAIN)
    stages = [(s.left, s.right, s.top, s.bottom) for s in edge_stages(one)]
    assert stages == [pytest.approx(edges) for edges in expected]
    left, right, top, bottom = expected[-1]
    assert (one.x, one.y) == pytest.approx((left + 0.5, top + 0.5))
    assert (one.width, one.height) == pytest.approx((right - left, bottom - top))
    table = next(t for t in tables(one) if t.headers[0] == "edge" and "here" in t.headers)
    assert [float(row[-1]) for row in table.rows] == pytest.approx([e + 0.5 for e in expected[-1]])


def test_swapped_and_nearest_weights_are_explained() -> None:
    # The point is at x = 2.25 and y = 2.5: beside the cells of columns 1 and 2.
    call: dict[str, Any] = {"convention": "torchvision-aligned", "sampling_ratio": 1}
    for interpolation, value in (("linear", 1.75), ("swapped", 1.25), ("nearest", 2.0)):
        features = np.tile(np.arange(5.0), (5, 1))
        call |= {"interpolation": interpolation}
        one = trace(features, [1.25, 1.5, 3.25, 3.5], 1, **call)
        assert one.output == ((value,),)
        text = " ".join(lines(one))
        exchanged = "(2.25 − 1.5)/(2.5 − 1.5)·1 + (2.5 − 2.25)/(2.5 − 1.5)·2" in text
        assert exchanged == (interpolation == "swapped")


def test_json_has_divisor_channel_and_neighbours_off_the_map(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "maps.npy", np.ones((4, 6, 6)))

    def explained(words: str) -> Any:
        call = ["explain", str(tmp_path / "maps.npy"), *words.split(), "--format", "json"]
        assert main([*call, "--quiet"]) == 0
        return json.loads(capfd.readouterr().out)["sections"]

    sections = explained("--preset ps-roi-align --output-size 2 --box 1,1,5,5")
    assert [section["channel"] for section in sections] == [0, 1, 2, 3]
    assert {section["divisor"] for section in sections} == {4}
    (section,) = explained("--preset od-api --absolute --output-size 1 --box=-1,1,0.5,3")
    assert "channel" not in section
    (point,) = section["points"]
    assert point["border"] == "beyond"
    assert [q["on_map"] for q in point["neighbours"]] == [True, True, False, False]


def test_a_cell_is_used_in_the_channel_of_the_section(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "maps.npy", np.ones((4, 6, 6)))
    call = ["explain", str(tmp_path / "maps.npy"), "--preset", "ps-roi-align", "--box", "0,0,4,4"]
    assert main([*call, "--output-size", "2", "--cell", "3,0"]) == 0
    rows = [line.split() for line in capfd.readouterr().out.splitlines()]
    # Section (1, 2) has the cells of rows 2 and 3 and columns 0 and 1, a quarter each.
    assert ["0", "0", "(1,", "2)", "0.25", "2"] in rows


def notes(name: str, box: list[float], **call: Any) -> dict[str, str]:
    operation = make_operation(np.zeros((10, 12)), [box], 1, convention=name, **PLAIN, **call)
    return {note.pitfall: note.text for note in find_notes(operation, operation.plan())}


@pytest.mark.parametrize(
    ("name", "box", "call", "pitfall", "text"),
    [
        ("nnapi", [3, 3, 3.5, 8], {}, "grown", "smaller than 1 × 1 cells"),
        ("prroi-pool", [3, 3, 3, 8], {}, "empty", "no area; without cells, the output is 0"),
        ("prroi-pool", [8, 3, 3, 8], {}, "inverted", "its size becomes 0; without cells"),
        # From −6 to 6 of 12 cells: 5 of 12 lie more than a cell before the first centre.
        ("prroi-pool", [-6, 2, 6, 8], {}, "outside", "41.7 % of the ROI area"),
        ("tensorrt-pyramid", [8, 3, 3, 8], {}, "inverted", "its edges are exchanged"),
        ("directml", [3, 3, 3, 8], {}, "empty", "all sample points of a section lie on a line"),
        ("directml", [8, 3, 3, 8], {}, "inverted", "run backwards"),
        ("mindspore-legacy", [3, 3, 4.5, 3.5], {"sampling_ratio": 0, "min_size": 0.0},
         "no-points", "floor(section size) is 0; without sample points, the average is not a"),
        ("torchvision-deterministic", [0, 0, 20, 5], {}, "left-out", "than the map has cells"),
        ("od-api", [-8, 2, 0, 4], {}, "outside", "and have the value 0"),
        ("model-garden", [-8, 2, 0, 4], {}, "outside", "are extrapolated from the first two"),
        ("nnapi", [0, 0, 12, 10], {}, None, ""),
        ("roi-warp", [1.2, 2, 8.7, 9], {"sampling_ratio": 0}, None, ""),
        ("ps-roi-pool", [2.6, 2, 3.2, 4], {"channel_map": "same"},
         "grown", "no width or height after rounding and enlarged to one cell"),
    ],
)  # fmt: skip
def test_boxes_are_warned_about_by_the_rules(
    name: str, box: list[float], call: dict[str, Any], pitfall: str | None, text: str
) -> None:
    found = notes(name, box, **call)
    if pitfall is None:
        assert found == {}
    else:
        assert text in found[pitfall]
