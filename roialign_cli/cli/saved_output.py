"""Read a saved output, arrange its axes, and search for the convention that produced it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from roialign_cli.cli.inputs import SearchInputs
from roialign_cli.cli.options import OperatorOptions
from roialign_cli.core.channels import output_channels
from roialign_cli.core.convention import Convention
from roialign_cli.core.operation import Operation
from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.files.arrays import OUTPUT_NAMES, read_array
from roialign_cli.search.arrangement import Arrangement, arrangements
from roialign_cli.search.result import Identification
from roialign_cli.show.document.reproduction import InputWords

Size = tuple[int, int]  # rows and columns of sections


@dataclass(frozen=True)
class SavedOutput:
    """The output in a file.

    Parameters
    ----------
    name
        Path of the file as the user gave it.
    array
        The output as it is in the file.
    """

    name: str
    array: NDArray[Any]

    @classmethod
    def read(cls, name: str) -> SavedOutput:
        """Read the output in a `.npy`, or one of the arrays in an `.npz`."""
        return cls(name, read_array(name, OUTPUT_NAMES))

    def output_size(self, features: NDArray[Any], boxes: int, convention: Convention) -> Size:
        """Return the size of the output in sections.

        Parameters
        ----------
        features
            (N, C, H, W), numbers.
        boxes
            The number of boxes.
        convention
            The rules, which decide how many channels the output has.

        Raises
        ------
        FileError
            If the array cannot hold this output.
        """
        if self.array.ndim == 4:
            rows, columns = self.array.shape[2:]
            channels = _channels(features, convention, (rows, columns))
            if self.array.shape[:2] == (boxes, channels):
                return rows, columns
        _, _, rows, columns = self._arrangement(features, boxes, convention, None).shape
        return rows, columns

    def arranged(self, operation: Operation) -> tuple[NDArray[Any], str]:
        """Return the output as (R, C, height, width), and how its axes were rearranged, or "".

        The error is that of `output_size`.

        Parameters
        ----------
        operation
            The operation with the same features and boxes, and its size of the output.
        """
        features, size, boxes = operation.features, operation.output_size, operation.boxes_given
        if self.array.shape == (len(boxes), operation.channels, *size):
            return self.array, ""
        found = self._arrangement(features, len(boxes), operation.convention, size)
        return found.rows(self.array), found.text

    def _arrangement(
        self, features: NDArray[Any], boxes: int, convention: Convention, size: Size | None
    ) -> Arrangement:
        maps, channels = features.shape[:2]
        try:
            found = arrangements(self.array.shape, boxes, channels, maps, size)
        except ArgumentError:
            found = []
        right_channels = False
        for arrangement in found:
            rows, count, height, width = arrangement.shape
            if count == _channels(features, convention, (height, width)):
                if rows == boxes:
                    return arrangement
                right_channels = True
        kept = channels if convention.channel_map == "same" else 0
        if size is not None:
            kept = _channels(features, convention, size) or 0
        needed = (boxes, kept or "channels", *(size or ("height", "width")))
        problem = (
            f"has shape {self.array.shape}, which cannot be rearranged to the output of these "
            f"features and boxes; save the output in the shape ({', '.join(map(str, needed))})"
        )
        if right_channels:
            problem += ", or run `roialign identify`, which finds the boxes of the rows"
        raise FileError(self.name, problem)


def _channels(features: NDArray[Any], convention: Convention, size: Size) -> int | None:
    """Return the number of output channels, None if the features have too few."""
    try:
        return output_channels(features.shape[1], convention, size)
    except ArgumentError:
        return None


def search(
    inputs: SearchInputs, output: NDArray[Any], tolerance: float | None = None
) -> Identification:
    """Search for the convention that produced an output, and show the progress."""
    from roialign_cli.search.search import identify
    from roialign_cli.show.progress import share_progress

    with share_progress("searching") as advance:
        call = {"tolerance": tolerance, "advance": advance} | inputs.fixed_fields
        return identify(inputs.file.array, inputs.boxes, output, **call)


def input_words(options: OperatorOptions, declared_by_file: dict[str, Any]) -> InputWords:
    """Return the words of a command line that name the features and the boxes.

    `declared_by_file` is how the file reads its boxes, as fields of a convention.
    """
    words = options.feature_words
    if options.call is not None:
        words = [*options.call.given.maps]
    for name in ("boxes", "image_id"):
        value = getattr(options, name)
        words += [f"--{name.replace('_', '-')}", value] if value else []
    for box in options.box:
        words += ["--box", ",".join(f"{number:.17g}" for number in box)]
    joined = shlex.join([*words, *options.scale_words])
    scale = (1.0, 1.0) if options.call is None else options.call.scale
    return InputWords(joined, declared_by_file, options.batch_index, scale)


def identification_record(found: Identification, words: InputWords) -> dict[str, Any]:
    """Return the result of a search as the documented JSON object."""
    from roialign_cli.search import records
    from roialign_cli.show.document.answer import answer_words
    from roialign_cli.show.document.reproduction import commands

    size, changes = found.output_size, found.changes
    calls = [commands(match.hypothesis, words, size, changes) for match in found.matches]
    answer = None if found.answer is None else answer_words(found.answer, words)
    return records.identification_record(found, calls, answer)
