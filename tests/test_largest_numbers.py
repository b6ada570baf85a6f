"""Numbers whose differences, squares and sums overflow: no warning, which pytest makes an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roialign_cli import compare, identify, roi_align
from roialign_cli.cli.main import main
from roialign_cli.cli.plot_views import VIEWS

BOXES = [[1.37, 2.11, 8, 7], [3, 1, 7, 9.0]]


def features(kind: str) -> NDArray[Any]:
    """Return a map of two channels with numbers up to the largest of a kind."""
    drawn = np.random.default_rng(0).uniform(-1, 1, (2, 10, 10)).astype(kind)
    return np.asarray(drawn * np.finfo(kind).max)


@pytest.mark.parametrize(
    "view",
    [pytest.param(v, marks=pytest.mark.thorough if n % 2 else ()) for n, v in enumerate(VIEWS)],
)
@pytest.mark.parametrize("kind", [pytest.param("f4", marks=pytest.mark.thorough), "f8"])
def test_pictures(kind: str, view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", features(kind))
    call = ["plot", "map.npy", "--preset", "torchvision", "--box", "1,2,5,6", "--view", view]
    call += ["--with", "mmcv"] if view == "compare" else []
    assert main([*call, "-o", "out.svg"]) == 0


@pytest.mark.parametrize(
    "view", [pytest.param("steps", marks=pytest.mark.thorough), "sections", "overlay"]
)
def test_pictures_of_boxes_far_away(
    view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("map.npy", features("f4"))
    call = ["plot", "map.npy", "--preset", "torchvision", "--sampling-ratio", "2"]
    call += ["--box=-1e30,-1e30,1e30,1e30", "--view", view]
    assert main([*call, "-o", "out.svg"]) == 0


@pytest.mark.parametrize("kind", ["f4", pytest.param("f8", marks=pytest.mark.thorough)])
def test_a_search(kind: str) -> None:
    given = features(kind)
    options: dict[str, Any] = {"convention": "mmcv", "box_format": "xyxy", "spatial_scale": 1}
    expected = roi_align(given, BOXES, 3, convention="mmcv", sampling_ratio=2)
    found = identify(given, BOXES, expected, **options)
    assert found.matches[0].hypothesis.convention.sampling_ratio == 2
    assert not identify(given, BOXES, expected[::-1], **options).matches


def test_a_comparison_has_a_finite_mean() -> None:
    given = features("f8")
    outputs = roi_align(given, BOXES, 3, convention="mmcv")
    comparison = compare(given, BOXES, 3, convention="mmcv", other=outputs / 4)
    assert comparison.mean == pytest.approx(0.75 * np.abs(outputs / outputs.size).sum())
    other = compare(given, BOXES, 3, convention="mmcv", other="torchvision")
    assert np.isfinite(other.largest)
    assert other.reasons
