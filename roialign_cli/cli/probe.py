"""`roialign probe`: measure the rules that a kernel follows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.help import argument, command, operator_option, output_option
from roialign_cli.cli.option_types import OUTPUT_FILE, PresetName
from roialign_cli.cli.options import force_option, format_option
from roialign_cli.cli.streams import message
from roialign_cli.errors import ArgumentError, RoiAlignError

if TYPE_CHECKING:
    from roialign_cli.measure.fingerprint import Case, Fingerprint
    from roialign_cli.measure.target import Target


@command(
    "probe",
    "roialign probe kernel.py:roi_align",
    "roialign probe kernel.py:roi_align --preset torchvision-aligned --plot case.png",
    "roialign probe kernel.py:roi_align --save-tests test_kernel.py",
    "roialign probe --preset onnx-half-pixel --save-tests golden.npz",
)
@argument(
    "target",
    group="Input",
    metavar="[TARGET]",
    required=False,
    description="The kernel: FILE.py:FUNCTION or package.module:FUNCTION. It takes features, "
    "boxes and output_size, and spatial_scale, sampling_ratio and batch_index if it has them.",
)
@operator_option(
    "--preset",
    metavar="PRESET",
    type=PresetName(),
    help="Compare the kernel with this preset.  [default: the nearest]",
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
    help="Write calls that show every rule, with the outputs of the preset: a pytest file, .py, "
    "with an .npz beside it; or the .npz alone.",
)
@format_option("table", "markdown", "json", default="table", text="Output format.")
@force_option
def probe(
    target: str | None,
    preset: str | None,
    plot: Path | None,
    save_tests: Path | None,
    output_format: str,
    *,
    force: bool,
) -> int:
    """Measure the rules that a kernel follows.

    Calls the kernel about 50 times with inputs that isolate each rule: how it reads boxes, where
    sample points lie, the adaptive grid, the border, empty boxes, pooling, batch index, order of
    the axes and more. Prints each rule, the nearest preset, and the smallest case for each rule in
    which the kernel differs. Exits with status 1 if the kernel equals no preset, or not the one
    that --preset names.
    """
    if plot is not None:
        _check_plot(plot, force=force)
    if save_tests is not None:
        from roialign_cli.cli.probe_tests import check_tests

        check_tests(save_tests, force=force)
    if target is None:
        _save_without_target(preset, save_tests, plot, force=force)
        return 0
    from roialign_cli.cli.probe_target import target_of

    kernel = target_of(target)
    found = _measured(kernel, target, preset)
    _print(found, output_format)
    if plot is not None:
        _draw(found, plot, force=force)
    if save_tests is not None:
        _save(found, target, kernel, save_tests, force=force)
    return 0 if found.preset is not None else 1


def _check_plot(path: Path, *, force: bool) -> None:
    from roialign_cli.files.writing import check_writable
    from roialign_cli.show.figures.saving import check_suffix

    try:
        check_suffix(path)
    except ArgumentError as error:
        raise ArgumentError("plot", error.problem) from None
    check_writable(path, force=force)


def _measured(kernel: Target, text: str, preset: str | None) -> Fingerprint:
    """Return the rules of a kernel; raise an error if it cannot be probed."""
    from roialign_cli.measure.probing import probe as measure
    from roialign_cli.printable import printable

    found = measure(kernel, preset=preset)
    if found.problem:
        problem = found.problem.removeprefix("The kernel ").removesuffix(".")
        remedy = "check that it takes features, boxes and output_size"
        raise RoiAlignError(printable(f"{text}: {problem}; {remedy}"))
    return found


def _print(found: Fingerprint, output_format: str) -> None:
    if output_format == "json":
        from roialign_cli.analysis.records import to_json

        click.echo(to_json({"version": 1} | found.record()))
        return
    from roialign_cli.show.document.probe import probe_blocks

    if output_format == "markdown":
        from roialign_cli.show.document.markdown import to_markdown

        click.echo(to_markdown(probe_blocks(found)), nl=False)
        return
    from roialign_cli.show.document.terminal import print_blocks

    print_blocks(probe_blocks(found))


def _drawn_case(found: Fingerprint) -> Case | None:
    """Return the first case with an output on both sides."""
    cases = (difference.case for difference in found.differs)
    return next(
        (
            case
            for case in cases
            if case is not None
            and case.given.output is not None
            and case.expected.output is not None
        ),
        None,
    )


def _draw(found: Fingerprint, path: Path, *, force: bool) -> None:
    """Draw the first case, or print that there is none."""
    from roialign_cli.files.writing import atomic_write
    from roialign_cli.measure.case_traces import case_traces, output_trace
    from roialign_cli.show.figures.compare import compare_figure
    from roialign_cli.show.figures.saving import check_suffix, save_figure

    case = _drawn_case(found)
    expected, own = (None, None) if case is None else case_traces(found, case)
    if case is not None and expected is not None and own is None:
        own = output_trace(found, case, expected)
    if case is None or expected is None or own is None:
        message(f"{path} is not written: there is no case to draw")
        return
    row, column = case.section
    names = found.nearest or "", "the kernel"
    title = "The smallest case in which the kernel differs"
    figure = compare_figure(expected, own, section=(column + 1, row + 1), title=title, names=names)
    with atomic_write(path, force=force) as file:
        save_figure(figure, file, check_suffix(path))
    message(f"wrote {path}")


def _save(found: Fingerprint, text: str, kernel: Target, path: Path, *, force: bool) -> None:
    """Write golden values of the nearest preset, with the smallest cases of the kernel."""
    from roialign_cli.cli.probe_target import call_of
    from roialign_cli.cli.probe_tests import write_tests
    from roialign_cli.measure.case_traces import nearest_convention
    from roialign_cli.measure.golden import golden_cases

    convention = nearest_convention(found)
    cases = [each.case for each in found.differs if each.case is not None]
    golden = golden_cases(convention, cases)
    write_tests(path, golden, convention, call_of(text, kernel), force=force)


def _save_without_target(
    preset: str | None, path: Path | None, plot: Path | None, *, force: bool
) -> None:
    """Write golden values of a preset; raise an error if something is missing."""
    from roialign_cli.cli.probe_target import call_of
    from roialign_cli.cli.probe_tests import write_tests
    from roialign_cli.core.presets import preset as preset_named
    from roialign_cli.measure.golden import golden_cases

    if path is None or preset is None:
        problem = "there is no kernel to probe; name one, as in kernel.py:roi_align"
        if path is not None:
            problem += ", or the preset of the tests with --preset"
        raise click.UsageError(problem)
    if plot is not None:
        raise click.UsageError("--plot has no effect without a kernel; name TARGET")
    convention = preset_named(preset).convention
    write_tests(path, golden_cases(convention), convention, call_of(None, None), force=force)
