"""The answers of `identify` name what to do, and print lines that people can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from roialign_cli import roi_align
from roialign_cli.cli.main import main
from roialign_cli.search.changes import BOX_CHANGES, FEATURE_CHANGES, RELU_AFTER, RELU_BEFORE
from roialign_cli.search.mistakes import EXPORT_MISTAKES, RULE_MISTAKES
from roialign_cli.search.remedies import DEVIATION_REMEDIES
from roialign_cli.show.document.abridged import abridged


def test_every_mistake_has_a_remedy() -> None:
    assert {*EXPORT_MISTAKES, *RULE_MISTAKES} <= DEVIATION_REMEDIES.keys()


def test_remedies_are_sentences() -> None:
    changes = [*FEATURE_CHANGES, *BOX_CHANGES, RELU_BEFORE, RELU_AFTER]
    for remedy in [*DEVIATION_REMEDIES.values(), *(change.remedy for change in changes)]:
        assert remedy[0].isupper()
        assert remedy[-1] in ".:"  # code follows a colon


def test_shortened_lines_make_the_same_arrays() -> None:
    order, numbers = list(range(60, 0, -1)), [0.5 * n - 7 for n in range(40)]
    lines = [
        f"boxes = boxes[{order}]",
        f"output = output * np.array({numbers})[:, None] + np.array({numbers[::-1]})[:, None]",
        f"output[np.r_[1, 0, 2:30, {', '.join(map(str, range(30, 60, 2)))}]] = 0",
    ]
    short, arrays = abridged(lines)
    assert list(arrays) == ["rows", "gain", "bias", "rows_2"]
    assert max(map(len, short)) < 100
    made = []
    for code in (lines, short):
        variables = {"np": np, "boxes": np.arange(99), "output": np.ones((60, 40, 3)), **arrays}
        exec("\n".join(code), variables)  # noqa: S102 - the code is the project's own
        made.append((variables["boxes"], variables["output"]))
    for one, other in zip(*made, strict=True):
        np.testing.assert_array_equal(one, other)


def test_compare_refers_to_identify_for_missing_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    features = np.random.default_rng(0).normal(size=(1, 3, 16, 16)).astype(np.float32)
    boxes = np.array([[1, 1, 9, 9], [2, 3, 8, 12], [0, 0, 15, 15]], np.float32)
    np.save("map", features)
    np.save("boxes", boxes)
    np.save("out", roi_align(features, boxes, (7, 7), convention="torchvision")[:2])
    words = "compare map.npy --boxes boxes.npy --preset torchvision --with out.npy"
    assert main(words.split()) == 2
    assert "or run `roialign identify`" in " ".join(capsys.readouterr().err.split())
