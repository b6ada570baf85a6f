"""What `roialign explain` says where a box, a map or an image is out of the ordinary."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from roialign_cli import PRESETS, trace
from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.core.channels import maps_per_channel
from roialign_cli.show.document.blocks import Formulas, Grid, Heading
from roialign_cli.show.document.explanation import Explanation
from roialign_cli.show.document.formulas import FormulaLine, Fraction, Name, to_text
from roialign_cli.show.document.neighbours import neighbour_coordinates, neighbours_from_position
from tests.kinds import OTHERS
from tests.saved_page import page_answers

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", np.arange(100, dtype=np.float32).reshape(10, 10))
    np.save("maps.npy", np.arange(400, dtype=np.float32).reshape(4, 10, 10))
    Image.new("RGB", (100, 100), "grey").save("image.png")


def explained(words: str, capture: Capture) -> list[str]:
    assert main(["explain", *words.split(), "--quiet"]) == 0
    return [line.strip() for line in capture.readouterr().out.splitlines()]


def test_a_last_pixel_is_added_where_the_box_includes_it(capfd: Capture) -> None:
    lines = explained("map.npy --preset torchvision --set inclusive=true --box 1,1,4,4", capfd)
    assert {"left   = 1", "right  = 4 + 1 = 5", "bottom = 4 + 1 = 5"} <= {*lines}
    assert "(5.5, 5.5): 4 cells wide and 4 high." in lines
    scaled = "map.npy --set inclusive=true --spatial-scale 0.5 --box 2,9,5,7"
    lines = explained(scaled, capfd)
    # With y up the edge above the last pixel is the upper one: 9 + 1 pixels, 5 cells.
    assert {"top    = (9 + 1) / 2 = 5", "height = (7 + 1) / 2 = 4"} <= {*lines}
    assert "3 cells wide and 4 high." in lines


def test_an_inverted_box_has_a_true_equation_for_its_points(capfd: Capture) -> None:
    call = "map.npy --preset torchvision-aligned --output-size 2 --box"
    lines = explained(f"{call} 5,1,1,4", capfd)
    assert {"g_x = max(ceil(-2), 0) = 0", "g_y = ceil(1.5) = 2"} <= {*lines}


def test_y_is_measured_from_the_bottom_of_the_image_not_of_the_padded_map(capfd: Capture) -> None:
    lines = explained(
        "image.png --preset walkthrough --stride 32 --box 10,90,60,60 --sketch", capfd
    )
    assert "top    = 90 / 32 = 2.8125" in lines
    assert "The ROI lies from its top-left corner (0.3125, 2.8125) to its bottom-right" in lines
    assert "the top row's centre is 2.625." in " ".join(lines)  # 3.125 − 0.5


def test_coordinates_are_rounded_once_in_the_frame_in_which_they_are_read(capfd: Capture) -> None:
    call = "map.npy --preset torchvision --coordinate-decimals 0 --pooling max --output-size 1"
    lines = explained(f"{call} --box 2,2,4,4.2 --section 1,1 --point 1,1", capfd)
    # x = 2.5 + 2/4 = 3; between the centres at 2.5 and 3.5 of rows and columns 2 and 3.
    assert any("x = 2.5 + (2/1)·(1 − 1) + (2/2)·0.5 = 3" in line for line in lines)
    neighbours = [
        line.split()[-2] for line in lines if line[:5] in {"Q11  ", "Q21  ", "Q12  ", "Q22  "}
    ]
    assert neighbours == ["0.25"] * 4
    assert "= 27.5" in lines


# Numbers of the rules, and the values that they give -------------------------------------------


SAMPLES = sample_data()
WALKTHROUGH = f"{SAMPLES}/walkthrough.npy --image-size 512x512 --box 296,320,200,145"
AXIS = re.compile(
    r"(?P<axis>[xy]) = (?P<at>[-\d.]+) = (?P<whole>-?\d+) \+ (?P<f>[\d.]+);\s+"
    r"(?P=f) (?P<relation>[><≥≤=]) 0.5, so [xy]1 = (?P<first>.+) = (?P<low>[-\d.]+) and "
    r"[xy]2 = (?P<second>.+) = (?P<high>[-\d.]+)"
)
RELATIONS = {
    ">": float.__gt__, "<": float.__lt__, "≥": float.__ge__, "≤": float.__le__, "=": float.__eq__,
}  # fmt: skip
CALLS = {
    "inside": [1.3, 0.6, 6.2, 5.5],
    "on centres": [0.5, 0.5, 6.5, 6.5],
    "over both corners": [-3, -2.5, 12, 11],
}


def added(terms: str) -> float:
    """Return the value of "9 + 0.5" or "9 − 0.5"."""
    whole, sign, rest = terms.split()
    return float(whole) + (float(rest) if sign == "+" else -float(rest))


@pytest.mark.parametrize("box", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("name", [n for n in PRESETS if not PRESETS[n].convention.reads_cells])
def test_the_rule_for_neighbours_gives_those_of_the_trace(name: str, box: list[float]) -> None:
    rules = PRESETS[name].convention
    features = np.arange(80.0 * maps_per_channel(rules, (4, 4))).reshape(-1, 8, 10)
    call: dict[str, Any] = {"box_format": "xyxy", "normalized": False, "rejects": "nothing"}
    traced = trace(features, box, 4, convention=name, **call)
    ruled = 0
    for point in (p for s in traced.sections for p in s.points if p.in_bounds):
        lines = list(map(to_text, neighbours_from_position(traced, point)))
        for match in filter(None, map(AXIS.fullmatch, lines)):
            axis, found = match["axis"], match.groupdict()
            assert RELATIONS[found["relation"]](float(found["f"]), 0.5)
            assert float(found["whole"]) + float(found["f"]) == pytest.approx(float(found["at"]))
            assert added(found["first"]) == float(found["low"])
            assert added(found["second"]) == float(found["high"])
            between = getattr(point, f"{axis}1"), getattr(point, f"{axis}2")
            outside = [line for line in lines if line.startswith(axis) and "outside" in line]
            if not outside or rules.outside_neighbours == "value":
                assert (float(found["low"]), float(found["high"])) == between
                ruled += 1
            for line in outside if rules.outside_neighbours != "value" else ():
                assert line.endswith(f"{axis}1 = {between[0]:g} and {axis}2 = {between[1]:g}")
        expected = f"x1 = {point.x1:g}, x2 = {point.x2:g}, y1 = {point.y1:g}, y2 = {point.y2:g}"
        assert to_text(neighbour_coordinates(point)) == expected
    assert ruled >= 8


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("lower", "x = 2.5 = 2 + 0.5; 0.5 ≥ 0.5, so x1 = 2 + 0.5 = 2.5 and x2 = 2 + 1.5 = 3.5"),
        ("upper", "x = 2.5 = 2 + 0.5; 0.5 ≤ 0.5, so x1 = 2 − 0.5 = 1.5 and x2 = 2 + 0.5 = 2.5"),
        ("both", "x = 2.5 = 2 + 0.5; 0.5 = 0.5, so x1 = 2 + 0.5 = 2.5 and x2 = 2 + 0.5 = 2.5"),
    ],
)
def test_a_point_on_a_centre(rule: str, line: str, capfd: Capture) -> None:
    call = "map.npy --preset torchvision-aligned --output-size 1 --sampling-ratio 1 --box 1,1,4,5"
    assert line in explained(f"{call} --set tie_neighbour={rule}", capfd)


def test_points_beyond_the_centres_are_moved_or_out(capfd: Capture) -> None:
    call = "map.npy --preset torchvision-aligned --output-size 1 --sampling-ratio 1"
    lines = explained(f"{call} --box -1,9,1.5,10.8", capfd)  # at (0.25, 9.9)
    assert "x = 0.25 is beyond the outermost cell centre and becomes 0.5" in lines
    assert "y = 9.9 is beyond the outermost cell centre and becomes 9.5" in lines
    assert "y2 = 10.5 is outside the map, so y1 = 9.5 and y2 = 9.5" in lines
    lines = explained(f"{call} --box -4,2,-1,4", capfd)
    assert any(line.startswith("Out: the point lies more than 1 cell beyond") for line in lines)
    assert not any(line.startswith("x1 = ") for line in lines)


# Where the scale comes from -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "lines"),
    [
        ("map.npy --image-size 320x320 --box 32,320,64,64", ["sub-sampling ratio = 320 / 10 = 32"]),
        ("map.npy --image-size 320x160 --box 32,160,64,64",
         ["sub-sampling ratio along x = 320 / 10 = 32", "left   = 32 / 32 = 1",
          "sub-sampling ratio along y = 160 / 10 = 16", "height = 64 / 16 = 4"]),
        ("map.npy --image-size 337x337 --box 33.7,320,67.4,64",
         ["sub-sampling ratio = 337 / 10 = 33.7", "left   = 33.7 / 33.7 = 1"]),
        ("map.npy --image-size 300x320 --box 30,320,60,64 --origin top-left",
         ["sub-sampling ratio along x = 300 / 10 = 30"]),
        ("map.npy --stride 32 --box 32,320,64,64", ["sub-sampling ratio = 32"]),
        ("map.npy --spatial-scale 0.0625 --box 32,160,64,64",
         ["sub-sampling ratio = 1 / 0.0625 = 16"]),
        ("map.npy --spatial-scale 0.3 --box 10,20,20,20",
         ["sub-sampling ratio = 1 / 0.3 ≈ 3.3333", "left   = 10 × 0.3 = 3"]),
        ("map.npy --normalized --box 0.1,0.9,0.5,0.6", ["left   = 0.1 × 10 = 1"]),
        ("map.npy --box 1,9,5,6",
         ["The box is given in cells of the feature map: nothing is scaled."]),
        ("image.png --box 10,90,50,60",
         ["Every pixel of the image is a cell of the feature map: nothing is scaled."]),
    ],
)  # fmt: skip
def test_the_explanation_says_where_the_scale_comes_from(
    call: str, lines: list[str], capfd: Capture
) -> None:
    assert {*lines} <= {*explained(f"{call} --preset walkthrough", capfd)}


def test_a_ratio_with_many_decimals_is_not_divided_by(capfd: Capture) -> None:
    lines = explained("map.npy --image-size 333x70 --box 33,60,60,50 --output-size 2", capfd)
    assert "sub-sampling ratio along x = 333 / 10 = 33.3" in lines
    np.save("wide.npy", np.zeros((10, 7), np.float32))
    lines = explained("wide.npy --image-size 300x70 --box 33,60,60,50", capfd)
    assert "sub-sampling ratio along x = 300 / 7 ≈ 42.8571" in lines
    assert "width  = 60 × 7 / 300 = 1.4" in lines


# How much is printed ------------------------------------------------------------------------------


LONG = {
    "the document": WALKTHROUGH,
    "a photograph": f"{SAMPLES}/astronaut.png --box 100,400,300,260",
    "a photograph, adaptive": f"{SAMPLES}/astronaut.png --preset torchvision --box 100,50,300,260",
    "many sections": "map.npy --preset mmcv --output-size 60 --box 1,1,9,9",
    "many points": "map.npy --preset mmcv --sampling-ratio 40 --box 1,1,9,9",
    **{
        f"{name}, {size}": f"{SAMPLES}/astronaut.png --stride 16 --preset {name} --absolute "
        f"--pooling {'avg' if row.convention.points == 'integral' else 'max'} --output-size {size} "
        "--box 100,50,300,260"
        for name, row in PRESETS.items()
        for size in ((3, 7) if row.convention.channel_map == "same" else ("3x1",))
    },
    "2 × 2 points": "map.npy --preset onnx-half-pixel --pooling max --sampling-ratio 2 "
    "--output-size 3 --box 1.2,1.3,9.4,9.1 --spatial-scale 0.9",
}


def is_thorough(name: str) -> bool:
    """Whether a call has 7 × 7 sections, or a preset of which another one of its kind runs."""
    return name.endswith(", 7") or name.partition(",")[0] in OTHERS


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(call, id=name, marks=pytest.mark.thorough if is_thorough(name) else ())
        for name, call in LONG.items()
    ],
)
def test_at_most_200_lines_are_printed_unasked(
    call: str, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = explained(call, capfd)
    assert len(lines) <= 200
    assert len(explained(f"{call} --format markdown", capfd)) <= 200
    assert any(line.startswith("5. The output") for line in lines)


@pytest.mark.thorough
def test_all_points_are_explained_on_request(capfd: Capture) -> None:
    lines = explained(f"{WALKTHROUGH} --all-points", capfd)
    titles = [line for line in lines if re.fullmatch(r"Section \(.*\), point \(.*\) at .*", line)]
    assert len(titles) == 9 * 4
    assert sum(line.startswith("section (") for line in lines) == 1 + 9  # with the table's head
    one = explained(f"{WALKTHROUGH} --section 2,3 --all-points", capfd)
    assert sum(line.startswith("Section (2, 3), point") for line in one) == 4
    large = "map.npy --preset mmcv --sampling-ratio 1 --output-size 12 --box 1,1,9,9 --all-points"
    lines = explained(large, capfd)
    assert sum(", point (" in line and " at " in line for line in lines) == 144
    assert "j=12" in {line.split()[0] for line in lines if line}


def test_a_shortened_explanation_says_how_to_see_all(capfd: Capture) -> None:
    call = "map.npy --preset mmcv --sampling-ratio 3 --output-size 12 --box 1,1,9,9"
    text = "\n".join(explained(call, capfd))
    assert "Section (1, 1) is explained; choose others with --section or --all-points." in text
    assert "and 141 more: --all-points" in text
    assert "The first 8 of 12 rows and 8 of 12 columns; --all-points prints all." in text
    assert "Of the 9 points of this section, 2 are explained;" in text


def test_the_explained_points_include_the_largest(capfd: Capture) -> None:
    call = "map.npy --preset mmcv --sampling-ratio 3 --output-size 1 --pooling max --box 1,1,9,9"
    lines = explained(call, capfd)  # values grow to the bottom right
    points = [line for line in lines if line.startswith("Section (1, 1), point")]
    assert [line.split(" at ")[0][-6:] for line in points] == ["(1, 1)", "(3, 3)"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        # The first section has 2 × 2 points beside four different cells.
        ({"boxes": [1, 1, 8, 8], "output_size": 2}, (1, 1)),
        # x of the points: −3.5, −0.5, 2.5; only from the second column on they read the map.
        ({"boxes": [-5, 2, 4, 8], "output_size": (1, 3), "sampling_ratio": 2}, (2, 1)),
        # All points of a section are between the same four cells.
        ({"boxes": [2.6, 2.6, 2.8, 2.8], "output_size": 2, "sampling_ratio": 2}, (1, 1)),
        ({"boxes": [5, 5, 5, 8], "output_size": 2}, (1, 1)),  # no points
    ],
)
def test_the_section_that_is_explained_by_default(
    call: dict[str, Any], expected: tuple[int, int]
) -> None:
    traced = trace(np.eye(10), convention="torchvision-aligned", **call)
    assert traced.example == expected


def test_the_intro_can_be_left_out(capfd: Capture) -> None:
    title = "Why: what rounding would do to this box"
    assert title in explained(WALKTHROUGH, capfd)
    for option in ("--no-intro", "--section 2,3", "--point 1,1"):
        without = explained(f"{WALKTHROUGH} {option}", capfd)
        assert title not in without
        assert "The symbols" not in without
    assert title in explained(f"{WALKTHROUGH} --section 2,3 --intro", capfd)


def test_a_selected_section_is_explained_without_the_others(capfd: Capture) -> None:
    lines = explained(f"{WALKTHROUGH} --section 2,3", capfd)
    after = lines.index("2. The sections: 3 along x × 3 along y")
    listed = lines[after + 6 : lines.index("3. The sample points") - 1]
    assert [line.split("  ")[0] for line in listed] == ["(2, 3)", "and 8 more: --all-points"]
    assert len(lines) < 140


def test_a_section_is_chosen_as_it_is_printed(capfd: Capture) -> None:
    plain = explained(f"{WALKTHROUGH} --section 2,3", capfd)
    call = ["explain", *WALKTHROUGH.split(), "--section", "(2, 3)", "--quiet"]
    assert main(call) == 0
    assert [line.strip() for line in capfd.readouterr().out.splitlines()] == plain


@pytest.mark.parametrize(("columns", "starts"), [(80, "P+++="), (50, "P·++·+=")])
def test_an_interpolation_that_is_too_wide_keeps_its_layout(
    columns: int, starts: str, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = explained("map.npy --box 4.1,7.7,4.9,3.3 --point 1,1", capfd)
    first = max(index for index, line in enumerate(lines) if line.startswith("P = ("))
    rows = lines[first : first + len(starts)]
    assert "".join(line[0] for line in rows) == starts
    assert max(map(len, rows)) <= columns - 2


def test_roi_pool_shows_the_box_before_rounding_and_the_pooled_cells(capfd: Capture) -> None:
    call = "map.npy --preset roi-pool --stride 10 --output-size 3x2 --no-intro --box"
    lines = [" ".join(line.split()) for line in explained(f"{call} 16,40,82,66", capfd)]
    assert lines[0] == "ROI Pool of map.npy, step by step"
    # x from 1.6 to 8.2 becomes cells 2 to 8; y from 4 to 6.6 becomes cells 4 to 7.
    assert "edge of the box in ROI Pool gained or lost, image pixels" in lines
    assert {"left (x) 1.6 2 -4", "right (x) 8.2 9 +8", "top (y) 4 4 0"} <= {*lines}
    assert "bottom (y) 6.6 8 +14" in lines
    assert "section (i, j) top-left bottom-right columns pooled rows pooled" in lines
    assert "(2, 1) (5.5, 4) (9, 5.3333) 5–8 4–5" in lines
    text = " ".join(lines)
    assert "Q11" not in text
    assert "smallest" not in text


def test_roi_pool_explains_a_box_without_extent(capfd: Capture) -> None:
    call = "map.npy --preset roi-pool --output-size 2 --no-intro --box"
    text = " ".join(explained(f"{call} 8,30,4,30", capfd))
    assert "edge of the box in ROI Pool gained or lost, cells" in " ".join(text.split())
    assert "negative width -4, so the ROI gets the smallest width, one cell." in text
    assert "The box has no height, so the ROI gets the smallest height, one cell." in text
    assert "none" in text  # row 30 is not on the map


def test_json_describes_the_rounding_of_roi_pool(capfd: Capture) -> None:
    call = "map.npy --preset torchvision --stride 10 --output-size 3x2 --format json --box"
    record = json.loads("".join(explained(f"{call} 16,40,82,66", capfd)))["roi_pool"]
    assert list(record) == [
        *("width", "height", "left", "right", "top", "bottom", "bin_widths", "bin_heights")
    ]
    assert (record["width"], record["height"]) == (7, 4)
    assert record["left"] == pytest.approx({"position": 1.6, "rounded": 2, "moved": 4})
    assert record["bottom"] == pytest.approx({"position": 6.6, "rounded": 8, "moved": 14})
    assert (record["bin_widths"], record["bin_heights"]) == ([4, 4], [2, 2, 2])


def test_json_is_complete(capfd: Capture) -> None:
    assert main(["explain", *WALKTHROUGH.split(), "--format", "json"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert [len(section["points"]) for section in record["sections"]] == [4] * 9
    assert record["box"]["scaled_by"] == "image_size"
    assert record["box"]["image_size"] == [512, 512]
    pool = record["roi_pool"]
    assert (pool["width"], pool["height"]) == (8, 6)
    assert pool["right"] == {"position": 15.5, "rounded": 17, "moved": 48}
    assert (pool["bin_widths"], pool["bin_heights"]) == ([3, 4, 2], [2, 2, 2])


def test_a_page_with_too_many_points_has_those_of_one_section() -> None:
    call = "map.npy --preset mmcv --sampling-ratio 11 --box 0,0,9,9 -o page.html"
    assert main(["explain", *call.split()]) == 0
    page = Path("page.html").read_text(encoding="utf-8")
    # Section (1, 1) is 1.29 cells wide and high: all its points are between the same four cells.
    (entry,) = page_answers(page)["entries"]
    assert list(entry["sections"]) == ["2,1"]
    assert len(entry["sections"]["2,1"]["points"]) == 121
    listed = [s["section"] for s in entry["trace"]["sections"] if s["points"]]
    assert listed == [[2, 1]]
    assert "5929 points are too many for a page: only those of section (2, 1) are shown" in page


# Symbols ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "change"), [*((name, {}) for name in PRESETS), ("walkthrough", {"divide": 4})]
)
def test_every_symbol_is_defined_before_it_is_used(name: str, change: dict[str, Any]) -> None:
    rules = PRESETS[name].convention
    points = rules.points
    call: dict[str, Any] = {"box_format": "xyxy", "normalized": False, **change}
    features = np.broadcast_to(np.eye(9), (maps_per_channel(rules, (2, 3)), 9, 9))
    traced = trace(features, [1.5, 2, 7, 8], (2, 3), convention=name, **call)
    blocks = list(Explanation(traced, "").blocks())
    place = blocks.index(Heading(2, "The symbols"))
    table = blocks[place + 1]
    assert isinstance(table, Grid)
    symbols = [symbol for row in table.rows for symbol in row[0].split(", ")]
    assert len(symbols) == len({*symbols})
    used = {
        name
        for block in blocks[place:]
        if isinstance(block, Formulas)
        for line in block.lines
        for name in names(line)
    }
    assert used <= {*symbols}
    assert not any(isinstance(block, Formulas) for block in blocks[:place])
    has_grid = points == "centred" or rules.grid_from == "output"
    assert {"d", "g_x"} & used == ({"d"} if change else {"g_x"} if has_grid else set())


def names(line: FormulaLine) -> Iterator[str]:
    for part in line:
        if isinstance(part, Name):
            yield str(part)
        elif isinstance(part, Fraction):
            yield from names(part.numerator)
            yield from names(part.denominator)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(
    "change",
    [
        "--box 0,0,1,1", "--box 0.5,0.5,0.5,0.5", "--box -1e30,-1e30,2,3", "--box 3,3,1,1",
        "--box 1,1,2,2 --spatial-scale 1e-300", "--box 1,1,2,2 --spatial-scale 1e20",
        "--box 20,20,24,24",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "output_format",
    ["html", *(pytest.param(name, marks=pytest.mark.thorough) for name in ("text", "markdown"))],
)
def test_odd_boxes_and_maps_of_one_cell_are_explained_or_refused(
    name: str, change: str, output_format: str, capfd: Capture
) -> None:
    np.save("one.npy", np.ones((1, 1)))
    np.save("ones.npy", np.ones((4, 1, 1)))
    files = ("map.npy", "one.npy")
    if PRESETS[name].convention.channel_map != "same":
        files = ("maps.npy", "ones.npy")
    for file, how in zip(files, ("--absolute", "--normalized"), strict=True):
        if how == "--normalized" and "--spatial-scale" in change:
            continue
        call = f"{file} --preset {name} {how} {change} --output-size 2 --format {output_format}"
        assert main(["explain", *call.split(), "--quiet"]) in {0, 2}
        captured = capfd.readouterr()
        assert len(captured.err.splitlines()) <= 1
        assert "nan × " not in captured.out
