"""Describe the pyramid rules: which level a box is pooled from, by the rule of each library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from roialign_cli.core.pyramid import levels
from roialign_cli.core.pyramid_rules import PyramidRule
from roialign_cli.show.document.blocks import Block, Grid, Heading, Paragraph

# The sides of the square boxes of which the table shows the level, in pixels.
SIDES = (112, 159, 223, 224, 448)
_SCALES = (1 / 4, 1 / 8, 1 / 16, 1 / 32)
_IMAGE_SIZE = (1024.0, 1024.0)


def overview(rules: Sequence[PyramidRule]) -> Iterator[Block]:
    """Yield tables of some rules: their formulas, the levels of five boxes, and remarks."""
    yield Grid(
        ("rule", "level, as the library numbers it", "sides", "levels"),
        tuple(_row(rule) for rule in rules),
        prose=True,
    )
    yield Paragraph(
        "s: the square root of the area of the box in pixels. image: the square root of the area "
        "of the image. last: the number of the last map. The level is limited to the levels that "
        "there are. sides: pixels added to the width and the height of the box. levels: those of "
        f"square boxes of {_listed(SIDES)} pixels, on an image of 1024 × 1024 pixels with maps of "
        "the strides 4, 8, 16 and 32, which are levels 2 to 5. *: not measured, but read in the "
        "source code."
    )
    yield Grid(
        ("rule", "remarks"),
        tuple((rule.name, rule.quirks) for rule in rules if rule.quirks),
        prose=True,
    )
    yield Paragraph("roialign presets NAME --pyramids shows a rule in full.")


def _row(rule: PyramidRule) -> tuple[str, ...]:
    boxes = np.array([[0.0, 0, side, side] for side in SIDES])
    found = levels(boxes, rule, _SCALES, image_size=_IMAGE_SIZE) + 2
    return (
        rule.name + ("" if rule.evidence == "measured" else "*"),
        formula(rule),
        f"+{rule.side_offset:g}" if rule.side_offset else "–",
        " ".join(map(str, found.tolist())),
    )


def _listed(numbers: Sequence[int]) -> str:
    *others, last = map(str, numbers)
    return f"{', '.join(others)} and {last}"


def formula(rule: PyramidRule) -> str:
    """Return the formula of the level of a box.

    Examples
    --------
    >>> from roialign_cli.core.pyramid_rules import PYRAMID_RULES
    >>> formula(PYRAMID_RULES["torchvision"])
    'floor(4 + log2(s / 224) + 1e-6)'
    """
    canonical = f"{rule.canonical_size:g}"
    if rule.rounding == "thresholds":
        return f"{rule.canonical_level} at s > {canonical}, 1 more at each double"
    ratio = {
        "divided": f"s / {canonical}",
        "multiplied": f"s · (1 / {canonical})",
        "image-over-size": f"s / image · (image / {canonical})",
        "size-over-image": f"s / image / ({canonical} / image)",
    }[rule.ratio]
    added = f" + {_written(rule.epsilon)}" if rule.epsilon else ""
    in_ratio, in_level = (added, "") if rule.epsilon_added_to == "ratio" else ("", added)
    logarithm = {
        "log2": f"log2({ratio}{in_ratio})",
        "ln-divided": f"ln({ratio}{in_ratio}) / ln 2",
        "ln-multiplied": f"ln({ratio}{in_ratio}) · (1 / ln 2)",
    }[rule.logarithm]
    rounding = "floor" if rule.rounding == "floor" else "round"
    level = _level(rule.canonical_level)
    if rule.rounds_sum:
        return f"{rounding}({f'{level} + ' if level else ''}{logarithm}{in_level})"
    return f"{rounding}({logarithm}){f' + {level}' if level else ''}"


def _level(canonical: int) -> str:
    """Return the canonical level in words: "" for 0, "last − 1" for −2."""
    if canonical < 0:
        return f"last − {-1 - canonical}" if canonical < -1 else "last"
    return str(canonical) if canonical else ""


def in_full(rule: PyramidRule) -> Iterator[Block]:
    """Yield the formula, the source and all fields of a rule."""
    yield Heading(1, rule.name)
    yield Paragraph(f"level = {formula(rule)}")
    if rule.quirks:
        yield Paragraph(rule.quirks)
    pooled = f" Preset: {rule.preset}." if rule.preset else ""
    yield Paragraph(
        f"Framework: {rule.framework}. Evidence: {rule.evidence}. Source: {rule.source}.{pooled}"
    )
    fields = ((name, _written(value)) for name, value in rule.parameters().items())
    yield Grid(("field", "value"), tuple(fields), prose=True)


def _written(value: object) -> str:
    """Return the value of a field as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "by stride"
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else str(value)
