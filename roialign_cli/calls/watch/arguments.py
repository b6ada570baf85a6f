"""Make a recorded call from the arguments and the output of a function."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.calls.call import BFLOAT16_ARRAYS, Call
from roialign_cli.calls.watch.tensors import as_numpy, conditions, is_bfloat16
from roialign_cli.calls.watch.watched import FIELD_VALUES, PARAMETERS, Operator
from roialign_cli.core.overrides import resolve
from roialign_cli.errors import ArgumentError, alternatives

_ARRAYS = ("features", "boxes", "batch_index")


def signature_of(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function, also of `apply` of PyTorch's autograd functions.

    Raises
    ------
    ArgumentError
        If the function is compiled and has no signature.
    """
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and getattr(function, "__name__", "") == "apply":
        forward = inspect.signature(owner.forward)  # type: ignore[attr-defined]
        skipped = 0 if "setup_context" in vars(owner) else 1  # the context
        return forward.replace(parameters=[*forward.parameters.values()][skipped:])
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        problem = f"{function!r:.60} has no named parameters; name a Python function that calls it"
        raise ArgumentError("targets", problem) from None


def check_parameters(name: str, signature: inspect.Signature) -> None:
    """Raise an `ArgumentError` if a target has no parameter for features or boxes."""
    for needed in ("features", "boxes"):
        if not set(PARAMETERS[needed]) & {*signature.parameters}:
            names = alternatives(PARAMETERS[needed])
            problem = f"{name} has no parameter for the {needed}; it must be named {names}"
            raise ArgumentError("targets", problem)


def named_arguments(
    signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call by name, with the defaults of those that are not given."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def make_call(
    operator: Operator,
    arguments: Mapping[str, Any],
    output: Any,  # noqa: ANN401 - a tensor of any library
    place: str,
) -> Call:
    """Return the recorded call of a function.

    Parameters
    ----------
    operator
        What is known about the function.
    arguments
        Its arguments by name.
    output
        What it returned.
    place
        The line that called it.

    Raises
    ------
    ArgumentError
        If the arguments are not those of an ROI Align, or have no values.
    """
    given = {key: argument(arguments, key) for key in PARAMETERS}
    boxes, index = as_boxes(given["boxes"])
    preset = _preset(operator, given)
    tensors = {"features": given["features"], "boxes": _first(given["boxes"]), "output": output}
    return Call(
        features=_channels_first(operator, as_numpy("features", given["features"])),
        boxes=boxes,
        batch_index=_batch_index(given["batch_index"], index),
        output=_channels_first(operator, as_numpy("output", output)),
        output_size=_size(given),
        spatial_scale=_pair(given["spatial_scale"]),
        preset=preset,
        fields=_fields(preset, given),
        stated=_stated(arguments),
        framework=operator.framework,
        framework_version=str(getattr(sys.modules.get(operator.framework), "__version__", "")),
        operator=operator.name,
        place=place,
        bfloat16=tuple(name for name in BFLOAT16_ARRAYS if is_bfloat16(tensors[name])),
    )


def argument(arguments: Mapping[str, Any], meaning: str) -> Any:  # noqa: ANN401
    """Return the argument with a meaning of `PARAMETERS`; None if it is not given."""
    given = (arguments.get(name) for name in PARAMETERS[meaning])
    return next((value for value in given if value is not None), None)


def as_boxes(boxes: Any) -> tuple[NDArray[Any], NDArray[np.intp] | None]:  # noqa: ANN401
    """Return boxes, (R, 4) or (R, 5), and the batch index of a list with the boxes of each image.

    Parameters
    ----------
    boxes
        A tensor; a list of tensors, one for each image; or the same of objects with the attribute
        `tensor`, as in detectron2.
    """
    if not isinstance(boxes, list | tuple) or not hasattr(_first(boxes), "shape"):
        return as_numpy("boxes", [] if _is_empty(boxes) else _tensor_of(boxes)), None
    arrays = [as_numpy("boxes", _tensor_of(one)) for one in boxes]
    index = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    return np.concatenate(arrays), index


def _is_empty(boxes: Any) -> bool:  # noqa: ANN401
    return isinstance(boxes, list | tuple) and not boxes


def _tensor_of(boxes: Any) -> Any:  # noqa: ANN401
    return getattr(boxes, "tensor", boxes)


def _first(boxes: Any) -> Any:  # noqa: ANN401
    """Return boxes, or those of the first image."""
    if isinstance(boxes, list | tuple):
        return _tensor_of(boxes[0]) if boxes else None
    return _tensor_of(boxes)


def _batch_index(given: Any, listed: NDArray[np.intp] | None) -> Any:  # noqa: ANN401
    return listed if given is None else as_numpy("batch_index", given)


def _channels_first(operator: Operator, array: NDArray[Any]) -> NDArray[Any]:
    """Return features or an output as (N, C, H, W)."""
    if operator.channels_last and array.ndim == 4:
        return np.ascontiguousarray(array.transpose(0, 3, 1, 2))
    return array


def _preset(operator: Operator, given: Mapping[str, Any]) -> str | None:
    is_unaligned = operator.unaligned is not None and not given["aligned"]
    preset = operator.unaligned if is_unaligned else operator.preset
    for condition in conditions(given["features"]) if preset else ():
        preset = operator.variants.get(condition, {}).get(str(preset), preset)
    return preset


def _fields(preset: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the arguments state, as far as they differ from the preset."""
    stated: dict[str, Any] = {}
    if given["sampling_ratio"] is not None:
        stated["sampling_ratio"] = max(0, int(given["sampling_ratio"]))
    if given["extrapolation_value"] is not None:
        stated["extrapolation_value"] = float(given["extrapolation_value"])
    for name, values in FIELD_VALUES.items():
        if str(given[name]) in values:
            stated[name] = values[str(given[name])]
    own = {} if preset is None else resolve(preset).parameters()
    return {name: value for name, value in stated.items() if own.get(name) != value}


def _size(given: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return the output size that the arguments state; None if it is only seen in the output."""
    size = given["output_size"]
    sides = given["rows"], given["columns"]
    if size is None and not any(side is None for side in sides):
        size = sides
    return _pair(size)


def _pair(value: Any) -> Any:  # noqa: ANN401
    """Return one number, or a pair of them, as plain numbers."""
    plain = _plain(value)
    if isinstance(plain, list):
        return plain[0] if len(plain) == 1 else tuple(plain)
    return plain


def _stated(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are no arrays, by the names that the library gives them."""
    arrays = {name for key in _ARRAYS for name in PARAMETERS[key]}
    return {
        name: _plain(value)
        for name, value in arguments.items()
        if name not in arrays | {"self"} and value is not None
    }


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return an argument as plain data: numbers, text and lists of them."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "shape"):
        return as_numpy("arguments", value).tolist()
    return f"{value!s:.100}"
