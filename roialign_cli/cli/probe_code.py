"""Write the Python function by which saved tests call a kernel."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from roialign_cli.cli.probe_program_code import program_code
from roialign_cli.cli.probe_target import TargetOptions
from roialign_cli.measure.reading import USUAL_AXES, usual_order
from roialign_cli.measure.targets.layouts import CHANNELS_LAST, LAYOUT_NAMES, SQUARE

_IMPORTS = "from pathlib import Path\n\nimport numpy as np\nimport pytest"
_EXAMPLE = """\
from my_kernel import roi_align  # change these lines to call your kernel

options = {} if sampling_ratio is None else {"sampling_ratio": sampling_ratio}
return roi_align(
    features,
    boxes,
    output_size,
    spatial_scale=spatial_scale,
    batch_index=batch_index,
    **options,
)"""
# Layout of boxes → lines that make it from boxes and their batch index
_FORMS = {
    "columns": ("boxes = np.column_stack([batch_index, boxes]).astype(np.float32)",),
    "list": (
        'order = np.argsort(batch_index, kind="stable")',
        "boxes = [boxes[batch_index == n] for n in range(len(features))]",
    ),
}
# Whether the boxes are a list → lines that make tensors of the arrays
_TENSORS = {
    False: ("features, boxes = torch.from_numpy(features), torch.from_numpy(boxes)",
            "batch_index = torch.from_numpy(batch_index)"),
    True: ("features, boxes = torch.from_numpy(features), [*map(torch.from_numpy, boxes)]",),
}  # fmt: skip
# Form of an input → the line that makes it
_CHANGES = {
    CHANNELS_LAST: "features = np.moveaxis(features, 1, -1).copy()",
    SQUARE: "output_size = output_size[0]",
}
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


@dataclass(frozen=True)
class KernelCode:
    """The Python that calls a kernel.

    Parameters
    ----------
    imports
        The import statements that it needs.
    body
        Lines that call the kernel with the variables features, boxes, batch_index, output_size,
        spatial_scale and sampling_ratio, and return its output.
    folder
        The folder that Python must find modules in; None if it finds the module by itself.
    """

    imports: str = _IMPORTS
    body: str = _EXAMPLE
    folder: Path | None = None


def kernel_code(
    options: TargetOptions,
    tests: Path,
    matched: Mapping[str, str],
    output_axes: str = "",
    constructed: Collection[str] | None = None,
) -> KernelCode:
    """Return the Python that calls a kernel; that of a model is an example to change.

    Parameters
    ----------
    options
        What names the kernel.
    tests
        The file of the tests.
    matched
        What the kernel is given → the parameter that gets it, as in `ClosableTarget`.
    output_axes
        The order of the axes of its output, as in `Fingerprint`.
    constructed
        Of a class, what its constructor takes, of `PARAMETERS`; None for a function.
    """
    if options.program:
        return KernelCode(*program_code(options.program, tests))
    place, _, name = (options.text or "").rpartition(":")
    is_file = place.endswith(".py")
    module = Path(place).stem if is_file else place
    is_python = "features" in matched and "." not in name
    if not is_python or not all(part.isidentifier() for part in module.split(".")):
        return KernelCode()
    form = matched["boxes"].partition(", ")[2]
    layout = next(key for key, text in LAYOUT_NAMES.items() if text == form)
    names = {key: text.partition(", ")[0] for key, text in matched.items()}
    forms = {text.partition(", ")[2] for text in matched.values()}
    is_torch = matched["arrays"] == "PyTorch"
    lines = [
        f"from {module} import {name}",
        "",
        *_FORMS.get(layout, ()),
        *(line for form, line in _CHANGES.items() if form in forms),
        *(_TENSORS[layout == "list"] if is_torch else ()),
        *_calls(names, name, options.arg, constructed),
        *_returned(layout, output_axes, is_torch=is_torch),
    ]
    imports = f"{_IMPORTS}\nimport torch" if is_torch else _IMPORTS
    return KernelCode(imports, "\n".join(lines), Path(place).parent if is_file else None)


def _calls(
    names: Mapping[str, str],
    name: str,
    fixed: Sequence[tuple[str, str]],
    constructed: Collection[str] | None,
) -> Iterator[str]:
    """Yield the lines that construct a kernel if it is a class, and that call it."""
    if constructed is None:
        yield from _call(names, name, fixed)
        return
    own = {key: text for key, text in names.items() if key.replace(" ", "_") in constructed}
    yield from _call(own, name, fixed, result="kernel")
    yield from _call({key: text for key, text in names.items() if key not in own}, "kernel", ())


def _call(
    names: Mapping[str, str],
    function: str,
    fixed: Sequence[tuple[str, str]],
    result: str = "output",
) -> Iterator[str]:
    """Yield the lines that call a function; `fixed` are arguments of --arg."""
    from roialign_cli.measure.targets.loading import argument_value

    arguments = [value for key, value in _VALUES.items() if names.get(key) == "by position"]
    arguments += [
        f"{names[key]}={value}"
        for key, value in _VALUES.items()
        if names.get(key, "by position") != "by position"
    ]
    arguments += [f"{name}={argument_value(text)!r}" for name, text in fixed]
    if ratio := names.get("sampling ratio"):
        yield f'options = {{}} if sampling_ratio is None else {{"{ratio}": sampling_ratio}}'
        arguments.append("**options")
    yield f"{result} = {function}("
    yield from (f"    {argument}," for argument in arguments)
    yield ")"


def _returned(layout: str, output_axes: str, *, is_torch: bool) -> Iterator[str]:
    """Yield the lines that return the output with the usual rows and axes."""
    if is_torch:
        yield "output = output.detach().numpy()"
    if layout == "list":
        yield "output = output[np.argsort(order)]"
    order = usual_order(output_axes)
    # An output with its columns before its rows is more likely a mistake, which the tests show.
    if order is not None and order[2] < order[3]:
        if order != (0, 1, 2, 3):
            yield f"output = output.transpose{order}  # to {', '.join(USUAL_AXES)}"
    elif "one axis" in output_axes:
        yield "output = output.reshape(len(output), -1, *output_size)"
    yield "return output"
