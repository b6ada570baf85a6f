"""A recording of one pyramid in place of FEATURES: its maps, boxes, rule and parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import Call, roi_align_pyramid
from roialign_cli.calls.bfloat16 import narrowed, widened
from roialign_cli.calls.call import PyramidLevel
from roialign_cli.calls.recording import new_recording
from roialign_cli.cli.main import main
from roialign_cli.core.pyramid_operation import make_pyramid_operation
from tests.explore_client import served

Capture = pytest.CaptureFixture[str]
RANDOM = np.random.default_rng(17)
SIZE = (256, 320)  # of the image, height and width
MAPS = [
    RANDOM.normal(size=(2, 3, SIZE[0] >> level, SIZE[1] >> level)).astype(np.float32)
    for level in (2, 3, 4, 5)
]
LEFT = RANDOM.uniform(0, 150, (40, 2))
BOXES = np.hstack([LEFT, LEFT + RANDOM.uniform(10, 170, (40, 2))])
INDEX = RANDOM.integers(0, 2, 40)
RULE: dict[str, Any] = {"pyramid": "torchvision", "image_size": SIZE, "batch_index": INDEX}
RULE |= {"convention": "torchvision", "sampling_ratio": 2}


def recorded(
    folder: str = "calls",
    rule: str | None = "torchvision",
    outputs: list[Any] | None = None,
    **changes: Any,
) -> None:
    """Record the calls of a pyramid as torchvision makes them, one on each map."""
    operation = make_pyramid_operation(MAPS, BOXES, 7, **RULE)
    with new_recording(Path(folder), force=True) as writer:
        for number, features in enumerate(MAPS):
            rows = np.flatnonzero(operation.index == number)
            given: dict[str, Any] = {
                "features": features,
                "boxes": BOXES[rows],
                "batch_index": INDEX[rows],
                "rows": rows,
                "output": None if outputs is None else outputs[number],
                "output_size": 7,
                "spatial_scale": operation.scales[number],
                "preset": "torchvision",
                "fields": {"sampling_ratio": 2},
                "operator": "torchvision.ops.roi_align",
                "level": PyramidLevel(0, number, len(MAPS), rule, SIZE),
            }
            writer.add(Call(**(given | changes)))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recorded()


def test_run_pools_every_box_from_its_map(capsys: Capture) -> None:
    assert main(["run", "calls", "-q", "-o", "out.npy"]) == 0
    np.testing.assert_array_equal(np.load("out.npy"), roi_align_pyramid(MAPS, BOXES, 7, **RULE))
    assert "note" not in capsys.readouterr().err
    assert (
        main(
            [
                "run",
                "calls",
                "-q",
                "-o",
                "out.npy",
                "--force",
                "--sampling-ratio",
                "1",
                "--output-size",
                "3",
            ]
        )
        == 0
    )
    other = roi_align_pyramid(MAPS, BOXES, 3, **(RULE | {"sampling_ratio": 1}))
    np.testing.assert_array_equal(np.load("out.npy"), other)


def test_explain_begins_with_the_level(capsys: Capture) -> None:
    assert main(["explain", "calls", "--roi", "5", "-q", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = roi_align_pyramid(MAPS, BOXES, 7, **RULE)[5, 0]
    np.testing.assert_allclose(found["output"], expected, atol=1e-6)
    assert found["pyramid"]["map_index"] == make_pyramid_operation(MAPS, BOXES, 7, **RULE).index[5]
    assert found["recorded_call"]["file"] == "calls"


def test_an_unknown_rule_needs_an_option(capsys: Capture) -> None:
    recorded(rule=None)
    assert main(["run", "calls", "-q"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    remedy = "name one, such as calls/call-0000.npz, or add --pyramid RULE"
    assert f"calls: has 4 calls; {remedy}; `roialign capture calls` lists them" in error
    assert main(["run", "calls", "-q", "--pyramid", "torchvision", "-o", "out.npy"]) == 0
    np.testing.assert_array_equal(np.load("out.npy"), roi_align_pyramid(MAPS, BOXES, 7, **RULE))


@pytest.mark.parametrize(
    ("numbers", "remedy"),
    [((0, 1), "all 4 calls of the pyramid"), ((0, 0, 1, 2), "those of one pyramid")],
)
def test_a_part_of_a_pyramid_needs_the_other_calls(
    numbers: tuple[int, ...], remedy: str, capsys: Capture
) -> None:
    recorded(rows=None)
    files = [f"calls/call-{number:04}.npz" for number in numbers]
    assert main(["run", *files, "-q", "--pyramid", "torchvision"]) == 2
    words = f"has {len(numbers)} calls; name one, such as {files[0]}, or {remedy}"
    assert words in capsys.readouterr().err


def test_a_search_finds_the_rule(capsys: Capture) -> None:
    output = roi_align_pyramid(MAPS, BOXES, 7, **RULE)
    operation = make_pyramid_operation(MAPS, BOXES, 7, **RULE)
    outputs = [output[operation.index == number] for number in range(len(MAPS))]
    recorded(rule=None, outputs=outputs)
    assert main(["identify", "calls", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"name": "torchvision", "broken": [], "problem": None} in found["rules"]
    assert found["recorded_call"]["file"] == "calls"
    assert found["stated"] == {
        "agrees": True, "rows": 40, "max_difference": 0, "differences": [], "pyramid": None
    }  # fmt: skip
    recorded(outputs=outputs)
    assert main(["compare", "calls", "-q", "--max-difference", "0"]) == 0


def test_boxes_on_other_maps_than_the_rule_chooses_are_noted(capsys: Capture) -> None:
    recorded(rule="detectron2")
    assert main(["run", "calls", "-q", "-o", "out.npy", "--image-size", "640x512"]) == 0
    assert "recorded on another map than detectron2 chooses" in capsys.readouterr().err


def test_boxes_without_rows_are_in_the_order_of_the_maps(capsys: Capture) -> None:
    recorded(rows=None)
    assert main(["run", "calls", "-q", "-o", "out.npy"]) == 0
    assert "without rows, the boxes are in the order of the maps" in capsys.readouterr().err
    order = np.argsort(make_pyramid_operation(MAPS, BOXES, 7, **RULE).index, kind="stable")
    expected = roi_align_pyramid(MAPS, BOXES, 7, **RULE)[order]
    np.testing.assert_array_equal(np.load("out.npy"), expected)


def test_bfloat16_maps_are_numbers() -> None:
    maps = [widened(narrowed(features)) for features in MAPS]
    recorded(bfloat16=("features",))
    assert main(["run", "calls", "-q", "-o", "out.npy"]) == 0
    np.testing.assert_array_equal(np.load("out.npy"), roi_align_pyramid(maps, BOXES, 7, **RULE))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_index": 0, "boxes": BOXES[:1], "rows": [0]}, "rows that are not those of one"),
        ({"boxes": np.zeros((0, 4)), "batch_index": [], "rows": []}, "calls without boxes"),
    ],
)
def test_calls_that_are_no_pyramid_are_refused(
    changes: dict[str, Any], words: str, capsys: Capture
) -> None:
    recorded(**changes)
    assert main(["run", "calls", "-q"]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("options", ["--box 1,2,3,4", "--layout HW", "--spatial-scale 2"])
def test_options_that_contradict_a_pyramid_are_refused(options: str, capsys: Capture) -> None:
    assert main(f"run calls -q {options}".split()) == 2
    assert options.split(maxsplit=1)[0] in capsys.readouterr().err


def outputs_of(**changes: Any) -> list[Any]:
    """Return the output of the call on each map, with changes of the rules that `recorded` has."""
    index = make_pyramid_operation(MAPS, BOXES, 7, **RULE).index
    output = roi_align_pyramid(MAPS, BOXES, 7, **(RULE | changes))
    return [output[index == number] for number in range(len(MAPS))]


def identified(capsys: Capture, *options: str) -> str:
    main(["identify", "calls", *options])
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.thorough
def test_what_a_recording_states_is_compared_with_its_output(capsys: Capture) -> None:
    recorded(outputs=outputs_of())
    text = identified(capsys)
    assert "The parameters that the call states reproduce the output: largest difference 0" in text
    assert "The recorded rule, torchvision, explains the level of every box that matches." in text
    recorded(outputs=outputs_of(sampling_ratio=3))
    assert "The parameters that the call states do not reproduce the output" in identified(capsys)
    recorded(outputs=outputs_of(pyramid="matterport"))
    record = json.loads(identified(capsys, "--format", "json"))["stated"]
    expected = make_pyramid_operation(MAPS, BOXES, 7, **(RULE | {"pyramid": "matterport"})).index
    others = np.flatnonzero(make_pyramid_operation(MAPS, BOXES, 7, **RULE).index != expected)
    assert 0 < len(others) < 40
    assert record["pyramid"] == {"name": "torchvision", "broken": others.tolist()}
    assert (record["agrees"], record["rows"]) == (False, 40 - len(others))


def test_an_output_in_bfloat16_is_compared_with_its_precision(capsys: Capture) -> None:
    rounded = [widened(narrowed(output)) for output in outputs_of()]
    recorded(outputs=rounded, bfloat16=("output",))
    assert main(["identify", "calls"]) == 0
    assert "levels by torchvision" in " ".join(capsys.readouterr().out.split())


def test_explore_begins_with_a_recorded_box(capsys: Capture) -> None:
    with served("calls", "--roi", "3") as client:
        assert client.start["box"] == BOXES[3].tolist()
        assert client.start["roi"] == 3
    assert "the page begins with" not in capsys.readouterr().err
