"""What does not fit into memory is refused before it is made."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from roialign_cli import RoiAlignError, memory, roi_align, trace
from roialign_cli.cli.main import main
from roialign_cli.memory import available_memory, check_fits

CALL: dict[str, Any] = {"convention": "torchvision", "boxes": [[1, 1, 8, 8]], "output_size": 7}
MAP = np.arange(100, dtype=np.float32).reshape(10, 10)


def test_free_memory_is_known_or_without_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_memory() > 1e6

    def missing(*_: object, **__: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert available_memory() > 1e6
    monkeypatch.delattr(os, "sysconf")
    assert available_memory() == math.inf


def test_the_error_says_how_much_and_what_needs_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 1e9)
    check_fits("dpi", 0.9e9, "pixels take", "fewer")
    with pytest.raises(RoiAlignError) as caught:
        check_fits("dpi", 2e9, "100 pixels take", "fewer need less")
    said = "dpi: 100 pixels take 2 GB, more than the 1 GB that is free; fewer need less"
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("features", "changes"),
    [
        (MAP, {"pooling": "max", "sampling_ratio": 100_000}),
        (MAP, {"pooling": "max", "sampling_ratio": 100_000, "convention": "onnx-half-pixel"}),
        (MAP, {"output_size": 1 << 16, "sampling_ratio": 100_000}),
        (np.where(MAP == 33, math.nan, MAP), {"sampling_ratio": 30_000}),
    ],
)
def test_points_that_do_not_fit_are_refused(
    features: Any, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 2e9)
    with pytest.raises(RoiAlignError, match=r"sampling_ratio: \d+ .*points take .* that is free"):
        roi_align(features, **(CALL | changes))


def test_an_average_of_many_points_takes_little() -> None:
    many = roi_align(MAP, **CALL, sampling_ratio=10_000)
    few = roi_align(MAP, **CALL, sampling_ratio=100)
    np.testing.assert_allclose(many, few, rtol=1e-4)


def test_a_picture_that_does_not_fit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", MAP)
    monkeypatch.setattr(memory, "available_memory", lambda: 2e9)
    call = ["plot", "map.npy", "--preset", "torchvision", "--box", "1,1,8,8", "-o", "out.png"]
    assert main([*call, "--view", "output", "--dpi", "1200", "--width", "40"]) == 2
    said = capfd.readouterr().err
    assert said.startswith("roialign: --dpi: 48000 × ")
    assert "more than the 2 GB that is free; use a smaller --dpi or --width" in said
    assert not Path("out.png").exists()


def test_one_section_of_many_is_traced_alone() -> None:
    call = CALL | {"output_size": 500, "sampling_ratio": 2}
    traced = trace(MAP, **call)
    assert traced.n_points == 10**6
    assert len(traced.sections) == 500 * 500
    assert traced.section(500, 1) is traced.sections[499]
    assert [s.section for s in traced.sections[499:501]] == [(500, 1), (1, 2)]
    np.testing.assert_allclose(traced.output, roi_align(MAP, **call)[0, 0], rtol=1e-5)
