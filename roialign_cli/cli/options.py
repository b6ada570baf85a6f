"""The options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, get_args

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
    BATCH_INDEX,
    BOX,
    CHANNEL,
    FROM_ZERO,
    IMAGE_SIZE,
    INPUT_FILE,
    LEVEL_SCALES,
    POINT,
    SCALE,
    SECTION,
    Choice,
    PyramidName,
    WholeNumber,
)
from roialign_cli.cli.rule_options import CONVENTION, ONLY_PRESET, RULES
from roialign_cli.core.convention import (
    BoxFormat,
    Origin,
    PointsRule,
    Pooling,
    Summary,
)
from roialign_cli.files.reading import check_input, is_folder_or_archive, split_member

if TYPE_CHECKING:
    from roialign_cli.cli.call_input import RecordedCall


@dataclass(frozen=True)
class OperatorOptions:
    """The values of the shared options; None where an option is not given.

    `features` is the first of `maps`. `call` is the recorded call that they name; None for other
    features.
    """

    features: str
    maps: tuple[str, ...]
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
    batch_index: int | str | None
    pyramid: str | None
    level_scales: tuple[float, ...] | None
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
    call: RecordedCall | None

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the command reads."""
        others = self.boxes or "-", str(self.batch_index or "-")
        recorded = (self.call.path,) if self.call else ()
        names = *recorded, *self.maps, *others
        return tuple(split_member(name)[0] for name in names)

    @property
    def call_record(self) -> dict[str, Any]:
        """The entry of a JSON record that names the call; empty without a call."""
        return {} if self.call is None else {"recorded_call": self.call.record()}

    @property
    def feature_words(self) -> list[str]:
        """The words of a command line that name the features."""
        if self.call is not None:
            return self.call.feature_words
        layout = ["--layout", self.layout] if self.layout else []
        return [*self.maps, *layout, *(["--key", self.key] if self.key else [])]

    @property
    def scale_words(self) -> list[str]:
        """The words that name the stride and the size of the image."""
        words = [] if self.stride is None else ["--stride", str(self.stride)]
        if self.image_size is not None:
            words += ["--image-size", "{:.17g}x{:.17g}".format(*self.image_size)]
        if self.level_scales is not None:
            words += ["--level-scales", ",".join(f"{scale!r}" for scale in self.level_scales)]
        return words


_ONE_FILE = (
    "A .npy, .npz, CSV, text or image file, or a recorded call; FILE.npz:NAME selects an array; "
    "- reads standard input."
)
ARRAY_OPTIONS = (
    input_option(
        "--layout", metavar="LAYOUT", help="Axes of an array: HW, CHW, HWC, NCHW or NHWC."
    ),
    input_option("--key", metavar="NAME", help="Array to read from an .npz with several arrays."),
)

_maps = functools.partial(
    argument, "maps", group="Input", metavar="FEATURES...", type=INPUT_FILE, nargs=-1, required=True
)
_MAPS = _maps(
    description=f"{_ONE_FILE} With --pyramid, several maps of an image, or an .npz of them."
)
_SEARCH_MAPS = _maps(
    description=f"{_ONE_FILE} Several files, or an .npz of several maps, are a pyramid."
)
_PYRAMID = (
    operator_option(
        "--pyramid",
        type=PyramidName(),
        help="Pool each box from one of several maps, by the rule of this library; `presets "
        "--pyramids` lists the rules.",
    ),
    operator_option(
        "--level-scales",
        type=LEVEL_SCALES,
        help="Cells per pixel of each map, such as 1/4,1/8,1/16.  [default: inferred from "
        "--image-size]",
    ),
)

BOXES = (
    box_option(
        "--box",
        type=BOX,
        multiple=True,
        help="A box; repeatable. With five numbers, the first is the batch index.",
    ),
    box_option(
        "--boxes",
        metavar="FILE",
        type=INPUT_FILE,
        help="File of boxes: text, JSON, COCO, YOLO, .npy or FILE.npz:NAME; - reads standard "
        "input.",
    ),
    box_option(
        "--image-id",
        metavar="ID",
        help="Image to read from a JSON file with boxes of several images.",
    ),
)


def reading_options(default: str) -> tuple[Decorator, ...]:
    """Return the options for how to read the boxes; the help shows `default` for each."""
    return (
        box_option(
            "--box-format",
            type=Choice(get_args(BoxFormat)),
            help=f"Meaning of the four numbers of a box.  [default: {default}]",
        ),
        box_option(
            "--origin",
            type=Choice(get_args(Origin)),
            help=f"Position of (0, 0); y points away from this corner.  [default: {default}]",
        ),
        box_option(
            "--normalized/--absolute",
            default=None,
            help=f"Box coordinates are fractions of the image, 0 to 1.  [default: {default}]",
        ),
    )


SCALE_OPTIONS = (
    box_option(
        "--image-size", type=IMAGE_SIZE, help="Size of the image that the boxes are in, in pixels."
    ),
    box_option(
        "--stride",
        metavar="S",
        type=WholeNumber(min=1),
        help="Boxes are in image pixels, S per cell; an image is averaged over S x S pixels.",
    ),
    box_option(
        "--spatial-scale",
        type=SCALE,
        help="Feature-map units per box unit, such as 1/16.",
    ),
    box_option(
        "--batch-index",
        type=BATCH_INDEX,
        help="Index of the feature map that all boxes are on, from 0; or a file of one index for "
        "each box: text, CSV, .npy or FILE.npz:NAME.",
    ),
)

_ONLY_RULE = operator_option(
    "--pyramid", type=PyramidName(), help="Try only this pyramid rule.  [default: all]"
)


def operator_options(command: Function) -> Function:
    """Add the shared options; the command gets them as one `OperatorOptions`, first."""
    return comparison_options(command, with_recorded_call)


def comparison_options(
    command: Function, prepare: Callable[[Any], Any] = lambda values: values
) -> Function:
    """Add the shared options; the command itself calls `with_recorded_call`."""
    boxes = (*BOXES, *reading_options("from the preset"), *SCALE_OPTIONS)
    options = (_MAPS, *ARRAY_OPTIONS, *boxes, *_PYRAMID, *CONVENTION, *RULES)
    return add_options(options, gather(OperatorOptions, command, prepare))


def search_options(command: Function) -> Function:
    """Add the shared options for a command that searches for what they leave open."""
    options = (
        _SEARCH_MAPS,
        *ARRAY_OPTIONS,
        *BOXES,
        *reading_options("try all"),
        *SCALE_OPTIONS,
        _ONLY_RULE,
        _PYRAMID[1],
        ONLY_PRESET,
        *RULES,
    )
    return add_options(options, gather(OperatorOptions, command, _with_call))


def _with_call(options: OperatorOptions, *, needs_rule: bool = False) -> OperatorOptions:
    """Return options with the call that FEATURES names; a search needs no pyramid rule."""
    for name in options.maps:
        check_input(name)
    if not is_folder_or_archive(options.features):
        return options
    from roialign_cli.cli.call_input import with_call

    return with_call(options, needs_rule=needs_rule)


def with_recorded_call(options: OperatorOptions) -> OperatorOptions:
    """Return options with the call that FEATURES names, and its parameters as their defaults."""
    options = _with_call(options, needs_rule=True)
    if options.call is None:
        return options
    from roialign_cli.cli.call_input import with_stated_parameters

    return with_stated_parameters(options)


def gather(
    kind: type[Any], command: Function, prepare: Callable[[Any], Any] = lambda values: values
) -> Function:
    """Return a function that passes the options named by a dataclass as one prepared object."""
    names = [field.name for field in fields(kind)]

    @functools.wraps(command)
    def gathered(*objects: Any, **values: Any) -> Any:  # noqa: ANN401
        own = {name: values.pop(name, None) for name in names}
        if own.get("maps"):
            own["features"] = own["maps"][0]
        elif own.get("features"):
            own["maps"] = (own["features"],)
        return command(*objects, prepare(kind(**own)), **values)

    return gathered


def add_options(options: Sequence[Decorator], command: Function) -> Function:
    """Add options in the order of the help."""
    return functools.reduce(lambda function, option: option(function), reversed(options), command)


def section_options(command: Function) -> Function:
    """Add --section and --point."""
    section = selection_option(
        "--section", type=SECTION, help="Section i (along x) and j (from the top), from 1."
    )
    point = selection_option(
        "--point", type=POINT, help="Sample point n (along x) and m (from the top), from 1."
    )
    return section(point(command))


def roi_option(command: Function) -> Function:
    """Add --roi, which is None if it is not given."""
    text = "Index of the box, from 0.  [default: 0]"
    return selection_option("--roi", metavar="R", type=FROM_ZERO, help=text)(command)


def channel_option(command: Function) -> Function:
    """Add --channel: an index, or a summary of all channels."""
    text = "Index of the channel, from 0; or a combination of all channels.  [default: 0]"
    return selection_option("--channel", type=CHANNEL, default=0, help=text)(command)


@dataclass(frozen=True)
class Selection:
    """What --roi, --channel, --section and --point select; None where one is not given."""

    roi: int | None
    channel: int | Summary
    section: tuple[int, int] | None
    point: tuple[int, int] | None

    def is_of_roi(self) -> bool:
        """Return whether an option selects an ROI or a part of one."""
        return (self.roi, self.section, self.point) != (None, None, None)


def selection_options(command: Function) -> Function:
    """Add the options of a `Selection`; the command gets one after the `OperatorOptions`."""
    return add_options((roi_option, channel_option, section_options), gather(Selection, command))


def format_option(*formats: str, text: str, default: str | None = None) -> Decorator:
    """Return a decorator that adds --format with these choices and this help text."""
    return output_option(
        "--format",
        "output_format",
        type=Choice(formats),
        default=default,
        show_default=default is not None,
        help=text,
    )


def force_option(command: Function) -> Function:
    """Add --force, for a command that writes a file."""
    return output_option("--force", is_flag=True, help="Overwrite an existing file.")(command)


def note_options(command: Function) -> Function:
    """Add --quiet and --strict, for a command that warns about boxes."""
    quiet = output_option("--quiet", "-q", is_flag=True, help="Suppress warnings.")
    strict = output_option("--strict", is_flag=True, help="Treat warnings as errors.")
    return quiet(strict(command))
