"""The kernel that TARGET names, and the Python that calls it in tests."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from roialign_cli.cli.help import argument, input_option
from roialign_cli.cli.option_types import NamedValue, NumberInRange

if TYPE_CHECKING:
    from roialign_cli.measure.targets.choosing import ClosableTarget

_ARGUMENT = NamedValue("NAME=VALUE", str, "aligned=True")
_LAYOUTS = ("auto", "separate", "columns", "list")


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


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add TARGET and the options that say how the kernel is called."""
    decorators: Sequence[Callable[..., Any]] = (
        argument(
            "target",
            group="Input",
            metavar="[TARGET]",
            required=False,
            description="The kernel: FILE.py:FUNCTION or package.module:FUNCTION, also of a class; "
            "MODEL.onnx; or a folder of answers.",
        ),
        argument(
            "program",
            group="Input",
            metavar="[PROGRAM...]",
            nargs=-1,
            type=click.UNPROCESSED,
            description="After a folder and --: a program that answers the calls in the folder.",
        ),
        input_option(
            "--arg",
            type=_ARGUMENT,
            multiple=True,
            help="Argument of the function or class, a Python value; repeatable.",
        ),
        input_option(
            "--arrays",
            type=click.Choice(("auto", "numpy", "torch")),
            default="auto",
            show_default=True,
            help="Library of the arrays for a function; auto tries what it accepts.",
        ),
        input_option(
            "--layout",
            type=click.Choice(_LAYOUTS),
            default="auto",
            show_default=True,
            help="How a function takes boxes: separate from the batch index, in columns after it, "
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

    @functools.wraps(command)
    def with_target(*, target: str | None, **values: Any) -> Any:  # noqa: ANN401
        own = {field.name: values.pop(field.name) for field in fields(TargetOptions)[1:]}
        return command(options=TargetOptions(target, **own), **values)

    decorated: Callable[..., Any] = with_target
    for decorator in reversed(decorators):
        decorated = decorator(decorated)
    return decorated


_SIGNATURE = "def run(features, boxes, batch_index, output_size, spatial_scale, sampling_ratio):"
_UNKNOWN_KERNEL = f'''\
from my_kernel import roi_align  # change this to your kernel


{_SIGNATURE}
    """Call the kernel; a ratio of None stands for its default."""
    options = {{}} if sampling_ratio is None else {{"sampling_ratio": sampling_ratio}}
    return roi_align(
        features,
        boxes,
        output_size,
        spatial_scale=spatial_scale,
        batch_index=batch_index,
        **options,
    )
'''
_BOXES = {
    "columns": "boxes = np.column_stack([batch_index, boxes]).astype(np.float32)",
    "list": "boxes = [boxes[batch_index == n] for n in range(len(features))]",
}


def python_call(options: TargetOptions, matched: Mapping[str, str]) -> str:
    """Return lines of Python that define `run`, which calls a kernel.

    The lines for a class, a model or a program are an example to change.

    Parameters
    ----------
    options
        What names the kernel.
    matched
        What the kernel is given → the parameter that gets it, as in `ClosableTarget`.
    """
    place, _, name = (options.text or "").rpartition(":")
    if "features" not in matched or "." in name or name[:1].isupper():
        return _UNKNOWN_KERNEL
    module = Path(place).stem if place.endswith(".py") else place
    parameter, _, form = matched["boxes"].partition(", ")
    layout = "list" if "list" in form else "columns" if "first" in form else "separate"
    names = {**matched, "boxes": parameter}
    is_torch = matched.get("arrays") == "PyTorch"
    lines = [f"from {module} import {name}", "", "", _SIGNATURE]
    lines += ['    """Call the kernel; a ratio of None stands for its default."""']
    if layout == "list":
        lines += ['    order = np.argsort(batch_index, kind="stable")']
    lines += [f"    {_BOXES[layout]}"] if layout in _BOXES else []
    lines += [f"    {line}" for line in _TORCH[layout == "list"]] if is_torch else []
    arguments = [*_positional(names), *_named(names), *_fixed(options.arg)]
    lines += ["    options = {}"]
    if (ratio := names.get("sampling ratio")) is not None:
        lines += ["    if sampling_ratio is not None:"]
        lines += [f'        options["{ratio}"] = sampling_ratio']
    lines += [f"    output = {name}(", *(f"        {one}," for one in arguments)]
    lines += ["        **options,", "    )"]
    lines += ["    output = output.numpy()"] if is_torch else []
    lines += ["    return output[np.argsort(order)]" if layout == "list" else "    return output"]
    return "\n".join(lines)


_TORCH = {
    False: ("features, boxes = torch.from_numpy(features), torch.from_numpy(boxes)",
            "batch_index = torch.from_numpy(batch_index)"),
    True: ("features, boxes = torch.from_numpy(features), [*map(torch.from_numpy, boxes)]",),
}  # fmt: skip
# Meaning → the Python for its value
_VALUES = {
    "features": "features",
    "boxes": "boxes",
    "output size": "output_size",
    "rows": "output_size[0]",
    "columns": "output_size[1]",
    "spatial scale": "spatial_scale",
    "batch index": "batch_index",
}


def _positional(names: Mapping[str, str]) -> list[str]:
    return [value for key, value in _VALUES.items() if names.get(key) == "by position"]


def _named(names: Mapping[str, str]) -> list[str]:
    return [
        f"{names[key]}={value}"
        for key, value in _VALUES.items()
        if names.get(key, "by position") != "by position"
    ]


def _fixed(arguments: Sequence[tuple[str, str]]) -> list[str]:
    """Return the arguments of --arg as Python."""
    shown = []
    for name, text in arguments:
        value: Any = text
        with suppress(ValueError, SyntaxError):
            value = ast.literal_eval(text)
        shown.append(f"{name}={value!r}")
    return shown
