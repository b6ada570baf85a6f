"""Read and write recorded calls: an `.npz` with the arrays, and `call.json` with the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any
from zipfile import ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from roialign_cli.calls.bfloat16 import narrowed, widened
from roialign_cli.calls.call import Call, Description, PyramidLevel
from roialign_cli.core.convention import FIELD_KINDS
from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.files.arrays import archive_shapes, open_archive, read_array
from roialign_cli.files.reading import fingerprint_of
from roialign_cli.files.writing import atomic_write

CALL_FORMAT = "roialign-call"
CALL_VERSION = 1
_JSON = "call.json"
_MAX_JSON_BYTES = 1 << 20
_ARRAYS = ("features", "boxes", "batch_index", "output", "rows")
_REMEDY = "record the call again"
_DAMAGED = f"is damaged or not a recorded call; {_REMEDY}"

# Key of call.json → the types that its value may have.
_TYPES: dict[str, tuple[type, ...]] = {
    "output_size": (list,),
    "spatial_scale": (int, float, list, type(None)),
    "preset": (str, type(None)),
    "fields": (dict,),
    "stated": (dict,),
    "framework": (str,),
    "framework_version": (str,),
    "operator": (str,),
    "place": (str,),
    "level": (dict, type(None)),
    "bfloat16": (list,),
}
_LEVEL_TYPES: dict[str, tuple[type, ...]] = {
    "pyramid": (int,),
    "map_index": (int,),
    "maps": (int,),
    "rule": (str, type(None)),
    "image_size": (list, type(None)),
}


def write_call(call: Call, path: Path, *, force: bool) -> None:
    """Write a call; as `Call.save`."""
    with atomic_write(path, force=force) as file:
        write_call_into(call, file)


def write_call_into(call: Call, file: IO[bytes]) -> None:
    """Write a call to an open binary file."""
    with ZipFile(file, "w") as archive:
        # A name alone would be written with the time, and equal calls would be different files.
        archive.writestr(ZipInfo(_JSON), json.dumps(_record(call), ensure_ascii=False, indent=1))
        for name in _ARRAYS:
            array = getattr(call, name)
            if array is not None:
                stored = narrowed(array) if name in call.bfloat16 else array
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, stored, allow_pickle=False)


def _record(call: Call) -> dict[str, Any]:
    """Return what `call.json` holds."""
    record: dict[str, Any] = {"format": CALL_FORMAT, "version": CALL_VERSION}
    for part in fields(Description):
        record[part.name] = getattr(call, part.name)
    for key in ("fields", "stated"):
        record[key] = {name: _plain(value) for name, value in record[key].items()}
    record["level"] = None if call.level is None else asdict(call.level)
    return record


def _plain(value: object) -> object:
    """Return a value as JSON has it: infinities and NaN are text."""
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def is_call(name: str) -> bool:
    """Return whether a file is a recorded call, by its content."""
    if name == "-" or fingerprint_of(name) is None or Path(name).is_dir():
        return False
    try:
        with open_archive(name, _DAMAGED) as archive:
            return _JSON in archive.namelist()
    except FileError:
        return False


def read_call(name: str) -> Call:
    """Read a recorded call.

    Raises
    ------
    FileError
        If the file is missing, damaged, or not a recorded call of a known version.
    """
    description = read_description(name)
    arrays = {key: read_call_array(name, key, description) for key in _array_names(name)}
    own = {part.name: getattr(description, part.name) for part in fields(Description)}
    everything: dict[str, Any] = own | arrays
    try:
        return Call(**everything)
    except ArgumentError as error:
        raise FileError(name, f"is not a valid call: {error}; {_REMEDY}") from None


def read_call_array(name: str, key: str, description: Description) -> NDArray[Any]:
    """Read one array of a recorded call; arrays in bfloat16 become float32."""
    array = read_array(f"{name}:{key}")
    if key not in description.bfloat16:
        return array
    if array.dtype != np.uint16:
        problem = f"is not a valid call: {key} in bfloat16 is {array.dtype}, not uint16"
        raise FileError(name, f"{problem}; {_REMEDY}")
    return widened(array)


def call_sizes(name: str) -> tuple[tuple[int, ...], int]:
    """Return the shape of the features of a recorded call and the number of its boxes.

    Raises
    ------
    FileError
        If the call is damaged.
    """
    shapes = archive_shapes(name)
    for key in ("features", "boxes"):
        if not shapes.get(key):
            raise FileError(name, f"is not a valid call: it has no {key}; {_REMEDY}")
    return shapes["features"], shapes["boxes"][0]


def _array_names(name: str) -> list[str]:
    """Return the names of the arrays in a recorded call."""
    with open_archive(name, _DAMAGED) as archive:
        names = {*archive.namelist()}
    missing = [key for key in ("features", "boxes") if f"{key}.npy" not in names]
    if missing:
        raise FileError(name, f"is not a valid call: it has no {missing[0]}; {_REMEDY}")
    return [key for key in _ARRAYS if f"{key}.npy" in names]


def read_description(name: str) -> Description:
    """Read what is known about a recorded call beside its arrays; errors as for `read_call`."""
    record = _read_json(name)
    if record.get("format") != CALL_FORMAT:
        raise FileError(name, "is not a recorded call; name a call or a recording")
    if record.get("version") != CALL_VERSION:
        version = f"{record.get('version')!r:.20}"
        problem = f"is a call of version {version}; this program reads version {CALL_VERSION}"
        raise FileError(name, f"{problem}; {_REMEDY}")
    try:
        values = _checked(record, _TYPES)
        if values["level"] is not None:
            level = _checked(values["level"], _LEVEL_TYPES)
            values["level"] = PyramidLevel(**{key: _tuple(value) for key, value in level.items()})
        values["fields"] = {key: _number(key, value) for key, value in values["fields"].items()}
        return Description(**{key: _tuple(value) for key, value in values.items()})
    except (ArgumentError, ValueError, TypeError) as error:
        raise FileError(name, f"is not a valid call: {error}; {_REMEDY}") from None


def _read_json(name: str) -> dict[str, Any]:
    with open_archive(name, _DAMAGED) as archive:
        if _JSON not in archive.namelist():
            raise FileError(name, "is not a recorded call; name a call or a recording")
        info = archive.getinfo(_JSON)
        is_long = info.file_size > _MAX_JSON_BYTES
        record = None if is_long else json.loads(archive.read(info))
    if is_long:
        raise FileError(name, f"has a {_JSON} that is too long; {_REMEDY}")
    if not isinstance(record, dict):
        raise FileError(name, f"has a {_JSON} that is not an object; {_REMEDY}")
    return record


def _checked(record: Mapping[str, Any], types: dict[str, tuple[type, ...]]) -> dict[str, Any]:
    """Return the known keys of a record; raise an `ArgumentError` for a value of another type."""
    values = {}
    for key, allowed in types.items():
        if key not in record:
            raise ArgumentError(key, "is missing")
        value = record[key]
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise ArgumentError(key, f"cannot be {value!r:.40}")
        values[key] = value
    return values


def _tuple(value: Any) -> Any:  # noqa: ANN401
    return tuple(value) if isinstance(value, list) else value


def _number(name: str, value: object) -> object:
    """Return the value of a field, in which infinities and NaN are text."""
    return float(value) if isinstance(value, str) and FIELD_KINDS.get(name) is float else value
