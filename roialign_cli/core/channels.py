"""Which channel of the features each section reads, and which channels the output has.

A position-sensitive operator has a map for each section of an output channel: for output channel c,
the section in row j and column i reads channel c·rows·columns + j·columns + i, all from 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from roialign_cli.core.boxes import Float
from roialign_cli.core.convention import Convention
from roialign_cli.errors import ArgumentError


def maps_per_channel(convention: Convention, output_size: tuple[int, int]) -> int:
    """Return from how many channels of the features one output channel is pooled."""
    rows, columns = output_size
    return rows * columns if convention.channel_map == "position-sensitive" else 1


def channels_read(channel: int, convention: Convention, output_size: tuple[int, int]) -> range:
    """Return the channels of the features that the sections of an output channel read.

    They are those of one section after another, row by row; or the only one that all read.
    """
    maps = maps_per_channel(convention, output_size)
    return range(channel * maps, (channel + 1) * maps)


def channel_read(
    convention: Convention, output_size: tuple[int, int], channel: int, section: tuple[int, int]
) -> int | None:
    """Return which channel of the features a section reads, if each reads a channel of its own.

    Parameters
    ----------
    convention, output_size
        The rules, and the (rows, columns) of sections.
    channel
        The index of the output channel.
    section
        The section (i, j), from 1.
    """
    if convention.channel_map == "same":
        return None
    (_, columns), (i, j) = output_size, section
    return channels_read(channel, convention, output_size)[(j - 1) * columns + i - 1]


def output_channels(channels: int, convention: Convention, output_size: tuple[int, int]) -> int:
    """Return the number of channels of the output.

    Raises
    ------
    ArgumentError
        If the channels of the features are no multiple of the sections of a position-sensitive
        operator.
    """
    maps = maps_per_channel(convention, output_size)
    if channels % maps:
        rows, columns = output_size
        raise ArgumentError(
            "features",
            f"{channels} channels cannot be divided among {rows} × {columns} sections; "
            f"{convention.name} needs a multiple of {maps} channels",
        )
    return channels // maps


def check_same_channels(convention: Convention, other: Convention, argument: str) -> None:
    """Raise an error if only one of two conventions reads a channel of its own per section.

    Parameters
    ----------
    convention, other
        The conventions to compare.
    argument
        The argument that gave the other one, for the message.
    """
    if convention.channel_map != other.channel_map:
        problem = f"{other.name} has the channel map {other.channel_map!r}, {convention.name} has "
        remedy = f"add ,channel_map={convention.channel_map} or choose another preset"
        raise ArgumentError(argument, f"{problem}{convention.channel_map!r}; {remedy}")


def features_read(
    features: NDArray[Any],
    channels: slice | NDArray[np.intp],
    convention: Convention,
    output_size: tuple[int, int],
) -> NDArray[Any]:
    """Return the channels of features (N, C, H, W) that some output channels are pooled from."""
    maps = maps_per_channel(convention, output_size)
    if maps == 1:
        return features[:, channels]
    chosen = np.arange(features.shape[1] // maps)[channels]
    return features[:, (chosen[:, None] * maps + np.arange(maps)).ravel()]


def own_section(values: Float, rows: int, columns: int) -> Float:
    """Return from each channel only what was computed for the section that reads it.

    Parameters
    ----------
    values
        (..., C·rows·columns, rows, columns), what each channel gives in each section.
    rows, columns
        The output size.

    Returns
    -------
    (..., C, rows, columns)
    """
    by_section = values.reshape(*values.shape[:-3], -1, *(rows, columns) * 2)
    own: Float = np.einsum("...jiji->...ji", by_section)
    return own
