"""Convert the result of a search to plain data, for JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from roialign_cli.analysis.equivalence import distinguishing_inputs
from roialign_cli.analysis.records import VERSION
from roialign_cli.search.explanation import Closest
from roialign_cli.search.hypothesis import Hypothesis
from roialign_cli.search.result import Identification, Match


def identification_record(
    found: Identification, commands: Sequence[dict[str, str | None]], answer: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the result of a search as the documented JSON object, best match first.

    `commands` holds the command line and the Python call of each match, `answer` the explanation,
    the command line and the call of the closest call without a match.
    """
    matches = zip(found.matches, commands, strict=True)
    closest: dict[str, Any] | None = None
    if found.answer is not None:
        closest = _closest(found.answer) | (answer or {})
    elif found.closest is not None:
        closest = _match(found.closest)
    return {
        "version": VERSION,
        "verdict": found.verdict,
        "matches": [_match(match) | command for match, command in matches],
        "doubtful": found.doubtful,
        "closest": closest,
        "partial": None if found.answer is None else _partial(found.answer),
        "changes": [change.text for change in found.changes],
        "hints": list(found.hints),
        "searched": found.searched,
    }


def _closest(answer: Closest) -> dict[str, Any]:
    hypothesis, convention = answer.hypothesis, answer.hypothesis.convention
    scale = hypothesis.spatial_scale
    return {
        "preset": convention.name,
        "pooling": convention.pooling,
        "sampling_ratio": convention.sampling_ratio if convention.points == "centred" else None,
        "spatial_scale": None if scale is None else list(scale),
        "shift": list(answer.shift),
        "correlation": answer.correlation,
        "gain": answer.gain.tolist(),
        "bias": answer.bias.tolist(),
        "layout": hypothesis.layout,
        "mistakes": hypothesis.deviations(),
        "changes": [change.text for change in answer.changes],
        "rows": None if answer.variant.rows is None else answer.variant.rows.tolist(),
        "parts": [
            {
                "rows": np.flatnonzero(part.rows).tolist(),
                "text": part.text,
                "match": None if part.hypothesis is None else hypothesis_record(part.hypothesis),
            }
            for part in answer.parts
        ],
    }


def _match(match: Match) -> dict[str, Any]:
    return {
        **hypothesis_record(match.hypothesis),
        "max_difference": match.max_difference,
        "equivalents": [convention.name for convention in match.equivalents],
        "distinguishing_inputs": {
            other.name: distinguishing_inputs(match.hypothesis.convention, other)
            for other in match.equivalents
        },
    }


def hypothesis_record(hypothesis: Hypothesis) -> dict[str, Any]:
    """Return a hypothesis as plain data."""
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


def _partial(answer: Closest) -> dict[str, Any]:
    return {
        **hypothesis_record(answer.hypothesis),
        "max_difference": answer.worst,
        "boxes": answer.boxes.tolist(),
        "channels": answer.channels.tolist(),
        "sections": answer.sections.tolist(),
        "common": [part.text for part in answer.parts if part.text],
    }
