"""What --save-tests writes: the preset passes, and any kernel with a broken rule fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from roialign_cli import PRESETS, Convention, roi_align
from roialign_cli.cli.main import main
from roialign_cli.core.convention import Pooling
from roialign_cli.core.overrides import applicable_overrides
from roialign_cli.errors import RoiAlignError
from roialign_cli.measure.golden import golden_cases_of, without_details
from roialign_cli.measure.probing import probe
from tests.mutant_kernels import ONE_RULE, TWO_RULES
from tests.mutant_kernels import Kernel as MutantKernel
from tests.peers.live import Peer
from tests.test_peers import PEERS, if_installed

Array = NDArray[Any]
Kernel = Callable[..., Array]
Change = Callable[[Any], Any]
OPERATORS = [(row.name, pooling) for row in PRESETS.values() for pooling in row.poolings]


def kernel_of(rules: Convention) -> Kernel:
    """Return `roi_align` by a convention as the tests call a kernel."""

    def kernel(
        features: Array,
        boxes: Array,
        batch_index: Array,
        output_size: tuple[int, int],
        spatial_scale: float,
        sampling_ratio: int | None,
    ) -> Array:
        options: dict[str, Any] = {} if rules.normalized else {"spatial_scale": spatial_scale}
        if sampling_ratio is not None:
            options |= applicable_overrides(rules, sampling_ratio=sampling_ratio)
        return roi_align(
            features, boxes, output_size, convention=rules, batch_index=batch_index, **options
        )

    return kernel


# Field → other values, of which each is one broken rule
OTHER_VALUES: dict[str, tuple[Any, ...]] = {
    "offset": (0.0, 0.5, 1.0),
    "image_offset": (-0.5, 0.5),
    "end_offset": (-1.0,),
    "image_end_offset": (-1.0,),
    "edge_rounding": ("round-map", "floor-image"),
    "box_format": ("xywh", "yxyx", "cxcywh", "xyxy"),
    "point_in_part": (0.0,),
    "points": ("corners", "integral"),
    "interpolation": ("nearest", "swapped"),
    "pooling": ("avg", "max"),
    "max_of": ("point", "weighted-cell"),
    "max_start": (0.0, -np.inf),
    "average_over": ("inside",),
    "grid_rounding": ("floor", "round"),
    "grid_max": (2,),
    "min_size": (0.0, 0.1, 0.3, 1.0),
    "clip_boxes": (True,),
    "border_margin": (0.0, np.inf),
    "extrapolation_value": (1.0,),
    "outside_neighbours": ("value",),
    "clamp_count": (False,),
    "inverted_boxes": ("kept", "sorted"),
    "tie_neighbour": ("lower", "upper"),
    "coordinates": ("half", "double"),
    "coordinate_decimals": (2,),
    "position_formula": ("roi-first",),
    "channel_map": ("position-sensitive",),
}


def unchanged(value: Any) -> Any:
    return value


def changed(
    kernel: Kernel,
    *,
    index: Change = unchanged,
    scale: Change = unchanged,
    ratio: Change = unchanged,
    output: Change = unchanged,
) -> Kernel:
    """Return a kernel with changed inputs or outputs."""

    def run(features: Array, boxes: Array, n: Array, size: Any, by: float, points: Any) -> Any:
        return output(kernel(features, boxes, index(n), size, scale(by), ratio(points)))

    return run


def mutants(rules: Convention) -> Iterator[tuple[str, Kernel]]:
    """Yield kernels with one broken rule each, and what is broken."""
    for field, values in OTHER_VALUES.items():
        for value in values:
            if getattr(rules, field) != value:
                try:
                    yield f"{field}={value}", kernel_of(replace(rules, **{field: value}))
                except RoiAlignError:  # values that exclude each other
                    continue
    right = kernel_of(rules)
    yield "map 0", changed(right, index=lambda index: 0 * index)
    yield "batch from 1", changed(right, index=lambda index: np.maximum(index - 1, 0))
    yield "ratio + 1", changed(right, ratio=lambda ratio: ratio and ratio + 1)
    yield "scale squared", changed(right, scale=lambda scale: scale**2)
    yield "doubled", changed(right, output=lambda output: 2 * output)
    yield "rows and columns", changed(right, output=lambda output: output.swapaxes(2, 3))
    yield "channels reversed", changed(right, output=lambda output: output[:, ::-1])
    yield "nan_to_num", changed(right, output=np.nan_to_num)


def first_failure(tests: dict[str, Any], kernel: Kernel) -> str:
    """Return the first of the saved tests that fails; "" if all pass."""
    tests["call_kernel"] = kernel  # the place for it in the file
    for name in tests["ARRAYS"]["names"].tolist():
        try:
            tests["test_output"](name)
        except Exception:  # noqa: BLE001 - a test also fails if the kernel raises an error
            return str(name)
    return ""


def saved_tests(*arguments: str) -> dict[str, Any]:
    """Return what the file of tests defines."""
    assert main(["probe", *arguments, "--save-tests", "test_golden.py", "--force"]) == 0
    path = Path("test_golden.py")
    tests: dict[str, Any] = {"__file__": str(path.resolve()), "__name__": "test_golden"}
    exec(path.read_text(encoding="utf-8"), tests)  # noqa: S102
    return tests


def other_calls(rules: Convention) -> Iterator[tuple[Any, ...]]:
    """Yield calls with many boxes of all kinds, as a kernel takes them."""
    random = np.random.default_rng(5)
    rows, columns, count = 9, 11, 120
    features = random.uniform(-9, 9, (3, 24, rows, columns)).astype(np.float32)
    for size, ratio, scale in ((1, 0, 1.0), (2, 2, 1.0), (2, 0, 0.25), (2, None, 1.0)):
        start = random.uniform(-4, columns + 2, (count, 2))
        extent = random.choice([0, 0.02, 0.05, 0.2, 0.6, 1, 2.5, 4, 7, -0.3, -2], (count, 2))
        extent *= random.choice([1, random.uniform(0.9, 1.1)], (count, 1))
        boxes = np.concatenate([start, start + extent], axis=1)
        boxes[::3] = (4 * boxes[::3]).round() / 4
        if rules.normalized:
            less = rules.normalized_by == "last-centre"
            boxes /= np.array([columns - less, rows - less] * 2)
        else:
            boxes /= scale
        if rules.box_format == "yxyx":
            boxes = boxes[:, [1, 0, 3, 2]]
        index = random.integers(0, 3, count)
        yield features, boxes.astype(np.float32), index, (size, size), scale, ratio


def outputs_of(kernel: Kernel, call: tuple[Any, ...]) -> list[Array | None]:
    """Return the output of each box by itself; None where there is none."""
    features, boxes, index, *others = call
    try:
        return list(kernel(*call))
    except RoiAlignError:  # for one of the boxes
        pass
    outputs: list[Array | None] = []
    for box, n in zip(boxes, index, strict=True):
        try:
            outputs.append(kernel(features, box[None], n[None], *others)[0])
        except RoiAlignError:
            outputs.append(None)
    return outputs


def has_effect(mutant: Kernel, right: Kernel, rules: Convention) -> bool:
    """Return whether a kernel differs from the right one, apart from boxes that have no output."""
    for call in other_calls(rules):
        for one, other in zip(outputs_of(mutant, call), outputs_of(right, call), strict=True):
            if one is None or other is None:
                continue
            if one.shape != other.shape or not np.allclose(one, other, 1e-3, 1e-3, equal_nan=True):
                return True
    return False


def rules_of(name: str, pooling: Pooling) -> Convention:
    return replace(PRESETS[name].convention, pooling=pooling)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


QUICK = {("torchvision-aligned", "avg")}


@pytest.mark.parametrize(
    "operator",
    [
        pytest.param(one, id=" ".join(one), marks=() if one in QUICK else pytest.mark.thorough)
        for one in OPERATORS
    ],
)
def test_saved_tests_see_every_broken_rule(operator: tuple[str, Pooling]) -> None:
    name, pooling = operator
    tests = saved_tests("--preset", name, "--pooling", pooling)
    rules = rules_of(name, pooling)
    right = kernel_of(rules)
    assert first_failure(tests, right) == ""
    broken = list(mutants(rules))
    passed = {what: mutant for what, mutant in broken if not first_failure(tests, mutant)}
    assert len(broken) - len(passed) >= 24
    # What passes has no effect with the preset, for example another grid on points on corners.
    assert [what for what, mutant in passed.items() if has_effect(mutant, right, rules)] == []


def oracle_kernel(kernel: Callable[..., Array]) -> Kernel:
    """Return a kernel in scalar Python as the tests call it."""

    def run(features: Array, boxes: Array, index: Array, *others: Any) -> Any:
        size, scale, ratio = others
        options = {"spatial_scale": scale, "sampling_ratio": ratio or 0, "batch_index": index}
        return kernel(features, boxes, size, **options)

    return run


ORACLES: list[tuple[str, Pooling]] = [
    ("torchvision-aligned", "avg"),
    ("torchvision", "avg"),
    ("onnx-half-pixel", "max"),
    ("mmcv-cuda", "max"),
    ("openvino-half-pixel-for-nn", "max"),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "pooling"), ORACLES)
def test_saved_tests_pass_for_the_oracle_and_fail_for_its_mutants(
    name: str, pooling: Pooling
) -> None:
    tests = saved_tests("--preset", name, "--pooling", pooling)
    assert first_failure(tests, oracle_kernel(MutantKernel(rules_of(name, pooling)))) == ""
    mutants = [one for one in (*ONE_RULE, *TWO_RULES) if (one.base, one.pooling) == (name, pooling)]
    assert mutants
    for mutant in mutants:
        # What a maximum makes of NaN is left out: libraries of the same preset differ in it.
        is_seen = pooling == "avg" or mutant.rules != ("non-finite cells",)
        assert (first_failure(tests, oracle_kernel(mutant.kernel)) != "") == is_seen, mutant.name


@pytest.mark.peers
@pytest.mark.parametrize(
    ("peer", "pooling"),
    [
        pytest.param(peer, pooling, id=f"{peer.name} {pooling}", marks=if_installed(peer))
        for peer in PEERS
        for pooling in peer.poolings
    ],
)
def test_the_library_passes_the_saved_tests_of_its_preset(peer: Peer, pooling: str) -> None:
    def kernel(*given: Any) -> Any:
        features, boxes, index, size, scale, ratio = given
        options = {"spatial_scale": scale, "sampling_ratio": ratio or 0, "pooling": pooling,
                   "extrapolation_value": 0.0}  # fmt: skip
        taken = {name: options[name] for name in peer.takes}
        return peer.run(features, boxes, index, size, **taken)

    options = ["--pooling", pooling] if pooling else []
    assert first_failure(saved_tests("--preset", peer.preset, *options), kernel) == ""


def test_the_pooling_is_that_of_the_option(capfd: pytest.CaptureFixture[str]) -> None:
    assert first_failure(saved_tests("--preset", "mmcv"), kernel_of(rules_of("mmcv", "avg"))) == ""
    largest = saved_tests("--preset", "mmcv", "--pooling", "max")
    assert first_failure(largest, kernel_of(rules_of("mmcv", "max"))) == ""
    assert first_failure(largest, kernel_of(rules_of("mmcv", "avg"))) == "ratio 2"
    assert "gives the outputs of mmcv (max)." in Path("test_golden.py").read_text(encoding="utf-8")
    capfd.readouterr()


def test_names_of_tests_are_unique_and_ascii() -> None:
    names = saved_tests("--preset", "torchvision")["ARRAYS"]["names"].tolist()
    assert len({*names}) == len(names)
    assert all(name.isascii() for name in names)


def test_a_detail_of_a_kernel_is_not_among_its_tests() -> None:
    rules = replace(PRESETS["torchvision-aligned"].convention, position_formula="share-first")
    found = probe(kernel_of(rules), preset="torchvision-aligned")
    assert [each.rule for each in found.differs] == ["position formula"]
    every, convention = golden_cases_of(found)
    kept = without_details(every, found, convention)
    names = {case.call.name for case in every} - {case.call.name for case in kept}
    assert "smallest case, position formula" in names
    assert all("position formula" in name or "last digits" in name for name in names)
