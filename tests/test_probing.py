"""`probe` measures kernels that are known: presets, mutants of them, and other people's kernels."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention, RoiAlignError, roi_align
from roialign_cli.measure.battery import Writer, fixed_battery, measuring_calls, reading_calls
from roialign_cli.measure.call import ProbeCall
from roialign_cli.measure.fingerprint import Case, Fingerprint
from roialign_cli.measure.probing import probe
from roialign_cli.measure.rules import RULES
from roialign_cli.measure.stages import STAGES
from roialign_cli.measure.target import (
    PARAMETERS,
    FunctionTarget,
    UnansweredError,
    ask,
)
from tests.convention_kernels import gives_answers, kernel_of
from tests.mutant_kernels import ONE_RULE, TWO_RULES, Mutant, one_rule

Array = NDArray[Any]
ALIGNED = "torchvision-aligned"


@cache
def fingerprint(name: str, pooling: str) -> Fingerprint:
    return probe(kernel_of(name, pooling=pooling))


EVERY = [(name, pooling) for name, row in PRESETS.items() for pooling in row.poolings]
QUICK = [
    (ALIGNED, "avg"), ("tensorflow", "avg"), ("onnx-half-pixel", "max"), ("roi-pool", "max"),
    ("ps-roi-align", "avg"),
]  # fmt: skip
SELECTED = [
    pytest.param(*each, marks=[] if each in QUICK else pytest.mark.thorough) for each in EVERY
]


@pytest.mark.parametrize(("name", "pooling"), SELECTED)
def test_every_preset_is_measured_as_itself(name: str, pooling: str) -> None:
    found = fingerprint(name, pooling)
    assert name in found.equal
    assert found.differs == ()
    assert found.convention.pooling == pooling
    # What was measured gives the same answers as the kernel, in all calls.
    assert gives_answers(found.convention, kernel_of(name, pooling=pooling), found.convention)


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "pooling"), EVERY)
def test_every_preset_is_measured_without_a_sampling_ratio(name: str, pooling: str) -> None:
    preset = kernel_of(name, pooling=pooling)

    def kernel(
        features: Array,
        boxes: Array,
        output_size: tuple[int, int],
        spatial_scale: float,
        batch_index: Array,
    ) -> Array:
        return preset(features, boxes, output_size, spatial_scale, batch_index=batch_index)

    found = probe(kernel)
    assert name in found.equal
    assert {difference.rule for difference in found.differs} <= {"default ratio"}


def test_equal_presets_differ_in_minor_rules_only() -> None:
    found = fingerprint(ALIGNED, "avg")
    assert {"torchvision-aligned", "onnx-half-pixel", "ncnn-1-aligned"} <= set(found.equal)
    assert "paddle" not in found.equal  # NaN without points
    assert "torchvision" not in found.agreeing["scale and shift"]
    assert "paddle" in found.agreeing["scale and shift"]


QUICK_MUTANTS = {
    "no division", "map 0", "raises on empty",
}  # fmt: skip


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(
            mutant,
            id=mutant.name,
            marks=[] if mutant.name in QUICK_MUTANTS else pytest.mark.thorough,
        )
        for mutant in (*ONE_RULE, *TWO_RULES)
    ],
)
def test_the_broken_rules_of_a_mutant_are_named_and_no_others(mutant: Mutant) -> None:
    found = probe(mutant.kernel, preset=mutant.base)
    assert {difference.rule for difference in found.differs} == {*mutant.rules}
    assert found.calls <= 150
    for difference in found.differs:
        measured = found.measurement(difference.rule)
        assert mutant.expressed <= (measured.certainty != "no known rule")
        assert difference.measured != difference.expected
        if difference.case is not None:
            check_case(difference.case, mutant)
        else:
            assert difference.rule == "output axes"


def check_case(case: Case, mutant: Mutant) -> None:
    """Check that a case is small, and that the preset and the kernel give what it states."""
    call, rules = case.call, PRESETS[mutant.base].convention
    assert call.boxes.shape == (1, 4)
    assert call.output_size in {(1, 1), (1, 2), (2, 1), (2, 2), (3, 3)}
    assert call.features.shape[-1] <= 9
    expected, given = case.values
    assert expected != given
    if isinstance(expected, float):
        pooling = rules.pooling if mutant.rules == ("pooling",) else mutant.pooling
        options = case.options(replace(rules, pooling=pooling))  # type: ignore[arg-type]
        made = roi_align(call.features, call.boxes, call.output_size, **options)
        assert case.expected.output is not None
        assert np.array_equal(made, case.expected.output, equal_nan=True)
    if isinstance(given, float) and mutant.rules != ("output axes",):
        again = ask(FunctionTarget.of(mutant.kernel), call).output
        assert again is not None
        assert case.given.output is not None
        assert np.array_equal(
            np.sort(again.ravel()), np.sort(case.given.output.ravel()), equal_nan=True
        )


def test_most_mutants_are_shown_on_a_map_of_few_cells() -> None:
    mutant = one_rule("grid_rounding=floor,grid_min=1")
    (difference,) = probe(mutant.kernel, preset=ALIGNED).differs
    assert difference.case is not None
    assert difference.case.call.features.shape == (1, 1, 1, 1)
    assert difference.case.call.output_size == (1, 1)
    # A box of 2.5 cells: ceil gives points at 1/6·2.5 …, one of which lies outside; floor gives 2.
    expected, given = difference.case.values
    assert expected == pytest.approx(2 / 3)
    assert given == 0.5


@pytest.mark.thorough
def test_the_nearest_preset_of_a_kernel_with_an_unknown_rule() -> None:
    mutant = one_rule("opposite weights")
    found = probe(mutant.kernel)
    assert found.nearest == ALIGNED
    assert [each.rule for each in found.differs] == ["interpolation"]
    assert found.measurement("adaptive grid").certainty == "not measurable"


def naive(
    features: Array,
    boxes: Array,
    output_size: tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = 0,
    batch_index: Array | None = None,
) -> Array:
    """A ROI Align as people write it, with one mistake: the adaptive grid rounds down."""
    index = np.zeros(len(boxes), int) if batch_index is None else batch_index
    _, channels, height, width = features.shape
    out = np.zeros((len(boxes), channels, *output_size), np.float32)
    for r, box in enumerate(boxes):
        x1, y1, x2, y2 = box * spatial_scale - 0.5
        bin_h, bin_w = (y2 - y1) / output_size[0], (x2 - x1) / output_size[1]
        grid_h = sampling_ratio or max(int(bin_h), 1)
        grid_w = sampling_ratio or max(int(bin_w), 1)
        cells = features[index[r]]
        for i, j, q, p in np.ndindex(*output_size, grid_h, grid_w):
            y = y1 + bin_h * (i + (q + 0.5) / grid_h)
            x = x1 + bin_w * (j + (p + 0.5) / grid_w)
            if y < -1 or y > height or x < -1 or x > width:
                continue
            y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
            low, left = int(y), int(x)
            high, right = min(low + 1, height - 1), min(left + 1, width - 1)
            dy, dx = y - low, x - left
            out[r, :, i, j] += (
                cells[:, low, left] * (1 - dy) * (1 - dx)
                + cells[:, low, right] * (1 - dy) * dx
                + cells[:, high, left] * dy * (1 - dx)
                + cells[:, high, right] * dy * dx
            )
        out[r] /= grid_h * grid_w
    return out


@cache
def of_naive() -> Fingerprint:
    return probe(naive)


def test_a_kernel_with_the_floor_mistake() -> None:
    found = of_naive()
    assert found.verdict == (
        "Nearest: torchvision-aligned. 1 rule differs: "
        "the adaptive grid is floor(section size), at least 1."
    )
    assert found.preset is None
    (difference,) = found.differs
    assert difference.case is not None
    again = probe(naive).differs[0].case
    assert again is not None
    assert again.values == difference.case.values  # the same every time


def test_a_kernel_that_computes_in_float16_equals_its_preset() -> None:
    aligned = kernel_of(ALIGNED)
    found = probe(lambda features, *a, **k: aligned(features.astype(np.float16), *a, **k))
    assert found.preset == ALIGNED
    assert found.differs == ()


@pytest.mark.thorough
def test_double_coordinates_are_a_detail() -> None:
    aligned = kernel_of(ALIGNED)
    found = probe(lambda features, *a, **k: aligned(features.astype(np.float64), *a, **k))
    assert found.preset == ALIGNED
    assert [(each.rule, each.is_minor) for each in found.differs] == [("coordinates", True)]


def test_parameters_that_a_kernel_does_not_take_are_not_measured() -> None:
    aligned = kernel_of(ALIGNED)

    def bare(features: Array, boxes: Array, output_size: tuple[int, int]) -> Array:
        return aligned(features, boxes[:, :4], output_size)

    found = probe(bare)
    assert found.preset == ALIGNED
    assert {each.rule: each.text for each in found.unknown} == {
        "batch index": "the kernel takes no batch index",
        "sampling ratio": "the kernel takes no parameter with a usual name for it, such as "
        "sampling_ratio",
    }

    def ratio_2(features: Array, boxes: Array, output_size: tuple[int, int]) -> Array:
        return aligned(features, boxes[:, :4], output_size, sampling_ratio=2)

    found = probe(ratio_2)
    assert found.preset == ALIGNED
    assert found.convention.sampling_ratio == 2


def test_a_kernel_with_a_fixed_number_of_channels_gets_blocks() -> None:
    aligned = kernel_of(ALIGNED)

    def rgb(features: Array, *given: Any, **keywords: Any) -> Array:
        if features.shape[1] != 3:
            raise ValueError("needs 3 channels")
        return aligned(features, *given, **keywords)

    found = probe(rgb)
    assert found.preset == ALIGNED
    assert found.remarks == ("the kernel takes 3 channels only",)
    assert found.calls <= 150


def test_a_kernel_that_changes_its_inputs_is_measured_and_reported() -> None:
    aligned = kernel_of(ALIGNED)

    def careless(features: Array, boxes: Array, *given: Any, **keywords: Any) -> Array:
        output = aligned(features, boxes, *given, **keywords)
        boxes *= 2
        return output

    found = probe(careless)
    assert found.preset == ALIGNED
    assert found.remarks == ("the kernel changes its inputs",)


@pytest.mark.parametrize(
    ("kernel", "problem"),
    [
        (lambda _f, _b, _s: 1 / 0, "it raised ZeroDivisionError: division by zero"),
        (lambda _f, _b, _s: np.zeros(3), "its output has shape (3,)"),
        (lambda _f, _b, _s: "no", "its output is of type str, not an array of real numbers"),
        (
            lambda f, b, s: np.zeros((len(b), f.shape[1], *s)),
            "all values of its output are 0, for features of 0 and 1",
        ),
    ],
)
def test_a_kernel_that_cannot_be_probed(kernel: Callable[..., Any], problem: str) -> None:
    found = probe(kernel)
    assert found.verdict == f"The kernel cannot be probed: {problem}."
    assert found.preset is None
    assert found.record()["problem"]


def test_arguments_are_checked() -> None:
    with pytest.raises(RoiAlignError, match=r"^function: must be a function of features"):
        probe(3)  # type: ignore[arg-type]
    with pytest.raises(RoiAlignError, match=r"^convention: 'torchvison' is not a preset"):
        probe(naive, preset="torchvison")


def test_the_record_is_plain() -> None:
    record = of_naive().record()
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    assert record["fields"]["grid_rounding"] == "floor"
    (difference,) = record["differs"]
    assert difference["rule"] == "adaptive grid"
    assert difference["expected"] == "the adaptive grid is ceil(section size)"
    assert difference["fields"] == {"grid_rounding": ["floor", "ceil"], "grid_min": [1, 0]}
    assert np.array(difference["case"]["boxes"]).shape == (1, 4)


@pytest.mark.parametrize("normalized", [False, True])
def test_the_battery_is_small(*, normalized: bool) -> None:
    calls = reading_calls() + measuring_calls(Writer(Convention(normalized=normalized)))
    assert len(calls) <= 60
    assert len({call.name for call in calls}) == len(calls)
    large = {call.name for call in calls if max(call.features.shape[-2:]) > 12}
    assert large == {"grid, large sections"}  # a cap needs large sections


def test_every_call_decides_a_stage_and_every_field_belongs_to_a_rule() -> None:
    calls = {call.name for call in measuring_calls(Writer(Convention()))}
    assert calls == {name for stage in STAGES.values() for name in stage.calls}
    fields = [name for rule in RULES for name in rule.convention_fields]
    assert sorted(fields) == sorted(Convention().parameters())
    known = {rule.name for rule in RULES}
    assert {stage.rule for stage in STAGES.values()} <= known


def test_a_margin_that_no_preset_has_is_measured() -> None:
    found = probe(kernel_of(ALIGNED, border_margin=0.5, min_size=0.25))
    assert found.convention.border_margin == 0.5
    assert found.convention.min_size == 0.25
    assert {each.rule for each in found.differs} == {"border margin", "minimum size"}
    assert math.isinf(found.convention.max_start)


@dataclass(frozen=True)
class Recorded:
    """A kernel of which only the answers to a fixed battery are known."""

    answers: dict[str, Array | None]
    name: str = "recorded"
    parameters: frozenset[str] = frozenset(PARAMETERS)

    def run(self, call: ProbeCall) -> Array | None:
        if call.name not in self.answers:
            raise UnansweredError
        return self.answers[call.name]


def test_answers_to_the_fixed_battery_are_enough() -> None:
    calls = fixed_battery(Convention())
    assert len({call.name for call in calls}) == len(calls)
    target = FunctionTarget.of(naive)
    answers = {call.name: ask(target, call).output for call in calls}
    found = probe(Recorded(answers))
    assert found.verdict == of_naive().verdict
    (difference,) = found.differs
    assert difference.case is not None
    assert difference.case.call.boxes.shape == (1, 4)
    expected, given = difference.case.values
    assert expected != given
    # Fewer answers give fewer results.
    del answers["grid"], answers["batch index"]
    partial = probe(Recorded(answers))
    assert partial.measurement("batch index").text == "there is no answer to this call"
    assert partial.measurement("border margin").certainty == "measured"


def test_details_do_not_decide_which_preset_is_nearest() -> None:
    aligned = kernel_of(ALIGNED)

    # A second corner as inclusive, in a kernel with a ratio of 2 unless another one is given.
    def inclusive(
        features: Array,
        boxes: Array,
        output_size: tuple[int, int],
        spatial_scale: float,
        sampling_ratio: int = 2,
    ) -> Array:
        boxes = boxes + np.array([0, 0, 1, 1], np.float32)
        return aligned(features, boxes, output_size, spatial_scale, sampling_ratio)

    found = probe(inclusive)
    assert found.nearest == ALIGNED
    assert [each.rule for each in found.differs if not each.is_minor] == ["box end"]
