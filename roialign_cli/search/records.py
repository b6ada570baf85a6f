"""What a search found as plain data, for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from roialign_cli.analysis.equivalence import distinguishing_inputs
from roialign_cli.analysis.records import VERSION
from roialign_cli.search.hypothesis import Hypothesis, Identification, Match, PartialMatch


def identification_record(found: Identification, said: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Return what a search found as the documented JSON object, best match first.

    `said` is what makes the same output, one a match.
    """
    matches = zip(found.matches, said, strict=True)
    return {
        "version": VERSION,
        "matches": [_match(match) | words for match, words in matches],
        "doubtful": found.doubtful,
        "closest": None if found.closest is None else _match(found.closest),
        "partial": None if found.partial is None else _partial(found.partial),
        "searched": found.searched,
    }


def _match(match: Match) -> dict[str, Any]:
    return {
        **_way(match.hypothesis),
        "max_difference": match.max_difference,
        "equivalents": [convention.name for convention in match.equivalents],
        "distinguishing_inputs": {
            other.name: distinguishing_inputs(match.hypothesis.convention, other)
            for other in match.equivalents
        },
    }


def _way(hypothesis: Hypothesis) -> dict[str, Any]:
    rules = hypothesis.convention
    scale = hypothesis.spatial_scale
    return {
        "preset": rules.name,
        "pooling": rules.pooling,
        "sampling_ratio": rules.sampling_ratio if rules.points == "centred" else None,
        "box_format": rules.box_format,
        "origin": rules.origin,
        "normalized": rules.normalized,
        "spatial_scale": None if scale is None else {"x": scale[1], "y": scale[0]},
        "layout": hypothesis.layout,
        "batches": hypothesis.batches,
        "deviations": hypothesis.deviations(),
        "convention": rules.parameters(),
    }


def _partial(partial: PartialMatch) -> dict[str, Any]:
    return {
        **_way(partial.hypothesis),
        "max_difference": partial.max_difference,
        "boxes": partial.boxes.tolist(),
        "channels": partial.channels.tolist(),
        "sections": partial.sections.tolist(),
        "common": list(partial.common),
    }
