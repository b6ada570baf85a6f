"""`roialign plot`: animations, numbered pictures, the shape of the page, and options per view."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image, ImageSequence

from roialign_cli.analysis.trace import Trace
from roialign_cli.cli import plot_views
from roialign_cli.cli.main import main
from roialign_cli.cli.plot_views import VIEWS
from roialign_cli.files import writing
from roialign_cli.show.figures import saving, steps
from roialign_cli.show.figures.saving import save_animation, save_figure
from roialign_cli.show.figures.stages import StagedFigure, build_up
from roialign_cli.show.figures.style import FigureStyle
from roialign_cli.show.figures.style import figure_settings as settings

CALL = ["plot", "map.npy", "--box", "1,2,4,3"]
COLOURS = ("#FF8800", "#0072B2", "#009E73")

Capture = pytest.CaptureFixture[str]


def three_stages(*_: Any, **__: Any) -> StagedFigure:
    """Return a figure with a title and one coloured axes per stage, side by side."""
    with settings():
        figure = Figure(figsize=(3, 1))
        figure.text(0.02, 0.9, "title")
        axes = [figure.add_axes((n / 3, 0.1, 0.3, 0.7), facecolor=COLOURS[n]) for n in range(3)]
    return StagedFigure(figure, tuple((one,) for one in axes))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROIALIGN_PRESET", raising=False)
    np.save("map.npy", np.random.default_rng(3).random((8, 8)))
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save("photo.png")
    return tmp_path


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw three stages quickly in place of the steps."""
    monkeypatch.setattr(steps, "steps_sheet", three_stages, raising=False)


def names(folder: Path) -> set[str]:
    """Return the files that a command wrote."""
    return {path.name for path in folder.iterdir()} - {"map.npy", "photo.png"}


def shown(picture: Image.Image) -> list[bool]:
    """Return for each stage whether a picture shows it: the middle of its axes has its colour."""
    width, height = picture.size
    pixels = [picture.convert("RGB").getpixel((width * n // 6, height // 2)) for n in (1, 3, 5)]
    return [
        pixel == tuple(bytes.fromhex(colour[1:]))
        for pixel, colour in zip(pixels, COLOURS, strict=True)
    ]


BUILD_UP = [[True, False, False], [True, True, False], [True, True, True]]


def error_of(capture: Capture, *options: str) -> str:
    """Return the one line of a call that fails."""
    assert main([*CALL, *options]) == 2
    captured = capture.readouterr()
    assert captured.err.count("\n") == 1
    return captured.err.removeprefix("roialign: ").rstrip("\n")


def test_stages_appear_one_after_another_and_are_restored() -> None:
    staged = three_stages()
    first, second, third = (stage[0] for stage in staged.stages)
    second.set_visible(False)  # an artist that the figure hides stays hidden
    seen = [[a.get_visible() for a in (first, second, third)] for _ in build_up(staged)]
    assert seen == [[True, False, False], [True, False, False], [True, False, True]]
    steps_through = build_up(staged)
    next(steps_through)
    steps_through.close()  # type: ignore[attr-defined]
    assert [a.get_visible() for a in (first, second, third)] == [True, False, True]


def test_a_figure_without_stages_is_one_picture() -> None:
    staged = StagedFigure(three_stages().figure)
    assert [figure is staged.figure for figure in build_up(staged)] == [True]
    assert staged.count == 1


@pytest.mark.usefixtures("staged")
def test_an_animation_builds_the_steps_up() -> None:
    assert main([*CALL, "-o", "steps.gif", "--dpi", "60"]) == 0
    once = Path("steps.gif").read_bytes()
    with Image.open("steps.gif") as gif:
        assert (gif.info["loop"], gif.size) == (0, (180, 60))
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
        frames = [shown(frame) for frame in ImageSequence.Iterator(gif)]
    assert frames == BUILD_UP
    assert durations == [1500, 1500, 4000]
    assert main([*CALL, "-o", "steps.gif", "--dpi", "60", "--force"]) == 0
    assert Path("steps.gif").read_bytes() == once


def last_frame(staged: StagedFigure) -> tuple[Any, Any]:
    """Return the last frame of an animation, and the figure: (height, width, 3)."""
    gif, png = BytesIO(), BytesIO()
    save_animation(staged, gif, 100)
    save_figure(staged.figure, png, "png", 100)
    frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(Image.open(gif))]
    return np.asarray(frames[-1], int), np.asarray(Image.open(png).convert("RGB"), int)


def test_the_last_frame_is_the_figure_with_exact_areas() -> None:
    got, expected = last_frame(three_stages())
    assert np.abs(got - expected).max() <= 24
    assert (got == expected).all(-1).mean() > 0.95


def test_a_photograph_has_a_palette_too() -> None:
    ramp = np.linspace(0, 255, 300).astype(np.uint8)
    photo = np.stack(np.broadcast_arrays(ramp[:, None], ramp, ramp[::-1, None]), -1)
    staged = three_stages()
    with settings():
        staged.figure.axes[0].imshow(photo, aspect="auto")
    got, expected = last_frame(staged)
    assert shown(Image.fromarray(got.astype(np.uint8)))[1:] == [True, True]
    assert np.abs(got - expected).mean() < 8


@pytest.mark.usefixtures("staged")
def test_an_animation_with_too_many_pixels_is_refused(capfd: Capture, folder: Path) -> None:
    message = (
        "--dpi: 3600 × 1200 pixels are more than 4 million pixels, the limit of a .gif; "
        "use a smaller --dpi or --width"
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(saving, "_MAX_GIF_PIXELS", 4_000_000)
        assert main([*CALL, "-o", "a.gif", "--dpi", "1200"]) == 2
    assert message in capfd.readouterr().err
    assert names(folder) == set()


@pytest.mark.usefixtures("staged")
@pytest.mark.parametrize("kind", ["png", "svg", pytest.param("pdf", marks=pytest.mark.thorough)])
def test_frames_are_numbered_files(kind: str, folder: Path, capfd: Capture) -> None:
    assert main([*CALL, "-o", f"my.steps.{kind}", "--frames", "--dpi", "60"]) == 0
    files = [f"my.steps-{number}.{kind}" for number in (1, 2, 3)]
    assert names(folder) == set(files)
    lines = capfd.readouterr().err.splitlines()
    assert lines[-3:] == [f"wrote {name}" for name in files]
    if kind == "png":
        assert [shown(Image.open(name)) for name in files] == BUILD_UP
    else:
        assert len({Path(name).read_bytes() for name in files}) == 3


@pytest.mark.usefixtures("staged")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_frames_overwrite_only_with_force(number: int, folder: Path, capfd: Capture) -> None:
    taken = f"a-{number}.png"
    Path(taken).write_bytes(b"before")
    options = ["-o", "a.png", "--frames", "--dpi", "60"]
    problem = f"{taken}: already exists; overwrite the file with --force, or name another file"
    assert error_of(capfd, *options) == problem
    assert names(folder) == {taken}
    assert Path(taken).read_bytes() == b"before"
    Path("a.png").write_bytes(b"is not written")
    assert main([*CALL, *options, "--force"]) == 0
    assert [shown(Image.open(f"a-{n}.png")) for n in (1, 2, 3)] == BUILD_UP
    assert Path("a.png").read_bytes() == b"is not written"


@pytest.mark.usefixtures("staged")
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt])
def test_a_failure_leaves_none_of_the_frames(
    failure: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    written = []

    def fail_at_the_third(figure: Figure, file: Any, **_: Any) -> None:
        written.append(figure)
        file.write(b"a picture")
        if len(written) == 3:
            raise failure

    Path("a-2.png").write_bytes(b"before")
    monkeypatch.setattr(Figure, "savefig", fail_at_the_third)
    expected = 130 if failure is KeyboardInterrupt else 2
    assert main([*CALL, "-o", "a.png", "--frames", "--force"]) == expected
    assert names(folder) == {"a-2.png"}
    assert Path("a-2.png").read_bytes() == b"before"
    if expected == 2:
        problem = "a-3.png: cannot be written: No space left on device"
        assert problem in capfd.readouterr().err


@pytest.mark.usefixtures("staged")
def test_no_frame_appears_before_all_are_complete(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def publish(hidden: Path, target: Path, *, force: bool) -> None:
        sizes = [path.stat().st_size for path in folder.glob(".roialign-*.tmp")]
        seen.append(len(sizes) + len(names(folder) & {"a-1.png", "a-2.png", "a-3.png"}))
        assert all(sizes)
        original(hidden, target, force=force)

    original = writing._publish  # noqa: SLF001
    monkeypatch.setattr(writing, "_publish", publish)
    assert main([*CALL, "-o", "a.png", "--frames", "--dpi", "60"]) == 0
    assert seen == [3, 3, 3]


def test_an_input_is_not_a_frame(capfd: Capture) -> None:
    Path("photo.png").rename("a-1.png")
    call = ["plot", "a-1.png", "--box", "1,2,30,30", "-o", "a.png", "--frames", "--force"]
    assert main(call) == 2
    assert "a-1.png: is an input of the command" in capfd.readouterr().err


@pytest.mark.parametrize("view", [name for name, row in VIEWS.items() if "frames" not in row.uses])
def test_only_views_with_steps_are_animated(view: str, capfd: Capture, folder: Path) -> None:
    other = ["--with", "mmcv"] if view == "compare" else []
    problem = error_of(capfd, "--view", view, *other, "-o", "b.gif")
    assert problem == "-o b.gif needs a view with steps; use --view steps"
    problem = error_of(capfd, "--view", view, *other, "-o", "b.png", "--frames")
    assert problem == f"--frames has no effect with --view {view}; use --view steps"
    assert names(folder) == set()


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, bytes]]:
    """Return the files that the viewer is started with, and what is in them at that time."""
    calls: list[tuple[Path, bytes]] = []

    def launch(url: str, **_: Any) -> int:
        calls.append((Path(url), Path(url).read_bytes()))
        return 0

    monkeypatch.setattr(click, "launch", launch)
    return calls


@pytest.mark.usefixtures("staged")
@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["-o", "a.png"], "a.png"),
        (["-o", "a.gif"], "a.gif"),
        (["-o", "a.png", "--frames"], "a-1.png"),
        (["-o", "-a b.png"], "-a b.png"),
    ],
)
def test_open_shows_the_complete_file(
    options: list[str], name: str, folder: Path, launched: list[tuple[Path, bytes]]
) -> None:
    assert main([*CALL, *options, "--dpi", "60", "--open"]) == 0
    assert launched == [(folder.resolve() / name, Path(name).read_bytes())]


@pytest.mark.usefixtures("staged")
def test_nothing_is_opened_without_the_option_or_without_a_file(
    launched: list[tuple[Path, bytes]], capfd: Capture
) -> None:
    assert main([*CALL, "-o", "a.png", "--dpi", "60"]) == 0
    capfd.readouterr()
    assert "a.png: already exists" in error_of(capfd, "-o", "a.png", "--open")
    assert launched == []


@pytest.mark.usefixtures("staged")
@pytest.mark.parametrize("failure", [1, FileNotFoundError("xdg-open")])
def test_a_viewer_that_does_not_start_is_a_warning(
    failure: Any, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    def launch(_: str) -> int:
        if isinstance(failure, OSError):
            raise failure
        return int(failure)

    monkeypatch.setattr(click, "launch", launch)
    assert main([*CALL, "-o", "a.png", "--dpi", "60", "--open"]) == 0
    assert capfd.readouterr().err.splitlines()[-2:] == [
        "wrote a.png",
        "warning: a.png: no viewer could be started; open the file yourself",
    ]


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("16:9", 16 / 9),
        ("1:5", 0.2),
        *(
            pytest.param(text, aspect, marks=pytest.mark.thorough)
            for text, aspect in (("1:1", 1), ("9:16", 9 / 16), ("5:1", 5))
        ),
    ],
)
def test_the_aspect_reaches_the_style(
    text: str, aspect: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    styles: list[FigureStyle] = []

    def draw(*_: Any, style: FigureStyle, **__: Any) -> StagedFigure:
        styles.append(style)
        return three_stages()

    monkeypatch.setattr(steps, "steps_sheet", draw, raising=False)
    assert main([*CALL, "-o", "a.png", "--dpi", "60", "--aspect", text]) == 0
    assert main([*CALL, "-o", "b.png", "--dpi", "60"]) == 0
    assert [style.aspect for style in styles] == [pytest.approx(aspect), None]


@pytest.mark.parametrize("text", ["16", "16:9:1", "16x9", "a:b", ":", ""])
def test_an_aspect_has_a_form(text: str, capfd: Capture) -> None:
    problem = f"{text!r} does not have the form W:H; write for example 16:9"
    assert error_of(capfd, "-o", "a.png", "--aspect", text).endswith(problem)


@pytest.mark.parametrize("text", ["0:1", "1:0", "-16:9", "-4:-3", "1:6", "5.1:1", "nan:1", "inf:1"])
def test_an_aspect_is_in_range(text: str, capfd: Capture) -> None:
    problem = f"{text!r} is out of range; use a ratio from 1:5 to 5:1"
    assert error_of(capfd, "-o", "a.png", f"--aspect={text}").endswith(problem)


# Option → a value, and the parameter in the table of views.
OF_SOME_VIEWS = {
    "--section": ("1,1", "section"),
    "--point": ("1,1", "point"),
    "--with": ("mmcv", "other"),
    "--values": ("auto", "values"),
    "--units": ("cells", "units"),
}
OF_ALL_VIEWS = {"--theme": "dark", "--aspect": "4:3", "--colormap": "cividis"}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("option", OF_SOME_VIEWS)
def test_an_option_works_or_names_the_views_that_use_it(
    view: str, option: str, monkeypatch: pytest.MonkeyPatch, capfd: Capture
) -> None:
    drawn = []
    row = VIEWS[view]
    value, name = OF_SOME_VIEWS[option]
    users = [other for other, one in VIEWS.items() if name in one.uses]

    def draw(_: plot_views.PlotRequest) -> StagedFigure:
        drawn.append(view)
        return three_stages()

    monkeypatch.setitem(VIEWS, view, plot_views.PlotView("", draw, row.uses))
    options = [] if view != "compare" or option == "--with" else ["--with", "mmcv"]
    options += ["--view", view, option, value, "-o", "a.png", "--dpi", "60"]
    if view in users:
        assert main([*CALL, *options]) == 0
        assert drawn == [view]
        return
    error = error_of(capfd, *options)
    prefix = f"{option} has no effect with --view {view}; use --view "
    assert error.startswith(prefix)
    assert error.removeprefix(prefix).replace(" or ", ", ").split(", ") == users
    assert drawn == []


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("option", OF_ALL_VIEWS)
def test_the_other_options_work_on_every_view_of_an_array(
    view: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = VIEWS[view]
    drawing = plot_views.PlotView("", three_stages, row.uses, row.image_hides_cells)
    monkeypatch.setitem(VIEWS, view, drawing)
    other = ["--with", "mmcv"] if view == "compare" else []
    call = [*CALL, "--view", view, *other, option, OF_ALL_VIEWS[option], "-o", "a.png"]
    assert main([*call, "--dpi", "60"]) == 0


def test_an_overlay_on_an_image_has_no_colormap(capfd: Capture, folder: Path) -> None:
    call = ["plot", "photo.png", "--stride", "8", "--box", "1,2,40,30", "--view", "overlay"]
    assert main([*call, "--colormap", "cividis", "-o", "a.png"]) == 2
    assert capfd.readouterr().err == (
        "roialign: --colormap has no effect with --view overlay on an image; use --view "
        "steps, sections, point, output, footprint, compare or pool\n"
    )
    assert names(folder) == set()


@pytest.fixture
def pairs(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return the arguments that the view pool is drawn with."""
    calls: list[dict[str, Any]] = []

    def pool_figure(
        trace: Trace, pooled: Trace, image: Any, *, stride: int, style: FigureStyle
    ) -> Figure:
        calls.append(
            {"trace": trace, "pooled": pooled, "image": image, "stride": stride, "style": style}
        )
        return three_stages().figure

    name = "roialign_cli.show.figures.pool"
    if name not in sys.modules:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules[name], "pool_figure", pool_figure, raising=False)
    return calls


POOL = ["--view", "pool", "-o", "a.png", "--dpi", "60", "--force"]


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        pytest.param("torchvision", "torchvision", marks=pytest.mark.thorough),
        ("walkthrough", "walkthrough"),
        ("roi-pool", "torchvision-aligned"),
    ],
)
def test_pool_draws_roi_align_and_roi_pool_on_the_same_box(
    preset: str, name: str, pairs: list[dict[str, Any]]
) -> None:
    assert main([*CALL, "--preset", preset, "--output-size", "2", *POOL]) == 0
    trace, pooled = pairs[0]["trace"], pairs[0]["pooled"]
    assert (trace.convention.name, pooled.convention.name) == (name, "roi-pool")
    assert trace.frame == pooled.frame
    assert trace.box == pooled.box
    assert len(trace.output) == len(pooled.output) == 2
    assert (pairs[0]["image"], pairs[0]["stride"]) == (None, 1)


def test_options_of_the_operator_apply_to_roi_align_in_the_view_pool(
    pairs: list[dict[str, Any]],
) -> None:
    rules = ["--preset", "torchvision", "--pooling", "max", "--sampling-ratio", "3"]
    assert main([*CALL, *rules, *POOL, "--values", "always", "--units", "boxes"]) == 0
    trace, pooled = pairs[0]["trace"], pairs[0]["pooled"]
    assert trace.convention.sampling_ratio == 3
    assert trace.convention.pooling == "max"
    assert pooled.convention.points == "cells"
    assert (pairs[0]["style"].values, pairs[0]["style"].units) == ("always", "boxes")


def test_pool_gets_the_image(pairs: list[dict[str, Any]]) -> None:
    call = ["plot", "photo.png", "--stride", "8", "--box", "1,2,40,30", *POOL]
    assert main(call) == 0
    assert (pairs[0]["image"].shape, pairs[0]["stride"]) == ((64, 64, 3), 8)
