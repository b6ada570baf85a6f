"""A recording of one pyramid as FEATURES: the maps and boxes of all its calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.analysis.pitfalls import numbered
from roialign_cli.calls.archive import read_call
from roialign_cli.calls.call import Call
from roialign_cli.calls.recording import Recording
from roialign_cli.cli.call_input import RecordedCall, check_options, is_complete_pyramid
from roialign_cli.cli.options import OperatorOptions
from roialign_cli.cli.saved_output import SavedOutput
from roialign_cli.cli.streams import message
from roialign_cli.errors import FileError
from roialign_cli.files.box_file import BoxFile
from roialign_cli.printable import printable


@dataclass(frozen=True)
class RecordedPyramid(RecordedCall):
    """The calls of a pyramid that FEATURES names; `call` is that on the largest map.

    Parameters
    ----------
    numbers
        The boxes of all calls in the order of the output, (R, 5) float64 with the batch index
        first.
    maps
        The map that each box was recorded on, (R,).
    output
        The outputs of all calls in the order of `numbers`, (R, channels, rows, columns); None if
        one of them is unknown.
    """

    numbers: NDArray[np.float64]
    maps: NDArray[np.intp]
    output: NDArray[Any] | None

    def box_file(self) -> BoxFile:
        """Return the boxes of all calls."""
        one_map = len(self.call.features) == 1
        return BoxFile.from_array(self.numbers[:, 1:] if one_map else self.numbers)

    def saved_output(self, remedy: str) -> SavedOutput:
        """Return the outputs of all calls; raise an error with a remedy if one is missing."""
        if self.output is None:
            raise FileError(self.path, f"has a call without an output; {remedy}")
        return SavedOutput(self.path, self.output)

    def report_levels(self, index: NDArray[np.intp], rule: str) -> None:
        """Print a note if a rule chooses other maps than the boxes were recorded on."""
        others = np.flatnonzero(index != self.maps).tolist()
        if others:
            message(f"note: {numbered(others)}: recorded on another map than {rule} chooses")


def with_pyramid(
    options: OperatorOptions, recording: Recording, *, needs_rule: bool
) -> OperatorOptions | None:
    """Return options with the pyramid of a recording; None if the recording is not one pyramid.

    Options may name another rule, image size and scales than the recording. If the rule is needed
    and unknown, the recording is not a pyramid.

    Raises
    ------
    FileError
        If a call is damaged, or if the rows of the calls are not those of one output.
    """
    group, level = recording.pyramids()[0], recording.descriptions[0].level
    if level is None or not is_complete_pyramid(recording):
        return None
    rule = options.pyramid or level.rule
    if rule is None and needs_rule:
        return None
    files = [recording.files[number] for number in group]
    check_options(options, files[0], ("box", "boxes", "image_id", "layout", "key"))
    calls = [read_call(file) for file in files]
    order = _order(recording.path, calls)
    size, scales = options.image_size, options.level_scales
    if size is None and level.image_size is not None:
        size = (level.image_size[1], level.image_size[0])
    if scales is None and options.image_size is None:
        scales = _scales(calls)
    return replace(
        options,
        maps=tuple(f"{file}:features" for file in files),
        layout="NCHW",
        pyramid=rule,
        image_size=size,
        level_scales=scales,
        call=_pyramid(recording.path, calls, options, order),
    )


def _pyramid(
    path: str, calls: Sequence[Call], given: OperatorOptions, order: NDArray[np.intp]
) -> RecordedPyramid:
    """Return the calls of a pyramid with their rows in an order."""
    boxes = [np.column_stack([np.asarray(call.batch_index), call.boxes]) for call in calls]
    maps = np.repeat(np.arange(len(calls)), [len(call.boxes) for call in calls])
    outputs = [call.output for call in calls if call.output is not None and len(call.boxes)]
    is_complete = sum(map(len, outputs)) == len(maps)
    numbers = np.concatenate(boxes).astype(np.float64)[order]
    output = np.concatenate(outputs)[order] if is_complete else None
    return RecordedPyramid(path, calls[0], given, numbers, maps[order], output)


def _order(path: str, calls: Sequence[Call]) -> NDArray[np.intp]:
    """Return the indices that put the rows of all calls, map by map, in the order of the output.

    The order is that of the maps if no call has rows.
    """
    count = sum(len(call.boxes) for call in calls)
    if not count:
        raise FileError(path, "has calls without boxes; name calls with at least one box")
    if all(call.rows is None for call in calls):
        message(f"note: {printable(path)}: without rows, the boxes are in the order of the maps")
        return np.arange(count)
    rows = np.concatenate([np.arange(0) if call.rows is None else call.rows for call in calls])
    if sorted(rows.tolist()) != [*range(count)]:
        problem = "has calls with rows that are not those of one output of a pyramid"
        raise FileError(path, f"{problem}; name one call")
    return np.argsort(rows)


def _scales(calls: Sequence[Call]) -> tuple[float, ...] | None:
    """Return the scale of each map, None if one is unknown or not the same along x and y."""
    scales = [call.spatial_scale for call in calls]
    single = [float(scale) for scale in scales if isinstance(scale, float | int)]
    return tuple(single) if len(single) == len(scales) else None
