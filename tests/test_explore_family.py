"""Position-sensitive operators, weighted cells and points off the map on the page of `explore`."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roialign_cli.analysis.trace import trace
from roialign_cli.cli.main import main
from roialign_cli.core.presets import PRESETS
from roialign_cli.page import saved
from tests import oracle
from tests.explore_client import Client, served
from tests.saved_page import page_answers
from tests.test_explore import check_equal_to_explain, printed

POSITION_SENSITIVE = [
    n for n in PRESETS if PRESETS[n].convention.channel_map == "position-sensitive"
]
BOX = (1.3, 2.1, 9.2, 8.4)
SIZE = (2, 3)  # rows, columns: six channels for each output channel
Capture = pytest.CaptureFixture[str]


def maps() -> NDArray[np.float32]:
    """Return twelve channels, of which each has values of its own range."""
    noise = np.random.default_rng(11).random((12, 10, 12), np.float32)
    return noise + np.arange(12, dtype=np.float32)[:, None, None] * 2


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    file = tmp_path_factory.mktemp("maps") / "maps.npy"
    np.save(file, maps())
    box = ",".join(map(str, BOX))
    words = ["--preset", "torchvision-aligned", "--box", box, "--output-size", "2x3"]
    with served(str(file), *words) as opened:
        yield opened


def values(answer: dict[str, Any]) -> NDArray[np.float32]:
    """Return the values of an answer to `map`."""
    data: NDArray[np.float32] = np.frombuffer(base64.b64decode(answer["data"]), "<f4")
    return data.reshape(answer["rows"], answer["columns"])


def slow(name: str, channel: int) -> oracle.Call:
    """Return the call of the oracle on one output channel."""
    own = maps()[channel * 6 : channel * 6 + 6]
    return oracle.Call(own, BOX, SIZE, PRESETS[name].convention, (1.0, 1.0))


@pytest.mark.parametrize("name", POSITION_SENSITIVE)
@pytest.mark.parametrize("channel", [0, 1])
def test_the_map_is_that_of_the_chosen_section(name: str, channel: int, client: Client) -> None:
    rules = {"preset": name, "channel": channel}
    answer = client.ask("trace", **rules)
    assert (answer["feature_map"]["channels"], answer["feature_map"]["channel"]) == (2, channel)
    np.testing.assert_allclose(answer["output"], slow(name, channel).output(), rtol=1e-5)
    for j in range(2):
        for i in range(3):
            at = {"section": [i + 1, j + 1]}
            read = channel * 6 + j * 3 + i
            chosen, shown = client.ask("trace", **rules, **at)["chosen"], client.ask(
                "map", **rules, **at
            )  # fmt: skip
            assert chosen["channel"] == shown["channel"] == read
            np.testing.assert_array_equal(values(shown), maps()[read])
            # The values of the neighbours are those of the map that is drawn.
            for q in chosen["point"]["neighbours"]:
                assert q["value"] == maps()[read, q["row"], q["column"]]
            point = client.ask("value", **rules, **at)["point"]
            assert point == chosen["point"]
    # Without a choice, the map is that of the section that `explain` chooses.
    assert client.ask("map", **rules)["channel"] == answer["chosen"]["channel"]


@pytest.mark.parametrize("name", ["ps-roi-align", "prroi-pool", "model-garden", "od-api"])
def test_the_commands_give_the_numbers_of_the_page(
    name: str, client: Client, capfd: Capture
) -> None:
    # Over two edges of the map.
    box = {"box": [-1.5, -2, 6, 5], "roi": None, "preset": name, "channel": 1}
    answer, commands = client.ask("trace", **box), client.ask("commands", **box)
    check_equal_to_explain(answer, printed(commands["explain"], capfd))
    run = printed(commands["run"], capfd)
    np.testing.assert_allclose(run["rois"][0]["output"][0], answer["output"], rtol=1e-5)


def test_roi_pool_reads_the_channels_of_the_sections(client: Client) -> None:
    answer = client.ask("trace", preset="ps-roi-align", channel=1)
    pooled = [
        [client.ask("trace", channel=6 + 3 * j + i)["roi_pool"]["output"][j][i] for i in range(3)]
        for j in range(2)
    ]
    assert answer["roi_pool"]["output"] == pooled


def test_an_edit_of_the_map_that_is_drawn_changes_its_section(client: Client) -> None:
    rules = {"preset": "ps-roi-align", "channel": 1, "section": [2, 1]}
    before, shown = client.ask("trace", **rules), client.ask("map", **rules)
    cell = before["chosen"]["point"]["neighbours"][0]
    edit = [0, shown["channel"], cell["row"], cell["column"], 99.0]
    after = client.ask("trace", **rules, edits=[edit])
    changed = np.not_equal(after["output"], before["output"])
    assert np.argwhere(changed).tolist() == [[0, 1]]
    edited = client.ask("map", **rules, edits=[edit])
    place = {"row": cell["row"], "column": cell["column"]}
    assert edited["edits"] == [place | {"value": 99.0, "rounded": False}]
    assert client.ask("map", **rules | {"section": [1, 1]}, edits=[edit])["edits"] == []


@pytest.mark.parametrize(
    ("changes", "argument", "message"),
    [
        ({"preset": "ps-roi-align", "output_size": [5, 2]}, "preset",
         "12 channels cannot be divided among 5 × 2 sections; ps-roi-align needs a multiple of 10 "
         "channels; choose another preset or output size"),
        ({"preset": "ps-roi-align", "channel": 2}, "channel", "out of range"),
        ({"preset": "ps-roi-align", "channel": "mean"}, "channel", "use an index"),
        ({"preset": "prroi-pool", "pooling": "max"}, "pooling", "use avg"),
        ({"other": "ps-roi-align", "output_size": [5, 2]}, "other", "choose another preset"),
        ({"other": "prroi-pool", "pooling": "max"}, "other", "use avg"),
    ],
)  # fmt: skip
def test_what_a_preset_cannot_do_is_said_with_a_remedy(
    changes: Any, argument: str, message: str, client: Client
) -> None:
    status, wrong, said = client.refused("trace", **changes)
    assert (status, wrong) == (422, argument)
    assert message in said


def test_a_second_preset_reads_its_own_channels(client: Client) -> None:
    answer = client.ask("trace", other="ps-roi-align", channel=1)
    alone = client.ask("trace", preset="ps-roi-align", channel=1)
    assert answer["other"]["output"] == alone["output"]
    assert answer["output"] == client.ask("trace", channel=1)["output"]
    assert client.ask("map", other="ps-roi-align", channel=1)["channel"] == 1
    # Their outputs have different numbers of channels.
    assert "compare" not in client.ask("commands", other="ps-roi-align")
    pair = {"preset": "ps-roi-pool", "other": "ps-roi-align"}
    assert "compare" in client.ask("commands", **pair)


def test_pictures_are_of_the_channels_of_the_map(tmp_path: Path) -> None:
    np.save(tmp_path / "maps.npy", np.repeat(maps(), 4, axis=0))
    words = [f"{tmp_path}/maps.npy", "--preset", "ps-roi-align", "--box", "1,1,8,8"]
    with served(*words, "--output-size", "4") as client:
        assert client.ask("trace")["feature_map"]["channels"] == 3
        answer = client.ask("channels", channel=40)
        assert (answer["first"], answer["channels"]) == (32, 16)


def test_the_cells_of_an_integral_have_their_weights(client: Client) -> None:
    answer = client.ask("trace", preset="prroi-pool", channel=4)
    cells = maps()[4]
    rules = PRESETS["prroi-pool"].convention
    sections = oracle.Call(cells, BOX, SIZE, rules, (1.0, 1.0)).sections()
    assert len(sections) == 6
    for section in answer["sections"]:
        expected = sections[tuple(section["section"])].points
        assert len(section["points"]) == len(expected)
        for point in section["points"]:
            weights = [weight for *_, weight in expected[tuple(point["point"])].neighbours]
            assert point["weight"] == pytest.approx(sum(weights), abs=1e-9)
            row, column = int(point["y"] - 0.5), int(point["x"] - 0.5)
            assert point["value"] == pytest.approx(point["weight"] * cells[row, column])
        total = sum(point["weight"] for point in section["points"])
        assert total == pytest.approx(1)  # the whole section is on the map
        summed = sum(point["value"] for point in section["points"])
        assert summed == pytest.approx(section["output"], rel=1e-5)
    status, argument, _ = client.refused("value", preset="prroi-pool", position=[3, 4])
    assert (status, argument) == (422, "position")


def test_the_sampling_ratio_is_enabled_where_it_has_an_effect(client: Client) -> None:
    page = client.get()[1].decode()
    record = page.partition('id="session">')[2].partition("</script>")[0]
    presets = {row["name"]: row for row in json.loads(record)["presets"]}
    for name, row in presets.items():
        counts = [
            client.ask("trace", preset=name, sampling_ratio=ratio)["n_points"]
            for ratio in (None, 1, 3)
        ]
        has_effect = counts[1] != counts[2]
        assert (row["sampling_ratio"] is not None) == has_effect, name
        if row["sampling_ratio"]:
            given = client.ask("trace", preset=name, sampling_ratio=row["sampling_ratio"])
            assert given["n_points"] == counts[0], name
        assert row["framework"] == PRESETS[name].framework
    own = {name: presets[name]["sampling_ratio"] for name in ("mindspore", "model-garden")}
    assert own == {"mindspore": 2, "model-garden": 1}


def test_the_sampling_ratio_along_x_is_kept(tmp_path: Path, capfd: Capture) -> None:
    np.save(tmp_path / "maps.npy", maps())
    words = f"{tmp_path}/maps.npy --preset nnapi --box 1,1,9,9 --output-size 2 --sampling-ratio 2"
    with served(*words.split(), "--set", "sampling_ratio_x=3") as client:
        assert client.start["sampling_ratio_x"] == 3
        for changes in ({}, {"preset": "coreml"}, {"sampling_ratio_x": 5}, {"sampling_ratio": 4}):
            ratios = {k: client.start[k] for k in ("sampling_ratio", "sampling_ratio_x")} | changes
            answer = client.ask("trace", **changes, roi=None)
            across = ratios["sampling_ratio_x"]
            assert answer["n_points"] == 4 * ratios["sampling_ratio"] * across
            command = client.ask("commands", **changes, roi=None)["explain"]
            assert f"sampling_ratio_x={across}" in command
            check_equal_to_explain(answer, printed(command, capfd))
        # Null is the sampling ratio along y.
        assert client.ask("trace", sampling_ratio_x=None)["n_points"] == 4 * 2 * 2


def test_a_saved_page_has_the_maps_of_all_sections(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = page_answers(client.raw("page", preset="ps-roi-align", channel=1).decode())
    by_channel = {m["channel"]: values(m) for m in answers["maps"]}
    assert set(by_channel) == set(range(12))
    for channel, cells in by_channel.items():
        np.testing.assert_array_equal(cells, maps()[channel])
    for entry in answers["entries"]:
        channel = entry["trace"]["feature_map"]["channel"]
        read = {at: section["channel"] for at, section in entry["sections"].items()}
        expected = {f"{i + 1},{j + 1}": channel * 6 + j * 3 + i for i in range(3) for j in range(2)}
        assert read == expected
    # Many maps have fewer values each.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(saved, "_MAX_MAP_VALUES", 36 * 50 * 50)
    np.save("large.npy", np.ones((36, 60, 60), np.float32))
    call = (
        "explain large.npy --preset ps-roi-align --box 1,1,50,50 --output-size 6 "
        "--sampling-ratio 1 -o roi.html -q"
    )
    assert main(shlex.split(call)) == 0
    large = page_answers(Path("roi.html").read_text(encoding="utf-8"))["maps"]
    assert [(m["channel"], m["rows"], m["columns"]) for m in large] == [
        (k, 50, 50) for k in range(36)
    ]


@pytest.mark.parametrize("name", ["torchvision-aligned", "ps-roi-align"])
def test_a_notebook_has_the_page_of_any_channel(name: str) -> None:
    traced = trace(maps(), [BOX], SIZE, convention=name, channel=1)
    shown = re.search(r'srcdoc="(.*?)" title', str(traced._repr_html_()), re.DOTALL)
    assert shown is not None
    answers = page_answers(unescape(shown[1]))
    (entry,) = answers["entries"]
    assert entry["trace"]["output"] == [list(row) for row in traced.output]
    read = [1] if name == "torchvision-aligned" else [*range(6, 12)]
    assert [m["channel"] for m in answers["maps"]] == read
    for channel, answer in zip(read, answers["maps"], strict=True):
        np.testing.assert_array_equal(values(answer), maps()[channel])
