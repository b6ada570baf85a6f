"""`probe` names the mistakes of kernels that are written as loops, apart from the oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roialign_cli.measure.fingerprint import Fingerprint
from roialign_cli.measure.probing import probe

Array = NDArray[Any]
Rounding = Callable[[float], float]


def point_value(cells: Array, y: float, x: float, margin: float) -> Any:
    _, height, width = cells.shape
    last_y, last_x = height - 1, width - 1
    if not (-margin <= y <= last_y + margin and -margin <= x <= last_x + margin):
        return np.zeros(len(cells), cells.dtype)
    y, x = min(max(y, 0), last_y), min(max(x, 0), last_x)
    low, left = int(y), int(x)
    high, right = min(low + 1, last_y), min(left + 1, last_x)
    dy, dx = y - low, x - left
    upper = cells[:, low, left] * (1 - dx) + cells[:, low, right] * dx
    return upper * (1 - dy) + (cells[:, high, left] * (1 - dx) + cells[:, high, right] * dx) * dy


def loops(
    *,
    image: Callable[[Array], Array] = np.asarray,
    edge: Rounding = float,
    shift: float = 0.5,
    end: tuple[float, float] = (0, 0),
    margin: float = 1,
    least: float = -np.inf,
    section: Rounding = float,
    grid: Rounding = np.ceil,
    reduced: Callable[..., Array] = np.mean,
) -> Callable[..., Array]:
    """Return torchvision's aligned=True, float64 inside, with the rules that are given."""

    def kernel(
        features: Array,
        boxes: Array,
        output_size: tuple[int, int],
        spatial_scale: float = 1.0,
        sampling_ratio: int = 0,
        batch_index: Array | None = None,
    ) -> Array:
        index = np.zeros(len(boxes), int) if batch_index is None else batch_index
        out = np.zeros((len(boxes), features.shape[1], *output_size), np.float32)
        for r, box in enumerate(image(boxes)):
            ends = [0, 0, *end]
            x1, y1, x2, y2 = (
                edge(float(n) * spatial_scale + by) - shift for n, by in zip(box, ends, strict=True)
            )
            height = section(max(y2 - y1, least) / output_size[0])
            width = section(max(x2 - x1, least) / output_size[1])
            rows = sampling_ratio or int(grid(height))
            columns = sampling_ratio or int(grid(width))
            for i, j in np.ndindex(output_size):
                values = [
                    point_value(
                        features[index[r]],
                        y1 + height * (i + (q + 0.5) / rows),
                        x1 + width * (j + (p + 0.5) / columns),
                        margin,
                    )
                    for q in range(rows)
                    for p in range(columns)
                ]
                if values:
                    out[r, :, i, j] = reduced(values, axis=0)
        return out

    return kernel


def major(found: Fingerprint) -> dict[str, str]:
    """Return rule → what was measured, of the rules that differ and are no details."""
    for each in found.differs:
        assert found.measurement(each.rule).certainty != "no known rule"
    return {each.rule: each.measured for each in found.differs if not each.is_minor}


EVEN = "box edges are rounded half to even after scaling, before any shift"
EVEN_GRID = "the adaptive grid is the section size rounded half to even"
FLOOR = "the adaptive grid is floor(section size), at least 1"
NO_MARGIN = "a point is outside the map beyond 0 cells from the last cell centre"


def floor(size: float) -> float:
    return max(int(size), 1)


def even(size: float) -> float:
    return max(round(size), 1)


@pytest.mark.parametrize(
    ("kernel", "preset", "differs"),
    [
        (loops(end=(1, 1), margin=0), "torchvision-aligned",
         {"box end": "1 cell is added to the second edge after scaling",
          "border margin": NO_MARGIN}),
        pytest.param(
            loops(edge=round), "torchvision-aligned", {"edge rounding": EVEN},
            marks=pytest.mark.thorough),
        (loops(edge=round, margin=0), "torchvision-aligned",
         {"edge rounding": EVEN, "border margin": NO_MARGIN}),
        pytest.param(
            loops(edge=round, shift=0, least=1, grid=even), "torchvision",
            {"edge rounding": EVEN, "adaptive grid": f"{EVEN_GRID}, at least 1"},
            marks=pytest.mark.thorough),
        pytest.param(
            loops(image=np.round, shift=0, least=1, grid=floor), "torchvision",
            {"edge rounding": "box edges are rounded half to even before scaling",
             "adaptive grid": FLOOR}, marks=pytest.mark.thorough),
        pytest.param(
            loops(section=even, shift=0, least=1), "torchvision",
            {"edge rounding": "section sizes are rounded half to even, at least 1"},
            marks=pytest.mark.thorough),
        pytest.param(
            loops(section=np.floor), "torchvision-aligned",
            {"edge rounding": "section sizes are rounded down"}, marks=pytest.mark.thorough),
        pytest.param(
            loops(grid=round), "torchvision-aligned", {"adaptive grid": EVEN_GRID},
            marks=pytest.mark.thorough),
        pytest.param(
            loops(grid=even), "torchvision-aligned",
            {"adaptive grid": f"{EVEN_GRID}, at least 1"}, marks=pytest.mark.thorough),
        pytest.param(
            loops(reduced=np.median), "torchvision-aligned",
            {"pooling": "the output is the median of the points"}, marks=pytest.mark.thorough),
        pytest.param(
            loops(reduced=np.min, grid=floor), "torchvision-aligned",
            {"pooling": "the output is the smallest value of the points", "adaptive grid": FLOOR},
            marks=pytest.mark.thorough),
    ],
)  # fmt: skip
def test_the_mistakes_of_a_kernel_are_named_and_no_others(
    kernel: Callable[..., Array], preset: str, differs: dict[str, str]
) -> None:
    assert major(probe(kernel, preset=preset)) == differs


def test_rows_and_columns_that_are_exchanged_are_a_difference_with_a_case() -> None:
    right = loops()
    found = probe(lambda *a, **k: right(*a, **k).transpose(0, 1, 3, 2))
    assert found.preset is None
    axes = next(each for each in found.differs if each.rule == "output axes")
    assert not axes.is_minor
    assert axes.case is not None
    given, expected = axes.case.given.output, axes.case.expected.output
    assert given is not None
    assert expected is not None
    assert np.array_equal(given.transpose(0, 1, 3, 2), expected)
    assert not np.array_equal(given, expected)


@pytest.mark.thorough
def test_the_fields_of_a_rule_along_one_axis_state_both_axes() -> None:
    (difference,) = (
        each for each in probe(loops(end=(1, 0))).record()["differs"] if not each["minor"]
    )
    assert difference["rule"] == "box end"
    assert difference["fields"] == {"end_offset": [{"x": -1.0, "y": 0.0}, 0.0]}


@pytest.mark.parametrize(
    ("options", "pooling", "rule"),
    [
        pytest.param({}, "avg", "points", marks=pytest.mark.thorough),
        ({"reduced": np.max}, "max", "maximum"),
    ],
)
def test_a_fixed_size_whose_points_lie_on_the_margin(
    options: dict[str, Any], pooling: str, rule: str
) -> None:
    pool = loops(**options)

    def kernel(features: Array, boxes: Array, batch_index: Array) -> Array:
        return pool(features, boxes, (7, 7), 1 / 16, 0, batch_index)

    found = probe(kernel, preset="onnx-half-pixel")
    assert found.convention.pooling == pooling
    assert {*major(found)} == ({rule} if pooling == "max" else set())
    assert found.convention.coordinates == "double"


def test_a_case_of_last_digits_shows_no_other_rule() -> None:
    found = probe(loops(grid=even))
    case = next(each.case for each in found.differs if each.rule == "coordinates")
    assert case is not None
    call = case.call
    inputs = (
        call.features, call.boxes, call.output_size, call.spatial_scale, call.sampling_ratio or 0,
        call.batch_index,
    )  # fmt: skip
    # The grid has no part in it.
    assert np.allclose(loops(grid=even)(*inputs), loops()(*inputs), atol=1e-5)


@pytest.mark.parametrize(
    "preset",
    [
        "torchvision-aligned",
        pytest.param("migraphx-output-half-pixel", marks=pytest.mark.thorough),
    ],
)
def test_the_rules_that_differ_are_a_table_of_80_columns(
    preset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    right = loops(grid=floor)
    found = probe(
        lambda x, boxes, *a, **k: right(x, boxes[:, [1, 0, 3, 2]], *a, **k), preset=preset
    )
    text = str(found)
    header, *rest = text.partition("Rules that differ")[2].strip().split("\n")
    assert header.split()[0] == "rule"
    assert header.split()[-2:] == ["also", "in"]
    assert preset in header or "the preset" in header
    # No row is running text.
    rows = "\n".join(rest).partition("\n\n")[0]
    assert "; the kernel" not in rows
    assert max(map(len, text.split("\n"))) <= 80
