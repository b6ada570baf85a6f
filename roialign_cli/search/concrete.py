"""Turn a fitted place of boxes into a call: a preset, a plain scale and moved boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import BoxFormat, Convention
from roialign_cli.core.presets import PRESETS
from roialign_cli.errors import ArgumentError
from roialign_cli.search.candidates import Candidates, Operator, Scale
from roialign_cli.search.changes import BOX_CHANGES, Change, moved_boxes
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.locate import Located, known_scales
from roialign_cli.search.mistakes import RULE_MISTAKES, with_wrong_rules
from roialign_cli.search.operators import Fitted, Fitting, shape_of
from roialign_cli.search.readings import read_boxes
from roialign_cli.search.refine import Place

EXACT = 1e-9  # share of the variance that rounding to float32 leaves unexplained
_VERY_ROUGH = 1e-3
_ROUGH = 1e-5  # above it, the place of the boxes is not known well
_MAX_SHAPES = 2
_SAME_ERROR = 3.0
_NOT_FAR = 0.15  # relative difference of scales
_FINE_RATIOS = (0, 1, 2, 3)
_WRONG_RATIOS = (0, 1, 2, 3, 4)
_COMMON = ("torchvision-aligned", "torchvision")
_OTHERS = ("mindspore", "onnx2tf")  # with their own sampling ratio


@dataclass(frozen=True)
class Concrete:
    """A call that may have made an output, before any change of the values.

    Parameters
    ----------
    hypothesis
        The operator, the scale and how boxes are read.
    moved
        The change of the boxes, None for none.
    shift
        (y, x) in cells, by which the change moves boxes on the map.
    error
        The share of the variance of the sample that the call does not explain.
    scale_rank
        The position of the scale among the possible ones, the plainest first.
    grown
        1 if the move changes the size of the boxes, else 0.
    """

    hypothesis: Hypothesis
    moved: Change | None
    shift: tuple[float, float]
    error: float
    scale_rank: int = 0
    grown: int = 0

    @property
    def cost(self) -> tuple[float, ...]:
        """How unlikely the call is: moved boxes, along how many axes, and unusual rules."""
        along = sum(abs(step) > 0 for step in self.shift)
        moves = int(self.moved is not None), along + self.grown
        deviations, fields = self.hypothesis.complexity
        far = round(float(np.abs(self.shift).sum()), 2)
        return self.scale_rank, *moves, deviations, far, fields


@dataclass(frozen=True)
class Concretion:
    """What is known when fitted rules are turned into calls."""

    fitting: Fitting
    candidates: Candidates
    located: Located
    _known: dict[Fitted, list[Concrete]] = field(default_factory=dict)

    def plain(self, fitted: Sequence[Fitted]) -> list[Concrete]:
        """Return calls by fitted rules alone, sorted as those of `calls`."""
        for each in fitted[:_MAX_SHAPES]:
            if each not in self._known:
                self._known[each] = list(self._of_shape(each))
        return _sorted([call for each in fitted[:_MAX_SHAPES] for call in self._known[each]])

    def calls(self, fitted: Sequence[Fitted]) -> list[Concrete]:
        """Return calls, first the simplest of those with the smallest error.

        Calls that explain nothing, or with rules that refuse the boxes, are left out.
        """
        found = self.plain(fitted)
        best = fitted[0]
        if not found or min(call.error for call in found) > EXACT:
            scale = scale_options(best.place, best.error, self.candidates)[0]
            near = _known_near(best.place.scale, self.candidates)
            for operator in self._all_operators(best):
                # The place was fitted by rules that do not round.
                scales = [*near, scale] if operator[0].edge_rounding != "none" else [scale]
                found += [
                    replace(self._call(operator, each), scale_rank=rank)
                    for rank, each in enumerate(dict.fromkeys(scales))
                ]
            common = common_operators(self.candidates, best.convention)
            found += [self._call(operator, scale) for operator in self._wrong_rules(best)]
            for change in BOX_CHANGES:
                found += [self._call(operator, scale, change) for operator in common]
            found += self._reduced(best, scale)
        return _sorted(found)

    def _of_shape(self, fitted: Fitted) -> Iterator[Concrete]:
        """Yield calls of the operators with some fitted rules, at plain scales."""
        options = scale_options(fitted.place, fitted.error, self.candidates)
        for operator in self._operators(fitted.convention):
            for rank, scale in enumerate(options):
                calls = [self._call(operator, scale)]
                for move in self._moves(operator[0], scale, fitted):
                    shift = float(move[1] * scale[0]), float(move[0] * scale[1])
                    call = self._call(operator, scale, self._moved_boxes(move, scale), shift)
                    grown = int((move[:2] != move[2:]).any())
                    calls.append(replace(call, grown=grown))
                yield from (replace(call, scale_rank=rank) for call in calls)
                if min(call.error for call in calls) <= _SAME_ERROR * max(fitted.error, EXACT):
                    break  # other scales are less plain

    def _operators(self, shape: Convention) -> list[Operator]:
        """Return the operators with some rules, whatever their shifts."""
        wanted = shape_of(shape)
        found = [
            (convention, mistake)
            for convention, mistake in self.candidates.operators(shape.pooling)
            if shape_of(convention) == wanted
        ]
        return found or common_operators(self.candidates, shape)

    def _all_operators(self, fitted: Fitted) -> Iterator[Operator]:
        """Yield the operators of a pooling that are not tried by their rules."""
        pooling = fitted.convention.pooling
        for convention, mistake in self.candidates.operators(pooling):
            if pooling == "avg" or convention.points == "cells":
                yield convention, mistake

    def _wrong_rules(self, fitted: Fitted) -> Iterator[Operator]:
        """Yield operators with a rule that a kernel got wrong.

        Wrong rules may make another sampling ratio look closest.
        """
        shape = fitted.convention
        fixed = self.candidates.fixed_fields
        more = () if "sampling_ratio" in fixed else _WRONG_RATIOS
        ratios = {shape.sampling_ratio, *more}
        shapes = [replace(shape, sampling_ratio=ratio) for ratio in sorted(ratios)]
        bases = [base for each in shapes for base in kernels(self.candidates, each)]
        for base in dict.fromkeys(bases):
            for convention, text in with_wrong_rules(base):
                if not fixed.keys() & RULE_MISTAKES[text].keys():
                    yield convention, text

    def _reduced(self, fitted: Fitted, scale: Scale) -> Iterator[Concrete]:
        """Yield calls with an output twice as fine, of which 2 × 2 sections become one."""
        if self.candidates.fixed_fields.keys() & {"pooling", "sampling_ratio"}:
            return
        shapes = [replace(fitted.convention, pooling="avg", sampling_ratio=n) for n in _FINE_RATIOS]
        for operator in (
            operator for shape in shapes for operator in common_operators(self.candidates, shape)
        ):
            yield self._call(operator, scale, reduced="max")

    def _call(
        self,
        operator: Operator,
        scale: Scale,
        moved: Change | None = None,
        shift: tuple[float, float] = (0.0, 0.0),
        reduced: Literal["", "max"] = "",
    ) -> Concrete:
        """Return a call and its error."""
        convention, mistake = operator
        convention = replace(convention, **(self.located.fields | {"normalized": False}))
        target, few = self.fitting.target, self.fitting.reduced
        hypothesis = Hypothesis(
            convention, scale, target.layout, self.located.batches, mistake, reduced
        )
        if moved is not None:
            target = replace(target, boxes=moved.boxes(target.boxes))
        try:
            made = target.made(hypothesis, few.sample.boxes, few.sample.channels)
            error = few.unexplained(made)
        except ArgumentError:
            error = 1.0
        return Concrete(hypothesis, moved, shift, error if np.isfinite(error) else 1.0)

    def _moves(self, convention: Convention, scale: Scale, fitted: Fitted) -> list[Float]:
        """Return by how much boxes may be moved before a call, x1, y1, x2, y2 in box units.

        A growth of boxes that are smaller than the minimum size of an ROI has no effect, so the
        move is returned without it, too.
        """
        fields = self.located.fields | {"normalized": False}
        target = self.fitting.target
        given = read_boxes(target, self.fitting.sample.boxes, scale, fields)
        per_axis = np.tile(scale[::-1], 2)
        usual = (given - convention.image_offset) * per_axis - convention.offset
        rest = fitted.place.on_map(self.fitting.xyxy) - usual
        first = np.median(rest[:, :2], axis=0)
        growth = np.median(rest[:, 2:] - rest[:, :2], axis=0)
        slack = 0.02 if fitted.error > _ROUGH else 2e-3
        first, growth = (
            _plain(cells, per_axis[:2], slack * factor)
            for cells, factor in ((first, 1), (growth, 2))
        )
        moves = [np.tile(first, 2), np.concatenate([first, first + growth])]
        return [move for move in moves if move.any()]

    def _moved_boxes(self, move: Float, scale: Scale) -> Change:
        (dx, dy), (gx, gy) = move[:2], move[2:] - move[:2]
        sign = -1 if self.located.fields["origin"] == "bottom-left" else 1
        step = _STEPS[self.located.fields["box_format"]](dx, dy, gx, gy, sign)
        text, remedy = _move_words(dx, dy, gx, gy, scale)
        return moved_boxes(step, text, remedy)


def kernels(candidates: Candidates, shape: Convention) -> list[Convention]:
    """Return the rules that kernels are written after, with the pooling and ratio of some rules."""
    others = [PRESETS[name].convention for name in _OTHERS]
    fitting = [base for base in others if base.sampling_ratio == shape.sampling_ratio]
    bases = fitting if candidates.convention is None else []
    common = common_operators(candidates, shape)
    return [base for base, _ in (*common, *_pooling_as(candidates, shape, bases))]


def common_operators(candidates: Candidates, shape: Convention) -> list[Operator]:
    """Return the common operators with the pooling and the sampling ratio of some rules."""
    bases = [PRESETS[name].convention for name in _COMMON]
    if candidates.channel_map != "same":
        bases = [row.convention for row in PRESETS.values()]
    if candidates.convention is not None:
        bases = [candidates.convention]
    return _pooling_as(candidates, shape, bases)


def _pooling_as(
    candidates: Candidates, shape: Convention, bases: Sequence[Convention]
) -> list[Operator]:
    """Return some operators with the pooling and the sampling ratio of some rules."""
    names = ("pooling", "max_of", "max_start", "sampling_ratio")
    fields = {name: getattr(shape, name) for name in names}
    found: list[Operator] = []
    for base in bases:
        if base.channel_map != candidates.channel_map:
            continue
        with suppress(ArgumentError):  # a preset may lack the pooling
            found.append((replace(base, **(fields | candidates.fixed_rules(base))), ""))
    return found


def _sorted(calls: Sequence[Concrete]) -> list[Concrete]:
    """Return the calls with errors near the smallest one, the simplest first."""
    found = [call for call in calls if call.error < 1]
    least = max(min((call.error for call in found), default=1.0), EXACT)
    found = [call for call in found if call.error <= _SAME_ERROR * least] or found
    return sorted(found, key=lambda call: (call.cost, call.error))


# Box format → the steps of its four numbers; sign is -1 if y points up. With y up, the corner pairs
# begin with the lower edge and "xywh" with the upper one.
_STEPS: dict[BoxFormat, Any] = {
    "xyxy": lambda dx, dy, gx, gy, sign: (
        (dx, dy, dx + gx, dy + gy) if sign > 0 else (dx, -dy - gy, dx + gx, -dy)
    ),
    "yxyx": lambda dx, dy, gx, gy, sign: (
        (dy, dx, dy + gy, dx + gx) if sign > 0 else (-dy - gy, dx, -dy, dx + gx)
    ),
    "xywh": lambda dx, dy, gx, gy, sign: (dx, sign * dy, gx, gy),
    "cxcywh": lambda dx, dy, gx, gy, sign: (dx + gx / 2, sign * (dy + gy / 2), gx, gy),
}


def _plain(cells: Float, per_unit: Float, slack: float) -> Float:
    """Return steps in cells as steps in box units, as halves of a unit or of a cell if near."""
    steps = []
    for step, factor in zip(cells.tolist(), per_unit.tolist(), strict=True):
        halves = [round(2 * step / factor) / 2, round(2 * step) / 2 / factor]
        near = [unit for unit in halves if abs(unit * factor - step) <= slack]
        steps.append(0.0 if abs(step) <= slack else (near or [step / factor])[0])
    return np.array(steps)


def _move_words(dx: float, dy: float, gx: float, gy: float, scale: Scale) -> tuple[str, str]:
    """Return what moved boxes mean, and the remedy."""
    if not dx and not dy:
        if gx == gy == -1:
            return (
                "the second corner of each box is one pixel less (x2 - 1, y2 - 1)",
                "Use x2 and y2 without - 1 on both sides.",
            )
        if gx == gy == 1:
            return (
                "the second corner of each box is one pixel more (x2 + 1, y2 + 1)",
                "Use x2 and y2 without + 1 on both sides.",
            )
        steps = [
            f"{step:+.6g} pixels along {name}" for name, step in (("x", gx), ("y", gy)) if step
        ]
        return f"the second corners of the boxes are moved by {' and '.join(steps)}", _CORNERS
    words = []
    for name, step, factor in (("x", dx, scale[1]), ("y", dy, scale[0])):
        if step:
            words.append(f"{step:+.6g} pixels along {name} ({step * factor:+.4g} cells)")
    text = f"the boxes are moved by {' and '.join(words)} before pooling"
    if gx or gy:
        text += f", their second corners by ({gx:+.4g}, {gy:+.4g}) more"
    halves = {abs(dx), abs(dy)} <= {0.5, 0.0}
    remedy = _HALF_PIXEL if halves else _PADDING
    return text, remedy


_CORNERS = (
    "Use the same second corners on both sides: one side may use the last pixel, and the other the "
    "edge after it."
)
_HALF_PIXEL = (
    "One side measures boxes from pixel centres, the other from pixel edges. Add the steps to the "
    "boxes in your call, or subtract them in the model that made the output."
)
_PADDING = (
    "If the image is padded (letterbox), add the padding to the boxes on both sides, or on neither."
)


def _known_near(scale: Scale, candidates: Candidates) -> list[Scale]:
    """Return the known scales that are not far from another one."""
    ratios = {known: np.array(known) / scale for known in known_scales(candidates)}
    return [known for known, ratio in ratios.items() if (np.abs(ratio - 1) < _NOT_FAR).all()]


def scale_options(place: Place, error: float, candidates: Candidates) -> list[Scale]:
    """Return plain scales (y, x) near a fitted scale, the plainest first, and the fitted one."""
    slack = 4e-3 if error > _ROUGH else 3e-4
    fitted = place.scale
    known_slack = 0.03 if error > _VERY_ROUGH else slack
    near = [
        scale for scale in known_scales(candidates)
        if all(abs(a / b - 1) <= known_slack for a, b in zip(scale, fitted, strict=True))
    ]  # fmt: skip
    plain = tuple(
        _plain_scale(scale, cells, slack)
        for scale, cells in zip(fitted, candidates.map_size, strict=True)
    )
    rounded = tuple(float(f"{scale:.7g}") for scale in fitted)
    mean = (fitted[0] + fitted[1]) / 2
    alike = abs(fitted[0] / fitted[1] - 1) <= slack
    both = [(one, one) for one in (*plain, mean)] if alike else []
    return list(dict.fromkeys([*near, *both, plain, rounded]))  # type: ignore[list-item]


def _plain_scale(scale: float, cells: int, slack: float) -> float:
    """Return 1/n, 1/(n + 1/2) or cells / size near a scale, else the scale."""
    inverse = 1 / scale
    for unit in (1.0, 0.5, 0.25, 0.1):
        whole = round(inverse / unit) * unit
        if whole and abs(whole / inverse - 1) <= slack / 3:
            return 1 / whole
    size = round(cells / scale)
    return cells / size if size and abs(size * scale / cells - 1) <= slack / 3 else scale
