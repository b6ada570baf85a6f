"""`roialign explore`: drag a box in the browser and watch the numbers."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from roialign_cli.cli.help import command, output_option
from roialign_cli.cli.option_types import WholeNumber
from roialign_cli.cli.options import (
    OperatorOptions,
    Selection,
    operator_options,
    selection_options,
)
from roialign_cli.cli.streams import message
from roialign_cli.errors import checked_index

if TYPE_CHECKING:
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.core.operation import Operation
    from roialign_cli.page.session import Session
    from roialign_cli.page.state import State
    from roialign_cli.serve.server import ExploreServer

_LAST_PORT = (1 << 16) - 1


@command(
    "explore",
    "roialign explore photo.png --stride 32 --boxes boxes.csv",
    "roialign explore map.npy --image-size 512x512 --box 296,320,200,145 --no-browser",
    "roialign explore pyramid.npz --pyramid torchvision --image-size 64x64 --box 3,4,40,50",
)
@operator_options
@selection_options
@output_option(
    "--port",
    metavar="N",
    type=WholeNumber(min=1, max=_LAST_PORT),
    help="Port of the page.  [default: a free port]",
)
@output_option("--no-browser", is_flag=True, help="Print the address and open no browser.")
def explore(
    options: OperatorOptions, selection: Selection, port: int | None, *, no_browser: bool
) -> None:
    """Drag a box in the browser and watch the numbers.

    Serves a page to this computer only, until Ctrl-C. Without --box or --boxes, the page begins
    with a box in the middle. With --pyramid, the page shows the map that the box is pooled from.
    """
    from roialign_cli.serve.server import ExploreServer

    _, session, start = begin(options, selection)
    server = ExploreServer(session, start, port or 0)
    try:
        with server:
            _announce(session.subject, server, browser=not no_browser)
            server.wait()
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            click.echo(err=True)  # the terminal has shown ^C
        message("stopped")
        if server.is_answering:
            sys.stdout.flush()
            # Python would end the threads of the answers while they run the code of libraries in
            # C++, which can abort the process with a message or a core dump.
            os._exit(0)


def begin(options: OperatorOptions, selection: Selection) -> tuple[Inputs, Session, State]:
    """Return what the options name, what to serve of it, and the state that the page begins with.

    Raises
    ------
    RoiAlignError
        If the state has no answer, so that the page would begin with an error.
    """
    from roialign_cli.cli.page_session import page_session
    from roialign_cli.page.answers import trace_answer
    from roialign_cli.page.pyramid import on_level

    if options.pyramid is None:
        inputs = _load(options)
        session = page_session(inputs, options)
    else:
        inputs, session = _load_pyramid(options, selection)
    start = _start(inputs, selection)
    trace_answer(on_level(session, start), start)
    return inputs, session, start


# The box of a call without boxes, until the sizes of the maps are known.
_SOME_BOX = (0.0, 0.0, 1.0, 1.0)


def _has_boxes(options: OperatorOptions) -> bool:
    """Return whether the options or a recorded call name boxes."""
    return bool(options.box) or options.boxes is not None or options.call is not None


def _load(options: OperatorOptions) -> Inputs:
    """Return the inputs; without boxes, the only box is in the middle."""
    from roialign_cli.cli.inputs import load

    if _has_boxes(options):
        return load(options)
    inputs = load(replace(options, box=(_SOME_BOX,)))
    return replace(inputs, operation=_announced(_with_box_in_the_middle(inputs.operation)))


def _load_pyramid(options: OperatorOptions, selection: Selection) -> tuple[Inputs, Session]:
    """Return the inputs on the map of the box that the page begins with, and the session."""
    from roialign_cli.cli.page_session import pyramid_session
    from roialign_cli.cli.pyramids import inputs_on_level, load_pyramid

    if _has_boxes(options):
        pyramid = load_pyramid(options)
    else:
        pyramid = load_pyramid(replace(options, box=(_SOME_BOX,)))
        largest = _announced(_with_box_in_the_middle(pyramid.operation.operations[0]))
        pyramid = replace(pyramid, operation=pyramid.operation.with_boxes(largest.boxes_given))
    roi = selection.roi or 0
    inputs, _ = inputs_on_level(pyramid, options, roi)
    return inputs, pyramid_session(pyramid, options, roi)


def _announced(operation: Operation) -> Operation:
    """Return an operation with the box in the middle, and print which box that is."""
    numbers = ",".join(f"{number:g}" for number in operation.boxes_given[0])
    message(f"note: the page begins with --box {numbers}; choose boxes with --box or --boxes")
    return operation


def _with_box_in_the_middle(operation: Operation) -> Operation:
    """Return an operation with one box, half as wide and as high as the map, in its middle."""
    import numpy as np

    from roialign_cli.core.boxes import box_height, written_as

    convention, (rows, columns) = operation.convention, operation.map_size
    y_scale, x_scale = operation.spatial_scale
    width, height = (1.0, 1.0) if convention.normalized else (columns / x_scale, rows / y_scale)
    corners = np.array([[width / 4, height / 4, width * 3 / 4, height * 3 / 4]])
    if min(width, height) >= _MIN_ROUNDED_SIDE:
        corners = corners.round()
    top = None
    if convention.origin == "bottom-left":
        top = box_height(operation.image_height, rows, y_scale, normalized=convention.normalized)
    given = written_as(corners, convention.box_format, top, inclusive=convention.inclusive)
    return replace(operation, boxes_given=given).with_corners()


_MIN_ROUNDED_SIDE = 8  # of an image, in the units of the boxes, for a box of whole numbers


def _start(inputs: Inputs, selection: Selection) -> State:
    """Return the state that the page begins with."""
    from roialign_cli.page.state import State

    operation, overrides = inputs.operation, inputs.overrides
    roi = checked_index("roi", selection.roi or 0, len(operation.boxes_given), "box")
    first, second, third, fourth = operation.boxes_given[roi].tolist()
    return State(
        box=(first, second, third, fourth),
        preset=operation.convention.name,
        output_size=operation.output_size,
        roi=roi,
        batch_index=int(operation.batch_index[roi]),
        pooling=overrides.get("pooling"),
        sampling_ratio=overrides.get("sampling_ratio"),
        sampling_ratio_x=overrides.get("sampling_ratio_x"),
        channel=selection.channel,
        section=selection.section,
        point=selection.point,
    )


def _announce(subject: str, server: ExploreServer, *, browser: bool) -> None:
    """Print what is served and where, open the browser, and print how to stop."""
    click.echo(subject)
    click.echo(server.address)
    sys.stdout.flush()
    if browser and not _open(server.address):
        message("note: no browser could be started; open the address yourself")
    message("press Ctrl-C to stop")


def _open(address: str) -> bool:
    """Open an address in the browser; return whether that was possible.

    Without a desktop there may be browsers that would take over the terminal.
    """
    import webbrowser

    has_desktop = sys.platform in {"darwin", "win32"}
    if not has_desktop and not {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & set(os.environ):
        return False
    try:
        return webbrowser.open(address)
    except (OSError, webbrowser.Error):
        return False
