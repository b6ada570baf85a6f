"""Writing pooled outputs: .npy, .npz, .csv and .json."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from roialign_cli.errors import ArgumentError
from roialign_cli.files.writing import replacing
from roialign_cli.records import Result, result_record, to_json


def to_csv(result: Result) -> str:
    """Return one line per ROI, channel and section: i along x, j from the top, from 1."""
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("roi", "label", "batch", "channel", "i", "j", "value"))
    writer.writerows(_lines(result))
    return text.getvalue()


def _lines(result: Result) -> Iterator[tuple[Any, ...]]:
    rois, _, rows, columns = result.pooled.shape
    for r in range(rois):
        roi = r, result.labels[r], int(result.operation.batch_index[r])
        for c, channel in enumerate(result.channels):
            values = result.pooled[r, c].tolist()
            for j in range(rows):
                for i in range(columns):
                    yield *roi, channel, i + 1, j + 1, values[j][i]


def _npy(result: Result) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, result.pooled)
    return buffer.getvalue()


def _npz(result: Result) -> bytes:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        output=result.pooled,
        boxes=result.operation.boxes_given,
        batch_index=result.operation.batch_index,
        labels=np.array(result.labels, dtype=np.str_),
        channels=np.array(result.channels),
        parameters=np.array(to_json(result.parameters())),
    )
    return buffer.getvalue()


_WRITERS: dict[str, Callable[[Result], bytes]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".csv": lambda result: to_csv(result).encode(),
    ".json": lambda result: (to_json(result_record(result)) + "\n").encode(),
}


def check_output(path: Path) -> None:
    """Raise an `ArgumentError` if no result can be written to a file of this name."""
    if path.suffix.lower() not in _WRITERS:
        known = ", ".join(_WRITERS)
        raise ArgumentError("output", f"{path} ends in none of {known}")


def write_result(path: Path, result: Result) -> None:
    """Write a result in the format that the file's suffix names."""
    content = _WRITERS[path.suffix.lower()](result)
    with replacing(path) as file:
        file.write(content)
