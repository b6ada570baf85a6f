"""The options that choose a convention and change its rules."""

from __future__ import annotations

from typing import get_args

from roialign_cli.cli.help import operator_option
from roialign_cli.cli.option_types import (
    DECIMALS,
    FROM_ZERO,
    OUTPUT_SIZE,
    Choice,
    FieldValue,
    Number,
    PresetName,
)
from roialign_cli.core.convention import MEANINGS_OF_MAX, PointsRule, Pooling

CONVENTION = (
    operator_option(
        "--preset",
        type=PresetName(),
        envvar="ROIALIGN_PRESET",
        show_envvar=True,
        help="Which library's ROI Align to use.  [default: walkthrough for arrays, "
        "torchvision-aligned for images]",
    ),
    operator_option(
        "--output-size",
        type=OUTPUT_SIZE,
        help="Number of sections: K, or rows x columns.  [default: from the preset]",
    ),
)
ONLY_PRESET = operator_option(
    "--preset", type=PresetName(), help="Try only this preset.  [default: all]"
)

RULES = (
    operator_option(
        "--pooling",
        type=Choice(get_args(Pooling)),
        help="How to combine the sample points of a section.",
    ),
    operator_option(
        "--max-of",
        type=Choice([*MEANINGS_OF_MAX]),
        help="What --pooling max takes the maximum of.",
    ),
    operator_option(
        "--points",
        type=Choice(get_args(PointsRule)),
        help="Where the sample points of a section lie.",
    ),
    operator_option(
        "--sampling-ratio",
        metavar="G",
        type=FROM_ZERO,
        help="Sample points per section and axis; 0 is adaptive.",
    ),
    operator_option(
        "--divide",
        metavar="D",
        type=FROM_ZERO,
        help="Parts per section and axis, with the points on the lines between the parts.",
    ),
    operator_option(
        "--offset",
        metavar="CELLS",
        type=Number(),
        help="Subtract this from box coordinates, in cells.",
    ),
    operator_option(
        "--min-size", metavar="CELLS", type=Number(), help="Minimum ROI size, in cells."
    ),
    operator_option(
        "--extrapolation-value",
        metavar="VALUE",
        type=Number(),
        help="Value of sample points outside the feature map.",
    ),
    operator_option(
        "--coordinate-decimals",
        type=DECIMALS,
        help="Decimals to which the coordinates of sample points are rounded.",
    ),
    operator_option(
        "--set",
        type=FieldValue(),
        multiple=True,
        help="Set any field of the convention; repeatable. `presets --format json` lists "
        "the fields.",
    ),
)
