"""Everything that the program computes, held to the scalar oracle on random calls.

The conventions are drawn field by field, so that combinations that no preset has are tried, too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention, roi_align, trace
from roialign_cli.analysis.footprint import footprint
from roialign_cli.analysis.records import trace_record
from roialign_cli.cli.main import main
from roialign_cli.core.convention import (
    MEANINGS_OF_MAX,
    EdgeRounding,
    Pooling,
    PositionFormula,
)
from tests.oracle import Call, Section

Array = NDArray[Any]

OUTSIDE = st.sampled_from([0.0, 1.5, -1e9, math.inf, math.nan])
DTYPES = ["f4", "f8", "f2", ">f4", ">f8", ">f2", "i1", "u1", ">i4", "i8", "?"]
# What memory can look like: each returns an equal array.
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "backwards": lambda a: np.ascontiguousarray(a[:, ::-1, ::-1, ::-1])[:, ::-1, ::-1, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, axis=3), 3, axis=2)[:, :, ::3, ::2],
}


def examples(number: int) -> int:
    """Return half of this number, or five times as many with the thorough profile."""
    return number * settings().max_examples // 40


@st.composite
def presets(draw: st.DrawFn) -> Convention:
    """A preset that takes every box, with either pooling."""
    rules = draw(st.sampled_from([*PRESETS.values()])).convention
    divide = 3 if rules.points == "dividers" else 0
    pooling: Pooling = draw(st.sampled_from(get_args(Pooling)))
    if rules.points == "integral":
        pooling = "avg"
    return replace(rules, pooling=pooling, rejects="nothing", divide=divide)


@st.composite
def conventions(draw: st.DrawFn) -> Convention:
    """A convention with any value in any field that its points use."""
    rules = ["centred", "centred", "dividers", "corners", "cells", "integral"]
    points = draw(st.sampled_from(rules))
    fields: dict[str, Any] = {"points": points}
    if points in {"centred", "corners"}:
        fields["sampling_ratio"] = draw(st.integers(0, 3))
        fields["sampling_ratio_x"] = draw(st.sampled_from([None, None, None, 0, 2]))
        fields["grid_from"] = draw(st.sampled_from(["section", "section", "output"]))
    if points == "centred":
        fields["position_formula"] = draw(st.sampled_from(get_args(PositionFormula)))
        fields["grid_rounding"] = draw(st.sampled_from(["ceil", "floor", "round"]))
        fields["grid_min"] = draw(st.sampled_from([0, 0, 1]))
        fields["grid_max"] = draw(st.sampled_from([None, None, 2]))
        fields["grid_points"] = draw(st.sampled_from(["all", "all", "cells"]))
        fields["clip_sections"] = draw(st.sampled_from([False, False, False, True]))
        fields["point_in_part"] = draw(st.sampled_from([0.5, 0.5, 0.0, 0.25]))
    if points in {"centred", "dividers", "cells", "integral"}:
        fields["inverted_boxes"] = draw(st.sampled_from(["kept", "kept", "sorted", "empty"]))
        fields["clip_boxes"] = draw(st.booleans())
        fields["edge_rounding"] = draw(st.sampled_from(get_args(EdgeRounding)))
    if points == "cells":
        fields["edge_rounding"] = draw(st.sampled_from(["round-map", "floor-map"]))
        fields["unread_cells"] = draw(st.sampled_from([0, 0, 1]))
    if points == "dividers":
        fields["divide"] = draw(st.integers(2, 4))
    if points != "integral":
        fields["average_over"] = draw(st.sampled_from(["points", "points", "inside"]))
    if points not in {"cells", "integral"}:
        fields["coordinate_decimals"] = draw(st.sampled_from([None, None, 0, 1, 2]))
        fields["interpolation"] = draw(st.sampled_from(["linear", "linear", "nearest", "swapped"]))
        fields["outside_neighbours"] = draw(st.sampled_from(["clamped", "value", "extrapolated"]))
    return Convention(
        pooling="avg" if points == "integral" else draw(st.sampled_from(["avg", "max"])),
        channel_map=draw(st.sampled_from(["same", "same", "position-sensitive"])),
        **(MEANINGS_OF_MAX[draw(st.sampled_from([*MEANINGS_OF_MAX]))]),
        max_skips_nan=draw(st.booleans()),
        max_of_empty=draw(st.sampled_from([0.0, -10000.0])),
        clamp_count=draw(st.booleans()),
        image_offset=draw(st.sampled_from([0.0, 0.0, -0.5, 0.25])),
        offset=draw(st.sampled_from([0.0, 0.5, -0.5, 0.3])),
        image_end_offset=draw(st.sampled_from([0.0, 0.0, -1.0])),
        end_offset=draw(st.sampled_from([0.0, 0.0, -1.0, 1.0])),
        min_size=draw(st.sampled_from([0.0, 1.0, 2.5])),
        tie_neighbour=draw(st.sampled_from(["lower", "upper", "both"])),
        border_margin=draw(st.sampled_from([0.0, 0.5, 1.0, 2.0, math.inf])),
        extrapolation_value=draw(OUTSIDE),
        coordinates=draw(st.sampled_from(["features", "features", "double", "half"])),
        box_format=draw(st.sampled_from(["xyxy", "xywh", "cxcywh", "yxyx"])),
        origin=draw(st.sampled_from(["top-left", "bottom-left"])),
        normalized=draw(st.booleans()),
        normalized_by=draw(st.sampled_from(["size", "last-centre"])),
        inclusive=draw(st.booleans()),
        **fields,
    )


@dataclass(frozen=True)
class Case:
    """A call of `roi_align` on R boxes."""

    features: Array  # (N, C, H, W)
    boxes: Array  # (R, 4)
    batch_index: Array
    output_size: tuple[int, int]
    convention: Convention
    scale: tuple[float, float]
    image_height: float | None
    channels: int  # of the output

    @property
    def arguments(self) -> dict[str, Any]:
        """The keywords of `roi_align` and `trace`."""
        rules = self.convention
        return {
            "features": self.features,
            "boxes": self.boxes,
            "batch_index": self.batch_index,
            "output_size": self.output_size,
            "convention": rules,
            "spatial_scale": None if rules.normalized else self.scale,
            "image_height": self.image_height,
        }

    def oracle(self, roi: int, channel: int) -> Call:
        """Return the same call of one box and channel for the oracle."""
        maps = self.features[self.batch_index[roi]]
        cells = maps[channel]
        if self.convention.channel_map == "position-sensitive":
            sections = self.output_size[0] * self.output_size[1]
            cells = maps[channel * sections : (channel + 1) * sections]
        return Call(
            cells,
            tuple(self.boxes[roi].tolist()),
            self.output_size,
            self.convention,
            self.scale,
            self.image_height,
        )


@st.composite
def numbers_along(draw: st.DrawFn, cells: int) -> float:
    """A coordinate on, near or far from an axis of cells: ties, fractions, anything."""
    quarters = st.integers(-8, 4 * cells + 8).map(lambda n: n / 4)
    anywhere = st.floats(-3, cells + 3, width=32)
    return draw(quarters | anywhere) + draw(st.sampled_from([0.0] * 9 + [-40.0]))


@st.composite
def cases(draw: st.DrawFn, dtypes: tuple[str, ...] = tuple(DTYPES), most_boxes: int = 3) -> Case:
    """A random call with boxes of every kind, empty and inverted ones included."""
    rules = draw(conventions() | presets())
    shape = tuple(draw(st.integers(1, most)) for most in (2, 2, 6, 6))
    size = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    channels = shape[1]
    if rules.channel_map == "position-sensitive":
        shape = (shape[0], channels * size[0] * size[1], *shape[2:])
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    features = (random.normal(size=shape) * 4).astype(draw(st.sampled_from(dtypes)))
    features = LAYOUTS[draw(st.sampled_from([*LAYOUTS]))](features)
    scales = st.sampled_from([1.0, 0.5, 1 / 3, 0.0625, 2.0])
    scale = draw(scales), draw(scales)
    rows, columns = shape[2:]
    # Units of the box in a cell.
    unit_y, unit_x = (1 / n for n in ((rows, columns) if rules.normalized else scale))
    boxes = []
    for _ in range(draw(st.integers(1, most_boxes))):
        x1, x2 = (draw(numbers_along(columns)) * unit_x for _ in "12")
        y1, y2 = (draw(numbers_along(rows)) * unit_y for _ in "12")
        if draw(st.integers(0, 5)):  # most boxes are not inverted
            (x1, x2), (y1, y2) = sorted((x1, x2)), sorted((y1, y2))
        boxes.append(written((x1, y1, x2, y2), rules.box_format))
    index = np.array([draw(st.integers(0, shape[0] - 1)) for _ in boxes])
    height = draw(st.sampled_from([None, 2.5, 7.0])) if rules.origin == "bottom-left" else None
    height = None if height is None or rules.normalized else height / scale[0]
    return Case(features, np.array(boxes), index, size, rules, scale, height, channels)


def written(box: tuple[float, ...], box_format: str) -> tuple[float, ...]:
    """Return four numbers in a format, of a box about where the corners are."""
    x1, y1, x2, y2 = box
    return {
        "xyxy": (x1, y1, x2, y2),
        "yxyx": (y1, x1, y2, x2),
        "xywh": (x1, y1, x2 - x1, y2 - y1),
        "cxcywh": ((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1),
    }[box_format]


def assert_close(call: Call, sections: dict[tuple[int, int], Section], output: Any) -> None:
    """Compare an output (height, width) with the oracle's, as exactly as its dtype allows."""
    output = np.asarray(output)
    share = 2e-3 if output.dtype == np.float16 else 3e-6 if output.dtype == np.float32 else 1e-11
    for (i, j), section in sections.items():
        expected = call.reduced(section)
        taken = [abs(call.contribution(point)) for point in section.points.values()]
        largest = max([1.0, *(value for value in taken if math.isfinite(value))])
        if output.dtype == np.float16 and abs(expected) > 65504:
            expected = math.copysign(math.inf, expected)
        np.testing.assert_allclose(
            float(output[j - 1, i - 1]),
            expected,
            rtol=share,
            atol=share * largest,
            err_msg=f"{i, j}",
        )


@settings(max_examples=examples(100))
@given(case=cases())
def test_outputs(case: Case) -> None:
    out = roi_align(**case.arguments)
    kind = case.features.dtype
    native = kind.newbyteorder("=") if kind.kind == "f" else np.dtype(np.float32)
    assert out.dtype == native
    for roi in range(len(case.boxes)):
        assert out.shape[1] == case.channels
        for channel in range(case.channels):
            call = case.oracle(roi, channel)
            assert_close(call, call.sections(), out[roi, channel])


@pytest.mark.parametrize("meaning", [{}, *MEANINGS_OF_MAX.values()])
@pytest.mark.parametrize("ratio", [0, 3])
def test_many_channels_are_pooled_as_a_few(ratio: int, meaning: dict[str, Any]) -> None:
    """With few channels all windows are multiplied at once, with many one after another."""
    random = np.random.default_rng(0)
    features = random.normal(size=(2, 9, 44, 60))
    corner, size = random.uniform(-2, 30, (12, 2)), random.uniform(0, 40, (12, 2))
    boxes = np.hstack([corner, corner + size])
    rules = Convention(pooling="max" if meaning else "avg", sampling_ratio=ratio, **meaning)
    options: Any = {"convention": rules, "batch_index": np.arange(12) % 2}
    many = roi_align(features, boxes, (7, 5), **options)
    for channel in range(9):
        one = roi_align(features[:, [channel]], boxes, (7, 5), **options)
        np.testing.assert_allclose(many[:, [channel]], one, rtol=1e-12, atol=1e-12)


def assert_traced(call: Call, record: dict[str, Any]) -> None:
    """Compare a trace, as its JSON has it, with the oracle's points."""
    sections = call.sections()
    assert len(record["sections"]) == len(sections)
    for traced in record["sections"]:
        section = sections[tuple(traced["section"])]
        assert len(traced["points"]) == len(section.points)
        for seen in traced["points"]:
            point = section.points[tuple(seen["point"])]
            np.testing.assert_allclose((seen["x"], seen["y"]), (point.x, point.y), atol=2e-15 * 64)
            assert seen["in_bounds"] == point.inside
            cells = [(q["row"], q["column"]) for q in seen["neighbours"]]
            assert cells == [(row, column) for row, column, _ in point.neighbours]
            weights = [q["weight"] for q in seen["neighbours"]]
            np.testing.assert_allclose(weights, [w for *_, w in point.neighbours], atol=1e-13)
            for q, (row, column, _) in zip(seen["neighbours"], point.neighbours, strict=True):
                assert_number(q["value"], call.cell(point, row, column))
            assert_number(seen["value"], call.value(point))
            assert_number(seen["contribution"], call.contribution(point))
        output = call.reduced(section)
        assert_number(traced["output"], output)
        assert_winner(call, section, traced["winner"], output)
    for j, row in enumerate(record["output"], start=1):
        for i, output in enumerate(row, start=1):
            assert_number(output, call.reduced(sections[i, j]))


def assert_number(seen: float | None, expected: float) -> None:
    """Compare numbers; JSON has no word for those that are not finite."""
    if seen is None:
        assert not math.isfinite(expected)
    else:
        np.testing.assert_allclose(seen, expected, rtol=1e-11, atol=1e-11)


def assert_winner(call: Call, section: Section, winner: list[int] | None, output: float) -> None:
    """The winner is a point that makes the output, and there is one where a point does."""
    taken = {name: call.contribution(point) for name, point in section.points.items()}
    makes = [
        name
        for name, value in taken.items()
        if np.isclose(value, output, rtol=1e-11, atol=1e-11, equal_nan=True)
    ]
    if winner is None:
        # None but the start of the maximum makes the output, or as well as a point.
        started = np.isclose(output, call.convention.max_start, rtol=1e-11, atol=1e-11)
        assert call.convention.pooling == "avg" or started or not makes
    else:
        assert tuple(winner) in makes


@settings(max_examples=examples(60))
@given(case=cases(), data=st.data())
def test_traces(case: Case, data: st.DataObject) -> None:
    roi = data.draw(st.integers(0, len(case.boxes) - 1))
    channel = data.draw(st.integers(0, case.channels - 1))
    traced = trace(roi=roi, channel=channel, **case.arguments)
    assert_traced(case.oracle(roi, channel), trace_record(traced))


@settings(max_examples=examples(60))
@given(case=cases(), summary=st.sampled_from(["mean", "max", "norm"]))
def test_a_summary_of_the_channels_is_sampled_as_they_are(case: Case, summary: Any) -> None:
    case = replace(case, convention=replace(case.convention, channel_map="same"))
    traced = trace(channel=summary, **case.arguments)
    features = case.features[case.batch_index[0]].astype(np.float64)
    cells = {
        "mean": features.mean(axis=0),
        "max": features.max(axis=0),
        "norm": np.sqrt((features**2).sum(axis=0)),
    }[summary]
    np.testing.assert_allclose(traced.cells, cells, rtol=1e-6, atol=1e-6)
    # Sampled where the operator samples, whatever precision the summary is computed in.
    places = case.oracle(0, 0).sections()
    for section in traced.sections:
        points = places[section.section].points
        assert {p.point: (p.x, p.y) for p in section.points} == {
            name: pytest.approx((p.x, p.y), abs=1e-13) for name, p in points.items()
        }


@settings(max_examples=examples(40))
@given(case=cases(dtypes=("f8",), most_boxes=1))
def test_footprints(case: Case) -> None:
    # The derivative of the outputs' sum, by differences: small enough to change no winner.
    rules = replace(case.convention, extrapolation_value=0.0)
    case = replace(case, convention=rules)
    call, step = case.oracle(0, 0), 1e-7
    before = call.output()
    expected = np.zeros(call.cells.shape)
    for at in np.ndindex(*call.cells.shape):
        changed = np.array(call.cells)
        changed[at] += step
        expected[at] = np.nansum(replace(call, cells=changed).output() - before) / step
    expected = expected.reshape(-1, *case.features.shape[2:]).sum(axis=0)
    np.testing.assert_allclose(footprint(trace(**case.arguments)), expected, atol=1e-5)


def command_line(case: Case) -> list[str]:
    """Return the words of a command that make the same call of the first box."""
    rules = case.convention
    map_of_box = int(case.batch_index[0])
    words = ["map.npy", "--layout", "NCHW", "--preset", "torchvision"]
    words += ["--box=" + ",".join(repr(float(number)) for number in case.boxes[0])]
    words += ["--batch-index", str(map_of_box)]
    words += ["--output-size", "{}x{}".format(*case.output_size), "--quiet"]
    for name, value in rules.parameters().items():
        if value != getattr(PRESETS["torchvision"].convention, name):
            words += [
                "--set",
                f"{name}={value}" if isinstance(value, str) else f"{name}={value}".lower(),
            ]
    if not rules.normalized:
        words += ["--spatial-scale", "{1!r},{0!r}".format(*case.scale)]
    return words


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("oracle")


@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(dtypes=("f4", "f8", ">f4", "i8"), most_boxes=1))
def test_the_command_line(
    case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    case = replace(case, image_height=None)  # on the command line only an image has one
    monkeypatch.chdir(folder)
    np.save("map.npy", case.features)
    call = case.oracle(0, case.channels - 1)
    words = command_line(case)
    channel = ["--channel", str(case.channels - 1)]
    assert main(["run", *words, *channel, "-o", "out.npy", "--force"]) == 0, capsys.readouterr().err
    assert_close(call, call.sections(), np.load("out.npy")[0, 0])
    capsys.readouterr()
    assert main(["explain", *words, *channel, "--format", "json"]) == 0
    assert_traced(call, json.loads(capsys.readouterr().out))
