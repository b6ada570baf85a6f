"""`roialign capture`: list the ROI Aligns of a model, or record calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.capture_arrays import CallOptions, array_options
from roialign_cli.cli.help import argument, command, first_given, input_option, output_option
from roialign_cli.cli.option_types import (
    INPUT_FILE,
    NAMED_FILE,
    NAMED_LENGTH,
    OUTPUT_FOLDER,
    WholeNumber,
)
from roialign_cli.cli.options import OperatorOptions, force_option, format_option
from roialign_cli.files.reading import check_input

if TYPE_CHECKING:
    from roialign_cli.cli.capture_onnx import GivenInputs

# The parameters of a run of a model, and others that apply to a model; two apply to arrays too.
_OF_RUN = {"inputs", "single", "random", "seed", "dim", "output", "force"}
_OF_MODEL = _OF_RUN | {"model", "output_format"}
_OF_BOTH = {"output", "force"}


@command(
    "capture",
    "roialign capture model.onnx",
    "roialign capture model.onnx --input image.npy -o onnx-calls --force",
    "roialign capture model.onnx --random -o calls",
    "roialign capture pytorch-calls",
    "roialign capture --from-arrays --features map.npy --boxes boxes.csv --expected exported.npy "
    "--preset tensorrt -o call.npz",
)
@argument(
    "model",
    group="Input",
    metavar="[MODEL]",
    type=INPUT_FILE,
    required=False,
    description="An ONNX file; or the folder of a recording, to list its calls.",
)
@input_option(
    "--inputs",
    metavar="IN.npz",
    type=INPUT_FILE,
    help="Run the model with the arrays in this .npz, named after the inputs of the model.",
)
@input_option(
    "--input",
    "single",
    type=NAMED_FILE,
    multiple=True,
    help="Run the model with this .npy file, or FILE.npz:NAME, as an input; repeatable. A model "
    "with one input needs no NAME.",
)
@input_option(
    "--random",
    is_flag=True,
    help="Run the model with random numbers as the inputs that are not given: 0 to 1, boxes inside "
    "the map, and 0 for whole numbers.",
)
@input_option(
    "--seed",
    metavar="N",
    type=WholeNumber(min=0),
    help="Seed of the random numbers.  [default: 0]",
)
@input_option(
    "--dim",
    type=NAMED_LENGTH,
    multiple=True,
    help="Length of a free axis of a random input, by its name or as INPUT:AXIS; repeatable.  "
    "[default: 1 for the first axis, 16 for boxes, and 256 for other axes]",
)
@array_options
@output_option(
    "-o",
    "--output",
    metavar="PATH",
    type=OUTPUT_FOLDER,
    help="Write the recording of a model to this folder, an .npz for each call; or the call of "
    "arrays to this .npz file.  [default: calls, for a model]",
)
@format_option("table", "json", default="table", text="Output format for a model.")
@force_option
def capture(
    options: OperatorOptions,
    call: CallOptions,
    model: str | None,
    inputs: str | None,
    single: tuple[tuple[str, str], ...],
    seed: int | None,
    dim: tuple[tuple[str, int], ...],
    output: Path | None,
    output_format: str,
    *,
    random: bool,
    force: bool,
) -> None:
    """List the ROI Aligns of an ONNX model, or record calls.

    Without inputs, the command prints their attributes, presets, shapes and pitfalls. With inputs,
    it runs the model once and records what goes in and out of each ROI Align. The recording is a
    folder that other commands read. This needs the packages onnx and onnxruntime.

    A PyTorch model is recorded in Python: import record_calls from roialign_cli, and call the model
    in its block, as in `with record_calls("pytorch-calls"): model(images)`.

    With --from-arrays, it records the call of another runtime from files, also from the JSON of
    Polygraphy and trtexec. Other commands read the call without further options, such as
    `roialign identify call.npz`.
    """
    if call.from_arrays:
        _refuse(_OF_MODEL - _OF_BOTH, "has no effect with --from-arrays; remove one of the two")
        from roialign_cli.cli.capture_arrays import capture_arrays

        return capture_arrays(options, call, output, force=force)
    if model is None:
        problem = "there is nothing to record; name an ONNX MODEL, or add --from-arrays"
        raise click.UsageError(problem)
    names = {parameter.name or "" for parameter in click.get_current_context().command.params}
    remedy = "has no effect without --from-arrays; remove the option, or add --from-arrays"
    _refuse(names - _OF_MODEL, remedy)
    from roialign_cli.cli.capture_onnx import GivenInputs

    given = GivenInputs(inputs, single, random, seed or 0, dim)
    return _list_or_record(model, given, output or Path("calls"), output_format, force=force)


def _list_or_record(
    model: str, given: GivenInputs, folder: Path, output_format: str, *, force: bool
) -> None:
    """List a model or a recording, or run a model; raise an error for options without effect."""
    from roialign_cli.cli import capture_onnx
    from roialign_cli.cli.call_input import named_recording

    if not model.lower().endswith(".onnx"):
        check_input(model)
    recording = named_recording((model,))
    if recording is not None:
        _refuse(_OF_RUN, "has no effect with recorded calls; remove the option")
        return capture_onnx.print_recording(recording, output_format)
    if not (given.archive or given.single or given.random):
        _refuse(_OF_RUN, "has no effect without inputs; add --inputs, --input or --random")
        return capture_onnx.print_listing(model, output_format)
    if not given.random:
        _refuse({"seed", "dim"}, "has no effect without --random; add --random")
    return capture_onnx.record(model, given, folder, output_format, force=force)


def _refuse(names: set[str], problem: str) -> None:
    """Raise a usage error if one of these parameters is on the command line."""
    shown = first_given(names)
    if shown is not None:
        raise click.UsageError(f"{shown} {problem}")
