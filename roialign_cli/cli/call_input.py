"""A recorded call as FEATURES: its arrays, and its parameters where no option sets them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from click.core import ParameterSource
from numpy.typing import NDArray

from roialign_cli.calls.archive import is_call, read_call, read_description
from roialign_cli.calls.bfloat16 import widened
from roialign_cli.calls.call import Call
from roialign_cli.calls.recording import Recording, is_recording, read_calls, read_recording
from roialign_cli.cli.inputs import convention_overrides
from roialign_cli.cli.options import OperatorOptions
from roialign_cli.cli.saved_output import SavedOutput
from roialign_cli.cli.streams import message
from roialign_cli.core.convention import BOX_FIELDS, Convention
from roialign_cli.core.overrides import unused_with_points
from roialign_cli.core.presets import preset
from roialign_cli.errors import FileError
from roialign_cli.files.box_file import BoxFile
from roialign_cli.files.features import FeatureFile
from roialign_cli.files.reading import fingerprint_of, split_member
from roialign_cli.printable import printable

DEFAULT_PRESET = "torchvision-aligned"  # of a call with an unknown operator


@dataclass(frozen=True)
class RecordedCall:
    """The call that FEATURES names.

    Parameters
    ----------
    path
        The file of the call.
    call
        The call, which has at least one box.
    given
        The options as the user gave them, without the parameters of the call.
    """

    path: str
    call: Call
    given: OperatorOptions

    @property
    def feature_words(self) -> list[str]:
        """The words of a command line that name the features alone."""
        return [f"{self.path}:features", "--layout", "NCHW"]

    def feature_file(self) -> FeatureFile:
        """Return the features, named after the call and where it ran."""
        title = self.call.title
        return FeatureFile(
            f"{self.path}:features",
            self.call.features,
            remarks=(title,) if title else (),
            fingerprint=fingerprint_of(self.path),
            layout="NCHW",
        )

    def box_file(self) -> BoxFile:
        """Return the boxes, with their batch indices if there are several maps."""
        call = self.call
        if len(call.features) == 1:
            return BoxFile.from_array(np.asarray(call.boxes, np.float64))
        index = np.asarray(call.batch_index, np.float64)
        return BoxFile.from_array(np.column_stack([index, call.boxes]))

    def note_unknown_operator(self) -> None:
        """Print which preset stands for the unknown operator, unless --quiet is given."""
        if not click.get_current_context().params.get("quiet"):
            unknown = f"the operator of {printable(self.path)} is unknown"
            message(f"note: {unknown}; using {DEFAULT_PRESET}; --preset chooses another one")

    def report_levels(self, index: NDArray[np.intp], rule: str) -> None:
        """Print nothing: a call on one map has no levels."""

    def saved_output(self, remedy: str) -> SavedOutput:
        """Return the recorded output; raise an error with a remedy if there is none."""
        if self.call.output is None:
            raise FileError(self.path, f"is a call without an output; {remedy}")
        return SavedOutput(f"{self.path}:output", self.call.output)

    @property
    def declared(self) -> dict[str, Any]:
        """The fields that the call states: how its boxes are written, and changes of its preset."""
        stated = self.call.convention(DEFAULT_PRESET)
        return {name: getattr(stated, name) for name in BOX_FIELDS} | dict(self.call.fields)

    @property
    def scale(self) -> tuple[float, float]:
        """The scale (y, x) that the call states, 1 if it states none."""
        y, x = _pair(self.call.spatial_scale)
        return y, x

    def record(self) -> dict[str, Any]:
        """Return what the call is as plain data."""
        call = self.call
        return {
            "file": self.path,
            "operator": call.operator,
            "framework": call.framework,
            "framework_version": call.framework_version,
            "place": call.place,
            "preset": call.preset,
            "stated": dict(call.stated),
            "level": None if call.level is None else asdict(call.level),
        }


def with_call(options: OperatorOptions, *, needs_rule: bool) -> OperatorOptions:
    """Return options with the call that FEATURES names; the same options if it names none.

    Parameters
    ----------
    options
        The options as the user gave them.
    needs_rule
        Whether the recording of a pyramid is only usable with a rule.

    Raises
    ------
    FileError
        If the call is damaged or has no boxes, or if a recording has several calls.
    UsageError
        If an option contradicts the call.
    """
    recording = named_recording(options.maps)
    if recording is None:
        return options
    from roialign_cli.cli.pyramid_input import with_pyramid

    pyramid = with_pyramid(options, recording, needs_rule=needs_rule)
    if pyramid is not None:
        return pyramid
    path = _only_call(recording)
    check_options(options, path)
    call = read_call(path)
    if not len(call.boxes):
        raise FileError(path, "is a call without boxes; name a call with at least one box")
    return replace(options, call=RecordedCall(path, call, options))


def named_recording(names: Sequence[str]) -> Recording | None:
    """Return the recorded calls in a folder or in files; None for other files.

    Raises
    ------
    FileError
        If one of several names is a folder, if a folder has no calls, or if a call is damaged.
    """
    folder = next((name for name in names if Path(name).is_dir()), None)
    if folder is not None:
        if len(names) > 1:
            raise FileError(folder, "is a folder; name only the folder, or files")
        if not is_recording(folder):
            problem = "is a folder without recorded calls; name a file, or a folder with calls"
            raise FileError(folder, problem)
        return read_recording(folder)
    return read_calls(names) if all(is_call(name) for name in names) else None


def _only_call(recording: Recording) -> str:
    """Return the file of the only call; raise an error for several calls."""
    count = len(recording.files)
    if count == 1:
        return recording.files[0]
    problem = f"has {count} calls; {_remedy(recording)}"
    if Path(recording.path).is_dir():
        command = shlex.join(["roialign", "capture", recording.path])
        problem += f"; `{printable(command)}` lists them"
    raise FileError(recording.path, problem)


def _remedy(recording: Recording) -> str:
    """Return which calls to name instead of several that are not used together."""
    pyramids, level = recording.pyramids(), recording.descriptions[0].level
    one = f"name one, such as {printable(recording.files[0])}"
    if len(pyramids) == len(recording.files):
        return one
    if len(pyramids) > 1 or level is None:
        return f"{one}, or those of one pyramid"
    if is_complete_pyramid(recording):
        return f"{one}, or add --pyramid RULE"
    return f"{one}, or all {level.maps} calls of the pyramid"


def is_complete_pyramid(recording: Recording) -> bool:
    """Return whether calls are those on all maps of one pyramid, each once."""
    levels = [description.level for description in recording.descriptions]
    found = sorted(level.map_index for level in levels if level is not None)
    return (
        len(recording.pyramids()) == 1
        and levels[0] is not None
        and found == [*range(levels[0].maps)]
    )


_CONTRADICTING = ("box", "boxes", "image_id", "layout", "key", "pyramid", "level_scales")


def check_options(
    options: OperatorOptions, path: str, contradicting: Sequence[str] = _CONTRADICTING
) -> None:
    """Raise an error for options that contradict a call."""
    boxes = f"has its own boxes; remove the option, or name its features alone as {path}:features"
    array = f"is a recorded call; remove the option, or name one array, as {path}:features"
    pyramid = f"is a recorded call on one map; name the features of all maps, as {path}:features"
    problems = {
        "box": boxes, "boxes": boxes, "image_id": boxes, "layout": array, "key": array,
        "pyramid": pyramid, "level_scales": pyramid,
    }  # fmt: skip
    for name in contradicting:
        if getattr(options, name):
            option = "--" + name.replace("_", "-")
            raise click.UsageError(f"{option}: {printable(path)} {problems[name]}")


def with_stated_parameters(options: OperatorOptions) -> OperatorOptions:
    """Return options in which those that the user did not give have the parameters of the call.

    With another preset, the boxes are still read as those of the call, and its changes of rules
    apply as far as the preset has the rules.
    """
    if options.call is None:
        return options
    call = options.call.call
    chosen = call.preset if _is_only_a_default(options, call) else options.preset
    base = preset(chosen or DEFAULT_PRESET).convention
    given = convention_overrides(options)
    stated = _stated_fields(options.call, base, given)
    names = {field.name for field in fields(options)}
    direct = {k: v for k, v in stated.items() if k in names and v is not None}
    rest = tuple((k, v) for k, v in stated.items() if k not in direct)
    normalized = (stated | given).get("normalized", base.normalized)
    is_scaled = (options.image_size, options.stride, options.spatial_scale) != (None, None, None)
    is_scaled |= options.pyramid is not None  # by --level-scales or --image-size
    if not is_scaled and not normalized and call.spatial_scale is not None:
        direct["spatial_scale"] = options.call.scale[::-1]
    return replace(
        options,
        preset=chosen,
        output_size=options.output_size or _pair(call.output_size),
        set=(*rest, *options.set),
        **direct,
    )


def _is_only_a_default(options: OperatorOptions, call: Call) -> bool:
    """Return whether the preset of the call comes first: that of the environment is a default."""
    if options.preset is None:
        return True
    source = click.get_current_context().get_parameter_source("preset")
    return source is ParameterSource.ENVIRONMENT and call.preset is not None


def _stated_fields(
    recorded: RecordedCall, base: Convention, given: dict[str, Any]
) -> dict[str, Any]:
    """Return the fields that a call states and that no option sets, for a preset."""
    own = base.parameters()
    reading = {k: v for k, v in recorded.declared.items() if k in BOX_FIELDS and v != own[k]}
    stated = reading | dict(recorded.call.fields)
    unused = unused_with_points((stated | given).get("points", base.points))
    return {k: v for k, v in stated.items() if k not in given and k not in unused}


def _pair(value: Any) -> Any:  # noqa: ANN401
    """Return one value or two as two; 1 for None."""
    return value if isinstance(value, tuple) else (value or 1, value or 1)


def widened_features(file: FeatureFile) -> FeatureFile:
    """Return features with their numbers if the file is an array of a call in bfloat16."""
    path, key = split_member(file.name)
    if key is None or not is_call(path):
        return file
    is_bfloat16 = key in read_description(path).bfloat16
    return replace(file, array=widened(file.array)) if is_bfloat16 else file
