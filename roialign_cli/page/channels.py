"""Small pictures of the channels of a feature map."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.errors import checked_index
from roialign_cli.page.session import MAX_PICTURED_CHANNELS, Session
from roialign_cli.page.state import State
from roialign_cli.show.view import thinned

MAX_PICTURE_SIDE = 48  # cells of a picture, along each axis
LARGEST_SHADE, NOT_FINITE = 254, 255


def channels_answer(session: Session, state: State) -> dict[str, Any]:
    """Return pictures of the channel of a state and of the channels around it.

    The channels are those of the features, whatever the preset reads, in groups of
    `MAX_PICTURED_CHANNELS`; the answer has one group. The group of a combination of channels is the
    first one. `data` has one byte per cell, channel by channel and
    row by row from the top, in base64: see `_shades`.
    """
    channels, first = session.operation.features.shape[1], 0
    if not isinstance(state.channel, str):
        channel = checked_index("channel", state.channel, channels, "channel")
        first = channel - channel % MAX_PICTURED_CHANNELS
    last = min(first + MAX_PICTURED_CHANNELS, channels)
    pictures = np.array(
        [
            _shades(thinned(session.channel_map(state.batch_index, c)[0, 0], MAX_PICTURE_SIDE))
            for c in range(first, last)
        ]
    )
    return {
        "batch_index": state.batch_index,
        "first": first,
        "channels": last - first,
        "rows": pictures.shape[1],
        "columns": pictures.shape[2],
        "data": base64.b64encode(pictures.tobytes()).decode("ascii"),
    }


def _shades(cells: Float) -> NDArray[np.uint8]:
    """Return the place of each value between the smallest and the largest finite one.

    0 is the smallest value, `LARGEST_SHADE` the largest, and `NOT_FINITE` a value that is not
    finite. All finite values are 0 if they are equal.
    """
    values = cells.astype(np.float64)
    finite = np.isfinite(values)
    shades = np.full(values.shape, NOT_FINITE, np.uint8)
    # The difference of two values may be too large for a float, that of their halves is not.
    halves = values[finite] / 2
    span = np.ptp(halves) if halves.size else 0.0
    places = (halves - halves.min()) / span if span else np.zeros_like(halves)
    shades[finite] = np.rint(LARGEST_SHADE * places)
    return shades
