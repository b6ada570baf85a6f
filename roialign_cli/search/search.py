"""Search for the convention that made an output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Unpack

from roialign_cli.core.convention import Convention, ConventionFields
from roialign_cli.core.overrides import resolve
from roialign_cli.core.preset import Preset
from roialign_cli.search.arguments import (
    check_tolerance,
    checked_call,
    checked_output,
    count_distinct,
    possible_layouts,
)
from roialign_cli.search.candidates import Candidates
from roialign_cli.search.fit import SearchTarget
from roialign_cli.search.hypothesis import LAYOUTS, Identification, Match, PartialMatch, grouped
from roialign_cli.search.stages import (
    Advance,
    Trials,
    confirm,
    explain,
    find_alternatives,
    partial_match,
    refine,
    screen,
)

_LayoutSearch = tuple[SearchTarget, Candidates, Trials]  # the search for one layout of the output


def identify(
    features: object,
    boxes: object,
    expected: object,
    *,
    tolerance: float | None = None,
    convention: str | Preset | Convention | None = None,
    spatial_scale: float | tuple[float, float] | None = None,
    batch_index: object = None,
    image_height: float | None = None,
    advance: Callable[[float], object] = lambda _share: None,
    **fixed_fields: Unpack[ConventionFields],
) -> Identification:
    """Find the conventions that make an output.

    Parameters
    ----------
    features
        (N, C, H, W), (C, H, W) or (H, W), numbers.
    boxes
        (R, 4), or (R, 5) with the batch index first, numbers in any box format.
    expected
        The output: (R, C, height, width), or these axes in another order of `LAYOUTS`.
    tolerance
        The largest difference that still counts as equal, in feature units. If None, 1e-4 of the
        largest value of each channel, and 4e-3 of it for float16.
    convention
        The only preset or convention to try, None to try all presets.
    spatial_scale
        Map units per box unit, or (y, x). If None, 1, 1/2, … 1/64 and normalised boxes are tried.
    batch_index
        (R,), integers: the feature map of each box.
    image_height
        The height from which y is measured if it points up, in box units; the map's height over
        the scale if None.
    advance
        Called with the share of the search done since the last call.
    **fixed_fields
        Convention fields that are known and not searched: `pooling`, `box_format`, …

    Returns
    -------
    The hypotheses that reproduce the output, simplest first, or else the closest hypothesis.

    Raises
    ------
    RoiAlignError
        If an argument is invalid or does not fit the others.

    Examples
    --------
    >>> import numpy as np
    >>> from roialign_cli.core.operation import roi_align
    >>> features = np.random.default_rng(0).normal(size=(2, 9, 9))
    >>> boxes = [[8, 16, 80, 96], [40, 24, 130, 120]]
    >>> call = {"convention": "torchvision", "spatial_scale": 1 / 16, "sampling_ratio": 2}
    >>> found = identify(features, boxes, roi_align(features, boxes, 3, **call))
    >>> found.matches[0].hypothesis.convention.name, found.matches[0].hypothesis.spatial_scale
    ('torchvision', (0.0625, 0.0625))
    """
    check_tolerance(tolerance)
    output = checked_output(expected, boxes)
    distinct = count_distinct(output)
    checked, batches = checked_call(
        features, boxes, batch_index, convention, spatial_scale, fixed_fields
    )
    layouts = possible_layouts(output, checked.features.shape[1])
    if not distinct or (output.size > 1 and (output == output.flat[0]).all()):
        return Identification((), None, None, 0, 0, output.shape)
    only = None if convention is None else resolve(convention)
    scale = None if spatial_scale is None else checked.spatial_scale
    given = checked.features, checked.boxes_given, batches
    searches: list[_LayoutSearch] = []
    for layout in layouts:
        axes = LAYOUTS[layout]
        target = SearchTarget(*given, output.transpose(axes), layout, tolerance, image_height)
        outside = target.outside_values()
        shared = target.output.shape[1] == checked.features.shape[1]
        candidates = Candidates(
            checked.map_size,
            scale,
            only,
            fixed_fields,
            outside,
            "same" if shared else "position-sensitive",
        )
        searches.append((target, candidates, Trials()))
        matches, closest = _search(*searches[-1], lambda share: advance(share / len(layouts)))
        if matches:
            break
    partial = None if matches else _closest_of(searches)
    tried = sum(trials.count for _, _, trials in searches)
    return Identification(matches, closest, partial, tried, distinct, output.shape)


def _search(
    target: SearchTarget,
    candidates: Candidates,
    trials: Trials,
    advance: Advance = lambda _share: None,
) -> tuple[tuple[Match, ...], Match | None]:
    """Return the matches in one layout of the output, and the closest other operator."""
    poolings = candidates.poolings()
    for pooling in poolings:
        screened = screen(
            target, candidates, pooling, trials, lambda share: advance(share / len(poolings))
        )
        for hypotheses in screened:
            confirmed = confirm(target, refine(target, candidates, hypotheses, trials))
            if confirmed:
                more, closest = find_alternatives(target, candidates, confirmed, trials)
                return grouped(confirmed | more), closest
    return (), None


def _closest_of(searches: Sequence[_LayoutSearch]) -> PartialMatch | None:
    """Return the hypothesis that reproduces most boxes, or else one with a rounded output."""
    partials = [explain(target, trials) for target, _, trials in searches]
    best = max((p for p in partials if p is not None), key=lambda p: p.rank, default=None)
    if best is not None and best.rank[0]:
        return best
    rounded = (_rounded_match(target, candidates) for target, candidates, _ in searches)
    return next((match for match in rounded if match is not None), best)


def _rounded_match(target: SearchTarget, candidates: Candidates) -> PartialMatch | None:
    """Return a hypothesis that reproduces the output if it was rounded to few digits."""
    rough = replace(target, tolerance=target.rounded_error)
    matches, _ = _search(rough, candidates, Trials())
    return partial_match(target, matches[0].hypothesis) if matches else None
