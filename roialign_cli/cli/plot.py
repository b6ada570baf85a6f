"""`roialign plot`: draw an ROI, its sections and its sample points."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, get_args

import click
from click.core import ParameterSource

from roialign_cli.cli.help import command, input_option, operator_option, output_option
from roialign_cli.cli.option_types import (
    INPUT_FILE,
    OUTPUT_FILE,
    AspectRatio,
    Choice,
    NumberInRange,
    PresetName,
)
from roialign_cli.cli.options import (
    OperatorOptions,
    Selection,
    force_option,
    note_options,
    operator_options,
    selection_options,
)
from roialign_cli.cli.plot_views import VIEWS, PlotRequest, users_of
from roialign_cli.cli.streams import message
from roialign_cli.errors import alternatives
from roialign_cli.files.writing import atomic_write, check_writable
from roialign_cli.show.figures.choices import Units, Values
from roialign_cli.show.palette import THEMES

if TYPE_CHECKING:
    from roialign_cli.analysis.pitfalls import Note
    from roialign_cli.cli.inputs import Inputs
    from roialign_cli.cli.plot_inputs import PlotInputs
    from roialign_cli.core.convention import Summary
    from roialign_cli.show.figures.stages import StagedFigure


@command(
    "plot",
    "roialign plot map.npy --image-size 512x512 --box 296,320,200,145 -o steps.png",
    "roialign plot map.npy --image-size 512x512 --box 296,320,200,145 --section 2,3 --aspect 16:9 "
    "-o slide.png",
    "roialign plot map.npy --image-size 512x512 --box 296,320,200,145 -o steps.gif --dpi 100",
    "roialign plot photo.png --stride 32 --boxes boxes.csv --view overlay -o overlay.png",
    "roialign plot pyramid.npz --pyramid torchvision --image-size 64x64 --boxes boxes.csv "
    "--view overlay -o levels.png",
)
@operator_options
@input_option(
    "--image",
    metavar="FILE",
    type=INPUT_FILE,
    help="Image to draw the boxes of a pyramid on with --view overlay.  [default: the largest map]",
)
@operator_option(
    "--with",
    "other",
    type=PresetName(),
    help="Second convention of --view compare: NAME or NAME,FIELD=VALUE,…",
)
@selection_options
@output_option(
    "-o",
    "--output",
    metavar="FILE",
    type=OUTPUT_FILE,
    required=True,
    help="File to write: .png, .svg or .pdf, or .gif for an animation of the steps.",
)
@output_option(
    "--frames",
    is_flag=True,
    help="Write one file for each step of --view steps: NAME-1.png, NAME-2.png, …",
)
@output_option("--open", "show", is_flag=True, help="Show the file in the system's viewer.")
@output_option(
    "--view",
    type=Choice([*VIEWS]),
    default="steps",
    show_default=True,
    help="; ".join(f"{name}: {row.shows}" for name, row in VIEWS.items()) + ".",
)
@output_option(
    "--width",
    metavar="INCHES",
    type=NumberInRange(2.5, 40),
    help="Width of the figure.  [default: 7; 13.33 for an --aspect of 4:3 or wider]",
)
@output_option(
    "--aspect",
    type=AspectRatio(),
    help="Width and height of the figure as a ratio, such as 16:9 for a slide.  [default: as "
    "high as the panels need]",
)
@output_option("--title", help="Title of the figure; '' for no title.  [default: from the view]")
@output_option(
    "--dpi",
    metavar="N",
    type=NumberInRange(30, 1200),
    default=200.0,
    show_default=True,
    help="Pixels per inch of a .png or .gif.",
)
@output_option(
    "--theme",
    type=Choice([*THEMES]),
    default="light",
    show_default=True,
    help="Colours of the figure.",
)
@output_option("--colormap", metavar="NAME", help="Matplotlib colormap of the cells.")
@output_option(
    "--values",
    type=Choice(get_args(Values)),
    default="auto",
    show_default=True,
    help="Print the values in the cells; auto: if they fit.",
)
@output_option(
    "--units",
    type=Choice(get_args(Units)),
    default="cells",
    show_default=True,
    help="Units of the axes of the map; boxes: the units of the boxes.",
)
@force_option
@note_options
def plot(
    options: OperatorOptions,
    selection: Selection,
    output: Path,
    view: str,
    other: str | None,
    image: str | None,
    *,
    frames: bool,
    show: bool,
    width: float | None,
    aspect: float | None,
    title: str | None,
    dpi: float,
    theme: str,
    colormap: str | None,
    values: Values,
    units: Units,
    force: bool,
    quiet: bool,
    strict: bool,
) -> None:
    """Draw an ROI, its sections and its sample points."""
    from roialign_cli.cli.plot_inputs import plot_inputs
    from roialign_cli.show.figures.saving import check_suffix
    from roialign_cli.show.figures.style import FigureStyle

    kind = check_suffix(output, animated=True)
    _check_options(view, output, kind)
    read = (*options.files, *([image] if image else []))
    check_writable(_numbered(output, 1)[0] if frames else output, force=force, read=read)
    loaded = plot_inputs(options, selection, view, image)
    inputs = loaded.inputs
    if colormap is not None:
        _check_colormap(view, loaded)
    style = FigureStyle(
        width=width or _default_width(aspect),
        title=title,
        theme=THEMES[theme],
        colormap=colormap,
        values=values,
        units=units,
        aspect=aspect,
        photo_channel=_photo_channel(inputs, selection.channel),
        level=loaded.level,
    )
    request = PlotRequest(
        inputs, loaded.source, selection, other, style, loaded.pyramid, loaded.image
    )
    staged = _draw(request, view)
    paths = _numbered(output, staged.count) if frames else [output]
    for path in paths:
        check_writable(path, force=force, read=read)
    _report(request, loaded.notes(), view, quiet=quiet, strict=strict)
    _write(staged, paths, kind, dpi, frames=frames, force=force)
    message(loaded.subject)
    for path in paths:
        message(f"wrote {path}")
    if show:
        _open(paths[0])


def _check_options(view: str, output: Path, kind: str) -> None:
    """Raise a usage error for an option or a file format that does not suit the view."""
    context = click.get_current_context()
    for option in context.command.params:
        name = option.name or ""
        users = users_of(name)
        is_given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if users and view not in users and is_given:
            _refuse(f"{option.opts[0]} has no effect with --view {view}", users)
    if view == "compare" and context.params["other"] is None:
        raise click.UsageError("--view compare needs a second convention; add --with PRESET")
    if kind == "gif" and view not in users_of("frames"):
        _refuse(f"-o {output} needs a view with steps", users_of("frames"))
    if kind == "gif" and context.params["frames"]:
        raise click.UsageError("--frames cannot write a .gif; use -o NAME.png, .svg or .pdf")


def _check_colormap(view: str, loaded: PlotInputs) -> None:
    """Raise a usage error for a colormap if the view draws an image in place of the cells."""
    image = loaded.inputs.file.image if loaded.pyramid is None else loaded.image
    if image is not None and VIEWS[view].image_hides_cells:
        users = [name for name in users_of("colormap") if not VIEWS[name].image_hides_cells]
        _refuse(f"--colormap has no effect with --view {view} on an image", users)


def _refuse(problem: str, views: Sequence[str]) -> NoReturn:
    raise click.UsageError(f"{problem}; use --view {alternatives(views)}")


def _report(
    request: PlotRequest, notes: tuple[Note, ...], view: str, *, quiet: bool, strict: bool
) -> None:
    """Warn about the boxes that are drawn, and note which boxes the overlay leaves out."""
    from roialign_cli.cli.warnings import report_warnings

    report_warnings(notes, quiet=quiet, strict=strict)
    if view == "overlay" and request.left_out and not quiet:
        message(f"note: {request.left_out}; --roi selects the box and its map")


def _draw(request: PlotRequest, view: str) -> StagedFigure:
    from roialign_cli.show.figures.stages import StagedFigure

    drawn = VIEWS[view].draw(request)
    return drawn if isinstance(drawn, StagedFigure) else StagedFigure(drawn)


def _numbered(path: Path, count: int) -> list[Path]:
    """Return the paths of this many pictures: NAME-1.png, NAME-2.png and so on."""
    return [path.with_stem(f"{path.stem}-{number}") for number in range(1, count + 1)]


def _write(
    staged: StagedFigure, paths: Sequence[Path], kind: str, dpi: float, *, frames: bool, force: bool
) -> None:
    """Write the figure, or with `frames` one file for each of its stages.

    No file appears before all of them are complete.
    """
    from roialign_cli.show.figures.saving import save_animation, save_figure
    from roialign_cli.show.figures.stages import build_up

    figures = build_up(staged) if frames else [staged.figure]
    with ExitStack() as files:
        for path, figure in zip(paths, figures, strict=True):
            file = files.enter_context(atomic_write(path, force=force))
            if kind == "gif":
                save_animation(staged, file, dpi)
            else:
                save_figure(figure, file, kind, dpi)
            file.flush()  # so that a full disk is an error now


def _open(path: Path) -> None:
    """Show a file in the system's viewer, without waiting for the viewer."""
    try:
        status = click.launch(str(path.resolve()))
    except OSError:
        status = 1
    if status:
        message(f"warning: {path}: no viewer could be started; open the file yourself")


def _default_width(aspect: float | None) -> float:
    return 7.0 if aspect is None or aspect < 4 / 3 else 40 / 3


def _photo_channel(inputs: Inputs, channel: int | Summary) -> str | None:
    """Return what the map shows of a photograph, None for another map."""
    from roialign_cli.show.numbers import photo_channel

    is_own = inputs.operation.convention.channel_map == "position-sensitive"
    if is_own and inputs.file.image is not None and inputs.file.image.ndim == 3:
        return "one channel"  # which one, depends on the section
    return photo_channel(inputs.file.image, channel)
