"""Find where the boxes of an output lie on the map, at any scale and in any box format."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from roialign_cli.core.boxes import Float, corners
from roialign_cli.core.channels import features_read
from roialign_cli.search.candidates import Candidates, Scale
from roialign_cli.search.fit import Index, SearchTarget
from roialign_cli.search.hypothesis import Batches
from roialign_cli.search.readings import TYPICAL, pool_on_map
from roialign_cli.search.refine import Place
from roialign_cli.search.sample import Sample
from roialign_cli.search.scales import FEW_BOXES, SOME_BOXES, Search

_MAX_READINGS = 2  # that are looked at closely
_MANY_BOXES = 12


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


def locate(
    target: SearchTarget, candidates: Candidates, sample: Sample, *, plain: bool = False
) -> Located:
    """Return the reading and the scale of the boxes that make the output most alike.

    If `plain`, only the first of all readings is tried.
    """
    search = _search_of(target, sample)
    readings = _readings(target, candidates)[: 1 if plain else None]
    if len(readings) > _MAX_READINGS:
        roughly = [
            (max(p.score for p in _placed(target, candidates, search, reading, FEW_BOXES)), k)
            for k, reading in enumerate(readings)
        ]
        readings = [readings[k] for _, k in sorted(roughly, reverse=True)[:_MAX_READINGS]]
    most = SOME_BOXES if plain else _MANY_BOXES
    found = [
        located
        for reading in readings
        for located in _placed(target, candidates, search, reading, most)
    ]
    found.sort(key=lambda located: -located.score)
    return found[0]


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
    most: int,
) -> list[Located]:
    """Return the places of boxes that are read in one way, with any scale or a known one."""
    fields, batches = reading
    boxes = search.sample.boxes
    xyxy, down = corners_of(target, fields, boxes)
    placed = search.scales(
        xyxy, target.batches[batches][boxes], known_scales(candidates), down, most
    )
    return [Located(fields, batches, Place(p.scale, p.shift), p.score) for p in placed]


def _search_of(target: SearchTarget, sample: Sample) -> Search:
    maps = features_read(target.features, sample.channels, TYPICAL, target.size)
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
