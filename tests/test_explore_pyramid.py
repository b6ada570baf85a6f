"""`roialign explore --pyramid`: the box of a state is pooled from the map of its level."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import PYRAMID_RULES, roi_align_pyramid
from roialign_cli.cli.main import main
from tests.explore_client import Client, served
from tests.saved_page import page_answers

Capture = pytest.CaptureFixture[str]
RANDOM = np.random.default_rng(51)
SIZE = (512, 640)  # of the image, height and width
MAPS = {
    f"P{level}": RANDOM.normal(size=(1, 2, SIZE[0] >> level, SIZE[1] >> level)).astype(np.float32)
    for level in (2, 3, 4, 5)
}
WORDS = ["maps.npz", "--pyramid", "torchvision", "--image-size", "640x512", "--output-size", "2"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("maps.npz", **MAPS)  # type: ignore[arg-type]


@pytest.fixture
def client(folder: None) -> Iterator[Client]:
    del folder
    with served(*WORDS, "--box", "10,20,110,120", "--box", "0,0,300,300") as started:
        yield started


def output(box: list[float], **options: Any) -> Any:
    given = {"pyramid": "torchvision", "convention": "torchvision", "image_size": SIZE} | options
    return roi_align_pyramid([*MAPS.values()], [box], 2, **given)[0]


# On both sides of 112, 224 and 448 px.
@pytest.mark.parametrize(
    ("side", "level"), [(60, 2), (111, 2), (112, 3), (223, 3), (224, 4), (447, 4), (448, 5)]
)
def test_a_box_is_pooled_from_the_map_of_its_level(client: Client, side: int, level: int) -> None:
    box = [1.0, 2.0, 1.0 + side, 2.0 + side]
    trace = client.ask("trace", box=box, channel=1)
    assert trace["pyramid"]["level"] == level
    assert trace["pyramid"]["map"] == f"maps.npz:P{level}"
    assert trace["pyramid"]["size"] == side
    assert trace["feature_map"]["height"] == SIZE[0] >> level
    assert trace["box"]["spatial_scale"] == {"x": 1 / (1 << level), "y": 1 / (1 << level)}
    np.testing.assert_allclose(trace["output"], output(box)[1], atol=1e-6)
    low, high = trace["pyramid"]["starts_at"], trace["pyramid"]["ends_at"]
    assert low <= side
    assert high is None or side < high
    # The corners of a drag are read in the same way.
    dragged = client.ask("trace", box=None, corners=box, channel=1)
    assert dragged["pyramid"] == trace["pyramid"]


def test_the_page_begins_on_the_map_of_the_box() -> None:
    with served(*WORDS, "--box", "10,20,60,70", "--box", "0,0,300,300", "--roi", "1") as client:
        page = client.get()[1].decode()
        session = json.loads(page.partition('id="session">')[2].partition("</script>")[0])
        assert session["level"] == 4
        assert session["feature_map"] == {"maps": 1, "channels": 2, "height": 32, "width": 40}
        assert session["box"]["spatial_scale"] == {"x": 1 / 16, "y": 1 / 16}
        assert session["editing"] is None
        assert "pyramid rule torchvision, scales 1/4, 1/8, 1/16, 1/32" in session["subject"]


def test_the_other_answers_are_about_the_same_map(client: Client) -> None:
    box = [0.0, 0.0, 230.0, 230.0]
    drawn = client.ask("map", box=box, channel=1)
    values = np.frombuffer(base64.b64decode(drawn["data"]), "<f4")
    np.testing.assert_array_equal(values.reshape(32, 40), MAPS["P4"][0, 1])
    point = client.ask("point", box=box)["point"]
    assert max(neighbour["row"] for neighbour in point["neighbours"]) < 32
    moved = client.ask("value", box=box, position=[3.5, 4.5])["point"]
    assert moved["value"] == pytest.approx(float(MAPS["P4"][0, 0, 4, 3]), abs=1e-6)
    saved = page_answers(client.raw("page", box=box).decode())
    assert saved["entries"][0]["trace"]["pyramid"]["level"] == 4
    assert client.raw("picture", box=box).startswith(b"\x89PNG")


@pytest.mark.thorough
def test_the_commands_give_the_same(client: Client, capfd: Capture) -> None:
    lines = client.ask("commands", box=[0.0, 0.0, 230.0, 230.0], other="torchvision-aligned")
    for name, line in lines.items():
        words = shlex.split(line)[1:]
        assert words[:4] == [words[0], "maps.npz", "--image-size", "640x512"]
        assert main([*words, "-q"]) == 0, name
    capfd.readouterr()
    assert main([*shlex.split(lines["explain"])[1:], "--format", "json", "-q"]) == 0
    explained = json.loads(capfd.readouterr().out)
    np.testing.assert_allclose(explained["output"], output([0, 0, 230, 230])[0], atol=1e-6)


def test_a_second_preset_is_on_the_same_map(client: Client) -> None:
    box = [0.0, 0.0, 230.0, 230.0]
    trace = client.ask("trace", box=box, other="torchvision-aligned")
    expected = output(box, convention="torchvision-aligned")[0]
    np.testing.assert_allclose(trace["other"]["output"], expected, atol=1e-6)


def test_a_box_on_no_map_is_refused_in_one_line(client: Client) -> None:
    status, argument, text = client.refused("trace", box=[50.0, 0.0, 20.0, 70.0])
    assert (status, argument) == (422, "box")
    assert text.startswith("is on no map by the rule torchvision")
    refused = client.refused("trace", box=[0.0, 0.0, 9.0, 9.0], edits=[[0, 0, 0, 0, 1.0]])
    assert "remove the edits" in refused[2]


def test_without_a_box_one_is_in_the_middle(capfd: Capture) -> None:
    with served(*WORDS) as client:
        assert client.ask("trace")["box"]["values"] == [160, 128, 480, 384]
        assert client.ask("trace")["pyramid"]["level"] == 4
    assert "note: the page begins with --box 160,128,480,384" in capfd.readouterr().err


@pytest.mark.parametrize("rule", ["matterport", "openvino-gpu", "tensorrt-pyramid"])
def test_other_rules_and_fractions_of_the_image(rule: str) -> None:
    words = [*WORDS, "--normalized"]
    words[2] = rule
    with served(*words, "--box", "0.1,0.1,0.3,0.4") as client:
        for box in ([0.1, 0.1, 0.3, 0.4], [0.0, 0.1, 0.7, 0.6]):
            trace = client.ask("trace", box=box)
            given = {"pyramid": rule, "convention": PYRAMID_RULES[rule].preset, "normalized": True}
            np.testing.assert_allclose(trace["output"], output(box, **given)[0], atol=1e-5)
