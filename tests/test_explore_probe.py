"""A sample point at any position: the core against the oracle, the answers against formulas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from roialign_cli.analysis.points import Point
from roialign_cli.analysis.sections import point_at
from roialign_cli.cli.demo import sample_data
from roialign_cli.core.convention import Convention
from roialign_cli.core.operation import make_operation
from roialign_cli.core.presets import PRESETS
from tests import oracle
from tests.explore_client import Client, served
from tests.strategies import feature_maps
from tests.test_oracle import conventions

WALKTHROUGH = [f"{sample_data()}/walkthrough.npy", "--image-size", "512x512"]
CALL = [*WALKTHROUGH, "--box", "296,320,200,145"]
POSITIONS = st.integers(-8, 48).map(lambda n: n / 4) | st.floats(-3, 12)
PLAIN: dict[str, Any] = {"box_format": "xyxy", "normalized": False, "inclusive": False}


def moved(
    features: NDArray[Any], rules: Convention, x: float, y: float, **call: Any
) -> tuple[Point, oracle.Point, oracle.Call]:
    """Return the point at a position of a map (H, W): of the package, and of the oracle."""
    box = [1.0, 1.0, 3.0, 4.0]
    one = make_operation(features, [box], 2, convention=rules, **call)
    height, width = features.shape
    slow = oracle.Call(features, tuple(box), (2, 2), rules, (1.0, 1.0), call.get("image_height"))
    top = oracle.frame_height(slow) if rules.origin == "bottom-left" else None
    index_y = y - 0.5 if top is None else top - 0.5 - y
    number = slow.number
    along_x = oracle.along(number, number(x - 0.5), width, rules, None)
    along_y = oracle.along(number, number(index_y), height, rules, top)
    with np.errstate(invalid="ignore"):  # 0 × inf
        point = point_at(one.plan(), one.features[0, 0], x, y)
    return point, oracle.joined(along_x, along_y, top), slow


@given(
    maps=feature_maps(channels=1) | feature_maps(channels=1, dtype="f8"),
    rules=conventions().filter(lambda rules: not rules.reads_cells and rules.channel_map == "same"),
    x=POSITIONS,
    y=POSITIONS,
    image_height=st.sampled_from([None, 4.5]),
)
def test_a_point_at_any_position_is_that_of_the_oracle(
    maps: NDArray[Any], rules: Convention, x: float, y: float, image_height: float | None
) -> None:
    rules = replace(rules, **PLAIN)
    point, expected, slow = moved(maps[0], rules, x, y, image_height=image_height)
    assert (point.x, point.y) == pytest.approx((expected.x, expected.y), abs=1e-6)
    assert point.in_bounds == expected.inside
    for found, (row, column, weight) in zip(point.neighbours, expected.neighbours, strict=True):
        assert (found.row, found.column) == (row, column)
        assert found.weight == pytest.approx(weight, abs=1e-12)
    assert point.value == pytest.approx(slow.value(expected), abs=1e-9, nan_ok=True)
    assert point.contribution == pytest.approx(slow.contribution(expected), abs=1e-9, nan_ok=True)


@pytest.fixture(scope="module")
def client() -> Any:
    with served(*CALL) as opened:
        yield opened


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Open a client of nine different channels, one for each section."""
    file = tmp_path_factory.mktemp("maps") / "deep.npy"
    cells = np.load(WALKTHROUGH[0])
    np.save(file, np.stack([np.roll(cells, k, axis=(0, 1)) + k for k in range(9)]))
    with served(str(file), *CALL[1:], "--preset", "walkthrough") as opened:
        yield opened


def test_a_point_in_its_own_place_is_that_of_the_trace(deep: Client) -> None:
    client = deep
    for preset in PRESETS:
        chosen = client.ask("trace", preset=preset)["chosen"]
        answer = client.ask("value", preset=preset)
        assert answer["point"] == chosen["point"]
        assert answer["own"] == {name: chosen["point"][name] for name in "xy"}
        texts = client.ask("point", preset=preset)["texts"]["point"]
        assert answer["texts"]["point"] == texts | {"coordinates": []}


@pytest.mark.parametrize("name", [n for n in PRESETS if not PRESETS[n].convention.reads_cells])
def test_a_point_moved_to_the_place_of_another_is_that_point(name: str, deep: Client) -> None:
    client = deep
    trace = client.ask("trace", preset=name)
    for section in trace["sections"][:3]:
        for other in section["points"][:4]:
            at = {"section": section["section"], "point": other["point"]}
            place = {"section": section["section"], "position": [other["x"], other["y"]]}
            answer = client.ask("value", preset=name, **place)
            expected = client.ask("point", preset=name, **at)
            left_out = {"point", "x", "y", "neighbours"}
            for key in expected["point"].keys() - left_out:
                assert answer["point"][key] == pytest.approx(expected["point"][key], abs=1e-5), key
            texts = answer["texts"]["point"], expected["texts"]["point"]
            for key in ("interpolated", "between", "weighted", "note"):
                assert texts[0][key] == texts[1][key]


def test_values_and_weights_follow_the_formula(client: Client) -> None:
    cells = np.load(WALKTHROUGH[0])
    for x, y in ((7.25, 3.6), (0.9, 12.1), (5.5, 5.25)):
        answer = client.ask("value", preset="torchvision-aligned", position=[x, y])
        below = len(cells) - y  # y points up
        left, top = math.floor(x - 0.5), math.floor(below - 0.5)
        across, down = x - 0.5 - left, below - 0.5 - top
        weights = {
            (top, left): (1 - across) * (1 - down),
            (top, left + 1): across * (1 - down),
            (top + 1, left): (1 - across) * down,
            (top + 1, left + 1): across * down,
        }
        found = {(q["row"], q["column"]): q["weight"] for q in answer["point"]["neighbours"]}
        assert found == pytest.approx(weights, abs=1e-6)
        value = sum(weight * cells[at] for at, weight in weights.items())
        assert answer["point"]["value"] == pytest.approx(value, abs=1e-6)
        assert "moved to" in answer["texts"]["point"]["title"]


def test_the_borders_are_those_of_the_preset(client: Client) -> None:
    places = {
        "torchvision-aligned": ((-0.4, "clamped"), (-0.6, "out")),
        "tensorflow": ((0.5, "inside"), (0.4, "out")),
    }
    for preset, x, border in ((name, *place) for name in places for place in places[name]):
        point = client.ask("value", preset=preset, position=[x, 4.5])["point"]
        assert point["border"] == border
        value = np.load(WALKTHROUGH[0])[11, 0] if border != "out" else 0  # y points up
        assert point["value"] == pytest.approx(value)
    far = client.ask("value", position=[1e9, -1e9])
    assert (far["point"]["border"], far["texts"]["point"]["interpolated"]) == ("out", [])


def test_the_outputs_do_not_follow_a_moved_point(client: Client) -> None:
    assert client.ask("trace", position=[3.5, 4]) == client.ask("trace")


def test_a_coordinate_is_rounded_as_the_preset_does(client: Client) -> None:
    point = client.ask("value", preset="walkthrough", position=[5.23456, 6.78912])["point"]
    assert (point["x"], point["y"]) == (5.23, 6.79)


@pytest.mark.parametrize(
    "position", [[1], [1, 2, 3], "12", [1, None], [1, "2"], [1e10, 0], [0, -1e300], {"x": 1}, 4]
)
def test_other_positions_are_refused(position: Any, client: Client) -> None:
    status, argument, message = client.refused("value", position=position)
    assert (status, argument) == (422, "position")
    assert "numbers" in message


def test_cells_and_missing_points_cannot_be_moved(client: Client) -> None:
    status, argument, message = client.refused("value", preset="roi-pool", position=[3, 4])
    assert (status, argument) == (422, "position")
    assert message == "the points of roi-pool are cells; choose another preset"
    with served(*WALKTHROUGH, "--preset", "torchvision-aligned", "--box", "90,90,90,90") as empty:
        status, argument, message = empty.refused("value", position=[3, 4])
        assert (status, argument) == (422, "point")
        assert message.startswith("the section has no sample points")
