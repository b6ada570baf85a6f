"""Record an ROI Align call from arrays in files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.help import Function, input_option, operator_option
from roialign_cli.cli.option_types import INPUT_FILE, PresetName
from roialign_cli.cli.option_types import OUTPUT_SIZE as SIZE
from roialign_cli.cli.options import (
    ARRAY_OPTIONS,
    BOXES,
    SCALE_OPTIONS,
    OperatorOptions,
    add_options,
    gather,
    reading_options,
)
from roialign_cli.cli.rule_options import RULES
from roialign_cli.cli.streams import message
from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.show.numbers import format_count

if TYPE_CHECKING:
    from roialign_cli.calls.call import Call
    from roialign_cli.core.operation import Operation


@dataclass(frozen=True)
class CallOptions:
    """The options that describe a call beside its inputs; None where an option is not given."""

    from_arrays: bool
    expected: str | None
    framework: str | None
    framework_version: str | None
    operator: str | None
    place: str | None


_FILES = (
    input_option(
        "--from-arrays", is_flag=True, help="Record a call from the arrays that options name."
    ),
    input_option(
        "--features",
        metavar="FILE",
        type=INPUT_FILE,
        help="Feature map: a .npy, .npz, .json, CSV, text or image file; FILE:NAME selects an "
        "array.",
    ),
    *ARRAY_OPTIONS,
    input_option(
        "--expected",
        metavar="FILE",
        type=INPUT_FILE,
        help="Output of the call: a .npy, .npz or .json file; FILE:NAME selects an array.",
    ),
)
_OPERATOR = (
    operator_option(
        "--preset",
        type=PresetName(),
        help="Which library's ROI Align was called.  [default: unknown]",
    ),
    operator_option(
        "--output-size",
        type=SIZE,
        help="Number of sections: K, or rows x columns.  [default: from --expected]",
    ),
)
_SOURCE = (
    operator_option("--framework", help="Framework that ran the operator, such as TensorRT."),
    operator_option("--framework-version", help="Version of the framework."),
    operator_option(
        "--operator-name", "operator", help="Operator or function, such as ROIAlign_TRT."
    ),
    operator_option(
        "--place", help="Node of the model or line of the program, such as /roi_heads/RoiAlign."
    ),
)


def array_options(command: Function) -> Function:
    """Add the options of a call; the command gets `OperatorOptions` and `CallOptions`."""
    boxes = (*BOXES, *reading_options("from the preset"), *SCALE_OPTIONS)
    options = (*_FILES, *boxes, *_OPERATOR, *RULES, *_SOURCE)
    gathered = gather(OperatorOptions, gather(CallOptions, command))
    return add_options(options, gathered)


def capture_arrays(
    options: OperatorOptions, given: CallOptions, output: Path | None, *, force: bool
) -> None:
    """Write a call from the arrays and parameters that options name.

    Parameters
    ----------
    options
        The options of the inputs and the rules.
    given
        The options of the rest of the call.
    output
        The file to write.
    force
        Whether an existing file may be overwritten.

    Raises
    ------
    RoiAlignError
        If an array is missing or damaged, or if the arrays do not fit together.
    """
    from roialign_cli.cli.box_input import check_standard_input
    from roialign_cli.files.writing import check_writable

    if options.features is None:
        raise click.UsageError("--from-arrays needs a feature map; add --features FILE")
    if output is None:
        raise click.UsageError("--from-arrays needs a file to write; add -o call.npz")
    if output.suffix.lower() != ".npz":
        raise FileError(output, "is not the name of a call; use the suffix .npz")
    expected = given.expected or ""
    check_standard_input(options, {"--features": options.maps, "--expected": [expected]})
    read = (*options.files, expected or "-")
    check_writable(output, force=force, read=read)
    call, subject = _call(options, given)
    call.save(output, force=force)
    message(subject)
    shape = " × ".join(map(str, call.features.shape))
    message(f"wrote {output}: {shape}, {format_count(len(call.boxes), 'box', 'boxes')}")
    _report_agreement(call, output)


def _call(options: OperatorOptions, given: CallOptions) -> tuple[Call, str]:
    """Return the call, and a line that names its features, rules and boxes."""
    from roialign_cli.calls.call import Call
    from roialign_cli.cli.call_input import DEFAULT_PRESET
    from roialign_cli.cli.inputs import load
    from roialign_cli.cli.saved_output import SavedOutput
    from roialign_cli.core.overrides import changes

    saved = None if given.expected is None else SavedOutput.read(given.expected)
    if saved is None and options.output_size is None:
        problem = "is needed for a call without an output; or name the output with --expected"
        raise ArgumentError("output_size", problem)
    inputs = load(replace(options, preset=options.preset or DEFAULT_PRESET), saved)
    preset_of = None if options.preset else "an unknown operator"
    defaults = replace(inputs.defaults, preset_of=preset_of, output_size=False)
    inputs = replace(inputs, defaults=defaults)
    operation, output = inputs.operation, None
    if saved is not None:
        output, rearranged = saved.arranged(operation)
        if rearranged:
            message(f"note: {given.expected}: {rearranged}")
    call = Call(
        features=operation.features,
        boxes=operation.boxes_given,
        batch_index=operation.batch_index,
        output=output,
        output_size=operation.output_size,
        spatial_scale=_scale(operation),
        preset=options.preset,
        fields=changes(operation.convention),
        framework=given.framework or "",
        framework_version=given.framework_version or "",
        operator=given.operator or "",
        place=given.place or "",
    )
    return call, inputs.subject


def _scale(operation: Operation) -> float | tuple[float, float] | None:
    """Return the scale of the boxes, as one number if x and y have the same."""
    y, x = operation.spatial_scale
    if operation.convention.normalized:
        return None
    return x if x == y else (y, x)


def _report_agreement(call: Call, path: Path) -> None:
    """Print a note if the parameters of a call do not reproduce its output."""
    from roialign_cli.calls.agreement import stated_agreement

    if call.output is None:
        return
    agreement = stated_agreement(call, call.output)
    if agreement is not None and not agreement.agrees:
        largest = f"largest difference {agreement.max_difference:.3g}"
        problem = f"these parameters do not reproduce the output ({largest})"
        message(f"note: {problem}; `roialign identify {path}` searches for those that do")
