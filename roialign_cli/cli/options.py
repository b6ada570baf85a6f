"""The options that commands share: text in, typed values out."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args

import click
from click.core import ParameterSource

from roialign_cli.cli.help import (
    Decorator,
    Function,
    argument,
    box_option,
    input_option,
    operator_option,
    output_option,
    selection_option,
)
from roialign_cli.cli.option_types import (
    BOX,
    CHANNEL,
    DECIMALS,
    IMAGE_SIZE,
    INPUT_FILE,
    OUTPUT_SIZE,
    POINT,
    SCALE,
    SECTION,
    FieldValue,
    Number,
    PresetName,
    WholeNumber,
)
from roialign_cli.core.convention import (
    MEANINGS_OF_MAX,
    BoxFormat,
    Origin,
    PointsRule,
    Pooling,
)
from roialign_cli.files.reading import split_member


@dataclass(frozen=True)
class OperatorOptions:
    """What the shared options say; None where an option was not given."""

    features: str
    layout: str | None
    key: str | None
    box: tuple[tuple[float, ...], ...]
    boxes: str | None
    image_id: str | None
    box_format: BoxFormat | None
    origin: Origin | None
    normalized: bool | None
    image_size: tuple[float, float] | None
    stride: int | None
    spatial_scale: tuple[float, ...] | None
    batch_index: int | None
    preset: str | None
    output_size: tuple[int, ...] | None
    pooling: Pooling | None
    max_of: str | None
    points: PointsRule | None
    sampling_ratio: int | None
    divide: int | None
    offset: float | None
    min_size: float | None
    extrapolation_value: float | None
    coordinate_decimals: int | str | None
    set: tuple[tuple[str, Any], ...]
    preset_is_default: bool

    @property
    def files(self) -> tuple[str, ...]:
        """The files that are read."""
        return self.features, split_member(self.boxes or "-")[0]


_WHOLE = WholeNumber(min=0)

_INPUT = (
    argument(
        "features",
        group="Input",
        metavar="FEATURES",
        type=INPUT_FILE,
        description="A .npy, an .npz or an image; - is a .npy on standard input.",
    ),
    input_option("--layout", metavar="LAYOUT", help="Axes of an array: HW, CHW, HWC, NCHW, NHWC."),
    input_option("--key", metavar="NAME", help="Which array of an .npz with several."),
)

_BOXES = (
    box_option(
        "--box", type=BOX, multiple=True, help="A box; repeatable. A fifth number first: its map."
    ),
    box_option(
        "--boxes",
        metavar="FILE",
        type=INPUT_FILE,
        help="Boxes as text, JSON, COCO, YOLO or .npy; - is standard input.",
    ),
    box_option("--image-id", metavar="ID", help="Which image's boxes, of a JSON with several."),
)


def _reading(default: str) -> tuple[Decorator, ...]:
    """Return the options that say how the boxes are read, with what is done without them."""
    return (
        box_option(
            "--box-format",
            type=click.Choice(get_args(BoxFormat)),
            help=f"What a box's four numbers are.  [default: {default}]",
        ),
        box_option(
            "--origin",
            type=click.Choice(get_args(Origin)),
            help=f"Where (0, 0) is; y points away from it.  [default: {default}]",
        ),
        box_option(
            "--normalized/--absolute",
            default=None,
            help=f"Whether the boxes end at 1.  [default: {default}]",
        ),
    )


_SCALE = (
    box_option(
        "--image-size", type=IMAGE_SIZE, help="They are in an image of this size, in pixels."
    ),
    box_option(
        "--stride",
        metavar="S",
        type=WholeNumber(min=1),
        help="They are in image pixels, S to a cell; an image is averaged to that.",
    ),
    box_option("--spatial-scale", type=SCALE, help="Feature-map units per unit of the boxes."),
    box_option(
        "--batch-index", metavar="N", type=_WHOLE, help="Which of N maps they lie on, from 0."
    ),
)

_CONVENTION = (
    operator_option(
        "--preset",
        type=PresetName(),
        default="walkthrough",
        show_default=True,
        envvar="ROIALIGN_PRESET",
        show_envvar=True,
        help="Whose ROI Align.",
    ),
    operator_option(
        "--output-size",
        type=OUTPUT_SIZE,
        help="Sections: K, or rows x columns.  [default: preset's]",
    ),
)
_ONLY_CONVENTION = operator_option(
    "--preset", type=PresetName(), help="The only one to try.  [default: all]"
)

_RULES = (
    operator_option(
        "--pooling",
        type=click.Choice(get_args(Pooling)),
        help="What becomes of a section's points.",
    ),
    operator_option(
        "--max-of", type=click.Choice([*MEANINGS_OF_MAX]), help="What max is the largest of."
    ),
    operator_option(
        "--points", type=click.Choice(get_args(PointsRule)), help="How a section's points lie."
    ),
    operator_option(
        "--sampling-ratio",
        metavar="G",
        type=_WHOLE,
        help="Points per section and axis; 0 is adaptive.",
    ),
    operator_option(
        "--divide",
        metavar="D",
        type=_WHOLE,
        help="Parts between whose dividers the points lie.",
    ),
    operator_option(
        "--offset", metavar="CELLS", type=Number(), help="Taken off a box edge on the map."
    ),
    operator_option(
        "--min-size", metavar="CELLS", type=Number(), help="To which a smaller ROI grows."
    ),
    operator_option(
        "--extrapolation-value",
        metavar="VALUE",
        type=Number(),
        help="What a point outside is worth.",
    ),
    operator_option(
        "--coordinate-decimals", type=DECIMALS, help="Round the points' coordinates first."
    ),
    operator_option(
        "--set",
        type=FieldValue(),
        multiple=True,
        help="Any other field that `roialign presets NAME` shows; repeatable.",
    ),
)


def operator_options(command: Function) -> Function:
    """Add the shared options; the command gets them as one `OperatorOptions`, first."""
    return _gathering(
        command, (*_INPUT, *_BOXES, *_reading("preset's"), *_SCALE, *_CONVENTION, *_RULES)
    )


def search_options(command: Function) -> Function:
    """Add the shared options for a command that searches what they do not say."""
    return _gathering(
        command, (*_INPUT, *_BOXES, *_reading("searched"), *_SCALE, _ONLY_CONVENTION, *_RULES)
    )


def _gathering(command: Function, options: Sequence[Decorator]) -> Function:
    @functools.wraps(command)
    def gathered(**values: Any) -> Any:  # noqa: ANN401
        shared = {f.name: values.pop(f.name, None) for f in fields(OperatorOptions)}
        source = click.get_current_context().get_parameter_source("preset")
        shared["preset_is_default"] = source is ParameterSource.DEFAULT
        return command(OperatorOptions(**shared), **values)

    made: Function = gathered
    for add in reversed(options):
        made = add(made)
    return made


def section_options(command: Function) -> Function:
    """Add --section and --point."""
    section = selection_option(
        "--section", type=SECTION, help="Section i (along x), j (from the top)."
    )
    point = selection_option("--point", type=POINT, help="Point n (along x), m (from the top).")
    return section(point(command))


def roi_option(command: Function) -> Function:
    """Add --roi, for a command that tells of one box; None if it is not given."""
    text = "Which of the boxes, from 0.  [default: 0]"
    return selection_option("--roi", metavar="R", type=_WHOLE, help=text)(command)


def channel_option(command: Function) -> Function:
    """Add --channel, for a command that tells of one."""
    text = "Which channel, from 0; or one made of all.  [default: 0]"
    return selection_option("--channel", type=CHANNEL, default=0, help=text)(command)


def format_option(*formats: str, text: str, default: str | None = None) -> Decorator:
    """Return the option --format with these choices and this help text."""
    return output_option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default=default,
        show_default=default is not None,
        help=text,
    )


def force_option(command: Function) -> Function:
    """Add --force, for a command that writes a file."""
    return output_option("--force", is_flag=True, help="Overwrite a file that is there.")(command)


def note_options(command: Function) -> Function:
    """Add --quiet and --strict, for a command that tells of traps."""
    quiet = output_option("--quiet", "-q", is_flag=True, help="Say nothing of traps.")
    text = "Treat a trap as an error, --quiet or not."
    return quiet(output_option("--strict", is_flag=True, help=text)(command))
