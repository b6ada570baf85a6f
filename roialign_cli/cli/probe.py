"""`roialign probe`: measure the rules that a kernel follows."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from roialign_cli.cli.help import command, first_given, operator_option, output_option
from roialign_cli.cli.option_types import OUTPUT_FILE, OUTPUT_FOLDER, Choice, PresetName
from roialign_cli.cli.options import force_option, format_option
from roialign_cli.cli.probe_code import KernelCode, kernel_code
from roialign_cli.cli.probe_target import ReportingTarget, TargetOptions, target_options
from roialign_cli.cli.probe_tests import check_tests, rules_of_tests, write_tests
from roialign_cli.cli.streams import message
from roialign_cli.core.convention import Pooling
from roialign_cli.errors import ArgumentError, RoiAlignError

if TYPE_CHECKING:
    from roialign_cli.measure.fingerprint import Fingerprint
    from roialign_cli.measure.targets.choosing import ClosableTarget

_USUAL_CALLS = 60  # of a kernel, including those that look for a form of the arrays


@command(
    "probe",
    "roialign probe kernel.py:roi_align",
    "roialign probe kernel.py:roi_align --preset torchvision-aligned --plot case.png",
    "roialign probe kernel.py:roi_align --save-tests test_kernel.py",
    "roialign probe model.onnx --format markdown",
    "roialign probe --write calls",
    "roialign probe calls --save-tests test_kernel.py -- ./kernel",
    "roialign probe --preset mmcv --pooling max --save-tests golden.npz",
)
@target_options
@operator_option(
    "--preset",
    metavar="PRESET",
    type=PresetName(),
    help="Compare the kernel with this preset.  [default: the nearest]",
)
@operator_option(
    "--pooling",
    type=Choice(get_args(Pooling)),
    help="Pooling of --save-tests without TARGET.  [default: from the preset]",
)
@output_option(
    "--write",
    metavar="DIR",
    type=OUTPUT_FOLDER,
    help="Write the calls into a new folder, for a program in any language that answers them, with "
    "boxes in the format of --preset.",
)
@output_option(
    "--plot",
    metavar="FILE",
    type=OUTPUT_FILE,
    help="Draw the smallest case that shows a different rule: .png, .svg or .pdf.",
)
@output_option(
    "--save-tests",
    metavar="FILE",
    type=OUTPUT_FILE,
    help="Write calls that show every rule, with the outputs of the preset: a pytest file (.py) "
    "and an .npz beside it, or only the .npz.",
)
@format_option("table", "markdown", "json", default="table", text="Output format.")
@force_option
def probe(
    options: TargetOptions,
    preset: str | None,
    pooling: Pooling | None,
    write: Path | None,
    plot: Path | None,
    save_tests: Path | None,
    output_format: str,
    *,
    force: bool,
) -> int:
    """Measure the rules that a kernel follows.

    Calls the kernel about 50 times with inputs that isolate each rule: how it reads boxes, where
    the sample points lie, the adaptive grid, the border, empty boxes, pooling, batch index, order
    of the axes and more. Prints each rule, the nearest preset, and the smallest cases that show the
    rules in which the kernel differs. Exits with status 0 if the kernel equals a preset, or the
    one that --preset names, apart from details such as the default ratio, and with 1 otherwise.

    A function runs in a process of its own, and gets its inputs by the usual names of parameters:
    features or x, boxes or rois, batch_index, output_size, spatial_scale or scale, sampling_ratio
    and others. The line that begins with Parameters shows what was matched. Its output size may be
    fixed (a square, at least 2 × 2), and so may its spatial scale (a usual one from 1/2 to 1/64).

    For a kernel in another language, --write DIR writes the calls, and programs in C, C++ and
    Python that run a kernel on them. `roialign probe DIR -- ./kernel` then runs the program, and
    `roialign probe DIR` reads answers that are there already.
    """
    files = ProbeFiles(plot, save_tests, force, options.files)
    if write is not None:
        _write_calls(write, preset, force=force)
        return 0
    files.check()
    if options.text is None:
        _save_preset_tests(preset, pooling, files)
        return 0
    if pooling is not None:
        problem = "has no effect with TARGET, because its pooling is measured; remove the option"
        raise click.UsageError(f"--pooling {problem}")
    _note_own_option(options.program)
    with options.target() as kernel:
        found = _measured(kernel, options.text, preset)
    _print(found, output_format)
    if plot is not None:
        from roialign_cli.cli.probe_plot import draw_case

        draw_case(found, plot, force=force)
    _save_kernel_tests(found, options, files, getattr(kernel, "constructed", None))
    return 0 if found.preset is not None else 1


@dataclass(frozen=True)
class ProbeFiles:
    """The files to write.

    Parameters
    ----------
    plot
        The figure; None without one.
    tests
        The saved tests; None without them.
    force
        Whether existing files are overwritten.
    read
        The files of the kernel, which are never overwritten.
    """

    plot: Path | None
    tests: Path | None
    force: bool
    read: tuple[str, ...]

    def check(self) -> None:
        """Raise an error if a file cannot or must not be written."""
        if self.plot is not None:
            from roialign_cli.files.writing import check_writable
            from roialign_cli.show.figures.saving import check_suffix

            try:
                check_suffix(self.plot)
            except ArgumentError as error:
                raise ArgumentError("plot", error.problem) from None
            check_writable(self.plot, force=self.force, read=self.read)
        if self.tests is not None:
            check_tests(self.tests, force=self.force, read=self.read)


def _note_own_option(program: Sequence[str]) -> None:
    """Print a note if an argument of the program is also an option of this command."""
    own = {name for each in click.get_current_context().command.params for name in each.opts}
    if (option := next((each for each in program[1:] if each in own), None)) is not None:
        message(f"note: {option} after -- goes to {program[0]}; options of probe stand before --")


def _first_except(*names: str) -> str | None:
    """Return the first other parameter that is on the command line, as it is written there."""
    every = {each.name or "" for each in click.get_current_context().command.params}
    return first_given(every.difference(names))


def _write_calls(folder: Path, preset: str | None, *, force: bool) -> None:
    """Write the calls into a folder, with boxes as a preset reads them."""
    from roialign_cli.core.presets import preset as preset_named
    from roialign_cli.measure.targets.battery_folder import write_battery

    if (other := _first_except("write", "preset", "force")) is not None:
        raise click.UsageError(f"{other} has no effect with --write; probe the folder afterwards")
    reading = None if preset is None else preset_named(preset).convention
    calls = write_battery(folder, reading=reading, force=force)
    message(f"wrote {len(calls)} calls to {folder}; {folder / 'README.md'} describes them")
    place = shlex.quote(str(folder))
    message(f"in C: cc {place}/main.c kernel.c -lm -o kernel && roialign probe {place} -- ./kernel")


def _measured(kernel: ClosableTarget, text: str, preset: str | None) -> Fingerprint:
    """Return the rules of a kernel; raise an error if it cannot be probed."""
    from roialign_cli.measure.probing import probe as measure
    from roialign_cli.printable import printable
    from roialign_cli.show.progress import share_progress

    with share_progress("probing") as advance:
        reporting = ReportingTarget(kernel, partial(advance, 1 / _USUAL_CALLS))
        found = measure(reporting, preset=preset)
    if found.problem:
        problem = found.problem.removeprefix("The kernel ").removesuffix(".")
        raise RoiAlignError(printable(f"{text}: {problem}; {kernel.remedy}"))
    return found


def _print(found: Fingerprint, output_format: str) -> None:
    if output_format == "json":
        from roialign_cli.analysis.records import to_json

        click.echo(to_json({"version": 1} | found.record()))
        return
    from roialign_cli.show.document.probe import probe_blocks

    blocks = probe_blocks(found)
    if output_format == "markdown":
        from roialign_cli.show.document.markdown import to_markdown

        click.echo(to_markdown(blocks), nl=False)
        return
    from roialign_cli.show.document.terminal import print_blocks

    print_blocks(blocks)


def _save_kernel_tests(
    found: Fingerprint,
    options: TargetOptions,
    files: ProbeFiles,
    constructed: Collection[str] | None,
) -> None:
    """Write golden values of the preset that a kernel is nearest to, with the smallest cases.

    `constructed` is what the constructor of a class takes, as in `kernel_code`.
    """
    from roialign_cli.measure.golden import golden_cases_of, without_details
    from roialign_cli.measure.targets.layouts import SQUARE
    from roialign_cli.show.numbers import format_count

    if files.tests is not None:
        every, convention = golden_cases_of(found)
        cases = without_details(every, found, convention)
        if left_out := len(every) - len(cases):
            tests = format_count(left_out, "test", "tests")
            message(f"left out {tests} of details in which the kernel differs from the preset")
        if found.matched.get("output size", "").endswith(SQUARE):
            cases = [case for case in cases if len({*case.call.output_size}) == 1]
        axes = found.output_axes
        code = kernel_code(options, files.tests, found.matched, axes, constructed)
        write_tests(files.tests, cases, convention, code, force=files.force)


def _save_preset_tests(preset: str | None, pooling: Pooling | None, files: ProbeFiles) -> None:
    """Write golden values of a preset without a kernel; raise an error if something is missing."""
    from roialign_cli.measure.golden import golden_cases

    if files.tests is None:
        problem = (
            "there is no kernel to probe; name one, as in kernel.py:roi_align, or write calls for "
            "a program in any language with --write calls"
        )
        raise click.UsageError(problem)
    if preset is None:
        problem = "name a kernel, or with --preset the rules of the tests"
        raise click.UsageError(f"--save-tests: {problem}")
    if (other := _first_except("preset", "pooling", "save_tests", "force")) is not None:
        problem = f"has no effect without a kernel; name one, or remove {other}"
        raise click.UsageError(f"{other} {problem}")
    convention = rules_of_tests(preset, pooling)
    write_tests(files.tests, golden_cases(convention), convention, KernelCode(), force=files.force)
