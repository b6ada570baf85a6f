"""List the ROI Aligns of an ONNX model, or run it and write a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roialign_cli.errors import FileError
from roialign_cli.files.arrays import archive_names, read_array
from roialign_cli.files.reading import split_member
from roialign_cli.printable import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from roialign_cli.calls.onnx_models.inputs import GivenInput, ModelInput
    from roialign_cli.calls.onnx_models.recording import RunnableModel
    from roialign_cli.calls.recording import Recording


@dataclass(frozen=True)
class GivenInputs:
    """The options that give the inputs of a model.

    Parameters
    ----------
    archive
        An `.npz` with arrays named after the inputs; None without one.
    single
        Pairs of the name of an input and a file; the only input may have the name "".
    random
        Whether to fill the other inputs with random numbers.
    seed
        The seed of the random numbers.
    lengths
        Pairs of a free axis and its length.
    """

    archive: str | None
    single: tuple[tuple[str, str], ...]
    random: bool
    seed: int
    lengths: tuple[tuple[str, int], ...]

    def check(self) -> None:
        """Raise an error for an input or an axis that is given twice."""
        for option, pairs in (("--input", self.single), ("--dim", self.lengths)):
            names = [name for name, _ in pairs]
            twice = next((name for name in names if name and names.count(name) > 1), None)
            if twice is not None:
                raise click.UsageError(f"{option} gives {twice} twice; remove one")

    def check_outside(self, folder: Path) -> None:
        """Raise an error for an input in the folder of a recording, which is replaced."""
        files = [Path(split_member(file)[0]) for _, file in self.single]
        files += [] if self.archive is None else [Path(self.archive)]
        inside = next((file for file in files if file.parent.resolve() == folder.resolve()), None)
        if inside is not None:
            problem = f"has an input of the command, {printable(inside.name)}"
            raise FileError(folder, f"{problem}; name another folder")

    def read(self, needed: Sequence[ModelInput]) -> dict[str, GivenInput]:
        """Return an array for each named input; --input replaces the arrays of --inputs."""
        from roialign_cli.calls.onnx_models.inputs import GivenInput

        arrays = {}
        if self.archive is not None:
            names = archive_names(self.archive)
            if not names:
                problem = "has no arrays named after inputs; save them with numpy.savez"
                raise FileError(self.archive, f"{problem}, or use --input NAME=FILE")
            files = {name: f"{self.archive}:{name}" for name in names}
            arrays = {name: GivenInput(self.archive, read_array(f)) for name, f in files.items()}
        unnamed = next((file for name, file in self.single if not name), None)
        if unnamed is not None and not len(needed) == len(self.single) == 1:
            inputs = "; ".join(map(str, needed)) or "none"
            file = printable(unnamed)
            problem = f"{file} has no name; the inputs of the model are {inputs}; write NAME=FILE"
            if file.lower().endswith(".npz"):
                problem += f", or, for an .npz with all inputs, --inputs {file}"
            raise click.UsageError(f"--input: {problem}")
        named = [(name or needed[0].name, file) for name, file in self.single]
        return arrays | {name: GivenInput(file, read_array(file)) for name, file in named}


def print_listing(model: str, output_format: str) -> None:
    """Print the ROI Aligns of a model."""
    from roialign_cli.calls.onnx_models.listing import list_nodes

    listing = list_nodes(model)
    if output_format == "json":
        from roialign_cli.analysis.records import to_json
        from roialign_cli.calls.onnx_models.records import listing_record

        click.echo(to_json(listing_record(listing)))
        return
    from roialign_cli.show.document.model_listing import model_listing
    from roialign_cli.show.document.terminal import print_blocks

    print_blocks(list(model_listing(listing)))


def record(
    model: str, given: GivenInputs, folder: Path, output_format: str, *, force: bool
) -> None:
    """Run a model, write a recording and print its calls."""
    from roialign_cli.calls.onnx_models.recording import RunnableModel
    from roialign_cli.calls.recording import (
        check_recording_writable,
        new_recording,
        read_recording,
    )
    from roialign_cli.cli.streams import message

    given.check()
    check_recording_writable(folder, force=force)
    given.check_outside(folder)
    runnable = RunnableModel.load(model)
    feeds = _feeds(runnable, given)
    nodes = runnable.listing.nodes
    reasons = {node.place.name: node.why_not_recorded for node in nodes if node.why_not_recorded}
    with new_recording(folder, force=force) as writer:
        for node, call in runnable.run(feeds):
            if call is None:
                reasons[node.place.name] = "its branch does not run with these inputs"
                continue
            writer.add(call)
        if not writer.count:
            name, why = next(iter(reasons.items()))
            problem = f"nothing was recorded: {printable(name)} did not run, because {why}"
            raise FileError(model, f"{problem}; give other inputs")
    print_recording(read_recording(str(folder)), output_format, reasons)
    message(f"wrote {folder}")


def _feeds(runnable: RunnableModel, given: GivenInputs) -> dict[str, NDArray[Any]]:
    """Return an array for each input of the model."""
    from roialign_cli.calls.onnx_models.inputs import RandomInputs, checked_inputs, model_inputs

    needed = model_inputs(runnable.path, runnable.model)
    feeds = checked_inputs(needed, given.read(needed), complete=not given.random)
    if given.random:
        random = RandomInputs(given.seed, dict(given.lengths))
        feeds |= random.make(needed, runnable.listing.nodes, feeds)
    return feeds


def print_recording(
    recording: Recording, output_format: str, reasons: Mapping[str, str] = {}
) -> None:
    """Print the calls of a recording, and why nodes of a model are not recorded."""
    if output_format == "json":
        from roialign_cli.analysis.records import to_json
        from roialign_cli.calls.records import recording_record

        click.echo(to_json(recording_record(recording, reasons)))
        return
    from roialign_cli.show.document.recording_listing import recording_listing
    from roialign_cli.show.document.terminal import print_blocks

    print_blocks(list(recording_listing(recording, reasons)))
