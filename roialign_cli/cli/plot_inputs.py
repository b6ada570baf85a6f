"""Read what `roialign plot` draws: a single map, or a pyramid and an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from roialign_cli.analysis.scaling import ScaleSource
from roialign_cli.cli.inputs import Inputs, load, scale_source
from roialign_cli.cli.options import OperatorOptions, Selection
from roialign_cli.cli.pyramids import (
    PyramidInputs,
    inputs_on_level,
    inputs_on_map,
    load_pyramid,
    notes_on,
)
from roialign_cli.errors import FileError, checked_index
from roialign_cli.files.features import read_features

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from roialign_cli.analysis.pitfalls import Note


@dataclass(frozen=True)
class PlotInputs:
    """What to draw: of a pyramid, the map of one box or the largest map, and the pyramid.

    `notes` returns the warnings about what is drawn, `subject` is the line that describes it,
    `image` is that of --image, and `level` names the level of the map.
    """

    inputs: Inputs
    source: ScaleSource
    notes: Callable[[], tuple[Note, ...]]
    subject: str
    pyramid: PyramidInputs | None = None
    image: NDArray[np.uint8] | None = None
    level: str = ""


def plot_inputs(
    options: OperatorOptions, selection: Selection, view: str, image: str | None
) -> PlotInputs:
    """Read what the options name.

    Parameters
    ----------
    options, selection
        The options.
    view
        The name of the view.
    image
        The file of --image, None if it is not given.
    """
    if options.pyramid is not None:
        return _load_pyramid(options, selection, view, image)
    if image is not None:
        raise click.UsageError("--image has no effect without --pyramid RULE")
    inputs = load(options)
    only = None if view == "overlay" else selection.roi or 0

    def notes() -> tuple[Note, ...]:
        return inputs.notes(inputs.operation.plan(), only)

    return PlotInputs(inputs, scale_source(options, inputs), notes, inputs.subject)


def _load_pyramid(
    options: OperatorOptions, selection: Selection, view: str, image: str | None
) -> PlotInputs:
    """Read a pyramid; the inputs are those on the map of the selected box, or on the largest."""
    source = ScaleSource()  # the scale of a level is not that of an option
    if view != "overlay":
        pyramid = load_pyramid(options)
        roi = selection.roi or 0
        inputs, found = inputs_on_level(pyramid, options, roi)
        found_on = pyramid.operation
        level = f"level {found_on.levels.first + int(found_on.index[roi])}"
        return PlotInputs(inputs, source, lambda: found, pyramid.subject, pyramid, level=level)
    if (selection.section, selection.point) != (None, None):
        raise click.UsageError(_NO_SECTIONS)
    pixels = None if image is None else _pixels(image)
    pyramid = load_pyramid(options)
    checked_index("roi", selection.roi or 0, len(pyramid.operation.index), "box")
    inputs = inputs_on_map(pyramid, options, 0)

    def notes() -> tuple[Note, ...]:
        return notes_on(pyramid.on_pyramid())

    return PlotInputs(inputs, source, notes, pyramid.subject, pyramid, pixels)


_NO_SECTIONS = "--section and --point have no effect with --view overlay and --pyramid; remove them"


def _pixels(image: str) -> NDArray[np.uint8]:
    """Return the image to draw the boxes of a pyramid on."""
    pixels = read_features(image).image
    if pixels is None:
        raise FileError(image, "is not an image; name a picture, such as a .png file")
    return pixels
