"""What `explore` serves and `explain` saves as a page."""

from __future__ import annotations

from dataclasses import replace

from roialign_cli.analysis.scaling import ScaleSource, scale_option
from roialign_cli.cli.inputs import Inputs, scale_source
from roialign_cli.cli.options import OperatorOptions
from roialign_cli.cli.pyramids import PyramidInputs, inputs_on_map
from roialign_cli.page.pyramid import PagePyramid
from roialign_cli.page.session import Session


def page_session(inputs: Inputs, options: OperatorOptions) -> Session:
    """Return what the page needs of the inputs of a command.

    Parameters
    ----------
    inputs
        The features, boxes and rules.
    options
        The options that name them.
    """
    words = [*options.feature_words, *options.scale_words]
    if options.spatial_scale is not None:
        words += ["--spatial-scale", scale_option(inputs.operation.spatial_scale)]
    if options.pyramid is not None:
        words += ["--pyramid", options.pyramid]
    chosen = {"pooling", "sampling_ratio", "sampling_ratio_x"}  # the page chooses these
    return Session(
        operation=inputs.operation,
        title=inputs.file.title,
        subject=inputs.subject,
        names=tuple(map(inputs.name, range(len(inputs.labels)))),
        image=inputs.file.image,
        stride=inputs.file.stride,
        source=scale_source(options, inputs),
        defaults=inputs.defaults,
        overrides={k: v for k, v in inputs.overrides.items() if k not in chosen},
        words=tuple(words),
        layout=inputs.file.layout,
    )


def pyramid_session(pyramid: PyramidInputs, options: OperatorOptions, roi: int) -> Session:
    """Return what the page needs of a pyramid: the map of a box, and the other maps.

    No cell can be edited, and the scale of a map is not that of an option.
    """
    count = len(pyramid.operation.operations)
    maps = (page_session(inputs_on_map(pyramid, options, level), options) for level in range(count))
    sessions = tuple(
        replace(session, source=ScaleSource(), layout=None, subject=pyramid.subject)
        for session in maps
    )
    shown = int(pyramid.operation.index[roi])
    return PagePyramid(pyramid.operation, sessions, shown).session()
