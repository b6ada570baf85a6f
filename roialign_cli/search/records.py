"""Convert the result of a search to plain data, for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from roialign_cli.analysis.equivalence import distinguishing_inputs
from roialign_cli.analysis.records import VERSION
from roialign_cli.search.hypothesis import Hypothesis, Identification, Match, PartialMatch


def identification_record(
    found: Identification, commands: Sequence[dict[str, str]]
) -> dict[str, Any]:
    """Return the result of a search as the documented JSON object, best match first.

    `commands` holds the command line and the Python call of each match.
    """
    matches = zip(found.matches, commands, strict=True)
    return {
        "version": VERSION,
        "matches": [_match(match) | command for match, command in matches],
        "doubtful": found.doubtful,
        "closest": None if found.closest is None else _match(found.closest),
        "partial": None if found.partial is None else _partial(found.partial),
        "searched": found.searched,
    }


def _match(match: Match) -> dict[str, Any]:
    return {
        **_hypothesis(match.hypothesis),
        "max_difference": match.max_difference,
        "equivalents": [convention.name for convention in match.equivalents],
        "distinguishing_inputs": {
            other.name: distinguishing_inputs(match.hypothesis.convention, other)
            for other in match.equivalents
        },
    }


def _hypothesis(hypothesis: Hypothesis) -> dict[str, Any]:
    convention = hypothesis.convention
    scale = hypothesis.spatial_scale
    return {
        "preset": convention.name,
        "pooling": convention.pooling,
        "sampling_ratio": convention.sampling_ratio if convention.points == "centred" else None,
        "box_format": convention.box_format,
        "origin": convention.origin,
        "normalized": convention.normalized,
        "spatial_scale": None if scale is None else {"x": scale[1], "y": scale[0]},
        "layout": hypothesis.layout,
        "batches": hypothesis.batches,
        "deviations": hypothesis.deviations(),
        "convention": convention.parameters(),
    }


def _partial(partial: PartialMatch) -> dict[str, Any]:
    return {
        **_hypothesis(partial.hypothesis),
        "max_difference": partial.max_difference,
        "boxes": partial.boxes.tolist(),
        "channels": partial.channels.tolist(),
        "sections": partial.sections.tolist(),
        "common": list(partial.shared_conditions),
    }
