"""What to do about the rules in which an output differs from a preset, and about its rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from roialign_cli.search.hypothesis import INDEX_IS_LAST

KEEP_FRACTIONS = "Keep the boxes as fractional numbers: do not convert them to integers."
_MAP_FRACTIONS = "Do not round the boxes after the scale: ROI Align keeps the fractions."
_GRID = "Use ceil(section size) points along each axis, or set a sampling ratio on both sides."
_MIDDLE = "Put each sample point in the middle of its interval."
_FINER = "Pool the output in its own size, or reduce the outputs of both sides in the same way."
STATE_INDEX = "Give each box the index of its image on both sides."
CLIP_ALIKE = "Clip the boxes on both sides, or on neither."
_TRANSPOSE = "Transpose the output before you compare it."

# A deviation of a hypothesis → what to change.
DEVIATION_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "the half-cell shift is applied twice": (
            "Apply the shift once: either subtract it from the boxes, or let the operator do so."
        ),
        "the shift is applied before the scale instead of after it": (
            "Subtract 0.5 after the boxes are multiplied by the scale, not before."
        ),
        "the half-cell shift is missing": (
            'For ONNX, export with opset 16 or later and mode "half_pixel". Otherwise subtract '
            "0.5 / spatial_scale pixels from the boxes."
        ),
        "the half-cell shift has the wrong sign": "Subtract 0.5 cells from the boxes on the map.",
        "the half-cell shift and the minimum ROI size of one cell are both applied": (
            "Remove the minimum size: with the half-cell shift, ROIs may be smaller than a cell."
        ),
        "one sample point per section, as if an omitted sampling_ratio means 1": (
            "Set sampling_ratio in the model; 0 is adaptive sampling."
        ),
        "the boxes are clipped to the map": CLIP_ALIKE,
        "the box edges are rounded in the image": KEEP_FRACTIONS,
        "the box edges are rounded down in the image": KEEP_FRACTIONS,
        "the box edges are rounded on the map": _MAP_FRACTIONS,
        "the box edges are rounded down on the map": _MAP_FRACTIONS,
        "the coordinates are computed in half precision": "Compute the coordinates in float32.",
        "sample points beyond the outermost cell centres have the value 0": (
            "Clamp sample points up to one cell outside the map to it; only points farther away "
            "have the value 0."
        ),
        "points outside the map are clamped to it, however far away": (
            "Give sample points more than one cell outside the map the value 0."
        ),
        "neighbour cells outside the map have the value 0": (
            "Clamp the sample points to the map before the interpolation."
        ),
        "the average is divided by the points inside the map": (
            "Divide by the number of all sample points of the section."
        ),
        "the adaptive grid rounds down": _GRID,
        "the adaptive grid rounds to the nearest number": _GRID,
        "each point takes the nearest cell": "Interpolate between the four neighbour cells.",
        "the interpolation weights of the two neighbour cells are exchanged": (
            "Give the nearer cell the larger weight: 1 - d for a cell at the distance d."
        ),
        "the sample points lie at the start of their intervals, not in the middle": _MIDDLE,
        "the first and the last sample point lie on the edges of the ROI": _MIDDLE,
        "a box is at least one cell wide and high": (
            "Use the same minimum ROI size on both sides (--min-size)."
        ),
        "each section is the maximum of 2 × 2 sections of an output twice as fine": _FINER,
        "each section is the mean of 2 × 2 sections of an output twice as fine": _FINER,
        "x and y of the boxes are swapped": (
            "Exchange x and y of the boxes on one side, or pass --box-format yxyx."
        ),
        "y of the boxes points up": "Measure y from the same edge of the image on both sides.",
        "the second corner of each box is read as inclusive, +1": (
            "Use x2 and y2 as edges on both sides: x1 + width and y1 + height."
        ),
        "all boxes are pooled from the first map": STATE_INDEX,
        "the boxes are distributed evenly over the maps, in order": STATE_INDEX,
        INDEX_IS_LAST: "Move the batch index to the first column:",
        "the channels of the output are last": _TRANSPOSE,
        "the height and width of the output are swapped": _TRANSPOSE,
    }
)

# A word in a description of boxes or rows → what to check.
_CHECKS = {
    "unexplained": (
        "Run `roialign identify` on these rows alone. They may be pooled from another pyramid "
        "level or image."
    ),
    "rounding threshold": "Set a fixed sampling ratio on both sides.",
    "border": "Check the rule for sample points outside the map.",
    "outside the map": "Check the rule for sample points outside the map.",
    "from other boxes": "Check the order of the boxes.",
    "exchanged": "Check the order of the boxes.",
    "pooled from map": "Check the batch index of these boxes.",
    "finite": "Check the features and the code that wrote these rows; they may be padding.",
    "constant": "Check the code that wrote these rows; they may be padding.",
    "negative": "Check for a ReLU, or for an unsigned type.",
    "inverted": "Check the rule for inverted boxes.",
    "empty": "Check the minimum ROI size (--min-size).",
    "smaller": "Check the minimum ROI size (--min-size).",
    "less than": "Check the minimum ROI size (--min-size) and the number of sample points.",
}


def check_of(text: str) -> str:
    """Return what to check about boxes or rows that a text describes; "" if that is not known.

    Examples
    --------
    >>> check_of("over the left border")
    'Check the rule for sample points outside the map.'
    """
    return next((check for word, check in _CHECKS.items() if word in text), "")
