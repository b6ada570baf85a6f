"""`roialign capture`: list the ROI Aligns of a model, or record their calls."""

from __future__ import annotations

from pathlib import Path

from roialign_cli.cli.help import argument, command, input_option, output_option
from roialign_cli.cli.option_types import (
    INPUT_FILE,
    NAMED_FILE,
    NAMED_LENGTH,
    OUTPUT_FOLDER,
    WholeNumber,
)
from roialign_cli.cli.options import format_option


@command(
    "capture",
    "roialign capture model.onnx",
    "roialign capture model.onnx --random -o calls",
    "roialign capture model.onnx --input image=image.npy -o calls --force",
)
@argument("model", group="Input", metavar="MODEL", type=INPUT_FILE, description="An ONNX file.")
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
    help="Run the model with this .npy file, or FILE.npz:NAME, as an input; repeatable.",
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
@output_option(
    "-o",
    "--output",
    metavar="FOLDER",
    type=OUTPUT_FOLDER,
    help="Write the recording to this folder: an .npz for each call.  [default: calls]",
)
@format_option("table", "json", default="table", text="Output format.")
@output_option("--force", is_flag=True, help="Replace an existing recording.")
def capture(
    model: str,
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
    """List the ROI Aligns of a model, or record their calls.

    Without inputs, the command prints their attributes, presets, shapes and pitfalls. With inputs,
    it runs the model once and records what goes in and out of each ROI Align. The recording is a
    folder that other commands read. This needs the packages onnx and onnxruntime.
    """
    from roialign_cli.cli import capture_onnx

    if not (inputs or single or random):
        given = {"--seed": seed is not None, "--dim": dim, "--output": output, "--force": force}
        capture_onnx.refuse_without_inputs(given)
        capture_onnx.print_listing(model, output_format)
        return
    given_inputs = capture_onnx.GivenInputs(inputs, single, random, seed, dim)
    capture_onnx.record(model, given_inputs, output or Path("calls"), output_format, force=force)
