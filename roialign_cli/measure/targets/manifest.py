"""The description of a folder with the inputs of calls: `manifest.json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from roialign_cli.core.convention import Convention
from roialign_cli.errors import ArgumentError, FileError
from roialign_cli.files.reading import open_input
from roialign_cli.measure.call import ProbeCall

MANIFEST = "manifest.json"
MANIFEST_FORMAT = "roialign-probe"
MANIFEST_VERSION = 1
INPUTS = ("features", "boxes", "batch_index")
READING_FIELDS = ("box_format", "origin", "normalized", "normalized_by")

_MAX_BYTES = 1 << 24
_REMEDY = "write the folder again with `roialign probe --write`"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "name": (str,),
    "inputs": (dict,),
    "output_size": (list,),
    "spatial_scale": (int, float),
    "sampling_ratio": (int, type(None)),
    "output": (dict,),
    "digest": (str,),
}


@dataclass(frozen=True)
class Entry:
    """One call of a manifest.

    Parameters
    ----------
    name
        What the call is for.
    inputs
        "features", "boxes" and "batch_index" → "file" without a suffix, "shape" and "dtype".
    output_size
        [rows, columns].
    spatial_scale, sampling_ratio
        As in `ProbeCall`.
    output
        "file" without a suffix, "shape" and "dtype" of the answer to write.
    digest
        A digest of the inputs and the parameters.
    """

    name: str
    inputs: dict[str, Any]
    output_size: list[int]
    spatial_scale: float
    sampling_ratio: int | None
    output: dict[str, Any]
    digest: str

    @classmethod
    def of(cls, number: int, call: ProbeCall) -> Self:
        """Return the entry of a call with a number."""
        arrays = {key: getattr(call, key) for key in INPUTS}
        inputs = {
            key: {
                "file": f"inputs/{number:03}-{key}",
                "shape": list(array.shape),
                "dtype": str(array.dtype),
            }
            for key, array in arrays.items()
        }
        shape = [len(call.boxes), call.features.shape[1], *call.output_size]
        output = {"file": f"outputs/{number:03}", "shape": shape, "dtype": "float32"}
        size = [*call.output_size]
        parameters = size, call.spatial_scale, call.sampling_ratio
        return cls(call.name, inputs, *parameters, output, digest_of(call))


def digest_of(call: ProbeCall) -> str:
    """Return a digest of the inputs and the parameters of a call."""
    digest = hashlib.sha256()
    for key in INPUTS:
        array = getattr(call, key)
        digest.update(f"{key} {array.shape} {array.dtype};".encode() + array.tobytes())
    parameters = [*call.output_size, float(call.spatial_scale), call.sampling_ratio]
    digest.update(json.dumps(parameters).encode())
    return digest.hexdigest()


def manifest_text(entries: list[Entry], reading: Convention) -> str:
    """Return the content of `manifest.json`."""
    record = {
        "format": MANIFEST_FORMAT,
        "version": MANIFEST_VERSION,
        "boxes": {name: getattr(reading, name) for name in READING_FIELDS},
        "calls": [asdict(entry) for entry in entries],
    }
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def is_battery(folder: Path) -> bool:
    """Return whether a folder has a manifest of calls, of any version."""
    try:
        _record(folder / MANIFEST)
    except FileError:
        return False
    return True


def read_manifest(folder: Path) -> tuple[list[Entry], Convention]:
    """Read the calls of a folder, and how their boxes are written.

    Raises
    ------
    FileError
        If the manifest is missing, damaged or of another version.
    """
    path = folder / MANIFEST
    if not path.exists():
        remedy = "name a folder that `roialign probe --write` has written"
        raise FileError(folder, f"has no {MANIFEST}; {remedy}")
    record = _record(path)
    if record.get("version") != MANIFEST_VERSION:
        problem = f"has the version {record.get('version')!r:.20}, not {MANIFEST_VERSION}"
        raise FileError(path, f"{problem}; {_REMEDY}")
    calls, boxes = record.get("calls"), record.get("boxes")
    if not isinstance(calls, list) or not isinstance(boxes, dict):
        raise FileError(path, f"is damaged: it has no calls; {_REMEDY}")
    entries = [_entry(path, number, call) for number, call in enumerate(calls)]
    try:
        return entries, Convention(**{key: boxes[key] for key in READING_FIELDS})
    except (ArgumentError, KeyError, TypeError):
        raise FileError(path, f"is damaged: its boxes have no known format; {_REMEDY}") from None


def _record(path: Path) -> dict[str, Any]:
    with open_input(str(path)) as file:
        content = file.read(_MAX_BYTES + 1)
    try:
        record = json.loads(content) if len(content) <= _MAX_BYTES else None
    except (ValueError, RecursionError):
        raise FileError(path, f"is damaged or not JSON; {_REMEDY}") from None
    if not isinstance(record, dict) or record.get("format") != MANIFEST_FORMAT:
        raise FileError(path, f"is not a manifest of `roialign probe`; {_REMEDY}")
    return record


def _entry(path: Path, number: int, call: Any) -> Entry:  # noqa: ANN401
    """Return a call of a manifest, checked."""
    call = call if isinstance(call, dict) else {}
    for key, types in _TYPES.items():
        is_valid = key in call and isinstance(call[key], types) and not isinstance(call[key], bool)
        if not is_valid:
            raise FileError(path, f"is damaged: call {number} has no valid {key}; {_REMEDY}")
    entry = Entry(**{key: call[key] for key in _TYPES})
    shape, file = entry.output.get("shape"), entry.output.get("file")
    is_shape = isinstance(shape, list) and len(shape) == 4
    if not is_shape or not all(type(side) is int and 0 <= side < 1 << 24 for side in shape or ()):
        raise FileError(path, f"is damaged: call {number} has no valid output shape; {_REMEDY}")
    if file != f"outputs/{number:03}":
        raise FileError(path, f"is damaged: call {number} has another output file; {_REMEDY}")
    return entry
