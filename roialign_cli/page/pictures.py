"""Maps and photographs as data that the page draws."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Summary
from roialign_cli.show.view import thinned

MAX_MAP_SIDE = 1200  # cells of a map that the page draws, along each axis
MAX_IMAGE_PIXELS = 1 << 20  # of a photograph that is sent without loss
MAX_IMAGE_SIDE = 2048  # pixels of a larger photograph


def map_record(
    cells: Float, batch_index: int, channel: int | Summary, max_side: int
) -> dict[str, Any]:
    """Return the values of a map; of a large map, evenly spaced ones.

    `data` is float32 in little-endian byte order, row by row from the top, in base64.

    Parameters
    ----------
    cells
        (H, W), any real dtype.
    batch_index, channel
        The names of the map and its channel in the record.
    max_side
        The largest number of values along each axis.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        values = thinned(cells, max_side).astype("<f4")
    finite = values[np.isfinite(values)]
    return {
        "batch_index": batch_index,
        "channel": channel,
        "rows": values.shape[0],
        "columns": values.shape[1],
        "min": float(finite.min()) if finite.size else None,
        "max": float(finite.max()) if finite.size else None,
        "data": base64.b64encode(values.tobytes()).decode("ascii"),
    }


def photograph(
    image: NDArray[np.uint8], max_pixels: int = MAX_IMAGE_PIXELS, max_side: int = MAX_IMAGE_SIDE
) -> tuple[bytes, str]:
    """Return a photograph as the bytes of a file for the browser, and their media type.

    Parameters
    ----------
    image
        (H, W, 3) or (H, W).
    max_pixels
        The largest photograph that is stored without loss.
    max_side
        The width and the height, in pixels, to which a larger one is reduced.
    """
    from PIL import Image  # noqa: PLC0415 - few sessions need it

    picture = Image.fromarray(image)
    file = io.BytesIO()
    if picture.width * picture.height <= max_pixels:
        picture.save(file, "PNG", compress_level=2)
        return file.getvalue(), "image/png"
    picture.thumbnail((max_side, max_side))
    picture.save(file, "JPEG", quality=90)
    return file.getvalue(), "image/jpeg"
