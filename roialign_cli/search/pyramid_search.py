"""Search for the map of a pyramid that each row of an output was pooled from, and for the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from roialign_cli.analysis.box_conditions import Mask
from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention, ConventionFields
from roialign_cli.core.overrides import resolve
from roialign_cli.core.point_values import floating
from roialign_cli.core.preset import Preset
from roialign_cli.core.pyramid import Levels
from roialign_cli.core.pyramid_operation import checked_maps
from roialign_cli.core.pyramid_rules import PYRAMID_RULES, PyramidRule, pyramid_rule
from roialign_cli.errors import ArgumentError
from roialign_cli.search.arguments import check_tolerance, checked_call, checked_output
from roialign_cli.search.arrangement import arrangements
from roialign_cli.search.fit import Index
from roialign_cli.search.hypothesis import LAYOUTS, Hypothesis
from roialign_cli.search.pyramid_result import PyramidIdentification
from roialign_cli.search.pyramid_rules import (
    RuleInputs,
    agreed,
    distinguishing,
    judged,
)
from roialign_cli.search.pyramid_target import PyramidTarget, Reading
from roialign_cli.search.result import Identification
from roialign_cli.search.search import identify

_MAX_TRIED_ROWS = 8  # of one map, in which the convention is sought
_MAX_ATTEMPTS = 4  # at a convention
_MAX_HYPOTHESES = 6  # that are compared on all rows
_MAX_FRACTION = 2.0  # of boxes that are fractions of the image

Advance = Callable[[float], object]
Applied = list[tuple[PyramidRule, Levels | str]]


def identify_pyramid(
    maps: Sequence[object],
    boxes: object,
    expected: object,
    *,
    image_size: tuple[float, float] | None = None,
    level_scales: Sequence[float] | None = None,
    pyramid: str | PyramidRule | None = None,
    tolerance: float | None = None,
    convention: str | Preset | Convention | None = None,
    batch_index: object = None,
    advance: Advance = lambda _share: None,
    **fixed_fields: Unpack[ConventionFields],
) -> PyramidIdentification:
    """Find the map that each row of an output was pooled from, and the rules that explain it.

    Parameters
    ----------
    maps : sequence of array_like
        The maps of the pyramid, from the largest to the smallest, each as for `roi_align`; with the
        same N and C.
    boxes : array_like
        (R, 4), or (R, 5) with the batch index in the first column, in pixels or fractions of the
        image.
    expected : array_like
        The output: (R, C, rows, columns), or these numbers in another order or shape.
    image_size : (float, float), optional
        (height, width) of the image in pixels, from which the scales of the maps are inferred.
    level_scales : sequence of float, optional
        Cells per pixel of each map, instead of the inferred scales.
    pyramid
        The only rule to try, None to try all of `PYRAMID_RULES`.
    tolerance, convention, batch_index, advance, **fixed_fields
        As for `identify`.

    Returns
    -------
    PyramidIdentification
        The maps that reproduce each row, the convention, and each rule with the boxes that it does
        not explain.

    Raises
    ------
    RoiAlignError
        If an argument is invalid or does not fit the others.

    Examples
    --------
    >>> from roialign_cli import roi_align_pyramid
    >>> random = np.random.default_rng(0)
    >>> maps = [random.normal(size=(1, 4, 256 // stride, 256 // stride)) for stride in (4, 8, 16)]
    >>> boxes = [[0, 0, side, side] for side in (20, 90, 111, 112, 120, 223)]
    >>> call = {"image_size": (256, 256)}
    >>> out = roi_align_pyramid(maps, boxes, 3, pyramid="detectron", convention="mmcv", **call)
    >>> found = identify_pyramid(maps, boxes, out, **call)
    >>> found.map_index.tolist(), [fit.rule.name for fit in found.explaining][:2]
    ([0, 0, 1, 1, 1, 2], ['detectron', 'caffe2'])
    """
    check_tolerance(tolerance)
    output = checked_output(expected)
    arrays = checked_maps([*maps])
    rules = [*PYRAMID_RULES.values()] if pyramid is None else [pyramid_rule(pyramid)]
    if level_scales is None and image_size is None:
        raise ArgumentError("image_size", "is needed, or the scale of each map")
    checked, batches = checked_call(arrays[0], boxes, batch_index, convention, None, fixed_fields)
    images, channels = arrays[0].shape[:2]
    found = arrangements(output.shape, len(checked.boxes_given), channels, images)
    fitting = [one for one in found if one.shape[0] == len(checked.boxes_given)]
    if not fitting:
        count = len(checked.boxes_given)
        problem = f"has shape {output.shape}, and there are {count} boxes; give a row for each box"
        raise ArgumentError("expected", problem)
    sizes = tuple((array.shape[2], array.shape[3]) for array in arrays)
    wide = all(floating(array.dtype) == np.float64 for array in arrays)
    inputs = RuleInputs(sizes, image_size, level_scales, np.float64 if wide else np.float32)
    rows = fitting[0].rows(output)
    target = PyramidTarget(arrays, checked.boxes_given, batches, rows, tolerance, inputs)
    call: dict[str, Any] = {"tolerance": tolerance, "convention": convention} | fixed_fields
    with np.errstate(all="ignore"):
        return _Search(target, fitting[0].text, rules, call, advance).result()


@dataclass(frozen=True)
class _Found:
    """A hypothesis, how the inputs are read, and the maps that reproduce each row.

    `others` are conventions that may be equal, and `doubtful` is that of an `Identification`.
    """

    hypothesis: Hypothesis
    reading: Reading
    fits: Mask
    others: Sequence[Convention]
    doubtful: bool

    @property
    def count(self) -> int:
        """How many rows are reproduced on some map."""
        return int(self.fits.any(axis=1).sum())


@dataclass(frozen=True)
class _Search:
    """A search with checked arguments.

    Parameters
    ----------
    target
        The output and its inputs.
    rearranged
        How the axes of the output were rearranged, in words.
    rules
        The rules to try.
    call
        The tolerance, the convention and the fixed fields, as keywords of `identify`.
    advance
        Called with the share of the search done since the last call.
    """

    target: PyramidTarget
    rearranged: str
    rules: Sequence[PyramidRule]
    call: dict[str, Any]
    advance: Advance

    def result(self) -> PyramidIdentification:
        """Return the best of a few attempts."""
        best: _Found | None = None
        searched, target = 0, self.target
        for number, (reading, level, rows) in enumerate(self._attempts()):
            if number == _MAX_ATTEMPTS:
                break
            attempt = self._identified(reading, level, rows)
            searched += attempt.searched
            found = self._best(reading, attempt)
            if found is not None and (best is None or found.count > best.count):
                best = found
            if best is not None and (best.fits.any(axis=1) | ~target.usable).all():
                break
        return self._result(best, searched)

    def _attempts(self) -> Iterator[tuple[Reading, int, Index]]:
        """Yield readings of the inputs, each with a map and some rows that are likely from it."""
        later = []
        # A rule that is tried alone may be the wrong one, or not applicable.
        rules = [*dict.fromkeys((*self.rules, *PYRAMID_RULES.values()))]
        for reading in self._readings():
            applied = self._applied(rules, reading, self.target.corners(reading))
            groups = agreed(applied, self.target.usable, len(self.target.maps))
            attempts = [(reading, level, _spread(group)) for level, group in groups]
            yield from attempts[:1]
            later += attempts[1:]
        yield from later

    def _readings(self) -> Iterator[Reading]:
        """Yield the ways to read the inputs, the most likely first."""
        kinds = dict.fromkeys(rule.level_scale for rule in self.rules)
        by_axis = [self.target.inputs.scales(kind) for kind in kinds]
        distinct = [one for number, one in enumerate(by_axis) if one not in by_axis[:number]]
        for fields in self._box_fields():
            for batches in self.target.batches:
                for scale in distinct:
                    yield Reading(scale, batches, fields)

    def _box_fields(self) -> Iterator[dict[str, Any]]:
        """Yield how the boxes may be read, as fields of a convention."""
        normalized = bool(np.abs(self.target.boxes).max(initial=0) <= _MAX_FRACTION)
        formats = ["yxyx", "xyxy"] if normalized else ["xyxy", "xywh", "cxcywh", "yxyx"]
        if self.call["convention"] is not None:
            base = resolve(self.call["convention"])
            normalized, formats = base.normalized, [base.box_format]
        formats = [self.call["box_format"]] if "box_format" in self.call else formats
        for box_format in formats:
            yield {"box_format": box_format, "normalized": self.call.get("normalized", normalized)}

    def _applied(self, rules: Sequence[PyramidRule], reading: Reading, corners: Float) -> Applied:
        inputs = self.target.inputs
        return [*inputs.applicable(rules, corners, normalized=reading.normalized)]

    def _identified(self, reading: Reading, level: int, rows: Index) -> Identification:
        """Search for the convention of some rows on one map."""
        target = self.target
        several = len(target.maps[0]) > 1
        fields = self.call | {"normalized": reading.normalized}
        return identify(
            target.maps[level],
            target.boxes[rows],
            target.output[rows],
            spatial_scale=reading.scale(level),
            batch_index=target.batches[reading.batches][rows] if several else None,
            image_height=target.image_height(reading),
            advance=self.advance,
            **fields,
        )

    def _best(self, reading: Reading, attempt: Identification) -> _Found | None:
        """Return the hypothesis of an attempt that reproduces most rows on any map."""
        tried = {match.hypothesis: match.equivalents for match in attempt.matches}
        answer = attempt.answer
        if answer is not None and not answer.changes and answer.boxes.any():
            tried = {answer.hypothesis: ()}
        best: _Found | None = None
        for hypothesis, others in [*tried.items()][:_MAX_HYPOTHESES]:
            fits = self.target.fits(hypothesis, reading)
            found = _Found(hypothesis, reading, fits, others, attempt.doubtful)
            if best is None or found.count > best.count:
                best = found
            if fits.any(axis=1).all():
                break
        return best if best is not None and best.count else None

    def _result(self, best: _Found | None, searched: int) -> PyramidIdentification:
        """Judge the rules by the maps of the rows."""
        target, inputs = self.target, self.target.inputs
        reading = next(self._readings()) if best is None else best.reading
        hypothesis, convention = None, None
        if best is not None:
            convention, scale = best.hypothesis.convention, reading.scale(0)
            hypothesis = replace(best.hypothesis, spatial_scale=scale, batches=reading.batches)
        corners = target.corners(reading, convention)
        shape = len(target.boxes), len(target.maps)
        fits = np.zeros(shape, np.bool_) if best is None else best.fits
        # Of equal rules, those with the scales of the reading reproduce the output.
        by_scale = sorted(
            self.rules, key=lambda rule: inputs.scales(rule.level_scale) != reading.by_axis
        )
        rules = judged(self._applied(by_scale, reading, corners), fits, target.zero)
        explaining = [fit.rule for fit in rules if fit.explains_all]
        layout = "RCHW" if best is None else best.hypothesis.layout
        _, _, height, width = target.output.transpose(LAYOUTS[layout]).shape
        return PyramidIdentification(
            hypothesis=hypothesis,
            equivalents=() if best is None else self._equivalents(best),
            map_sizes=tuple(inputs.map_sizes),
            scales=tuple(y for y, _ in reading.by_axis),
            image_size=inputs.image_size,
            fits=fits,
            zero=target.zero,
            rules=rules,
            distinguishing=None if best is None else distinguishing(explaining, inputs),
            max_difference=0.0
            if best is None
            else target.largest(best.hypothesis, reading, best.fits),
            searched=searched,
            output_size=(height, width),
            rearranged=self.rearranged,
            doubtful=best is not None and best.doubtful,
        )

    def _equivalents(self, best: _Found) -> tuple[str, ...]:
        """Return the names of other conventions that reproduce the same rows."""
        call = best.reading, best.fits
        return tuple(
            other.name
            for other in best.others
            if self.target.is_equal(best.hypothesis, other, *call)
        )


def _spread(group: Index) -> Index:
    """Return a few boxes of a group, evenly spread over it."""
    places = np.linspace(0, len(group) - 1, min(len(group), _MAX_TRIED_ROWS))
    return group[np.unique(places.round().astype(np.intp))]
