"""Compare the result of `identify` with what is wrong in a mismatch, and run what it prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from roialign_cli import PRESETS, roi_align
from roialign_cli.errors import RoiAlignError
from roialign_cli.search.evidence import far_evidence
from roialign_cli.search.explanation import Closest
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.mistakes import EXPORT_MISTAKES, RULE_MISTAKES
from roialign_cli.search.result import Identification
from roialign_cli.show.document.abridged import abridged
from roialign_cli.show.document.reproduction import answer_code, python_call
from tests.mismatch_base import Array, Mismatch

Problems = Iterator[str]

_SAME_SCALE = 1e-4  # relative
_SAME_SHIFT = 2e-3  # cells
_SAME_GAIN = 2e-3  # relative
_SAME_CORRELATION = 1e-3


@dataclass(frozen=True)
class Answer:
    """What a search says about a mismatch."""

    found: Identification
    mismatch: Mismatch

    @property
    def closest(self) -> Closest:
        """The closest call, of a search without a match."""
        assert self.found.answer is not None
        return self.found.answer

    @property
    def hypothesis(self) -> Hypothesis:
        """The best match, or else the closest call."""
        return self.found.matches[0].hypothesis if self.found.matches else self.closest.hypothesis

    @property
    def names(self) -> set[str]:
        """The presets of the best match, or of the closest call."""
        others = self.found.matches[0].equivalents if self.found.matches else ()
        return {self.hypothesis.convention.name, *(other.name for other in others)}

    @property
    def clauses(self) -> list[str]:
        """What the search says is unusual or different, except for what it says of some rows."""
        changes = self.found.changes if self.found.matches else self.closest.changes
        return [*self.hypothesis.deviations(), *(change.text for change in changes)]

    @property
    def text(self) -> str:
        """All clauses, and what is said of some rows."""
        parts = () if self.found.matches else self.closest.parts
        evidence = far_evidence(self.closest) if self.found.verdict == "far" else ()
        return "; ".join([*self.clauses, *(part.text for part in parts), *evidence])

    @cached_property
    def reproduction(self) -> Reproduction:
        """What the printed code makes."""
        return reproduce(self.found, self.mismatch)

    def effective_boxes(self) -> Array:
        """Return the corners of the boxes on the map, x1, y1, x2, y2 in cells."""
        boxes = self.mismatch.boxes[:, -4:].astype(np.float64)
        for change in () if self.found.matches else self.closest.changes:
            boxes = np.asarray(change.boxes(boxes))
        assert self.hypothesis.spatial_scale is not None
        y, x = self.hypothesis.spatial_scale
        convention = self.hypothesis.convention
        return (boxes - convention.image_offset) * [x, y, x, y] - convention.offset


@dataclass(frozen=True)
class Reproduction:
    """An output that printed code makes.

    Parameters
    ----------
    code
        The lines of Python.
    output
        What they make.
    """

    code: list[str]
    output: Array


def reproduce(found: Identification, mismatch: Mismatch) -> Reproduction:
    """Run the Python that a search prints."""
    index = mismatch.known.get("batch_index")
    name = None if index is None else "batch_index"
    if found.matches:
        call = python_call(found.matches[0].hypothesis, found.output_size, name)
        code = [f"output = {call}"]
        code += [line for change in found.changes for line in change.after.splitlines()]
    else:
        assert found.answer is not None
        code = answer_code(found.answer, name)
        code = [f"output = {code[0]}"] if len(code) == 1 else code
    variables: dict[str, Any] = {"np": np, "roi_align": roi_align, "batch_index": index}
    variables |= {"features": mismatch.features, "boxes": mismatch.boxes}
    code, arrays = abridged(code)
    variables |= arrays
    exec("\n".join(code), variables)  # noqa: S102 - the code is the project's own
    return Reproduction(code, np.asarray(variables["output"]))


def reproduction_problems(answer: Answer) -> Problems:
    """Yield how the printed code differs from what the search says that it makes."""
    try:
        output, expected = answer.reproduction.output, answer.mismatch.expected
    except (RoiAlignError, NameError) as error:
        yield f"the code fails: {error}"
        return
    if output.shape != expected.shape:
        yield f"the code makes the shape {output.shape}, not {expected.shape}"
        return
    both_missing = np.isnan(output) & np.isnan(expected)
    difference = np.where(both_missing, 0, np.abs(output.astype(np.float64) - expected))
    if answer.found.matches:
        largest = np.nan_to_num(difference, nan=np.inf).max()
        stated = answer.found.matches[0].max_difference
        if largest > stated + 1e-6 * np.abs(expected).max():
            yield f"the code differs by {largest:.3g}, and {stated:.3g} is stated"
        return
    closest = answer.closest
    rows = closest.boxes
    if len(rows) != len(difference):  # padding is not a row of the call
        rows = np.full(len(difference), rows.all())
    if closest.verdict in {"exact after a change", "partial"}:
        # A few values of a row may be decided by rounding.
        claimed = difference[rows]
        limit = closest.tolerance * 1.001
        if np.isnan(claimed).any() or (claimed > limit).mean() > 0.01:
            yield f"the code differs by {claimed.max():.3g} in the rows that it claims"
    made = correlation(output, expected)
    if closest.verdict in {"near", "far"} and abs(made - closest.correlation) > _SAME_CORRELATION:
        yield f"the correlation is {made:.4f} and not {closest.correlation:.4f}"


def correlation(output: Array, expected: Array) -> float:
    """Return the mean over boxes of the correlation of two outputs.

    As the search measures it, the mean of each channel is subtracted and each channel is divided by
    its deviation, over all boxes.
    """
    one, other = (_standardised(each) for each in (output, expected))
    products = (one * other).sum(axis=1)
    norms = np.sqrt((one * one).sum(axis=1) * (other * other).sum(axis=1))
    return float(np.mean(products / np.maximum(norms, 1e-12)))


def _standardised(values: Array) -> Array:
    rows = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    axes = (0, *range(2, rows.ndim))
    centred = rows - rows.mean(axis=axes, keepdims=True)
    scaled = centred / np.maximum(centred.std(axis=axes, keepdims=True), 1e-12)
    return np.asarray(scaled.reshape(len(rows), -1))


def _fields(answer: Answer) -> Problems:
    convention = answer.hypothesis.convention
    for name, value in answer.mismatch.truth["fields"].items():
        if (own := getattr(convention, name)) != value:
            yield f"{name} is {own!r}, not {value!r}"


def _convention(answer: Answer) -> Problems:
    if answer.mismatch.truth["convention"] not in answer.names:
        yield f"the preset is {answer.names}"


def _ratio(answer: Answer) -> Problems:
    if answer.found.verdict == "near":
        return  # another ratio may come closer to an operator that nothing makes
    factor = 2 if answer.mismatch.truth.get("halved") == "average" else 1
    ratio = answer.hypothesis.convention.sampling_ratio
    if ratio != factor * answer.mismatch.truth["sampling_ratio"]:
        yield f"the sampling ratio is {ratio}"


def _scale(answer: Answer) -> Problems:
    true, scale = answer.mismatch.truth["spatial_scale"], answer.hypothesis.spatial_scale
    if scale is None or not np.allclose(scale, true, rtol=_SAME_SCALE, atol=0):
        yield f"the scale is {scale}, not {true}"


def _shift(answer: Answer) -> Problems:
    """Compare the boxes on the map, whichever part of the call moves them."""
    truth = answer.mismatch.truth
    scale, offset = truth.get("at_scale", 1 / 16), truth.get("offset", 0.0)
    first = np.array(truth.get("shift", (0, 0)))[::-1]
    last = first + np.array(truth.get("end_shift", (0, 0)))[::-1]
    moved = answer.effective_boxes() - (answer.mismatch.boxes[:, -4:] * scale - offset)
    off = np.median(moved - np.r_[first, last], axis=0)
    if np.abs(off).max() > _SAME_SHIFT:
        yield f"the boxes are moved by {np.median(moved, axis=0)} cells"
    if answer.found.matches or answer.hypothesis.convention.offset != offset:
        return
    if np.abs(np.array(answer.closest.shift)[::-1] - first).max() > _SAME_SHIFT:
        yield f"the shift is {answer.closest.shift}"


def _gain(answer: Answer) -> Problems:
    if answer.mismatch.truth.get("per") == "box":
        gain = np.unique(answer.mismatch.truth["gain"])
        if len(gain) > 1:
            if answer.found.verdict not in {"near", "partial"}:
                yield f"the verdict is {answer.found.verdict}"
            return
    else:
        gain = np.array(answer.mismatch.truth["gain"]).ravel()
    bias = np.array(answer.mismatch.truth.get("bias", 0)).ravel()
    closest = answer.closest
    if not np.allclose(closest.gain, gain, rtol=_SAME_GAIN, atol=0):
        yield f"the gain is {closest.gain}"
    limit = _SAME_GAIN * np.abs(answer.mismatch.expected).max()
    if not np.allclose(closest.bias, bias, rtol=0, atol=limit):
        yield f"the bias is {closest.bias}"
    words = r"(multiplied by|normalised by ImageNet|gain)"
    yield from _says(answer, words)


def _says(answer: Answer, pattern: str) -> Problems:
    if not re.search(pattern, answer.text):
        yield f"nothing says {pattern!r}"


def _rows(answer: Answer) -> Problems:
    truth = answer.mismatch.truth["rows"]
    if "swapped_rows" in answer.mismatch.truth and answer.found.verdict == "partial":
        return  # what is said of the two rows is checked
    rows = answer.closest.variant.rows
    if rows is None:
        yield "the order of the rows is not found"
        return
    if len(rows) != len(truth):
        yield f"the order is of {len(rows)} rows"
        return
    # Equal boxes may stand for each other.
    boxes = np.vstack([answer.mismatch.boxes, np.full(answer.mismatch.boxes.shape[1], np.nan)])
    wrong = ~np.isclose(boxes[rows], boxes[truth], equal_nan=True).all(axis=1)
    if wrong.any():
        yield f"{wrong.sum()} rows are said to be of other boxes"


def _swapped(answer: Answer) -> Problems:
    first, second = answer.mismatch.truth["swapped_rows"]
    yield from _says(answer, rf"rows {first} and {second} (are exchanged|stand in)")


def _layout(answer: Answer) -> Problems:
    words = {
        "RHWC": "the channels of the output are last",
        "RCWH": "the height and width of the output are swapped",
    }
    yield from _says(answer, words[answer.mismatch.truth["layout"]])


def _shape(answer: Answer) -> Problems:
    words = {
        2: "the channels and 7 × 7 sections of a row are on one axis",
        3: "the 7 × 7 sections of the output are on one axis",
        5: "the rows of the output are on two axes, 2 × 90",
    }
    shape = answer.mismatch.truth["shape"]
    is_batch = shape[0] == 1
    yield from _says(
        answer, "the output has a batch axis of length 1" if is_batch else words[len(shape)]
    )


def _batches(answer: Answer) -> Problems:
    hypothesis = answer.hypothesis
    if answer.found.matches:
        count = len(answer.mismatch.boxes)
        said = {
            "in turn": np.repeat([0, 1], count // 2),
            "first map": np.zeros(count),
            "last column": answer.mismatch.boxes[:, -1],
        }.get(hypothesis.batches)
    else:
        said = answer.closest.variant.target.batches[hypothesis.batches].copy()
        for part in answer.closest.parts:
            if (other := re.search(r"pooled from map (\d+)", part.text)) is not None:
                said[part.rows] = int(other[1])
    if said is None or not np.array_equal(said, answer.mismatch.truth["batch_index"]):
        yield f"the maps of the boxes are {hypothesis.batches!r}"


def _columns(answer: Answer) -> Problems:
    yield from _says(answer, "the batch index of the boxes is in the last column")


def _channels(answer: Answer) -> Problems:
    truth = answer.mismatch.truth["channels"]
    numbers = np.arange(len(truth)).reshape(1, -1, 1, 1)
    for change in answer.closest.changes:
        numbers = np.asarray(change.features(numbers))
    if not np.array_equal(numbers.ravel(), truth):
        yield "the order of the channels is not found"


def _map(answer: Answer) -> Problems:
    words = {
        "left-right": "the feature map is flipped left to right",
        "up-down": "(the feature map is flipped top to bottom|y of the boxes points up)",
        "transposed": "(the feature map is transposed|x and y of the boxes are swapped)",
    }
    yield from _says(answer, words[answer.mismatch.truth["map"]])


def _cast(answer: Answer) -> Problems:
    """Check what is said of casts; of several ones, the one with the largest effect is named."""
    truth = answer.mismatch.truth
    kind = {"tf32": "(TF32|float16)"}.get(truth["cast"], truth["cast"])
    if "arithmetic" in truth["of"]:
        return  # any verdict is true of it
    largest = next(what for what in ("boxes", "output", "features") if what in truth["of"])
    # The dtype of the output says that it was rounded.
    declared = largest == "output" and answer.mismatch.expected.dtype == np.float16
    for what, verb in (("features", "are"), ("boxes", "are"), ("output", "is")):
        said = re.search(rf"the {what} {verb} rounded to {kind}", answer.text)
        if what == largest and not said and not declared:
            yield f"nothing says that the {what} {verb} rounded to {kind}"
        if what not in truth["of"] and f"the {what} {verb} rounded" in answer.text:
            yield f"false: the {what} {verb} rounded"


def _quantised(answer: Answer) -> Problems:
    truth = answer.mismatch.truth
    kind, scale, zero = truth.get("quantised") or truth["dequantised"]
    said = re.search(r"quantised to (\w+) with scale (\S+) and zero point (-?\d+)", answer.text)
    if said is None:
        yield "nothing says that the output is quantised"
        return
    if said[1] != kind or abs(float(said[2]) / scale - 1) > 1e-3 or int(said[3]) != zero:
        yield f"{said[0]}, not {kind}, {scale:.6g}, {zero}"


_RELU_OF = {"before": "features", "after": "output"}


def _relu(answer: Answer) -> Problems:
    yield from _says(answer, f"a ReLU is applied to the {_RELU_OF[answer.mismatch.truth['relu']]}")


def _clipped(answer: Answer) -> Problems:
    if not answer.hypothesis.convention.clip_boxes and "clipped" not in answer.text:
        yield "nothing says that the boxes are clipped"


def _level(answer: Answer) -> Problems:
    if answer.found.verdict != "far":
        yield f"the verdict is {answer.found.verdict}"
    yield from _says(answer, "likely pooled from other features")


def _unrelated(answer: Answer) -> Problems:
    if answer.found.verdict != "far":
        yield f"the verdict is {answer.found.verdict}"


def _some_rows(answer: Answer) -> Problems:
    truth = answer.mismatch.truth["rows_that_match"]
    if answer.found.verdict != "partial":
        yield f"the verdict is {answer.found.verdict}"
    missing = np.setdiff1d(truth, np.flatnonzero(answer.closest.boxes))
    if len(missing):
        yield f"{len(missing)} of {len(truth)} rows are not found"


def _nan_rows(answer: Answer) -> Problems:
    truth = answer.mismatch.truth["nan_rows"]
    named = [part for part in answer.closest.parts if "NaN" in part.text]
    if len(named) != 1 or not np.array_equal(np.flatnonzero(named[0].rows), truth):
        yield from _says(answer, r"rows 0, 10, .* NaN" if not truth[0] else r"rows 3, 13, .* NaN")


def _other_rows(answer: Answer) -> Problems:
    """Some rows are of one convention and some of another; either may be the main one."""
    truth = answer.mismatch.truth
    closest, other = answer.closest, np.zeros(len(answer.mismatch.expected), np.bool_)
    other[truth["other_rows"]] = True
    named = [part for part in closest.parts if part.hypothesis is not None]
    if len(named) != 1 or named[0].hypothesis is None:
        yield "the operator of the other rows is not named"
        return
    sides = [(closest.boxes, closest.hypothesis), (named[0].rows, named[0].hypothesis)]
    for rows, hypothesis in sides:
        is_other = rows[other].mean() > 0.5
        expected = other if is_other else ~other
        if (expected & ~rows).any() or (rows & ~expected).mean() > 0.1:
            yield f"{(expected ^ rows).sum()} rows are on the wrong side"
        name = truth["other_convention"] if is_other else truth.get("convention", "torchvision")
        if hypothesis.convention.name != name:
            yield f"the operator is {hypothesis.convention.name}, not {name}"


def _noise(answer: Answer) -> Problems:
    if answer.found.verdict != "near":
        yield f"the verdict is {answer.found.verdict}"
    elif answer.closest.correlation < 1 - 20 * answer.mismatch.truth["noise"] ** 2:
        yield f"the correlation is {answer.closest.correlation:.6f}"


def _halved(answer: Answer) -> Problems:
    # An average of averages is the average of a finer grid.
    if answer.mismatch.truth["halved"] == "maximum":
        yield from _says(answer, "maximum of 2 × 2 sections")


def _exchanged(answer: Answer) -> Problems:
    if answer.found.verdict not in {"near", "partial"}:
        yield f"the verdict is {answer.found.verdict}"


# Kind of truth → a check of what is said about it, and the clauses that it allows.
CHECKS: Mapping[str, Callable[[Answer], Problems]] = MappingProxyType(
    {
        "fields": _fields,
        "convention": _convention,
        "sampling_ratio": _ratio,
        "spatial_scale": _scale,
        "shift": _shift,
        "end_shift": _shift,
        "gain": _gain,
        "rows": _rows,
        "swapped_rows": _swapped,
        "layout": _layout,
        "shape": _shape,
        "batch_index": _batches,
        "columns": _columns,
        "channels": _channels,
        "map": _map,
        "cast": _cast,
        "quantised": _quantised,
        "dequantised": _quantised,
        "relu": _relu,
        "clipped": _clipped,
        "level": _level,
        "unrelated": _unrelated,
        "rows_that_match": _some_rows,
        "nan_rows": _nan_rows,
        "other_rows": _other_rows,
        "noise": _noise,
        "halved": _halved,
        "exchanged_weights": _exchanged,
    }
)

# What is said of some rows → the kind of truth that it needs.
_PART_WORDS = {
    "pooled from (another )?map": "batch_index",
    "(other boxes|another box|exchanged|place)": "rows",
    "NaN": "nan_rows",
    "clipped": "clipped",
}
_ROW_WORDS = r"(?=.*\b(rows?|boxes|box)\b).*"
# Kind of truth → the clauses that are true of it.
ALLOWED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "fields": (
            "the box edges are .*",
            "the adaptive grid rounds .*",
            "points outside the map .*",
            "sample points beyond the outermost cell centres .*",
            "the average is divided .*",
            "the interpolation weights of the two .*",
            "the sample points lie at the start .*",
            "each point takes the nearest cell",
            "the half-cell shift is missing",
            "neighbour cells outside the map have the value 0",
        ),
        "spatial_scale": ("the boxes are at scale .*",),
        "shift": ("the boxes are moved by .*",),
        "end_shift": ("the second corners? .*",),
        "gain": (
            "the output is multiplied .*",
            ".* normalised by ImageNet.*",
            "each channel of the output is multiplied .*",
        ),
        "rows": (_ROW_WORDS,),
        "layout": (
            "the channels of the output are last",
            "the height and width of the output are swapped",
        ),
        "shape": ("the .* on (one axis|two axes, .*)", "the output has a batch axis .*"),
        "batch_index": (
            "the boxes alternate .*",
            "the first .* boxes are pooled from map 0.*",
            "the boxes are pooled from the maps in order.*",
            "the two maps are exchanged",
            r"\d+ boxes are pooled from another map.*",
            "the batch index of the boxes is in the last column",
        ),
        "channels": ("the channels are .*",),
        "map": (
            "the feature map is .*",
            "y of the boxes points up",
            "x and y of the boxes are swapped",
            "the height and width of the output are swapped",
        ),
        "cast": (
            "the (features|boxes) are rounded to .*",
            "the output is rounded to .*",
            "the coordinates are computed in half precision",
        ),
        "quantised": ("the output is quantised .*",),
        "dequantised": ("the output is quantised .*",),
        "relu": ("a ReLU .*",),
        "clipped": ("the boxes are clipped .*",),
        "nan_rows": ("rows .* NaN.*",),
        "halved": ("each section is the maximum of 2 × 2 .*",),
    }
)


def cause_problems(answer: Answer) -> Problems:
    """Yield what is said wrongly, or not said, about the cause of a mismatch."""
    truth = answer.mismatch.truth
    for kind, check in CHECKS.items():
        if kind in truth:
            try:
                yield from check(answer)
            except AssertionError:
                yield f"{kind}: there are matches, and no cause is named"
    if answer.found.verdict == "far":
        return
    allowed = [pattern for kind in truth for pattern in ALLOWED.get(kind, ())]
    allowed += _true_of_call(truth.get("call", {}))
    yield from _false_parts(answer)
    for clause in answer.clauses:
        if not any(re.fullmatch(pattern, clause) for pattern in allowed):
            yield f"false: {clause}"


def _true_of_call(call: dict[str, Any]) -> Iterator[str]:
    """Yield the clauses that are true of the right call, which has unusual rules itself."""
    if not call:
        return
    convention = PRESETS[call["convention"]].convention
    if call.get("sampling_ratio", convention.sampling_ratio) == 1:
        yield "one sample point per section.*"
    for clause, fields in {**EXPORT_MISTAKES, **RULE_MISTAKES}.items():
        if all(getattr(convention, name) == value for name, value in fields.items()):
            yield re.escape(clause)


def _false_parts(answer: Answer) -> Problems:
    """Yield what is said of some rows that is not true."""
    truth = answer.mismatch.truth
    for part in () if answer.found.matches else answer.closest.parts:
        for pattern, kind in _PART_WORDS.items():
            if kind not in truth and re.search(pattern, part.text):
                yield f"false: rows {np.flatnonzero(part.rows)[:6]} {part.text}"
