"""The kernel that TARGET names, and the options that decide how it is called."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import click

from roialign_cli.cli.help import argument, input_option
from roialign_cli.cli.option_types import Choice, NamedValue, NumberInRange
from roialign_cli.measure.targets.layouts import LAYOUTS, LIBRARIES

if TYPE_CHECKING:
    from roialign_cli.measure.call import ProbeCall
    from roialign_cli.measure.targets.choosing import ClosableTarget

_ARGUMENT = NamedValue("NAME=VALUE", str, "aligned=True")


@dataclass(frozen=True)
class TargetOptions:
    """What names a kernel on the command line.

    Parameters
    ----------
    text
        TARGET; None without a kernel.
    program
        The program that answers the calls in a folder, and its arguments.
    arg
        Arguments of a Python function or class: names and values.
    arrays, layout, node, timeout
        The options of these names.
    """

    text: str | None
    program: tuple[str, ...] = ()
    arg: tuple[tuple[str, str], ...] = ()
    arrays: str = "auto"
    layout: str = "auto"
    node: str | None = None
    timeout: float | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The paths that TARGET and PROGRAM may name: files, or modules in the current folder."""
        text = self.text or ""
        where = text.rpartition(":")[0]
        module = where.replace(".", "/")
        return text, where, f"{module}.py", f"{module}/__init__.py", *self.program

    def target(self) -> ClosableTarget:
        """Return the kernel that TARGET names."""
        from roialign_cli.measure.targets.choosing import target_of

        return target_of(
            self.text or "",
            arguments=dict(self.arg),
            arrays=self.arrays,
            layout=self.layout,
            node=self.node,
            program=self.program,
            time_limit=self.timeout,
        )


_KERNEL_OPTIONS: Sequence[Callable[..., Any]] = (
    argument(
        "target",
        group="Input",
        metavar="[TARGET]",
        required=False,
        description="The kernel: a function or class, FILE.py:NAME or package.module:NAME; an "
        "ONNX model; or a folder from --write.",
    ),
    argument(
        "program",
        group="Input",
        metavar="[PROGRAM...]",
        nargs=-1,
        type=click.UNPROCESSED,
        description="After a folder and --: a program in any language that answers the calls in "
        "the folder, with its arguments.",
    ),
    input_option(
        "--arg",
        type=_ARGUMENT,
        multiple=True,
        help="Argument of the function or class, a Python value; repeatable.",
    ),
    input_option(
        "--arrays",
        type=Choice(("auto", *LIBRARIES)),
        default="auto",
        show_default=True,
        help="Library of the arrays for a function; auto tries what it accepts.",
    ),
    input_option(
        "--layout",
        type=Choice(("auto", *LAYOUTS)),
        default="auto",
        show_default=True,
        help="How a function takes boxes: in columns after the batch index, separate from it, "
        "or as a list with the boxes of each map.",
    ),
    input_option("--node", metavar="NAME", help="ROI Align of a model.  [default: the first]"),
    input_option(
        "--timeout",
        metavar="SECONDS",
        type=NumberInRange(min=0, min_open=True),
        help="Time for a call, or for all calls of a program.  [default: 10, or 120]",
    ),
)


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add TARGET and the options that decide how the kernel is called."""

    @functools.wraps(command)
    def with_target(*, target: str | None, **values: Any) -> Any:  # noqa: ANN401
        own = {field.name: values.pop(field.name) for field in fields(TargetOptions)[1:]}
        return command(options=TargetOptions(target, **own), **values)

    decorated: Callable[..., Any] = with_target
    for decorator in reversed(_KERNEL_OPTIONS):
        decorated = decorator(decorated)
    return decorated


class ReportingTarget:
    """A kernel that reports each call before it runs.

    Parameters
    ----------
    target
        The kernel.
    report
        Called without arguments.
    """

    def __init__(self, target: ClosableTarget, report: Callable[[], object]) -> None:
        self._target, self._report = target, report

    def run(self, call: ProbeCall) -> Any:  # noqa: ANN401
        """Return the output of one call."""
        self._report()
        return self._target.run(call)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._target, name)
