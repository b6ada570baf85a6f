"""List the properties of conventions that often lead to wrong results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from roialign_cli.core.convention import Convention


@dataclass(frozen=True)
class KnownIssue:
    """A property of some conventions that often leads to wrong results.

    Parameters
    ----------
    concerns
        Whether a convention has the property.
    text
        What happens.
    threads
        Where users reported it, as owner/repository#number.
    """

    concerns: Callable[[Convention], bool]
    text: str
    threads: tuple[str, ...]


def _has_a_choice_of_offset(c: Convention) -> bool:
    """Return whether a convention is one of those that libraries name by `aligned` or a mode."""
    return c.points == "centred" and c.point_in_part == 0.5 and c.outside_neighbours == "clamped"


def _has_plain_adaptive_grid(c: Convention) -> bool:
    """Return whether the grid is ceil(section size), whatever the size."""
    plain = c.grid_rounding == "ceil" and c.grid_max is None and c.grid_points == "all"
    return c.is_adaptive and plain and not c.clip_sections


def _may_average_nothing(c: Convention) -> bool:
    """Return whether a box may have no points, so that its average is NaN."""
    has_points = c.min_size or c.grid_min or c.rejects == "no-area"
    return c.is_adaptive and not c.clamp_count and not has_points


KNOWN_ISSUES = (
    KnownIssue(
        _has_a_choice_of_offset,
        "aligned=True and aligned=False differ by a shift of half a cell, and no error reports a "
        "mismatch.",
        ("onnx/onnx#3428", "microsoft/onnxruntime#6921", "pytorch/vision#1871"),
    ),
    KnownIssue(
        lambda c: bool(c.min_size) and c.rejects == "nothing",
        "The minimum size hides tiny, empty and inverted boxes: the outputs look plausible.",
        ("pytorch/vision#1875", "pytorch/vision#2438"),
    ),
    KnownIssue(
        _has_plain_adaptive_grid,
        "The adaptive grid has ceil(section size) points along each axis; near a whole number, "
        "float32 and float64 may disagree. A huge box needs a huge grid.",
        ("microsoft/onnxruntime#3156", "apache/mxnet#11077", "pytorch/vision#8168"),
    ),
    KnownIssue(
        _has_a_choice_of_offset,
        "An omitted sampling ratio means 0 (adaptive) in the standard and 1 in some importers.",
        ("openvinotoolkit/openvino#37826",),
    ),
    KnownIssue(
        _has_a_choice_of_offset,
        "The ONNX default changed to half_pixel in opset 16; some exporters shift twice or not at "
        "all.",
        ("pytorch/vision#2613", "pytorch/vision#4692", "pytorch/vision#6685", "apache/tvm#19501"),
    ),
    KnownIssue(
        lambda c: bool(c.image_offset),
        "A shift before scaling differs from the same shift after scaling.",
        ("apache/tvm#18936",),
    ),
    KnownIssue(
        lambda c: c.max_of == "weighted-cell",
        "max does not compare interpolated values: a point in the middle of four equal cells "
        "gives a quarter of the expected value.",
        ("onnx/onnx#4764", "microsoft/onnxruntime#6146"),
    ),
    KnownIssue(
        _may_average_nothing,
        "A box without points gives NaN, and a single NaN makes a loss NaN.",
        (),
    ),
    KnownIssue(
        lambda _: True,
        "Swapped x and y, corners read as width and height, normalised boxes read as absolute, or "
        "a wrong scale give zeros or meaningless values.",
        ("facebookresearch/detectron2#2831", "facebookresearch/detectron2#2835"),
    ),
)


def known_issues(convention: Convention) -> list[KnownIssue]:
    """Return the known issues of a convention."""
    return [issue for issue in KNOWN_ISSUES if issue.concerns(convention)]
