"""Messages between this process and a child: JSON and the bytes of arrays, no pickles."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

NO_ARRAYS: Arrays = MappingProxyType({})

_LENGTH = struct.Struct("<Q")


def write_frame(file: IO[bytes], record: Mapping[str, Any], arrays: Arrays) -> None:
    """Write one message.

    Parameters
    ----------
    file
        A pipe, open for writing bytes.
    record
        Plain data.
    arrays
        Name → array of numbers, of any shape.
    """
    listed = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    head = json.dumps({"record": record, "arrays": listed}).encode()
    file.write(_LENGTH.pack(len(head)) + head)
    for array in arrays.values():
        file.write(array.tobytes())
    file.flush()


def read_frame(file: IO[bytes]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """Return the next message; None if the other process has ended.

    The arrays can be changed.
    """
    start = file.read(_LENGTH.size)
    if len(start) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(start)
    head = file.read(length)
    if len(head) < length:
        return None
    message = json.loads(head)
    arrays = {}
    for name, kind, shape in message["arrays"]:
        dtype = np.dtype(kind)
        size = dtype.itemsize * int(np.prod(shape, dtype=object))
        content = file.read(size)
        if len(content) < size:
            return None
        arrays[name] = np.frombuffer(content, dtype).reshape(shape).copy()
    return message["record"], arrays
