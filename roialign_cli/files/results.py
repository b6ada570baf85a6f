"""Write pooled outputs as .npy, .npz, .csv or .json, after checking that they fit."""

from __future__ import annotations

import errno
import io
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from roialign_cli.analysis.records import to_json
from roialign_cli.analysis.results import Result, result_record
from roialign_cli.core.boxes import Float
from roialign_cli.errors import ArgumentError, FileError, unknown_suffix
from roialign_cli.files.writing import atomic_write
from roialign_cli.memory import check_fits, format_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from roialign_cli.analysis.comparison import Differences


# Bytes that converting a number to text takes, besides the number itself.
_TEXT_BYTES_PER_NUMBER = 120
# Windows does not rename a file that is mapped into memory.
_MAPPED_FILES_CAN_BE_RENAMED = os.name != "nt"


def to_csv(result: Result) -> str:
    """Return one line per ROI, channel and section: i along x, j from the top, from 1.

    On a pyramid, "level" is the level of the ROI as the rule numbers it, "" for none.
    """
    level = () if result.pyramid is None else ("level",)
    header = ("roi", "label", "score", "batch", *level, "channel", "i", "j", "value")
    return _csv(header, _result_rows(result))


def _csv(header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    import csv

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _result_rows(result: Result) -> Iterator[tuple[Any, ...]]:
    rois, _, rows, columns = result.pooled.shape
    for r in range(rois):
        score = result.score(r)
        score_cell = "" if math.isnan(score) else score
        level = () if result.pyramid is None else (result.pyramid.level(r),)
        roi = r, result.labels[r], score_cell, int(result.operation.batch_index[r]), *level
        for c, channel in enumerate(result.channels):
            values = result.pooled[r, c].tolist()
            for j in range(rows):
                for i in range(columns):
                    yield *roi, channel, i + 1, j + 1, values[j][i]


def comparison_csv(
    compared: Differences,
    batch: NDArray[np.intp],
    labels: Sequence[str],
    levels: Sequence[Sequence[int | str]] = (),
) -> str:
    """Return one line per ROI, channel and section with both values and their difference.

    Parameters
    ----------
    compared
        The differences of R ROIs.
    batch
        (R,), the map of each ROI; of a pyramid, the image.
    labels
        R labels.
    levels
        Of a pyramid, the levels of each ROI: for both sides, or for the first.
    """
    names = ("first_level", "second_level")[: len(levels[0]) if levels else 0]
    header = ("roi", "label", "batch", *names, "channel", "i", "j", "first", "second", "difference")
    arrays = (compared.outputs, compared.other_outputs, compared.differences)
    rows = (
        (
            *(r, labels[r], int(batch[r])),
            *(levels[r] if levels else ()),
            *(c, i + 1, j + 1),
            *(float(array[r, c, j, i]) for array in arrays),
        )
        for r, c, j, i in np.ndindex(compared.outputs.shape)
    )
    return _csv(header, rows)


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
        **_map_index(result),
    )
    return buffer.getvalue()


def _map_index(result: Result) -> dict[str, Any]:
    """Return the map of each box, −1 for none; nothing without a pyramid."""
    return {} if result.pyramid is None else {"map_index": result.pyramid.operation.index}


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
    """Raise an `ArgumentError` if the suffix of a file is not one for results."""
    if path.suffix.lower() not in _WRITERS:
        raise ArgumentError("output", unknown_suffix(path, _WRITERS))


def is_pooled_into(path: Path | None) -> bool:
    """Return whether outputs are computed directly in a file that is mapped into memory."""
    is_npy = path is not None and path.suffix.lower() == ".npy"
    return is_npy and _MAPPED_FILES_CAN_BE_RENAMED


@contextmanager
def output_array(
    path: Path | None, shape: tuple[int, ...], dtype: np.dtype[np.floating], *, force: bool = True
) -> Iterator[Float | None]:
    """Yield an array in a `.npy` to pool outputs into, or None to pool them in memory.

    The array is mapped into memory, so it may be larger than the memory. The file appears when the
    block ends without an error.

    Parameters
    ----------
    path
        The file to write, or None.
    shape, dtype
        Those of the outputs (R, C, height, width).
    force
        Whether an existing file may be overwritten.
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
    """Reserve disk space for a file, because writing to a mapped page ends the process without it.

    If the system cannot reserve space, the file only gets its size.
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
    """Write a result in the format of the suffix; do nothing if it was pooled into the file."""
    if is_pooled_into(path):
        return
    content = _WRITERS[path.suffix.lower()](result)
    with atomic_write(path, force=force) as file:
        file.write(content)


def check_output_fits(
    shape: tuple[int, ...],
    item_bytes: int,
    path: Path | None,
    max_bytes: float | None,
    *,
    as_text: bool,
) -> None:
    """Raise an error if outputs are larger than the memory or the disk that is for them.

    Parameters
    ----------
    shape
        Shape of the outputs.
    item_bytes
        Bytes per number.
    path
        The `.npy` to pool the outputs into; None to keep them in memory.
    max_bytes
        Bytes of memory that the outputs may take; None for the free memory.
    as_text
        Whether the outputs are converted to text.
    """
    numbers = math.prod(shape)
    shown = " × ".join(map(str, shape))
    if path is None:
        needed = numbers * float(item_bytes + (_TEXT_BYTES_PER_NUMBER if as_text else 0))
        remedy = "use -o FILE.npy to write the outputs to the disk as they are computed"
        check_fits("max_memory", needed, f"{shown} outputs take", remedy, max_bytes)
        return
    import shutil

    needed = float(numbers * item_bytes)
    free = shutil.disk_usage(os.path.realpath(path.parent)).free
    if needed > free:
        problem = f"needs {format_bytes(needed)} for {shown} numbers"
        remedy = "free some space, or name a file on another disk"
        raise FileError(path, f"{problem}, and the disk has {format_bytes(free)} free; {remedy}")
