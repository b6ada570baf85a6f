"""The search finds what made an output, names what went wrong, and claims nothing else."""

from __future__ import annotations

import json
import math
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import PRESETS, identify, roi_align
from roialign_cli.cli.main import main
from roialign_cli.cli.option_types import SCALE as SCALE_TYPE
from roialign_cli.errors import ArgumentError
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.result import Identification
from roialign_cli.show.document.reproduction import InputWords, python_call, run_command
from tests.kinds import KINDS
from tests.test_golden import call_of, entries, preset_of

SEEDED = np.random.default_rng(11)
MAP = SEEDED.normal(size=(1, 3, 12, 16)).astype(np.float32)
# On an image of 256 × 192 pixels, 16 to a cell: inside, over each border, small, large.
BOXES = np.array(
    [
        [21.5, 34.2, 130.8, 101.3],
        [100.1, 20.7, 215.4, 166.2],
        [-20.3, 60.9, 70.2, 140.4],
        [180.6, 110.3, 280.7, 215.5],
        [47.3, 51.9, 55.2, 60.8],
        [3.4, 7.7, 250.2, 180.6],
    ]
)
SCALE = 1 / 16


# A search of the averages alone takes a quarter of the time. The thorough tests search everything.
searched = pytest.mark.parametrize(
    "searched",
    [{"pooling": "avg"}, pytest.param({}, marks=pytest.mark.thorough)],
    ids=["averages", "all"],
)


def pooled(boxes: Any = BOXES, convention: str = "torchvision-aligned", **call: Any) -> Any:
    call = {"spatial_scale": SCALE, "sampling_ratio": 2} | call
    return roi_align(MAP, boxes, call.pop("output_size", 5), convention=convention, **call)


def names(found: Identification) -> set[str]:
    """Return the presets of the best match."""
    best = found.matches[0]
    return {best.hypothesis.convention.name, *(c.name for c in best.equivalents)}


def search_inputs(path: Path, entry: dict[str, Any], *, scale: bool, yxyx: bool) -> tuple[Any, ...]:
    """Return the features, boxes, expected output and known parameters."""
    with np.load(path) as file:
        call, expected = call_of(file, entry), file[entry["key"]]
        boxes = call["boxes"].astype(np.float64)
        if "spatial_scale" in call:  # the quotient in float64
            kept = file["boxes"] if "rows" not in entry else boxes * call["spatial_scale"]
            boxes = kept.astype(np.float64) / call["spatial_scale"]
    known = {"spatial_scale": call["spatial_scale"]} if scale and "spatial_scale" in call else {}
    if yxyx:
        boxes = boxes[:, [1, 0, 3, 2]]
    return call["features"], np.column_stack([call["batch_index"], boxes]), expected, known


# How a golden output's boxes are given: whether their scale is stated, and in which order.
GIVEN = {
    "given": {"scale": True, "yxyx": False},
    "scale": {"scale": False, "yxyx": False},
    "yxyx": {"scale": True, "yxyx": True},
}
# Pooling → sampling ratio → how the boxes are given by default.
GIVEN_BY_DEFAULT = {
    "avg": ("scale", "given", "yxyx", "given"),
    "max": ("given", "given", "yxyx", "given"),
}


def golden_outputs() -> list[Any]:
    """Return every golden output with its boxes given in every way.

    By default one output of each preset is identified, with its boxes given in one way. Averages
    and maxima, and the sampling ratios, take turns among the presets. All other parameters are
    marked thorough.
    """
    found: list[Any] = []
    seen: set[str] = set()
    for parameter in entries():
        path, entry = parameter.values
        if "rows" in entry:
            continue  # test_every_peer_is_identified
        preset, ratio = preset_of(entry), entry.get("sampling_ratio")
        pooling = entry.get("mode", PRESETS[preset].convention.pooling)
        turn = list(PRESETS).index(preset)
        by_default = preset not in seen and (
            ratio is None
            or (pooling == ("avg", "max")[turn % 2] and ratio == (0, 2)[turn // 2 % 2])
        )
        for name, given in GIVEN.items():
            runs = by_default and name == GIVEN_BY_DEFAULT[pooling][ratio or 0]
            seen |= {preset} if runs else set()
            marks = () if runs else pytest.mark.thorough
            found.append(pytest.param(path, entry, given, id=f"{parameter.id}-{name}", marks=marks))
    return found


@pytest.mark.parametrize(("path", "entry", "given"), golden_outputs())
def test_every_golden_output_is_identified(
    path: Path, entry: dict[str, Any], given: dict[str, bool]
) -> None:
    features, boxes, expected, known = search_inputs(path, entry, **given)
    found = identify(features, boxes, expected, **known)
    assert preset_of(entry) in names(found)
    best = found.matches[0].hypothesis
    rules = best.convention
    assert rules.pooling == entry.get("mode", PRESETS[preset_of(entry)].convention.pooling)
    assert rules.box_format == ("yxyx" if given["yxyx"] != rules.normalized else "xyxy")
    if rules.points == "centred":
        assert rules.sampling_ratio == entry["sampling_ratio"]
    assert best.spatial_scale == (entry.get("spatial_scale") and (entry["spatial_scale"],) * 2)


def outputs_of_peers() -> list[Any]:
    """Return one average and one maximum of each preset among the golden outputs of peers.

    By default the first output of every fourth kind of preset is identified. The others are marked
    thorough.
    """
    found: list[Any] = []
    seen: set[tuple[str, str | None]] = set()
    for parameter in entries():
        path, entry = parameter.values
        kind = preset_of(entry), entry.get("mode")
        # A section of few points does not tell one rule from another.
        telling = entry.get("sampling_ratio") != 1 and entry["output_size"] != [1, 1]
        if "rows" in entry and telling and kind not in seen:
            preset = preset_of(entry)
            runs = preset in KINDS[::4] and preset not in {name for name, _ in seen}
            marks = () if runs else pytest.mark.thorough
            seen.add(kind)
            found.append(pytest.param(path, entry, id=parameter.id, marks=marks))
    return found


@pytest.mark.parametrize(("path", "entry"), outputs_of_peers())
def test_every_peer_is_identified(path: Path, entry: dict[str, Any]) -> None:
    own = PRESETS[preset_of(entry)].convention
    yxyx = own.box_format == "yxyx"
    features, boxes, expected, known = search_inputs(path, entry, scale=True, yxyx=yxyx)
    found = identify(features, boxes, expected, tolerance=3e-4, **known)
    assert preset_of(entry) in {
        convention.name
        for match in found.matches
        for convention in (match.hypothesis.convention, *match.equivalents)
    }


@pytest.fixture(scope="module")
def framework() -> tuple[Any, Any, Any]:
    """Return an output of torchvision with aligned=True at a scale of 1/4, and its call."""
    for parameter in entries():
        path, entry = parameter.values
        asked = entry["framework"], entry.get("aligned"), entry.get("spatial_scale")
        if asked == ("torchvision", True, 0.25) and entry["op"] == "roi_align":
            return search_inputs(path, entry, scale=True, yxyx=False)[:3]
    raise AssertionError


# What the search says → how the boxes that the framework was given had been changed before, all in
# image pixels. An aligned call takes off half a cell, which is two pixels.
MISTAKES: dict[str, Any] = {
    "the half-cell shift is applied twice": lambda boxes: boxes - 2,
    "the half-cell shift is missing": lambda boxes: boxes + 2,
    "the shift is applied before the scale instead of after it": lambda boxes: boxes - 0.5 + 2,
    "the second corner of each box is read as inclusive, +1": lambda boxes: boxes + [0, 0, 1, 1],
    "x and y of the boxes are swapped": lambda boxes: boxes[:, [1, 0, 3, 2]],
}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(words, marks=pytest.mark.thorough if number % 2 else ())
        for number, words in enumerate(MISTAKES)
    ],
)
def test_a_mistake_behind_a_real_output_is_named(words: str, framework: Any) -> None:
    features, boxes, expected = framework
    change = MISTAKES[words]
    moved = change(np.zeros((1, 4)))
    before = change(boxes[:, 1:]) if "swapped" in words else boxes[:, 1:] - moved
    np.testing.assert_allclose(change(before), boxes[:, 1:])
    found = identify(features, np.column_stack([boxes[:, 0], before]), expected, spatial_scale=0.25)
    assert found.matches[0].hypothesis.deviations() == [words]


def outputs_of_one_point() -> list[Any]:
    """Return the golden outputs with one sample point per section.

    By default one average of a preset of each kind runs. The others are marked thorough.
    """
    found = []
    seen: set[str] = set()
    for parameter in entries():
        path, entry = parameter.values
        if entry.get("sampling_ratio") == 1 and "rows" not in entry:
            runs = entry.get("mode", "avg") == "avg" and preset_of(entry) in {*KINDS} - seen
            marks = () if runs else pytest.mark.thorough
            found.append(pytest.param(path, entry, id=parameter.id, marks=marks))
            seen |= {preset_of(entry)} if runs else set()
    return found


@pytest.mark.parametrize(("path", "entry"), outputs_of_one_point())
def test_one_point_where_the_grid_should_be_adaptive_is_named(
    path: Path, entry: dict[str, Any]
) -> None:
    features, boxes, expected, known = search_inputs(path, entry, scale=True, yxyx=False)
    found = identify(features, boxes, expected, **known)
    assert any(
        "omitted sampling_ratio" in words for words in found.matches[0].hypothesis.deviations()
    )


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        pytest.param(
            (0, 2, 3, 1), ["the channels of the output are last"], marks=pytest.mark.thorough
        ),
        ((0, 1, 3, 2), ["the height and width of the output are swapped"]),
        (
            (0, 3, 2, 1),
            [
                "the channels of the output are last",
                "the height and width of the output are swapped",
            ],
        ),
    ],
)
def test_the_outputs_layout_is_found(axes: tuple[int, ...], words: list[str]) -> None:
    found = identify(MAP, BOXES, pooled(output_size=(2, 4)).transpose(axes), spatial_scale=SCALE)
    hypothesis = found.matches[0].hypothesis
    assert hypothesis.deviations() == words
    call = python_call(hypothesis, (2, 4))
    made = eval(call, {"roi_align": roi_align, "features": MAP, "boxes": BOXES})  # noqa: S307
    np.testing.assert_allclose(made, pooled(output_size=(2, 4)).transpose(axes), atol=1e-6)


@pytest.mark.parametrize("stated", [None, SCALE])
def test_an_unusual_scale_of_a_position_sensitive_operator_is_found(stated: float | None) -> None:
    random = np.random.default_rng(3)
    maps = random.normal(size=(1, 2 * 9, 12, 16)).astype(np.float32)
    first = random.uniform([0, 0], [150, 100], size=(24, 2))
    boxes = np.column_stack([first, first + random.uniform(40, 90, size=(24, 2))])
    output = roi_align(maps, boxes, 3, convention="ps-roi-align", spatial_scale=1 / 18)
    found = identify(maps, boxes, output, pooling="avg", spatial_scale=stated)
    if stated is None:
        hypothesis = found.matches[0].hypothesis
    else:
        assert found.answer is not None
        assert found.verdict == "exact after a change"
        hypothesis = found.answer.hypothesis
    assert hypothesis.convention.name == "ps-roi-align"
    assert hypothesis.spatial_scale == pytest.approx((1 / 18, 1 / 18), rel=1e-6)


def test_boxes_that_were_all_pooled_from_the_first_map_are_named() -> None:
    maps = np.concatenate([MAP, MAP[:, ::-1] + 1])
    boxes = np.column_stack([np.arange(6) % 2, BOXES])
    found = identify(maps, boxes, pooled(), spatial_scale=SCALE)
    assert found.matches[0].hypothesis.deviations() == ["all boxes are pooled from the first map"]


def test_a_match_at_another_scale_needs_no_similarity(monkeypatch: pytest.MonkeyPatch) -> None:
    # Maps that vary along one axis alone look like the output at many scales.
    monkeypatch.setattr("roialign_cli.search.graded._fitted", lambda _variants: None)
    call: dict[str, Any] = {"convention": "torchvision", "sampling_ratio": 2}
    output = roi_align(MAP, BOXES, 5, spatial_scale=SCALE / 2, **call)
    found = identify(MAP, BOXES, output, spatial_scale=SCALE, **call)
    assert found.verdict == "exact after a change"
    assert found.answer is not None
    assert found.answer.hypothesis.spatial_scale == (SCALE / 2, SCALE / 2)
    nothing = identify(MAP, BOXES, np.flip(output, axis=(1, 2, 3)), spatial_scale=SCALE, **call)
    assert nothing.answer is None


@pytest.mark.parametrize(
    "known",
    [
        {"spatial_scale": SCALE, "pooling": "avg"},
        pytest.param({"spatial_scale": SCALE}, marks=pytest.mark.thorough),
        pytest.param({}, marks=pytest.mark.thorough),
    ],
)
@pytest.mark.parametrize("kind", ["random", pytest.param("noise", marks=pytest.mark.thorough)])
def test_what_no_convention_made_is_not_matched(kind: str, known: dict[str, Any]) -> None:
    output = pooled()
    noise = np.random.default_rng(2).normal(size=output.shape)
    wrong = noise if kind == "random" else output * (1 + 0.01 * noise)
    found = identify(MAP, BOXES, wrong.astype(np.float32), **known)
    assert not found.matches
    assert found.verdict == ("far" if kind == "random" else "near")


def test_noise_within_the_tolerance_still_matches() -> None:
    output = pooled()
    noise = np.random.default_rng(2).uniform(-1, 1, size=output.shape)
    for tolerance, size in ((None, 2e-5), (0.05, 0.04)):
        found = identify(MAP, BOXES, output + size * noise, tolerance=tolerance)
        assert "torchvision-aligned" in names(found)
        assert found.matches[0].max_difference == pytest.approx(size, rel=0.05)


def test_half_precision_outputs_are_matched_within_their_rounding() -> None:
    found = identify(MAP, BOXES, pooled().astype(np.float16), spatial_scale=SCALE)
    assert "torchvision-aligned" in names(found)


def test_what_only_some_boxes_show_is_reported_with_what_they_have_in_common() -> None:
    # Only the fifth box is smaller than a cell, which aligned=False lets grow to one.
    output = pooled(offset=0.0)
    found = identify(MAP, BOXES, output, convention="torchvision", spatial_scale=SCALE)
    assert found.verdict == "partial"
    assert found.answer is not None
    assert found.answer.boxes.tolist() == [True, True, True, True, False, True]
    assert "smaller than a cell" in [part.text for part in found.answer.parts]


def test_negative_sections_tell_the_third_meaning_of_max() -> None:
    output = pooled(convention="openvino-half-pixel-for-nn", pooling="max")
    found = identify(MAP, BOXES, output, convention="mmcv", pooling="max", spatial_scale=SCALE)
    assert names(found) == {"mmcv"}
    assert found.matches[0].hypothesis.convention.max_start == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"sampling_ratio": 3},
        pytest.param({"box_format": "xywh"}, marks=pytest.mark.thorough),
        pytest.param({"pooling": "max"}, marks=pytest.mark.thorough),
    ],
)
@searched
def test_another_value_than_the_stated_one_is_not_found(
    searched: dict[str, Any], wrong: dict[str, Any]
) -> None:
    call: dict[str, Any] = {"spatial_scale": SCALE} | searched | wrong
    assert not identify(MAP, BOXES, pooled(), **call).matches


@searched
def test_what_is_stated_is_not_searched(searched: dict[str, Any]) -> None:
    output = pooled()
    known: dict[str, Any] = {"box_format": "xyxy", "origin": "top-left", "spatial_scale": SCALE}
    few = identify(MAP, BOXES, output, **searched, **known)
    many = identify(MAP, BOXES, output, **searched)
    assert names(few) == names(many)


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        (np.zeros((6, 5, 2, 2)), "3 channels"),
        (np.zeros((6, 5, 4)), "3 channels"),
        (np.zeros((0, 3, 2, 2)), "must hold numbers"),
        (np.array([["a"]]), "must be real numbers"),
        ([[1.0], [2.0, 3.0]], "must be an array of numbers; the rows have different lengths"),
    ],
)
def test_an_output_of_another_shape_is_an_argument_error(expected: Any, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem) as caught:
        identify(MAP, BOXES, expected)
    assert caught.value.argument == "expected"


@pytest.mark.parametrize("value", [0.0, 3.5])
def test_an_output_that_is_one_number_tells_nothing(value: float) -> None:
    found = identify(MAP, BOXES, np.full((6, 3, 4, 4), value, np.float32))
    assert (found.matches, found.distinct_values) == ((), 0)


def test_few_numbers_against_many_ways_are_doubtful() -> None:
    one = BOXES[:1]
    output = pooled(one, output_size=1)[:, :1]
    found = identify(MAP[:, :1], one, output)
    assert found.doubtful
    assert not identify(MAP, BOXES, pooled()).doubtful


def test_the_text_has_no_styles_even_if_colour_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = str(identify(MAP, BOXES, pooled(), spatial_scale=SCALE))
    assert "roi_align(features, boxes, (5, 5), convention=" in text
    assert "\x1b" not in text


@pytest.mark.thorough
def test_an_output_with_two_decimals_is_explained() -> None:
    found = identify(MAP, BOXES, pooled().round(2), spatial_scale=SCALE)
    assert not found.matches
    assert found.answer is not None
    assert found.answer.hypothesis.convention.name == "torchvision-aligned"
    assert found.answer.correlation > 0.999


def test_a_mistake_is_named_though_the_preset_is_stated() -> None:
    output = pooled(offset=0.0)
    for preset in ("torchvision-aligned", "onnx-half-pixel"):
        found = identify(MAP, BOXES, output, convention=preset, spatial_scale=SCALE)
        assert found.matches[0].hypothesis.deviations() == ["the half-cell shift is missing"]


@pytest.mark.parametrize("tolerance", [float("nan"), float("inf"), -1.0, True, 10**400, "1", [1.0]])
def test_a_tolerance_that_is_no_number_is_an_argument_error(tolerance: Any) -> None:
    with pytest.raises(ArgumentError, match="must be a number of at least 0"):
        identify(MAP, BOXES, pooled(), tolerance=tolerance)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", MAP)
    np.savetxt("boxes.csv", BOXES, delimiter=",")
    np.save("out.npy", pooled(offset=1.0, sampling_ratio=3))
    np.save("noise.npy", np.random.default_rng(0).normal(size=(6, 3, 5, 5)))
    return tmp_path


IDENTIFY = ["identify", "map.npy", "--boxes", "boxes.csv", "--expected"]


@pytest.mark.usefixtures("folder")
def test_the_command_prints_a_command_that_makes_the_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main([*IDENTIFY, "out.npy"]) == 0
    printed = capfd.readouterr().out
    assert "! the half-cell shift is applied twice" in printed
    line = next(line for line in printed.splitlines() if line.startswith("  roialign run"))
    assert main([*shlex.split(line)[1:], "-o", "again.npy"]) == 0
    np.testing.assert_allclose(np.load("again.npy"), np.load("out.npy"), atol=1e-6)


@pytest.mark.usefixtures("folder")
def test_the_printed_command_names_the_map_and_the_image(
    capfd: pytest.CaptureFixture[str],
) -> None:
    maps = np.concatenate([MAP[:, :, ::-1], MAP])
    np.save("maps.npy", maps)
    boxes = [{"image_id": 7, "box": box} for box in BOXES.tolist()]
    Path("boxes.json").write_text(json.dumps([*boxes, {"image_id": 8, "box": [1, 2, 3, 4]}]))
    np.save("expected.npy", pooled())
    call = ["identify", "maps.npy", "--batch-index", "1", "--boxes", "boxes.json"]
    assert main([*call, "--image-id", "7", "--expected", "expected.npy"]) == 0
    printed = capfd.readouterr().out
    line = next(line for line in printed.splitlines() if line.startswith("  roialign run"))
    assert main([*shlex.split(line)[1:], "-o", "again.npy"]) == 0
    np.testing.assert_allclose(np.load("again.npy"), pooled(), atol=1e-5)
    line = next(line for line in printed.splitlines() if line.startswith("  roi_align("))
    known = {"roi_align": roi_align, "features": maps, "boxes": BOXES}
    np.testing.assert_allclose(eval(line, known), pooled(), atol=1e-5)  # noqa: S307 - our own text


@pytest.mark.parametrize(
    ("header", "layout"),
    [
        ("x1,y1,x2,y2", (0, 1, 2, 3)),
        ("batch,x1,y1,x2,y2", (0, 2, 3, 1)),
        pytest.param("x1,y1,x2,y2", (0, 2, 3, 1), marks=pytest.mark.thorough),
        pytest.param("batch,x1,y1,x2,y2", (0, 1, 2, 3), marks=pytest.mark.thorough),
    ],
)
def test_what_a_files_header_says_may_be_the_mistake(
    header: str, layout: tuple[int, ...], folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    batch = "batch" in header
    maps = np.concatenate([MAP, MAP[:, ::-1] + 1]) if batch else MAP
    np.save("map.npy", maps)
    rows = np.column_stack([np.arange(6) % 2, BOXES]) if batch else BOXES
    np.savetxt(folder / "boxes.csv", rows, delimiter=",", header=header, comments="")
    swapped = pooled(BOXES[:, [1, 0, 3, 2]])
    np.save("out.npy", swapped.transpose(layout))
    assert main([*IDENTIFY, "out.npy"]) == 0
    printed = capfd.readouterr().out
    assert "! x and y of the boxes are swapped" in printed
    assert ("! all boxes are pooled from the first map" in printed) == batch
    assert ("the channels of the output are last" in printed) == (layout != (0, 1, 2, 3))
    line = next(line for line in printed.splitlines() if line.startswith("  roialign run"))
    assert main([*shlex.split(line)[1:], "-o", "again.npy"]) == 0
    np.testing.assert_allclose(np.load("again.npy"), swapped, atol=1e-6)
    call = next(line for line in printed.splitlines() if line.startswith("  roi_align("))
    names = {"roi_align": roi_align, "features": maps, "boxes": rows, "np": np}
    made = eval(call.strip(), names)  # noqa: S307
    np.testing.assert_allclose(made, np.load("out.npy"), atol=1e-6)


@pytest.mark.parametrize("name", ["boxes.csv", "boxes.txt"])
def test_the_command_overrules_what_a_file_says_wrongly(
    name: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if name == "boxes.csv":  # corners under a header of widths and heights
        np.savetxt(folder / name, BOXES, delimiter=",", header="x,y,w,h", comments="")
        expected = pooled()
    else:  # what looks like YOLO's lines are maps and corners in cells
        Path(name).write_text("0 0.1 0.2 0.9 1\n0 0.2 0.1 1 0.7\n0 0 0.3 0.5 0.9\n")
        cells = np.loadtxt(name)[:, 1:]
        expected = pooled(cells, spatial_scale=1)
    np.save("out.npy", expected)
    call = ["identify", "map.npy", "--boxes", name, "--expected", "out.npy"]
    assert main([*call, "--preset", "torchvision-aligned"]) == 0
    printed = capfd.readouterr().out
    line = next(line for line in printed.splitlines() if line.startswith("  roialign run"))
    assert main([*shlex.split(line)[1:], "-o", "again.npy"]) == 0
    np.testing.assert_allclose(np.load("again.npy"), expected, atol=1e-5)


@searched
@pytest.mark.usefixtures("folder")
def test_the_commands_json_and_its_exit_status(
    searched: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    options = [word for name, value in searched.items() for word in (f"--{name}", value)]
    assert main([*IDENTIFY, "out.npy", *options, "--format", "json"]) == 0
    record = json.loads(capfd.readouterr().out)
    first = record["matches"][0]
    assert (first["preset"], first["pooling"], first["sampling_ratio"]) == (
        "torchvision-aligned", "avg", 3
    )  # fmt: skip
    assert first["spatial_scale"] == {"x": SCALE, "y": SCALE}
    assert first["max_difference"] < 1e-5
    noise = [*IDENTIFY, "noise.npy", "--stride", "16", *options]
    assert main([*noise, "--format", "json"]) == 1
    record = json.loads(capfd.readouterr().out)
    assert (record["matches"], record["verdict"]) == ([], "far")
    assert main([*noise, "--preset", "torchvision", "--sampling-ratio", "2"]) == 1
    assert "Far: no convention comes near" in capfd.readouterr().out


@pytest.mark.parametrize("every_pooling", [False, pytest.param(True, marks=pytest.mark.thorough)])
@pytest.mark.parametrize(
    ("call", "boxes"),
    [
        ({"convention": "torchvision"}, BOXES),
        pytest.param(
            {"convention": "openvino-half-pixel", "pooling": "max"},
            BOXES,
            marks=pytest.mark.thorough,
        ),
        ({"convention": "tensorflow", "spatial_scale": None}, BOXES[:, [1, 0, 3, 2]] / 256),
        ({"convention": "torchvision-aligned", "box_format": "cxcywh"}, np.abs(BOXES) + 1),
        ({"convention": "torchvision-aligned", "origin": "bottom-left"}, BOXES),
        pytest.param(
            {"convention": "walkthrough", "sampling_ratio": 0},
            np.abs(BOXES) + 20,
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_both_texts_say_what_makes_the_output(
    call: dict[str, Any], boxes: Any, folder: Path, *, every_pooling: bool
) -> None:
    np.savetxt(folder / "boxes.csv", boxes, delimiter=",")
    size = (4, 3)
    call = {"spatial_scale": SCALE, "sampling_ratio": 2} | call
    if call["convention"] in {"tensorflow", "walkthrough"}:
        del call["sampling_ratio"]
    output = roi_align(MAP, boxes, size, **call)
    pooling = call.get("pooling", PRESETS[call["convention"]].convention.pooling)
    fixed_fields: dict[str, Any] = {} if every_pooling else {"pooling": pooling}
    hypothesis = identify(MAP, boxes, output, **fixed_fields).matches[0].hypothesis
    made = eval(  # noqa: S307
        python_call(hypothesis, size), {"roi_align": roi_align, "features": MAP, "boxes": boxes}
    )
    np.testing.assert_allclose(made, output, atol=1e-5)
    line = run_command(hypothesis, InputWords("map.npy --boxes boxes.csv", {}), size)
    assert main([*shlex.split(line)[1:], "-o", "made.npy"]) == 0
    np.testing.assert_allclose(np.load("made.npy"), output, atol=1e-5)


@pytest.mark.parametrize(
    ("scale", "written"),
    [
        ((1 / 16, 1 / 16), "1/16"),
        ((1 / 14, 1 / 14), "1/14"),
        ((1 / 8, 1 / 16), "1/16,1/8"),
        ((1.0, 0.3), "0.3,1"),
        ((2.0, 2.0), "2"),
        ((math.nextafter(1 / 3, 1),) * 2, "0.33333333333333337"),
        ((1e-9, 1e-9), "1e-09"),
    ],
)
def test_a_printed_scale_is_read_as_the_same_number(
    scale: tuple[float, float], written: str
) -> None:
    hypothesis = Hypothesis(PRESETS["torchvision"].convention, scale)
    words = run_command(hypothesis, InputWords("map.npy", {}), (2, 2)).split()
    assert words[words.index("--spatial-scale") + 1] == written
    converted = SCALE_TYPE.convert(written, None, None)
    assert (converted[-1], converted[0]) == scale
