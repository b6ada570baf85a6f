"""Convert the result of a search on a pyramid to plain data, for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from roialign_cli.analysis.pyramid_records import box_level_record
from roialign_cli.analysis.records import VERSION
from roialign_cli.core.pyramid import NO_LEVEL
from roialign_cli.search.pyramid_result import PyramidIdentification, RuleFit
from roialign_cli.search.records import hypothesis_record


def pyramid_identification_record(
    found: PyramidIdentification, commands: dict[str, str | None]
) -> dict[str, Any]:
    """Return the result of a search on a pyramid as the documented JSON object.

    `commands` has the command line and the Python call that make the output, as far as a rule
    explains it.
    """
    hypothesis = found.hypothesis
    match = None if hypothesis is None else hypothesis_record(hypothesis)
    if match is not None:
        match |= {"max_difference": found.max_difference, "equivalents": [*found.equivalents]}
    maps = zip(found.map_sizes, found.scales, found.fits.sum(axis=0).tolist(), strict=True)
    distinct = found.distinguishing
    return {
        "version": VERSION,
        "verdict": found.verdict,
        "match": match,
        "maps": [
            {"height": size[0], "width": size[1], "scale": scale, "boxes": count}
            for size, scale, count in maps
        ],
        "map_index": [None if n == NO_LEVEL else n for n in found.map_index.tolist()],
        "ambiguous": {
            str(roi): _choices(found, roi) for roi in np.flatnonzero(found.ambiguous).tolist()
        },
        "on_no_map": np.flatnonzero(found.on_no_map).tolist(),
        "unexplained": np.flatnonzero(found.unexplained).tolist(),
        "explaining": [fit.rule.name for fit in found.explaining],
        "rules": [_rule(found, fit) for fit in found.rules],
        "distinguishing_box": None
        if distinct is None
        else {"side": distinct.side, "maps": {str(k): v for k, v in distinct.maps.items()}},
        "doubtful": found.doubtful,
        "searched": found.searched,
        **commands,
    }


def _choices(found: PyramidIdentification, roi: int) -> list[int | None]:
    """Return the maps that reproduce a row; None for no map."""
    return [None if level == NO_LEVEL else level for level in found.choices(roi)]


def _rule(found: PyramidIdentification, fit: RuleFit) -> dict[str, Any]:
    levels = fit.levels
    if levels is None:
        return {"name": fit.rule.name, "broken": None, "problem": fit.problem}
    broken = [
        {"roi": roi, "maps": _choices(found, roi)} | box_level_record(found.level_by(levels, roi))
        for roi in fit.broken.tolist()
    ]
    return {"name": fit.rule.name, "broken": broken, "problem": None}
