"""Random calls with one mistake each, and a judgement of what `identify` says about them.

`python -m tests.random_mismatches 500` prints a table by kind of mistake; a second number is the
first seed.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from roialign_cli import PRESETS, identify, roi_align
from roialign_cli.analysis.comparison import difference
from roialign_cli.errors import ArgumentError
from tests.mismatch_answers import Answer, cause_problems, reproduction_problems
from tests.mismatch_base import Array, Mismatch
from tests.mismatch_values import quantised, to_bfloat16, to_half

BOXES, CHANNELS = 30, 8
CONVENTIONS = (
    "torchvision",
    "torchvision-aligned",
    "torchvision-deterministic",
    "mmcv",
    "mmcv-cuda-legacy",
    "paddle",
    "onnx-half-pixel",
    "onnx-output-half-pixel",
    "tensorrt",
    "tvm-aligned",
    "migraphx",
    "mindspore",
    "mnn",
    "ncnn-0",
    "onnx2tf",
    "roi-pool",
    "prroi-pool",
)
OTHERS = ("torchvision", "torchvision-aligned", "roi-pool", "prroi-pool")

# "named": the cause, in words and numbers; "exact": another call that makes the same output;
# "partial" and "near": truly so; "missed": nothing is said to come near; "false": it is not true.
Verdict = Literal["named", "exact", "partial", "near", "missed", "false"]


@dataclass(frozen=True)
class Call:
    """A call of `roi_align`, and what is random about a mistake."""

    random: np.random.Generator
    features: Array
    boxes: Array
    size: tuple[int, int]
    scale: float
    rules: dict[str, Any]

    def pooled(self, features: Array | None = None, boxes: Array | None = None, **more: Any) -> Any:
        call = {"spatial_scale": self.scale} | self.rules | more
        maps = self.features if features is None else features
        given = self.boxes if boxes is None else boxes
        return np.asarray(roi_align(maps, given, self.size, **call))

    @property
    def is_centred(self) -> bool:
        return PRESETS[self.rules["convention"]].convention.points == "centred"


# What a mistake changes: keywords of Mismatch. `known` is the true scale unless it is given.
Changed = dict[str, Any]


def _scale(call: Call) -> Changed:
    scale = float(np.exp(call.random.uniform(np.log(1 / 30), np.log(1 / 5))))
    boxes = call.boxes * call.scale / scale
    told = float(f"{scale:.2g}")
    known: dict[str, Any] = [{}, {"spatial_scale": told}, {"spatial_scale": 1 / 16}][
        call.random.integers(3)
    ]
    expected = call.pooled(boxes=boxes, spatial_scale=scale)
    truth = {"spatial_scale": (scale, scale)}
    return {"boxes": boxes, "expected": expected, "known": known, "truth": truth}


def _scale_by_axis(call: Call) -> Changed:
    y, x = call.scale * call.random.uniform(0.6, 1.6, size=2)
    boxes = call.boxes * call.scale / [x, y, x, y]
    expected = call.pooled(boxes=boxes, spatial_scale=(y, x))
    return {
        "boxes": boxes,
        "expected": expected,
        "known": {},
        "truth": {"spatial_scale": (float(y), float(x))},
    }


def _placed(call: Call) -> dict[str, Any]:
    """Return the place of the right boxes, which a check of a shift needs."""
    return {
        "at_scale": call.scale,
        "offset": PRESETS[call.rules["convention"]].convention.offset,
    }


def _shift(call: Call) -> Changed:
    y, x = call.random.uniform(-3, 3, size=2) * call.random.integers(0, 2, size=2)
    y = y or 1.0
    step = np.array([x, y, x, y]) / call.scale
    truth = {"shift": (float(y), float(x)), **_placed(call)}
    return {"expected": call.pooled(boxes=call.boxes + step), "truth": truth}


def _shorter(call: Call) -> Changed:
    step = [0, 0, -1, call.random.choice([0, -1])]
    truth = {"end_shift": (step[3] * call.scale, step[2] * call.scale), **_placed(call)}
    return {"expected": call.pooled(boxes=call.boxes + step), "truth": truth}


def _gain(call: Call) -> Changed:
    gain = float(call.random.choice([1 / 255, 255.0, 2.0, 0.5, call.random.uniform(0.1, 5)]))
    return {"expected": call.pooled() * np.float32(gain), "truth": {"gain": np.array(gain)}}


def _gain_and_bias(call: Call) -> Changed:
    gain, bias = call.random.uniform(0.2, 3, CHANNELS), call.random.normal(0, 2, CHANNELS)
    expected = call.pooled() * gain.reshape(-1, 1, 1) + bias.reshape(-1, 1, 1)
    return {"expected": expected.astype(np.float32), "truth": {"gain": gain, "bias": bias}}


def _permuted_rows(call: Call) -> Changed:
    rows = call.random.permutation(BOXES)
    return {"expected": call.pooled()[rows], "truth": {"rows": rows}}


def _swapped_rows(call: Call) -> Changed:
    pair = np.sort(call.random.choice(BOXES, 2, replace=False))
    rows = np.arange(BOXES)
    rows[pair] = pair[::-1]
    truth = {"rows": rows, "swapped_rows": tuple(pair.tolist())}
    return {"expected": call.pooled()[rows], "truth": truth}


def _reversed_channels(call: Call) -> Changed:
    truth = {"channels": np.arange(CHANNELS)[::-1]}
    return {"expected": call.pooled()[:, ::-1], "truth": truth}


def _permuted_channels(call: Call) -> Changed:
    channels = call.random.permutation(CHANNELS)
    return {"expected": call.pooled()[:, channels], "truth": {"channels": channels}}


def _flip(call: Call) -> Changed:
    axis, words = ((-1, "left-right"), (-2, "up-down"))[call.random.integers(2)]
    features = np.ascontiguousarray(np.flip(call.features, axis))
    return {"features": features, "expected": call.pooled(), "truth": {"map": words}}


def _layout(call: Call) -> Changed:
    layout = ("RHWC", "RCWH")[call.random.integers(2)]
    axes = ["RCHW".index(axis) for axis in layout]
    expected = np.ascontiguousarray(call.pooled().transpose(axes))
    return {"expected": expected, "truth": {"layout": layout}}


def _int8(call: Call) -> Changed:
    output, step, zero = quantised(call.pooled(), "int8")
    if call.random.integers(2):
        return {"expected": output, "truth": {"quantised": ("int8", step, zero)}}
    expected = output.astype(np.float32) * np.float32(step)
    return {"expected": expected, "truth": {"dequantised": ("int8", step, zero)}}


def _bfloat16(call: Call) -> Changed:
    truth = {"cast": "bfloat16", "of": ("output",)}
    return {"expected": to_bfloat16(call.pooled()), "truth": truth}


def _half_features(call: Call) -> Changed:
    truth = {"cast": "tf32", "of": ("features",)}  # the same in the range of float16
    return {"expected": call.pooled(to_half(call.features)), "truth": truth}


def _relu(call: Call) -> Changed:
    return {"expected": np.maximum(call.pooled(), 0), "truth": {"relu": "after"}}


def _rule(**choices: tuple[Any, ...]) -> Callable[[Call], Changed]:
    def changed(call: Call) -> Changed:
        fields = {name: call.random.choice(values) for name, values in choices.items()}
        fields = {k: v.item() if isinstance(v, np.generic) else v for k, v in fields.items()}
        own = dict(call.rules)
        if "grid_rounding" in fields:
            own |= {"sampling_ratio": 0}
        expected = call.pooled(**(own | fields))
        return {"expected": expected, "truth": {"fields": fields}, "right": own}

    return changed


def _half_rows(call: Call) -> Changed:
    other = str(call.random.choice([name for name in OTHERS if name != call.rules["convention"]]))
    rows = np.arange(BOXES // 2) * 2 if call.random.integers(2) else np.arange(BOXES // 2)
    expected = call.pooled().copy()
    rules = {"convention": other}
    if PRESETS[other].convention.points == "centred":
        rules["sampling_ratio"] = call.rules.get("sampling_ratio", 2)
    part = Call(call.random, call.features, call.boxes[rows], call.size, call.scale, rules)
    expected[rows] = part.pooled()
    truth = {
        "other_rows": rows,
        "other_convention": other,
        "convention_of_rest": call.rules["convention"],
    }
    return {"expected": expected, "truth": truth}


def _noise(call: Call) -> Changed:
    output = call.pooled()
    noise = call.random.normal(size=output.shape) * 0.01 * output.std()
    return {"expected": (output + noise).astype(np.float32), "truth": {"noise": 0.01}}


KINDS: Mapping[str, Callable[[Call], Changed]] = MappingProxyType(
    {
        "scale": _scale,
        "scale by axis": _scale_by_axis,
        "shift": _shift,
        "x2 - 1": _shorter,
        "gain": _gain,
        "gain and bias": _gain_and_bias,
        "rows permuted": _permuted_rows,
        "rows swapped": _swapped_rows,
        "channels reversed": _reversed_channels,
        "channels permuted": _permuted_channels,
        "flip": _flip,
        "layout": _layout,
        "int8": _int8,
        "bfloat16": _bfloat16,
        "half features": _half_features,
        "ReLU after": _relu,
        "border_margin": _rule(border_margin=(0.0, float("inf"))),
        "average_over": _rule(average_over=("inside",)),
        "interpolation": _rule(interpolation=("nearest", "swapped")),
        "grid_rounding": _rule(grid_rounding=("floor", "round"), grid_min=(1,)),
        "edge_rounding": _rule(
            edge_rounding=("round-image", "floor-image", "round-map", "floor-map")
        ),
        "half rows": _half_rows,
        "noise 1 %": _noise,
    }
)
_FIELD_KINDS = ("border_margin", "average_over", "interpolation", "grid_rounding", "edge_rounding")


def random_call(random: np.random.Generator, *, centred: bool, adaptive: bool = False) -> Call:
    """Return a random call; `centred` leaves out conventions without centred points."""
    height, width = random.integers(18, 70, size=2).tolist()
    features = random.normal(size=(1, CHANNELS, height, width))
    for _ in range(random.choice([0, 1, 3, 8])):
        for axis in (2, 3):
            moved = (np.roll(features, 1, axis), features, np.roll(features, -1, axis))
            features = np.sum(moved, axis=0) / 3
    features *= random.uniform(0.5, 5) / features.std()
    features += random.normal(0, random.choice([0.0, 0.3]), size=(1, CHANNELS, 1, 1))
    scale = float(1 / random.choice([4, 8, 16, 32]))
    sides = np.exp(random.uniform(np.log(1.5), np.log(0.7 * min(height, width)), size=(BOXES, 2)))
    over = random.choice([0.0, 1.5], size=(BOXES, 1), p=[0.7, 0.3])
    room = np.maximum([width, height] - sides, 0) + 2 * over
    first = random.uniform(size=(BOXES, 2)) * room - over
    boxes = np.concatenate([first, first + sides], axis=1) / scale
    names = [n for n in CONVENTIONS if not centred or PRESETS[n].convention.points == "centred"]
    name = str(random.choice(names))
    rules: dict[str, Any] = {"convention": name}
    if PRESETS[name].convention.points == "centred":
        ratios = (0,) if adaptive else (0, 1, 2, 2, 3, 4)
        if name not in {"mindspore", "onnx2tf"}:
            rules["sampling_ratio"] = int(random.choice(ratios))
        if random.integers(4) == 0:
            rules["pooling"] = "max"
    size = (7, 7) if random.integers(2) else tuple(random.integers(3, 9, size=2).tolist())
    return Call(random, features.astype(np.float32), boxes, size, scale, rules)


def random_mismatch(seed: int) -> Mismatch:
    """Return a call with one mistake; kinds follow each other by seed."""
    random = np.random.default_rng(1000 + seed)
    kind = list(KINDS)[seed % len(KINDS)]
    while True:
        rule, adaptive = kind in _FIELD_KINDS, kind == "grid_rounding"
        call = random_call(random, centred=rule, adaptive=adaptive)
        try:
            changed = KINDS[kind](call)
            right = call.pooled(**changed.pop("right", {}))
        except ArgumentError:
            continue
        expected = changed["expected"]
        scaled = {"scale", "scale by axis", "flip"}
        if kind not in scaled and right.shape == expected.shape:
            most = 1e-3 if kind != "half features" else 2e-4
            if np.abs(expected - right).max() < most * np.abs(right).max():
                continue  # the mistake changes nothing
        changed["truth"]["call"] = call.rules
        known = {"spatial_scale": call.scale} if random.integers(2) else {}
        whole: dict[str, Any] = {
            "features": call.features,
            "boxes": call.boxes,
            "known": known,
        } | changed
        cause = f"{kind}: {call.rules}, size {call.size}, scale 1/{1 / call.scale:g}"
        return Mismatch(name=kind, instance=seed, cause=cause, **whole)


def judged(answer: Answer) -> tuple[Verdict, list[str]]:
    """Return how true an answer is, and what is wrong with it."""
    found, truth = answer.found, answer.mismatch.truth
    false = list(reproduction_problems(answer))
    causes = _half_problems(answer) if "other_rows" in truth else list(cause_problems(answer))
    if false:
        return "false", [*false, *causes]
    verdict = found.verdict
    if not causes and verdict != "far":
        return "named", []
    if verdict in {"exact", "exact after a change"}:
        return ("exact" if _tightly(answer) else "false"), causes
    if verdict == "far":
        wrong = "other features" in answer.text and not {"channels", "gain"} & set(truth)
        return ("false" if wrong else "missed"), [answer.text, *causes]
    if any(cause.startswith("false: ") for cause in causes):
        return "false", causes
    return ("partial" if verdict == "partial" else "near"), causes


def _tightly(answer: Answer) -> bool:
    """Return whether the code makes almost every value of the output."""
    expected = answer.mismatch.expected.astype(np.float64)
    error = np.abs(difference(expected, answer.reproduction.output))
    return bool((error <= 2e-4 * np.nanmax(np.abs(expected))).mean() >= 0.99)


def _half_problems(answer: Answer) -> list[str]:
    if answer.found.matches or answer.found.verdict == "far":
        return [f"the verdict is {answer.found.verdict}"]
    truth, closest = answer.mismatch.truth, answer.closest
    problems = [f"false: {change.text}" for change in closest.changes]
    other = np.zeros(BOXES, np.bool_)
    other[truth["other_rows"]] = True
    named = [part for part in closest.parts if part.hypothesis is not None]
    covered = closest.boxes | np.any([part.rows for part in named], axis=0) if named else other
    if not named or not covered.all():
        problems.append("the operator of the other rows is not named")
    return problems


def seeds_judged(seeds: range) -> Iterator[tuple[Mismatch, Answer, Verdict, list[str], float]]:
    """Yield each mismatch with its answer, its judgement and the seconds that it took."""
    for seed in seeds:
        mismatch = random_mismatch(seed)
        start = time.perf_counter()
        found = identify(mismatch.features, mismatch.boxes, mismatch.expected, **mismatch.known)
        seconds = time.perf_counter() - start
        answer = Answer(found, mismatch)
        yield mismatch, answer, *judged(answer), seconds


def report(count: int, first: int = 0) -> Iterator[str]:
    """Yield what is said of some mismatches, and a table by kind of mistake."""
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    total = 0.0
    for mismatch, answer, verdict, problems, seconds in seeds_judged(range(first, first + count)):
        table[mismatch.name][verdict] += 1
        total += seconds
        if verdict not in {"named", "exact"}:
            call = answer.hypothesis.convention
            said = f"{answer.found.verdict}, {call.name} {call.pooling} {call.sampling_ratio}"
            yield f"{mismatch.instance} {verdict}: {mismatch.cause}"
            yield f"  known {mismatch.known}, says {said}: {answer.text[:300]}"
            yield f"  {'; '.join(problems)[:400]}"
    columns = ("named", "exact", "partial", "near", "missed", "false")
    yield f"{'':18}" + "".join(f"{column:>9}" for column in columns)
    for kind in KINDS:
        yield f"{kind:18}" + "".join(f"{table[kind][column]:>9}" for column in columns)
    sums = [sum(counts[column] for counts in table.values()) for column in columns]
    yield f"{'all':18}" + "".join(f"{number:>9}" for number in sums)
    good = sum(sums[:4]) / max(count, 1)
    yield f"named or truthful: {good:.1%}; {total / max(count, 1):.1f} s per search"


if __name__ == "__main__":
    for line in report(*map(int, sys.argv[1:] or ["50"])):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
