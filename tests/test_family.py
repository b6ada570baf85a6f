"""The wider family: operators from their definitions, the table's filters, and a new row."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention, RoiAlignError, compare, roi_align, trace
from roialign_cli.cli.main import main
from roialign_cli.core import pooling
from roialign_cli.core.preset import Preset
from roialign_cli.core.presets import preset
from roialign_cli.search.mistakes import EXPORT_MISTAKES, MISTAKES
from roialign_cli.show.document.conventions import in_full
from tests.oracle import Call

Array = NDArray[Any]
Capture = pytest.CaptureFixture[str]

RANDOM = np.random.default_rng(5)
MAP = RANDOM.normal(size=(9, 11))


def surface(x: float, y: float) -> float:
    """Return the bilinear surface through the cells of `MAP`, with cells of 0 around them."""
    around = np.pad(MAP, 2)
    column, row = int(np.floor(x)), int(np.floor(y))
    if not (-2 <= row <= MAP.shape[0] and -2 <= column <= MAP.shape[1]):
        return 0.0
    across, down = x - column, y - row
    (a, b), (c, d) = around[row + 2 : row + 4, column + 2 : column + 4]
    upper, lower = a * (1 - across) + b * across, c * (1 - across) + d * across
    return float(upper * (1 - down) + lower * down)


def nodes(low: float, high: float) -> list[tuple[float, float]]:
    """Return nodes and weights that integrate the surface exactly along an axis.

    Two Gauss nodes are exact for each piece, on which the surface is linear.
    """
    knots = [low, *range(int(np.floor(low)) + 1, int(np.ceil(high))), high]
    found = []
    for left, right in itertools.pairwise(knots):
        middle, half = (left + right) / 2, (right - left) / 2
        found += [(middle + sign * half / np.sqrt(3), half) for sign in (-1, 1)]
    return found


def test_prroi_pool_is_the_integral_of_the_surface() -> None:
    corner = RANDOM.uniform(-4, 11, (200, 2))
    boxes = np.hstack([corner, corner + RANDOM.uniform(0.01, 9, (200, 2))])
    out = roi_align(MAP, boxes, (2, 3), convention="prroi-pool")[:, 0]
    for box, sections in zip(boxes, out, strict=True):
        x1, y1, x2, y2 = box
        height, width = (y2 - y1) / 2, (x2 - x1) / 3
        for j, i in np.ndindex(2, 3):
            across = nodes(x1 + i * width, x1 + (i + 1) * width)
            down = nodes(y1 + j * height, y1 + (j + 1) * height)
            integral = sum(v * w * surface(x, y) for x, v in across for y, w in down)
            assert sections[j, i] == pytest.approx(integral / (height * width), abs=1e-6)


def test_prroi_pool_has_no_area_in_empty_and_inverted_boxes() -> None:
    boxes = [[3, 3, 3, 5], [5, 2, 3, 4], [3, 3, 3, 3]]
    assert (roi_align(MAP, boxes, 2, convention="prroi-pool") == 0).all()


def test_roi_warp_reads_one_point_at_the_start_of_each_section() -> None:
    # Edges 1.4 and 6.5 round to 1 and 7: sections of 3 cells begin at 1 and at 4. Rows 2 to 5.
    out = roi_align(MAP, [[1.4, 2.2, 6.5, 5.4]], (1, 2), convention="roi-warp")
    np.testing.assert_allclose(out[0, 0, 0], [MAP[2, 1], MAP[2, 4]])


def test_position_sensitive_sections_read_their_own_channels() -> None:
    constant = np.arange(12.0)[:, None, None] * np.ones((12, 7, 8))
    for name in ("ps-roi-align", "ps-roi-pool", "mxnet-position-sensitive"):
        out = roi_align(constant, [[1, 1, 6, 5]], (2, 3), convention=name)
        np.testing.assert_allclose(out[0], np.arange(12.0).reshape(2, 2, 3))
        traced = trace(constant, [[1, 1, 6, 5]], (2, 3), convention=name, channel=1)
        read = [[traced.channel_read(i, j) for i in (1, 2, 3)] for j in (1, 2)]
        assert read == [[6, 7, 8], [9, 10, 11]]


def test_boxes_of_position_sensitive_operators_are_pooled_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    maps, corner = RANDOM.normal(size=(12, 7, 8)), RANDOM.uniform(-2, 4, (9, 2))
    boxes = np.hstack([corner, corner + RANDOM.uniform(0.1, 6, (9, 2))])
    for name in ("ps-roi-align", "ps-roi-pool"):
        together = roi_align(maps, boxes, (2, 3), convention=name)
        with monkeypatch.context() as patch:
            patch.setattr(pooling, "_MAX_VALUES_OF_ALL_SECTIONS", 150)  # two boxes
            np.testing.assert_array_equal(roi_align(maps, boxes, (2, 3), convention=name), together)
        for box, output in zip(boxes, together, strict=True):
            call = Call(maps[:6], tuple(box.tolist()), (2, 3), PRESETS[name].convention)
            np.testing.assert_allclose(output[0], call.output(), atol=1e-12)


def test_channels_of_sections_are_not_compared_with_one_channel(
    tmp_path: Path, capfd: Capture
) -> None:
    maps = RANDOM.normal(size=(6, 7, 8))
    np.save(tmp_path / "maps.npy", maps)
    call = ["compare", str(tmp_path / "maps.npy"), "--box", "1,1,6,5", "--output-size", "2x3"]
    assert main([*call, "--preset", "torchvision", "--with", "ps-roi-align", "-q"]) == 2
    error = capfd.readouterr().err
    assert error.startswith("roialign: --with: ps-roi-align has the channel map 'position-sens")
    with pytest.raises(RoiAlignError, match="other: ps-roi-align has the channel map"):
        compare(maps, [[1, 1, 6, 5]], (2, 3), convention="torchvision", other="ps-roi-align")


@pytest.mark.parametrize(
    ("option", "passes"),
    [
        (("--pooling", "max"), lambda row: "max" in row.poolings),
        (("--evidence", "from source"), lambda row: row.evidence == "from source"),
        (("--framework", "tensorrt"), lambda row: row.framework == "tensorrt"),
    ],
)
def test_presets_are_filtered(option: tuple[str, str], passes: Any, capfd: Capture) -> None:
    assert main(["presets", *option, "--format", "json"]) == 0
    names = [record["name"] for record in json.loads(capfd.readouterr().out)]
    assert names == [name for name, row in PRESETS.items() if passes(row)]
    assert 0 < len(names) < len(PRESETS)


def test_every_preset_is_in_the_family_once(capfd: Capture) -> None:
    assert main(["presets", "--view", "family", "--format", "markdown"]) == 0
    printed = re.split(r"[,\s]+", capfd.readouterr().out)
    for name in PRESETS:
        assert printed.count(name) == 1


def test_every_preset_is_compared_on_ten_boxes(capfd: Capture) -> None:
    assert main(["presets", "--view", "boxes", "--format", "markdown"]) == 0
    printed = capfd.readouterr().out
    for name in PRESETS:
        assert re.search(rf"(?<![\w-]){name}(?![\w-])", printed)
    # By hand: the points of (1, 1, 4, 4) lie at 1.5, 2.5, 3.5 in columns 10, 11, …
    assert re.search(r"\| torchvision \| 12.5 \|", printed)


def test_mistakes_name_who_makes_them(capfd: Capture) -> None:
    assert main(["presets", "--view", "mistakes"]) == 0
    printed = " ".join(capfd.readouterr().out.split())
    culprits = [culprit for mistake in MISTAKES for culprit in mistake.culprits]
    assert len(culprits) >= 10
    for culprit in culprits:
        assert f"{culprit.program} ({culprit.version}, {culprit.date})" in printed
        assert re.fullmatch(r"20\d\d-\d\d", culprit.date)


@pytest.mark.parametrize("text", EXPORT_MISTAKES)
def test_a_mistake_is_identified_with_who_makes_it(
    text: str, tmp_path: Path, capfd: Capture
) -> None:
    features, boxes = RANDOM.normal(size=(2, 12, 16)), [[20, 30, 130, 100], [90, 20, 215, 166]]
    boxes += [[47, 51, 55, 58]]
    rules = PRESETS["torchvision-aligned"].convention.parameters() | dict(EXPORT_MISTAKES[text])
    made = roi_align(
        features, boxes, 4, convention=Convention(**rules), spatial_scale=1 / 16, sampling_ratio=2
    )
    for name, array in (("map", features), ("boxes", np.array(boxes)), ("out", made)):
        np.save(tmp_path / f"{name}.npy", array)
    call = [str(tmp_path / "map.npy"), "--boxes", str(tmp_path / "boxes.npy")]
    call += ["--expected", str(tmp_path / "out.npy"), "--spatial-scale", "1/16"]
    assert main(["identify", *call, "--pooling", "avg"]) == 0
    printed = " ".join(capfd.readouterr().out.split())
    assert text in printed
    for culprit in next(mistake.culprits for mistake in MISTAKES if mistake.text == text):
        assert culprit.version in printed


def test_the_example_of_the_contribution_guide_is_a_preset() -> None:
    guide = Path(__file__).parents[1] / "CONTRIBUTING.md"
    if not guide.exists():
        pytest.skip("the guide is not part of this distribution")
    section = guide.read_text(encoding="utf-8").partition("## Add a convention")[2]
    code = section.partition("```python\n")[2].partition("```")[0]
    assert len(code.splitlines()) <= 10
    (row,) = eval(code, {"Convention": Convention, "Preset": Preset})  # noqa: S307
    convention = row.convention
    box = (1.0, 2.0, 6.0, 7.0)
    out = roi_align(MAP, [box], (2, 2), convention=row)
    np.testing.assert_allclose(out[0, 0], Call(MAP, box, (2, 2), convention).output())
    assert convention.name in str(list(in_full(row)))
    with pytest.raises(Exception, match="is not a preset"):
        preset(convention.name)  # the example's name is free
