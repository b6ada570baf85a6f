"""Find where the boxes of an output lie on the map, at any scale and in any box format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from roialign_cli.core.boxes import Float, corners
from roialign_cli.core.channels import features_read
from roialign_cli.search.candidates import Candidates, Scale
from roialign_cli.search.fit import Index, SearchTarget
from roialign_cli.search.hypothesis import Batches
from roialign_cli.search.readings import TYPICAL, Reading, pool_on_map
from roialign_cli.search.refine import Place
from roialign_cli.search.sample import Sample
from roialign_cli.search.scales import CLOSELY, ROUGHLY, Effort, Search

_MAX_READINGS = 2  # that are looked at closely


@dataclass(frozen=True)
class Located:
    """How boxes are read, and where they lie on the map.

    Parameters
    ----------
    fields
        The box format, the origin and whether the second corner is inclusive.
    batches
        The maps of the boxes.
    place
        The place of the boxes as `corners_of` reads them.
    score
        0 to 1: the mean square of the correlations of boxes with the sample.
    """

    fields: dict[str, Any]
    batches: Batches
    place: Place
    score: float

    def similarity(self, target: SearchTarget, sample: Sample, index: Index) -> Float:
        """Return the correlation of each box of a sample at its place, (r,), with given maps."""
        xyxy, _ = corners_of(target, self.fields, sample.boxes)
        on_map = np.clip(self.place.on_map(xyxy), -1e6, 1e6)
        made = pool_on_map(target, sample, TYPICAL, on_map, index)
        return sample.similarity(made)


def corners_of(
    target: SearchTarget, fields: dict[str, Any], boxes: Index | slice
) -> tuple[Float, float]:
    """Return boxes as corners (r, 4) with y down, and by how many cells they are to be moved down.

    If y points up from the bottom of the map, the height of the image depends on the scale; y is
    then measured from the bottom of the map, downwards.
    """
    height, down = None, 0.0
    if fields["origin"] == "bottom-left":
        height = target.image_height
        if height is None:
            height, down = 0.0, float(target.features.shape[2])
    return corners(target.boxes[boxes], fields["box_format"], height), down


def located_as(
    target: SearchTarget, candidates: Candidates, reading: Reading, score: float
) -> Located:
    """Return the place of boxes that are read in a known way, with its score.

    Whether the second corner is inclusive is found with the growth of the boxes.
    """
    scale, fields, batches = reading
    inclusive = candidates.fixed_fields.get("inclusive", False)
    own = {name: fields[name] for name in ("box_format", "origin")} | {"inclusive": inclusive}
    _, down = corners_of(target, own, slice(0))
    return Located(own, batches, Place(scale, (down, 0.0)), score)


def locate(target: SearchTarget, candidates: Candidates, sample: Sample) -> Located:
    """Return the reading and the scale of the boxes that make the output most alike."""
    search = _search_of(target, sample)
    readings = _readings(target, candidates)
    if len(readings) > _MAX_READINGS:
        roughly = [
            (max(p.score for p in _placed(target, candidates, search, reading, ROUGHLY)), k)
            for k, reading in enumerate(readings)
        ]
        readings = [readings[k] for _, k in sorted(roughly, reverse=True)[:_MAX_READINGS]]
    found = [
        located
        for reading in readings
        for located in _placed(target, candidates, search, reading, CLOSELY)
    ]
    return max(found, key=lambda located: located.score)


def locate_plain(
    target: SearchTarget, candidates: Candidates, sample: Sample, effort: Effort
) -> Located:
    """Return the scale that makes the output most alike, by the first reading of the boxes."""
    search = _search_of(target, sample)
    reading = _readings(target, candidates)[0]
    found = _placed(target, candidates, search, reading, effort)
    return max(found, key=lambda located: located.score)


def locate_shifted(
    target: SearchTarget, candidates: Candidates, sample: Sample, near: Scale
) -> Located:
    """Return the shift of boxes that is most alike, at the known scale that is nearest to another.

    Boxes are read as their corners. A stated scale is tried as well.
    """
    search = _search_of(target, sample)
    found = []
    fields, batches = _readings(target, candidates)[0]
    xyxy, _ = corners_of(target, fields, sample.boxes)
    index = target.batches[batches][sample.boxes]
    scales = [(1 / (1 << power),) * 2 for power in range(7)]
    mean = float(np.sqrt(near[0] * near[1]))
    scales = [min(scales, key=lambda scale: abs(np.log(scale[0] / mean)))]
    scales += [] if candidates.spatial_scale is None else [candidates.spatial_scale]
    for scale in dict.fromkeys(scales):
        placed = search.shifts(xyxy, index, scale)
        found.append(Located(fields, batches, Place(scale, placed.shift), placed.score))
    return max(found, key=lambda located: located.score)


def _placed(
    target: SearchTarget,
    candidates: Candidates,
    search: Search,
    reading: tuple[dict[str, Any], Batches],
    effort: Effort,
) -> list[Located]:
    """Return the places of boxes that are read in one way, with any scale or a known one."""
    fields, batches = reading
    boxes = search.sample.boxes
    xyxy, down = corners_of(target, fields, boxes)
    placed = search.scales(
        xyxy, target.batches[batches][boxes], known_scales(candidates), down, effort
    )
    return [Located(fields, batches, Place(p.scale, p.shift), p.score) for p in placed]


def _search_of(target: SearchTarget, sample: Sample) -> Search:
    rules = replace(TYPICAL, channel_map=target.channel_map)
    maps = features_read(target.features, sample.channels, rules, target.size)
    return Search(sample, maps)


def _readings(target: SearchTarget, candidates: Candidates) -> list[tuple[dict[str, Any], Batches]]:
    fields = [
        reading for reading in candidates.readings({"normalized": False})
        if not reading["inclusive"] or candidates.fixed_fields.get("inclusive")
    ]  # fmt: skip
    return list(product(fields, target.batches))


def known_scales(candidates: Candidates) -> list[Scale]:
    """Return the scales that a user stated or that are common."""
    stated = [] if candidates.spatial_scale is None else [candidates.spatial_scale]
    common = [(1 / (1 << power),) * 2 for power in range(7)]
    rows, columns = map(float, candidates.map_size)
    return list(dict.fromkeys([*stated, *common, (rows, columns)]))
