"""Writing pooled outputs: .npy, .npz, .csv and .json."""

from __future__ import annotations

import errno
import io
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from roialign_cli.analysis.records import Result, result_record, to_json
from roialign_cli.core.boxes import Float
from roialign_cli.errors import ArgumentError
from roialign_cli.files.writing import atomic_write

if TYPE_CHECKING:
    from roialign_cli.analysis.comparison import Comparison


def to_csv(result: Result) -> str:
    """Return one line per ROI, channel and section: i along x, j from the top, from 1."""
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("roi", "label", "score", "batch", "channel", "i", "j", "value"))
    writer.writerows(_lines(result))
    return text.getvalue()


def _lines(result: Result) -> Iterator[tuple[Any, ...]]:
    rois, _, rows, columns = result.pooled.shape
    for r in range(rois):
        score = result.score(r)
        scored = "" if math.isnan(score) else score
        roi = r, result.labels[r], scored, int(result.operation.batch_index[r])
        for c, channel in enumerate(result.channels):
            values = result.pooled[r, c].tolist()
            for j in range(rows):
                for i in range(columns):
                    yield *roi, channel, i + 1, j + 1, values[j][i]


def comparison_csv(comparison: Comparison, labels: Sequence[str]) -> str:
    """Return one line per ROI, channel and section with both values and how far they are apart."""
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("roi", "label", "batch", "channel", "i", "j", "first", "second", "difference"))
    index = comparison.operation.batch_index
    for (r, c, j, i), first in np.ndenumerate(comparison.outputs):
        second, differences = (
            comparison.other_outputs[r, c, j, i],
            comparison.differences[r, c, j, i],
        )
        where = r, labels[r], int(index[r]), c, i + 1, j + 1
        writer.writerow((*where, float(first), float(second), float(differences)))
    return text.getvalue()


def _npz(result: Result) -> bytes:
    buffer = io.BytesIO()
    np.savez(
        buffer,
        output=result.pooled,
        boxes=result.operation.boxes_given,
        batch_index=result.operation.batch_index,
        labels=np.array(result.labels, dtype=np.str_),
        scores=np.array([result.score(r) for r in range(len(result.labels))]),
        channels=np.array(result.channels),
        parameters=np.array(to_json(result.parameters())),
    )
    return buffer.getvalue()


def _npy(result: Result) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, result.pooled)
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
        raise ArgumentError("output", f"{path} ends in none of {', '.join(_WRITERS)}")


# Windows does not rename a file that is mapped into memory.
_MAPPED_FILES_CAN_BE_RENAMED = os.name != "nt"


def is_pooled_into(path: Path | None) -> bool:
    """Return whether outputs are computed in the mapped file itself, not in memory first."""
    is_npy = path is not None and path.suffix.lower() == ".npy"
    return is_npy and _MAPPED_FILES_CAN_BE_RENAMED


@contextmanager
def output_array(
    path: Path | None, shape: tuple[int, ...], dtype: np.dtype[np.floating], *, force: bool = True
) -> Iterator[Float | None]:
    """Yield the array in a `.npy` that outputs are pooled into, None if they are not.

    The array is mapped into memory, so that it may be larger than the memory. The file appears
    once the block ends without an error.
    """
    if path is None or not is_pooled_into(path):
        yield None
        return
    with atomic_write(path, force=force) as file:
        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.flush()
        start = file.tell()
        _reserve(file, start + math.prod(shape) * dtype.itemsize)
        yield np.memmap(file, dtype, "r+", start, shape)


def _reserve(file: IO[bytes], size: int) -> None:
    """Reserve the disk space of a file, so that a full disk is an error now.

    Writing to a mapped page that finds no space would end the process. Where space cannot be
    reserved, the file only gets its size.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
                raise
        else:
            return
    file.truncate(size)


def write_result(path: Path, result: Result, *, force: bool = True) -> None:
    """Write a result in the format that the file's suffix names, unless it was pooled into it."""
    if is_pooled_into(path):
        return
    content = _WRITERS[path.suffix.lower()](result)
    with atomic_write(path, force=force) as file:
        file.write(content)
