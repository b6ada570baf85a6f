"""`probe` names the broken rules of kernels at random, of coarse kernels, and of failing ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from roialign_cli import PRESETS
from roialign_cli.core.convention import Pooling, Rejected
from roialign_cli.measure.battery import Writer, measuring_calls
from roialign_cli.measure.model import Model
from roialign_cli.measure.nearest import with_pooling
from roialign_cli.measure.probing import probe
from roialign_cli.measure.target import FunctionTarget, NoOutputError
from tests.convention_kernels import kernel_of
from tests.kinds import KINDS
from tests.mutant_kernels import Kernel, one_rule
from tests.oracle import Call
from tests.random_conventions import Changed, is_right

Array = NDArray[Any]
ALIGNED = "torchvision-aligned"


@pytest.mark.parametrize("rejects", get_args(Rejected))
def test_a_model_refuses_the_calls_that_it_gives_no_output_for(rejects: Rejected) -> None:
    model = Model(PRESETS[ALIGNED].convention).having({"rejects": rejects})
    calls = [*measuring_calls(Writer(model.convention))]
    refused = [call.name for call in calls if model.refuses(call)]
    assert refused == [call.name for call in calls if model.answer(call).output is None]
    assert bool(refused) == (rejects != "nothing")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("pooling", get_args(Pooling))
def test_kernels_pool_all_channels_as_the_oracle_pools_one(name: str, pooling: Pooling) -> None:
    row = PRESETS[name]
    rules = replace(with_pooling(row, pooling), divide=2 * (row.convention.points == "dividers"))
    size, box = (2, 3), np.array([0.2, 0.1, 0.9, 0.7]) * (1 if rules.normalized else 11)
    maps = 6 if rules.channel_map == "position-sensitive" else 1
    cells = np.random.default_rng(2).uniform(-9, 9, (2 * maps, 7, 8)).astype(np.float32)
    cells[0, 3, 4] = np.nan
    output = Kernel(rules)(cells[None], box[None], size, 1.0, 2)
    for channel, own in enumerate(cells.reshape(2, maps, 7, 8)):
        call = Call(own if maps > 1 else own[0], tuple(box), size, replace(rules, sampling_ratio=2))
        np.testing.assert_allclose(output[0, channel], call.output(), rtol=1e-5, atol=1e-6)


@pytest.mark.thorough
def test_most_presets_with_random_changes_are_measured_right() -> None:
    changed = [Changed.of(seed) for seed in range(40)]
    wrong = [
        (each.preset, each.changes)
        for each in changed
        if not is_right(each, probe(each.kernel(), preset=each.preset))
    ]
    assert len(wrong) <= MAX_WRONG, wrong


MAX_WRONG = 2


def half(output: Array) -> Array:
    return output.astype(np.float16)


def bfloat16(output: Array) -> Array:
    return (output.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def tf32(output: Array) -> Array:
    return (output.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)


def int8(output: Array) -> Array:
    """Quantise with steps of an eighth, the largest of which is that of int8 for values to 16."""
    return (np.round(output * 8) / 8).astype(np.float32)


COARSE = (half, bfloat16, tf32, int8)
COARSE_MUTANTS = (
    "offset=0.0", "grid_rounding=floor,grid_min=1", "border_margin=0.0", "end_offset=-1.0",
    "min_size=1.0", "interpolation=nearest", "points=integral", "map 0", "no division",
    "pooling=max", "offset=0.25 along x",
)  # fmt: skip


@pytest.mark.parametrize(
    "coarse", [half, *(pytest.param(one, marks=pytest.mark.thorough) for one in COARSE[1:])]
)
def test_a_coarse_kernel_equals_its_preset(coarse: Callable[[Array], Array]) -> None:
    aligned = kernel_of(ALIGNED)
    found = probe(lambda *a, **k: coarse(aligned(*a, **k)))
    assert found.preset == ALIGNED
    assert found.differs == ()


@pytest.mark.parametrize(
    ("name", "coarse"),
    [
        # By default two precisions have one mutant each.
        pytest.param(name, coarse, marks=[] if m == c < 2 else pytest.mark.thorough)
        for m, name in enumerate(COARSE_MUTANTS)
        for c, coarse in enumerate(COARSE)
    ],
)
def test_the_broken_rule_of_a_coarse_kernel_is_named(
    name: str, coarse: Callable[[Array], Array]
) -> None:
    mutant = one_rule(name)
    found = probe(lambda *a, **k: coarse(mutant.kernel(*a, **k)), preset=mutant.base)
    assert {difference.rule for difference in found.differs} == {*mutant.rules}
    assert all(found.measurement(rule).certainty != "no known rule" for rule in mutant.rules)


def has_nan(features: Array, _boxes: Array, _ratio: int) -> bool:
    return bool(np.isnan(features).any())


def is_inverted(_features: Array, boxes: Array, _ratio: int) -> bool:
    return bool((boxes[:, 2:] < boxes[:, :2]).any())


def is_empty(_features: Array, boxes: Array, _ratio: int) -> bool:
    return bool((boxes[:, 2:] == boxes[:, :2]).any())


def has_negative_grid(_features: Array, boxes: Array, ratio: int) -> bool:
    return ratio == 0 and bool(((boxes[:, 2:] < boxes[:, :2]).sum(axis=1) == 1).any())


def crash(_output: Array) -> Array:
    raise NoOutputError("its process ended with SIGSEGV")


def refuse(_output: Array) -> Array:
    raise ValueError("bad box")


def cut_short(output: Array) -> Array:
    return output[:0]


BY_DEFAULT = {
    (has_nan, crash), (is_inverted, refuse), (is_empty, cut_short), (has_negative_grid, refuse),
    (has_negative_grid, crash),
}  # fmt: skip


@pytest.mark.parametrize(
    ("fails", "how"),
    [
        pytest.param(*each, marks=() if each in BY_DEFAULT else pytest.mark.thorough)
        for each in product(
            (has_nan, is_inverted, is_empty, has_negative_grid), (crash, refuse, cut_short)
        )
    ],
)
def test_a_call_without_a_usable_output_is_a_difference(
    fails: Callable[[Array, Array, int], bool], how: Callable[[Array], Array]
) -> None:
    aligned = kernel_of(ALIGNED)

    def fragile(
        features: Array,
        boxes: Array,
        output_size: tuple[int, int],
        spatial_scale: float,
        sampling_ratio: int = 0,
        batch_index: Array | None = None,
    ) -> Array:
        output = aligned(features, boxes, output_size, spatial_scale, sampling_ratio, batch_index)
        return how(output) if fails(features, boxes, sampling_ratio) else output

    # The local target would report the exception of a crash as one of the kernel.
    found = probe(FunctionTarget.of(fragile), preset=ALIGNED)
    (difference,) = found.differs
    assert difference.rule == "refused boxes"
    # Real libraries raise an error where the grid would have a negative number of points.
    assert difference.is_minor == (fails is has_negative_grid and how is refuse)
    assert (found.preset is None) == (not difference.is_minor)
    assert difference.case is not None
    assert isinstance(difference.case.values[1], str)
    assert difference.measured in found.verdict
    assert found.failures
