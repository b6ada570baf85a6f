"""The numbers of `roialign explore` are those of the other commands."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from roialign_cli.cli.demo import sample_data
from roialign_cli.cli.main import main
from roialign_cli.core.boxes import corners, written_as
from roialign_cli.core.convention import BOX_FIELDS
from roialign_cli.core.overrides import applicable_overrides
from roialign_cli.core.presets import PRESETS
from tests.explore_client import Client, served
from tests.saved_page import page_answers

SAMPLES = sample_data()
WALKTHROUGH = f"{SAMPLES}/walkthrough.npy --image-size 512x512"
PHOTO = f"{SAMPLES}/astronaut.png --stride 32 --boxes {SAMPLES}/astronaut.csv"
CALLS = {
    "walkthrough": f"{WALKTHROUGH} --box 296,320,200,145",
    "a photo": f"{PHOTO} --roi 1 --channel norm --output-size 3x2",
    "max": f"{PHOTO} --pooling max --sampling-ratio 2 --section 2,3 --point 2,1",
    "y up": f"{WALKTHROUGH} --preset mmcv --origin bottom-left --box 40,60,200,300",
    "centres": f"{SAMPLES}/walkthrough.npy --preset torchvision --box-format cxcywh --box 8,7,5,3",
    "normalised": f"{SAMPLES}/walkthrough.npy --preset tensorflow --box 0.1,0.2,0.7,0.9",
    "over the border": f"{SAMPLES}/walkthrough.npy --preset onnx-half-pixel --box -3,-2,9,7",
    "inclusive": f"{SAMPLES}/walkthrough.npy --preset paddle --set inclusive=true --box 1,2,8,9 "
    "--offset 0.25 --spatial-scale 1/2,3/4",
    "roi pool": f"{SAMPLES}/walkthrough.npy --preset roi-pool --box 3.4,2.6,9,7 --output-size 4",
}

THOROUGH = pytest.mark.thorough

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_preset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ROIALIGN_PRESET", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def photo() -> Iterator[Client]:
    with served(*PHOTO.split(), "--output-size", "3", "--sampling-ratio", "2") as client:
        yield client


def printed(command: str, capfd: Capture) -> dict[str, Any]:
    """Return the JSON that a command line prints."""
    words = shlex.split(command)
    assert main([*words[words[0] == "roialign" :], "--format", "json"]) == 0
    record: dict[str, Any] = json.loads(capfd.readouterr().out)
    return record


# What the answer to a drag leaves out of a point.
LEFT_OUT = {"x1", "x2", "y1", "y2", "in_bounds", "neighbours"}


def check_equal_to_explain(answer: dict[str, Any], explained: dict[str, Any]) -> None:
    for name in ("preset", "convention", "frame", "feature_map", "section_size", "output"):
        assert answer[name] == explained[name], name
    assert answer["box"].items() >= explained["box"].items()
    sizes = ("x", "y", "width", "height")
    assert [answer["roi"][name] for name in sizes] == [explained["roi"][name] for name in sizes]
    pool, rounded = answer["roi_pool"], explained["roi_pool"]
    assert {name: pool[name] for name in rounded if name not in {"x", "y"}} == {
        name: value for name, value in rounded.items() if name not in {"x", "y"}
    }
    assert len(answer["sections"]) == len(explained["sections"])
    for short, full in zip(answer["sections"], explained["sections"], strict=True):
        points = [{k: v for k, v in p.items() if k not in LEFT_OUT} for p in full["points"]]
        weights = [point.pop("weight", None) for point in short["points"]]
        assert short == full | {"points": points}
        if answer["convention"]["points"] == "integral":
            # The cell is all of a point's neighbours, of which only one has a weight.
            expected = [sum(q["weight"] for q in p["neighbours"]) for p in full["points"]]
            assert weights == pytest.approx(expected)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_page_begins_with_the_numbers_of_explain(call: str, capfd: Capture) -> None:
    selected = re.sub(r" --(section|point) \d,\d", "", call)
    explained = printed(f"explain {selected}", capfd)
    with served(*call.split()) as client:
        answer = client.ask("trace")
    check_equal_to_explain(answer, explained)
    texts = [note["text"].partition(": ")[2] for note in answer["notes"]]
    assert texts == [note["text"].partition(": ")[2] for note in explained["notes"]]
    chosen = answer["chosen"]
    i, j = chosen["section"]
    section = explained["sections"][(j - 1) * len(explained["output"][0]) + i - 1]
    assert chosen["point"] in section["points"]


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_the_commands_give_the_numbers_of_the_page(call: str, capfd: Capture) -> None:
    with served(*call.split()) as client:
        left, top, right, bottom = client.ask("trace")["box"]["corners"]
        width, height = right - left, bottom - top
        dragged = [left + width / 7, top + height / 9, right - width / 8, bottom]
        changes = {"box": None, "corners": dragged, "roi": None}
        answer = client.ask("trace", **changes)
        commands = client.ask("commands", **changes)
    assert answer["box"]["corners"] == pytest.approx(dragged)
    assert all(line.startswith("roialign ") for line in commands.values())
    explain = re.sub(r" --(section|point) \d,\d", "", commands["explain"])
    check_equal_to_explain(answer, printed(explain, capfd))
    if client.start["channel"] != "norm":
        run = printed(commands["run"], capfd)
        np.testing.assert_allclose(run["rois"][0]["output"][0], answer["output"], rtol=1e-5)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_roi_pool_has_the_numbers_of_its_preset(call: str, capfd: Capture) -> None:
    with served(*call.split()) as client:
        answer = client.ask("trace")
        # The same box with the rules of ROI Pool, and without the options that change rules.
        same = {"preset": "roi-pool", "pooling": None, "sampling_ratio": None, "point": None}
        command = re.sub(r" --offset \S+", "", client.ask("commands", **same)["explain"])
    pooled = printed(re.sub(r" --section \S+", "", command), capfd)
    assert answer["roi_pool"]["output"] == pooled["output"]
    np.testing.assert_allclose(
        answer["difference"], np.subtract(answer["output"], pooled["output"])
    )
    assert answer["largest_difference"] == pytest.approx(np.abs(answer["difference"]).max())
    assert answer["roi_pool"]["width"] == pooled["roi"]["width"]
    assert [answer["roi_pool"][name] for name in "xy"] == [pooled["roi"][name] for name in "xy"]
    last = pooled["sections"][-1]
    columns, rows = answer["roi_pool"]["columns"], answer["roi_pool"]["rows"]
    for (start, stop), name in ((columns[-1], "x"), (rows[-1], "y")):
        places = {point[name] for point in last["points"]}
        assert sorted(places) == pytest.approx(np.arange(min(start, stop), max(start, stop)) + 0.5)


@pytest.mark.parametrize(
    ("call", "other"),
    [
        ("walkthrough", "torchvision-aligned"), ("a photo", "walkthrough"), ("max", "mmcv-legacy"),
        ("y up", "tensorflow"), ("centres", "paddle-legacy"), ("normalised", "roi-pool"),
        ("over the border", "openvino-asymmetric"), ("inclusive", "torchvision"),
        ("roi pool", "mmcv"),
    ],
)  # fmt: skip
def test_a_second_preset_has_the_numbers_of_explain(call: str, other: str, capfd: Capture) -> None:
    with served(*CALLS[call].split()) as client:
        answer = client.ask("trace", other=other)
        alone = client.ask("commands", preset=other, section=None, point=None)["explain"]
        compare = client.ask("commands", other=other)["compare"]
        assert "compare" not in client.ask("commands")
    second, explained = answer["other"], printed(alone, capfd)
    for name in ("preset", "convention", "section_size", "output"):
        assert second[name] == explained[name], name
    for name in ("x", "y", "width", "height"):
        assert second["roi"][name] == explained["roi"][name]
    for short, full in zip(second["sections"], explained["sections"], strict=True):
        points = [{k: v for k, v in p.items() if k not in LEFT_OUT} for p in full["points"]]
        assert short == full | {"points": points}
    differences = np.subtract(answer["output"], explained["output"])
    np.testing.assert_array_equal(answer["difference"], differences)
    assert answer["largest_difference"] == np.abs(differences).max()
    if client.start["channel"] != "norm":
        compared = printed(compare, capfd)
        assert compared["first"]["convention"] == answer["convention"]
        rules = [side["convention"] for side in (compared["second"], second)]
        assert {k for k in rules[1] if rules[0][k] != rules[1][k]} <= set(BOX_FIELDS)
        rounding = 1e-6 * np.abs(answer["output"]).max()
        if answer["feature_map"]["channels"] == 1:
            largest = answer["largest_difference"]
            assert compared["largest"] == pytest.approx(largest, abs=rounding)
        assert main([*shlex.split(compare)[1:], "--quiet", "--format", "csv"]) == 0
        rows = list(csv.DictReader(io.StringIO(capfd.readouterr().out)))
        ours = [row for row in rows if int(row["channel"]) == client.start["channel"]]
        printed_differences = [float(row["difference"]) for row in ours]
        np.testing.assert_allclose(printed_differences, -np.ravel(differences), atol=rounding)


def test_the_choices_of_the_page_apply_to_both_presets_where_they_have_the_rule() -> None:
    with served(*PHOTO.split(), "--offset", "0.25") as client:
        chosen = {"pooling": "max", "sampling_ratio": 3, "roi": None}
        second = client.ask("trace", other="torchvision", **chosen)["other"]["convention"]
        assert (second["pooling"], second["sampling_ratio"], second["offset"]) == ("max", 3, 0.25)
        second = client.ask("trace", other="walkthrough", **chosen)["other"]["convention"]
        assert (second["pooling"], second["sampling_ratio"], second["offset"]) == ("max", 0, 0.25)
        # Without a choice, each preset has its own pooling.
        answer = client.ask("trace", preset="torchvision", other="walkthrough")
        poolings = [side["convention"]["pooling"] for side in (answer, answer["other"])]
        assert poolings == ["avg", "max"]


def test_roi_pool_is_no_second_preset(photo: Client) -> None:
    answer = photo.ask("trace")
    assert answer["other"] is None
    pooled = answer["roi_pool"]["output"]
    np.testing.assert_array_equal(answer["difference"], np.subtract(answer["output"], pooled))


def test_a_second_preset_that_rejects_the_box_is_named(photo: Client) -> None:
    inverted = {"box": [200, 100, 100, 200], "roi": None, "preset": "torchvision"}
    status, argument, message = photo.refused("trace", **inverted, other="mmcv")
    assert (status, argument) == (422, "other")
    assert message.startswith("mmcv: box 0 is inverted")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_chosen(name: str, photo: Client, capfd: Capture) -> None:
    rules = PRESETS[name].convention
    # The photograph has three channels.
    rows, columns = (1, 3) if rules.channel_map == "position-sensitive" else (2, 3)
    ratio = " --sampling-ratio 2" if applicable_overrides(rules, sampling_ratio=2) else ""
    answer = photo.ask("trace", preset=name, roi=None, output_size=[rows, columns])
    explained = printed(
        f"explain {SAMPLES}/astronaut.png --stride 32 --box 170,70,272,190 --preset {name} "
        f"--box-format xyxy --origin top-left --absolute --output-size {rows}x{columns}"
        f"{ratio} --set normalized_by=size",
        capfd,
    )
    check_equal_to_explain(answer, explained)


def test_options_stay_in_force_where_a_preset_has_the_rule(photo: Client) -> None:
    with served(*PHOTO.split(), "--set", "coordinate_decimals=1", "--offset", "0") as client:
        for preset in ("torchvision-aligned", "walkthrough"):
            convention = client.ask("trace", preset=preset)["convention"]
            assert (convention["coordinate_decimals"], convention["offset"]) == (1, 0.0)
        assert client.ask("trace", preset="roi-pool")["convention"]["coordinate_decimals"] is None
    # A preset without a sampling ratio ignores that of the page; null is that of the preset.
    assert photo.ask("trace", preset="walkthrough", roi=None)["convention"]["sampling_ratio"] == 0
    assert photo.ask("trace", sampling_ratio=None)["convention"]["sampling_ratio"] == 0
    assert photo.ask("trace", pooling="max")["convention"]["pooling"] == "max"


@pytest.mark.parametrize(
    "call",
    [
        *("max", "roi pool"),
        *(pytest.param(n, marks=THOROUGH) for n in ("walkthrough", "a photo", "over the border")),
    ],
)
def test_the_texts_are_those_of_the_page_of_explain(call: str) -> None:
    with served(*CALLS[call].split()) as client:
        entry = page_answers(client.raw("page").decode())["entries"][0]
        for section in entry["trace"]["sections"][:4]:
            saved = entry["sections"]["{},{}".format(*section["section"])]
            for point in section["points"][:5]:
                at = {"section": section["section"], "point": point["point"]}
                answer = client.ask("point", **at)
                explained = saved["points"]["{},{}".format(*point["point"])]
                assert answer["point"] == explained["point"]
                assert answer["texts"]["point"] == explained["texts"]
                assert answer["texts"]["section"] == saved["texts"]


@pytest.mark.parametrize(
    "call",
    [
        "walkthrough",
        *(pytest.param(n, marks=THOROUGH) for n in ("a photo", "max", "y up")),
    ],
)
def test_the_files_are_those_that_the_commands_write(call: str) -> None:
    with served(*CALLS[call].split()) as client:
        commands = client.ask("commands", roi=None)
        picture, page = (client.raw(name, roi=None) for name in ("picture", "page"))
    assert main([*shlex.split(commands["plot"])[1:], "-q"]) == 0
    assert main([*shlex.split(commands["page"])[1:], "-q"]) == 0
    for name, made in (("steps.png", picture), ("roi.html", page)):
        is_same = Path(name).read_bytes() == made  # a report of the differences takes minutes
        assert is_same, name


def test_the_map_has_the_values_of_the_channel(photo: Client) -> None:
    pixels = np.asarray(Image.open(SAMPLES / "astronaut.png")).astype(np.float32)
    blocks = pixels.reshape(16, 32, 16, 32, 3).mean(axis=(1, 3))
    expected = {0: blocks[..., 0], "mean": blocks.mean(axis=2), "max": blocks.max(axis=2)}
    for channel, cells in expected.items():
        answer = photo.ask("map", channel=channel)
        values = np.frombuffer(base64.b64decode(answer["data"]), "<f4")
        shape = answer["rows"], answer["columns"]
        np.testing.assert_allclose(values.reshape(shape), cells, rtol=1e-5)
        assert (answer["min"], answer["max"]) == (values.min(), values.max())


def pictures(answer: dict[str, Any]) -> np.ndarray[Any, Any]:
    """Return the bytes of an answer with pictures, (channels, rows, columns)."""
    shades = np.frombuffer(base64.b64decode(answer["data"]), np.uint8)
    return shades.reshape(answer["channels"], answer["rows"], answer["columns"])


def shade(value: float, finite: list[float]) -> int:
    """Return the byte of a value in a picture with these finite values."""
    if not math.isfinite(value):
        return 255
    low, high = min(finite), max(finite)
    return 0 if low == high else round(254 * ((value - low) / (high - low)))


def test_channels_have_pictures(tmp_path: Path) -> None:
    maps = np.random.default_rng(5).normal(size=(2, 70, 9, 100))
    maps[1, 64, 2, :50] = np.nan
    maps[1, 65, 3] = np.inf
    maps[1, 66], maps[1, 67] = 7, np.nan
    maps[1, 68, 0, 0], maps[1, 68, 8, 99] = -1.7e308, 1.7e308
    np.save(tmp_path / "maps.npy", maps)
    # Every channel is in one group of at most 32, and large maps are thinned to 48 cells a side.
    places = np.linspace(0, 99, 48).round().astype(int).tolist()
    with served("maps.npy", "--preset", "mmcv", "--box", "1,2,1,7,8") as client:
        for channel, first, count in ((0, 0, 32), (31, 0, 32), (40, 32, 32), (69, 64, 6)):
            answer = client.ask("channels", channel=channel)
            assert (answer["batch_index"], answer["first"]) == (1, first)
            assert (answer["channels"], answer["rows"], answer["columns"]) == (count, 9, 48)
            for c, picture in enumerate(pictures(answer), first):
                cells = [[float(row[place]) for place in places] for row in maps[1, c]]
                finite = [value for row in cells for value in row if math.isfinite(value)]
                if c == 68:  # the range of its values is too large for a float
                    assert (picture[0, 0], picture[8, 47]) == (0, 254)
                    assert set(picture.ravel()) == {0, 127, 254}
                else:
                    assert picture.tolist() == [[shade(v, finite) for v in row] for row in cells]
        assert client.raw("channels", channel="norm") == client.raw("channels", channel=3)
        other = client.ask("channels", batch_index=0)
        assert not np.array_equal(pictures(other), pictures(client.ask("channels")))
        assert client.refused("channels", channel=70)[:2] == (422, "channel")
        assert client.refused("channels", batch_index=2)[:2] == (422, "batch_index")


def test_pictures_of_many_channels_are_a_short_answer(tmp_path: Path) -> None:
    np.save(tmp_path / "map.npy", np.ones((2048, 60, 60), np.float16))
    with served("map.npy", "--preset", "mmcv", "--box", "0,0,6,6") as client:
        assert len(client.raw("channels", channel=2047)) < 100_000


def test_values_that_are_not_finite_are_null(tmp_path: Path) -> None:
    cells = np.arange(36, dtype=np.float32).reshape(6, 6)
    cells[2, 2] = np.nan
    np.save(tmp_path / "map.npy", cells)
    with served("map.npy", "--preset", "torchvision", "--box", "0,0,6,6") as client:
        answer = client.ask("trace", output_size=[2, 2])
        assert answer["output"][0][0] is answer["difference"][0][0] is None
        assert answer["largest_difference"] > 0
        shown = client.ask("map")
        values = np.frombuffer(base64.b64decode(shown["data"]), "<f4").reshape(6, 6)
        np.testing.assert_array_equal(values, cells)
        assert (shown["min"], shown["max"]) == (0, 35)
    cells[:] = [np.inf] * 5 + [-np.inf]
    np.save(tmp_path / "map.npy", cells)
    with served("map.npy", "--preset", "torchvision", "--box", "0,0,6,6") as client:
        for channel in (0, "mean", "norm"):
            answer = client.ask("trace", channel=channel)
            assert answer["output"][0][0] is answer["difference"][0][0] is None
            assert answer["largest_difference"] == 0
            for question in ("point", "commands"):
                assert client.raw(question, channel=channel)
            assert client.ask("map", channel=channel)["min"] is None
        for question in ("page", "picture"):
            assert client.raw(question)


def test_other_maps_can_be_chosen(tmp_path: Path, capfd: Capture) -> None:
    np.save(tmp_path / "maps.npy", np.random.default_rng(3).random((2, 3, 9, 9), np.float32))
    with served("maps.npy", "--preset", "mmcv", "--box", "1,2,1,7,8") as client:
        assert client.start["batch_index"] == 1
        answers = [client.ask("trace", batch_index=n, roi=None) for n in (0, 1)]
        assert answers[0]["output"] != answers[1]["output"]
        for n, answer in enumerate(answers):
            command = client.ask("commands", batch_index=n, roi=None)["explain"]
            assert printed(command, capfd)["output"] == answer["output"]
        assert client.refused("trace", batch_index=2)[:2] == (422, "batch_index")


def test_many_points_are_not_listed(tmp_path: Path) -> None:
    np.save(tmp_path / "large.npy", np.zeros((400, 400), np.float32))
    with served("large.npy", "--preset", "mmcv", "--box", "0,0,390,390") as client:
        answer = client.ask("trace", output_size=[12, 12], section=[3, 5])
        listed = [s["section"] for s in answer["sections"] if s["points"]]
        assert listed == [[3, 5]]
        assert answer["n_points"] == 33 * 33 * 144
        assert answer["points_listed"] == 33 * 33
        # The points of the chosen preset come first; the second preset has what is left of 2000.
        sizes = {"output_size": [12, 12], "section": [3, 5]}
        both = client.ask("trace", other="torchvision", **sizes)
        assert both["points_listed"] == 33 * 33
        assert (both["other"]["n_points"], both["other"]["points_listed"]) == (33 * 33 * 144, 0)
        few = client.ask("trace", other="tensorflow", **sizes)
        assert few["points_listed"] == 33 * 33
        assert few["other"]["points_listed"] == few["other"]["n_points"] == 144
        wide = client.ask("trace", output_size=[2, 2])
        assert wide["points_listed"] == 0
        assert client.refused("point", output_size=[2, 2])[:2] == (422, "point")


def test_the_page_has_what_it_needs_once(photo: Client) -> None:
    status, content, headers = photo.get()
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    text = content.decode().partition('id="session">')[2].partition("</script>")[0]
    session = json.loads(text)
    assert session["state"] == photo.start
    assert [row["name"] for row in session["presets"]] == list(PRESETS)
    assert [box["name"] for box in session["boxes"]] == ["face", "patch", "helmet"]
    assert session["boxes"][0]["box"] == [170, 70, 272, 190]
    photograph = {"width": 512, "height": 512, "stride": 32, "address": "image"}
    assert session["image"] == photograph | {"channels": ["red", "green", "blue"]}
    assert session["box"]["spatial_scale"] == {"x": 1 / 32, "y": 1 / 32}
    status, content, headers = photo.get("image")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    with Image.open(io.BytesIO(content)) as sent, Image.open(SAMPLES / "astronaut.png") as original:
        np.testing.assert_array_equal(np.asarray(sent), np.asarray(original))
    for name, kind in (("main.js", "text/javascript"), ("page.css", "text/css")):
        status, _, headers = photo.get(name)
        assert (status, headers.get_content_type()) == (200, kind)


def test_a_label_cannot_end_the_script_element(tmp_path: Path) -> None:
    lines = "label,x1,y1,x2,y2\n</script><script>alert(1)</script>,1,1,5,5\n"
    (tmp_path / "boxes.csv").write_text(lines, encoding="utf-8")
    words = [f"{SAMPLES}/walkthrough.npy", "--preset", "mmcv", "--boxes", "boxes.csv"]
    with served(*words) as client:
        content = client.get()[1].decode()
    assert "alert(1)</script" not in content
    assert content.count("</script>") == 2


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("height", [None, 512.0])
@pytest.mark.parametrize("box_format", ["xyxy", "xywh", "cxcywh", "yxyx"])
def test_corners_are_written_as_boxes(
    box_format: Any, height: float | None, *, inclusive: bool
) -> None:
    boxes = np.array([[296.0, 320.0, 400.0, 445.0], [1.5, 2.25, 8.0, 9.0]])
    xyxy = corners(boxes, box_format, height, inclusive=inclusive)
    again = written_as(xyxy, box_format, height, inclusive=inclusive)
    np.testing.assert_allclose(again, boxes)
