"""Read tensors from the JSON files of Polygraphy and trtexec, which may be damaged or hostile.

`polygraphy run --save-outputs` writes the outputs of each runner, and `--save-inputs` the inputs:
arrays in NumPy's format as base64. `trtexec --exportOutput` writes lists of numbers, six digits
each, with dimensions such as "1x256x7x7". Of several iterations, the first one is read.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.errors import FileError
from roialign_cli.files.arrays import Member, load_array
from roialign_cli.files.reading import TOO_LARGE
from roialign_cli.printable import printable

_WRITERS = "write one with `polygraphy run --save-outputs` or `trtexec --exportOutput`"
_MAX_SHOWN = 12  # names in an error message


@dataclass(frozen=True)
class _Tensor:
    """An encoded tensor, and the runner that returned it, "" if no runner is named."""

    name: str
    runner: str
    record: dict[str, Any]


def read_tensor(name: str, content: IO[bytes], member: Member) -> NDArray[Any]:
    """Read one tensor.

    Parameters
    ----------
    name
        Path of the file, for error messages.
    content
        The file, open at its start.
    member
        Which tensor to read: its name, or NAME@RUNNER with the name of a runner or its beginning.

    Returns
    -------
    The array in its own dtype; float32 from trtexec, which writes no dtype.

    Raises
    ------
    FileError
        If the file is damaged, or does not have the tensor.
    """
    try:
        tensors = [*_tensors(_parsed(content.read()))]
    except MemoryError:
        raise FileError(name, TOO_LARGE) from None
    except (ValueError, RecursionError):
        raise FileError(name, f"is damaged or not JSON; {_WRITERS}") from None
    if not tensors:
        raise FileError(name, f"has no tensors of Polygraphy or trtexec; {_WRITERS}")
    tensor = _selected(name, tensors, member)
    where = f"{name}:{tensor.name}"
    return _encoded(where, tensor) if "array" in tensor.record else _listed(where, tensor)


def _parsed(content: bytes) -> Any:  # noqa: ANN401
    text = content.decode("utf-8-sig")
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        # trtexec writes NaN and infinity as C++ does: nan, -nan, inf.
        return json.loads(_CPP_NUMBER.sub(lambda found: _CPP_NUMBERS[found[1]], text))


_CPP_NUMBER = re.compile(r"(?<=[\s,\[])(-?(?:nan|inf))(?=[\s,\]])")
_CPP_NUMBERS = {"nan": "NaN", "-nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _tensors(record: Any) -> Iterator[_Tensor]:  # noqa: ANN401
    """Yield the tensors of the first iteration, without decoding them."""
    if isinstance(record, dict) and isinstance(record.get("lst"), list):
        for runner in record["lst"]:
            match runner:
                case [str(name), [{"outputs": dict(outputs)}, *_]]:
                    yield from _named(outputs, name)
    elif isinstance(record, list) and record:
        if all(isinstance(one, dict) and "dimensions" in one for one in record):
            for one in record:
                if isinstance(one.get("name"), str) and isinstance(one.get("values"), list):
                    yield _Tensor(one["name"], "", one)
        elif isinstance(record[0], dict):
            yield from _named(record[0], "")


def _named(values: dict[str, Any], runner: str) -> Iterator[_Tensor]:
    for name, value in values.items():
        match value:
            case ({"array": str()} as record) | {"values": {"array": str()} as record}:
                yield _Tensor(name, runner, record)


def _selected(name: str, tensors: Sequence[_Tensor], member: Member) -> _Tensor:
    """Return the tensor that the user chose, or the only one, or a preferred one."""
    names = [*dict.fromkeys(tensor.name for tensor in tensors)]
    if member.key is None:
        preferred = [one for one in member.preferred if one in names]
        chosen = [*preferred, *names][:1] if preferred or len(names) == 1 else []
        if not chosen:
            problem = f"has {len(names)} tensors ({_shown(names)})"
            raise FileError(name, f"{problem}; choose one as {name}:{printable(names[0])}")
        key, runner = chosen[0], ""
    elif member.key in names:
        key, runner = member.key, ""
    else:
        key, _, runner = member.key.rpartition("@")
    same = [one for one in tensors if one.name == key]
    found = [one for one in same if one.runner == runner][:1]
    found = found or [one for one in same if one.runner.startswith(runner)]
    if not found:
        problem = f"has no tensor {printable(str(member.key))!r}"
        raise FileError(name, f"{problem}; choose one of {_shown(names)}")
    if len(found) > 1:
        runners = [one.runner for one in found]
        problem = f"has {printable(key)!r} of {len(found)} runners ({_shown(runners)})"
        way = f"{name}:{printable(key)}@{printable(runners[0])}"
        raise FileError(name, f"{problem}; choose one as {way}")
    return found[0]


def _shown(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _MAX_SHOWN else ""
    return ", ".join(map(printable, names[:_MAX_SHOWN])) + more


def _encoded(where: str, tensor: _Tensor) -> NDArray[Any]:
    """Return an array that is encoded in NumPy's format."""
    try:
        content = base64.b64decode(tensor.record["array"], validate=True)
    except (binascii.Error, ValueError):
        problem = "is not an array in base64; save the outputs again with a newer Polygraphy"
        raise FileError(where, problem) from None
    return load_array(where, io.BytesIO(content), Member())


def _listed(where: str, tensor: _Tensor) -> NDArray[Any]:
    """Return an array that is written as dimensions and numbers."""
    dimensions, values = tensor.record["dimensions"], tensor.record["values"]
    if not isinstance(dimensions, str) or not _DIMENSIONS.fullmatch(dimensions):
        shown = f"{dimensions!r:.40}"
        raise FileError(where, f"has the dimensions {shown}; write them as 1x256x7x7")
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        raise FileError(where, "has values that are not numbers; export the output again")
    shape = tuple(map(int, dimensions.split("x")))
    if math.prod(shape) != len(values):
        problem = f"has the dimensions {dimensions} and another number of values, {len(values)}"
        raise FileError(where, f"{problem}; export the output again")
    try:
        with np.errstate(over="ignore"):
            return np.array(values, np.float64).astype(np.float32).reshape(shape)
    except (OverflowError, ValueError):
        raise FileError(where, "has values beyond the range of float32") from None


_DIMENSIONS = re.compile(r"[0-9]{1,12}(x[0-9]{1,12}){0,31}")
