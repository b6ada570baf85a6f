"""Write the Python that calls a kernel in tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from roialign_cli.cli.probe_target import TargetOptions
from roialign_cli.measure.targets.layouts import CHANNELS_LAST, LAYOUT_NAMES, SQUARE

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
# Layout of boxes → lines that make it from boxes and their batch index
_FORMS = {
    "columns": ("boxes = np.column_stack([batch_index, boxes]).astype(np.float32)",),
    "list": (
        'order = np.argsort(batch_index, kind="stable")',
        "boxes = [boxes[batch_index == n] for n in range(len(features))]",
    ),
}


def python_call(options: TargetOptions, matched: Mapping[str, str], axes: str = "") -> str:
    """Return lines of Python that define `run`, which calls a kernel.

    The lines for a class, a model or a program are an example to change.

    Parameters
    ----------
    options
        What names the kernel.
    matched
        What the kernel is given → the parameter that gets it, as in `ClosableTarget`.
    axes
        The order of the axes of the output, as in `Fingerprint`.
    """
    place, _, name = (options.text or "").rpartition(":")
    if "features" not in matched or "." in name or name[:1].isupper():
        return _UNKNOWN_KERNEL
    module = Path(place).stem if place.endswith(".py") else place
    form = matched["boxes"].partition(", ")[2]
    layout = next(key for key, text in LAYOUT_NAMES.items() if text == form)
    names = {key: text.partition(", ")[0] for key, text in matched.items()}
    forms = {text.partition(", ")[2] for text in matched.values()}
    prepare = [*_FORMS.get(layout, ()), *(line for one, line in _CHANGES.items() if one in forms)]
    is_torch = matched["arrays"] == "PyTorch"
    prepare += _TORCH[layout == "list"] if is_torch else ()
    lines = [*prepare, *_body(names, name, _fixed(options.arg))]
    lines += ["output = output.detach().numpy()"] if is_torch else []
    lines += _reordered(axes)
    lines += ["return output[np.argsort(order)]" if layout == "list" else "return output"]
    return "\n".join(
        [
            *(["import torch"] if is_torch else ()),
            f"from {module} import {name}",
            "",
            "",
            _SIGNATURE,
            '    """Call the kernel; a ratio of None stands for its default."""',
            *(f"    {line}" for line in lines),
        ]
    )


def _body(names: Mapping[str, str], name: str, fixed: Sequence[str]) -> list[str]:
    """Return the lines that call the function `name`."""
    ratio = names.get("sampling ratio")
    options = "{}"
    if ratio:
        options = f'{{}} if sampling_ratio is None else {{"{ratio}": sampling_ratio}}'
    return [
        f"options = {options}",
        f"output = {name}(",
        *(f"    {one}," for one in (*_positional(names), *_named(names), *fixed, "**options")),
        ")",
    ]


def _reordered(axes: str) -> list[str]:
    """Return the line that puts the axes of an output into the usual order, if it is another."""
    if axes.endswith("as one axis"):
        return ["output = output.reshape(len(output), -1, *output_size)"]
    given = axes.split(", ")
    if sorted(given) != sorted(_AXES) or given == [*_AXES]:
        return []
    return [f"output = output.transpose({', '.join(str(given.index(name)) for name in _AXES)})"]


_AXES = ("boxes", "channels", "rows", "columns")
_TORCH = {
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
    from roialign_cli.measure.targets.loading import argument_value

    return [f"{name}={argument_value(text)!r}" for name, text in arguments]
